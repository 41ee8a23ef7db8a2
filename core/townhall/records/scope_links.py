"""The links that scopes follow: which may point at a type's records, and queries of what they point at."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town


def pointed_at(
    town: Town,
    record_type: RecordType,
    source: RecordType,
    field: Field,
    there: Any,
    test: Any,
    *,
    archived: bool = False,
) -> Any:
    """A query of the ids that rows of ``source`` point at with ``field`` that pass ``test`` and are not archived, or
    may be ``archived`` as well.
    """
    tests = [test] if archived else [test, there.archived.is_null()]
    if field.many_targets:
        child = plan_of(town, source.identity).tables.links[field.name]
        links = child.model.select(child.columns["target_id"])
        return links.join(there, on=child.columns["parent_id"] == there.id).where(*tests)
    if field.target:
        column = plan_of(town, source.identity).column(field.name, there)
        return there.select(column).where(*tests, column.is_null(False))
    at, id = pointer(town, source, field.name, there)
    return there.select(id).where(*tests, at == record_type.identity)


def all_pointed_at(town: Town, source: RecordType, fields: Sequence[Field], there: Any, test: Any) -> peewee.SQL:
    """The same for several links to one type, as text: the rows that point are looked for once."""
    plan = plan_of(town, source.identity)
    links = {field.name: plan.column(field.name, there) for field in fields if not field.many_targets}
    columns = [there.id.alias("of"), *(column.alias(f"to_{name}") for name, column in links.items())]
    rows, parameters = there.select(*columns).where(test, there.archived.is_null()).sql()
    parts = [f'SELECT "to_{name}" FROM pointing WHERE "to_{name}" IS NOT NULL' for name in links]  # noqa: S608
    for field in fields:
        if field.many_targets:
            child = plan.tables.links[field.name].model._meta.table_name
            parts.append(f'SELECT target_id FROM pointing JOIN "{child}" ON parent_id = "of"')  # noqa: S608
    text = f"WITH pointing AS MATERIALIZED ({rows}) {' UNION ALL '.join(parts)}"
    return peewee.SQL(f"SELECT * FROM ({text}) AS pointed", parameters)  # noqa: S608  # names from schemas


def pointing(town: Town, record_type: RecordType) -> Iterator[tuple[RecordType, Field]]:
    """Links and references that may point at records of the type. A confidential one is no way to anywhere."""
    for source, field in (*town.schemas.links_to(record_type.identity), *_all_references(town)):
        if field.privacy != "confidential":
            yield source, field


def references(town: Town, record_type: RecordType) -> list[str]:
    """Fields of the type that may point at a record of any type."""
    kept, key = plans(town).kept, ("references", record_type.identity)
    if key not in kept:
        kept[key] = [name for name, field in record_type.fields.items() if field.type_name == "reference"]
    names: list[str] = kept[key]
    return names


def pointer(town: Town, record_type: RecordType, name: str, model: Any) -> tuple[Any, Any]:
    """The columns of a reference: the type and the id of what it points at."""
    plan = plan_of(town, record_type.identity)
    return plan.column(f"{name}_type", model), plan.column(f"{name}_id", model)


def _all_references(town: Town) -> list[tuple[RecordType, Field]]:
    """Every field of any type that may point at a record of any type."""
    kept = plans(town).kept
    if "references" not in kept:
        types = town.schemas.values()
        kept["references"] = [(each, each.fields[name]) for each in types for name in references(town, each)]
    found: list[tuple[RecordType, Field]] = kept["references"]
    return found


def names_for(town: Town, source: RecordType, field: Field) -> bool:
    """Whether a record can name somebody for what it points at.

    What only tells what somebody did once, a call or a note, is no reason to go on seeing what it was about.
    """
    return not source.append_only and (bool(field.target) or source.event is not None) and _has_staff(town, source)


def is_of_case(source: RecordType, field: Field) -> bool:
    """Whether what it points at goes with a case."""
    return source.is_case and bool(field.target)


@dataclass(frozen=True, slots=True)
class Leading:
    """Fields by which records of a type can bring another one into somebody's scope, and those that can name them."""

    source: RecordType
    fields: tuple[Field, ...]
    naming: frozenset[str]


def leading(town: Town, record_type: RecordType) -> dict[str, Leading]:
    """What leads to records of a type, by the type that it leads from."""
    kept, key = plans(town).kept, ("leading", record_type.identity)
    if key not in kept:
        ways: dict[str, list[tuple[RecordType, Field]]] = {}
        for source, field in pointing(town, record_type):
            if names_for(town, source, field) or is_of_case(source, field):
                ways.setdefault(source.identity, []).append((source, field))
        kept[key] = {identity: _leading(town, found) for identity, found in ways.items()}
    found: dict[str, Leading] = kept[key]
    return found


def _leading(town: Town, ways: Sequence[tuple[RecordType, Field]]) -> Leading:
    source, fields = ways[0][0], tuple(field for _, field in ways)
    named = {name for name, field in source.all_fields.items() if field.type_name == "staff"}
    return Leading(source, fields, naming_rows(town, source) | named)


def told(record_type: RecordType, value: Any) -> Iterator[int]:
    """The ids of records of a type in what history tells of a link or a reference."""
    if isinstance(value, dict):
        yield from [value["id"]] if value["identity"] == record_type.identity else ()
    elif value is not None:
        yield from value if isinstance(value, list) else [value]


def naming_rows(town: Town, record_type: RecordType) -> frozenset[str]:
    """Fields whose rows can name somebody who works here."""
    kept, key = plans(town).kept, ("naming rows", record_type.identity)
    if key not in kept:
        rows = [(name, field.row_fields.values()) for name, field in record_type.fields.items()]
        kept[key] = frozenset(name for name, columns in rows if any(each.type_name == "staff" for each in columns))
    names: frozenset[str] = kept[key]
    return names


def _has_staff(town: Town, record_type: RecordType) -> bool:
    """Whether a record of the type can name somebody who works here."""
    fields = record_type.fields.values()
    return bool(naming_rows(town, record_type)) or any(each.type_name == "staff" for each in fields)
