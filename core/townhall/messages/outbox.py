"""The outbox: every message on its way, what became of it, and what can be done about it.

A row is ``queued`` until it is tried, ``sending`` while a process has it, ``failed`` when it will be tried again,
``sent``, ``dead`` when only a person can help, ``held`` by the circuit breaker, or ``dropped``: nobody gets it, and
``error`` says why. A letter is ``queued`` until it is marked as posted.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import Any

from peewee import fn

from townhall.access.actors import Actor
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.messages import visibility
from townhall.records import beside
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.records.plans import batches

if TYPE_CHECKING:
    from townhall.town import Town

#: The permission to pause, try again and drop.
PERMISSION = "messages.manage"
#: What stands for a colleague where a message is otherwise about a record.
COLLEAGUE = "staff"
#: What is still to go out.
OPEN = ("queued", "sending", "failed")
#: What needs somebody.
TROUBLED = ("dead", "held")
#: What can be kept from going out, or be made a letter.
STOPPABLE = ("queued", "failed", *TROUBLED)
#: What may still go out, by itself or once somebody has seen to it.
WAITING = (*OPEN, *TROUBLED)
#: What nothing more happens to.
SENT = "sent"
OVER = (SENT, "dropped")
NONE = "There is no such message in the outbox."
STATUSES = (*OPEN, *TROUBLED, *OVER)
LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the outbox, as it stands."""

    id: int
    identity: str
    record_id: int
    number: str
    event: str
    automatic: bool
    channel: str
    contact_id: int | None
    interaction_id: int | None
    recipient: str
    name: str
    subject: str
    body: str
    status: str
    attempts: int
    next_at: datetime | None
    error: str
    created_at: datetime
    sent_at: datetime | None
    sent_by: str
    message_id: str
    key: str


def key_of(identity: str, record_id: int, event: str, cause: int, recipient: str) -> str:
    """What is the same for a message that must go out once: the record, the event, its cause and who gets it.

    ``cause`` is the version of the record that the event made, or the id of the interaction that is sent.
    """
    told = "\n".join((identity, str(record_id), event, str(cause), recipient.casefold()))
    return sha256(told.encode()).hexdigest()


def is_there(town: Town, key: str) -> bool:
    """Whether there is a message with this key already."""
    table = town.system.outbox
    return bool(table.select(table.id).where(table.key == key).exists())


def add(town: Town, key: str, values: Mapping[str, Any]) -> None:
    """Put a message in, unless one with this key is there."""
    now = to_microseconds(town.clock.now())
    town.system.outbox.insert({"key": key, "created_at": now, "next_at": now, **values}).on_conflict_ignore().execute()


def get(town: Town, id: int) -> Message:
    """One message. Raises :class:`~townhall.errors.NotFound`."""
    found = _messages(_query(town).where(town.system.outbox.id == id))
    if not found:
        raise NotFound(NONE)
    return found[0]


def find(
    town: Town,
    *,
    statuses: Sequence[str] = (),
    channel: str = "",
    about: tuple[str, int] | None = None,
    ids: Sequence[int] | None = None,
    before: int = 0,
    limit: int = 50,
    seen_by: Actor | None = None,
    oldest_first: bool = False,
) -> list[Message]:
    """Messages, the newest first or the oldest; ``before`` is the id at which the page before ended.

    ``seen_by`` leaves out those of which this actor may not know.
    """
    table = town.system.outbox
    query = _query(town)
    if SENT in statuses:
        # Nearly all are, so a page is full soonest by walking back from the newest: said so, no index is asked.
        query = query.where(table.status.not_in([status for status in STATUSES if status not in statuses]))
    elif statuses:
        query = query.where(table.status.in_(list(statuses)))
    if channel:
        query = query.where(table.channel == channel)
    if about is not None:
        query = query.where(table.identity == about[0], table.record_id == about[1])
    if ids is not None:
        query = query.where(table.id.in_(list(ids)[:LARGEST_PAGE]))
    if before:
        query = query.where(table.id < before)
    if seen_by is not None:
        query = query.where(visibility.test(town, seen_by))
    order = table.id if oldest_first else table.id.desc()
    return _messages(query.order_by(order).limit(min(limit, LARGEST_PAGE)))


def of_interactions(town: Town, ids: Sequence[int]) -> Mapping[int, Message]:
    """The messages that these interactions went out as, by the interaction."""
    if not ids:
        return {}
    table = town.system.outbox
    found = _messages(_query(town).where(table.interaction_id.in_(list(ids))))
    return {each.interaction_id: each for each in found if each.interaction_id is not None}


def caused(town: Town, identity: str, versions: Mapping[int, Collection[int]], since: datetime) -> int:
    """How many messages that these versions of records of a type brought about were sent or are still to be.

    ``versions`` has them by record; none of the messages is older than ``since``.
    """
    table = town.system.outbox
    found = 0
    for part in batches(sorted(versions)):
        rows = table.select(table.record_id, table.event, table.recipient, table.key).where(
            table.identity == identity,
            table.record_id.in_(part),
            table.created_at >= to_microseconds(since),
            table.status != "dropped",
        )
        for id, event, recipient, key in rows.tuples():
            found += any(key == key_of(identity, id, event, each, recipient) for each in versions[id])
    return found


def counts(town: Town, seen_by: Actor | None = None) -> Mapping[str, int]:
    """How many there are: of mail by status, and of letters that wait under ``letters``.

    ``seen_by`` leaves out those of which this actor may not know.
    """
    table = town.system.outbox
    # By the index of statuses: what was sent is nearly all that there is.
    told = table.status.in_([status for status in STATUSES if status != SENT])
    query = table.select(table.status, table.channel, fn.COUNT(table.id).alias("many")).where(told)
    if seen_by is not None:
        query = query.where(visibility.test(town, seen_by))
    made: dict[str, int] = dict.fromkeys(STATUSES, 0) | {"letters": 0}
    for row in beside.rows(query.group_by(table.status, table.channel)):
        waits = row["channel"] == "letter" and row["status"] in OPEN
        made["letters" if waits else row["status"]] += int(row["many"])
    return made


def next_try(town: Town) -> datetime | None:
    """When the first mail that is still to go out is due; ``None`` if none is."""
    table = town.system.outbox
    first = table.select(fn.MIN(table.next_at)).where(table.status.in_(list(OPEN)), table.channel == "email").scalar()
    return from_microseconds(first) if first is not None else None


def needing(town: Town, seen_by: Actor | None = None) -> int:
    """How many messages only a person can help; ``seen_by`` leaves out those of which this actor may not know."""
    table = town.system.outbox
    query = table.select(table.id).where(table.status.in_(list(TROUBLED)))
    if seen_by is not None:
        query = query.where(visibility.test(town, seen_by))
    return beside.count(query.limit(1000))


# -- what a person can do ---------------------------------------------------------------------------------------------


def may_manage(actor: Actor) -> bool:
    """Whether the actor may pause, try again and drop."""
    return actor.may(PERMISSION)


def require(actor: Actor) -> None:
    """Raise :class:`~townhall.errors.Forbidden` unless the actor may look after the outbox."""
    if not may_manage(actor):
        raise Forbidden("You may not look after the outbox. Ask an administrator.")


def drop(town: Town, actor: Actor, id: int) -> Message:
    """Never send it. Raises :class:`~townhall.errors.Rejected` if it has gone out or is just going out."""
    require(actor)
    table = town.system.outbox
    query = table.update(status="dropped", error=f"Dropped by {actor.name}.", sent_by=actor.name)
    changed = query.where(table.id == id, table.status.in_(list(STOPPABLE))).execute()
    message = get(town, id)
    if not changed and message.status != "dropped":
        raise Rejected("It is on its way or has gone out, so it can't be dropped any more.")
    return message


def withdraw(town: Town, about: tuple[str, int], events: Collection[str], reason: str) -> list[Message]:
    """Drop what waits about a record for one of these events. What is just going out can't be held; both come back."""
    table = town.system.outbox
    told = (table.identity == about[0]) & (table.record_id == about[1]) & table.event.in_(list(events))
    found = _messages(_query(town).where(told, table.status.in_(list(WAITING))))
    if found:
        table.update(status="dropped", error=reason).where(told, table.status.in_(list(STOPPABLE))).execute()
    return found


def hold_automatic(town: Town, reason: str) -> int:
    """Hold back all mail to residents that nobody wrote by hand and that has not gone out; how many there are."""
    table = town.system.outbox
    query = table.update(status="held", error=reason)
    waiting = table.status.in_(["queued", "failed"]) & (table.identity != COLLEAGUE)
    return int(query.where(waiting, table.automatic, table.channel == "email").execute())


def release(town: Town) -> int:
    """Let what was held back go out; how many there were."""
    table = town.system.outbox
    query = table.update(status="queued", error="", next_at=to_microseconds(town.clock.now()))
    return int(query.where(table.status == "held").execute())


def mark(town: Town, id: int, status: str, *, at: datetime, error: str = "", by: str = "", attempts: int = 1) -> None:
    """Say what became of a message elsewhere, or in a made-up town."""
    moment = to_microseconds(at)
    done: dict[str, Any] = {"status": status, "error": error, "sent_by": by, "attempts": attempts}
    done |= {"sent_at": moment} if status == "sent" else {"next_at": moment}
    town.system.outbox.update(done).where(town.system.outbox.id == id).execute()


def to_letter(town: Town, id: int, address: str) -> Message:
    """Make a letter of a mail that has not gone out."""
    table = town.system.outbox
    with immediate(town.database):
        query = table.update(channel="letter", status="queued", recipient=address, error="", attempts=0)
        waiting = table.status.in_(list(STOPPABLE))
        if not query.where(table.id == id, waiting, table.channel == "email").execute():
            raise Rejected("It has gone out, or is a letter already.")
    return get(town, id)


def forget_words(town: Town) -> int:
    """Delete words, names and addresses of messages that went out, or never will, longer ago than the town keeps them.

    The rows stay: that a message went out, when and about what, so that it isn't sent again and its case is found by an
    answer to it. What was said stands on the timeline. Returns how many there were.
    """
    if not town.settings.mail_keep_days:
        return 0
    table = town.system.outbox
    before = to_microseconds(town.clock.now() - timedelta(days=town.settings.mail_keep_days))
    query = table.update(recipient="", name="", subject="", body="")
    over = table.status.in_(list(OVER)) & (fn.COALESCE(table.sent_at, table.created_at) < before)
    return int(query.where(over, (table.body != "") | (table.recipient != "")).execute())


# -- rows -------------------------------------------------------------------------------------------------------------


def _query(town: Town) -> Any:
    return town.system.outbox.select()


def _messages(query: Any) -> list[Message]:
    def moment(value: int | None) -> datetime | None:
        return from_microseconds(value) if value else None

    return [
        Message(
            id=row["id"],
            identity=row["identity"],
            record_id=row["record_id"],
            number=row["number"],
            event=row["event"],
            automatic=bool(row["automatic"]),
            channel=row["channel"],
            contact_id=row["contact_id"],
            interaction_id=row["interaction_id"],
            recipient=row["recipient"],
            name=row["name"],
            subject=row["subject"],
            body=row["body"],
            status=row["status"],
            attempts=row["attempts"],
            next_at=moment(row["next_at"]),
            error=row["error"],
            created_at=from_microseconds(row["created_at"]),
            sent_at=moment(row["sent_at"]),
            sent_by=row["sent_by"],
            message_id=row["message_id"],
            key=row["key"],
        )
        for row in beside.rows(query)
    ]
