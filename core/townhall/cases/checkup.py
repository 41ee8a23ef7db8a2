"""Looking a town's calendars, targets and routing rules over, for ``townhall doctor``: what is missing, what can never
count, and what decides nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from townhall.cases import rules
from townhall.cases.rulebook import rulebook
from townhall.cases.targets import Target
from townhall.cases.working_time import NoWorkingTime
from townhall_forms.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town


def look(town: Town) -> Iterator[tuple[str, str]]:
    """What was looked at, each with a sentence about what is wrong with it; empty if nothing is."""
    yield "working hours", _calendar_problem(town)
    before: dict[str, Target] = {}
    for target in rules.every_target(town):
        yield f"target {target.name}", _target_problem(town, target, before.get(target.case_type))
        if target.condition is None and not target.broken:
            before.setdefault(target.case_type, target)
    for route in rulebook(town).routes:
        if route.problem:
            yield f"rule {route.name}", f"it decides nothing: {route.problem} Open it and change it."


def _calendar_problem(town: Town) -> str:
    known = rules.current(town)
    if not known.calendars:
        return "the town has no working calendar, so nothing is counted in working time; add one under Setup."
    if known.default is None:
        return "no working calendar is the town's own; open one and tick it."
    now = to_microseconds(town.clock.now())
    try:
        known.default.add(now, 60)
    except NoWorkingTime:
        return "nobody works in the town's own calendar: every day with hours is a day off."
    return ""


def _target_problem(town: Town, target: Target, before: Target | None) -> str:
    """Why a target can never count: it means nothing any more, or one before it takes every case."""
    if target.broken:
        return f"it can never count: {target.broken}. Open it and change it."
    if before is not None:
        return f"it can never count: “{before.name}” comes before it and is for all cases. Give it a lower order."
    if any(aim.business for aim in target.aims.values()) and rules.current(town).calendar(target) is None:
        return "it counts working time, and there is no calendar to count it in."
    return ""
