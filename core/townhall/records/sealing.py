"""The chain over history: a job seals the entries that were written since it last ran.

One chain in every transaction would make writers wait for each other, so each seal covers what it finds: the digests of
the entries in the order of their ids, and the seal before it. On PostgreSQL ids are given out before their transactions
commit. An entry that becomes visible after others with higher ids were sealed stands in a gap; gaps are looked at each
time, and what turns up in one goes into a later seal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import TownhallError
from townhall.records.instants import to_microseconds
from townhall_forms.fields.base import encode_json

if TYPE_CHECKING:
    from townhall.town import Town

#: Most entries of one seal. The fewer, the better a broken one tells which entry it was.
MOST = 1000
#: What the first seal follows.
BEGINNING = "0" * 64
#: Under which key the ids are kept that were passed over.
_GAPS = "history_gaps"
#: Gaps that one statement looks into.
_AT_ONCE = 200

#: ``(first, last)``: ids without a gap between them.
Range = tuple[int, int]


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
    """The last seal; ``None`` if nothing was sealed yet."""
    table = town.system.history_seal
    row = table.select().order_by(table.number.desc()).limit(1).tuples().first()
    return None if row is None else seal_of(row)


def numbered(town: Town, number: int) -> Seal | None:
    """The seal with this number."""
    table = town.system.history_seal
    row = table.select().where(table.number == number).tuples().first()
    return None if row is None else seal_of(row)


def seal_of(row: Sequence[Any]) -> Seal:
    """A row of ``history_seal``. Raises :class:`ValueError` if its ranges are none."""
    number, previous, at, entries, last_id, ranges, digest = row
    told = json.loads(ranges)
    return Seal(number, previous, at, entries, last_id, tuple((int(first), int(last)) for first, last in told), digest)


def seal_digest(number: int, previous: str, at: int, ranges: Sequence[Range], digests: Iterable[str]) -> str:
    """The digest of a seal: SHA-256 over what it says, the digest of the one before, and those of its entries."""
    said = [f"{number}\n{previous}\n{at}\n{encode_json(ranges)}", *digests]
    return sha256("\n".join(said).encode()).hexdigest()


def unsealed(town: Town) -> int:
    """How many entries wait for the next seal."""
    last, gaps = standing(town)
    return sum(1 for _ in _in_gaps(town, gaps)) + int(
        town.database.execute_sql(
            f"SELECT count(*) FROM history WHERE id > {town.database.param}",  # noqa: S608  # a mark, not a value
            (last.last_id if last else 0,),
        ).fetchone()[0]
    )


def _seal_some(town: Town) -> int:
    """Make one seal; how many entries are in it."""
    with immediate(town.database):
        before, gaps = standing(town)
        last = before.last_id if before is not None else 0
        found = dict(_in_gaps(town, gaps))
        found = dict(list(found.items())[:MOST])
        mark = town.database.param
        found |= town.database.execute_sql(
            f"SELECT id, digest FROM history WHERE id > {mark} ORDER BY id LIMIT {mark}",  # noqa: S608
            (last, MOST - len(found)),
        ).fetchall()
        if not found:
            return 0
        ids = sorted(found)
        ranges = ranges_of(ids)
        # A clock that was set back must not make the chain go back in time.
        at = max(to_microseconds(town.clock.now()), before.at if before is not None else 0)
        number, previous = (before.number + 1, before.digest) if before is not None else (1, BEGINNING)
        digest = seal_digest(number, previous, at, ranges, [found[id] for id in ids])
        town.system.history_seal.insert(
            number=number,
            previous=previous,
            at=at,
            entries=len(ids),
            last_id=max(last, ids[-1]),
            ranges=encode_json(ranges),
            digest=digest,
        ).execute()
        passed = [*gaps, (last + 1, ids[-1])] if ids[-1] > last else gaps
        left = without(passed, ranges)
        if left != gaps:
            meta.put(town.system, _GAPS, encode_json(left))
        return len(ids)


def standing(town: Town) -> tuple[Seal | None, list[Range]]:
    """The last seal, and the ids below its end that are in no seal.

    The seal is read first: where another process makes one in between, its number is taken, and this one gives up.
    Raises :class:`~townhall.errors.TownhallError` if somebody made a list of gaps that is none.
    """
    before = newest(town)
    try:
        told = json.loads(meta.get(town.system, _GAPS, "[]"))
        return before, [(int(first), int(last)) for first, last in told]
    except (ValueError, TypeError) as error:
        raise TownhallError(
            f"The list of gaps in the chain, “{_GAPS}” in the table “meta”, was changed and can't be read any more. "
            "Compare it with a backup."
        ) from error


def _in_gaps(town: Town, gaps: Sequence[Range]) -> Iterator[tuple[int, str]]:
    """Entries that turned up in gaps, with their digests."""
    mark = town.database.param
    for start in range(0, len(gaps), _AT_ONCE):
        part = gaps[start : start + _AT_ONCE]
        tests = " OR ".join([f"id BETWEEN {mark} AND {mark}"] * len(part))
        sql = f"SELECT id, digest FROM history WHERE {tests} ORDER BY id"  # noqa: S608  # marks, no values
        yield from town.database.execute_sql(sql, [id for gap in part for id in gap]).fetchall()


def ranges_of(ids: Iterable[int]) -> list[Range]:
    """Ascending ids as ranges without gaps."""
    made: list[Range] = []
    for id in ids:
        if made and made[-1][1] == id - 1:
            made[-1] = (made[-1][0], id)
        else:
            made.append((id, id))
    return made


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Ranges in order, those that touch or overlap as one."""
    made: list[Range] = []
    for first, last in sorted(ranges):
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(last, made[-1][1]))
        else:
            made.append((first, last))
    return made


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """What is left of ranges when others are taken out of them."""
    left: list[Range] = []
    cuts = merged(taken)
    place = 0
    for low, high in merged(ranges):
        while place < len(cuts) and cuts[place][1] < low:
            place += 1
        at = place
        while at < len(cuts) and cuts[at][0] <= high:
            if low < cuts[at][0]:
                left.append((low, cuts[at][0] - 1))
            low = cuts[at][1] + 1
            at += 1
        if low <= high:
            left.append((low, high))
    return left
