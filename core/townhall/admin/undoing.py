"""What was done to many records at once is marked, so that it can be undone as a whole for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from peewee import fn

from townhall.access import actors
from townhall.access.actors import Actor
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.messages import outbox
from townhall.records import reverting
from townhall.records.disclosing import PERMISSION
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town

#: How long an action can be undone.
HOURS = 24
WITHIN = timedelta(hours=HOURS)


@dataclass(frozen=True, slots=True)
class Done:
    """An action that was done to many records."""

    id: int
    identity: str
    label: str
    at: datetime
    actor_id: int | None
    actor: str
    undone: datetime | None
    records: int
    put_back: int


@dataclass(frozen=True, slots=True)
class Left:
    """A record that was left as it is, and why: ``name`` says which, as far as the actor may know, and ``seen`` whether
    they can open it.
    """

    id: int
    name: str
    seen: bool
    reason: str


@dataclass(slots=True)
class Undone:
    """What became of undoing: how many were put back, and why the others were left as they are."""

    done: int = 0
    left: list[Left] = field(default_factory=list)


class Mark:
    """Marks the changes of one action; nothing is written before the first of them."""

    def __init__(self, town: Town, actor: Actor, identity: str, label: str) -> None:
        self._town = town
        self._actor = actor
        self._identity = identity
        self._label = label
        #: Id of the action; 0 as long as nothing was changed.
        self.id = 0

    def change(self, record: Record, act: Callable[[], Any]) -> None:
        """Do something to a record and mark it, both or neither."""
        records, system = self._town.records, self._town.system
        with immediate(self._town.database):
            act()
            # Whoever gave it away may not see it any more.
            after = records.get(actors.system(), record.identity, record.id, fields=()).version
            if after == record.version:
                return
            id = self.id or self._begin()
            system.bulk_change.insert(
                bulk_id=id, identity=record.identity, record_id=record.id, before=record.version, after=after
            ).execute()
        self.id = id

    def _begin(self) -> int:
        table = self._town.system.bulk_action
        return int(
            table.insert(
                identity=self._identity,
                label=self._label,
                at=to_microseconds(self._town.clock.now()),
                actor_id=self._actor.id,
                actor_name=self._actor.name,
            ).execute()
        )


def recent(town: Town, actor: Actor, identity: str) -> list[Done]:
    """Actions on records of a type that the actor may still undo, newest first."""
    table = town.system.bulk_action
    query = table.select().where(table.identity == identity, table.at > _earliest(town), table.undone_at.is_null())
    if not actor.may(PERMISSION):
        query = query.where(table.actor_id == actor.id)
    return [_done(town, row) for row in query.order_by(table.id.desc()).limit(20)]


def find(town: Town, actor: Actor, identity: str, id: int) -> Done:
    """An action that the actor may undo, or that was undone already.

    Raises :class:`~townhall.errors.NotFound` if there is none, or :class:`~townhall.errors.Forbidden`, saying why.
    """
    table = town.system.bulk_action
    row = table.get_or_none(table.id == id, table.identity == identity)
    if row is None:
        raise NotFound("There is no such action.")
    if row.actor_id != actor.id and not actor.may(PERMISSION):
        raise Forbidden(f"{row.actor_name} did this, and only they or an administrator can undo it.")
    return _done(town, row)


def is_late(town: Town, done: Done) -> bool:
    """Whether the time in which an action can be undone is over."""
    return to_microseconds(done.at) <= _earliest(town)


def undo(town: Town, actor: Actor, done: Done) -> Undone:
    """Put back each record that nobody has changed since, and say why the others are left.

    Each record is a transaction of its own: what is put back stays so if the work breaks off, and whoever asks again
    goes on with the rest. Of two who ask at once each puts back what the other has not. The action is undone once
    nothing of it is left.
    Raises :class:`~townhall.errors.Rejected` if the time for it is over.
    """
    if is_late(town, done):
        raise Rejected(f"This can't be undone any more: that is possible for {HOURS} hours.")
    system, outcome = town.system, Undone()
    table, action = system.bulk_change, system.bulk_action
    now = to_microseconds(town.clock.now())
    rows = list(table.select().where(table.bulk_id == done.id, table.undone_at.is_null()).order_by(table.id))
    for row in rows:
        try:
            with immediate(town.database):
                claimed = table.update(undone_at=now).where(table.id == row.id, table.undone_at.is_null())
                if not claimed.execute():
                    continue
                reverting.revert(
                    town, actor, row.identity, row.record_id, before=row.before, after=row.after,
                    note=f"“{done.label}” undone.",
                )  # fmt: skip
            outcome.done += 1
        except TownhallError as error:
            outcome.left.append(_left(town, actor, done, row.record_id, str(error)))
    still = table.select(table.id).where(table.bulk_id == done.id, table.undone_at.is_null())
    whole = (action.id == done.id) & action.undone_at.is_null() & ~fn.EXISTS(still)
    action.update(undone_at=now).where(whole).execute()
    return outcome


def told(town: Town, done: Done) -> int:
    """How many messages to citizens came of an action and were sent, or are on their way."""
    table = town.system.bulk_change
    rows = table.select(table.record_id, table.before, table.after).where(table.bulk_id == done.id).tuples()
    versions = {id: range(before + 1, after + 1) for id, before, after in rows}
    return outbox.caused(town, done.identity, versions, done.at)


def _left(town: Town, actor: Actor, done: Done, id: int, reason: str) -> Left:
    """Who did it themselves knows the record by its number, wherever it went."""
    try:
        record = town.records.get(actor, done.identity, id, fields=())
    except TownhallError:
        own = done.actor_id == actor.id
        number = town.records.get(actors.system(), done.identity, id, fields=()).number if own else ""
        return Left(id, number, False, reason)
    return Left(id, record.number or record.title, True, reason)


def _earliest(town: Town) -> int:
    return to_microseconds(town.clock.now() - WITHIN)


def _done(town: Town, row: Any) -> Done:
    table = town.system.bulk_change
    counted = table.select(fn.COUNT(table.id), fn.COUNT(table.undone_at)).where(table.bulk_id == row.id).tuples()
    ((count, put_back),) = counted
    undone = None if row.undone_at is None else from_microseconds(row.undone_at)
    at = from_microseconds(row.at)
    return Done(row.id, row.identity, row.label, at, row.actor_id, row.actor_name, undone, count, put_back)
