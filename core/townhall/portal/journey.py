"""The step line of a request: what is behind it, where it stands, what is still to come, in the public's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from townhall_forms.schema import State
from townhall_forms.schema import Workflow


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop on the line. ``at`` is when it was reached."""

    label: str
    position: Literal["past", "now", "next"]
    at: datetime | None = None


def main_line(workflow: Workflow) -> list[str]:
    """The states of a case that goes well, in their declared order, up to its good end.

    States that wait, that are not sent yet, and ends other than the first good one are side tracks: a case may stand
    there, but nobody is told to expect them. What can't be reached from the initial state is left out too.
    """
    reached = _reachable(workflow)
    ends = [name for name, state in workflow.states.items() if state.final and name in reached]
    good = next((name for name in ends if workflow.states[name].tone == "ok"), ends[0] if ends else "")
    line = [
        name
        for name, state in workflow.states.items()
        if name in reached
        and not state.final
        and not state.incomplete
        and not state.pauses_clock
        and state.tone in ("new", "live")
    ]
    return [*line, good] if good else line


def step_line(workflow: Workflow, state: str, passed: Sequence[tuple[str, datetime]]) -> list[Stop]:
    """Where a request in ``state`` stands, given the states it ``passed`` and when, oldest first.

    Neighbouring states with the same public label are one stop. A request that went back (a reopened one) shows the
    line as it is now, not every turn that it took.
    """
    stops: list[Stop] = []
    behind: set[str] = set()
    for name, at in [*passed, *([] if passed and passed[-1][0] == state else [(state, None)])]:
        label = _label(workflow.states.get(name), name)
        known = next((index for index, stop in enumerate(stops) if stop.label == label), None)
        if known is not None:
            at = stops[known].at if known == len(stops) - 1 else at
            del stops[known:]
        stops.append(Stop(label, "past", at))
        behind.add(name)
    if not stops:
        return []
    here = workflow.states.get(state)
    final = here is not None and here.final
    stops[-1] = Stop(stops[-1].label, "past" if final else "now", stops[-1].at)
    if final:
        return stops
    line = main_line(workflow)
    shown = {stop.label for stop in stops}
    on_line = [index for index, name in enumerate(line) if _label(workflow.states[name], name) in shown]
    for name in line[max(on_line, default=-1) + 1 :]:
        label = _label(workflow.states[name], name)
        if label not in shown:
            stops.append(Stop(workflow.states[name].upcoming_label or label, "next"))
            shown.add(label)
    return stops


def _label(state: State | None, name: str) -> str:
    return (state.public_label or state.label) if state is not None else name.replace("_", " ").capitalize()


def _reachable(workflow: Workflow) -> set[str]:
    reached = {workflow.initial}
    edge = [workflow.initial]
    while edge:
        for move in workflow.leaving(edge.pop()):
            if move.target not in reached:
                reached.add(move.target)
                edge.append(move.target)
    return reached
