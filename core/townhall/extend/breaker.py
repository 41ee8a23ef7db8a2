"""Leaving a hook alone that fails again and again, until it has had time to recover.

Each hook of each plugin has a breaker. After :data:`MOST_FAILURES` failures in a row it opens: the hook isn't called
for :data:`COOL_OFF` seconds. Then one call is let through to see: if it works the breaker closes, else it stays open as
long again. Breakers belong to one process and forget everything when the town is put together anew.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from threading import get_ident

#: Failures in a row that open a breaker, and seconds until one call is let through again.
MOST_FAILURES = 5
COOL_OFF = 60.0


@dataclass(slots=True)
class _Row:
    """Failures in a row of one hook. ``again`` is when a call is let through, on the monotonic clock; ``trying`` is the
    thread whose call was.
    """

    failures: int = 0
    opened: datetime | None = None
    again: float = 0.0
    trying: int = 0


@dataclass(frozen=True, slots=True)
class BreakerState:
    """How one hook stands: failures in a row, since when it is left alone, and seconds until it is tried again."""

    hook: str
    failures: int
    opened: datetime | None
    wait: float


class Breakers:
    """The breakers of all hooks of one town, in this process. Safe to use from several threads."""

    def __init__(self, monotonic: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._monotonic = monotonic
        self._now = now
        self._lock = Lock()
        self._rows: dict[tuple[str, str], _Row] = {}

    def allows(self, plugin: str, hook: str) -> bool:
        """Whether the hook may be called now. After the pause one caller gets through, and must say how it went."""
        if not self._rows:
            return True
        with self._lock:
            row = self._rows.get((plugin, hook))
            if row is None or row.opened is None:
                return True
            now = self._monotonic()
            if now < row.again:
                return False
            row.again = now + COOL_OFF
            row.trying = get_ident()
            return True

    def succeeded(self, plugin: str, hook: str) -> None:
        """Say that a call worked."""
        if self._rows:
            with self._lock:
                self._rows.pop((plugin, hook), None)

    def failed(self, plugin: str, hook: str) -> None:
        """Say that a call failed."""
        with self._lock:
            row = self._rows.setdefault((plugin, hook), _Row())
            row.failures += 1
            row.trying = 0
            if row.failures >= MOST_FAILURES:
                row.opened = row.opened or self._now()
                row.again = self._monotonic() + COOL_OFF

    def out_since(self, plugin: str, hooks: Iterable[str]) -> datetime | None:
        """Since when one of these hooks of a plugin is left alone; ``None`` if none is, or if it may be tried here."""
        if not self._rows:
            return None
        with self._lock:
            rows = [self._rows.get((plugin, hook)) for hook in hooks]
            now, own = self._monotonic(), get_ident()
            out = [row.opened for row in rows if row and row.opened and now < row.again and row.trying != own]
            return min(out, default=None)

    def states(self, plugin: str) -> list[BreakerState]:
        """The hooks of a plugin that failed last time they were called."""
        with self._lock:
            now = self._monotonic()
            return [
                BreakerState(hook, row.failures, row.opened, max(row.again - now, 0.0) if row.opened else 0.0)
                for (owner, hook), row in sorted(self._rows.items())
                if owner == plugin
            ]

    def open_plugins(self) -> frozenset[str]:
        """Plugins of which a hook is left alone."""
        with self._lock:
            return frozenset(plugin for (plugin, _), row in self._rows.items() if row.opened)

    def reset(self, plugin: str) -> None:
        """Close all breakers of a plugin: everything is called again."""
        with self._lock:
            for key in [key for key in self._rows if key[0] == plugin]:
                del self._rows[key]
