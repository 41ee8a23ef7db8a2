"""Two processes that serve one town do its jobs: each slot is done by one of them, and none is left out."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.bench.making import new_town
from tests.bench.measuring import heading

from townhall.jobs.declared import jobs
from townhall.jobs.keeping import TownKeeper
from townhall.jobs.scheduler import work_once
from townhall.records.instants import to_microseconds
from townhall.town import Town

#: Minutes of the town's clock that both processes go through side by side.
MINUTES = 120
#: A process that does what is due in each minute, when it is told to, and says at the end what it did how often.
WORK = """\
import sys
from collections import Counter
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from townhall.clock import FixedClock
from townhall.jobs import running
from townhall.jobs.keeping import TownKeeper
from townhall.jobs.scheduler import work_once
from townhall.town import Town
clock = FixedClock(datetime.fromisoformat(sys.argv[2]))
town = Town.open(Path(sys.argv[1]), clock=clock)
keeper, done, run = TownKeeper(town), Counter(), running._run
def counted(current, name):
    done[name] += 1
    return run(current, name)
running._run = counted
print("ready", flush=True)
for _ in range(int(sys.argv[3])):
    sys.stdin.readline()
    clock.move(timedelta(minutes=1))
    work_once(keeper)
    print("looked", flush=True)
for name, times in done.items():
    print(name, times)
"""


def two_processes(folder: Path) -> None:
    """Let two processes do all jobs of a town for two hours, and fail unless each slot was done exactly once."""
    heading(f"Jobs: two processes side by side for {MINUTES} minutes of the town's clock")
    town = new_town(folder)
    try:
        work_once(TownKeeper(town))
        begin = town.clock.now()
        command = [sys.executable, "-c", WORK, str(folder), begin.isoformat(), str(MINUTES)]
        processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for process in processes:
            _hear(process, "ready")
        started = time.perf_counter()
        for _ in range(MINUTES):
            for process in processes:
                _tell(process)
            for process in processes:
                _hear(process, "looked")
        wall = time.perf_counter() - started
        done = [_ended(process) for process in processes]
        _check(town, done[0] + done[1], to_microseconds(begin))
    finally:
        town.close()
    shares = " and ".join(f"{each.total():,}" for each in done)
    print(
        f"{sum(done, Counter()).total() / wall:9,.0f}  runs a second, wall   {shares} runs, each slot once", flush=True
    )


def _tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    if said != wanted:
        raise SystemExit(f"A process that does jobs said “{said}” instead of “{wanted}”.")


def _ended(process: subprocess.Popen[str]) -> Counter[str]:
    """Which jobs a process did, and how often."""
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    process.communicate()
    return Counter({name: int(times) for name, times in map(str.split, lines)})


def _check(town: Town, done: Counter[str], begin: int) -> None:
    """Raise :class:`SystemExit` if a slot was done twice or left out."""
    table = town.system.job_run
    rows = table.select(table.job, table.slot, table.state).where(table.slot > begin).tuples()
    kept = Counter(job for job, _, state in rows if state == "done")
    if kept != done:
        raise SystemExit(f"Jobs were done {dict(done)}, but the log has {dict(kept)}.")
    often = [name for name, job in jobs(town).items() if job.schedule.minutes == 1]
    wrong = {name: kept[name] for name in often if kept[name] != MINUTES}
    if wrong or not often:
        raise SystemExit(f"Of jobs that were due {MINUTES} times, these were done otherwise: {wrong}.")
