"""What is told about a key of the schema language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What a key's value looks like.
Shape = Literal[
    "text",
    "template",
    "number_pattern",
    "pattern",
    "integer",
    "boolean",
    "name",
    "names",
    "path",
    "paths",
    "one_of",
    "condition",
    "choices",
    "columns",
    "compute",
    "value",
    "days",
    "states",
]

#: Where a key can show: the rules of writing records (all doors, imports included), tables, clerk's screens, the
#: public site, search, calendar, messages to citizens, and the JSON Schema of a record.
Door = Literal[
    "records",
    "storage",
    "form",
    "public_form",
    "list",
    "details",
    "public",
    "search",
    "calendar",
    "messages",
    "jsonschema",
]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one table. ``some_types`` says that only some field types take it (their ``extra_keys`` tell)."""

    table: str
    name: str
    shape: Shape
    meaning: str
    doors: tuple[Door, ...]
    required: bool = False
    values: tuple[str, ...] = ()
    default: str = ""
    some_types: bool = False
    example: str = ""
