"""How long things took: the clocks of cases against their targets, and the time in each state.

The times of a period are read and ranked here: an engine that ranks them by window functions takes twice as long.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from itertools import compress
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.figures import grouping
from townhall.records.figures import handing
from townhall.records.figures import moving
from townhall.records.figures import placing
from townhall.records.figures.picking import missed_by
from townhall.records.figures.scenes import EVERY
from townhall.records.figures.scenes import MINUTE
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.scenes import numbers
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
    def longest(self) -> int:
        """The longest of them; 0 if there are none."""
        return max(self.minutes, default=0)

    @property
    def percentiles(self) -> tuple[int, ...]:
        """Those of :data:`PERCENTILES` by nearest rank: the shortest time that at least so many kept to."""
        ordered = self.minutes
        ordered.sort()  # in place: what is in order already costs little the next time
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
    spans = [period.bounds(town.zone) for period in periods]
    over = [(first, min(last, scene.now)) for first, last in spans]
    cases = scene.text_of("c.record_id") if by else ""
    asked = _Asked("met_at", spans, ("c.business", "c.target_minutes"), _met(scene, cases))
    met = [(kind, row) for kind in KINDS for row in _clocks(scene, kind, asked)]
    asked = _Asked("due_at", over, (), (cases or "COUNT(*)",), missed_by(scene))
    missed = [(kind, row) for kind in KINDS for row in _clocks(scene, kind, asked)]
    whose = [numbers(row[-1]) for _, row in (*met, *missed)] if by else []
    group_of = placing.groups_of(scene, by, whose) if by else None

    def kept(place: int, kind: str, stored: Any) -> Kept:
        return found[place, kind, grouping.value_of(scene, by, stored) if by else ""]

    for kind, (place, business, goal, in_time, minutes, cases) in met:
        for stored, number in _counts(group_of, in_time).items():
            kept(place, kind, stored).in_time += number
        for stored, times in _apart(group_of, cases, minutes).items():
            mine = kept(place, kind, stored)
            (mine.working if business else mine.calendar).add(times, goal)
    for kind, (place, cases) in missed:
        for stored, number in _counts(group_of, cases).items():
            kept(place, kind, stored).late += number
    return found


GroupOf = Callable[[int], Any] | None


def _counts(group_of: GroupOf, cases: str | int | None) -> Mapping[Any, int]:
    """How many of these cases are of each group; without groups it is their number that is given."""
    if group_of is not None:
        return Counter(map(group_of, numbers(cases)))  # type: ignore[arg-type]  # as it was asked
    return {None: int(cases)} if cases else {}


def _apart(group_of: GroupOf, cases: str | None, minutes: str) -> dict[Any, list[int]]:
    """The minutes of cases by group, but for those of which none were counted."""
    every = numbers(minutes)
    found: dict[Any, list[int]] = {None: every}
    if group_of is not None:
        found = defaultdict(list)
        for stored, time in zip(map(group_of, numbers(cases)), every, strict=True):
            found[stored].append(time)
    for stored, times in found.items():
        if _UNCOUNTED in times:
            found[stored] = [time for time in times if time != _UNCOUNTED]
    return {stored: times for stored, times in found.items() if times}


#: What stands for the minutes of a clock that was met without any.
_UNCOUNTED = -1


def _met(scene: Scene, cases: str) -> tuple[str, str, str]:
    """What is asked of clocks that were met: who was in time, the minutes, and whose; without ``cases`` how many."""
    in_time, minutes = "CASE WHEN c.met_at <= c.due_at THEN {} END", f"COALESCE(c.actual_minutes, {_UNCOUNTED})"
    who = scene.text_of(in_time.format("c.record_id")) if cases else f"SUM({in_time.format(1)})"
    return who, scene.text_of(minutes), cases or "NULL"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Clocks of which a moment lies in one of these spans: by what they are told apart, what of each part is wanted."""

    moment: str
    spans: Sequence[moving.Span]
    apart: Sequence[str]
    wanted: Sequence[str]
    also: Sql = EVERY


def _clocks(scene: Scene, kind: str, asked: _Asked) -> list[tuple[Any, ...]]:
    """Place of the span, what tells them apart and what is wanted, of the clocks of one kind."""
    mark, mine = scene.mark, scene.mine("c.record_id")
    by = f" GROUP BY {', '.join(asked.apart)}" if asked.apart else ""
    parts = [
        Sql(
            f"SELECT {', '.join((str(place), *asked.apart, *asked.wanted))} FROM case_clock AS c"  # noqa: S608  # names
            f" WHERE c.identity = {mark} AND c.kind = {mark} AND c.{asked.moment} >= {mark}"
            f" AND c.{asked.moment} < {mark} AND {asked.also.text} AND {mine.text}{by}",
            (scene.identity, kind, *span, *asked.also.parameters, *mine.parameters),
        )
        for place, span in enumerate(asked.spans)
    ]
    return scene.rows(joined(parts, " UNION ALL "))


def stays(town: Town, actor: Actor, identity: str, period: Period) -> dict[str, Times]:
    """How long cases had been in each state that they left in the period, by the calendar; from the log alone."""
    scene = Scene.of(town, actor, identity)
    found: dict[str, Times] = defaultdict(Times)
    if not scene.open:
        return found
    span = period.bounds(town.zone)
    came, went = _Moments(), _Moments()
    for source, target, cases, moments in moving.trails(scene, span):
        came.add(target, cases, moments)
        if source:  # what was just made was in no state before
            went.add(source, cases, moments)
    # Who came into a state once and left it once after that tells how long it took; the others are looked at.
    unclear, took = came.twice | went.twice, dict[str, list[int]]()
    for state, left in went.of.items():
        entered = map(came.of[state].get, left, left.values())
        took[state] = [*map(operator.sub, left.values(), entered)]
        unclear.update(case for case, time in zip(left, took[state], strict=True) if time <= 0)
    for state, left in went.of.items():
        clear = compress(took[state], [case not in unclear for case in left])
        found[state].cases = left.keys() - unclear
        found[state].minutes = [time // MINUTE for time in clear]
    _add_slowly(scene, unclear, span, found)
    return {state: times for state, times in found.items() if times.count}


class _Moments:
    """When cases moved, by state; ``twice`` are those of which a state has two moments, of which one is kept."""

    def __init__(self) -> None:
        self.of: dict[str, dict[int, int]] = defaultdict(dict)
        self.twice: set[int] = set()

    def add(self, state: str, cases: Sequence[int], moments: Sequence[int]) -> None:
        known = self.of[state]
        before = len(known)
        both = known.keys() & set(cases)
        known.update(zip(cases, moments, strict=True))
        if both or len(known) < before + len(cases):
            self.twice |= both | {case for case, times in Counter(cases).items() if times > 1}


def _add_slowly(scene: Scene, cases: Iterable[int], span: moving.Span, found: dict[str, Times]) -> None:
    """Add the stays of cases by following each through its moves."""
    begin, end = span
    for part in batches(sorted(cases)):
        among = scene.among("m.record_id", part)
        text = (
            f"SELECT m.record_id, m.at, m.source {scene.log('m', 'identity_record_id_id')}"
            f" WHERE m.identity = {scene.mark} AND {among.text} AND m.at < {scene.mark} ORDER BY m.record_id, m.id"
        )
        since: dict[int, int] = {}
        for case, at, source in scene.rows(Sql(text, (scene.identity, *among.parameters, end))):
            # A stay of which the beginning isn't known has no time.
            if source and case in since and at >= begin:
                found[source].cases.add(case)
                found[source].minutes.append((at - since[case]) // MINUTE)
            since[case] = at


def handed_on(town: Town, actor: Actor, identity: str, field: str, period: Period) -> Counter[int]:
    """How often each case was passed on in the period, of those that were; ``field`` is ``assignee`` or ``queue``."""
    scene = Scene.of(town, actor, identity)
    if not scene.open:
        return Counter()
    entries, mine = handing.entries(scene, field, *period.bounds(town.zone)), scene.mine("h.record_id")
    text = f"SELECT h.record_id, COUNT(*) {entries.text} AND {mine.text} GROUP BY h.record_id"
    return Counter(dict(scene.rows(Sql(text, (*entries.parameters, *mine.parameters)))))
