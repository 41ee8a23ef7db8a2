"""Counts that are shown on every page and may be a few seconds old."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from typing import Any
from typing import TypeVar

from townhall.clock import Clock

#: How old a count may be, in seconds. A change made in this process shows at once.
COUNTS_LAST = 20.0
#: How many counts are kept before all are thrown away.
MOST = 1000

T = TypeVar("T")


class CountCache:
    """Counts that may be a few seconds old: they stand beside tabs and in the menu of every page."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, count: Callable[[], T]) -> T:
        """What ``count`` gave for ``key`` a moment ago, or gives now."""
        now = self._clock.monotonic()
        held = self._held.get(key)
        if held is not None and now - held[0] <= COUNTS_LAST:
            return held[1]
        if len(self._held) > MOST:
            self._held.clear()
        value = count()
        self._held[key] = (now, value)
        return value

    def forget(self) -> None:
        """Count again next time: something was changed."""
        self._held.clear()
