"""Sending a member of staff something by mail: the one place where accounts know of mail."""

from __future__ import annotations

import logging
from threading import Thread
from typing import TYPE_CHECKING

from townhall.errors import TownhallError
from townhall.mail import at_once

if TYPE_CHECKING:
    from townhall.town import Town

log = logging.getLogger("townhall.accounts")


def is_possible(town: Town) -> bool:
    """Whether the town has a mail server, and an address that links in a mail can begin with."""
    return bool(town.settings.mail_host and town.settings.public_address)


def deliver(town: Town, address: str, subject: str, body: str) -> bool:
    """Send a mail; whether the mail server took it. ``False`` if there is none: then somebody hands it over."""
    if not is_possible(town):
        return False
    try:
        at_once.send(town, address, subject, body)
    except TownhallError as error:
        log.warning("A mail to a member of staff could not be sent: %s", error)
        return False
    return True


def deliver_later(town: Town, address: str | None, subject: str, body: str) -> None:
    """Send a mail without waiting for it: how long a page takes must not tell whether an address is known.

    For nobody's address as much is done up to the moment at which a mail would go out.
    """
    if is_possible(town):
        Thread(target=_deliver_to_somebody, args=(town, address, subject, body), daemon=True).start()


def _deliver_to_somebody(town: Town, address: str | None, subject: str, body: str) -> None:
    if address is not None:
        deliver(town, address, subject, body)
