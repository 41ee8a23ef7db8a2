"""A pause after too many failures, for one e-mail address, whether it is somebody's or not.

An attempt is counted before it is checked, so that a thousand at the same moment are no more than the few that are
allowed; a success gives it back. Each pause is three times as long as the one before, up to :data:`LONGEST`, and all is
forgotten a day after the last attempt. An address is kept as a keyed digest, so unknown ones leave nothing behind.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.accounts import log
from townhall.accounts.managing import require_manager
from townhall.db.transactions import immediate
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

FIRST = timedelta(minutes=5)
GROWTH = 3
LONGEST = timedelta(hours=4)
FORGOTTEN_AFTER = timedelta(hours=24)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted: whether it may be checked, and until when to wait if not.

    ``locks`` says that its failure begins a pause.
    """

    email: str
    allowed: bool
    until: datetime | None = None
    locks: bool = False


def begin(town: Town, email: str) -> Attempt:
    """Count an attempt to sign in before it is checked."""
    table = town.system.sign_in_attempts
    subject, now = _subject(town, email), to_microseconds(town.clock.now())
    with immediate(town.database):
        table.insert(subject=subject, last_at=now).on_conflict_ignore().execute()
        failures, locks, until, last = _row(town, subject)
        if until > now:
            return Attempt(email, False, from_microseconds(until))
        if now - last > FORGOTTEN_AFTER // _MICROSECOND:
            failures = locks = 0
        failures += 1
        locked = failures >= town.settings.sign_in_attempts
        if locked:
            failures, locks = 0, locks + 1
            until = now + min(FIRST * GROWTH ** min(locks - 1, 10), LONGEST) // _MICROSECOND
        values = {"failures": failures, "locks": locks, "locked_until": until, "last_at": now}
        table.update(values).where(table.subject == subject).execute()
    return Attempt(email, True, from_microseconds(until) if locked else None, locked)


def give_back(town: Town, attempt: Attempt) -> None:
    """Don't count an attempt that was right, though there is another step before they are in."""
    table = town.system.sign_in_attempts
    subject = _subject(town, attempt.email)
    with immediate(town.database):
        failures, locks, until, _ = _row(town, subject)
        if attempt.locks:
            failures, locks, until = town.settings.sign_in_attempts - 1, max(locks - 1, 0), 0
        else:
            failures = max(failures - 1, 0)
        values = {"failures": failures, "locks": locks, "locked_until": until}
        table.update(values).where(table.subject == subject).execute()


def clear(town: Town, email: str) -> None:
    """Forget all failures: they are in."""
    table = town.system.sign_in_attempts
    table.delete().where(table.subject == _subject(town, email)).execute()


def locked_until(town: Town, email: str) -> datetime | None:
    """Until when nobody can sign in with this address; ``None`` if that is possible now."""
    _, _, until, _ = _row(town, _subject(town, email))
    return from_microseconds(until) if until > to_microseconds(town.clock.now()) else None


def locked_among(town: Town, emails: Iterable[str]) -> frozenset[str]:
    """Those of these addresses with which nobody can sign in now."""
    table: Any = town.system.sign_in_attempts
    by_subject = {_subject(town, email): email for email in emails}
    now = to_microseconds(town.clock.now())
    found = table.select(table.subject).where(table.locked_until > now).tuples()
    return frozenset(by_subject[subject] for (subject,) in found if subject in by_subject)


def unlock(town: Town, actor: Actor, user_id: int, email: str) -> None:
    """Let somebody try again at once. It is logged."""
    require_manager(actor)
    clear(town, email)
    log.write(town, actor, "unlocked", user_id)


def forget_old(town: Town) -> None:
    """Delete what no longer counts."""
    table = town.system.sign_in_attempts
    oldest = to_microseconds(town.clock.now() - FORGOTTEN_AFTER)
    table.delete().where(table.last_at < oldest).execute()


def wait_words(town: Town, until: datetime | None) -> str:
    """How long that is from now, in words."""
    left = max((until - town.clock.now()) if until else FIRST, timedelta(minutes=1))
    minutes = -(-left // timedelta(minutes=1))
    if minutes > 90:
        return f"{-(-minutes // 60)} hours"
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def _row(town: Town, subject: str) -> tuple[int, int, int, int]:
    table: Any = town.system.sign_in_attempts
    query = table.select(table.failures, table.locks, table.locked_until, table.last_at).where(table.subject == subject)
    if town.database.engine == "postgresql" and town.database.in_transaction():
        query = query.for_update()
    found: tuple[int, int, int, int] | None = query.tuples().first()
    return found or (0, 0, 0, 0)


def _subject(town: Town, email: str) -> str:
    return hmac.new(town.secret, f"sign-in attempts\n{email.strip().lower()}".encode(), hashlib.sha256).hexdigest()
