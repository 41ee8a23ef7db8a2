"""Packing a plugin: everything that it keeps in this town, in one file that ``unpack`` brings into another.

A pack holds the schemas with the town's own layer over them, all records with their numbers, history, moves and files,
the views that are shared, and the contacts and interactions that the records point at or that are about them. It leaves
out what belongs to this town alone: secret links and drafts of the public, views of single people, shares with other
teams, and the people themselves but for their names and e-mail addresses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from townhall import private
from townhall.access.actors import Actor
from townhall.db import ledger
from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import PluginError
from townhall.extend import states
from townhall.extend.frozen import kept_types
from townhall.lifecycle.pack_files import LAYER
from townhall.lifecycle.pack_files import PackWriter
from townhall.lifecycle.switching import require
from townhall.records import disclosing
from townhall.records import packing
from townhall.records.history import FACTS
from townhall.records.instants import to_microseconds
from townhall.records.pointers import Pointer
from townhall.records.pointers import pointers
from townhall_forms.layer import Layer
from townhall_forms.layer import write_layer
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.tables import describe
from townhall_forms.tables import short_name

if TYPE_CHECKING:
    from townhall.town import Town

#: Folder of the instance in which packs are kept that purging makes.
FOLDER = "packs"
HISTORY = ("id", *FACTS, "values_digest", "digest")
VALUES = ("history_id", "salt", "note", "changes")
#: Clocks without the target that set them: another town has other targets.
CLOCKS = (
    "identity", "record_id", "kind", "target_minutes", "business", "started_at", "due_at", "met_at", "actual_minutes",
    "warned_at", "breached_at", "escalated_at", "next_at", "original_due_at",
)  # fmt: skip
MOVES = ("identity", "record_id", "name", "source", "target", "at", "actor_kind", "actor_id", "actor_name")
#: Why cases went where they did, without the rules, queues and people of the other town.
ROUTES = ("identity", "record_id", "at", "transition", "decided_by", "plugin", "reason")
ATTACHMENTS = ("checksum", "filename", "media_type", "size", "staged_at", "identity", "record_id", "field", "position")
SEALED = ("identity", "record_id", "field", "value")
VIEWS = ("identity", "label", "query", "created_at")
_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of packing: the file, how many records of each type are in it, and files whose bytes were lost."""

    file: Path
    title: str
    counts: Mapping[str, int]
    lost: int


@dataclass(slots=True)
class _Found:
    """What the rows point at outside the plugin, gathered while they are written."""

    records: dict[str, set[int]] = field(default_factory=dict)
    people: set[int] = field(default_factory=set)

    def note(self, places: Sequence[Pointer], row: Mapping[str, Any]) -> None:
        for place in places:
            target = place.points_at(row)
            if target is None:
                continue
            if place.kind == "staff":
                self.people.add(target[1])
            else:
                self.records.setdefault(target[0], set()).add(target[1])


def suggested_name(town: Town, name: str) -> str:
    """A file name for a pack that is made now."""
    return f"{name}-{town.clock.now().astimezone(town.zone):%Y%m%d-%H%M%S}.zip"


def pack(town: Town, actor: Actor, name: str, target: Path) -> Packed:
    """Write everything that the plugin ``name`` keeps here into the new file ``target``.

    It may run or not. Raises :class:`~townhall.errors.PluginError` in a sentence, and then leaves no file.
    """
    require(actor)
    state, types = packable(town, name)
    # Made the first time that somebody asks, which must not happen inside: a transaction that only read so far
    # can't begin to write once somebody else has written.
    mark = meta.town_mark(town.system)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise PluginError(f"{target} is there already. Name another file.") from None
    except OSError as error:
        raise PluginError(f"{target} can't be written: {error}.") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with PackWriter(stream) as writer, packing.snapshot(town):
                counts, lost = _write(town, state, types, writer, mark)
            private.to_disk(stream)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise PluginError(f"{target} can't be written: {error}.") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    try:
        with immediate(town.database):
            for identity, count in counts.items():
                disclosing.write_down(town, actor, identity, "pack", count)
    except BaseException:
        # What isn't written down doesn't leave the house.
        target.unlink(missing_ok=True)
        raise
    return Packed(target, state.title, counts, lost)


def packable(town: Town, name: str) -> tuple[states.State, dict[str, RecordType]]:
    """What the town keeps of a plugin, and its types.

    Raises :class:`~townhall.errors.PluginError` if there is nothing, or not all of it can be read.
    """
    state = states.read(town.system).get(name)
    if state is None or not state.schemas:
        raise PluginError(f"{name}: this town keeps no records of such a plugin.")
    others = Schemas({identity: each for identity, each in town.schemas.items() if each.plugin != name})
    types, mistakes = kept_types(state, others, town.layer)
    if mistakes:
        raise PluginError("\n".join((f"{state.title} can't be packed: not all its records can be read.", *mistakes)))
    return state, types


def _write(
    town: Town, state: states.State, types: Mapping[str, RecordType], writer: PackWriter, mark: str
) -> tuple[dict[str, int], int]:
    for file, text in state.schemas.items():
        writer.add(f"schemas/{file}", (text.encode(),))
    layer = Layer({identity: town.layer.of(identity) for identity in types if town.layer.of(identity)})
    if layer:
        writer.add(LAYER, (write_layer(layer).encode(),))
    found = _Found()
    specs, places = describe(Schemas(types)), pointers(types.values())
    counts: dict[str, int] = {}
    for table, spec in specs.items():
        rows = _noted(packing.table_rows(town, spec), packing.columns(spec), places.get(table, []), found)
        counts[table] = writer.add_rows(f"rows/{table}.jsonl", packing.columns(spec), rows)
    identities = list(types)
    talks = {*found.records.get(packing.INTERACTION, set()), *packing.about(town, identities)}
    found.records[packing.INTERACTION] = talks
    _write_outside(town, writer, found, set(identities))
    _write_beside(town, writer, identities, found)
    lost = _write_files(town, writer, identities, talks)
    by_type = {identity: counts[short_name(each.table)] for identity, each in types.items()}
    writer.finish(
        {
            "plugin": state.name,
            "version": state.version,
            "town": town.settings.name,
            "town_mark": mark,
            "packed_at": to_microseconds(town.clock.now()),
            "essentials": asdict(state.essentials),
            "counts": by_type,
            "migrations": [
                (each.version, each.name, each.checksum) for each in ledger.migrations(town.system, state.name)
            ],
        }
    )
    return by_type, lost


def _noted(
    rows: Iterator[list[Any]], columns: Sequence[str], places: Sequence[Pointer], found: _Found
) -> Iterator[list[Any]]:
    """The rows, with what they point at noted on the way."""
    for row in rows:
        found.note(places, dict(zip(columns, row, strict=True)))
        yield row


def _write_outside(town: Town, writer: PackWriter, found: _Found, own: set[str]) -> None:
    """Records that are none of the plugin's: interactions first looked through for their contacts."""

    def rows() -> Iterator[list[Any]]:
        for each in packing.outside(town, packing.INTERACTION, found.records.pop(packing.INTERACTION, set())):
            contact = (each.values or {}).get("contact")
            if contact is not None:
                found.records.setdefault(packing.CONTACT, set()).add(contact)
            if (handler := (each.values or {}).get("handled_by")) is not None:
                found.people.add(handler)
            yield list(asdict(each).values())
        for identity in sorted(set(found.records) - own):
            for each in packing.outside(town, identity, found.records[identity]):
                yield list(asdict(each).values())

    writer.add_rows("outside.jsonl", tuple(packing.Outside.__dataclass_fields__), rows())


def _write_beside(town: Town, writer: PackWriter, identities: list[str], found: _Found) -> None:
    """What stands in the town's own tables: numbers, history, moves, clocks, shared views, and who the people are."""
    system = town.system
    numbers = system.number_sequence
    mine = numbers.name.in_(identities)
    for identity in identities:
        mine = mine | numbers.name.startswith(f"{identity}:")
    writer.add_rows(
        "numbers.jsonl", ("name", "value"), numbers.select(numbers.name, numbers.value).where(mine).tuples()
    )
    entry, values = system.history, system.history_values
    of_mine = entry.identity.in_(identities)
    writer.add_rows("history.jsonl", HISTORY, packing.beside(town, entry, HISTORY, of_mine))
    kept = values.history_id.in_(entry.select(entry.id).where(of_mine))
    writer.add_rows("history_values.jsonl", VALUES, packing.beside(town, values, VALUES, kept, "history_id"))
    move = system.case_transition
    moves = packing.beside(town, move, MOVES, move.identity.in_(identities))
    writer.add_rows("moves.jsonl", MOVES, moves)
    clock = system.case_clock
    clocks = packing.beside(town, clock, CLOCKS, clock.identity.in_(identities))
    writer.add_rows("clocks.jsonl", CLOCKS, clocks)
    route = system.case_route
    routes = packing.beside(town, route, ROUTES, route.identity.in_(identities))
    writer.add_rows("routes.jsonl", ROUTES, routes)
    view = system.saved_view
    shared = view.identity.in_(identities) & view.shared
    writer.add_rows("views.jsonl", VIEWS, packing.beside(town, view, VIEWS, shared))
    sealed = system.sealed_value
    writer.add_rows("sealed.jsonl", SEALED, packing.beside(town, sealed, SEALED, sealed.identity.in_(identities)))
    actors = entry.select(entry.actor_id).where(of_mine, entry.actor_id.is_null(False)).distinct()
    found.people |= {id for (id,) in actors.tuples()}
    user = system.user
    people = user.select(user.id, user.email, user.name).order_by(user.id).tuples()
    writer.add_rows("people.jsonl", ("id", "email", "name"), (row for row in people if row[0] in found.people))


def _write_files(town: Town, writer: PackWriter, identities: list[str], talks: set[int]) -> int:
    """The files of the records and of the interactions about them; how many have no bytes any more."""
    table = town.system.attachment
    checksums: dict[str, None] = {}

    def rows() -> Iterator[tuple[Any, ...]]:
        mine = table.identity.in_([*identities, packing.INTERACTION]) & table.record_id.is_null(False)
        for row in packing.beside(town, table, ATTACHMENTS, mine):
            if row[5] != packing.INTERACTION or row[6] in talks:
                checksums[row[0]] = None
                yield row

    writer.add_rows("attachments.jsonl", ATTACHMENTS, rows())
    lost = 0
    for checksum in checksums:
        place = town.files.path(checksum)
        if place.is_file():
            writer.add(f"files/{checksum}", _blocks(place))
        else:
            lost += 1
    return lost


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def as_told(counts: Mapping[str, int], schemas: Mapping[str, RecordType]) -> str:
    """How many records of which types, in words."""
    parts = [
        f"{count:,} {_word(schemas.get(identity), identity, count)}" for identity, count in counts.items() if count
    ]
    return ", ".join(parts) or "no records"


def _word(record_type: RecordType | None, identity: str, count: int) -> str:
    if record_type is None:
        return json.dumps(identity).strip('"')
    return (record_type.label if count == 1 else record_type.label_plural).lower()
