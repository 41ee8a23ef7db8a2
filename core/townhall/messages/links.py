"""The secret link in a message. It is made from the town's key and the message, so the database never holds it.

Whoever has the database without the key can open nothing; and a message that is tried again carries the same link.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from townhall.db.transactions import immediate
from townhall.messages import outbox
from townhall.messages import personal
from townhall.messages.outbox import Message
from townhall.records import link_codes
from townhall.records import secret_links
from townhall.records.people import CONTACT

if TYPE_CHECKING:
    from townhall.town import Town

#: Purpose of the links that open a request's status page.
STATUS = "status"
#: Why a mail about a person is not sent whose link was ended.
WITHDRAWN = "No link that was asked for before works any more. They can ask for another at once."


def token(town: Town, message: Message) -> str:
    """The token of the link in a message; from now on it opens the status page of the message's record.

    That in a mail about a person works once, and until it expires.
    """
    digest = hmac.digest(town.secret, b"link in message " + message.key.encode("ascii"), "sha256")
    made = base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode("ascii")
    purpose = personal.PURPOSES.get(message.event, STATUS) if message.identity == CONTACT else STATUS
    about = message.recipient if purpose != STATUS else ""
    until = personal.expires(town, message)
    secret_links.keep(town, message.identity, message.record_id, purpose, made, expires=until, about=about)
    return made


def end(town: Town, contact_id: int) -> None:
    """Let no link in a mail about a contact work from now on, nor any made for them; mail that waits is dropped."""
    with immediate(town.database):
        for message in outbox.withdraw(town, (CONTACT, contact_id), personal.PURPOSES, WITHDRAWN):
            token(town, message)  # what is kept as revoked can't be made to work by a mail that is just going out
        secret_links.revoke_all(town, CONTACT, contact_id, *personal.PURPOSES.values())


def path(town: Town, message: Message) -> str:
    """The address of the link in a message, on the town's site."""
    secret = token(town, message)
    if message.identity == CONTACT:
        return f"/requests/{'confirm' if message.event == personal.CONFIRM else 'enter'}/{secret}"
    return f"/status/{message.number}/{secret}"


def in_mail(town: Town, message: Message) -> str:
    """The link as a mail shows it; without a public address of the town, the code to type in."""
    address = town.settings.public_address.rstrip("/")
    if address:
        return f"{address}{path(town, message)}"
    code = link_codes.readable(token(town, message))
    if message.identity == CONTACT:
        return f"On our website, under “Your requests”, type in this code instead of a number and code: {code}"
    return f"on our website, under “Check a request”, with your code {code}"


def on_paper(town: Town, message: Message) -> str:
    """The link as a letter shows it, to type in."""
    address = town.settings.public_address.rstrip("/")
    where = f"{address}/requests/" if address else "on our website, under “Check a request”,"
    return f"{where} with your number {message.number} and your code {link_codes.readable(token(town, message))}"
