"""Cases that wait: due at no time while nothing counts, and due like all others once the turn is the town's again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from datetime import timedelta

import pytest
from counting import again
from counting import clocks
from counting import make_calendar
from counting import make_target
from counting import now_is
from counting import told
from desk import TICKET
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import main_of
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.accounts import people
from townhall.cases import escalating
from townhall.cases.digest import digest
from townhall.cases.queries import my_work
from townhall.clock import FixedClock
from townhall.records import figures
from townhall.records.figures import Slice
from townhall.records.types import Record
from townhall.town import Town

REQUEST = "complaints.service_request"


@pytest.fixture
def browser(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


@pytest.fixture
def me(town: Town, browser: StaffClient) -> Actor:
    """The same clerk, asking for themselves."""
    return Actor("staff", "Erin", people.find(town, "clerk@milbrook.example").id, frozenset({"*"}), door="admin")


@pytest.fixture
def waiting(town: Town, me: Actor, clock: FixedClock) -> Record:
    """The clerk's ticket of Tuesday at 10:00, which waits for the citizen since 11:00."""
    now_is(town, clock, "17 10:00")
    make_calendar(town)
    make_target(town)
    ticket = make_ticket(town, system(), make_topic(town, target_days=None), assignee=me.id)
    now_is(town, clock, "17 11:00")
    return town.records.transition(me, TICKET, ticket.id, "ask", version=ticket.version)


def write(town: Town, ticket: Record) -> None:
    """The citizen writes about the ticket."""
    sender = citizen(frozenset({(ticket.identity, ticket.id)}))
    town.records.message(sender, ticket.identity, ticket.id, "Here is the photo.")


def lists(town: Town, me: Actor) -> set[str]:
    """The lists of My work that hold something of the clerk's."""
    work = my_work(town, me)
    held = {each.name for each in work if each.records and each.name != "mine"}
    assert held == {each.name for each in work if each.count.value and each.name != "mine"}
    return held


def is_overdue(town: Town, me: Actor, browser: StaffClient) -> bool:
    """Whether the ticket is overdue, of which the list, the figures and the week's mail say the same."""
    found = {
        "Deep hole" in main_of(browser.get("/admin/desk/ticket/?view=all&due=overdue")),
        figures.count(town, me, TICKET, Slice("overdue")) == 1,
        next(part for part in digest(town, me).parts if part.name == "overdue").count == 1,
        next(part for part in digest(town, me).parts if part.name == "waiting").count == 0,
    }
    assert len(found) == 1
    return found.pop()


def test_a_case_that_waits_is_due_at_no_time(
    town: Town, waiting: Record, me: Actor, browser: StaffClient, clock: FixedClock
) -> None:
    """However long it does; it is due again when it goes on, later by that time."""
    assert (waiting.due, again(town, waiting).due) == (None, None)
    now_is(town, clock, "24 11:00")
    assert lists(town, me) == {"waiting"}
    assert not is_overdue(town, me, browser)
    assert "clock stopped" in main_of(browser.get("/admin/desk/ticket/?view=all"))
    town.records.transition(me, TICKET, waiting.id, "answer", version=waiting.version)
    assert told(town, again(town, waiting).due) == "Tue 24 15:00"
    assert lists(town, me) == {"due_today"}


def test_who_answered_is_not_waited_for(
    town: Town, waiting: Record, me: Actor, browser: StaffClient, clock: FixedClock
) -> None:
    """The case is due by the answer to them, and stands with all others that are, until somebody has given it."""
    page = f"/admin/desk/ticket/{waiting.id}/"
    now_is(town, clock, "18 09:00")
    write(town, waiting)
    assert told(town, again(town, waiting).due) == "Thu 19 09:00"
    assert lists(town, me) == {"later"}
    now_is(town, clock, "19 08:00")
    assert lists(town, me) == {"due_today"}
    now_is(town, clock, "24 11:00")
    assert lists(town, me) == {"overdue"}
    assert is_overdue(town, me, browser)
    for _ in range(2):  # also when all were told of it who had to be
        assert "Answer to their message 5 d over" in main_of(browser.get(page))
        assert "First answer stopped: waiting" in main_of(browser.get(page))
        escalating.run(town)
        clock.move(timedelta(hours=2))
    assert "overdue 5 d" in main_of(browser.get("/admin/desk/ticket/?view=all"))
    town.records.message(me, TICKET, waiting.id, "Thank you.")
    assert again(town, waiting).due is None
    assert lists(town, me) == {"waiting"}
    assert not is_overdue(town, me, browser)


def test_a_date_by_hand_stops_if_it_was_set_before(
    town: Town, waiting: Record, me: Actor, browser: StaffClient, clock: FixedClock
) -> None:
    """It moves on with the wait. One that is set while the case waits is meant for that: it stays and counts."""
    by_hand = datetime(2026, 3, 19, 12, 0, tzinfo=town.zone)
    now_is(town, clock, "17 12:00")
    on_time = town.records.update(me, TICKET, waiting.id, {"due": by_hand}, version=waiting.version)
    assert (on_time.due, again(town, waiting).due) == (by_hand, by_hand)
    assert lists(town, me) == {"later"}
    now_is(town, clock, "19 13:00")
    assert lists(town, me) == {"overdue"}
    assert "Due 1 h over" in main_of(browser.get(f"/admin/desk/ticket/{waiting.id}/"))
    goes_on = town.records.transition(me, TICKET, waiting.id, "answer", version=on_time.version)
    assert goes_on.due == by_hand
    later = by_hand + timedelta(days=4)
    again_set = town.records.update(me, TICKET, waiting.id, {"due": later}, version=goes_on.version)
    now_is(town, clock, "20 12:00")
    stops = town.records.transition(me, TICKET, waiting.id, "ask", version=again_set.version)
    assert lists(town, me) == {"waiting"}
    assert "Due stopped: waiting" in main_of(browser.get(f"/admin/desk/ticket/{waiting.id}/"))
    now_is(town, clock, "21 12:00")
    town.records.transition(me, TICKET, waiting.id, "answer", version=stops.version)
    assert again(town, waiting).due == later + timedelta(days=1)


def test_what_was_late_before_it_waited_is_late_after_it(
    town: Town, waiting: Record, me: Actor, clock: FixedClock
) -> None:
    """A wait that begins when the time is up changes nothing of that."""
    back = town.records.transition(me, TICKET, waiting.id, "answer", version=waiting.version)
    now_is(town, clock, "18 10:00")
    stops = town.records.transition(me, TICKET, waiting.id, "ask", version=back.version)
    assert lists(town, me) == {"waiting"}
    now_is(town, clock, "20 10:00")
    town.records.transition(me, TICKET, waiting.id, "answer", version=stops.version)
    assert told(town, clocks(town, waiting)["first_response"].due_at) == "Tue 17 15:00"
    assert lists(town, me) == {"overdue"}


def test_the_modules_views_of_what_is_overdue_say_the_same(make_town: Callable[..., Town], clock: FixedClock) -> None:
    """A request whose citizen answered while it waited for them is among them; one that only waits is not."""
    town = make_town("complaints")
    browser = staff_client(town)
    light = town.records.find(system(), "complaints.category", {"code": "street_light"}, limit=1).records[0]
    for place in ("Mill Lane", "Weir Street"):
        given = {"category": light.id, "location": place, "answers": {"problem": "dark"}}
        made = town.records.create(system(), REQUEST, given)
        taken = town.records.transition(system(), REQUEST, made.id, "accept", version=made.version)
        asked = town.records.transition(system(), REQUEST, made.id, "ask", message="Which?", version=taken.version)
        if place == "Mill Lane":
            clock.move(timedelta(hours=1))
            write(town, asked)
    clock.move(timedelta(days=60))
    words = main_of(browser.get("/admin/complaints/service_request/?view=overdue"))
    assert "Mill Lane" in words
    assert "Weir Street" not in words
