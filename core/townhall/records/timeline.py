"""One line through everything that happened to a person or a case, newest first, in plain words.

A contact's timeline gathers over all types: interactions, the records on which the contact stands and how they moved,
and events. A record's own has its interactions, moves and edits. Each source is asked for one page's worth beyond the
cursor, the newest of all are kept, and only these are put into words; so the number of statements never grows.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.errors import Rejected
from townhall.records import merged as merges
from townhall.records import predicate
from townhall.records import reading
from townhall.records import scope_links
from townhall.records import standing
from townhall.records import wording
from townhall.records.instants import to_microseconds
from townhall.records.paging import Cursor
from townhall.records.paging import decode
from townhall.records.plans import plan as plan_of
from townhall.records.standing import Standing
from townhall.records.types import Record
from townhall.records.types import TimelineEntry

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
INTERACTION = "core.interaction"
KINDS = ("talk", "note", "change", "event")
LARGEST_PAGE = 200

#: What history says besides what the moves of a case say already.
_MOVES = ("create", "transition")
#: Notes between colleagues are interactions that go nowhere.
_ONLY = {"note": " AND direction = 'internal'", "talk": " AND direction <> 'internal'"}


class Item(NamedTuple):
    """One thing that happened, before it is put into words. Items sort by time; ``rank`` tells sources apart."""

    at: int
    rank: int
    id: int


#: Sources in the order in which they stand for one and the same instant, oldest first.
_BIRTH, _EDIT, _MOVE, _EVENT, _TALK = range(5)


@dataclass(frozen=True, slots=True)
class _Source:
    """A table that items come from: which rows are the timeline's, as SQL, and the column with their moment."""

    table: str
    where: str
    parameters: tuple[Any, ...]

    def newest(self, town: Town, rank: int, after: Item | None, size: int, more: str = "") -> list[Item]:
        """The newest items beyond ``after``; ``more`` is one more test."""
        place, parameters = self._place(rank, after, town.database.param)
        sql = (
            f"SELECT at, id {self.rows}{more}{place}"  # names and marks
            f" ORDER BY at DESC, id DESC LIMIT {size}"
        )
        rows = town.database.execute_sql(sql, (*self.parameters, *parameters)).fetchall()
        return [Item(moment, rank, number) for moment, number in rows if moment is not None]

    @property
    def rows(self) -> str:
        """The rows, as the end of a statement."""
        return f"FROM {self.table} WHERE {self.where}"

    @staticmethod
    def _place(rank: int, after: Item | None, mark: str) -> tuple[str, tuple[int, ...]]:
        if after is None:
            return "", ()
        if rank < after.rank:
            return f" AND at <= {mark}", (after.at,)
        if rank > after.rank:
            return f" AND at < {mark}", (after.at,)
        return f" AND (at < {mark} OR (at = {mark} AND id < {mark}))", (after.at, after.at, after.id)


class _Sources:
    """Where the items of one timeline come from, as one actor may know of them.

    Each page of a record asks, so the statements are text.
    """

    def __init__(
        self, town: Town, actor: Actor, record: Record, kinds: Collection[str], standings: Sequence[Standing] | None
    ) -> None:
        self.town = town
        self.actor = actor
        self.record = record
        self.kinds = kinds
        self.staff = policy.is_staff(actor)
        contact = record.identity == CONTACT and self.staff
        if standings is None:
            standings = standing.of(town, actor, record.id) if contact else ()
        self.standings = standings
        self.cases = [each for each in self.standings if town.schemas[each.identity].is_case]
        self._births = [
            Item(each.created, _BIRTH, index)
            for index, each in enumerate(self.standings)
            if each.starts is None and not town.schemas[each.identity].is_case
        ]
        self._talks, self._moves, self._edits = self._talk_source(), self._move_source(), self._edit_source()

    # -- one page of each source ------------------------------------------------------------------------------

    def page(self, after: Item | None, size: int) -> list[Item]:
        """The newest ``size`` items beyond ``after``."""
        town = self.town
        found: list[Item] = []
        if self._talks is not None and {"talk", "note"} & set(self.kinds):
            only = "" if {"talk", "note"} <= set(self.kinds) else _ONLY["note" if "note" in self.kinds else "talk"]
            found += self._talks.newest(town, _TALK, after, size, only)
        if "change" in self.kinds:
            for source, rank in ((self._moves, _MOVE), (self._edits, _EDIT)):
                found += source.newest(town, rank, after, size) if source is not None else ()
            found += self._births
        if "event" in self.kinds:
            found += [Item(starts, _EVENT, index) for index, starts in self._past_events()]
        if after is not None:
            found = [item for item in found if item < after]
        return sorted(found, reverse=True)[:size]

    def counts(self) -> dict[str, int]:
        """How many items there are of each kind, asked of all tables at once."""
        counted = {"talk": 0, "note": 0, "change": len(self._births), "event": len(self._past_events())}
        asked = [("change", "''", "", source) for source in (self._moves, self._edits) if source is not None]
        if self._talks is not None:
            asked.append(("talk", "direction", " GROUP BY direction", self._talks))
        if asked:
            sql = " UNION ALL ".join(
                f"SELECT '{kind}', {direction}, count(*) {source.rows}{grouped}"
                for kind, direction, grouped, source in asked
            )
            parameters = [value for *_, source in asked for value in source.parameters]
            for kind, direction, many in self.town.database.execute_sql(sql, parameters).fetchall():
                counted["note" if direction == "internal" else kind] += int(many)
        return counted

    def _past_events(self) -> list[tuple[int, int]]:
        now = to_microseconds(self.town.clock.now())
        return [
            (index, each.starts)
            for index, each in enumerate(self.standings)
            if each.starts is not None and each.starts <= now
        ]

    def _talk_source(self) -> _Source | None:
        """Interactions; the public knows of what was said in public."""
        record_type = self.town.schemas.get(INTERACTION)
        if record_type is None or (self.staff and not policy.may(self.actor, "view", record_type)):
            return None
        mark = self.town.database.param
        where = f"(about_id = {mark} AND about_type = {mark})"
        parameters: tuple[Any, ...] = (self.record.id, self.record.identity)
        if self.record.identity == CONTACT:
            where, parameters = f"(contact = {mark} OR {where})", (self.record.id, *parameters)
        where += " AND archived IS NULL"
        if not self.staff:
            where, parameters = f"{where} AND public = {mark}", (*parameters, True)
        elif not predicate.sees_all(self.town, self.actor, record_type):
            # What is about this record and nothing else is about nothing that the actor doesn't know of.
            of_seen = self.record.identity != CONTACT and len(scope_links.references(self.town, record_type)) == 1
            visible = predicate.scope(self.town, self.actor, record_type, of_seen_cases=of_seen)
            if visible is not None:
                # Only these rows are looked at, and not all that the actor may know of in the town.
                model, mine = plan_of(self.town, INTERACTION).model, peewee.SQL(f"({where})", parameters)
                seen, more = model.select(model.id).where(mine & visible).sql()
                where, parameters = f"{where} AND id IN ({seen})", (*parameters, *more)
        return _Source(plan_of(self.town, INTERACTION).table, where, parameters)

    def _move_source(self) -> _Source | None:
        """Moves between states: the case's own, or those of all that a contact has."""
        ids: dict[str, list[int]] = {}
        if self.record.type.is_case:
            ids[self.record.identity] = [self.record.id]
        for each in self.cases:
            ids.setdefault(each.identity, []).append(each.id)
        if not ids:
            return None
        mark = self.town.database.param
        tests = (f"(identity = {mark} AND record_id IN ({', '.join([mark] * len(group))}))" for group in ids.values())
        parameters = tuple(value for identity, group in ids.items() for value in (identity, *group))
        return _Source("case_transition", f"({' OR '.join(tests)})", parameters)

    def _edit_source(self) -> _Source | None:
        """The record's own history; what the moves of a case say already is left out."""
        if not self.staff:
            return None
        mark = self.town.database.param
        about, names = self.town.old_names.test(mark, self.record.identity)
        where, parameters = f"{about} AND record_id = {mark}", (*names, self.record.id)
        if merged := merges.came_from(self.town, self.actor, self.record):
            # What happened to those that were merged into this one, their merging excepted: its own entry tells of it.
            marks = ", ".join([mark] * len(merged))
            where = f"{about} AND (record_id = {mark} OR (record_id IN ({marks}) AND action NOT IN ({mark}, {mark})))"
            parameters = (*parameters, *(each.id for each in merged), merges.MERGE, merges.UNMERGE)
        if not self.record.type.is_case:
            return _Source("history", where, parameters)
        return _Source("history", f"{where} AND action NOT IN ({mark}, {mark})", (*parameters, *_MOVES))

    # -- words ----------------------------------------------------------------------------------------------------

    def words(self, items: Sequence[Item]) -> dict[Item, TimelineEntry]:
        """The entries of the items that are shown."""
        writer = wording.Writer(self.town, self.actor, self.record, self.standings)
        chosen: dict[int, list[int]] = {}
        for item in items:
            chosen.setdefault(item.rank, []).append(item.id)
        made: dict[tuple[int, int], TimelineEntry] = {}
        for rank, write in (
            (_TALK, writer.interactions),
            (_MOVE, writer.moves),
            (_EDIT, writer.edits),
            (_EVENT, writer.events),
            (_BIRTH, writer.births),
        ):
            if rank in chosen:
                made.update({(rank, id): entry for id, entry in write(chosen[rank]).items()})
        return {item: made[item.rank, item.id] for item in items if (item.rank, item.id) in made}


def timeline(
    town: Town,
    actor: Actor,
    identity: str,
    id: int,
    *,
    kinds: Collection[str] | None = None,
    limit: int = 20,
    after: str = "",
) -> tuple[list[TimelineEntry], str, dict[str, int]]:
    """The newest entries beyond ``after``, the cursor of the next page, and how many there are of each kind.

    ``kinds`` chooses among ``talk``, ``note``, ``change`` and ``event``. Citizens see public messages and labels.
    """
    record = reading.get(town, actor, identity, id, fields=())
    return of(town, actor, record, kinds=kinds, limit=limit, after=after)


def of(
    town: Town,
    actor: Actor,
    record: Record,
    *,
    kinds: Collection[str] | None = None,
    limit: int = 20,
    after: str = "",
    standings: Sequence[Standing] | None = None,
) -> tuple[list[TimelineEntry], str, dict[str, int]]:
    """The same for a record that the actor has read already, and perhaps where it stands."""
    unknown = sorted(set(kinds or ()) - set(KINDS))
    if unknown:
        raise Rejected(f"There is no kind “{unknown[0]}”; choose among {', '.join(KINDS)}.", field="kinds")
    size = max(1, min(limit, LARGEST_PAGE))
    sources = _Sources(town, actor, record, tuple(kinds) if kinds else KINDS, standings)
    items = sources.page(_item(after) if after else None, size + 1)
    more, items = len(items) > size, items[:size]
    following = _cursor(items[-1]) if more else ""
    words = sources.words(items)
    return [words[item] for item in items if item in words], following, sources.counts()


def _cursor(item: Item) -> str:
    return Cursor("timeline", f"{item.at}:{item.rank}", item.id).encode()


def _item(after: str) -> Item:
    cursor = decode(after, "timeline")
    at, _, rank = str(cursor.value).partition(":")
    try:
        return Item(int(at), int(rank), cursor.id)
    except ValueError:
        raise Rejected(
            "This part of the timeline can't be found. Start again from the newest.", field="after"
        ) from None
