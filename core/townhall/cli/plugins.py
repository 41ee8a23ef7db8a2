"""``townhall plugins``: what is installed, and what is on."""

from __future__ import annotations

import click

from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.cli.vendor import check
from townhall.cli.vendor import new
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
