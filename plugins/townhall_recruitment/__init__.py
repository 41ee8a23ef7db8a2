"""Recruitment: what the schemas alone can't say.

Here is only behaviour: whoever applies is a candidate once, over all jobs, and some links follow from others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall import Change
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


@hookimpl
def before_save(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Fill in what follows from linked records."""
    if change.identity == APPLICATION:
        return _candidate(town, change)
    if change.identity in {INTERVIEW, OFFER} and change.values.get("applicant") is None:
        return {"applicant": _linked(town, APPLICATION, change.values.get("application"), "applicant")}
    if change.identity == SCORECARD and change.values.get("posting") is None:
        application = _linked(town, INTERVIEW, change.values.get("interview"), "application")
        return {"posting": _linked(town, APPLICATION, application, "posting")}
    return None


def _linked(town: Town, identity: str, id: int | None, name: str) -> Any:
    if id is None:
        return None
    return town.records.get(system(), identity, id, fields=[name])[name]


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
