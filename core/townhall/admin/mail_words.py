"""What became of a message, in words for colleagues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.messages import switches
from townhall.messages.outbox import Message

if TYPE_CHECKING:
    from townhall.presentation import Presenter
    from townhall.town import Town

#: The pill of each status: its tone, its icon, its word.
PILLS = {
    "queued": ("live", "half", "Waits"),
    "sending": ("live", "half", "Being sent"),
    "failed": ("wait", "pause", "Tries again"),
    "sent": ("ok", "done", "Sent"),
    "dead": ("bad", "alert", "Not delivered"),
    "held": ("wait", "pause", "Held back"),
    "dropped": ("", "closed", "Not sent"),
}


def delivery(presenter: Presenter, town: Town, message: Message, *, known: bool) -> str:
    """How far a message is: “sent 14:02”, “could not be delivered yet, next try 14:10”.

    Who may not know of it (``known``) is told neither to whom it goes nor what a server or the town says of them.
    """
    error, to = (f" {message.error}", f" to {message.recipient}") if known else ("", "")
    if message.channel == "letter":
        return _letter(presenter, message, error)
    if message.status == "sent":
        return f"Sent {presenter.when(message.sent_at)}{to}"
    if message.status == "failed":
        return f"Could not be delivered yet, next try {presenter.when(message.next_at)}"
    if message.status == "dead":
        return f"Could not be delivered.{error}"
    if message.status == "held":
        return "Held back with other automatic messages"
    if message.status == "dropped":
        return f"Not sent.{error}"
    if not town.settings.mail_host:
        return "Waits, since no mail server is set up"
    if switches.paused(town.system):
        return "Waits, since sending is paused"
    return f"On its way{to}"


def _letter(presenter: Presenter, message: Message, error: str) -> str:
    if message.status == "sent":
        by = f" by {message.sent_by}" if message.sent_by else ""
        return f"Posted {presenter.when(message.sent_at)}{by}"
    if message.status == "dropped":
        return f"Not posted.{error}"
    return "Waits to be printed"
