"""Giving a town the roles that it starts with, and those that come with a newer Townhall."""

from __future__ import annotations

import json
from typing import Any

from townhall.access.permissions import split
from townhall.access.roles import ROLES
from townhall.db import ledger
from townhall.db import meta
from townhall.db.system import SystemTables
from townhall.db.transactions import immediate

#: Under which key the names of the roles are kept that the town was given once.
_GIVEN = "seeded_roles"
#: Those that every town had before that was kept.
_FIRST = frozenset({"administrator", "clerk", "viewer"})


def seed_roles(system: SystemTables) -> None:
    """Add the seeded roles that the town was never given; one that it changed or deleted stays as it is."""
    text = meta.get(system, _GIVEN)
    given = frozenset(json.loads(text)) if text else frozenset[str]()
    if given >= ROLES.keys():
        return
    table: Any = system.role
    with immediate(system.database):
        there = {name for (name,) in table.select(table.name).tuples()}
        if not text and there:
            given = _FIRST
            _let_see_internal(system)
        for role in ROLES.values():
            if role.name not in there and role.name not in given:
                row = {
                    "name": role.name,
                    "label": role.label,
                    "description": role.description,
                    "permissions": json.dumps(sorted(role.permissions)),
                }
                table.insert(row).on_conflict_ignore().execute()
        meta.put(system, _GIVEN, json.dumps(sorted(given | ROLES.keys())))


def _let_see_internal(system: SystemTables) -> None:
    """Let roles from before that permission was one read what they could: whoever saw records saw internal fields."""
    table: Any = system.role
    changed = []
    for id, name, text in list(table.select(table.id, table.name, table.permissions).tuples()):
        held = set(json.loads(text))
        views = [each for each, _ in map(split, held) if each.rpartition(".")[2] == "view"]
        seeing = {f"{each.removesuffix('view')}see_internal" for each in views}
        if not seeing <= held:
            table.update(permissions=json.dumps(sorted(held | seeing))).where(table.id == id).execute()
            changed.append(name)
    if changed:
        sentence = f"Let the roles {', '.join(changed)} go on reading internal fields, which is a permission now."
        ledger.write_additions(system, [("townhall", sentence)])
