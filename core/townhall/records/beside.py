"""Rows of the town's own tables that stand beside records, such as messages: those of which an actor may know.

What a test here asks of records' tables, :func:`rows` and :func:`count` ask, like all that reads records.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.access.actors import Actor
from townhall.records import predicate
from townhall.records.balancing import found_in
from townhall.records.plans import plan as plan_of
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

_EVERYTHING = peewee.SQL("1 = 1")


def about_any(town: Town, actor: Actor, types: Iterable[RecordType], identity: Any, id: Any) -> peewee.ColumnBase:
    """A test that the columns ``identity`` and ``id`` name a record of one of ``types`` of which the actor may know.

    The actor must be one who may see such records at all.
    """
    ways = [(each.identity, is_seen(town, actor, each, id)) for each in types]
    if not ways:
        return predicate.NOTHING
    # One way for each type, so that only the records are looked for that a row is about; and by no index of identities,
    # since most rows are about the few types that a town has.
    return peewee.Case(identity, [(name, _EVERYTHING if way is None else way) for name, way in ways], predicate.NOTHING)


def is_seen(town: Town, actor: Actor, record_type: RecordType, id: Any) -> peewee.ColumnBase | None:
    """A test that the column ``id`` names a record of which the actor may know; ``None`` if they may of all."""
    if predicate.sees_all(town, actor, record_type):
        return None
    cases = predicate.seen_cases(town, actor, record_type)
    if cases is not None:
        return found_in(id, cases)
    model = plan_of(town, record_type.identity).model
    visible = predicate.scope(town, actor, record_type)
    return None if visible is None else found_in(id, model.select(model.id).where(visible))


def rows(query: Any) -> list[dict[str, Any]]:
    """What a query finds, by the names of its columns."""
    return list(query.dicts())


def count(query: Any) -> int:
    """How many rows a query finds."""
    return int(query.count())
