"""``townhall export``: the records of one type as CSV on standard output."""

from __future__ import annotations

import sys
from difflib import get_close_matches

import click

from townhall.admin.exporting import csv_lines
from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.errors import NotFound


@click.command()
@click.argument("identity", metavar="TYPE")
@click.option("--search", default="", help="Only records that are found by these words.")
@click.option("--archived", is_flag=True, help="The archived records instead of the others.")
def export(identity: str, search: str, archived: bool) -> None:
    """Write all records of TYPE, like core.contact, to standard output as CSV. Confidential fields are left out."""
    with open_town() as town:
        record_type = town.schemas.get(identity)
        if record_type is None:
            close = get_close_matches(identity, list(town.schemas), n=1)
            hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(sorted(town.schemas))}."
            raise NotFound(f"There is no type {identity}. {hint}")
        filters = (["Search"] if search else []) + (["Archived"] if archived else [])
        output = sys.stdout.buffer
        for line in csv_lines(town, operator(), record_type, None, search=search, archived=archived, filters=filters):
            output.write(line.encode("utf-8"))
