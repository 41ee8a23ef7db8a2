"""When something is to be done again and again: every so many minutes, or at a time of the town's own clock.

A schedule knows its *slots*, the moments at which it is due. They follow from the schedule and the zone alone, so that
all processes of a town name the same ones. A day has exactly one slot of a daily schedule: a time that the clock skips
in spring comes as much later as the clock was put forward, and of one that it shows twice in autumn the first counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

#: Names of the days of a week, Monday first, as :meth:`datetime.date.weekday` counts them.
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: Longest time between two slots of a schedule that counts minutes.
MOST_MINUTES = 24 * 60
#: How a schedule is written, for sentences about one that isn't.
FORMS = 'write every = "15 minutes" or every = "2 hours", or at = "02:30" for each day, or at = "Monday 07:00"'

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVERY = re.compile(r"(?:(\d{1,5})\s+)?(minute|hour)s?")
_AT = re.compile(r"(?:([A-Za-z]+)\s+)?([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every so many ``minutes``; if that is 0, at the time ``at`` each day, or on one day of the week (0: Monday)."""

    minutes: int = 0
    at: time = time()
    weekday: int | None = None

    def latest(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The last slot that is not after ``now``, in UTC."""
        if self.minutes:
            return self._counted(now)
        day = now.astimezone(zone).date() + timedelta(days=1)
        while not self._has(day) or self._slot(day, zone) > now:
            day -= timedelta(days=1)
        return self._slot(day, zone)

    def next(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The first slot after ``now``, in UTC."""
        if self.minutes:
            return self._counted(now) + timedelta(minutes=self.minutes)
        day = now.astimezone(zone).date() - timedelta(days=1)
        while not self._has(day) or self._slot(day, zone) <= now:
            day += timedelta(days=1)
        return self._slot(day, zone)

    def in_words(self) -> str:
        """How often, as it stands in a table: “every 15 minutes”, “daily at 02:30”, “Mondays at 07:00”."""
        if self.minutes:
            hours, rest = divmod(self.minutes, 60)
            if rest or not hours:
                return "every minute" if self.minutes == 1 else f"every {self.minutes} minutes"
            return "every hour" if hours == 1 else f"every {hours} hours"
        clock = f"{self.at:%H:%M}"
        return f"daily at {clock}" if self.weekday is None else f"{DAYS[self.weekday]}s at {clock}"

    def _counted(self, now: datetime) -> datetime:
        step = timedelta(minutes=self.minutes)
        return _EPOCH + (now - _EPOCH) // step * step

    def _has(self, day: date) -> bool:
        return self.weekday is None or day.weekday() == self.weekday

    def _slot(self, day: date, zone: ZoneInfo) -> datetime:
        return datetime.combine(day, self.at, zone).astimezone(UTC)


def every(minutes: int) -> Schedule:
    """Every so many minutes, counted from midnight UTC on 1 January 1970."""
    return Schedule(minutes=minutes)


def daily(at: str) -> Schedule:
    """Each day at a time of the town's clock, like ``02:30``."""
    return Schedule(at=time.fromisoformat(at))


def weekly(day: str, at: str) -> Schedule:
    """Once a week, on a day by its name, at a time of the town's clock."""
    return Schedule(at=time.fromisoformat(at), weekday=DAYS.index(day))


def read_every(text: Any) -> Schedule:
    """The schedule of ``every = "15 minutes"``. Raises :class:`ValueError` with the end of a sentence."""
    found = _EVERY.fullmatch(text.strip()) if isinstance(text, str) else None
    minutes = int(found.group(1) or 1) * (60 if found.group(2) == "hour" else 1) if found else 0
    if not 0 < minutes <= MOST_MINUTES:
        raise ValueError(f"{text!r} is no number of minutes or hours of at most a day; {FORMS}")
    return every(minutes)


def read_at(text: Any) -> Schedule:
    """The schedule of ``at = "02:30"`` or ``at = "Monday 07:00"``. Raises :class:`ValueError` likewise."""
    found = _AT.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is no time of day; {FORMS}")
    named, hour, minute = found.groups()
    at = time(int(hour), int(minute))
    if named is None:
        return Schedule(at=at)
    if named.capitalize() not in DAYS:
        close = get_close_matches(named.capitalize(), DAYS, n=1)
        raise ValueError(f"{named!r} is no day of the week" + (f"; did you mean {close[0]}?" if close else ""))
    return Schedule(at=at, weekday=DAYS.index(named.capitalize()))
