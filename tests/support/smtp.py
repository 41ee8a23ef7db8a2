"""A real SMTP server in the test's own process, which does what a test tells it to."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from aiosmtpd.smtp import LoginPassword

from townhall.town import Town

OK = "250 Accepted"
#: Seconds within which the server must be there: it is at once, unless the machine is very busy.
READY = 120


class Mailbox:
    """Keeps what the server accepted. ``answer`` and ``to`` say how it answers the text and a recipient."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, EmailMessage]] = []
        self.answer: Callable[[int], str | None] = lambda count: OK
        self.to: Callable[[str], str] = lambda address: OK
        self.sender: Callable[[str], str] = lambda address: OK
        self.tries = 0

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        said = self.sender("" if address == "<>" else address)
        if said.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return said

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        said = self.to(address)
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.tries += 1
        said = self.answer(self.tries)
        if said is None:  # hang up in the middle
            server.transport.close()
            return ""
        if said == "hang":
            await asyncio.Event().wait()  # until the other side has enough and hangs up
        if said.startswith("250"):
            mail = email.message_from_bytes(envelope.content.replace(b"\r\n", b"\n"), policy=default)
            assert isinstance(mail, EmailMessage)
            self.taken.append((envelope.mail_from.strip("<>"), envelope.rcpt_tos[0], mail))
        return said

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails that were accepted."""
        return [mail for _, _, mail in self.taken]


class _OnAnyPort(Controller):
    """Listens where the system finds a free port: one that is looked up before may be somebody else's by then."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()


def use(town: Town, port: int, **settings: Any) -> None:
    """Let the town send to this port."""
    given = {"mail_host": "127.0.0.1", "mail_port": port, "mail_security": "none", "mail_from": "hall@milbrook.example"}
    town.settings = replace(town.settings, public_address="https://milbrook.example/", **{**given, **settings})


@contextmanager
def smtp_server(
    *, certificate: ssl.SSLContext | None = None, password: str = "", utf8: bool = True
) -> Iterator[tuple[Mailbox, int]]:
    """A server on a free port of this machine, with STARTTLS if there is a certificate; its mailbox and port.

    ``utf8`` is whether it takes addresses in all letters (RFC 6531).
    """
    mailbox = Mailbox()

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        good = isinstance(given, LoginPassword) and given.password == password.encode()
        return AuthResult(success=good, handled=False)

    more: dict[str, Any] = {"enable_SMTPUTF8": utf8}
    more |= {"tls_context": certificate, "require_starttls": True} if certificate is not None else {}
    if password:
        more |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": certificate is not None}
    controller = _OnAnyPort(mailbox, hostname="127.0.0.1", port=0, ready_timeout=READY, **more)
    controller.start()
    try:
        yield mailbox, controller.port
    finally:
        controller.stop()
