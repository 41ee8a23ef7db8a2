"""The rules between fields, for every door alike: what must be filled, what is hidden or locked, and ``[[checks]]``.

Single values have been parsed before (:meth:`Field.parse`); that something is unique is known only to the store.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import MutableMapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING
from typing import Any
from weakref import WeakKeyDictionary

from townhall_forms.comparing import is_missing
from townhall_forms.conditions import Condition
from townhall_forms.conditions import Get
from townhall_forms.context import Context
from townhall_forms.operands import Environment
from townhall_forms.operands import OtherField

if TYPE_CHECKING:
    from townhall_forms.fields.base import Field
    from townhall_forms.schema import Check
    from townhall_forms.schema import RecordType

__all__ = ["check_record", "clear_hidden", "environment_of", "hidden_fields", "missing_message", "value_getter"]

_ORDERING = frozenset({"lt", "lte", "gt", "gte", "between"})
_CHOSEN = frozenset({"choice", "choices", "link", "links", "staff", "language", "country", "reference"})
_UPLOADED = frozenset({"file", "files"})


@dataclass(slots=True)
class _Plan:
    """The rules of one type, sorted so that a record costs only what its type asks for."""

    required: list[Field] = dataclass_field(default_factory=list)
    conditional: list[Field] = dataclass_field(default_factory=list)
    shown: list[Field] = dataclass_field(default_factory=list)
    locked: list[Field] = dataclass_field(default_factory=list)
    guarded: list[Field] = dataclass_field(default_factory=list)
    cleared: list[tuple[str, Condition]] = dataclass_field(default_factory=list)
    rows: list[tuple[Field, list[Field]]] = dataclass_field(default_factory=list)
    answers: list[Field] = dataclass_field(default_factory=list)
    checks: list[tuple[Check, frozenset[str]]] = dataclass_field(default_factory=list)


_plans: WeakKeyDictionary[RecordType, _Plan] = WeakKeyDictionary()


def _plan_of(record_type: RecordType) -> _Plan:
    plan = _plans.get(record_type)
    if plan is None:
        plan = _plans[record_type] = _make_plan(record_type)
    return plan


def _make_plan(record_type: RecordType) -> _Plan:
    plan = _Plan()
    for field in record_type.fields.values():
        if field.show_if is None and field.required:
            plan.required.append(field)
        elif field.required or field.require_if is not None:
            plan.conditional.append(field)
        if field.show_if is not None:
            plan.shown.append(field)
        if field.lock_if is not None:
            plan.locked.append(field)
        if field.read_only or field.is_computed:
            plan.guarded.append(field)
        if field.show_if is not None and field.when_hidden == "clear":
            plan.cleared.append((field.name, field.show_if))
        ruled = [column for column in field.row_fields.values() if column.required or _has_rules(column)]
        if ruled:
            plan.rows.append((field, ruled))
        if field.type_name == "answers":
            plan.answers.append(field)
    plan.checks = [(check, _ordered_paths(check.require)) for check in record_type.checks]
    return plan


def _has_rules(field: Field) -> bool:
    return field.show_if is not None or field.require_if is not None


def _ordered_paths(condition: Condition) -> frozenset[str]:
    """Paths whose values a condition puts in order, on both sides."""
    paths = set()
    for leaf in condition.leaves():
        if leaf.operator in _ORDERING:
            paths.add(leaf.path)
            paths |= {operand.path for operand in leaf.operands if isinstance(operand, OtherField)}
    return frozenset(paths)


# -- what conditions read -------------------------------------------------------------------------------------------


def environment_of(context: Context) -> Environment:
    """The present, the zone and the person of a context."""
    return Environment(context.now(), context.today(), context.actor_id, context.zone)


def value_getter(
    record_type: RecordType,
    values: Mapping[str, Any],
    context: Context,
    *,
    standard: Mapping[str, Any] | None = None,
) -> Get:
    """What conditions read of a record that may not be stored yet.

    ``values`` is read live. ``standard`` has the standard fields (``state``, ``created``, ...).
    """
    around = standard or {}

    def get(path: str) -> Any:
        if path in values:
            return values[path]
        first, _, rest = path.partition(".")
        value = values[first] if first in values else around.get(first)
        if not rest or value is None:
            return value
        field = record_type.field(first)
        if field is None:
            return None
        if field.row_fields:
            return tuple(row.get(rest) for row in value)
        if field.type_name == "answers":
            return value.values.get(rest)
        return context.value_of(field.target, value, rest) if isinstance(value, int) and field.target else None

    return get


def hidden_fields(record_type: RecordType, get: Get, environment: Environment) -> frozenset[str]:
    """Names of the fields that are not asked, as the record stands."""
    return frozenset(
        field.name
        for field in _plan_of(record_type).shown
        if field.show_if is not None and not field.show_if.evaluate(get, environment)
    )


def clear_hidden(
    record_type: RecordType, values: MutableMapping[str, Any], get: Get, environment: Environment
) -> frozenset[str]:
    """Empty, in place, the fields that are hidden and say ``when_hidden = "clear"``; their names are given back.

    ``get`` must read ``values`` as they become, since what is cleared can hide more.
    """
    cleared: set[str] = set()
    candidates = _plan_of(record_type).cleared
    again = bool(candidates)
    while again:
        again = False
        for name, show_if in candidates:
            if values.get(name) is not None and not show_if.evaluate(get, environment):
                values[name] = None
                cleared.add(name)
                again = True
    return frozenset(cleared)


# -- checking -------------------------------------------------------------------------------------------------------


def check_record(
    record_type: RecordType,
    values: Mapping[str, Any],
    *,
    state: str,
    context: Context,
    get: Get,
    previous: Get | None = None,
    changed: Collection[str] | None = None,
    only: Collection[str] | None = None,
    require_extra: Iterable[str] = (),
    system: bool = False,
    environment: Environment | None = None,
) -> dict[str, str]:
    """A sentence for each path at which a record breaks a rule of its type; nothing when it is in order.

    ``values`` are all values as they are to be; ``get`` reads them by path and ``previous`` the stored ones, by which
    locks are judged. ``changed`` names the fields that somebody set (all, without it). ``only`` limits the rules to
    some fields, as for one page of a form. ``require_extra`` must be filled in whatever the state. ``system`` may set
    what nobody types.
    """
    plan = _plan_of(record_type)
    found = _Checking(values, get, environment or environment_of(context), only)
    found.guarded(plan, previous, changed, system)
    found.required([field for name in require_extra if (field := record_type.all_fields.get(name)) is not None])
    workflow = record_type.workflow
    status = workflow.states.get(state) if workflow is not None else None
    if status is None or not status.incomplete:
        found.required(plan.required)
        found.conditional(plan.conditional)
        for rows, columns in plan.rows:
            found.rows(rows, columns)
        for answers in plan.answers:
            found.answers(answers, context)
    for check, ordered in plan.checks:
        found.check(check, ordered)
    return found.errors


@dataclass(slots=True)
class _Checking:
    """One record being checked."""

    values: Mapping[str, Any]
    get: Get
    environment: Environment
    only: Collection[str] | None
    errors: dict[str, str] = dataclass_field(default_factory=dict)

    def asked(self, name: str) -> bool:
        return self.only is None or name in self.only

    def guarded(self, plan: _Plan, previous: Get | None, changed: Collection[str] | None, system: bool) -> None:
        """Nothing that is read-only or locked has been changed."""
        if changed is not None and not system:
            for field in plan.guarded:
                if field.name in changed and self.asked(field.name) and self.differs(field.name, previous):
                    self.errors[field.name] = f"{field.label} is filled in by itself and can't be typed."
        if previous is None:
            return
        for field in plan.locked:
            considered = self.asked(field.name) and (changed is None or field.name in changed)
            if considered and self.differs(field.name, previous) and self.is_locked(field, previous):
                self.errors[field.name] = f"{field.label} can't be changed any more."

    def is_locked(self, field: Field, previous: Get) -> bool:
        return field.lock_if is not None and field.lock_if.evaluate(previous, self.environment)

    def differs(self, name: str, previous: Get | None) -> bool:
        value = self.values.get(name)
        return not is_missing(value) if previous is None else bool(value != previous(name))

    def required(self, fields: Iterable[Field]) -> None:
        """Each of these is filled in."""
        for field in fields:
            if self.get_is_empty(field) and self.asked(field.name):
                self.errors.setdefault(field.name, missing_message(field))

    def get_is_empty(self, field: Field) -> bool:
        value = self.values[field.name] if field.name in self.values else self.get(field.name)
        return value is None or field.is_empty(value)

    def conditional(self, fields: Iterable[Field]) -> None:
        """What must be filled depending on other values is filled."""
        for field in fields:
            if self.get_is_empty(field) and self.asked(field.name) and self.needed(field, self.get):
                self.errors.setdefault(field.name, missing_message(field))

    def needed(self, field: Field, get: Get) -> bool:
        """Whether a field is shown and must be filled in."""
        if field.show_if is not None and not field.show_if.evaluate(get, self.environment):
            return False
        return field.required or (field.require_if is not None and field.require_if.evaluate(get, self.environment))

    def rows(self, rows: Field, columns: Collection[Field]) -> None:
        """The columns of each row that must be filled are."""
        lines = self.values.get(rows.name)
        if not lines or not self.asked(rows.name):
            return
        for index, row in enumerate(lines):
            for column in columns:
                value = row.get(column.name)
                if (value is None or column.is_empty(value)) and self.needed(column, _row_getter(row, self.get)):
                    self.errors[f"{rows.name}.{index}.{column.name}"] = missing_message(column)

    def answers(self, field: Field, context: Context) -> None:
        """The questions that must be answered are."""
        if not self.asked(field.name) or self.hidden(field):
            return
        bound: Any = field.bind(self.values, context)
        if bound.asked is None:
            return
        given = self.values.get(field.name)
        answered: Mapping[str, Any] = given.values if given is not None else {}
        version = given.version if given is not None and bound.asked.at(given.version) else None
        retired = {question.code for question in bound.asked.at(version) if question.retired}
        for code, question in bound.fields(version).items():
            if code not in answered and code not in retired and self.needed(question, answered.get):
                self.errors[f"{field.name}.{code}"] = missing_message(question)

    def hidden(self, field: Field) -> bool:
        return field.show_if is not None and not field.show_if.evaluate(self.get, self.environment)

    def check(self, check: Check, ordered: frozenset[str]) -> None:
        """One rule; a number or day that it compares and that is missing is for ``required`` to ask for."""
        if self.only is not None and not self.touches(check):
            return
        if check.when is not None and not check.when.evaluate(self.get, self.environment):
            return
        if ordered and any(is_missing(self.get(path)) for path in ordered):
            return
        if check.require.evaluate(self.get, self.environment):
            return
        for name in [name for name in check.fields if self.asked(name)] or [""]:
            self.errors.setdefault(name, check.message)

    def touches(self, check: Check) -> bool:
        """Whether everything that a rule is about is among the fields that are looked at."""
        names = set(check.fields) or {path.partition(".")[0] for path in check.require.paths()}
        return all(self.asked(name) for name in names)


def _row_getter(row: Mapping[str, Any], get: Get) -> Get:
    """Reads the columns of one row first, then the record."""
    return lambda path: row[path] if path in row else get(path)


def missing_message(field: Field) -> str:
    """What to say of a field that must be filled in and is not, as a person at the counter would."""
    label = field.label.strip()
    if label.endswith("?"):
        return "Please answer this question."
    if field.type_name == "boolean":
        return f"Answer yes or no: {label}."
    if field.row_fields:
        return f"Add at least one line to “{label}”."
    verb = "Choose" if field.type_name in _CHOSEN else "Add" if field.type_name in _UPLOADED else "Enter"
    return f"{verb} {_in_sentence(label)}."


def _in_sentence(label: str) -> str:
    """A label inside a sentence: “Date of birth” is “date of birth”, but “ID number” stays."""
    first = label.split(" ", 1)[0]
    return label if first[1:] != first[1:].lower() or len(first) == 1 else label[:1].lower() + label[1:]
