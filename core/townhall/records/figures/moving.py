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
from itertools import chain
from typing import TYPE_CHECKING
from typing import Self

from townhall.access.actors import Actor
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.scenes import numbers
from townhall.records.figures.spans import LAST
from townhall.records.figures.spans import KnownSpans
from townhall.records.figures.spans import Span
from townhall.records.figures.talking import Talks
from townhall.records.figures.words import WAYS_INDEX
from townhall_forms.tables import open_index

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Way:
    """Moves from some states into others."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]


def ways(scene: Scene) -> dict[str, Way]:
    """The ways that are counted, by the name of their measure; ``recalled`` has none."""
    fresh, open_, final = scene.fresh, scene.open, scene.final
    return {
        "came_in": Way(fresh, open_),
        "closed": Way(open_, final),
        "reopened": Way(final, open_),
        "recalled": Way(open_, fresh),
    }


class Moves:
    """Who moved some way in some span, of one type for one actor: read once, whatever a page asks of it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        #: Where the type is the one of interactions: how many there were.
        self.talks = Talks(scene)
        self._ways = ways(scene)
        self._read = KnownSpans[list[int]]()
        self._open: list[int] | None = None
        #: The ids of the entries of history of a span, as far as they were asked for.
        self.written: dict[Span, Span] = {}

    @classmethod
    def of_type(cls, town: Town, actor: Actor, identity: str) -> Self:
        """Those of a type, for what one page asks; not to be kept longer. Raises as :meth:`Scene.of` does."""
        return cls(Scene.of(town, actor, identity))

    def of(self, way: str, span: Span) -> list[int]:
        """The ids of the cases that moved so in the span, as often as they did."""
        return self.of_each(way, [span])[0]

    def of_each(self, way: str, spans: Sequence[Span]) -> list[list[int]]:
        """The same for several spans."""
        fresh = [span for span in dict.fromkeys(spans) if self._read.parts(way, span) is None]
        for span, ids in zip(fresh, self._cases(self._ways[way], fresh), strict=True):
            self._read.keep(way, span, ids)
        return [_joined(self._read.parts(way, span) or []) for span in spans]

    def _cases(self, way: Way, spans: Sequence[Span]) -> list[list[int]]:
        scene, parts = self.scene, []
        for place, span in enumerate(spans):
            test = _moved(scene, "m", way, span)
            text = f"SELECT {place}, {scene.text_of('m.record_id')} {_log(scene, 'm')} WHERE {test.text}"
            parts.append(Sql(text, test.parameters))
        rows = dict(scene.rows(joined(parts, " UNION ALL "))) if parts else {}
        return [scene.sifted(numbers(rows[place]))[0] for place in range(len(spans))]

    def open_now(self) -> list[int]:
        """The ids of the cases that are open now."""
        if self._open is None:
            (found,) = self.scene.lists(["t1.id"], _open_now(self.scene))
            (self._open,) = self.scene.sifted(found)
        return self._open


def _joined(parts: Sequence[list[int]]) -> list[int]:
    return parts[0] if len(parts) == 1 else [*chain.from_iterable(parts)]


def _open_now(scene: Scene) -> Sql:
    """The cases that are open now, from FROM on."""
    index = scene.indexed(open_index(scene.type).name)
    test = scene.among("t1.state", scene.open) & scene.unclosed("t1")
    table = scene.quoted(scene.plan.table)
    return Sql(f"FROM {table} AS t1{index} WHERE {test.text}", test.parameters)


def open_at(moves: Moves, moment: int) -> set[int]:
    """The ids of the cases that were open at a moment: those that are now, less all that has moved since."""
    scene = moves.scene
    there, gone = moves.open_now(), list[int]()
    if moment < scene.now:
        since = (moment, LAST)
        there = there + moves.of("closed", since) + moves.of("recalled", since)
        gone = moves.of("came_in", since) + moves.of("reopened", since)
    return _less(there, gone)


def _less(there: list[int], gone: list[int]) -> set[int]:
    """What is oftener there than gone; most is once, and that is soon told."""
    found, away = set(there), set(gone)
    several = len(there) > len(found) or len(gone) > len(away)
    found -= away
    if several:
        often, less = Counter(there), Counter(gone)
        found.update(case for case, number in often.items() if number > 1 and number > less[case])
    return found


def trails(scene: Scene, span: Span) -> Iterator[tuple[str, str, list[int], list[int]]]:
    """Of each two states: who moved from the one into the other in the span, and when.

    The states are those of the log, not of the schema: a state that is gone has its moves too.
    """
    mark, mine, log = scene.mark, scene.unarchived("m.record_id"), _log(scene, "m")
    of_type = Sql(f"m.identity = {mark}", (scene.identity,))
    for source, target in scene.different(log, ("m.source", "m.target"), of_type):
        text = (
            f"{log} WHERE m.identity = {mark} AND m.source = {mark} AND m.target = {mark}"
            f" AND m.at >= {mark} AND m.at < {mark} AND {mine.text}"
        )
        found = Sql(text, (scene.identity, source, target, *span, *mine.parameters))
        cases, moments = scene.sifted(*scene.lists(("m.record_id", "m.at"), found))
        yield source, target, cases, moments


# -- statements -------------------------------------------------------------------------------------------------------


def _moved(scene: Scene, alias: str, way: Way, span: Span) -> Sql:
    """That a move of the type went this way in the span; of a case that is not archived."""
    mark, moved = scene.mark, scene.moved(alias, way.sources, way.targets)
    mine = scene.unarchived(f"{alias}.record_id")
    text = (
        f"{alias}.identity = {mark} AND {alias}.at >= {mark} AND {alias}.at < {mark} AND {moved.text} AND {mine.text}"
    )
    return Sql(text, (scene.identity, *span, *moved.parameters, *mine.parameters))


def _log(scene: Scene, alias: str) -> str:
    return scene.log(alias, WAYS_INDEX)
