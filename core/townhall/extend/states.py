"""What the town decided about each plugin, kept in the table ``plugin_state``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from townhall.db.system import SystemTables


@dataclass(frozen=True, slots=True)
class State:
    """One plugin's row: whether the town wants it on, and why it doesn't run although wanted."""

    name: str
    enabled: bool
    reason: str
    version: str
    changed_by: str


def read(system: SystemTables) -> dict[str, State]:
    """Every plugin that was ever switched, by name."""
    table: Any = system.plugin_state
    query = table.select(table.name, table.enabled, table.reason, table.version, table.changed_by)
    return {row[0]: State(*row) for row in query.order_by(table.name).tuples()}


def enabled(system: SystemTables) -> frozenset[str]:
    """Names of the plugins that the town wants on."""
    return frozenset(state.name for state in read(system).values() if state.enabled)


def note_problems(system: SystemTables, problems: Mapping[str, str]) -> None:
    """Keep why plugins that are wanted don't run; writes only what changed."""
    table = system.plugin_state
    for state in read(system).values():
        reason = problems.get(state.name, "") if state.enabled else ""
        if reason != state.reason:
            table.update(reason=reason).where(table.name == state.name).execute()


def switch(system: SystemTables, name: str, on: bool, *, version: str, schemas: str, at: datetime, by: str) -> None:
    """Keep that a plugin was switched. ``schemas`` is the text of its schemas, so that its records stay readable."""
    table = system.plugin_state
    values = {
        table.enabled: on,
        table.reason: "",
        table.version: version,
        table.changed_at: int(at.timestamp() * 1_000_000),
        table.changed_by: by,
    }
    if schemas:
        values[table.schemas] = schemas
    table.insert({**values, table.name: name}).on_conflict(conflict_target=[table.name], update=values).execute()
