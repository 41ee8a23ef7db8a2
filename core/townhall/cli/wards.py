"""``townhall wards``: the parts of the town, and the file of their outlines."""

from __future__ import annotations

from pathlib import Path

import click

from townhall.cases import wards as outlines
from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.cli.context import print_table


@click.group()
def wards() -> None:
    """The parts of the town, by which cases can be routed."""


@wards.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_wards(as_json: bool) -> None:
    """List the wards and whether they have an outline."""
    with open_town() as town:
        lines = outlines.overview(town, operator())
    if as_json:
        print_json([{"id": line.id, "name": line.name, "parts": line.parts, "points": line.points} for line in lines])
        return
    print_table(("WARD", "PARTS", "POINTS"), [(line.name, str(line.parts), str(line.points)) for line in lines])


@wards.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", "named_by", default="", help="The property that names the wards, if it isn't found by itself.")
def import_wards(file: Path, named_by: str) -> None:
    """Bring in the wards of a GeoJSON file, as a whole or not at all.

    A ward that is there already gets the new outline; none is deleted.
    """
    with open_town() as town:
        done = outlines.import_outlines(town, operator(), file.read_bytes(), name=named_by, source=file.name)
    click.echo(done.sentence[0].upper() + done.sentence[1:])
