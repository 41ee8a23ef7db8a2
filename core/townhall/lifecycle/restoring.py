"""Bringing a town back from a backup: as a whole or not at all, whenever it is stopped.

Everything is read and laid out beside the town first, and what is there is put aside as a backup of its own. Then the
database is replaced in one transaction, which also writes the mark of this restore into it: with that the town is the
one of the backup. What else has to change (plugins of the instance, the secret key, settings where there were none)
lies ready, and is put in its place by whoever finds the mark: this process, or if it died, the next one that opens the
town.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path

from townhall import private
from townhall.config import FILE_NAME
from townhall.config import load_settings
from townhall.db import dumps
from townhall.db import meta
from townhall.db import occupying
from townhall.db.engines import PostgresqlEngine
from townhall.db.engines import open_database
from townhall.db.migration import alone
from townhall.db.occupying import Occupied
from townhall.db.system import SystemTables
from townhall.encryption import fingerprint
from townhall.errors import ConfigurationError
from townhall.lifecycle import backing_up
from townhall.lifecycle import packing
from townhall.lifecycle import restored_state
from townhall.lifecycle.backing_up import BEFORE
from townhall.lifecycle.backing_up import Place
from townhall.lifecycle.backing_up import Progress
from townhall.lifecycle.backup_files import CERTIFICATES
from townhall.lifecycle.backup_files import ENCRYPTION_KEY
from townhall.lifecycle.backup_files import MAIL_PASSWORD
from townhall.lifecycle.backup_files import SECRET_KEY
from townhall.lifecycle.backup_files import SETTINGS
from townhall.lifecycle.backup_files import BackupReader
from townhall.lifecycle.restore_target import Target
from townhall.lifecycle.restored_state import State
from townhall.secret_key import SECRET_FILE

#: The folder of the instance in which a restore lays out what it brings, and the file in it that says so.
FOLDER = ".restore"
_JOURNAL = "restore.json"
_PLUGINS, _PLUGINS_BEFORE = "plugins", "plugins.before"


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a restore: where what was there before is kept, and which keys values need that are not here.

    ``settings`` says whether those of the backup count now, ``code_apps`` whether people set up theirs again.
    ``elsewhere`` are keys and certificates whose own place is outside of the instance; somebody has to move them.
    """

    before: Path | None
    missing_keys: tuple[str, ...]
    settings: bool
    code_apps: bool
    elsewhere: tuple[Path, ...]


def restore(
    target: Target, reader: BackupReader, at: datetime, progress: Progress = lambda done, total: None
) -> Restored:
    """Bring the town in a backup that was verified to ``target``.

    Raises :class:`~townhall.errors.ConfigurationError` if somebody has the town open, or something is in the way; then
    the town is as it was.
    """
    staging, began = target.instance / FOLDER, False
    try:
        private.make_folder(target.instance)
        if target.file is not None:
            with occupying.occupied(target.file) as occupied:
                began = True
                return _on_sqlite(target, reader, at, staging, occupied, progress)
        database = open_database(target.settings.database, target.instance)
        assert isinstance(database, PostgresqlEngine)  # noqa: S101  # it has no file
        try:
            _refuse_others(database)
            began = True
            return _on_postgresql(target, reader, at, staging, database, progress)
        finally:
            database.close_all()
    except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
        raise ConfigurationError(
            f"{target.instance}: the backup can't be brought back: {backing_up.reason(error)}. Once the cause is out "
            "of the way, run the same again."
        ) from error
    finally:
        if began:
            finish(target.instance)
            _clear(staging)


def _on_sqlite(
    target: Target, reader: BackupReader, at: datetime, staging: Path, occupied: Occupied, progress: Progress
) -> Restored:
    before = _put_aside_sqlite(target, at, occupied, progress)
    state = restored_state.of(target, reader, at, occupied.value(meta.GENERATION))
    _lay_out(target, reader, staging, state)
    fresh = staging / reader.database
    occupying.check(fresh)
    occupying.settle(fresh, restored_state.statements(state))
    try:
        occupied.replace(fresh)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        # It could be read and turns out not to be whole; it is kept, so it can go.
        occupied.give_up()
        occupied.replace(fresh)
    return _done(target, reader, state, before)


def _on_postgresql(
    target: Target, reader: BackupReader, at: datetime, staging: Path, database: PostgresqlEngine, progress: Progress
) -> Restored:
    system = SystemTables(database)
    there = "meta" in database.get_tables()
    before = None
    if there:
        place = Place(target.instance, target.settings, database)
        before = _put_aside(place, at, progress)
    state = restored_state.of(target, reader, at, meta.get(system, meta.GENERATION) if there else "")
    _lay_out(target, reader, staging, state)
    prefix = f'"{dumps.schema_of(database)}".'
    statements = restored_state.statements(state, prefix)
    dumps.bring_back(database, staging / reader.database, statements, lambda: _refuse_others(database))
    return _done(target, reader, state, before)


def _refuse_others(database: PostgresqlEngine) -> None:
    """Raise :class:`~townhall.errors.ConfigurationError` if others have the database open."""
    if count := dumps.others(database):
        raise ConfigurationError(
            f"{'One other connection is' if count == 1 else f'{count} other connections are'} open to the database, "
            "perhaps of a server. Stop townhall serve on every host, and whatever else looks into it, and try again."
        )


def _put_aside(place: Place, at: datetime, progress: Progress) -> Path:
    """Make a backup of what is there, with its keys, and so beside them and on no other disk."""
    folder = place.instance / backing_up.FOLDER
    private.make_folder(folder)
    return backing_up.make(place, folder, at=at, with_keys=True, prefix=BEFORE, progress=progress).file


def _put_aside_sqlite(target: Target, at: datetime, occupied: Occupied, progress: Progress) -> Path | None:
    """Keep what is there: as a backup, or as it lies there if it can't be read."""
    if not occupied.is_damaged and "meta" not in occupied.tables():
        return None
    if occupied.connection is not None:
        place = Place(target.instance, target.settings, occupied.connection)
        try:
            return _put_aside(place, at, progress)
        except occupying.Damaged:
            occupied.give_up()
    folder = target.instance / backing_up.FOLDER
    private.make_folder(folder)
    kept = folder / f"{BEFORE}-{at.astimezone(target.settings.zone):%Y%m%d-%H%M%S}-damaged-{secrets.token_hex(2)}"
    kept.mkdir(mode=0o700)
    for ending in ("", *occupying.SIDE_FILES):
        if (file := occupied.file.with_name(occupied.file.name + ending)).is_file():
            shutil.copy2(file, kept / file.name)
    if (key := target.instance / SECRET_FILE).is_file():
        shutil.copy2(key, kept / SECRET_FILE)
    if (plugins := target.instance / _PLUGINS).is_dir():
        shutil.copytree(plugins, kept / _PLUGINS)
    return kept


# -- laying out -----------------------------------------------------------------------------------------------------


def _lay_out(target: Target, reader: BackupReader, staging: Path, state: State) -> None:
    """Write everything that a backup brings beside the town; add to the town what changes nothing about it."""
    _clear(staging)
    private.make_folder(staging)
    instance = target.instance
    _write(reader, reader.database, staging / reader.database)
    if target.is_new and reader.has(SETTINGS):
        _write(reader, SETTINGS, staging / FILE_NAME)
    if reader.has(SECRET_KEY):
        _write(reader, SECRET_KEY, staging / SECRET_FILE)
    plugins = reader.names(_PLUGINS)
    if plugins or (instance / _PLUGINS).is_dir():
        private.make_folder(staging / _PLUGINS)
    for name in plugins:
        _write(reader, name, staging / name)
    # Whatever database is in place finds these, or doesn't look for them.
    for name in reader.names("files"):
        checksum = name.removeprefix("files/")
        place = instance / "files" / checksum[:2] / checksum
        if not _is_whole(place, checksum):
            _add(reader, name, place, staging)
    for name in reader.names(packing.FOLDER):
        if not (instance / name).exists():
            _add(reader, name, instance / name, staging)
    for name, place in _named(target, reader).items():
        if name == ENCRYPTION_KEY:
            _add_keys(place, reader.text(name))
        elif not place.exists():
            _add(reader, name, place, staging)
    private.write(staging / f"{_JOURNAL}.new", json.dumps({"mark": state.mark}))
    with (staging / f"{_JOURNAL}.new").open("rb+") as stream:
        private.to_disk(stream)
    (staging / f"{_JOURNAL}.new").replace(staging / _JOURNAL)
    private.folder_to_disk(staging)


def _named(target: Target, reader: BackupReader) -> dict[str, Path]:
    """Where members go whose places the settings name. Nothing is written outside of the instance."""
    settings, instance = target.settings, target.instance
    wanted = {
        CERTIFICATES: settings.mail_certificates,
        MAIL_PASSWORD: settings.mail_password_file,
        ENCRYPTION_KEY: settings.encryption_key_file,
    }
    found = {name: instance / place for name, place in wanted.items() if place and reader.has(name)}
    return {name: place if _is_inside(instance, place) else _beside(instance, name) for name, place in found.items()}


def _is_inside(instance: Path, place: Path) -> bool:
    return place.resolve().is_relative_to(instance.resolve())


def _beside(instance: Path, name: str) -> Path:
    return instance / f"{name.rpartition('/')[2]}.from-backup"


def _is_whole(file: Path, checksum: str) -> bool:
    """Whether a file is there, and is what it is called."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest() == checksum


def _write(reader: BackupReader, name: str, file: Path) -> None:
    private.make_folder(file.parent)
    private.make_file(file)
    with file.open("rb+") as stream:
        for block in reader.blocks(name):
            stream.write(block)
        private.to_disk(stream)


def _add(reader: BackupReader, name: str, place: Path, staging: Path) -> None:
    """Put a member in its place as a whole."""
    fresh = staging / "member.part"
    _write(reader, name, fresh)
    private.make_folder(place.parent)
    private.put(fresh, place)


def _add_keys(file: Path, text: str) -> None:
    """Add the keys of a backup to those that are there: with more keys everything can be read that could be."""
    there = file.read_text(encoding="ascii").split() if file.is_file() else []
    keys = [*there, *(key for key in text.split() if key not in there)]
    if keys == there:
        return
    private.make_folder(file.parent)
    fresh = file.with_name(f"{file.name}.new")
    private.write(fresh, "".join(f"{key}\n" for key in keys))
    with fresh.open("rb+") as stream:
        private.to_disk(stream)
    fresh.replace(file)


# -- the end --------------------------------------------------------------------------------------------------------


def _done(target: Target, reader: BackupReader, state: State, before: Path | None) -> Restored:
    keys = target.instance / target.settings.encryption_key_file
    known = {fingerprint(key) for key in keys.read_text(encoding="ascii").split()} if keys.is_file() else set()
    missing = tuple(mark for mark in reader.about.encryption if mark not in known)
    elsewhere = tuple(
        place for name, place in _named(target, reader).items() if place == _beside(target.instance, name)
    )
    return Restored(before, missing, target.is_new and reader.has(SETTINGS), state.forget_code_apps, elsewhere)


def finish(instance: Path, database: str | None = None) -> None:
    """Put the rest of a restore in its place if its database is; nothing otherwise. Comes before a town is opened.

    ``database`` replaces the setting of that name.
    Raises :class:`~townhall.errors.ConfigurationError` if that can't be done.
    """
    staging = instance / FOLDER
    mark = _mark(staging)
    if not mark:
        return
    settings = load_settings(instance if (instance / FILE_NAME).exists() else staging)
    connection = open_database(database or settings.database, instance)
    try:
        if "meta" not in connection.get_tables() or not restored_state.is_marked(SystemTables(connection), mark):
            return
        with alone(connection):
            if _mark(staging) == mark:
                _put_in_place(instance, staging)
    except OSError as error:
        raise ConfigurationError(
            f"{instance}: a restore can't be finished: {backing_up.reason(error)}. Once the cause is out of the way, "
            "any command finishes it."
        ) from error
    finally:
        connection.close_all()


def _put_in_place(instance: Path, staging: Path) -> None:
    plugins, fresh = instance / _PLUGINS, staging / _PLUGINS
    if fresh.is_dir():
        if plugins.is_dir():
            _clear(staging / _PLUGINS_BEFORE)
            plugins.rename(staging / _PLUGINS_BEFORE)
        fresh.rename(plugins)
    for name in (SECRET_FILE, FILE_NAME):
        if (staging / name).is_file():
            (staging / name).replace(instance / name)
    private.folder_to_disk(instance)
    (staging / _JOURNAL).unlink()
    _clear(staging)


def _mark(staging: Path) -> str:
    """The mark of the restore that laid out this folder as a whole; empty if none did."""
    try:
        told = json.loads((staging / _JOURNAL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(told.get("mark", "")) if isinstance(told, Mapping) else ""


def _clear(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
