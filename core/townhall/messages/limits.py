"""What keeps automatic mail from running wild: limits for acknowledgements, and a circuit breaker for all of it.

The numbers are those of help desks that learnt them from loops between answering machines. A case is never lost to a
limit: it is there, only its message isn't sent, and the outbox says why.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.messages import outbox
from townhall.messages import recipients
from townhall.messages import switches
from townhall.messages.recipients import Recipient
from townhall.records.instants import to_microseconds
from townhall_forms.schema import RECEIVED

if TYPE_CHECKING:
    from townhall.town import Town

#: Acknowledgements that one address gets at most: in an hour, and of the same words in three.
IN_AN_HOUR, ALIKE = 3, 2
_LONG = timedelta(minutes=180)
#: The stretch of time in which the circuit breaker counts.
WINDOW = timedelta(minutes=10)


def was_told(town: Town, identity: str, record_id: int, events: Collection[str]) -> bool:
    """Whether the case had its message for one of these events already, or was refused it."""
    table = town.system.outbox
    where = (table.identity == identity, table.record_id == record_id, table.event.in_(list(events)))
    return bool(table.select(table.id).where(*where).exists())


def refusal(town: Town, recipient: Recipient, event: str, topic: str) -> str:
    """Why a message about a new case is not sent to this address; empty if it may be."""
    if event != RECEIVED or recipient.channel != "email":
        return ""
    if recipients.nobody_reads(town, recipient.address):
        return "Nobody reads what is sent to this address, so it is not acknowledged."
    table = town.system.outbox
    now = town.clock.now()
    since = to_microseconds(now - _LONG)
    rows = list(
        table.select(table.created_at, table.topic)
        .where(
            table.event == RECEIVED,
            _automatic(table),
            table.created_at > since,
            table.recipient == recipient.address,
            table.status != "dropped",
        )
        .tuples()
    )
    hour_ago = to_microseconds(now - timedelta(hours=1))
    if sum(at > hour_ago for at, _ in rows) >= IN_AN_HOUR:
        return f"This address got {IN_AN_HOUR} acknowledgements in the last hour."
    if sum(told == topic for _, told in rows) >= ALIKE:
        return f"This address got {ALIKE} acknowledgements of the same request in the last three hours."
    return ""


def breaker(town: Town) -> str:
    """Why automatic mail has to wait just now; opens the circuit breaker if there was too much of it.

    Mail to colleagues is no part of it: everybody gets one at a time, and a busy morning in the town hall must not
    keep what residents wait for.
    """
    if reason := switches.automatic_held(town.system):
        return reason
    table = town.system.outbox
    since = to_microseconds(town.clock.now() - WINDOW)
    limit = town.settings.mail_automatic_limit
    where = (
        _automatic(table),
        table.created_at > since,
        table.channel == "email",
        table.status != "dropped",
        table.identity != outbox.COLLEAGUE,
    )
    if table.select(table.id).where(*where).limit(limit).count() < limit:
        return ""
    reason = f"More than {limit} automatic messages came up in ten minutes, so they are held back until you say go on."
    switches.hold_automatic(town.system, reason)
    outbox.hold_automatic(town, reason)
    return reason


def _automatic(table: Any) -> Any:
    """That a message wrote itself, said as the index of such messages by their time is asked: SQLite doesn't take a
    column that stands alone for the question what is in it, and reads all that was ever sent.
    """
    return table.automatic == True  # noqa: E712  # an expression, not a comparison
