"""What the town decided about each plugin, kept in the table ``plugin_state``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from townhall.db.system import SystemTables


@dataclass(frozen=True, slots=True)
class State:
    """One plugin's row: whether the town wants it on, and why it doesn't run although wanted.

    ``decides`` is a JSON list of the types about which its code decides, ``null`` if about none; empty until it ran.
    """

    name: str
    enabled: bool
    reason: str
    version: str
    changed_by: str
    decides: str = ""


def read(system: SystemTables) -> dict[str, State]:
    """Every plugin that was ever switched, by name."""
    table: Any = system.plugin_state
    columns = (table.name, table.enabled, table.reason, table.version, table.changed_by, table.decides)
    query = table.select(*columns)
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


def note_decisions(system: SystemTables, decides: Mapping[str, Sequence[str] | None]) -> None:
    """Keep about which types the code of each plugin decides, for when it can't be asked; writes only what changed."""
    table = system.plugin_state
    for state in read(system).values():
        if state.name in decides and (text := json.dumps(decides[state.name])) != state.decides:
            table.update(decides=text).where(table.name == state.name).execute()


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
