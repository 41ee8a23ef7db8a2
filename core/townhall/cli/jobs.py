"""``townhall jobs``: what the town does by itself."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import click

from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.jobs import overview
from townhall.jobs.declared import jobs as declared
from townhall.jobs.keeping import TownKeeper
from townhall.jobs.overview import JobLine
from townhall.jobs.running import run_by_hand
from townhall.jobs.scheduler import Scheduler
from townhall.jobs.scheduler import work_once
from townhall.town import Town


@click.group()
def jobs() -> None:
    """Look at what the town does by itself, and do it now."""


@jobs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_jobs(as_json: bool) -> None:
    """Show every job: how often, when it ran last, when next, and how it went."""
    with open_town() as town:
        found = overview.lines(town)
        if as_json:
            print_json([_as_json(line) for line in found])
            return
        rows = [
            (
                line.job.name,
                line.how_often,
                _clock(town, line.last.started if line.last else None),
                "paused" if line.paused else _clock(town, line.next),
                _how_it_went(line),
            )
            for line in found
        ]
        print_table(("job", "how often", "last", "next", "how it went"), rows)


@jobs.command("run")
@click.argument("name")
def run_job(name: str) -> None:
    """Run the job NAME now, whatever its schedule says, and wait for it."""
    with open_town() as town:
        known = declared(town)
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else " townhall jobs list shows all."
            raise click.ClickException(f"There is no job {name}.{hint}")
        outcome = run_by_hand(TownKeeper(town), operator(), name)
        if outcome is None:
            raise click.ClickException(f"The job {name} is running already. Try again when it is done.")
        if outcome.problem:
            raise click.ClickException(f"The job {name} failed: {outcome.problem}")
        click.echo(outcome.result or "Done; there was nothing to do.")


@jobs.command("work")
@click.option("--once", is_flag=True, help="Do what is due now, and stop.")
def work(once: bool) -> None:
    """Do the town's jobs when they are due, without serving pages, until Ctrl+C."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with open_town() as town:
        keeper = TownKeeper(town)
        if once:
            count = work_once(keeper)
            click.echo(f"{count} {'job' if count == 1 else 'jobs'} done." if count else "Nothing was due.")
            return
        scheduler = Scheduler(keeper)
        over = threading.Event()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda number, frame: over.set())
        scheduler.start()
        click.echo(f"Doing the jobs of {town.settings.name}. Press Ctrl+C to stop.")
        try:
            while not over.wait(1.0):
                pass
        except KeyboardInterrupt:
            pass
        finally:
            scheduler.stop()
        click.echo("Stopped.")


def _clock(town: Town, moment: datetime | None) -> str:
    return f"{moment.astimezone(town.zone):%Y-%m-%d %H:%M}" if moment is not None else "never"


def _how_it_went(line: JobLine) -> str:
    if line.last is None:
        return ""
    if line.last.running:
        return "running"
    if line.last.failed:
        return f"FAILED: {line.last.problem}"
    took = f" ({line.last.seconds:.1f} s)" if line.last.seconds is not None else ""
    return f"{line.last.result or 'nothing to do'}{took}"


def _as_json(line: JobLine) -> dict[str, Any]:
    last = line.last
    return {
        "name": line.job.name,
        "label": line.job.label,
        "how_often": line.how_often,
        "next": line.next.isoformat() if line.next else None,
        "paused": line.paused is not None,
        "last": None
        if last is None
        else {
            "slot": last.slot.isoformat(),
            "started": last.started.isoformat() if last.started else None,
            "seconds": last.seconds,
            "state": "lost" if last.lost else last.state,
            "result": last.result,
            "problem": last.problem,
        },
    }
