"""Conditions as people write them on screen: lines of field, comparison and value, which must all hold.

Routes and targets have such lines. Each becomes a condition of the schema language, so what names a field, a comparison
or a value that means nothing is found when it is saved and not when a case needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from decimal import InvalidOperation
from difflib import get_close_matches
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Rejected
from townhall.errors import Withheld
from townhall.records import predicate
from townhall_forms.conditions import Condition
from townhall_forms.conditions import InvalidCondition
from townhall_forms.conditions import parse_condition
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.kinds import PathInfo
from townhall_forms.kinds import resolver
from townhall_forms.schema import RecordType
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.extend.values import Change
    from townhall.town import Town

_TOWN = system("condition_rows")
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
    "is": "in",
    "is_not": "not_in",
    "one_of": "in",
    "contains": "contains",
    "at_least": "gte",
    "at_most": "lte",
    "empty": "empty",
    "filled": "empty",
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
    town: Town,
    record_type: RecordType,
    rows: Sequence[Row],
    *,
    writer: Actor = _TOWN,
    unknown: Mapping[str, str] | None = None,
) -> tuple[Condition | None, dict[str, str]]:
    """The condition that these lines make together, and a sentence for each mistake by its place in the form.

    ``writer`` is who writes the lines, if somebody does. ``unknown`` are fields that nothing can be asked of when these
    lines are, each with a sentence why. Without lines, or with mistakes, there is no condition.
    """
    errors: dict[str, str] = {}
    parts = []
    for index, row in enumerate(rows):
        try:
            parts.append(_test(town, writer, record_type, row, unknown or {}))
        except _Wrong as wrong:
            errors[f"conditions.{index}.{wrong.part}"] = str(wrong)
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
        inner = target.fields if target is not None else field.row_fields
        found = next((key for key, each in inner.items() if normalise(rest) in (key, normalise(each.label))), None)
        if found is not None and resolve(f"{name}.{found}") is not None:
            return f"{name}.{found}"
    return None


def withheld(town: Town, writer: Actor, record_type: RecordType, path: str) -> str:
    """Why nothing may go by what stands at a path, in a sentence; empty if something may.

    What a case comes to tells what was asked of it, so a rule asks for nothing by which its writer may not filter.
    """
    try:
        predicate.check_paths(town, writer, record_type, [path], "decide")
    except Withheld as refused:
        return f"{refused} Use another field."
    except Rejected:
        return ""  # a question that nobody is asked any more: there is nothing to tell
    return ""


def writer_of(change: Change, *names: str) -> Actor:
    """Who answers for what the fields ``names`` of a rule ask: who changes one of them, and else the town.

    Whoever only changes another part of a rule need not be able to read all that it asks for.
    """
    return change.actor if any(change.changed(name) for name in names) else _TOWN


def _test(town: Town, writer: Actor, record_type: RecordType, row: Row, unknown: Mapping[str, str]) -> Condition:
    """One line as a condition."""
    given, comparison, text = row.get("field") or "", row.get("is") or "is", (row.get("value") or "").strip()
    path = path_of(town, record_type, given)
    if path is None:
        raise _Wrong("field", _missing(town, record_type, given, unknown))
    if path in unknown:
        raise _Wrong("field", unknown[path])
    if refused := withheld(town, writer, record_type, path):
        raise _Wrong("field", refused)
    resolve = resolver(town.schemas, record_type)
    info = resolve(path)
    assert info is not None  # noqa: S101  # path_of asked the same
    if comparison in ("empty", "filled"):
        if text:
            raise _Wrong("value", "Leave the value empty here: only whether there is one is asked.")
        return parse_condition({path: {"empty": comparison == "empty"}}, resolve=resolve)
    if info.field is not None and info.field.target:
        example = _example(town, record_type, path)
        instead = f"for one of its fields, like {example}" if example else "only whether it is empty or filled in"
        raise _Wrong("field", f"“{given}” leads to other records. Ask {instead}.")
    operator = _OPERATORS[comparison]
    if operator not in info.operators:
        raise _Wrong("is", f"“{given}” doesn't go with “{WORDS[comparison]}”. Choose {_comparisons(info)}.")
    parts = [part.strip() for part in (text.split(";") if comparison in _SEVERAL else [text]) if part.strip()]
    if not parts:
        raise _Wrong("value", "Write the value to compare with.")
    operands = [operand for part in parts for operand in _operands(town, info, part)]
    try:
        if operator in ("in", "not_in"):
            return parse_condition({path: {operator: operands}}, resolve=resolve)
        return parse_condition({"any": [{path: {operator: operand}} for operand in operands]}, resolve=resolve)
    except InvalidCondition as error:
        raise _Wrong("value", f"“{text}” doesn't fit: {error.problems[0][1]}.") from error


def _comparisons(info: PathInfo) -> str:
    """The comparisons that mean something for what stands at a path, as the form calls them."""
    *most, last = (f"“{words}”" for name, words in WORDS.items() if _OPERATORS[name] in info.operators)
    return f"{', '.join(most)} or {last}"


def _operands(town: Town, info: PathInfo, text: str) -> list[Any]:
    """A value as conditions know it. What an answer is only its question says, so for one it is all that it may be."""
    if info.kind != "any":
        return [_operand(town, info, text)]
    ways = [text, _number(text), _YES_AND_NO.get(normalise(text)), _day(text)]
    return [way for way in ways if way is not None]


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
    if field is None or info.kind in ("presence", "text"):
        return text
    if info.kind == "datetime" and (day := _day(text)) is not None:
        return day
    try:
        value = field.parse(text, town.context(system()))
    except Invalid as error:
        raise _Wrong("value", error.message) from error
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _number(text: str) -> Decimal | None:
    try:
        return found if (found := Decimal(text)).is_finite() else None
    except InvalidOperation:
        return None


def _day(text: str) -> date | None:
    """The day that a text is; the language takes one for the whole of it, where a moment would be its midnight."""
    try:
        return date.fromisoformat(text) if len(text) == len("2026-11-30") else None
    except ValueError:
        return None


# -- what was meant -------------------------------------------------------------------------------------------------


def _missing(town: Town, record_type: RecordType, given: str, unknown: Mapping[str, str]) -> str:
    """A sentence for a field that there isn't, with what was probably meant and can be asked for."""
    said = f"{record_type.label} has no field “{given}”."
    first, _, rest = given.strip().partition(".")
    fields = _told(record_type.all_fields)
    if not rest:
        near = _nearest(first, {name: field for name, field in fields.items() if name not in unknown})
        return f"{said} Did you mean “{near}”?" if near else said
    name = path_of(town, record_type, first) or _nearest(first, fields, names=True)
    if name not in fields:
        return said
    field = fields[name]
    target = town.schemas.get(field.target) if field.target and not field.many_targets else None
    if target is not None and "." in rest:
        example = _example(town, record_type, name)
        return f"{said} Only one link can be followed: ask for a field right behind “{name}”, like {example}."
    inside = _told(target.fields if target is not None else field.row_fields)
    if not inside:
        return f"{said} “{name}” is no link to one record, so nothing can be asked behind it."
    near = rest if rest in inside else _nearest(rest, inside, names=True)
    return f"{said} Did you mean {name}.{near}?" if near else f"{said} Behind {name} there are {', '.join(inside)}."


def _told(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Those of the fields that a rule may ask for, as far as that goes for everybody."""
    return {name: field for name, field in fields.items() if field.privacy != "confidential"}


def _nearest(given: str, known: Mapping[str, Field], *, names: bool = False) -> str:
    """The name or the label that is nearest to what somebody wrote, with ``names`` its name; empty if none is near."""
    meant = {name: name for name in known}
    meant |= {normalise(field.label): name if names else field.label for name, field in known.items()}
    near = get_close_matches(normalise(given), list(meant), 1)
    return meant[near[0]] if near else ""


def _example(town: Town, record_type: RecordType, path: str) -> str:
    """A path to a text behind a link; empty for several links and for one that is behind another itself."""
    field = record_type.all_fields.get(path)
    target = town.schemas.get(field.target) if field is not None and not field.many_targets else None
    return "" if target is None else f"{path}.{'name' if 'name' in target.fields else 'title'}"
