"""The rules that a record must fulfil before it is written, in one order for every door.

Hidden fields are cleared, computed ones computed, then everything is checked at once: what the schema demands, that
linked records are there, and that what must be unique is.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import ids
from townhall.records import parsing
from townhall.records import predicate
from townhall.records import reading
from townhall.records.plans import batches
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms import computing
from townhall_forms import validating
from townhall_forms.conditions import parse_condition
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.kinds import resolver
from townhall_forms.operands import Environment

if TYPE_CHECKING:
    from townhall.context import TownContext
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Scene:
    """What one write, or one batch of them, happens in: who acts, the town as they see it, and as rules see it."""

    actor: Actor
    own: Context
    rules: TownContext
    environment: Environment
    #: Whether what is written comes from a file, which tells how things were.
    imported: bool = False

    @classmethod
    def of(cls, town: Town, actor: Actor, *, imported: bool = False) -> Scene:
        """The scene of something that ``actor`` does now."""
        rules = parsing.rules_context(town, actor)
        return cls(actor, town.context(actor), rules, validating.environment_of(rules), imported)


def settle(town: Town, plan: WritePlan, values: dict[str, Any], standard: Mapping[str, Any], scene: Scene) -> None:
    """Clear what is hidden and compute what is computed, in place."""
    get = validating.value_getter(plan.record_type, values, scene.rules, standard=standard)
    validating.clear_hidden(plan.record_type, values, get, scene.environment)
    if plan.computed:
        identity = plan.record_type.identity

        def hook(field: Field, present: Mapping[str, Any]) -> Any:
            name = str((field.compute or {}).get("hook", ""))

            def check(result: Any) -> None:
                computing.require_fitting(field, result, scene.rules)

            return town.plugins.compute_field(identity, field.name, name, present, check)

        values.update(computing.compute(plan.record_type, values, scene.rules, hook))


def check(
    plan: WritePlan,
    values: Mapping[str, Any],
    standard: Mapping[str, Any],
    scene: Scene,
    *,
    before: Mapping[str, Any] | None = None,
    standard_before: Mapping[str, Any] | None = None,
    changed: Collection[str] | None = None,
    require: Iterable[str] = (),
) -> dict[str, str]:
    """What the schema's rules find wrong, by field path."""
    get = validating.value_getter(plan.record_type, values, scene.rules, standard=standard)
    previous = None
    if before is not None:
        previous = validating.value_getter(plan.record_type, before, scene.rules, standard=standard_before or standard)
    return validating.check_record(
        plan.record_type,
        values,
        state=standard.get("state") or "",
        context=scene.rules,
        get=get,
        previous=previous,
        changed=changed,
        require_extra=require,
        system=scene.actor.kind == "system",
        environment=scene.environment,
    )


def references(plan: WritePlan, values: Mapping[str, Any], names: Iterable[str]) -> dict[str, set[int]]:
    """Ids that the fields ``names`` point at, by the identity of their type."""
    found: dict[str, set[int]] = {}
    for name in names:
        value = values.get(name)
        if value is not None:
            for identity, id in plan.record_type.fields[name].references(value):
                found.setdefault(identity, set()).add(id)
    return found


def missing(town: Town, wanted: Mapping[str, set[int]]) -> set[tuple[str, int]]:
    """Which of the wanted records are not there."""
    gone: set[tuple[str, int]] = set()
    for identity, wanted_ids in wanted.items():
        there: set[int] = set()
        if identity in town.schemas:
            table = write_plan(town, identity).table
            there = {row[0] for row in ids.rows_with(town.database, table, ("id",), "id", sorted(wanted_ids))}
        gone.update((identity, id) for id in wanted_ids - there)
    return gone


def merged(town: Town, wanted: Mapping[str, Collection[int]], *, hold: bool = False) -> set[tuple[str, int]]:
    """Which of the wanted records were merged into another. With ``hold`` none of them can be before this transaction
    ends, where the engine lets several write at once.
    """
    found: set[tuple[str, int]] = set()
    for identity, wanted_ids in wanted.items():
        record_type = town.schemas.get(identity)
        if record_type is None or record_type.merge is None:
            continue
        plan = write_plan(town, identity)
        (into,) = (column.name for column in record_type.fields[record_type.merge.into].columns())
        for part in batches(sorted(wanted_ids)):
            query = plan.tables.model.select(plan.column("id"), plan.column(into)).where(plan.column("id").in_(part))
            if hold and town.database.supports_row_locks:
                query = query.order_by(plan.column("id")).for_update("FOR SHARE")
            found.update((identity, id) for id, went in query.tuples() if went is not None)
    return found


def check_references(
    town: Town,
    actor: Actor,
    plan: WritePlan,
    values: Mapping[str, Any],
    names: Collection[str],
    *,
    before: Mapping[str, Any] | None = None,
    hold: bool = False,
) -> dict[str, str]:
    """What is wrong with newly set links: a record that isn't there or was merged, or that may not be chosen here.

    One that the actor may not know of is answered like one that isn't there. What the fields pointed at ``before`` may
    stay, whoever knows of it.
    """
    pointed = {
        name: _newly(plan.record_type.fields[name], values.get(name), (before or {}).get(name)) for name in names
    }
    wanted: dict[str, set[int]] = {}
    for identity, id in (point for points in pointed.values() for point in points):
        wanted.setdefault(identity, set()).add(id)
    gone, went = missing(town, wanted), merged(town, wanted, hold=hold)
    errors = {}
    for name, points in pointed.items():
        field = plan.record_type.fields[name]
        if any(point in gone or not _may_know(town, actor, *point) for point in points):
            errors[name] = f"{field.label}: what you chose can't be found. Choose again."
        elif points and not _may_choose(town, actor, plan, field, points):
            errors[name] = f"{field.label}: this one can't be chosen here. Choose another one."
        elif any(point in went for point in points):
            errors[name] = f"{field.label}: this one was merged into another. Choose that one."
    return errors


def _newly(field: Field, value: Any, before: Any) -> list[tuple[str, int]]:
    """What a value points at that the one before it did not."""
    if value is None:
        return []
    known = set(field.references(before)) if before is not None else set()
    return [point for point in field.references(value) if point not in known]


def _may_choose(town: Town, actor: Actor, plan: WritePlan, field: Field, pointed: Iterable[tuple[str, int]]) -> bool:
    """Whether a link's ``where`` lets staff choose these records."""
    if actor.kind in ("system", "anonymous", "citizen") or field.where is None or not field.target:
        return True
    chosen_ids = {id for _, id in pointed}
    target = town.schemas[field.target]
    chosen = parse_condition({"id": sorted(chosen_ids)}, resolve=resolver(town.schemas, target))
    found = reading.count(town, actor, field.target, type(field.where).all_of([field.where, chosen]), archived=None)
    return found.value == len(chosen_ids)


def _may_know(town: Town, actor: Actor, identity: str, id: int) -> bool:
    """Whether the actor may know of a record that a link points at: staff see it, the public reads its name."""
    if not policy.is_staff(actor):
        return town.context(actor).titles(identity, [id]).get(id) is not None
    target = town.schemas[identity]
    if actor.kind != "staff" or (policy.may(actor, "view", target) and predicate.sees_all(town, actor, target)):
        return True
    return bool(predicate.may_see(town, actor, target, [id]))


def check_unique(
    town: Town, plan: WritePlan, values: Mapping[str, Any], id: int | None, names: Set[str] | None = None
) -> dict[str, str]:
    """Messages for values that another record, not archived, has already."""
    errors: dict[str, str] = {}
    for unique in plan.uniques:
        if names is not None and not names & set(unique.fields):
            continue
        columns = unique_columns(plan, unique.fields, values)
        if columns is None:
            continue
        query = plan.tables.model.select(plan.column("id")).where(plan.column("archived").is_null())
        if id is not None:
            query = query.where(plan.column("id") != id)
        for column, value in columns.items():
            query = query.where(plan.column(column) == value)
        if query.exists():
            errors.setdefault(unique.fields[0], unique.message)
    return errors


def unique_columns(plan: WritePlan, fields: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The columns that make these fields' values comparable, with what they would hold; ``None`` if one is empty."""
    held: dict[str, Any] = {}
    for name in fields:
        value = values.get(name)
        if value is None:
            return None
        held.update(plan.record_type.fields[name].to_columns(value))
    columns = plan.comparable_columns(fields)
    return {column: held[column] for column in columns} if columns else None
