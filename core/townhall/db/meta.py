"""Small facts that the town keeps about itself, among them the generation.

The generation is a number that grows whenever what a running process knows may be outdated: a plugin was switched, a
setting changed. Every process compares it with the one it was built for.
"""

from __future__ import annotations

import secrets

from townhall.db.system import SystemTables
from townhall.db.transactions import immediate

#: The fact that grows with every switch.
GENERATION = "generation"
#: The fact that tells this town from all others.
TOWN = "town"


def get(system: SystemTables, key: str, default: str = "") -> str:
    """The fact kept under ``key``."""
    # Every request asks for the generation: a query object for it would cost more than the answer.
    database = system.database
    statement = f'SELECT "value" FROM "meta" WHERE "key" = {database.param}'  # noqa: S608  # a mark, not a value
    row = database.execute_sql(statement, (key,)).fetchone()
    return str(row[0]) if row else default


def put(system: SystemTables, key: str, value: str) -> None:
    """Keep ``value`` under ``key``."""
    table = system.meta
    table.insert(key=key, value=value).on_conflict(conflict_target=[table.key], update={table.value: value}).execute()


def town_mark(system: SystemTables) -> str:
    """What tells this town from all others: made once, and the same in all its backups."""
    if not get(system, TOWN):
        table = system.meta
        table.insert(key=TOWN, value=secrets.token_hex(16)).on_conflict_ignore().execute()
    return get(system, TOWN)


def generation(system: SystemTables) -> int:
    """The town's present generation."""
    return int(get(system, GENERATION, "0"))


def locked_generation(system: SystemTables) -> int:
    """The present generation, which stays so until the transaction of the caller ends."""
    if system.database.engine != "postgresql":
        return generation(system)  # a transaction that writes is alone on SQLite
    statement = 'SELECT "value" FROM "meta" WHERE "key" = %s FOR SHARE'
    row = system.database.execute_sql(statement, (GENERATION,)).fetchone()
    return int(row[0]) if row else 0


def bump_generation(system: SystemTables) -> int:
    """Tell all processes that they are outdated; the new generation."""
    with immediate(system.database):
        new = generation(system) + 1
        put(system, GENERATION, str(new))
    return new
