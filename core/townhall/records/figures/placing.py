"""Of which group each of many records is: by a look at each, or, where they are many, by an index read as a whole."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Sequence
from typing import Any

from townhall.records.figures import grouping
from townhall.records.figures import wards
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import numbers

#: How many rows of an index are passed by, and how many ids are read from it, in the time of a look at one record.
_PASSED, _TAKEN = 20, 8


def groups_of(scene: Scene, by: str, ids: Sequence[Collection[int]]) -> Callable[[int], Any]:
    """What tells what the column of the group holds, by the id, for the records of several collections."""
    column = grouping.column_of(scene, by)
    highest = max((max(each, default=0) for each in ids), default=0)
    lowest = min((min(each, default=highest) for each in ids), default=0)
    by_index = scene.last() / _PASSED + (highest - lowest) / _TAKEN
    if sum(map(len, ids)) < by_index or wards.is_meant(scene.type, by):
        return dict(values_of(scene, column, set().union(*ids))).get
    places: list[Any] = [None] * (1 + highest)
    # The index of a column has no rows in which it is empty. What came in since the first question is not asked for.
    found = f"{scene.plan.source} WHERE {column} IS NOT NULL AND t1.id BETWEEN {lowest} AND {highest} GROUP BY {column}"
    for stored, text in scene.rows(Sql(f"SELECT {column}, {scene.text_of('t1.id')} {found}")):
        for id in numbers(text):
            places[id] = stored
    return places.__getitem__


def values_of(scene: Scene, columns: str, ids: Collection[int]) -> list[tuple[Any, ...]]:
    """Id and columns of each of these records."""
    those = scene.those("t1.id", ids)
    return scene.rows(Sql(f"SELECT t1.id, {columns} {scene.plan.source} WHERE {those.text}", those.parameters))
