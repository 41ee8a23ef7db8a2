"""Where a backup would be brought back to: what is there, whether it fits, and why not. Changes nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from urllib.parse import urlsplit

from townhall import private
from townhall.config import FILE_NAME
from townhall.config import Settings
from townhall.config import load_settings
from townhall.db import dumps
from townhall.db.engines import PostgresqlEngine
from townhall.db.engines import describe
from townhall.db.engines import open_database
from townhall.errors import ConfigurationError
from townhall.lifecycle.backup_files import ENGINES
from townhall.lifecycle.backup_files import SETTINGS
from townhall.lifecycle.backup_files import BackupReader
from townhall.lifecycle.migrations.plans import version_of

_MEGABYTE = 1024 * 1024
#: Bytes that stay free in any case.
_ROOM = 50 * _MEGABYTE


@dataclass(frozen=True, slots=True)
class Target:
    """A folder for a town, with the settings that will count.

    ``file`` is the database's on SQLite. ``is_new`` says that the folder has no settings yet, so those of the backup
    count; ``has_town`` that a town is there, which is put aside.
    """

    instance: Path
    settings: Settings
    file: Path | None
    is_new: bool
    has_town: bool


def look(instance: Path, reader: BackupReader) -> Target:
    """Where a backup would go. Raises :class:`~townhall.errors.ConfigurationError` if it can't."""
    about = reader.about
    ours = installed_version("townhall")
    if version_of(about.townhall) > version_of(ours):
        raise reader.wrong(
            f"it was made with Townhall {about.townhall}, and this is Townhall {ours}. Install Townhall "
            f"{about.townhall} or a newer one, then restore."
        )
    _refuse_wrong_account(instance)
    is_new = not (instance / FILE_NAME).exists()
    settings = _settings_of(reader) if is_new else load_settings(instance)
    engine = "sqlite" if urlsplit(settings.database).scheme == "sqlite" else "postgresql"
    if engine != about.engine:
        raise reader.wrong(
            f"it is of a town on {ENGINES[about.engine]}, and the settings of this one say {ENGINES[engine]}. Write "
            f"the address of a database of {ENGINES[about.engine]} into {FILE_NAME} ([server], database) first."
        )
    if engine == "sqlite":
        target = _on_sqlite(instance, settings, is_new)
    else:
        target = _on_postgresql(instance, settings, is_new, reader)
    _refuse_without_room(target, reader)
    return target


def _refuse_wrong_account(instance: Path) -> None:
    """Whoever may do everything would leave files that the town's own account can't write."""
    if os.name == "posix" and instance.is_dir() and os.geteuid() == 0 and (owner := instance.stat().st_uid):
        raise ConfigurationError(
            f"{instance} belongs to another account (number {owner}), which could not use what is made now. Run this "
            "as that account, like: sudo -u townhall townhall …"
        )


def _settings_of(reader: BackupReader) -> Settings:
    """The settings in a backup; what the environment says goes before."""
    with tempfile.TemporaryDirectory(prefix="townhall-restore-") as folder:
        if reader.has(SETTINGS):
            private.write(Path(folder) / FILE_NAME, reader.text(SETTINGS))
        return load_settings(Path(folder))


def _on_sqlite(instance: Path, settings: Settings, is_new: bool) -> Target:
    file = instance / settings.database.removeprefix("sqlite:///")
    has_town = file.is_file() and file.stat().st_size > 0
    if is_new and has_town and not file.resolve().is_relative_to(instance.resolve()):
        raise _elsewhere(settings)
    return Target(instance, settings, file, is_new, has_town)


def _on_postgresql(instance: Path, settings: Settings, is_new: bool, reader: BackupReader) -> Target:
    database = open_database(settings.database, instance)
    assert isinstance(database, PostgresqlEngine)  # noqa: S101  # the settings say so
    try:
        schema, has_town = dumps.schema_of(database), bool(database.get_tables())
    finally:
        database.close_all()
    if schema != reader.about.schema:
        raise reader.wrong(
            f"its tables are in the schema {reader.about.schema}, and the database looks into {schema} first. Give "
            "the town's user that schema: ALTER ROLE … SET search_path = …."
        )
    if is_new and has_town:
        raise _elsewhere(settings)
    dumps.require_programs()
    return Target(instance, settings, None, is_new, has_town)


def _elsewhere(settings: Settings) -> ConfigurationError:
    return ConfigurationError(
        f"The settings in the backup name the database {describe(settings.database)}, and it holds a town already. "
        "To replace that one, restore into its own folder. For a copy beside it, put a townhall.toml that names "
        "another database into this folder first."
    )


def _refuse_without_room(target: Target, reader: BackupReader) -> None:
    folder = target.instance
    while not folder.is_dir():
        folder = folder.parent
    there = target.file.stat().st_size if target.file is not None and target.file.is_file() else 0
    needed, free = reader.size + reader.size_of(reader.database) + there + _ROOM, shutil.disk_usage(folder).free
    if free < needed:
        raise reader.wrong(
            f"it needs {needed // _MEGABYTE:,} MB on the disk of {folder}, and {free // _MEGABYTE:,} MB are free."
        )
