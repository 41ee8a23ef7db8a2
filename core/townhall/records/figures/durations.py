"""How long things took: the clocks of cases against their targets, the time in each state, and how often cases moved on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.figures import grouping
from townhall.records.figures import handing
from townhall.records.figures.measures import CASE_MOVES
from townhall.records.figures.measures import KINDS
from townhall.records.figures.scenes import MINUTE
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.slices import Period

if TYPE_CHECKING:
    from townhall.town import Town

#: Which of a hundred, from the shortest on, are told: half of all kept to the first, most to the last.
PERCENTILES = (50, 80, 90)


@dataclass(frozen=True, slots=True)
class Durations:
    """Times of ``cases`` cases, in minutes: ``percentiles`` are those of :data:`PERCENTILES`, by nearest rank.

    ``business`` says that only working minutes count. ``goal`` is their target, where all had the same. ``count`` is how many
    times there are: a case may have several.
    """

    cases: int = 0
    count: int = 0
    percentiles: tuple[int, ...] = ()
    business: bool = False
    goal: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """How many clocks of a kind were met in time, and how many were late."""

    in_time: int = 0
    late: int = 0

    @property
    def share(self) -> float | None:
        """The share in time, from 0 to 1; ``None`` if nothing was decided."""
        decided = self.in_time + self.late
        return self.in_time / decided if decided else None


def clocks(
    town: Town, actor: Actor, identity: str, periods: Sequence[Period], *, by: str = ""
) -> dict[tuple[int, str, bool, str], Durations]:
    """Times of the clocks that were met, by period (its place), kind, whether working time counts, and group.

    The periods follow one another. Without ``by`` there is one group, ``""``.
    """
    scene = Scene.of(town, actor, identity)
    if not scene.open:
        return {}
    place, ends = _place(town, "c.met_at", periods)
    group = grouping.column_of(scene, by) if by else "''"
    mark, readable, kinds = scene.mark, scene.readable(), scene.among("c.kind", list(KINDS))
    inner = (
        f"SELECT {place.text} AS place, c.kind AS kind, c.business AS business, {group} AS grp,"  # noqa: S608
        " c.record_id AS record_id, c.actual_minutes AS spent, c.target_minutes AS goal"
        f" FROM case_clock c JOIN {scene.quoted(scene.plan.table)} AS t1 ON t1.id = c.record_id"
        f" WHERE c.identity = {mark} AND {kinds.text} AND c.met_at >= {mark} AND c.met_at < {mark}"
        f" AND c.actual_minutes IS NOT NULL AND {readable.text}"
    )
    values = (*place.parameters, scene.identity, *kinds.parameters, *ends, *readable.parameters)
    found = {}
    for number, kind, business, stored, *rest in _percentiles(scene, ("place", "kind", "business", "grp"), Sql(inner, values)):
        value = grouping.value_of(scene, by, stored) if by else ""
        found[int(number), str(kind), bool(business), value] = _durations(rest, 1, business=bool(business))
    return found


def kept(
    town: Town, actor: Actor, identity: str, periods: Sequence[Period], *, by: str = ""
) -> dict[tuple[int, str, str], Kept]:
    """How many clocks were in time and late, by period (its place), kind and group."""
    scene = Scene.of(town, actor, identity)
    if not scene.open:
        return {}
    mark, readable, kinds = scene.mark, scene.readable(), scene.among("c.kind", list(KINDS))
    group = grouping.column_of(scene, by) if by else "''"
    counts: dict[tuple[int, str, str], list[int]] = {}
    tests = (("c.met_at", "c.met_at <= c.due_at"), ("c.due_at", "(c.met_at IS NULL OR c.met_at > c.due_at)"))
    for which, (column, test) in enumerate(tests):
        place, (begin, end) = _place(town, column, periods)
        until = end if which == 0 else min(end, scene.now)
        text = (
            f"SELECT {place.text}, c.kind, {group}, COUNT(*)"  # noqa: S608  # names and marks
            f" FROM case_clock c JOIN {scene.quoted(scene.plan.table)} AS t1 ON t1.id = c.record_id"
            f" WHERE c.identity = {mark} AND {kinds.text} AND {column} >= {mark} AND {column} < {mark} AND {test}"
            f" AND {readable.text} GROUP BY 1, 2, 3"
        )
        values = (*place.parameters, scene.identity, *kinds.parameters, begin, until, *readable.parameters)
        for number, kind, stored, many in scene.rows(Sql(text, values)):
            value = grouping.value_of(scene, by, stored) if by else ""
            counts.setdefault((int(number), str(kind), value), [0, 0])[which] = int(many)
    return {key: Kept(*numbers) for key, numbers in counts.items()}


def stays(town: Town, actor: Actor, identity: str, period: Period) -> dict[str, Durations]:
    """How long cases had been in each state that they left in the period, by the calendar; from the log alone."""
    scene = Scene.of(town, actor, identity)
    if not scene.open:
        return {}
    mark, readable = scene.mark, scene.readable()
    entered = (
        f"(SELECT p.at FROM {CASE_MOVES} p WHERE p.identity = {mark} AND p.record_id = m.record_id AND p.id < m.id"  # noqa: S608
        " ORDER BY p.id DESC LIMIT 1)"
    )
    inner = (
        f"SELECT m.source AS state, m.record_id AS record_id, m.at - {entered} AS spent"  # noqa: S608  # names and marks
        f" FROM {CASE_MOVES} m JOIN {scene.quoted(scene.plan.table)} AS t1 ON t1.id = m.record_id"
        f" WHERE m.identity = {mark} AND m.at >= {mark} AND m.at < {mark} AND m.source <> {mark} AND {readable.text}"
    )
    values = (scene.identity, scene.identity, *period.bounds(town.zone), "", *readable.parameters)
    # A stay of which the beginning isn't known has no time.
    known = Sql(f"SELECT state, record_id, spent, NULL AS goal FROM ({inner}) AS stayed WHERE spent IS NOT NULL", values)
    return {str(state): _durations(rest, MINUTE) for state, *rest in _percentiles(scene, ("state",), known)}


def handed_on(town: Town, actor: Actor, identity: str, field: str, period: Period) -> tuple[int, int]:
    """How many cases were passed on in the period, and how often in all; ``field`` is ``assignee`` or ``queue``."""
    scene = Scene.of(town, actor, identity)
    if not scene.open:
        return 0, 0
    entries, readable = handing.entries(scene, field, *period.bounds(town.zone)), scene.readable()
    text = (
        f"SELECT COUNT(*), SUM(passed.often) FROM (SELECT h.record_id AS id, COUNT(*) AS often {entries.text}"  # noqa: S608
        f" GROUP BY h.record_id) AS passed JOIN {scene.quoted(scene.plan.table)} AS t1 ON t1.id = passed.id"
        f" WHERE {readable.text}"
    )
    cases, times = scene.rows(Sql(text, (*entries.parameters, *readable.parameters)))[0]
    return int(cases), int(times or 0)


def _place(town: Town, column: str, periods: Sequence[Period]) -> tuple[Sql, tuple[int, int]]:
    """In which of the periods a moment lies, as SQL; and when the first begins and the last is over."""
    bounds = [period.bounds(town.zone) for period in periods]
    mark = town.database.param
    parts = [Sql(f"WHEN {column} < {mark} THEN {place}", (end,)) for place, (_, end) in enumerate(bounds)]
    case = joined(parts, " ")
    return Sql(f"CASE {case.text} END", case.parameters), (bounds[0][0], bounds[-1][1])


def _percentiles(scene: Scene, keys: Sequence[str], times: Sql) -> list[tuple[Any, ...]]:
    """By the columns ``keys``: cases, times, and the percentiles of ``spent`` by nearest rank; and the least and largest goal."""
    named = ", ".join(keys)
    ranked = (
        f"SELECT {named}, record_id, spent, goal, ROW_NUMBER() OVER (PARTITION BY {named} ORDER BY spent) AS nearest,"  # noqa: S608
        f" COUNT(*) OVER (PARTITION BY {named}) AS many FROM ({times.text}) AS times"
    )
    picked = ", ".join(f"MIN(CASE WHEN nearest * 100 >= many * {each} THEN spent END)" for each in PERCENTILES)
    text = (
        f"SELECT {named}, COUNT(DISTINCT record_id), COUNT(*), {picked}, MIN(goal), MAX(goal)"  # noqa: S608
        f" FROM ({ranked}) AS ranked GROUP BY {named}"
    )
    return scene.rows(Sql(text, times.parameters))


def _durations(row: Sequence[Any], unit: int, *, business: bool = False) -> Durations:
    cases, count, *numbers = row
    percentiles = tuple(int(number) // unit for number in numbers[: len(PERCENTILES)])
    low, high = numbers[len(PERCENTILES) :]
    # A goal is only told where all had the same.
    goal = int(low) if low is not None and low == high else None
    return Durations(int(cases), int(count), percentiles, business, goal)
