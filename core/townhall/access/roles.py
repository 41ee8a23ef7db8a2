"""The roles that a new town starts with. Code never asks for a role, only for a permission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions."""

    name: str
    label: str
    description: str
    permissions: frozenset[str]


#: The seeded roles by name, the one that may do most first.
ROLES: Mapping[str, Role] = {
    role.name: role
    for role in (
        Role(
            name="administrator",
            label="Administrator",
            description="May do everything, including plugins, people and settings.",
            permissions=frozenset({"*"}),
        ),
        Role(
            name="clerk",
            label="Clerk",
            description="Works with all records: adds, changes, moves, archives and exports them.",
            permissions=frozenset(
                {
                    "*.view",
                    "*.create",
                    "*.edit",
                    "*.transition.*",
                    "*.archive",
                    "*.export",
                    "*.see_confidential",
                    "citizens.sign_in",
                    "views.share",
                }
            ),
        ),
        Role(
            name="viewer",
            label="Viewer",
            description="Sees all records and changes nothing.",
            permissions=frozenset({"*.view"}),
        ),
    )
}
