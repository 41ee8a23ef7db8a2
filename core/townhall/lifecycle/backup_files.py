"""The file that ``townhall backup`` writes and ``townhall restore`` reads: an archive with a whole town.

``backup.json`` says what it is of, and names every other member (:mod:`townhall.lifecycle.archives`). The database is
one file of its engine, attachments stand under the SHA-256 by which the database knows them. Keys are in it only where
somebody asked for that; which keys belong to it is said by what tells them from others and gives nothing away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from townhall.errors import ConfigurationError
from townhall.lifecycle.archives import ArchiveReader
from townhall.lifecycle.archives import ArchiveWriter
from townhall.lifecycle.archives import text
from townhall.lifecycle.archives import texts
from townhall.records.files import DEVICES
from townhall.records.instants import from_microseconds

FORMAT = 1
TABLE_OF_CONTENTS = "backup.json"
#: Members that there is at most one of.
SETTINGS = "townhall.toml"
CERTIFICATES = "certificates"
SECRET_KEY, ENCRYPTION_KEY, MAIL_PASSWORD = "keys/secret_key", "keys/encryption_key", "keys/mail_password"
#: The database, by engine.
DATABASES = {"sqlite": "database.db", "postgresql": "database.dump"}
#: What engines are called in sentences.
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_SINGLE = {SETTINGS, CERTIFICATES, SECRET_KEY, ENCRYPTION_KEY, MAIL_PASSWORD, *DATABASES.values()}
_FILE = re.compile(r"files/[0-9a-f]{64}")
_PLACED = re.compile(r"plugins/.+/.+|packs/[^/]+\.zip", re.DOTALL)
#: What tells a key.
_MARK = re.compile(r"[0-9a-f]{16}")


class BackupWriter(ArchiveWriter):
    """Writes a backup, member by member."""

    table_of_contents = TABLE_OF_CONTENTS
    format = FORMAT

    def __enter__(self) -> BackupWriter:
        return self


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself.

    ``schema`` is that of PostgreSQL in which the tables were, ``generation`` the town's at that moment. ``tables`` has
    the number of rows of each, ``secret`` and ``encryption`` tell the keys that belong to it, ``keys`` the members that
    hold some. ``lost`` is how many attachments were not there, ``damaged`` how many were not what was uploaded.
    """

    townhall: str
    engine: str
    schema: str
    town: str
    town_mark: str
    made_at: int
    generation: int
    tables: Mapping[str, int]
    plugins: Mapping[str, str]
    migrations: Sequence[tuple[str, str, str, str]]
    secret: str
    encryption: Sequence[str]
    lost: int
    damaged: int

    @property
    def made(self) -> datetime:
        """When it was made."""
        return from_microseconds(self.made_at)


class BackupReader(ArchiveReader):
    """Reads a backup that anybody may have made. Use it as a context manager.

    Raises :class:`~townhall.errors.ConfigurationError` with a sentence for whatever is wrong.
    """

    table_of_contents = TABLE_OF_CONTENTS
    format = FORMAT
    kind = "backup"
    error = ConfigurationError
    about: About

    def __init__(self, source: Path) -> None:
        self.file = source
        super().__init__(source)

    def __enter__(self) -> BackupReader:
        return self

    @property
    def database(self) -> str:
        """The member with the database."""
        return DATABASES[self.about.engine]

    @property
    def keys(self) -> list[str]:
        """Members that are keys or passwords."""
        return self.names("keys")

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(self.size_of(name) for name in self.members)

    def size_of(self, name: str) -> int:
        """Bytes of a member."""
        return self._archive.getinfo(name).file_size

    def is_member(self, name: str) -> bool:
        """Whether a member may be called this."""
        if name in _SINGLE or _FILE.fullmatch(name):
            return True
        return _PLACED.fullmatch(name) is not None and is_safe(name)

    def refuse_size(self, packed: int, contents: int) -> None:
        """Refuse nothing: a database may pack very well. Whether there is room for it is asked before it is used."""

    def take(self, told: Mapping[str, Any]) -> None:
        """Take what the backup says of itself."""
        self.about = _about(told)
        if not self.has(self.database) or any(not _MARK.fullmatch(mark) for mark in self.about.encryption):
            raise ValueError(self.about.engine)


def is_safe(path: str) -> bool:
    """Whether a path leads to no other place than it says, on any system."""
    return all(
        part.strip(" .") and not part.endswith((".", " ")) and part.isprintable()
        and not set(part) & set('\\:<>"|?*') and not DEVICES.fullmatch(part)
        for part in path.split("/")
    )  # fmt: skip


def _about(told: Mapping[str, Any]) -> About:
    return About(
        townhall=text(told["townhall"]),
        engine=text(told["engine"]),
        schema=text(told["schema"]),
        town=text(told["town"]),
        town_mark=text(told["town_mark"]),
        made_at=_number(told["made_at"]),
        generation=_number(told["generation"]),
        tables={text(name): _number(count) for name, count in told["tables"].items()},
        plugins={text(name): text(version) for name, version in told["plugins"].items()},
        migrations=[(text(p), text(v), text(n), text(c)) for p, v, n, c in told["migrations"]],
        secret=text(told["secret"]),
        encryption=texts(told["encryption"]),
        lost=_number(told["lost"]),
        damaged=_number(told["damaged"]),
    )


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise TypeError(value)
    return value
