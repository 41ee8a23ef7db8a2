"""The ledger of changes to tables: which additions and which migrations were applied, table ``schema_version``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from townhall.db.system import SystemTables

#: What a migration did to names, as plain data: a verb, the old and the new name, and where they stand.
Effect = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One migration that was applied. ``effects`` are its renames, in order.

    History entries with ids up to ``history_id`` were written before it.
    """

    plugin: str
    version: str
    name: str
    checksum: str
    effects: tuple[Effect, ...] = ()
    history_id: int = 0


def migrations(system: SystemTables, plugin: str = "") -> list[Entry]:
    """Every migration that was applied, or only those of one plugin, in the order in which that happened."""
    table = system.schema_version
    mine = (table.name != "") & (table.plugin == plugin) if plugin else table.name != ""
    columns = (table.plugin, table.version, table.name, table.checksum, table.effects, table.history_id)
    rows = table.select(*columns).where(mine).order_by(table.id).tuples()
    return [
        Entry(plugin, version, name, checksum, tuple(json.loads(effects or "[]")), last)
        for plugin, version, name, checksum, effects, last in rows
    ]


def knows(system: SystemTables, plugin: str) -> bool:
    """Whether anything was ever made for ``plugin``; if not, its tables are made as its schemas want them today."""
    table = system.schema_version
    return bool(table.select().where(table.plugin == plugin).exists())


def began(system: SystemTables) -> int:
    """When this town's tables were made, in microseconds."""
    row = system.database.execute_sql('SELECT coalesce(min("applied_at"), 0) FROM "schema_version"').fetchone()
    return int(row[0])


def additions(system: SystemTables, plugin: str) -> list[tuple[str, int]]:
    """What was ever added for ``plugin``, in sentences, each with its moment in microseconds, the oldest first."""
    table = system.schema_version
    mine = (table.plugin == plugin) & (table.name == "")
    return list(table.select(table.description, table.applied_at).where(mine).order_by(table.id).tuples())


def write_additions(system: SystemTables, done: Iterable[tuple[str, str]], version: str = "") -> None:
    """Write down what was added, as pairs of a plugin and a sentence."""
    rows = [_row(plugin, version, sentence, sha256(sentence.encode()).hexdigest()) for plugin, sentence in done]
    if rows:
        system.schema_version.insert_many(rows).execute()


def write_migration(
    system: SystemTables, plugin: str, version: str, name: str, checksum: str, sentence: str, effects: Sequence[Effect]
) -> None:
    """Write down that the migration in the file ``name`` was applied."""
    row = _row(plugin, version, sentence, checksum)
    row |= {"name": name, "effects": json.dumps(list(effects)) if effects else "", "history_id": _last_history(system)}
    system.schema_version.insert(row).execute()


def _row(plugin: str, version: str, sentence: str, checksum: str) -> dict[str, Any]:
    now = time.time_ns() // 1_000
    return {
        "plugin": plugin,
        "version": version,
        "description": sentence,
        "checksum": checksum,
        "applied_at": now,
        "name": "",
        "effects": "",
        "history_id": 0,
    }


def _last_history(system: SystemTables) -> int:
    row = system.database.execute_sql('SELECT coalesce(max("id"), 0) FROM "history"').fetchone()
    return int(row[0])
