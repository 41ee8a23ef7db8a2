"""What a changed layer would do to a town: in sentences, before it does it; and doing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.migration import columns_of
from townhall.errors import Rejected
from townhall.lifecycle import town_layer
from townhall.records import indexing
from townhall.records.write_plans import write_plan
from townhall_forms.layer import Layer
from townhall_forms.layer_changes import changes
from townhall_forms.layer_parts import Conflict
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

if TYPE_CHECKING:
    from townhall.town import Town

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes different in one type."""

    identity: str
    label: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """What publishing a layer would do.

    ``refused`` are sentences about what can't be; ``waiting`` are parts that don't fit what is there, among them
    ``new`` ones that fitted or were not there before; ``asleep`` are types of plugins that are off.
    """

    changes: tuple[Change, ...]
    refused: tuple[str, ...]
    waiting: tuple[Conflict, ...]
    new: tuple[Conflict, ...]
    asleep: tuple[str, ...]
    schemas: Schemas


def review(town: Town, layer: Layer) -> Review:
    """Compare a layer with the one that counts, by the types that come of each."""
    tried = town.try_layer(layer)
    before = {(conflict.identity, conflict.path) for conflict in town.layer_conflicts}
    found = [
        Change(identity, record_type.label_plural, tuple(sentences))
        for identity, record_type in tried.schemas.items()
        if identity in town.schemas
        and (identity in layer.types or identity in town.layer.types)
        and (sentences := changes(town.schemas[identity], record_type, columns_of(town.database, record_type.table)))
    ]
    running = {"core", *town.plugins.running}
    return Review(
        changes=tuple(found),
        refused=tuple(town_layer.other_kinds(town.system, layer)),
        waiting=tuple(tried.conflicts),
        new=tuple(each for each in tried.conflicts if (each.identity, each.path) not in before),
        asleep=tuple(identity for identity in layer.types if identity.partition(".")[0] not in running),
        schemas=tried.schemas,
    )


def publish(town: Town, actor: Actor, layer: Layer, *, follows: int, note: str = "", may_wait: bool = False) -> int:
    """Publish a layer and bring the tables and the search up to date at once; the number of its version.

    Raises :class:`~townhall.errors.Rejected` when something in it can't be. With ``may_wait`` a part that doesn't fit
    waits instead, as after an upgrade. Raises :class:`~townhall.errors.LayerChanged` if somebody else was faster.
    """
    found = review(town, layer)
    refused = [*found.refused, *([] if may_wait else (str(conflict) for conflict in found.new))]
    if refused:
        raise Rejected("\n".join(refused))
    number = town_layer.publish(town, actor, layer, follows=follows, note=note)
    take_up(town)
    return number


def restore(town: Town, actor: Actor, number: int, *, follows: int) -> int:
    """Publish an earlier version again, as a new one; the number of that."""
    new = town_layer.restore(town, actor, number, follows=follows)
    take_up(town)
    return new


def take_up(town: Town) -> None:
    """Bring tables and search up to date with the layer that counts. Requests under way go on with what they know."""
    fresh = town.renewed()
    for identity, record_type in fresh.schemas.items():
        old = town.schemas.get(identity)
        if old is not None:
            after, before = searched(record_type), searched(old)
            _index_anew(fresh, fresh, identity, {name for name, _ in after - before})
            _index_anew(town, fresh, identity, {name for name, _ in before - after})


def searched(record_type: RecordType) -> set[tuple[str, str]]:
    """The fields by which a type's records are found, each with who may see it."""
    return {(name, field.privacy) for name, field in record_type.fields.items() if field.search}


def _index_anew(knows: Town, writes: Town, identity: str, names: Iterable[str]) -> None:
    """Write the search entries of records anew that have a value in one of these fields, which ``knows`` has."""
    asked = [{name: {"empty": False}} for name in sorted(names)]
    after = ""
    while asked:
        page = knows.records.find(
            system(), identity, {"any": asked}, sort="id", limit=_BATCH, after=after, fields=(), archived=None
        )
        if page.records:
            indexing.refresh(writes, write_plan(writes, identity), [record.id for record in page.records])
        after = page.after
        if not after:
            return
