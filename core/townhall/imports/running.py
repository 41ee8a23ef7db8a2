"""Running an import: batches through records, refused rows set aside with their reasons, and a summary."""

from __future__ import annotations

import gc
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from itertools import islice
from pathlib import Path
from typing import Any

from townhall import private
from townhall.access.actors import Actor
from townhall.db.transactions import immediate
from townhall.errors import ConfigurationError
from townhall.imports.csv_files import REFUSED_COLUMNS
from townhall.imports.csv_files import SourceFile
from townhall.imports.csv_files import SourceRow
from townhall.imports.csv_writing import MARK
from townhall.imports.csv_writing import csv_line
from townhall.imports.mapping import ImportMapping
from townhall.imports.rows import Refused
from townhall.imports.rows import RowReader
from townhall.imports.rows import existing_keys
from townhall.town import Town

#: Rows that are written in one transaction: all of them, or none. It takes about a quarter of a second, for which
#: other writers wait.
BATCH = 2000
_OBJECTS_BETWEEN_COLLECTIONS = 200_000


@dataclass(slots=True)
class ImportSummary:
    """What became of a file's rows.

    ``linked`` counts the records that were made for links; ``left_out`` names the columns that filled no field,
    ``numbered`` the fields whose rows name records by the numbers of the town that wrote the file.
    """

    created: int = 0
    skipped: int = 0
    linked: int = 0
    refused: list[tuple[SourceRow, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    numbered: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All rows that were read."""
        return self.created + self.skipped + len(self.refused)


class _RolledBack(Exception):
    """Leaves the transaction of a dry run."""


def run_import(
    town: Town,
    actor: Actor,
    mapping: ImportMapping,
    source: SourceFile,
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda rows: None,
) -> ImportSummary:
    """Import every row of ``source`` as the mapping says.

    Rows go to records in batches of :data:`BATCH`; a batch is written whole or not at all, without the rows that were
    refused. ``dry_run`` does everything and keeps nothing. ``progress`` is called with the number of rows of each
    finished batch. Raises :class:`~townhall.errors.ConfigurationError` if the file lacks a column of the mapping.
    """
    _check_columns(mapping, source)
    reader = RowReader(town, actor, mapping)
    summary = ImportSummary()
    seen: set[str] = set()
    rows = source.rows()
    with _rare_collections():
        while batch := list(islice(rows, BATCH)):
            try:
                with immediate(town.database):
                    _run_batch(town, actor, mapping, reader, batch, summary, seen)
                    if dry_run:
                        raise _RolledBack
            except _RolledBack:
                reader.forget()
            summary.linked = reader.made
            progress(len(batch))
    return summary


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for reference cycles less often: a batch is many objects without any, and looking took an eighth of it."""
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _run_batch(
    town: Town,
    actor: Actor,
    mapping: ImportMapping,
    reader: RowReader,
    batch: list[SourceRow],
    summary: ImportSummary,
    seen: set[str],
) -> None:
    ready: list[tuple[SourceRow, dict[str, Any]]] = []
    keys = ["" if row.problem else mapping.key_of(row.cells) for row in batch]
    known = existing_keys(town, actor, mapping, [key for key in keys if key]) if mapping.key else set()
    for row, key in zip(batch, keys, strict=True):
        if row.problem:
            summary.refused.append((row, row.problem))
            continue
        if key and (key in known or key in seen):
            summary.skipped += 1
            continue
        try:
            values = reader.read(row.cells)
        except Refused as refused:
            summary.refused.append((row, str(refused)))
            continue
        if key:
            seen.add(key)
        ready.append((row, values))
    # What is refused is set aside first, so that one bad row does not hold back the others.
    while ready:
        outcomes = town.records.import_rows(actor, mapping.type, [values for _, values in ready])
        bad = {outcome.index: outcome.errors for outcome in outcomes if outcome.errors}
        if not bad:
            summary.created += len(ready)
            return
        summary.refused += [(ready[index][0], _sentence(errors)) for index, errors in bad.items()]
        ready = [pair for index, pair in enumerate(ready) if index not in bad]


def _sentence(errors: Mapping[str, str]) -> str:
    """What is wrong with a row, each thing once, after the names of the fields that it is wrong with."""
    fields: dict[str, list[str]] = {}
    for name, text in errors.items():
        fields.setdefault(text, []).append(name)
    told = {text: [name for name in names if not _has_part_among(name, names)] for text, names in fields.items()}
    return "; ".join(f"{', '.join(names)}: {text}" if any(names) else text for text, names in told.items())


def _has_part_among(name: str, names: list[str]) -> bool:
    return any(other.startswith(f"{name}.") for other in names)


def _check_columns(mapping: ImportMapping, source: SourceFile) -> None:
    missing = [name for name in mapping.sources if name not in source.columns]
    if missing:
        found = ", ".join(name or "(no name)" for name in source.columns[:12])
        raise ConfigurationError(
            f"{source.path} has no column “{missing[0]}”, which the mapping {mapping.name} reads. Its columns are: "
            f"{found}{', …' if len(source.columns) > 12 else ''}. Another mapping may fit, or the separator is not "
            f"“{source.delimiter}”."
        )


def write_refused(summary: ImportSummary, source: SourceFile, path: Path, *, dry_run: bool = False) -> None:
    """Write the refused rows as CSV: line, reason, and the cells as they came, ready to mend and try again.

    Raises :class:`~townhall.errors.ConfigurationError` if the file can't be written.
    """
    try:
        # They hold what the source holds of people.
        with private.writing(path, newline="") as file:
            file.write(MARK + csv_line([*REFUSED_COLUMNS, *source.columns]))
            file.writelines(map(csv_line, _refused_rows(summary)))
    except OSError as error:
        done = "This was a dry run: nothing was kept" if dry_run else "The others were imported"
        raise ConfigurationError(
            f"The {len(summary.refused):,} refused rows can't be written to {path}: {error.strerror or error}. {done}; "
            f"name another file with --refused and run it again for the refused ones."
        ) from error


def _refused_rows(summary: ImportSummary) -> Iterator[list[str]]:
    for row, reason in sorted(summary.refused, key=lambda pair: pair[0].line):
        yield [str(row.line), reason, *row.raw]
