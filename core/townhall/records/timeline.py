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

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.errors import Rejected
from townhall.records import reading
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


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One thing that happened, before it is put into words. Items sort by time; ``rank`` tells sources apart."""

    at: int
    rank: int
    id: int


#: Sources in the order in which they stand for one and the same instant, oldest first.
_BIRTH, _EDIT, _MOVE, _EVENT, _TALK = range(5)


class _Sources:
    """Where the items of one timeline come from, as one actor may know of them."""

    def __init__(self, town: Town, actor: Actor, record: Record, kinds: Collection[str]) -> None:
        self.town = town
        self.actor = actor
        self.record = record
        self.kinds = kinds
        self.staff = policy.is_staff(actor)
        contact = record.identity == CONTACT and self.staff
        self.standings: list[Standing] = standing.of(town, actor, record.id) if contact else []
        self.cases = [each for each in self.standings if town.schemas[each.identity].is_case]

    # -- one page of each source ------------------------------------------------------------------------------

    def page(self, after: Item | None, size: int) -> list[Item]:
        """The newest ``size`` items beyond ``after``."""
        found: list[Item] = []
        if {"talk", "note"} & set(self.kinds):
            found += self._talk(after, size)
        if "change" in self.kinds:
            found += self._moves(after, size)
            found += self._edits(after, size)
            found += [
                Item(each.created, _BIRTH, index)
                for index, each in enumerate(self.standings)
                if each not in self.cases and each.starts is None
            ]
        if "event" in self.kinds:
            found += [Item(starts, _EVENT, index) for index, starts in self._past_events()]
        if after is not None:
            found = [item for item in found if item < after]
        return sorted(found, reverse=True)[:size]

    def counts(self) -> dict[str, int]:
        """How many items there are of each kind."""
        changes = 0
        for query in (self._move_query(), self._edit_query()):
            changes += query.count() if query is not None else 0
        changes += sum(each not in self.cases and each.starts is None for each in self.standings)
        talk, note = self._talk_counts()
        return {"talk": talk, "note": note, "change": changes, "event": len(self._past_events())}

    def _past_events(self) -> list[tuple[int, int]]:
        now = to_microseconds(self.town.clock.now())
        return [
            (index, each.starts)
            for index, each in enumerate(self.standings)
            if each.starts is not None and each.starts <= now
        ]

    # -- interactions -----------------------------------------------------------------------------------------

    def _talk_query(self, *columns: Any) -> Any:
        record_type = self.town.schemas.get(INTERACTION)
        if record_type is None or (self.staff and not policy.may(self.actor, "view", record_type)):
            return None
        table = plan_of(self.town, INTERACTION)
        about = (table.column("about_id") == self.record.id) & (table.column("about_type") == self.record.identity)
        mine = about
        if self.record.identity == CONTACT:
            mine = (table.column("contact") == self.record.id) | about
        query = table.model.select(*columns).where(mine, table.column("archived").is_null())
        if not self.staff:
            query = query.where(table.column("public") == True)  # noqa: E712  # SQL, not Python
        return query

    def _talk(self, after: Item | None, size: int) -> list[Item]:
        table = plan_of(self.town, INTERACTION) if INTERACTION in self.town.schemas else None
        if table is None:
            return []
        at, id = table.column("at"), table.column("id")
        query = self._talk_query(at, id)
        if query is None:
            return []
        if "talk" not in self.kinds:
            query = query.where(table.column("direction") == "internal")
        elif "note" not in self.kinds:
            query = query.where(table.column("direction") != "internal")
        return _newest(query, at, id, _TALK, after, size)

    def _talk_counts(self) -> tuple[int, int]:
        if INTERACTION not in self.town.schemas:
            return 0, 0
        direction = plan_of(self.town, INTERACTION).column("direction")
        query = self._talk_query(direction, peewee.fn.COUNT(peewee.SQL("*")))
        if query is None:
            return 0, 0
        counted = dict(query.group_by(direction).tuples())
        notes = int(counted.pop("internal", 0))
        return sum(map(int, counted.values())), notes

    # -- moves between states, and edits ------------------------------------------------------------------------

    def _move_query(self) -> Any:
        table = self.town.system.case_transition
        ids: dict[str, list[int]] = {}
        if self.record.type.is_case:
            ids[self.record.identity] = [self.record.id]
        for each in self.cases:
            ids.setdefault(each.identity, []).append(each.id)
        if not ids:
            return None
        mine = None
        for identity, group in ids.items():
            part = (table.identity == identity) & table.record_id.in_(group)
            mine = part if mine is None else mine | part
        return table.select(table.at, table.id).where(mine)

    def _moves(self, after: Item | None, size: int) -> list[Item]:
        table, query = self.town.system.case_transition, self._move_query()
        return _newest(query, table.at, table.id, _MOVE, after, size) if query is not None else []

    def _edit_query(self) -> Any:
        if not self.staff:
            return None
        table = self.town.system.history
        query = table.select(table.at, table.id).where(
            self.town.old_names.where(table, self.record.identity), table.record_id == self.record.id
        )
        if self.record.type.is_case:
            query = query.where(table.action.not_in(_MOVES))
        return query

    def _edits(self, after: Item | None, size: int) -> list[Item]:
        table, query = self.town.system.history, self._edit_query()
        return _newest(query, table.at, table.id, _EDIT, after, size) if query is not None else []

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


def _newest(query: Any, at: Any, id: Any, rank: int, after: Item | None, size: int) -> list[Item]:
    """The newest items of one source beyond ``after``."""
    if after is not None:
        if rank < after.rank:
            query = query.where(at <= after.at)
        elif rank > after.rank:
            query = query.where(at < after.at)
        else:
            query = query.where((at < after.at) | ((at == after.at) & (id < after.id)))
    rows = query.order_by(at.desc(), id.desc()).limit(size).tuples()
    return [Item(moment, rank, number) for moment, number in rows if moment is not None]


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
    unknown = sorted(set(kinds or ()) - set(KINDS))
    if unknown:
        raise Rejected(f"There is no kind “{unknown[0]}”; choose among {', '.join(KINDS)}.", field="kinds")
    size = max(1, min(limit, LARGEST_PAGE))
    sources = _Sources(town, actor, record, tuple(kinds) if kinds else KINDS)
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
