"""The resident whom a demo town may be seen as: somebody with an e-mail address and a few requests of their own."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from townhall.access.actors import system
from townhall.citizens import links
from townhall.db import meta
from townhall.records import owning
from townhall.records.reading import LARGEST_PAGE

if TYPE_CHECKING:
    from townhall.demo.building import Demo

#: People that are looked at.
LOOKED_AT = 400


def choose(demo: Demo) -> None:
    """Keep the address of whoever sent most, of several kinds if anybody did: under it a visitor may sign in."""
    town = demo.town
    best, address = (0, 0), ""
    most = _most(demo)
    for id in demo.people[:LOOKED_AT]:
        if most.get(id, best) <= best:
            continue
        grants = owning.grants(town, id)
        sent = (len({identity for identity, _ in grants}), len(grants))
        contact = owning.contact(town, id) if sent > best else None
        for row in (contact["emails"] or ()) if contact is not None else ():
            if not row.get("bounced") and len(links.having(town, row["address"])) == 1:
                best, address = sent, row["address"]
                break
    meta.put(town.system, links.DEMO_RESIDENT, address)


def _most(demo: Demo) -> dict[int, tuple[int, int]]:
    """For each contact, of how many types and how many records can be theirs at most: few are worth a closer look."""
    found: dict[int, set[tuple[str, int]]] = defaultdict(set)
    for each in owning.types(demo.town):
        sent = demo.town.records.find(
            system(door="demo"), each.identity, fields=each.owners, archived=None, limit=LARGEST_PAGE
        )
        for record in sent.records:
            for name in each.owners:
                for _, contact in each.fields[name].references(record[name]) if record[name] is not None else ():
                    found[contact].add((each.identity, record.id))
    return {id: (len({identity for identity, _ in mine}), len(mine)) for id, mine in found.items()}
