"""Which sections the clerk's form of a type has, worked out from its schema file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Types of field that are so long that each has a section to itself, where the file tells no sections.
_SEPARATE = ("rows", "answers", "questions")


def sections_of(document: Mapping[str, Any], label_of: Mapping[str, str]) -> list[dict[str, Any]]:
    """The sections that are told, with forgotten fields in the last; or one, and one for each long field.

    ``label_of`` has the label of each field, the fields in order. The result's tables are like the file's.
    """
    told = [dict(section) for section in document.get("sections", ())]
    placed = {name for section in told for name in section.get("fields", ())}
    left = [name for name in label_of if name not in placed]
    if told:
        told[-1]["fields"] = [*told[-1].get("fields", ()), *left]
        return told
    types = {name: document["fields"][name].get("type") for name in left}
    plain = [name for name in left if types[name] not in _SEPARATE]
    sections: list[dict[str, Any]] = [{"name": "details", "label": "Details", "fields": plain}] if plain else []
    return sections + [
        {"name": name, "label": label_of[name], "fields": [name]} for name in left if types[name] in _SEPARATE
    ]
