"""The right-hand side of a condition: literals, other fields, and values that move with the calendar or the person."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from decimal import Decimal
from decimal import InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from townhall_forms.errors import FormsError
from townhall_forms.instants import on_day
from townhall_forms.kinds import Kind
from townhall_forms.kinds import PathInfo
from townhall_forms.kinds import did_you_mean
from townhall_forms.text import normalise
from townhall_forms.text import whole_number

_MOMENT = re.compile(r"(today|now)(?:\s*([+-])\s*(\d{1,5})\s*([hdwmy]))?")


class InvalidOperand(FormsError):
    """A value can't stand where it was written; the message says what can."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What moves while a condition stays the same: the present, the town's zone, and who is asking."""

    now: datetime
    today: date
    actor_id: int | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that was written down, already in the form in which its kind compares."""

    value: Any

    def to_json(self) -> Any:
        """The value for ``conditions.js``."""
        return _literal_json(self.value)


@dataclass(frozen=True, slots=True)
class OtherField:
    """The value of another field of the same record."""

    path: str
    kind: Kind = "any"

    def to_json(self) -> Any:
        """The reference for ``conditions.js``."""
        return {"field": self.path, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Moment:
    """``today`` or ``now`` with an offset: ``today+30d``, ``now-4h``. Units: h, d, w, m (months), y."""

    base: str
    amount: int
    unit: str
    text: str

    def to_json(self) -> Any:
        """The words for ``conditions.js``, which counts the same way."""
        return {"moment": self.text}

    def day(self, environment: Environment) -> date:
        """The day meant, in the town's zone."""
        if self.base == "now" and self.unit == "h":
            return self.instant(environment).astimezone(environment.zone).date()
        return _moved_day(environment.today, self.amount, self.unit)

    def instant(self, environment: Environment) -> datetime:
        """The instant meant. Days, weeks, months and years keep the clock on the wall; hours are real hours."""
        if self.unit in ("h", ""):
            return environment.now + timedelta(hours=self.amount)
        local = environment.now.astimezone(environment.zone)
        moved = _moved_day(local.date(), self.amount, self.unit)
        return on_day(moved, local.time(), environment.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class ActorOperand:
    """Whoever is asking."""

    def to_json(self) -> Any:
        """The word for ``conditions.js``."""
        return {"actor": True}


Operand = Literal | OtherField | Moment | ActorOperand


def parse_operand(raw: Any, info: PathInfo | None) -> Operand:
    """Read one operand for a field of which ``info`` is known. Raises :class:`InvalidOperand`."""
    if isinstance(raw, dict):
        if set(raw) == {"field"} and isinstance(raw["field"], str):
            return OtherField(raw["field"])
        raise InvalidOperand('write { field = "other_field" } to compare with another field')
    kind = info.kind if info is not None else "any"
    if kind == "staff" and raw == "actor":
        return ActorOperand()
    if kind in ("date", "datetime", "any") and isinstance(raw, str) and (moment := parse_moment(raw)) is not None:
        if moment.unit == "h" and (kind == "date" or moment.base == "today"):
            raise InvalidOperand('hours are counted from "now" and only on a time; count days with d, w, m or y')
        return moment
    return Literal(_LITERALS[kind](raw, info))


def parse_moment(text: str) -> Moment | None:
    """``"today+30d"`` as a moment; ``None`` for any other text."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    base, sign, amount, unit = found.groups()
    signed = int(amount or 0) * (-1 if sign == "-" else 1)
    return Moment(base, signed, unit or "", f"{base}{sign}{amount}{unit}" if unit else base)


def _moved_day(day: date, amount: int, unit: str) -> date:
    """``day`` moved by whole units; the 31st becomes the last day of a shorter month."""
    if unit in ("m", "y"):
        months = day.year * 12 + day.month - 1 + amount * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            return date.min if year < 1 else date.max
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    try:
        return day + timedelta(days=amount * (7 if unit == "w" else 1))
    except OverflowError:
        return date.min if amount < 0 else date.max


# -- literals of each kind ------------------------------------------------------------------------------------------


def _text(raw: Any, info: PathInfo | None) -> str:
    if isinstance(raw, str):
        return normalise(raw)
    raise InvalidOperand("needs a text in quotes")


def _code(raw: Any, info: PathInfo | None) -> str:
    if not isinstance(raw, str):
        raise InvalidOperand("needs one of its choices, in quotes")
    known = info.choices if info is not None else None
    if known is not None and raw not in known:
        near = did_you_mean(raw, known) or f": {', '.join(sorted(known))}"
        raise InvalidOperand(f"“{raw}” is not one of its choices{near}")
    return raw


def _number(raw: Any, info: PathInfo | None) -> Decimal:
    raw = getattr(raw, "amount", raw)
    if isinstance(raw, int | float | Decimal | str) and not isinstance(raw, bool):
        try:
            number = Decimal(str(raw))
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise InvalidOperand("needs a number")


def _boolean(raw: Any, info: PathInfo | None) -> bool:
    if isinstance(raw, bool):
        return raw
    if raw in ("true", "false"):
        return bool(raw == "true")
    raise InvalidOperand("needs true or false")


def _date(raw: Any, info: PathInfo | None) -> date:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if isinstance(raw, str):
        try:
            return date.fromisoformat(raw.strip())
        except ValueError:
            pass
    raise InvalidOperand('needs a day like 2026-05-31, or words like "today+30d"')


def _datetime(raw: Any, info: PathInfo | None) -> date | datetime:
    """A day means the whole day in the town's zone; a time without a zone is the town's."""
    if isinstance(raw, date):
        return raw
    if isinstance(raw, str):
        try:
            return date.fromisoformat(raw) if len(raw.strip()) == len("2026-05-31") else datetime.fromisoformat(raw)
        except ValueError:
            pass
    raise InvalidOperand('needs a day or time like 2026-05-31T14:00, or words like "now-4h"')


def _time(raw: Any, info: PathInfo | None) -> time:
    if isinstance(raw, time):
        return raw.replace(second=0, microsecond=0)
    if isinstance(raw, str):
        try:
            return time.fromisoformat(raw.strip()).replace(second=0, microsecond=0)
        except ValueError:
            pass
    raise InvalidOperand('needs a time like "14:30"')


def _id(raw: Any, info: PathInfo | None) -> int:
    if isinstance(raw, str):
        raw = whole_number(raw)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    raise InvalidOperand("needs the id of a record; compare a field of it instead, like “category.code”")


def _staff(raw: Any, info: PathInfo | None) -> int:
    try:
        return _id(raw, info)
    except InvalidOperand:
        raise InvalidOperand('needs "actor" (whoever is asking) or the id of a person') from None


def _reference(raw: Any, info: PathInfo | None) -> str:
    text = raw if isinstance(raw, str) else f"{getattr(raw, 'identity', '')}:{getattr(raw, 'id', '')}"
    if re.fullmatch(r"\w+\.\w+:\d+", text):
        return text
    raise InvalidOperand('needs a record like "core.contact:12"')


def _presence(raw: Any, info: PathInfo | None) -> Any:
    raise InvalidOperand("can only be asked whether it is empty")


def _any(raw: Any, info: PathInfo | None) -> Any:
    raw = getattr(raw, "amount", raw)
    if isinstance(raw, float):
        return Decimal(str(raw))
    if isinstance(raw, str | bool | int | Decimal | date | time):
        return raw
    raise InvalidOperand("needs a text, a number, a day or true or false")


_LITERALS = {
    "text": _text,
    "code": _code,
    "codes": _code,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "link": _id,
    "links": _id,
    "staff": _staff,
    "reference": _reference,
    "presence": _presence,
    "any": _any,
}


def _literal_json(value: Any) -> Any:
    """Texts, whole numbers and booleans as they are; others say what they are."""
    if isinstance(value, Decimal):
        return {"number": format(value, "f")}
    if isinstance(value, time):
        return {"time": value.strftime("%H:%M")}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return value
