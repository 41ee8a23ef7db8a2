"""How it stands with each job: what the page of jobs, ``townhall jobs list`` and the doctor show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.db import meta
from townhall.jobs import claims
from townhall.jobs.declared import CORE
from townhall.jobs.declared import Job
from townhall.jobs.declared import jobs
from townhall.jobs.scheduler import LOOKED_AT
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: Runs that the page of one job shows.
SHOWN = 50
#: After so long without a look nobody seems to look after the jobs any more.
FORGOTTEN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job, as the log has it. ``lost`` says that its process stopped in the middle."""

    id: int
    job: str
    slot: datetime
    by_hand: bool
    state: str
    asked_by: str
    worker: str
    attempt: int
    started: datetime | None
    finished: datetime | None
    result: str
    message: str
    trace: str
    lost: bool = False

    @property
    def failed(self) -> bool:
        """Whether it ended badly, or just stopped."""
        return self.state == "failed" or self.lost

    @property
    def running(self) -> bool:
        """Whether it is running now."""
        return self.state == "running" and not self.lost

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.finished - self.started).total_seconds() if self.finished and self.started else None

    @property
    def took(self) -> str:
        """How long it took, in words; empty if that isn't known."""
        if self.seconds is None:
            return ""
        return f"{self.seconds:.1f} s" if self.seconds < 60 else f"{self.seconds / 60:.0f} min"

    @property
    def problem(self) -> str:
        """Why it failed, in a sentence."""
        return self.message or (f"{claims.LOST} Another one takes it over." if self.lost else "")


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job, its last run that began, and when it is due next; ``next`` is ``None`` while it is paused."""

    job: Job
    plugin: str
    how_often: str
    next: datetime | None
    last: Run | None
    asked: bool
    paused: datetime | None
    paused_by: str

    @property
    def failing(self) -> bool:
        """Whether its last run failed."""
        return self.last is not None and self.last.failed


def lines(town: Town) -> list[JobLine]:
    """Every job that the town has now, core's first."""
    state, run = town.system.job_state, town.system.job_run
    rows = state.select(state.name, state.paused_at, state.paused_by).tuples()
    paused = {name: (at, by) for name, at, by in rows}
    newest = run.select(run.job, peewee.fn.MAX(run.slot)).where(run.state != "waiting").group_by(run.job)
    last = {
        row["job"]: _run(town, row) for row in run.select().where(peewee.Tuple(run.job, run.slot).in_(newest)).dicts()
    }
    asked = {name for (name,) in run.select(run.job).where(run.state == "waiting").tuples()}
    now = town.clock.now()
    return [
        _line(town, job, now, last.get(name), name in asked, *paused.get(name, (None, "")))
        for name, job in jobs(town).items()
    ]


def line(town: Town, name: str) -> JobLine | None:
    """One job; ``None`` if the town has none of that name now."""
    return next((each for each in lines(town) if each.job.name == name), None)


def runs(town: Town, name: str, limit: int = SHOWN) -> list[Run]:
    """The last runs of a job, the newest first."""
    run = town.system.job_run
    rows = run.select().where(run.job == name).order_by(run.slot.desc()).limit(limit).dicts()
    return [_run(town, row) for row in rows]


def failing(town: Town) -> list[JobLine]:
    """The jobs whose last run failed."""
    return [each for each in lines(town) if each.failing]


def looked_at(town: Town) -> datetime | None:
    """When a process last looked which jobs are due; ``None`` if none ever did."""
    known = meta.get(town.system, LOOKED_AT)
    return from_microseconds(int(known)) if known else None


def is_forgotten(town: Town) -> bool:
    """Whether no process seems to look after the jobs."""
    at = looked_at(town)
    return at is None or town.clock.now() - at > FORGOTTEN


def _line(
    town: Town, job: Job, now: datetime, last: Run | None, asked: bool, paused_at: int | None, paused_by: str
) -> JobLine:
    return JobLine(
        job=job,
        plugin="" if job.plugin == CORE else town.plugins.title(job.plugin),
        how_often=job.schedule.in_words(),
        next=None if paused_at is not None else job.schedule.next(now, town.zone),
        last=last,
        asked=asked,
        paused=from_microseconds(paused_at) if paused_at is not None else None,
        paused_by=paused_by,
    )


def _run(town: Town, row: dict[str, Any]) -> Run:
    lost = row["state"] == "running" and (row["lease_until"] or 0) <= to_microseconds(town.clock.now())
    return Run(
        id=row["id"],
        job=row["job"],
        slot=from_microseconds(row["slot"]),
        by_hand=row["cause"] == "hand",
        state=row["state"],
        asked_by=row["asked_by"],
        worker=row["worker"],
        attempt=row["attempt"],
        started=_moment(row["started_at"]),
        finished=_moment(row["finished_at"]),
        result=row["result"],
        message=row["message"],
        trace=row["trace"],
        lost=lost,
    )


def _moment(value: int | None) -> datetime | None:
    return from_microseconds(value) if value is not None else None
