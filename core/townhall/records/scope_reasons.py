"""The reasons for which a record is within a scope: tests on its own row, and queries of the ids of records.

:mod:`townhall.records.scoping` says what the scopes are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Collection
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
from townhall.records import scope_links
from townhall.records.balancing import balanced
from townhall.records.balancing import found_in
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

QUEUE = "core.queue"
#: What may be done to a case that was shared: to see it, or to work on it as well.
SHARED: dict[Verb, tuple[str, ...]] = {"view": ("view", "work"), "edit": ("work",), "transition": ("work",)}
NOTHING = peewee.SQL("1 = 0")
#: Stand in a statement where the ids of the actor and of the one record that is asked about are put, or those of some
#: records as JSON; nobody has them.
SOMEBODY = -1
ONE = -2
#: The ids of these some records.
SOME = peewee.SQL("(SELECT value FROM json_each(?))", [ONE])  # only SQLite is asked


def compiled(
    town: Town,
    actor: Actor,
    key: Hashable,
    make: Callable[[Actor], Sequence[Any]],
    one: int | Collection[int] | None = None,
) -> peewee.SQL:
    """Queries of ids as one statement, put together once for all who hold the same permissions.

    ``make`` gives the queries for somebody who has the id of a mark; where it stands, the actor's own is put, and that
    of the ``one`` record that is asked about, or of several, where its mark does.
    """
    kept = plans(town).kept
    key = ("scope", key, actor.permissions)
    if key not in kept:
        parts = [_said(query) for query in make(replace(actor, id=SOMEBODY, known={}))]
        values = [each for _, values in parts for each in values]
        text = "({})".format(" UNION ALL ".join(sql for sql, _ in parts))
        kept[key] = text, values, *([at for at, each in enumerate(values) if each == mark] for mark in (SOMEBODY, ONE))
    text, values, somebody, ones = kept[key]
    parameters = [*values]
    for at in somebody:
        parameters[at] = actor.id
    asked = json.dumps([*one]) if isinstance(one, Collection) else one
    for at in ones:
        parameters[at] = asked
    return peewee.SQL(text, parameters)


def _said(query: Any) -> tuple[str, Sequence[Any]]:
    """A query as text, with its parameters."""
    sql, parameters = (query.sql, query.params) if isinstance(query, peewee.SQL) else query.sql()
    return sql, parameters


def here(town: Town, actor: Actor, record_type: RecordType, model: Any, reach: Scope) -> Iterator[peewee.ColumnBase]:
    """Tests on the row itself that it is within a scope."""
    if _holds(reach, "department") and not record_type.is_case:
        # What holds of most records comes first, so that an engine need not look at what comes after.
        yield from _following(town, actor, record_type, model, reach)
    yield from _by_itself(town, actor, record_type, model, reach)


def apart(
    town: Town,
    actor: Actor,
    record_type: RecordType,
    reach: Scope,
    levels: tuple[str, ...],
    *,
    about: bool = True,
    one: bool = False,
) -> Iterator[Any]:
    """Queries of the ids of records that are within a scope for other reasons than their own row: among them, if that
    counts, that it is what another record ``about`` it names the actor for. They are in a form that is good to find
    all, or to ask about ``one``.
    """
    yield from _elsewhere(town, actor, record_type, reach, levels)
    if _holds(reach, "assigned"):
        if about:
            yield from _named_by(town, actor, record_type)
        if not record_type.is_case:
            yield from _of_cases(town, actor, record_type, reach, one=one)


def _direct(town: Town, actor: Actor, record_type: RecordType, model: Any, reach: Scope) -> peewee.ColumnBase:
    """A test that the record is within a scope by what it says itself, or by its history and shares."""
    apart = [found_in(model.id, ids) for ids in _elsewhere(town, actor, record_type, reach, SHARED["view"])]
    return either([*_by_itself(town, actor, record_type, model, reach), *apart])


def _by_itself(town: Town, actor: Actor, record_type: RecordType, model: Any, reach: Scope) -> Iterator[Any]:
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

    return compiled(town, actor, "teams", make)


def _rows_naming(town: Town, actor: Actor, record_type: RecordType) -> Iterator[Any]:
    """Queries of the records of which a row names the actor."""
    plan = plan_of(town, record_type.identity)
    for field in record_type.fields.values():
        for name, column in field.row_fields.items():
            if column.type_name == "staff":
                child = plan.tables.rows[field.name]
                yield child.model.select(child.columns["parent_id"]).where(child.columns[name] == actor.id)


def _named_by(town: Town, actor: Actor, record_type: RecordType) -> Iterator[Any]:
    """Queries of what records are about that name the actor: a review, a visit, an interview."""
    for source, field in scope_links.pointing(town, record_type):
        if not scope_links.names_for(town, source, field):
            continue
        plan = plan_of(town, source.identity)
        there = plan.model.alias()
        own = [
            plan.column(each.name, there) == actor.id for each in source.fields.values() if each.type_name == "staff"
        ]
        rows = [found_in(there.id, ids) for ids in _rows_naming(town, actor, source)]
        yield scope_links.pointed_at(town, record_type, source, field, there, either([*own, *rows]))


def _of_cases(town: Town, actor: Actor, record_type: RecordType, reach: Scope, *, one: bool) -> Iterator[Any]:
    """Queries of what the cases within the same scope are about; to ask about ``one``, each may go by its link."""
    links: dict[str, list[Field]] = {}
    for source, field in scope_links.pointing(town, record_type):
        if scope_links.is_of_case(source, field) and field.name in policy.filterable(actor, source):
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
    """Types of which the actor sees all records, and cases: of these scoping's ``kept_back`` decides."""
    types = town.schemas.values()
    return [each.identity for each in types if each.is_case or policy.reach(actor, "view", each) == "all"]


def _holds(reach: Scope, scope: Scope) -> bool:
    return SCOPES.index(reach) >= SCOPES.index(scope)


def either(tests: Iterable[Any]) -> peewee.ColumnBase:
    """A test that holds when one of ``tests`` does; never, if there are none."""
    found = list(tests)
    return balanced(or_, found) if found else NOTHING
