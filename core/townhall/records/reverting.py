"""Taking back one change of a record, as long as nobody has changed it since.

That corrects a mistake and is no move: every field becomes what history says it was, and a case is in the state again
that it was in, whichever moves its type declares. The log of moves tells of both ways; for clocks and status pages the
case has never left its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.permissions import Verb
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import checking
from townhall.records import history
from townhall.records import merging
from townhall.records import predicate
from townhall.records import reading
from townhall.records import versions
from townhall.records import workflow
from townhall.records import writing
from townhall.records.choosing import FILES
from townhall.records.editing import Edit
from townhall.records.inserting import UNDO
from townhall.records.transaction import write_transaction
from townhall.records.types import Record
from townhall.records.write_plans import write_plan
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field

if TYPE_CHECKING:
    from townhall.extend.values import Action
    from townhall.town import Town

#: What history calls it.
ACTION = "undo"
CHANGED_SINCE = "Somebody changed it since."
FORGOTTEN = "What it was before is not kept any more."


def revert(town: Town, actor: Actor, identity: str, id: int, *, before: int, after: int, note: str) -> Record:
    """Undo what took a record from version ``before`` to ``after``, in one change that history calls an undo.

    Whoever made that change themselves may take it back although the record is out of their sight by now, as long as
    they may still make such changes; others must be able to make it with this record. Nobody is sent a message.
    Raises :class:`~townhall.errors.Rejected` with the reason if it can't be undone, and what a change raises
    (:func:`townhall.records.writing.update`); then nothing is written.
    """
    plan = write_plan(town, identity)
    policy.refuse_read_only(actor)
    with write_transaction(town, plan):
        record = writing.lock(town, system(), plan, id, None)
        rows = [row for row in history.told(town, record.type, id) if before < row.version <= after]
        # What says nothing of values, such as that time is running out, changed nothing.
        steps = [row for row in rows if row.action not in versions.LOOKS and row.changes != {}]
        makers = {(step.actor_kind, step.actor_id) for step in steps}
        own = actor.kind == "staff" and makers == {("staff", actor.id)}
        if not own:
            reading.get(town, actor, identity, id, fields=())
        if record.version != after:
            raise Rejected(CHANGED_SINCE)
        was = _before(steps)
        _require(town, actor, record, was, own=own)
        edit = merging.begun(town, actor, plan, record, {})
        _put_back(town, edit, was)
        told = _told(was)
        if told != "restore":
            edit.check()
        elif errors := checking.check_unique(town, plan, edit.values, id):
            raise ValidationFailed(errors)
        edit.ask(told)
        edit.save(ACTION, note, told=told)
    return writing.seen_by(town, actor, identity, id)


def value_before(town: Town, record: Record, values: Mapping[str, Any], field: Field, old: Any) -> Any:
    """A value that a record held, from JSON as history keeps it; ``values`` are those beside it.

    Of files only those come back that are still there. Raises :class:`ValueError`, :class:`TypeError`,
    :class:`KeyError` or :class:`~townhall_forms.errors.Invalid` if the field can't hold it any more.
    """
    if field.type_name in FILES:
        value = record.values.get(field.name)
        tokens = {each["token"] for each in (old if isinstance(old, list) else [old] if old else [])}
        files = value if isinstance(value, tuple) else (value,) if value else ()
        kept = tuple(file for file in files if file.token in tokens)
        if len(kept) < len(tokens):
            raise ValueError(field.name)
        return kept or None if isinstance(value, tuple) else next(iter(kept), None)
    if old is None:
        return None
    context = town.context(system())
    parsed = field.bind(dict(values), context).parse(old, context)
    return None if field.is_empty(parsed) else parsed


def _before(steps: Sequence[history.Told]) -> dict[str, Any]:
    """What each field held before these steps, as plain JSON."""
    was: dict[str, Any] = {}
    for step in steps:
        if step.changes is None:
            raise Rejected(FORGOTTEN)
        for name, (old, _) in step.changes.items():
            was.setdefault(name, old)
    return was


def _told(was: Mapping[str, Any]) -> Action:
    """What domains and plugins are told that this is."""
    if "archived" not in was:
        return "update"
    return "restore" if was["archived"] is None else "archive"


def _require(town: Town, actor: Actor, record: Record, was: Mapping[str, Any], *, own: bool) -> None:
    """Raise :class:`~townhall.errors.Forbidden` unless the actor may make the change that they take back."""
    verb: Verb = "archive" if "archived" in was else "transition" if "state" in was else "edit"
    policy.require(actor, verb, record.type)
    move = workflow.latest(town, record) if verb == "transition" else None
    if move is not None:
        workflow.require_move(actor, record.type, move, record.id)
    if not own:
        predicate.require_within(town, actor, verb, record.type, record.id, move=move)


def _put_back(town: Town, edit: Edit, was: Mapping[str, Any]) -> None:
    """Set what was there before; what is worked out from it follows."""
    record, fields = edit.before, edit.plan.record_type.all_fields
    known = [name for name in was if name in fields and not fields[name].is_computed]
    # Answers are bound to what they were given about.
    for name in sorted(known, key=lambda name: fields[name].type_name == "answers"):
        field = fields[name]
        try:
            value = was[name] if name == "state" else value_before(town, record, edit.values, field, was[name])
        except Invalid as error:
            raise Rejected(f"{field.label}: {error.message}") from error
        except (ValueError, TypeError, KeyError):
            gone = "its files are not there any more." if field.type_name in FILES else "what it was can't be read."
            raise Rejected(f"{field.label}: {gone}") from None
        (edit.values if name in record.type.fields else edit.standard)[name] = value
    flow = record.type.workflow
    state = edit.standard.get("state")
    if flow is not None and state != record.state:
        if state not in flow.states:
            raise Rejected(f"There is no state “{state}” any more.")
        edit.logged = UNDO
    # What was filled in by itself, or is locked by what is taken back, is nobody's to type and goes back all the same.
    edit.given = frozenset(name for name in known if not fields[name].read_only and fields[name].lock_if is None)
    checking.settle(town, edit.plan, edit.values, edit.standard, edit.scene)
