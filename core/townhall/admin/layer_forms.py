"""The questions that the pages of the town's layer ask, each set as a type, so that they are asked like all others."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from townhall_forms import toml_writing
from townhall_forms.fields.base import Field
from townhall_forms.kinds import kind_of
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

#: Questions by name, each told like a field in a schema file.
Questions = Mapping[str, Mapping[str, Any]]

#: What the field types are called on screen.
TYPE_WORDS: Mapping[str, str] = {
    "text": "Text, one line",
    "longtext": "Text, several lines",
    "integer": "Whole number",
    "decimal": "Number with decimals",
    "money": "Amount of money",
    "boolean": "Yes or no",
    "date": "Day",
    "datetime": "Day and time",
    "time": "Time of day",
    "choice": "One of several choices",
    "choices": "Some of several choices",
    "email": "E-mail address",
    "phone": "Phone number",
    "url": "Web address",
    "link": "Link to another record",
    "file": "A file",
    "files": "Several files",
}
PRIVACY_WORDS = {
    "internal": "Internal: staff only",
    "public": "Public: anyone who may see the record",
    "confidential": "Confidential: staff who ask for it one by one",
}
_CHOSEN = ["choice", "choices"]
_LINES: Questions = {
    "label": {"type": "text", "label": "Choice", "required": True, "max_length": 80},
    "value": {
        "type": "text",
        "label": "Name in files",
        "max_length": 60,
        "pattern": r"[A-Za-z0-9_.-]+",
        "pattern_message": "Use letters, digits, dots and underscores.",
    },
    "retired": {"type": "boolean", "label": "Offer no more"},
}


def asking(fields: Questions) -> RecordType:
    """A type with these fields, told like in a schema file."""
    lines = ['[type]\nname = "questions"\ntitle = "{id}"']
    for name, told in fields.items():
        lines += toml_writing.table(("fields", name), told.items())
    return load_schemas([Source("asking", None, "\n".join(lines))])["asking.questions"]


def name_questions() -> RecordType:
    """What a type is called."""
    return asking(
        {
            "label": {"type": "text", "label": "One of them is called", "required": True, "max_length": 80},
            "label_plural": {"type": "text", "label": "Several are called", "required": True, "max_length": 80},
        }
    )


def section_questions(new: bool = False) -> RecordType:
    """The words of a section."""
    help = "It stands in the form once a field is in it." if new else ""
    return asking(
        {
            "label": {"type": "text", "label": "Heading", "help": help, "required": True, "max_length": 80},
            "help": {"type": "text", "label": "Sentence under the heading"},
        }
    )


def state_questions() -> RecordType:
    """The words of a state."""
    return asking(
        {
            "label": {"type": "text", "label": "What clerks call it", "required": True, "max_length": 80},
            "public_label": {"type": "text", "label": "What the public reads", "required": True, "max_length": 80},
            "help": {"type": "text", "label": "What it means, for clerks"},
            "public_help": {"type": "text", "label": "What it means, for the public"},
        }
    )


def shipped_questions(field: Field, record_type: RecordType, *, may_require: bool, may_hide: bool) -> RecordType:
    """What a town may say about a field that is shipped. ``field`` is as it is shipped."""
    asked: dict[str, dict[str, Any]] = {
        "label": {"type": "text", "label": "Label", "help": f"Shipped as “{field.label}”.", "required": True},
        "help": {"type": "text", "label": "Sentence under the label"},
        "section": _section_question(record_type),
    }
    if may_require:
        asked["required"] = {"type": "boolean", "label": "It must be filled in"}
    if may_hide:
        asked["hide_form"] = {"type": "boolean", "label": "Hide it from the clerks’ form"}
        if any(field.name in form.fields for form in record_type.forms.values()):
            asked["hide_public_form"] = {"type": "boolean", "label": "Hide it from the public forms"}
    asked["hide_list"] = {"type": "boolean", "label": "Hide it from the list"}
    if field.type_name in _CHOSEN:
        for index, choice in enumerate(field.choices):
            asked[f"choice_{index}"] = {"type": "text", "label": f"Choice “{choice.label}”", "required": True}
            asked[f"retired_{index}"] = {"type": "boolean", "label": f"Offer “{choice.label}” no more"}
        asked["add_choices"] = {"type": "rows", "label": "Choices of our own", "fields": _LINES}
    return asking(asked)


def own_questions(record_type: RecordType, schemas: Schemas, name: str, fixed: str, kept_condition: str) -> RecordType:
    """What a town says about a field of its own; ``name`` is empty for a new one.

    ``fixed`` is the type that it can't lose any more; ``kept_condition`` are the words for a condition that is too
    intricate for this form, if it has one.
    """
    asked: dict[str, Mapping[str, Any]] = {
        "label": {"type": "text", "label": "Label", "required": True, "max_length": 80},
        "help": {"type": "text", "label": "Sentence under the label"},
    }
    if not fixed:
        asked |= _kind_questions(record_type, schemas)
    if not fixed or fixed in _CHOSEN:
        rows = {"type": "rows", "label": "Choices", "fields": _LINES}
        asked["choices"] = rows if fixed else {**rows, "show_if": {"type": _CHOSEN}}
    asked["required"] = {"type": "boolean", "label": "It must be filled in"}
    asked["privacy"] = {"type": "choice", "label": "Who may see it", "required": True, "choices": _told(PRIVACY_WORDS)}
    if record_type.sections:
        asked["section"] = _section_question(record_type)
    conditions = [
        {"value": one, "label": words} for one, words, about in simple_conditions(record_type) if name not in about
    ]
    conditions += [{"value": "kept", "label": kept_condition}] if kept_condition else []
    if conditions:
        asked["when"] = {"type": "choice", "label": "Ask it only when", "choices": conditions}
    for key, told, without in USES:
        if fixed not in without:
            asked[key] = told
    forms = {name: form.label for name, form in record_type.forms.items()}
    if forms:
        asked["forms"] = {"type": "choices", "label": "Public forms that ask it", "choices": _told(forms)}
    return asking(asked)


def _kind_questions(record_type: RecordType, schemas: Schemas) -> Questions:
    """What a new field holds."""
    links = [
        {"value": other.identity, "label": other.label}
        for other in schemas.values()
        if other.plugin in (record_type.plugin, "core") and other.navigation != "hidden"
    ]
    return {
        "type": {
            "type": "choice",
            "label": "What it holds",
            "help": "This can’t change once the field is published.",
            "required": True,
            "default": "text",
            "choices": _told(TYPE_WORDS),
        },
        "to": {
            "type": "choice",
            "label": "Records of which type",
            "choices": links,
            "show_if": {"type": "link"},
            "require_if": {"type": "link"},
        },
    }


#: What an own field is used for: the question, and the types that it means nothing for.
USES: tuple[tuple[str, Mapping[str, Any], tuple[str, ...]], ...] = (
    (
        "default",
        {"type": "text", "label": "What a new record has", "help": "As it would be typed into the form."},
        ("link", "file", "files"),
    ),
    ("search", {"type": "boolean", "label": "The search box finds records by it"}, ("file", "files")),
    ("filter", {"type": "boolean", "label": "The list can be filtered by it"}, ("file", "files")),
    ("column", {"type": "boolean", "label": "It is a column of the list"}, ()),
)


def _section_question(record_type: RecordType) -> dict[str, Any]:
    sections = {section.name: section.label for section in record_type.sections}
    return {"type": "choice", "label": "Section", "required": True, "choices": _told(sections)}


def _told(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"value": value, "label": label} for value, label in labels.items()]


# -- conditions -----------------------------------------------------------------------------------------------------


def simple_conditions(record_type: RecordType) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every “FIELD is VALUE” of a type whose values can be counted: its name, its words, and as a condition."""
    for name, field in record_type.all_fields.items():
        if name == "channel" or field.privacy == "confidential":
            continue
        if kind_of(field) == "boolean":
            yield f"{name}=yes", f"{field.label} is yes", {name: True}
            yield f"{name}=no", f"{field.label} is no", {name: False}
        elif kind_of(field) == "code" and 0 < len(field.choices) <= 40:
            for choice in field.choices:
                yield f"{name}={choice.value}", f"{field.label} is {choice.label}", {name: choice.value}
