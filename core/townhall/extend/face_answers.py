"""What the faces of a field type may answer, as :mod:`townhall.extend.answers` says it of hooks.

Each function here runs while the face is still guarded, raises for nonsense, and gives plain values.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from datetime import datetime
from datetime import time
from decimal import Decimal
from typing import Any

from townhall.extend.answers import nothing
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import LARGEST_INTEGER
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import encode_json
from townhall_forms.fields.files import FileInput
from townhall_forms.kinds import Kind
from townhall_forms.kinds import kind_of

#: Most letters of anything that a type says about one value.
LONGEST = 100_000


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _several(single: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple | list) and all(map(single, value))


def _text(value: Any) -> bool:
    return isinstance(value, str)


#: What values of each kind are, as conditions, totals and filters count on it.
_FITS: Mapping[Kind, Callable[[Any], bool]] = {
    "text": _text,
    "code": _text,
    "codes": _several(_text),
    "number": lambda value: _whole(value) or isinstance(getattr(value, "amount", value), Decimal),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, date) and not isinstance(value, datetime),
    "datetime": lambda value: isinstance(value, datetime),
    "time": lambda value: isinstance(value, time),
    "link": _whole,
    "links": _several(_whole),
    "staff": _whole,
}


def words(answer: Any) -> str:
    """Plain text: markup in it is text like any other, and every page and file can hold it."""
    nothing(answer)
    if not isinstance(answer, str):
        raise TypeError(f"it gave {type(answer).__name__} where text belongs")
    return str.__str__(answer)[:LONGEST].encode("utf-8", "replace").decode().replace("\0", "")


def value_of(field: Field, answer: Any) -> Any:
    """A value of the field: empty, or of the kind as which the field says that its values compare."""
    nothing(answer)
    kind = kind_of(field)
    if answer is not None and kind in _FITS and not _FITS[kind](answer):
        raise TypeError(f"it gave {type(answer).__name__} for a value that compares as {kind}")
    if (answer == answer) is not True:  # a value that can't be compared stops every page that does
        raise TypeError(f"it gave {type(answer).__name__}, which isn't equal to itself")
    return str.__str__(answer) if isinstance(answer, str) else answer


def parsed(field: Field, answer: Any) -> Any:
    """A value that can be kept, in columns and in history; or the refusal that a type raised on purpose."""
    if isinstance(answer, Invalid):
        parts = {words(name): words(message) for name, message in dict(answer.parts).items()}
        return Invalid(words(answer.message) or "This can't be accepted.", parts)
    value = value_of(field, answer)
    if value is not None and not field.is_empty(value):
        cells(field, field.to_columns(value) if field.columns() else {})
        json_text(field.json_text(value))
        field.references(value)
    return value


def cells(field: Field, answer: Any) -> dict[str, Any]:
    """A stored value for each column of the field, in their order."""
    nothing(answer)
    found = {}
    for column in field.columns():
        cell = found[column.name] = answer[column.name]
        if column.kind == "text" and isinstance(cell, str):
            cell.encode()
            fits = "\0" not in cell
        elif column.kind == "integer":
            fits = _whole(cell) and abs(cell) <= LARGEST_INTEGER
        else:
            fits = column.kind == "boolean" and isinstance(cell, bool)
        if cell is not None and not fits:
            raise TypeError(f"it gave {type(cell).__name__} for a column of kind {column.kind}")
    return found


def columns(answer: Any) -> tuple[Column, ...]:
    """The columns of a field."""
    found = tuple(answer)
    for column in found:
        if not isinstance(column, Column) or column.kind not in ("integer", "text", "boolean"):
            raise TypeError("it gave something else where a column belongs")
    return found


def json_text(answer: Any) -> str:
    """JSON text."""
    text = words(answer)
    json.loads(text)
    return text


def json_value(answer: Any) -> Any:
    """What can be written as JSON."""
    nothing(answer)
    encode_json(answer)
    return answer


def json_object(answer: Any) -> dict[str, Any]:
    """A JSON Schema."""
    found: dict[str, Any] = json.loads(encode_json(dict(answer)))
    return found


def raw(answer: Any) -> Any:
    """Raw input as the inputs of forms can draw it."""
    nothing(answer)
    if isinstance(answer, str):
        return words(answer)
    if answer is not None and not isinstance(answer, Mapping | list | tuple | FileInput):
        raise TypeError(f"it gave {type(answer).__name__} for what stands in a form")
    return answer


def references(answer: Any) -> Sequence[tuple[str, int]]:
    """Identity and id of records."""
    nothing(answer)
    return tuple((words(identity), _id(id)) for identity, id in answer)


def yes_or_no(answer: Any) -> bool:
    """Whether something is so."""
    nothing(answer)
    return bool(answer)


def _id(value: Any) -> int:
    if not _whole(value):
        raise TypeError(f"it gave {type(value).__name__} where a record's id belongs")
    return int(value)
