"""Making a backup of a whole town while it is served: one file, whole and read back, or none.

The database is copied as one moment shows it (SQLite's backup interface, PostgreSQL's ``pg_dump``), and after it the
attachments that it names, which never change and stay for a while when nothing names them any more. No plugin's code
runs and nothing is migrated, so that a town can also be backed up that doesn't start.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import peewee

from townhall import private
from townhall.db import dumps
from townhall.db import meta
from townhall.db import occupying
from townhall.db.engines import TownDatabase
from townhall.db.engines import describe
from townhall.db.system import SystemTables
from townhall.errors import ConfigurationError
from townhall.lifecycle import packing
from townhall.lifecycle.archives import BLOCK
from townhall.lifecycle.backup_contents import Place
from townhall.lifecycle.backup_contents import about
from townhall.lifecycle.backup_contents import as_of_now
from townhall.lifecycle.backup_contents import files
from townhall.lifecycle.backup_files import DATABASES
from townhall.lifecycle.backup_files import BackupReader
from townhall.lifecycle.backup_files import BackupWriter
from townhall.records.files import ROOM_FOR_RECORDS

#: The folder inside the instance in which restores put aside what was there, with its keys.
FOLDER = "backups"
#: What the names of backups begin with, and of those that a restore makes of what was there before.
PREFIX, BEFORE = "townhall", "before-restore"
#: How folders are called in which a backup is being made.
_WORK = (".townhall-", ".part")
#: Seconds after which nobody works in such a folder any more.
_ABANDONED = 6 * 3600
_MEGABYTE = 1024 * 1024
#: Bytes that a disk without the town on it is left.
_ROOM = 50 * _MEGABYTE

#: Told how many bytes of how many are done.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What became of making a backup.

    ``size`` is in bytes. ``lost`` attachments were not there, ``damaged`` ones are in it as they are; ``left_out`` are
    files of plugins whose names no other system could keep. ``encryption`` tells the keys without which values in it
    can't be read, ``keys`` says whether it holds them.
    """

    file: Path
    size: int
    keys: bool
    encryption: tuple[str, ...]
    lost: int
    damaged: int
    left_out: tuple[str, ...]


@dataclass(slots=True)
class _Course:
    """How far it is."""

    total: int
    tell: Progress
    done: int = 0

    def went(self, count: int) -> None:
        self.done += count
        self.tell(min(self.done, self.total), self.total)


@dataclass(slots=True)
class _Attachments:
    """What was found of the attachments."""

    lost: int = 0
    damaged: int = 0


def make(
    place: Place,
    target: Path | None = None,
    *,
    at: datetime,
    with_keys: bool = False,
    prefix: str = PREFIX,
    progress: Progress = lambda done, total: None,
) -> Made:
    """Make a backup in the new file ``target``, or in that folder, or the town's, under a name of its own.

    Raises :class:`~townhall.errors.ConfigurationError` if that can't be done; then there is no such file.
    """
    folder, file = _aim(place, target, prefix, at)
    try:
        if not isinstance(place.database, sqlite3.Connection):
            _see_to_mark(place, place.database)
        _see_to_folder(place, folder)
        _tidy(folder)
        _refuse_without_room(place, folder)
        work = Path(tempfile.mkdtemp(prefix=_WORK[0], suffix=_WORK[1], dir=folder))
        try:
            made = _write(place, work, at, with_keys, progress)
            _put(work / "backup.zip", file)
            private.folder_to_disk(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
        raise ConfigurationError(f"{file}: the backup can't be written: {reason(error)}.") from error
    return Made(file, file.stat().st_size, with_keys, *made)


def _see_to_mark(place: Place, database: TownDatabase) -> None:
    """See that there is a town, and that it has what tells it from others, before it is copied."""
    try:
        if "meta" not in database.get_tables():
            raise ConfigurationError(f"{describe(place.settings.database)}: there is no town in this database.")
        meta.town_mark(SystemTables(database))
    except peewee.DatabaseError as error:
        if type(error) is not peewee.DatabaseError or database.engine != "sqlite":
            raise
        raise occupying.Damaged(str(error)) from error


def _see_to_folder(place: Place, folder: Path) -> None:
    """Make a folder of the instance. One elsewhere must be there: a disk that is not connected is not to be missed."""
    if folder.resolve().is_relative_to(place.instance.resolve()):
        private.make_folder(folder)
    elif not folder.is_dir():
        raise ConfigurationError(f"{folder}: there is no such folder for a backup. Is its disk connected?")


def _aim(place: Place, target: Path | None, prefix: str, at: datetime) -> tuple[Path, Path]:
    """The folder and the file that a backup goes to. Raises if the file is there already."""
    if target is not None and not target.is_dir():
        if target.exists():
            raise _there_already(target)
        return target.parent, target
    folder = target or place.folder
    name = f"{prefix}-{at.astimezone(place.settings.zone):%Y%m%d-%H%M%S}"
    file, number = folder / f"{name}.zip", 1
    while file.exists():
        number += 1
        file = folder / f"{name}-{number}.zip"
    return folder, file


def _put(fresh: Path, file: Path) -> None:
    """Give a file its name, unless there is one of that name by now."""
    try:
        os.link(fresh, file)
    except FileExistsError:
        raise _there_already(file) from None
    except OSError:  # a disk that knows no second names
        if file.exists():
            raise _there_already(file) from None
        fresh.replace(file)


def _there_already(file: Path) -> ConfigurationError:
    return ConfigurationError(f"{file} is there already. Name another file: a backup is never replaced.")


def reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return str(error).rstrip(".")


def _tidy(folder: Path) -> None:
    """Take away what somebody was stopped in the middle of long ago."""
    for work in folder.glob(f"{_WORK[0]}*{_WORK[1]}"):
        touched = max((path.stat().st_mtime for path in (work, *work.iterdir())), default=0.0)
        if time.time() - touched > _ABANDONED:
            shutil.rmtree(work, ignore_errors=True)


def _refuse_without_room(place: Place, folder: Path) -> None:
    """A copy of the database, as much again packed at worst, and the attachments must have room."""
    database = _database_size(place)
    kept = ("files", packing.FOLDER)
    size = 2 * database + sum(_size_of(place.instance / name) for name in kept)
    own = folder.resolve().is_relative_to(place.instance.resolve())
    free = shutil.disk_usage(folder).free
    if free < (needed := size + (ROOM_FOR_RECORDS if own else _ROOM)):
        raise ConfigurationError(
            f"{folder}: there is no room for a backup: {needed // _MEGABYTE:,} MB are needed and "
            f"{free // _MEGABYTE:,} MB are free. Make room, or write another disk's folder into [backup]."
        )


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0


def _database_size(place: Place) -> int:
    if isinstance(place.database, sqlite3.Connection):
        (pages,), (size,) = (place.database.execute(f"PRAGMA page_{each}").fetchone() for each in ("count", "size"))
        return int(pages * size)
    if place.database.engine == "postgresql":
        return dumps.size(place.database)
    file = Path(str(place.database.database))
    return sum(path.stat().st_size for path in file.parent.glob(f"{file.name}*") if path.is_file())


def _write(
    place: Place, work: Path, at: datetime, with_keys: bool, progress: Progress
) -> tuple[tuple[str, ...], int, int, tuple[str, ...]]:
    """Write the whole backup into ``work`` and read it back."""
    with as_of_now(place, work) as (database, kept):
        system = SystemTables(database)
        told = about(place, system, database, at)
        table = system.attachment
        checksums = [
            checksum for (checksum,) in table.select(table.checksum).distinct().order_by(table.checksum).tuples()
        ]
    found = _Attachments()
    engine = str(told["engine"])
    members, left_out = files(place, checksums, with_keys)
    total = 2 * (kept.stat().st_size + sum(path.stat().st_size for path in members.values() if path.exists()))
    course = _Course(max(total, 1), progress)
    backup = work / "backup.zip"
    private.make_file(backup)
    with BackupWriter(backup) as writer:
        with kept.open("rb") as stream:
            # A dump of PostgreSQL is packed already.
            writer.add(DATABASES[engine], _blocks(stream, course), stored=engine == "postgresql")
        private.remove(kept)
        for name, path in members.items():
            try:
                stream = path.open("rb")
            except FileNotFoundError:
                # Taken away since, by somebody's wish or by its time.
                found.lost += name.startswith("files/")
                continue
            with stream:
                writer.add(name, _blocks(stream, course), stored=name.startswith(("files/", "packs/")))
            found.damaged += name.startswith("files/") and writer.checksum(name) != path.name
        writer.finish({**told, "lost": found.lost, "damaged": found.damaged})
    with backup.open("rb+") as written:
        private.to_disk(written)
    with BackupReader(backup) as reader:
        reader.verify(course.went)
        encryption = tuple(reader.about.encryption)
    return encryption, found.lost, found.damaged, tuple(left_out)


def _blocks(stream: IO[bytes], course: _Course) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        course.went(len(block))
        yield block
