"""Transactions for writers: taken at once, so that two writers queue instead of failing half way."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import peewee

from townhall.db.engines import TownDatabase

log = logging.getLogger("townhall")


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


#: How long, in milliseconds, something that can be left out waits for another writer.
PATIENCE_MS = 250


@contextmanager
def impatient(database: TownDatabase) -> Iterator[None]:
    """A transaction for what can be left out: it gives up soon when somebody else is writing.

    Raises :class:`peewee.OperationalError` then.
    """
    if database.engine == "postgresql":
        with immediate(database):
            database.execute_sql(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
            yield
        return
    (usual,) = database.execute_sql("PRAGMA busy_timeout").fetchone()
    database.execute_sql(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    try:
        with immediate(database):
            yield
    finally:
        database.execute_sql(f"PRAGMA busy_timeout = {usual}")


def unwritable(database: TownDatabase) -> str:
    """Why nothing can be written, to stand behind a colon; empty if something can, or could but for who writes now."""
    try:
        with impatient(database):
            if database.engine == "sqlite":
                return ""
            (setting,) = database.execute_sql("SHOW transaction_read_only").fetchone()
            return "its server lets this account only read (transaction_read_only)" if setting == "on" else ""
    except peewee.OperationalError as error:
        is_readonly = getattr(error.__context__, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
        return "its file or disk is read-only, or belongs to another account" if is_readonly else ""


def after_commit(database: TownDatabase, call: Callable[[], Any]) -> None:
    """Run ``call`` once the outermost transaction is committed; at once if there is none; never if it rolls back.

    What is saved by then stays saved, whatever happens in ``call``: an error of it goes to the log, and neither keeps
    others from being called nor tells whoever saved that nothing was.
    """

    def guarded() -> None:
        try:
            call()
        except Exception:
            log.exception("What was to follow a save failed")

    database.after_commit(guarded)
