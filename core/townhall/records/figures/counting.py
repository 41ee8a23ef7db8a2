"""Counting: the records of a slice, of each group, and the flow of cases from month to month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.figures import grouping
from townhall.records.figures.measures import test_of
from townhall.records.figures.picking import open_at
from townhall.records.figures.scenes import DAY
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.slices import Period
from townhall.records.figures.slices import Slice
from townhall.records.figures.words import AGES
from townhall.records.figures.words import CASE_MOVES

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Flow:
    """What happened to a type's cases in a period; ``open`` is how many were open when it ended."""

    period: Period
    came_in: int = 0
    closed: int = 0
    reopened: int = 0
    open: int = 0


def count(town: Town, actor: Actor, identity: str, wanted: Slice) -> int:
    """How many records a slice has. Raises :class:`~townhall.errors.Rejected` for one that can't be counted."""
    scene = Scene.of(town, actor, identity)
    return int(_counted(scene, test_of(scene, wanted), "")[0][-1])


def counted(town: Town, actor: Actor, identity: str, wanted: Slice, by: str) -> dict[str, int]:
    """How many records of a slice each group has, the largest first; keys are values of the groups' own slices."""
    scene = Scene.of(town, actor, identity)
    column = grouping.column_of(scene, by)
    rows = _counted(scene, test_of(scene, wanted), column)
    return {grouping.value_of(scene, by, stored): number for stored, number in rows}


def ages(town: Town, actor: Actor, identity: str, period: Period) -> dict[str, int]:
    """How many of the cases that were open at the end of the period had each age."""
    scene = Scene.of(town, actor, identity)
    moment = min(period.bounds(town.zone)[1], scene.now)
    created, mark = scene.column("created"), scene.mark
    limits = [(name, high) for name, _, _, high in AGES]
    parts = [Sql(f"WHEN {created} > {mark} THEN ''", (moment,))]
    parts += [
        Sql(f"WHEN {created} > {mark} THEN '{name}'", (moment - high * DAY,))
        for name, high in limits
        if high is not None
    ]
    case = joined(parts, " ")
    group = Sql(f"CASE {case.text} ELSE '{limits[-1][0]}' END", case.parameters)
    found = dict(_counted(scene, open_at(scene, moment), group))
    return {name: found.get(name, 0) for name, _ in limits}


def volume(town: Town, actor: Actor, identity: str, wanted: Slice, by: str) -> list[tuple[Period, dict[str, int]]]:
    """How many records of a slice each group has in each month; of a measure that picks by one moment of the record."""
    months = wanted.period.months() if wanted.period is not None else ()
    return [(month, counted(town, actor, identity, Slice(wanted.measure, month, wanted.of), by)) for month in months]


def flow(town: Town, actor: Actor, identity: str, periods: Sequence[Period]) -> list[Flow]:
    """What happened in each of these periods, which follow one another; from the log alone but for what is open now."""
    scene = Scene.of(town, actor, identity)
    if not scene.open:
        return [Flow(period) for period in periods]
    begin = periods[0].bounds(town.zone)[0]
    ends = [period.bounds(town.zone)[1] for period in periods]
    came_in, closed, reopened, recalled = (
        _moves(scene, begin, ends, sources, targets)
        for sources, targets in (
            (scene.fresh, scene.open),
            (scene.open, scene.final),
            (scene.final, scene.open),
            (scene.open, scene.fresh),
        )
    )
    open_ = _counted(scene, open_at(scene, scene.now), "")[0][-1]
    flows: list[Flow] = []
    for place in reversed(range(len(periods) + 1)):
        if place < len(periods):
            flows.append(Flow(periods[place], came_in[place][0], closed[place][0], reopened[place][0], open_))
        # What was open at an end is what is open now, less what came since.
        open_ -= came_in[place][1] + reopened[place][1] - closed[place][1] - recalled[place][1]
    return flows[::-1]


def _moves(
    scene: Scene, begin: int, ends: Sequence[int], sources: Sequence[str], targets: Sequence[str]
) -> list[tuple[int, int]]:
    """In each of the periods, and after them: how many cases moved so, and how often."""
    mark = scene.mark
    case = joined([Sql(f"WHEN m.at < {mark} THEN {place}", (end,)) for place, end in enumerate(ends)], " ")
    moved, mine = scene.moved("m", sources, targets), scene.mine("m.record_id")
    text = (
        f"SELECT CASE {case.text} ELSE {len(ends)} END, COUNT(DISTINCT m.record_id), COUNT(*) FROM {CASE_MOVES} m"  # noqa: S608
        f" WHERE m.identity = {mark} AND m.at >= {mark} AND {moved.text} AND {mine.text} GROUP BY 1"
    )
    rows = scene.rows(Sql(text, (*case.parameters, scene.identity, begin, *moved.parameters, *mine.parameters)))
    found = {place: (int(cases), int(often)) for place, cases, often in rows}
    return [found.get(place, (0, 0)) for place in range(len(ends) + 1)]


def _counted(scene: Scene, test: Sql, by: str | Sql) -> list[tuple[Any, ...]]:
    """Rows of a group and its number, the largest first; without ``by`` one row with the number of all."""
    group = by if isinstance(by, Sql) else Sql(by)
    every = scene.mine("t1.id") & test
    selected = f"{group.text}, COUNT(*)" if group.text else "COUNT(*)"
    text = f"SELECT {selected} {scene.plan.source} WHERE {every.text}"  # names, marks and made-up words
    if group.text:
        text += " GROUP BY 1 ORDER BY 2 DESC, 1"
    return scene.rows(Sql(text, (*group.parameters, *every.parameters)))
