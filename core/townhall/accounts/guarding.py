"""What both steps of signing in do about guessing: failures are counted and logged, and told how long to wait."""

from __future__ import annotations

from datetime import timedelta

from flask import request

from townhall import limiting
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.accounts import lockout
from townhall.accounts import log
from townhall.current import current_town

#: Failures that one network address may have in a window; many people may share it.
PER_ADDRESS = 40
WINDOW = timedelta(minutes=15)
ADDRESSES = "sign-in-address"
#: Where somebody goes who wanted nothing in particular.
START = "/admin/"


def address_waits() -> str:
    """What somebody is told from whose network address too many attempts failed; empty if not too many did."""
    town, address = current_town(), limiting.visitor(request.remote_addr)
    if limiting.hits(town, ADDRESSES, address, per=WINDOW) < PER_ADDRESS:
        return ""
    minutes = limiting.minutes_left(town, WINDOW)
    return too_often("a minute" if minutes == 1 else f"{minutes} minutes")


def too_often(wait: str) -> str:
    """What somebody is told who failed too often."""
    return f"That was wrong too often. Wait {wait} and try again, or ask an administrator."


def note_failure(attempt: lockout.Attempt, what: str, user_id: int | None) -> None:
    """Write down that an attempt failed, and that it begins a pause if so; the address counts as well."""
    town, address = current_town(), request.remote_addr or ""
    limiting.count(town, ADDRESSES, limiting.visitor(address), per=WINDOW)
    visitor = Actor(ANONYMOUS.kind, "Somebody", door="admin")
    log.write(town, visitor, what, user_id, address=address)
    if attempt.locks:
        detail = lockout.wait_words(town, attempt.until)
        log.write(town, visitor, "locked", user_id, detail=detail, address=address)
