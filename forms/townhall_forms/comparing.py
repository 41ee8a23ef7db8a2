"""Comparing values in Python: what a condition's test means. SQL and JavaScript have the same rules."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from townhall_forms.kinds import Kind
from townhall_forms.operands import ActorOperand
from townhall_forms.operands import Environment
from townhall_forms.operands import Literal
from townhall_forms.operands import Moment
from townhall_forms.operands import Operand
from townhall_forms.operands import OtherField
from townhall_forms.text import normalise

_EXACT: frozenset[Kind] = frozenset({"code", "codes", "reference"})
#: Kinds of which "contains" asks for a member and not for a part of a text.
_SETS: frozenset[Kind] = frozenset({"codes", "links"})
_COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
    "contains": lambda left, right: isinstance(left, str) and right != "" and right in left,
    "starts_with": lambda left, right: isinstance(left, str) and right != "" and left.startswith(right),
}
_ORDERING = frozenset({"lt", "lte", "gt", "gte"})


def is_missing(value: Any) -> bool:
    """Whether there is nothing: no value, no text, or a set of values of which each is missing."""
    if type(value) is str:
        return not value
    if value is None or value == "":
        return True
    if isinstance(value, tuple | list):
        return all(is_missing(part) for part in value)
    values = getattr(value, "values", None)
    return isinstance(values, dict) and not values


def plain_codes(operator: str, operands: tuple[Operand, ...], kind: Kind) -> frozenset[str] | None:
    """The codes that a test of a single code asks for, if it is no more than that; most tests of schemas are.

    A text passes such a test exactly when it is one of them: :func:`fits` without the work.
    """
    if kind != "code" or operator not in ("eq", "in", "ne", "not_in"):
        return None
    codes = frozenset(
        operand.value for operand in operands if isinstance(operand, Literal) and type(operand.value) is str
    )
    return codes if len(codes) == len(set(operands)) and "" not in codes else None


def fits(
    value: Any,
    operator: str,
    operands: tuple[Operand, ...],
    kind: Kind,
    get: Callable[[str], Any],
    environment: Environment,
) -> bool:
    """Whether one of the values in ``value`` passes a test that is not a negation and not ``empty``."""
    if value is None:
        return False
    exact = kind in _EXACT
    if operator == "contains" and (kind in _SETS or (kind == "any" and isinstance(value, tuple | list))):
        operator = "eq"
    for left in (value,) if isinstance(value, str | int) and value != "" else _each(value):
        if operator == "in":
            if any(_compare(left, "eq", operand, kind, exact, get, environment) for operand in operands):
                return True
        elif operator == "between":
            low, high = operands
            if _compare(left, "gte", low, kind, exact, get, environment) and _compare(
                left, "lte", high, kind, exact, get, environment
            ):
                return True
        elif _compare(left, operator, operands[0], kind, exact, get, environment):
            return True
    return False


def _each(value: Any) -> Iterator[Any]:
    """The single values in a value; none for a missing one."""
    if isinstance(value, tuple | list):
        for part in value:
            yield from _each(part)
    elif value is not None and value != "":
        yield value


def _compare(
    left: Any,
    operator: str,
    operand: Operand,
    kind: Kind,
    exact: bool,
    get: Callable[[str], Any],
    environment: Environment,
) -> bool:
    zone = environment.zone
    if isinstance(operand, Literal):
        return _compare_pair(left, operator, operand.value, exact, zone, written=True)
    if isinstance(operand, Moment):
        if isinstance(left, str):
            right: Any = operand.text
        elif operand.base == "now" and isinstance(left, datetime):
            right = operand.instant(environment)
        else:
            right = operand.day(environment)
        return _compare_pair(left, operator, right, exact, zone, written=True)
    if isinstance(operand, ActorOperand):
        return environment.actor_id is not None and _compare_pair(left, operator, environment.actor_id, exact, zone)
    return _comparable_kinds(kind, operand) and any(
        _compare_pair(left, operator, right, exact, zone) for right in _each(get(operand.path))
    )


def _comparable_kinds(kind: Kind, operand: OtherField) -> bool:
    one = {"codes": "code", "links": "link"}.get(kind, kind)
    return one == operand.kind or "any" in (one, operand.kind)


def _compare_pair(left: Any, operator: str, right: Any, exact: bool, zone: ZoneInfo, *, written: bool = False) -> bool:
    """Compare two single values; values of different sorts never fit. ``written`` allows a day against an instant."""
    if isinstance(left, str) and isinstance(right, str):
        if operator in _ORDERING:
            return False
        if not exact:
            left, right = normalise(left), normalise(right)
        return _COMPARES[operator](left, right)
    left, right = _plain(left, zone), _plain(right, zone)
    if isinstance(left, datetime) and not isinstance(right, datetime) and isinstance(right, date) and written:
        left = left.astimezone(zone).date()
    sort = _sort(left)
    if sort == "" or sort != _sort(right) or (operator in _ORDERING and sort == "boolean"):
        return False
    return _COMPARES[operator](left, right)


def _plain(value: Any, zone: ZoneInfo) -> Any:
    """Money as its amount, a reference as its text, and a time without a zone as the town's."""
    if isinstance(value, datetime):
        # In UTC, since Python calls no time equal that comes twice or never in another zone.
        return (value if value.tzinfo is not None else value.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(value, int | Decimal | date | time | str):
        return value
    if hasattr(value, "amount"):
        return value.amount
    if hasattr(value, "identity") and hasattr(value, "id"):
        return f"{value.identity}:{value.id}"
    return value


def _sort(value: Any) -> str:
    """Values of one sort can be compared with each other."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, datetime):
        return "instant"
    if isinstance(value, date):
        return "day"
    if isinstance(value, time):
        return "time"
    return "text" if isinstance(value, str) else ""
