"""Recruitment: what the schemas alone can't say.

Here is only behaviour: whoever applies is a candidate once, over all jobs, and some links follow from others.
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

APPLICATION = "recruitment.application"
CANDIDATE = "recruitment.candidate"
INTERVIEW = "recruitment.interview"
OFFER = "recruitment.offer"
SCORECARD = "recruitment.scorecard"

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
def demo_records(demo: Demo) -> None:
    """Jobs and applications in all states for the demo town."""
    from townhall_recruitment.demo import build

    build(demo)
