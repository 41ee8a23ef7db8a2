"""Mails about a person rather than a case: a link to their requests, and what concerns their e-mail addresses.

Their words are templates of the town like all others, in the reader's language; where the town has written none, these.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from townhall.messages import limits
from townhall.messages import outbox
from townhall.messages import rendering
from townhall.messages import templates
from townhall.messages.outbox import Message
from townhall.messages.placeholders import Facts
from townhall.messages.templates import Words
from townhall.records import owning
from townhall.records.people import CONTACT
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town

SIGN_IN, SHARED, CONFIRM, CHANGED = "sign_in", "shared_address", "confirm_address", "address_changed"
#: How long the link works that confirms an address.
CONFIRMING_LASTS = timedelta(hours=24)
#: Purposes of the links in these mails, by event.
PURPOSES: Mapping[str, str] = MappingProxyType({SIGN_IN: "sign_in", CONFIRM: "address"})
#: What is said where the town has no words of its own.
WORDS: Mapping[str, Words] = MappingProxyType(
    {
        SIGN_IN: Words(
            "Your link to your requests",
            "Somebody, probably you, asked for a link to your requests at {town}.\n\n{link}\n\n"
            "It works once and for {minutes} minutes. If you did not ask for it, there is nothing to do.",
        ),
        SHARED: Words(
            "Your requests",
            "Somebody, probably you, asked for a link to your requests at {town}.\n\n"
            "We have this address for more than one person. So that nobody sees what belongs to somebody else, we send "
            "no link to it. You can open each request with its number and code, or ask us for a link of your own.",
        ),
        CONFIRM: Words(
            "Please confirm this address",
            "Somebody, probably you, gave this e-mail address as theirs under “Your requests” at {town}.\n\n{link}\n\n"
            "Open it within a day to confirm the address. If it was not you, do nothing: then we don't use it.",
        ),
        CHANGED: Words(
            "Your e-mail addresses at {town}",
            "Under “Your requests”, this was changed: {change}\n\nIf it was not you, tell us at once.",
        ),
    }
)


def send(town: Town, contact: Record, event: str, address: str, *, change: str = "") -> None:
    """Put one of these mails to ``address`` into the outbox; in the transaction of what it is about, if there is one.

    It goes to people who asked not to be contacted too: it answers what was asked just now.
    """
    facts = Facts(contact, "", change)
    words = templates.find(town, contact.type, event, {}, lambda: contact["language"] or "") or WORDS[event]
    held = limits.breaker(town)
    outbox.add(
        town,
        # No two are the same, since each has a link of its own.
        secrets.token_hex(32),
        {
            "identity": CONTACT,
            "record_id": contact.id,
            "number": "",
            "event": event,
            "automatic": True,
            "channel": "email",
            "contact_id": contact.id,
            "recipient": address,
            "name": contact.title,
            "subject": rendering.subject(town, words.subject, facts),
            "body": rendering.body(town, words.body, facts),
            "status": "held" if held else "queued",
            "error": held,
        },
    )


def is_about_address(message: Message) -> bool:
    """Whether a message is one of these mails, which name nobody: whoever reads it may be somebody else."""
    return message.identity == CONTACT and message.event in WORDS


def expires(town: Town, message: Message) -> datetime | None:
    """Until when the link in one of these mails works: counted from when it was asked for. ``None`` without a link."""
    if message.identity != CONTACT or message.event not in PURPOSES:
        return None
    lasts = CONFIRMING_LASTS
    if message.event == SIGN_IN:
        lasts = timedelta(minutes=town.settings.citizen_link_minutes)
    return message.created_at + lasts


def outdated(town: Town, message: Message) -> str:
    """Why a mail is not worth sending any more, in a sentence; mostly empty."""
    until = expires(town, message)
    if until is None:
        return ""
    if until <= town.clock.now():
        return "The link in it has expired. Whoever asked for it can ask again."
    contact = owning.contact(town, message.record_id)
    if contact is None:
        return "The contact is archived, merged or has died, so the link in it opens nothing."
    if message.event == SIGN_IN and not stored(contact, message.recipient):
        return "The address is not the contact's any more, so the link in it opens nothing."
    return ""


def stored(contact: Record, address: str) -> str:
    """An address as it stands with a contact; empty if it doesn't, or mail came back from it."""
    rows = contact["emails"] or ()
    wanted = address.casefold()
    return next(
        (str(row["address"]) for row in rows if row["address"].casefold() == wanted and not row.get("bounced")), ""
    )
