"""Everybody who works here and may still sign in, as the actors that they would be; and who of them may take a case."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall_forms.context import Option
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

_PEOPLE = """
SELECT u.id, u.name, u.email, r.permissions FROM "user" u JOIN user_role l ON l.user_id = u.id
JOIN role r ON r.id = l.role_id WHERE u.active ORDER BY u.id, r.id
"""


def owners(town: Town) -> list[Actor]:
    """One actor for each, with all permissions of their roles."""
    names: dict[int, str] = {}
    held: dict[int, list[str]] = defaultdict(list)
    for id, name, email, permissions in town.database.execute_sql(_PEOPLE).fetchall():
        names[id] = name or email
        held[id].append(permissions)
    return [Actor("staff", name, id, _held(tuple(held[id])), door="digest") for id, name in names.items()]


def takers(town: Town, record_type: RecordType) -> list[Option]:
    """To whom a case of the type can be given: those who may work on it then, by name."""
    able = [each for each in owners(town) if policy.could_work(each, record_type)]
    return [Option(each.id or 0, each.name) for each in sorted(able, key=lambda each: (each.name.casefold(), each.id))]


@lru_cache(maxsize=500)
def _held(texts: tuple[str, ...]) -> frozenset[str]:
    """What these roles allow together: the same set for the same roles, by which so much is looked up."""
    return frozenset(permission for text in texts for permission in json.loads(text))
