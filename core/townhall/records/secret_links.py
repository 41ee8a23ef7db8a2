"""Links that open one record to whoever has them, like the status page of an application.

A token has 128 random bits. Only its SHA-256 is kept, so neither the database nor a backup of it opens anything.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.db.transactions import immediate
from townhall.records import history
from townhall.records import predicate
from townhall.records import reading
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: What a secret that is somebody's who works here, and no record's, stands for in place of an identity.
STAFF = "staff"


def make(town: Town, identity: str, id: int, purpose: str, *, expires: datetime | None = None, about: str = "") -> str:
    """A new link's token. It is handed out once and can't be read back."""
    token = secrets.token_urlsafe(16)
    keep(town, identity, id, purpose, token, expires=expires, about=about)
    return token


def keep(
    town: Town,
    identity: str,
    id: int,
    purpose: str,
    token: str,
    *,
    expires: datetime | None = None,
    about: str = "",
) -> None:
    """Let a token that was made elsewhere open the record, unless it was kept before: one that was revoked stays so."""
    row = {
        "token_hash": digest(token),
        "identity": identity,
        "record_id": id,
        "purpose": purpose,
        "created_at": to_microseconds(town.clock.now()),
        "expires_at": to_microseconds(expires) if expires else None,
        "about": about,
    }
    town.system.secret_link.insert(row).on_conflict_ignore().execute()


def use(town: Town, token: str, purpose: str) -> tuple[str, int, str] | None:
    """Use up a link that works once: identity and id of its record, and what it is about.

    Of two who use it at once one gets it; ``None`` if it is unknown, out of date, used or for something else.
    """
    found = resolve(town, token, purpose)
    if found is None or not revoke(town, token):
        return None
    table = town.system.secret_link
    about: str = table.select(table.about).where(table.token_hash == digest(token)).scalar()
    return (*found, about)


def forget_old(town: Town) -> int:
    """Delete links that can open nothing any more because their time is over; how many there were."""
    table = town.system.secret_link
    return int(table.delete().where(table.expires_at <= to_microseconds(town.clock.now())).execute())


def renew(town: Town, actor: Actor, identity: str, id: int, purpose: str) -> str:
    """A new link in place of all older ones to the record, written to its history. Needs the permission to edit."""
    policy.require(actor, "edit", town.schemas[identity])
    record = reading.get(town, actor, identity, id, fields=())
    predicate.require_within(town, actor, "edit", town.schemas[identity], id)
    with immediate(town.database):
        revoke_all(town, identity, id, purpose)
        token = make(town, identity, id, purpose)
        history.write(
            town, actor, identity, to_microseconds(town.clock.now()), [history.Event(id, record.version, "link", {})]
        )
    return token


def resolve(town: Town, token: str, purpose: str) -> tuple[str, int] | None:
    """The record that the token opens, or ``None`` if it is unknown, out of date, revoked or for something else."""
    table = town.system.secret_link
    row = (
        table.select(table.identity, table.record_id, table.expires_at, table.revoked_at)
        .where(table.token_hash == digest(token), table.purpose == purpose)
        .tuples()
        .first()
    )
    if row is None:
        return None
    identity, record_id, expires_at, revoked_at = row
    if revoked_at is not None or (expires_at is not None and expires_at <= to_microseconds(town.clock.now())):
        return None
    return identity, record_id


def revoke(town: Town, token: str) -> bool:
    """Make the link open nothing from now on; whether it had opened something."""
    table = town.system.secret_link
    changed = (
        table.update(revoked_at=to_microseconds(town.clock.now()))
        .where(table.token_hash == digest(token), table.revoked_at.is_null())
        .execute()
    )
    return bool(changed)


def revoke_of_staff(town: Town, user_id: int) -> int:
    """Revoke every link of somebody who works here, such as their calendar's; how many there were."""
    table = town.system.secret_link
    mine = (table.identity == STAFF) & (table.record_id == user_id) & table.revoked_at.is_null()
    return int(table.update(revoked_at=to_microseconds(town.clock.now())).where(mine).execute())


def revoke_all(town: Town, identity: str, id: int, *purposes: str) -> int:
    """Revoke every link of these purposes to the record; how many there were."""
    table = town.system.secret_link
    return int(
        table.update(revoked_at=to_microseconds(town.clock.now()))
        .where(
            table.identity == identity,
            table.record_id == id,
            table.purpose.in_(purposes),
            table.revoked_at.is_null(),
        )
        .execute()
    )


def digest(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()
