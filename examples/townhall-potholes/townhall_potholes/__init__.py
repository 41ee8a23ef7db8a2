"""Potholes: how urgent one is, and what somebody's reports came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall import Change
from townhall import Panel
from townhall import PanelRow
from townhall import Record
from townhall import Rejected
from townhall import for_types
from townhall import hookimpl

if TYPE_CHECKING:
    from townhall.access.actors import Actor
    from townhall.town import Town

POTHOLE = "potholes.pothole"


@hookimpl
@for_types(POTHOLE)
def before_save(town: Town, change: Change) -> Mapping[str, Any]:
    """Work out the severity; a hole can't have been filled tomorrow."""
    filled_on = change.values.get("filled_on")
    if filled_on is not None and filled_on > town.today():
        raise Rejected("This day is still to come. Enter the day on which the crew was there.", "filled_on")
    return {"severity": severity(change.values, town.plugins.settings("potholes")["dangerous_depth"])}


def severity(values: Mapping[str, Any], dangerous_depth: int) -> str:
    """How urgent a hole of this depth and width is."""
    depth, width = values.get("depth"), values.get("width")
    if depth is None:
        return "unknown"
    wide = (width or 0) >= 50
    return "dangerous" if depth >= (dangerous_depth // 2 if wide else dangerous_depth) else "minor"


@hookimpl
def record_panels(town: Town, actor: Actor, record: Record) -> list[Panel]:
    """On a contact's page: how long it took to fill what they reported."""
    if record.identity != "core.contact":
        return []
    found = town.records.find(
        actor, POTHOLE, {"reporter": record.id, "state": "filled"}, sort="-created", limit=5, fields=["filled_on"]
    )
    rows = [
        PanelRow(pothole.title, POTHOLE, pothole.id, note=f"filled after {_days(town, pothole)} days", tone="ok")
        for pothole in found.records
    ]
    return [Panel("Potholes filled for them", rows)] if rows else []


def _days(town: Town, pothole: Record) -> int:
    return int((pothole["filled_on"] - pothole.created.astimezone(town.zone).date()).days)
