"""The resident whom a demo town may be seen as: somebody with an e-mail address and a few requests of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.citizens import links
from townhall.db import meta
from townhall.records import owning

if TYPE_CHECKING:
    from townhall.demo.building import Demo

#: People that are looked at.
LOOKED_AT = 400


def choose(demo: Demo) -> None:
    """Keep the address of whoever sent most, of several kinds if anybody did: under it a visitor may sign in."""
    town = demo.town
    best, address = (0, 0), ""
    for id in demo.people[:LOOKED_AT]:
        grants = owning.grants(town, id)
        sent = (len({identity for identity, _ in grants}), len(grants))
        contact = owning.contact(town, id) if sent > best else None
        for row in (contact["emails"] or ()) if contact is not None else ():
            if not row.get("bounced") and len(links.having(town, row["address"])) == 1:
                best, address = sent, row["address"]
                break
    meta.put(town.system, links.DEMO_RESIDENT, address)
