"""``townhall plugins new`` and ``check`` for whoever makes a plugin, ``add`` and ``remove`` for whoever gets one."""

from __future__ import annotations

from pathlib import Path

import click

from townhall.cli.context import open_town
from townhall.cli.context import operator
from townhall.cli.context import print_json
from townhall.errors import PluginError


@click.command()
@click.argument("name")
@click.option("--title", default="", help="What people call it; from NAME if it isn't given.")
@click.option("--type", "type_name", default="request", show_default=True, help="Name of its first type of record.")
@click.option("--hooks", is_flag=True, help="With two hooks and their tests.")
@click.option("--no-code", is_flag=True, help="Manifest and schema only, for a town's plugins folder.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="Folder to write; townhall-NAME.")
def new(name: str, title: str, type_name: str, hooks: bool, no_code: bool, output: Path | None) -> None:
    """Make a new plugin's project, which works at once and passes its own tests."""
    from townhall.testing.scaffolding import Project
    from townhall.testing.scaffolding import make_project

    if hooks and no_code:
        raise click.UsageError("Hooks are code: leave out --hooks or --no-code.")
    project = Project(name, title, type_name)
    folder = output or Path(name if no_code else f"townhall-{project.words()['dashed']}")
    for file in make_project(project, folder, hooks=hooks, code=not no_code):
        click.echo(file.as_posix())
    if no_code:
        click.echo(f"\nPut the folder into plugins/ of a town as {name}, then: townhall plugins enable {name}")
    else:
        click.echo(f'\nNext: cd {folder.as_posix()} && pip install -e ".[test]" && pytest && townhall plugins check .')


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--previous", type=click.Path(path_type=Path, exists=True, file_okay=False), help="An earlier version of it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(path: Path, previous: Path | None, as_json: bool) -> None:
    """Check the plugin at PATH as a town, a clerk and a resident would, in a town that is thrown away."""
    from townhall.testing.conformance import check_plugin

    report = check_plugin(path, previous)
    if as_json:
        print_json(report.as_json())
    else:
        click.echo(f"{report.title or report.plugin} {report.version}".rstrip())
        for line in report.lines():
            click.echo(line)
        failed = sum(outcome.verdict == "failed" for outcome in report.outcomes)
        click.echo(f"\n{failed} of {len(report.outcomes)} checks failed." if failed else "\nIt passes.")
    if not report.passed:
        raise SystemExit(1)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--yes", is_flag=True, help="Don't ask.")
def add(file: Path, yes: bool) -> None:
    """Take in a module of TOML files and pictures, packed as a zip FILE; says first what it brings.

    It is kept in the database, so that every host of the town has it, and can then be switched on.
    """
    from townhall.lifecycle import uploading

    try:
        data = file.read_bytes()
    except OSError as error:
        raise PluginError(f"{file} can't be read: {error.strerror or error}.") from error
    with open_town() as town:
        checksum = uploading.upload(town, operator(), data)
        found = uploading.waiting(town, checksum)
        if found.problem:
            raise PluginError(found.problem)
        kinds = ", ".join(each.label_plural.lower() for each in found.types) or "no kinds of record"
        replaces = f", in place of version {found.replaces}" if found.replaces else ""
        click.echo(f"{found.manifest.title} {found.manifest.version}{replaces}: {kinds}.")
        if not yes:
            click.confirm("Use it?", abort=True)
        uploading.accept(town, operator(), checksum)
        click.echo(f"It is here. Switch it on with: townhall plugins enable {found.manifest.name}")


@click.command()
@click.argument("name")
def remove(name: str) -> None:
    """Take the files of an uploaded module away, once it is off. Its records are kept."""
    from townhall.lifecycle import uploading

    with open_town() as town:
        uploading.remove(town, operator(), name)
        click.echo(f"The files of {name} are gone. Its records are kept.")
