"""How long things took: the clocks of cases against their targets, and the time in each state.

The times of a period are read and ranked here: an engine that ranks them by window functions takes twice as long.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.figures import grouping
from townhall.records.figures import handing
from townhall.records.figures.picking import missed_by
from townhall.records.figures.scenes import EVERY
from townhall.records.figures.scenes import MINUTE
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.slices import Period
from townhall.records.figures.words import CASE_MOVES
from townhall.records.figures.words import KINDS
from townhall.records.plans import batches

if TYPE_CHECKING:
    from townhall.town import Town

#: Which of a hundred, from the shortest on, are told: half of all kept to the first, most to the last.
PERCENTILES = (50, 80, 90)


@dataclass(slots=True)
class Times:
    """Times of cases in minutes, ``count`` of them; a case may have several. ``goals`` are the targets they had."""

    cases: set[int] = dataclass_field(default_factory=set)
    minutes: list[int] = dataclass_field(default_factory=list)
    goals: set[int | None] = dataclass_field(default_factory=set)

    @property
    def count(self) -> int:
        """How many times there are."""
        return len(self.minutes)

    @property
    def percentiles(self) -> tuple[int, ...]:
        """Those of :data:`PERCENTILES` by nearest rank: the shortest time that at least so many kept to."""
        ordered = sorted(self.minutes)
        return tuple(ordered[(len(ordered) * each + 99) // 100 - 1] for each in PERCENTILES) if ordered else ()

    @property
    def goal(self) -> int | None:
        """The target, in minutes, where all had the same."""
        return next(iter(self.goals)) if len(self.goals) == 1 else None

    def add(self, case: int, minutes: int, goal: int | None = None) -> None:
        """One more time."""
        self.cases.add(case)
        self.minutes.append(minutes)
        self.goals.add(goal)


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
    town: Town, actor: Actor, identity: str, periods: Sequence[Period], *, by: str = ""
) -> dict[tuple[int, str, str], Kept]:
    """The clocks of cases, by period (its place; they follow one another), kind and group (without ``by`` ``""``)."""
    scene = Scene.of(town, actor, identity)
    found: dict[tuple[int, str, str], Kept] = defaultdict(Kept)
    if not scene.open:
        return found
    starts = [period.bounds(town.zone)[0] for period in periods]
    begin, end = starts[0], periods[-1].bounds(town.zone)[1]
    group = grouping.column_of(scene, by) if by else "''"
    values: dict[object, str] = {"": ""}

    def of(moment: int, kind: str, stored: object) -> Kept:
        if stored not in values:
            values[stored] = grouping.value_of(scene, by, stored)
        return found[bisect_right(starts, moment) - 1, kind, values[stored]]

    columns = "c.met_at, c.due_at, c.record_id, c.actual_minutes, c.target_minutes, c.business"
    for kind in KINDS:
        for met, due, case, minutes, goal, business, stored in _clocks(
            scene, f"{columns}, {group}", "met_at", kind, begin, end, by
        ):
            kept = of(met, kind, stored)
            if due is not None and met <= due:
                kept.in_time += 1
            if minutes is not None:
                (kept.working if business else kept.calendar).add(case, minutes, goal)
        late = missed_by(scene)
        for due, stored in _clocks(scene, f"c.due_at, {group}", "due_at", kind, begin, min(end, scene.now), by, late):
            of(due, kind, stored).late += 1
    return found


def _clocks(
    scene: Scene, columns: str, moment: str, kind: str, begin: int, end: int, by: str, also: Sql = EVERY
) -> list[tuple[Any, ...]]:
    """Clocks of a kind of which a moment lies in the period."""
    mark = scene.mark
    table = f" JOIN {scene.quoted(scene.plan.table)} AS t1 ON t1.id = c.record_id" if by else ""
    mine = scene.mine("c.record_id")
    text = (
        f"SELECT {columns} FROM case_clock c{table} WHERE c.identity = {mark} AND c.kind = {mark}"  # noqa: S608
        f" AND c.{moment} >= {mark} AND c.{moment} < {mark} AND {also.text} AND {mine.text}"
    )
    return scene.rows(Sql(text, (scene.identity, kind, begin, end, *also.parameters, *mine.parameters)))


def stays(town: Town, actor: Actor, identity: str, period: Period) -> dict[str, Times]:
    """How long cases had been in each state that they left in the period, by the calendar; from the log alone."""
    scene = Scene.of(town, actor, identity)
    found: dict[str, Times] = defaultdict(Times)
    if not scene.open:
        return found
    begin, end = period.bounds(town.zone)
    mark, mine = scene.mark, scene.mine("m.record_id")
    text = (
        f"SELECT m.record_id, m.at, m.source FROM {CASE_MOVES} m"  # noqa: S608  # names and marks
        f" WHERE m.identity = {mark} AND m.at >= {mark} AND m.at < {mark} AND {mine.text} ORDER BY m.id"
    )
    rows = scene.rows(Sql(text, (identity, begin, end, *mine.parameters)))
    first = {case: source for case, _, source in reversed(rows)}
    since = _entered(scene, [case for case, source in first.items() if source], begin)
    for case, at, source in rows:
        # A stay of which the beginning isn't known has no time.
        if source and case in since:
            found[source].add(case, (at - since[case]) // MINUTE)
        since[case] = at
    return found


def _entered(scene: Scene, cases: Sequence[int], before: int) -> dict[int, int]:
    """When cases came into the state that they were in at a moment."""
    found: dict[int, int] = {}
    for part in batches(cases):
        among = scene.among("m.record_id", part)
        text = (
            f"SELECT m.record_id, m.at FROM {CASE_MOVES} m"  # noqa: S608  # names and marks
            f" WHERE m.identity = {scene.mark} AND {among.text} AND m.at < {scene.mark} ORDER BY m.id"
        )
        found.update(scene.rows(Sql(text, (scene.identity, *among.parameters, before))))
    return found


def handed_on(town: Town, actor: Actor, identity: str, field: str, period: Period) -> Counter[int]:
    """How often each case was passed on in the period, of those that were; ``field`` is ``assignee`` or ``queue``."""
    scene = Scene.of(town, actor, identity)
    if not scene.open:
        return Counter()
    entries, mine = handing.entries(scene, field, *period.bounds(town.zone)), scene.mine("h.record_id")
    text = f"SELECT h.record_id, COUNT(*) {entries.text} AND {mine.text} GROUP BY h.record_id"
    return Counter(dict(scene.rows(Sql(text, (*entries.parameters, *mine.parameters)))))
