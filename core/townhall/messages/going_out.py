"""Whether what waits may still go out, and where to.

A mail may have waited for days: because sending was paused, the server was down, or it came back and somebody tries it
again. So it is looked at anew when it goes out, many at once: where its reader is written to now, and whether they are
told anything about it at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.messages import outbox
from townhall.messages import recipients
from townhall.messages import visibility
from townhall.messages.outbox import COLLEAGUE
from townhall.messages.outbox import Message
from townhall.messages.recipients import CONTACT
from townhall.records import reading
from townhall.records.instants import to_microseconds
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town

#: What can be tried again.
_AGAIN = ("dead", "held", "failed")
_LEFT = "They can't sign in to Townhall any more."
_UNSAID = "It can't go to whom it is for any more."
_GONE = "It has gone out or was dropped meanwhile."


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a message goes to now; or, for a ``reason``, nowhere: then it becomes ``dropped`` or ``dead``."""

    address: str
    status: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Retried:
    """How many messages are tried again, and why others are not, by their id."""

    count: int
    refused: Mapping[int, str]


def judge(town: Town, messages: Sequence[Message]) -> Mapping[int, Verdict]:
    """What is right for each of these mails now, by its id.

    What nobody wrote by hand and can't go is dropped. What somebody wrote needs a person then, and so does what only
    lacks an address: it can be printed, or tried again when there is one.
    """
    cases: dict[str, set[int]] = defaultdict(set)
    for message in messages:
        if message.identity not in (CONTACT, COLLEAGUE):
            cases[message.identity].add(message.record_id)
    shown = {identity: recipients.shown(town, identity, ids) for identity, ids in cases.items()}
    named = {each.contact_id for each in messages if each.contact_id is not None and each.identity != CONTACT}
    found = reading.many(town, system(), CONTACT, sorted(named), fields=recipients.ASKED) if named else []
    people = {contact.id: contact for contact in found}
    colleagues = _colleagues(town, {each.record_id for each in _to_colleagues(messages)})

    def verdict(message: Message) -> Verdict:
        if message.identity == CONTACT:
            # What is about an address goes to that one and to no other.
            return Verdict(message.recipient)
        if message.identity == COLLEAGUE:
            address = colleagues.get(message.record_id, "")
            return Verdict(address) if address else Verdict("", "dropped", _LEFT)
        if message.record_id not in shown[message.identity]:
            return _refused(message, recipients.KEPT_IN)
        if message.contact_id is None:
            return Verdict(message.recipient)
        return _to_contact(town, message, people.get(message.contact_id))

    return {message.id: verdict(message) for message in messages}


def _to_contact(town: Town, message: Message, contact: Record | None) -> Verdict:
    if contact is None:
        return _refused(message, recipients.NOT_FOUND)
    if message.automatic and contact["do_not_contact"]:
        return _refused(message, recipients.NOT_IN_TOUCH)
    if gone := recipients.gone(contact):
        return _refused(message, gone)
    way = next(each for each in recipients.ways(town, contact) if each.channel == "email")
    return Verdict(way.address) if way.address else Verdict("", "dead", way.reason)


def _refused(message: Message, reason: str) -> Verdict:
    return Verdict("", "dropped" if message.automatic else "dead", reason)


def _to_colleagues(messages: Sequence[Message]) -> list[Message]:
    return [message for message in messages if message.identity == COLLEAGUE]


def _colleagues(town: Town, ids: Collection[int]) -> Mapping[int, str]:
    """The addresses of those colleagues who still work here."""
    if not ids:
        return {}
    user = town.system.user
    return dict(user.select(user.id, user.email).where(user.id.in_(list(ids)), user.active).tuples())


# -- trying again -----------------------------------------------------------------------------------------------------


def retry(town: Town, actor: Actor, ids: Sequence[int] | None = None) -> Retried:
    """Try these again now, or all that are dead. They begin with a clean count.

    Those that are named are looked at anew at once, so that whoever asks is told why one of them goes nowhere, if they
    may know of it; all others are when they go out. Raises :class:`~townhall.errors.Forbidden`.
    """
    outbox.require(actor)
    table = town.system.outbox
    again = {"status": "queued", "attempts": 0, "next_at": to_microseconds(town.clock.now()), "error": ""}
    if ids is None:
        dead = (table.status == "dead") & (table.channel == "email")
        return Retried(int(table.update(again).where(dead).execute()), {})
    wanted = list(dict.fromkeys(ids))
    count, refused = 0, dict.fromkeys(wanted, outbox.NONE)
    with immediate(town.database):
        for start in range(0, len(wanted), outbox.LARGEST_PAGE):
            found = outbox.find(town, ids=wanted[start : start + outbox.LARGEST_PAGE], limit=outbox.LARGEST_PAGE)
            refused |= {message.id: _GONE for message in found}
            tried = [message for message in found if message.channel == "email" and message.status in _AGAIN]
            known = {each.id for each in (*visibility.visible(town, actor, tried), *_to_colleagues(tried))}
            for id, verdict in judge(town, tried).items():
                new = {**again, "recipient": verdict.address}
                if verdict.reason:
                    new = {"status": verdict.status, "error": verdict.reason}
                if table.update(new).where(table.id == id, table.status.in_(list(_AGAIN))).execute():
                    count += not verdict.reason
                    refused[id] = verdict.reason if id in known or not verdict.reason else _UNSAID
    return Retried(count, {id: reason for id, reason in refused.items() if reason})
