"""Making a new record ready to be written: from what somebody gave to values that have passed every rule.

Forms, imports, the command line and plugins all come through :func:`prepare`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.errors import ValidationFailed
from townhall.extend.values import Change
from townhall.records import checking
from townhall.records import colleagues
from townhall.records import parsing
from townhall.records import shared_cases
from townhall.records.checking import Scene
from townhall.records.inserting import Pending
from townhall.records.write_plans import WritePlan

if TYPE_CHECKING:
    from townhall.context import TownContext
    from townhall.town import Town


#: Under what a change's memo has the town as rules see it, with all that was looked up for this write or batch.
RULES = "rules"


def prepare(
    town: Town,
    plan: WritePlan,
    raw: Mapping[str, Any],
    scene: Scene,
    *,
    state: str = "",
    note: str = "",
    chosen: Collection[str] | None = None,
) -> Pending:
    """A new record with everything decided but its number, title and id. Links aren't looked up here.

    Raises :class:`~townhall.errors.ValidationFailed` with every mistake at once, those in the links that were
    ``chosen`` among them: all that ``raw`` names, unless some of it is the town's own.
    """
    errors: dict[str, str] = {}
    external_key = None
    if "external_key" in raw:
        raw = dict(raw)
        external_key = raw.pop("external_key")
    values = parsing.parse(plan, raw, scene.own, {}, errors)
    standard = {name: values.pop(name) for name in values.keys() & plan.standard_names}
    values = parsing.with_defaults(plan, values, scene.own)
    _default_channel(scene.actor, plan, values)
    for name, field in plan.revised:
        values[name] = field.revise(None, values[name])
    record = _pending(town, scene.actor, plan, values, standard, state)
    record.external_key = str(external_key) if external_key else None
    record.note = note
    record.refresh_standard()
    checking.settle(town, plan, values, record.standard, scene)
    found = checking.check(plan, values, record.standard, scene, changed=raw.keys())
    if not plan.naming.isdisjoint(raw):
        found |= colleagues.check(plan, scene, {**values, **record.standard}, {}, raw)
    found |= shared_cases.check_named(town, plan, scene, values, {})
    if found or errors:
        names = [name for name in (raw if chosen is None else chosen) if values.get(name) is not None]
        links = checking.check_references(town, scene.actor, plan, values, names)
        raise ValidationFailed({**found, **links, **errors})
    return record


def is_asked(town: Town, plan: WritePlan) -> bool:
    """Whether anybody decides about writes of the type."""
    return bool(plan.deciding) or town.plugins.has("before_save", plan.record_type.identity)


def ask(town: Town, plan: WritePlan, record: Pending, scene: Scene) -> None:
    """Let plugins decide about a new record, then core's domains, and take over the values that they set."""
    if not is_asked(town, plan):
        return
    standard = record.standard
    record.memo[RULES] = scene.rules
    if decide(
        town,
        plan,
        lambda: change_of(scene.actor, plan, record),
        lambda values: take_over(plan, record.values, standard, values, scene.rules, record.memo),
    ):
        if plan.record_type.is_case:
            record.assignee, record.queue, record.due = standard["assignee"], standard["queue"], standard["due"]
        record.channel = standard["channel"] or ""
        checking.settle(town, plan, record.values, standard, scene)


def decide(
    town: Town, plan: WritePlan, change: Callable[[], Change], take: Callable[[Mapping[str, Any]], Mapping[str, str]]
) -> bool:
    """Ask plugins and then core's domains about a change, each of which sees what those before it set.

    ``change`` gives it as it stands, ``take`` puts values that are to be set as well among the others. Returns whether
    there were any.
    """
    added = bool(
        town.plugins.has("before_save", plan.record_type.identity) and town.plugins.before_save(change(), take)
    )
    stands: Change | None = None
    for before_save in plan.deciding:
        stands = stands or change()
        values = before_save(town, stands)
        if values:
            take(values)
            added, stands = True, None
    return added


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
        standard={**record.standard, "id": record.id or None, "number": record.number or None},
        memo=record.memo,
    )


def take_over(
    plan: WritePlan,
    values: dict[str, Any],
    standard: dict[str, Any],
    added: Mapping[str, Any],
    context: TownContext,
    memo: dict[str, Any],
) -> Mapping[str, str]:
    """Put values that a plugin set among the others: of declared fields, and who does a case until when.

    A field that would name a colleague who can't be named there stays as it is: no citizen's request fails because
    somebody left. Returns why, by field; of who should have had a case, ``memo`` keeps it for routing to say.
    """
    errors: dict[str, str] = {}
    parsed = parsing.parse(plan, added, context, values, errors)
    left_out: Mapping[str, str] = {}
    if not plan.naming.isdisjoint(parsed):
        left_out = colleagues.unfit(plan, context, parsed, {**values, **standard})
    for name, value in parsed.items():
        if name in left_out:
            continue
        if name in plan.record_type.fields:
            values[name] = value
        elif name in plan.standard:
            standard[name] = value
        else:
            errors[name] = f"“{name}” is not a plugin's to set."
    if errors:
        raise ValidationFailed(errors)
    if colleagues.ASSIGNEE in left_out:
        memo[colleagues.PASSED_OVER] = left_out[colleagues.ASSIGNEE]
    return left_out


def contact_of(plan: WritePlan, values: Mapping[str, Any]) -> int | None:
    """The contact that a record is first of all about."""
    for path in plan.record_type.contacts:
        value = values.get(path)
        if isinstance(value, int):
            return value
    return None


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
    if "channel" in plan.standard:
        record.channel = standard.get("channel") or ("web" if actor.door == "portal" else "")
    if workflow is not None:
        record.state = standard.get("state") or state or workflow.initial
        if record.state not in workflow.states:
            raise ValidationFailed({"state": f"There is no state called “{record.state}”."})
        record.assignee = standard.get("assignee")
        record.queue = standard.get("queue")
        record.due = standard.get("due")
        if workflow.states[record.state].final:
            record.closed = standard.get("closed") or now
    return record
