"""Fields that decide whose cases are: settings by which cases come to a team or a person.

Who is of a department works with its cases, and may change settings that are every department's, like categories. But
where such a setting sends cases, it widens somebody's scope; so that part of it is changed only by who may change every
queue, as the queues themselves are (:func:`townhall.access.policy.is_town_wide`).
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import scoping
from townhall.records.plans import plans
from townhall.records.scope_reasons import QUEUE
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town


def withheld(town: Town, actor: Actor, record_type: RecordType) -> frozenset[str]:
    """Fields of the type that the actor may read, perhaps, but not change, because they decide whose cases are."""
    if actor.kind != "staff":
        return frozenset()
    found = _deciding(town, record_type)
    if not found or policy.reach(actor, "edit", town.schemas[QUEUE]) == "all":
        return frozenset()
    return found


def sentence(field: Field) -> str:
    """Why somebody can't change a field that is withheld from them, and who can."""
    return f"“{field.label}” decides who gets cases, so only who may change all queues may change it. Ask one of them."


def problems(town: Town, actor: Actor, record_type: RecordType, names: Collection[str]) -> dict[str, str]:
    """What is wrong with a change of the fields ``names`` by the actor, by field."""
    refused = withheld(town, actor, record_type).intersection(names)
    return {name: sentence(record_type.fields[name]) for name in sorted(refused)}


def _deciding(town: Town, record_type: RecordType) -> frozenset[str]:
    kept, key = plans(town).kept, ("deciding", record_type.identity)
    if key not in kept:
        kept[key] = frozenset([*_to_queues(town, record_type), *_routed_by(town, record_type)])
    found: frozenset[str] = kept[key]
    return found


def _to_queues(town: Town, record_type: RecordType) -> Iterator[str]:
    """Fields of what is set up once for all that name a queue."""
    if scoping.is_set_up_for_all(town, record_type) and not policy.is_town_wide(record_type):
        for name, field in record_type.fields.items():
            if QUEUE in (field.target, *(column.target for column in field.row_fields.values())):
                yield name


def _routed_by(town: Town, record_type: RecordType) -> Iterator[str]:
    """Fields in which cases find, over a link to the type, their queue and who has them. A case decides for itself."""
    if record_type.is_case:
        return
    for source in town.schemas.values():
        for path in (source.workflow.queue, source.workflow.assignee) if source.workflow is not None else ():
            first, _, name = path.partition(".")
            link = source.fields.get(first)
            if link is not None and link.target == record_type.identity and name in record_type.fields:
                yield name
