"""``townhall migrate``: bringing the town's tables up to date, or trying it on a copy first."""

from __future__ import annotations

import sys
from dataclasses import asdict
from time import perf_counter

import click

from townhall.cli.context import instance_folder
from townhall.cli.context import print_json
from townhall.lifecycle.migrations.running import Done
from townhall.lifecycle.upgrading import Report
from townhall.town import Town


@click.command()
@click.option("--rehearse", is_flag=True, help="Do it on a copy of the database, and leave the town as it is.")
@click.option("--safe-mode", is_flag=True, help="Run no plugin's code; plugins whose migrations need it wait.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def migrate(rehearse: bool, safe_mode: bool, as_json: bool) -> None:
    """Bring the town's tables up to date: what schemas add, and the migrations of plugins.

    Serve does this by itself when it starts; this also tries again what failed before. Exit code 1 says that something
    could not be done; then it was undone, its plugin is off, and everything else is up to date.
    """
    start = perf_counter()
    if rehearse:
        report = Town.rehearse(instance_folder(), safe_mode=safe_mode)
    else:
        town = Town.open(instance_folder(), safe_mode=safe_mode, retry=True)
        report = town.upgrade
        town.close()
    seconds = perf_counter() - start
    if as_json:
        print_json({"rehearsal": rehearse, "seconds": round(seconds, 3), **asdict(report)})
    else:
        _print(report, rehearse, seconds)
    if report.failures:
        sys.exit(1)


def _print(report: Report, rehearsal: bool, seconds: float) -> None:
    for where in report.snapshots:
        click.echo(f"The database as it was before is kept in {where}.")
    for done in report.done:
        click.echo(_line(done))
    for notice in report.notices:
        click.echo(f"NOTICE   {notice}")
    for reason in report.failures.values():
        click.echo(f"FAILED   {reason}")
    if not report.done and not report.failures:
        click.echo("Everything is up to date.")
    elif rehearsal:
        click.echo(f"This was a rehearsal of {seconds:.1f} s on a copy: nothing was changed.")


def _line(done: Done) -> str:
    if not done.file and not done.rows:
        return done.sentence
    return f"{done.sentence} ({done.rows:,} rows, {done.seconds:.2f} s)"
