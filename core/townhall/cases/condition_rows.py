"""Conditions as people write them on screen: lines of field, comparison and value, which must all hold.

Routes and targets have such lines. Each becomes a condition of the schema language, so what names a field, a comparison
or a value that means nothing is found when it is saved and not when a case needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall_forms.conditions import Condition
from townhall_forms.conditions import InvalidCondition
from townhall_forms.conditions import parse_condition
from townhall_forms.errors import Invalid
from townhall_forms.kinds import PathInfo
from townhall_forms.kinds import resolver
from townhall_forms.schema import RecordType
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

#: What the comparisons of a line are called.
WORDS: Mapping[str, str] = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "contains": "contains",
    "at_least": "is at least",
    "at_most": "is at most",
    "empty": "is empty",
    "filled": "is filled in",
}
_OPERATORS = {
    "is": "eq",
    "is_not": "ne",
    "one_of": "in",
    "contains": "contains",
    "at_least": "gte",
    "at_most": "lte",
}
#: What takes several values.
_SEVERAL = ("one_of", "contains")
_YES_AND_NO = {"yes": True, "true": True, "no": False, "false": False}

Row = Mapping[str, Any]


class _Wrong(Exception):
    """A line can't be; ``part`` is the column that is wrong."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


def condition_of(
    town: Town, record_type: RecordType, rows: Sequence[Row], field: str = "conditions"
) -> tuple[Condition | None, dict[str, str]]:
    """The condition that these lines make together, and a sentence for each mistake by its place in the form.

    ``field`` is the one that holds the lines. Without lines, or with mistakes, there is no condition.
    """
    errors: dict[str, str] = {}
    parts = []
    for index, row in enumerate(rows):
        try:
            parts.append(_test(town, record_type, row))
        except _Wrong as wrong:
            errors[f"{field}.{index}.{wrong.part}"] = str(wrong)
    return (Condition.all_of(parts) if parts and not errors else None), errors


def settled(town: Town, record_type: RecordType, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The lines with fields by their paths, where people wrote labels."""
    return [{**row, "field": path_of(town, record_type, row["field"]) or row["field"]} for row in rows]


def in_words(town: Town, record_type: RecordType, rows: Sequence[Row]) -> str:
    """The lines as a page says them: “Priority is Urgent”."""
    parts = []
    for row in rows:
        found = town.schemas.resolve(record_type, row.get("field") or "")
        label = found.field.label if found is not None else row.get("field") or ""
        parts.append(f"{label} {WORDS.get(row.get('is') or 'is', 'is')} {row.get('value') or ''}".strip())
    return ", ".join(parts)


def path_of(town: Town, record_type: RecordType, given: str) -> str | None:
    """The path that somebody means: itself, or the field with this label; ``None`` if there is no such field."""
    resolve = resolver(town.schemas, record_type)
    path = given.strip()
    if resolve(path) is not None:
        return path
    first, _, rest = path.partition(".")
    wanted = normalise(first)
    for name, field in record_type.all_fields.items():
        if normalise(field.label) != wanted and name != first:
            continue
        if not rest:
            return name
        target = town.schemas.get(field.target) if field.target else None
        inner = target.fields if target is not None else {}
        found = next((key for key, each in inner.items() if normalise(rest) in (key, normalise(each.label))), None)
        if found is not None and resolve(f"{name}.{found}") is not None:
            return f"{name}.{found}"
    return None


def missing(town: Town, record_type: RecordType, given: str) -> str:
    """A sentence for a field that there isn't, with what was probably meant."""
    return f"{record_type.label} has no field “{given}”.{_near(town, record_type, given)}"


def _test(town: Town, record_type: RecordType, row: Row) -> Condition:
    """One line as a condition."""
    given, comparison, text = row.get("field") or "", row.get("is") or "is", (row.get("value") or "").strip()
    path = path_of(town, record_type, given)
    if path is None:
        raise _Wrong("field", missing(town, record_type, given))
    resolve = resolver(town.schemas, record_type)
    info = resolve(path)
    assert info is not None  # noqa: S101  # path_of asked the same
    if comparison in ("empty", "filled"):
        if text:
            raise _Wrong("value", "Leave the value empty here: only whether there is one is asked.")
        return parse_condition({path: {"empty": comparison == "empty"}}, resolve=resolve)
    if info.kind in ("link", "links"):
        raise _Wrong("field", f"“{given}” is a record of its own. Ask for one of its fields, like {path}.name.")
    parts = [part.strip() for part in (text.split(";") if comparison in _SEVERAL else [text]) if part.strip()]
    if not parts:
        raise _Wrong("value", "Write the value to compare with.")
    operands = [_operand(town, info, part) for part in parts]
    operator = "contains" if info.kind == "codes" and comparison in ("is", "one_of") else _OPERATORS[comparison]
    try:
        if operator == "in":
            return parse_condition({path: {"in": operands}}, resolve=resolve)
        return parse_condition({"any": [{path: {operator: operand}} for operand in operands]}, resolve=resolve)
    except InvalidCondition as error:
        raise _Wrong("value", f"“{text}” doesn't fit: {error.problems[0][1]}.") from error


def _operand(town: Town, info: PathInfo, text: str) -> Any:
    """A value as conditions know it, from what a person writes: labels of choices, yes and no, names, numbers, days."""
    field, wanted = info.field, normalise(text)
    if info.choices is not None and field is not None:
        for choice in field.choices:
            if wanted in (normalise(choice.value), normalise(choice.label)):
                return choice.value
        labels = ", ".join(choice.label for choice in field.choices)
        raise _Wrong("value", f"“{text}” is no choice of “{field.label}”. There are {labels}.")
    if info.kind == "boolean":
        if wanted not in _YES_AND_NO:
            raise _Wrong("value", f"Write yes or no instead of “{text}”.")
        return _YES_AND_NO[wanted]
    if field is None or info.kind in ("any", "presence", "text"):
        return text
    if info.kind == "datetime" and (day := _day(text)) is not None:
        return day
    try:
        value = field.parse(text, town.context(system()))
    except Invalid as error:
        raise _Wrong("value", error.message) from error
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _day(text: str) -> date | None:
    """The day that a text is; the language takes one for the whole of it, where a moment would be its midnight."""
    try:
        return date.fromisoformat(text) if len(text) == len("2026-11-30") else None
    except ValueError:
        return None


def _near(town: Town, record_type: RecordType, given: str) -> str:
    known = {name: name for name in record_type.fields}
    known |= {normalise(field.label): field.label for field in record_type.fields.values()}
    first, _, rest = given.strip().partition(".")
    if rest and (field := record_type.field(first)) is not None:
        target = town.schemas.get(field.target) if field.target else None
        if target is None:
            return f" “{first}” is no link, so nothing stands behind it."
        near = get_close_matches(rest, list(target.fields), 1)
        return f" Did you mean {first}.{near[0]}?" if near else f" {target.label} has {', '.join(target.fields)}."
    near = get_close_matches(normalise(first), list(known), 1)
    return f" Did you mean “{known[near[0]]}”?" if near else ""
