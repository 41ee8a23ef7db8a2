"""Changing tables that hold rows, in the ways that are safe on both engines.

A table or a column gets another name; a column is added; a column that is no longer used stays under a retired name.
Nothing is dropped but indexes, which are made anew from the schema. Above all no table is ever rebuilt: on SQLite, what
copies a table and drops the old one fires the ON DELETE of everything that points at it.

Names come from schemas and allow no quotes; values are always parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from townhall.db.engines import TownDatabase
from townhall_forms.fields.base import Column
from townhall_forms.tables import TableSpec
from townhall_forms.tables import short_name

#: How many rows are read and written in one go.
BATCH = 500


def table_exists(database: TownDatabase, table: str) -> bool:
    """Whether there is such a table."""
    return table in database.get_tables()


def columns_of(database: TownDatabase, table: str) -> set[str]:
    """The names of a table's columns."""
    return {column.name for column in database.get_columns(table)}


def rename_table(database: TownDatabase, old: str, new: str) -> None:
    """Give a table another name. Foreign keys of others follow; its indexes are made anew under its new name."""
    _drop_indexes(database, old)
    database.execute_sql(f'ALTER TABLE "{old}" RENAME TO "{new}"')


def rename_column(database: TownDatabase, table: str, old: str, new: str) -> None:
    """Give a column another name. Indexes on it are made anew."""
    _drop_indexes(database, table, {old})
    database.execute_sql(f'ALTER TABLE "{table}" RENAME COLUMN "{old}" TO "{new}"')


def retire_columns(database: TownDatabase, table: str, columns: Iterable[str], mark: str) -> dict[str, str]:
    """Put columns aside with all that they hold; the retired name of each. No field can have such a name."""
    there = columns_of(database, table)
    retired: dict[str, str] = {}
    for column in columns:
        name = short_name(f"_{mark}_{column}")
        number = 1
        while name in there:
            number += 1
            name = short_name(f"_{mark}_{number}_{column}")
        rename_column(database, table, column, name)
        there.add(name)
        retired[column] = name
    return retired


def add_columns(database: TownDatabase, table: str, columns: Iterable[Column]) -> list[str]:
    """Add those columns that the table lacks; the names of those that were added."""
    there = columns_of(database, table)
    spec = TableSpec(table, "", (), ())
    added = [column for column in columns if column.name not in there]
    for column in added:
        database.execute_sql(spec.add_column(column, database.engine))
    return [column.name for column in added]


def batches(
    database: TownDatabase, table: str, columns: Sequence[str], key: str = "id"
) -> Iterator[list[tuple[Any, ...]]]:
    """All rows of a table in the order of their ``key``, a number of them at a time; each begins with the key.

    What is written to rows that were given already does not disturb it.
    """
    names = ", ".join(f'"{name}"' for name in (key, *columns))
    last = None
    while True:
        where = f' WHERE "{key}" > {database.param}' if last is not None else ""
        sql = f'SELECT {names} FROM "{table}"{where} ORDER BY "{key}" LIMIT {BATCH}'  # noqa: S608
        rows = database.execute_sql(sql, (last,) if last is not None else ()).fetchall()
        if not rows:
            return
        yield [tuple(row) for row in rows]
        last = rows[-1][0]


def write(
    database: TownDatabase, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], key: str = "id"
) -> None:
    """Write columns of many rows; each begins with the row's ``key``."""
    if not rows:
        return
    sets = ", ".join(f'"{name}" = {database.param}' for name in columns)
    sql = f'UPDATE "{table}" SET {sets} WHERE "{key}" = {database.param}'  # noqa: S608
    database.executemany(sql, [(*row[1:], row[0]) for row in rows])


def insert(database: TownDatabase, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add rows."""
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join([database.param] * len(columns))
    database.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(rows))  # noqa: S608


def replace(database: TownDatabase, table: str, column: str, old: Any, new: Any, **also: Any) -> int:
    """Write ``new`` where ``column`` holds ``old`` and every column in ``also`` its value; how many rows that were."""
    mark = database.param
    where = " AND ".join(f'"{name}" = {mark}' for name in (column, *also))
    sql = f'UPDATE "{table}" SET "{column}" = {mark} WHERE {where}'  # noqa: S608
    return int(database.execute_sql(sql, (new, old, *also.values())).rowcount)


def _drop_indexes(database: TownDatabase, table: str, columns: set[str] | None = None) -> None:
    """Drop the indexes of a table, or only those on any of ``columns``; what the engine made for itself stays."""
    for index in database.get_indexes(table):
        own = index.name.startswith("sqlite_autoindex") or index.name.endswith("_pkey")
        if not own and (columns is None or not columns.isdisjoint(index.columns)):
            database.execute_sql(f'DROP INDEX "{index.name}"')
