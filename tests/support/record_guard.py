"""Refuses SQL on records' tables that comes from elsewhere than ``townhall.records``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType

from townhall.db.engines import PostgresqlEngine
from townhall.db.engines import SqliteEngine
from townhall.db.engines import TownDatabase

#: Modules that may: records themselves, those that make, extend and copy tables, and migrations.
ALLOWED = ("townhall.records.", "townhall.db.migration", "townhall.lifecycle.migrations.", "townhall.db.copies")
_NAME = re.compile(r'"?\b(?:FROM|INTO|UPDATE|JOIN)\s+"?([a-z][a-z0-9_]*)"?', re.IGNORECASE)


class SqlFromElsewhere(AssertionError):
    """Somebody reads or writes records without records."""


@contextmanager
def guarded() -> Iterator[set[str]]:
    """While this lasts, SQL on the tables named in the given set fails unless records run it.

    A statement counts as records' own when one of their modules is among the callers, below any test.
    """
    tables: set[str] = set()
    originals = [
        (engine, name, getattr(engine, name)) for engine in _ENGINES for name in ("execute_sql", "executemany")
    ]

    for engine, name, original in originals:

        def watched(self: TownDatabase, sql: str, *rest: object, _original: object = original) -> object:
            touched = tables & _names(sql)
            if touched and not _from_records(sys._getframe(1)):
                raise SqlFromElsewhere(
                    f"SQL on {', '.join(sorted(touched))} from outside townhall.records: {sql[:200]}"
                )
            return _original(self, sql, *rest)  # type: ignore[operator]

        setattr(engine, name, watched)
    try:
        yield tables
    finally:
        for engine, name, original in originals:
            setattr(engine, name, original)


@lru_cache(maxsize=4096)
def _names(sql: str) -> frozenset[str]:
    """What a statement names where tables stand; most statements come again and again."""
    return frozenset(_NAME.findall(sql))


_ENGINES = (SqliteEngine, PostgresqlEngine)
_METHODS = ("execute_sql", "executemany")


def _from_records(frame: FrameType | None) -> bool:
    """Whether the statement was asked for by records (tests may do what they like, with records or without)."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(ALLOWED):
            return True
        if module.startswith(("townhall", "test_", "tests.")) and not module.startswith("townhall.db"):
            return not module.startswith("townhall")
        frame = frame.f_back
    return True
