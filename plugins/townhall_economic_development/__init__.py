"""Economic development: what the schemas alone can't say.

Here is only behaviour: a visit's answers raise warning signs, each of which becomes a case once the visit was made, and
a prospect's chance follows its stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall import Change
from townhall import for_types
from townhall import hookimpl
from townhall import system
from townhall_economic_development.industries import industry
from townhall_economic_development.pipeline import admin_views
from townhall_economic_development.pipeline import calendar_entries
from townhall_economic_development.pipeline import home_cards
from townhall_economic_development.sites import record_panels

if TYPE_CHECKING:
    from townhall.demo import Demo
    from townhall.town import Town

__all__ = ["admin_views", "calendar_entries", "home_cards", "record_panels"]

PROSPECT = "economic_development.prospect"
RED_FLAG = "economic_development.red_flag"
VISIT = "economic_development.visit"

#: How likely it is, in percent, that a prospect is won, by its stage. On hold keeps what it had.
CHANCES: Mapping[str, int] = {
    "inquiry": 5,
    "qualified": 15,
    "proposal": 30,
    "site_visit": 45,
    "negotiation": 60,
    "committed": 85,
    "won": 100,
    "lost": 0,
}
_URGENT = frozenset({"moving_closing", "expand_downsize"})
#: Answers in words, and the warning sign that any of them raises.
_WORRIES: Mapping[str, str] = {
    "regulatory_issues": "regulatory",
    "supplier_issues": "suppliers",
    "equipment_issues": "equipment",
    "quality_issues": "quality_of_life",
}


def red_flags(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The warning signs in a visit's answers, in the order of the schema's choices."""
    plans = set(values.get("plans") or ())
    found = set()
    likely = values.get("relocation_likelihood") in {"4", "5"}
    if plans & {"relocate", "close", "sell"} or likely or values.get("being_recruited"):
        found.add("moving_closing")
    if plans & {"expand", "downsize"} or (values.get("jobs_change") or 0) != 0:
        found.add("expand_downsize")
    if values.get("climate") in {"growing", "shrinking"}:
        found.add("sales_change")
    if values.get("workforce_needs"):
        found |= {"training", "labour"}
    found |= {flag for name, flag in _WORRIES.items() if values.get(name)}
    order = (
        "moving_closing",
        "expand_downsize",
        "regulatory",
        "training",
        "suppliers",
        "equipment",
        "sales_change",
        "labour",
        "quality_of_life",
    )
    return tuple(flag for flag in order if flag in found)


@hookimpl
@for_types(PROSPECT, VISIT)
def before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Work out a visit's warning signs and a prospect's chance."""
    if change.identity == VISIT:
        return {"red_flags": red_flags(change.values)}
    return {"probability": CHANCES[change.state]} if change.state in CHANCES else None


@hookimpl
@for_types(VISIT)
def after_save(town: Town, change: Change) -> None:
    """Once a visit was made, open a case for each of its warning signs."""
    if change.transition != "finish":
        return
    actor = system(door=change.actor.door)
    open_ones = {
        flag["kind"] for flag in town.records.find(actor, RED_FLAG, {"visit": change.id}, fields=["kind"]).records
    }
    for kind in change.values.get("red_flags") or ():
        if kind not in open_ones:
            values = {
                "business": change.values["business"],
                "visit": change.id,
                "kind": kind,
                "urgency": "high" if kind in _URGENT else "normal",
            }
            town.records.create(actor, RED_FLAG, values)


@hookimpl
def compute_field(name: str, values: Mapping[str, Any]) -> str | None:
    """A business's industry, from its code."""
    return industry(values.get("naics") or "") if name == "industry" else None


@hookimpl
def demo_records(demo: Demo) -> None:
    """Businesses, visits, prospects and sites for the demo town."""
    from townhall_economic_development.demo import build

    build(demo)
