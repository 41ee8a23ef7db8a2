"""The calendar over all types of events, and its feed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.events import calendar
from townhall.events import ical
from townhall.records.types import Record
from townhall.town import Town

EVENT = "core.event"
SYSTEM = system()


@pytest.fixture
def make(town: Town) -> Callable[..., Record]:
    """Make an event so many hours from now."""

    def make(name: str, hours: float, lasting: float | None = None, **values: Any) -> Record:
        starts = town.clock.now() + timedelta(hours=hours)
        ends = starts + timedelta(hours=lasting) if lasting is not None else None
        return town.records.create(
            SYSTEM, EVENT, {"kind": "visit", "name": name, "starts": starts, "ends": ends, **values}
        )

    return make


def names(town: Town, actor: Actor, hours: float, until: float) -> list[str]:
    """Titles between two hours from now."""
    now = town.clock.now()
    return [
        entry.title
        for entry in calendar.entries(town, actor, now + timedelta(hours=hours), now + timedelta(hours=until))
    ]


def test_entries_fall_into_the_time(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """What begins in the time, or has begun and is not over, is on the calendar, in order."""
    make("Tomorrow", 24)
    make("Long", -5, 10)
    make("Over", -5, 1)
    make("Now", 0)
    make("Next month", 800)
    assert names(town, clerk, 0, 48) == ["Long", "Now", "Tomorrow"]
    assert names(town, clerk, -6, -3) == ["Long", "Over"]


def test_upcoming_leaves_cancelled_ones_out(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """The next few events, without those that have begun or will not be."""
    make("Meeting", 3)
    make("Called off", 2, status="cancelled")
    make("Under way", -2, 9)
    assert [entry.title for entry in calendar.upcoming(town, clerk)] == ["Meeting"]


def test_public_sees_public_events(town: Town, make: Callable[..., Record]) -> None:
    """A visitor's calendar has what is shown on the public site."""
    make("Council", 5, public=True)
    make("Private", 6)
    assert names(town, ANONYMOUS, 0, 10) == ["Council"]


def read(text: str) -> dict[str, Any]:
    """A feed's events by their summary."""
    return {str(event["summary"]): event for event in Calendar.from_ical(text).walk("VEVENT")}


def test_feed_can_be_read_back(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """Other calendars get what, when and where, whatever signs are in it, and nothing about people."""
    person = town.records.create(SYSTEM, "core.contact", {"given_name": "Halina"})
    make("Lamp; check, “ok”\\n", 2, 1.5, location="Mill Lane, 4", attendees=[person.id], notes="Gate code 1234")
    make("Fair", 30, all_day=True)
    make("Called off", 5, status="cancelled")
    make("Perhaps", 6, status="tentative")
    text = ical.feed_text(town, clerk)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "Halina" not in text
    assert "1234" not in text
    events = read(text)
    visit = events["Event: Lamp; check, “ok”\\n"]
    assert visit.decoded("dtstart") == datetime(2026, 3, 17, 18, 0, tzinfo=UTC)
    assert visit.decoded("dtend") == datetime(2026, 3, 17, 19, 30, tzinfo=UTC)
    assert str(visit["location"]) == "Mill Lane, 4"
    assert events["Event: Fair"].decoded("dtstart") == date(2026, 3, 18)
    assert events["Event: Fair"].decoded("dtend") == date(2026, 3, 19)
    assert [str(event["status"]) for event in events.values()] == ["CONFIRMED", "CANCELLED", "TENTATIVE", "CONFIRMED"]


def test_moved_event_keeps_its_name_and_counts_up(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """The same UID, a higher SEQUENCE and a new DTSTAMP tell other calendars that an event was moved."""
    record = make("Visit", 5)
    (first,) = read(ical.feed_text(town, clerk)).values()
    town.clock.move(timedelta(minutes=5))  # type: ignore[attr-defined]  # the clock of tests
    later = record["starts"] + timedelta(days=1)
    town.records.update(clerk, EVENT, record.id, {"starts": later}, version=record.version)
    (second,) = read(ical.feed_text(town, clerk)).values()
    assert first["uid"] == second["uid"]
    assert (first["sequence"], second["sequence"]) == (0, 1)
    assert first.decoded("dtstamp") < second.decoded("dtstamp")
    assert second.decoded("dtstart") == later


def test_types_one_may_not_see_are_not_on_it(town: Town, make: Callable[..., Record]) -> None:
    """Without permission the calendar is empty, and no error."""
    make("Visit", 5)
    assert calendar.upcoming(town, Actor("staff", "Olga", 9)) == []
