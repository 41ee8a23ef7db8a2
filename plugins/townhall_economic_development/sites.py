"""Which sites fit a prospect: hard wishes must be met, and those that need the least room come first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall import Actor
from townhall import Panel
from townhall import PanelRow
from townhall import Record
from townhall import for_types
from townhall import hookimpl

if TYPE_CHECKING:
    from townhall.town import Town

PROSPECT = "economic_development.prospect"
SITE = "economic_development.site"
#: Wishes in numbers: field of the prospect, field of the site, and how they compare.
_AT_LEAST = (
    ("acreage_min", "acreage"),
    ("floor_area_min", "floor_area"),
    ("ceiling_min", "ceiling"),
    ("power", "power"),
)
#: Needs that a site has among its utilities; the railway stands apart.
_UTILITIES = ("water", "sewer", "gas", "broadband")
_SHOWN = 5


def fitting(prospect: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The conditions that a site must fulfil for this prospect; ``None`` if it says nothing of what it needs."""
    where: list[dict[str, Any]] = []
    kinds = [kind for kind in prospect.get("space_kind") or () if kind != "nothing"]
    if kinds:
        where.append({"kind": list(kinds)})
    for wish, there in _AT_LEAST:
        if prospect.get(wish) is not None:
            where.append({there: {"gte": str(prospect[wish])}})
    if prospect.get("highway_minutes") is not None:
        where.append({"highway_minutes": {"lte": prospect["highway_minutes"]}})
    if prospect.get("zoning"):
        where.append({"zoning": list(prospect["zoning"])})
    needs = prospect.get("needs") or ()
    where += [{"utilities": {"contains": need}} for need in _UTILITIES if need in needs]
    if "rail" in needs:
        where.append({"rail": True})
    return where or None


@hookimpl
@for_types(PROSPECT)
def record_panels(town: Town, actor: Actor, record: Record) -> list[Panel]:
    """Sites that meet all of a prospect's wishes."""
    if record.closed is not None or not town.records.may(actor, "view", SITE):
        return []
    wishes = fitting(record.values)
    if wishes is None:
        return [Panel("Sites that fit", empty="Say first how much room it needs, and of what kind.")]
    where = {"all": [{"status": ["available", "pending"]}, *wishes]}
    found = town.records.find(actor, SITE, where, sort="acreage", limit=_SHOWN, fields=["status", "address"])
    context, fields = town.context(actor), town.schemas[SITE].fields
    chosen = set(record.get("sites") or ())
    rows = [
        PanelRow(
            site.title,
            SITE,
            site.id,
            "Shown to them" if site.id in chosen else fields["status"].display(site["status"], context),
        )
        for site in found.records
    ]
    return [Panel("Sites that fit", rows, empty="No site that is available meets all of its wishes.")]
