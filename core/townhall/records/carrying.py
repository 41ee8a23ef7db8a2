"""What an actor may not read of a value stays as it is when they write the value anew.

A form can't send back what it doesn't show: an answer to a confidential question, an internal column of rows that a
citizen filled in. So it is taken over from the value before.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.values import Answers

_Rows = Sequence[Mapping[str, Any]]


def carried(actor: Actor, record_type: RecordType, field: Field, before: Any, value: Any) -> Any:
    """The value to keep: what ``actor`` gave, with those parts of ``before`` that they may not read."""
    if actor.kind == "system" or before is None or value is None:
        return value
    if field.row_fields:
        unread = field.row_fields.keys() - policy.row_columns(actor, record_type, field)
        return _rows(before, value, unread) if unread else value
    if isinstance(value, Answers) and isinstance(before, Answers):
        return _answers(actor, record_type, field, before, value)
    return value


def _answers(actor: Actor, record_type: RecordType, field: Field, before: Answers, value: Answers) -> Answers:
    bound: Any = field
    levels = {"public", "internal"} if policy.sees_internal(actor, record_type) else {"public"}
    whole = field.name in policy.readable(actor, record_type).readable
    shown = {code for code, question in bound.fields(before.version).items() if question.privacy in levels and whole}
    kept = {code: told for code, told in before.values.items() if code not in shown and code not in value.values}
    return replace(value, values={**kept, **value.values}) if kept else value


def _rows(before: _Rows, value: _Rows, unread: frozenset[str] | set[str]) -> tuple[Mapping[str, Any], ...]:
    """The lines with their unread columns: of the line that reads the same, or else of the one in the same place."""
    left = list(range(len(before)))
    found: dict[int, int] = {}
    for place, line in enumerate(value):
        same = next((old for old in left if _seen(before[old], unread) == _seen(line, unread)), None)
        if same is not None:
            found[place] = same
            left.remove(same)
    if len(before) == len(value):
        found |= {place: place for place in range(len(value)) if place not in found and place in left}
    return tuple(
        line if place not in found else _joined(before[found[place]], line, unread) for place, line in enumerate(value)
    )


def _joined(before: Mapping[str, Any], line: Mapping[str, Any], unread: frozenset[str] | set[str]) -> Mapping[str, Any]:
    hidden = {name: before[name] for name in unread if before.get(name) is not None and line.get(name) is None}
    return {**line, **hidden}


def _seen(line: Mapping[str, Any], unread: frozenset[str] | set[str]) -> dict[str, Any]:
    return {name: cell for name, cell in line.items() if name not in unread and cell is not None}
