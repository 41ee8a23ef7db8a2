"""The chain over history: a job seals the entries that were written since it last ran.

One chain in every transaction would make writers wait for each other, so each seal covers what it finds: the digests of
the entries in the order of their ids, and the seal before it. On PostgreSQL ids are given out before their transactions
commit. An entry that becomes visible after others with higher ids were sealed stands in a gap; gaps are looked at each
time, and what turns up in one goes into a later seal. SQLite lets one write at a time, so nothing ever turns up late.

The gaps are kept in a list, so that no run has to read the whole chain; verifying works them out anew from the seals.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import TownhallError
from townhall.records.coverage import Coverage
from townhall.records.coverage import Range
from townhall.records.coverage import merged
from townhall.records.coverage import ranges_of
from townhall.records.instants import to_microseconds
from townhall_forms.fields.base import encode_json
from townhall_forms.instants import nearest
from townhall_forms.reading import read_json

if TYPE_CHECKING:
    from townhall.town import Town

#: Most entries of one seal. The fewer, the better a broken one tells which entry it was.
MOST = 1000
#: What the first seal follows.
BEGINNING = "0" * 64
#: Under which key the ids are kept that were passed over.
GAPS = "history_gaps"
_COLUMNS = 'number, previous, "at", entries, last_id, ranges, digest'
#: Gaps that one statement looks into.
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain. ``at`` is in microseconds since 1970."""

    number: int
    previous: str
    at: int
    entries: int
    last_id: int
    ranges: tuple[Range, ...]
    digest: str


def run(town: Town) -> str:
    """The job: seal everything that is not sealed yet. Returns what was done, in a sentence; empty if nothing was."""
    count = seal(town)
    return f"Sealed {count:,} {'entry' if count == 1 else 'entries'} of history." if count else ""


def seal(town: Town) -> int:
    """Seal all entries that can be seen and are not sealed yet; how many.

    Each seal is a transaction of its own. Where another process seals at the same time, one of the two wins and the
    other leaves the rest to it.
    """
    count = 0
    while True:
        try:
            done = _seal_some(town)
        except peewee.IntegrityError:
            return count
        count += done
        if done < MOST:
            return count


def newest(town: Town) -> Seal | None:
    """The last seal; ``None`` if nothing was sealed yet.

    Raises :class:`~townhall.errors.TownhallError` if somebody wrote over it what is no seal.
    """
    rows = rows_of(town, "ORDER BY number DESC LIMIT 1")
    return seal_of(rows[0]) if rows else None


def numbered(town: Town, number: int) -> Seal | None:
    """The seal with this number.

    Raises :class:`~townhall.errors.TownhallError` if somebody wrote over it what is no seal.
    """
    rows = rows_of(town, f"WHERE number = {town.database.param}", (number,))
    return seal_of(rows[0]) if rows else None


def rows_of(town: Town, rest: str, values: Sequence[Any] = (), more: str = "") -> list[Any]:
    """Rows of ``history_seal`` as they stand there: whatever somebody wrote, the query itself doesn't trip over it."""
    sql = f"SELECT {_COLUMNS}{more} FROM history_seal {rest}"  # noqa: S608  # our own words
    return list(town.database.execute_sql(sql, values).fetchall())


def seal_of(row: Sequence[Any]) -> Seal:
    """A row of ``history_seal``, which may hold anything.

    Raises :class:`~townhall.errors.TownhallError` if it is no seal.
    """
    number, previous, at, entries, last_id, ranges, digest = row
    try:
        # SQLite keeps whatever somebody writes into a column.
        if any(type(each) is not int for each in (at, entries, last_id)) or type(digest) is not str:
            raise TypeError
        if nearest(at) != at:
            raise ValueError  # no moment of a town's
        return Seal(number, previous, at, entries, last_id, tuple(_ranges(ranges)), digest)
    except (TypeError, ValueError, OverflowError) as error:
        raise TownhallError(f"Seal {number:,} was changed: it can't be read any more.") from error


def _ranges(text: Any) -> list[Range]:
    """Ranges from JSON. Raises :class:`TypeError` or :class:`ValueError` if they are none."""
    told = [(first, last) for first, last in read_json(text)]
    if any(type(id) is not int for each in told for id in each):
        raise TypeError
    return told


def seal_digest(number: int, previous: str, at: int, ranges: Sequence[Range], digests: Iterable[str]) -> str:
    """The digest of a seal: SHA-256 over what it says, the digest of the one before, and those of its entries."""
    said = [f"{number}\n{previous}\n{at}\n{encode_json(ranges)}", *digests]
    return sha256("\n".join(said).encode()).hexdigest()


def unsealed(town: Town) -> int:
    """How many entries wait for the next seal."""
    _, covered = standing(town)
    return sum(1 for _ in _in_gaps(town, covered.gaps)) + int(
        town.database.execute_sql(
            f"SELECT count(*) FROM history WHERE id > {town.database.param}",  # noqa: S608  # a mark, not a value
            (covered.end,),
        ).fetchone()[0]
    )


def _seal_some(town: Town) -> int:
    """Make one seal; how many entries are in it."""
    with immediate(town.database):
        before, covered = standing(town)
        found = dict(islice(_in_gaps(town, covered.gaps), MOST))
        mark = town.database.param
        found |= town.database.execute_sql(
            f"SELECT id, digest FROM history WHERE id > {mark} ORDER BY id LIMIT {mark}",  # noqa: S608
            (covered.end, MOST - len(found)),
        ).fetchall()
        if not found:
            return 0
        ids = sorted(found)
        ranges = ranges_of(ids)
        # A clock that was set back must not make the chain go back in time.
        at = max(to_microseconds(town.clock.now()), before.at if before is not None else 0)
        number, previous = (before.number + 1, before.digest) if before is not None else (1, BEGINNING)
        digest = seal_digest(number, previous, at, ranges, [found[id] for id in ids])
        left = list(covered.gaps)
        covered.add(ranges)
        town.system.history_seal.insert(
            number=number,
            previous=previous,
            at=at,
            entries=len(ids),
            last_id=covered.end,
            ranges=encode_json(ranges),
            digest=digest,
        ).execute()
        if covered.gaps != left and comes_late(town):
            meta.put(town.system, GAPS, encode_json(covered.gaps))
        return len(ids)


def comes_late(town: Town) -> bool:
    """Whether an entry may become visible after others with higher ids."""
    return town.database.engine == "postgresql"


def standing(town: Town) -> tuple[Seal | None, Coverage]:
    """The last seal, and what all of them cover.

    Raises :class:`~townhall.errors.TownhallError` if somebody wrote over either what can't be.
    """
    # At one moment: another process may make a seal at any.
    kept = f', (SELECT "value" FROM meta WHERE "key" = {town.database.param})'  # noqa: S608
    rows = rows_of(town, "ORDER BY number DESC LIMIT 1", (GAPS,), kept)
    if not rows:
        return None, Coverage()
    *told, gaps = rows[0]
    before = seal_of(told)
    return before, Coverage(before.last_id, gaps_of(gaps, before.last_id) if comes_late(town) else [])


def gaps_of(text: Any, end: int) -> list[Range]:
    """The gaps below ``end`` from what is kept of them; none where nothing is.

    Raises :class:`~townhall.errors.TownhallError` if somebody made of it what is no list of gaps.
    """
    try:
        gaps = _ranges("[]" if text is None else text)
        # No entry ever has an id below 1, and the last one is in a seal.
        if gaps != merged(gaps) or any(not 0 < first <= last < end for first, last in gaps):
            raise ValueError
    except (TypeError, ValueError) as error:
        raise TownhallError(
            f"The list of gaps in the chain, “{GAPS}” in the table “meta”, was changed and can't be read any more. "
            "Compare it with a backup."
        ) from error
    return gaps


def _in_gaps(town: Town, gaps: Sequence[Range]) -> Iterator[tuple[int, str]]:
    """Entries that turned up in gaps, with their digests."""
    mark = town.database.param
    for start in range(0, len(gaps), _AT_ONCE):
        part = gaps[start : start + _AT_ONCE]
        tests = " OR ".join([f"id BETWEEN {mark} AND {mark}"] * len(part))
        sql = f"SELECT id, digest FROM history WHERE {tests} ORDER BY id"  # noqa: S608  # marks, no values
        yield from town.database.execute_sql(sql, [id for gap in part for id in gap]).fetchall()
