"""Panels: what points at a record, listed on its page by type."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import reading
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


def panels(town: Town, actor: Actor, record: Record) -> list[RelatedList]:
    """The panels of a record's page that the actor may see, those without records as well, in the types' order."""
    made = []
    for label, record_type, field in sorted(_declared(town, actor, record), key=lambda each: each[1].order):
        where = {field.name: record.id}
        page = reading.find(town, actor, record_type.identity, where, limit=SHOWN, fields=record_type.list.columns)
        count = Count(len(page.records))
        if page.after:
            count = reading.count(town, actor, record_type.identity, where)
        made.append(RelatedList(label, record_type, field, page.records, count))
    return made


def _declared(town: Town, actor: Actor, record: Record) -> Iterator[tuple[str, RecordType, Field]]:
    """Links that ask for a panel. One that says nothing has one too, under its type's name."""
    links = [
        (record_type, field)
        for record_type, field in town.schemas.links_to(record.identity)
        if field.panel != "" and policy.may(actor, "view", record_type)
        if field.name in policy.filterable(actor, record_type)
    ]
    for record_type, field in links:
        alone = sum(other is record_type for other, _ in links) == 1
        plain = record_type.label_plural if alone else f"{record_type.label_plural}: {field.label}"
        yield field.panel or plain, record_type, field
