"""Links with which people sign in to their own requests: asked for by mail, or given to them by the town hall.

Whether an address is known must show in nothing that a visitor sees. So asking writes one row, whatever the address,
and a job answers it a moment later: with a mail to the one contact who has the address, and else with none.

A link signs in one contact and nobody else. An address that stands with several of them opens none: its reader is told
so, and the town hall gives each a link of their own.
"""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.citizens import sessions
from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.messages import links as message_links
from townhall.messages import personal
from townhall.records import history
from townhall.records import owning
from townhall.records import reading
from townhall.records import secret_links
from townhall.records.instants import to_microseconds
from townhall.records.people import CONTACT
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town

#: The permission to hand a link to somebody.
PERMISSION = "citizens.sign_in"
PURPOSE = personal.PURPOSES[personal.SIGN_IN]
#: Under what a demo town keeps the address of a resident to sign in as.
DEMO_RESIDENT = "demo_resident"
#: Requests that are answered at once; the rest waits for the next run.
BATCH = 200
#: Contacts with one address that are looked at.
_MOST = 20


def sends_mail(town: Town) -> bool:
    """Whether somebody can ask for a link: the town has a mail server, or is a demo whose outbox shows the link."""
    return bool(town.settings.mail_host) or is_demo(town)


def is_demo(town: Town) -> bool:
    """Whether this is the made-up town, in which nothing is secret."""
    return bool(meta.get(town.system, "sign_in_hint", ""))


def ask(town: Town, address: str) -> None:
    """Note that a link was asked for. It takes the same statements for every address."""
    town.system.link_request.insert(address=address, asked_at=to_microseconds(town.clock.now())).execute()


def answer(town: Town) -> str:
    """Answer what was asked: put mails into the outbox. A sentence, empty if nobody gets one. Safe to run twice."""
    table = town.system.link_request
    sent = 0
    with immediate(town.database):
        rows = list(table.select(table.id, table.address, table.asked_at).order_by(table.id).limit(BATCH).tuples())
        if rows:
            table.delete().where(table.id.in_([row[0] for row in rows])).execute()
        too_old = to_microseconds(town.clock.now() - timedelta(minutes=town.settings.citizen_link_minutes))
        for address, asked_at in {address.casefold(): at for _, address, at in rows}.items():
            sent += asked_at > too_old and _answer_one(town, address)
    return f"{sent:,} link{'' if sent == 1 else 's'} asked for." if sent else ""


def having(town: Town, address: str) -> list[tuple[Record, str]]:
    """The contacts who may sign in with this address, each with the address as it stands there.

    Mail goes to what stands there and never to what was typed: letters that only look or sort alike are others.
    """
    found = reading.find(town, system("portal"), CONTACT, {"emails.address": address}, limit=_MOST, fields=()).records
    matches = []
    for one in found:
        contact = owning.contact(town, one.id)
        stored = personal.stored(contact, address) if contact is not None else ""
        if contact is not None and stored:
            matches.append((contact, stored))
    return matches


def _answer_one(town: Town, address: str) -> bool:
    matches = having(town, address)
    for contact, stored in matches[:1]:
        personal.send(town, contact, personal.SHARED if len(matches) > 1 else personal.SIGN_IN, stored)
    return bool(matches)


def shared_with(town: Town, contact: Record) -> list[str]:
    """Addresses of a contact that stand with others too, and so get no link by mail."""
    rows = contact.get("emails") or ()
    return [row["address"] for row in rows if len(having(town, row["address"])) > 1]


def give(town: Town, actor: Actor, contact_id: int) -> tuple[str, datetime]:
    """A link for somebody who stands at the counter: its token, shown once, and until when it works.

    Links that they got before stop working, and they are signed out everywhere. It is written to the contact's history.
    Raises :class:`~townhall.errors.Forbidden`, or :class:`~townhall.errors.Rejected` for who can't sign in.
    """
    contact = _theirs(town, actor, contact_id)
    if owning.contact(town, contact_id) is None:
        raise Rejected("This contact is archived, merged or has died, so nobody can sign in as them.")
    until = town.clock.now() + timedelta(days=town.settings.citizen_code_days)
    with immediate(town.database):
        end_all(town, contact_id)
        token = secret_links.make(town, CONTACT, contact_id, PURPOSE, expires=until)
        _write(town, actor, contact, "A link to their own requests was given.")
    return token, until


def revoke(town: Town, actor: Actor, contact_id: int) -> None:
    """Sign somebody out everywhere, and let no link of theirs sign in. It is written to the contact's history."""
    contact = _theirs(town, actor, contact_id)
    with immediate(town.database):
        end_all(town, contact_id)
        _write(town, actor, contact, "Signed out of their own requests; links given before work no more.")


def _theirs(town: Town, actor: Actor, contact_id: int) -> Record:
    if not actor.may(PERMISSION):
        raise Forbidden("You may not give people a link to their own requests. Ask an administrator.")
    return reading.get(town, actor, CONTACT, contact_id)


def end_all(town: Town, contact_id: int, *, but: str = "") -> None:
    """Sign a contact out everywhere, and let no link of theirs work, as a part of something that is told already.

    Neither one that was handed out or sent, nor one that waits to be. ``but`` is a session that goes on.
    """
    message_links.end(town, contact_id)
    sessions.drop(town, contact_id, but=but)


def _write(town: Town, actor: Actor, contact: Record, note: str) -> None:
    event = history.Event(contact.id, contact.version, "link", {}, note)
    history.write(town, actor, CONTACT, to_microseconds(town.clock.now()), [event])


def enter(town: Town, token: str) -> str | None:
    """Use a link up and begin a session: the session's token. ``None`` if the link signs nobody in (any more)."""
    with immediate(town.database):
        used = secret_links.use(town, token, PURPOSE) if token else None
        contact = owning.contact(town, used[1]) if used is not None else None
        if used is None or contact is None:
            return None
        # One that was handed over went to no address. Of others it must be theirs still: it may have been taken away
        # in the moment in which the link was made.
        if used[2] and not personal.stored(contact, used[2]):
            return None
        return sessions.start(town, contact.id)


def works(town: Town, token: str) -> bool:
    """Whether a link would sign somebody in; asking doesn't use it up."""
    return bool(token) and secret_links.resolve(town, token, PURPOSE) is not None
