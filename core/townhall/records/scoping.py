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
a test on rows.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from operator import or_
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.permissions import SCOPES
from townhall.access.permissions import Scope
from townhall.access.permissions import Verb
from townhall.records import gathering
from townhall.records import scope_links
from townhall.records.balancing import balanced
from townhall.records.balancing import found_in
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition

if TYPE_CHECKING:
    from townhall.town import Town

QUEUE = "core.queue"
#: What may be done to a case that was shared: to see it, or to work on it as well.
SHARED: dict[Verb, tuple[str, ...]] = {"view": ("view", "work"), "edit": ("work",), "transition": ("work",)}
#: What may be done to a record because somebody is named by another one about it: a reviewer reads the application
#: that they review, and doesn't change it or decide on it.
ABOUT: frozenset[Verb] = frozenset({"view", "export"})
NOTHING = peewee.SQL("1 = 0")
_EVERYTHING = peewee.SQL("1 = 1")
#: Stand in a statement where the ids of the actor and of the one record that is asked about are put; nobody has them.
_SOMEBODY = -1
_ONE = -2


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
    if is_all(town, record_type, reach):
        return None
    if reach is None or actor.id is None:
        return NOTHING
    model = model or plan_of(town, record_type.identity).model
    levels = SHARED.get(verb, ()) if shares else ()
    found = list(_tests(town, actor, record_type, model, reach, levels, apart=False))
    apart = _apart(town, actor, record_type, reach, levels, verb in ABOUT, id)
    return _either([*found, found_in(model.id, apart)])


def is_all(town: Town, record_type: RecordType, reach: Scope | None) -> bool:
    """Whether a scope holds every record of the type: what is set up once for all belongs to every department."""
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


# -- statements -----------------------------------------------------------------------------------------------------


def _compiled(
    town: Town, actor: Actor, key: Hashable, make: Callable[[Actor], Sequence[Any]], one: int | None = None
) -> peewee.SQL:
    """Queries of ids as one statement, put together once for all who hold the same permissions.

    ``make`` gives the queries for somebody who has the id of a mark; where it stands, the actor's own is put, and that
    of the ``one`` record that is asked about where its mark does.
    """
    kept = plans(town).kept
    key = ("scope", key, actor.permissions)
    if key not in kept:
        parts = [_said(query) for query in make(replace(actor, id=_SOMEBODY, known={}))]
        kept[key] = " UNION ALL ".join(sql for sql, _ in parts), [each for _, values in parts for each in values]
    text, parameters = kept[key]
    put = {_SOMEBODY: actor.id, _ONE: one}
    return peewee.SQL(f"({text})", [put.get(each, each) for each in parameters])


def _said(query: Any) -> tuple[str, Sequence[Any]]:
    """A query as text, with its parameters."""
    sql, parameters = (query.sql, query.params) if isinstance(query, peewee.SQL) else query.sql()
    return sql, parameters


def _apart(
    town: Town,
    actor: Actor,
    record_type: RecordType,
    reach: Scope,
    levels: tuple[str, ...],
    about: bool,
    id: int | None,
) -> peewee.SQL:
    """The ids of records that are within a scope for a reason that stands outside of their own row; of one only where
    no more is asked, unless all were found already.
    """
    key = (record_type.identity, reach, levels, about)
    one = id is not None

    def make(somebody: Actor) -> Sequence[Any]:
        model = plan_of(town, record_type.identity).model
        found = list(_tests(town, somebody, record_type, model, reach, levels, apart=True, about=about, one=one))
        return [each.where(each.selected_columns[0] == _ONE) for each in found] if one else found

    ids = _compiled(town, actor, ("apart", *key, one), make, id)
    few = None if record_type.is_case else gathering.few(town, actor, key, None if one else ids)
    return ids if few is None else few


def seen(town: Town, actor: Actor, record_type: RecordType, *, often: bool = False) -> peewee.SQL:
    """The ids of the cases of a type that the actor sees, to be found in: a query, or what it found before if that is
    asked ``often``. An id may be there for several reasons.
    """
    query = seen_query(town, actor, record_type)
    key = ("seen", record_type.identity)
    return (gathering.few(town, actor, key, query) if often else None) or query


def seen_query(town: Town, actor: Actor, record_type: RecordType) -> peewee.SQL:
    """A query of these ids."""
    reach = policy.reach(actor, "view", record_type)
    if reach is None or actor.id is None:
        return peewee.SQL("(SELECT 0 WHERE 1 = 0)")

    def make(somebody: Actor) -> Sequence[Any]:
        there = plan_of(town, record_type.identity).model.alias()
        # Each reason by its own index: an engine that is asked for one reason or the other looks through all cases.
        here = _tests(town, somebody, record_type, there, reach, SHARED["view"], apart=False)
        apart = _tests(town, somebody, record_type, there, reach, SHARED["view"], apart=True)
        return [*(there.select(there.id).where(test) for test in here), *apart]

    return _compiled(town, actor, ("seen", record_type.identity, reach), make)


# -- one scope ------------------------------------------------------------------------------------------------------


def _tests(
    town: Town,
    actor: Actor,
    record_type: RecordType,
    model: Any,
    reach: Scope,
    levels: tuple[str, ...],
    *,
    apart: bool,
    about: bool = True,
    one: bool = False,
) -> Iterator[Any]:
    """Tests on the row itself that it is within a scope; or, ``apart``, queries of ids that are for other reasons:
    among them, if that counts, that it is what another record ``about`` it names the actor for. They are in a form
    that is good to find all, or to ask about ``one``.
    """
    if apart:
        yield from _elsewhere(town, actor, record_type, reach, levels)
        if _holds(reach, "assigned"):
            if about:
                yield from _named_by(town, actor, record_type)
            if not record_type.is_case:
                yield from _of_cases(town, actor, record_type, reach, one=one)
        return
    if _holds(reach, "department") and not record_type.is_case:
        # What holds of most records comes first, so that an engine need not look at what comes after.
        yield from _following(town, actor, record_type, model, reach)
    yield from _here(town, actor, record_type, model, reach)


def _direct(town: Town, actor: Actor, record_type: RecordType, model: Any, reach: Scope) -> peewee.ColumnBase:
    """A test that the record is within a scope by what it says itself, or by its history and shares."""
    apart = [found_in(model.id, ids) for ids in _elsewhere(town, actor, record_type, reach, SHARED["view"])]
    return _either([*_here(town, actor, record_type, model, reach), *apart])


def _here(town: Town, actor: Actor, record_type: RecordType, model: Any, reach: Scope) -> Iterator[Any]:
    """Tests on the record's own row: who has it, whom it names, where it stands."""
    if not _holds(reach, "assigned"):
        return
    plan = plan_of(town, record_type.identity)
    for field in record_type.fields.values():
        if field.type_name == "staff":
            yield plan.column(field.name, model) == actor.id
    if record_type.is_case:
        yield model.assignee == actor.id
        if _holds(reach, "department"):
            yield found_in(model.queue, my_teams(town, actor))


def _elsewhere(
    town: Town, actor: Actor, record_type: RecordType, reach: Scope, levels: tuple[str, ...]
) -> Iterator[Any]:
    """Queries of ids: of what the actor made, of whose rows name them, and of what was shared with their teams."""
    entry = town.system.history
    yield entry.select(entry.record_id).where(
        entry.actor_id == actor.id, town.old_names.where(entry, record_type.identity), entry.action == "create"
    )
    if not _holds(reach, "assigned"):
        return
    yield from _rows_naming(town, actor, record_type)
    if record_type.is_case and _holds(reach, "department") and levels:
        share = town.system.share
        yield share.select(share.record_id).where(
            share.identity == record_type.identity,
            share.level.in_(levels),
            share.ended_at.is_null(),
            found_in(share.team_id, my_teams(town, actor)),
        )


def my_teams(town: Town, actor: Actor) -> peewee.SQL:
    """A query of the queues on whose team the actor is."""

    def make(somebody: Actor) -> Sequence[Any]:
        child = plan_of(town, QUEUE).tables.rows["members"]
        return [child.model.select(child.columns["parent_id"]).where(child.columns["person"] == somebody.id)]

    return _compiled(town, actor, "teams", make)


def _rows_naming(town: Town, actor: Actor, record_type: RecordType) -> Iterator[Any]:
    """Queries of the records of which a row names the actor."""
    plan = plan_of(town, record_type.identity)
    for field in record_type.fields.values():
        for name, column in field.row_fields.items():
            if column.type_name == "staff":
                child = plan.tables.rows[field.name]
                yield child.model.select(child.columns["parent_id"]).where(child.columns[name] == actor.id)


def _named_by(town: Town, actor: Actor, record_type: RecordType) -> Iterator[Any]:
    """Queries of what records are about that name the actor: a review, a visit, an interview.

    What only tells what somebody did once, a call or a note, is no reason to go on seeing what it was about.
    """
    for source, field in scope_links.pointing(town, record_type):
        if source.append_only or not scope_links.has_staff(source) or not (field.target or source.event is not None):
            continue
        plan = plan_of(town, source.identity)
        there = plan.model.alias()
        own = [
            plan.column(each.name, there) == actor.id for each in source.fields.values() if each.type_name == "staff"
        ]
        rows = [found_in(there.id, ids) for ids in _rows_naming(town, actor, source)]
        yield scope_links.pointed_at(town, record_type, source, field, there, _either([*own, *rows]))


def _of_cases(town: Town, actor: Actor, record_type: RecordType, reach: Scope, *, one: bool) -> Iterator[Any]:
    """Queries of what the cases within the same scope are about; to ask about ``one``, each may go by its link."""
    links: dict[str, list[Field]] = {}
    for source, field in scope_links.pointing(town, record_type):
        if source.is_case and field.target and field.name in policy.filterable(actor, source):
            links.setdefault(source.identity, []).append(field)
    for identity, fields in links.items():
        source, there = town.schemas[identity], plan_of(town, identity).model.alias()
        test = _direct(town, actor, source, there, reach)
        if one or len(fields) == 1:
            yield from (scope_links.pointed_at(town, record_type, source, field, there, test) for field in fields)
        else:
            yield scope_links.all_pointed_at(town, source, fields, there, test)


def _following(town: Town, actor: Actor, record_type: RecordType, model: Any, reach: Scope) -> Iterator[Any]:
    """Tests that the record is about a case within the department, or about none at all."""
    alone: list[Any] = []
    linked = False
    for field in record_type.fields.values():
        if field.type_name == "reference":
            at, _ = scope_links.pointer(town, record_type, field.name, model)
            alone.append(at.is_null())
            linked = True
            yield at.in_(_open(town, actor))
        target = town.schemas.get(field.target) if field.target and not field.many_targets else None
        if target is not None and target.is_case:
            there = plan_of(town, target.identity).model.alias()
            cases = _direct(town, actor, target, there, reach)
            link = plan_of(town, record_type.identity).column(field.name, model)
            alone.append(link.is_null())
            linked = True
            yield found_in(link, there.select(there.id).where(cases))
    if linked:
        test = alone[0]
        for each in alone[1:]:
            test = test & each
        yield test


def _open(town: Town, actor: Actor) -> list[str]:
    """Types of which the actor sees all records, and cases: of these :func:`kept_back` decides."""
    types = town.schemas.values()
    return [each.identity for each in types if each.is_case or policy.reach(actor, "view", each) == "all"]


def _holds(reach: Scope, scope: Scope) -> bool:
    return SCOPES.index(reach) >= SCOPES.index(scope)


def _either(tests: Iterable[Any]) -> peewee.ColumnBase:
    found = list(tests)
    return balanced(or_, found) if found else NOTHING
