"""Jobs: every slot once, missed ones made up for once, lost ones taken over, and failures told and contained."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.events import EVENT_SCHEDULER_SHUTDOWN
from plugging import add_plugin
from serving import Served
from staff_client import StaffClient
from staff_client import plain
from werkzeug.test import Client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.jobs import claims
from townhall.jobs import overview
from townhall.jobs.declared import CORE_JOBS
from townhall.jobs.declared import Job
from townhall.jobs.declared import jobs
from townhall.jobs.keeping import TownKeeper
from townhall.jobs.running import run_by_hand
from townhall.jobs.running import run_due
from townhall.jobs.scheduler import Scheduler
from townhall.jobs.scheduler import work_once
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.limiting import count
from townhall.portal import drafts
from townhall.schedules import daily
from townhall.schedules import every
from townhall.town import Town
from townhall.wsgi import TownApplication

MANIFEST = """\
name = "lake"
title = "The lake"
version = "1.0.0"
api = ">=1,<2"

[jobs.look_at_water]
label = "Look at the water"
every = "15 minutes"
run = "look"
"""
CODE = """\
def look(town):
    return "It is blue."
"""
WEEK = timedelta(days=7)


@pytest.fixture
def job() -> Job:
    """A job that is due at half past two each night, and answers how often it ran."""
    ran: list[str] = []

    def run(town: Town) -> str:
        ran.append("")
        return f"{len(ran)} times."

    return Job("core.nightly", "Nightly", daily("02:30"), run)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, job: Job) -> Job:
    """The town has this job and no other one of core's."""
    monkeypatch.setattr("townhall.jobs.declared.CORE_JOBS", (job,))
    return job


def results(town: Town, name: str) -> list[str]:
    """What the runs of a job answered, the oldest first."""
    return [run.result or run.message for run in reversed(overview.runs(town, name))]


def test_each_slot_runs_once_however_often_somebody_looks(town: Town, clock: FixedClock, only: Job) -> None:
    """Two processes that look again and again through three nights run the job three times."""
    processes = [TownKeeper(town), TownKeeper(town.renewed())]
    for _ in range(3 * 24 * 4 + 1):
        for process in processes:
            work_once(process)
        clock.move(timedelta(minutes=15))
    assert results(town, only.name) == ["1 times.", "2 times.", "3 times."]


def test_a_job_that_is_new_has_missed_nothing(town: Town, clock: FixedClock, only: Job) -> None:
    """A job that the town sees for the first time waits for its next slot."""
    assert work_once(lambda: town) == 0
    assert overview.lines(town)[0].last is None


def test_of_missed_slots_the_newest_runs_once(town: Town, clock: FixedClock, only: Job) -> None:
    """After a week in which the town was off, the job runs once, for the newest slot."""
    work_once(lambda: town)
    clock.move(WEEK)
    assert [work_once(lambda: town) for _ in range(3)] == [1, 0, 0]
    (run,) = overview.runs(town, only.name)
    assert run.slot == only.schedule.latest(clock.now(), town.zone)


@pytest.mark.parametrize("day", [datetime(2026, 3, 7, 17, tzinfo=UTC), datetime(2026, 10, 31, 16, tzinfo=UTC)])
def test_a_daily_job_runs_once_when_the_clocks_change(town: Town, clock: FixedClock, only: Job, day: datetime) -> None:
    """Through both change days of New York, a job at 02:30 runs once for each day."""
    clock.move(day - clock.now())
    work_once(lambda: town)
    for _ in range(2 * 24 * 4):
        clock.move(timedelta(minutes=15))
        work_once(lambda: town)
    days = [run.slot.astimezone(ZoneInfo("America/New_York")).date() for run in overview.runs(town, only.name)]
    assert days == [day.date() + timedelta(days=2), day.date() + timedelta(days=1)]


def test_a_lost_run_is_taken_over_when_its_lease_is_over(town: Town, clock: FixedClock, only: Job) -> None:
    """A process that stops in the middle is noticed: another one takes the same slot, and only then."""
    work_once(lambda: town)
    clock.move(timedelta(days=1))
    lost = claims.claim(town, only, "somebody:1")
    assert lost is not None
    assert run_due(lambda: town, only.name, "else:2") is None
    clock.move(claims.LEASE - timedelta(seconds=1))
    assert claims.beat(town, lost)
    clock.move(claims.LEASE - timedelta(seconds=1))
    assert run_due(lambda: town, only.name, "else:2") is None
    clock.move(timedelta(seconds=1))
    assert overview.lines(town)[0].failing
    outcome = run_due(lambda: town, only.name, "else:2")
    assert outcome is not None
    assert outcome.result == "1 times."
    (run,) = overview.runs(town, only.name)
    assert (run.attempt, run.worker, run.failed) == (2, "else:2", False)
    # Whoever was taken for dead and comes back changes nothing any more.
    assert not claims.beat(town, lost)
    assert not claims.finish(town, lost, result="Late.")


def test_a_run_that_is_lost_again_and_again_is_given_up(town: Town, clock: FixedClock, only: Job) -> None:
    """A job that takes its process with it is tried three times, then it counts as failed until its next slot."""
    work_once(lambda: town)
    clock.move(timedelta(days=1))
    for attempt in range(1, claims.MOST_ATTEMPTS + 1):
        claim = claims.claim(town, only, f"process:{attempt}")
        assert claim is not None
        assert claim.attempt == attempt
        clock.move(claims.LEASE)
    assert claims.claim(town, only, "process:4") is None
    (run,) = overview.runs(town, only.name)
    assert run.message == "The process that ran it stopped in the middle. That happened 3 times."
    clock.move(timedelta(days=1))
    assert work_once(lambda: town) == 1


def test_a_newer_slot_does_the_work_of_a_lost_one(town: Town, clock: FixedClock, only: Job) -> None:
    """When the town comes back days after its server died in the middle of a job, the job runs once."""
    work_once(lambda: town)
    clock.move(timedelta(days=1))
    assert claims.claim(town, only, "dead:1") is not None
    clock.move(WEEK)
    assert work_once(lambda: town) == 1
    assert results(town, only.name) == [claims.LOST, "1 times."]


def test_a_failure_is_written_down_and_the_next_slot_tries_again(town: Town, clock: FixedClock) -> None:
    """A job that raises stands in the log without what a record holds, and comes again."""

    def fail(town: Town) -> str:
        raise ValueError("no way for " + "@".join(["ann", "milbrook.example"]))

    job = Job("core.broken", "Broken", every(15), fail)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("townhall.jobs.declared.CORE_JOBS", (job,))
        work_once(lambda: town)
        for _ in range(2):
            clock.move(timedelta(minutes=15))
            assert work_once(lambda: town) == 1
        (line,) = overview.failing(town)
        assert line.last is not None
        assert line.last.message.startswith("ValueError: no way for")
        assert "ann@" not in line.last.message + line.last.trace
        assert "in fail" in line.last.trace
        assert len(overview.runs(town, "core.broken")) == 2


def test_a_paused_job_rests_and_makes_up_for_nothing(town: Town, clock: FixedClock, only: Job, clerk: Actor) -> None:
    """While it is paused no slot runs; resumed, it goes on with the next one. By hand it runs all the same."""
    work_once(lambda: town)
    claims.pause(town, clerk, only.name)
    clock.move(WEEK)
    assert work_once(lambda: town) == 0
    outcome = run_by_hand(lambda: town, clerk, only.name)
    assert outcome is not None
    assert outcome.result == "1 times."
    claims.resume(town, only.name)
    assert work_once(lambda: town) == 0
    clock.move(timedelta(days=1))
    assert work_once(lambda: town) == 1


def test_a_job_never_runs_twice_at_once(town: Town, clock: FixedClock, only: Job, clerk: Actor) -> None:
    """While one process runs it, neither its next slot nor somebody's hand starts it again."""
    work_once(lambda: town)
    clock.move(timedelta(days=1))
    claim = claims.claim(town, only, "busy:1")
    assert claim is not None
    assert run_by_hand(lambda: town, clerk, only.name) is None
    assert claims.ask(town, clerk, only.name)
    assert not claims.ask(town, clerk, only.name)
    assert work_once(lambda: town) == 0
    claims.finish(town, claim, result="Done.")
    assert work_once(lambda: town) == 1
    assert results(town, only.name) == ["Done.", "1 times."]


def test_core_cleans_up(town: Town, clock: FixedClock) -> None:
    """Drafts, counts of tries and old runs go when their time is over; all of core's jobs can run on any town."""
    drafts.start(town, drafts.Draft("desk.ticket", "public"))
    count(town, "form", "somebody", per=timedelta(hours=1))
    clock.move(timedelta(days=2))
    said = {}
    for job in CORE_JOBS:
        outcome = run_by_hand(lambda: town, system(), job.name)
        assert outcome is not None
        assert not outcome.problem
        said[job.name] = outcome.result
    assert said["core.clean_drafts"] == "1 draft deleted."
    assert said["core.clean_limits"] == "1 count deleted."
    by_hand = town.database.engine == "sqlite"
    assert said["core.keep_statistics"] == ("Counted anew." if by_hand else "")
    if by_hand:
        sized = town.database.execute_sql("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'job_run'").fetchone()[0]
        assert sized >= 1
    clock.move(timedelta(days=91))
    outcome = run_by_hand(lambda: town, system(), "core.clean_runs")
    assert outcome is not None
    assert outcome.result == f"{len(CORE_JOBS)} runs deleted."
    assert len(overview.runs(town, "core.clean_runs")) == 1


def test_jobs_of_plugins_come_and_go_with_them(make_town: Callable[..., Town], clock: FixedClock) -> None:
    """A plugin's job runs in the process that was there before; switched off, or in safe mode, it is gone."""
    town = make_town()
    add_plugin(town, "lake", manifest=MANIFEST, code=CODE)
    keeper = TownKeeper(town)
    work_once(keeper)
    switching.enable(town.renewed(), system(), "lake")
    work_once(keeper)
    clock.move(timedelta(minutes=15))
    assert work_once(keeper) >= 1
    assert results(town, "lake.look_at_water") == ["It is blue."]
    safe = (
        Town.open(town.instance, clock=clock, database=None, safe_mode=True)
        if town.database.engine == "sqlite"
        else None
    )
    if safe is not None:
        assert "lake.look_at_water" not in jobs(safe)
        safe.close()
    switching.disable(town.renewed(), system(), "lake")
    clock.move(timedelta(minutes=15))
    work_once(keeper)
    assert len(results(town, "lake.look_at_water")) == 1
    assert "lake.look_at_water" not in jobs(keeper())
    purging.purge(keeper(), system(), "lake", "lake")
    assert overview.runs(town, "lake.look_at_water") == []


def test_a_plugin_shows_its_jobs_before_and_after_it_is_switched_on(
    make_town: Callable[..., Town], clock: FixedClock
) -> None:
    """Whoever is about to switch it on reads what it will do by itself; so does whoever looks at it later."""
    town = make_town()
    add_plugin(town, "lake", manifest=MANIFEST, code=CODE)
    additions = {addition.what: addition.which for addition in switching.preview(town, "lake").additions}
    assert additions["1 job"] == "Look at the water, every 15 minutes"
    switching.enable(town.renewed(), system(), "lake")
    served = Served(town)
    ada = served.staff("administrator", "Ada")
    assert "Look at the water every 15 minutes" in plain(ada.get("/admin/plugins/lake/"))


def test_the_page_shows_runs_pauses_and_asks(town: Town, clock: FixedClock, only: Job) -> None:
    """An administrator sees how it went, asks for a run, and pauses and resumes; a clerk may not come in."""
    work_once(lambda: town)
    clock.move(timedelta(days=1))
    work_once(lambda: town)
    served = Served(town)
    ada: StaffClient = served.staff("administrator", "Ada")
    page = plain(ada.get("/admin/jobs/"))
    assert "Nightly daily at 02:30" in page
    assert "Done 1 times." in page
    assert ada.post(f"/admin/jobs/{only.name}/run", {}).status_code == 302
    assert "Asked for" in plain(ada.get("/admin/jobs/"))
    assert work_once(lambda: town) == 1
    page = plain(ada.get(f"/admin/jobs/{only.name}/"))
    assert "By hand, Ada" in page
    assert ada.post(f"/admin/jobs/{only.name}/pause", {"back": "job"}).location.endswith(f"/admin/jobs/{only.name}/")
    assert "Paused by Ada" in plain(ada.get("/admin/jobs/"))
    ada.post(f"/admin/jobs/{only.name}/resume", {})
    assert "Paused" not in plain(ada.get("/admin/jobs/"))
    assert ada.get("/admin/jobs/core.nothing/").status_code == 404
    assert ada.post("/admin/jobs/core.nothing/run", {}).status_code == 404
    erin = served.staff("clerk", "Erin")
    assert erin.get("/admin/jobs/").status_code == 403
    assert erin.post(f"/admin/jobs/{only.name}/run", {}).status_code == 403


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('label = "A"\nrun = "look"', "jobs.a: say how often, in one way"),
        ('every = "hour"\nat = "02:30"\nrun = "look"', "jobs.a: say how often, in one way"),
        ('evry = "hour"\nrun = "look"', "jobs.a.evry: there is no such key. Did you mean every?"),
        ('every = "often"\nrun = "look"', "jobs.a.every: 'often' is no number of minutes or hours"),
        ('at = "Wensday 07:00"\nrun = "look"', "did you mean Wednesday?"),
        ('every = "hour"', "jobs.a.run: '' must be the name of a function"),
        ('every = "hour"\nrun = "_hidden"', "jobs.a.run: '_hidden' must be the name of a function"),
    ],
)
def test_a_wrong_declaration_is_told(make_town: Callable[..., Town], lines: str, said: str) -> None:
    """Every mistake in [jobs.NAME] is a sentence with its place, and the plugin can't be switched on."""
    town = make_town()
    add_plugin(town, "lake", manifest=MANIFEST.partition("[jobs")[0] + f"[jobs.a]\n{lines}\n", code=CODE)
    problem = switching.preview(town, "lake").problem
    assert said in problem
    assert "?." not in problem


def test_a_process_does_them_beside_the_pages(
    make_town: Callable[..., Town], clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What serves the town runs what is due in threads of its own, and keeps no application that was replaced."""
    ran = threading.Event()

    def run(town: Town) -> str:
        ran.set()
        return "Done."

    monkeypatch.setattr("townhall.jobs.declared.CORE_JOBS", (Job("core.nightly", "Nightly", daily("02:30"), run),))
    town = make_town("desk")
    work_once(lambda: town)
    clock.move(timedelta(days=1))
    application = TownApplication(town.renewed())
    before = [weakref.ref(application._app), weakref.ref(application.town)]
    application.start_jobs()
    application.start_jobs()
    try:
        assert ran.wait(30)
        switching.disable(town.renewed(), system(), "desk")
        assert Client(application).get("/").status_code == 200
    finally:
        application.stop_jobs()
    assert results(town, "core.nightly") == ["Done."]
    assert not overview.is_forgotten(town)
    gc.collect()
    assert [ref() for ref in before] == [None, None]


def test_stopping_while_jobs_are_looked_for_comes_to_an_end(
    make_town: Callable[..., Town], clock: FixedClock, only: Job
) -> None:
    """Whoever stops a server just as it finds a job that is due doesn't wait for ever."""
    town = make_town()
    work_once(lambda: town)
    clock.move(timedelta(days=1))
    looking, stopping = threading.Event(), threading.Event()

    def current() -> Town:
        looking.set()
        stopping.wait(30)
        return town

    scheduler = Scheduler(current)
    scheduler.start()
    assert looking.wait(30)
    # The look goes on once the scheduler says that it is stopped, which is while it waits for the look.
    scheduler._scheduler.add_listener(lambda event: stopping.set(), EVENT_SCHEDULER_SHUTDOWN)
    stop = threading.Thread(target=scheduler.stop, daemon=True)
    stop.start()
    stopping.wait(1)
    stopping.set()
    stop.join(30)
    assert not stop.is_alive()


def test_a_setting_leaves_them_to_another_process(town: Town) -> None:
    """With ``[jobs] run = false`` what serves pages does no jobs, and the page says so."""
    file = town.instance / "townhall.toml"
    file.write_text(file.read_text(encoding="utf-8") + "[jobs]\nrun = false\n", encoding="utf-8")
    application = TownApplication(town.renewed())
    application.start_jobs()
    application.stop_jobs()
    assert overview.looked_at(town) is None
    ada = Served(town).staff("administrator", "Ada")
    assert "Nothing does these jobs at the moment" in plain(ada.get("/admin/jobs/"))


def test_a_job_writes_with_the_plugins_as_they_are_now(make_town: Callable[..., Town]) -> None:
    """If something is switched after a job began and before it wrote, it begins again with the town of now."""
    town = make_town("desk")
    seen: list[Town] = []

    def run(given: Town) -> str:
        seen.append(given)
        if len(seen) == 1:
            switching.disable(town.renewed(), system(), "desk")
        given.records.create(system(), "core.contact", {"kind": "person", "family_name": "Moreau"})
        return "Done."

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("townhall.jobs.declared.CORE_JOBS", (Job("core.writing", "Writing", every(15), run),))
        outcome = run_by_hand(TownKeeper(town), system(), "core.writing")
    assert outcome is not None
    assert outcome.result == "Done."
    assert ["desk" in each.plugins.running for each in seen] == [True, False]
    assert town.records.count(system(), "core.contact").value == 1


def test_how_it_stands_is_json(town: Town, clock: FixedClock, only: Job) -> None:
    """What the command line prints for programs says when each job ran and runs."""
    from townhall.cli.jobs import _as_json

    work_once(lambda: town)
    clock.move(timedelta(days=1))
    work_once(lambda: town)
    (line,) = overview.lines(town)
    told = json.loads(json.dumps(_as_json(line)))
    assert told["last"]["state"] == "done"
    assert told["next"] > told["last"]["slot"]
