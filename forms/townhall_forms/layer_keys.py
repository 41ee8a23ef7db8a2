"""Every key of the town's own layer: what a town may say over the schemas that core and plugins ship.

The language is a small part of the schema language: the same shapes, the same error sentences. Reading
(:mod:`townhall_forms.layer`) and the reference page are made from this table, and a test asks of each key that it does
something.
"""

from __future__ import annotations

from collections.abc import Mapping

from townhall_forms.key import Key

#: What the names of the town's own fields and sections begin with; no schema may use it.
TOWN_PREFIX = "town_"

#: Types that a town's own field can have: those that need nothing but what a person can say on screen.
TOWN_TYPES = (
    "text",
    "longtext",
    "integer",
    "decimal",
    "money",
    "boolean",
    "date",
    "datetime",
    "time",
    "choice",
    "choices",
    "email",
    "phone",
    "url",
    "link",
    "file",
    "files",
)
#: Where the town can leave out a field.
HIDE_FROM = ("form", "list", "public_form")

TYPE = "PLUGIN.TYPE"
FIELD = f"{TYPE}.fields.NAME"
CHOICE = f"{TYPE}.fields.NAME.choices.VALUE"
OWN = f"{TYPE}.fields.{TOWN_PREFIX}NAME"
SECTION = f"{TYPE}.sections.NAME"
STATE = f"{TYPE}.states.NAME"

#: The tables of a layer and what each is for.
LAYER_TABLES: Mapping[str, str] = {
    TYPE: "What the town says about one type, by its identity.",
    FIELD: "A field that core or a plugin ships.",
    CHOICE: "One choice of such a field.",
    OWN: "A field that the town adds.",
    SECTION: f"A section of the form. One whose name begins with `{TOWN_PREFIX}` is the town's own.",
    STATE: "A state of a case.",
}

#: Every key, in the order of the reference and of an exported file.
LAYER_KEYS: tuple[Key, ...] = (
    Key(TYPE, "label", "text", "What one record is called.", ("form", "list")),
    Key(TYPE, "label_plural", "text", "What several are called.", ("list",)),
    Key(FIELD, "label", "text", "What it is called on screen.", ("form", "list")),
    Key(FIELD, "help", "text", "The sentence under the label; empty for none.", ("form",)),
    Key(FIELD, "required", "boolean", "`true` makes a field required that the plugin leaves optional.", ("records",)),
    Key(
        FIELD,
        "hide",
        "names",
        "Where it is left out: the clerks’ form, the list, or the public forms. Its values are kept.",
        ("form", "list", "public_form"),
        values=HIDE_FROM,
    ),
    Key(FIELD, "add_choices", "choices", "Choices that the town adds, after those that are shipped.", ("form",)),
    Key(CHOICE, "label", "text", "What it is called.", ("form", "list")),
    Key(CHOICE, "help", "text", "A sentence about it.", ("form",)),
    Key(CHOICE, "retired", "boolean", "It stays readable and is offered no more.", ("form",)),
    Key(OWN, "type", "one_of", "What it holds. It can never change.", ("storage",), required=True, values=TOWN_TYPES),
    Key(OWN, "label", "text", "What it is called on screen.", ("form", "list"), default="the name, in words"),
    Key(OWN, "help", "text", "A sentence under the label.", ("form",)),
    Key(OWN, "required", "boolean", "It must be filled in.", ("records", "form")),
    Key(
        OWN,
        "privacy",
        "one_of",
        "Who may see it.",
        ("records",),
        values=("public", "internal", "confidential"),
        default="the type's",
    ),
    Key(OWN, "default", "value", "What a new record has when nothing is given.", ("form",)),
    Key(OWN, "choices", "choices", "The values that can be chosen.", ("form",)),
    Key(OWN, "to", "path", "The type that a link points at.", ("form",), example='"core.contact"'),
    Key(OWN, "show_if", "condition", "It is asked only when this holds.", ("form",), example='{ kind = "business" }'),
    Key(OWN, "search", "boolean", "The search box finds the record by it.", ("search",)),
    Key(OWN, "filter", "boolean", "The list can be filtered by it.", ("list",)),
    Key(OWN, "column", "boolean", "It is a column of the list.", ("list",)),
    Key(OWN, "forms", "names", "The public forms that ask it, at their end.", ("public_form",)),
    Key(SECTION, "label", "text", "Its heading.", ("form", "details")),
    Key(SECTION, "help", "text", "A sentence under the heading; empty for none.", ("form",)),
    Key(
        SECTION,
        "fields",
        "names",
        "Its fields, in order. A shipped field that no section lists keeps its place.",
        ("form", "details"),
    ),
    Key(STATE, "label", "text", "What clerks call it.", ("list", "details")),
    Key(STATE, "public_label", "text", "What the public reads.", ("public",)),
    Key(STATE, "help", "text", "What it means, for clerks.", ("details",)),
    Key(STATE, "public_help", "text", "What it means, for the public.", ("public",)),
)

_BY_TABLE: dict[str, dict[str, Key]] = {table: {} for table in LAYER_TABLES}
for _key in LAYER_KEYS:
    _BY_TABLE[_key.table][_key.name] = _key


def layer_keys_of(table: str) -> Mapping[str, Key]:
    """The keys of one table of a layer, by name."""
    return _BY_TABLE[table]
