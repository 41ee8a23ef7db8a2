"""Between the pages of the town's layer and the layer itself: what a form is filled with, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from townhall.admin.layer_forms import TYPE_WORDS
from townhall.admin.layer_forms import USES
from townhall.admin.layer_forms import simple_conditions
from townhall_forms import layer_editing
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.field_building import read_choices
from townhall_forms.fields import build_field
from townhall_forms.fields.base import Field
from townhall_forms.layer import Layer
from townhall_forms.layer_keys import TOWN_PREFIX
from townhall_forms.schema import RecordType
from townhall_forms.text import normalise

#: Longest name of a field that is made from its label.
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Typed:
    """A type as it is ``shipped`` and as the ``layer`` that is worked on makes it, and the layer that counts."""

    shipped: RecordType
    type: RecordType
    layer: Layer
    published: Layer

    @property
    def identity(self) -> str:
        """The type's identity."""
        return self.type.identity

    def section_of(self, name: str) -> str:
        """The section in which a field stands now."""
        return next((section.name for section in self.type.sections if name in section.fields), "")

    def placed(self, layer: Layer, name: str, section: str) -> Layer:
        """The layer with a field in a section, if it is not there already."""
        if not section or section == self.section_of(name):
            return layer
        return layer_editing.place(layer, self.type, name, section)


def changed(value: str | None, shipped: str) -> str | None:
    """What the layer says about a text: nothing where it is as shipped."""
    text = value or ""
    return None if text == shipped else text


# -- fields that are shipped ----------------------------------------------------------------------------------------


def shipped_values(typed: Typed, name: str) -> dict[str, Any]:
    """What the form about a shipped field is filled with."""
    field = typed.type.fields[name]
    told = typed.layer.table(typed.identity, "fields", name)
    values: dict[str, Any] = {
        "label": field.label,
        "help": field.help,
        "section": typed.section_of(name),
        "required": bool(told.get("required")),
        **{f"hide_{place}": place in told.get("hide", ()) for place in ("form", "list", "public_form")},
        "add_choices": choice_rows(told.get("add_choices", [])),
    }
    now = {choice.value: choice for choice in field.choices}
    for index, choice in enumerate(typed.shipped.fields[name].choices):
        values[f"choice_{index}"] = now.get(choice.value, choice).label
        values[f"retired_{index}"] = now.get(choice.value, choice).retired
    return values


def with_shipped(typed: Typed, name: str, values: Mapping[str, Any]) -> Layer:
    """The layer with what the form about a shipped field says. Raises :class:`~townhall_forms.errors.Invalid`."""
    field = typed.shipped.fields[name]
    told = typed.layer.table(typed.identity, "fields", name)
    hide = [place for place in ("form", "list", "public_form") if values.get(f"hide_{place}")]
    table: dict[str, Any] = {
        "label": changed(values["label"], field.label),
        "help": changed(values.get("help"), field.help),
        "required": True if values.get("required") else None,
        "hide": hide or None,
    }
    if "add_choices" in values:
        taken = {choice.value for choice in field.choices}
        table["add_choices"] = (
            read_rows(values["add_choices"], told.get("add_choices", []), taken, "add_choices") or None
        )
        table["choices"] = _choice_changes(field, values) or None
    layer = layer_editing.put(typed.layer, typed.identity, ("fields", name), table)
    return typed.placed(layer, name, values.get("section") or "")


def _choice_changes(field: Field, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for index, choice in enumerate(field.choices):
        label, retired = values.get(f"choice_{index}"), bool(values.get(f"retired_{index}"))
        told: dict[str, Any] = {}
        if label and label != choice.label:
            told["label"] = label
        if retired != choice.retired:
            told["retired"] = retired
        if told:
            found[choice.value] = told
    return found


# -- fields of the town's own ---------------------------------------------------------------------------------------


def own_values(typed: Typed, name: str) -> dict[str, Any]:
    """What the form about an own field is filled with; for a new one ``name`` is empty."""
    told = typed.layer.table(typed.identity, "fields", name) if name else {}
    values = {key: told.get(key) for key in ("label", "help", "type", "to")}
    values |= {key: bool(told.get(key)) for key in ("required", "search", "filter", "column")}
    values["privacy"] = told.get("privacy", typed.type.privacy)
    values["choices"] = choice_rows(told.get("choices", []))
    values["section"] = typed.section_of(name) or (typed.type.sections[-1].name if typed.type.sections else "")
    values["when"] = condition_name(typed.type, told.get("show_if"))
    values["forms"] = tuple(told.get("forms", ()))
    values["default"] = _default_words(told.get("default"))
    return {key: value for key, value in values.items() if value is not None or name}


def with_own(
    typed: Typed, name: str, values: Mapping[str, Any], context: Context, fixed: str, known: Collection[str]
) -> Layer:
    """The layer with an own field as the form says it. A new one gets a name that is not among the ``known``.

    Raises :class:`~townhall_forms.errors.Invalid`, its parts by question.
    """
    before = typed.layer.table(typed.identity, "fields", name) if name else {}
    type_name = fixed or values["type"]
    for key, _, without in USES:
        if type_name in without and values.get(key):
            message = f"This means nothing for “{TYPE_WORDS[type_name].lower()}”. Leave it empty."
            raise Invalid(message, {key: message})
    name = name or free_name(values["label"], known)
    table: dict[str, Any] = {
        "type": type_name,
        "label": values["label"],
        "help": values.get("help") or None,
        "privacy": values["privacy"] if values["privacy"] != typed.type.privacy else None,
        "to": (before.get("to") if fixed else values.get("to")) if type_name == "link" else None,
        "choices": None,
        "show_if": _condition(typed, values.get("when"), before),
        "forms": list(values.get("forms") or ()) or None,
    }
    table |= {key: True if values.get(key) else None for key in ("required", "search", "filter", "column")}
    if type_name in ("choice", "choices"):
        table["choices"] = read_rows(values.get("choices"), before.get("choices", []), set(), "choices")
        _keep_offered(
            typed.published.table(typed.identity, "fields", name).get("choices", []), table["choices"], "choices"
        )
        if not table["choices"]:
            raise Invalid("Add at least one choice.", {"choices": "Add at least one choice."})
    table["default"] = _default(type_name, table["choices"] or [], values.get("default") or "", context)
    layer = layer_editing.put(typed.layer, typed.identity, ("fields", name), table)
    return typed.placed(layer, name, values.get("section") or "")


def free_name(label: str, known: Collection[str]) -> str:
    """A name for a field or section of the town's own, made from its label."""
    words = re.sub(r"[^a-z0-9]+", "_", normalise(label)).strip("_")[:_LONGEST].strip("_")
    name = first = TOWN_PREFIX + (words or "own")
    count = 1
    while name in known:
        count += 1
        name = f"{first}_{count}"
    return name


def condition_name(record_type: RecordType, condition: Any) -> str | None:
    """The simple condition that ``condition`` is; ``kept`` for one that is not so simple."""
    if not condition:
        return None
    return next((name for name, _, data in simple_conditions(record_type) if data == condition), "kept")


def _condition(typed: Typed, chosen: str | None, before: Mapping[str, Any]) -> Any:
    if chosen == "kept":
        return before.get("show_if")
    return next((data for name, _, data in simple_conditions(typed.type) if name == chosen), None)


def _default(type_name: str, choices: list[Any], text: str, context: Context) -> Any:
    """What the layer says for a typed default. A choice may be named by its label."""
    text = text.strip()
    if not text:
        return None
    if text.lower() in ("today", "now") and type_name in ("date", "datetime"):
        return text.lower()
    known = tuple(choice for choice in read_choices(choices) if not choice.retired)
    by_words = {normalise(choice.label): choice.value for choice in known} | {c.value: c.value for c in known}
    field = build_field(type_name, name="default", label="Default", choices=known)
    given: Any = text
    if type_name == "choice":
        given = by_words.get(normalise(text), by_words.get(text, text))
    elif type_name == "choices":
        parts = (part.strip() for part in text.split(","))
        given = [by_words.get(normalise(part), by_words.get(part, part)) for part in parts if part]
    try:
        value = field.parse(given, context)
    except Invalid as error:
        raise Invalid(error.message, {"default": error.message}) from error
    return value if isinstance(value, bool) else list(value) if isinstance(value, tuple) else given


def _default_words(default: Any) -> str | None:
    if default is None:
        return None
    if isinstance(default, bool):
        return "yes" if default else "no"
    return ", ".join(default) if isinstance(default, list) else str(default)


# -- choices --------------------------------------------------------------------------------------------------------


def choice_rows(told: list[Any]) -> tuple[dict[str, Any], ...]:
    """Choices of a layer as lines of a form."""
    return tuple(
        {"label": choice.label, "value": choice.value, "retired": choice.retired} for choice in read_choices(told)
    )


def read_rows(rows: Any, before: list[Any], taken: set[str], at: str) -> list[dict[str, Any]]:
    """Lines of a form as choices of a layer. Raises :class:`~townhall_forms.errors.Invalid`, its parts by line."""
    helps = {choice.value: choice.help for choice in read_choices(before)}
    found: list[dict[str, Any]] = []
    for index, row in enumerate(rows or ()):
        label = row.get("label") or ""
        value = row.get("value") or re.sub(r"[^a-z0-9]+", "_", normalise(label)).strip("_") or f"choice_{index + 1}"
        if value in taken:
            message = f"There is a choice “{value}” already. Give this one another name."
            raise Invalid(message, {f"{at}.{index}.value": message})
        taken = taken | {value}
        told = {"value": value, "label": label, "help": helps.get(value, ""), "retired": bool(row.get("retired"))}
        found.append({key: part for key, part in told.items() if part not in ("", False)})
    return found


def _keep_offered(before: list[Any], rows: list[dict[str, Any]], at: str) -> None:
    """A choice that was published stands in records: it can be retired, and not taken away."""
    there = {row["value"] for row in rows}
    for choice in read_choices(before):
        if choice.value not in there:
            message = f"“{choice.label}” may stand in records. Keep the line, and tick that it is offered no more."
            raise Invalid(message, {at: message})
