"""Making a new record ready to be written: from what somebody gave to values that have passed every rule.

Forms, imports, the command line and plugins all come through :func:`prepare`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.errors import ValidationFailed
from townhall.extend.values import Change
from townhall.records import checking
from townhall.records import parsing
from townhall.records import titles
from townhall.records.inserting import Pending
from townhall.records.write_plans import WritePlan
from townhall_forms.context import Context
from townhall_forms.schema import Workflow

if TYPE_CHECKING:
    from townhall.town import Town


def prepare(
    town: Town,
    actor: Actor,
    plan: WritePlan,
    raw: Mapping[str, Any],
    contexts: tuple[Context, Context],
    *,
    state: str = "",
    note: str = "",
    hooks: bool = True,
) -> Pending:
    """A new record with everything decided but its number, title and id. Links aren't looked up here.

    ``contexts`` are the town as the actor sees it and as rules see it. Raises
    :class:`~townhall.errors.ValidationFailed` with every mistake at once.
    """
    own, rules = contexts
    errors: dict[str, str] = {}
    external_key = raw.get("external_key")
    given = {name: value for name, value in raw.items() if name != "external_key"}
    values = parsing.parse(plan, given, own, {}, errors)
    standard = {name: values.pop(name) for name in tuple(values) if name in plan.record_type.system_fields}
    parsing.fill_defaults(plan, values, own)
    _default_channel(actor, plan, values)
    for name, field in plan.revised:
        values[name] = field.revise(None, values[name])
    record = _pending(town, actor, plan, values, standard, state)
    record.external_key = str(external_key) if external_key else None
    record.note = note
    checking.settle(town, plan, values, record.refresh_standard(), rules)
    _set_due(town, plan, record, rules)
    found = checking.check(
        plan,
        values,
        record.refresh_standard(),
        rules,
        changed=raw.keys(),
        system=actor.kind == "system",
    )
    errors = {**found, **errors}
    if errors:
        raise ValidationFailed(errors)
    if hooks:
        ask_plugins(town, actor, plan, record, rules)
    return record


def ask_plugins(town: Town, actor: Actor, plan: WritePlan, record: Pending, context: Context) -> None:
    """Let plugins decide about a new record, and take over the values that they set."""
    if not town.plugins.has("before_save"):
        return
    added = town.plugins.before_save(change_of(actor, plan, record))
    if added:
        standard = record.refresh_standard()
        take_over(plan, record.values, standard, added, context)
        record.assignee, record.due = standard["assignee"], standard["due"]
        checking.settle(town, plan, record.values, record.refresh_standard(), context)


def change_of(actor: Actor, plan: WritePlan, record: Pending) -> Change:
    """The making of a record, as plugins see it."""
    return Change(
        identity=plan.record_type.identity,
        action="create",
        actor=actor,
        id=record.id or None,
        values=dict(record.values),
        state=record.state,
        contact_id=contact_of(plan, record.values),
    )


def take_over(
    plan: WritePlan,
    values: dict[str, Any],
    standard: dict[str, Any],
    added: Mapping[str, Any],
    context: Context,
) -> None:
    """Put values that a plugin set among the others: of declared fields, and who does a case until when."""
    errors: dict[str, str] = {}
    for name, value in parsing.parse(plan, added, context, values, errors).items():
        if name in plan.record_type.fields:
            values[name] = value
        elif name in plan.standard:
            standard[name] = value
        else:
            errors[name] = f"“{name}” is not a plugin's to set."
    if errors:
        raise ValidationFailed(errors)


def contact_of(plan: WritePlan, values: Mapping[str, Any]) -> int | None:
    """The contact that a record is first of all about."""
    for path in plan.record_type.contacts:
        value = values.get(path)
        if isinstance(value, int):
            return value
    return None


def title_of(plan: WritePlan, record: Pending, context: Context) -> str:
    """The record's title as it stands."""
    return titles.render(plan, record.values, record.refresh_standard(), context)


def due_from(town: Town, workflow: Workflow, start: datetime, values: Mapping[str, Any], context: Context,
             plan: WritePlan) -> datetime | None:  # fmt: skip
    """When a case that starts at ``start`` is due: at the end of the last of its days, in the town's zone."""
    days = workflow.due_days
    if isinstance(days, str):
        days = _number_at(town, plan, days, values, context)
    if days is None:
        return None
    last = start.astimezone(town.zone) + timedelta(days=days)
    return last.replace(hour=23, minute=59, second=0, microsecond=0).astimezone(start.tzinfo)


def _number_at(town: Town, plan: WritePlan, path: str, values: Mapping[str, Any], context: Context) -> int | None:
    first, _, rest = path.partition(".")
    value = values.get(first)
    if rest and value is not None:
        value = context.value_of(plan.record_type.fields[first].target, value, rest)
    return value if isinstance(value, int) else None


def _set_due(town: Town, plan: WritePlan, record: Pending, context: Context) -> None:
    workflow = plan.record_type.workflow
    if workflow is not None and record.due is None and workflow.due_days is not None:
        record.due = due_from(town, workflow, record.created, record.values, context, plan)


def _default_channel(actor: Actor, plan: WritePlan, values: dict[str, Any]) -> None:
    """What comes through the public site came over the web, where the type asks how."""
    field = plan.record_type.fields.get("channel")
    if field is None or actor.door != "portal" or values.get("channel") is not None:
        return
    if any(choice.value == "web" for choice in field.choices):
        values["channel"] = "web"


def _pending(
    town: Town,
    actor: Actor,
    plan: WritePlan,
    values: dict[str, Any],
    standard: Mapping[str, Any],
    state: str,
) -> Pending:
    workflow = plan.record_type.workflow
    now = town.clock.now()
    created = standard.get("created") or now
    record = Pending(values=values, created=created)
    record.number = standard.get("number") or ""
    record.channel = standard.get("channel") or ("web" if actor.door == "portal" else "")
    if workflow is not None:
        record.state = standard.get("state") or state or workflow.initial
        if record.state not in workflow.states:
            raise ValidationFailed({"state": f"There is no state called “{record.state}”."})
        record.assignee = standard.get("assignee")
        record.due = standard.get("due")
        if workflow.states[record.state].final:
            record.closed = standard.get("closed") or now
    return record
