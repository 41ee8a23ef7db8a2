"""``townhall plugins``: what is installed, and what is on."""

from __future__ import annotations

from dataclasses import asdict

import click

from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.cli.vendor import check
from townhall.cli.vendor import new
from townhall.extend.failures import Failure
from townhall.lifecycle import describing
from townhall.lifecycle import switching


@click.group()
def plugins() -> None:
    """Plugins: what is installed, and what is on."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_plugins(as_json: bool) -> None:
    """List all plugins, and why one that should be on isn't."""
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
                    "reason": plugin.reason,
                    "requires": plugin.requires,
                    "types": [record_type.identity for record_type in plugin.types],
                }
                for plugin in found
            ]
        )
        return
    print_table(
        ("NAME", "TITLE", "VERSION", "STATE"),
        [(plugin.name, plugin.title, plugin.version, "on" if plugin.running else "off") for plugin in found],
    )
    for plugin in found:
        if plugin.reason:
            click.echo(f"\n{plugin.reason}")


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
    """Switch plugins on, with those that they need. Everything is tried first; a running server follows by itself."""
    with open_town() as town:
        for name in names:
            plan = switching.preview(town, name)
            if plan.also and not plan.problem and not yes:
                click.confirm(f"{plan.title} needs {', '.join(plan.also)}. Switch that on too?", abort=True)
            status = switching.enable(town, operator(), name)
            click.echo(f"{status.title} is on, with {len(status.types)} types of records.")


@plugins.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
def disable(name: str, yes: bool) -> None:
    """Switch a plugin off. Its records are kept."""
    with open_town() as town:
        status = switching.status(town, name)
        if not yes:
            click.confirm(f"Switch {status.title} off? Its pages go; its records are kept.", abort=True)
        switching.disable(town, operator(), name)
        click.echo(f"{status.title} is off. Its records are kept.")


plugins.add_command(new)
plugins.add_command(check)
