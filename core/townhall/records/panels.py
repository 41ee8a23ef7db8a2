"""Panels: what points at a record, listed on its page by type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import reading
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall.records.plans import quote
from townhall.records.plans import types as types_of
from townhall.records.types import Count
from townhall.records.types import Record
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: How many records a panel shows; the list has the others.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class RelatedList:
    """Records of one type that point at a record through one link: the first ones, and how many there are."""

    label: str
    type: RecordType
    field: Field
    records: Sequence[Record]
    count: Count


def panels(town: Town, actor: Actor, record: Record, *, only_filled: bool = False) -> list[RelatedList]:
    """The panels of a record's page that the actor may see, in the types' order; those without records as well,
    unless ``only_filled`` ones are wanted.
    """
    made: list[RelatedList] = []
    filled = _pointing(town, record)
    if only_filled and not filled:
        return made
    for label, record_type, field in _declared(town, actor, record):
        if (record_type.identity, field.name) not in filled:
            if not only_filled:
                made.append(RelatedList(label, record_type, field, (), Count(0)))
            continue
        where = {field.name: pointer(field, record)}
        page = reading.find(town, actor, record_type.identity, where, limit=SHOWN, fields=record_type.list.columns)
        if only_filled and not page.records:
            continue  # what points here is nothing that the actor may know of
        count = Count(len(page.records))
        if page.after:
            count = reading.count(town, actor, record_type.identity, where)
        made.append(RelatedList(label, record_type, field, page.records, count))
    return made


def pointer(field: Field, record: Record) -> int | str:
    """What a link or a reference to the record holds, as conditions and addresses write it."""
    return record.id if field.target else f"{record.identity}:{record.id}"


def _pointing(town: Town, record: Record) -> frozenset[tuple[str, str]]:
    """Links, as type and field, through which anything at all points at the record: one question for all of them.

    Most panels of most records are empty, so this saves a question for each. Who may see what is asked afterwards.
    """
    links = [*town.schemas.links_to(record.identity), *town.schemas.references]
    if not links:
        return frozenset()
    kept = plans(town).kept
    key = ("panels", record.identity)
    if key not in kept:
        parts = [_any_pointing(town, index, *link, record.identity) for index, link in enumerate(links)]
        kept[key] = " UNION ALL ".join(parts)
    rows = town.database.execute_sql(kept[key], [record.id] * len(links)).fetchall()
    return frozenset((links[index][0].identity, links[index][1].name) for (index,) in rows)


def _any_pointing(town: Town, index: int, record_type: RecordType, field: Field, identity: str) -> str:
    """SQL that gives ``index`` if the link or reference points at a record of a type from anywhere."""
    plan = plan_of(town, record_type.identity)
    table, column = plan.table, field.name
    if field.many_targets:
        table, column = str(plan.tables.links[field.name].model._meta.table_name), "target_id"
    database, of_type = town.database, ""
    if not field.target:
        column = f"{field.name}_id"
        of_type = f" AND {quote(database, f'{field.name}_type')} = '{identity}'"
    there = f"SELECT 1 FROM {quote(database, table)} WHERE {quote(database, column)} = {database.param}{of_type}"  # noqa: S608
    return f"SELECT {index} WHERE EXISTS ({there})"


def _declared(town: Town, actor: Actor, record: Record) -> Sequence[tuple[str, RecordType, Field]]:
    """Links that ask for a panel, in the types' order. For who goes by permissions, they are worked out once."""
    if not policy.is_staff(actor):
        return _asking(town, actor, record)
    kept = plans(town).kept
    key = ("declared panels", record.identity, actor.kind, actor.permissions)
    if key not in kept:
        kept[key] = _asking(town, actor, record)
    found: Sequence[tuple[str, RecordType, Field]] = kept[key]
    return found


def _asking(town: Town, actor: Actor, record: Record) -> Sequence[tuple[str, RecordType, Field]]:
    """Links that ask for a panel. One that says nothing has one too, under its type's name."""
    viewable = types_of(town, actor)
    pointing = [*town.schemas.links_to(record.identity), *town.schemas.references]
    links = [
        (record_type, field)
        for record_type, field in pointing
        if field.panel != "" and record_type in viewable and field.name in policy.filterable(actor, record_type)
    ]
    several = Counter(record_type.identity for record_type, _ in links)
    made = []
    for record_type, field in links:
        alone = several[record_type.identity] == 1
        plain = record_type.label_plural if alone else f"{record_type.label_plural}: {field.label}"
        made.append((field.panel or plain, record_type, field))
    return sorted(made, key=lambda each: each[1].order)
