"""Cases of all types in one list: a few statements over every type with a workflow, instead of a few for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import assembling
from townhall.records import predicate
from townhall.records.instants import to_microseconds
from townhall.records.plans import TypePlan
from townhall.records.plans import plan as plan_of
from townhall.records.types import Count
from townhall.records.types import Record
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: open: not final, and sent · running: open, and its clock is not stopped · waiting: open, and its clock is stopped.
States = Literal["open", "running", "waiting"]
_CAP = 1000
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Lane:
    """Which cases a list has and in which order: ``due`` (those without one last), ``updated``, ``-updated``."""

    name: str
    states: States = "open"
    assignee: int | None = None
    unassigned: bool = False
    due_from: datetime | None = None
    due_before: datetime | None = None
    order: Literal["due", "updated", "-updated"] = "due"


def lanes(town: Town, actor: Actor, wanted: Sequence[Lane], *, limit: int) -> dict[str, list[Record]]:
    """The first cases of each lane."""
    types = _types(town, actor)
    chosen: dict[str, list[tuple[str, int]]] = {lane.name: _first(town, actor, types, lane, limit) for lane in wanted}
    ids: dict[str, set[int]] = defaultdict(set)
    for rows in chosen.values():
        for identity, id in rows:
            ids[identity].add(id)
    found: dict[tuple[str, int], Record] = {}
    for identity, group in ids.items():
        plan = plan_of(town, identity)
        records = assembling.records(town, actor, plan, sorted(group), _contact_fields(plan.record_type))
        found.update({(identity, id): record for id, record in records.items()})
    return {name: [found[row] for row in rows if row in found] for name, rows in chosen.items()}


def counts(town: Town, actor: Actor, wanted: Sequence[Lane]) -> dict[str, Count]:
    """How many cases each lane has."""
    types = _types(town, actor)
    parts = [part for lane in wanted if (part := _count_part(town, actor, types, lane)) is not None]
    totals: dict[str, int] = defaultdict(int)
    if parts:
        for name, number in _run(town, " UNION ALL ", parts):
            totals[name] += int(number)
    return {lane.name: _capped(totals[lane.name]) for lane in wanted}


def counts_by_type(town: Town, actor: Actor, lane: Lane) -> dict[str, Count]:
    """How many cases the lane has of each type."""
    parts = []
    for record_type in _types(town, actor):
        query = _rows(town, actor, record_type, lane, peewee.SQL("1")).limit(_CAP + 1)
        sql, parameters = query.sql()
        parts.append((f"SELECT '{record_type.identity}', count(*) FROM ({sql}) AS part", parameters))  # noqa: S608
    return {name: _capped(int(number)) for name, number in _run(town, " UNION ALL ", parts)} if parts else {}


def _capped(number: int) -> Count:
    return Count(min(number, _CAP), capped=number > _CAP)


def _types(town: Town, actor: Actor) -> list[RecordType]:
    return [each for each in town.schemas.values() if each.is_case and policy.may(actor, "view", each)]


def _contact_fields(record_type: RecordType) -> list[str]:
    """Who a case is about: what a line of a list says besides its title."""
    return [path for path in record_type.contacts if "." not in path][:1]


def _first(town: Town, actor: Actor, types: Sequence[RecordType], lane: Lane, limit: int) -> list[tuple[str, int]]:
    """Type and id of the lane's first cases. Each type gives as many as could be needed, in its own order."""
    descending = lane.order.startswith("-")
    parts = []
    for index, record_type in enumerate(types):
        plan = plan_of(town, record_type.identity)
        column = plan.column(lane.order.removeprefix("-"))
        place = peewee.fn.COALESCE(column, _LAST).alias("place")
        query = _rows(town, actor, record_type, lane, peewee.SQL(str(index)).alias("type"), plan.column("id"), place)
        sql, parameters = _ordered(query, plan, lane).limit(limit).sql()
        parts.append((f"SELECT * FROM ({sql}) AS part", parameters))  # noqa: S608
    if not parts:
        return []
    way = "DESC" if descending else "ASC"
    rows = _run(town, " UNION ALL ", parts, f" ORDER BY place {way}, type, id {way} LIMIT {int(limit)}")
    return [(types[index].identity, id) for index, id, _ in rows]


def _ordered(query: Any, plan: TypePlan, lane: Lane) -> Any:
    if lane.order == "-updated":
        return query.order_by(plan.column("updated").desc(), plan.column("id").desc())
    column = plan.column(lane.order)
    if lane.order == "due" and lane.due_before is None:
        return query.order_by(column.is_null(), column, plan.column("id"))
    return query.order_by(column, plan.column("id"))


def _count_part(town: Town, actor: Actor, types: Sequence[RecordType], lane: Lane) -> tuple[str, list[Any]] | None:
    selects, parameters = [], []
    for record_type in types:
        sql, values = _rows(town, actor, record_type, lane, peewee.SQL("1")).limit(_CAP + 1).sql()
        selects.append(f"SELECT '{lane.name}' AS lane, count(*) AS number FROM ({sql}) AS part")  # noqa: S608
        parameters += values
    return (" UNION ALL ".join(selects), parameters) if selects else None


def _run(town: Town, glue: str, parts: Sequence[tuple[str, Sequence[Any]]], rest: str = "") -> list[tuple[Any, ...]]:
    sql = glue.join(sql for sql, _ in parts)
    values = [value for _, parameters in parts for value in parameters]
    if rest:
        sql = f"SELECT * FROM ({sql}) AS everything{rest}"  # noqa: S608
    return list(town.database.execute_sql(sql, values).fetchall())


def _rows(town: Town, actor: Actor, record_type: RecordType, lane: Lane, *columns: Any) -> Any:
    """Cases of one type that belong into the lane."""
    plan = plan_of(town, record_type.identity)
    tests = predicate.rows(town, actor, record_type)
    tests.append(plan.column("state").in_(states(record_type, lane.states)))
    if lane.unassigned:
        tests.append(plan.column("assignee").is_null())
    elif lane.assignee is not None:
        tests.append(plan.column("assignee") == lane.assignee)
    if lane.due_from is not None:
        tests.append(plan.column("due") >= to_microseconds(lane.due_from))
    if lane.due_before is not None:
        tests.append(plan.column("due") < to_microseconds(lane.due_before))
    return plan.model.select(*columns).where(predicate.both(tests))


def states(record_type: RecordType, which: States) -> list[str]:
    """Names of the type's states of that sort. What was not sent yet is nobody's work."""
    if record_type.workflow is None:
        return []
    found = [state for state in record_type.workflow.states.values() if not state.final and not state.incomplete]
    if which == "open":
        return [state.name for state in found]
    return [state.name for state in found if state.pauses_clock == (which == "waiting")]
