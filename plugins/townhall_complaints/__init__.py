"""Complaints and service requests: what the schemas alone can't say.

The types, forms and states stand in ``schemas/``; here is only behaviour: what keeps two requests from
being each other's duplicates, and what is remembered when a request is edited or opened again.
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
_REOPENING = frozenset({"not_fixed", "reopen"})


@hookimpl
@for_types(REQUEST)
def before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Settle what a service request's own fields can't settle."""
    if change.action == "create":
        return None
    if change.changed("duplicate_of"):
        _refuse_circle(town, change)
    added: dict[str, Any] = {}
    if change.transition in _REOPENING:
        added["reopened"] = (change.values.get("reopened") or 0) + 1
    if change.changed("description") and not change.values.get("description_original"):
        added["description_original"] = change.before.get("description")
    return added


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


@hookimpl
def demo_records(demo: Demo) -> None:
    """Requests in all states for the demo town."""
    from townhall_complaints.demo import build

    build(demo)
