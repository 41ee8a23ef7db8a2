"""On which records a contact stands: types whose ``contacts`` name a field that points at them, in one statement."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import assembling
from townhall.records import naming
from townhall.records import predicate
from townhall.records.plans import TypePlan
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall.records.plans import types as types_of
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
#: Types that a timeline tells of in their own way.
_APART = frozenset({CONTACT, "core.interaction"})
#: The newest of them; a body that stands on more is no person whose story anybody reads to its end.
_MOST = 2000
_MICROSECONDS_PER_DAY = 86_400_000_000
_EPOCH_ORDINAL = 719_163


@dataclass(frozen=True, slots=True)
class Standing:
    """A record on which the contact stands; ``starts`` is set for one that is on the calendar."""

    identity: str
    id: int
    number: str
    title: str
    state: str
    created: int
    starts: int | None


def of(town: Town, actor: Actor, contact_id: int) -> list[Standing]:
    """The records on which the contact stands and that the actor may see, the newest first."""
    types, sql, places = _asked(town, actor)
    if not sql:
        return []
    rows = town.database.execute_sql(sql, [contact_id] * places).fetchall()
    found = [_standing(types[row[0]], row) for row in rows]
    there = {each.identity for each in found}
    for record_type in (each for each in types if each.identity in there):
        if not predicate.sees_all(town, actor, record_type):
            mine = [each.id for each in found if each.identity == record_type.identity]
            seen = predicate.may_see(town, actor, record_type, mine)
            found = [each for each in found if each.identity != record_type.identity or each.id in seen]
    return _named(town, actor, found)


def _asked(town: Town, actor: Actor) -> tuple[Sequence[RecordType], str, int]:
    """The types that are asked, the statement and how often it wants the contact's id; for who goes by permissions
    they are worked out once.
    """
    kept = plans(town).kept
    key = ("stands", actor.kind, actor.permissions)
    found: tuple[Sequence[RecordType], str, int] | None = kept.get(key) if policy.is_staff(actor) else None
    if found is None:
        types = [each for each in types_of(town, actor) if each.contacts and each.identity not in _APART]
        found = (types, *_statement(town, types))
        if policy.is_staff(actor):
            kept[key] = found
    return found


def _named(town: Town, actor: Actor, found: list[Standing]) -> list[Standing]:
    """The same with the titles that the actor may read, where what is stored says more."""
    named: dict[tuple[str, int], str] = {}
    for identity in {each.identity for each in found}:
        plan = plan_of(town, identity)
        if not naming.told(town, actor, plan.record_type).whole:
            ids = [each.id for each in found if each.identity == identity]
            records = assembling.records(town, actor, plan, ids, ())
            named.update({(identity, id): record.title for id, record in records.items()})
    if not named:
        return found
    return [replace(each, title=named.get((each.identity, each.id), each.title)) for each in found]


def _statement(town: Town, types: Sequence[RecordType]) -> tuple[str, int]:
    """The statement over these types, and how often it wants the contact's id. It is put together once."""
    kept = plans(town).kept
    key = ("standing", *(record_type.identity for record_type in types))
    if key not in kept:
        parts = [part for index, each in enumerate(types) if (part := _part(town, each, index, 0)) is not None]
        sql, parameters = reduce(lambda left, right: left.union_all(right), parts).sql() if parts else ("", [])
        if sql:
            sql = f"SELECT * FROM ({sql}) AS standing ORDER BY created DESC LIMIT {_MOST}"  # noqa: S608
        kept[key] = (sql, len(parameters))
    found: tuple[str, int] = kept[key]
    return found


def stands(town: Town, record_type: RecordType, contact_id: int) -> peewee.ColumnBase | None:
    """The condition on rows of the type that the contact stands on them; ``None`` if no field of it can say so."""
    plan = plan_of(town, record_type.identity)
    tests = [test for path in record_type.contacts for test in tests_of(plan, path, contact_id)]
    return predicate.either(tests) if tests else None


def _part(town: Town, record_type: RecordType, index: int, contact_id: int) -> Any:
    plan = plan_of(town, record_type.identity)
    test = stands(town, record_type, contact_id)
    if test is None:
        return None
    starts: Any = peewee.SQL("CAST(NULL AS BIGINT)")
    if record_type.event is not None:
        starts = plan.column(record_type.event.starts)
    state = plan.column("state") if record_type.is_case else peewee.SQL("''")
    return plan.model.select(
        peewee.SQL(str(index)).alias("type"),
        plan.column("id"),
        plan.column("number"),
        plan.column("title"),
        state.alias("state"),
        plan.column("created").alias("created"),
        starts.alias("starts"),
    ).where(plan.column("archived").is_null() & test)


def tests_of(plan: TypePlan, path: str, contact_id: int) -> Iterator[peewee.ColumnBase]:
    """Tests that one path of ``contacts`` reaches the contact."""
    first, _, rest = path.partition(".")
    field = plan.record_type.fields.get(first)
    if field is None:
        return
    if field.row_fields:
        child = plan.tables.rows[first]
        column = child.columns.get(rest)
    elif field.many_targets:
        child = plan.tables.links[first]
        column = child.columns["target_id"]
    else:
        if field.target == CONTACT:
            yield plan.column(first) == contact_id
        return
    if column is not None:
        found = child.model.select(child.columns["parent_id"]).where(column == contact_id)
        yield plan.column("id").in_(found)


def _standing(record_type: RecordType, row: tuple[Any, ...]) -> Standing:
    _, id, number, title, state, created, starts = row
    if starts is not None and record_type.event is not None:
        field = record_type.field(record_type.event.starts)
        if field is not None and field.type_name == "date":
            starts = (starts - _EPOCH_ORDINAL) * _MICROSECONDS_PER_DAY
    return Standing(record_type.identity, id, number or "", title, state or "", created, starts)
