"""What was achieved stays so: by edits of what was said, and by targets that are switched off and on again."""

from __future__ import annotations

from typing import Any

import pytest
from counting import INTERACTION
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
