"""How somebody gets to a password that nobody else ever knew: invitations, and links for forgotten ones."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.accounts import account_links
from townhall.accounts import delivering
from townhall.accounts import log
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts.managing import require_manager
from townhall.db.transactions import immediate
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed

if TYPE_CHECKING:
    from townhall.accounts.people import Person
    from townhall.town import Town

PATH = "/admin/password/"

GONE = "This link has been used, or has run out. Ask for a new one."

_RESET = """\
Somebody asked for a new password for your account at {town}.

If it was you, open this page within an hour and choose one:
{link}

If it was not you, do nothing. Your password stays as it is.
"""
_INVITATION = """\
You can work in Townhall for {town} now.

Open this page and choose a password:
{link}

It works for {days} days. If you did not expect this, do nothing.
"""


def address(town: Town, token: str, host: str = "") -> str:
    """The address of the page behind a link; ``host`` stands in where the town has set no ``public_address``."""
    return f"{(town.settings.public_address or host).rstrip('/')}{PATH}{token}"


def invite(town: Town, actor: Actor, email: str, *, name: str = "", role: str) -> tuple[Person, str]:
    """Add somebody who sets their own password; they, and the token of their invitation."""
    with immediate(town.database):
        person = people.add(town, actor, email, name=name, role=role, password=None)
        return person, account_links.make(town, person.id, "invitation")


def renew_invitation(town: Town, actor: Actor, id: int, *, name: str = "", role: str = "") -> str:
    """A new token for somebody who has no password yet, with another name and role if these are given.

    The link before works no more, unless something is refused: then nothing changes. Raises
    :class:`~townhall.errors.Rejected` for somebody who needs none, and the errors of :func:`people.set_role` and
    :func:`people.set_name`.
    """
    require_manager(actor)
    person = people.by_id(town, id)
    if person.has_password or not person.active:
        raise Rejected(f"{person.name} needs no invitation.")
    with immediate(town.database):
        if role:
            people.set_role(town, actor, id, role)
        if name:
            people.set_name(town, actor, id, name)
        log.write(town, actor, "invited", id)
        return account_links.make(town, id, "invitation")


def withdraw_invitation(town: Town, actor: Actor, id: int) -> bool:
    """Let an invitation work no more; whether there was one."""
    require_manager(actor)
    with immediate(town.database):
        gone = account_links.revoke(town, id, "invitation")
        if gone:
            log.write(town, actor, "invitation_withdrawn", id)
    return gone


def make_reset_link(town: Town, actor: Actor, id: int) -> str:
    """The token of a link to hand over to somebody who forgot their password. It works for an hour, once."""
    require_manager(actor)
    person = people.by_id(town, id)
    if not person.active:
        raise Rejected(f"{person.name} can’t sign in. Let them sign in again first.")
    with immediate(town.database):
        log.write(town, actor, "reset_link_made", id)
        return account_links.make(town, id, "reset")


def ask_reset(town: Town, actor: Actor, email: str, *, address_of_visitor: str = "") -> None:
    """Send somebody a link, if this is their address. Nobody is told whether it is, not even by how long it takes.

    The link begins with the town's own address and never with what the visitor's browser calls this site.
    """
    known: Person | None = None
    with suppress(NotFound):
        known = people.find(town, email)
    person = known if known is not None and known.active else None
    with immediate(town.database):
        log.write(town, actor, "reset_asked", person.id if person else None, address=address_of_visitor)
        token = account_links.make(town, person.id if person else None, "reset")
    text = _RESET.format(town=town.settings.name, link=address(town, token))
    recipient = person.email if person else None
    delivering.deliver_later(town, recipient, f"A new password for {town.settings.name}", text)


def send_invitation(town: Town, person: Person, token: str) -> bool:
    """Send an invitation by mail; whether that was possible."""
    if not delivering.is_possible(town):
        return False
    name, days = town.settings.name, town.settings.invitation_days
    text = _INVITATION.format(town=name, link=address(town, token), days=days)
    return delivering.deliver(town, person.email, f"Your account at {name}", text)


def choose(town: Town, token: str, password: str, *, address_of_visitor: str = "") -> Person:
    """Set the password that somebody chose behind their link. The link is used up; a second factor stays.

    Raises :class:`~townhall.errors.NotFound` for a link that doesn't work, and
    :class:`~townhall.errors.ValidationFailed` for a password that is refused; then the link still works.
    """
    link = account_links.find(town, token)
    if link is None:
        raise NotFound(GONE)
    person = people.by_id(town, link.user_id)
    if problem := passwords.problem(password, person.email, person.name, town.settings.name):
        raise ValidationFailed({"password": problem})
    own = Actor("staff", person.name, person.id, door="admin")
    what = "password_reset" if link.purpose == "reset" else "invitation_accepted"
    with immediate(town.database):
        if not account_links.use_up(town, token):
            raise NotFound(GONE)
        return people.set_password(town, own, person.id, password, what=what)
