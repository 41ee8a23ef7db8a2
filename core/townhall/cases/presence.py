"""Who has the same record open: a quiet notice to each other, and never a lock.

Opening a page is a sign of somebody, and so is each call of the page's script. A sign is believed for a while: a page
without the script for longer, since nothing follows it. What was saved meanwhile is found by the record's version, and
shown side by side, whether anybody saw the notice or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

import peewee

from townhall.access.actors import Actor
from townhall.db.transactions import impatient
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: How long a page is believed to be open after it was loaded, and after its script asked.
OPENED = timedelta(minutes=3)
ASKED = timedelta(seconds=75)
#: A sign that is believed for longer than this still is not renewed, so that a busy page costs no write each time.
_FRESH = timedelta(seconds=40)
_FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody else who has the record open."""

    name: str
    since: datetime


def others(town: Town, actor: Actor, identity: str, id: int, *, asked: bool = False) -> list[Present]:
    """Note that the actor has the record open, and say who else has, the longest first.

    ``asked`` says that the page's script asks, and not somebody who opened the page. A sign that can't be written just
    now is left out: nobody waits for it.
    """
    if actor.kind != "staff" or actor.id is None:
        return []
    now = town.clock.now()
    rows = _signs(town, identity, id, to_microseconds(now))
    mine = next((row for row in rows if row[0] == actor.id), None)
    until = now + (ASKED if asked else OPENED)
    if actor.read_only:
        mine = None  # whoever looks through their eyes is not them
    elif mine is None or from_microseconds(mine[3]) - now < _FRESH:
        _note(town, actor.id, identity, id, now, until, again=mine is not None)
    return [
        Present(name or email, from_microseconds(since)) for user, since, (name, email), _ in rows if user != actor.id
    ]


def _signs(town: Town, identity: str, id: int, now: int) -> list[tuple[int, int, tuple[str, str], int]]:
    """Signs of people on a record that are still believed. Each page of a case asks, so it is text."""
    mark = town.database.param
    sql = (
        "SELECT sign.user_id, sign.since, person.name, person.email, sign.until FROM presence AS sign"  # noqa: S608
        f' JOIN "user" AS person ON person.id = sign.user_id WHERE sign.identity = {mark}'
        f" AND sign.record_id = {mark} AND sign.until > {mark} ORDER BY sign.since, sign.user_id"
    )
    rows = town.database.execute_sql(sql, (identity, id, now)).fetchall()
    return [(user, since, (name, email), until) for user, since, name, email, until in rows]


def _note(town: Town, user: int, identity: str, id: int, now: datetime, until: datetime, *, again: bool) -> None:
    table = town.system.presence
    at, end = to_microseconds(now), to_microseconds(until)
    update = {table.until: end} if again else {table.until: end, table.since: at}
    values = {"identity": identity, "record_id": id, "user_id": user, "since": at, "until": end}
    insert = table.insert(**values).on_conflict(
        conflict_target=[table.identity, table.record_id, table.user_id], update=update
    )
    try:
        with impatient(town.database):
            if not again:
                table.delete().where(table.until < to_microseconds(now - _FORGOTTEN)).execute()
            insert.execute()
    except peewee.OperationalError:
        return
