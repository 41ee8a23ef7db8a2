"""The calendar as iCalendar text (RFC 5545), for a feed that other calendars subscribe to.

A feed leaves the house: whoever has its address reads it. So it says what, when and where, never a confidential word,
no description and no list of people. Moving an event keeps its UID and counts SEQUENCE up; a cancelled one stays in the
feed as such, so that it vanishes from calendars that have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.events import calendar
from townhall.events.calendar import CalendarEntry

if TYPE_CHECKING:
    from icalendar import Event

    from townhall.town import Town

PRODUCT = "-//Townhall//Calendar//EN"
#: How far a feed looks back and ahead.
PAST = timedelta(days=31)
FUTURE = timedelta(days=400)

_STATUS = {"tentative": "TENTATIVE", "cancelled": "CANCELLED"}


def feed_text(town: Town, actor: Actor, *, identities: Iterable[str] | None = None) -> str:
    """The feed of what the actor may see, from a month ago to a year ahead."""
    now = town.clock.now()
    chosen = list(identities) if identities is not None else None
    return text(town, calendar.entries(town, actor, now - PAST, now + FUTURE, identities=chosen))


def text(town: Town, entries: Iterable[CalendarEntry]) -> str:
    """These entries as iCalendar text."""
    from icalendar import Calendar  # not for the first page: few pages need it

    feed = Calendar()
    feed.add("prodid", PRODUCT)
    feed.add("version", "2.0")
    feed.add("calscale", "GREGORIAN")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", f"{town.settings.name} {town.settings.subtitle}".strip())
    for entry in entries:
        feed.add_component(_event(town, entry))
    return str(feed.to_ical().decode("utf-8"))


def _event(town: Town, entry: CalendarEntry) -> Event:
    from icalendar import Event

    event = Event()
    event.add("uid", uid(town, entry))
    event.add("dtstamp", _whole_seconds(entry.record.updated))
    event.add("last-modified", _whole_seconds(entry.record.updated))
    event.add("created", _whole_seconds(entry.record.created))
    event.add("sequence", entry.record.version - 1)
    event.add("summary", f"{entry.label}: {entry.title}" if entry.label not in entry.title else entry.title)
    if entry.all_day:
        first = entry.starts.astimezone(town.zone).date()
        last = (entry.ends or entry.starts).astimezone(town.zone).date()
        event.add("dtstart", first)
        event.add("dtend", max(first, last) + timedelta(days=1))
    else:
        event.add("dtstart", _whole_seconds(entry.starts))
        if entry.ends is not None and entry.ends > entry.starts:
            event.add("dtend", _whole_seconds(entry.ends))
    if entry.location:
        event.add("location", entry.location)
    event.add("status", _STATUS.get(entry.status, "CONFIRMED"))
    return event


def uid(town: Town, entry: CalendarEntry) -> str:
    """A name for the event that is its own all over the world and stays as long as the record does."""
    place = sha256(b"calendar:" + town.secret).hexdigest()[:16]
    more = f".{sha256(entry.key.encode()).hexdigest()[:12]}" if entry.key else ""
    return f"{entry.identity}.{entry.id}{more}@{place}.townhall"


def _whole_seconds(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
