"""When cases are due, as it was worked out: written for many at once, without a new version.

A due date follows from targets and calendars like a computed value does, so a change of it is nobody's edit: it makes
no clerk's open form stale and leaves no entry in the history. What a person sets goes through an update like
everything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.records import reading
from townhall.records.inserting import UNDO
from townhall.records.types import Record
from townhall.records.write_plans import write_plan

if TYPE_CHECKING:
    from townhall.town import Town


def write(town: Town, identity: str, dues: Mapping[int, int | None]) -> None:
    """Set when these cases of a type are due, by id, in microseconds. Must run inside a transaction."""
    if not dues:
        return
    plan = write_plan(town, identity)
    mark = town.database.param
    town.database.executemany(
        f'UPDATE "{plan.table}" SET "due" = {mark} WHERE "id" = {mark}',  # noqa: S608  # a schema's name
        [(due, id) for id, due in dues.items()],
    )


def many(town: Town, identity: str, ids: Sequence[int], fields: Sequence[str] | None = None) -> list[Record]:
    """Cases by id as the town itself sees them; of declared fields only ``fields``, all without."""
    return reading.many(town, system(), identity, ids, fields=fields)


def open_ids(town: Town, identity: str, after: int, limit: int) -> list[int]:
    """Ids beyond ``after``, in order, of cases of a type that are open, archived ones not among them."""
    plan = write_plan(town, identity)
    workflow = plan.record_type.workflow
    if workflow is None:
        return []
    columns = plan.tables.columns
    query = (
        plan.tables.model.select(columns["id"])
        .where(columns["id"] > after, columns["archived"].is_null(), columns["state"].in_(workflow.open_states))
        .order_by(columns["id"])
        .limit(limit)
    )
    return [id for (id,) in query.tuples()]


def count_open(town: Town, identity: str, after: int = 0) -> int:
    """How many cases :func:`open_ids` would give altogether."""
    plan = write_plan(town, identity)
    workflow = plan.record_type.workflow
    if workflow is None:
        return 0
    columns = plan.tables.columns
    query = plan.tables.model.select().where(
        columns["id"] > after, columns["archived"].is_null(), columns["state"].in_(workflow.open_states)
    )
    return int(query.count())


def stints(town: Town, identity: str, ids: Sequence[int]) -> Iterator[tuple[int, str, int]]:
    """Id, state and moment at which a case came into it, in order, for these cases; without states that were undone."""
    mark = town.database.param
    # Without statistics SQLite would rather go through all moves of the type by an index that has what is asked.
    by = " INDEXED BY case_transition_identity_record_id_id" if town.database.engine == "sqlite" else ""
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        marks = ", ".join([mark] * len(part))
        rows = town.database.execute_sql(
            f"SELECT record_id, target, at, name FROM case_transition{by}"  # noqa: S608  # marks, not values
            f" WHERE identity = {mark} AND record_id IN ({marks}) ORDER BY record_id, id",
            (identity, *part),
        ).fetchall()
        for id, moves in groupby(rows, itemgetter(0)):
            yield from ((id, state, at) for state, at in _not_undone(moves))


def _not_undone(moves: Iterable[Sequence[Any]]) -> list[tuple[str, int]]:
    """The states of one case by its moves. One that was undone has never been: the state before it went on."""
    found: list[tuple[str, int]] = []
    for _, state, at, name in moves:
        places = [place for place, (each, _) in enumerate(found) if each == state] if name == UNDO else []
        if places:
            del found[places[-1] + 1 :]
        else:
            found.append((state, at))
    return found
