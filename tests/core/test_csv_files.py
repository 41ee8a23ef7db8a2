"""Other people's CSV: what can be read is read, and what can't gets a sentence that says where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from townhall.errors import ConfigurationError
from townhall.imports.csv_files import LONGEST_CELL
from townhall.imports.csv_files import open_csv


def written(folder: Path, data: bytes) -> Path:
    """A file with these bytes."""
    path = folder / "people.csv"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Name,Street\nZoë,Weir Street\n".encode(), ""),
        ("Name,Street\nZoë,Weir Street\n".encode("utf-8-sig"), ""),
        ("Name,Street\nZoë,Weir Street\n".encode("utf-8-sig"), "utf-8"),
        ("Name,Street\nZoë,Weir Street\n".encode("utf-16"), ""),
        ("Name;Street\r\nZoë;Weir Street\r\n".encode("windows-1252"), "windows-1252"),
        ("Name\tStreet\rZoë\tWeir Street\r".encode(), ""),
        ("\n\nName|Street\n\nZoë|Weir Street\n\n".encode(), ""),
    ],
    ids=["utf-8", "byte order mark", "mark and named", "utf-16", "semicolons", "tabs, old Mac", "bars, empty lines"],
)
def test_files_of_many_kinds_read_alike(tmp_path: Path, data: bytes, encoding: str) -> None:
    """The separator and a byte order mark are found out; a named encoding is used."""
    source = open_csv(written(tmp_path, data), encoding=encoding)
    assert source.columns == ("Name", "Street")
    assert [row.cells for row in source.rows()] == [{"Name": "Zoë", "Street": "Weir Street"}]


def test_a_wrong_encoding_names_the_line(tmp_path: Path) -> None:
    """A byte that does not fit is refused with its line and a way out, never guessed."""
    path = written(tmp_path, "Name\nAnn\nZoë\n".encode("windows-1252"))
    with pytest.raises(ConfigurationError, match=r"line 3 .* --encoding windows-1252"):
        open_csv(path)


def test_ragged_rows_are_told_apart(tmp_path: Path) -> None:
    """A row with too few or too many cells carries a problem; its neighbours are read."""
    rows = list(open_csv(written(tmp_path, b"A,B\n1,2\n3\n4,5,6\n7,8\n")).rows())
    assert [row.problem for row in rows] == [
        "",
        "has 1 cell where the header has 2",
        "has 3 cells where the header has 2",
        "",
    ]
    assert [row.line for row in rows] == [2, 3, 4, 5]


def test_cells_may_hold_separators_and_line_ends(tmp_path: Path) -> None:
    """Quoted cells are read as RFC 4180 has it, and lines are counted as an editor counts them."""
    rows = list(open_csv(written(tmp_path, b'A,B\n"1\n2","x, ""y"""\n3,4\n')).rows())
    assert rows[0].cells == {"A": "1\n2", "B": 'x, "y"'}
    assert rows[1].line == 4


def test_a_missing_quotation_mark_is_refused(tmp_path: Path) -> None:
    """A quotation mark that never ends swallows the file; that is said instead of imported."""
    data = b'A,B\n"1,2\n' + b"3,4\n" * (LONGEST_CELL // 4 + 10)
    rows = list(open_csv(written(tmp_path, data)).rows())
    assert "is a quotation mark missing?" in rows[0].problem


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (b'A,B\n1,"2\n3,4\n5,6\n', ["not closed"]),
        (b'A,B\n1,2\n"3,4\n5,6', ["", "not closed"]),
        (b'A,B\n1,"2\n3"\n', [""]),
        (b'A,B\n1,2"\n3,4\n', ["", ""]),
    ],
    ids=["in the last cell", "in the first cell", "closed on the last line", "in the middle of a cell"],
)
def test_an_open_quotation_mark_is_not_taken_for_a_long_text(tmp_path: Path, data: bytes, problems: list[str]) -> None:
    """The rest of the file inside one cell is a mistake, although the row has as many cells as the header."""
    rows = list(open_csv(written(tmp_path, data)).rows())
    assert len(rows) == len(problems)
    assert all(
        problem in row.problem and bool(problem) == bool(row.problem)
        for row, problem in zip(rows, problems, strict=True)
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"   \nfoo\n", "is empty"),
        (b"A,B,A\n1,2,3\n", "has the column “A” twice"),
        (b"A,B\n1,\0\n", "not a text file"),
    ],
)
def test_files_that_are_no_table_are_refused(tmp_path: Path, data: bytes, sentence: str) -> None:
    """An empty file, a column twice and a binary file each get one sentence."""
    with pytest.raises(ConfigurationError, match=sentence):
        open_csv(written(tmp_path, data))


def test_a_missing_file_and_an_unknown_encoding_are_said(tmp_path: Path) -> None:
    """What isn't there is named."""
    with pytest.raises(ConfigurationError, match="can't be read"):
        open_csv(tmp_path / "nothing.csv")
    with pytest.raises(ConfigurationError, match="no encoding called"):
        open_csv(written(tmp_path, b"A\n1\n"), encoding="utf-9")
