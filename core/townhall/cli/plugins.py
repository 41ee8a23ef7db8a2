"""``townhall plugins``: what is installed, and what is on."""

from __future__ import annotations

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
from townhall.lifecycle import previewing
from townhall.lifecycle import switching
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
        for name in names:
            status = switching.status(town, name)
            click.echo(f"{status.title} is on, with {len(status.types)} types of records.")


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


for command in (new, check, add, remove):
    plugins.add_command(command)
