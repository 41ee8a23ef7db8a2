"""Letters: messages for people who have no e-mail address, or would rather have paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.messages import links
from townhall.messages import outbox
from townhall.messages import recipients
from townhall.messages import visibility
from townhall.messages.outbox import Message
from townhall.messages.placeholders import LINK
from townhall.records import reading
from townhall.records import writing
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

INTERACTION = "core.interaction"
#: Letters that are printed at once.
MOST = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it is printed."""

    message: Message
    address: Sequence[str]
    day: date
    paragraphs: Sequence[str]


def may_send(town: Town, actor: Actor) -> bool:
    """Whether the actor may print letters: who may write to citizens."""
    return policy.may(actor, "create", town.schemas[INTERACTION])


def waiting(town: Town, actor: Actor) -> list[Message]:
    """The oldest letters that wait to be printed and of which the actor may know, :data:`MOST` of them; in order."""
    return outbox.find(town, statuses=outbox.OPEN, channel="letter", limit=MOST, seen_by=actor, oldest_first=True)


def number(town: Town, actor: Actor) -> int:
    """How many letters wait to be printed of which the actor may know."""
    return outbox.counts(town, actor)["letters"]


def printed(town: Town, actor: Actor, ids: Sequence[int]) -> list[Letter]:
    """Letters ready to be printed, with the secret codes in them."""
    _require(town, actor)
    found = {message.id: message for message in _theirs(town, actor, ids)}
    return [_letter(town, found[id]) for id in ids if id in found]


def post(town: Town, actor: Actor, ids: Sequence[int]) -> int:
    """Mark letters as printed and posted; how many there were."""
    _require(town, actor)
    table = town.system.outbox
    done = {"status": "sent", "sent_at": to_microseconds(town.clock.now()), "sent_by": actor.name, "attempts": 1}
    theirs = [message.id for message in _theirs(town, actor, ids)]
    chosen = (table.id.in_(theirs), table.channel == "letter", table.status.in_(list(outbox.OPEN)))
    return int(table.update(done).where(*chosen).execute())


def drop(town: Town, actor: Actor, ids: Sequence[int]) -> int:
    """Don't send these letters; how many there were."""
    _require(town, actor)
    table = town.system.outbox
    dropped = {"status": "dropped", "sent_by": actor.name, "error": f"{actor.name} decided that no letter is needed."}
    theirs = [message.id for message in _theirs(town, actor, ids)]
    chosen = (table.id.in_(theirs), table.channel == "letter", table.status.in_(list(outbox.OPEN)))
    return int(table.update(dropped).where(*chosen).execute())


def instead_of_mail(town: Town, actor: Actor, id: int) -> Message:
    """Make a letter of a mail that has not gone out; the timeline says so too.

    Raises :class:`~townhall.errors.Rejected` if it can't be one, :class:`~townhall.errors.NotFound` for a message that
    there isn't or of which the actor may not know.
    """
    _require(town, actor)
    message = outbox.get(town, id)
    if not visibility.visible(town, actor, [message]):
        if not outbox.may_manage(actor):
            raise NotFound(outbox.NONE)
        if message.identity == outbox.COLLEAGUE:
            raise Rejected("A notice to a colleague is not printed: what it tells stands in Townhall too.")
        raise Forbidden("You may not see what this message is about, so you can't print it.")
    if message.identity == recipients.CONTACT:
        raise Rejected(
            "What it is about would be over before a letter arrives. Give them a link on the contact's page."
        )
    contact = reading.get(town, system(), recipients.CONTACT, message.contact_id or 0)
    address = recipients.post_address(town, contact)
    if not address:
        raise Rejected(f"There is no postal address of {message.name}. Add one to the contact first.")
    with immediate(town.database):
        letter = outbox.to_letter(town, id, address)
        if message.interaction_id is not None:
            told = reading.get(town, system(), INTERACTION, message.interaction_id)
            by = system(actor.door, actor.name)
            writing.update(town, by, INTERACTION, told.id, {"channel": "letter"}, version=told.version)
    return letter


def _letter(town: Town, message: Message) -> Letter:
    text = message.body
    if LINK in text:
        text = text.replace(LINK, links.on_paper(town, message))
    lines = message.recipient.splitlines()
    if len(lines) == 1:  # as earlier versions wrote it
        lines = message.recipient.split(", ")
    return Letter(message, (message.name, *lines), town.today(), text.split("\n\n"))


def _theirs(town: Town, actor: Actor, ids: Sequence[int]) -> list[Message]:
    """Those of the letters of which the actor may know."""
    return outbox.find(town, ids=list(ids)[:MOST], channel="letter", limit=MOST, seen_by=actor)


def _require(town: Town, actor: Actor) -> None:
    policy.refuse_read_only(actor)
    if not may_send(town, actor):
        raise Forbidden("You may not print letters. Ask an administrator.")
