"""From what somebody gave to values: every field's own parser, defaults, and what may be given at all."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.errors import ValidationFailed
from townhall.records.write_plans import IMPORTED
from townhall.records.write_plans import WritePlan
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field

if TYPE_CHECKING:
    from townhall.context import TownContext
    from townhall.town import Town

_BY_MOVES = "Make one of the case's declared moves: records.transition()."
#: Which door writes a standard field that no change of fields does.
_WRITTEN_BY: Mapping[str, str] = {
    "state": _BY_MOVES,
    "closed": _BY_MOVES,
    "archived": "Put the record aside or take it back: records.archive(), records.restore().",
}


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


def refuse_unwritable(actor: Actor, plan: WritePlan, names: Iterable[str], *, new: bool = False) -> None:
    """Raise :class:`~townhall.errors.ValidationFailed` for fields that staff, plugins or the town may not write.

    Standard fields follow from what is done, whoever does it: a case is where its moves brought it. Only a ``new``
    record of the town itself brings along what a row of an import may.
    """
    hidden = policy.readable(actor, plan.record_type).hidden
    open_ones = IMPORTED if new and actor.kind == "system" else plan.standard
    errors: dict[str, str] = {}
    for name in names:
        field = plan.record_type.all_fields.get(name)
        if field is not None and name in hidden:
            errors[name] = f"You may not change “{field.label}”."
        elif field is not None and name in plan.standard_names and name not in open_ones:
            instead = _WRITTEN_BY.get(name, "Leave it out: Townhall keeps it itself.")
            errors[name] = f"“{field.label}” can't be filled in. {instead}"
    if errors:
        raise ValidationFailed(errors)


def refuse_outside(allowed: frozenset[str], plan: WritePlan, names: Mapping[str, Any]) -> None:
    """Raise :class:`~townhall.errors.ValidationFailed` for fields that the public may not write here."""
    errors = {name: f"“{name}” can't be filled in here." for name in names if name not in allowed}
    if errors:
        raise ValidationFailed(errors)
