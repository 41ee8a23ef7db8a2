"""Of which messages a colleague may know, and whom they may be told that one goes to.

A message tells of its record and of somebody: who they are and how they are reached. So whoever reads it must be one
who sees that record, reads there whose it is, and reads the name and the addresses of that contact.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from typing import TYPE_CHECKING

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.messages import recipients
from townhall.messages.recipients import CONTACT
from townhall.records import beside
from townhall.records import naming
from townhall.records import predicate
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.messages.outbox import Message
    from townhall.town import Town

#: Fields of a contact that a message tells.
_TOLD = frozenset({"emails", "addresses"})


def test(town: Town, actor: Actor) -> peewee.ColumnBase:
    """A test on rows of the outbox that the actor may know of them; :mod:`~townhall.records.beside` runs it."""
    table = town.system.outbox
    about = beside.about_any(town, actor, _types(town, actor), table.identity, table.record_id)
    person = beside.is_seen(town, actor, town.schemas[CONTACT], table.contact_id) if _reads(town, actor) else None
    return about if person is None else predicate.both([about, person])


def visible(town: Town, actor: Actor, messages: Sequence[Message]) -> list[Message]:
    """Those of the messages of which the actor may know."""
    types = {each.identity: each for each in _types(town, actor)}
    asked = [message for message in messages if message.identity in types]
    concerned = [town.schemas[CONTACT], *(types[identity] for identity in {each.identity for each in asked})]
    if not asked or all(predicate.sees_all(town, actor, each) for each in concerned):
        return asked
    table = town.system.outbox
    query = table.select(table.id).where(table.id.in_([message.id for message in asked]), test(town, actor))
    seen = {row["id"] for row in beside.rows(query)}
    return [message for message in asked if message.id in seen]


def known(town: Town, actor: Actor, ids: Iterable[int]) -> frozenset[int]:
    """Those of the contacts of whom the actor reads who they are and how they are reached."""
    wanted, contacts = frozenset(ids), town.schemas[CONTACT]
    if not wanted or not _reads(town, actor):
        return frozenset()
    return wanted if predicate.sees_all(town, actor, contacts) else predicate.may_see(town, actor, contacts, wanted)


def reads_whose(actor: Actor, record_type: RecordType) -> bool:
    """Whether the actor reads whose a record of the type is, in whichever field that stands."""
    names = {field.name for field in recipients.naming(record_type)}
    return names <= policy.readable(actor, record_type).readable


def _reads(town: Town, actor: Actor) -> bool:
    """Whether the actor reads of contacts, as far as they see them, what a message tells."""
    contacts = town.schemas[CONTACT]
    return (
        policy.may(actor, "view", contacts)
        and naming.may_name(town, actor, contacts)
        and policy.readable(actor, contacts).readable >= _TOLD
    )


def _types(town: Town, actor: Actor) -> list[RecordType]:
    """Types of which the actor may know what was sent about some record: cases, and contacts themselves."""
    if not _reads(town, actor):
        return []
    return [
        each
        for each in town.schemas.values()
        if (each.is_case or each.identity == CONTACT) and policy.may(actor, "view", each) and reads_whose(actor, each)
    ]
