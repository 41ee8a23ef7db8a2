"""Taking back one change of a record, as long as nobody has changed it since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.errors import Rejected
from townhall.records import history
from townhall.records import reading
from townhall.records import versions
from townhall.records import workflow
from townhall.records import writing
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town


def revert(town: Town, actor: Actor, identity: str, id: int, *, before: int, after: int, note: str) -> Record:
    """Undo what took a record from version ``before`` to ``after``, by changes like any other, with all their rules.

    A move is taken back by a move that leads where the case was. Raises :class:`~townhall.errors.Rejected` with the
    reason if it can't be undone, and whatever those changes raise; then nothing is written.
    """
    record = reading.get(town, actor, identity, id)
    if record.version != after:
        raise Rejected("Somebody changed it since.")
    rows = [row for row in history.told(town, record.type, id) if before < row.version <= after]
    steps = [row for row in rows if row.action not in versions.LOOKS]
    if any(row.changes is None for row in steps):
        raise Rejected("What it was before is not kept any more.")
    names = {name for row in steps for name in row.changes or {}}
    if "archived" in names:
        act = writing.restore if record.archived is not None else writing.archive
        record = act(town, actor, identity, id, version=record.version, note=note)
    if "state" in names:
        was = next((row.changes or {})["state"][0] for row in steps if "state" in (row.changes or {}))
        if was != record.state:
            record = _move_back(town, actor, record, was, note)
    left = [
        each
        for each in versions.restoring(town, actor, identity, id, before, undoing=True)
        if each.field.name in names and each.field.name not in ("state", "archived")
    ]
    problems = [f"{each.field.label}: {each.problem}" for each in left if each.problem]
    if problems:
        raise Rejected(" ".join(problems))
    if left:
        chosen = [each.field.name for each in left]
        record = versions.bring_back(
            town, actor, identity, id, before, version=record.version, names=chosen, note=note, undoing=True
        )
    return record


def _move_back(town: Town, actor: Actor, record: Record, state: str, note: str) -> Record:
    """Move a case to the state that it was in."""
    flow = record.type.workflow
    label = flow.states[state].label if flow is not None and state in flow.states else state
    for move, refusal in workflow.offered(town, actor, record):
        if move.target == state and not refusal:
            return workflow.transition(
                town, actor, record.identity, record.id, move.name, {}, version=record.version, note=note
            )
    raise Rejected(f"There is no move back to “{label}” that you may make.")
