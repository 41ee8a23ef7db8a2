"""Ids that are known before their rows are written, so that children are written in the same breath; rows by a value.

Names of tables and columns come from schemas, which allow no quotes in them; values are always parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from townhall.db.engines import TownDatabase

#: Most values that one statement is given.
_BATCH = 500


def take(database: TownDatabase, table: str, count: int) -> Sequence[int]:
    """Ids for ``count`` new rows of ``table``. Must run inside the transaction that inserts them."""
    if count == 0:
        return ()
    if database.engine == "postgresql":
        cursor = database.execute_sql(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", (f'"{table}"', count)
        )
        return [row[0] for row in cursor.fetchall()]
    # The write lock is held, so nobody else can take the ids that follow. Ids of a table that never reuses them
    # (AUTOINCREMENT) are remembered in sqlite_sequence even when the rows are gone.
    highest = f'(SELECT coalesce(max(id), 0) FROM "{table}")'  # noqa: S608
    remembered = "(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?)"
    # Tables of records are such ones, so SQLite has made its own.
    taken = database.execute_sql(f"SELECT max({highest}, {remembered})", (table,)).fetchone()[0]
    return range(taken + 1, taken + 1 + count)


def rows_with(
    database: TownDatabase, table: str, columns: Sequence[str], column: str, values: Sequence[Any], also: str = ""
) -> Iterator[Sequence[Any]]:
    """The ``columns`` of the rows whose ``column`` has one of ``values``. ``also`` is a further SQL condition."""
    names = ", ".join(f'"{name}"' for name in columns)
    more = f" AND {also}" if also else ""
    for start in range(0, len(values), _BATCH):
        part = values[start : start + _BATCH]
        marks = ", ".join([database.param] * len(part))
        sql = f'SELECT {names} FROM "{table}" WHERE "{column}" IN ({marks}){more}'  # noqa: S608
        yield from database.execute_sql(sql, part).fetchall()
