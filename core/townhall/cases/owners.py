"""Everybody who works here and may still sign in, as the actors that they would be."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from townhall.access.actors import Actor

if TYPE_CHECKING:
    from townhall.town import Town

_PEOPLE = """
SELECT u.id, u.name, u.email, r.permissions FROM "user" u JOIN user_role l ON l.user_id = u.id
JOIN role r ON r.id = l.role_id WHERE u.active ORDER BY u.id, r.id
"""


def owners(town: Town) -> list[Actor]:
    """One actor for each, with all permissions of their roles."""
    names: dict[int, str] = {}
    held: dict[int, set[str]] = defaultdict(set)
    for id, name, email, permissions in town.database.execute_sql(_PEOPLE).fetchall():
        names[id] = name or email
        held[id].update(json.loads(permissions))
    return [Actor("staff", name, id, frozenset(held[id]), door="digest") for id, name in names.items()]
