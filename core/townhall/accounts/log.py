"""The log of accounts: sign-ins and failures, locks, new passwords, roles. Rows are written and read, never changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: What can happen to an account, and how a person reads it.
EVENTS: Mapping[str, str] = {
    "signed_in": "Signed in",
    "signed_out": "Signed out",
    "password_failed": "Wrong e-mail or password",
    "code_failed": "Wrong code",
    "locked": "Has to wait after too many failures",
    "unlocked": "May try again at once",
    "added": "Added",
    "invited": "Invited",
    "invitation_withdrawn": "Invitation withdrawn",
    "invitation_accepted": "Took the invitation and set a password",
    "name_changed": "Name changed",
    "role_changed": "Role changed",
    "role_made": "Role made",
    "role_edited": "Role edited",
    "role_deleted": "Role deleted",
    "seen_as": "Somebody looked at the pages as they see them",
    "seen_as_ended": "Somebody stopped looking as they do",
    "deactivated": "Can’t sign in any more",
    "reactivated": "Can sign in again",
    "password_changed": "Changed the own password",
    "password_set": "New password set by somebody else",
    "reset_asked": "Asked for a link to set a new password",
    "reset_link_made": "Link to set a new password made",
    "password_reset": "Set a new password with a link",
    "second_factor_set_up": "Code app set up",
    "second_factor_off": "Code app switched off",
    "second_factor_reset": "Code app taken away by somebody else",
    "recovery_codes_renewed": "New recovery codes",
    "recovery_code_used": "Signed in with a recovery code",
    "session_ended": "Signed out of a device",
    "sessions_ended": "Signed out of all devices",
    "secret_replaced": "The town’s secret key replaced: everybody signed out",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``user_id`` is whose account it was, and nobody's for an unknown address."""

    id: int
    at: datetime
    user_id: int | None
    what: str
    detail: str
    by: str
    door: str
    place: str

    @property
    def words(self) -> str:
        """What happened, for people."""
        return EVENTS.get(self.what, self.what)


def write(town: Town, actor: Actor, what: str, user_id: int | None, *, detail: str = "", address: str = "") -> None:
    """Write down what happened to the account ``user_id``; ``address`` is the network address it came from, if any."""
    if what not in EVENTS:
        raise ValueError(f"there is no event {what!r} in the log of accounts")
    town.system.account_event.insert(
        at=to_microseconds(town.clock.now()),
        user_id=user_id,
        what=what,
        detail=detail[:500],
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        door=actor.door,
        place=shortened(address),
    ).execute()


def read(town: Town, user_id: int | None = None, *, limit: int = 100, before: int | None = None) -> list[Event]:
    """The newest events first, of one account or of all, those with an id below ``before``."""
    table: Any = town.system.account_event
    query = table.select(
        table.id, table.at, table.user_id, table.what, table.detail, table.actor_name, table.door, table.place
    ).order_by(table.id.desc())
    if user_id is not None:
        query = query.where(table.user_id == user_id)
    if before is not None:
        query = query.where(table.id < before)
    return [Event(id, from_microseconds(at), *rest) for id, at, *rest in query.limit(limit).tuples()]


def shortened(address: str) -> str:
    """A network address without the part that tells one computer from its neighbours: enough to see a strange place."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return "this computer"
    kept = 24 if parsed.version == 4 else 48
    network = ipaddress.ip_network((parsed, kept), strict=False).network_address
    return f"{str(network).rpartition('.')[0]}.x" if parsed.version == 4 else f"{network}/48"
