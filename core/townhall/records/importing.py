"""Bringing in many records of one type at once: the same rules as one by one, with the work shared.

Each row is parsed and checked like a new record. What needs the database (links, values that must be unique, numbers,
the rows themselves) is done once for the whole batch, which is written whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import checking
from townhall.records import editing
from townhall.records import ids
from townhall.records import inserting
from townhall.records import parsing
from townhall.records import preparing
from townhall.records.checking import Scene
from townhall.records.inserting import Pending
from townhall.records.transaction import write_transaction
from townhall.records.types import RowOutcome
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms.schema import Unique

if TYPE_CHECKING:
    from townhall.town import Town


class _RollBack(Exception):
    """Leaves the transaction without keeping anything."""


def import_rows(
    town: Town, actor: Actor, identity: str, rows: Sequence[Mapping[str, Any]], *, dry_run: bool = False
) -> list[RowOutcome]:
    """Make a record of every row, or, if any of them has a mistake, none: one outcome per row says which.

    ``dry_run`` does everything and keeps nothing. Rows say what only records themselves decide else, their state and
    their days, so this is done by the town and by plugins; raises :class:`~townhall.errors.Forbidden` for others.
    """
    plan = write_plan(town, identity)
    policy.require(actor, "create", plan.record_type)
    if actor.kind not in ("system", "plugin"):
        raise Forbidden("Many records at once are brought in by whoever looks after the server: townhall import.")
    outcomes: list[RowOutcome] = []
    try:
        with write_transaction(town, plan):
            outcomes = _import(town, actor, plan, rows)
            if dry_run or any(outcome.errors for outcome in outcomes):
                raise _RollBack
    except _RollBack:
        pass
    return outcomes


def external_keys(town: Town, actor: Actor, identity: str, keys: Sequence[str]) -> set[str]:
    """Which of these keys of another system are there already, on records archived or not."""
    plan = write_plan(town, identity)
    policy.require(actor, "view", plan.record_type)
    return _existing(town, plan, "external_key", keys)


def _import(town: Town, actor: Actor, plan: WritePlan, rows: Sequence[Mapping[str, Any]]) -> list[RowOutcome]:
    errors: dict[int, dict[str, str]] = {}
    pending: dict[int, Pending] = {}
    # Rules are kept, but what only records themselves may set (states, days) may come in.
    scene = Scene.of(town, parsing.on_behalf_of(actor), imported=True)
    for index, row in enumerate(rows):
        try:
            _refuse_standard(plan, row)
            pending[index] = preparing.prepare(town, plan, row, scene)
        except ValidationFailed as failure:
            errors[index] = dict(failure.errors)
        except Rejected as refusal:
            errors[index] = {refusal.field: str(refusal)}
    _check_links(town, plan, pending, errors)
    _check_repeats(town, plan, pending, errors)
    if not errors and preparing.is_asked(town, plan):
        for index, record in pending.items():
            try:
                preparing.ask(town, plan, record, scene)
            except ValidationFailed as failure:
                errors[index] = dict(failure.errors)
            except Rejected as refusal:
                errors[index] = {refusal.field: str(refusal)}
    if errors:
        return [RowOutcome(index, None, errors.get(index, {})) for index in range(len(rows))]
    records = list(pending.values())
    inserting.insert(town, actor, plan, records, scene.rules)
    editing.tell(town, plan, lambda: [preparing.change_of(actor, plan, record) for record in records], new=True)
    return [RowOutcome(index, record.id) for index, record in pending.items()]


def _refuse_standard(plan: WritePlan, row: Mapping[str, Any]) -> None:
    """Standard fields that are the town's own can't be brought in."""
    if not plan.never_imported.isdisjoint(row):
        refused = plan.never_imported & row.keys()
        raise ValidationFailed({name: f"“{name}” is set by the town itself and can't be imported." for name in refused})


def _check_links(
    town: Town, plan: WritePlan, pending: Mapping[int, Pending], errors: dict[int, dict[str, str]]
) -> None:
    """Records that rows point at must be there: one question per type for the whole batch."""
    if not plan.pointing:
        return
    wanted: dict[str, set[int]] = {}
    for record in pending.values():
        for identity, named in checking.references(plan, record.values, plan.pointing).items():
            wanted.setdefault(identity, set()).update(named)
    gone, went = checking.missing(town, wanted), checking.merged(town, wanted, hold=True)
    if not gone and not went:
        return
    for index, record in pending.items():
        for name in plan.pointing:
            value = record.values.get(name)
            field = plan.record_type.fields[name]
            pointed = field.references(value) if value is not None else ()
            if any(reference in gone for reference in pointed):
                errors.setdefault(index, {})[name] = f"{field.label}: the record it names can't be found."
            elif any(reference in went for reference in pointed):
                said = f"{field.label}: the record it names was merged into another. Name that one."
                errors.setdefault(index, {})[name] = said


def _check_repeats(
    town: Town, plan: WritePlan, pending: Mapping[int, Pending], errors: dict[int, dict[str, str]]
) -> None:
    """Numbers, keys and unique values must neither be there already nor stand twice in the batch."""
    for column, name in (("number", "number"), ("external_key", "external_key")):
        given = {index: str(value) for index, record in pending.items() if (value := getattr(record, name))}
        taken = _existing(town, plan, column, list(given.values()))
        for index, value in given.items():
            if value in taken:
                errors.setdefault(index, {})[name] = f"There is a {plan.record_type.label.lower()} {value} already."
            taken.add(value)
    for unique in plan.uniques:
        _check_unique(town, plan, unique, pending, errors)


def _check_unique(
    town: Town, plan: WritePlan, unique: Unique, pending: Mapping[int, Pending], errors: dict[int, dict[str, str]]
) -> None:
    """One rule of uniqueness over the whole batch. The first row with a value may have it."""
    keys: dict[int, tuple[Any, ...]] = {}
    for index, record in pending.items():
        columns = checking.unique_columns(plan, unique.fields, record.values)
        if columns is not None:
            keys[index] = tuple(columns.values())
    names = plan.comparable_columns(unique.fields)
    firsts = list({key[0] for key in keys.values()})
    rows = ids.rows_with(town.database, plan.table, names, names[0], firsts, "archived IS NULL") if keys else ()
    taken = {tuple(row) for row in rows}
    for index, key in keys.items():
        if key in taken:
            errors.setdefault(index, {})[unique.fields[0]] = unique.message
        taken.add(key)


def _existing(town: Town, plan: WritePlan, column: str, values: Sequence[str]) -> set[str]:
    return {row[0] for row in ids.rows_with(town.database, plan.table, (column,), column, values)}
