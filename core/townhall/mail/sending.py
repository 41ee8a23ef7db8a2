"""What goes out in a run: first the links that people asked for become mails, then the outbox is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.citizens import links
from townhall.mail import delivering

if TYPE_CHECKING:
    from townhall.town import Town


def run(town: Town) -> str:
    """Answer who asked for a link, and send what waits; a sentence of what was done, empty if there was nothing."""
    return " ".join(filter(None, (links.answer(town), delivering.run(town))))
