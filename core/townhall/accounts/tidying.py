"""Deleting what accounts no longer need: sessions and links that are over, old failures, and the log's oldest part."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.accounts import account_links
from townhall.accounts import lockout
from townhall.accounts import sessions
from townhall.citizens import sessions as citizen_sessions
from townhall.records import secret_links
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town


def run(town: Town) -> str:
    """Tidy up; one sentence if a part of the log was old enough (setting ``account_log_days``). Safe to run twice."""
    sessions.forget_old(town)
    account_links.forget_old(town)
    lockout.forget_old(town)
    citizen_sessions.forget_old(town)
    secret_links.forget_old(town)
    table: Any = town.system.account_event
    oldest = to_microseconds(town.clock.now() - timedelta(days=town.settings.account_log_days))
    gone = table.delete().where(table.at < oldest).execute()
    return f"Deleted {gone} old entries from the log of accounts." if gone else ""
