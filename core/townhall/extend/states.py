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
    #: The text of its schemas, as JSON by file name, that its tables were last brought up to date with.
    schemas: str


def read(system: SystemTables) -> dict[str, State]:
    """Every plugin that was ever switched, by name."""
    table: Any = system.plugin_state
    query = table.select(table.name, table.enabled, table.reason, table.version, table.changed_by, table.schemas)
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


def switch(system: SystemTables, name: str, on: bool, *, at: datetime, by: str) -> None:
    """Keep that a plugin was switched."""
    table = system.plugin_state
    values = {
        table.enabled: on,
        table.reason: "",
        table.changed_at: int(at.timestamp() * 1_000_000),
        table.changed_by: by,
    }
    table.insert({**values, table.name: name}).on_conflict(conflict_target=[table.name], update=values).execute()


def applied(system: SystemTables, name: str) -> tuple[str, str]:
    """Version and schemas that a plugin's tables were last brought up to date with; empty if they never were."""
    table = system.plugin_state
    row = table.select(table.version, table.schemas).where(table.name == name).tuples().first()
    return (row[0], row[1]) if row is not None else ("", "")


def forget(system: SystemTables, name: str) -> None:
    """Forget a plugin that could not be switched on for the first time."""
    table = system.plugin_state
    table.delete().where(table.name == name).execute()


def keep_applied(system: SystemTables, name: str, *, version: str, schemas: str) -> None:
    """Keep which version and which schemas a plugin's tables now have; it must have been switched before."""
    table = system.plugin_state
    table.update(version=version, schemas=schemas).where(table.name == name).execute()
