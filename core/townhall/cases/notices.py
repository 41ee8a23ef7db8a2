"""Notices: a word to a colleague about a case, at the top of “My work” until they have seen it.

:func:`notify` is the one way to tell colleagues something about a record. It writes into the town's own tables, in the
transaction of the caller, and needs no mail server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.errors import TownhallError
from townhall.records import reading
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town

#: What a notice of each kind says where nothing more is known.
WORDS = {
    "warn": "Its time is running out.",
    "breach": "Its time is up.",
    "escalate": "It has been late for a working day.",
}
#: Unseen notices that are given at once.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Told:
    """A notice that somebody has not seen yet. ``record`` is ``None`` if they may not see it any more."""

    id: int
    kind: str
    text: str
    at: datetime
    record: Record | None


def notify(town: Town, user_ids: Iterable[int], record: Record, kind: str, text: str = "") -> int:
    """Tell these colleagues something about a record; how many there were. ``kind`` is a word for what it is.

    Must run inside a transaction, and stands or falls with it.
    """
    at = to_microseconds(town.clock.now())
    said = text or WORDS.get(kind, "")
    rows = [(id, record.identity, record.id, kind, said, at) for id in dict.fromkeys(user_ids)]
    if rows:
        town.database.insert_rows("notice", ("user_id", "identity", "record_id", "kind", "text", "at"), rows)
    return len(rows)


def unseen(town: Town, actor: Actor, limit: int = SHOWN) -> list[Told]:
    """What the actor has not seen yet, the newest first."""
    if actor.id is None:
        return []
    table = town.system.notice
    rows = list(
        table.select(table.id, table.identity, table.record_id, table.kind, table.text, table.at)
        .where(table.user_id == actor.id, table.seen_at.is_null())
        .order_by(table.id.desc())
        .limit(limit)
        .tuples()
    )
    records = _records(town, actor, rows)
    return [
        Told(id, kind, text, from_microseconds(at), records.get((identity, record_id)))
        for id, identity, record_id, kind, text, at in rows
        if (identity, record_id) in records or identity not in town.schemas
    ]


def seen(town: Town, actor: Actor, ids: Collection[int]) -> int:
    """The actor has seen these notices; how many of them were theirs."""
    table = town.system.notice
    now = to_microseconds(town.clock.now())
    query = table.update({table.seen_at: now}).where(
        table.user_id == actor.id, table.seen_at.is_null(), table.id.in_(list(ids))
    )
    return int(query.execute())


def _records(town: Town, actor: Actor, rows: Sequence[Any]) -> dict[tuple[str, int], Record]:
    """The records that notices are about, as far as the actor may see them: one question for each type."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        wanted[row[1]].add(row[2])
    found = {}
    for identity, ids in wanted.items():
        if identity not in town.schemas or not town.records.may(actor, "view", identity):
            continue
        try:
            records = reading.many(town, actor, identity, sorted(ids), fields=())
        except TownhallError:
            continue
        found.update({(identity, record.id): record for record in records})
    return found
