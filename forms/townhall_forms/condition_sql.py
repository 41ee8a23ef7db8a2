"""Conditions as SQL: the same truth as in Python, on SQLite and PostgreSQL.

Each test is TRUE or FALSE and never NULL, so that ``not`` means the same as everywhere. What a path is in the
database is told by the caller, as a :class:`SqlOperand`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from decimal import ROUND_CEILING
from decimal import ROUND_FLOOR
from decimal import Decimal
from typing import Any
from typing import cast
from zoneinfo import ZoneInfo

from peewee import SQL
from peewee import Expression
from peewee import fn

from townhall_forms.conditions import Condition
from townhall_forms.conditions import Group
from townhall_forms.conditions import Leaf
from townhall_forms.instants import to_microseconds
from townhall_forms.kinds import Kind
from townhall_forms.operands import ActorOperand
from townhall_forms.operands import Environment
from townhall_forms.operands import Literal
from townhall_forms.operands import Moment
from townhall_forms.operands import Operand
from townhall_forms.operands import OtherField
from townhall_forms.text import normalise

_LARGEST = 2**63 - 1
TRUE = SQL("(1 = 1)")
FALSE = SQL("(1 = 0)")


@dataclass(frozen=True, slots=True)
class SqlOperand:
    """What a path is in the database.

    ``column`` holds values as they compare: the normalised key of a text, the code of a choice, the JSON list of
    choices, a number as an integer with ``scale`` digits after the point, a day's ordinal, microseconds since 1970,
    minutes since midnight, an id. Of a reference it holds the id and ``type_column`` the identity.

    ``exists`` wraps a test of the column in ``EXISTS (…)`` where the column is not in the record's own row: behind a
    link, in rows, in links. For a kind that can only be asked whether it is empty, ``column`` is any column that is
    NULL when it is.
    """

    kind: Kind
    column: Any
    scale: int = 0
    exists: Callable[[Any], Any] | None = None
    type_column: Any = None


def compile_condition(
    condition: Condition, operands: Callable[[str], SqlOperand], environment: Environment
) -> Expression:
    """``condition`` as an expression. ``operands`` tells what a path is in the database."""
    return cast(Expression, _Compiler(operands, environment).node(condition.root))


class _Compiler:
    def __init__(self, operands: Callable[[str], SqlOperand], environment: Environment) -> None:
        self.operands = operands
        self.environment = environment

    def node(self, node: Leaf | Group) -> Any:
        if isinstance(node, Leaf):
            return self.leaf(node)
        parts = [self.node(member) for member in node.members]
        if node.name == "all":
            return _joined(parts, all_of=True)
        found = _joined(parts, all_of=False)
        return found if node.name == "any" else ~found

    def leaf(self, leaf: Leaf) -> Any:
        found = self.operands(leaf.path)
        if leaf.operator == "empty":
            if leaf.wanted and found.exists is None and found.kind not in _MAY_BE_BLANK:
                return found.column.is_null()  # so said, SQLite knows it for what partial indexes ask
            present = _anywhere(found, _present(found))
            return ~present if leaf.wanted else present
        if leaf.operator in ("ne", "not_in"):
            return ~self.positive(found, "eq" if leaf.operator == "ne" else "in", leaf.operands)
        return self.positive(found, leaf.operator, leaf.operands)

    def positive(self, found: SqlOperand, operator: str, operands: tuple[Operand, ...]) -> Any:
        """A test that is no negation: some value passes it."""
        if operator == "in":
            return _joined([self.positive(found, "eq", (operand,)) for operand in operands], all_of=False)
        if operator == "between" and isinstance(operands[0], OtherField) | isinstance(operands[1], OtherField):
            return self.between_fields(found, operands)
        if operator == "between":
            tests = [self.test(found, "gte", operands[0]), self.test(found, "lte", operands[1])]
            return _anywhere(found, _joined(tests, all_of=True))
        operand = operands[0]
        if isinstance(operand, OtherField):
            other = self.operands(operand.path)
            return _anywhere(found, _anywhere(other, _two_columns(found, operator, other)))
        return _anywhere(found, self.test(found, operator, operand))

    def between_fields(self, found: SqlOperand, operands: tuple[Operand, ...]) -> Any:
        """Both limits must be kept by the same value, so everything stands inside its EXISTS."""
        tests = []
        for operator, operand in zip(("gte", "lte"), operands, strict=True):
            if isinstance(operand, OtherField):
                other = self.operands(operand.path)
                tests.append(_anywhere(other, _two_columns(found, operator, other)))
            else:
                tests.append(self.test(found, operator, operand))
        return _anywhere(found, _joined(tests, all_of=True))

    def test(self, found: SqlOperand, operator: str, operand: Operand) -> Any:
        """A test of the column against a value."""
        value = self.value(operand, found.kind)
        if value is None:
            return FALSE
        if found.kind in ("text", "code"):
            return _text_test(found.column, operator, _as_text(value, found.kind))
        if found.kind == "codes":
            return _codes_test(found.column, operator, value)
        if found.kind == "number":
            return _number_test(found.column, operator, value, found.scale)
        if found.kind == "datetime":
            return _instant_test(found.column, operator, value, self.environment.zone)
        if found.kind == "reference":
            return _reference_test(found, operator, value)
        stored = _stored(value, found.kind)
        return FALSE if stored is None else _compared(found.column, operator, stored, found.kind)

    def value(self, operand: Operand, kind: Kind) -> Any:
        """The operand's value now; ``None`` when it has none."""
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Moment):
            if kind in ("text", "code", "codes"):
                return operand.text
            at_once = operand.base == "now" and kind == "datetime"
            return operand.instant(self.environment) if at_once else operand.day(self.environment)
        return self.environment.actor_id if isinstance(operand, ActorOperand) else None


def _joined(parts: list[Any], *, all_of: bool) -> Any:
    if not parts:
        return TRUE if all_of else FALSE
    joined = parts[0]
    for part in parts[1:]:
        joined = (joined & part) if all_of else (joined | part)
    return joined


def _anywhere(found: SqlOperand, test: Any) -> Any:
    return found.exists(test) if found.exists is not None else test


#: Kinds of value of which an empty one may be stored as something.
_MAY_BE_BLANK = frozenset({"text", "code", "codes"})


def _present(found: SqlOperand) -> Any:
    if found.kind in ("text", "code"):
        return found.column.is_null(False) & (found.column != "")
    if found.kind == "codes":
        return found.column.is_null(False) & (found.column != "[]")
    return found.column.is_null(False)


def _sure(column: Any, test: Any) -> Any:
    """``test`` of a column that may be NULL, made FALSE where it is."""
    return column.is_null(False) & test


# -- tests of each kind ---------------------------------------------------------------------------------------------

_COMPARES: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda left, right: left == right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}
_ORDERED: frozenset[Kind] = frozenset({"number", "date", "datetime", "time"})


def _compared(column: Any, operator: str, stored: Any, kind: Kind) -> Any:
    if kind == "links" and operator == "contains":
        operator = "eq"
    if operator != "eq" and (kind not in _ORDERED or operator not in _COMPARES):
        return FALSE
    return _sure(column, _COMPARES[operator](column, stored))


def _as_text(value: Any, kind: Kind) -> str | None:
    if not isinstance(value, str):
        return None
    return normalise(value) if kind == "text" else value


def _text_test(column: Any, operator: str, value: str | None) -> Any:
    if not value:
        return FALSE
    if operator == "eq":
        return _sure(column, column == value)
    if operator == "contains":
        # REPLACE is the one search for a part of a text that both engines do alike, case and all.
        return _sure(column, fn.REPLACE(column, value, "") != column)
    if operator == "starts_with":
        return _sure(column, fn.SUBSTR(column, 1, len(value)) == value)
    return FALSE


def _codes_test(column: Any, operator: str, value: Any) -> Any:
    """A member of a list that is kept as JSON text."""
    if operator not in ("eq", "contains") or not isinstance(value, str) or not value:
        return FALSE
    return _sure(column, fn.REPLACE(column, json.dumps(value, ensure_ascii=False), "") != column)


def _number_test(column: Any, operator: str, value: Any, scale: int) -> Any:
    """Against a value that may have more digits than the column keeps."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return FALSE
    exact = Decimal(value).scaleb(scale)
    low = int(exact.to_integral_value(rounding=ROUND_FLOOR))
    high = int(exact.to_integral_value(rounding=ROUND_CEILING))
    if operator == "eq":
        return _sure(column, column == low) if low == high and abs(low) <= _LARGEST else FALSE
    if operator not in _COMPARES:
        return FALSE
    limit = max(-_LARGEST, min(_LARGEST, high if operator in ("lt", "gte") else low))
    return _sure(column, _COMPARES[operator](column, limit))


def _instant_test(column: Any, operator: str, value: Any, zone: ZoneInfo) -> Any:
    """Against an instant, or a whole day in the town's zone."""
    if isinstance(value, datetime):
        at = to_microseconds(value if value.tzinfo is not None else value.replace(tzinfo=zone))
        return _sure(column, _COMPARES[operator](column, at)) if operator in _COMPARES else FALSE
    if not isinstance(value, date):
        return FALSE
    starts = _midnight(value, zone)
    ends = _midnight(value + timedelta(days=1), zone) if value < date.max else _LARGEST
    test = {
        "eq": (column >= starts) & (column < ends),
        "lt": column < starts,
        "lte": column < ends,
        "gt": column >= ends,
        "gte": column >= starts,
    }.get(operator)
    return FALSE if test is None else _sure(column, test)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return to_microseconds(datetime.combine(day, time(), zone))


def _reference_test(found: SqlOperand, operator: str, value: Any) -> Any:
    if operator != "eq" or not isinstance(value, str):
        return FALSE
    identity, _, number = value.rpartition(":")
    return _sure(found.column, (found.column == int(number)) & (found.type_column == identity))


def _stored(value: Any, kind: Kind) -> Any:
    """How the column holds a value of the kind; ``None`` for a value of another sort."""
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind in ("link", "links", "staff"):
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if kind == "date":
        return value.toordinal() if isinstance(value, date) and not isinstance(value, datetime) else None
    if kind == "time":
        return value.hour * 60 + value.minute if isinstance(value, time) else None
    return None


def _two_columns(found: SqlOperand, operator: str, other: SqlOperand) -> Any:
    """One column against another, when they are of one kind."""
    one = {"codes": "code", "links": "link"}.get(found.kind, found.kind)
    if one != other.kind or one in ("presence", "any"):
        return FALSE
    left, right = found.column, other.column
    both = left.is_null(False) & right.is_null(False)
    if one == "reference":
        return both & (left == right) & (found.type_column == other.type_column) if operator == "eq" else FALSE
    if one == "text" or found.kind == "code":
        return _two_texts(left, operator, right, one)
    if found.kind == "codes":
        member = fn.REPLACE(left, SQL("'\"'").concat(right).concat(SQL("'\"'")), "") != left
        return both & (right != "") & member if operator in ("eq", "contains") else FALSE
    if operator == "contains" and found.kind == "links":
        operator = "eq"
    if operator != "eq" and (one not in _ORDERED or operator not in _COMPARES):
        return FALSE
    if found.scale != other.scale:
        left = left * 10 ** max(0, other.scale - found.scale)
        right = right * 10 ** max(0, found.scale - other.scale)
    return both & _COMPARES[operator](left, right)


def _two_texts(left: Any, operator: str, right: Any, kind: str) -> Any:
    both = left.is_null(False) & right.is_null(False) & (left != "") & (right != "")
    if operator == "eq":
        return both & (left == right)
    if operator == "contains" and kind == "text":
        return both & (fn.REPLACE(left, right, "") != left)
    if operator == "starts_with" and kind == "text":
        return both & (fn.SUBSTR(left, 1, fn.LENGTH(right)) == right)
    return FALSE
