"""From what somebody gave to values: every field's own parser, defaults, and what may be given at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.errors import ValidationFailed
from townhall.records.write_plans import WritePlan
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field

if TYPE_CHECKING:
    from townhall.context import TownContext
    from townhall.town import Town


def rules_context(town: Town, actor: Actor) -> TownContext:
    """The town as rules see it: everything, on behalf of ``actor``. What rules compute isn't handed to the actor."""
    return town.context(on_behalf_of(actor))


def on_behalf_of(actor: Actor) -> Actor:
    """The town itself, doing something in the name of ``actor``."""
    return replace(actor, kind="system", permissions=frozenset({"*"}))


def parse(
    plan: WritePlan, raw: Mapping[str, Any], context: Context, base: Mapping[str, Any], errors: dict[str, str]
) -> dict[str, Any]:
    """Values of what was given, declared and standard fields alike; what can't be read goes to ``errors``.

    ``base`` holds the values that stand already; the questions of answers may depend on them.
    """
    values: dict[str, Any] = {}
    late: list[str] = []
    fields = plan.record_type.all_fields
    for name, given in raw.items():
        field = fields.get(name)
        if field is None:
            errors[name] = _unknown(plan, name)
        elif name in plan.answers:
            late.append(name)
        else:
            try:
                value = field.parse(given, context)
            except Invalid as error:
                note_invalid(errors, name, error)
            else:
                values[name] = None if value is None or field.is_empty(value) else value
    for name in late:
        bound = fields[name].bind({**base, **values}, context)
        try:
            value = bound.parse(raw[name], context)
        except Invalid as error:
            note_invalid(errors, name, error)
        else:
            values[name] = None if bound.is_empty(value) else value
    return values


def note_invalid(errors: dict[str, str], name: str, error: Invalid) -> None:
    """Put what is wrong with a value, and with its parts, among the errors by path."""
    errors[name] = error.message
    for part, message in error.parts.items():
        errors[f"{name}.{part}"] = message


def _unknown(plan: WritePlan, name: str) -> str:
    near = get_close_matches(name, plan.record_type.all_fields, 1)
    hint = f" Did you mean “{near[0]}”?" if near else ""
    return f"{plan.record_type.label} has no field “{name}”.{hint}"


def with_defaults(plan: WritePlan, given: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """All values of a new record: those that were given, and the defaults of the others."""
    values = {**plan.blank(context), **given}
    for name, field in plan.moving_defaults:
        if name not in given:
            values[name] = _moving(field, context)
    return values


def _moving(field: Field, context: Context) -> Any:
    if field.type_name == "staff":
        return context.actor_id if field.default == "actor" else None
    return context.today() if field.type_name == "date" else context.now()


def refuse_unwritable(town: Town, actor: Actor, plan: WritePlan, names: Mapping[str, Any]) -> None:
    """Raise :class:`~townhall.errors.ValidationFailed` for fields that this member of staff may not write."""
    if actor.kind == "system":
        return
    access = policy.readable(actor, plan.record_type)
    errors = {
        name: f"You may not change “{plan.record_type.all_fields[name].label}”."
        for name in names
        if name in plan.record_type.all_fields
        and (name in access.hidden or (name in plan.record_type.system_fields and name not in plan.standard))
    }
    if errors:
        raise ValidationFailed(errors)


def refuse_outside(allowed: frozenset[str], plan: WritePlan, names: Mapping[str, Any]) -> None:
    """Raise :class:`~townhall.errors.ValidationFailed` for fields that the public may not write here."""
    errors = {name: f"“{name}” can't be filled in here." for name in names if name not in allowed}
    if errors:
        raise ValidationFailed(errors)
