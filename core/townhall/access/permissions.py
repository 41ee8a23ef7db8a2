"""Names of permissions: what can be granted to a role.

A permission on records is ``<identity>.<verb>``, one on a move of a case ``<identity>.transition.<name>``. A few
belong to no type. In what a role holds, ``*`` stands for anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Literal
from typing import get_args

from townhall_forms.schema import RecordType

Verb = Literal["view", "create", "edit", "archive", "transition", "export", "import", "see_confidential"]

#: Every verb, in the order in which screens show them.
VERBS: tuple[Verb, ...] = get_args(Verb)

#: What a verb allows, in the words of the page where roles are made.
VERB_LABELS: Mapping[Verb, str] = {
    "view": "See",
    "create": "Add",
    "edit": "Change",
    "archive": "Archive and restore",
    "transition": "Move",
    "export": "Export",
    "import": "Import",
    "see_confidential": "Reveal confidential fields",
}

#: Permissions that belong to no type of record.
TOWN_PERMISSIONS: Mapping[str, str] = {
    "plugins.manage": "Switch plugins on and off",
    "jobs.manage": "See jobs, run and pause them",
    "users.manage": "Add people and change what they may do",
    "settings.manage": "Change the town's settings",
    "schemas.manage": "Change fields, labels and choices",
    "citizens.sign_in": "Give people a link to their own requests",
    "messages.manage": "Look after what is sent: pause it, try again, drop",
    "history.audit": "See who exported what, and who looked at confidential values",
    "views.share": "Share saved views with everybody",
}


def permission(identity: str, verb: Verb) -> str:
    """The name of the permission to do ``verb`` to records of type ``identity``."""
    return f"{identity}.{verb}"


def transition_permission(identity: str, name: str) -> str:
    """The name of the permission to make the transition ``name``."""
    return f"{identity}.transition.{name}"


def permissions_of(record_type: RecordType) -> Iterator[tuple[str, str]]:
    """Every permission that a type brings, as ``(name, label)``."""
    for verb in VERBS:
        if verb != "transition":
            yield permission(record_type.identity, verb), VERB_LABELS[verb]
    if record_type.workflow is not None:
        for move in record_type.workflow.transitions:
            if "staff" in move.by:
                yield transition_permission(record_type.identity, move.name), move.label
