"""Tests that are put together of others: many joined without nesting them deeply, and one of what a query finds."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import peewee


def balanced(join: Callable[[Any, Any], Any], tests: Sequence[Any]) -> peewee.ColumnBase:
    """All ``tests`` joined, by halves: each join is a pair of brackets, and SQLite reads only a hundred deep."""
    if len(tests) == 1:
        only: peewee.ColumnBase = tests[0]
        return only
    middle = (len(tests) + 1) // 2
    joined: peewee.ColumnBase = join(balanced(join, tests[:middle]), balanced(join, tests[middle:]))
    return joined


class _FoundIn(peewee.Expression):
    """``IN`` of a query. peewee's own puts the query together twice, to see whether it is empty; and each one inside of
    it four times, eight times and so on.
    """

    def _is_rhs_empty(self, rhs: Any, ctx: Any) -> bool:
        return False


def found_in(column: Any, query: Any) -> peewee.ColumnBase:
    """A test that a column's value is one of what ``query`` finds."""
    return _FoundIn(column, peewee.OP.IN, query)
