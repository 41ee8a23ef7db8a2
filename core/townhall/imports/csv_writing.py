"""Writing CSV: the one way for a table to leave the house, so that no cell of any is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from townhall.imports.formulas import harmless

#: Tells spreadsheets that a file is UTF-8.
MARK = "\ufeff"


def csv_line(cells: Iterable[str]) -> str:
    """One line of a CSV file (RFC 4180)."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(map(harmless, cells))
    return buffer.getvalue()
