"""``townhall backup`` and ``townhall restore``: the whole town in one file, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from townhall.cli.context import instance_folder
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.clock import SystemClock
from townhall.config import Settings
from townhall.config import load_settings
from townhall.db import meta
from townhall.db.engines import TownDatabase
from townhall.db.engines import describe
from townhall.db.system import SystemTables
from townhall.lifecycle import backing_up
from townhall.lifecycle import kept_backups
from townhall.lifecycle import restore_staging
from townhall.lifecycle import restore_target
from townhall.lifecycle import restoring
from townhall.lifecycle.backing_up import Made
from townhall.lifecycle.backing_up import Progress
from townhall.lifecycle.backup_contents import Place
from townhall.lifecycle.backup_files import ENGINES
from townhall.lifecycle.backup_files import About
from townhall.lifecycle.backup_files import BackupReader
from townhall.lifecycle.restore_target import Target
from townhall.lifecycle.restoring import Restored
from townhall.secret_key import SECRET_FILE
from townhall.town import connect
from townhall.town import existing

_MEGABYTE = 1024 * 1024


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--with-keys", is_flag=True, help="Put in the keys and the file with the password for mail as well.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Delete this town's oldest backups in the same folder, but for N. Those that somebody named stay.",
)
@click.option("--list", "lists", is_flag=True, help="Make none, but list those that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backup(file: Path | None, with_keys: bool, keep: int | None, lists: bool, as_json: bool) -> None:
    """Make a backup of the whole town in one file, also while it is served.

    FILE is a new file, or a folder in which it gets a name with the date; without it, the folder of the settings.
    """
    folder = instance_folder()
    settings = load_settings(existing(folder))
    if lists:
        _list(file if file is not None else folder / settings.backup_folder, settings.zone, as_json)
        return
    if keep is not None and file is not None and not file.is_dir():
        raise click.UsageError("--keep is for backups with names of their own: name a folder, or nothing.")
    with _database(folder, settings) as database:
        place, at = Place(folder, settings, database), SystemClock().now()
        with _progress("Backing up") as progress:
            made = backing_up.make(place, file, at=at, with_keys=with_keys, progress=progress)
        kept_backups.note(database, made, at)
        mark = meta.town_mark(SystemTables(database))
        gone = kept_backups.prune(made.file.parent, mark, keep) if keep is not None else []
    if as_json:
        print_json(_as_json(made) | {"deleted": [str(each) for each in gone]})
        return
    click.echo(f"{settings.name} is in {made.file} ({_size(made.size)}). It was read back and is whole.")
    for line in (*_about_keys(place, made), *(f"Deleted {old}." for old in gone)):
        click.echo(line)
    for line in _losses(made):
        click.echo(line, err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, yes: bool) -> None:
    """Bring a town back from the backup FILE, into an empty folder or in the place of the town in it.

    Stop the server first. What is there is put aside as a backup of its own. Settings that are there stay.
    """
    folder = instance_folder()
    restore_staging.finish(folder)
    with BackupReader(file) as reader:
        target = restore_target.look(folder, reader)
        with _progress("Checking") as progress:
            _verify(reader, progress)
        for line in (*_holds(reader, target.settings.zone), *_replaces(target, reader)):
            click.echo(line)
        if not yes:
            click.confirm("Bring it back?", abort=True)
        with _progress("Putting aside") as progress:
            done = restoring.restore(target, reader, SystemClock().now(), progress)
        for line in _restored(target, reader, done):
            click.echo(line)


@contextmanager
def _database(folder: Path, settings: Settings) -> Iterator[TownDatabase]:
    """The database of a town that is not opened, nor brought up to date."""
    database = connect(settings.database, folder, begun=True)
    try:
        yield database
    finally:
        database.close_all()


def _verify(reader: BackupReader, progress: Progress) -> None:
    total, done = max(reader.size, 1), 0

    def read(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    reader.verify(read)


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """Say at a terminal how far something is; nothing elsewhere."""
    shown = -1

    def tell(done: int, total: int) -> None:
        nonlocal shown
        if (percent := done * 100 // total) != shown:
            shown = percent
            click.echo(f"\r{what}: {percent} %", nl=False, err=True)

    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    try:
        yield tell
    finally:
        if shown >= 0:
            click.echo(err=True)


def _size(count: int) -> str:
    return f"{count / _MEGABYTE:,.1f} MB"


def _as_json(made: Made) -> dict[str, object]:
    return {
        "file": str(made.file),
        "size": made.size,
        "keys": made.keys,
        "encryption_keys": list(made.encryption),
        "lost": made.lost,
        "damaged": made.damaged,
        "left_out": list(made.left_out),
    }


def _about_keys(place: Place, made: Made) -> Iterator[str]:
    """What somebody has to know about the keys: that they are in it, or where they are."""
    if made.keys:
        yield "The keys are in it, so whoever has the file can read everything. Lock it away."
        return
    instance, settings = place.instance, place.settings
    encryption = instance / settings.encryption_key_file
    names = [SECRET_FILE, settings.encryption_key_file, settings.mail_password_file]
    there = [str(file) for name in names if name and (file := instance / name).is_file()]
    if there:
        yield f"The keys are not in it: {', '.join(there)}. Keep a copy of them in another place than the backups."
    if made.encryption:
        marks = ", ".join(made.encryption)
        yield f"Without {encryption} (key {marks}) nobody can ever read the encrypted values in it."


def _losses(made: Made) -> Iterator[str]:
    if made.lost:
        yield f"Attachments that the database names and that were not there: {made.lost:,}."
    if made.damaged:
        yield f"Attachments that are damaged, and are in it as they are: {made.damaged:,}."
    for name in made.left_out:
        yield f"Left out, since not every system can keep such a name: {name}"


def _list(folder: Path, zone: ZoneInfo, as_json: bool) -> None:
    found = kept_backups.listed(folder)
    if as_json:
        print_json(
            [
                {
                    "file": str(kept.file),
                    "made": kept.about.made.isoformat(),
                    "town": kept.about.town,
                    "townhall": kept.about.townhall,
                    "engine": kept.about.engine,
                    "size": kept.size,
                    "keys": kept.keys,
                }
                for kept in found
            ]
        )
        return
    if not found:
        click.echo(f"There are no backups in {folder}.")
        return
    rows = [
        (
            f"{kept.about.made.astimezone(zone):%Y-%m-%d %H:%M}",
            kept.about.town,
            kept.about.townhall,
            ENGINES[kept.about.engine],
            _size(kept.size),
            "in it" if kept.keys else "apart",
            kept.file.name,
        )
        for kept in found
    ]
    print_table(("MADE", "TOWN", "TOWNHALL", "DATABASE", "SIZE", "KEYS", "FILE"), rows)


def _holds(reader: BackupReader, zone: ZoneInfo) -> Iterator[str]:
    """What a backup holds, in sentences."""
    about = reader.about
    made = f"{about.made.astimezone(zone):%Y-%m-%d %H:%M}"
    by = f"Townhall {about.townhall} on {ENGINES[about.engine]}"
    yield f"{reader.file} is a whole backup of {about.town}, made {made} with {by}."
    yield f"It holds {_counted(about)}, and {len(reader.names('files')):,} attachments."
    modules = ", ".join(f"{name} {version}".strip() for name, version in sorted(about.plugins.items()))
    yield f"Modules that were on: {modules or 'none'}."
    yield "The keys are in it." if reader.keys else "The keys are not in it."


def _counted(about: About) -> str:
    known = {"core_contact": "contacts", "core_interaction": "interactions", "history": "entries of history"}
    return ", ".join(f"{about.tables.get(table, 0):,} {name}" for table, name in known.items())


def _replaces(target: Target, reader: BackupReader) -> Iterator[str]:
    """What would be replaced, in sentences."""
    place, database = target.instance.resolve(), describe(target.settings.database)
    if target.has_town:
        yield f"It takes the place of the town {target.settings.name} in {place}, database {database}."
        yield f"What is there is put aside first, whole and with its keys, in {place / backing_up.FOLDER}."
    else:
        yield f"It goes to {place}, database {database}, where there is no town yet."
    if not target.is_new:
        yield f"The settings in {place / 'townhall.toml'} stay as they are."


def _restored(target: Target, reader: BackupReader, done: Restored) -> Iterator[str]:
    """What came of it, and what is left to do."""
    if done.before is not None:
        yield f"What was there before is in {done.before}. No job deletes it."
    yield f"{reader.about.town} is back as it was. Everybody signs in again; mails that waited are held back."
    if done.settings:
        yield f"Look through the settings in {target.instance / 'townhall.toml'}: they are those of the backup."
    if done.code_apps:
        yield "The secret key is another one, so code apps are set up again at the next sign-in."
    if done.missing_keys:
        file = target.instance / target.settings.encryption_key_file
        yield (
            f"Encrypted values can't be read until the key {', '.join(done.missing_keys)} is in {file}, as a line of "
            "its own."
        )
    for file in done.elsewhere:
        yield f"{file} belongs where the settings say, outside of the town's folder. Move it there."
    yield "Run townhall doctor, then start the server. A backup of an older Townhall is brought up to date by that."
