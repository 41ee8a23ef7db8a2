"""Unpacking: bringing what a pack holds into this town, as a whole or not at all.

The records keep their ids and numbers, so there must be none of their types yet. A plugin that this town doesn't have
comes as one that is switched off: its records can be read, and it can be switched on once it is installed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall import private
from townhall.access.actors import Actor
from townhall.db import ledger
from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import PluginError
from townhall.errors import TownhallError
from townhall.extend import states
from townhall.extend.frozen import kept_types
from townhall.extend.manifest import is_name
from townhall.extend.states import Essentials
from townhall.extend.states import State
from townhall.lifecycle import packed_layer
from townhall.lifecycle.layer_review import Change
from townhall.lifecycle.pack_files import Contents
from townhall.lifecycle.pack_files import PackReader
from townhall.lifecycle.packing import ATTACHMENTS
from townhall.lifecycle.packing import CLOCKS
from townhall.lifecycle.packing import HISTORY
from townhall.lifecycle.packing import MOVES
from townhall.lifecycle.packing import ROUTES
from townhall.lifecycle.packing import SEALED
from townhall.lifecycle.packing import VALUES
from townhall.lifecycle.packing import VIEWS
from townhall.lifecycle.switching import require
from townhall.records import contents
from townhall.records import erasing
from townhall.records import file_types
from townhall.records import history
from townhall.records import unpacking
from townhall.records.files import clean_name
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.records.packing import CONTACT
from townhall.records.packing import INTERACTION
from townhall.records.packing import Outside
from townhall.records.pointers import pointers
from townhall.records.secret_links import digest
from townhall_forms.layer_changes import changes
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.tables import describe

if TYPE_CHECKING:
    from townhall.town import Town

#: What history says was done. It was “unpack” while that entry told of erased values as well, for which verifying still
#: takes it.
_BRING = "bring"
#: What the columns of the town's own tables hold.
_HISTORY = dict(zip(HISTORY, (int, str, int, int, int, str, int, str, str, str, str, str), strict=True))
_VALUES = dict(zip(VALUES, (int, str, str, str), strict=True))
_MOVES = dict(zip(MOVES, (str, int, str, str, str, int, str, int, str), strict=True))
_CLOCKS = dict(zip(CLOCKS, (str, int, str, int, bool, *[int] * 9), strict=True))
_ROUTES = dict(zip(ROUTES, (str, int, int, str, str, str, str), strict=True))
_ATTACHMENTS = dict(zip(ATTACHMENTS, (str, str, str, int, int, str, int, str, int), strict=True))
_SEALED = dict(zip(SEALED, (str, int, str, str), strict=True))
_VIEWS = dict(zip(VIEWS, (str, str, str, int), strict=True))


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came into the town: records by type, and how many contacts and interactions were made for them."""

    name: str
    title: str
    running: bool
    counts: Mapping[str, int]
    contacts: int
    interactions: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What a pack holds and, in ``problem``, why it can't come into this town.

    ``layer`` says, type by type, which fields, labels and choices of the other town's own come along.
    """

    contents: Contents
    title: str
    types: Mapping[str, RecordType]
    files: int
    layer: tuple[Change, ...] = ()
    problem: str = ""


def look(town: Town, source: Path) -> Holding:
    """What is in a pack, and whether it fits here. Changes nothing.

    Raises :class:`~townhall.errors.PluginError` for a file that is no sound pack.
    """
    with PackReader(source) as pack:
        pack.verify()
        state = _state(pack)
        try:
            types = _fitting(town, pack, state)
        except PluginError as error:
            return Holding(pack.contents, state.title, {}, len(pack.names("files")), problem=str(error))
        return Holding(pack.contents, state.title, types, len(pack.names("files")), _own(town, state, types))


def _own(town: Town, state: State, types: Mapping[str, RecordType]) -> tuple[Change, ...]:
    """What the other town's own layer makes different in the types, over what this town says about them."""
    others = Schemas({identity: each for identity, each in town.schemas.items() if each.plugin != state.name})
    plain, _ = kept_types(state, others, town.layer)
    return tuple(
        Change(identity, record_type.label_plural, tuple(sentences))
        for identity, record_type in types.items()
        if identity in plain and (sentences := changes(plain[identity], record_type, ()))
    )


def unpack(town: Town, actor: Actor, source: Path) -> Unpacked:
    """Bring everything in the pack ``source`` into this town.

    Raises :class:`~townhall.errors.PluginError` in a sentence, and then nothing is changed.
    """
    require(actor)
    with PackReader(source) as pack:
        pack.verify()
        state = _state(pack)
        types = _fitting(town, pack, state)
        placed: list[Path] = []
        try:
            _place_files(town, pack, placed)
            with immediate(town.database):
                done = _unpack(town, actor, pack, state, types)
        except BaseException as error:
            for place in placed:
                place.unlink(missing_ok=True)
            town.reload()
            raise _told(pack, error) from error
        return done


def _told(pack: PackReader, error: BaseException) -> BaseException:
    """The sentence for whatever kept a pack out; what is no fault of the pack stays what it is."""
    if isinstance(error, PluginError):
        return error
    if isinstance(error, unpacking.Unfit | TownhallError):
        return pack.wrong(str(error))
    if isinstance(error, OSError | peewee.DatabaseError):
        return pack.wrong(f"it can't be kept: {error}.")
    if isinstance(error, KeyError | TypeError | ValueError | AttributeError | IndexError | StopIteration):
        return pack.wrong("something in it can't be understood.")
    return error


def _state(pack: PackReader) -> State:
    contents = pack.contents
    if not is_name(contents.plugin):
        raise pack.wrong("it names no plugin.")
    try:
        essentials = Essentials.checked(contents.essentials)
    except (TypeError, ValueError) as error:
        raise pack.wrong("what it says of its plugin can't be understood.") from error
    schemas = {name.removeprefix("schemas/"): pack.text(name) for name in pack.names("schemas")}
    return State(contents.plugin, False, "", contents.version, "", schemas=schemas, essentials=essentials)


def _fitting(town: Town, pack: PackReader, state: State) -> dict[str, RecordType]:
    """The types in a pack, if they and their tables go together with this town."""
    title = state.title
    others = Schemas({identity: each for identity, each in town.schemas.items() if each.plugin != state.name})
    there = {each.plugin for each in others.values()}
    missing = [name for name in state.essentials.requires if name not in there]
    if missing:
        raise pack.wrong(f"{title} needs {' and '.join(missing)}, which this town doesn't have. Unpack that first.")
    layer = packed_layer.merged(town, pack)
    types, mistakes = kept_types(state, others, layer)
    if mistakes or not types:
        raise pack.wrong(f"the schemas in it don't fit this town: {' '.join(mistakes) or 'there are none.'}")
    packed = describe(Schemas(types))
    known = states.read(town.system).get(state.name)
    here = describe(Schemas(kept_types(known, others, layer)[0])) if known is not None else {}
    for table, spec in packed.items():
        kinds = {column.name: column.kind for column in here[table].columns} if table in here else {}
        if here and any(kinds.get(column.name) != column.kind for column in spec.columns):
            raise pack.wrong(f"{title} {state.version} keeps its records in another way than the {title} of this town.")
        if not unpacking.is_empty(town, table):
            raise pack.wrong(
                f"there are records of {title} in this town already, and a pack comes only where there are none. "
                f"Purge those first; and unpack before you switch {title} on, which may add first records."
            )
    if {f"rows/{table}.jsonl" for table in packed} != set(pack.names("rows")):
        raise pack.wrong("its rows are not those of its schemas.")
    return types


def _unpack(town: Town, actor: Actor, pack: PackReader, state: State, types: Mapping[str, RecordType]) -> Unpacked:
    changed = packed_layer.take_over(town, actor, pack)
    if state.name not in states.read(town.system):
        changed = True
        states.switch(town.system, state.name, False, at=town.clock.now(), by=actor.name)
        states.keep(town.system, state.name, version=state.version, schemas=state.schemas, essentials=state.essentials)
        for version, name, checksum in pack.contents.migrations:
            # Its tables come as they were left by these.
            sentence = f"{name}: applied in {pack.contents.town}, before this was packed."
            ledger.write_migration(town.system, state.name, version, name, checksum, sentence, ())
        meta.bump_generation(town.system)
    if changed:
        town.reload()
    if not types.keys() <= town.schemas.keys():
        raise pack.wrong(town.plugins.problems.get(state.name, "its tables don't fit this town."))
    same_town = pack.contents.town_mark == meta.town_mark(town.system)
    told = list(_outside(pack))
    filler = unpacking.Filler(town, types.keys(), _people(town, pack, same_town))
    contacts, talks = ([each for each in told if each["identity"] == one] for one in (CONTACT, INTERACTION))
    filler.new |= unpacking.bring(town, CONTACT, contacts, filler.become, same_town=same_town)
    for each in told:
        if each["identity"] not in (CONTACT, INTERACTION):
            filler.new[each["identity"], each["id"]] = unpacking.find_same(town, each)
    counts = _fill(pack, filler, types)
    # Interactions are about the records that are there by now.
    filler.new |= unpacking.bring(town, INTERACTION, talks, filler.become, same_town=same_town)
    filler.finish()
    _beside(town, pack, set(types), filler)
    by_type = {identity: counts[spec] for identity, spec in _main_tables(types).items()}
    note = _write_down(town, actor, pack, by_type)
    erased = unpacking.write_history(town, _history(pack, set(types)), filler.become)
    erasing.tell(town, actor, erased, f"They were erased before. {note}")
    for identity in types:
        unpacking.index(town, identity)
    running = state.name in town.plugins.running
    return Unpacked(state.name, state.title, running, by_type, len(contacts), len(talks))


def _fill(pack: PackReader, filler: unpacking.Filler, types: Mapping[str, RecordType]) -> dict[str, int]:
    """Write the rows of all tables; how many, by table."""
    places, counts = pointers(types.values()), {}
    for table, spec in describe(Schemas(types)).items():
        columns, rows = pack.rows(f"rows/{table}.jsonl")
        counts[table] = filler.fill(spec, columns, rows, places.get(table, ()))
    return counts


def _main_tables(types: Mapping[str, RecordType]) -> dict[str, str]:
    return {spec.identity: name for name, spec in describe(Schemas(types)).items() if not spec.parent}


def _outside(pack: PackReader) -> Iterator[dict[str, Any]]:
    columns, rows = pack.rows("outside.jsonl")
    if columns != list(Outside.__dataclass_fields__):
        raise pack.wrong("“outside.jsonl” in it has other columns than it should.")
    kinds = (str, int, str, str, str, int)
    for row in rows:
        if any(type(value) is not kind for value, kind in zip(row[:-1], kinds, strict=True)):
            raise pack.wrong("“outside.jsonl” in it can't be understood.")
        each = dict(zip(columns, row, strict=True))
        if each["identity"] in (CONTACT, INTERACTION) and not isinstance(each["values"], dict):
            raise pack.wrong("“outside.jsonl” in it can't be understood.")
        yield each


def _people(town: Town, pack: PackReader, same_town: bool) -> unpacking.New:
    """What became of the people of the other town: those of this one with the same e-mail address."""
    user = town.system.user
    here = {email.casefold(): id for id, email in user.select(user.id, user.email).tuples()}
    ids = set(here.values())
    new: unpacking.New = {}
    for id, email, _ in pack.rows("people.jsonl")[1]:
        new["", id] = (id if id in ids else None) if same_town else here.get(str(email).casefold())
    return new


def _beside(town: Town, pack: PackReader, own: set[str], filler: unpacking.Filler) -> None:
    """Fill what stands in the town's own tables: numbers, moves, clocks, files, views and history."""
    numbers = town.system.number_sequence
    for name, value in pack.rows("numbers.jsonl")[1]:
        if not isinstance(name, str) or name.partition(":")[0] not in own or type(value) is not int:
            raise pack.wrong("“numbers.jsonl” in it can't be understood.")
        numbers.insert(name=name, value=value).on_conflict(
            conflict_target=[numbers.name], update={numbers.value: value}, where=numbers.value < value
        ).execute()
    unpacking.insert(town, "case_transition", _MOVES, _mine(pack, "moves.jsonl", _MOVES, own))
    unpacking.insert(town, "case_clock", _CLOCKS, _mine(pack, "clocks.jsonl", _CLOCKS, own))
    unpacking.insert(town, "case_route", _ROUTES, _mine(pack, "routes.jsonl", _ROUTES, own))
    shared = {**_VIEWS, "shared": bool}
    views = ([*row, True] for row in _mine(pack, "views.jsonl", _VIEWS, own))
    unpacking.insert(town, "saved_view", shared, views)
    if pack.has("sealed.jsonl"):
        unpacking.insert(town, "sealed_value", _SEALED, _mine(pack, "sealed.jsonl", _SEALED, own))
    files = {"token_hash": str, "staged_by": str, **_ATTACHMENTS}
    unpacking.insert(town, "attachment", files, _attachments(town, pack, own, filler))


def _mine(pack: PackReader, name: str, expected: Mapping[str, type], own: set[str]) -> Iterator[list[Any]]:
    """Rows about the types of the pack; none about others is let in."""
    columns, rows = pack.rows(name)
    if columns != list(expected):
        raise pack.wrong(f"“{name}” in it has other columns than it should.")
    place = columns.index("identity")
    for row in rows:
        if row[place] not in own:
            raise pack.wrong(f"“{name}” in it is about records that are not in it.")
        yield row


def _attachments(town: Town, pack: PackReader, own: set[str], filler: unpacking.Filler) -> Iterator[list[Any]]:
    for row in _mine(pack, "attachments.jsonl", _ATTACHMENTS, {*own, INTERACTION}):
        told = dict(zip(ATTACHMENTS, row, strict=True))
        if told["identity"] == INTERACTION:
            told["record_id"] = filler.become(INTERACTION, told["record_id"])
            if told["record_id"] is None or _has_files(town, told["record_id"]):
                continue
        kind = file_types.known_type(told["filename"])
        if clean_name(told["filename"]) != told["filename"] or kind is None or kind.media_type != told["media_type"]:
            raise pack.wrong(f"it holds a file, “{told['filename']}”, that this town doesn't take.")
        place = town.files.path(told["checksum"])
        if pack.has(f"files/{told['checksum']}") and not kind.matches(_head(place)):
            raise pack.wrong(f"the file “{told['filename']}” in it is not what its name says.")
        if pack.has(f"files/{told['checksum']}"):
            try:
                contents.check(kind, place)
            except contents.Unfit as reason:
                raise pack.wrong(f"the file “{told['filename']}” in it {reason}") from reason
        yield [digest(secrets.token_urlsafe(16)), "", *told.values()]


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(file_types.HEAD)


def _has_files(town: Town, id: int) -> bool:
    """Whether an interaction of this town, which a pack from this town brings again, has its files still."""
    table = town.system.attachment
    return bool(table.select().where(table.identity == INTERACTION, table.record_id == id).exists())


def _history(pack: PackReader, own: set[str]) -> Iterator[tuple[Sequence[Any], Sequence[Any] | None]]:
    """The entries, each with its values; both come in the order of the entries' ids."""
    columns, values = pack.rows("history_values.jsonl")
    if columns != list(VALUES):
        raise pack.wrong("“history_values.jsonl” in it has other columns than it should.")
    following = next(values, None)
    for entry in _mine(pack, "history.jsonl", _HISTORY, own):
        unpacking.check("history", _HISTORY, entry)
        if following is not None and following[0] == entry[0]:
            unpacking.check("history_values", _VALUES, following)
            yield entry, following
            following = next(values, None)
        else:
            yield entry, None
    if following is not None:
        raise pack.wrong("its history has values without entries.")


def _place_files(town: Town, pack: PackReader, placed: list[Path]) -> None:
    """Put the bytes of all files where the town keeps files; those that are there already stay."""
    for name in pack.names("files"):
        place = town.files.path(name.removeprefix("files/"))
        if place.exists():
            os.utime(place)  # so that nobody takes them away before a record has them
            continue
        private.make_folder(place.parent)
        part = place.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with part.open("xb") as stream:
                for block in pack.blocks(name):
                    stream.write(block)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
        placed.append(place)


def _write_down(town: Town, actor: Actor, pack: PackReader, counts: Mapping[str, int]) -> str:
    """Write into the history of each type that its records came out of a pack; from which, in a sentence."""
    made = from_microseconds(pack.contents.packed_at).astimezone(town.zone)
    note = f"From a pack of {pack.contents.town}, made on {made:%Y-%m-%d}."
    now = to_microseconds(town.clock.now())
    for identity, count in counts.items():
        event = history.Event(0, 0, _BRING, {"records": (history.NOTHING, str(count))}, note)
        history.write(town, actor, identity, now, [event])
    return note
