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


_SEEING = frozenset({"*.view", "*.see_internal"})

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
            description="Works with all records: adds, changes, moves, archives, merges and exports them.",
            permissions=_SEEING
            | {
                "*.create",
                "*.edit",
                "*.transition.*",
                "*.archive",
                "*.merge",
                "*.export",
                "*.see_confidential",
                "citizens.sign_in",
                "views.share",
            },
        ),
        Role(
            name="viewer",
            label="Viewer",
            description="Sees all records and changes nothing.",
            permissions=_SEEING,
        ),
        Role(
            name="department_clerk",
            label="Department clerk",
            description="Works with the cases of their own teams and what was shared with them, and with all contacts.",
            permissions=frozenset(
                {
                    "*.view@department",
                    "*.see_internal",
                    "*.create",
                    "*.edit@department",
                    "*.transition.*@department",
                    "*.archive@department",
                    "*.export@department",
                    "*.see_confidential@department",
                    "core.contact.view",
                    "core.contact.edit",
                }
            ),
        ),
        Role(
            name="contractor",
            label="Contractor",
            description="Sees the public fields of the cases given to them, and the fields that you name; moves cases "
            "by the moves that you choose.",
            permissions=frozenset({"*.view@assigned"}),
        ),
        Role(
            name="reviewer",
            label="Reviewer",
            description="Works on what they were asked to review or to decide, and sees what that is about.",
            permissions=frozenset({"*.view@assigned", "*.see_internal", "*.edit@assigned", "*.transition.*@assigned"}),
        ),
        Role(
            name="auditor",
            label="Auditor",
            description="Sees everything, confidential values too with a reason that is written down, and who took "
            "what along. Changes nothing.",
            permissions=_SEEING | {"*.see_confidential", "*.export", "history.audit"},
        ),
    )
}
