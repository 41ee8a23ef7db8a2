"""Bringing a town back from a backup: as a whole or not at all, whenever it is stopped.

Everything is read and laid out beside the town first, and what is there is put aside as a backup of its own. Then the
database is replaced in one transaction, which also writes the mark of this restore into it: with that the town is the
one of the backup. What else has to change (plugins of the instance, the secret key, settings where there were none)
lies ready, and is put in its place by whoever finds the mark: this process, or if it died, the next one that opens the
town.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from townhall import private
from townhall.db import dumps
from townhall.db import meta
from townhall.db import occupying
from townhall.db.engines import PostgresqlEngine
from townhall.db.engines import open_database
from townhall.db.occupying import Occupied
from townhall.db.system import SystemTables
from townhall.encryption import fingerprint
from townhall.errors import ConfigurationError
from townhall.lifecycle import backing_up
from townhall.lifecycle import restored_state
from townhall.lifecycle.backing_up import BEFORE
from townhall.lifecycle.backing_up import Progress
from townhall.lifecycle.backup_contents import Place
from townhall.lifecycle.backup_files import SETTINGS
from townhall.lifecycle.backup_files import BackupReader
from townhall.lifecycle.restore_staging import FOLDER
from townhall.lifecycle.restore_staging import PLUGINS
from townhall.lifecycle.restore_staging import beside
from townhall.lifecycle.restore_staging import clear
from townhall.lifecycle.restore_staging import finish
from townhall.lifecycle.restore_staging import keys_in
from townhall.lifecycle.restore_staging import lay_out
from townhall.lifecycle.restore_staging import named
from townhall.lifecycle.restore_target import Target
from townhall.lifecycle.restored_state import State
from townhall.secret_key import SECRET_FILE


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
            clear(staging)


def _on_sqlite(
    target: Target, reader: BackupReader, at: datetime, staging: Path, occupied: Occupied, progress: Progress
) -> Restored:
    state = restored_state.of(target, reader, at, occupied.value(meta.GENERATION))
    lay_out(target, reader, staging, state)
    fresh = staging / reader.database
    try:
        occupying.check(fresh)
    except occupying.Damaged as error:
        raise reader.wrong("the database in it is damaged.") from error
    occupying.settle(fresh, restored_state.statements(state))
    before = _put_aside_sqlite(target, at, occupied, progress)
    occupied.replace(fresh)
    return _done(target, reader, state, before)


def _on_postgresql(
    target: Target, reader: BackupReader, at: datetime, staging: Path, database: PostgresqlEngine, progress: Progress
) -> Restored:
    there = "meta" in database.get_tables()
    state = restored_state.of(target, reader, at, meta.get(SystemTables(database), meta.GENERATION) if there else "")
    lay_out(target, reader, staging, state)
    before = _put_aside(Place(target.instance, target.settings, database), at, progress) if there else None
    statements = restored_state.statements(state, f'"{dumps.schema_of(database)}".')
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
    if "meta" not in occupied.tables() and not occupied.is_damaged:
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
    if (plugins := target.instance / PLUGINS).is_dir():
        shutil.copytree(plugins, kept / PLUGINS)
    return kept


def _done(target: Target, reader: BackupReader, state: State, before: Path | None) -> Restored:
    known = {fingerprint(key) for key in keys_in(target.instance / target.settings.encryption_key_file)}
    missing = tuple(mark for mark in reader.about.encryption if mark not in known)
    elsewhere = tuple(place for name, place in named(target, reader).items() if place == beside(target.instance, name))
    return Restored(before, missing, target.is_new and reader.has(SETTINGS), state.forget_code_apps, elsewhere)
