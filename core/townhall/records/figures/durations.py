"""How long things took: the clocks of cases against their targets.

The times of a period are read and ranked here: an engine that ranks them by window functions takes twice as long.
"""

from __future__ import annotations

from collections import Counter
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from itertools import repeat
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.figures import grouping
from townhall.records.figures import placing
from townhall.records.figures.moving import Moves
from townhall.records.figures.picking import missed_by
from townhall.records.figures.scenes import EVERY
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.scenes import numbers
from townhall.records.figures.slices import Period
from townhall.records.figures.spans import Span
from townhall.records.figures.words import KINDS

if TYPE_CHECKING:
    from townhall.town import Town

#: Which of a hundred, from the shortest on, are told: half of all kept to the first, most to the last.
PERCENTILES = (50, 80, 90)


@dataclass(slots=True)
class Times:
    """Times in minutes, ``count`` of them, and the targets they had; ``cases`` are whose, if one may have several."""

    cases: set[int] = dataclass_field(default_factory=set)
    goals: set[int | None] = dataclass_field(default_factory=set)
    _minutes: list[int] = dataclass_field(default_factory=list)
    _is_ordered: bool = dataclass_field(default=True, compare=False)

    @property
    def count(self) -> int:
        """How many times there are."""
        return len(self._minutes)

    @property
    def minutes(self) -> Sequence[int]:
        """The times, the shortest first."""
        if not self._is_ordered:
            self._minutes.sort()
            self._is_ordered = True
        return self._minutes

    @property
    def longest(self) -> int:
        """The longest of them; 0 if there are none."""
        return self.minutes[-1] if self._minutes else 0

    @property
    def percentiles(self) -> tuple[int, ...]:
        """Those of :data:`PERCENTILES` by nearest rank: the shortest time that at least so many kept to."""
        ordered = self.minutes
        return tuple(ordered[(len(ordered) * each + 99) // 100 - 1] for each in PERCENTILES) if ordered else ()

    @property
    def goal(self) -> int | None:
        """The target, in minutes, where all had the same."""
        return next(iter(self.goals)) if len(self.goals) == 1 else None

    def add(self, minutes: Sequence[int], goals: Iterable[int | None] = ()) -> None:
        """More times, and the targets that they had. Several that are in order are soon put into one order."""
        self._minutes.extend(minutes)
        self._is_ordered = not minutes
        self.goals.update(goals)


@dataclass(slots=True)
class Kept:
    """The clocks of one kind that were decided or met: ``working`` times count working minutes, the others all.

    Each clock is decided once: in time when it is met, or late when its target goes by.
    """

    in_time: int = 0
    late: int = 0
    working: Times = dataclass_field(default_factory=Times)
    calendar: Times = dataclass_field(default_factory=Times)

    @property
    def share(self) -> float | None:
        """The share in time, from 0 to 1; ``None`` if nothing was decided."""
        decided = self.in_time + self.late
        return self.in_time / decided if decided else None

    @property
    def measured(self) -> int:
        """How many cases' clocks were met."""
        return self.working.count + self.calendar.count


def clocks(
    town: Town, actor: Actor, identity: str, periods: Sequence[Period], *, by: str = "", moves: Moves | None = None
) -> dict[tuple[int, str, str], Kept]:
    """The clocks of cases, by period (its place; they follow one another), kind and group (without ``by`` ``""``)."""
    scene = (moves or Moves.of_type(town, actor, identity)).scene
    found: dict[tuple[int, str, str], Kept] = defaultdict(Kept)
    if not scene.open:
        return found
    spans = [period.bounds(town.zone) for period in periods]
    over = [(first, min(last, scene.now)) for first, last in spans]
    whose = scene.text_of("c.record_id")
    met = _clocks(
        scene, "met_at", spans, (*map(scene.text_of, _MET), whose if by or scene.seen() is not None else "NULL")
    )
    missed = _clocks(scene, "due_at", over, (whose,), missed_by(scene))
    group_of = placing.groups_of(scene, by, [numbers(row[-1]) for row in (*met, *missed)]) if by else None
    names: dict[Any, str] = {}

    def kept(place: int, kind: str, stored: Any) -> Kept:
        if stored not in names:
            names[stored] = grouping.value_of(scene, by, stored) if by else ""
        return found[place, kind, names[stored]]

    for place, kind, minutes, targets, late, cases in met:
        ids, times, goals = scene.sifted(numbers(cases), numbers(minutes), numbers(targets))
        groups = [*map(group_of, ids)] if group_of is not None else None
        for stored, many in Counter(groups if groups is not None else repeat(None, len(times))).items():
            kept(place, kind, stored).in_time += many
        for stored, many in _counts(group_of, *scene.sifted(numbers(late))).items():
            kept(place, kind, stored).in_time -= many
        for (stored, target), part in _apart(groups, goals, times).items():
            (goal, business), mine = divmod(target, 2), kept(place, kind, stored)
            (mine.working if business else mine.calendar).add(part, {goal if goal >= 0 else None})
    for place, kind, cases in missed:
        for stored, many in _counts(group_of, *scene.sifted(numbers(cases))).items():
            kept(place, kind, stored).late += many
    return found


def _counts(group_of: Callable[[int], Any] | None, ids: Sequence[int]) -> Counter[Any]:
    """How many of these cases are of each group; of none, where there are no groups."""
    return Counter(map(group_of, ids)) if group_of is not None else Counter({None: len(ids)} if ids else {})


def _apart(
    groups: Sequence[Any] | None, targets: Sequence[int], minutes: list[int]
) -> dict[tuple[Any, int], list[int]]:
    """The minutes by group and target, but for those of which none were counted."""
    found: dict[tuple[Any, int], list[int]] = defaultdict(list)
    if len({*targets}) > 1:
        for group, target, time in zip(groups or repeat(None), targets, minutes, strict=False):
            found[group, target].append(time)
    elif groups is not None:  # mostly there is one target
        parts: dict[Any, list[int]] = defaultdict(list)
        for group, time in zip(groups, minutes, strict=True):
            parts[group].append(time)
        found.update(((group, targets[0]), times) for group, times in parts.items())
    elif minutes:
        found[None, targets[0]] = minutes
    if _UNCOUNTED in minutes:
        found = {key: [time for time in times if time != _UNCOUNTED] for key, times in found.items()}
    return {key: times for key, times in found.items() if times}


#: What stands for the minutes of a clock that was met without any, and for a target without any.
_UNCOUNTED = -1
#: What is asked of clocks that were met: the minutes, the target (twice, and one more for working time), and the late.
_MET = (
    f"COALESCE(c.actual_minutes, {_UNCOUNTED})",
    f"COALESCE(c.target_minutes, {_UNCOUNTED}) * 2 + CASE WHEN c.business THEN 1 ELSE 0 END",
    "CASE WHEN c.met_at <= c.due_at THEN NULL ELSE c.record_id END",
)


def _clocks(
    scene: Scene, moment: str, spans: Sequence[Span], wanted: Sequence[str], also: Sql = EVERY
) -> list[tuple[Any, ...]]:
    """Place of the span, kind and what is wanted, of the clocks of which a moment lies in the span."""
    mark, mine = scene.mark, scene.unarchived("c.record_id")
    parts = [
        Sql(
            f"SELECT {place}, '{kind}', {', '.join(wanted)} FROM case_clock AS c"  # noqa: S608  # names and marks
            f" WHERE c.identity = {mark} AND c.kind = '{kind}' AND c.{moment} >= {mark}"
            f" AND c.{moment} < {mark} AND {also.text} AND {mine.text}",
            (scene.identity, *span, *also.parameters, *mine.parameters),
        )
        for kind in KINDS
        for place, span in enumerate(spans)
    ]
    return scene.rows(joined(parts, " UNION ALL "))
