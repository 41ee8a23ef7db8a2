"""One scheduler per process: it looks every few seconds which jobs are due, and runs them beside the pages.

It holds nothing of an application: the town is asked for anew each time, so a switched plugin's jobs come and go by
themselves and no old application is kept in memory. Several processes may each have one; the claims in the database
keep them apart (:mod:`townhall.jobs.claims`).
"""

from __future__ import annotations

import logging
import os
from datetime import UTC
from datetime import datetime
from threading import Lock
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from townhall.db import meta
from townhall.jobs import claims
from townhall.jobs.declared import jobs
from townhall.jobs.running import Current
from townhall.jobs.running import run_due
from townhall.records.instants import to_microseconds

log = logging.getLogger("townhall.jobs")

#: Seconds between two looks at what is due.
LOOK_SECONDS = 10
#: Jobs that one process runs at the same time.
AT_ONCE = 3
#: Seconds after which a process says again that somebody looks after jobs, and the fact under which it does.
SIGN_SECONDS = 60.0
LOOKED_AT = "jobs_looked_at"


class Scheduler:
    """Runs the jobs of a town in this process. ``current`` gives the town as it is now."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._lock = Lock()
        self._busy: set[str] = set()
        self._signed = -SIGN_SECONDS
        self._process = 0
        self._scheduler: Any = None
        self._pools: dict[str, ThreadPoolExecutor] = {}

    def start(self) -> None:
        """Begin to look. A process that was forked from a started one begins again: threads don't come along."""
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._busy = set()
        self.worker = claims.worker_name()
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._pools = {"default": ThreadPoolExecutor(1), "jobs": ThreadPoolExecutor(AT_ONCE)}
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors=self._pools,
            job_defaults={"coalesce": True, "misfire_grace_time": None},
        )
        self._scheduler.add_job(self.look, "interval", seconds=LOOK_SECONDS, next_run_time=datetime.now(UTC))
        self._scheduler.start()

    def stop(self) -> None:
        """Stop looking, and wait for the jobs that run."""
        if self._scheduler is not None and self._process == os.getpid():
            # APScheduler waits with its locks held, and a look that starts a job wants one of them: so wait without.
            self._scheduler.shutdown(wait=False)
            for pool in self._pools.values():
                pool.shutdown(wait=True)
            self._scheduler = None
            self._process = 0

    def look(self) -> None:
        """Start every job that is due and doesn't run here already. Never raises."""
        try:
            town = self._current()
            try:
                self._sign(town)
                found = [job.name for job in claims.due(town, jobs(town).values())]
            finally:
                _give_back(town)
        except Exception:
            log.exception("The jobs could not be looked at; they are looked at again in a moment")
            return
        for name in found:
            with self._lock:
                if name in self._busy:
                    continue
                self._busy.add(name)
            self._scheduler.add_job(self._work, args=[name], executor="jobs")

    def _work(self, name: str) -> None:
        """Run one job, in a thread of its own."""
        try:
            outcome = run_due(self._current, name, self.worker)
            if outcome is not None and outcome.result:
                log.info("%s: %s", name, outcome.result)
        except Exception:
            log.exception("The job %s could not be run", name)
        finally:
            _give_back(self._current())
            with self._lock:
                self._busy.discard(name)

    def _sign(self, town: Any) -> None:
        """Say now and then that somebody looks after this town's jobs."""
        if town.clock.monotonic() - self._signed >= SIGN_SECONDS:
            meta.put(town.system, LOOKED_AT, str(to_microseconds(town.clock.now())))
            self._signed = town.clock.monotonic()


def work_once(current: Current) -> int:
    """Run everything that is due now, one job after the other, in this thread; how many runs there were."""
    worker, count = claims.worker_name(), 0
    town = current()
    meta.put(town.system, LOOKED_AT, str(to_microseconds(town.clock.now())))
    for job in claims.due(town, jobs(town).values()):
        while run_due(current, job.name, worker) is not None:
            count += 1
    return count


def _give_back(town: Any) -> None:
    """Give the connection of this thread back to the pool."""
    if not town.database.is_closed() and town.database.transaction_depth() == 0:
        town.database.close()
