"""Who may manage other people's accounts."""

from __future__ import annotations

from townhall.access.actors import Actor
from townhall.errors import Forbidden

#: The permission to manage people and their roles.
PERMISSION = "users.manage"


def require_manager(actor: Actor) -> None:
    """Raises :class:`~townhall.errors.Forbidden` unless the actor may manage people."""
    if not actor.may(PERMISSION):
        raise Forbidden("You may not manage people. Ask an administrator.")


def is_own(actor: Actor, user_id: int) -> bool:
    """Whether the actor is the one whose account it is."""
    return actor.kind == "staff" and actor.id == user_id


def require_own_or_manager(actor: Actor, user_id: int) -> None:
    """Raises :class:`~townhall.errors.Forbidden` unless it is the actor's own account, or they may manage people."""
    if not is_own(actor, user_id):
        require_manager(actor)
