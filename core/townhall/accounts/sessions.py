"""Who is signed in where. A session is a row; without the row the cookie opens nothing, in any process.

A session ends when nothing was clicked for a while, after a number of hours in any case (settings
``session_idle_minutes`` and ``session_hours``), or when somebody ends it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.access.actors import Actor
from townhall.accounts import log
from townhall.accounts.devices import in_words
from townhall.accounts.managing import require_own_or_manager
from townhall.db.engines import PATIENCE
from townhall.errors import NotFound
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: How exactly it is known when somebody was last seen: writing it with every click would cost more than the click.
SEEN_WITHIN = timedelta(minutes=2)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in on one device. ``here`` marks the one that asks."""

    id: int
    started: datetime
    last_seen: datetime
    device: str
    place: str
    here: bool = False


def digest(token: str) -> str:
    """What is kept of the token in a cookie or a link."""
    return sha256(token.encode()).hexdigest()


def start(town: Town, user_id: int, *, agent: str = "", address: str = "") -> str:
    """Begin a session; its token, which nobody ever had before, is for the cookie and kept nowhere."""
    token = secrets.token_urlsafe(32)
    now = to_microseconds(town.clock.now())
    town.system.user_session.insert(
        token_hash=digest(token),
        user_id=user_id,
        started_at=now,
        last_seen_at=now,
        device=in_words(agent),
        place=log.shortened(address),
    ).execute()
    return token


def is_alive(town: Town, started_at: int, last_seen_at: int) -> bool:
    """Whether a session that began and was last seen then (microseconds) still counts."""
    now = to_microseconds(town.clock.now())
    idle, longest = _spans(town)
    return now - last_seen_at < idle and now - started_at < longest


def seen(town: Town, id: int, last_seen_at: int) -> None:
    """Keep that a session was used just now, if that is news; a database that is busy is not waited for."""
    now = to_microseconds(town.clock.now())
    if now - last_seen_at < SEEN_WITHIN // _MICROSECOND:
        return
    database, table = town.database, town.system.user_session
    sqlite = database.engine == "sqlite"
    try:
        if sqlite:  # an import that writes for seconds must not hold up whoever only reads
            database.execute_sql("PRAGMA busy_timeout = 50")
        table.update(last_seen_at=now).where(table.id == id).execute()
    except peewee.OperationalError:
        pass  # the next click tells it
    finally:
        if sqlite:
            database.execute_sql(f"PRAGMA busy_timeout = {PATIENCE * 1_000}")


def of(town: Town, user_id: int, here: int | None = None) -> list[Session]:
    """Where somebody is signed in now, the last seen first."""
    table: Any = town.system.user_session
    rows = (
        table.select(table.id, table.started_at, table.last_seen_at, table.device, table.place)
        .where(table.user_id == user_id)
        .order_by(table.last_seen_at.desc(), table.id.desc())
        .tuples()
    )
    return [
        Session(id, from_microseconds(started), from_microseconds(last), device, place, id == here)
        for id, started, last, device, place in rows
        if is_alive(town, started, last)
    ]


def end(town: Town, actor: Actor, user_id: int, id: int, *, what: str = "session_ended") -> None:
    """End one session of somebody. Raises :class:`~townhall.errors.NotFound` if they have no such session."""
    require_own_or_manager(actor, user_id)
    table: Any = town.system.user_session
    mine = (table.id == id) & (table.user_id == user_id)
    device = table.select(table.device).where(mine).scalar()
    if device is None or not table.delete().where(mine).execute():
        raise NotFound("That session has ended already.")
    log.write(town, actor, what, user_id, detail=device)


def end_all(town: Town, actor: Actor, user_id: int, *, but: int | None = None) -> int:
    """End all sessions of somebody, or all but one; how many there were. It is logged."""
    require_own_or_manager(actor, user_id)
    ended = drop(town, user_id, but=but)
    if ended:
        log.write(town, actor, "sessions_ended", user_id, detail=f"{ended}")
    return ended


def drop(town: Town, user_id: int, *, but: int | None = None) -> int:
    """End sessions as a part of something that is logged already; how many there were."""
    table: Any = town.system.user_session
    gone = table.user_id == user_id
    return int(table.delete().where(gone if but is None else gone & (table.id != but)).execute())


def forget_old(town: Town) -> None:
    """Delete what has ended by itself."""
    table: Any = town.system.user_session
    now = to_microseconds(town.clock.now())
    idle, longest = _spans(town)
    table.delete().where((table.started_at <= now - longest) | (table.last_seen_at <= now - idle)).execute()


def _spans(town: Town) -> tuple[int, int]:
    settings = town.settings
    idle, longest = timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours)
    return idle // _MICROSECOND, longest // _MICROSECOND
