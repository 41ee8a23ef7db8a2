"""``townhall demo``: a made-up town to try everything in, apart from any real one."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from townhall import private
from townhall.access.actors import system
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts import roles
from townhall.citizens import links
from townhall.cli.serving import run
from townhall.config import FILE_NAME
from townhall.config import example
from townhall.db import meta
from townhall.demo import Demo
from townhall.demo import teams
from townhall.demo.names import STAFF
from townhall.errors import ConfigurationError
from townhall.lifecycle import seeds
from townhall.lifecycle import switching
from townhall.town import Town

#: Everybody in the demo town has this password; it is shown on the sign-in page.
PASSWORD = "millbrook demo"  # noqa: S105  # meant to be known
#: Key under which a demo town keeps what its sign-in page says; a real town has none.
MARK = "sign_in_hint"
SETTINGS: dict[str, str | int] = {
    "name": "Millbrook",
    "subtitle": "Town Hall",
    "timezone": "America/New_York",
    "address": "2 Bridge Street, Millbrook",
    "phone": "+1 513 555 0142",
    "email": "hello@millbrook.example",
    "hours": "Monday to Friday, 9:00 to 16:30, Thursday until 19:00",
    # A demo is clicked through faster than any resident would.
    "public_submissions_per_hour": 500,
}


def build_demo(folder: Path) -> None:
    """Make the demo town in ``folder``. Raises :class:`~townhall.errors.TownhallError`."""
    private.make_folder(folder)
    private.write(folder / FILE_NAME, example(SETTINGS))
    town = Town.open(folder)
    try:
        if town.database.engine == "sqlite":
            # Waiting for the disk after each of some hundred writes helps nobody: what a power cut spoils is made anew.
            town.database.execute_sql("PRAGMA synchronous = off")
        actor = system("demo", "Town Hall")
        meta.put(town.system, MARK, sign_in_hint())
        seeds.plant_core(town)
        switching.enable_all(town, actor, [status.name for status in switching.statuses(town) if not status.reason])
        workers: dict[str, int] = {}
        narrow: dict[str, int] = {}
        digest = passwords.digest(PASSWORD)
        for name, first, role in STAFF:
            email = f"{first}@millbrook.example"
            person = people.add(town, actor, email, name=name, role=role, password=PASSWORD, digest=digest)
            if role in ("administrator", "clerk"):
                workers[name] = person.id
            elif role != "viewer":
                narrow[role] = person.id
        demo = Demo(town, workers)
        demo.build()
        for role, permissions in demo.granted.items():
            roles.grant(town, actor, role, permissions)
        teams.give_to(demo, **narrow)
    finally:
        town.close()


def sign_in_hint() -> str:
    """What the sign-in page of a demo town says."""
    return f"This is a demo town. Sign in as ruth@millbrook.example with the password “{PASSWORD}”."


def own_requests_hint(folder: Path) -> str:
    """How to see a demo town as one of its residents."""
    town = Town.open(folder, safe_mode=True)
    try:
        address = meta.get(town.system, links.DEMO_RESIDENT, "")
    finally:
        town.close()
    return (
        f"To be a resident, open “Your requests” and ask for a link for {address}. No mail is sent: within a minute\n"
        "the link stands in the outbox, under Messages in the clerks' screens."
    )


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder of the demo town; it is never a real town's.",
)
@click.option("--fresh", is_flag=True, help="Throw the demo town away and make it anew, with events around today.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to serve it on.")
@click.option("--build-only", is_flag=True, help="Make the town and do not serve it.")
def demo_command(folder: Path, fresh: bool, port: int, build_only: bool) -> None:
    """Make a made-up town and serve it, on this computer only."""
    if fresh and folder.exists():
        _refuse_a_real_town(folder)
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise ConfigurationError(
                f"{folder} can't be thrown away: {error}. If the demo town is served somewhere, stop that first."
            ) from error
    if not (folder / FILE_NAME).exists():
        click.echo(f"Making Millbrook in {folder} …")
        build_demo(folder)
    else:
        _refuse_a_real_town(folder)
    click.echo(
        f"Sign in as ruth@millbrook.example (administrator), gareth@millbrook.example (clerk),\n"
        f"nora@millbrook.example (viewer), dana@millbrook.example (clerk of a department) or\n"
        f"cole@millbrook.example (contractor). The password is: {PASSWORD}"
    )
    click.echo(own_requests_hint(folder))
    if not build_only:
        # Its password is public, so the demo answers to this computer only.
        town = Town.open(folder)
        try:
            run(town, "127.0.0.1", port)
        finally:
            town.close()


def _refuse_a_real_town(folder: Path) -> None:
    if not (folder / FILE_NAME).exists():
        if any(folder.iterdir()):
            raise ConfigurationError(f"{folder} is no demo town: it holds other files. Choose another --folder.")
        return
    town = Town.open(folder, safe_mode=True)
    try:
        if not meta.get(town.system, MARK, ""):
            raise ConfigurationError(f"{folder} is a real town, not a demo. Choose another --folder.")
    finally:
        town.close()
