"""``townhall import``: CSV files into records."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from townhall.access.actors import system
from townhall.errors import ConfigurationError
from townhall.imports.csv_files import open_csv
from townhall.imports.mapping import ImportMapping
from townhall.imports.mapping import load_mapping
from townhall.imports.mapping import parse_mapping
from townhall.imports.mapping import shipped_mappings
from townhall.imports.running import ImportSummary
from townhall.imports.running import run_import
from townhall.imports.running import write_refused
from townhall.town import Town

CORE_MAPPINGS = Path(__file__).parent.parent / "imports" / "mappings"


def mapping_paths(town: Town) -> dict[str, Path]:
    """The shipped mappings of core and of the enabled plugins, by name."""
    folders = [CORE_MAPPINGS, *(folder / "mappings" for folder in town.plugins.folders().values())]
    return shipped_mappings(folders)


def find_mapping(town: Town, name: str, identity: str, columns: tuple[str, ...]) -> ImportMapping:
    """The mapping called ``name``, or at the path ``name``; without a name, columns fill fields of the same name.

    Raises :class:`~townhall.errors.ConfigurationError`.
    """
    if not name:
        record_type = town.schemas[identity]
        by_name = {key.casefold(): field for field in record_type.all_fields.values() for key in (field.name, field.label)}
        known = [(column, by_name[column.casefold()]) for column in columns if column.casefold() in by_name]
        if not known:
            raise ConfigurationError(
                f"No column of the file is called like a field of {identity}. Write a mapping file and name it with "
                f"--mapping."
            )
        data = {
            "mapping": {"type": identity},
            "column": [{"from": column, "field": field.name} for column, field in known if field.name != "id"],
        }
        return parse_mapping(data, "by name", town.schemas, file="mapping by column names")
    shipped = mapping_paths(town)
    path = shipped.get(name, Path(name))
    if name not in shipped and not path.is_file():
        raise ConfigurationError(
            f"There is no mapping “{name}”, neither shipped nor as a file. Shipped are: {', '.join(sorted(shipped))}."
        )
    mapping = load_mapping(path, town.schemas)
    if mapping.type != identity:
        raise ConfigurationError(f"The mapping {name} is for {mapping.type}, not for {identity}.")
    return mapping


def import_file(
    town: Town,
    identity: str,
    file: Path,
    *,
    mapping: str = "",
    dry_run: bool = False,
    refused: Path | None = None,
    encoding: str = "",
    delimiter: str = "",
) -> ImportSummary:
    """Import ``file`` with a progress bar and say what became of it. Raises ``ConfigurationError``."""
    if identity not in town.schemas:
        raise ConfigurationError(f"There is no type “{identity}”. Known are: {', '.join(sorted(town.schemas))}.")
    source = open_csv(file, encoding=encoding, delimiter=delimiter)
    chosen = find_mapping(town, mapping, identity, source.columns)
    if (chosen.encoding and not encoding) or (chosen.delimiter and not delimiter):
        source = open_csv(file, encoding=encoding or chosen.encoding, delimiter=delimiter or chosen.delimiter)
    actor = system(door="import", name=f"Import of {file.name}")
    with click.progressbar(length=max(len(source), 1), label="Importing", file=sys.stderr) as bar:
        summary = run_import(town, actor, chosen, source, dry_run=dry_run, progress=bar.update)
    if summary.refused:
        write_refused(summary, source, refused or file.with_suffix(".refused.csv"))
    return summary


def say(summary: ImportSummary, *, dry_run: bool, refused: Path) -> None:
    """Print the outcome in plain sentences."""
    would = "would be " if dry_run else ""
    click.echo(f"{summary.created:,} {would}imported, {summary.skipped:,} skipped because they are there already, "
               f"{len(summary.refused):,} refused.")
    if summary.linked:
        click.echo(f"{summary.linked:,} linked records {would}made on the way.")
    if summary.refused:
        click.echo(f"The refused rows and their reasons are in {refused}.")
    if dry_run:
        click.echo("This was a dry run: nothing was kept.")
