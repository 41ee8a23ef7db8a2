"""Having an SQLite database for oneself alone, to put another one in its place as a whole or not at all.

SQLite itself knows who has a file open: only somebody who is alone with it can take it out of the mode in which its
write-ahead log stands beside it. What is put in its place goes through one transaction of the same file, so that
whoever dies in the middle has done nothing, and whoever waits meanwhile finds the new contents, and no old log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from townhall import private
from townhall.errors import ConfigurationError

#: Seconds that somebody who has the file open for a moment is waited for.
_PATIENCE = 2.0
#: Pages that are copied between two tellings of how far it is.
_PAGES = 2_000
#: What SQLite puts beside a database.
SIDE_FILES = ("-wal", "-shm", "-journal")


class Damaged(ConfigurationError):
    """What is in the file is no database that can be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database is damaged: {reason}. Look for the last whole backup with townhall backup --list, and bring "
            "it back with townhall restore."
        )


class Occupied:
    """A database file that nobody else has open. ``connection`` is ``None`` where it can't be read."""

    def __init__(self, file: Path, connection: sqlite3.Connection | None) -> None:
        self.file = file
        self.connection = connection

    @property
    def is_damaged(self) -> bool:
        """Whether there is something that can't be read."""
        return self.connection is None

    def tables(self) -> set[str]:
        """The names of its tables; none if they can't be read."""
        return {name for (name,) in self._ask("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def value(self, key: str) -> str:
        """A fact that the town in it keeps about itself; empty if there is no town, or no such fact."""
        rows = self._ask("SELECT value FROM meta WHERE key = ?", key) if "meta" in self.tables() else []
        return str(rows[0][0]) if rows else ""

    def _ask(self, sql: str, *parameters: str) -> list[tuple[Any, ...]]:
        if self.connection is None:
            return []
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            self.give_up()
            return []

    def give_up(self) -> None:
        """Take it for damaged: it turned out that it can't be read."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def replace(self, fresh: Path) -> None:
        """Put the database in the file ``fresh`` in its place. What can't be read goes with its file."""
        try:
            if self.connection is not None:
                with closing(sqlite3.connect(fresh)) as source:
                    source.backup(self.connection, pages=_PAGES)
                return
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            self.give_up()
        for ending in SIDE_FILES:
            private.remove(self.file.with_name(self.file.name + ending))
        fresh.replace(self.file)
        private.folder_to_disk(self.file.parent)


@contextmanager
def occupied(file: Path) -> Iterator[Occupied]:
    """Have the database in ``file``, which is made if there is none, for oneself until the end of the block.

    Raises :class:`~townhall.errors.ConfigurationError` if somebody else has it open.
    """
    private.make_folder(file.parent)
    private.make_file(file)
    connection: sqlite3.Connection | None = sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)
    assert connection is not None  # noqa: S101
    try:
        connection.execute("PRAGMA journal_mode = delete").fetchone()
        connection.execute("PRAGMA locking_mode = exclusive")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous = extra")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" not in str(error) and "busy" not in str(error):
            raise ConfigurationError(f"{file} can't be opened: {error}.") from error
        raise ConfigurationError(
            f"Somebody has the database {file} open, perhaps the server, or a command. Stop townhall serve, and "
            "townhall jobs work if it runs, and try again."
        ) from error
    except sqlite3.DatabaseError:
        connection.close()
        connection = None
    occupation = Occupied(file, connection)
    try:
        yield occupation
    finally:
        occupation.give_up()


def check(file: Path) -> None:
    """Raise :class:`Damaged` if a database file is not whole."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.DatabaseError as error:
        said = [str(error)]
    if said != ["ok"]:
        raise Damaged(said[0] if said else "it can't be read")


def settle(file: Path, statements: list[str]) -> None:
    """Run statements in a database file that nobody else has open, and leave nothing beside it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = delete").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
