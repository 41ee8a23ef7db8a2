"""What goes into a backup: the database as one moment shows it, what is said about it, and the files beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import closing
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as installed_version
from pathlib import Path

from townhall import private
from townhall.config import FILE_NAME
from townhall.config import Settings
from townhall.db import copies
from townhall.db import dumps
from townhall.db import ledger
from townhall.db import meta
from townhall.db import occupying
from townhall.db.engines import TownDatabase
from townhall.db.engines import open_database
from townhall.db.snapshots import copy_file
from townhall.db.system import SystemTables
from townhall.encryption import KEYS_USED
from townhall.encryption import fingerprint
from townhall.errors import ConfigurationError
from townhall.extend import states
from townhall.lifecycle import packing
from townhall.lifecycle.backup_files import CERTIFICATES
from townhall.lifecycle.backup_files import DATABASES
from townhall.lifecycle.backup_files import ENCRYPTION_KEY
from townhall.lifecycle.backup_files import MAIL_PASSWORD
from townhall.lifecycle.backup_files import SECRET_KEY
from townhall.lifecycle.backup_files import SETTINGS
from townhall.lifecycle.backup_files import is_safe
from townhall.lifecycle.migrations.kept import CORE_VERSION
from townhall.records.instants import to_microseconds
from townhall.secret_key import SECRET_FILE


@dataclass(frozen=True, slots=True)
class Place:
    """A town that is not opened: its folder, its settings and its database."""

    instance: Path
    settings: Settings
    database: TownDatabase | sqlite3.Connection

    @property
    def folder(self) -> Path:
        """Where its backups go."""
        return self.instance / self.settings.backup_folder


@contextmanager
def as_of_now(place: Place, work: Path) -> Iterator[tuple[TownDatabase, Path]]:
    """The database as one moment shows it: to be asked, and as a file to be kept."""
    given = place.database
    if isinstance(given, sqlite3.Connection) or given.engine == "sqlite":
        file = work / DATABASES["sqlite"]
        private.make_file(file)
        try:
            if isinstance(given, sqlite3.Connection):
                with closing(sqlite3.connect(file)) as target:
                    given.backup(target)
            else:
                copy_file(Path(str(given.database)), file)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise occupying.Damaged(str(error)) from error
        occupying.check(file)
        copy = open_database(f"sqlite:///{file.name}", work)
        try:
            yield copy, file
        finally:
            copy.close_all()
        return
    if not dumps.may_dump(given):
        raise ConfigurationError(
            "pg_dump can't be found here, or is older than the database's server. Install the programs of PostgreSQL "
            "in the server's version (the package is called postgresql-client on most systems); if somebody else "
            "backs up the database and the folder files, write keep = 0 into [backup]."
        )
    file = work / DATABASES["postgresql"]
    private.make_file(file)
    with given.atomic("REPEATABLE READ"):
        schema = dumps.schema_of(given)
        dumps.dump(given, file, f"--snapshot={dumps.snapshot(given)}", f"--schema={schema}")
        yield given, file


def about(place: Place, system: SystemTables, database: TownDatabase, at: datetime) -> Mapping[str, object]:
    """What a backup says of itself but for its files."""
    on = states.enabled(system)
    return {
        "townhall": meta.get(system, CORE_VERSION) or installed_version("townhall"),
        "engine": database.engine,
        "schema": dumps.schema_of(database) if database.engine == "postgresql" else "",
        "town": place.settings.name,
        "town_mark": meta.get(system, meta.TOWN),
        "made_at": to_microseconds(at),
        "generation": meta.generation(system),
        "tables": copies.row_counts(database),
        "plugins": {name: state.version for name, state in states.read(system).items() if name in on},
        "migrations": [(each.plugin, each.version, each.name, each.checksum) for each in ledger.migrations(system)],
        "secret": mark_of(place.instance / SECRET_FILE),
        "encryption": meta.get(system, KEYS_USED).split(),
    }


def mark_of(key: Path) -> str:
    """What tells the key in a file; empty if there is none."""
    return fingerprint(key.read_text(encoding="utf-8", errors="replace").strip()) if key.is_file() else ""


def files(place: Place, checksums: Sequence[str], with_keys: bool) -> tuple[dict[str, Path], list[str]]:
    """What else goes into a backup: members, with the files that they are read from; and what has to be left out."""
    instance, settings = place.instance, place.settings
    named = {SETTINGS: FILE_NAME, CERTIFICATES: settings.mail_certificates}
    if with_keys:
        named |= {
            SECRET_KEY: SECRET_FILE,
            ENCRYPTION_KEY: settings.encryption_key_file,
            MAIL_PASSWORD: settings.mail_password_file,
        }
    found = {member: file for member, name in named.items() if name and (file := instance / name).is_file()}
    found |= {f"files/{checksum}": instance / "files" / checksum[:2] / checksum for checksum in checksums}
    left_out: list[str] = []
    folder = instance / packing.FOLDER
    others = {f"packs/{file.name}": file for file in sorted(folder.glob("*.zip"))}
    for name, path in (others | dict(_plugin_files(instance / "plugins"))).items():
        if is_safe(name):
            found[name] = path
        else:
            left_out.append(name)
    return found, left_out


def _plugin_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of plugins that lie in the instance; not what Python or an editor puts beside them."""
    for plugin in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not plugin.is_dir() or plugin.name.startswith("."):
            continue
        for at, folders, names in os.walk(plugin):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
            for name in sorted(names):
                path = Path(at) / name
                if path.is_file() and not name.startswith(".") and path.suffix != ".pyc":
                    yield f"plugins/{plugin.name}/{path.relative_to(plugin).as_posix()}", path
