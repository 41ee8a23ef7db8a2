"""Counting: the records of a slice, of each group, and the flow of cases from month to month."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.figures import grouping
from townhall.records.figures import moving
from townhall.records.figures import picking
from townhall.records.figures import placing
from townhall.records.figures import returning
from townhall.records.figures.measures import test_of
from townhall.records.figures.moving import Moves
from townhall.records.figures.scenes import DAY
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import numbers
from townhall.records.figures.slices import Period
from townhall.records.figures.slices import Slice
from townhall.records.figures.spans import LAST
from townhall.records.figures.words import AGES
from townhall.records.figures.words import CHANNEL
from townhall.records.figures.words import INTERACTION
from townhall.records.figures.words import TALKS

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


def count(town: Town, actor: Actor, identity: str, wanted: Slice, moves: Moves | None = None) -> int:
    """How many records a slice has. Raises :class:`~townhall.errors.Rejected` for one that can't be counted."""
    return count_each(town, actor, identity, [wanted], moves)[0]


def count_each(
    town: Town, actor: Actor, identity: str, wanted: Sequence[Slice], moves: Moves | None = None
) -> list[int]:
    """The same for several slices; what several of them ask is asked once."""
    moves = moves or Moves.of_type(town, actor, identity)
    scene = moves.scene
    tests = [test_of(scene, each) for each in wanted]
    known = returning.counts(wanted, moves)
    for each, test in zip(wanted, tests, strict=True):
        if not each.by and each.measure in _MOVES:
            known[each] = len(set(_moved(moves, each)))
        elif not each.by and each.measure in TALKS:
            (channels,) = moves.talks.by_channel(each.measure, [picking.bounds(scene, each)])
            known[each] = channels.total()
        elif each not in known:
            known[each] = _counted(scene, test, "")[0][1]
    return [known[each] for each in wanted]


#: Measures that are counted from the log of moves alone.
_MOVES = ("came_in", "closed", "reopened")


def counted(
    town: Town, actor: Actor, identity: str, wanted: Slice, by: str, moves: Moves | None = None
) -> dict[str, int]:
    """How many records of a slice each group has, the largest first; keys are values of the groups' own slices."""
    return counted_each(town, actor, identity, [wanted], by, moves)[0]


def counted_each(
    town: Town, actor: Actor, identity: str, wanted: Sequence[Slice], by: str, moves: Moves | None = None
) -> list[dict[str, int]]:
    """The same for several slices; in which group a case is is looked up once for all of them."""
    moves = moves or Moves.of_type(town, actor, identity)
    scene = moves.scene
    column = grouping.column_of(scene, by)
    tests = [test_of(scene, each) for each in wanted]
    moved = [set(_moved(moves, each)) if not each.by and each.measure in (*_MOVES, "open") else None for each in wanted]
    group_of = placing.groups_of(scene, by, [cases for cases in moved if cases])
    talks = _by_channel(moves, wanted) if by == CHANNEL and scene.identity == INTERACTION else {}
    found = []
    for each, test, cases in zip(wanted, tests, moved, strict=True):
        if each in talks:
            rows = sorted(talks[each].items(), key=_largest_first)
        elif cases is None:
            rows = _counted(scene, test, column)
        else:
            rows = sorted(Counter(map(group_of, cases)).items(), key=_largest_first)
        found.append({grouping.value_of(scene, by, stored): number for stored, number in rows})
    return found


def _by_channel(moves: Moves, wanted: Sequence[Slice]) -> dict[Slice, Counter[Any]]:
    """How many interactions of those of these slices that are of all groups each channel has."""
    found: dict[Slice, Counter[Any]] = {}
    for measure in TALKS:
        mine = [each for each in wanted if each.measure == measure and not each.by]
        spans = [picking.bounds(moves.scene, each) for each in mine]
        found.update(zip(mine, moves.talks.by_channel(measure, spans), strict=True))
    return found


def _largest_first(row: tuple[Any, int]) -> tuple[Any, ...]:
    stored, number = row
    return -number, stored is not None, stored


def _moved(moves: Moves, wanted: Slice) -> Iterable[int]:
    """The cases of a slice that is told by moves alone."""
    span = picking.bounds(moves.scene, wanted)
    if wanted.measure == "open":
        return moving.open_at(moves, min(span[1], moves.scene.now))
    return moves.of(wanted.measure, span)


def backlog(
    town: Town, actor: Actor, identity: str, period: Period, by: str = "", moves: Moves | None = None
) -> tuple[dict[str, int], dict[str, int]]:
    """How many of the cases that were open at the end of the period had each age, and were of each group.

    Without ``by`` all are one group, ``""``.
    """
    moves = moves or Moves.of_type(town, actor, identity)
    scene = moves.scene
    ages, groups = Counter({name: 0 for name, *_ in AGES}), Counter[Any]()
    if scene.open:
        moment = min(period.bounds(town.zone)[1], scene.now)
        columns = f"{scene.column('created')}, {grouping.column_of(scene, by) if by else 'NULL'}"
        for _, created, stored in placing.values_of(scene, columns, moving.open_at(moves, moment)):
            groups[stored] += 1
            if created <= moment:
                ages[_age(moment - created)] += 1
    return dict(ages), {grouping.value_of(scene, by, stored) if by else "": many for stored, many in groups.items()}


def _age(time: int) -> str:
    """The name of an age in microseconds."""
    return AGES[bisect_right(_LIMITS, time)][0]


#: Where one age ends and the next begins, in microseconds.
_LIMITS = [high * DAY for _, _, _, high in AGES if high is not None]


def volume(
    town: Town, actor: Actor, identity: str, wanted: Slice, by: str, moves: Moves | None = None
) -> list[tuple[Period, dict[str, int]]]:
    """How many records of a slice each group has in each month; of a measure that picks by one moment of the record."""
    months = [*wanted.period.months()] if wanted.period is not None else []
    slices = [Slice(wanted.measure, month, wanted.of) for month in months]
    return [*zip(months, counted_each(town, actor, identity, slices, by, moves), strict=True)]


def flow(town: Town, actor: Actor, identity: str, periods: Sequence[Period], moves: Moves | None = None) -> list[Flow]:
    """What happened in each of these periods, which follow one another; from the log alone but for what is open now."""
    moves = moves or Moves.of_type(town, actor, identity)
    scene = moves.scene
    if not scene.open:
        return [Flow(period) for period in periods]
    spans = [period.bounds(town.zone) for period in periods]
    after = [*spans, (spans[-1][1], LAST)]
    moved = {way: moves.of_each(way, after) for way in (*_COMING, *_GOING)}
    open_ = len(moves.open_now())
    flows: list[Flow] = []
    for place in reversed(range(len(periods))):
        # What was open at an end is what is open now, less what came since.
        came, went = (sum(len(moved[way][place + 1]) for way in names) for names in (_COMING, _GOING))
        open_ -= came - went
        cases = {way: len(set(moved[way][place])) for way in _MOVES}
        flows.append(Flow(periods[place], **cases, open=open_))
    return flows[::-1]


_COMING, _GOING = ("came_in", "reopened"), ("closed", "recalled")


def _counted(scene: Scene, test: Sql, by: str) -> list[tuple[Any, int]]:
    """Rows of a group and its number, the largest first; without ``by`` one row with the number of all."""
    groups = " GROUP BY 1" if by else ""
    if scene.seen() is None:
        every = scene.unarchived("t1.id") & test
        found = Sql(f"SELECT {by or 0}, COUNT(*) {scene.plan.source} WHERE {every.text}{groups}", every.parameters)
        rows = scene.rows(found)
    else:
        ids = scene.text_of("t1.id")
        found = Sql(f"SELECT {by or 0}, {ids} {scene.plan.source} WHERE {test.text}{groups}", test.parameters)
        rows = [(stored, len(*scene.sifted(numbers(text)))) for stored, text in scene.rows(found)]
    return sorted((row for row in rows if row[1] or not by), key=_largest_first)
