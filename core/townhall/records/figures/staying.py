"""How long cases were in each state: the difference of two moves."""

from __future__ import annotations

import operator
from collections import Counter
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.records.figures import moving
from townhall.records.figures.durations import Times
from townhall.records.figures.moving import Moves
from townhall.records.figures.scenes import MINUTE
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.slices import Period
from townhall.records.figures.spans import Span
from townhall.records.plans import batches

if TYPE_CHECKING:
    from townhall.town import Town


def stays(town: Town, actor: Actor, identity: str, period: Period, moves: Moves | None = None) -> dict[str, Times]:
    """How long cases had been in each state that they left in the period, by the calendar; from the log alone."""
    scene = (moves or Moves.of_type(town, actor, identity)).scene
    found: dict[str, Times] = defaultdict(Times)
    if not scene.open:
        return found
    span = period.bounds(town.zone)
    came, went = _by_state(), _by_state()
    for source, target, cases, moments in moving.trails(scene, span):
        came[target].add(cases, moments)
        if source:  # what was just made was in no state before
            went[source].add(cases, moments)
    unclear: dict[str, set[int]] = {}
    for state, left in went.items():
        entered, whose = came[state], set(left.cases)
        since = dict(zip(entered.cases, entered.moments, strict=True))
        took = [*map(operator.sub, left.moments, map(since.get, left.cases, left.moments))]
        # Who came into the state once and left it once after that tells how long it took; the others are looked at.
        twice = entered.twice(len(since)) | left.twice(len(whose))
        if twice:
            took = [0 if case in twice else time for case, time in zip(left.cases, took, strict=True)]
        unclear[state] = {case for case, time in zip(left.cases, took, strict=True) if time <= 0}
        found[state].cases = whose - unclear[state]
        found[state].add([time // MINUTE for time in took if time > 0])
    _add_slowly(scene, unclear, span, found)
    return {state: times for state, times in found.items() if times.count}


@dataclass(slots=True)
class _Moments:
    """Who moved, and when."""

    cases: list[int] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)

    def add(self, cases: Sequence[int], moments: Sequence[int]) -> None:
        self.cases += cases
        self.moments += moments

    def twice(self, different: int) -> set[int]:
        """The cases that are there more than once, if that is how many different ones are."""
        if different == len(self.cases):
            return set()
        return {case for case, times in Counter(self.cases).items() if times > 1}


def _by_state() -> dict[str, _Moments]:
    return defaultdict(_Moments)


def _add_slowly(scene: Scene, cases: Mapping[str, set[int]], span: Span, found: Mapping[str, Times]) -> None:
    """Add the stays of cases, by the state that they left, by following each through its moves."""
    begin, end = span
    for part in batches(sorted(set().union(*cases.values()))):
        among = scene.among("m.record_id", part)
        text = (
            f"SELECT m.record_id, m.at, m.source {scene.log('m', 'identity_record_id_id')}"
            f" WHERE m.identity = {scene.mark} AND {among.text} AND m.at < {scene.mark} ORDER BY m.record_id, m.id"
        )
        since: dict[int, int] = {}
        for case, at, source in scene.rows(Sql(text, (scene.identity, *among.parameters, end))):
            # A stay of which the beginning isn't known has no time.
            if at >= begin and case in since and case in cases.get(source, ()):
                found[source].cases.add(case)
                found[source].add([(at - since[case]) // MINUTE])
            since[case] = at
