"""Tests joined to one, half by half.

Joined in a row, each would nest one deeper than the one before, and SQLite's parser ends at a hundred: a clerk's scope
over the cases of many modules would be refused.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from operator import and_
from operator import or_
from typing import Any

import peewee


def either(tests: Sequence[Any]) -> peewee.ColumnBase:
    """A test that holds when one of ``tests`` does; there is at least one."""
    return _joined(or_, tests)


def both(tests: Sequence[Any]) -> peewee.ColumnBase:
    """A test that holds when all of ``tests`` do; there is at least one."""
    return _joined(and_, tests)


def _joined(by: Callable[[Any, Any], peewee.ColumnBase], tests: Sequence[Any]) -> peewee.ColumnBase:
    if len(tests) == 1:
        only: peewee.ColumnBase = tests[0]
        return only
    middle = len(tests) // 2
    return by(_joined(by, tests[:middle]), _joined(by, tests[middle:]))
