"""Indexes of few entries of history that are asked for among very many: what left the house, and what was passed on.

Each has the rows that fulfil a condition. An engine takes it only for a question that says the same condition in the
same words, so both take them from here.
"""

from __future__ import annotations

from collections.abc import Iterator

from townhall.db import catalogue
from townhall.db.engines import TownDatabase

#: Entries that tell what was looked at or left the house, which a page lists.
DISCLOSURES = ("reveal", "export", "print", "pack")
#: As a condition.
DISCLOSING = "action IN ({})".format(", ".join(f"'{action}'" for action in DISCLOSURES))
#: Fields by which a case is passed on.
PASSED_ON = ("assignee", "queue")


def passing_on(database: TownDatabase, field: str, column: str = "changes") -> str:
    """The condition that the values of an entry, the text of a ``column``, say of a field what it was before.

    They are written as one line of canonical JSON, in which no text holds a quote without a mark before it.
    """
    if database.engine == "postgresql":
        named, fresh = (f"position('\"{field}\":[{before}' IN {column})" for before in ("", "null"))
    else:
        named, fresh = (f"instr({column}, '\"{field}\":[{before}')" for before in ("", "null"))
    return f"{named} > 0 AND {fresh} = 0"


def passed_on_index(field: str) -> str:
    """The name of the index of the entries of which :func:`passing_on` is true."""
    return f"history_values_{field}"


def prepare(database: TownDatabase) -> list[str]:
    """Make those that are missing. Returns what was done, in sentences. To be called while nobody changes tables."""
    there, done = catalogue.indexes(database), []
    for name, table, column, condition in _indexes(database):
        if name not in there.get(table, ()):
            database.execute_sql(f"CREATE INDEX {name} ON {table} ({column}) WHERE {condition}")
            done.append(f'Added the index "{name}" to "{table}".')
    return done


def _indexes(database: TownDatabase) -> Iterator[tuple[str, str, str, str]]:
    """Name, table, column and condition of each."""
    yield "history_disclosures", "history", "id", DISCLOSING
    for field in PASSED_ON:
        yield passed_on_index(field), "history_values", "history_id", passing_on(database, field)
