"""The town as it is now, for a process that shows no pages: it takes up what was switched, like the web does."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING

from townhall.errors import RestartNeeded

if TYPE_CHECKING:
    from townhall.town import Town

log = logging.getLogger("townhall.jobs")

#: Seconds after which what could not be taken up is tried again.
PATIENCE = 30


class TownKeeper:
    """Gives the present town when it is called, and the one before if the present one can't be put together."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._lock = Lock()
        self._failed = (-1, 0.0)

    def __call__(self) -> Town:
        with self._lock:
            generation = self._town.generation()
            failed, at = self._failed
            waits = generation == failed and self._town.clock.monotonic() - at < PATIENCE
            if generation == self._town.built_for or waits:
                return self._town
            try:
                self._town = self._town.renewed()
            except RestartNeeded as reason:
                self._failed = (generation, self._town.clock.monotonic())
                log.warning("%s Until then jobs run as they did before the last change", reason)
            except Exception:
                self._failed = (generation, self._town.clock.monotonic())
                log.exception("The town could not be renewed; jobs run as they did before the last change")
            return self._town
