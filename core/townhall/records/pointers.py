"""Where in its tables a type points at something: other records, of its own plugin or not, and people who work here."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Literal

from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.tables import child_name
from townhall_forms.tables import short_name

#: What a record, by identity and id, or a person (without identity) became; ``None`` if there is nothing like it.
Become = Callable[[str, int], "int | None"]


@dataclass(frozen=True, slots=True)
class Pointer:
    """One place: ``column`` holds an id of ``target``, of the type that ``type_column`` names, or of a person."""

    kind: Literal["link", "reference", "staff"]
    column: str
    target: str = ""
    type_column: str = ""

    def points_at(self, row: Mapping[str, Any]) -> tuple[str, int] | None:
        """Identity and id of the record that a row points at here; a person's identity is empty."""
        id = row.get(self.column)
        identity = row.get(self.type_column) if self.kind == "reference" else self.target
        return (identity or "", id) if id is not None and identity is not None else None


def pointers(types: Iterable[RecordType]) -> dict[str, list[Pointer]]:
    """Every place in the tables of these types, by table."""
    found: dict[str, list[Pointer]] = {}
    for record_type in types:
        table = found.setdefault(short_name(record_type.table), [])
        table += [Pointer("staff", name) for name in ("created_by_id", "updated_by_id")]
        for field in record_type.all_fields.values():
            if field.row_fields:
                child = found.setdefault(child_name(record_type, field), [])
                child += [each for inner in field.row_fields.values() for each in _of(inner)]
            elif field.many_targets:
                found.setdefault(child_name(record_type, field), []).append(Pointer("link", "target_id", field.target))
            else:
                table += _of(field)
    return found


def _of(field: Field) -> Iterator[Pointer]:
    columns = [column.name for column in field.columns()]
    if field.type_name == "reference":
        yield Pointer("reference", columns[1], type_column=columns[0])
    elif field.type_name == "staff":
        yield Pointer("staff", columns[0])
    elif field.type_name == "link":
        yield Pointer("link", columns[0], field.target)


def renamed(field: Field, value: Any, become: Become) -> Any:
    """A value in JSON as history keeps it, with what the records and people in it became; gone ones are left out."""
    if value is None:
        return None
    if field.row_fields and isinstance(value, list):
        return [_renamed_row(field, row, become) for row in value]
    if field.type_name == "reference" and isinstance(value, dict):
        id = become(str(value.get("identity")), value.get("id", 0))
        return None if id is None else {**value, "id": id}
    if field.many_targets and isinstance(value, list):
        ids = [become(field.target, id) for id in value]
        return [id for id in ids if id is not None]
    if field.type_name in ("link", "staff"):
        return become(field.target if field.type_name == "link" else "", value)
    return value


def _renamed_row(field: Field, row: Any, become: Become) -> Any:
    if not isinstance(row, dict):
        return row
    inner = field.row_fields
    return {name: renamed(inner[name], value, become) if name in inner else value for name, value in row.items()}
