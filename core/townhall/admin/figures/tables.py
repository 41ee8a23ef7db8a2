"""What a page of figures shows: a few headlines, and tables with the same numbers as their charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from townhall.imports.csv_writing import MARK
from townhall.imports.csv_writing import csv_line

NO_CHART = Markup("")


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: as people read it, as a spreadsheet takes it, and where its records are."""

    text: str
    value: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure of the page's top, with what there was before; ``tone`` is ``better``, ``worse`` or empty."""

    label: str
    figure: Cell
    before: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table; the first cell of a row names it. ``key`` are a chart's series: its mark and its words."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    chart: Markup = NO_CHART
    chart_label: str = ""
    key: tuple[tuple[Markup, str], ...] = ()
    #: What to read where there is nothing.
    empty: str = "Nothing of this in these days."

    def csv(self) -> str:
        """The table as a CSV file. A byte order mark tells spreadsheets that it is UTF-8."""
        lines = [csv_line(self.columns)]
        lines += [csv_line(cell.value or cell.text for cell in row) for row in self.rows]
        return MARK + "".join(lines)


@dataclass(frozen=True, slots=True)
class Shown:
    """All of a page."""

    headlines: Sequence[Headline]
    tables: Sequence[Table]
