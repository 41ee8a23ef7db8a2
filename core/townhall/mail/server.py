"""A conversation with the town's mail server, and what its answers mean for a message."""

from __future__ import annotations

import re
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.policy import SMTPUTF8
from pathlib import Path
from typing import TYPE_CHECKING

from townhall.errors import ConfigurationError
from townhall.errors import ServiceFailed
from townhall.errors import TownhallError

if TYPE_CHECKING:
    from townhall.config import Settings

#: The server says so and hangs up, whatever was said to it.
_CLOSING = 421
#: A server that wants a password, or doesn't take the one that it got.
_SIGN_IN = frozenset({530, 534, 535, 538})
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")


class ServerFailed(ServiceFailed):
    """The mail server can't be used at all just now; mostly no message is to blame.

    If it says so while it has a message before it, ``of_message`` says the same as that message's own trouble: only
    whether others are taken tells whose it is.
    """

    def __init__(self, message: str, *, of_message: str = "") -> None:
        super().__init__(message)
        self.of_message = of_message


class TryLater(TownhallError):
    """This message was put off. ``broken`` says that the conversation ended with it."""

    def __init__(self, message: str, *, broken: bool = False) -> None:
        super().__init__(message)
        self.broken = broken


class Refused(TownhallError):
    """This message will never be taken."""


class MailServer:
    """The mail server of a town, connected at the first message and until :meth:`close`."""

    def __init__(self, settings: Settings, instance: Path) -> None:
        self._settings = settings
        self._instance = instance
        self._client: smtplib.SMTP | None = None

    def send(self, mail: EmailMessage, sender: str, recipient: str, *, without_return: bool = False) -> None:
        """Hand one mail over. With ``without_return`` its failure is reported to nobody, if the server allows that.

        Raises :class:`ServerFailed`, :class:`TryLater` or :class:`Refused`, each with what the server said.
        """
        client = self._client or self._connect()
        wide = not (sender + recipient).isascii()
        if wide and not client.has_extn("smtputf8"):
            raise Refused("The mail server takes no address with letters other than a to z before the @.")
        content = mail.as_bytes(policy=SMTPUTF8 if wide else SMTP)
        try:
            self._talk(client, content, "" if without_return else sender, sender, recipient, wide=wide)
        except (OSError, smtplib.SMTPException) as error:
            self._client = None
            client.close()
            raise TryLater(f"The connection broke off: {_words(error)}.", broken=True) from error

    def close(self) -> None:
        """Say goodbye."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if client.sock is not None:
                client.sock.settimeout(2)
            client.quit()
        except (OSError, smtplib.SMTPException):
            client.close()

    def check(self) -> None:
        """Connect and sign in. Raises :class:`ServerFailed`."""
        if self._client is None:
            self._connect()

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        host, port, timeout = settings.mail_host, settings.mail_port, settings.mail_timeout
        client: smtplib.SMTP | None = None
        password = self._password() if settings.mail_username else ""
        if settings.mail_username and not password:
            raise ServerFailed("username stands in [mail] without a password: write password_file beside it.")
        trust = self._trust() if settings.mail_security != "none" else None
        try:
            if settings.mail_security == "tls":
                client = smtplib.SMTP_SSL(host, port, timeout=timeout, context=trust)
            else:
                client = smtplib.SMTP(host, port, timeout=timeout)
                if trust is not None:
                    client.starttls(context=trust)
            if settings.mail_username:
                client.login(settings.mail_username, password)
            else:
                client.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException, ValueError) as error:
            hint = _hint(error, settings.mail_security, started=client is not None)
            if client is not None:
                client.close()
            raise ServerFailed(f"The mail server {host}:{port} can't be used: {_words(error)}.{hint}") from error
        self._client = client
        return client

    def _talk(
        self, client: smtplib.SMTP, content: bytes, envelope: str, sender: str, recipient: str, *, wide: bool
    ) -> None:
        options = ["BODY=8BITMIME"] if client.has_extn("8bitmime") and not content.isascii() else []
        if wide:
            options.append("SMTPUTF8")  # RFC 6531; smtplib then speaks UTF-8 to the server
        code, said = client.mail(envelope, options)
        if code >= 500 and envelope != sender:
            # Some servers take no mail without a return address.
            client.rset()
            code, said = client.mail(sender, options)
        if code != 250:
            self._leave(client)
            wants = code in _SIGN_IN and not self._settings.mail_username
            hint = " It wants a sign-in: write username and password_file into [mail]." if wants else ""
            words = _answer(code, said)
            # The town's own address is the same for all; without a return address go only some.
            put_off = "" if envelope == sender else f"The mail server put it off: {words}."
            raise ServerFailed(f"The mail server takes no mail from {sender}: {words}.{hint}", of_message=put_off)
        code, said = client.rcpt(recipient)
        if code not in (250, 251):
            self._judge(client, code, said)
        try:
            code, said = client.data(content)
        except smtplib.SMTPDataError as error:
            code, said = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        if code != 250:
            self._judge(client, code, said)

    def _judge(self, client: smtplib.SMTP, code: int, said: bytes) -> None:
        """Raise what a server's refusal of one message means."""
        words = _answer(code, said)
        if code == _CLOSING or code in _SIGN_IN:
            self.close()
            # Whoever looks why no mail goes out need not know to whom the town writes.
            raise ServerFailed(
                f"The mail server takes nothing at the moment: {_ADDRESS.sub('…', words)}.",
                of_message=f"The mail server put it off: {words}.",
            )
        self._leave(client)
        if 400 <= code < 500:
            raise TryLater(f"The mail server put it off: {words}.")
        raise Refused(f"The mail server refused it: {words}.")

    def _leave(self, client: smtplib.SMTP) -> None:
        """Forget the message that was begun, so that the next one can follow."""
        try:
            client.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if name := self._settings.mail_certificates:
            file = self._instance / name
            try:
                context.load_verify_locations(file)
            except (OSError, ValueError) as error:
                wrong = "it holds no certificate (PEM)" if isinstance(error, ssl.SSLError) else _reason(error)
                raise ServerFailed(f"certificates in [mail] names {file}, which can't be read: {wrong}.") from error
        return context

    def _password(self) -> str:
        settings = self._settings
        if settings.mail_password or not settings.mail_password_file:
            return settings.mail_password
        file = self._instance / settings.mail_password_file
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ServerFailed(
                f"password_file in [mail] names {file}, which can't be read: {_reason(error)}."
            ) from error


def required(settings: Settings) -> None:
    """Raise :class:`~townhall.errors.ConfigurationError` unless a mail server is set up."""
    if not settings.mail_host:
        raise ConfigurationError("No mail server is set up. Write its host into [mail] of townhall.toml.")


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())[:200]}".strip()


def _hint(error: BaseException, security: str, *, started: bool) -> str:
    """What most probably helps against an error of the connection or the sign-in; empty if nobody can tell."""
    if isinstance(error, smtplib.SMTPNotSupportedError) and "STARTTLS" in str(error):
        return ' Write security = "tls" into [mail] if this is its port for that (mostly 465).'
    if isinstance(error, smtplib.SMTPNotSupportedError):
        more = ' Most do with security = "starttls" or "tls".' if security == "none" else ""
        return f"{more} If it wants none, leave username out of [mail]."
    if isinstance(error, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        return ' On this port it begins without encryption: write security = "starttls" into [mail] (mostly port 587).'
    if security != "tls" and not started and (isinstance(error, TimeoutError) or "timed out" in str(error)):
        return ' If it encrypts from the first word on this port (mostly 465), write security = "tls" into [mail].'
    return ""


def _reason(error: BaseException) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _words(error: BaseException) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "for signing in, username and password may hold only letters from a to z, digits and signs (ASCII)"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        missing = "encryption (STARTTLS)" if "STARTTLS" in str(error) else "sign-in (AUTH)"
        return f"it offers no {missing} on this connection"
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, TimeoutError) or "timed out" in str(error):  # smtplib hides the one in the other
        return "it did not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate can't be trusted ({error.verify_message})"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError | smtplib.SMTPException) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
