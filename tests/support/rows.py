"""What stands in the tables, for tests that compare it."""

from __future__ import annotations

from typing import Any

from townhall.town import Town

#: The town's own tables that hold something of a record.
BESIDE = ("history", "history_values", "case_transition", "attachment", "search_entry")


def dump(town: Town, plugin: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of a plugin, and of the town's tables that hold something of its records."""
    names = [name for name in sorted(town.database.get_tables()) if name.startswith(f"{plugin}_") or name in BESIDE]
    return {name: sorted(town.database.execute_sql(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}
