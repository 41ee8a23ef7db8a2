"""What a restore lays out beside the town before it replaces the database, and puts in its place afterwards.

Whoever is stopped before has changed nothing about the town; whoever is stopped after is finished by the next who opens
it, since the database then has the mark of the restore.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path

import peewee

from townhall import private
from townhall.config import FILE_NAME
from townhall.config import load_settings
from townhall.db.engines import TownDatabase
from townhall.db.engines import open_database
from townhall.db.migration import alone
from townhall.db.system import SystemTables
from townhall.errors import ConfigurationError
from townhall.lifecycle import backing_up
from townhall.lifecycle import packing
from townhall.lifecycle import restored_state
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
#: The folder with the plugins of an instance, and where it goes for a moment.
PLUGINS, _BEFORE = "plugins", "plugins.before"


def lay_out(target: Target, reader: BackupReader, staging: Path, state: State) -> None:
    """Write everything that a backup brings beside the town; add to the town what changes nothing about it."""
    clear(staging)
    private.make_folder(staging)
    instance = target.instance
    _write(reader, reader.database, staging / reader.database)
    if target.is_new and reader.has(SETTINGS):
        _write(reader, SETTINGS, staging / FILE_NAME)
    if reader.has(SECRET_KEY):
        _write(reader, SECRET_KEY, staging / SECRET_FILE)
    plugins = reader.names(PLUGINS)
    if plugins or (instance / PLUGINS).is_dir():
        private.make_folder(staging / PLUGINS)
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
    for name, place in named(target, reader).items():
        if name == ENCRYPTION_KEY:
            _add_keys(place, reader.text(name))
        elif not place.exists():
            _add(reader, name, place, staging)
    _to_disk(staging, instance / "files", instance / packing.FOLDER)
    private.write(staging / f"{_JOURNAL}.new", json.dumps({"mark": state.mark}))
    with (staging / f"{_JOURNAL}.new").open("rb+") as stream:
        private.to_disk(stream)
    (staging / f"{_JOURNAL}.new").replace(staging / _JOURNAL)
    private.folder_to_disk(staging)


def named(target: Target, reader: BackupReader) -> dict[str, Path]:
    """Where members go whose places the settings name. Nothing is written outside of the instance."""
    settings, instance = target.settings, target.instance
    wanted = {
        CERTIFICATES: settings.mail_certificates,
        MAIL_PASSWORD: settings.mail_password_file,
        ENCRYPTION_KEY: settings.encryption_key_file,
    }
    found = {name: instance / place for name, place in wanted.items() if place and reader.has(name)}
    return {name: place if _is_inside(instance, place) else beside(instance, name) for name, place in found.items()}


def _is_inside(instance: Path, place: Path) -> bool:
    return place.resolve().is_relative_to(instance.resolve())


def beside(instance: Path, name: str) -> Path:
    """Where a member goes whose own place is outside of the instance."""
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


def _to_disk(*folders: Path) -> None:
    """Have the names of what was written reach the disk, before a database that counts on it does."""
    for folder in folders:
        for at, _, _ in os.walk(folder):
            private.folder_to_disk(Path(at))


def _add(reader: BackupReader, name: str, place: Path, staging: Path) -> None:
    """Put a member in its place as a whole."""
    fresh = staging / "member.part"
    _write(reader, name, fresh)
    private.make_folder(place.parent)
    private.put(fresh, place)


def _add_keys(file: Path, text: str) -> None:
    """Add the keys of a backup to those that are there: with more keys everything can be read that could be."""
    there = keys_in(file)
    keys = [*there, *(key for key in text.split() if key not in there and key.isascii())]
    if keys == there:
        return
    private.make_folder(file.parent)
    fresh = file.with_name(f"{file.name}.new")
    private.write(fresh, "".join(f"{key}\n" for key in keys))
    with fresh.open("rb+") as stream:
        private.to_disk(stream)
    fresh.replace(file)


def keys_in(keys: Path) -> list[str]:
    """The keys in a file. Raises :class:`~townhall.errors.ConfigurationError`."""
    try:
        return keys.read_text(encoding="ascii").split() if keys.is_file() else []
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{keys}: the key file can't be read: {error}.") from error


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
    connection = _readable(database or settings.database, instance)
    if connection is None:
        return
    try:
        if not restored_state.is_marked(SystemTables(connection), mark):
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


def _readable(url: str, instance: Path) -> TownDatabase | None:
    """The database if there is a town in it; ``None`` if it can't be read, which whoever wants it says."""
    try:
        database = open_database(url, instance)
    except ConfigurationError as error:
        if "locked" in str(error):
            raise
        return None
    try:
        if "meta" in database.get_tables():
            return database
    except peewee.OperationalError:
        database.close_all()
        raise
    except peewee.DatabaseError:
        pass
    database.close_all()
    return None


def _put_in_place(instance: Path, staging: Path) -> None:
    plugins, fresh = instance / PLUGINS, staging / PLUGINS
    if fresh.is_dir():
        if plugins.is_dir():
            clear(staging / _BEFORE)
            plugins.rename(staging / _BEFORE)
        fresh.rename(plugins)
    for name in (SECRET_FILE, FILE_NAME):
        if (staging / name).is_file():
            (staging / name).replace(instance / name)
    private.folder_to_disk(instance)
    (staging / _JOURNAL).unlink()
    clear(staging)


def _mark(staging: Path) -> str:
    """The mark of the restore that laid out this folder as a whole; empty if none did."""
    try:
        told = json.loads((staging / _JOURNAL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(told.get("mark", "")) if isinstance(told, Mapping) else ""


def clear(folder: Path) -> None:
    """Take away what was laid out, if anything was."""
    if folder.is_dir():
        shutil.rmtree(folder)
