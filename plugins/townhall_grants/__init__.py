"""Grants: what the schemas alone can't say.

Here is only behaviour: reviewers must say first whether they have a stake, and who has one sees nothing of the
application; two different people approve a payment; some values follow from linked records. What pages show of an
award's money stands in :mod:`townhall_grants.money`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from datetime import time
from typing import TYPE_CHECKING
from typing import Any

from townhall import ANONYMOUS
from townhall import Actor
from townhall import Change
from townhall import Notice
from townhall import Record
from townhall import Rejected
from townhall import for_types
from townhall import hookimpl
from townhall import system
from townhall_forms.instants import on_day
from townhall_grants.money import public_panels
from townhall_grants.money import record_panels

if TYPE_CHECKING:
    from townhall.demo import Demo
    from townhall.town import Town

APPLICATION = "grants.application"
AWARD = "grants.award"
DECISION = "grants.decision"
DECLARATION = "grants.conflict_declaration"
PAYMENT = "grants.payment_request"
REPORT = "grants.report_requirement"
REVIEW = "grants.review"
ROUND = "grants.round"

__all__ = ["public_panels", "record_panels"]

#: Most applications that one reviewer keeps out of.
_MOST_RECUSALS = 200
#: Links that follow from another link when they are left empty: type -> (field, link, field of the linked record).
_FOLLOWING: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    REVIEW: (("round", "application", "round"),),
    AWARD: (("round", "application", "round"),),
    PAYMENT: (("recipient", "award", "recipient"),),
    REPORT: (("recipient", "award", "recipient"),),
    "grants.amendment": (("recipient", "award", "recipient"),),
    "grants.monitoring_visit": (("recipient", "award", "recipient"),),
}


def _follow(town: Town, change: Change, following: tuple[tuple[str, str, str], ...]) -> dict[str, Any]:
    added = {}
    for name, link, there in following:
        linked = change.values.get(link)
        if change.values.get(name) is None and linked is not None:
            target = town.schemas[change.identity].fields[link].target
            added[name] = town.records.get(system(), target, linked, fields=[there])[there]
    return added


def _application(town: Town, change: Change) -> Mapping[str, Any]:
    """When an application first came in, and whether that was too late."""
    if change.state == "draft" or change.values.get("submitted_at") is not None:
        return {}
    now = town.clock.now()
    added: dict[str, Any] = {"submitted_at": now}
    round_id = change.values.get("round")
    if round_id is not None:
        closes = town.records.get(system(), ROUND, round_id, fields=["closes_at"])["closes_at"]
        if closes is not None and now > closes:
            added["late"] = True
    return added


def _review(town: Town, change: Change) -> Mapping[str, Any]:
    """Nobody reviews without having said whether they have a stake, or after having been asked to keep out."""
    reviewer, application = change.values.get("reviewer"), change.values.get("application")
    found = town.records.find(
        system(),
        DECLARATION,
        {"application": application, "reviewer": reviewer},
        fields=["kind", "decision"],
        limit=1,
    ).records
    if not found:
        raise Rejected(
            "First declare whether the reviewer has a stake in this application: add a conflict declaration.",
            "reviewer",
        )
    if found[0]["decision"] == "recuse":
        raise Rejected("This reviewer must keep out of this application. Choose another one.", "reviewer")
    if found[0]["kind"] != "none" and found[0]["decision"] != "clear":
        raise Rejected("It is not decided yet whether this reviewer may review this application.", "reviewer")
    return {}


def _declaration(town: Town, change: Change) -> Mapping[str, Any]:
    """Nobody decides for themselves whether their stake keeps them out."""
    decided = change.values.get("decision") is not None and change.changed("decision")
    if decided and change.actor.kind == "staff" and change.actor.id == change.values.get("reviewer"):
        raise Rejected("You declared this yourself. A colleague decides whether you may review.", "decision")
    return {}


def _payment(town: Town, change: Change) -> Mapping[str, Any]:
    """Who approved a payment; what was approved before a change has to be approved again."""
    if change.transition == "approve":
        return {"staff_approver": change.actor.id}
    if change.transition == "approve_finance":
        return {"finance_approver": change.actor.id}
    if change.transition == "resubmit":
        return {"staff_approver": None, "finance_approver": None}
    return {}


def _report(town: Town, change: Change) -> Mapping[str, Any]:
    """A report's case is due at the end of the day on which the report is."""
    day = change.values.get("due_on")
    if day is None or not change.changed("due_on"):
        return {}
    return {"due": on_day(day, time(23, 59), town.zone)}


_DECISIONS: Mapping[str, Callable[[Town, Change], Mapping[str, Any]]] = {
    APPLICATION: _application,
    REVIEW: _review,
    DECLARATION: _declaration,
    PAYMENT: _payment,
    REPORT: _report,
}


@hookimpl
@for_types(*_DECISIONS, *_FOLLOWING)
def before_save(town: Town, change: Change) -> Mapping[str, Any]:
    """Decide about a change of one of the grants types."""
    decide = _DECISIONS.get(change.identity)
    added = _follow(town, change, _FOLLOWING.get(change.identity, ()))
    if decide is not None:
        added.update(decide(town, change))
    return added


@hookimpl
@for_types(PAYMENT)
def guard_transition(actor: Actor, record: Record, transition: str) -> None:
    """Two different people approve a payment."""
    if transition == "approve_finance" and actor.id is not None and actor.id == record["staff_approver"]:
        raise Rejected("You gave the first approval. Somebody else must give the second.")


@hookimpl
@for_types(APPLICATION, REVIEW, DECISION, DECLARATION)
def restrict(town: Town, actor: Actor) -> Mapping[str, Mapping[str, Any]] | None:
    """Who must keep out of an application sees neither it nor what colleagues think of it; their own word they do."""
    if actor.kind != "staff" or actor.id is None:
        return None
    where = {"reviewer": actor.id, "decision": "recuse"}
    found = town.records.find(system(), DECLARATION, where, fields=["application"], limit=_MOST_RECUSALS)
    kept = sorted({declaration["application"] for declaration in found.records})
    if not kept:
        return None
    others = {"application": {"not_in": kept}}
    return {
        APPLICATION: {"id": {"not_in": kept}},
        REVIEW: others,
        DECISION: others,
        DECLARATION: {"any": [others, {"reviewer": "actor"}]},
    }


@hookimpl
def public_notices(town: Town) -> list[Notice]:
    """Rounds that are open, the one that closes first on top."""
    now = town.clock.now()
    where = {"state": "open", "closes_at": {"gte": now.isoformat()}}
    found = town.records.find(ANONYMOUS, ROUND, where, sort="closes_at", limit=2, fields=["closes_at", "opens_at"])
    day = town.schemas[ROUND].fields["closes_at"]
    context = town.context(ANONYMOUS)
    return [
        Notice(
            f"{open_round.title}: apply until {day.display(open_round['closes_at'], context)}",
            "The form is on this site, and you can save it and go on later.",
            open_round["opens_at"].astimezone(town.zone).date(),
            "/open/grants/round/",
        )
        for open_round in found.records
    ]


@hookimpl
def demo_records(demo: Demo) -> None:
    """Rounds, applications and awards in all states for the demo town."""
    from townhall_grants.demo import build

    build(demo)
