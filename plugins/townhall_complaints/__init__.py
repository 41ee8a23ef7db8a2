"""Complaints and service requests: what the schemas alone can't say.

The types, forms and states stand in ``schemas/``; here is only behaviour: who gets a new request, what keeps two
requests from being each other's duplicates, and what is remembered when a request is edited or opened again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall import Change
from townhall import Rejected
from townhall import for_types
from townhall import hookimpl
from townhall import system

if TYPE_CHECKING:
    from townhall.demo import Demo
    from townhall.town import Town

REQUEST = "complaints.service_request"
CATEGORY = "complaints.category"
_REOPENING = frozenset({"not_fixed", "reopen"})


@hookimpl
@for_types(REQUEST)
def before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Settle what a service request's own fields can't settle."""
    if change.action == "create":
        return _given_to_owner(town, change)
    if change.changed("duplicate_of"):
        _refuse_circle(town, change)
    added: dict[str, Any] = {}
    if change.transition in _REOPENING:
        added["reopened"] = (change.values.get("reopened") or 0) + 1
    if change.changed("description") and not change.values.get("description_original"):
        added["description_original"] = change.before.get("description")
    return added


def _given_to_owner(town: Town, change: Change) -> Mapping[str, Any] | None:
    """A new request is given to whoever its category names."""
    category = change.values.get("category")
    if category is None or change.actor.door in {"import", "demo"}:
        return None
    owner = town.records.get(system(), CATEGORY, category, fields=["owner"])["owner"]
    return {"assignee": owner} if owner is not None else None


def _refuse_circle(town: Town, change: Change) -> None:
    """Following “same as” from request to request must end somewhere, and not here."""
    seen = {change.id}
    following = change.values.get("duplicate_of")
    while following is not None:
        if following in seen:
            raise Rejected(
                "That request is already marked as the same as this one. Choose the one that stays open.",
                "duplicate_of",
            )
        seen.add(following)
        following = town.records.get(system(), REQUEST, following, fields=["duplicate_of"])["duplicate_of"]


def close_quiet_requests(town: Town) -> str:
    """The job that closes resolved requests about which nothing happens any more."""
    from townhall_complaints.closing import close_quiet

    return close_quiet(town)


@hookimpl
def demo_records(demo: Demo) -> None:
    """Requests in all states for the demo town."""
    from townhall_complaints.demo import build

    build(demo)
