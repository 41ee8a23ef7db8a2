"""Forms with values that are masked: they can be written and not read, and what is left empty stays as it is."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from townhall.records.types import Record
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

_KEPT = "Something is entered and not shown. Leave this empty to keep it."
#: Of a field that somebody has to fill in and may not read. Whether anything stands there is not told.
_UNSEEN = "What may stand here so far is not shown to you."


def unasked(record_type: RecordType, record: Record | None) -> RecordType:
    """The type as a form for this record shows it: nobody has to type again what is kept."""
    if record is None or not record.masked | record.hidden:
        return record_type
    fields = {name: _unasked(field, record) for name, field in record_type.fields.items()}
    return replace(record_type, fields=fields)


def typed(
    record_type: RecordType, record: Record, values: Mapping[str, Any], removed: Collection[str] = ()
) -> dict[str, Any]:
    """What a form changes: not what is masked and was left empty, unless it is to be ``removed``."""
    found = dict(values)
    for name in record.masked & values.keys():
        value = values[name]
        if value is False or record_type.fields[name].is_empty(value):
            if name in removed:
                found[name] = None
            else:
                del found[name]
    return found


def missing(names: Sequence[str], record: Record | None) -> list[str]:
    """Those of ``names`` that have to be asked for: not what is kept already and not shown."""
    return [name for name in names if record is None or name not in record.masked]


def _unasked(field: Field, record: Record) -> Field:
    secret = record.masked | record.hidden
    if field.name in secret:
        help = f"{field.help} {_KEPT if field.name in record.masked else _UNSEEN}".strip()
        return replace(field, required=False, require_if=None, default=None, help=help)
    if field.type_name == "answers":
        codes = [path.partition(".")[2] for path in secret if path.startswith(f"{field.name}.")]
        return replace(field, extra={**field.extra, "kept": dict.fromkeys(codes, _KEPT)}) if codes else field
    return field
