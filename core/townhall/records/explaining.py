"""Why somebody can't do something with a record: every reason that stands in the way, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.permissions import VERB_LABELS
from townhall.access.permissions import Verb
from townhall.access.permissions import deed
from townhall.access.permissions import permission
from townhall.access.permissions import transition_permission
from townhall.records import assembling
from townhall.records import parsing
from townhall.records import predicate
from townhall.records import reading
from townhall.records import workflow
from townhall.records.editing import standard_of
from townhall.records.merged import went_into
from townhall.records.scope_reasons import QUEUE
from townhall.records.types import Record
from townhall_forms.schema import Transition
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason. ``permission`` is what somebody would need to hold, or to hold for more records."""

    sentence: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that can be done with a record, and what stands in the way of this actor; nothing if they may.

    That somebody only looks through the actor's eyes is no obstacle: they are shown what the actor would be.
    """

    label: str
    obstacles: Sequence[Obstacle]


def deeds(town: Town, actor: Actor, record: Record) -> list[Deed]:
    """What can be done with a record at all, and why this actor can't do some of it."""
    found = [Deed(VERB_LABELS["edit"], list(_verb(town, actor, record, "edit")))]
    flow = record.type.workflow
    for move in flow.leaving(record.state) if flow is not None else ():
        if "staff" in move.by:
            found.append(Deed(move.label, list(_move(town, actor, record, move))))
    found.append(Deed(VERB_LABELS["archive"], list(_verb(town, actor, record, "archive"))))
    if record.type.merge is not None:
        found.append(Deed(VERB_LABELS["merge"], list(_verb(town, actor, record, "merge"))))
    if any(field.privacy == "confidential" for field in record.type.fields.values()):
        found.append(Deed(VERB_LABELS["see_confidential"], list(_verb(town, actor, record, "see_confidential"))))
    return found


def first_obstacle(town: Town, actor: Actor, record: Record, verb: Verb = "edit") -> str:
    """The first reason why the actor can't do ``verb`` to the record, in a sentence; empty if they can."""
    return next((each.sentence for each in _verb(town, actor, record, verb)), "")


def locked(town: Town, actor: Actor, record: Record) -> list[str]:
    """Labels of the fields that can't be changed as the record stands, whoever wants to."""
    fields = [field for field in record.type.fields.values() if field.lock_if is not None]
    readable = policy.readable(actor, record.type).readable
    if not fields:
        return []
    whole = reading.get(town, system(), record.identity, record.id)
    context = parsing.rules_context(town, actor)
    get = value_getter(record.type, whole.values, context, standard=standard_of(whole))
    environment = environment_of(context)
    return [
        field.label
        for field in fields
        if field.name in readable and field.lock_if is not None and field.lock_if.evaluate(get, environment)
    ]


def _verb(town: Town, actor: Actor, record: Record, verb: Verb) -> Iterator[Obstacle]:
    type_ = record.type
    if verb != "see_confidential":
        yield from _standing(town, record)
        if type_.append_only:
            yield Obstacle(f"{type_.label_plural} are kept as they are. Add a new one that corrects it.")
        if is_merged(town, record):
            yield Obstacle("It was merged into another one. Change that one, or take the merge apart.")
        elif verb in ("edit", "merge") and record.archived is not None:
            yield Obstacle("It is archived. Restore it first.")
    needed = permission(type_.identity, verb)
    if not actor.may(needed):
        yield Obstacle(f"None of your roles lets you {deed(verb, type_.label_plural)}.", needed)
    elif not predicate.reaches(town, actor, verb, type_, record.id):
        yield Obstacle(_too_far(town, actor, record, verb), needed)


def is_merged(town: Town, record: Record) -> bool:
    """Whether the record was merged into another one."""
    merge = record.type.merge
    if merge is None or record.archived is None:
        return False
    return went_into(reading.get(town, system(), record.identity, record.id, fields=(merge.into,))) is not None


def _move(town: Town, actor: Actor, record: Record, move: Transition) -> Iterator[Obstacle]:
    yield from _standing(town, record)
    if record.archived is not None:
        yield Obstacle("It is archived. Restore it first.")
    needed = transition_permission(record.identity, move.name)
    if not actor.may(needed):
        yield Obstacle("None of your roles lets you make this move.", needed)
    elif not predicate.reaches(town, actor, "transition", record.type, record.id, move=move):
        yield Obstacle(_too_far(town, actor, record, "transition", move), needed)
    if sentence := workflow.hindrance(town, actor, record, move):
        yield Obstacle(sentence)


def _standing(town: Town, record: Record) -> Iterator[Obstacle]:
    """What keeps everybody from changing it at present."""
    for sentence in dict.fromkeys((record.type.frozen, town.plugins.read_only(record.identity))):
        if sentence:
            yield Obstacle(sentence)


def _too_far(town: Town, actor: Actor, record: Record, verb: Verb, move: Transition | None = None) -> str:
    """That a permission doesn't reach the record, and where the record stands."""
    said = predicate.too_far(actor, record.type, verb, policy.reach(actor, verb, record.type, move), move)
    if not record.type.is_case:
        return said
    names = assembling.titles(town, system(), [(QUEUE, record.queue)]) if record.queue is not None else {}
    name = next(iter(names.values()), "")
    return f"{said} It is in the queue {name}, on whose team you are not." if name else f"{said} It is in no queue."
