"""Values that a schema itself holds: defaults that a field would refuse, and limits that nothing can keep."""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import Any
from typing import cast
from zoneinfo import ZoneInfo

from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.fields.dates import limit_day
from townhall_forms.fields.files import FILE_GROUPS
from townhall_forms.fields.numbers import read_number
from townhall_forms.kinds import did_you_mean

if TYPE_CHECKING:
    from townhall_forms.linting import Subject

_WORDS = {"staff": ("actor",), "date": ("today",), "datetime": ("today", "now")}
#: Their values are records, people, files or questions: whether one fits is known only in a town.
_OF_THE_TOWN = frozenset(
    {"staff", "reference", "answers", "questions", "file", "files", "link", "links", "rows", "place"}
)
_EXACT = frozenset({"decimal", "money", "percent"})
_MISSHAPEN = (Invalid, ValueError, TypeError, AttributeError)


class _Nowhere:
    """What a field asks of its surroundings when it reads a plain value, in no town in particular."""

    zone = ZoneInfo("UTC")
    currency = "USD"
    language = "en"
    country = "US"
    actor_id = None

    def now(self) -> datetime:
        """A moment; which one does not matter."""
        return datetime(2026, 1, 1, tzinfo=UTC)

    def today(self) -> date:
        """The day of that moment."""
        return date(2026, 1, 1)


_NOWHERE = cast("Context", _Nowhere())


def lint_values(subject: Subject) -> None:
    """Note limits that are none, or that leave no room, and defaults that the field itself would refuse."""
    for name, field in subject.type.fields.items():
        for at, one in (
            (f"fields.{name}", field),
            *((f"fields.{name}.fields.{c.name}", c) for c in field.row_fields.values()),
        ):
            _files(subject, one, at)
            if _limits(subject, one, at):
                _default(subject, one, at)


def _files(subject: Subject, field: Field, at: str) -> None:
    """An ending that is a group's name mistyped would refuse every file."""
    for entry in field.accept:
        near = get_close_matches(entry.lower(), FILE_GROUPS, n=1, cutoff=0.7)
        if near and entry.lower() not in FILE_GROUPS:
            subject.report.add(f"{at}.accept", f"“{entry}” is no group of files{did_you_mean(entry, FILE_GROUPS)}")


def _limits(subject: Subject, field: Field, at: str) -> bool:
    """Whether the field's limits can be kept."""
    found: dict[str, Any] = {}
    for key, given in (("min", field.min), ("max", field.max)):
        if given is None:
            continue
        try:
            found[key] = _limit(field, given)
        except _MISSHAPEN:
            subject.report.add(f"{at}.{key}", f"“{given}” can't be a limit of {field.type_name}")
            return False
    for least, most, key in (
        (found.get("min"), found.get("max"), "max"),
        (field.min_length, field.max_length, "max_length"),
    ):
        if least is not None and most is not None and most < least:
            subject.report.add(f"{at}.{key}", f"“{most}” is less than the least, “{least}”, so nothing would fit")
            return False
    return True


def _limit(field: Field, given: Any) -> Any:
    if field.type_name in ("date", "datetime"):
        return limit_day(given, _NOWHERE)
    if field.type_name == "time":
        return given if isinstance(given, time) else time.fromisoformat(str(given))
    number = read_number(given) if field.type_name in _EXACT else given
    if number is None or isinstance(number, bool | str | float):
        raise ValueError(given)
    return number


def _default(subject: Subject, field: Field, at: str) -> None:
    default = field.default
    if default is None or field.is_computed:
        return
    words = _WORDS.get(field.type_name, ())
    if default in words or field.type_name in _OF_THE_TOWN:
        return
    try:
        field.parse(default, _NOWHERE)
    except _MISSHAPEN as error:
        reason = error.message if isinstance(error, Invalid) else f"It is no {field.type_name}."
        also = f" It takes {' and '.join(words)} too." if words else ""
        subject.report.add(
            f"{at}.default", f"“{default}” would be refused, so new records would begin empty: {reason}{also}"
        )
