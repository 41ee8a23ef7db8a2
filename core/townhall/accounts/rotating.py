"""Replacing the town's secret key, when somebody who should not have seen it may have.

What the old key opened or signed opens nothing any more, and what can't go on without it is taken away with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall import secret_key
from townhall.access.actors import Actor
from townhall.accounts import log
from townhall.accounts.managing import require_manager
from townhall.db import meta
from townhall.db.transactions import immediate

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many sessions and links for passwords ended, and how many people set up their code app again."""

    sessions: int
    links: int
    code_apps: int


def rotate(town: Town, actor: Actor) -> Rotated:
    """Put a new key in the place of the old one: as a whole or not at all.

    Everybody is signed out. The keys of code apps are made from the old one, so they are taken away, and whoever needs
    one sets it up at the next sign-in. Servers that run take the new key up with their next request.
    Raises :class:`~townhall.errors.ConfigurationError` if it can't be written.
    """
    require_manager(actor)
    system = town.system
    with immediate(town.database):
        done = Rotated(
            sessions=int(system.user_session.delete().execute()),
            links=int(system.account_link.delete().execute()),
            code_apps=int(system.second_factor.delete().execute()),
        )
        system.recovery_code.delete().execute()
        system.sign_in_attempts.delete().execute()
        log.write(town, actor, "secret_replaced", None)
        meta.bump_generation(system)
        secret_key.replace(town.instance)
    return done
