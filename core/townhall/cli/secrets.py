"""``townhall secrets``: the key that signs sessions and links."""

from __future__ import annotations

import click

from townhall.accounts import rotating
from townhall.cli.context import open_town
from townhall.cli.context import operator


@click.group()
def secrets() -> None:
    """Look after the town's secret key."""


@secrets.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def rotate(yes: bool) -> None:
    """Replace the secret key: everybody is signed out, and code apps are set up again."""
    with open_town() as town:
        if not yes:
            click.confirm("Everybody will be signed out and set up their code app again. Go on?", abort=True)
        done = rotating.rotate(town, operator())
    click.echo(
        f"The secret key is a new one. Ended: {done.sessions:,} sessions of staff, all visitors' sessions, "
        f"{done.links:,} links for passwords, {done.code_apps:,} code apps. Residents' status links go on."
    )
