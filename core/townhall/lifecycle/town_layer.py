"""The town's own layer as the database keeps it: every draft and every version, who made it and when.

A change begins as a draft, which all administrators share. Nothing follows from it until it is published as the next
version; then every process takes it up with the town's generation. An earlier version is restored by publishing it
again. Rows of the table ``town_layer`` are added and never changed, so they are the layer's history.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from peewee import IntegrityError

from townhall.access.actors import Actor
from townhall.db import meta
from townhall.db.system import SystemTables
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import LayerChanged
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall_forms.errors import SchemaErrors
from townhall_forms.layer import EMPTY
from townhall_forms.layer import Layer
from townhall_forms.layer import read_layer
from townhall_forms.layer import write_layer
from townhall_forms.layer_parts import Conflict

if TYPE_CHECKING:
    from townhall.town import Town

#: The permission to change the layer.
PERMISSION = "schemas.manage"
#: Where the conflicts are kept that somebody decided to wait with.
_WAITING = "layer_waiting"
#: A draft that nobody wants is followed by a row with the published text.
DISCARDED = "Discarded"


@dataclass(frozen=True, slots=True)
class Step:
    """One row: a version that was published, or a change to the draft after it (``version`` 0)."""

    id: int
    version: int
    text: str
    note: str
    by: str
    at: datetime

    @property
    def layer(self) -> Layer:
        """What it says. Raises :class:`~townhall_forms.errors.SchemaErrors` if it can't be read any more."""
        return read_layer(self.text)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the layer stands: what is ``published`` (``None`` before the first version), and the draft over it.

    ``head`` is the last row's id: a writer names the one that they saw.
    """

    head: int
    published: Step | None
    draft: Step | None

    @property
    def layer(self) -> Layer:
        """The draft, or what is published if there is none; nothing where that can't be read any more."""
        last = self.draft or self.published
        try:
            return last.layer if last is not None else EMPTY
        except SchemaErrors:
            return EMPTY

    @property
    def version(self) -> int:
        """Number of the published version; 0 before the first."""
        return self.published.version if self.published is not None else 0


def standing(system: SystemTables) -> Standing:
    """How the layer stands now."""
    table = system.town_layer
    last = _one(_rows(table).order_by(table.id.desc()).limit(1))
    published = _one(_rows(table).where(table.version.is_null(False)).order_by(table.id.desc()).limit(1))
    text = published.text if published is not None else ""
    draft = last if last is not None and not last.version and last.text != text else None
    return Standing(last.id if last is not None else 0, published, draft)


def published(system: SystemTables) -> tuple[Layer, list[Conflict]]:
    """The layer that counts. One that can't be read counts as none, and is told as a conflict."""
    now = standing(system).published
    try:
        return (now.layer if now is not None else EMPTY), []
    except SchemaErrors as error:
        return EMPTY, [Conflict("", (), f"Version {now.version if now else 0} can't be read: {error.mistakes[0]}")]


def history(system: SystemTables) -> list[Step]:
    """Every published version, the last first."""
    table = system.town_layer
    return [_step(row) for row in _rows(table).where(table.version.is_null(False)).order_by(table.id.desc()).tuples()]


def version(system: SystemTables, number: int) -> Layer:
    """What a published version says; version 0 is everything as it is shipped.

    Raises :class:`~townhall.errors.NotFound` if there is none, or if it can't be read any more.
    """
    table = system.town_layer
    found = _one(_rows(table).where(table.version == number)) if number else None
    if number and found is None:
        raise NotFound(f"There is no version {number} of the layer. townhall layer history lists those that there are.")
    try:
        return found.layer if found is not None else EMPTY
    except SchemaErrors as error:
        raise NotFound(f"Version {number} can't be read any more: {error.mistakes[0]}") from error


# -- changing -------------------------------------------------------------------------------------------------------


def save_draft(town: Town, actor: Actor, layer: Layer, *, follows: int, note: str = "") -> None:
    """Keep a changed layer as the draft. ``follows`` is the row that the actor saw.

    Raises :class:`~townhall.errors.LayerChanged` if somebody else was faster, and
    :class:`~townhall.errors.Rejected` for a field that would change its type.
    """
    _require(actor)
    _refuse_other_kinds(town.system, layer)
    _append(town, actor, write_layer(layer), follows=follows, note=note)


def discard(town: Town, actor: Actor, *, follows: int) -> None:
    """Go back to what is published."""
    _require(actor)
    now = standing(town.system).published
    _append(town, actor, now.text if now is not None else "", follows=follows, note=DISCARDED)


def publish(town: Town, actor: Actor, layer: Layer, *, follows: int, note: str = "") -> int:
    """Make a layer the next version, for all processes; its number.

    Raises :class:`~townhall.errors.LayerChanged` if somebody else was faster, and
    :class:`~townhall.errors.Rejected` for a field that would change its type. Parts that don't fit wait, as after an
    upgrade: :mod:`layer_review` says which.
    """
    _require(actor)
    _refuse_other_kinds(town.system, layer)
    with immediate(town.database):
        number = standing(town.system).version + 1
        _append(town, actor, write_layer(layer), follows=follows, note=note, version=number)
        meta.bump_generation(town.system)
    return number


def restore(town: Town, actor: Actor, number: int, *, follows: int) -> int:
    """Publish an earlier version again, as a new one; its number. A draft must be published or discarded first."""
    _require(actor)
    if standing(town.system).draft is not None:
        raise Rejected("There are changes that are not published yet. Publish or discard them first.")
    note = f"Version {number} again" if number else "As shipped"
    return publish(town, actor, version(town.system, number), follows=follows, note=note)


# -- waiting with conflicts ------------------------------------------------------------------------------------------


def waiting(system: SystemTables) -> frozenset[str]:
    """Keys of the conflicts that somebody decided to wait with."""
    return frozenset(json.loads(meta.get(system, _WAITING, "[]")))


def wait(town: Town, actor: Actor, key: str) -> None:
    """Keep a part that is in conflict, and count it no more among what needs attention."""
    _require(actor)
    there = {conflict.key for conflict in town.layer_conflicts}
    meta.put(town.system, _WAITING, json.dumps(sorted((waiting(town.system) | {key}) & there)))


def urgent(town: Town) -> list[Conflict]:
    """The conflicts that nobody has decided about."""
    if not town.layer_conflicts:
        return []
    settled = waiting(town.system)
    return [conflict for conflict in town.layer_conflicts if conflict.key not in settled]


# -- helpers --------------------------------------------------------------------------------------------------------


def known_types(system: SystemTables) -> dict[tuple[str, str], tuple[str, str]]:
    """Type and target of every own field that was ever published, by identity and name: its column is still there."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for step in history(system):
        try:
            layer = step.layer
        except SchemaErrors:
            continue
        for identity in layer.types:
            for name, told in layer.own_fields(identity).items():
                found.setdefault((identity, name), (told["type"], told.get("to", "")))
    return found


def _refuse_other_kinds(system: SystemTables, layer: Layer) -> None:
    problems = list(other_kinds(system, layer))
    if problems:
        raise Rejected(" ".join(problems))


def other_kinds(system: SystemTables, layer: Layer) -> Iterable[str]:
    """A sentence for every own field that would get another type than it once had."""
    known = known_types(system)
    for identity in layer.types:
        for name, told in layer.own_fields(identity).items():
            kind = (told["type"], told.get("to", ""))
            before = known.get((identity, name), kind)
            if before != kind:
                what = " to ".join(part for part in before if part)
                yield (
                    f"{identity}.{name} was published as {what}, and its values are kept as such. "
                    "Give the new field another name."
                )


def _append(town: Town, actor: Actor, text: str, *, follows: int, note: str, version: int | None = None) -> None:
    """Add a row behind the one that the actor saw; only one can follow it."""
    table = town.system.town_layer
    row = {
        "follows": follows,
        "version": version,
        "text": text,
        "note": note,
        "by_id": actor.id,
        "by_name": actor.name,
        "at": to_microseconds(town.clock.now()),
    }
    try:
        with immediate(town.database):
            head = standing(town.system).head
            if head == follows:
                table.insert(row).execute()
                return
    except IntegrityError:
        pass
    last = _one(_rows(table).order_by(table.id.desc()).limit(1))
    who = last.by if last is not None else "Somebody"
    raise LayerChanged(
        f"{who} changed the town's fields and labels after you opened this page. Nothing is lost: what you typed is "
        "still here. Look at what is there now, then save again."
    )


def _require(actor: Actor) -> None:
    if not actor.may(PERMISSION):
        raise Forbidden("You may not change fields and labels. Ask an administrator.")


def _rows(table: Any) -> Any:
    return table.select(table.id, table.version, table.text, table.note, table.by_name, table.at)


def _one(query: Any) -> Step | None:
    row = next(iter(query.tuples()), None)
    return _step(row) if row is not None else None


def _step(row: Any) -> Step:
    id, version, text, note, by, at = row
    return Step(id, version or 0, text, note, by, from_microseconds(at))
