"""``townhall import``: CSV files into records."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from townhall.access.actors import system
from townhall.cli.context import open_town
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.errors import ConfigurationError
from townhall.imports.csv_files import open_csv
from townhall.imports.mapping import RECORD_COLUMNS
from townhall.imports.mapping import ImportMapping
from townhall.imports.mapping import load_mapping
from townhall.imports.mapping import parse_mapping
from townhall.imports.mapping import shipped_mappings
from townhall.imports.running import ImportSummary
from townhall.imports.running import run_import
from townhall.imports.running import write_refused
from townhall.town import Town
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

#: Types of columns of rows whose values are numbers of one town, besides links.
_NUMBERED = frozenset({"reference", "staff", "file", "files"})
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
        by_name = _fields_by_name(record_type)
        # An export also has what the town sets itself: it is left out when the file comes back.
        fillable = {*RECORD_COLUMNS, *(name for name, field in record_type.fields.items() if field.compute is None)}
        known = [(column, by_name[column.casefold()]) for column in columns if column.casefold() in by_name]
        if not known:
            raise ConfigurationError(
                f"No column of the file is called like a field of {identity}. Write a mapping file and name it with "
                f"--mapping."
            )
        data = {
            "mapping": {"type": identity},
            "column": [
                {"from": column, "field": field.name, **({"match": "name"} if field.name == "queue" else {})}
                for column, field in known
                if field.name in fillable and not _is_numbered(field)
            ],
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


def _fields_by_name(record_type: RecordType) -> dict[str, Field]:
    """A type's fields by what a column for them may be called: their names and labels, in small letters."""
    return {key.casefold(): field for field in record_type.all_fields.values() for key in (field.name, field.label)}


def _is_numbered(field: Field) -> bool:
    """Whether its rows name records, people or files by number: in another town the same number is somebody else's."""
    return any(each.target or each.type_name in _NUMBERED for each in field.row_fields.values())


def left_out(record_type: RecordType, columns: tuple[str, ...]) -> list[str]:
    """The columns that no field of the type is called like, each with the name that was probably meant."""
    known = _fields_by_name(record_type)
    said = []
    for column in columns:
        if column and column.casefold() not in known:
            close = difflib.get_close_matches(column.casefold(), known, n=1)
            said.append(f"“{column}”" + (f" (did you mean “{known[close[0]].name}”?)" if close else ""))
    return said


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
        close = difflib.get_close_matches(identity, town.schemas, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Known are: {', '.join(sorted(town.schemas))}."
        raise ConfigurationError(f"There is no type “{identity}”. {hint}")
    source = open_csv(file, encoding=encoding, delimiter=delimiter)
    chosen = find_mapping(town, mapping, identity, source.columns)
    if (chosen.encoding and not encoding) or (chosen.delimiter and not delimiter):
        source = open_csv(file, encoding=encoding or chosen.encoding, delimiter=delimiter or chosen.delimiter)
    actor = system(door="import", name=f"Import of {file.name}")
    with click.progressbar(length=max(len(source), 1), label="Importing", file=sys.stderr) as bar:
        summary = run_import(town, actor, chosen, source, dry_run=dry_run, progress=bar.update)
    if not mapping:
        summary.left_out = left_out(town.schemas[identity], source.columns)
        by_name = _fields_by_name(town.schemas[identity])
        found = (by_name.get(column.casefold()) for column in source.columns)
        summary.numbered = [field.name for field in found if field is not None and _is_numbered(field)]
    if summary.refused:
        write_refused(summary, source, refused or file.with_suffix(".refused.csv"), dry_run=dry_run)
    return summary


def say(summary: ImportSummary, *, dry_run: bool, refused: Path) -> None:
    """Print the outcome in plain sentences."""
    would = "would be " if dry_run else ""
    click.echo(
        f"{summary.created:,} {would}imported, {summary.skipped:,} skipped because they are there already, "
        f"{len(summary.refused):,} refused."
    )
    if summary.left_out:
        click.echo(f"No field is called like these columns, so they were left out: {', '.join(summary.left_out)}.")
    if summary.numbered:
        names = ", ".join(f"“{name}”" for name in summary.numbered)
        click.echo(f"Left out, since they name records by numbers that mean others in another town: {names}.")
    if summary.linked:
        click.echo(f"{summary.linked:,} linked records {would}made on the way.")
    if summary.refused:
        click.echo(f"The refused rows and their reasons are in {refused}.")
    if dry_run:
        click.echo("This was a dry run: nothing was kept.")


@click.command("import")
@click.argument("type", required=False, default="")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--mapping",
    default="",
    metavar="NAME",
    help="A shipped mapping's name, or a mapping file. Without one, columns fill fields of the same name.",
)
@click.option("--dry-run", is_flag=True, help="Do everything, tell the figures, and keep nothing.")
@click.option(
    "--refused",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where refused rows are written. [default: FILE with .refused.csv]",
)
@click.option("--encoding", default="", help="The file's encoding, such as windows-1252. [default: UTF-8]")
@click.option("--delimiter", default="", help="The character between cells. [default: found out from the header]")
@click.option("--list", "list_", is_flag=True, help="List the shipped mappings and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_command(
    type: str,
    file: Path | None,
    mapping: str,
    dry_run: bool,
    refused: Path | None,
    encoding: str,
    delimiter: str,
    list_: bool,
    as_json: bool,
) -> None:
    """Bring a CSV file in as records of a type, such as complaints.service_request."""
    with open_town() as town:
        if list_:
            mappings = [load_mapping(path, town.schemas) for path in mapping_paths(town).values()]
            rows = [(known.name, known.type, known.label) for known in mappings]
            if as_json:
                print_json([dict(zip(("name", "type", "label"), row, strict=True)) for row in rows])
            else:
                print_table(("mapping", "type", "what it reads"), rows)
            return
        if not type or file is None:
            raise click.UsageError("Say which type and which file: townhall import TYPE FILE.")
        summary = import_file(
            town, type, file, mapping=mapping, dry_run=dry_run, refused=refused, encoding=encoding, delimiter=delimiter
        )
    if as_json:
        print_json(
            {
                "imported": summary.created,
                "skipped": summary.skipped,
                "refused": len(summary.refused),
                "linked": summary.linked,
                "left_out": summary.left_out,
                "numbered": summary.numbered,
                "dry_run": dry_run,
            }
        )
    else:
        say(summary, dry_run=dry_run, refused=refused or file.with_suffix(".refused.csv"))
    if summary.refused and not summary.created and not summary.skipped:
        sys.exit(1)
