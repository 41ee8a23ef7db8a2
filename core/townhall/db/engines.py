"""The two engines a town can stand on: SQLite in a file of the instance, or a PostgreSQL server.

Both are peewee databases with a pool of connections, so that a request takes a connection and gives it back instead of
opening one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any
from typing import ClassVar
from typing import Literal
from urllib.parse import urlsplit

import peewee
from playhouse.pool import PooledPostgresqlDatabase
from playhouse.pool import PooledSqliteDatabase

from townhall import private
from townhall.errors import ConfigurationError

EngineName = Literal["sqlite", "postgresql"]

#: Seconds that a writer waits for another one, and a request for a connection, before they give up.
PATIENCE = 30
_SQLITE_PRAGMAS = {
    "busy_timeout": PATIENCE * 1_000,
    "journal_mode": "wal",
    "foreign_keys": 1,
    "synchronous": "full",
    "cache_size": -32_000,
    "temp_store": "memory",
    # Pages of four thousand, 16 MB: most that are written many times in a row go into the file once.
    "wal_autocheckpoint": 4_000,
}
_MAX_CONNECTIONS = 64
#: Statements that each connection keeps prepared, about 3 MB: Python's own 128 are fewer than a save and some different
#: pages ask, and then each of them is prepared again and again.
_PREPARED = 512
#: How the URL of a database on SQLite begins; the rest is its file.
_FILE_URL = "sqlite:///"
#: Most values that one statement takes. SQLite takes 32,766, PostgreSQL twice as many.
_MOST_VALUES = 30_000
#: Entries of each index that SQLite looks at for its statistics.
_SAMPLE = 2_000
#: The first one that gives back the rows it wrote (RETURNING).
_OLDEST_SQLITE = (3, 35, 0)


class _Batches:
    """Running statements over many rows, seen by the same query hooks as single statements."""

    #: Rows that one statement inserts: as many of the first as there are, then of the next, so that statements are few.
    _rows_at_once: ClassVar[tuple[int, ...]]

    def executemany(self: Any, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run ``sql`` once per row; the number of rows that it changed."""
        start = perf_counter()
        cursor = self.cursor()
        with peewee.__exception_wrapper__:  # type: ignore[attr-defined]  # makes the driver's errors peewee's
            cursor.executemany(sql, rows)
        if self.query_hooks:
            self._notify_hooks(sql, (), start, None)
        return int(cursor.rowcount)

    def insert_rows(self: Any, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, each a sequence of values in the order of ``columns``.

        A statement takes hundreds of them where there are as many: what an engine does for a statement besides its
        rows is about the work of one row. Names come from schemas, which allow no quotes in them.
        """
        done = 0
        for many in self._rows_at_once:
            many = min(many, _MOST_VALUES // len(columns))
            end = done + (len(rows) - done) // many * many
            if end > done:
                flat = (tuple(chain.from_iterable(rows[at : at + many])) for at in range(done, end, many))
                self.executemany(_insertion(table, columns, many, self.param), flat)
            done = end


def _insertion(table: str, columns: Sequence[str], rows: int, mark: str) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join([mark] * len(columns))
    return f'INSERT INTO "{table}" ({names}) VALUES ({"), (".join([marks] * rows)})'  # noqa: S608


class SqliteEngine(_Batches, PooledSqliteDatabase):  # type: ignore[misc]
    """SQLite with write-ahead log, foreign keys and full synchronisation."""

    engine: ClassVar[EngineName] = "sqlite"
    supports_row_locks: ClassVar[bool] = False
    # At the end of each statement inside a savepoint, SQLite walks along all that it has put by to undo the savepoint.
    _rows_at_once: ClassVar[tuple[int, ...]] = (500, 50, 5, 1)
    _opened: ClassVar[Iterator[int]] = count()

    def _add_conn_hooks(self, connection: Any) -> None:
        super()._add_conn_hooks(connection)
        self.__dict__.setdefault("_numbers", {})[id(connection)] = next(self._opened)
        self.__dict__.setdefault("_temporary", {})[id(connection)] = 0

    def state(self) -> tuple[int, int, int] | None:
        """What changes when anything in the database does, whoever wrote it, as this thread's connection sees it.

        The first figure is the connection's own, with which alone the others can be compared.
        """
        connection = self.connection()
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        own = connection.total_changes - self.__dict__["_temporary"][id(connection)]
        return self.__dict__["_numbers"][id(connection)], version, own

    def keep_statistics(self) -> bool:
        """Count anew how many rows tables and indexes have, by which statements choose their way; whether it did.

        SQLite never does so by itself. It looks at a sample of each index.
        """
        self.execute_sql(f"PRAGMA analysis_limit = {_SAMPLE}")
        self.execute_sql("ANALYZE")
        return True

    def keep_ids(self, name: str, query: str, parameters: Sequence[Any]) -> int | None:
        """Gather the ids that a query finds in a temporary table of this connection, in place of those that are there;
        how many they are, ``None`` if it did not.

        Not inside of a transaction, with which it would go. It changes nothing of the database, nor its :meth:`state`.
        """
        if self.transaction_depth():
            return None
        connection = self.connection()
        before = connection.total_changes
        # The ids are the table's own order: one tree to fill, and to look into.
        self.execute_sql(f'CREATE TEMPORARY TABLE IF NOT EXISTS "{name}" (id INTEGER PRIMARY KEY)')
        self.execute_sql(f'DELETE FROM temp."{name}"')  # noqa: S608  # as in the line above
        found = f"WITH found (id) AS {query} SELECT id FROM found WHERE id IS NOT NULL"  # noqa: S608  # put together here
        kept = self.execute_sql(f'INSERT OR IGNORE INTO temp."{name}" {found}', parameters).rowcount
        self.__dict__["_temporary"][id(connection)] += connection.total_changes - before
        return int(kept)

    def change_ids(self, name: str, more: Collection[int], less: Collection[int]) -> None:
        """Add ids to those that :meth:`keep_ids` keeps under a name, and take others out."""
        connection = self.connection()
        before = connection.total_changes
        given = "SELECT value FROM json_each(?)"
        if more:
            self.execute_sql(f'INSERT OR IGNORE INTO temp."{name}" {given}', (json.dumps([*more]),))
        if less:
            self.execute_sql(f'DELETE FROM temp."{name}" WHERE id IN ({given})', (json.dumps([*less]),))  # noqa: S608
        self.__dict__["_temporary"][id(connection)] += connection.total_changes - before

    def forget_ids(self, name: str) -> None:
        """Drop what :meth:`keep_ids` made in this connection."""
        self.execute_sql(f'DROP TABLE IF EXISTS temp."{name}"')


class PostgresqlEngine(_Batches, PooledPostgresqlDatabase):  # type: ignore[misc]
    """PostgreSQL through psycopg 3."""

    engine: ClassVar[EngineName] = "postgresql"
    supports_row_locks: ClassVar[bool] = True
    # The driver sends each value by itself, so larger ones are no cheaper.
    _rows_at_once: ClassVar[tuple[int, ...]] = (100, 10, 1)

    def state(self) -> tuple[int, int, int] | None:
        """Always ``None``: PostgreSQL tells of no such thing for less than a question costs."""
        return None

    def keep_ids(self, name: str, query: str, parameters: Sequence[Any]) -> int | None:
        """Never: nothing says how long they hold."""
        return None

    def change_ids(self, name: str, more: Collection[int], less: Collection[int]) -> None:
        """There are none."""

    def forget_ids(self, name: str) -> None:
        """There are none."""

    def keep_statistics(self) -> bool:
        """Nothing to do: PostgreSQL keeps them by itself."""
        return False


TownDatabase = SqliteEngine | PostgresqlEngine


def open_database(url: str, instance: Path, *, schema: str = "") -> TownDatabase:
    """Open the database that ``url`` names: ``sqlite:///file.db`` (inside ``instance``) or ``postgresql://...``.

    On PostgreSQL ``schema`` is where its tables are, instead of where the server looks by itself.
    Raises :class:`~townhall.errors.ConfigurationError` when the URL can't be used or nobody answers there.
    """
    database = _sqlite(url, instance) if url.startswith("sqlite:") else _postgresql(url, schema)
    try:
        database.connect()
    except peewee.DatabaseError as error:
        reason = _first_line(error)
        hint = private.unwritable(Path(database.database).parent) if isinstance(database, SqliteEngine) else ""
        raise ConfigurationError(f"The database {describe(url)} can't be opened: {hint or reason}.") from error
    return database


def database_file(url: str, instance: Path) -> Path | None:
    """The file of a database on SQLite; ``None`` if it is on a server, or names no file."""
    name = url.removeprefix(_FILE_URL)
    return instance / name if url.startswith(_FILE_URL) and name and name != ":memory:" else None


def describe(url: str) -> str:
    """The URL as it may be shown: without its password."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{parts.username}:***@{host}{port}").geturl()


def _sqlite(url: str, instance: Path) -> SqliteEngine:
    path = database_file(url, instance)
    if path is None:
        raise ConfigurationError(
            f'The setting database = "{url}" names no file: write it like "sqlite:///townhall.db".'
        )
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        oldest = ".".join(map(str, _OLDEST_SQLITE))
        raise ConfigurationError(f"Python's SQLite is {sqlite3.sqlite_version}; Townhall needs {oldest} or newer.")
    private.make_folder(path.parent)
    with suppress(OSError):  # where it can't be written it can perhaps be read, or the database says why not
        private.make_file(path)
    return SqliteEngine(
        str(path),
        pragmas=_SQLITE_PRAGMAS,
        timeout=PATIENCE,
        check_same_thread=False,
        cached_statements=_PREPARED,
        max_connections=_MAX_CONNECTIONS,
    )


def _postgresql(url: str, schema: str = "") -> PostgresqlEngine:
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            f'The setting database = "{describe(url)}" has an unknown kind: use "sqlite:///..." or "postgresql://...".'
        )
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "PostgreSQL needs its driver: install it with pip install townhall[postgresql]."
        ) from error
    options = {"options": f"-csearch_path={schema}"} if schema else {}
    return PostgresqlEngine(
        "postgresql://" + url.partition("://")[2],
        prefer_psycopg3=True,
        max_connections=_MAX_CONNECTIONS,
        timeout=PATIENCE,
        connect_timeout=10,
        **options,
    )


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
