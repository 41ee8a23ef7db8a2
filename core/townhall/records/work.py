"""Cases of all types in one list: a few statements over every type with a workflow, instead of a few for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import assembling
from townhall.records import pages
from townhall.records import predicate
from townhall.records.balancing import found_in
from townhall.records.instants import to_microseconds
from townhall.records.plans import TypePlan
from townhall.records.plans import plan as plan_of
from townhall.records.plans import quote
from townhall.records.types import Count
from townhall.records.types import Record
from townhall_forms.schema import RecordType
from townhall_forms.tables import open_index

if TYPE_CHECKING:
    from townhall.town import Town

#: open: not final, and sent · running: open, and its state stops no clock · waiting: open, and its state does.
States = Literal["open", "running", "waiting"]
_CAP = 1000
_LAST = 2**63 - 1
_UNION = " UNION ALL "
#: SQLite joins at most 500.
_MOST_PARTS = 300


@dataclass(frozen=True, slots=True)
class Lane:
    """Which cases a list has and in which order: ``due`` (those without one last), ``updated``, ``-updated``.

    A case in a state that stops clocks is ``running`` all the same if it is due: something counts that the state
    doesn't stop, like the answer to what the citizen wrote meanwhile.
    """

    name: str
    states: States = "open"
    assignee: int | None = None
    unassigned: bool = False
    assigned: bool = False
    #: Only cases in one of these queues; ``None`` for all.
    queues: tuple[int, ...] | None = None
    #: No cases in one of these.
    other_than: tuple[int, ...] = ()
    #: Cases that are due from this moment on; with ``undated`` also those that have no date.
    due_from: datetime | None = None
    undated: bool = False
    due_before: datetime | None = None
    order: Literal["due", "updated", "-updated"] = "due"

    def shape(self) -> Lane:
        """A lane whose statement is the same but for parameters: marks stand where a person or a moment does."""
        return replace(
            self,
            assignee=None if self.assignee is None else _SOMEBODY,
            due_from=None if self.due_from is None else _FROM,
            due_before=None if self.due_before is None else _BEFORE,
        )

    def filled(self, parameters: Sequence[Any]) -> list[Any]:
        """The parameters of the shape's statement with what stands for the marks here."""
        given = {_SOMEBODY: self.assignee}
        if self.due_from is not None:
            given[to_microseconds(_FROM)] = to_microseconds(self.due_from)
        if self.due_before is not None:
            given[to_microseconds(_BEFORE)] = to_microseconds(self.due_before)
        return [given.get(value, value) for value in parameters]


#: Marks in the shape of a lane, which no case has.
_SOMEBODY = -1
_FROM = datetime(1, 1, 2, tzinfo=UTC)
_BEFORE = datetime(1, 1, 3, tzinfo=UTC)

Statement = tuple[str, list[Any]]


def lanes(town: Town, actor: Actor, wanted: Sequence[Lane], *, limit: int) -> dict[str, list[Record]]:
    """The first cases of each lane."""
    sources = _sources(town, actor)
    chosen = {lane.name: _first(town, sources, lane, limit) for lane in wanted}
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
    sources = _sources(town, actor)
    named = [(lane.name, source, lane) for lane in wanted for source in sources]
    totals: dict[str, int] = defaultdict(int)
    for name, number in _counted(town, named):
        totals[name] += number
    return {lane.name: _capped(totals[lane.name]) for lane in wanted}


def counts_by_type(town: Town, actor: Actor, lane: Lane) -> dict[str, Count]:
    """How many cases the lane has of each type."""
    named = [(source.record_type.identity, source, lane) for source in _sources(town, actor)]
    return {name: _capped(number) for name, number in _counted(town, named)}


def decisions(town: Town, actor: Actor, since: datetime) -> dict[tuple[str, int | None], int]:
    """Of the cases that the actor may know of and that came in since then, how many were sent on by whom, and by which
    routing rule.
    """
    table = town.system.case_route
    rows = (
        table.select(table.decided_by, table.route_id, peewee.fn.COUNT(table.id))
        .where(table.at >= to_microseconds(since), _known(town, actor, table))
        .group_by(table.decided_by, table.route_id)
        .tuples()
    )
    return {(decided_by, route): count for decided_by, route, count in rows}


def _known(town: Town, actor: Actor, table: Any) -> peewee.ColumnBase:
    """A test on a table that speaks of cases: that it is one that the actor may know of."""
    tests: list[Any] = []
    for record_type in town.schemas.values():
        if not record_type.is_case or not policy.may(actor, "view", record_type):
            continue
        test = table.identity == record_type.identity
        if not predicate.sees_all(town, actor, record_type):
            model = plan_of(town, record_type.identity).model
            seen = predicate.scope(town, actor, record_type)
            test = test & found_in(table.record_id, model.select(model.id).where(seen))
        tests.append(test)
    return predicate.either(tests) if tests else predicate.NOTHING


def _capped(number: int) -> Count:
    return Count(min(number, _CAP), capped=number > _CAP)


def _contact_fields(record_type: RecordType) -> list[str]:
    """Who a case is about: what a line of a list says besides its title."""
    return [path for path in record_type.contacts if "." not in path][:1]


# -- statements -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the cases of one type come from that an actor may know of: the end of a SELECT and its parameters.

    The rest is added as text: a page asks some twenty types for six lists, and building each of these statements from
    expressions would take longer than running them.
    """

    record_type: RecordType
    sql: str
    parameters: tuple[Any, ...]


def _sources(town: Town, actor: Actor) -> list[_Source]:
    sources = []
    for record_type in town.schemas.values():
        if record_type.is_case and not record_type.frozen and policy.may(actor, "view", record_type):
            plan = plan_of(town, record_type.identity)
            test = "t1.archived IS NULL AND t1.closed IS NULL"
            if predicate.scope(town, actor, record_type) is None:
                sources.append(_Source(record_type, f"{_open(town, plan)} WHERE {test}", ()))
                continue
            readable = pages.test_of(plan, predicate.rows(town, actor, record_type))
            sql = f"{_open(town, plan)} WHERE {test} AND {readable.where}"
            sources.append(_Source(record_type, sql, readable.parameters))
    return sources


def _open(town: Town, plan: TypePlan) -> str:
    """The type's table, by the index of what is not closed: SQLite would rather look at all that somebody ever had."""
    source = f"{quote(town.database, plan.table)} AS t1"
    index = open_index(plan.record_type).name
    return f'{source} INDEXED BY "{index}"' if town.database.engine == "sqlite" else source


def _first(town: Town, sources: Sequence[_Source], lane: Lane, limit: int) -> list[tuple[str, int]]:
    """Type and id of the lane's first cases. Each type gives as many as could be needed, in its own order."""
    column, way = lane.order.removeprefix("-"), "DESC" if lane.order.startswith("-") else "ASC"
    parts, values = [], []
    for index, source in enumerate(sources):
        sql, parameters = _cases(town, source, lane)
        # Those without a value come last, and are only looked for where the lane may have some.
        empty = f"t1.{column} IS NULL, " if lane.due_before is None and column == "due" else ""
        parts.append(
            f"SELECT * FROM (SELECT {index} AS type, t1.id AS id, coalesce(t1.{column}, {_LAST}) AS place FROM {sql}"  # noqa: S608
            f" ORDER BY {empty}t1.{column} {way}, t1.id {way} LIMIT {int(limit)}) AS part"
        )
        values += parameters
    if not parts:
        return []
    sql = f"{_UNION.join(parts)} ORDER BY place {way}, type, id {way} LIMIT {int(limit)}"
    rows = town.database.execute_sql(sql, values).fetchall()
    return [(sources[index].record_type.identity, id) for index, id, _ in rows]


def _counted(town: Town, named: Sequence[tuple[str, _Source, Lane]]) -> list[tuple[str, int]]:
    """The number of cases of each lane and source, under the names given."""
    found: list[tuple[str, int]] = []
    for start in range(0, len(named), _MOST_PARTS):
        parts, values = [], []
        for name, source, lane in named[start : start + _MOST_PARTS]:
            sql, parameters = _cases(town, source, lane)
            parts.append(f"SELECT '{name}', count(*) FROM (SELECT 1 FROM {sql} LIMIT {_CAP + 1}) AS part")  # noqa: S608
            values += parameters
        rows = town.database.execute_sql(_UNION.join(parts), values).fetchall()
        found += [(name, int(number)) for name, number in rows]
    return found


def _cases(town: Town, source: _Source, lane: Lane) -> tuple[str, list[Any]]:
    """The end of a SELECT of the source's cases that belong into the lane, and its parameters."""
    mark = town.database.param
    standing, values = _standing(source.record_type, lane.states, mark)
    tests = [standing]
    extra: list[tuple[str, Any]] = []
    if lane.unassigned:
        tests.append("t1.assignee IS NULL")
    elif lane.assigned:
        tests.append("t1.assignee IS NOT NULL")
    elif lane.assignee is not None:
        extra.append((f"t1.assignee = {mark}", lane.assignee))
    if lane.queues is not None:
        tests.append(f"t1.queue IN ({', '.join(map(str, map(int, lane.queues))) or 'NULL'})")
    if lane.other_than:
        tests.append(f"(t1.queue IS NULL OR t1.queue NOT IN ({', '.join(map(str, map(int, lane.other_than)))}))")
    if lane.due_from is not None:
        from_then = f"t1.due >= {mark}"
        extra.append(
            (f"({from_then} OR t1.due IS NULL)" if lane.undated else from_then, to_microseconds(lane.due_from))
        )
    if lane.due_before is not None:
        extra.append((f"t1.due < {mark}", to_microseconds(lane.due_before)))
    tests += [test for test, _ in extra]
    return f"{source.sql} AND {' AND '.join(tests)}", [*source.parameters, *values, *(value for _, value in extra)]


def _standing(record_type: RecordType, which: States, mark: str) -> tuple[str, list[Any]]:
    """The test that a case stands so, and its parameters. Where its state stops clocks, it depends on the due date."""

    def among(chosen: list[str]) -> str:
        return f"t1.state IN ({', '.join([mark] * len(chosen))})" if chosen else "1 = 0"

    chosen = states(record_type, which)
    waiting = states(record_type, "waiting") if which != "open" else []
    if not waiting:
        return among(chosen), chosen
    if which == "waiting":
        return f"{among(chosen)} AND t1.due IS NULL", chosen
    return f"({among(chosen)} OR {among(waiting)} AND t1.due IS NOT NULL)", [*chosen, *waiting]


def states(record_type: RecordType, which: States) -> list[str]:
    """Names of the type's states of that sort. What was not sent yet is nobody's work."""
    if record_type.workflow is None:
        return []
    found = [state for state in record_type.workflow.states.values() if not state.final and not state.incomplete]
    if which == "open":
        return [state.name for state in found]
    return [state.name for state in found if state.pauses_clock == (which == "waiting")]
