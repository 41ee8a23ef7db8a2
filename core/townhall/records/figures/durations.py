"""How long things took: the clocks of cases against their targets, and the time in each state.

The times of a period are read and ranked here: an engine that ranks them by window functions takes twice as long.
"""

from __future__ import annotations

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
from townhall.records.figures.scenes import joined
from townhall.records.figures.slices import Period
from townhall.records.figures.words import KINDS
from townhall.records.plans import batches

if TYPE_CHECKING:
    from townhall.town import Town

#: Which of a hundred, from the shortest on, are told: half of all kept to the first, most to the last.
PERCENTILES = (50, 80, 90)


@dataclass(slots=True)
class Times:
    """Times in minutes, ``count`` of them, and the targets they had; ``cases`` are whose, if one may have several."""

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

    def add(self, minutes: Sequence[int], goal: int | None = None) -> None:
        """More times, of cases that had the same target."""
        self.minutes.extend(minutes)
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
    late = missed_by(scene)
    for kind in KINDS:
        met = _Asked(kind, "met_at", begin, end, starts, by)
        for place, stored, business, goal, in_time, minutes in _clocks(scene, met, _MET):
            kept = found[place, kind, grouping.value_of(scene, by, stored) if by else ""]
            kept.in_time += int(in_time or 0)
            if minutes:
                (kept.working if business else kept.calendar).add([*map(int, minutes.split(","))], goal)
        missed = _Asked(kind, "due_at", begin, min(end, scene.now), starts, by)
        for place, stored, number in _clocks(scene, missed, ("", "COUNT(*)"), late):
            found[place, kind, grouping.value_of(scene, by, stored) if by else ""].late += int(number)
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """Clocks of a kind of which a moment lies in the span, by the period and group that they belong to."""

    kind: str
    moment: str
    begin: int
    end: int
    starts: Sequence[int]
    by: str


#: By what else clocks that were met are told apart, and what is asked of them: all times of a group as one text, since
#: it costs most to bring rows over one by one.
_MET = (
    "c.business, c.target_minutes",
    "SUM(CASE WHEN c.met_at <= c.due_at THEN 1 ELSE 0 END), {joined}",
)
_JOINED = {
    "sqlite": "GROUP_CONCAT(c.actual_minutes)",
    "postgresql": "STRING_AGG(CAST(c.actual_minutes AS TEXT), ',')",
}


def _clocks(scene: Scene, asked: _Asked, columns: tuple[str, str], also: Sql = EVERY) -> list[tuple[Any, ...]]:
    """Period, group and these columns of the clocks that are asked for."""
    mark, moment = scene.mark, f"c.{asked.moment}"
    places = [Sql(f"WHEN {moment} >= {mark} THEN {place}", (start,)) for place, start in enumerate(asked.starts)]
    case = joined(reversed(places[1:]), " ")
    place = f"CASE {case.text} ELSE 0 END" if case.text else "0"
    group = grouping.column_of(scene, asked.by) if asked.by else "''"
    table = f" CROSS JOIN {scene.quoted(scene.plan.table)} AS t1" if asked.by else ""
    join = " AND t1.id = c.record_id" if asked.by else ""
    apart, wanted = columns[0], columns[1].format(joined=_JOINED[scene.town.database.engine])
    selected = ", ".join(part for part in (place, group, apart, wanted) if part)
    mine = scene.mine("c.record_id")
    text = (
        f"SELECT {selected} FROM case_clock AS c{table} WHERE c.identity = {mark} AND c.kind = {mark}"  # noqa: S608
        f" AND {moment} >= {mark} AND {moment} < {mark} AND {also.text} AND {mine.text}{join}"
        f" GROUP BY {', '.join(str(place + 1) for place in range(2 + (apart.count(',') + 1 if apart else 0)))}"
    )
    span = (scene.identity, asked.kind, asked.begin, asked.end)
    return scene.rows(Sql(text, (*case.parameters, *span, *also.parameters, *mine.parameters)))


def stays(town: Town, actor: Actor, identity: str, period: Period) -> dict[str, Times]:
    """How long cases had been in each state that they left in the period, by the calendar; from the log alone."""
    scene = Scene.of(town, actor, identity)
    found: dict[str, Times] = defaultdict(Times)
    if not scene.open:
        return found
    begin, end = period.bounds(town.zone)
    mark, mine = scene.mark, scene.mine("m.record_id")
    text = (
        f"SELECT m.record_id, m.at, m.source {scene.log('m', 'identity_at_source_target_record_id')}"
        f" WHERE m.identity = {mark} AND m.at >= {mark} AND m.at < {mark} AND {mine.text} ORDER BY m.id"
    )
    rows = scene.rows(Sql(text, (identity, begin, end, *mine.parameters)))
    first = {case: source for case, _, source in reversed(rows)}
    since = _entered(scene, [case for case, source in first.items() if source], begin)
    for case, at, source in rows:
        # A stay of which the beginning isn't known has no time.
        if source and case in since:
            times = found[source]
            times.cases.add(case)
            times.minutes.append((at - since[case]) // MINUTE)
        since[case] = at
    return found


def _entered(scene: Scene, cases: Sequence[int], before: int) -> dict[int, int]:
    """When cases came into the state that they were in at a moment."""
    found: dict[int, int] = {}
    for part in batches(cases):
        among = scene.among("m.record_id", part)
        text = (
            f"SELECT m.record_id, m.at {scene.log('m', 'identity_record_id_id')}"
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
