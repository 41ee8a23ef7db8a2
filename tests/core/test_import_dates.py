"""Dates of an import: the prepared reader and strptime never disagree."""

from __future__ import annotations

from datetime import datetime

import pytest

from townhall.imports.dates import date_reader

FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.000",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%m/%d/%Y %I:%M:%S %p",
    "%d %B %Y",
    "%Y%m%d",
    "%H:%M",
    "%d/%m/%y",
    "%Y",
    "%Y-%m-%d 100%%",
)
TEXTS = (
    "2026-03-17",
    "2026-3-7",
    "2026-13-01",
    "2026-02-30",
    "2026-03-17 09:05:59",
    "2026-03-17  9:5:5",
    "2026-03-17 24:00:00",
    "2026-03-17 23:59:60",
    "2026-03-17T09:05:59.000",
    "17.03.2026",
    "03/17/2026",
    "3/17/2026",
    "03/17/2026 09:05:59 PM",
    "17 March 2026",
    "20260317",
    "09:05",
    "17/03/26",
    "2026",
    "26-03-17",
    "2026-03-17 100%",
    " 2026-03-17",
    "2026-03-17 ",
    "2026-003-17",
    "0000-01-01",
    "yesterday",
    "",
)


def outcome(read: object, text: str) -> datetime | None:
    """What was read, or nothing if it can't be."""
    try:
        return read(text)  # type: ignore[operator, no-any-return]
    except ValueError:
        return None


@pytest.mark.parametrize("format", FORMATS)
def test_reading_is_what_strptime_reads(format: str) -> None:
    """Each text gives the same moment, or is refused, either way."""
    read = date_reader(format)
    expected = {text: outcome(lambda given: datetime.strptime(given, format), text) for text in TEXTS}
    assert {text: outcome(read, text) for text in TEXTS} == expected
