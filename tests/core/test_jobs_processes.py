"""Jobs and processes: of several that serve a town each slot is run by one, and one that is killed is replaced."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from plugging import add_plugin
from processes import Process
from processes import begin

from townhall.access.actors import system
from townhall.cli import main
from townhall.clock import FixedClock
from townhall.jobs import claims
from townhall.jobs import overview
from townhall.jobs.keeping import TownKeeper
from townhall.jobs.scheduler import work_once
from townhall.lifecycle import switching
from townhall.town import Town

MANIFEST = """\
name = "lake"
title = "The lake"
version = "1.0.0"
api = ">=1,<2"

[jobs.look]
every = "15 minutes"
run = "look"
"""
#: A job that tells when it is in the middle, and goes on when it is told to.
CODE = """\
import sys
def look(town):
    print("middle", flush=True)
    sys.stdin.readline()
    return "It is blue."
"""
FAST = 'def look(town):\n    with open(%r, "a") as log:\n        log.write(f"{town.clock.now().isoformat()}\\n")\n'
#: A process that does what is due now, at a moment that it is told, again and again.
WORK = """\
import sys
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from townhall.clock import FixedClock
from townhall.jobs.keeping import TownKeeper
from townhall.jobs.scheduler import work_once
from townhall.town import Town
clock = FixedClock(datetime.fromisoformat(sys.argv[3]))
town = Town.open(Path(sys.argv[1]), database=sys.argv[2], clock=clock)
keeper = TownKeeper(town)
print("ready", flush=True)
for _ in range(int(sys.argv[4])):
    sys.stdin.readline()
    work_once(keeper)
    print("looked", flush=True)
    clock.move(timedelta(minutes=15))
town.close()
"""


def url(town: Town) -> str:
    """Where the town's database is."""
    name = str(town.database.database)
    return f"sqlite:///{Path(name).name}" if town.database.engine == "sqlite" else name


@contextmanager
def worker(town: Town, rounds: int) -> Iterator[Process]:
    """Another process that does the town's jobs."""
    process = begin(WORK, str(town.instance), url(town), town.clock.now().isoformat(), str(rounds))
    try:
        assert heard(process) == "ready", process.communicate()[1]
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(process: Process) -> str:
    """The next line that a process says."""
    return process.stdout.readline().strip()


def tell(process: Process) -> None:
    """Let a process go on."""
    process.stdin.write("go\n")
    process.stdin.flush()


def lake(make_town: Callable[..., Town], code: str) -> Town:
    """A town with a plugin that has a job, which was seen a moment ago."""
    town = make_town()
    add_plugin(town, "lake", manifest=MANIFEST, code=code)
    switching.enable(town.renewed(), system(), "lake")
    town.reload()
    work_once(TownKeeper(town))
    return town


def test_of_three_processes_each_slot_is_run_by_one(
    make_town: Callable[..., Town], clock: FixedClock, tmp_path: Path
) -> None:
    """Three processes look at the same moments through eight slots: eight runs, one for each slot."""
    log = tmp_path / "log"
    town = lake(make_town, FAST % str(log))
    clock.move(timedelta(minutes=15))
    with worker(town, 8) as one, worker(town, 8) as two, worker(town, 8) as three:
        for _ in range(8):
            for process in (one, two, three):
                tell(process)
            assert [heard(process) for process in (one, two, three)] == ["looked"] * 3
    lines = log.read_text().splitlines()
    assert len(lines) == 8
    assert set(Counter(lines).values()) == {1}
    runs = overview.runs(town, "lake.look")
    assert len(runs) == len({run.slot for run in runs}) == 8
    assert not any(run.failed for run in runs)


def test_a_process_that_is_killed_in_the_middle_is_replaced(make_town: Callable[..., Town], clock: FixedClock) -> None:
    """After kill -9 in a job nobody runs the slot until the lease is over; then another process takes it, once."""
    town = lake(make_town, CODE)
    clock.move(timedelta(minutes=15))
    with worker(town, 1) as process:
        tell(process)
        assert heard(process) == "middle"
        with worker(town, 1) as other:
            tell(other)
            assert heard(other) == "looked"
        process.kill()
        process.wait()
    clock.move(claims.LEASE)
    (line,) = overview.failing(town)
    assert line.last is not None
    assert line.last.lost
    with worker(town, 2) as process:
        tell(process)
        assert heard(process) == "middle"
        tell(process)
        assert heard(process) == "looked"
    (run,) = overview.runs(town, "lake.look")
    assert (run.state, run.attempt, run.result) == ("done", 2, "It is blue.")
    assert overview.failing(town) == []


def test_the_commands_list_run_and_work(make_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch) -> None:
    """``townhall jobs`` shows every job, runs one now, does what is due, and tells what failed with exit code 1."""
    town = make_town()
    monkeypatch.setenv("TOWNHALL_DATABASE", url(town))

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["--instance", str(town.instance), *arguments])
        return result.exit_code, result.output

    add_plugin(town, "lake", manifest=MANIFEST, code="def look(town):\n    1 / 0\n")
    switching.enable(town.renewed(), system(), "lake")
    code, said = run("jobs", "list")
    listed = re.search(r"core\.clean_drafts +every hour", said)
    assert (code, bool(listed), "lake.look" in said) == (0, True, True), said
    assert run("jobs", "run", "core.clean_drafts") == (0, "Done; there was nothing to do.\n")
    code, said = run("jobs", "run", "core.clean_draft")
    assert (code, "Did you mean core.clean_drafts?" in said) == (1, True)
    code, said = run("jobs", "run", "lake.look")
    assert (code, "failed: ZeroDivisionError" in said) == (1, True), said
    told = {job["name"]: job for job in json.loads(run("jobs", "list", "--json")[1])}
    assert told["lake.look"]["last"]["state"] == "failed"
    assert told["core.clean_drafts"]["last"]["state"] == "done"
    code, said = run("doctor")
    assert "PROBLEM  job lake.look: failed last time: ZeroDivisionError" in said
    assert run("jobs", "work", "--once")[0] == 0
