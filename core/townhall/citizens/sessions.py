"""Who is signed in for their own requests. A session is a row; without the row the cookie opens nothing.

It ends when nothing was clicked for a while, after a number of hours in any case (settings ``citizen_idle_minutes`` and
``citizen_session_hours``), when its owner signs out, and when the contact is archived, merged or has died.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from townhall.records.instants import to_microseconds
from townhall.records.secret_links import digest

if TYPE_CHECKING:
    from townhall.town import Town

#: How exactly it is known when somebody was last seen: writing it with every click would cost more than the click.
SEEN_WITHIN = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)


def start(town: Town, contact_id: int) -> str:
    """Begin a session; its token is for the cookie and kept nowhere."""
    token = secrets.token_urlsafe(32)
    now = to_microseconds(town.clock.now())
    town.system.citizen_session.insert(
        token_hash=digest(token), contact_id=contact_id, started_at=now, last_seen_at=now
    ).execute()
    return token


def contact_of(town: Town, token: str) -> int | None:
    """Id of the contact whose session this is, if it still counts; that it was used just now is kept."""
    if not token:
        return None
    table = town.system.citizen_session
    row = (
        table.select(table.id, table.contact_id, table.started_at, table.last_seen_at)
        .where(table.token_hash == digest(token))
        .tuples()
        .first()
    )
    if row is None:
        return None
    id, contact_id, started_at, last_seen_at = row
    now = to_microseconds(town.clock.now())
    idle, longest = _spans(town)
    if now - last_seen_at >= idle or now - started_at >= longest:
        return None
    if now - last_seen_at >= SEEN_WITHIN // _MICROSECOND:
        table.update(last_seen_at=now).where(table.id == id).execute()
    return int(contact_id)


def end(town: Town, token: str) -> None:
    """End one session."""
    table = town.system.citizen_session
    table.delete().where(table.token_hash == digest(token)).execute()


def drop(town: Town, contact_id: int, *, but: str = "") -> int:
    """End the sessions of a contact, or all but the one with the token ``but``; how many there were."""
    table = town.system.citizen_session
    gone = table.contact_id == contact_id
    return int(table.delete().where(gone & (table.token_hash != digest(but)) if but else gone).execute())


def forget_old(town: Town) -> int:
    """Delete sessions that have ended by themselves; how many there were."""
    table = town.system.citizen_session
    now = to_microseconds(town.clock.now())
    idle, longest = _spans(town)
    over = (table.started_at <= now - longest) | (table.last_seen_at <= now - idle)
    return int(table.delete().where(over).execute())


def _spans(town: Town) -> tuple[int, int]:
    settings = town.settings
    idle, longest = timedelta(minutes=settings.citizen_idle_minutes), timedelta(hours=settings.citizen_session_hours)
    return idle // _MICROSECOND, longest // _MICROSECOND
