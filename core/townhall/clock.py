"""The town's clock: the one place that knows what time it is, so that tests can say what time it is."""

from __future__ import annotations

import time
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment in the past, which never go back: for measuring how long something takes."""
        ...


class SystemClock:
    """The clock of the computer."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError("A fixed clock needs an aware moment, with its time zone.")
        self._moment = moment.astimezone(UTC)
        self._passed = 0.0

    def now(self) -> datetime:
        return self._moment

    def monotonic(self) -> float:
        return self._passed

    def move(self, step: timedelta) -> None:
        """Set the clock forward (or back) by ``step``."""
        self._moment += step
        self._passed += max(step.total_seconds(), 0.0)
