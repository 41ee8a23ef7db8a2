"""Who does something: every call of :mod:`townhall.records` is made by an actor."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from typing import Literal

from townhall.access.permissions import SCOPES
from townhall.access.permissions import Scope
from townhall.access.permissions import split

Kind = Literal["system", "staff", "citizen", "anonymous", "plugin"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts.

    ``permissions`` are names like ``complaints.service_request.edit``; ``*`` in one stands for anything, and ``@`` with
    a scope behind it narrows it (:mod:`townhall.access.permissions`).
    ``grants`` are the records, as ``(identity, id)``, that a citizen's link opens.
    ``door`` says through which door they came: ``admin``, ``portal``, ``import``, ``cli``, ``demo``, ``system``.
    """

    kind: Kind
    name: str
    id: int | None = None
    permissions: frozenset[str] = frozenset()
    grants: frozenset[tuple[str, int]] = frozenset()
    door: str = "system"
    #: Why nothing can be changed by them at present, in a sentence: somebody looks through their eyes.
    read_only: str = ""
    #: What was worked out for this very actor, who lives for a request. It says nothing of who they are.
    known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def may(self, permission: str) -> bool:
        """Whether the actor holds ``permission``, by name or by a pattern, for any records at all."""
        return permission in self.permissions or _widest(permission, self.permissions) is not None

    def reach(self, permission: str) -> Scope | None:
        """For which records the actor holds ``permission``: the widest scope, or ``None`` for none."""
        return "all" if permission in self.permissions else _widest(permission, self.permissions)


@lru_cache(maxsize=16_384)
def _widest(permission: str, held: frozenset[str]) -> Scope | None:
    """The widest scope among what is held that covers ``permission``; a page asks this some hundred times."""
    scopes = {scope for name, scope in map(split, held) if name == permission or covers(name, permission)}
    return next((scope for scope in reversed(SCOPES) if scope in scopes), None)


def covers(pattern: str, permission: str) -> bool:
    """Whether a pattern covers a permission. One that ends in a verb is about no move or field of the same name."""
    if "*" not in pattern or not fnmatchcase(permission, pattern):
        return False
    return pattern.endswith("*") or all(part in pattern or part not in permission for part in _INNER)


#: What stands before the name of a move or a field.
_INNER = (".transition.", ".see.")


def system(door: str = "system", name: str = "Townhall") -> Actor:
    """The town's own actor: may do everything; used by jobs, the command line and the demo."""
    return Actor(kind="system", name=name, permissions=frozenset({"*"}), door=door)


#: A visitor of the public site of whom nothing is known.
ANONYMOUS = Actor(kind="anonymous", name="A visitor", door="portal")


def citizen(grants: frozenset[tuple[str, int]], name: str = "The citizen") -> Actor:
    """A visitor who came with a secret link to the records in ``grants``, or is signed in as whom they belong to."""
    return Actor(kind="citizen", name=name, grants=grants, door="portal")
