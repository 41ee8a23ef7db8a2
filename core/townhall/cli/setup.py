"""``townhall init`` and ``doctor``: making a town, and looking after it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click

from townhall import private
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.cases import checkup
from townhall.cli import safety
from townhall.cli.accounts_health import examine
from townhall.cli.context import ask_password
from townhall.cli.context import instance_folder
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.encryption import findings
from townhall.config import FILE_NAME
from townhall.config import example
from townhall.config import load_settings
from townhall.db import history_guards
from townhall.db import ledger
from townhall.db.engines import describe
from townhall.errors import ConfigurationError
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.extend.discovery import discover
from townhall.extend.values import Finding
from townhall.jobs import overview
from townhall.lifecycle import kept_backups
from townhall.lifecycle import restore_staging
from townhall.lifecycle import seeds
from townhall.lifecycle import switching
from townhall.lifecycle import town_layer
from townhall.lifecycle.status import unclaimed_settings
from townhall.mail import health
from townhall.messages import checkup as message_checkup
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.secret_key import SECRET_FILE
from townhall.town import Town

#: For how long the doctor goes on about guards that were taken away; verifying always tells.
_LATELY = timedelta(days=30)


@click.command()
@click.option("--admin", required=True, metavar="EMAIL", help="E-mail address of the first administrator.")
@click.option("--admin-name", default="", metavar="NAME", help="Their name; made from the address if left out.")
@click.option("--name", default="", metavar="TOWN", help="Name of the town.")
@click.option("--database", default="", metavar="URL", help="Where records are kept; a file of the town if left out.")
@click.option(
    "--plugins",
    "chosen",
    default=None,
    metavar="NAMES",
    help="Plugins to switch on, with commas, or none. [default: all shipped]",
)
def init(admin: str, admin_name: str, name: str, database: str, chosen: str | None) -> None:
    """Make a new town, with its settings, its database and its first administrator.

    The password comes from TOWNHALL_ADMIN_PASSWORD, or is asked for.
    """
    folder = instance_folder()
    restore_staging.finish(folder)
    if (folder / FILE_NAME).exists():
        raise ConfigurationError(f"{folder}: there is a town in this folder already. Nothing was changed.")
    wanted = _wanted_plugins(folder, chosen)
    password = ask_password("TOWNHALL_ADMIN_PASSWORD")
    if problem := passwords.problem(password, admin):
        raise ValidationFailed({"password": problem})
    values = {key: value for key, value in (("name", name), ("database", database)) if value}
    with _new_files(folder, example(values)):
        town = Town.open(folder)
        try:
            people.add(town, operator(), admin, name=admin_name, role="administrator", password=password)
        except BaseException:
            town.close()
            raise
    try:
        seeds.plant_core(town)
        _switch_on(town, wanted)
        click.echo(f"{town.settings.name} is ready in {folder}. {admin} is its administrator.")
        click.echo(f"Its settings are in {folder / FILE_NAME}. Start it with: {_serve_command(folder)}")
    finally:
        town.close()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Look at everything the town needs, and say what is wrong."""
    findings = list(_examine(instance_folder()))
    if as_json:
        print_json([{name: value for name, value in asdict(each).items() if name != "plugin"} for each in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok      ' if finding.good else 'PROBLEM '} {finding.subject}: {finding.message}")
    if not all(finding.good for finding in findings):
        sys.exit(1)


def _examine(folder: Path) -> Iterator[Finding]:
    try:
        settings = load_settings(folder)
    except ConfigurationError as error:
        yield Finding("settings", False, str(error))
        return
    yield Finding("settings", True, f"{folder / FILE_NAME} can be used.")
    yield _examine_space(folder)
    try:
        town = Town.open(folder)
    except TownhallError as error:
        yield Finding("town", False, str(error))
        return
    try:
        where = describe(settings.database)
        yield Finding("database", True, f"{where} answers; {len(town.schemas)} types of records have their tables.")
        yield _examine_secret(folder / SECRET_FILE)
        for plugin in switching.statuses(town):
            if plugin.enabled or plugin.reason:
                state = "is on." if plugin.running else "is off."
                good = not plugin.reason or not (plugin.enabled or plugin.installed)
                yield Finding(f"plugin {plugin.name}", good, plugin.reason or state)
        for sentence in unclaimed_settings(town):
            yield Finding("settings", False, sentence)
        for notice in town.upgrade.notices:
            yield Finding("migrations", False, notice)
        for conflict in town_layer.urgent(town):
            yield Finding("the town's own layer", False, f"{conflict} Decide about it below Fields and labels.")
        yield from town.plugins.health_checks()
        yield from _examine_jobs(town)
        for subject, sentence in checkup.look(town):
            yield Finding(subject, not sentence, sentence or "can be counted by.")
        for subject, sentence in message_checkup.look(town):
            yield Finding(subject, False, f"people read a hole there: {sentence}")
        for good, sentence in health.findings(town):
            yield Finding("messages", good, sentence)
        for good, sentence in findings(town):
            yield Finding("encryption", good, sentence)
        yield Finding("backup", *kept_backups.finding(town))
        yield _examine_guards(town)
        yield from examine(town)
        yield from safety.examine(town)
    finally:
        town.close()


def _examine_jobs(town: Town) -> Iterator[Finding]:
    """Those whose last run failed; if none did, when somebody last looked which are due."""
    failing = overview.failing(town)
    for line in failing:
        problem = line.last.problem if line.last is not None else ""
        yield Finding(f"job {line.job.name}", False, f"failed last time: {problem} See townhall jobs list.")
    if not failing:
        at = overview.looked_at(town)
        looked = f"somebody last looked at them at {at.astimezone(town.zone):%Y-%m-%d %H:%M}" if at else "not begun yet"
        yield Finding("jobs", True, f"{len(overview.lines(town))}, none of which failed last time; {looked}.")


def _examine_guards(town: Town) -> Finding:
    """Whether somebody took away lately what keeps history from being changed. A start has made it anew."""
    since = to_microseconds(town.clock.now() - _LATELY)
    lost = [each for each in history_guards.lost(ledger.additions(town.system, "townhall")) if each[1] >= since]
    if not lost:
        return Finding("history", True, "is guarded by the database; whether it holds, townhall history verify says.")
    name, at = lost[-1]
    when = from_microseconds(at).astimezone(town.zone)
    return Finding(
        "history",
        False,
        f"the database's guard {name} was gone or altered, and was made anew at {when:%Y-%m-%d %H:%M}. Ask who changed "
        "the database by hand, and run townhall history verify with an anchor from before that.",
    )


def _examine_secret(file: Path) -> Finding:
    if os.name == "posix" and file.stat().st_mode & 0o077:
        return Finding("secret key", False, f"others can read {file}; run: chmod 600 {file}")
    return Finding("secret key", True, "is there, for the owner alone.")


def _examine_space(folder: Path) -> Finding:
    if problem := private.unwritable(folder):
        return Finding("disk", False, f"{problem}.")
    free = shutil.disk_usage(folder).free // (1024 * 1024)
    words = f"{free:,} MB are free in {folder}."
    return Finding("disk", free >= 500, words if free >= 500 else f"only {words} Make room.")


def _wanted_plugins(folder: Path, chosen: str | None) -> list[str]:
    """The plugins to switch on. Raises ``ConfigurationError`` for a name that is not there."""
    found = discover(folder)
    if chosen is None:
        return [name for name, plugin in found.items() if plugin.shipped]
    names = [name.strip() for name in chosen.split(",") if name.strip() and name.strip() != "none"]
    for name in names:
        if name not in found:
            raise ConfigurationError(f"There is no plugin {name}. There are {', '.join(found)}.")
    return names


class _new_files:  # noqa: N801  # reads like a verb where it is used
    """Write a new town's settings; takes them away again if making the town fails."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder = folder
        self.settings = settings

    def __enter__(self) -> None:
        try:
            private.make_folder(self.folder)
            self.made = [path for path in (self.folder / FILE_NAME, self.folder / SECRET_FILE) if not path.exists()]
            private.write(self.folder / FILE_NAME, self.settings)
        except OSError as error:
            raise ConfigurationError(f"{self.folder}: the town can't be written there: {error}.") from error

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            for path in self.made:
                path.unlink(missing_ok=True)


def _switch_on(town: Town, names: list[str]) -> None:
    """Switch plugins on; one that doesn't fit is told and left off, since the town itself is ready."""
    try:
        switching.enable_all(town, operator(), names)
    except TownhallError:
        for name in names:
            try:
                switching.enable(town, operator(), name)
            except TownhallError as error:
                click.echo(f"The plugin {name} is off: {error}", err=True)


def _serve_command(folder: Path) -> str:
    return "townhall serve" if folder == Path("instance") else f"townhall --instance {folder} serve"
