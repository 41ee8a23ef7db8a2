"""Counting moves: how many cases came in, were closed or opened again, and from that how many were open on a day.

What :mod:`~townhall.records.figures.picking` says as a test of each record is counted here from the log itself, by an
index that has the moves of one way side by side; a case is looked at only for its group. Both give the same, since a
case moves from the state into which its last move led it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from townhall.records.figures.scenes import EVERY
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.words import CASE_MOVES

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
        mine = [case for case, at, _ in again if begin <= at < end]
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


def cases_by(scene: Scene, way: Way, span: Span, group: str) -> Counter[Any]:
    """How many cases of each group moved so in the span; ``group`` is a column of the type's table."""
    rows = scene.rows(_joined(scene, way, span, Sql(group), "1"))
    found = Counter({stored: int(number) for stored, number in rows})
    again: dict[Any, list[int]] = {}
    for case, _, stored in _again(scene, way, span, group):
        again.setdefault(stored, []).append(case)
    for stored, mine in again.items():
        found[stored] -= len(mine) - len(set(mine))
    return found


def open_by(scene: Scene, moment: int, group: Sql) -> Counter[Any]:
    """How many cases of each group were open at a moment: those that are now, less all that has moved since.

    ``group`` is two columns, so that the groups are pairs.
    """
    test = scene.among("t1.state", scene.open) & scene.unclosed("t1") & scene.mine("t1.id")
    text = f"SELECT {group.text}, COUNT(*) {scene.plan.source} WHERE {test.text} GROUP BY 1, 2"
    found = Counter(_pairs(scene, Sql(text, (*group.parameters, *test.parameters))))
    if moment < scene.now:
        since, known = (moment, LAST), ways(scene)
        for name, sign in (("came_in", -1), ("reopened", -1), ("closed", 1), ("recalled", 1)):
            for pair, number in _pairs(scene, _joined(scene, known[name], since, group, "1, 2")).items():
                found[pair] += sign * number
    return found


# -- statements -------------------------------------------------------------------------------------------------------


def _joined(scene: Scene, way: Way, span: Span, group: Sql, columns: str) -> Sql:
    """How often cases of each group moved so. The log is read first and each case of it looked up, not the reverse."""
    test = _moved(scene, "m", way, span)
    text = (
        f"SELECT {group.text}, COUNT(*) {_log(scene, 'm')} CROSS JOIN {scene.quoted(scene.plan.table)} AS t1"
        f" WHERE {test.text} AND t1.id = m.record_id GROUP BY {columns}"
    )
    return Sql(text, (*group.parameters, *test.parameters))


def _again(scene: Scene, way: Way, span: Span, group: str = "") -> list[tuple[int, int, Any]]:
    """Case, moment and group of each such move in the span of a case that may have made several: of few."""
    back = _moved(scene, "b", Way(*way.back), (0, LAST), readable=False)
    test = _moved(scene, "m", way, span)
    table, among = "", ""
    if group:
        table, among = f" CROSS JOIN {scene.quoted(scene.plan.table)} AS t1", " AND t1.id = m.record_id"
    text = (
        f"SELECT m.record_id, m.at, {group or 0} FROM (SELECT DISTINCT b.record_id {_log(scene, 'b')}"  # noqa: S608  # names and marks
        f" WHERE {back.text}) AS twice CROSS JOIN {CASE_MOVES} AS m{table}"
        f" WHERE m.record_id = twice.record_id AND {test.text}{among}"
    )
    return [(case, at, stored) for case, at, stored in scene.rows(Sql(text, (*back.parameters, *test.parameters)))]


def _moved(scene: Scene, alias: str, way: Way, span: Span, *, readable: bool = True) -> Sql:
    """That a move of the type went this way in the span, and that the actor may know of its case."""
    mark, moved = scene.mark, scene.moved(alias, way.sources, way.targets)
    mine = scene.mine(f"{alias}.record_id") if readable else EVERY
    text = (
        f"{alias}.identity = {mark} AND {alias}.at >= {mark} AND {alias}.at < {mark} AND {moved.text} AND {mine.text}"
    )
    return Sql(text, (scene.identity, *span, *moved.parameters, *mine.parameters))


def _log(scene: Scene, alias: str) -> str:
    return scene.log(alias, "identity_source_target_at_record_id")


def _pairs(scene: Scene, sql: Sql) -> Mapping[tuple[Any, Any], int]:
    return {(first, second): int(number) for first, second, number in scene.rows(sql)}
