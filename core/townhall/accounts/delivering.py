"""Sending a member of staff something by mail: the one place where accounts know of mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from townhall.town import Town


def is_possible(town: Town) -> bool:
    """Whether the town has a mail server, and an address that links in a mail can begin with."""
    return False


def deliver(town: Town, address: str, subject: str, body: str) -> bool:
    """Send a mail; whether that was possible. ``False`` if the town has no mail server: then somebody hands it over."""
    return False
