"""Running one job: claimed, kept alive, with the town as it is now, and with its end written down whatever happens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.errors import Outdated
from townhall.extend.failures import told
from townhall.jobs import claims
from townhall.jobs.claims import Claim
from townhall.jobs.declared import jobs
from townhall.records.outdating import watched

if TYPE_CHECKING:
    from townhall.town import Town

log = logging.getLogger("townhall.jobs")

#: Gives the town as it is now.
Current = Callable[[], "Town"]
#: How often a job is begun again because something was switched before it wrote anything.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: the sentence that the job returned, or in ``problem`` why it failed."""

    job: str
    result: str = ""
    problem: str = ""


def run_due(current: Current, name: str, worker: str) -> Outcome | None:
    """Run a job if a run of it can be claimed now; ``None`` if not."""
    town = current()
    job = jobs(town).get(name)
    claim = claims.claim(town, job, worker) if job is not None else None
    return run_claimed(current, claim) if claim is not None else None


def run_by_hand(current: Current, actor: Actor, name: str) -> Outcome | None:
    """Run a job now, in this process; ``None`` while another process runs it. Raises :class:`KeyError`."""
    town = current()
    claim = claims.claim_by_hand(town, actor, jobs(town)[name], claims.worker_name())
    return run_claimed(current, claim) if claim is not None else None


def run_claimed(current: Current, claim: Claim) -> Outcome:
    """Run the job of a claim and write down how it ended. Only an interruption of the whole process is raised."""
    town = current()
    try:
        with _beating(town, claim):
            result = _run(current, claim.job)
    except BaseException as error:
        log.error("The job %s failed", claim.job, exc_info=error)
        message, trace = told("job", error)
        claims.finish(town, claim, message=message, trace=trace)
        town.failures.flush()
        if isinstance(error, KeyboardInterrupt):
            raise
        return Outcome(claim.job, problem=message)
    if not claims.finish(town, claim, result=result):
        log.warning("The job %s took so long that another process took it over", claim.job)
    return Outcome(claim.job, result)


def _run(current: Current, name: str) -> str:
    """Run a job with the town as it is now; once more if something was switched before it wrote anything."""
    for _ in range(ATTEMPTS):
        town = current()
        job = jobs(town).get(name)
        if job is None:
            return "Its plugin was switched off meanwhile."
        try:
            with watched():
                return job.run(town)
        except Outdated:
            continue
    town = current()
    job = jobs(town).get(name)
    # What was switched can't be taken up: the job goes on with the town as it was.
    return job.run(town) if job is not None else ""


@contextmanager
def _beating(town: Town, claim: Claim) -> Iterator[None]:
    """Say again and again that a run is alive, as long as this process is."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(claims.BEAT_SECONDS):
            try:
                with town.database.connection_context():
                    claims.beat(town, claim)
            except Exception:
                log.warning("A sign of life of the job %s could not be written", claim.job, exc_info=True)

    thread = threading.Thread(target=beat, name=f"townhall-beat-{claim.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
