"""What points at a record from anywhere, and values that point at another one instead.

A record is pointed at by links, single or many, by columns of rows, and by references, from types of any plugin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from townhall.records.write_plans import write_plan
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.values import Reference

if TYPE_CHECKING:
    from townhall.town import Town

Line = Mapping[str, Any]
Point = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Pointing:
    """A record that points at another, and the fields in which it does."""

    identity: str
    id: int
    fields: tuple[str, ...]


def pointing(town: Town, identity: str, id: int) -> list[Pointing]:
    """Every record, archived or not, that points at this one, in one order for everybody.

    Where a record says into which other it was merged stays as it is: the way from one to the next is followed.
    """
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for record_type in town.schemas.values():
        merge = record_type.merge
        for field in record_type.fields.values():
            if merge is not None and field.name == merge.into:
                continue
            for parent in set(_parents(town, record_type, field, (identity, id))):
                found[record_type.identity, parent].append(field.name)
    return [Pointing(*key, tuple(names)) for key, names in sorted(found.items())]


def _parents(town: Town, record_type: RecordType, field: Field, point: Point) -> Iterator[int]:
    """Ids of the records of a type that point at ``point`` in one of its fields."""
    if not any(_may_point(each, point) for each in (field, *field.row_fields.values())):
        return
    plan = write_plan(town, record_type.identity)
    if field.row_fields:
        child = plan.tables.rows[field.name]
        for inner in field.row_fields.values():
            if _may_point(inner, point):
                yield from _rows(child.model.select(child.columns["parent_id"]), child.columns, inner, point)
    elif field.many_targets:
        child = plan.tables.links[field.name]
        query = child.model.select(child.columns["parent_id"]).where(child.columns["target_id"] == point[1])
        yield from (row[0] for row in query.tuples())
    else:
        yield from _rows(plan.tables.model.select(plan.column("id")), plan.tables.columns, field, point)


def _may_point(field: Field, point: Point) -> bool:
    """Whether a value of the field may point at a record of that type."""
    return field.target == point[0] or field.type_name == "reference"


def _rows(query: Any, columns: Mapping[str, Any], field: Field, point: Point) -> Iterator[int]:
    names = [column.name for column in field.columns()]
    test = columns[names[-1]] == point[1]
    if field.type_name == "reference":
        test = test & (columns[names[0]] == point[0])
    yield from (row[0] for row in query.where(test).tuples())


def pointed_anew(field: Field, value: Any, point: Point, id: int | None) -> Any:
    """A value that points at the record ``id`` instead of ``point``, or nowhere where it pointed there, without doubles
    that come of it.
    """
    if value is None:
        return None
    if field.row_fields:
        return _lines_anew(field, value, point, id) or None
    if isinstance(value, Reference):
        there = (value.identity, value.id) == point
        return (None if id is None else replace(value, id=id)) if there else value
    if field.target != point[0]:
        return value
    if field.many_targets:
        moved = (id if each == point[1] else each for each in value)
        return tuple(dict.fromkeys(each for each in moved if each is not None)) or None
    return id if value == point[1] else value


def _lines_anew(field: Field, lines: Sequence[Line], point: Point, id: int | None) -> tuple[Line, ...]:
    columns = field.row_fields
    made: list[Line] = []
    moved: list[Line] = []
    for line in lines:
        anew = {name: pointed_anew(columns[name], cell, point, id) for name, cell in line.items() if name in columns}
        if anew == dict(line):
            made.append(line)
        elif all(anew.get(name) is not None for name, column in columns.items() if column.required):
            made.append(anew)
            moved.append(anew)
    for line in moved:
        rest = [each for each in made if each is not line]
        if any(same(field, each, line) for each in rest):
            made = list(united(field, rest, [line]))
    return tuple(made)


def united(field: Field, first: Iterable[Line], second: Iterable[Line]) -> tuple[Line, ...]:
    """The lines of both, those of ``first`` in front. A line that is in both stands once, with all that either says."""
    made = [dict(line) for line in first]
    for line in second:
        double = next((each for each in made if same(field, each, line)), None)
        if double is None:
            made.append(dict(line))
        else:
            double.update({name: cell for name, cell in line.items() if double.get(name) is None})
    return tuple(made)


def same(field: Field, line: Line, other: Line) -> bool:
    """Whether two lines stand for the same: what is required in them is alike, or all of it where nothing is."""
    keys = [name for name, column in field.row_fields.items() if column.required] or list(field.row_fields)
    return all(_plain(line.get(name)) == _plain(other.get(name)) for name in keys)


def _plain(cell: Any) -> Any:
    return cell.casefold() if isinstance(cell, str) else cell
