"""Pages of figures that took long to count, kept for a while: they say so, and can be counted again."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta

from townhall.admin.figures.tables import Shown
from townhall.clock import Clock

#: How long a page is kept, and from how many seconds of counting on. Quick ones are counted each time.
KEPT = timedelta(minutes=10)
SLOW = 0.05
_MOST = 100


@dataclass(frozen=True, slots=True)
class Counted:
    """A page's figures and when they were counted; ``kept`` says that this was not just now."""

    shown: Shown
    at: datetime
    kept: bool = False


class Keeper:
    """Keeps pages of one application that took more than ``slow`` seconds of ``clock`` to count."""

    def __init__(self, clock: Clock, slow: float = SLOW) -> None:
        self._clock = clock
        self._slow = slow
        self._held: dict[Hashable, Counted] = {}

    def get(self, key: Hashable, build: Callable[[], Shown], *, again: bool = False) -> Counted:
        """The page under ``key``: counted now, or a while ago if that took long."""
        now, began = self._clock.now(), self._clock.monotonic()
        held = self._held.get(key)
        if held is not None and not again and timedelta(0) <= now - held.at < KEPT:
            return held
        shown = build()
        if self._clock.monotonic() - began > self._slow:
            if len(self._held) >= _MOST:
                self._held.clear()
            self._held[key] = Counted(shown, now, kept=True)
        else:
            self._held.pop(key, None)
        return Counted(shown, now)
