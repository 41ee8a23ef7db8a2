"""A copy of a whole town's database to try something on, which is gone afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from townhall.db import history_guards
from townhall.db.engines import TownDatabase
from townhall.db.engines import open_database
from townhall.db.snapshots import copy_file
from townhall.errors import ConfigurationError

#: How the names of schemas with copies begin.
PREFIX = "townhall_rehearsal_"


@contextmanager
def copy_of(database: TownDatabase, url: str, instance: Path) -> Iterator[TownDatabase]:
    """A database that is just like ``database`` was when this was called; nothing done to it touches the other.

    On SQLite it is a file in a temporary folder. On PostgreSQL it is a schema of the same database: a template can't be
    copied while the town is in use, and a schema needs no other right than to create one.
    """
    if database.engine == "sqlite":
        with TemporaryDirectory(prefix="townhall-rehearsal-") as folder:
            file = Path(folder) / "copy.db"
            copy_file(Path(str(database.database)), file)
            copy = open_database("sqlite:///copy.db", Path(folder))
            try:
                yield copy
            finally:
                copy.close_all()
        return
    name = f"{PREFIX}{secrets.token_hex(6)}"
    try:
        database.execute_sql(f'CREATE SCHEMA "{name}"')
    except Exception as error:
        raise ConfigurationError(
            "A rehearsal needs the right to create a schema in the database: "
            "GRANT CREATE ON DATABASE … TO the town's user."
        ) from error
    try:
        _copy_schema(database, name)
        copy = open_database(url, instance, schema=name)
        try:
            yield copy
        finally:
            copy.close_all()
    finally:
        database.execute_sql(f'DROP SCHEMA "{name}" CASCADE')


def row_counts(database: TownDatabase) -> dict[str, int]:
    """How many rows each table of a town's database has."""
    asked = 'SELECT count(*) FROM "%s"'
    return {table: int(database.execute_sql(asked % table).fetchone()[0]) for table in sorted(database.get_tables())}


def _copy_schema(database: TownDatabase, name: str) -> None:
    """Copy all tables into the schema ``name``, as one moment shows them."""
    with database.atomic("REPEATABLE READ"):
        tables = database.get_tables()
        for table in tables:
            _copy_table(database, name, table)
        keys = _all(
            database,
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = current_schema()::regnamespace AND contype = 'f'",
        )
        database.execute_sql(f'SET LOCAL search_path = "{name}"')
        for table, constraint, definition in keys:
            database.execute_sql(f'ALTER TABLE {table} ADD CONSTRAINT "{constraint}" {definition}')
        if set(tables) >= history_guards.TABLES:
            history_guards.guard(database)


def _copy_table(database: TownDatabase, name: str, table: str) -> None:
    copy = f'"{name}"."{table}"'
    like = "INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY"
    database.execute_sql(f'CREATE TABLE {copy} (LIKE "{table}" {like})')
    columns = _all(
        database,
        "SELECT column_name, column_default FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        table,
    )
    names = ", ".join(f'"{column}"' for column, _ in columns)
    database.execute_sql(f'INSERT INTO {copy} ({names}) SELECT {names} FROM "{table}"')  # noqa: S608
    for column, default in columns:
        if (default or "").startswith("nextval("):
            # A copied default would count on in the town's own sequence.
            sequence = f'"{name}"."{table}_{column}_seq"'
            database.execute_sql(f'CREATE SEQUENCE {sequence} OWNED BY {copy}."{column}"')
            database.execute_sql(
                f"ALTER TABLE {copy} ALTER COLUMN \"{column}\" SET DEFAULT nextval('{sequence}'::regclass)"
            )
    if any(column == "id" for column, _ in columns):
        database.execute_sql(
            f"SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT max(id) FROM {copy}))"  # noqa: S608
            " WHERE pg_get_serial_sequence(%s, 'id') IS NOT NULL AND "
            f"EXISTS (SELECT 1 FROM {copy})",
            (copy, copy),
        )
    kept = _all(
        database,
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'c')",
        f'"{table}"',
    )
    for constraint, definition in kept:
        database.execute_sql(f'ALTER TABLE {copy} ADD CONSTRAINT "{constraint}" {definition}')
    made = {constraint for constraint, _ in kept}
    for index, definition in _all(
        database,
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s",
        table,
    ):
        if index not in made:
            before, _, after = definition.partition(" ON ")
            database.execute_sql(f"{before} ON {copy} {after.partition(' ')[2]}")


def _all(database: TownDatabase, sql: str, *parameters: object) -> list[Any]:
    return list(database.execute_sql(sql, parameters or None).fetchall())
