"""Keeping a request that began before a switch from writing after it.

Whoever can make a whole request again says so with :func:`watched`. The first write of such a request looks whether
the town that it writes to is still the present one, inside its transaction, so that no switch can come between. Later
writes of the same request don't: what is half done is finished as it began. A request that has only read so far, and
fails because a table that it knew was purged or changed meanwhile, is made again as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.db import meta
from townhall.errors import Outdated

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(slots=True)
class Attempt:
    """One try to answer a request; ``writes`` says whether it has begun to write."""

    writes: bool = False


_attempt: ContextVar[Attempt | None] = ContextVar("townhall_attempt", default=None)


@contextmanager
def watched() -> Iterator[Attempt]:
    """While this lasts, the first write to an outdated town raises :class:`~townhall.errors.Outdated`."""
    attempt = Attempt()
    token = _attempt.set(attempt)
    try:
        yield attempt
    finally:
        _attempt.reset(token)


def retry_if_switched(town: Town) -> None:
    """Raise :class:`~townhall.errors.Outdated` if a request that failed has written nothing and its town was switched.

    To be asked when the database has refused something: what a request wants to read may have gone since it began.
    """
    attempt = _attempt.get()
    if attempt is not None and not attempt.writes and not town.is_current:
        raise Outdated


def require_current(town: Town) -> None:
    """Raise :class:`~townhall.errors.Outdated` if this is the first write of a request to a town that was switched."""
    attempt = _attempt.get()
    if attempt is None or attempt.writes:
        return
    if meta.locked_generation(town.system) != town.built_for:
        raise Outdated
    attempt.writes = True
