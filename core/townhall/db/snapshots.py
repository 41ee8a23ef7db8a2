"""The database as it was before an upgrade, so that a town can go back even after one that succeeded.

On SQLite a snapshot is a whole database file in ``snapshots`` inside the instance. On PostgreSQL it is a dump there if
``pg_dump`` is on the path and not older than the server, and otherwise a schema of the same database that holds copies
of the tables concerned. A failed upgrade needs none of them: it is one transaction.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from townhall import private
from townhall.db import dumps
from townhall.db.engines import TownDatabase
from townhall.errors import PluginError

#: The folder inside the instance.
FOLDER = "snapshots"
#: How the names of schemas with copies begin.
PREFIX = "townhall_snapshot_"
_FORMAT = "%Y%m%dT%H%M%S"
#: How the name of one ends that is being written.
_PART = ".part"


def take(
    database: TownDatabase, instance: Path, plugin: str, version: str, at: datetime, tables: Iterable[str], keep: int
) -> str:
    """Keep the database as it is now; where it is kept, for people. Only the latest ``keep`` snapshots stay.

    To be called inside the transaction of the upgrade, before anything is written. ``tables`` are those concerned.
    Raises :class:`~townhall.errors.PluginError` if there is no room or no permission.
    """
    stamp = at.strftime(_FORMAT)
    if database.engine == "postgresql" and not dumps.may_dump(database):
        name = f"{PREFIX}{stamp}_{plugin}"[:60].lower()
        _copy_tables(database, name, tables, keep)
        return f"the schema {name} of the database"
    folder = instance / FOLDER
    ending = ".db" if database.engine == "sqlite" else ".dump"
    file = _free_name(folder, f"{stamp}-{plugin}-{re.sub(r'[^0-9A-Za-z.+-]', '_', version) or '0'}", ending)
    part = file.with_name(f"{file.name}{_PART}")
    try:
        private.make_folder(folder)
        for left_over in folder.glob(f"*{_PART}"):
            private.remove(left_over)
        private.make_file(part)
        if database.engine == "sqlite":
            _back_up(Path(str(database.database)), part)
        else:
            dumps.dump(database, part)
        with part.open("rb+") as stream:
            private.to_disk(stream)
        # Only now does it bear the name of a snapshot: one that somebody was stopped in the middle of never does.
        part.replace(file)
        private.folder_to_disk(folder)
    except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
        part.unlink(missing_ok=True)
        raise PluginError(f"{file}: the snapshot before the upgrade can't be written: {error}.") from error
    for old in sorted(folder.glob(f"*{ending}"), key=lambda path: path.stat().st_mtime_ns)[:-keep]:
        private.remove(old)
    return str(file)


def _free_name(folder: Path, name: str, ending: str) -> Path:
    file, number = folder / f"{name}{ending}", 1
    while file.exists():
        number += 1
        file = folder / f"{name}-{number}{ending}"
    return file


def _back_up(source: Path, target: Path) -> None:
    size = sum(path.stat().st_size for path in source.parent.glob(f"{source.name}*") if path.is_file())
    free = shutil.disk_usage(target.parent).free
    if free < size + 50 * 1024 * 1024:
        raise OSError(f"{size // 1024 // 1024 + 50} MB are needed and {free // 1024 // 1024} MB are free")
    copy_file(source, target)
    target.chmod(0o600)


def copy_file(source: Path, target: Path) -> None:
    """Copy an SQLite database that is in use, as it was committed last."""
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


def _copy_tables(database: TownDatabase, name: str, tables: Iterable[str], keep: int) -> None:
    schemas = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s) ORDER BY nspname"
    there = [row[0] for row in database.execute_sql(schemas, (PREFIX,)).fetchall()]
    # Made by a transaction that may roll back, so the older ones go in the same one.
    for old in [each for each in there if each == name] + [each for each in there if each != name][
        : -(keep - 1) or None
    ]:
        database.execute_sql(f'DROP SCHEMA "{old}" CASCADE')
    database.execute_sql(f'CREATE SCHEMA "{name}"')
    existing = set(database.get_tables())
    for table in tables:
        if table in existing:
            database.execute_sql(f'CREATE TABLE "{name}"."{table}" AS TABLE "{table}"')
