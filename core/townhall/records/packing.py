"""Reading everything that belongs to some types, row by row, for a pack: the one place that looks at whole tables.

Rows come as plain values that are the same on both engines.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.records import encrypting
from townhall.records import ids as ids_of
from townhall.records import reading
from townhall.records.instants import to_microseconds
from townhall.records.plans import batches
from townhall.records.plans import plan as plan_of
from townhall_forms.tables import TableSpec

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
INTERACTION = "core.interaction"
#: Types of core that come along where records point at them.
BROUGHT = (CONTACT, INTERACTION)
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Outside:
    """A record that is none of the plugin's and that its records point at, or that is about one of them.

    ``values`` are those of a contact or an interaction, which come along; others are only described.
    """

    identity: str
    id: int
    number: str
    title: str
    external_key: str = ""
    created: int = 0
    values: dict[str, Any] | None = None


@contextmanager
def snapshot(town: Town) -> Iterator[None]:
    """While this lasts, everything is read as it stood at the beginning, or as the transaction around it has it."""
    outermost = town.database.transaction_depth() == 0
    with town.database.atomic():
        if outermost and town.database.engine == "postgresql":
            town.database.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def columns(spec: TableSpec) -> list[str]:
    """The columns of a table, its id first."""
    return ["id", *(column.name for column in spec.columns)]


def table_rows(town: Town, spec: TableSpec) -> Iterator[list[Any]]:
    """Every row of a table, in the order of their ids."""
    booleans = [place for place, column in enumerate(spec.columns, 1) if column.kind == "boolean"]
    names = ", ".join(f'"{name}"' for name in columns(spec))
    mark = town.database.param
    sql = f'SELECT {names} FROM "{spec.name}" WHERE "id" > {mark} ORDER BY "id" LIMIT {_BATCH}'  # noqa: S608
    last = 0
    while rows := town.database.execute_sql(sql, (last,)).fetchall():
        for row in rows:
            values = list(row)
            for place in booleans:
                values[place] = None if values[place] is None else bool(values[place])
            yield values
        last = rows[-1][0]


def count(town: Town, table: str) -> int:
    """How many rows a table has; none if it is not there."""
    if table not in town.database.get_tables():
        return 0
    return int(town.database.execute_sql(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608


def beside(town: Town, model: Any, names: Sequence[str], where: Any, key: str = "id") -> Iterator[tuple[Any, ...]]:
    """Rows of one of the town's own tables that belong to records, in the order of their ``key``."""
    order = getattr(model, key)
    chosen = [getattr(model, name) for name in names]
    last = 0
    while rows := list(model.select(order, *chosen).where(where, order > last).order_by(order).limit(_BATCH).tuples()):
        yield from (tuple(row[1:]) for row in rows)
        last = rows[-1][0]


def about(town: Town, identities: Collection[str]) -> list[int]:
    """Ids of the interactions that are about records of these types."""
    table = plan_of(town, INTERACTION)
    names = (table.column("about_type"), table.column("id"))
    query = table.model.select(names[1]).where(names[0].in_(list(identities))).order_by(names[1])
    return [row[0] for row in query.tuples()]


def outside(town: Town, identity: str, ids: Collection[int]) -> Iterator[Outside]:
    """Records of another type, as far as they are there."""
    if identity not in town.schemas:
        return
    plan = plan_of(town, identity)
    fields = {
        name: field
        for name, field in plan.record_type.fields.items()
        if not field.is_computed and not field.read_only and field.type_name not in ("file", "files")
        # What is encrypted here is not taken along as it is.
        if name not in encrypting.encrypted(town, plan.record_type)
    }
    for part in batches(sorted(ids)):
        rows = ids_of.rows_with(town.database, plan.table, ("id", "external_key"), "id", part)
        keys = {row[0]: row[1] or "" for row in rows}
        for record in reading.many(town, system(), identity, part, fields=fields if identity in BROUGHT else ()):
            values = {
                name: field.to_json(record[name]) for name, field in fields.items() if record.get(name) is not None
            }
            yield Outside(
                identity,
                record.id,
                record.number,
                record.title,
                keys.get(record.id, ""),
                to_microseconds(record.created),
                values if identity in BROUGHT else None,
            )
