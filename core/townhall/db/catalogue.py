"""What is in a database by name, in one question each: asking for one table after the other takes seconds on some."""

from __future__ import annotations

from collections.abc import Mapping

from townhall.db.engines import EngineName
from townhall.db.engines import TownDatabase

_COLUMNS: Mapping[EngineName, str] = {
    "sqlite": (
        "SELECT t.name, c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table'"
    ),
    "postgresql": (
        "SELECT t.relname, c.attname FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace "
        "JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped "
        "WHERE t.relkind = 'r' AND n.nspname = current_schema()"
    ),
}
_INDEXES: Mapping[EngineName, str] = {
    "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'",
    "postgresql": (
        "SELECT t.relname, i.relname FROM pg_index AS x JOIN pg_class AS t ON t.oid = x.indrelid "
        "JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_namespace AS n ON n.oid = t.relnamespace "
        "WHERE n.nspname = current_schema()"
    ),
}


def columns(database: TownDatabase) -> dict[str, set[str]]:
    """Names of the columns of every table that is there."""
    return _by_table(database, _COLUMNS[database.engine])


def indexes(database: TownDatabase) -> dict[str, set[str]]:
    """Names of the indexes of every table that has any."""
    return _by_table(database, _INDEXES[database.engine])


def _by_table(database: TownDatabase, sql: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, name in database.execute_sql(sql).fetchall():
        found.setdefault(table, set()).add(name)
    return found
