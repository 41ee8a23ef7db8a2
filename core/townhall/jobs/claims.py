"""Claims: which process runs which job for which slot. The row of a claim is the log of its run as well.

A claim is made in one transaction that first writes the job's row in ``job_state``, so that claims on the same job come
one after the other on both engines; a slot is UNIQUE in ``job_run`` besides. Whoever runs a job keeps its lease alive
(:func:`beat`). When a lease is over, its process is taken for dead and another one takes the slot, unless a newer slot
is due that does the same work.

Of slots that were missed while the town was off only the newest is due.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.db.transactions import immediate
from townhall.jobs.declared import Job
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: How long a process that says nothing is taken to be alive, and seconds between two signs of life.
LEASE = timedelta(minutes=3)
BEAT_SECONDS = 30.0
#: How often the run of one slot may be lost before it counts as failed.
MOST_ATTEMPTS = 3
LOST = "The process that ran it stopped in the middle."


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a job for a slot, until the lease is over."""

    id: int
    job: str
    worker: str
    attempt: int


def worker_name() -> str:
    """A name for this process that no other one has: its computer, its number, and chance."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def due(town: Town, jobs: Iterable[Job]) -> list[Job]:
    """The jobs of which a run could be claimed now, as it looks without locking anything."""
    now = to_microseconds(town.clock.now())
    state, run = town.system.job_state, town.system.job_run
    known = {name: (since, paused) for name, since, paused in state.select(state.name, state.since, state.paused_at)
             .tuples()}  # fmt: skip
    open_runs: dict[str, list[tuple[str, int | None]]] = {}
    query = run.select(run.job, run.state, run.lease_until).where(run.state.in_(["waiting", "running"]))
    for name, how, lease in query.tuples():
        open_runs.setdefault(name, []).append((how, lease))
    found = []
    for job in jobs:
        mine = open_runs.get(job.name, [])
        if any(how == "running" and (lease or 0) > now for how, lease in mine):
            continue
        since, paused = known.get(job.name, (None, None))
        asked = any(how == "waiting" for how, _ in mine)
        if since is None or asked or (paused is None and (mine or _open_slot(town, job, since) is not None)):
            found.append(job)
    return found


def claim(town: Town, job: Job, worker: str) -> Claim | None:
    """Claim the next run of a job: one that was lost, one that was asked for, or the newest slot. ``None`` if none."""
    with immediate(town.database):
        since, paused = locked(town, job.name)
        now = to_microseconds(town.clock.now())
        run = town.system.job_run
        running = list(
            run.select(run.id, run.lease_until, run.attempt)
            .where(run.job == job.name, run.state == "running")
            .order_by(run.slot)
            .tuples()
        )
        if any((lease or 0) > now for _, lease, _ in running):
            return None
        slot = _open_slot(town, job, since) if paused is None else None
        for id, _, attempt in running:
            if paused is None and slot is None and attempt < MOST_ATTEMPTS:
                return _take(town, job, id, worker, attempt + 1)
            _close_lost(town, id, attempt)
        waiting = (
            run.select(run.id).where(run.job == job.name, run.state == "waiting").order_by(run.slot).tuples().first()
        )
        if waiting is not None:
            return _take(town, job, waiting[0], worker, 1)
        if slot is None:
            return None
        id = run.insert(job=job.name, slot=slot, cause="schedule", state="running").execute()
        return _take(town, job, int(id), worker, 1)


def claim_by_hand(town: Town, actor: Actor, job: Job, worker: str) -> Claim | None:
    """Claim a run of a job now, whatever its schedule says; ``None`` while another one runs."""
    with immediate(town.database):
        locked(town, job.name)
        now = to_microseconds(town.clock.now())
        run = town.system.job_run
        for id, lease, attempt in list(
            run.select(run.id, run.lease_until, run.attempt).where(run.job == job.name, run.state == "running").tuples()
        ):
            if (lease or 0) > now:
                return None
            _close_lost(town, id, attempt)
        id = _insert_by_hand(town, actor, job.name, now)
        return _take(town, job, id, worker, 1)


def ask(town: Town, actor: Actor, job: str) -> bool:
    """Ask for a run of a job as soon as a process looks; ``False`` if one was asked for already."""
    with immediate(town.database):
        locked(town, job)
        run = town.system.job_run
        if run.select().where(run.job == job, run.state == "waiting").exists():
            return False
        _insert_by_hand(town, actor, job, to_microseconds(town.clock.now()))
        return True


def beat(town: Town, claim: Claim) -> bool:
    """Say that the run is alive; ``False`` if it was taken by another process meanwhile."""
    run = town.system.job_run
    return bool(run.update(lease_until=_lease(town)).where(_is(run, claim)).execute())


def finish(town: Town, claim: Claim, *, result: str = "", message: str = "", trace: str = "") -> bool:
    """Write down how a run ended: with ``message`` it failed. ``False`` if another process has it by now."""
    run = town.system.job_run
    values = {
        run.state: "failed" if message else "done",
        run.finished_at: to_microseconds(town.clock.now()),
        run.lease_until: None,
        run.result: result,
        run.message: message,
        run.trace: trace,
    }
    return bool(run.update(values).where(_is(run, claim)).execute())


def pause(town: Town, actor: Actor, job: str) -> None:
    """Leave a job alone until it is resumed. What is running goes on to its end."""
    with immediate(town.database):
        locked(town, job)
        state = town.system.job_state
        values = {state.paused_at: to_microseconds(town.clock.now()), state.paused_by: actor.name}
        state.update(values).where((state.name == job) & state.paused_at.is_null()).execute()


def resume(town: Town, job: str) -> None:
    """Run a job again from its next slot on; those of the pause are not made up for."""
    with immediate(town.database):
        locked(town, job)
        state = town.system.job_state
        values = {state.paused_at: None, state.paused_by: "", state.since: to_microseconds(town.clock.now())}
        state.update(values).where((state.name == job) & state.paused_at.is_null(False)).execute()


def locked(town: Town, job: str) -> tuple[int, int | None]:
    """Since when a job is looked after, and since when it is paused. Nobody else claims it in this transaction.

    A job that was never seen is looked after from now on.
    """
    state = town.system.job_state
    first = {state.name: job, state.since: to_microseconds(town.clock.now())}
    state.insert(first).on_conflict(conflict_target=[state.name], update={state.claims: state.claims + 1}).execute()
    since, paused = state.select(state.since, state.paused_at).where(state.name == job).tuples().get()
    return since, paused


def _open_slot(town: Town, job: Job, since: int) -> int | None:
    """The newest slot of a job, if nobody has run it yet."""
    slot = to_microseconds(job.schedule.latest(town.clock.now(), town.zone))
    run = town.system.job_run
    if slot <= since or run.select().where(run.job == job.name, run.slot == slot).exists():
        return None
    return slot


def _insert_by_hand(town: Town, actor: Actor, job: str, slot: int) -> int:
    """A row for a run that somebody asks for, at a slot of its own."""
    run = town.system.job_run
    while run.select().where(run.job == job, run.slot == slot).exists():
        slot += 1
    return int(run.insert(job=job, slot=slot, cause="hand", state="waiting", asked_by=actor.name).execute())


def _take(town: Town, job: Job, id: int, worker: str, attempt: int) -> Claim:
    run = town.system.job_run
    values = {
        run.state: "running",
        run.worker: worker,
        run.attempt: attempt,
        run.started_at: to_microseconds(town.clock.now()),
        run.lease_until: _lease(town),
    }
    run.update(values).where(run.id == id).execute()
    return Claim(id, job.name, worker, attempt)


def _close_lost(town: Town, id: int, attempt: int) -> None:
    """Give a lost run up: a newer one does its work, or it was lost too often."""
    run = town.system.job_run
    message = LOST if attempt < MOST_ATTEMPTS else f"{LOST} That happened {attempt} times."
    values = {run.state: "failed", run.finished_at: to_microseconds(town.clock.now()), run.message: message}
    run.update({**values, run.lease_until: None}).where(run.id == id).execute()


def _lease(town: Town) -> int:
    until: datetime = town.clock.now() + LEASE
    return to_microseconds(until)


def _is(run: Any, claim: Claim) -> Any:
    return (run.id == claim.id) & (run.worker == claim.worker) & (run.state == "running")
