"""Transactions for writers: taken at once, so that two writers queue instead of failing half way."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from townhall.db.engines import TownDatabase


@contextmanager
def immediate(database: TownDatabase) -> Iterator[None]:
    """One transaction for writing; inside another one, a savepoint.

    On SQLite it takes the write lock at its beginning: a transaction that only finds out at its first write that
    somebody else was faster can't wait any more and fails with "database is locked".

    What a savepoint undoes is not told after the commit either.
    """
    outermost = database.transaction_depth() == 0
    lock = ("IMMEDIATE",) if outermost and database.engine == "sqlite" else ()
    known = len(database._state.commit_callbacks)
    try:
        with database.atomic(*lock):
            yield
    except BaseException:
        if not outermost:
            del database._state.commit_callbacks[known:]
        raise


def after_commit(database: TownDatabase, call: Callable[[], Any]) -> None:
    """Run ``call`` once the outermost transaction is committed; at once if there is none; never if it rolls back."""
    database.after_commit(call)
