"""Counting: the records of a slice, of each group, and the flow of cases from month to month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.figures import grouping
from townhall.records.figures import moving
from townhall.records.figures import picking
from townhall.records.figures.measures import test_of
from townhall.records.figures.scenes import DAY
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.slices import Period
from townhall.records.figures.slices import Slice
from townhall.records.figures.words import AGES

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
    test = test_of(scene, wanted)
    if not wanted.by and wanted.measure in _MOVES:
        return moving.cases(scene, moving.ways(scene)[wanted.measure], [picking.bounds(scene, wanted)])[0]
    return int(_counted(scene, test, "")[0][-1])


#: Measures that are counted from the log of moves alone.
_MOVES = ("came_in", "closed", "reopened")


def counted(town: Town, actor: Actor, identity: str, wanted: Slice, by: str) -> dict[str, int]:
    """How many records of a slice each group has, the largest first; keys are values of the groups' own slices."""
    scene = Scene.of(town, actor, identity)
    column = grouping.column_of(scene, by)
    test = test_of(scene, wanted)
    if not wanted.by and wanted.measure in (*_MOVES, "open"):
        found = _moved_by(scene, wanted, column)
        rows = sorted(((stored, many) for stored, many in found.items() if many), key=_largest_first)
    else:
        rows = [(stored, number) for stored, number in _counted(scene, test, column)]
    return {grouping.value_of(scene, by, stored): number for stored, number in rows}


def _largest_first(row: tuple[Any, int]) -> tuple[Any, ...]:
    stored, number = row
    return -number, stored is not None, stored


def _moved_by(scene: Scene, wanted: Slice, column: str) -> Mapping[Any, int]:
    span = picking.bounds(scene, wanted)
    if wanted.measure != "open":
        return moving.cases_by(scene, moving.ways(scene)[wanted.measure], span, column)
    found: Counter[Any] = Counter()
    for (stored, _), number in moving.open_by(scene, min(span[1], scene.now), Sql(f"{column}, 0")).items():
        found[stored] += number
    return found


def backlog(
    town: Town, actor: Actor, identity: str, period: Period, by: str = ""
) -> tuple[dict[str, int], dict[str, int]]:
    """How many of the cases that were open at the end of the period had each age, and were of each group.

    Without ``by`` all are one group, ``""``.
    """
    scene = Scene.of(town, actor, identity)
    ages, groups = Counter({name: 0 for name, *_ in AGES}), Counter[str]()
    if scene.open:
        column = grouping.column_of(scene, by) if by else "0"
        moment = min(period.bounds(town.zone)[1], scene.now)
        group = joined([Sql(column), _age(scene, moment)])
        for (stored, age), number in moving.open_by(scene, moment, group).items():
            groups[grouping.value_of(scene, by, stored) if by else ""] += number
            if age:
                ages[age] += number
    return dict(ages), {value: number for value, number in groups.items() if number}


def _age(scene: Scene, moment: int) -> Sql:
    """The name of a case's age at a moment; empty if it was made after that."""
    created, mark = scene.column("created"), scene.mark
    parts = [Sql(f"WHEN {created} > {mark} THEN ''", (moment,))]
    parts += [
        Sql(f"WHEN {created} > {mark} THEN '{name}'", (moment - high * DAY,))
        for name, _, _, high in AGES
        if high is not None
    ]
    case = joined(parts, " ")
    return Sql(f"CASE {case.text} ELSE '{AGES[-1][0]}' END", case.parameters)


def volume(town: Town, actor: Actor, identity: str, wanted: Slice, by: str) -> list[tuple[Period, dict[str, int]]]:
    """How many records of a slice each group has in each month; of a measure that picks by one moment of the record."""
    months = wanted.period.months() if wanted.period is not None else ()
    return [(month, counted(town, actor, identity, Slice(wanted.measure, month, wanted.of), by)) for month in months]


def flow(town: Town, actor: Actor, identity: str, periods: Sequence[Period]) -> list[Flow]:
    """What happened in each of these periods, which follow one another; from the log alone but for what is open now."""
    scene = Scene.of(town, actor, identity)
    if not scene.open:
        return [Flow(period) for period in periods]
    spans = [period.bounds(town.zone) for period in periods]
    after = [*spans, (spans[-1][1], moving.LAST)]
    ways = moving.ways(scene)
    often = {name: moving.times(scene, way, after) for name, way in ways.items()}
    cases = {name: moving.cases(scene, ways[name], spans, often[name]) for name in _MOVES}
    open_ = sum(moving.open_by(scene, scene.now, Sql("0, 0")).values())
    flows: list[Flow] = []
    for place in reversed(range(len(periods))):
        # What was open at an end is what is open now, less what came since.
        came, went = (sum(often[name][place + 1] for name in names) for names in (_COMING, _GOING))
        open_ -= came - went
        flows.append(Flow(periods[place], **{name: cases[name][place] for name in _MOVES}, open=open_))
    return flows[::-1]


_COMING, _GOING = ("came_in", "reopened"), ("closed", "recalled")


def _counted(scene: Scene, test: Sql, by: str | Sql) -> list[tuple[Any, ...]]:
    """Rows of a group and its number, the largest first; without ``by`` one row with the number of all."""
    group = by if isinstance(by, Sql) else Sql(by)
    every = scene.mine("t1.id") & test
    selected = f"{group.text}, COUNT(*)" if group.text else "COUNT(*)"
    text = f"SELECT {selected} {scene.plan.source} WHERE {every.text}"  # names, marks and made-up words
    if group.text:
        text += " GROUP BY 1 ORDER BY 2 DESC, 1"
    return scene.rows(Sql(text, (*group.parameters, *every.parameters)))
