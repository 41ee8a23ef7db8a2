"""Proving history: every digest is worked out anew, and the first one that is wrong is named.

Three things are looked at: each entry against its own digest, its values against the salted digest in it where they
were not erased, and each seal against its entries and the seal before it. Entries are read in batches, so that memory
stays the same however long a town has kept records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

import peewee

from townhall.errors import TownhallError
from townhall.records.anchors import Anchor
from townhall.records.coverage import Coverage
from townhall.records.coverage import Range
from townhall.records.coverage import merged
from townhall.records.history import ENTRY_COLUMNS
from townhall.records.sealing import BEGINNING
from townhall.records.sealing import GAPS
from townhall.records.sealing import Seal
from townhall.records.sealing import comes_late
from townhall.records.sealing import gaps_of
from townhall.records.sealing import rows_of
from townhall.records.sealing import seal_digest
from townhall.records.sealing import seal_of
from townhall.records.tellers import Tellers
from townhall.records.verdicts import Broken
from townhall.records.verdicts import Found
from townhall.records.verdicts import Named
from townhall.records.verdicts import Verdict
from townhall.records.verdicts import about
from townhall.records.verdicts import entry_broken
from townhall.records.verdicts import named_broken
from townhall.records.verdicts import named_in
from townhall.records.verdicts import slipped_in
from townhall.records.verdicts import when
from townhall_forms.fields.base import LARGEST_INTEGER
from townhall_forms.fields.base import encode_json

if TYPE_CHECKING:
    from townhall.town import Town

#: Most seals, and about most entries, that are in memory at once.
_SEALS, _ENTRIES = 1000, 20_000
_ROWS = 5000
_LOWEST = -LARGEST_INTEGER - 1
#: No seal covers more entries than this, whatever it says: they are all looked for.
_LARGEST_SEAL = 100_000
#: Most different texts that are remembered.
_TEXTS = 50_000

#: Told how many entries were looked at, of how many.
Progress = Callable[[int, int], None]

#: An entry's id, the columns that its digest covers, and that digest.
_COLUMNS = ", ".join(f'"{name}"' for name in ENTRY_COLUMNS)
#: Ranges of three tables one after the other: joined, a server would rather read all of them for each batch.
_SQL = "SELECT {columns} FROM history WHERE id BETWEEN {mark} AND {mark} ORDER BY id LIMIT {mark}"
_VALUES = "SELECT history_id, salt, note, changes FROM history_values WHERE history_id BETWEEN {mark} AND {mark}"
_ERASED = "SELECT history_id, entry_id FROM history_erased WHERE history_id BETWEEN {mark} AND {mark}"


class _Part(NamedTuple):
    """Some entries, their values, and by which entries it is told that values were erased; both by the entry's id."""

    entries: list[Any]
    values: dict[int, Any]
    erased: dict[int, Any]


def verify(town: Town, anchors: Sequence[Anchor] = (), progress: Progress | None = None) -> Verdict:
    """Look at all of history. The first thing that is wrong stands in :attr:`Verdict.broken`."""
    work = _Work(town, list(anchors), progress)
    try:
        work.look()
    except Found as found:
        work.verdict.broken = found.broken
    except (peewee.DatabaseError, sqlite3.Error) as error:  # SQLite tells only of a row that it reads
        read = work.verdict.entries
        work.verdict.broken = Broken(f"After {read:,} entries history can't be read any further. The database: {error}")
    return work.verdict


@dataclass(slots=True)
class _Work:
    """One run over history."""

    town: Town
    anchors: list[Anchor]
    progress: Progress | None
    verdict: Verdict = field(default_factory=Verdict)
    total: int = 0
    #: Texts as JSON: there are few different ones among types, people, doors and actions.
    texts: _Texts = field(default_factory=lambda: _Texts())
    tellers: Tellers = field(init=False)

    def __post_init__(self) -> None:
        self.tellers = Tellers(self.town)

    def look(self) -> None:
        """Seals in order, then what is not sealed yet."""
        database = self.town.database
        listed = self._listed()
        self.total = int(database.execute_sql("SELECT count(*) FROM history").fetchone()[0])
        covered, then = Coverage(), Coverage()
        before: Seal | None = None
        for seals in self._seals():
            digests = self._entries(merged(each for seal in seals for each in seal.ranges))
            for seal in seals:
                self._compare(before, seal, digests)
                self._cover(covered, seal)
                before = seal
                if listed is not None and seal.number == listed[0]:
                    then = Coverage(covered.end, list(covered.gaps))
        self._no_anchor_is_left(before)
        if listed is not None:
            self._as_listed(then, listed[1])
        for first, final in ((_LOWEST, 0), *covered.gaps, (covered.end + 1, LARGEST_INTEGER)):
            waits = first > covered.end or (first > 0 and comes_late(self.town))
            for part in self._rows(first, final):
                self.verdict.unsealed += len(part.entries)
                self._check(part)
                if not waits:
                    raise Found(slipped_in(part.entries[0][0], named_in(part.entries[0])))

    def _listed(self) -> tuple[int, str | None] | None:
        """The list of gaps that sealing goes by, and the number of the newest seal then; ``None`` if it needs none."""
        if not comes_late(self.town):
            return None
        # At one moment: each seal may change the list.
        mark = self.town.database.param
        sql = f'SELECT max(number), (SELECT "value" FROM meta WHERE "key" = {mark}) FROM history_seal'  # noqa: S608
        number, told = self.town.database.execute_sql(sql, (GAPS,)).fetchone()
        return number or 0, told

    def _as_listed(self, covered: Coverage, told: str | None) -> None:
        """Whether sealing goes by the gaps that the seals left: what it doesn't know of would wait for ever."""
        try:
            gaps = gaps_of(told, covered.end)
        except TownhallError as error:
            raise Found(Broken(str(error))) from error
        if gaps != covered.gaps:
            raise Found(
                Broken(
                    f"The list of gaps in the chain, “{GAPS}” in the table “meta”, was changed: the seals leave other "
                    "gaps. Compare it with a backup."
                )
            )

    # -- seals ------------------------------------------------------------------------------------------------

    def _seals(self) -> Iterator[list[Seal]]:
        """All seals in order, as many at once as cover a limited number of entries."""
        mark, reached = self.town.database.param, _LOWEST
        after = f"WHERE number > {mark} ORDER BY number LIMIT {mark}"
        while rows := rows_of(self.town, after, (reached, _SEALS)):
            part: list[Seal] = []
            entries = 0
            for seal in map(self._seal, rows):
                if part and entries + seal.entries > _ENTRIES:
                    break
                part.append(seal)
                entries += seal.entries
            reached = part[-1].number
            yield part

    def _seal(self, row: Sequence[Any]) -> Seal:
        try:
            seal = seal_of(row)
        except TownhallError as error:
            raise Found(Broken(str(error), row[0])) from error
        amount = sum(last - first + 1 for first, last in seal.ranges)
        if (
            not 0 < amount == seal.entries <= _LARGEST_SEAL
            or any(last < first for first, last in seal.ranges)
            or list(seal.ranges) != merged(seal.ranges)
        ):
            raise Found(Broken(f"Seal {seal.number:,}, of {when(seal.at)}, was changed.", seal.number))
        return seal

    def _compare(self, before: Seal | None, seal: Seal, digests: dict[int, str]) -> None:
        """Whether a seal follows the one before, and its entries are those that it was made over."""
        number, previous = (before.number, before.digest) if before is not None else (0, BEGINNING)
        if seal.number != number + 1:
            lost = f"Seal {number + 1:,} is missing" + (f", which came after {when(before.at)}." if before else ".")
            raise Found(Broken(lost, number + 1))
        if before is not None and seal.at < before.at:
            sentence = f"Seal {seal.number:,}, of {when(seal.at)}, is of an earlier time than the one before it: one of"
            raise Found(Broken(f"{sentence} the two was changed.", seal.number))
        if seal.previous != previous:
            sentence = (
                f"Seal {seal.number:,}, of {when(seal.at)}, doesn't follow from the one before it: one of the two"
            )
            raise Found(Broken(f"{sentence} was changed.", seal.number))
        ids = [id for first, last in seal.ranges for id in range(first, last + 1)]
        for id in ids:
            if id not in digests:
                raise self._missing(seal, id)
        made = seal_digest(seal.number, seal.previous, seal.at, seal.ranges, [digests[id] for id in ids])
        if made != seal.digest:
            raise Found(self._replaced(seal, ids))
        for anchor in [each for each in self.anchors if each.seal == seal.number]:
            self.anchors.remove(anchor)
            if anchor.digest != seal.digest:
                sentence = (
                    f"Seal {seal.number:,} is not the one in the anchor {anchor.source}: the history up to "
                    f"{when(seal.at)} was written anew after the anchor was taken."
                )
                raise Found(Broken(sentence, seal.number))
            self.verdict.anchors += 1
        self.verdict.seals += 1
        self.verdict.newest = seal

    def _cover(self, covered: Coverage, seal: Seal) -> None:
        """Whether a seal covers only what was open until then, and says truly where the chain ends with it."""
        first = seal.ranges[0][0]
        late = first <= covered.end
        strange = first if late and not comes_late(self.town) else covered.add(seal.ranges)
        if strange is not None and covered.covers(strange):
            what = f"covers the entry {strange:,} about {about(self._named(strange))}, which was sealed before"
            raise Found(Broken(f"Seal {seal.number:,}, of {when(seal.at)}, {what}.", seal.number, strange))
        if strange is not None:
            raise Found(slipped_in(strange, self._named(strange), seal.number))
        if seal.last_id != covered.end:
            what = f"it says that the chain reaches to entry {seal.last_id:,}, and it reaches to {covered.end:,}"
            raise Found(Broken(f"Seal {seal.number:,}, of {when(seal.at)}, was changed: {what}.", seal.number))

    def _missing(self, seal: Seal, id: int) -> Found:
        beside = self._named(id - 1) or self._named(id + 1)
        place = f", which stood beside the one about {about(beside)}" if beside else ""
        sentence = f"Entry {id:,} is missing{place}. It was there when seal {seal.number:,} was made, {when(seal.at)}."
        return Found(named_broken(sentence, seal.number, id, None))

    def _replaced(self, seal: Seal, ids: Sequence[int]) -> Broken:
        """The sentence for a seal that its entries don't fit although each of them holds by itself."""
        first, last = self._named(ids[0]), self._named(ids[-1])
        if len(ids) == 1:
            what = f"The entry {ids[0]:,} about {about(first)} was written anew after it was sealed"
        else:
            what = (
                f"One of the {len(ids):,} entries from {ids[0]:,} (about {about(first)}) to {ids[-1]:,} (about "
                f"{about(last)}) was written anew after they were sealed"
            )
        sentence = f"{what}, or seal {seal.number:,}, of {when(seal.at)}, was changed."
        return named_broken(sentence, seal.number, ids[0] if len(ids) == 1 else 0, first)

    def _named(self, id: int) -> Named | None:
        """What the entry with this id is called by, if it is there."""
        mark, database = self.town.database.param, self.town.database
        row = database.execute_sql(f"SELECT {_COLUMNS} FROM history WHERE id = {mark}", (id,)).fetchone()  # noqa: S608
        return None if row is None else named_in(row)

    def _no_anchor_is_left(self, last: Seal | None) -> None:
        for anchor in self.anchors:
            end = f"seal {last.number:,}" if last is not None else "nothing"
            sentence = (
                f"Seal {anchor.seal:,} of the anchor {anchor.source} is not there: the chain ends with {end}. "
                "Its end was cut off, or the town was restored from an older backup."
            )
            raise Found(Broken(sentence, anchor.seal))

    # -- entries ----------------------------------------------------------------------------------------------

    def _entries(self, wanted: Sequence[Range]) -> dict[int, str]:
        """The digests of these entries, each proved by itself."""
        digests: dict[int, str] = {}
        for first, last in wanted:
            for part in self._rows(first, last):
                self._check(part)
                digests.update([(row[0], row[11]) for row in part.entries])
        return digests

    def _rows(self, first: int, last: int) -> Iterator[_Part]:
        database = self.town.database
        mark, run = database.param, database.execute_sql
        entries, values, erased = (each.format(columns=_COLUMNS, mark=mark) for each in (_SQL, _VALUES, _ERASED))
        while first <= last:
            part = run(entries, (first, last, _ROWS)).fetchall()
            if not part:
                return
            ends = (part[0][0], part[-1][0])
            # In this order: what is erased meanwhile is told to be.
            kept = {row[0]: row for row in run(values, ends).fetchall()}
            yield _Part(part, kept, dict(run(erased, ends).fetchall()))
            if len(part) < _ROWS:
                return
            first = ends[1] + 1

    def _check(self, part: _Part) -> None:
        """Prove each of these entries by itself: its own digest, and that of its values where they are there."""
        texts, values, erased = self.texts, part.values, part.erased
        if len(texts) > _TEXTS:
            texts.clear()
        for row in part.entries:
            id, identity, record, version, at, kind, actor, name, door, action, kept, digest = row
            facts = (
                f"[{texts[identity]},{record},{version},{at},{texts[kind]},{'null' if actor is None else actor},"
                f'{texts[name]},{texts[door]},{texts[action]},"{kept}"]'
            )
            if sha256(facts.encode()).hexdigest() != digest:
                raise Found(entry_broken(row, "was changed after it was written"))
            told = values.get(id)
            if told is None:
                self._check_erased(row, erased.get(id))
            elif sha256(f"{told[1]}\n{told[2]}\n{told[3]}".encode()).hexdigest() != kept:
                raise Found(entry_broken(row, "has other values than when it was written"))
            elif erased and id in erased and self._has_values(id):
                raise Found(entry_broken(row, "has values again, although they were erased"))
        self.verdict.entries += len(part.entries)
        if self.progress is not None:
            self.progress(self.verdict.entries, self.total)

    def _has_values(self, id: int) -> bool:
        """Whether values are there still: they may have been erased between reading them and what is told of that."""
        table = self.town.system.history_values
        return bool(table.select().where(table.history_id == id).exists())

    def _check_erased(self, row: Sequence[Any], teller: Any) -> None:
        """Values that are gone must have been erased as another entry says."""
        if teller is None or not self.tellers.told(row[0], row[4], teller):
            raise Found(entry_broken(row, "has lost its values, and no entry says that they were erased"))
        self.verdict.erased += 1
        self.verdict.uncounted = self.tellers.uncounted


class _Texts(dict[Any, str]):
    """Each text as JSON, worked out once."""

    def __missing__(self, text: Any) -> str:
        # SQLite keeps whatever somebody writes into a column; what is no text fits no digest.
        made = self[text] = encode_json(text) if isinstance(text, str) else repr(text)
        return made
