"""Who gets a message and how: by mail, as a letter, or not at all, and then why."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

from townhall.access import policy
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.errors import NotFound
from townhall.records import predicate
from townhall.records import preparing
from townhall.records import reading
from townhall.records import restricting
from townhall.records.types import Record
from townhall.records.write_plans import write_plan
from townhall_forms.fields.base import Field
from townhall_forms.fields.places import AddressField
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
Channel = Literal["email", "letter", ""]
#: Fields of a contact that say how to write to them.
ASKED = ("emails", "addresses", "preferred_channel", "deceased", "do_not_contact")
_CHANNELS: Mapping[str, Channel] = {"email": "email", "letter": "letter"}
NOT_FOUND = "The contact can't be found."
NOT_IN_TOUCH = "They asked the town not to get in touch."
KEPT_IN = "Nobody outside the town hall may see this at the moment, so no message about it can be sent."
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


@dataclass(frozen=True, slots=True)
class Way:
    """A way to write to somebody. ``reason`` says in a sentence why it doesn't reach them; then it has no address."""

    channel: Channel
    address: str = ""
    reason: str = ""


def find(town: Town, contact_id: int | None, *, automatic: bool, channel: Channel = "") -> Recipient:
    """How a contact is to be written to, by what they asked for, or by ``channel`` if that is named.

    ``automatic`` is what nobody wrote by hand.
    """
    if contact_id is None:
        return Recipient(None, reason="Nobody is named as the sender.")
    try:
        contact = reading.get(town, system(), CONTACT, contact_id)
    except NotFound:
        return Recipient(contact_id, reason=NOT_FOUND)
    name, language = contact.title, contact["language"] or ""

    def recipient(channel: Channel, address: str = "", reason: str = "") -> Recipient:
        return Recipient(contact_id, name, channel, address, language, reason)

    if automatic and contact["do_not_contact"]:
        return recipient("", reason=NOT_IN_TOUCH)
    asked = [way for way in ways(town, contact) if not channel or way.channel == channel]
    for way in asked:
        if way.address:
            return recipient(way.channel, way.address)
    return recipient("", reason=" ".join(dict.fromkeys(way.reason for way in asked)))


def naming(record_type: RecordType) -> list[Field]:
    """The fields that say whose a case is; one that names several is no single person's to answer."""
    fields = [record_type.fields[name] for name in record_type.contacts if name in record_type.fields]
    return [field for field in fields if field.columns()]


def contact_of(town: Town, record: Record) -> int | None:
    """Whom messages about a record go to: the contact that it is first of all about, as far as it was read."""
    return preparing.contact_of(write_plan(town, record.identity), record.values)


def ways(town: Town, contact: Record) -> tuple[Way, ...]:
    """The ways to write to a contact: first those that reach them, the one that they are written to as a rule before
    the other.

    The record must have been read with :data:`ASKED`.
    """
    gone_for = gone(contact)
    mail, post = ("", "") if gone_for else (mail_address(contact), post_address(town, contact))
    came_back = any(row.get("address") for row in contact["emails"] or ())
    no_mail = "Mail to their e-mail address came back." if came_back else "There is no e-mail address of theirs."
    by_mail = Way("email", mail, "" if mail else gone_for or no_mail)
    by_post = Way("letter", post, "" if post else gone_for or "There is no postal address of theirs.")
    first = (by_post, by_mail) if contact["preferred_channel"] == "letter" else (by_mail, by_post)
    return tuple(sorted(first, key=lambda way: not way.address))


def gone(contact: Record) -> str:
    """Why nobody writes to a contact any more, in a sentence; empty for all others."""
    if contact.archived is not None:
        return "The contact is archived."
    return "The contact has died." if contact["deceased"] else ""


def channel_of(way: str) -> Channel:
    """The channel of a way that somebody chose; empty where they left that to the town, or chose the status page."""
    return _CHANNELS.get(way, "")


def is_shown(town: Town, record: Record) -> bool:
    """Whether a citizen may see a record that is theirs, as things stand. If not they are told nothing about it."""
    sender = citizen(frozenset({(record.identity, record.id)}))
    if record.archived is not None or not policy.granted(sender, record.type, record.id):
        return False
    return not restricting.restricts(town, sender, record.type) or bool(shown(town, record.identity, [record.id]))


def shown(town: Town, identity: str, ids: Collection[int]) -> frozenset[int]:
    """Those of these records that the citizens whose they are may see, as things stand."""
    record_type = town.schemas.get(identity)
    if record_type is None:
        return frozenset()
    senders = citizen(frozenset((identity, id) for id in ids))
    return predicate.may_see(town, senders, record_type, policy.granted_ids(senders, record_type))


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
