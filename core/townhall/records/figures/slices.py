"""Which records a figure counts, as a short text that stands in the address of a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from zoneinfo import ZoneInfo

from townhall.errors import Rejected
from townhall.records.instants import to_microseconds

#: Between the parts of a slice's text. No date, name or code holds it.
_MARK = "~"
_PARTS = 6
#: The first and last days that a period may have: beyond them a day has no midnight in every zone.
_EARLIEST, _LATEST = date(1900, 1, 1), date(9000, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """Days in the town's zone, the last of them included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse days that are no period."""
        if not (_EARLIEST <= self.first <= self.last <= _LATEST):
            raise Rejected("A period goes from a day to the same or a later one. Choose other days.")

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def bounds(self, zone: ZoneInfo) -> tuple[int, int]:
        """Microseconds of the midnights at which it begins and is over."""
        return _midnight(self.first, zone), _midnight(self.last + timedelta(days=1), zone)

    def months(self) -> Iterator[Period]:
        """Its calendar months; the first and the last may be parts of one."""
        first = self.first
        while first <= self.last:
            following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
            yield Period(first, min(self.last, following - timedelta(days=1)))
            first = following


def _midnight(day: date, zone: ZoneInfo) -> int:
    return to_microseconds(datetime.combine(day, time(), zone))


@dataclass(frozen=True, slots=True)
class Slice:
    """The records that ``measure`` picks in ``period``, of the group in which the field ``by`` has ``value``.

    ``of`` says more where a measure asks for it: a state, a kind of clock, an age, minutes. An empty ``by`` means all
    groups, an empty ``value`` the group of records where the field is empty.
    """

    measure: str
    period: Period | None = None
    of: str = ""
    by: str = ""
    value: str = ""

    def encoded(self) -> str:
        """As it stands in an address."""
        period = self.period
        days = (period.first.isoformat(), period.last.isoformat()) if period is not None else ("", "")
        return _MARK.join((self.measure, *days, self.of, self.by, self.value)).rstrip(_MARK)

    def of_group(self, by: str, value: str) -> Slice:
        """The part of it that is of one group."""
        return replace(self, by=by, value=value)


def exceeded(of: str) -> tuple[str, int]:
    """What a slice of slow cases is of, and the whole minutes that they exceed; -1 where it says none."""
    name, _, minutes = of.rpartition(".")
    return name, int(minutes) if minutes.isascii() and minutes.isdecimal() and len(minutes) < 10 else -1


def decoded(text: str) -> Slice:
    """The slice that an address names. Raises :class:`~townhall.errors.Rejected` for what is none."""
    parts = [*text.split(_MARK, _PARTS - 1), *[""] * _PARTS][:_PARTS]
    measure, first, last, of, by, value = parts
    try:
        period = Period(date.fromisoformat(first), date.fromisoformat(last)) if first or last else None
    except ValueError:
        raise Rejected("This figure can't be read: its days are no dates. Go to it from the page of figures.") from None
    return Slice(measure, period, of, by, value)
