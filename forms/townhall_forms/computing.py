"""Computed fields: worked out from other values, stored, and never typed."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from datetime import date
from datetime import datetime
from decimal import ROUND_HALF_EVEN
from decimal import Decimal
from typing import TYPE_CHECKING
from typing import Any
from weakref import WeakKeyDictionary

from townhall_forms.context import Context
from townhall_forms.errors import FormsError
from townhall_forms.errors import Invalid
from townhall_forms.faults import Unread
from townhall_forms.faults import holds
from townhall_forms.validating import value_getter
from townhall_forms.values import Money

if TYPE_CHECKING:
    from townhall_forms.fields.base import Field
    from townhall_forms.schema import RecordType

Hook = Callable[["Field", Mapping[str, Any]], Any]

_orders: WeakKeyDictionary[RecordType, tuple[Field, ...]] = WeakKeyDictionary()


def dependencies(record_type: RecordType) -> Mapping[str, frozenset[str]]:
    """For each computed field, the paths from which it is worked out; none for a hook, which may read everything."""
    return {name: dependencies_of(field) for name, field in record_type.fields.items() if field.compute}


def dependencies_of(field: Field) -> frozenset[str]:
    """The paths from which a computed field is worked out."""
    paths: Iterable[str] = ()
    for way, operand in (field.compute or {}).items():
        if way != "hook":
            paths = operand if isinstance(operand, list | tuple) else (str(operand),)
    return frozenset(paths)


def in_order(record_type: RecordType) -> tuple[Field, ...]:
    """The computed fields, each after those that it is worked out from; hooks come last."""
    order = _orders.get(record_type)
    if order is None:
        order = _orders[record_type] = _sorted(record_type)
    return order


def _sorted(record_type: RecordType) -> tuple[Field, ...]:
    needs = {name: {path.partition(".")[0] for path in paths} for name, paths in dependencies(record_type).items()}
    hooks = [name for name in needs if "hook" in (record_type.fields[name].compute or {})]
    waiting = [*(name for name in needs if name not in hooks), *hooks]
    done: list[str] = []
    while waiting:
        ready = [name for name in waiting if not (needs[name] - {name}) & set(waiting)]
        if not ready:
            raise FormsError(f"These fields are computed from each other: {', '.join(waiting)}.")
        done.append(ready[0])
        waiting.remove(ready[0])
    return tuple(record_type.fields[name] for name in done)


def compute(
    record_type: RecordType, values: Mapping[str, Any], context: Context, hook: Hook | None = None
) -> dict[str, Any]:
    """The computed fields' values for a record with ``values``. Without ``hook``, those of hooks stay as they are."""
    present = dict(values)
    get = value_getter(record_type, present, context)
    computed: dict[str, Any] = {}
    for field in in_order(record_type):
        ((way, operand),) = (field.compute or {"": ""}).items()
        if any(holds(Unread, get(path)) for path in dependencies_of(field)):
            result = values.get(field.name)  # stays what it was, like that of which nobody can say what it is
        elif way == "hook":
            result = hook(field, present) if hook is not None else values.get(field.name)
        elif way == "days_between":
            result = _days_between(get(operand[0]), get(operand[1]), context)
        elif way == "average":
            result = _average(record_type, str(operand), present, get, context)
        else:
            result = _WAYS[way](get(str(operand)))
        present[field.name] = computed[field.name] = _fitted(field, result, context)
    return computed


def _fitted(field: Field, result: Any, context: Context) -> Any:
    """A result in the form in which its field keeps values; one that doesn't fit is no result."""
    try:
        return require_fitting(field, result, context)
    except Invalid:
        return None


def require_fitting(field: Field, result: Any, context: Context) -> Any:
    """A result in the form in which its field keeps values. Raises :class:`~townhall_forms.errors.Invalid`."""
    if result is None:
        return None
    if isinstance(result, Decimal) and field.type_name in ("decimal", "percent"):
        result = result.quantize(Decimal(1).scaleb(-(2 if field.decimals is None else field.decimals)), ROUND_HALF_EVEN)
    return field.parse(result, context)


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return [part for part in value if part is not None] if isinstance(value, tuple | list) else [value]


def _sum(value: Any) -> Any:
    """The sum of what is there; nothing at all when there is nothing. Money of two currencies has no sum."""
    parts = _several(value)
    if not parts:
        return None
    if isinstance(parts[0], Money):
        if any(part.currency != parts[0].currency for part in parts):
            return None
        return Money(sum(part.minor for part in parts), parts[0].currency)
    return sum(parts[1:], start=parts[0])


def _count(value: Any) -> int:
    return len(_several(value))


def _least(value: Any) -> Any:
    return min(_several(value), key=_rank, default=None)


def _greatest(value: Any) -> Any:
    return max(_several(value), key=_rank, default=None)


def _rank(value: Any) -> Any:
    return value.minor if isinstance(value, Money) else value


def _copy(value: Any) -> Any:
    return value


_WAYS: Mapping[str, Callable[[Any], Any]] = {
    "sum": _sum,
    "count": _count,
    "min": _least,
    "max": _greatest,
    "copy": _copy,
}


def _days_between(start: Any, end: Any, context: Context) -> int | None:
    """Days from one day to another in the town's zone; negative when the end comes first."""
    first, last = _day(start, context), _day(end, context)
    return None if first is None or last is None else (last - first).days


def _day(value: Any, context: Context) -> date | None:
    if isinstance(value, datetime):
        return value.astimezone(context.zone).date()
    return value if isinstance(value, date) else None


def _average(
    record_type: RecordType, path: str, values: Mapping[str, Any], get: Callable[[str], Any], context: Context
) -> Decimal | None:
    """The average of numbers; of answers, weighted by their questions' weights. Missing ones don't count."""
    field: Any = record_type.fields.get(path)
    if field is not None and field.type_name == "answers":
        weighted = _weighted(field, values, context)
    else:
        weighted = [(_decimal(part), 1) for part in _several(get(path))]
    pairs = [(number, weight) for number, weight in weighted if number is not None and weight > 0]
    total = sum(weight for _, weight in pairs)
    return sum((number * weight for number, weight in pairs), start=Decimal(0)) / total if total else None


def _weighted(field: Any, values: Mapping[str, Any], context: Context) -> list[tuple[Decimal | None, int]]:
    """Each number that was answered with the weight of its question (1 unless it says; 0 leaves it out)."""
    given = values.get(field.name)
    questions = field.bind(values, context).asked
    if given is None or questions is None:
        return []
    weights = {
        question.code: 1 if question.weight is None else int(question.weight)
        for question in questions.at(given.version)
    }
    return [(_decimal(answer), weights.get(code, 1)) for code, answer in given.values.items()]


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, Money):
        return value.amount
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    # A mark out of a list of choices is kept as its text.
    return Decimal(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None
