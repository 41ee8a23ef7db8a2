"""Which records a permission reaches that is narrowed to somebody's own, to what they were given, or to a department.

A department is the team of a queue: there is no second list of who belongs where. Each scope holds those before it:

``own``
    records that the person added;
``assigned``
    cases that they have, records of which a ``staff`` field names them, and, to see it, what those that name them are
    about;
``department``
    cases in a queue on whose team they are, or that were shared with one of their teams.

What is no case follows those that it is about, and belongs to a department through the cases that are about it; what
is set up once for all (categories, queues) belongs to every department. This is the one place that turns a scope into
a test on rows; :mod:`townhall.records.scope_reasons` has the parts.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Sequence
from collections.abc import Set
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.permissions import Scope
from townhall.access.permissions import Verb
from townhall.records import gathering
from townhall.records import scope_links
from townhall.records import scope_reasons as reasons
from townhall.records.balancing import found_in
from townhall.records.gathering import Written
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall.records.scope_links import Leading
from townhall.records.scope_reasons import NOTHING
from townhall.records.scope_reasons import QUEUE
from townhall.records.scope_reasons import SHARED
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition

if TYPE_CHECKING:
    from townhall.town import Town

#: What may be done to a record because somebody is named by another one about it: a reviewer reads the application
#: that they review, and doesn't change it or decide on it.
ABOUT: frozenset[Verb] = frozenset({"view", "export"})
_EVERYTHING = peewee.SQL("1 = 1")


def within(
    town: Town,
    actor: Actor,
    verb: Verb,
    record_type: RecordType,
    model: Any = None,
    *,
    move: Transition | None = None,
    shares: bool = True,
    id: int | None = None,
) -> peewee.ColumnBase | None:
    """A test on rows of the type, in ``model``, that the actor's permission reaches them; ``None`` if it does all.

    Without ``shares`` those don't count that only a share with one of their teams lets them reach. ``id`` says that
    only this record is asked about, so that others need not be looked for.
    """
    reach = policy.reach(actor, verb, record_type, move)
    if reach == "all" or (verb in policy.READING and is_all(town, record_type, reach)):
        return None
    if reach is None or actor.id is None:
        return NOTHING
    model = model or plan_of(town, record_type.identity).model
    levels = SHARED.get(verb, ()) if shares else ()
    found = list(reasons.here(town, actor, record_type, model, reach))
    apart = _Apart(town, actor, record_type, reach, levels, verb in ABOUT)
    return reasons.either([*found, apart.of_one(id, model) if id is not None else apart.of_all(model)])


def is_all(town: Town, record_type: RecordType, reach: Scope | None) -> bool:
    """Whether a scope lets all records of a type be seen: what is set up once for all is each department's to see."""
    return reach == "all" or (reach == "department" and _is_set_up_for_all(town, record_type))


def _is_set_up_for_all(town: Town, record_type: RecordType) -> bool:
    """Whether the type's records are no cases, can be about none, and are no records of their own like contacts."""
    kept, key = plans(town).kept, ("set up for all", record_type.identity)
    if key not in kept:
        fields = record_type.fields.values()
        links = (town.schemas.get(each.target) for each in fields if each.target and not each.many_targets)
        kept[key] = not (
            record_type.is_case
            or record_type.navigation == "records"
            or scope_links.references(town, record_type)
            or any(target is not None and target.is_case for target in links)
        )
    found: bool = kept[key]
    return found


def kept_back(
    town: Town, actor: Actor, record_type: RecordType, model: Any = None, *, often: bool = False
) -> list[peewee.ColumnBase]:
    """Tests that a record of the type is about no case of which the actor may not know.

    An interaction tells of the case that it is about, so it is kept back with it. A case stands for itself. ``often``
    says that several statements ask this of many rows.
    """
    if not may_keep_back(town, actor, record_type):
        return []
    closed, narrow = _unseen(town, actor)
    model = model or plan_of(town, record_type.identity).model
    found: list[peewee.ColumnBase] = []
    for name in scope_links.references(town, record_type):
        at, id = scope_links.pointer(town, record_type, name, model)
        # One way for each type: a row that is about a case of one isn't held against those of all others.
        ways = [(each.identity, found_in(id, seen(town, actor, each, often=often))) for each in narrow]
        found.append(peewee.Case(at, [*ways, *((each.identity, NOTHING) for each in closed)], _EVERYTHING))
    return found


def may_keep_back(town: Town, actor: Actor, record_type: RecordType) -> bool:
    """Whether any record of the type may be about a case that is kept from the actor."""
    if actor.kind != "staff" or record_type.is_case or not scope_links.references(town, record_type):
        return False
    return any(_unseen(town, actor))


def _unseen(town: Town, actor: Actor) -> tuple[list[RecordType], list[RecordType]]:
    """Types of case of which a colleague sees nothing, and those of which they see some; by what they hold."""
    kept, key = plans(town).kept, ("unseen", actor.permissions)
    if key not in kept:
        reaches = [(each, policy.reach(actor, "view", each)) for each in town.schemas.values() if each.is_case]
        closed = [each for each, reach in reaches if reach is None]
        narrow = [each for each, reach in reaches if reach not in (None, "all")]
        kept[key] = closed, narrow
    found: tuple[list[RecordType], list[RecordType]] = kept[key]
    return found


@dataclass(frozen=True, slots=True)
class _Apart:
    """What is within a scope for a reason that stands outside of its own row."""

    town: Town
    actor: Actor
    record_type: RecordType
    reach: Scope
    levels: tuple[str, ...]
    about: bool

    @property
    def identity(self) -> str:
        """The type that is asked about."""
        return self.record_type.identity

    @property
    def _key(self) -> tuple[Hashable, ...]:
        return self.identity, self.reach, self.levels, self.about

    def of_one(self, id: int, model: Any) -> peewee.ColumnBase:
        """That the one record is that is asked about; no more is looked for, unless all were found already."""
        known = None if self.record_type.is_case else gathering.few(self.town, self.actor, self._key, None)
        return found_in(model.id, known or self._compiled("one", self._ids_of_one, id))

    def of_all(self, model: Any) -> peewee.ColumnBase:
        """That a row is."""
        ids = partial(self._compiled, "all", self._ids)
        found = None if self.record_type.is_case else gathering.few(self.town, self.actor, self._key, ids, self)
        return found_in(model.id, found or ids())

    def _compiled(
        self, form: str, make: Callable[[Actor], Sequence[Any]], id: int | Collection[int] | None = None
    ) -> peewee.SQL:
        return reasons.compiled(self.town, self.actor, ("apart", *self._key, form), make, id)

    def _ids(self, somebody: Actor, *, one: bool = False) -> list[Any]:
        asked = (self.town, somebody, self.record_type, self.reach, self.levels)
        return list(reasons.apart(*asked, about=self.about, one=one))

    def _ids_of_one(self, somebody: Actor) -> list[Any]:
        return [each.where(each.selected_columns[0] == reasons.ONE) for each in self._ids(somebody, one=True)]

    def doubted(self, written: Collection[Written]) -> set[int] | None:
        """The ids that these records lead to or led to before, as far as that concerns the actor; ``None`` if teams are
        others.
        """
        record_type, me = self.record_type, self.actor.id
        leading = scope_links.leading(self.town, record_type)
        rows = scope_links.naming_rows(self.town, record_type)
        if any(each.identity == QUEUE for each in written):
            return None
        moved = self.reach == "department" and any("queue" in each.changes for each in written)
        teams = self._rows_of(reasons.my_teams(self.town, self.actor)) if moved else set[int]()
        found, changed = set[int](), dict[str, set[int]]()
        for each in written:
            made = each.action == "create" and each.actor_id == me
            if each.identity == self.identity and (made or not rows.isdisjoint(each.changes)):
                found.add(each.id)
            way = leading.get(each.identity)
            if way is not None and (made or self._concerned(way, each, teams)):
                changed.setdefault(each.identity, set()).add(each.id)
                for field in way.fields:
                    found.update(scope_links.told(record_type, each.changes.get(field.name, (None, None))[0]))
        for identity, ids in changed.items():
            found |= self._found(f"led from {identity}", partial(self._led_from, leading[identity]), ids)
        return found

    def _concerned(self, way: Leading, written: Written, teams: Set[int]) -> bool:
        """Whether what was done to a record that leads to others may have brought it into the scope or out of it, or
        let it lead elsewhere. ``teams`` are the queues that it may have come to or left by that.
        """
        changes = written.changes
        if not teams.isdisjoint(changes.get("queue", ())):
            return True
        if any(_mentions(changes[name], self.actor.id) for name in way.naming & changes.keys()):
            return True
        # Of a share nothing is told but that it was made or ended. What others made says by now whether it is within.
        elsewhere = {"archived", *(field.name for field in way.fields)}
        return not changes or (written.action != "create" and not elsewhere.isdisjoint(changes))

    def among(self, ids: Set[int]) -> set[int]:
        """Those of the ids that are within the scope, each looked at by what leads to it."""
        return self._found("among", self._among, ids)

    def _found(self, form: str, make: Callable[[Actor], Sequence[Any]], ids: Set[int]) -> set[int]:
        """What queries find that ask about some ids."""
        return self._rows_of(self._compiled(form, make, ids))

    def _rows_of(self, query: peewee.SQL) -> set[int]:
        rows = self.town.database.execute_sql(f"SELECT * FROM {query.sql}", query.params)  # noqa: S608  # put together
        return {id for (id,) in rows.fetchall()}

    def _led_from(self, way: Leading, _: Actor) -> list[Any]:
        """Queries of what some records point at."""
        there = plan_of(self.town, way.source.identity).model.alias()
        asked = self.town, self.record_type, way.source
        return [
            scope_links.pointed_at(*asked, field, there, found_in(there.id, reasons.SOME), archived=True)
            for field in way.fields
        ]

    def _among(self, somebody: Actor) -> list[Any]:
        """A query of those of some ids that are within the scope, each looked at by what leads to it."""
        model = plan_of(self.town, self.record_type.identity).model
        ways = [each.where(each.selected_columns[0] == model.id) for each in self._ids(somebody, one=True)]
        # Most pass by the last reasons: what cases are about.
        within = reasons.either([peewee.fn.EXISTS(each) for each in ways[::-1]])
        return [model.select(model.id).where(found_in(model.id, reasons.SOME), within)]


def _mentions(told: Any, id: int | None) -> bool:
    """Whether what history tells of a value names somebody, or may: what is encrypted doesn't say."""
    if isinstance(told, dict):
        return _mentions([*told.values()], id)
    if isinstance(told, list | tuple):
        return any(_mentions(each, id) for each in told)
    return told == id or isinstance(told, str)


def seen(town: Town, actor: Actor, record_type: RecordType, *, often: bool = False) -> peewee.SQL:
    """The ids of the cases of a type that the actor sees, to be found in: a query, or what it found before if that is
    asked ``often``. An id may be there for several reasons.
    """
    query = partial(_seen, town, actor, record_type)
    found = gathering.few(town, actor, ("seen", record_type.identity), query) if often else None
    return found or query()


def _seen(town: Town, actor: Actor, record_type: RecordType) -> peewee.SQL:
    """A query of these ids."""
    reach = policy.reach(actor, "view", record_type)
    if reach is None or actor.id is None:
        return peewee.SQL("(SELECT 0 WHERE 1 = 0)")

    def make(somebody: Actor) -> Sequence[Any]:
        there = plan_of(town, record_type.identity).model.alias()
        # Each reason by its own index: an engine that is asked for one reason or the other looks through all cases.
        here = reasons.here(town, somebody, record_type, there, reach)
        apart = reasons.apart(town, somebody, record_type, reach, SHARED["view"])
        return [*(there.select(there.id).where(test) for test in here), *apart]

    return reasons.compiled(town, actor, ("seen", record_type.identity, reach), make)
