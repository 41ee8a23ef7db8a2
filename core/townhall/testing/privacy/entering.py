"""Pages that a secret opens which is sent to one person: opened by that person, with what they then see.

The link of a mail to a resident signs them in, to find all that is theirs; another confirms an address; a colleague’s
leads to where they choose a password. And an upload of a module waits under what its file sums up to.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from townhall.access.actors import citizen
from townhall.accounts import own_password
from townhall.citizens import addresses
from townhall.citizens import links
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.lifecycle import uploading
from townhall.records import owning
from townhall.records import secret_links
from townhall.records.people import CONTACT
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.privacy.expected import Reader
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.planting import Planter
from townhall.testing.privacy.surfaces import Surface
from townhall.testing.samples import REFUSALS
from townhall.town import Town

_MANIFEST = 'name = "walked"\ntitle = "Walked"\ndescription = "Walked."\nversion = "1.0.0"\napi = ">=1,<2"\n'
_SCHEMA = '[type]\nname = "walk"\ntitle = "{name}"\n[fields.name]\ntype = "text"\nrequired = true\n'


def invitation(town: Town, planter: Planter) -> Surface:
    """Where a new colleague chooses a password."""
    actor = planter.sampler.actor
    _, token = own_password.invite(town, actor, "walk-invited@milbrook.example", role="viewer")
    return Surface(f"/admin/password/{token}", "/admin/password/<token>")


def upload(town: Town, planter: Planter) -> Surface:
    """Where somebody looks at a module before it is used."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as pack:
        pack.writestr("plugin.toml", _MANIFEST)
        pack.writestr("schemas/walk.toml", _SCHEMA)
    checksum = uploading.upload(town, planter.sampler.actor, data.getvalue())
    return Surface(f"/admin/modules/{checksum}", "/admin/modules/<checksum>")


def signed_in(town: Town, planter: Planter, planted: Sequence[Planted], client: Client) -> tuple[Reader, list[Surface]]:
    """A resident who has followed the link of a mail, with what is theirs, and the pages on the way there.

    Every planted request becomes theirs whose contact may be changed.
    """
    known = next((each for each in planted if each.record.identity == CONTACT and not each.archived), None)
    contact = known.record if known is not None else None
    if contact is not None and contact.values.get("deceased"):
        _revive(town, planter, contact)
    if contact is None or owning.contact(town, contact.id) is None:
        contact = planter.sampler.record(CONTACT)
    for each in planted:
        give(town, planter, each, next(iter(each.record.type.owners), ""), contact.id)
    grants = owning.grants(town, contact.id)
    own = {each.name for each in planted if (each.record.identity, each.record.id) in grants}
    if known is not None and known.record.id == contact.id:
        own.add(known.name)
    reader = Reader("a citizen who is signed in", citizen(grants | {(CONTACT, contact.id)}), frozenset(own))
    token, _ = links.give(town, planter.sampler.actor, contact.id)
    client.get(f"/requests/enter/{token}", follow_redirects=True)
    client.post("/requests/enter", {}, follow_redirects=True)
    confirming = secret_links.make(town, CONTACT, contact.id, addresses.PURPOSE, about="walk@post.example")
    pages = [
        Surface(f"/requests/enter/{token}", "/requests/enter/<token>"),
        Surface(f"/requests/confirm/{confirming}", "/requests/confirm/<token>"),
        Surface("/requests/details", "/requests/details"),
        Surface("/requests/", "/requests/"),
    ]
    return reader, pages


def _revive(town: Town, planter: Planter, contact: Record) -> None:
    """Everything is planted that a contact can be, and nobody signs in who has died."""
    actor = planter.sampler.actor
    version = town.records.get(actor, CONTACT, contact.id, fields=()).version
    town.records.update(actor, CONTACT, contact.id, {"deceased": False}, version=version)


def give(town: Town, planter: Planter, planted: Planted, link: str, contact: int) -> None:
    """Let a request be a contact’s; what refuses that leaves it as it is."""
    record, actor = planted.record, planter.sampler.actor
    field = record.type.fields.get(link)
    if planted.archived or field is None or field.many_targets or field.target != CONTACT:
        return
    version = town.records.get(actor, record.identity, record.id, fields=()).version
    try:
        town.records.update(actor, record.identity, record.id, {link: contact}, version=version)
    except (*REFUSALS, Forbidden, Conflict):
        return
