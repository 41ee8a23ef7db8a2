"""The rows of one page, and how many rows there are in all: statements that every list asks, so they are text.

What was asked is a :class:`Test` on the rows of a type's table. That nothing is asked but whether a record is archived
is said without building an expression for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.db.search import COMMON
from townhall.records import predicate
from townhall.records import scoping
from townhall.records.paging import Cursor
from townhall.records.paging import Order
from townhall.records.plans import Reader
from townhall.records.plans import TypePlan
from townhall.records.types import Row

if TYPE_CHECKING:
    from townhall.town import Town

#: A record's id and what the list is sorted by.
Place = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Test:
    """What must hold of a row, as SQL over the type's table; ``narrow`` if it is more than whether it is archived.

    ``open`` says that only cases pass that are neither closed nor archived; ``many`` that many rows are known to pass.
    """

    where: str
    parameters: tuple[Any, ...]
    narrow: bool
    open: bool = False
    many: bool = False


def plain(plan: TypePlan, archived: bool | None) -> Test:
    """The test that asks for nothing else."""
    column = plan.sql_name("archived")
    return Test("" if archived is None else f"{column} IS {'NOT ' if archived else ''}NULL", (), narrow=False)


def test_of(plan: TypePlan, conditions: Sequence[peewee.ColumnBase]) -> Test:
    """Conditions that must all hold, as one test."""
    texts = [_text(plan, each) for each in conditions]
    if all(texts):
        where = " AND ".join(text for text, _ in filter(None, texts))
        parameters = [value for _, values in filter(None, texts) for value in values]
    else:
        sql, parameters = plan.model.select(peewee.SQL("1")).where(predicate.both(conditions)).sql()
        where = sql.removeprefix(f"SELECT 1 {plan.source} WHERE ")
    is_open = plan.record_type.is_case and {"archived", "closed"} <= set(_without(plan, conditions))
    many = len(conditions) == 2 and any(isinstance(getattr(each, "rhs", None), scoping.Many) for each in conditions)
    return Test(f"({where})", tuple(parameters), narrow=len(conditions) > 1, open=is_open, many=many)


def _text(plan: TypePlan, condition: Any) -> tuple[str, Sequence[Any]] | None:
    """A condition that every list of somebody with a narrowed permission asks, without peewee's work on it: that an id
    is one of those that were found, or that nothing stands in a column. ``None`` for all others.
    """
    if not isinstance(condition, peewee.Expression) or getattr(condition.lhs, "model", None) is not plan.model:
        return None
    column = plan.sql_name(condition.lhs.column_name)
    if condition.op == peewee.OP.IN and isinstance(condition.rhs, peewee.SQL):
        return f"{column} IN {condition.rhs.sql}", condition.rhs.params or ()
    return (f"{column} IS NULL", ()) if condition.op == peewee.OP.IS and condition.rhs is None else None


def _without(plan: TypePlan, conditions: Sequence[Any]) -> Iterator[str]:
    """Columns of the type's table that have no value in any row that passes all these conditions."""
    for each in conditions:
        if not isinstance(each, peewee.Expression):
            continue
        if each.op == peewee.OP.AND:
            yield from _without(plan, (each.lhs, each.rhs))
        elif each.op == peewee.OP.IS and each.rhs is None and getattr(each.lhs, "model", None) is plan.model:
            yield each.lhs.column_name


def count(town: Town, plan: TypePlan, test: Test, most: int) -> int:
    """How many rows pass the test, counted up to ``most``."""
    sql = f"SELECT count(*) FROM (SELECT 1 {plan.source}{_where(test.where)} LIMIT {most}) AS counted"  # noqa: S608
    return int(town.database.execute_sql(sql, test.parameters).fetchone()[0])


def page(
    town: Town,
    plan: TypePlan,
    test: Test,
    order: Order,
    cursor: Cursor | None,
    size: int,
    *,
    backwards: bool,
    reader: Reader,
) -> tuple[list[Row], bool]:
    """The next ``size`` rows beyond the cursor, each from its id to what the list is sorted by.

    Whether they are whole, with all that ``reader`` wants in between, is said beside them.
    """
    value, source = order.column or order.id, plan.source
    if order.column and test.narrow and town.database.engine == "sqlite":
        few = None if test.many else _few(town, f"SELECT {order.id}, {value} {source}", test)
        if few is not None:
            return [*order.arranged(few, cursor, backwards=backwards)[:size]], False
        source = plan.along(value, is_open=test.open)
    found: list[Row] = []
    for segment in order.segments(cursor, backwards=backwards):
        table = source if segment.filled else plan.source
        sql = (
            f"SELECT {reader.columns}, {value} {table}{_where(test.where, segment.where)}"
            f" ORDER BY {segment.order} LIMIT {size - len(found)}"
        )
        found.extend(town.database.execute_sql(sql, (*test.parameters, *segment.parameters)).fetchall())
        if len(found) == size:
            break
    return found, True


def _few(town: Town, select: str, test: Test) -> list[Place] | None:
    """Ids and sort values of all rows that pass the test; ``None`` if they are too many to gather.

    SQLite can't tell beforehand. Few are sorted here; if there are many, a page is full soonest by walking along the
    order. PostgreSQL decides by its statistics.
    """
    sql = f"{select}{_where(test.where)} LIMIT {COMMON + 1}"
    rows = town.database.execute_sql(sql, test.parameters).fetchall()
    return rows if len(rows) <= COMMON else None


def _where(*tests: str) -> str:
    there = [test for test in tests if test]
    return f" WHERE {' AND '.join(there)}" if there else ""
