"""Clocks where people meet them: on a case, in My work, on public forms and status pages, and to the doctor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from counting import TARGET
from counting import WEEK
from counting import again
from counting import clocks
from counting import make_calendar
from counting import make_target
from counting import now_is
from desk import TICKET
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import hidden
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.cases import checkup
from townhall.cases import escalating
from townhall.cases import recomputing
from townhall.cases import standing
from townhall.clock import FixedClock
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.town import Town


@pytest.fixture
def browser(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


@pytest.fixture
def ticket(town: Town, browser: StaffClient, clock: FixedClock) -> Record:
    """The clerk's ticket, which came on Tuesday at 10:00."""
    now_is(town, clock, "17 10:00")
    make_calendar(town)
    make_target(town, conditions=[{"field": "kind", "is": "is", "value": "report"}])
    who = people.find(town, "clerk@milbrook.example").id
    return make_ticket(town, system(), make_topic(town, target_days=None), assignee=who)


def test_a_case_shows_its_clocks(
    town: Town, ticket: Record, browser: StaffClient, clerk: Actor, clock: FixedClock
) -> None:
    """How long is left, which target says so and why; then that it is over, stopped, or done."""
    page = f"/admin/desk/ticket/{ticket.id}/"
    now_is(town, clock, "17 12:00")
    words = main_of(browser.get(page))
    assert "First answer due in 3 h" in words
    assert "within 4 h, working time · Tickets (Kind is report)" in words
    now_is(town, clock, "17 17:30")
    assert "First answer 2 h over" in main_of(browser.get(page))
    waits = town.records.transition(clerk, TICKET, ticket.id, "ask", version=ticket.version)
    assert "Resolved stopped: waiting" in main_of(browser.get(page))
    now_is(town, clock, "18 09:00")
    town.records.transition(clerk, TICKET, ticket.id, "answer", version=waits.version)
    town.records.message(clerk, TICKET, ticket.id, "We look at it.")
    assert "First answer done in 6 h, late" in main_of(browser.get(page))


def test_nothing_of_a_closed_case_is_due_any_more(
    town: Town, ticket: Record, browser: StaffClient, clerk: Actor, clock: FixedClock
) -> None:
    """A case that ended without a first answer says so, and there is no date left to change."""
    now_is(town, clock, "17 12:00")
    values = {"outcome": "fixed"}
    town.records.transition(clerk, TICKET, ticket.id, "finish", values, version=ticket.version)
    words = main_of(browser.get(f"/admin/desk/ticket/{ticket.id}/"))
    assert "First answer none before it was closed" in words
    assert "due in" not in words
    assert "Change first answer" not in words


def test_saving_who_has_it_does_not_set_a_date(
    town: Town, ticket: Record, browser: StaffClient, clock: FixedClock
) -> None:
    """The date on the page is its clocks' own, to the minute; only another one is a date by hand."""
    page = f"/admin/desk/ticket/{ticket.id}/give"
    shown = browser.get(page)
    sent = {name: hidden(shown, name) for name in ("version", "due_day", "due_time")}
    browser.post(page, {**sent, "assignee": ""})
    assert "by_hand" not in clocks(town, ticket)
    sent["version"] = hidden(browser.get(page), "version")
    browser.post(page, {**sent, "assignee": "", "due_day": "2026-03-25"})
    assert "by_hand" in clocks(town, ticket)
    assert "Set for this case" in main_of(browser.get(f"/admin/desk/ticket/{ticket.id}/"))


def test_my_work_tells_until_it_is_seen(town: Town, ticket: Record, browser: StaffClient, clock: FixedClock) -> None:
    """A notice stands on top with a button; pressed, it is gone."""
    now_is(town, clock, "17 14:30")
    escalating.run(town)
    shown = browser.get("/admin/")
    assert "For you to know 1" in main_of(shown)
    assert "The first answer is due Tue 17 Mar, 15:00." in main_of(shown)
    browser.follow(browser.post("/admin/seen", {"notice": hidden(shown, "notice")}))
    assert "For you to know" not in main_of(browser.get("/admin/"))


def test_a_page_says_that_dates_are_being_worked_out(
    town: Town, ticket: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the job has not run."""
    chief = staff_client(town, "administrator")
    monkeypatch.setattr(recomputing, "AT_ONCE", 0)
    target = town.records.find(system(), TARGET).records[0]
    page = f"/admin/core/target/{target.id}/"
    town.records.update(system(), TARGET, target.id, {"order": 3}, version=target.version)
    assert "1 open case is left" in main_of(chief.get(page))
    recomputing.run(town)
    assert "being worked out" not in main_of(chief.get(page))


def test_a_target_is_made_on_screen(town: Town, browser: StaffClient) -> None:
    """Its form offers the kinds of case that there are; a mistake is told beside its line, and nothing is lost."""
    make_calendar(town)
    form = browser.get("/admin/core/target/new")
    assert 'value="desk.ticket"' in form.text
    given = {
        "name": "Reports",
        "case_type": "desk.ticket",
        "order": "5",
        "active": "y",
        "conditions-0-field": "kindd",
        "conditions-0-is": "is",
        "conditions-0-value": "report",
        "clocks-0-clock": "first_response",
        "clocks-0-within": "topic.target_days",
        "clocks-0-unit": "working_days",
        "reopened": "continue",
    }
    refused = browser.post("/admin/core/target/new", {"form_id": hidden(form, "form_id"), **given})
    assert refused.status_code == 422
    assert "Did you mean “Kind”" in plain(refused)
    assert "topic.target_days" in refused.text
    given |= {"form_id": hidden(refused, "form_id"), "conditions-0-field": "kind", "conditions-0-is": "at_least"}
    refused = browser.post("/admin/core/target/new", given)
    assert refused.status_code == 422
    assert "“kind” doesn't go with “is at least”. Choose “is”" in plain(refused)
    given |= {"form_id": hidden(refused, "form_id"), "conditions-0-is": "is"}
    saved = browser.post("/admin/core/target/new", given)
    assert saved.status_code in (302, 303), plain(saved)
    assert town.records.find(system(), TARGET).records[0]["case_type"] == "desk.ticket"


# -- the public -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("17 07:00", "We are closed, next open today 8:00."),
        ("17 18:00", "We are closed, next open tomorrow 8:00."),
        ("20 18:00", "We are closed, next open Mon 8:00."),
        ("17 09:00", ""),
    ],
)
def test_a_public_form_says_when_the_town_is_closed(town: Town, clock: FixedClock, moment: str, words: str) -> None:
    """Out of hours, on its first page; and nothing about it in hours, or in a town without hours."""
    topic = make_topic(town)
    now_is(town, clock, moment)
    visitor = Client(create_app(town))
    url = f"/apply/desk/ticket/public?topic={topic.id}"
    assert "We are closed" not in visitor.get(url).text
    make_calendar(town)
    shown = visitor.get(url).text
    assert shown.count("We are closed") == bool(words)
    assert words in shown


def test_citizens_are_promised_nothing_too_early(make_town: Callable[..., Town], clock: FixedClock) -> None:
    """Only of what anybody may read, only once somebody has it, and softly."""
    town = make_town("complaints")
    category = next(
        record
        for record in town.records.find(system(), "complaints.category", limit=100).records
        if record["code"] == "street_light"
    )
    given = {
        "category": category.id,
        "location": "1 Mill Street",
        "reporter": town.records.create(system(), "core.contact", {"kind": "person", "family_name": "Moreau"}).id,
        "answers": {"problem": "dark"},
    }
    made = town.records.create(system(), "complaints.service_request", given)
    assert standing.expectation(town, made) == ""
    accepted = town.records.transition(system(), made.identity, made.id, "accept", version=made.version)
    assert standing.expectation(town, accepted) == "We aim to have most of these done within 3 days."
    town.records.update(
        system(), "complaints.category", category.id, {"visibility": "private"}, version=category.version
    )
    assert standing.expectation(town, again(town, accepted)) == ""


# -- a new town, and the doctor -------------------------------------------------------------------------------------


def test_complaints_bring_their_target(make_town: Callable[..., Town], clock: FixedClock) -> None:
    """With the town's own hours, if it has none; their answer days are counted from the category."""
    town = make_town("complaints")
    target = next(iter(town.records.find(system(), TARGET).records))
    assert target["case_type"] == "complaints.service_request"
    assert [sentence for _, sentence in checkup.look(town)] == ["", ""]


def test_the_doctor_finds_what_can_never_count(town: Town, clock: FixedClock) -> None:
    """No hours, a target behind one for all cases, and one whose kind of case is gone."""
    assert "no working calendar" in dict(checkup.look(town))["working hours"]
    calendar = make_calendar(town)
    assert dict(checkup.look(town))["working hours"] == ""
    make_target(town, "All", order=1)
    make_target(town, "Late", order=2)
    assert "“All” comes before it" in dict(checkup.look(town))["target Late"]
    town.records.update(
        system(), "core.working_calendar", calendar.id, {"default": False, "frames": WEEK}, version=calendar.version
    )
    assert "is the town's own" in dict(checkup.look(town))["working hours"]
    assert "no calendar to count it in" in dict(checkup.look(town))["target All"]


def test_a_field_that_is_gone_is_told_and_matches_nothing(town: Town, clock: FixedClock, clerk: Actor) -> None:
    """A target that means nothing any more never counts for all: the case has the clocks of the next one."""
    make_calendar(town)
    made = make_target(town, conditions=[{"field": "kind", "is": "is", "value": "question"}])
    # The line is put in as an earlier version of the plugin would have left it.
    town.database.execute_sql("UPDATE core_target__conditions SET field = 'gone', field_key = 'gone'")
    from townhall.cases import rules

    rules.touch(town)
    assert "it can never count" in dict(checkup.look(town))[f"target {made.title}"]
    record = make_ticket(town, clerk, make_topic(town, target_days=None))
    assert clocks(town, record) == {}
    clock.move(timedelta(days=3))
    assert escalating.run(town) == ""
