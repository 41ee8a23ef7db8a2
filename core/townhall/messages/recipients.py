"""Who gets a message and how: by mail, as a letter, or not at all, and then why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

from townhall.access.actors import system
from townhall.errors import NotFound
from townhall.records import reading
from townhall.records.types import Record
from townhall_forms.fields.places import AddressField

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
Channel = Literal["email", "letter", ""]
#: Mailboxes that nobody reads.
NO_REPLY = frozenset({"noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster"})


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is to get a message. ``channel`` is empty if they get none, and ``reason`` then says why."""

    contact_id: int | None
    name: str = ""
    channel: Channel = ""
    address: str = ""
    language: str = ""
    reason: str = ""


def find(town: Town, contact_id: int | None, *, automatic: bool) -> Recipient:
    """How a contact is to be written to, by what they asked for. ``automatic`` is what nobody wrote by hand."""
    if contact_id is None:
        return Recipient(None, reason="Nobody is named as the sender.")
    try:
        contact = reading.get(town, system(), CONTACT, contact_id)
    except NotFound:
        return Recipient(contact_id, reason="The contact can't be found.")
    name, language = contact.title, contact["language"] or ""

    def recipient(channel: Channel, address: str = "", reason: str = "") -> Recipient:
        return Recipient(contact_id, name, channel, address, language, reason)

    if contact.archived is not None:
        return recipient("", reason="The contact is archived.")
    if contact["deceased"]:
        return recipient("", reason="The contact has died.")
    if automatic and contact["do_not_contact"]:
        return recipient("", reason="They asked the town not to get in touch.")
    mail, post = mail_address(contact), post_address(town, contact)
    if post and (not mail or contact["preferred_channel"] == "letter"):
        return recipient("letter", post)
    if mail:
        return recipient("email", mail)
    return recipient("", reason="There is no e-mail address and no postal address of theirs.")


def mail_address(contact: Record) -> str:
    """The e-mail address to write to: the one to try first, and none that mail came back from."""
    rows = [row for row in contact["emails"] or () if row.get("address") and not row.get("bounced")]
    return _first(rows, "address")


def post_address(town: Town, contact: Record) -> str:
    """The postal address to write to, in lines: the one for letters, or the one to try first."""
    rows = [row for row in contact["addresses"] or () if row.get("address")]
    for_letters = [row for row in rows if row.get("primary")] or [row for row in rows if row.get("label") == "post"]
    chosen = (for_letters or rows or [{}])[0].get("address")
    if not chosen:
        return ""
    field = contact.type.fields["addresses"].row_fields["address"]
    return "\n".join(field.lines(chosen, town.context(system()))) if isinstance(field, AddressField) else ""


def nobody_reads(town: Town, address: str) -> bool:
    """Whether an address is one that answers by itself, or the town's own: never acknowledged, so that none loops."""
    own = {town.settings.mail_from.casefold(), town.settings.email.casefold()} - {""}
    local = address.casefold().partition("@")[0].partition("+")[0]
    return address.casefold() in own or local in NO_REPLY


def _first(rows: list[Any], column: str) -> str:
    chosen = next((row for row in rows if row.get("primary")), rows[0] if rows else None)
    return str(chosen[column]) if chosen is not None else ""
