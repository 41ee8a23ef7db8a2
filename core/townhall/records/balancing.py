"""Joining many tests into one without nesting them deeply."""

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
