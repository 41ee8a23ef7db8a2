"""What goes out in a run: first the links that people asked for become mails, then the outbox is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.citizens import links
from townhall.mail import delivering
from townhall.mail import health
from townhall.mail.server import ServerFailed
from townhall.messages import switches

if TYPE_CHECKING:
    from townhall.town import Town


def run(town: Town) -> str:
    """Answer who asked for a link, and send what waits; a sentence of what was done, empty if there was nothing.

    Raises :class:`~townhall.mail.server.ServerFailed` as long as mail waits for a server that takes nothing, also while
    that is left alone: it says what was done all the same, why, and when it is tried again.
    """
    done = " ".join(filter(None, (links.answer(town), delivering.run(town))))
    trouble = "" if switches.paused(town.system) else health.failing(town)
    if trouble:
        rest = switches.rest(town.system)
        done = done.removesuffix(rest.reason if rest is not None else "").strip()
        raise ServerFailed(f"{done} {trouble}".strip())
    return done
