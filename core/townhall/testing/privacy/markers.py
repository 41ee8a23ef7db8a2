"""Values that stand nowhere else: each can be told again wherever it is written, and in whatever form."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from datetime import timedelta
from itertools import count
from typing import Any

from townhall_forms.fields.base import Field

_LETTERS = "bcdfghjkmnpqrstvwxz"
_LENGTH = 10
#: Numbers, telephone numbers and places begin alike, and go on with a number of their own.
_MOST = 9_999
_FIRST_DAY = date(2140, 1, 1)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_WORD = re.compile(r"zq[bcdfghjkmnpqrstvwxz]{8}")
_NUMBER = re.compile(r"76[.,\s]?54(\d)[.,\s]?(\d{3})")
_PHONE = re.compile(r"513[\s).\u00a0-]*234[\s.\u00a0-]*(\d{4})")
_PLACE = re.compile(r"39\.3(\d{4})")
_ISO = re.compile(r"(2[12]\d\d)-?(0\d|1[0-2])-?([0-3]\d)(?!\d)")
#: A day in words ends with its year, and few numbers look like one: what stands before it is looked at then.
_YEAR = re.compile(r"2[12]\d\d\b")
_BEFORE_YEAR = 20
_DAY_LAST = re.compile(r"\b([A-Za-z]{3,9})\.? (\d{1,2}),? \Z")
_DAY_FIRST = re.compile(r"\b(\d{1,2})\.? ([A-Za-z]{3,9})\.? \Z")


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a value was planted, and who it is for.

    ``path`` is a field, ``field.column`` or ``field.question``; ``level`` its privacy. ``sure`` says that whoever may
    see it should find it somewhere.
    """

    key: str
    identity: str
    record: str
    path: str
    level: str
    sure: bool = True

    @property
    def field(self) -> str:
        """The field that it is in."""
        return self.path.partition(".")[0]


class Mint:
    """Makes values that were never made before."""

    def __init__(self) -> None:
        self._counts = count(1)

    def value(self, field: Field) -> tuple[str, Any] | None:
        """What tells a value again, and the value as a form could bring it; ``None`` if the field can't hold one."""
        make = _MAKERS.get(field.type_name)
        if make is None or field.choices or field.pattern:
            return None
        return make(next(self._counts), field)

    def word(self) -> str:
        """A word."""
        return word(next(self._counts))


def found_in(text: str) -> set[str]:
    """What tells all values again that stand in a text."""
    found = set(_WORD.findall(text.lower()))
    found |= {f"number:{int(first + rest)}" for first, rest in _NUMBER.findall(text)}
    found |= {f"phone:{int(rest)}" for rest in _PHONE.findall(text)}
    found |= {f"place:{int(rest)}" for rest in _PLACE.findall(text)}
    found |= {f"day:{year}-{month}-{day}" for year, month, day in _ISO.findall(text)}
    for year in _YEAR.finditer(text):
        before = text[max(0, year.start() - _BEFORE_YEAR) : year.start()]
        if last := _DAY_LAST.search(before):
            found |= _day(year[0], last[1], last[2])
        elif first := _DAY_FIRST.search(before):
            found |= _day(year[0], first[2], first[1])
    return found


def word(number: int) -> str:
    """A word that stands nowhere else, the same each time."""
    state, letters = number * 7919 + 104_729, []
    for _ in range(_LENGTH - 2):
        state, place = divmod(state, len(_LETTERS))
        letters.append(_LETTERS[place])
        state = state * 31 + number
    return "zq" + "".join(letters)


def _day(year: str, month: str, day: str) -> set[str]:
    short = month[:3].lower()
    return {f"day:{year}-{_MONTHS.index(short) + 1:02}-{int(day):02}"} if short in _MONTHS else set()


def _text(number: int, field: Field) -> tuple[str, Any] | None:
    if field.max_length is not None and field.max_length < _LENGTH:
        return None
    made = word(number)
    return made, made.ljust(field.min_length or 0, "x")


def _date(number: int, field: Field) -> tuple[str, Any]:
    day = (_FIRST_DAY + timedelta(days=number)).isoformat()
    return f"day:{day}", f"{day} 10:00" if field.type_name == "datetime" else day


def _number(number: int, field: Field) -> tuple[str, Any] | None:
    value = 76_540_000 + number % _MOST
    too_much = field.max is not None and value > field.max
    return None if too_much or (field.min is not None and value < field.min) else (f"number:{number % _MOST}", value)


def _address(number: int, field: Field) -> tuple[str, Any]:
    line = f"{word(number)} Street"
    rest = {"city": "Milbrook", "region": "OH", "postal_code": "45013", "country": "US"}
    return word(number), {"line1": line, **rest}


_MAKERS: Mapping[str, Callable[[int, Field], tuple[str, Any] | None]] = {
    "text": _text,
    "longtext": _text,
    "email": lambda number, field: (word(number), f"{word(number)}@post.example"),
    "url": lambda number, field: (word(number), f"https://milbrook.example/{word(number)}"),
    "phone": lambda number, field: (f"phone:{number % _MOST}", f"+1513234{number % _MOST:04}"),
    "address": _address,
    "place": lambda number, field: (
        f"place:{number % _MOST}",
        {"latitude": f"39.3{number % _MOST:04}0", "longitude": "-84.560000"},
    ),
    "integer": _number,
    "decimal": _number,
    "money": _number,
    "date": _date,
    "datetime": _date,
}
