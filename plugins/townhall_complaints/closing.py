"""Closing resolved requests about which nobody said anything any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from townhall import Conflict
from townhall import NotFound
from townhall import Rejected
from townhall import ValidationFailed
from townhall import system

if TYPE_CHECKING:
    from townhall.records.types import Record
    from townhall.town import Town

REQUEST = "complaints.service_request"
CATEGORY = "complaints.category"
#: Requests that are looked at at once.
_PAGE = 200


def close_quiet(town: Town) -> str:
    """Close each resolved request about which nothing happened for as many days as its category says."""
    actor = system("system", "Townhall (quiet requests)")
    closed = refused = 0
    for category, days in _categories(town):
        since = town.clock.now() - timedelta(days=days)
        for request in _resolved(town, category):
            if request.updated > since or _talked_about(town, request, since):
                continue
            try:
                note = f"Nothing happened for {days} days after it was resolved."
                town.records.transition(actor, REQUEST, request.id, "close", version=request.version, note=note)
                closed += 1
            except (Conflict, NotFound):
                continue  # Somebody was faster: then it isn't quiet.
            except (Rejected, ValidationFailed):
                refused += 1
    told = f"{closed} quiet {'request' if closed == 1 else 'requests'} closed." if closed else ""
    if refused:
        told += f" {refused} could not be closed: something in them isn't right; open and close them by hand."
    return told.strip()


def _categories(town: Town) -> Iterator[tuple[int, int]]:
    """Categories whose requests close by themselves, each with its days."""
    where = {"auto_close_days": {"empty": False}}
    after = ""
    while True:
        page = town.records.find(
            system(), CATEGORY, where, fields=["auto_close_days"], archived=None, limit=_PAGE, after=after
        )
        for category in page.records:
            yield category.id, category["auto_close_days"]
        if not page.after:
            return
        after = page.after


def _resolved(town: Town, category: int) -> list[Record]:
    """Resolved requests of a category. All are found before the first is closed, since closing changes the list."""
    found: list[Record] = []
    after = ""
    while True:
        where = {"state": "resolved", "category": category}
        page = town.records.find(system(), REQUEST, where, fields=[], sort="created", limit=_PAGE, after=after)
        found += page.records
        if not page.after:
            return found
        after = page.after


def _talked_about(town: Town, request: Record, since: object) -> bool:
    """Whether somebody wrote or called about a request after a moment."""
    where = {"about": f"{REQUEST}:{request.id}", "at": {"gt": since}}
    return town.records.count(system(), "core.interaction", where).value > 0
