"""JSON Schemas (2020-12): of a type's records, and of the schema language itself, for editors that complete and check.

The second is made from :mod:`townhall_forms.keys` and the field types, so it can't say anything else than loading does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall_forms.conditions import GROUPS
from townhall_forms.conditions import OPERATORS
from townhall_forms.fields import FIELD_TYPES
from townhall_forms.instants import MOST_UNITS
from townhall_forms.keys import COMPUTE_KEYS
from townhall_forms.keys import LISTS
from townhall_forms.keys import TABLES
from townhall_forms.keys import WHO
from townhall_forms.keys import Key
from townhall_forms.keys import keys_of

if TYPE_CHECKING:
    from townhall_forms.fields.base import Field
    from townhall_forms.schema import RecordType

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = "^[a-z][a-z0-9_]*$"
_PATH = r"^-?[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"
_TEXTS: Json = {"type": "array", "items": {"type": "string"}}


# -- records --------------------------------------------------------------------------------------------------------


def record_schema(record_type: RecordType) -> Json:
    """The JSON Schema of a record's values, field by field. Empty values may be null."""
    fields = record_type.fields.values()
    return {
        "$schema": DIALECT,
        "title": record_type.label,
        "description": record_type.description or record_type.label_plural,
        "type": "object",
        "properties": {field.name: _field(field) for field in fields},
        "required": [field.name for field in fields if field.required and field.show_if is None and not _is_set(field)],
        "additionalProperties": False,
    }


def _is_set(field: Field) -> bool:
    return field.read_only or field.is_computed or field.default is not None


def _field(field: Field) -> Json:
    told: Json = {"title": field.label}
    if field.help:
        told["description"] = field.help
    if field.read_only or field.is_computed:
        told["readOnly"] = True
    if field.default is not None and isinstance(field.default, str | int | bool):
        told["default"] = field.default
    told["anyOf"] = [field.json_schema(), {"type": "null"}]
    return told


# -- the language ---------------------------------------------------------------------------------------------------


def language_schema(types: Mapping[str, type[Field]] = FIELD_TYPES) -> Json:
    """The JSON Schema of a schema file, with these field types: all that are known now, or fewer."""
    return {
        "$schema": DIALECT,
        "title": "A type of record in Townhall",
        "description": "Checks and completes a plugin's schemas/*.toml.",
        "type": "object",
        "required": ["type"],
        "additionalProperties": False,
        "properties": {
            "type": _table("type", {name: _table(f"type.{name}") for name in ("event", "merge")}),
            "fields": {
                "description": TABLES["fields.NAME"],
                "type": "object",
                "propertyNames": {"pattern": _NAME},
                "additionalProperties": {"$ref": "#/$defs/field"},
            },
            "checks": _table("checks"),
            "unique": _table("unique"),
            "indexes": _table("indexes"),
            "sections": _table("sections"),
            "list": _table("list", {"views": _table("list.views")}),
            "forms": _by_name("forms.NAME", {"steps": _table("forms.NAME.steps")}),
            "public": _table("public"),
            "workflow": _table(
                "workflow",
                {"states": _by_name("workflow.states.NAME"), "transitions": _table("workflow.transitions", _effects())},
            ),
        },
        "$defs": {"field": _field_table(types), "condition": _condition(), "test": _test(), "operand": _operand()},
    }


def _table(table: str, nested: Json | None = None) -> Json:
    """One table of the language, or a list of them."""
    known = keys_of(table)
    properties = {name: _key(key) for name, key in known.items()} | (nested or {})
    told: Json = {
        "description": TABLES[table],
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [name for name, key in known.items() if key.required],
    }
    return {"type": "array", "items": told} if table in LISTS else told


def _effects() -> Json:
    return {name: _table(f"workflow.transitions.{name}") for name in ("task", "event")}


def _by_name(table: str, nested: Json | None = None) -> Json:
    return {
        "description": TABLES[table],
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": _table(table, nested),
    }


def _field_table(types: Mapping[str, type[Field]]) -> Json:
    """A field: which keys it takes depends on its type."""
    told = _table("fields.NAME")
    known = keys_of("fields.NAME")
    common = [name for name, key in known.items() if not key.some_types]
    told["properties"]["type"] = {
        "description": known["type"].meaning,
        "oneOf": [{"const": name, "description": summary(type_)} for name, type_ in types.items()],
    }
    told["allOf"] = [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"propertyNames": {"enum": [*common, *(key for key in known if key in type_.extra_keys)]}},
        }
        for name, type_ in types.items()
    ]
    return told


def summary(type_: type[Field]) -> str:
    """What a field type is: the first paragraph of its documentation, without what is for programmers."""
    told = " ".join((type_.__doc__ or "").split("\n\n")[0].split())
    sentences = [sentence for sentence in told.split(". ") if ":func:" not in sentence and ":meth:" not in sentence]
    return ". ".join(sentences).rstrip(".").replace("``", "`") + "."


def _key(key: Key) -> Json:
    told: Json = {"description": key.meaning}
    return told | (_enumerated(key) or _SHAPES[key.shape])


def _enumerated(key: Key) -> Json | None:
    if key.table == "workflow.transitions" and key.name == "by":
        return {"type": "array", "minItems": 1, "items": {"enum": list(WHO)}}
    return {"enum": list(key.values)} if key.values else None


def _condition() -> Json:
    groups = {name: {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/condition"}} for name in GROUPS}
    return {
        "description": "Holds when all keys do: field = value, field = [values] or field = { operator = value }.",
        "type": "object",
        "minProperties": 1,
        "properties": groups,
        "additionalProperties": {"$ref": "#/$defs/test"},
    }


def _test() -> Json:
    several = {"type": "array", "items": {"$ref": "#/$defs/operand"}}
    shapes: Json = {name: {"$ref": "#/$defs/operand"} for name in OPERATORS}
    shapes |= {"in": several, "not_in": several, "empty": {"type": "boolean"}}
    shapes["between"] = several | {"minItems": 2, "maxItems": 2}
    tests = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": shapes}
    return {"anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array"}, tests]}


def _operand() -> Json:
    other = {"type": "object", "required": ["field"], "additionalProperties": False}
    return {"anyOf": [{"type": ["string", "number", "boolean"]}, other | {"properties": {"field": {"type": "string"}}}]}


_CHOICE: Json = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "required": ["value"],
            "additionalProperties": False,
            "properties": {
                "value": {"type": "string", "minLength": 1},
                "label": {"type": "string"},
                "help": {"type": "string"},
                "retired": {"type": "boolean", "description": "Stays readable, and is offered no more."},
            },
        },
    ]
}
_COMPUTE: Json = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        name: {"type": "string"} if name != "days_between" else _TEXTS | {"minItems": 2, "maxItems": 2}
        for name in COMPUTE_KEYS
    },
}
_SHAPES: dict[str, Json] = {
    "text": {"type": "string"},
    "template": {"type": "string"},
    "number_pattern": {"type": "string"},
    "pattern": {"type": "string", "format": "regex"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "name": {"type": "string", "pattern": _NAME, "maxLength": 60},
    "names": _TEXTS,
    "path": {"type": "string", "pattern": _PATH},
    "paths": _TEXTS,
    "one_of": {"type": "string"},
    "condition": {"$ref": "#/$defs/condition"},
    "choices": {"type": "array", "minItems": 1, "items": _CHOICE},
    "columns": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": {"$ref": "#/$defs/field"},
    },
    "compute": _COMPUTE,
    "value": {},
    "days": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": MOST_UNITS}, {"type": "string"}]},
    "states": {"anyOf": [{"type": "string"}, _TEXTS]},
}
