"""Instants, how tables keep them, and how long something may take.

A table keeps an instant as microseconds since 1970, UTC. Nobody in a town means one outside the years from
:data:`FIRST_YEAR` to :data:`LAST_YEAR`, and Python has none beyond the year 9999: what is typed there is refused, what
is worked out ends there, and what a table holds is read as the nearest one, so that no row is ever unreadable.
"""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The years in which instants lie.
FIRST_YEAR, LAST_YEAR = 1800, 2199
#: The first and the last instant that there is: all of these years, whatever the zone.
EARLIEST = datetime(FIRST_YEAR - 1, 12, 31, tzinfo=UTC)
LATEST = datetime(LAST_YEAR + 1, 1, 1, 23, 59, 59, 999_999, tzinfo=UTC)
#: Most days, or other units of time, after which something can be due.
MOST_UNITS = 100_000

_FIRST_DAY, _LAST_DAY = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (EARLIEST - EPOCH) // _MICROSECOND
_LAST = (LATEST - EPOCH) // _MICROSECOND


def to_microseconds(moment: datetime) -> int:
    """The number that a table keeps for an aware moment. Exact, unlike :meth:`datetime.timestamp`."""
    return (moment - EPOCH) // _MICROSECOND


def from_microseconds(number: int) -> datetime:
    """The moment, in UTC, that a table keeps as ``number``; the nearest that there is for one that is none."""
    return EPOCH + timedelta(microseconds=nearest(number))


def nearest(number: int) -> int:
    """``number``, or the first or last instant if it lies before or after these."""
    return number if _FIRST <= number <= _LAST else (_FIRST if number < _FIRST else _LAST)


def on_day(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The moment on a day when clocks in ``zone`` show ``clock``.

    A day that is for ever, like 9999-12-31, is the last of :data:`LAST_YEAR`; one before all, the first of the first.
    """
    return datetime.combine(min(max(day, _FIRST_DAY), _LAST_DAY), clock, zone)


def units(value: Any) -> int | None:
    """After how many days, or other units, a field says that something is due; ``None`` if its value can't be meant:
    it is empty, no whole number, negative, or more than :data:`MOST_UNITS`.
    """
    meant = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_UNITS
    return value if meant else None
