"""Whether messages go out just now: the pause switch, the circuit breaker, and the rest that a failing server gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.db import meta
from townhall.db.system import SystemTables
from townhall.db.transactions import immediate
from townhall.messages import outbox
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

_PAUSED, _HELD, _REST = "mail_paused", "mail_automatic_held", "mail_server_rest"
#: How long a server that fails is left alone at first, and at most.
FIRST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Rest:
    """A mail server that failed ``failures`` times in a row, and until when it is left alone."""

    until: datetime
    failures: int
    reason: str


def paused(system: SystemTables) -> str:
    """Who paused sending, in a sentence; empty if nobody did."""
    return meta.get(system, _PAUSED)


def pause(town: Town, actor: Actor) -> None:
    """Send nothing until somebody resumes. Messages wait."""
    outbox.require(actor)
    meta.put(town.system, _PAUSED, f"{actor.name} paused sending.")


def resume(town: Town, actor: Actor) -> int:
    """Go on sending, also what the circuit breaker held back and to a server that rests; how many were held back."""
    outbox.require(actor)
    with immediate(town.database):
        for key in (_PAUSED, _HELD, _REST):
            meta.put(town.system, key, "")
        return outbox.release(town)


def automatic_held(system: SystemTables) -> str:
    """Why automatic messages are held back; empty if they are not."""
    return meta.get(system, _HELD)


def hold_automatic(system: SystemTables, reason: str) -> None:
    """Hold automatic messages back until somebody resumes."""
    meta.put(system, _HELD, reason)


def rest(system: SystemTables) -> Rest | None:
    """The rest that the mail server has, also one that is over: what counts is when it failed in a row."""
    stored = meta.get(system, _REST)
    if not stored:
        return None
    told = json.loads(stored)
    return Rest(from_microseconds(told["until"]), told["failures"], told["reason"])


def resting(town: Town) -> Rest | None:
    """The rest that the mail server has just now."""
    last = rest(town.system)
    return last if last is not None and last.until > town.clock.now() else None


def let_rest(town: Town, reason: str) -> Rest:
    """Leave the mail server alone for a while, twice as long each time that it fails in a row."""
    last = rest(town.system)
    failures = (last.failures if last is not None else 0) + 1
    length = min(FIRST_REST * 2 ** min(failures - 1, 16), LONGEST_REST)
    until = town.clock.now() + length
    told = {"until": to_microseconds(until), "failures": failures, "reason": reason}
    meta.put(town.system, _REST, json.dumps(told))
    return Rest(until, failures, reason)


def end_rest(system: SystemTables) -> None:
    """The mail server works again: it took a message, or said what is wrong with one."""
    if meta.get(system, _REST):
        meta.put(system, _REST, "")
