"""The secret link in a message. It is made from the town's key and the message, so the database never holds it.

Whoever has the database without the key can open nothing; and a message that is tried again carries the same link.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from townhall.messages.outbox import Message
from townhall.records import link_codes
from townhall.records import secret_links

if TYPE_CHECKING:
    from townhall.town import Town

#: Purpose of the links that open a request's status page.
STATUS = "status"


def token(town: Town, message: Message) -> str:
    """The token of the link in a message; from now on it opens the status page of the message's record."""
    digest = hmac.digest(town.secret, b"link in message " + message.key.encode("ascii"), "sha256")
    made = base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode("ascii")
    secret_links.keep(town, message.identity, message.record_id, STATUS, made)
    return made


def in_mail(town: Town, message: Message) -> str:
    """The link as a mail shows it; without a public address of the town, the code to type in."""
    address = town.settings.public_address.rstrip("/")
    secret = token(town, message)
    if address:
        return f"{address}/status/{message.number}/{secret}"
    return f"on our website, under “Check a request”, with your code {link_codes.readable(secret)}"


def on_paper(town: Town, message: Message) -> str:
    """The link as a letter shows it, to type in."""
    address = town.settings.public_address.rstrip("/")
    where = f"{address}/requests/" if address else "on our website, under “Check a request”,"
    return f"{where} with your number {message.number} and your code {link_codes.readable(token(town, message))}"
