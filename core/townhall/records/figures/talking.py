"""How often people and the town were in touch: interactions by direction, channel and outcome, from their index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.spans import KnownSpans
from townhall.records.figures.spans import Span
from townhall.records.figures.words import TALKS
from townhall.records.figures.words import TALKS_INDEX
from townhall.records.figures.words import TOLD_APART

#: Direction, channel and outcome, as they are stored.
Told = tuple[Any, ...]


class Talks:
    """The interactions of some spans for one actor: counted once, whatever a page asks of them."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._counted = KnownSpans[Counter[Told]]()

    def by_channel(self, measure: str, spans: Sequence[Span]) -> list[Counter[Any]]:
        """How many interactions of a measure each channel has in each of the spans."""
        direction, outcome = TALKS[measure]
        found = []
        for told in self._of_each(spans):
            channels: Counter[Any] = Counter()
            for (went, channel, ended), number in told.items():
                if went == direction and outcome in ("", ended):
                    channels[channel] += number
            found.append(channels)
        return found

    def _of_each(self, spans: Sequence[Span]) -> list[Counter[Told]]:
        fresh = [span for span in dict.fromkeys(spans) if self._counted.parts(None, span) is None]
        for span, told in zip(fresh, self._count(fresh), strict=True):
            self._counted.keep(None, span, told)
        return [sum(self._counted.parts(None, span) or (), Counter[Told]()) for span in spans]

    def _count(self, spans: Sequence[Span]) -> list[Counter[Told]]:
        """Count them anew."""
        found: list[Counter[Told]] = [Counter() for _ in spans]
        if spans:
            for place, *told, number in self._scene.rows(self._statement(spans)):
                if number:
                    found[place][tuple(told)] += number
        return found

    def _statement(self, spans: Sequence[Span]) -> Sql:
        """The place of the span, what is told apart, and how many."""
        scene, visible, mark = self._scene, self._scene.visible(), self._scene.mark
        columns, at = [scene.column(name) for name in TOLD_APART], scene.column("at")
        places = ", ".join(f"({place}, {mark}, {mark})" for place in range(len(spans)))
        given = f"WITH spans (place, since, until) AS (VALUES {places})"
        within = f"{at} >= spans.since AND {at} < spans.until AND {visible.text}"
        if scene.town.database.engine == "postgresql":
            told = ", ".join(("spans.place", *columns))
            text = f"{given} SELECT {told}, COUNT(*) {scene.plan.source} JOIN spans ON {within} GROUP BY {told}"
            return Sql(text, (*chain(*spans), *visible.parameters))
        # What is told apart is soon listed, and the index then counts each without putting rows in order.
        source = scene.by_index(TALKS_INDEX)
        kinds = [*scene.different(source, columns)] or [(None,) * len(columns)]
        listed = ", ".join(["({})".format(", ".join([mark] * len(columns)))] * len(kinds))
        same = " AND ".join(f"{column} IS kinds.{name}" for column, name in zip(columns, TOLD_APART, strict=True))
        text = (
            f"{given}, kinds ({', '.join(TOLD_APART)}) AS (VALUES {listed})"  # noqa: S608  # names and marks
            f" SELECT spans.place, kinds.*, (SELECT COUNT(*) {source} WHERE {same} AND {within})"
            " FROM kinds CROSS JOIN spans"
        )
        return Sql(text, (*chain(*spans), *chain(*kinds), *visible.parameters))
