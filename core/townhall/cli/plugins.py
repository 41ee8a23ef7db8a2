"""``townhall plugins``: what is installed, and what is on."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.cli.vendor import add
from townhall.cli.vendor import check
from townhall.cli.vendor import new
from townhall.cli.vendor import remove
from townhall.errors import PluginError
from townhall.extend.failures import Failure
from townhall.lifecycle import describing
from townhall.lifecycle import packing
from townhall.lifecycle import previewing
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.lifecycle import unpacking
from townhall.lifecycle.status import Status


@click.group()
def plugins() -> None:
    """Plugins: what is installed, and what is on."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_plugins(as_json: bool) -> None:
    """List all plugins, what goes together, and what blocks what."""
    with open_town() as town:
        found = switching.statuses(town)
    if as_json:
        print_json(
            [
                {
                    "name": plugin.name,
                    "title": plugin.title,
                    "version": plugin.version,
                    "enabled": plugin.enabled,
                    "running": plugin.running,
                    "frozen": plugin.frozen,
                    "reason": plugin.reason,
                    "requires": plugin.requires,
                    "needed_by": plugin.needed_by,
                    "types": [record_type.identity for record_type in plugin.types],
                }
                for plugin in found
            ]
        )
        return
    print_table(
        ("NAME", "TITLE", "VERSION", "STATE"),
        [(plugin.name, plugin.title, plugin.version, _state(plugin)) for plugin in found],
    )
    for plugin in found:
        for sentence in (plugin.reason, plugin.unreadable):
            if sentence:
                click.echo(f"\n{sentence}")


def _state(plugin: Status) -> str:
    if plugin.running:
        return "on"
    return "off, records can be read" if plugin.frozen else "off"


@plugins.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(name: str, as_json: bool) -> None:
    """Tell everything about a plugin: what it is, which hooks it implements, its settings, and what went wrong.

    Which hooks are left alone at the moment only the server knows: the plugin's page says it.
    """
    with open_town() as town:
        plugin = describing.describe(town, name)
    status = plugin.status
    if as_json:
        print_json(
            {
                "name": status.name,
                "title": status.title,
                "version": status.version,
                "description": status.description,
                "author": status.author,
                "license": plugin.license,
                "api": plugin.api,
                "requires": status.requires,
                "enabled": status.enabled,
                "running": status.running,
                "reason": status.reason,
                "types": [record_type.identity for record_type in status.types],
                "hooks": [
                    {"name": hook.name, "decides": hook.decides, "seconds": hook.seconds, "types": hook.types}
                    for hook in plugin.hooks
                ],
                "jobs": [{"name": job.name, "how_often": job.schedule.in_words()} for job in plugin.jobs],
                "settings": {setting.name: setting.value for setting in plugin.settings},
                "failures": [asdict(failure) for failure in plugin.failures],
            }
        )
        return
    word = "running" if status.running else "could not start" if status.enabled else "off"
    click.echo(f"{status.title} {status.version} ({status.name}): {word}")
    for line in (status.description, status.reason):
        if line:
            click.echo(line)
    for label, values in (
        ("Needs", status.requires),
        ("Types", [record_type.identity for record_type in status.types]),
        ("Hooks", [f"{hook.name} ({'decides' if hook.decides else 'reacts'})" for hook in plugin.hooks]),
        ("Jobs", [f"{job.name} ({job.schedule.in_words()})" for job in plugin.jobs]),
        ("Settings", [f"{setting.name} = {setting.value}" for setting in plugin.settings]),
    ):
        if values:
            click.echo(f"{label}: {', '.join(values)}")
    if not plugin.failures:
        click.echo("Nothing went wrong.")
    for failure in plugin.failures:
        click.echo(_told(failure))


def _told(failure: Failure) -> str:
    """A failure, with its trace, as text."""
    what = f" {failure.what}" if failure.what else ""
    head = f"\n{failure.last:%Y-%m-%d %H:%M} UTC  {failure.stage}{what}  ({failure.count} times)\n{failure.message}"
    return f"{head}\n{failure.trace}" if failure.trace else head


@plugins.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
def enable(names: tuple[str, ...], yes: bool) -> None:
    """Switch plugins on, with those that they need. Says first what that changes; all are switched on, or none.

    A running server follows by itself.
    """
    with open_town() as town:
        plan = previewing.preview(town, names)
        previewing.refuse(plan)
        click.echo(f"Switching on {plan.title} will add:")
        for addition in plan.additions:
            click.echo(f"  {addition.what}: {addition.which}")
        if not yes:
            click.confirm(f"Switch {plan.title} on?", abort=True)
        switching.enable_all(town, operator(), names)
        for name in dict.fromkeys(names):
            status = switching.status(town, name)
            count = len(status.types)
            click.echo(f"{status.title} is on, with {count} {'type' if count == 1 else 'types'} of records.")


@plugins.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
def disable(name: str, yes: bool) -> None:
    """Switch a plugin off. Its records are kept and can be read."""
    with open_town() as town:
        status = switching.status(town, name)
        if status.enabled and status.needed_by:
            raise PluginError(switching.needed_sentence(town, status))
        if not yes:
            click.confirm(f"Switch {status.title} off? Its records are kept and can be read.", abort=True)
        switching.disable(town, operator(), name)
        click.echo(f"{status.title} is off. Its records are kept and can be read.")


@plugins.command()
@click.argument("name")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The new file. [default: NAME with the present time, here]",
)
def pack(name: str, output: Path | None) -> None:
    """Write everything that a plugin keeps here into one file, on or off.

    The file holds confidential values too: keep it as you keep a backup.
    """
    with open_town() as town:
        packed = packing.pack(town, operator(), name, output or Path(packing.suggested_name(town, name)))
        told = packing.as_told(packed.counts, town.schemas)
    click.echo(f"{packed.title} is packed into {packed.file}: {told}.")
    click.echo("Secret links and drafts of the public stay behind. The file holds confidential values: keep it safe.")
    if packed.lost:
        click.echo(f"The bytes of {packed.lost} files were not there any more; townhall doctor looks into it.")


@plugins.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--yes", is_flag=True, help="Don't ask.")
def unpack(file: Path, yes: bool) -> None:
    """Bring what a pack holds into this town: all of it or, if anything doesn't fit, nothing."""
    with open_town() as town:
        found = unpacking.look(town, file)
        if found.problem:
            raise PluginError(found.problem)
        click.echo(f"{found.title} {found.contents.version}, packed by {found.contents.town}:")
        click.echo(f"  {packing.as_told(found.contents.counts, found.types)}, with {found.files} files")
        for change in found.layer:
            click.echo(f"  Of the other town's own, {change.label}: {' '.join(change.sentences)}")
        if not yes:
            click.confirm("Bring it into this town?", abort=True)
        done = unpacking.unpack(town, operator(), file)
        click.echo(
            f"{done.title} is here: {packing.as_told(done.counts, town.schemas)}, "
            f"with {done.contacts} contacts and {done.interactions} interactions."
        )
        if not done.running:
            click.echo(f"Its records can be read. To work with them: townhall plugins enable {done.name}")


@plugins.command()
@click.argument("name")
@click.option("--confirm", default=None, metavar="NAME", help="The plugin's name, typed out, instead of being asked.")
def purge(name: str, confirm: str | None) -> None:
    """Delete all records of a plugin that is off, after packing them. Says first what goes."""
    with open_town() as town:
        found = purging.impact(town, name)
        if found.problem:
            raise PluginError(found.problem)
        click.echo(f"Purging {found.title} deletes:")
        for line in purging.lines(found, town.schemas):
            click.echo(f"  {line}")
        if confirm is None and not sys.stdin.isatty():
            raise click.UsageError(f"Without a terminal, say that you mean it with --confirm {name}.")
        typed = confirm if confirm is not None else click.prompt(f"To go on, type the plugin's name, {name}")
        file = purging.purge(town, operator(), name, typed)
    click.echo(f"{found.title} is purged. Everything that it kept is in {file}.")


for command in (new, check, add, remove):
    plugins.add_command(command)
