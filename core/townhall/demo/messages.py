"""The demo town's outbox: what went out, one that did not, and letters that wait. Nothing is ever sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.extend.values import Change
from townhall.messages import outbox
from townhall.messages import queueing
from townhall.messages import recipients
from townhall.messages import templates
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.demo.building import Demo

#: Cases of each type whose acknowledgement is made up.
CASES = 14
NO_SUCH_USER = "The mail server refused it: 550 5.1.1 The account that you tried to reach does not exist."
PUT_OFF = "The mail server put it off: 451 4.7.1 Greylisted, please try again in a few minutes."


def build(demo: Demo) -> None:
    """Acknowledge the newest cases of every type, and say what became of each message."""
    town = demo.town
    for record in _newest(demo):
        author = demo.as_staff()
        change = Change(
            identity=record.identity,
            action="create",
            actor=Actor("staff", author.name, author.id, author.permissions, door="admin"),
            values=record.values,
            id=record.id,
            state=record.state,
            contact_id=recipients.contact_of(town, record),
        )
        with demo.at(record.created):
            queueing.announce(town, change)
    _settle(demo)


def _newest(demo: Demo) -> Iterator[Record]:
    for record_type in templates.types_with_messages(demo.town.schemas):
        where = {"type": record_type.identity}
        if demo.town.records.find(system(), templates.TEMPLATE, where, limit=1).records:
            found = demo.town.records.find(system(), record_type.identity, sort="-created", limit=CASES)
            yield from reversed(found.records)


def _settle(demo: Demo) -> None:
    """All mail went out but one that can't and one that was put off; the newest letters wait."""
    town = demo.town
    mails = outbox.find(town, statuses=["queued"], channel="email", limit=200)
    for place, message in enumerate(mails):
        if place == 2:
            outbox.mark(town, message.id, "dead", at=message.created_at, error=NO_SUCH_USER)
        elif place == 4:
            later = demo.now + timedelta(minutes=8)
            outbox.mark(town, message.id, "failed", at=later, error=PUT_OFF, attempts=4)
        elif place > 0:
            outbox.mark(town, message.id, "sent", at=message.created_at + timedelta(minutes=1))
    for message in outbox.find(town, statuses=["queued"], channel="letter", limit=200)[3:]:
        posted = message.created_at + timedelta(days=1)
        outbox.mark(town, message.id, "sent", at=min(posted, demo.now), by=demo.random.choice(list(demo.staff)))
