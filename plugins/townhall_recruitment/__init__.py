"""Recruitment: what the schemas alone can't say.

Here is only behaviour: whoever applies is a candidate once, over all jobs, and some links follow from others.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall import Actor
from townhall import Change
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

APPLICATION = "recruitment.application"
CANDIDATE = "recruitment.candidate"
INTERVIEW = "recruitment.interview"
POSTING = "recruitment.posting"
OFFER = "recruitment.offer"
SCORECARD = "recruitment.scorecard"

#: How far "My work" looks ahead, and how many lines are shown at most.
_AHEAD = timedelta(days=7)
_MOST_OTHERS = 5
#: States in which somebody is told that they don't get the job.
_REFUSED = frozenset({"rejected", "not_qualified", "position_cancelled"})
#: What follows from a linked record when it is left empty: type -> (link, its type, fields alike on both).
_FOLLOWING: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    INTERVIEW: ("application", APPLICATION, ("applicant", "posting")),
    OFFER: ("application", APPLICATION, ("applicant",)),
    SCORECARD: ("interview", INTERVIEW, ("posting",)),
}


@hookimpl
@for_types(APPLICATION, *_FOLLOWING)
def before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Fill in what follows from linked records."""
    if change.identity == APPLICATION:
        if change.state in _REFUSED and change.old_state not in _REFUSED:
            _refuse_with_offer(town, change)
        return _candidate(town, change)
    return _follow(town, change, *_FOLLOWING[change.identity])


def _refuse_with_offer(town: Town, change: Change) -> None:
    """Nobody who has an offer is told that they were not chosen."""
    where = {"application": change.id, "state": ["awaiting_response", "accepted"]}
    offers = town.records.find(system(), OFFER, where, limit=1, fields=["application"]).records
    if offers:
        raise Rejected(f"They have an offer, {offers[0].number}. Take it back, or wait until they decline it.")


def _follow(town: Town, change: Change, link: str, there: str, names: tuple[str, ...]) -> Mapping[str, Any] | None:
    """Values of the linked record for those of ``names`` that were left empty."""
    id = change.values.get(link)
    empty = [name for name in names if change.values.get(name) is None]
    if id is None or not empty:
        return None
    record = town.records.get(system(), there, id, fields=empty)
    return {name: record[name] for name in empty}


def _candidate(town: Town, change: Change) -> Mapping[str, Any] | None:
    """The applicant's candidate: the one that is there, or a new one."""
    applicant = change.values.get("applicant")
    if applicant is None or (change.values.get("candidate") is not None and not change.changed("applicant")):
        return None
    found = town.records.find(system(), CANDIDATE, {"contact": applicant}, fields=["contact"], limit=1).records
    if found:
        return {"candidate": found[0].id}
    values = {"contact": applicant, "talent_pool": bool(change.values.get("talent_pool"))}
    return {"candidate": town.records.create(system(door=change.actor.door), CANDIDATE, values).id}


@hookimpl
@for_types(APPLICATION)
def record_flags(town: Town, actor: Actor, record: Record) -> list[Flag]:
    """Where else the same person applies: nobody is refused here who is offered a job there."""
    applicant = record.get("applicant")
    if applicant is None:
        return []  # who applies is not for everybody
    where = {"applicant": applicant, "id": {"ne": record.id}, "closed": {"empty": True}}
    others = town.records.find(actor, APPLICATION, where, fields=["posting"], limit=_MOST_OTHERS).records
    if not others:
        return []
    jobs = town.context(actor).titles(POSTING, [other["posting"] for other in others])
    named = ", ".join(dict.fromkeys(jobs.get(other["posting"], "another job") for other in others))
    offered = any(other.state == "offer" for other in others)
    label = "Has an offer for another job" if offered else "Applies for other jobs too"
    return [Flag(label, named, "bad" if offered else "live")]


@hookimpl
@for_types(APPLICATION)
def public_panels(town: Town, record: Record) -> list[Panel]:
    """When and where the applicant is expected."""
    where = {"application": record.id, "status": ["confirmed"], "ends": {"gte": town.clock.now().isoformat()}}
    names = ["starts", "mode", "location"]
    found = town.records.find(system(), INTERVIEW, where, sort="starts", fields=names, limit=_MOST_OTHERS).records
    fields, context = town.schemas[INTERVIEW].fields, town.context(system())
    rows = [
        PanelRow(
            fields["starts"].display(interview["starts"], context),
            note=", ".join(text for name in names[1:] if (text := fields[name].display(interview[name], context))),
        )
        for interview in found
    ]
    return [Panel("Your interview", rows, note="If you can’t come, write to us here.")] if rows else []


@hookimpl
def home_cards(town: Town, actor: Actor) -> list[Panel]:
    """Interviews of the next days in which this person sits."""
    if actor.id is None or not town.records.may(actor, "view", INTERVIEW):
        return []
    now = town.clock.now()
    where = {
        "panel.person": actor.id,
        "status": {"ne": "cancelled"},
        "starts": {"gte": now.isoformat(), "lt": (now + _AHEAD).isoformat()},
    }
    found = town.records.find(actor, INTERVIEW, where, sort="starts", fields=["starts"], limit=_MOST_OTHERS).records
    starts, context = town.schemas[INTERVIEW].fields["starts"], town.context(actor)
    rows = [PanelRow(each.title, INTERVIEW, each.id, starts.display(each["starts"], context)) for each in found]
    return [Panel("Your interviews", rows)] if rows else []


@hookimpl
def demo_records(demo: Demo) -> None:
    """Jobs and applications in all states for the demo town."""
    from townhall_recruitment.demo import build

    build(demo)
