"""Taking in a module that somebody uploads: a zip file with a manifest, schemas and pictures, and nothing else.

It is read in memory and checked as a whole before anything of it is written anywhere: no paths that lead elsewhere, no
more than so many bytes, no code. Then it waits, until somebody who has seen what it brings says yes.
"""

from __future__ import annotations

import io
import re
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.version import Version

from townhall.access.actors import Actor
from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import NotFound
from townhall.errors import PluginError
from townhall.extend import compatibility
from townhall.extend import states
from townhall.extend import uploads
from townhall.extend.discovery import Found
from townhall.extend.discovery import discover
from townhall.extend.loading import load_plugins
from townhall.extend.manifest import FILE_NAME
from townhall.extend.manifest import Manifest
from townhall.extend.manifest import read_manifest
from townhall.lifecycle.switching import require
from townhall.records import contents
from townhall.records.file_types import HEAD
from townhall.records.file_types import known_type
from townhall.records.files import DEVICES
from townhall_forms.reading import read_toml
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: Most bytes of an uploaded file, of everything in it, and of one file in it; and most files.
LARGEST = 5 * 1024 * 1024
LARGEST_CONTENT = 20 * 1024 * 1024
LARGEST_FILE = 2 * 1024 * 1024
MOST_FILES = 500
#: Microseconds after which an upload that nobody said yes to is forgotten: a day.
_PATIENCE = 24 * 3600 * 1_000_000
#: Folders of a module, with the kinds of file that they may hold.
FOLDERS = {
    "schemas": ("toml",),
    "seeds": ("toml",),
    "samples": ("toml",),
    "mappings": ("toml",),
    "migrations": ("toml",),
    "static": ("png", "jpg", "jpeg", "gif", "webp"),
}
#: Files that say something to people; they are left out.
_WORDS = re.compile(r"(README|LICEN[CS]E|CHANGELOG|NOTICE)(\.(md|txt))?", re.IGNORECASE)
#: What some systems add to every zip file.
_LITTER = re.compile(r"(__MACOSX/.*|(.*/)?(\.DS_Store|Thumbs\.db))")
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")
_SYMBOLIC_LINK = 0o120000


@dataclass(frozen=True, slots=True)
class Module:
    """A module that was read: its manifest, and its files by their places in its folder."""

    manifest: Manifest
    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A module that waits for somebody's yes: what it brings, what it replaces, and why it can't be taken."""

    checksum: str
    manifest: Manifest
    types: tuple[RecordType, ...]
    replaces: str = ""
    problem: str = ""


def read(data: bytes) -> Module:
    """The module in an uploaded zip file.

    Raises :class:`~townhall.errors.PluginError`, with a line for each mistake.
    """
    if len(data) > LARGEST:
        raise PluginError(f"The file is larger than {_megabytes(LARGEST)}. A module of TOML and pictures is smaller.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [
                entry for entry in archive.infolist() if not entry.is_dir() and not _LITTER.fullmatch(entry.filename)
            ]
            _refuse_shape(entries)
            top = _top(entries)
            mistakes = [mistake for entry in entries for mistake in _misplaced(entry, top)]
            if mistakes:
                raise PluginError("\n".join(mistakes))
            files = dict(_contents(archive, entries, top))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error) as error:
        raise PluginError("The file is no zip file that can be read. Pack the module's folder again.") from error
    mistakes = [mistake for place, content in files.items() for mistake in _unlike(place, content)]
    if mistakes:
        raise PluginError("\n".join(mistakes))
    return Module(_manifest(files), files)


def upload(town: Town, actor: Actor, data: bytes) -> str:
    """Take in an uploaded module, which then waits; the checksum by which it is known.

    Raises :class:`~townhall.errors.PluginError` for a file that is none, and :class:`~townhall.errors.Forbidden`.
    """
    require(actor)
    module = read(data)
    packed = uploads.pack(module.files)
    checksum = sha256(packed).hexdigest()
    table = town.system.uploaded_module
    now = int(town.clock.now().timestamp() * 1_000_000)
    row = {
        table.checksum: checksum,
        table.name: module.manifest.name,
        table.version: module.manifest.version,
        table.content: packed,
        table.waits: True,
        table.at: now,
        table.by: actor.name,
    }
    with immediate(town.database):
        table.delete().where(table.waits == True, table.at < now - _PATIENCE).execute()  # noqa: E712
        table.insert(row).on_conflict_ignore().execute()
    return checksum


def waiting(town: Town, checksum: str) -> Waiting:
    """What an upload brings and what it would do. Raises :class:`~townhall.errors.NotFound`; changes nothing."""
    packed = uploads.content(town.system, checksum)
    if packed is None:
        raise NotFound("This upload is not there any more. Upload the file again.")
    files = uploads.unpack(packed)
    with tempfile.TemporaryDirectory(prefix="townhall-module-") as folder:
        for place, content in files.items():
            file = Path(folder) / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        manifest = read_manifest(Path(folder) / FILE_NAME)
        return _judged(town, checksum, Found(manifest.name, Path(folder), manifest))


def accept(town: Town, actor: Actor, checksum: str) -> Manifest:
    """Use an upload from now on, in place of an earlier one of the same module.

    Every process of the town takes it up. If the module is on, its new version runs; else it can be switched on.
    Raises :class:`~townhall.errors.PluginError`, and then nothing is changed.
    """
    require(actor)
    seen = waiting(town, checksum)
    if seen.problem:
        raise PluginError(seen.problem)
    table = town.system.uploaded_module
    with immediate(town.database):
        table.delete().where(table.name == seen.manifest.name, table.checksum != checksum).execute()
        table.update({table.waits: False, table.by: actor.name}).where(table.checksum == checksum).execute()
        meta.bump_generation(town.system)
    town.reload()
    return seen.manifest


def remove(town: Town, actor: Actor, name: str) -> None:
    """Take an uploaded module's files away; it has to be off. Its records are kept.

    Raises :class:`~townhall.errors.PluginError`.
    """
    require(actor)
    if not any(upload.name == name and not upload.waits for upload in uploads.all_of(town.system)):
        raise PluginError(f"{name} was not uploaded here, so it can't be taken away here.")
    if name in states.enabled(town.system):
        raise PluginError(f"{town.plugins.title(name)} is on. Switch it off first.")
    table = town.system.uploaded_module
    with immediate(town.database):
        table.delete().where(table.name == name).execute()
        meta.bump_generation(town.system)
    town.reload()


# -- reading what somebody brings -------------------------------------------------------------------------------------


def _refuse_shape(entries: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive that is too much, before any of it is unpacked."""
    if len(entries) > MOST_FILES:
        raise PluginError(f"There are {len(entries):,} files in it; {MOST_FILES} are the most.")
    if sum(entry.file_size for entry in entries) > LARGEST_CONTENT:
        raise PluginError(f"Unpacked it is larger than {_megabytes(LARGEST_CONTENT)}.")
    seen: set[str] = set()
    for entry in entries:
        if entry.filename.casefold() in seen:
            raise PluginError(f"{entry.filename} is in it twice.")
        seen.add(entry.filename.casefold())


def _top(entries: list[zipfile.ZipInfo]) -> str:
    """The one folder around everything, with its slash, if there is one: that is how most people pack."""
    tops = {entry.filename.partition("/")[0] for entry in entries}
    if len(tops) == 1 and not tops & FOLDERS.keys() and all("/" in entry.filename for entry in entries):
        return f"{tops.pop()}/"
    return ""


def _misplaced(entry: zipfile.ZipInfo, top: str) -> Iterator[str]:
    """Why an entry may not be in a module."""
    name = entry.filename
    parts = PurePosixPath(name).parts
    mode = entry.external_attr >> 16
    if "\\" in name or name.startswith("/") or ":" in name or ".." in parts or "\0" in name:
        yield f"{name!r}: this path leads elsewhere. Files must lie in the module's own folder."
        return
    if mode & 0o170000 == _SYMBOLIC_LINK:
        yield f"{name}: this is a link, not a file. Pack the file itself."
        return
    if entry.flag_bits & 0x1:
        yield f"{name}: this is encrypted. Pack it without a password."
        return
    if device := next((part for part in parts if DEVICES.fullmatch(part)), ""):
        yield f"{name}: on Windows {device} is a device and no file. Call it something else."
        return
    place = name.removeprefix(top)
    folder, _, rest = place.partition("/")
    if place == FILE_NAME or (not rest and _WORDS.fullmatch(place)):
        return
    kinds = FOLDERS.get(folder) if rest else None
    extension = place.rpartition(".")[2].lower()
    if kinds is None or extension not in kinds or not all(_SAFE.fullmatch(part) for part in PurePosixPath(place).parts):
        known = ", ".join(f"{name}/*.{'|'.join(kinds)}" for name, kinds in FOLDERS.items())
        yield f"{name}: an uploaded module holds {FILE_NAME} and {known}; code has to be installed as a package."


def _contents(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], top: str) -> Iterator[tuple[str, bytes]]:
    """The files, read no further than they may be long, whatever their headers say."""
    whole = 0
    for entry in entries:
        place = entry.filename.removeprefix(top)
        if _WORDS.fullmatch(place):
            continue
        with archive.open(entry) as stream:
            content = stream.read(LARGEST_FILE + 1)
        whole += len(content)
        if len(content) > LARGEST_FILE:
            raise PluginError(f"{place}: this file is larger than {_megabytes(LARGEST_FILE)}.")
        if whole > LARGEST_CONTENT:
            raise PluginError(f"Unpacked it is larger than {_megabytes(LARGEST_CONTENT)}.")
        yield place, content


def _unlike(place: str, content: bytes) -> Iterator[str]:
    """Why a file is not what its name says."""
    if place.endswith(".toml"):
        try:
            read_toml(content.decode("utf-8-sig"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            yield f"{place}: the file is not valid TOML: {error}."
        return
    kind = known_type(place)
    if kind is None or not kind.matches(content[:HEAD]):
        yield f"{place}: this is not the picture that its name says."
        return
    try:
        contents.picture(kind, content)
    except contents.Unfit as reason:
        yield f"{place}: this {reason}"


def _manifest(files: dict[str, bytes]) -> Manifest:
    if FILE_NAME not in files:
        raise PluginError(f"There is no {FILE_NAME} in it. Pack the folder that holds it.")
    with tempfile.TemporaryDirectory(prefix="townhall-module-") as folder:
        file = Path(folder) / FILE_NAME
        file.write_bytes(files[FILE_NAME])
        try:
            return read_manifest(file)
        except PluginError as error:
            raise PluginError(str(error).replace(str(file), FILE_NAME)) from error


def _judged(town: Town, checksum: str, found: Found) -> Waiting:
    """What a module brings, and what keeps it from being used beside what is here."""
    assert found.manifest is not None  # noqa: S101  # it was read when it was uploaded
    here = discover(town.instance)
    before = here.get(found.name)
    used = {upload.name: upload.version for upload in uploads.all_of(town.system) if not upload.waits}
    wanted = states.enabled(town.system)
    everything = {**here, found.name: found}
    problem = ""
    if before is not None and found.name not in used:
        problem = f"There is a plugin called {found.name} already, installed on the server. Rename the module."
    elif found.name in used and Version(found.version) < Version(used[found.name]):
        problem = f"Version {used[found.name]} is in use, which is newer than {found.version}."
    elif found.name in wanted:
        broken = compatibility.check(everything, wanted)
        problem = next((text for name, text in broken.items() if name not in town.plugins.problems), "")
    names = {found.name, *(found.manifest.requires), *(wanted if found.name in wanted else ())}
    core = {identity: each for identity, each in town.schemas.items() if each.plugin == "core"}
    loaded = load_plugins(everything, names & everything.keys(), type(town.schemas)(core), {}, code=False)
    problem = problem or loaded.problems.get(found.name, "").replace(f"{found.folder}/", "")
    types = tuple(each for each in loaded.schemas.values() if each.plugin == found.name)
    return Waiting(checksum, found.manifest, types, used.get(found.name, ""), problem)


def _megabytes(size: int) -> str:
    return f"{size // (1024 * 1024)} MB"
