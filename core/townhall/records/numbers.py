"""Numbers by which people name records: counted per type, and anew each year where the pattern has a year.

A series is one row of ``number_sequence``. Taking numbers locks that row until the transaction ends, so two writers,
in one process or in two, never get the same number. A number that was taken by a transaction that failed is given out
again; gaps may still appear, when records are imported with numbers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from townhall_forms.placeholders import NumberPattern
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

_PLACEHOLDER = re.compile(r"\{(year|seq)[^{}]*\}")


@lru_cache(maxsize=512)
def pattern(text: str) -> NumberPattern:
    """The pattern that ``text`` writes down."""
    return NumberPattern(text)


def series(record_type: RecordType, year: int) -> str:
    """Name of the series that numbers of this type and year come from."""
    if pattern(record_type.number).yearly:
        return f"{record_type.identity}:{year}"
    return record_type.identity


def take(town: Town, record_type: RecordType, years: Iterable[int]) -> list[str]:
    """Numbers for new records, one per year given, in order. Must run inside the transaction that uses them."""
    wanted = list(years)
    shape = pattern(record_type.number)
    counts: dict[str, int] = {}
    for year in wanted:
        name = series(record_type, year)
        counts[name] = counts.get(name, 0) + 1
    following = {name: _advance(town, name, count) for name, count in sorted(counts.items())}
    numbers = []
    for year in wanted:
        name = series(record_type, year)
        numbers.append(shape.render(year, following[name]))
        following[name] += 1
    return numbers


def pass_over(town: Town, record_type: RecordType, numbers: Iterable[str]) -> None:
    """Make sure that numbers which came from outside are not given out once more."""
    highest: dict[str, int] = {}
    for number in numbers:
        found = _reader(record_type.number).fullmatch(number)
        if found is None:
            continue
        parts = found.groupdict()
        name = series(record_type, int(parts.get("year") or 0))
        highest[name] = max(highest.get(name, 0), int(parts["seq"]))
    table = town.system.number_sequence
    for name, value in sorted(highest.items()):
        table.insert(name=name, value=value).on_conflict(
            conflict_target=[table.name], update={table.value: value}, where=table.value < value
        ).execute()


def _advance(town: Town, name: str, count: int) -> int:
    """Take ``count`` from the series; the first of them."""
    statement = (
        "INSERT INTO number_sequence (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = number_sequence.value + excluded.value RETURNING value"
    )
    cursor = town.database.execute_sql(statement.replace("?", town.database.param), (name, count))
    last = int(cursor.fetchall()[0][0])
    return last - count + 1


@lru_cache(maxsize=512)
def _reader(text: str) -> re.Pattern[str]:
    pieces = []
    at = 0
    for found in _PLACEHOLDER.finditer(text):
        pieces.append(re.escape(text[at : found.start()]))
        pieces.append(r"(?P<year>\d{4})" if found.group(1) == "year" else r"(?P<seq>\d{1,15})")
        at = found.end()
    return re.compile("".join(pieces) + re.escape(text[at:]))
