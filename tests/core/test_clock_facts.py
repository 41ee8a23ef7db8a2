"""What was achieved stays so: by edits of what was said, and by targets that are switched off and on again."""

from __future__ import annotations

from typing import Any

import pytest
from counting import INTERACTION
from counting import TARGET
from counting import again
from counting import clocks
from counting import make_calendar
from counting import make_target
from counting import now_is
from counting import told
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import main_of
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.cases import escalating
from townhall.clock import FixedClock
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.values import Reference


@pytest.fixture
def browser(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


@pytest.fixture
def ticket(town: Town, browser: StaffClient, clock: FixedClock) -> Record:
    """The clerk's ticket, which came on Tuesday at 10:00."""
    now_is(town, clock, "17 10:00")
    make_calendar(town)
    make_target(town)
    who = people.find(town, "clerk@milbrook.example").id
    return make_ticket(town, system(), make_topic(town, target_days=None), reporter=make_contact(town).id, assignee=who)


def call(town: Town, clerk: Actor, ticket: Record, **values: Any) -> Record:
    """The citizen calls about the ticket, and nobody can say anything yet."""
    given = {"channel": "phone", "direction": "in", "body": "When?", "about": Reference(TICKET, ticket.id)}
    return town.records.create(clerk, INTERACTION, {**given, "outcome": "passed_on", **values})


# -- what was said ----------------------------------------------------------------------------------------------------


def test_a_reminder_that_is_done_asks_nothing_anew(
    town: Town, ticket: Record, browser: StaffClient, clerk: Actor, clock: FixedClock
) -> None:
    """“Done” in My work, days after the call was answered: the clock of the answer stays met, and nobody is told."""
    now_is(town, clock, "17 11:00")
    said = call(town, clerk, ticket, follow_up="2026-03-19")
    now_is(town, clock, "17 14:00")
    town.records.message(clerk, TICKET, ticket.id, "On Thursday.")
    met = clocks(town, ticket)["update"]
    now_is(town, clock, "19 09:00")
    browser.follow(browser.post("/admin/followed-up", {"id": str(said.id), "version": str(said.version)}))
    assert again(town, said)["followed_up"] is True
    assert clocks(town, ticket)["update"] == met
    assert told(town, again(town, ticket).due) == "Thu 19 10:00"
    assert "Answer to their message done in 2 h" in main_of(browser.get(f"/admin/desk/ticket/{ticket.id}/"))


@pytest.mark.parametrize("change", [{"subject": "Noise"}, {"at": "2026-03-17T10:30"}, {"outcome": "progress"}])
def test_a_corrected_call_is_not_asked_again(
    town: Town, ticket: Record, clerk: Actor, clock: FixedClock, change: dict[str, Any]
) -> None:
    """Whatever is corrected in it, somebody answered after that."""
    now_is(town, clock, "17 11:00")
    said = call(town, clerk, ticket)
    now_is(town, clock, "17 14:00")
    town.records.message(clerk, TICKET, ticket.id, "On Thursday.")
    met = clocks(town, ticket)["update"]
    now_is(town, clock, "18 09:00")
    town.records.update(clerk, INTERACTION, said.id, change, version=said.version)
    assert clocks(town, ticket)["update"] == met


def test_a_call_that_is_logged_late_was_answered_since(
    town: Town, ticket: Record, clerk: Actor, clock: FixedClock
) -> None:
    """Also by the first answer; a call that nobody has answered counts from when it came, however late it is logged."""
    now_is(town, clock, "17 14:00")
    town.records.message(clerk, TICKET, ticket.id, "On Thursday.")
    now_is(town, clock, "17 16:00")
    call(town, clerk, ticket, at="2026-03-17T11:00")
    assert "update" not in clocks(town, ticket)
    call(town, clerk, ticket, at="2026-03-17T15:00")
    assert told(town, clocks(town, ticket)["update"].started_at) == "Tue 17 15:00"


def test_a_call_that_is_put_to_a_case_later_starts_its_clock(
    town: Town, ticket: Record, clerk: Actor, clock: FixedClock
) -> None:
    """What a clock depends on counts from an edit too: about which case it was, and that it was answered."""
    now_is(town, clock, "17 11:00")
    said = call(town, clerk, ticket, about=None)
    now_is(town, clock, "17 14:00")
    about = {"about": Reference(TICKET, ticket.id)}
    said = town.records.update(clerk, INTERACTION, said.id, about, version=said.version)
    assert told(town, clocks(town, ticket)["update"].started_at) == "Tue 17 11:00"
    town.records.update(clerk, INTERACTION, said.id, {"outcome": "answered"}, version=said.version)
    assert told(town, clocks(town, ticket)["update"].met_at) == "Tue 17 11:00"


# -- targets that are switched off and on -----------------------------------------------------------------------------


def switch(town: Town, on: bool) -> None:
    """Switch the target of tickets on or off, on the page of targets or elsewhere."""
    (target,) = town.records.find(system(), TARGET).records
    town.records.update(system(), TARGET, target.id, {"active": on}, version=target.version)


def test_what_was_met_says_under_which_target(
    town: Town, ticket: Record, browser: StaffClient, clerk: Actor, clock: FixedClock
) -> None:
    """Also when that is out of use; what was not met is not shown, as it goes by nothing."""
    now_is(town, clock, "17 14:00")
    town.records.message(clerk, TICKET, ticket.id, "We look at it.")
    switch(town, False)
    words = main_of(browser.get(f"/admin/desk/ticket/{ticket.id}/"))
    assert "within 4 h, working time · Tickets" in words
    assert "By its kind of case" not in words
    assert "Resolved" not in words
    assert again(town, ticket).due is None
    switch(town, True)
    assert told(town, again(town, ticket).due) == "Thu 19 10:00"


def test_each_warning_is_given_once_whatever_targets_do(
    town: Town, ticket: Record, browser: StaffClient, clerk: Actor, clock: FixedClock
) -> None:
    """A target that is off for a while doesn't forget who was told, nor what the case began with."""
    original = clocks(town, ticket)["first_response"].original_due_at
    now_is(town, clock, "17 14:15")
    assert "1 warned" in escalating.run(town)
    switch(town, False)
    assert escalating.run(town) == ""
    switch(town, True)
    assert escalating.run(town) == ""
    (target,) = town.records.find(system(), TARGET).records
    later = [{"clock": "first_response", "within": 6, "unit": "working_hours"}]
    switch(town, False)
    town.records.update(system(), TARGET, target.id, {"clocks": later}, version=target.version + 1)
    switch(town, True)
    first = clocks(town, ticket)["first_response"]
    assert (told(town, first.due_at), first.original_due_at) == ("Tue 17 17:00", original)
    entries, _, _ = town.records.timeline(clerk, TICKET, ticket.id, kinds=["change"])
    assert [entry.headline for entry in entries].count("Time is running out") == 1


def test_an_answer_counts_while_no_target_does(
    town: Town, ticket: Record, browser: StaffClient, clerk: Actor, clock: FixedClock
) -> None:
    """That it was given, and how long it took, is there when a target asks for it again."""
    switch(town, False)
    now_is(town, clock, "17 14:00")
    town.records.message(clerk, TICKET, ticket.id, "We look at it.")
    assert "First answer done in 3 h" in main_of(browser.get(f"/admin/desk/ticket/{ticket.id}/"))
    switch(town, True)
    first = clocks(town, ticket)["first_response"]
    assert (told(town, first.met_at), first.actual_minutes) == ("Tue 17 14:00", 180)
    assert told(town, again(town, ticket).due) == "Thu 19 10:00"
