"""What a case and its clocks are, and what the states that a case went through mean for them.

A case has up to three clocks by its target (first answer, answer to a message, resolved), and one more if somebody set
a date by hand, which then is what counts.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from townhall.cases.targets import Kind
from townhall.cases.working_time import MINUTE
from townhall.cases.working_time import Stretch
from townhall_forms.schema import Workflow

FIRST: Kind = "first_response"
UPDATE: Kind = "update"
RESOLUTION: Kind = "resolution"
BY_HAND = "by_hand"
DAY = 24 * 60 * MINUTE


@dataclass(slots=True)
class Clock:
    """One clock, as the table ``case_clock`` keeps it; instants are microseconds since 1970, UTC."""

    kind: str
    started_at: int
    target_id: int | None = None
    target_minutes: int | None = None
    business: bool = False
    due_at: int | None = None
    met_at: int | None = None
    actual_minutes: int | None = None
    warned_at: int | None = None
    breached_at: int | None = None
    escalated_at: int | None = None
    next_at: int | None = None
    original_target_id: int | None = None
    original_due_at: int | None = None

    def forget_notices(self) -> None:
        """Begin anew: whoever was told of the time before is told of this one as well."""
        self.warned_at = self.breached_at = self.escalated_at = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said about a case: when the citizen wrote or called, and when a person of the town answered."""

    asked: Sequence[int] = ()
    answered: Sequence[int] = ()


@dataclass(slots=True)
class Case:
    """What there is to know of a case. ``stints`` are its states, each with the instant at which it came into it.

    ``hand`` is the date that somebody set in the change at hand: an instant, ``None`` if they took it away, and
    ``False`` if nothing was said. ``fresh`` marks a case that was made just now.
    """

    id: int
    created: int
    state: str
    stints: Sequence[tuple[str, int]]
    get: Callable[[str], Any]
    due: int | None = None
    archived: bool = False
    hand: int | bool | None = False
    fresh: bool = False
    heard: Heard = field(default_factory=Heard)


@dataclass(frozen=True, slots=True)
class Course:
    """What a case's states mean for its clocks: since when it counts, when it stood still, when it was closed."""

    start: int | None
    pauses: tuple[Stretch, ...]
    closures: tuple[Stretch, ...]
    paused_since: int | None
    closed_since: int | None


def course(workflow: Workflow, stints: Sequence[tuple[str, int]]) -> Course:
    """Read the states of a case, each with the instant at which it came into it.

    Until it leaves one that is incomplete nobody has it yet; later that is a pause.
    """
    start: int | None = None
    pauses: list[Stretch] = []
    closures: list[Stretch] = []
    since: int | None = None
    closing = False
    for name, at in stints:
        state = workflow.states.get(name)
        final = state is not None and state.final
        still = state is not None and (final or state.pauses_clock or state.incomplete)
        if start is None:
            if state is not None and state.incomplete:
                continue
            start = at
        if since is not None and (not still or final is not closing):
            (closures if closing else pauses).append((since, at))
            since = None
        if still and since is None:
            since, closing = at, final
    return Course(
        start,
        tuple(pauses),
        tuple(closures),
        since if not closing else None,
        since if closing else None,
    )


def is_paused(way: Course, clock: Clock) -> bool:
    """Whether a state stops this clock. It stops neither the answer to what the citizen wrote while the case waited
    for them, nor a date that somebody set in that time.
    """
    if way.paused_since is None:
        return False
    return clock.kind not in (UPDATE, BY_HAND) or way.paused_since >= clock.started_at


def later(pauses: Sequence[Stretch], start: int) -> tuple[Stretch, ...]:
    """The pauses that began after a message came, or after somebody set a date."""
    return tuple(pause for pause in pauses if pause[0] >= start)


def stood(pauses: Sequence[Stretch], start: int, due: int) -> int:
    """How long a case stood still by the clock on the wall: pauses that began while the time still ran."""
    moved = 0
    for begin, end in sorted(pauses):
        if begin < due + moved and end > start:
            moved += end - max(begin, start)
    return moved
