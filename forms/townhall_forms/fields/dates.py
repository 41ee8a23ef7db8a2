"""Days and instants: date, datetime, time. Limits may be relative: ``min = "today"``, ``max = "today+30d"``."""

from __future__ import annotations

import re
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from typing import Any
from typing import ClassVar
from zoneinfo import ZoneInfo

from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import ORDER
from townhall_forms.fields.base import ColumnKind
from townhall_forms.fields.base import OneColumn
from townhall_forms.instants import EARLIEST
from townhall_forms.instants import FIRST_YEAR
from townhall_forms.instants import LAST_YEAR
from townhall_forms.instants import LATEST
from townhall_forms.instants import from_microseconds
from townhall_forms.instants import to_microseconds

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RELATIVE = re.compile(r"today\s*(?:([+-])\s*([0-9]{1,5})\s*([dw]))?")
_TOO_FAR = f"Enter a day in the years {FIRST_YEAR} to {LAST_YEAR}."
_CLOCK = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(?::[0-9]{2}(?:\.[0-9]+)?)?\s*([ap])?\.?(?:m\.?)?", re.IGNORECASE)
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)\s*(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.IGNORECASE,
)


def localise(naive: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, when clocks in ``zone`` show ``naive``.

    An hour that comes twice in autumn means the first time; one that is skipped in spring means an hour later by
    the new clock, which is when a clock that nobody moved would show it.
    """
    return naive.replace(tzinfo=zone, fold=0).astimezone(UTC)


def limit_day(limit: Any, context: Context) -> date | None:
    """The day that a ``min`` or ``max`` means."""
    if limit is None or isinstance(limit, date):
        return limit.date() if isinstance(limit, datetime) else limit
    match = _RELATIVE.fullmatch(str(limit).strip())
    if match is None:
        return date.fromisoformat(str(limit)[:10])
    sign, count, unit = match.groups()
    days = int(count or 0) * (7 if unit == "w" else 1)
    return context.today() + timedelta(days=-days if sign == "-" else days)


def check_day(day: date, least: Any, most: Any, context: Context) -> None:
    """Refuse a day outside the limits."""
    first, last = limit_day(least, context), limit_day(most, context)
    if first is not None and day < first:
        raise Invalid(f"Enter a date that is {first.isoformat()} or later.")
    if last is not None and day > last:
        raise Invalid(f"Enter a date that is {last.isoformat()} or earlier.")


def write_day(day: date, context: Context) -> str:
    """``Mon 23 Nov``, with the year when it is not this one."""
    text = f"{day:%a} {day.day} {day:%b}"
    return text if day.year == context.today().year else f"{text} {day.year}"


class DateField(OneColumn):
    """A day."""

    type_name: ClassVar[str] = "date"
    kind: ClassVar[ColumnKind] = "integer"
    operators: ClassVar[frozenset[str]] = ORDER
    widget: ClassVar[str] = "date"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"min", "max"})

    def parse(self, raw: Any, context: Context) -> date | None:
        """A day in ISO form, as browsers and files give it. Other orders are not guessed at."""
        if raw is None:
            return None
        if isinstance(raw, datetime):
            day = raw.astimezone(context.zone).date() if raw.tzinfo is not None else raw.date()
        elif isinstance(raw, date):
            day = raw
        else:
            text = raw.strip() if isinstance(raw, str) else "?"
            if not text:
                return None
            if _DATE.fullmatch(text) is None:
                raise Invalid("Enter a date as year, month and day, like 2026-11-23.")
            try:
                day = date.fromisoformat(text)
            except ValueError as error:
                raise Invalid("There is no such day. Enter a date, like 2026-11-23.") from error
        if self.min is not None or self.max is not None:
            check_day(day, self.min, self.max, context)
        return day

    def store(self, value: Any) -> int:
        """The day's ordinal: days since the first of January of year 1."""
        return int(value.toordinal())

    def load(self, stored: Any) -> date:
        """The day."""
        return date.fromordinal(stored)

    def display(self, value: Any, context: Context) -> str:
        """In plain words."""
        return "" if value is None else write_day(value, context)

    def to_csv(self, value: Any, context: Context) -> str:
        """ISO 8601."""
        return "" if value is None else value.isoformat()

    def to_json(self, value: Any) -> str | None:
        """ISO 8601."""
        return None if value is None else value.isoformat()

    def json_schema(self) -> dict[str, Any]:
        """A string with the format of a day."""
        return {"type": "string", "format": "date"}


class DateTimeField(OneColumn):
    """An instant in the years 1800 to 2199. What is typed without an offset is in the town's zone; it is kept in UTC.

    Unlike a day, which may be 9999-12-31 where that means for ever, it lies in the years that instants have.
    """

    type_name: ClassVar[str] = "datetime"
    kind: ClassVar[ColumnKind] = "integer"
    operators: ClassVar[frozenset[str]] = ORDER
    widget: ClassVar[str] = "datetime"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"min", "max"})
    _message = "Enter a date and a time, like 2026-11-23 16:00."

    def parse(self, raw: Any, context: Context) -> datetime | None:
        """An instant in UTC; see :func:`localise` for the two hours a year that are not plain."""
        if raw is None:
            return None
        if not isinstance(raw, datetime):
            text = raw.strip() if isinstance(raw, str) else "?"
            if not text:
                return None
            raw = self._read(text)
        try:
            moment = raw.astimezone(UTC) if raw.tzinfo is not None else localise(raw, context.zone)
        except (OverflowError, ValueError) as error:
            raise Invalid(_TOO_FAR) from error
        if not EARLIEST <= moment <= LATEST:
            raise Invalid(_TOO_FAR)
        if self.min is not None or self.max is not None:
            check_day(moment.astimezone(context.zone).date(), self.min, self.max, context)
        return moment

    def _read(self, text: str) -> datetime:
        match = _MOMENT.fullmatch(text)
        if match is None:
            raise Invalid(self._message)
        day, clock, offset = match.groups()
        if clock is not None and len(clock.partition(":")[0]) == 1:
            clock = f"0{clock}"
        try:
            return datetime.fromisoformat(f"{day}T{clock or '00:00'}{(offset or '').upper()}")
        except ValueError as error:
            raise Invalid("There is no such moment. " + self._message) from error

    def store(self, value: Any) -> int:
        """Microseconds since 1970, UTC."""
        return to_microseconds(value)

    def load(self, stored: Any) -> datetime:
        """The instant, aware, in UTC."""
        return from_microseconds(stored)

    def raw(self, value: Any, context: Context) -> str:
        """What a browser's input of date and time holds: local time without an offset, to the second.

        It stays empty for anything else, such as parts of a second. What such an input can't tell, the second of two
        equal hours included, is kept as long as nobody touches it.
        """
        if value is None:
            return ""
        local = value.astimezone(context.zone).replace(tzinfo=None)
        return str(local.isoformat(timespec="seconds" if local.second else "minutes"))

    def display(self, value: Any, context: Context) -> str:
        """In plain words, in the town's zone: ``Mon 23 Nov, 16:00``."""
        if value is None:
            return ""
        local = value.astimezone(context.zone)
        return f"{write_day(local.date(), context)}, {local:%H:%M}"

    def to_csv(self, value: Any, context: Context) -> str:
        """ISO 8601, in the town's zone with its offset."""
        return "" if value is None else value.astimezone(context.zone).isoformat()

    def to_json(self, value: Any) -> str | None:
        """ISO 8601, UTC."""
        return None if value is None else value.isoformat().replace("+00:00", "Z")

    def json_schema(self) -> dict[str, Any]:
        """A string with the format of an instant."""
        return {"type": "string", "format": "date-time"}


class TimeField(OneColumn):
    """A time of day, to the minute."""

    type_name: ClassVar[str] = "time"
    kind: ClassVar[ColumnKind] = "integer"
    operators: ClassVar[frozenset[str]] = ORDER
    widget: ClassVar[str] = "time"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"min", "max"})
    _message = "Enter a time, like 16:00."

    def parse(self, raw: Any, context: Context) -> time | None:
        """A time: ``16:00``, ``4 pm``, ``4:30pm``."""
        if raw is None:
            return None
        moment = raw.replace(second=0, microsecond=0, tzinfo=None) if isinstance(raw, time) else self._read(raw)
        if moment is None:
            return None
        if self.min is not None and moment < self._limit(self.min):
            raise Invalid(f"Enter a time from {self._limit(self.min):%H:%M} on.")
        if self.max is not None and moment > self._limit(self.max):
            raise Invalid(f"Enter a time until {self._limit(self.max):%H:%M}.")
        return moment

    def _limit(self, limit: Any) -> time:
        return limit if isinstance(limit, time) else time.fromisoformat(str(limit))

    def _read(self, raw: Any) -> time | None:
        text = raw.strip() if isinstance(raw, str) else "?"
        if not text:
            return None
        match = _CLOCK.fullmatch(text)
        if match is None or not (match[2] or match[3]):
            raise Invalid(self._message)
        hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
        if half:
            if not 1 <= hour <= 12:
                raise Invalid(self._message)
            hour = hour % 12 + (12 if half == "p" else 0)
        if hour > 23 or minute > 59:
            raise Invalid(self._message)
        return time(hour, minute)

    def store(self, value: Any) -> int:
        """Minutes since midnight."""
        return int(value.hour * 60 + value.minute)

    def load(self, stored: Any) -> time:
        """The time of day."""
        return time(stored // 60, stored % 60)

    def display(self, value: Any, context: Context) -> str:
        """``16:00``."""
        return "" if value is None else f"{value:%H:%M}"

    def to_csv(self, value: Any, context: Context) -> str:
        """``16:00``."""
        return self.display(value, context)

    def to_json(self, value: Any) -> str | None:
        """``16:00``."""
        return None if value is None else f"{value:%H:%M}"

    def json_schema(self) -> dict[str, Any]:
        """Hours and minutes."""
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
