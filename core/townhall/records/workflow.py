"""Moving cases from state to state: only as declared, by who may, when it fits; and what happened so far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import dues
from townhall.records import messages
from townhall.records import parsing
from townhall.records import predicate
from townhall.records import reading
from townhall.records.domains import Outgoing
from townhall.records.editing import Edit
from townhall.records.editing import standard_of
from townhall.records.instants import from_microseconds
from townhall.records.transaction import refuse_frozen
from townhall.records.transaction import write_transaction
from townhall.records.types import Record
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall.records.writing import lock
from townhall.records.writing import seen_by
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition
from townhall_forms.schema import Workflow
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter

if TYPE_CHECKING:
    from townhall.town import Town


def transition(
    town: Town,
    actor: Actor,
    identity: str,
    id: int,
    name: str,
    values: Mapping[str, Any] | None = None,
    *,
    version: int,
    note: str = "",
    message: str = "",
) -> Record:
    """Make the declared move ``name``. ``message`` is sent to the citizen, who reads it on the status page.

    Raises :class:`~townhall.errors.Forbidden`, :class:`~townhall.errors.Rejected`,
    :class:`~townhall.errors.ValidationFailed` or :class:`~townhall.errors.Conflict`; then nothing has moved.
    """
    plan = write_plan(town, identity)
    refuse_frozen(plan)
    workflow, move = _declared(plan, name)
    require_move(actor, plan.record_type, move, id)
    policy.refuse_read_only(actor)
    given = dict(values or {})
    may_edit = policy.may(actor, "edit", plan.record_type) and predicate.reaches(
        town, actor, "edit", plan.record_type, id
    )
    _refuse_values(actor, plan, move, given, may_edit=may_edit)
    with write_transaction(town, plan):
        before = lock(town, actor, plan, id, version, named=town.plugins.has("guard_transition", identity))
        predicate.require_within(town, actor, "transition", plan.record_type, id, move=move)
        if before.archived is not None:
            raise Rejected("This record is archived. Restore it first.")
        if before.state not in move.sources:
            state = workflow.states.get(before.state)
            where = state.label if state is not None else before.state
            raise Rejected(f"“{move.label}” is not possible now: the state is “{where}”.")
        _require_condition(town, actor, plan, move, before)
        _ask_guards(town, actor, before, move)
        now = town.clock.now()
        edit = Edit.of(town, actor, plan, before, given, **_moved(workflow, move, before, now))
        edit.transition = move.name
        edit.message = message.strip() if policy.is_staff(actor) else ""
        edit.check(require=move.require)
        edit.ask("transition")
        edit.save("transition", note)
        if message.strip() and not policy.is_staff(actor):
            # What staff write goes out with the words of the move: townhall.messages does both.
            messages.write(town, actor, before, Outgoing(message))
    return seen_by(town, actor, identity, id)


def transitions(town: Town, actor: Actor, record: Record) -> list[Transition]:
    """The moves that the actor may make with this record now, in their declared order."""
    return [move for move, refusal in offered(town, actor, record) if not refusal]


def offered(town: Town, actor: Actor, record: Record) -> list[tuple[Transition, str]]:
    """The moves that the schema lets the actor make with this record now, in their declared order, each with the
    sentence of a plugin that refuses it, if one does.
    """
    plan = write_plan(town, record.identity)
    workflow = plan.record_type.workflow
    if workflow is None or record.archived is not None or town.plugins.read_only(record.identity):
        return []
    moves = [
        move
        for move in workflow.leaving(record.state)
        if policy.may_transition(actor, plan.record_type, move, record.id)
        and predicate.reaches(town, actor, "transition", plan.record_type, record.id, move=move)
    ]
    guarded = town.plugins.has("guard_transition", record.identity)
    if not moves or not (guarded or any(move.condition is not None for move in moves)):
        return [(move, "") for move in moves]
    whole = reading.get(town, system(), record.identity, record.id)
    moves = [move for move in moves if _condition_holds(town, actor, plan, move, whole)]
    return [(move, _refusal(town, actor, whole, move)) for move in moves]


def hindrance(town: Town, actor: Actor, record: Record, move: Transition) -> str:
    """Why a move can't be made with the record as it stands, whoever makes it; empty if it can. A plugin may know."""
    plan = write_plan(town, record.identity)
    whole = reading.get(town, system(), record.identity, record.id)
    if not _condition_holds(town, actor, plan, move, whole):
        return move.help or f"“{move.label}” is not possible for this {plan.record_type.label.lower()}."
    return _refusal(town, actor, whole, move)


def passed(town: Town, actor: Actor, identity: str, id: int) -> list[tuple[str, datetime]]:
    """The states that a case has been in, in order, each with the moment at which it came into it; none that were
    undone.
    """
    reading.get(town, actor, identity, id, fields=())
    return [(target, from_microseconds(at)) for _, target, at in dues.stints(town, identity, [id])]


def latest(town: Town, record: Record) -> Transition | None:
    """The declared move with which a case came into its state; ``None`` if it was none, or isn't declared any more."""
    table, workflow = town.system.case_transition, record.type.workflow
    mine = (table.identity == record.identity) & (table.record_id == record.id)
    name = table.select(table.name).where(mine).order_by(table.id.desc()).limit(1).scalar()
    return workflow.transition(name) if workflow is not None and name else None


def require_move(actor: Actor, record_type: RecordType, move: Transition, id: int) -> None:
    """Raise :class:`~townhall.errors.Forbidden` unless the actor is one who may make this move."""
    if not policy.may_transition(actor, record_type, move, id):
        raise Forbidden(f"You may not do “{move.label}”. Ask an administrator if you need to.")


def _ask_guards(town: Town, actor: Actor, before: Record, move: Transition) -> None:
    """Let plugins refuse a move. Raises :class:`~townhall.errors.Rejected`."""
    if town.plugins.has("guard_transition", before.identity):
        town.plugins.guard_transition(actor, before, move.name)


def _refusal(town: Town, actor: Actor, before: Record, move: Transition) -> str:
    try:
        _ask_guards(town, actor, before, move)
    except (Rejected, ValidationFailed) as refused:
        return str(refused)
    return ""


def _declared(plan: WritePlan, name: str) -> tuple[Workflow, Transition]:
    workflow = plan.record_type.workflow
    move = workflow.transition(name) if workflow is not None else None
    if workflow is None or move is None:
        raise NotFound(f"{plan.record_type.label_plural} know no step called “{name}”.")
    return workflow, move


def _refuse_values(
    actor: Actor, plan: WritePlan, move: Transition, given: Mapping[str, Any], *, may_edit: bool
) -> None:
    """With a move come its own fields; staff who may edit the record may change others on the way."""
    asked = frozenset(policy.asked_by(actor, plan.record_type, move))
    if not policy.is_staff(actor) or not may_edit:
        parsing.refuse_outside(asked, plan, given)
    parsing.refuse_unwritable(actor, plan, [name for name in given if name not in asked])


def _condition_holds(town: Town, actor: Actor, plan: WritePlan, move: Transition, record: Record) -> bool:
    if move.condition is None:
        return True
    context = parsing.rules_context(town, actor)
    get = value_getter(plan.record_type, record.values, context, standard=standard_of(record))
    return move.condition.evaluate(get, environment_of(context))


def _require_condition(town: Town, actor: Actor, plan: WritePlan, move: Transition, record: Record) -> None:
    if not _condition_holds(town, actor, plan, move, record):
        raise Rejected(move.help or f"“{move.label}” is not possible for this {plan.record_type.label.lower()}.")


def _moved(workflow: Workflow, move: Transition, before: Record, now: datetime) -> dict[str, Any]:
    """The standard fields after the move: state, and when it was closed. When it is due, its clocks say."""
    source, target = workflow.states[before.state], workflow.states[move.target]
    standard: dict[str, Any] = {"state": move.target}
    if target.final:
        standard["closed"] = now if not source.final else before.closed
    elif source.final:
        standard["closed"] = None
    return standard
