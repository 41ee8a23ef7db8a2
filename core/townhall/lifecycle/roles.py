"""Giving a town the roles that it starts with."""

from __future__ import annotations

import json
from typing import Any

from townhall.access.roles import ROLES
from townhall.db.system import SystemTables


def seed_roles(system: SystemTables) -> None:
    """Add the seeded roles that are missing; a role that the town changed stays as it is."""
    table: Any = system.role
    there = {name for (name,) in table.select(table.name).tuples()}
    for role in ROLES.values():
        if role.name not in there:
            row = {
                "name": role.name,
                "label": role.label,
                "description": role.description,
                "permissions": json.dumps(sorted(role.permissions)),
            }
            table.insert(row).on_conflict_ignore().execute()
