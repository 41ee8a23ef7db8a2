"""Links with which somebody sets a password: a forgotten one, or the first one after an invitation.

A token has 256 random bits, works once and until it expires, and only its digest is kept. A new link of one purpose
takes the place of the older one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

from peewee import Cast
from peewee import Value

from townhall.accounts.sessions import digest
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

Purpose = Literal["reset", "invitation"]
RESET_LASTS = timedelta(hours=1)
#: The id of no account.
_NOBODY = 0


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A link that works: whose it is, what for, and until when."""

    user_id: int
    purpose: Purpose
    expires: datetime


def make(town: Town, user_id: int | None, purpose: Purpose) -> str:
    """A new link's token, to be handed out once. For nobody, the same work is done for a token that opens nothing."""
    token = secrets.token_urlsafe(32)
    now = town.clock.now()
    lasts = RESET_LASTS if purpose == "reset" else timedelta(days=town.settings.invitation_days)
    table: Any = town.system.account_link
    user: Any = town.system.user
    revoke(town, user_id or _NOBODY, purpose)
    # A row for each account of that id, which is one or, for nobody, none.
    values = (
        Value(digest(token)),
        user.id,
        Value(purpose),
        _big(to_microseconds(now)),
        _big(to_microseconds(now + lasts)),
    )
    columns = (table.token_hash, table.user_id, table.purpose, table.created_at, table.expires_at)
    table.insert_from(user.select(*values).where(user.id == (user_id or _NOBODY)), columns).execute()
    return token


def _big(number: int) -> Any:
    return Cast(Value(number), "BIGINT")


def find(town: Town, token: str) -> AccountLink | None:
    """What a token opens, if it still works and its owner may sign in."""
    table: Any = town.system.account_link
    user: Any = town.system.user
    row = (
        table.select(table.user_id, table.purpose, table.expires_at)
        .join(user, on=user.id == table.user_id)
        .where(
            table.token_hash == digest(token),
            table.expires_at > to_microseconds(town.clock.now()),
            user.active == True,  # noqa: E712  # peewee's way to compare
        )
        .tuples()
        .first()
    )
    return AccountLink(row[0], row[1], from_microseconds(row[2])) if row else None


def use_up(town: Town, token: str) -> bool:
    """Whether the token was still there; it is gone now. Of two who use it at once, one gets ``True``."""
    table: Any = town.system.account_link
    return bool(table.delete().where(table.token_hash == digest(token)).execute())


def revoke(town: Town, user_id: int, purpose: Purpose | None = None) -> bool:
    """Let somebody's link of one purpose, or all their links, work no more; whether there was one."""
    table: Any = town.system.account_link
    gone = table.user_id == user_id
    return bool(table.delete().where(gone if purpose is None else gone & (table.purpose == purpose)).execute())


def expiry(town: Town, user_id: int, purpose: Purpose) -> datetime | None:
    """Until when somebody's link works; ``None`` if they have none."""
    table: Any = town.system.account_link
    mine = (table.user_id == user_id) & (table.purpose == purpose)
    until = table.select(table.expires_at).where(mine).scalar()
    moment = from_microseconds(until) if until is not None else None
    return moment if moment and moment > town.clock.now() else None


def forget_old(town: Town) -> None:
    """Delete what has expired."""
    table: Any = town.system.account_link
    table.delete().where(table.expires_at <= to_microseconds(town.clock.now())).execute()
