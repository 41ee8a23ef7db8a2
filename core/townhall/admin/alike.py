"""Records that may stand for the same as another one: those that are reached in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import NamedTuple

from townhall.access.actors import Actor
from townhall.errors import NotFound
from townhall.records.types import Record
from townhall_forms.fields.base import Field

if TYPE_CHECKING:
    from townhall.town import Town

#: Types of fields by which two records are likely to be about the same person, with the words for them.
_WAYS = {"email": "e-mail address", "phone": "phone number"}
#: How many are told, and how many ways of one record are looked for.
MOST = 3


class Alike(NamedTuple):
    """Another record, and what both have."""

    record: Record
    shared: str


def alike(town: Town, actor: Actor, record: Record) -> list[Alike]:
    """Other records of a type that can be merged, with an e-mail address or a phone number of ``record``.

    Only what the actor may see is looked for and found. Of a type that is not merged there are none.
    """
    if record.type.merge is None:
        return []
    found: dict[int, Alike] = {}
    for way, value in list(dict.fromkeys(_ways(record)))[:MOST]:
        hits, _ = town.records.search(actor, value, identities=[record.identity], limit=MOST + 1)
        for id in [hit.id for hit in hits if hit.id != record.id and hit.id not in found]:
            try:
                other = town.records.get(actor, record.identity, id)
            except NotFound:
                continue
            if other.archived is None and (way, value) in _ways(other):
                found[id] = Alike(other, way)
    return list(found.values())[:MOST]


def _ways(record: Record) -> Iterator[tuple[str, str]]:
    """How a record is reached, as far as its reader sees: what each way is called, and its address or number."""
    for name, field in record.type.fields.items():
        if name in record.masked | record.hidden:
            continue
        value = record.values.get(name)
        if _is_way(field) and value:
            yield _WAYS[field.type_name], str(value).casefold()
        for column in field.row_fields.values():
            if _is_way(column):
                yield from (
                    (_WAYS[column.type_name], str(line[column.name]).casefold())
                    for line in value or ()
                    if line.get(column.name)
                )


def _is_way(field: Field) -> bool:
    return field.type_name in _WAYS
