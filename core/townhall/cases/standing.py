"""How the clocks of a case stand, for whoever looks at it: which target counts, and what citizens may be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from math import floor
from typing import TYPE_CHECKING

from townhall.access.actors import ANONYMOUS
from townhall.cases import clock_keeping
from townhall.cases import rules
from townhall.cases.clocks import BY_HAND
from townhall.cases.clocks import FIRST
from townhall.cases.clocks import RESOLUTION
from townhall.cases.clocks import Clock
from townhall.cases.clocks import is_paused
from townhall.cases.rules import Rules
from townhall.cases.targets import KIND_LABELS
from townhall.records import predicate
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.records.types import Record
from townhall_forms.schema import Workflow

if TYPE_CHECKING:
    from townhall.town import Town

_ORDER = (BY_HAND, *(kind for kind in KIND_LABELS if kind != BY_HAND))
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Standing:
    """One clock of a case. ``stopped`` names the state that stops it; ``target`` and ``why`` say what it goes by."""

    kind: str
    label: str
    started: datetime
    due: datetime | None
    met: datetime | None
    actual_minutes: int | None
    target_minutes: int | None
    business: bool
    stopped: str
    target: str
    why: str

    @property
    def late(self) -> bool:
        """Whether it was met after its time."""
        return self.met is not None and self.due is not None and self.met > self.due


def of(town: Town, record: Record) -> list[Standing]:
    """The clocks of a case that are worth looking at: those that run, and what was achieved.

    One that no target says anything about any more, and that was not met, is none.
    """
    workflow = record.type.workflow
    if workflow is None:
        return []
    clocks = clock_keeping.read(town, record.identity, [record.id]).get(record.id, {})
    if not clocks:
        return []
    known = rules.current(town)
    return [
        _standing(clocks[kind], known, stopped)
        for kind, stopped in _stopped(town, record, workflow, clocks).items()
        if clocks[kind].met_at is not None or clocks[kind].due_at is not None or clocks[kind].target_id is not None
    ]


def _stopped(town: Town, record: Record, workflow: Workflow, clocks: Mapping[str, Clock]) -> dict[str, str]:
    """The kinds of these clocks in their order, each with the name of the state that stops it; empty if none does."""
    kinds = [kind for kind in _ORDER if kind in clocks]
    state = workflow.states.get(record.state)
    if state is None or not (state.pauses_clock or state.incomplete):
        return dict.fromkeys(kinds, "")
    way = clock_keeping.course_of(town, record, workflow)
    return {kind: state.label if is_paused(way, clocks[kind]) else "" for kind in kinds}


def unanswered(town: Town) -> list[tuple[str, int, datetime]]:
    """Type, id and beginning of every case that nobody has answered though its time is up, the oldest first."""
    clock = town.system.case_clock
    now = to_microseconds(town.clock.now())
    rows = (
        clock.select(clock.identity, clock.record_id, clock.started_at)
        .where(clock.kind == FIRST, clock.met_at.is_null(), clock.next_at.is_null(False), clock.due_at < now)
        .order_by(clock.started_at, clock.id)
        .tuples()
    )
    return [(identity, id, from_microseconds(started)) for identity, id, started in rows]


def _standing(clock: Clock, known: Rules, stopped: str) -> Standing:
    target = known.by_id.get(clock.target_id or 0)
    return Standing(
        kind=clock.kind,
        label=KIND_LABELS[clock.kind],
        started=from_microseconds(clock.started_at),
        due=None if clock.due_at is None else from_microseconds(clock.due_at),
        met=None if clock.met_at is None else from_microseconds(clock.met_at),
        actual_minutes=clock.actual_minutes,
        target_minutes=clock.target_minutes,
        business=clock.business,
        stopped="" if clock.met_at is not None else stopped,
        target=_goes_by(clock, known),
        why=target.why if target is not None else "",
    )


def _goes_by(clock: Clock, known: Rules) -> str:
    """By what a clock is counted, or was when it was met."""
    if clock.kind == BY_HAND:
        return "Set for this case"
    if clock.target_id is not None:
        return known.names.get(clock.target_id, "A target that is gone")
    return "By its kind of case" if clock.due_at is not None else "No target"


def expectation(town: Town, record: Record) -> str:
    """What the sender of a case may be told about how long it takes; empty if nothing is to be said.

    Only of cases that anybody may read of, only while they are open, and not before somebody is responsible: nobody is
    promised anything by a machine. It is what the town aims at, softly, and never a date.
    """
    workflow = record.type.workflow
    if workflow is None or record.state == workflow.initial or record.closed is not None:
        return ""
    state = workflow.states.get(record.state)
    if state is None or state.incomplete or state.pauses_clock or state.final:
        return ""
    if record.id not in predicate.may_see(town, ANONYMOUS, record.type, [record.id]):
        return ""
    clock = clock_keeping.read(town, record.identity, [record.id]).get(record.id, {}).get(RESOLUTION)
    if clock is None or clock.due_at is None:
        return ""
    length = (clock.due_at - clock.started_at) / (_DAY * 60_000_000)
    # Whole days end at midnight: what came in the morning of a day has a little more than so many of them.
    days = max(floor(length) if clock.target_minutes is None else ceil(length), 1)
    return f"We aim to have most of these done within {days} {'day' if days == 1 else 'days'}."
