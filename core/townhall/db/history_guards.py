"""What the database itself refuses: changing or deleting history, whoever asks, with whatever program.

Triggers stand on the tables of history. Entries, seals and what is told of erasing are only ever added; values are
never changed, and deleted only once ``history_erased`` says that they were erased. Whoever may change tables can take
the triggers away; what is changed then, ``townhall history verify`` finds.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from typing import NamedTuple

from townhall.db.engines import TownDatabase

#: What the database says when it refuses.
KEPT = "History is only ever added to: what is written can be neither changed nor deleted."
VALUES_KEPT = "Values in history can't be changed, and are only erased by their retention rule."
#: Tables of which no row is ever changed or deleted.
_ONLY_ADDED = ("history", "history_seal", "history_erased")
_VALUES = "history_values"
#: All tables that are guarded.
TABLES = frozenset({*_ONLY_ADDED, _VALUES})
#: What the ledger says of a guard: that it was made, and that it had to be made once more. Whoever changes what a guard
#: does gives it another name, so that no town takes the upgrade for somebody who took it away.
_MADE = 'The database itself now guards "{table}" with "{name}".'
_AGAIN = 'The guard "{name}" was gone or altered, and was made anew.'


class _Guard(NamedTuple):
    """One trigger: its name, its table, the statement that makes it, and what the database then tells of it."""

    name: str
    table: str
    statement: str
    told: object


def lost(before: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """The guards that somebody had taken away or altered, with when they were made anew, the oldest first.

    ``before`` is all that was ever done, in sentences, each with its moment in microseconds.
    """
    head, tail = _AGAIN.split("{name}")
    cut = slice(len(head), -len(tail))
    return [(said[cut], at) for said, at in before if said.startswith(head) and said.endswith(tail)]


def guard(database: TownDatabase, before: Collection[str] = ()) -> list[str]:
    """Make the triggers that are missing, or not as they should be. Returns what was done, in sentences.

    ``before`` are the sentences about what was ever done. To be called while nobody else changes tables.
    """
    done: list[str] = []
    there = _sqlite_triggers(database) if database.engine == "sqlite" else _postgresql_triggers(database)
    guards = list(_sqlite_guards() if database.engine == "sqlite" else _postgresql_guards())
    missing = [each for each in guards if there.get(each.name) != each.told]
    if missing and database.engine == "postgresql":
        for statement in _FUNCTIONS:
            database.execute_sql(statement)
    for each in missing:
        on_table = f' ON "{each.table}"' if database.engine == "postgresql" else ""
        database.execute_sql(f'DROP TRIGGER IF EXISTS "{each.name}"{on_table}')
        database.execute_sql(each.statement)
        made = _MADE.format(table=each.table, name=each.name)
        done.append(_AGAIN.format(name=each.name) if made in before else made)
    return done


# -- SQLite -----------------------------------------------------------------------------------------------------------


def _sqlite_triggers(database: TownDatabase) -> dict[str, object]:
    """Triggers that are there, by name, with the statement that made each."""
    rows = database.execute_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    return dict(rows)


def _sqlite_guards() -> Iterator[_Guard]:
    for table in _ONLY_ADDED:
        yield _sqlite(table, "update", KEPT)
        yield _sqlite(table, "delete", KEPT)
    yield _sqlite(_VALUES, "update", VALUES_KEPT)
    erased = "NOT EXISTS (SELECT 1 FROM history_erased WHERE history_id = OLD.history_id)"
    yield _sqlite(_VALUES, "delete", VALUES_KEPT, erased)
    # INSERT OR REPLACE deletes the row that is there, by any of its unique columns, without telling the trigger for
    # deleting.
    yield _sqlite("history", "insert", KEPT, _there("history", "id"))
    yield _sqlite("history_seal", "insert", KEPT, _there("history_seal", "number", "previous"))
    yield _sqlite("history_erased", "insert", KEPT, _there("history_erased", "history_id"))
    yield _sqlite(_VALUES, "insert", VALUES_KEPT, _there(_VALUES, "history_id"))


def _there(table: str, *keys: str) -> str:
    same = " OR ".join(f"{key} = NEW.{key}" for key in keys)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  # our own names


def _sqlite(table: str, verb: str, message: str, when: str = "") -> _Guard:
    name = f"{table}_keeps_{verb}"
    test = f" WHEN {when}" if when else ""
    told = message.replace("'", "''")
    statement = (
        f"CREATE TRIGGER {name} BEFORE {verb.upper()} ON {table} FOR EACH ROW{test} BEGIN"
        f" SELECT RAISE(ABORT, '{told}'); END"
    )
    return _Guard(name, table, statement, statement)


# -- PostgreSQL -------------------------------------------------------------------------------------------------------

#: What the functions of the triggers do, by name.
_BODIES = {
    "townhall_refuse": " BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'restrict_violation'; END ",
    # The table is looked for beside the one that the trigger stands on, whatever the session's search_path is.
    "townhall_refuse_unless_erased": (
        " DECLARE erased boolean; BEGIN"
        " EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || quote_ident(TG_TABLE_SCHEMA)"
        " || '.history_erased WHERE history_id = $1)' INTO erased USING OLD.history_id;"
        " IF erased THEN RETURN OLD; END IF;"
        " RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'restrict_violation'; END "
    ),
}
_FUNCTIONS = tuple(
    f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
    for name, body in _BODIES.items()
)
#: As ``pg_trigger.tgtype`` has them: before, for each row (1) or statement, and the event.
_BEFORE, _ROW, _EVENTS = 2, 1, {"DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}


def _postgresql_triggers(database: TownDatabase) -> dict[str, object]:
    """Triggers that are there, not switched off and without a condition, by name: table, kind, and what is done."""
    rows = database.execute_sql(
        "SELECT tgname, relname, tgtype, prosrc FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " JOIN pg_proc ON pg_proc.oid = tgfoid"
        " WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal AND tgenabled IN ('O', 'A')"
        " AND tgqual IS NULL AND tgattr::text = ''"
    ).fetchall()
    return {name: (table, kind, body) for name, table, kind, body in rows}


def _postgresql_guards() -> Iterator[_Guard]:
    for table in (*_ONLY_ADDED, _VALUES):
        message = VALUES_KEPT if table == _VALUES else KEPT
        yield _postgresql(table, "UPDATE", "ROW", "townhall_refuse", message)
        erasing = "townhall_refuse_unless_erased" if table == _VALUES else "townhall_refuse"
        yield _postgresql(table, "DELETE", "ROW", erasing, message)
        yield _postgresql(table, "TRUNCATE", "STATEMENT", "townhall_refuse", message)


def _postgresql(table: str, event: str, each: str, function: str, message: str) -> _Guard:
    name = f"{table}_keeps_{event.lower()}"
    quoted = message.replace("'", "''")
    statement = (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}('{quoted}')"
    )
    kind = _BEFORE + _EVENTS[event] + (_ROW if each == "ROW" else 0)
    return _Guard(name, table, statement, (table, kind, _BODIES[function]))
