"""Who does something: every call of :mod:`townhall.records` is made by an actor."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from typing import Literal

Kind = Literal["system", "staff", "citizen", "anonymous", "plugin"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts.

    ``permissions`` are names like ``complaints.service_request.edit``; ``*`` in one stands for anything.
    ``grants`` are the records, as ``(identity, id)``, that a citizen's link opens.
    ``door`` says through which door they came: ``admin``, ``portal``, ``import``, ``cli``, ``demo``, ``system``.
    """

    kind: Kind
    name: str
    id: int | None = None
    permissions: frozenset[str] = frozenset()
    grants: frozenset[tuple[str, int]] = frozenset()
    door: str = "system"
    #: What was worked out for this very actor, who lives for a request. It says nothing of who they are.
    known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def may(self, permission: str) -> bool:
        """Whether the actor holds ``permission``, by name or by a pattern."""
        return permission in self.permissions or _by_pattern(permission, self.permissions)


@lru_cache(maxsize=4096)
def _by_pattern(permission: str, held: frozenset[str]) -> bool:
    """Whether one of the patterns among what is held covers ``permission``; a page asks this some hundred times."""
    return any("*" in pattern and fnmatchcase(permission, pattern) for pattern in held)


def system(door: str = "system", name: str = "Townhall") -> Actor:
    """The town's own actor: may do everything; used by jobs, the command line and the demo."""
    return Actor(kind="system", name=name, permissions=frozenset({"*"}), door=door)


#: A visitor of the public site of whom nothing is known.
ANONYMOUS = Actor(kind="anonymous", name="A visitor", door="portal")


def citizen(grants: frozenset[tuple[str, int]], name: str = "The citizen") -> Actor:
    """A visitor who came with a secret link to the records in ``grants``, or is signed in as whom they belong to."""
    return Actor(kind="citizen", name=name, grants=grants, door="portal")
