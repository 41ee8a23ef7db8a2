"""Reading other people's CSV: byte order marks, semicolons, wrong encodings and ragged rows, each with a sentence.

RFC 4180 is what we hope for; what arrives is decided here and nowhere else.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from townhall.errors import ConfigurationError
from townhall.imports.formulas import as_written

#: A cell longer than this is taken for a missing quotation mark rather than for a text.
LONGEST_CELL = 1_000_000
#: What a file of refused rows has before the columns of the file that they came from.
REFUSED_COLUMNS = ("refused line", "refused because")
_DELIMITERS = ",;\t|"
_NAMED = {"tab": "\t", "\\t": "\t"}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class SourceRow(NamedTuple):
    """One row of the file: the line it starts on, its cells by column, or why they can't be used."""

    line: int
    cells: Mapping[str, str]
    raw: Sequence[str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An opened CSV file: its columns and its text, decoded.

    ``ours`` is the number of cells at the start of each row that Townhall itself wrote: why the row was refused before.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    text: str
    ours: int = 0

    def rows(self) -> Iterator[SourceRow]:
        """The rows after the header; empty lines are left out, ragged ones carry a ``problem``."""
        columns, ours = self.columns, self.ours
        width = len(columns)
        last = self.text.count("\n") + (not self.text.endswith("\n"))
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter)
        next(reader)
        marked = "'" in self.text  # an export keeps formulas from running with an apostrophe
        while True:
            line = reader.line_num + 1
            try:
                raw = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield SourceRow(line, {}, (), f"can't be read as CSV: {error}; is a quotation mark missing?")
                continue
            if not raw or (len(raw) == 1 and not raw[0].strip()):
                continue
            if ours:
                raw = raw[ours:]
            if reader.line_num == last and line < last and self._is_left_open(line):
                yield SourceRow(
                    line, {}, raw, "has a quotation mark that is not closed, so all that follows was in one cell"
                )
            elif len(raw) != width:
                cells = "1 cell" if len(raw) == 1 else f"{len(raw)} cells"
                yield SourceRow(line, {}, raw, f"has {cells} where the header has {width}")
            else:
                if marked:
                    raw = [as_written(cell) if "'" in cell else cell for cell in raw]
                yield SourceRow(line, dict(zip(columns, raw, strict=True)), raw)

    def _is_left_open(self, line: int) -> bool:
        """Whether the row that begins on ``line`` has a quotation mark that no other ends before the file does."""
        rest = self.text.split("\n", line - 1)[line - 1]
        try:
            list(csv.reader(io.StringIO(rest, newline=""), delimiter=self.delimiter, strict=True))
        except csv.Error as error:
            return "unexpected end" in str(error)
        return False

    def __len__(self) -> int:
        """The number of lines after the header: an upper bound of the rows, for progress."""
        return max(self.text.count("\n") - (0 if self.text.endswith("\n") else -1) - 1, 0)


def open_csv(path: Path, *, encoding: str = "", delimiter: str = "") -> SourceFile:
    """Read a CSV file with a header line.

    Without ``encoding`` it must be UTF-8 (or carry a byte order mark); without ``delimiter`` the one of comma,
    semicolon, tab and bar that splits the header into most cells is taken. A file of refused rows comes back as the
    columns that it was made of.
    Raises :class:`~townhall.errors.ConfigurationError`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror or error}.") from error
    text = _decode(data, path, encoding)
    if "\0" in text:
        raise ConfigurationError(f"{path} is not a text file: it has zero bytes. Save it as CSV (UTF-8) and try again.")
    csv.field_size_limit(LONGEST_CELL)
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    header_line = text.partition("\n")[0]
    if not header_line.strip():
        raise ConfigurationError(f"{path} is empty: its first line should name the columns.")
    delimiter = _NAMED.get(delimiter, delimiter) or max(_DELIMITERS, key=header_line.count)
    if len(delimiter) != 1 or delimiter in '"\n\r ':
        raise ConfigurationError(f"“{delimiter}” can't stand between cells: give one character, such as ; or , or tab.")
    try:
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ConfigurationError(f"The header of {path} can't be read as CSV: {error}.") from error
    columns = tuple(name.strip() for name in header)
    ours = len(REFUSED_COLUMNS) if columns[: len(REFUSED_COLUMNS)] == REFUSED_COLUMNS else 0
    columns = columns[ours:]
    twice = {name for name in columns if name and columns.count(name) > 1}
    if twice:
        raise ConfigurationError(f"{path} has the column “{sorted(twice)[0]}” twice; rename one of them.")
    return SourceFile(path, columns, delimiter, text, ours)


def _decode(data: bytes, path: Path, encoding: str) -> str:
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    chosen = encoding or marked or "utf-8"
    if chosen.casefold().replace("_", "-") == "utf-8" and marked == "utf-8-sig":
        chosen = marked
    try:
        return data.decode(chosen)
    except LookupError as error:
        raise ConfigurationError(f"There is no encoding called “{chosen}”; try utf-8 or windows-1252.") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path} is not {chosen}: line {line} has a byte that does not fit. Save it as CSV (UTF-8), or name its "
            f"encoding, for example --encoding windows-1252."
        ) from error
