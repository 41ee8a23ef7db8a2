"""Counting moves: how many cases came in, were closed or opened again, and from that how many were open on a day.

What :mod:`~townhall.records.figures.picking` says as a test of each record is counted here from the log itself, by an
index that has the moves of one way side by side; no case is looked at. Both give the same, since a case moves from the
state into which its last move led it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass

from townhall.records.figures.scenes import EVERY
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.words import CASE_MOVES
from townhall.records.figures.words import WAYS_INDEX
from townhall_forms.tables import open_index

#: From a moment until before another one, in microseconds.
Span = tuple[int, int]
LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Way:
    """Moves from some states into others. Who makes a second one of the kind was led ``back`` before."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    back: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def ways(scene: Scene) -> dict[str, Way]:
    """The ways that are counted, by the name of their measure; ``recalled`` has none."""
    fresh, open_, final = scene.fresh, scene.open, scene.final
    sent = (*open_, *final)
    return {
        "came_in": Way(fresh, open_, (sent, fresh)),
        "closed": Way(open_, final, (final, (*fresh, *open_))),
        "reopened": Way(final, open_, (final, open_)),
        "recalled": Way(open_, fresh, (sent, fresh)),
    }


def cases(scene: Scene, way: Way, spans: Sequence[Span], often: Sequence[int] = ()) -> list[int]:
    """How many cases moved so in each of the spans, which follow one another; who did it twice in one counts once.

    ``often`` is what :func:`times` says, if that is known.
    """
    often = often or times(scene, way, spans)
    again = _again(scene, way, (spans[0][0], spans[-1][1]))
    found = []
    for number, (begin, end) in zip(often, spans, strict=False):
        mine = [case for case, at in again if begin <= at < end]
        found.append(number - len(mine) + len(set(mine)))
    return found


def times(scene: Scene, way: Way, spans: Sequence[Span]) -> list[int]:
    """How often cases moved so in each of the spans."""
    parts = []
    for place, span in enumerate(spans):
        test = _moved(scene, "m", way, span)
        parts.append(Sql(f"SELECT {place}, COUNT(*) {_log(scene, 'm')} WHERE {test.text}", test.parameters))
    rows = dict(scene.rows(joined(parts, " UNION ALL ")))
    return [int(rows[place]) for place in range(len(spans))]


class Cases:
    """The cases that moved some way in some span, read once however many measures ask."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._read: dict[tuple[str, Span], set[int]] = {}

    def of(self, way: str, span: Span) -> set[int]:
        """Their ids."""
        if (way, span) not in self._read:
            self._read[way, span] = set(cases_in(self._scene, ways(self._scene)[way], span))
        return self._read[way, span]

    def count(self, way: str, span: Span) -> int:
        """How many they are; they are not read only for that."""
        read = self._read.get((way, span))
        return len(read) if read is not None else cases(self._scene, ways(self._scene)[way], [span])[0]


def cases_in(scene: Scene, way: Way, span: Span) -> list[int]:
    """The ids of the cases that moved so in the span, as often as they did."""
    test = _moved(scene, "m", way, span)
    (found,) = scene.lists(["m.record_id"], Sql(f"{_log(scene, 'm')} WHERE {test.text}", test.parameters))
    return found


def open_now(scene: Scene) -> Sql:
    """The cases that are open now, from FROM on."""
    index = f' INDEXED BY "{open_index(scene.type).name}"' if scene.town.database.engine == "sqlite" else ""
    test = scene.among("t1.state", scene.open) & scene.unclosed("t1") & scene.mine("t1.id")
    table = scene.quoted(scene.plan.table)
    return Sql(f"FROM {table} AS t1{index} WHERE {test.text}", test.parameters)


def open_at(scene: Scene, moment: int) -> set[int]:
    """The ids of the cases that were open at a moment: those that are now, less all that has moved since."""
    (now,) = scene.lists(["t1.id"], open_now(scene))
    there, gone = Counter(now), Counter[int]()
    if moment < scene.now:
        since, known = (moment, LAST), ways(scene)
        for name in ("closed", "recalled"):
            there.update(cases_in(scene, known[name], since))
        for name in ("came_in", "reopened"):
            gone.update(cases_in(scene, known[name], since))
    return {case for case, number in there.items() if number > gone.get(case, 0)}


def trails(scene: Scene, span: Span) -> Iterator[tuple[str, str, list[int], list[int]]]:
    """Of each two states: who moved from the one into the other in the span, and when.

    The states are those of the log, not of the schema: a state that is gone has its moves too.
    """
    mark, mine, log = scene.mark, scene.mine("m.record_id"), _log(scene, "m")
    for source, target in _pairs(scene):
        text = (
            f"{log} WHERE m.identity = {mark} AND m.source = {mark} AND m.target = {mark}"
            f" AND m.at >= {mark} AND m.at < {mark} AND {mine.text}"
        )
        found = Sql(text, (scene.identity, source, target, *span, *mine.parameters))
        cases, moments = scene.lists(("m.record_id", "m.at"), found)
        yield source, target, cases, moments


def _pairs(scene: Scene) -> Iterator[tuple[str, str]]:
    """The states between which cases of the type ever moved, each found by one step in the index."""
    source = _next(scene, "source", "")
    while source is not None:
        target = _next(scene, "target", f" AND m.source = {scene.mark}", source)
        while target is not None:
            yield source, target
            after = f" AND m.source = {scene.mark} AND m.target > {scene.mark}"
            target = _next(scene, "target", after, source, target)
        source = _next(scene, "source", f" AND m.source > {scene.mark}", source)


def _next(scene: Scene, column: str, after: str, *values: str) -> str | None:
    text = f"SELECT MIN(m.{column}) {_log(scene, 'm')} WHERE m.identity = {scene.mark}{after}"
    ((found,),) = scene.rows(Sql(text, (scene.identity, *values)))
    return None if found is None else str(found)


# -- statements -------------------------------------------------------------------------------------------------------


def _again(scene: Scene, way: Way, span: Span) -> list[tuple[int, int]]:
    """Case and moment of each such move in the span of a case that may have made several: of few."""
    back = _moved(scene, "b", Way(*way.back), (0, LAST), readable=False)
    test = _moved(scene, "m", way, span)
    text = (
        f"SELECT m.record_id, m.at FROM (SELECT DISTINCT b.record_id {_log(scene, 'b')}"  # noqa: S608  # names and marks
        f" WHERE {back.text}) AS twice CROSS JOIN {CASE_MOVES} AS m"
        f" WHERE m.record_id = twice.record_id AND {test.text}"
    )
    return scene.rows(Sql(text, (*back.parameters, *test.parameters)))


def _moved(scene: Scene, alias: str, way: Way, span: Span, *, readable: bool = True) -> Sql:
    """That a move of the type went this way in the span, and that the actor may know of its case."""
    mark, moved = scene.mark, scene.moved(alias, way.sources, way.targets)
    mine = scene.mine(f"{alias}.record_id") if readable else EVERY
    text = (
        f"{alias}.identity = {mark} AND {alias}.at >= {mark} AND {alias}.at < {mark} AND {moved.text} AND {mine.text}"
    )
    return Sql(text, (scene.identity, *span, *moved.parameters, *mine.parameters))


def _log(scene: Scene, alias: str) -> str:
    return scene.log(alias, WAYS_INDEX)
