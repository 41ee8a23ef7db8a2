"""One action for many records that were picked in a list: asked once, done one by one, reported together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.admin import masking
from townhall.admin.desk import Desk
from townhall.admin.undoing import Mark
from townhall.cases import holding
from townhall.cases.rulebook import queues_in_use
from townhall.errors import TownhallError
from townhall.records.colleagues import takers
from townhall.records.types import Record
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition

if TYPE_CHECKING:
    from townhall.town import Town

#: Most records that one action takes: a page of the list.
MOST = 200
NOBODY = "nobody"
#: The action that two records have a page of their own for.
MERGE = "merge"


@dataclass(frozen=True, slots=True)
class ActionGroup:
    """Actions of one kind, as ``(value, label)``."""

    label: str
    options: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Outcome:
    """What became of an action: how many it was done to, and why not to the others; ``mark`` undoes it."""

    done: int = 0
    mark: int = 0
    refused: list[tuple[Record, str]] = field(default_factory=list)


def actions(desk: Desk, actor: Actor, record_type: RecordType) -> list[ActionGroup]:
    """What the actor may do with many records of the type."""
    records, identity = desk.town.records, record_type.identity
    groups: list[ActionGroup] = []
    may_edit = records.may(actor, "edit", identity) and not record_type.append_only
    workflow = record_type.workflow
    if workflow is not None:
        moves = [
            (f"move:{move.name}", move.label)
            for move in workflow.transitions
            if policy.may_transition(actor, record_type, move)
        ]
        if moves:
            groups.append(ActionGroup("Move", tuple(moves)))
        if may_edit:
            people = takers(desk.town, record_type)
            gives = [(f"give:{person.id}", f"Give to {person.title}") for person in people if person.id != actor.id]
            groups.append(
                ActionGroup("Give", (("give:me", "Give to me"), *gives, (f"give:{NOBODY}", "Give back to the queue")))
            )
            queues = [(f"queue:{each.id}", f"Put into {each.name}") for each in queues_in_use(desk.town, actor)]
            if queues:
                groups.append(ActionGroup("Queue, for its team to take", tuple(queues)))
    rest = []
    if records.may(actor, "export", identity):
        rest.append(("export", "Export as CSV"))
    if records.may(actor, "archive", identity) and not record_type.append_only:
        rest.append(("archive", "Archive"))
    if records.may(actor, "merge", identity) and may_edit:
        rest.append((MERGE, "Merge the two…"))
    if rest:
        groups.append(ActionGroup("Other" if groups else "", tuple(rest)))
    return groups


def label_of(groups: Sequence[ActionGroup], value: str) -> str:
    """The words of an action; empty if there is no such action for this person."""
    return next((label for group in groups for known, label in group.options if known == value), "")


def is_gone(groups: Sequence[ActionGroup], value: str) -> bool:
    """Whether an action gives records to somebody or a queue to which nothing can be given any more."""
    may_give = any(known.startswith("give:") for group in groups for known, _ in group.options)
    return may_give and value.startswith(("give:", "queue:")) and not label_of(groups, value)


def move_of(record_type: RecordType, value: str) -> Transition | None:
    """The transition of a ``move:name`` action."""
    kind, _, name = value.partition(":")
    return record_type.workflow.transition(name) if kind == "move" and record_type.workflow is not None else None


def run(
    town: Town,
    actor: Actor,
    picked: Sequence[Record],
    value: str,
    values: dict[str, Any],
    message: str = "",
    *,
    label: str,
) -> Outcome:
    """Do the action to each record in a transaction of its own, so that one refusal stops no other.

    What was done is marked under its ``label``, so that it can be undone.
    """
    outcome = Outcome()
    mark = Mark(town, actor, picked[0].identity if picked else "", label)
    for record in picked:
        try:
            mark.change(record, partial(_one, town, actor, record, value, values, message))
            outcome.done += 1
            outcome.mark = mark.id
        except TownhallError as error:
            outcome.refused.append((record, str(error)))
    return outcome


def _one(town: Town, actor: Actor, record: Record, value: str, values: dict[str, Any], message: str) -> None:
    kind, _, target = value.partition(":")
    records, identity = town.records, record.identity
    if kind == "move":
        secret = [
            name for name in values if name in record.type.fields and record.type.fields[name].privacy == "confidential"
        ]
        if secret:
            seen = records.get(actor, identity, record.id, fields=secret)
            values = masking.typed(record.type, seen, values)
        records.transition(actor, identity, record.id, target, dict(values), version=record.version, message=message)
    elif kind == "give":
        if target == NOBODY:
            holding.release(town, actor, identity, record.id, version=record.version)
            return
        assignee = actor.id if target == "me" else int(target)
        records.update(actor, identity, record.id, {"assignee": assignee}, version=record.version)
    elif kind == "queue":
        # Whoever had it so far doesn't any more: the other team looks among those that nobody has.
        values = {"queue": int(target), "assignee": None}
        records.update(actor, identity, record.id, values, version=record.version)
    elif kind == "archive":
        records.archive(actor, identity, record.id, version=record.version)
