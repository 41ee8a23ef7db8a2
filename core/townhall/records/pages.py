"""The rows of one page, and how many rows there are in all: statements that every list asks, so they are text.

What was asked is a :class:`Test` on the rows of a type's table. That nothing is asked but whether a record is archived
is said without building an expression for it.
"""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any
from weakref import WeakKeyDictionary

import peewee

from townhall.db.search import COMMON
from townhall.records import gathering
from townhall.records import predicate
from townhall.records.paging import Cursor
from townhall.records.paging import Order
from townhall.records.plans import Reader
from townhall.records.plans import TypePlan
from townhall.records.types import ID
from townhall.records.types import Row

if TYPE_CHECKING:
    from townhall.town import Town

#: A record's id and what the list is sorted by.
Place = tuple[int, Any]
#: Lists that are kept of what a scope found.
_MOST_KEPT = 20
#: How many rows of a table passed a test, of each database, with how it stood; and of how many tests that is kept.
_GATHERED: WeakKeyDictionary[Any, dict[Hashable, tuple[Hashable, int]]] = WeakKeyDictionary()
_MOST_GATHERED = 100
#: Tests that more rows passed than a list gathers, of each database, with the moment until which that is believed.
_MANY: WeakKeyDictionary[Any, dict[Hashable, datetime]] = WeakKeyDictionary()
_BELIEVED = timedelta(minutes=1)
#: As many rows are gathered, or looked at again, so soon that no other way is thought about.
_SOME = 200
_HOW_MANY = "how many"
_NULL = {peewee.OP.IS: "IS NULL", peewee.OP.IS_NOT: "IS NOT NULL"}


@dataclass(frozen=True, slots=True)
class Test:
    """What must hold of a row, as SQL over the type's table; ``narrow`` if it is more than whether it is archived.

    ``open`` says that only cases pass that are neither closed nor archived; ``found`` are the ids of a scope, if it is
    one that was looked for and only one thing is asked besides, which is whether they are archived.
    """

    where: str
    parameters: tuple[Any, ...]
    narrow: bool
    open: bool = False
    found: gathering.Found | None = None

    @property
    def many(self) -> bool:
        """Whether many rows are known to pass."""
        return self.found is not None and self.found.many

    def known(self, *asked: Hashable) -> Any:
        """What :meth:`keep` was given for the same question; ``None`` if nothing was, or any record changed since."""
        times, answer = self._kept(asked)
        return answer if self.found is not None and times == self.found.times else None

    def known_before(self, *asked: Hashable) -> tuple[Any, set[int]]:
        """The same however long ago, and the records of the type that changed, came or went since."""
        times, answer = self._kept(asked)
        touched = self.found.touched if self.found is not None else {}
        return answer, {id for id, when in touched.items() if when > times}

    def _kept(self, asked: tuple[Hashable, ...]) -> tuple[int, Any]:
        lists = self.found.lists if self.found is not None else {}
        return lists.get((self.where, self.parameters, *asked), (-1, None))

    def keep(self, answer: Any, *asked: Hashable) -> None:
        """Keep an answer as long as what the scope found holds."""
        if self.found is not None:
            if len(self.found.lists) >= _MOST_KEPT:
                self.found.lists.clear()
            self.found.lists[self.where, self.parameters, *asked] = self.found.times, answer


def plain(plan: TypePlan, archived: bool | None) -> Test:
    """The test that asks for nothing else."""
    column = plan.sql_name("archived")
    if archived is None:
        return Test("", (), narrow=False)
    # What was put aside is little beside what was not: it is gathered, before a list is walked along to find it.
    return Test(f"{column} IS {'NOT ' if archived else ''}NULL", (), narrow=archived)


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
    among = [_found(each) for each in conditions] if len(conditions) == 2 else []
    found = next(filter(None, among), None)
    return Test(f"({where})", tuple(parameters), narrow=len(conditions) > 1, open=is_open, found=found)


def _found(condition: Any) -> gathering.Found | None:
    """The ids of a scope, if a condition asks for nothing else."""
    rhs = condition.rhs if isinstance(condition, peewee.Expression) else None
    return rhs if isinstance(rhs, gathering.Found) else None


def _text(plan: TypePlan, condition: Any) -> tuple[str, Sequence[Any]] | None:
    """A condition that every list of somebody with a narrowed permission asks, without peewee's work on it: that an id
    is one of those that were found, that nothing stands in a column or the actor's id does, that one of several such
    holds or all do, or what is text already. ``None`` for all others.
    """
    if isinstance(condition, peewee.SQL):
        return f"({condition.sql})", condition.params or ()
    if not isinstance(condition, peewee.Expression):
        return None
    if condition.op in (peewee.OP.AND, peewee.OP.OR):
        left, right = _text(plan, condition.lhs), _text(plan, condition.rhs)
        return (f"({left[0]} {condition.op} {right[0]})", (*left[1], *right[1])) if left and right else None
    if getattr(condition.lhs, "model", None) is not plan.model:
        return None
    column = plan.sql_name(condition.lhs.column_name)
    if condition.op == peewee.OP.IN and isinstance(condition.rhs, peewee.SQL):
        return f"{column} IN {condition.rhs.sql}", condition.rhs.params or ()
    if condition.op == peewee.OP.EQ and type(condition.rhs) is int:
        return f"{column} = {plan.mark}", (condition.rhs,)
    if condition.rhs is None and condition.op in _NULL:
        return f"{column} {_NULL[condition.op]}", ()
    return None


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
    counted: int | None = test.known("count", most)
    gathered: int | None = test.known(_HOW_MANY)
    if counted is None and gathered is None:
        gathered = _gathered(town, (plan.table, test.where, test.parameters), test)
    if counted is None and gathered is not None:
        return min(gathered, most)
    if counted is None:
        rows = f"SELECT 1 {_source(town, plan, test)}{_where(test.where)} LIMIT {most}"
        sql = f"SELECT count(*) FROM ({rows}) AS counted"  # noqa: S608
        counted = int(town.database.execute_sql(sql, test.parameters).fetchone()[0])
        test.keep(counted, "count", most)
    return counted


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
        asked = f"SELECT {order.id}, {value} {_source(town, plan, test)}"  # names from schemas
        source = plan.along(value, is_open=test.open)
        question = (plan.table, test.where, test.parameters)
        few = None if _many(town, question, test) else _few(town, plan, question, asked, test, order)
        if few is not None:
            if len(few) > _SOME and len(few) ** 2 > size * _rows_along(town, plan, source):
                _believe_many(town, question)
            return [*order.arranged(few, cursor, backwards=backwards)[:size]], False
    place = (order.sort, cursor, size, backwards)
    known, came, touched = _kept(town, plan, test, order, *place)
    if known is not None and touched:
        known = _renewed(known, came, touched, order, cursor, size, backwards=backwards)
        if known is not None:
            test.keep(known, *place)
    if known is not None:
        return [*known], False
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
    test.keep([(row[ID], row[-1]) for row in found], *place)
    return found, True


def _kept(
    town: Town, plan: TypePlan, test: Test, order: Order, *asked: Hashable
) -> tuple[list[Place] | None, list[Place], set[int]]:
    """Rows that are kept for a question, if any; those that changed or came since, as they are now; and the ids of all
    that did, or went.
    """
    if not order.column or _says_others(plan, order):
        return test.known(*asked), [], set()
    rows, touched = test.known_before(*asked)
    if rows is None or not touched:
        return rows, [], touched
    if len(touched) > _SOME:
        return None, [], touched
    one_of = f"{order.id} IN ({', '.join(map(str, touched))})"
    sql = f"SELECT {order.id}, {order.column} {plan.source}{_where(test.where, one_of)}"
    return rows, town.database.execute_sql(sql, test.parameters).fetchall(), touched


def _renewed(
    page: list[Place],
    came: list[Place],
    touched: set[int],
    order: Order,
    cursor: Cursor | None,
    size: int,
    *,
    backwards: bool,
) -> list[Place] | None:
    """A page that was read before as it is now; ``None`` if it lacks rows."""
    stayed = [row for row in page if row[ID] not in touched]
    if len(page) == size:
        # Between what lies beyond the page's end now there may be others, which were never read.
        id, value = page[-1]
        beyond = order.arranged(came, Cursor(order.sort, value, id), backwards=backwards)
        came = [row for row in came if row not in beyond]
    now = order.arranged([*stayed, *came], cursor, backwards=backwards)[:size]
    return now if len(now) == size or len(page) < size else None


def _says_others(plan: TypePlan, order: Order) -> bool:
    """Whether a list goes by titles that say what other records are called, so that it changes with these."""
    if order.column != plan.sql_name("title_key"):
        return False
    said = (plan.record_type.field(path.partition(".")[0]) for path in plan.record_type.title.paths)
    return any(field is not None and field.target for field in said)


def _source(town: Town, plan: TypePlan, test: Test) -> str:
    """The rows among which those are that pass the test, where their order doesn't matter."""
    return plan.open_source if test.open and town.database.engine == "sqlite" else plan.source


def _many(town: Town, question: Hashable, test: Test) -> bool:
    """Whether too many rows pass the test to gather them, as far as is known.

    What was found a moment ago is believed, whatever was written since: the list is walked along either way to the
    same rows, and gathering two thousand for nothing after each change would cost five pages.
    """
    until = _MANY.get(town.database, {}).get(question)
    return test.many or (until is not None and town.clock.now() < until)


def _believe_many(town: Town, question: Hashable) -> None:
    _keep(_MANY, town, question, town.clock.now() + _BELIEVED)


def _rows_along(town: Town, plan: TypePlan, source: str) -> int:
    """About how many rows a list can walk along. If as many of them pass a test as are looked at for a page, so that
    their number's square is this times a page, walking is as good as gathering.
    """
    many = f"SELECT MAX(id) {plan.source}"
    if source == plan.open_source != plan.source:
        many = f"SELECT COUNT(*) {source} WHERE archived IS NULL AND closed IS NULL"
    return int(town.database.execute_sql(many).fetchone()[0] or 0)


def _few(town: Town, plan: TypePlan, question: Hashable, select: str, test: Test, order: Order) -> list[Place] | None:
    """Ids and sort values of all rows that pass the test; ``None`` if they are too many to gather.

    SQLite can't tell beforehand. Few are sorted here; if there are many, a page is full soonest by walking along the
    order. PostgreSQL decides by its statistics. How many there were is kept for whoever counts them next.
    """
    # What is written while they are read makes another state, and they are counted anew.
    state = _state(town, test)
    rows, came, touched = _kept(town, plan, test, order, select)
    if rows is None or (touched and len(rows) > COMMON):
        sql = f"{select}{_where(test.where)} LIMIT {COMMON + 1}"
        rows = town.database.execute_sql(sql, test.parameters).fetchall()
        test.keep(rows, select)
    elif touched:
        rows = [*(row for row in rows if row[ID] not in touched), *came]
        test.keep(rows, select)
    if len(rows) > COMMON:
        _believe_many(town, question)
        return None
    if test.found is not None:
        test.keep(len(rows), _HOW_MANY)
    elif state is not None:
        _keep(_GATHERED, town, question, (state, len(rows)))
    return rows


def _keep(kept: WeakKeyDictionary[Any, dict[Hashable, Any]], town: Town, question: Hashable, answer: Any) -> None:
    held = kept.setdefault(town.database, {})
    if len(held) >= _MOST_GATHERED:
        held.clear()
    held[question] = answer


def _gathered(town: Town, question: Hashable, test: Test) -> int | None:
    """How many rows pass the test, if they were gathered for a page and nothing was written since."""
    state, number = _GATHERED.get(town.database, {}).get(question, (None, 0))
    return number if state is not None and state == _state(town, test) else None


def _state(town: Town, test: Test) -> Hashable | None:
    """How the database stands, while nothing is being written; ``None`` if what passes the test says more than it."""
    return None if town.database.transaction_depth() or "temp." in test.where else town.database.state()


def _where(*tests: str) -> str:
    there = [test for test in tests if test]
    return f" WHERE {' AND '.join(there)}" if there else ""
