"""Complaints and service requests: what the schemas alone can't say.

The types, forms and states stand in ``schemas/``; here is only behaviour: what keeps two requests from
being each other's duplicates, and what is remembered when a request is edited or opened again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall import Actor
from townhall import Assignment
from townhall import Change
from townhall import Finding
from townhall import Flag
from townhall import Panel
from townhall import PanelRow
from townhall import Record
from townhall import Rejected
from townhall import for_types
from townhall import hookimpl
from townhall import system

if TYPE_CHECKING:
    from townhall.demo import Demo
    from townhall.town import Town

REQUEST = "complaints.service_request"
CATEGORY = "complaints.category"
CONTACT = "core.contact"
#: The permission to call a sender whom one may not know.
CALL_SENDER = "complaints.call_sender"
#: Categories that the doctor names.
_MOST_NAMED = 5
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


def close_quiet_requests(town: Town) -> str:
    """The job that closes resolved requests about which nothing happens any more."""
    from townhall_complaints.closing import close_quiet

    return close_quiet(town)


@hookimpl
@for_types(REQUEST)
def route_case(change: Change) -> Assignment | None:
    """Where somebody may be in danger, nothing is more urgent; whose it is, the town's rules and the category say."""
    return Assignment(priority="urgent", reason="Somebody may be in danger.") if change.values.get("danger") else None


@hookimpl
@for_types(REQUEST)
def record_flags(record: Record) -> list[Flag]:
    """What to know before talking about a request."""
    chased = record.get("chase_count") or 0
    flags = []
    if record.get("danger") and record.closed is None:
        flags.append(Flag("Somebody may be in danger", "The sender ticked that.", "bad"))
    if chased > 1 and record.closed is None:
        flags.append(Flag(f"Asked {chased} times how far it is", "Call them before they call again.", "soon"))
    return flags


@hookimpl
@for_types(REQUEST)
def record_panels(town: Town, actor: Actor, record: Record) -> list[Panel]:
    """The number to call for a contractor who has the request, where its category says so; never whose it is."""
    if not actor.may(CALL_SENDER) or record.closed is not None or town.records.may(actor, "see_internal", REQUEST):
        return []
    case = town.records.get(system(), REQUEST, record.id, fields=["category", "reporter", "reporter_anonymous"])
    if case["reporter"] is None or case["reporter_anonymous"]:
        return []
    category = town.records.get(system(), CATEGORY, case["category"], fields=["crew_may_call"])
    if not category["crew_may_call"]:
        return []
    contact = town.records.get(system(), CONTACT, case["reporter"], fields=["phones"])
    columns, context = town.schemas[CONTACT].fields["phones"].row_fields, town.context(actor)
    rows = [
        PanelRow(
            columns["number"].display(phone["number"], context), note=columns["label"].display(phone["label"], context)
        )
        for phone in sorted(contact["phones"] or (), key=lambda phone: not phone["primary"])
        if phone["label"] != "fax"
    ]
    return [Panel("Who sent it", rows, note="Call only about this work.")] if rows else []


@hookimpl
def health_checks(town: Town) -> list[Finding]:
    """Categories that are in use and belong to nobody: what comes in there, nobody is told of."""
    where = {"active": True, "owner": {"empty": True}, "default_queue": {"empty": True}}
    found = town.records.find(system(), CATEGORY, where, fields=[], limit=_MOST_NAMED)
    if not found.records:
        return [Finding("complaint categories", True, "each that is in use has a queue or a person.")]
    names = ", ".join(category.title for category in found.records)
    more = " and others" if found.after else ""
    return [Finding("complaint categories", False, f"{names}{more} have neither a queue nor a person. Give them one.")]


@hookimpl
def demo_records(demo: Demo) -> None:
    """Requests in all states for the demo town."""
    from townhall_complaints.demo import build

    build(demo)
