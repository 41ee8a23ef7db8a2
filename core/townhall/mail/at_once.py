"""A mail that goes out at once and stands in no outbox: to IT as a test, to colleagues with a secret link in it.

The outbox would keep what is in it; a link that opens an account must not stand there.
"""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from email.utils import make_msgid
from typing import TYPE_CHECKING

from townhall.errors import Rejected
from townhall.mail import composing
from townhall.mail.server import MailServer
from townhall.mail.server import Refused
from townhall.mail.server import ServerFailed
from townhall.mail.server import TryLater
from townhall.mail.server import required
from townhall.messages import switches

if TYPE_CHECKING:
    from townhall.town import Town


def send(town: Town, address: str, subject: str, text: str) -> None:
    """Send a mail. ``subject`` stands behind the town's name.

    Raises :class:`~townhall.errors.ConfigurationError` if mail is not set up, or :class:`~townhall.errors.Rejected`
    with what the server said.
    """
    required(town.settings)
    sender = composing.sender(town)
    name, _, domain = address.strip().rpartition("@")
    if not name or not domain or set(address.strip()) & set(" \t\r\n<>,;"):
        raise Rejected("Enter the e-mail address that it goes to.")
    try:
        domain = composing.in_ascii(domain)
    except UnicodeError:
        raise Rejected("Enter the e-mail address that it goes to.") from None
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = Address(username=name, domain=domain)
    mail["Subject"] = f"[{' '.join(town.settings.name.split())}] {' '.join(subject.split())}"
    mail["Date"] = format_datetime(town.clock.now())
    mail["Message-ID"] = make_msgid("th-once", sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Townhall-Loop"] = composing.loop_mark(town)
    mail.set_content(text)
    server = MailServer(town.settings, town.instance)
    try:
        server.send(mail, sender.addr_spec, composing.recipient(mail))
    except (ServerFailed, TryLater, Refused) as error:
        raise Rejected(str(error)) from error
    finally:
        server.close()
    switches.end_rest(town.system)


def send_test(town: Town, address: str) -> str:
    """Send a test mail; a sentence of how it went. Raises what :func:`send` does."""
    send(town, address, "Test message", f"This is a test. {town.settings.name} can send mail.\n")
    return f"A test message went to {address.strip()}."
