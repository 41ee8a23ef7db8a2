"""What the statements about one type's figures are made of: its table, whose rows count, its states, the moment."""

from __future__ import annotations

import json
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from collections.abc import Set
from dataclasses import dataclass
from dataclasses import field
from itertools import compress
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records import pages
from townhall.records import predicate
from townhall.records.figures.words import CASE_MOVES
from townhall.records.gathering import Found
from townhall.records.instants import to_microseconds
from townhall.records.plans import TypePlan
from townhall.records.plans import plan as plan_of
from townhall.records.plans import quote
from townhall_forms.schema import RecordType
from townhall_forms.tables import fields_index
from townhall_forms.tables import open_index

if TYPE_CHECKING:
    from townhall.town import Town

DAY = 24 * 3600 * 1_000_000
MINUTE = 60 * 1_000_000
#: A row that follows in an index costs so many times less than one that is looked for.
_DENSE = 4


@dataclass(frozen=True, slots=True)
class Sql:
    """A part of a statement with its parameters, in order."""

    text: str
    parameters: tuple[Any, ...] = ()

    def __and__(self, other: Sql) -> Sql:
        """Both tests."""
        return Sql(f"({self.text}) AND ({other.text})", (*self.parameters, *other.parameters))


NOTHING, EVERY = Sql("1 = 0"), Sql("1 = 1")


@dataclass(frozen=True, slots=True)
class Scene:
    """One type as one actor may count it. ``t1`` is its table, ``now`` the present in microseconds.

    ``fresh`` are the states before a case is sent, ``open`` those in which it is worked on, ``final`` the others;
    ``running`` are the open ones in which its clock runs.
    """

    town: Town
    actor: Actor
    plan: TypePlan
    now: int
    fresh: tuple[str, ...]
    open: tuple[str, ...]
    final: tuple[str, ...]
    running: tuple[str, ...]
    _seen: list[Set[int] | None] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, town: Town, actor: Actor, identity: str) -> Scene:
        """The scene of a type. Raises :class:`~townhall.errors.Forbidden` for staff who may not see its records."""
        plan = plan_of(town, identity)
        workflow = plan.record_type.workflow
        states = tuple(workflow.states.values()) if workflow is not None else ()
        return cls(
            town=town,
            actor=actor,
            plan=plan,
            now=to_microseconds(town.clock.now()),
            fresh=("", *(state.name for state in states if state.incomplete and not state.final)),
            open=tuple(state.name for state in states if not state.final and not state.incomplete),
            final=tuple(state.name for state in states if state.final),
            running=tuple(
                state.name for state in states if not (state.final or state.incomplete or state.pauses_clock)
            ),
        )

    @property
    def type(self) -> RecordType:
        """The type."""
        return self.plan.record_type

    @property
    def identity(self) -> str:
        """Its identity."""
        return self.plan.record_type.identity

    @property
    def mark(self) -> str:
        """What stands for a parameter."""
        return str(self.town.database.param)

    def column(self, name: str) -> str:
        """A column of the type's table."""
        return self.plan.sql_name(name)

    def readable(self, archived: bool | None = False) -> Sql:
        """Which rows the actor may know of: the predicate that all reading asks."""
        tests = predicate.rows(self.town, self.actor, self.type, archived=archived)
        test = pages.test_of(self.plan, tests) if tests else pages.plain(self.plan, None)
        return Sql(test.where or "1 = 1", test.parameters)

    def visible(self, *, of_seen_cases: bool = False) -> Sql:
        """The same, for many rows of an index: archived ones are left out without a look at the record.

        ``of_seen_cases`` are those about cases that were chosen among what the actor sees.
        """
        test = self.unarchived("t1.id")
        among = predicate.scope(self.town, self.actor, self.type, of_seen_cases=of_seen_cases, often=True)
        if among is None:
            return test
        visible = pages.test_of(self.plan, [among])
        return Sql(visible.where, visible.parameters) & test

    def unarchived(self, column: str) -> Sql:
        """That a column holds the id of a record that isn't archived: no record is looked at, since few are.

        Who asks has to sift what is found (:meth:`sifted`), or to know that the actor sees all.
        """
        table = self.quoted(self.plan.table)
        return Sql(f"{column} NOT IN (SELECT id FROM {table} WHERE archived IS NOT NULL)")  # noqa: S608

    def seen(self) -> Set[int] | None:
        """The ids of what the actor may know of, or ``None`` for all but what is archived.

        They are found once, however often a page asks.
        """
        if not self._seen:
            if predicate.scope(self.town, self.actor, self.type) is None:
                self._seen.append(None)
            else:
                self._seen.append({*self._found()})
        return self._seen[0]

    def among_seen(self, column: str) -> Sql:
        """That a column holds the id of what the actor may know of, who sees some only; of what isn't archived."""
        found = predicate.seen_cases(self.town, self.actor, self.type, often=True)
        if isinstance(found, Found):
            return Sql(f"{column} IN {found.sql}") & self.unarchived(column)
        return self.those(column, self.seen() or ())

    def _found(self) -> list[int]:
        """The ids of what the actor may know of, who sees some only."""
        cases = predicate.seen_cases(self.town, self.actor, self.type)
        if cases is None:
            readable = self.readable()
            return self.lists(["t1.id"], Sql(f"{self.plan.source} WHERE {readable.text}", readable.parameters))[0]
        found = f"SELECT {self.text_of('id')} FROM seen WHERE {self.unarchived('id').text}"  # noqa: S608  # names
        ((ids,),) = self.rows(Sql(f"WITH seen (id) AS {cases.sql} {found}", tuple(cases.params or ())))
        return numbers(ids)

    def sifted(self, *columns: list[int]) -> tuple[list[int], ...]:
        """Of columns of which the first holds ids, what is of records that the actor may know of."""
        seen = self.seen()
        if seen is None:
            return columns
        kept = [id in seen for id in columns[0]]
        return tuple([*compress(column, kept)] for column in columns)

    def quoted(self, name: str) -> str:
        """A name as the engine wants it."""
        return quote(self.town.database, name)

    def indexed(self, index: str) -> str:
        """What comes after a table so that SQLite goes by this index; PostgreSQL decides by its statistics."""
        return f' INDEXED BY "{index}"' if self.town.database.engine == "sqlite" else ""

    def other(self, alias: str) -> Sql:
        """Which rows of the type's table, called otherwise than ``t1``, the actor may know of."""
        model = self.plan.model
        visible = predicate.scope(self.town, self.actor, self.type)
        text = f"{alias}.archived IS NULL"
        if visible is None:
            return Sql(text)
        sql, parameters = model.select(model.id).where(visible).sql()
        return Sql(f"{text} AND {alias}.id IN ({sql})", tuple(parameters))

    def unclosed(self, alias: str) -> Sql:
        """Which rows are in the index of what is neither closed nor archived: all that an open state can be in."""
        return Sql(f"{alias}.closed IS NULL AND {alias}.archived IS NULL")

    def standing(self, states: Sequence[str], test: str, *values: int) -> Sql:
        """Cases in one of these open states for which a test of the row ``o`` holds, by the index of what is open."""
        index = self.indexed(open_index(self.type).name)
        every = self.among("o.state", states) & self.unclosed("o") & Sql(test, values)
        text = f"t1.id IN (SELECT o.id FROM {self.quoted(self.plan.table)} AS o{index} WHERE {every.text})"  # noqa: S608
        return Sql(text, every.parameters)

    def log(self, alias: str, index: str) -> str:
        """The log of moves, by one of its indexes: without statistics SQLite chooses any."""
        return f"FROM {CASE_MOVES} AS {alias}{self.indexed(f'{CASE_MOVES}_{index}')}"

    def by_index(self, names: tuple[str, ...]) -> str:
        """The type's table from FROM on, by the index that its schema wants of these fields."""
        return self.plan.source + self.indexed(fields_index(self.type, names).name)

    def different(self, source: str, columns: Sequence[str], test: Sql = EVERY) -> Iterator[tuple[Any, ...]]:
        """The different values of the first columns of an index; each is found by a step in it, however many rows.

        ``source`` is the table by that index, from FROM on.
        """
        column, *others = columns

        def further(here: Sql) -> Iterable[tuple[Any, ...]]:
            return self.different(source, others, here) if others else [()]

        def first(here: Sql) -> Any:
            # A step that does not say so goes through all that is empty.
            some = here & Sql(f"{column} IS NOT NULL")
            ((found,),) = self.rows(Sql(f"SELECT MIN({column}) {source} WHERE {some.text}", some.parameters))
            return found

        empty = test & Sql(f"{column} IS NULL")
        if self.rows(Sql(f"SELECT 1 {source} WHERE {empty.text} LIMIT 1", empty.parameters)):
            yield from ((None, *more) for more in further(empty))
        found = first(test)
        while found is not None:
            yield from ((found, *more) for more in further(test & Sql(f"{column} = {self.mark}", (found,))))
            found = first(test & Sql(f"{column} > {self.mark}", (found,)))

    def among(self, column: str, values: Sequence[Any]) -> Sql:
        """That a column holds one of these values."""
        if not values:
            return NOTHING
        return Sql(f"{column} IN ({', '.join([self.mark] * len(values))})", tuple(values))

    def rows(self, sql: Sql) -> list[tuple[Any, ...]]:
        """What a statement finds."""
        return list(self.town.database.execute_sql(sql.text, sql.parameters).fetchall())

    def those(self, column: str, ids: Iterable[int]) -> Sql:
        """That a column holds one of these ids, of which there may be more than a statement takes parameters."""
        if self.town.database.engine == "postgresql":
            return Sql(f"{column} = ANY({self.mark})", ([*ids],))
        text = f"{column} IN (SELECT value FROM json_each({self.mark}))"  # noqa: S608  # names and marks
        return Sql(text, (json.dumps([*ids]),))

    def about(self, column: str, ids: Collection[int]) -> Sql:
        """That a column holds one of these ids, or perhaps one between them, if that is sooner found in an index."""
        low, high = min(ids, default=0), max(ids, default=0)
        if len(ids) * _DENSE < high - low:
            return self.those(column, ids)
        return Sql(f"{column} BETWEEN {self.mark} AND {self.mark}", (low, high))

    def last(self) -> int:
        """About how many records the type has: the last id."""
        ((last,),) = self.rows(Sql(f"SELECT MAX(t1.id) {self.plan.source}"))
        return last or 0

    def lists(self, columns: Iterable[str], found: Sql) -> list[list[int]]:
        """Columns of whole numbers of all rows that a statement finds, from FROM on; none is ever empty."""
        selected = ", ".join(self.text_of(column) for column in columns)
        (texts,) = self.rows(Sql(f"SELECT {selected} {found.text}", found.parameters))
        return [numbers(text) for text in texts]

    def text_of(self, column: str) -> str:
        """All whole numbers of a column in a group as one text, for :func:`numbers`; without the rows that have none.

        Bringing over a row for each takes longer than reading it.
        """
        if self.town.database.engine == "postgresql":
            return f"STRING_AGG(CAST({column} AS TEXT), ',')"
        return f"GROUP_CONCAT({column})"

    def moved(self, alias: str, sources: Sequence[str], targets: Sequence[str]) -> Sql:
        """That a move, a row of ``case_transition``, led from one of these states into one of those."""
        return self.among(f"{alias}.source", sources) & self.among(f"{alias}.target", targets)


def numbers(text: str | None) -> list[int]:
    """The numbers of a text that :meth:`Scene.text_of` made; a reader of JSON takes half the time of any other way."""
    found: list[int] = json.loads(f"[{text or ''}]")
    return found


def joined(parts: Iterable[Sql], between: str = ", ") -> Sql:
    """Parts one after the other."""
    found = list(parts)
    return Sql(between.join(part.text for part in found), tuple(value for part in found for value in part.parameters))
