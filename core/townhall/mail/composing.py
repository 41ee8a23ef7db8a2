"""A row of the outbox as a mail: its headers as they should be, and plain text.

``From`` is the town's own address and never that of a colleague. What nobody wrote by hand says so in the headers of
RFC 3834, so that no answering machine answers it.
"""

from __future__ import annotations

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from townhall.errors import ConfigurationError
from townhall.mail import message_ids
from townhall.messages import links
from townhall.messages import personal
from townhall.messages.outbox import Message
from townhall.messages.placeholders import LINK
from townhall_forms.schema import RECEIVED

if TYPE_CHECKING:
    from townhall.town import Town

ABOVE = "-- Please reply above this line --"
#: References that are kept of a long exchange: the first ones and the last ones.
FIRST_REFERENCES, LAST_REFERENCES = 4, 6
_REPLY = re.compile(r"^\s*((re|aw|sv|vs|fw|fwd)\s*:\s*)+", re.IGNORECASE)
_LINE = 998


def sender(town: Town) -> Address:
    """The town's own mailbox. Raises :class:`~townhall.errors.ConfigurationError` if the town has none."""
    settings = town.settings
    mailbox = settings.mail_from or settings.email
    name, _, domain = mailbox.rpartition("@")
    if not name or not domain:
        raise ConfigurationError("The town has no address to send from; write it as “from” in [mail].")
    return Address(" ".join((settings.mail_from_name or settings.name).split()), username=name, domain=in_ascii(domain))


def compose(town: Town, message: Message) -> EmailMessage:
    """The mail, with the secret link in it and the Message-ID that the row keeps."""
    own = sender(town)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = own
    mail["To"] = _to(message)
    mail["Subject"] = subject(town, message)
    mail["Date"] = format_datetime(town.clock.now())
    mail["Message-ID"] = message_ids.make(town, message, own.domain)
    before = _sent_before(town, message)
    if before:
        mail["In-Reply-To"] = before[-1]
    mail["References"] = " ".join(_references([message_ids.thread(town, message, own.domain), *before]))
    mail["X-Townhall-Loop"] = loop_mark(town)
    if message.automatic:
        _say_automatic(mail, acknowledges=message.event == RECEIVED)
    text = message.body.replace(LINK, links.in_mail(town, message)) if LINK in message.body else message.body
    # Only an answer to a message about a case is for the town; colleagues work on it in the app.
    mail.set_content(f"{ABOVE}\n\n{text}\n" if message.number else f"{text}\n", cte=_encoding(text))
    return mail


def recipient(mail: EmailMessage) -> str:
    """The address that a mail goes to, as it is said to the server."""
    return str(mail["To"].addresses[0].addr_spec)


def subject(town: Town, message: Message) -> str:
    """The subject with the tag by which a reply finds its case: once, however often it went to and fro."""
    tag = f"[{town.settings.name} {message.number}]" if message.number else f"[{town.settings.name}]"
    rest = message.subject
    while True:
        shorter = _REPLY.sub("", rest.replace(tag, " ")).strip()
        if shorter == rest:
            return " ".join(f"{tag} {rest}".split())
        rest = shorter


def loop_mark(town: Town) -> str:
    """What our own mail carries, so that it is known when it comes back."""
    return hashlib.sha256(b"loop" + town.secret).hexdigest()[:16]


def _say_automatic(mail: EmailMessage, *, acknowledges: bool) -> None:
    mail["Auto-Submitted"] = "auto-replied" if acknowledges else "auto-generated"
    if acknowledges:
        mail["X-Auto-Response-Suppress"] = "DR, RN, OOF, AutoReply"
        mail["Precedence"] = "bulk"
        mail["X-Loop"] = "yes"
    else:
        mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"


def _to(message: Message) -> Address:
    name, _, domain = message.recipient.rpartition("@")
    # Nobody knows yet who reads a mail about an address: somebody else in the house, or a stranger if it was mistyped.
    shown = "" if personal.is_about_address(message) else " ".join(message.name.split())
    return Address(shown, username=name, domain=in_ascii(domain))


def in_ascii(domain: str) -> str:
    """The name of a host as mail servers write it: *bücher.example* is ``xn--bcher-kva.example``.

    Raises :class:`UnicodeError` for what can't be a host's name.
    """
    return domain if domain.isascii() else domain.encode("idna").decode()


def _encoding(text: str) -> str:
    """Plain text as it is where every server takes it so; otherwise wrapped safely."""
    fits = text.isascii() and all(len(line) < _LINE for line in text.splitlines())
    return "7bit" if fits else "quoted-printable"


def _sent_before(town: Town, message: Message) -> list[str]:
    """Message-IDs of what this person got about this case so far, the oldest first."""
    table = town.system.outbox
    rows = (
        table.select(table.message_id)
        .where(
            table.identity == message.identity,
            table.record_id == message.record_id,
            table.recipient == message.recipient,
            table.status == "sent",
            table.message_id != "",
            table.id != message.id,
        )
        .order_by(table.id)
        .limit(1000)
        .tuples()
    )
    return [row[0] for row in rows]


def _references(ids: list[str]) -> list[str]:
    if len(ids) <= FIRST_REFERENCES + LAST_REFERENCES:
        return ids
    return [*ids[:FIRST_REFERENCES], *ids[-LAST_REFERENCES:]]
