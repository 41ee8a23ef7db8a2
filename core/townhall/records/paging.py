"""Keyset paging: a page starts after a row's sort value and id, so that page 10,000 costs what page 1 costs.

A cursor names a row by its sort value and id. It is opaque and safe in a URL; a cursor of another sort order, or one
that somebody made up, is a plain sentence and not an error of the server.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from townhall.errors import Rejected


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a sorted list: just after, or just before, the row with this sort value and id."""

    sort: str
    value: Any
    id: int

    def encode(self) -> str:
        """The cursor as text for a URL."""
        data = json.dumps([self.sort, self.value, self.id], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(data.encode("utf-8")).decode("ascii").rstrip("=")


def decode(text: str, sort: str) -> Cursor:
    """Read a cursor back. Raises :class:`~townhall.errors.Rejected` if it doesn't belong to this sort order."""
    try:
        data = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        data = None
    match data:
        case [str(found), None | str() | int() as value, int(id)] if found == sort and abs(id) < 2**63:
            if not isinstance(value, int) or abs(value) < 2**63:
                return Cursor(found, value, id)
    raise Rejected("This page of the list can't be found. Start again from the first page.", field="after")


def _by_value(row: tuple[int, Any]) -> tuple[Any, int]:
    return row[1], row[0]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the list that one index can be read along: which rows, as SQL with parameters, in which order.

    ``filled`` ones may be read along the index of the column that is sorted by, which knows no rows without a value.
    """

    where: str
    parameters: tuple[Any, ...]
    order: str
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A sort order: by one column, NULLs last either way, then by id in the same direction.

    ``column`` is empty when the list is sorted by id alone; it and ``id`` are as SQL wants them, and ``mark`` stands
    for a parameter. The rows without a value are a segment of their own: engines disagree on where NULLs stand, and
    neither walks an index for ``column IS NULL, column``. ``lowest`` is what no value lies below: asked for a range of
    an index, SQLite walks along it; else it would rather sort. ``adapt`` makes a cursor's value one of the column.
    """

    sort: str
    column: str
    id: str
    mark: str
    descending: bool
    nullable: bool = True
    lowest: object = None
    adapt: Callable[[Any], Any] = int

    def segments(self, cursor: Cursor | None = None, *, backwards: bool = False) -> list[Segment]:
        """The segments to read one after the other until the page is full, starting beyond ``cursor``.

        ``backwards`` reads the list from its end.
        """
        descending = self.descending != backwards
        way, beyond = ("DESC", "<") if descending else ("ASC", ">")
        by_id = f"{self.id} {way}"
        past_id, its_id = (f"{self.id} {beyond} {self.mark}", (cursor.id,)) if cursor is not None else ("", ())
        if not self.column:
            return [Segment(past_id, its_id, by_id)]
        filled, parameters = f"{self.column} IS NOT NULL", tuple[Any, ...]()
        if self.lowest is not None:
            filled, parameters = f"{self.column} >= {self.mark}", (self.lowest,)
        if cursor is not None and cursor.value is not None:
            # Its value is the range's other end: from the lowest, SQLite would read all that lies before the cursor.
            past = f"({self.column}, {self.id}) {beyond} ({self.mark}, {self.mark})"
            filled = f"{self.column} {beyond}= {self.mark} AND {past}"
            value = self.adapt(cursor.value)
            parameters = (value, value, cursor.id)
        with_value = Segment(filled, parameters, f"{self.column} {way}, {by_id}", filled=True)
        if not self.nullable:
            return [with_value]
        empty = f"{self.column} IS NULL"
        if cursor is not None and cursor.value is None:
            rest = Segment(f"{empty} AND {past_id}", its_id, by_id)
            return [rest, with_value] if backwards else [rest]
        if cursor is not None and backwards:
            return [with_value]
        without_value = Segment(empty, (), by_id)
        return [without_value, with_value] if backwards else [with_value, without_value]

    def arranged(
        self, rows: Sequence[tuple[int, Any]], cursor: Cursor | None, *, backwards: bool = False
    ) -> list[tuple[int, Any]]:
        """The same for ids and values that are all here: those beyond the cursor, in order."""
        order = sorted((row for row in rows if row[1] is not None), key=_by_value, reverse=self.descending)
        order += sorted((row for row in rows if row[1] is None), reverse=self.descending)
        if cursor is None:
            return order[::-1] if backwards else order
        place = next((index for index, row in enumerate(order) if self._is_beyond(row, cursor)), len(order))
        if not backwards:
            return order[place:]
        if place and order[place - 1] == (cursor.id, cursor.value):
            place -= 1
        return order[:place][::-1]

    def _is_beyond(self, row: tuple[int, Any], cursor: Cursor) -> bool:
        id, value = row
        if (value is None) is not (cursor.value is None):
            return value is None
        here: tuple[Any, ...] = (id,) if value is None else (value, id)
        there: tuple[Any, ...] = (cursor.id,) if value is None else (cursor.value, cursor.id)
        return here < there if self.descending else here > there
