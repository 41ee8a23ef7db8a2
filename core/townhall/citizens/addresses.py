"""The e-mail addresses of somebody who is signed in: added once confirmed, put first, and taken away.

A new address is nobody's until its own mailbox has said so: it stands in the link that was sent to it and nowhere else.
Every change is told to the addresses that were there before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.citizens import links
from townhall.db.transactions import immediate
from townhall.errors import Rejected
from townhall.messages import personal
from townhall.records import owning
from townhall.records import parsing
from townhall.records import secret_links
from townhall.records import writing
from townhall.records.people import CONTACT
from townhall.records.types import Record
from townhall_forms.errors import Invalid

if TYPE_CHECKING:
    from townhall.town import Town

Rows = list[dict[str, Any]]
PURPOSE = personal.PURPOSES[personal.CONFIRM]


def parsed(town: Town, contact: Record, text: str) -> str:
    """An address as it is kept. Raises :class:`~townhall.errors.Rejected` with a sentence."""
    field = contact.type.fields["emails"].row_fields["address"]
    try:
        address = field.parse(text, town.context(system()))
    except Invalid as error:
        raise Rejected(error.message, field="address") from error
    if not address:
        raise Rejected("Enter an e-mail address, like name@example.com.", field="address")
    return str(address)


def propose(town: Town, contact: Record, text: str) -> str:
    """Send a link to a new address that makes it theirs; the address. Nothing else changes before it is opened.

    Raises :class:`~townhall.errors.Rejected` if it is no address, stands there already or there are too many.
    """
    address = parsed(town, contact, text)
    rows = _rows(contact)
    if any(row["address"].casefold() == address.casefold() and row.get("confirmed") for row in rows):
        raise Rejected("This address is confirmed already.", field="address")
    most = contact.type.fields["emails"].max
    if most is not None and len(rows) >= most and not any(row["address"] == address for row in rows):
        raise Rejected("There are as many addresses as we can keep. Take one away first.", field="address")
    with immediate(town.database):
        personal.send(town, contact, personal.CONFIRM, address)
    return address


def works(town: Town, token: str) -> bool:
    """Whether a link would confirm an address; asking doesn't use it up."""
    return bool(token) and secret_links.resolve(town, token, PURPOSE) is not None


def confirm(town: Town, token: str) -> str | None:
    """Make the address of a link theirs, confirmed today; the address. ``None`` if the link does nothing any more."""
    with immediate(town.database):
        used = secret_links.use(town, token, PURPOSE) if token else None
        contact = owning.contact(town, used[1]) if used is not None else None
        if used is None or contact is None:
            return None
        address, today = used[2], town.today()

        def change(rows: Rows) -> Rows:
            for row in rows:
                if row["address"].casefold() == address.casefold():
                    row |= {"confirmed": today, "bounced": None}
                    return rows
            return [*rows, {"address": address, "confirmed": today, "primary": not rows}]

        _change(town, contact, change, f"{address} was confirmed and added.")
        return address


def put_first(town: Town, contact: Record, address: str, version: int) -> None:
    """Write to this address before all others. Raises :class:`~townhall.errors.Conflict` if they changed meanwhile."""

    def change(rows: Rows) -> Rows:
        return [{**row, "primary": row["address"] == address} for row in rows]

    _known(contact, address)
    _change(town, contact, change, f"{address} is the first that we write to.", version)


def take_away(town: Town, contact: Record, address: str, version: int, *, here: str) -> None:
    """Take an address away; whoever is signed in elsewhere is signed out. ``here`` is the session that does it.

    Whoever read the address may have asked for links, also to confirm one of their own. None of these works any more.
    Raises :class:`~townhall.errors.Conflict` if they changed meanwhile.
    """

    def change(rows: Rows) -> Rows:
        return [row for row in rows if row["address"] != address]

    _known(contact, address)
    with immediate(town.database):
        _change(town, contact, change, f"{address} was removed.", version)
        links.end_all(town, contact.id, but=here)


def _known(contact: Record, address: str) -> None:
    if all(row["address"] != address for row in _rows(contact)):
        raise Rejected("This address is not among yours any more. The page shows how it stands now.", field="address")


def _change(
    town: Town, contact: Record, change: Callable[[Rows], Rows], sentence: str, version: int | None = None
) -> None:
    """Write the rows anew in the owner's name, and tell the addresses that were there before."""
    owner: Actor = citizen(frozenset({(CONTACT, contact.id)}))
    rows = change(_rows(contact))
    with immediate(town.database):
        # What of these rows is changed is decided here: the marks that the town set are not the owner's to write.
        by = parsing.on_behalf_of(owner)
        writing.update(town, by, CONTACT, contact.id, {"emails": rows}, version=version or contact.version)
        for row in _rows(contact):
            if not row.get("bounced"):
                personal.send(town, contact, personal.CHANGED, row["address"], change=sentence)


def _rows(contact: Record) -> Rows:
    return [dict(row) for row in contact["emails"] or ()]
