"""Days off from elsewhere: out of an iCalendar file, or as the ``holidays`` library suggests them.

What comes in waits until a person confirms it. A calendar file is read as it is found in the wild: its time zones
(VTIMEZONE) don't matter to a whole day, entries that were cancelled are left out, and what repeats yearly is worked out
from last year to three years ahead (RFC 5545, 3.3.10).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import MAXYEAR
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

from dateutil.rrule import rrulestr

from townhall.access.actors import Actor
from townhall.cases import calendars
from townhall.errors import Rejected
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town

Source = Literal["icalendar", "suggested"]
Day = tuple[date, str]
#: Years before and after the present one that repeating days are worked out for.
BACK, AHEAD = 1, 3
LARGEST_FILE = 1024 * 1024
#: Most days that one entry lasts, and most times that one repeats.
_LONGEST, _MOST = 366, 50
_NAME_LENGTH = 120
#: Most entries and parts of entries in a file, and most of them that repeat; a rule's first year and its longest step.
_MOST_PARTS, _MOST_REPEATING = 10_000, 500
_EARLIEST, _LONGEST_INTERVAL = 1900, 10
#: Years after which the days of the week and the leap years begin anew.
_KINDS_OF_YEARS = 28
_WITHIN_DAYS = re.compile(r"BY(HOUR|MINUTE|SECOND)=")
_ENDS = re.compile(r";?(UNTIL|COUNT)=[^;]*", re.IGNORECASE)
_UNTIL = re.compile(r"UNTIL=(\d{8})(?:T\d{6})?Z?")


@dataclass(frozen=True, slots=True)
class Found:
    """Days in a calendar file, how many entries repeat in a way that days off don't, and how many days of entries
    that last longer than a year were left out.
    """

    days: Sequence[Day]
    left_out: int = 0
    cut: int = 0


def read_icalendar(data: bytes, today: date) -> Found:
    """The days in an iCalendar file. Raises :class:`~townhall.errors.Rejected`, in a sentence, if it is none."""
    if len(data) > LARGEST_FILE:
        raise Rejected("This file is larger than a calendar of holidays can be. Choose another.", field="file")
    try:
        if data.upper().count(b"\nBEGIN:") > _MOST_PARTS or data.upper().count(b"\nRRULE") > _MOST_REPEATING:
            raise Rejected("There is more in this file than a calendar of holidays can hold.", field="file")
        from icalendar import Calendar  # rarely needed, and not for the first page

        events = [event for calendar in Calendar.from_ical(data, multiple=True) for event in calendar.walk("VEVENT")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise Rejected("This is no calendar file. Its name usually ends in .ics.", field="file") from error
    first, last = date(today.year - BACK, 1, 1), date(today.year + AHEAD, 12, 31)
    found: dict[date, str] = {}
    left_out = cut = 0
    for event in events:
        try:
            days, beyond = _days(event, first, last)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
            left_out += 1
            continue
        name = " ".join(str(event.get("SUMMARY", "")).split())[:_NAME_LENGTH]
        for day in days:
            found.setdefault(day, name)
        cut += beyond
    if not found:
        raise Rejected("There is no day from last year to three years ahead in this file.", field="file")
    return Found(sorted(found.items()), left_out, cut)


def _days(event: Any, first: date, last: date) -> tuple[list[date], int]:
    """The days of one entry within these years, and how many more it has there than anybody has off at a time.

    Raises ``ValueError`` if it repeats otherwise than yearly.
    """
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return [], 0
    start = _date(event["DTSTART"].dt)
    end = _date(event["DTEND"].dt) if "DTEND" in event else start + timedelta(days=1)
    length = max((end - start).days, 1)
    days: list[date] = []
    cut = 0
    for begin in _beginnings(event, start, first, last):
        low, high = max(begin, first).toordinal(), min(begin.toordinal() + length - 1, last.toordinal())
        days += map(date.fromordinal, range(low, min(high, low + _LONGEST - 1) + 1))
        cut += max(high - low - _LONGEST + 1, 0)
    return days, cut


def _beginnings(event: Any, start: date, first: date, last: date) -> Iterator[date]:
    rules = event.get("RRULE")
    if rules is None:
        yield start
        return
    for rule in rules if isinstance(rules, list) else [rules]:
        text = rule.to_ical().decode()
        if "FREQ=YEARLY" not in text.upper() or _WITHIN_DAYS.search(text.upper()):
            raise ValueError("it doesn't repeat yearly")
        interval = int(rule.get("INTERVAL", [1])[0])
        if start.year < _EARLIEST or not 1 <= interval <= _LONGEST_INTERVAL or not _happens(text, start, interval):
            raise ValueError("it doesn't come in these years")
        # The end of a rule may have a time zone and its beginning none, which can't be compared.
        repeated = rrulestr(_UNTIL.sub(r"UNTIL=\1T235959", text), dtstart=datetime.combine(start, time()))
        excepted = _exceptions(event)
        window = datetime.combine(first, time()), datetime.combine(last, time())
        for moment in islice(repeated.xafter(window[0], inc=True), _MOST):
            if moment > window[1]:
                break
            if moment.date() not in excepted:
                yield moment.date()


def _happens(text: str, start: date, interval: int) -> bool:
    """Whether a rule ever comes to a day.

    One that doesn't, like each 30th of February, would be looked for until the calendar ends in the year 9999. So it is
    looked for in the last years only, in which every kind of year comes once in the rule's own step.
    """
    steps = (MAXYEAR - start.year) // interval - _KINDS_OF_YEARS
    late = start.replace(year=start.year + steps * interval) if (start.month, start.day) != (2, 29) else None
    if late is None:
        return interval == 1  # a leap day repeated yearly comes; in other steps nobody keeps it
    endless = _ENDS.sub("", text)
    return next(iter(rrulestr(endless, dtstart=datetime.combine(late, time()))), None) is not None


def _exceptions(event: Any) -> set[date]:
    given = event.get("EXDATE")
    lists = given if isinstance(given, list) else [given] if given is not None else []
    return {_date(each.dt) for some in lists for each in some.dts}


def _date(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


# -- suggestions ----------------------------------------------------------------------------------------------------


def can_suggest() -> bool:
    """Whether the ``holidays`` library is installed (``pip install townhall[holidays]``)."""
    return find_spec("holidays") is not None


def suggested(country: str, region: str, today: date) -> list[Day]:
    """Public holidays of a country, and perhaps of a region in it, from last year to three years ahead.

    Raises :class:`~townhall.errors.Rejected`, in a sentence, for a place that the library doesn't know.
    """
    if not can_suggest():
        raise Rejected("Install the holidays library first: pip install townhall[holidays].")
    import holidays

    years = range(today.year - BACK, today.year + AHEAD + 1)
    country, region = country.strip().upper(), region.strip()
    try:
        found = holidays.country_holidays(country, subdiv=region or None, years=years)
    except (NotImplementedError, ValueError) as error:
        known = holidays.list_supported_countries().get(country)
        if known is None:
            raise Rejected(f"“{country}” is no known country. Write its code, like US.", field="country") from error
        some = ", ".join(known[:8])
        said = f"“{region}” is no known region of {country}. There are {some} and others."
        raise Rejected(said, field="region") from error
    return sorted((day, name[:_NAME_LENGTH]) for day, name in found.items())


# -- into a calendar ------------------------------------------------------------------------------------------------


def waiting(record: Record) -> list[Mapping[str, Any]]:
    """The days off of a calendar that nobody has confirmed yet, in order."""
    rows = [row for row in record["holidays"] or () if row.get("active") is False and row.get("date")]
    return sorted(rows, key=lambda row: row["date"])


def add(town: Town, actor: Actor, record: Record, days: Sequence[Day], source: Source) -> int:
    """Put days into a calendar, where they wait to be confirmed; how many are new to it.

    A day that is in the list already stays as it is. Raises what an update of a record raises.
    """
    rows = list(record["holidays"] or ())
    known = {row["date"] for row in rows}
    new = [
        {"date": day, "name": name or None, "active": False, "source": source} for day, name in days if day not in known
    ]
    if new:
        _save(town, actor, record, [*rows, *new])
    return len(new)


def confirm(town: Town, actor: Actor, record: Record, days: Collection[date]) -> int:
    """Let days that wait count from now on; how many there were."""
    rows = [
        {**row, "active": True} if row.get("active") is False and row["date"] in days else row
        for row in record["holidays"] or ()
    ]
    count = sum(row.get("active") is True for row in rows) - sum(
        row.get("active") is True for row in record["holidays"] or ()
    )
    if count:
        _save(town, actor, record, rows)
    return count


def remove(town: Town, actor: Actor, record: Record, days: Collection[date]) -> int:
    """Take days away that wait to be confirmed; how many there were."""
    before = list(record["holidays"] or ())
    rows = [row for row in before if row.get("active") is not False or row["date"] not in days]
    if len(rows) != len(before):
        _save(town, actor, record, rows)
    return len(before) - len(rows)


def _save(town: Town, actor: Actor, record: Record, rows: Sequence[Mapping[str, Any]]) -> None:
    ordered = sorted(rows, key=lambda row: row["date"])
    town.records.update(actor, calendars.IDENTITY, record.id, {"holidays": ordered}, version=record.version)
