"""Sentences about fields for the people who fill in forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from townhall_forms.conditions import Condition
    from townhall_forms.fields.base import Field
    from townhall_forms.fields.files import Attached

#: What stands in the place of a record that a link points at and that the reader may not see.
UNSEEN = "One that is gone, or that you may not see"
_FALLBACK = "Leave this empty unless it applies."


def file_size(size: int) -> str:
    """``212 KB``, ``2.1 MB``."""
    if size < 1024 * 1024:
        return f"{max(1, round(size / 1024)):,} KB"
    return f"{size / 1024 / 1024:,.1f} MB"


def join_words(words: list[str], last: str = "or") -> str:
    """``PDF, JPG or PNG``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def file_help(field: Attached) -> str:
    """What a field of files takes: “PDF or photos, up to 10 MB each.”"""
    groups = {"image": "photos", "document": "documents"}
    kinds = join_words([groups.get(entry.lower(), entry.upper().lstrip(".")) for entry in field.accept])
    size = f"up to {field.largest // (1024 * 1024)} MB"
    if not field.many:
        return f"{_capital(kinds)}, {size}." if kinds else f"{_capital(size)}."
    plain = kinds in groups.values()
    number = f"Up to {field.most} {kinds if plain else 'files'}" if field.max is not None else _capital(kinds)
    more = kinds if number and kinds and field.max is not None and not plain else ""
    return ", ".join(part for part in (number, more, f"{size} each") if part) + "."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def explain(condition: Condition, field_of: Callable[[str], Field | None]) -> str:
    """When a field is asked, if that can be said in a few words: “Only if Kind is Person.”"""
    told = condition.to_json()
    members = told.get("all")
    if isinstance(members, list) and len(members) == 1:
        told = members[0]
    field = field_of(str(told.get("path", "")))
    if field is None or "op" not in told:
        return _FALLBACK
    words = _test(field, str(told["op"]), told.get("value"))
    return f"Only if “{field.label}” {words}." if words else _FALLBACK


def _test(field: Field, operator: str, value: Any) -> str:
    if operator == "empty":
        return "is empty" if value else "is filled in"
    values = value if isinstance(value, list) else [value]
    labels = {choice.value: choice.label for choice in field.choices} | {True: "Yes", False: "No"}
    if any(isinstance(entry, dict) or (isinstance(entry, int) and field.target) for entry in values):
        return ""
    words = [str(labels.get(entry, entry)) for entry in values]
    told = {"eq": "is", "in": "is", "contains": "has", "gt": "is more than", "gte": "is at least"}
    told |= {"lt": "is less than", "lte": "is at most"}
    return f"{told[operator]} {join_words(words)}" if operator in told else ""
