"""Names of permissions: what can be granted to a role.

A permission on records is ``<identity>.<verb>``, one on a move of a case ``<identity>.transition.<name>``, one to read
a single field ``<identity>.see.<field>``. A few belong to no type; a plugin's own are ``<plugin>.<name>``.

In what a role holds, ``*`` stands for anything, and ``@`` with a scope behind a permission narrows it to some of the
records: ``complaints.service_request.edit@department``. Without one it is about all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Literal
from typing import get_args

from townhall_forms.schema import RecordType

Verb = Literal["view", "see_internal", "create", "edit", "archive", "merge", "transition", "export", "see_confidential"]
#: Which records a permission is about. Each scope holds those before it.
Scope = Literal["own", "assigned", "department", "all"]

#: Every verb, in the order in which screens show them.
VERBS: tuple[Verb, ...] = get_args(Verb)

#: What a verb allows, in the words of the page where roles are made.
VERB_LABELS: Mapping[Verb, str] = {
    "view": "See",
    "see_internal": "See internal fields",
    "create": "Add",
    "edit": "Change",
    "archive": "Archive and restore",
    "merge": "Merge two into one",
    "transition": "Move",
    "export": "Export",
    "see_confidential": "Reveal confidential fields",
}


#: Every scope, the narrowest first.
SCOPES: tuple[Scope, ...] = get_args(Scope)

#: What a scope is called where roles are made.
SCOPE_LABELS: Mapping[Scope, str] = {
    "own": "Mine",
    "assigned": "Given to me",
    "department": "Department",
    "all": "All",
}

#: What each scope means, in a sentence.
SCOPE_MEANINGS: Mapping[Scope, str] = {
    "own": "Records that the person added.",
    "assigned": "Records that the person was given or that name them, to see also what these are about, and their own.",
    "department": "Records of the teams that the person is on or that were shared with one of them, and those before.",
    "all": "Every record.",
}

#: Verbs that are asked of one record, and may therefore be given a scope. The others are about a whole type.
SCOPED: frozenset[Verb] = frozenset({"view", "edit", "archive", "merge", "transition", "export", "see_confidential"})

#: Permissions that belong to no type of record.
TOWN_PERMISSIONS: Mapping[str, str] = {
    "plugins.manage": "Switch plugins on and off",
    "jobs.manage": "See jobs, run and pause them",
    "users.manage": "Add people, make roles and change what anybody may do",
    "users.see_as": "See the pages as a colleague sees them, to read only",
    "settings.manage": "Change the town's settings",
    "schemas.manage": "Change fields, labels and choices",
    "citizens.sign_in": "Give people a link to their own requests",
    "messages.manage": "Look after what is sent: pause it, try again, drop",
    "history.audit": "See who exported what, and who looked at confidential values",
    "views.share": "Share saved views with everybody",
}

#: What stands before the name of a type in a pattern that is about all of them.
EVERY = "*"


def deed(verb: Verb, plural: str) -> str:
    """To do ``verb`` to records that are called ``plural``, within a sentence."""
    if verb == "merge":
        return f"merge {plural.lower()}"
    between = " of " if verb in ("see_internal", "see_confidential") else " "
    return f"{VERB_LABELS[verb].lower()}{between}{plural.lower()}"


def permission(identity: str, verb: Verb) -> str:
    """The name of the permission to do ``verb`` to records of type ``identity``."""
    return f"{identity}.{verb}"


def transition_permission(identity: str, name: str) -> str:
    """The name of the permission to make the transition ``name``."""
    return f"{identity}.transition.{name}"


def field_permission(identity: str, name: str) -> str:
    """The name of the permission to read the internal field ``name`` without reading the others."""
    return f"{identity}.see.{name}"


def pattern(identity: str, verb: Verb) -> str:
    """What a role holds that may do ``verb`` to records of a type, or of all, every move among them if it is that."""
    return transition_permission(identity, "*") if verb == "transition" else permission(identity, verb)


def narrowed(permission: str, scope: str) -> str:
    """What a role holds that has ``permission`` for the records of ``scope``."""
    return permission if scope == "all" else f"{permission}@{scope}"


def split(held: str) -> tuple[str, str]:
    """A permission that a role holds, as its name or pattern and its scope."""
    name, _, scope = held.partition("@")
    return name, scope or "all"


def applies(verb: Verb, record_type: RecordType) -> bool:
    """Whether records of the type can be done ``verb`` to at all, by whomever."""
    return verb != "merge" or record_type.merge is not None


def verbs_of(record_type: RecordType) -> Iterator[tuple[str, str]]:
    """Permissions of a type by verb, as ``(name, label)``."""
    for verb in VERBS:
        if verb != "transition" and applies(verb, record_type):
            yield permission(record_type.identity, verb), VERB_LABELS[verb]


def moves_of(record_type: RecordType) -> Iterator[tuple[str, str]]:
    """Permissions to make the moves of a case that staff make, as ``(name, label)``."""
    for move in record_type.workflow.transitions if record_type.workflow is not None else ():
        if "staff" in move.by:
            yield transition_permission(record_type.identity, move.name), move.label


def fields_of(record_type: RecordType) -> Iterator[tuple[str, str]]:
    """Permissions to read one internal field, as ``(name, label)``."""
    for field in record_type.fields.values():
        if field.privacy == "internal":
            yield field_permission(record_type.identity, field.name), field.label


def permissions_of(record_type: RecordType) -> Iterator[tuple[str, str]]:
    """Every permission that a type brings, as ``(name, label)``."""
    yield from verbs_of(record_type)
    yield from moves_of(record_type)
    yield from fields_of(record_type)
