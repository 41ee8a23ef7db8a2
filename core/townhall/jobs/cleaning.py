"""Core's own cleaning: what was kept for a while only goes when its time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from townhall import limiting
from townhall.messages import outbox
from townhall.portal import drafts as portal_drafts
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: How many runs of each job are kept, and how long at most.
RUNS_KEPT = 200
RUNS_LAST = timedelta(days=90)


def drafts(town: Town) -> str:
    """Delete public forms that nobody sent in time."""
    return _told(portal_drafts.remove_expired(town), "draft")


def uploads(town: Town) -> str:
    """Delete files that no record claimed in time, and bytes that no file uses."""
    return _told(town.files.remove_orphans(), "file")


def limits(town: Town) -> str:
    """Delete counts of tries whose time is over."""
    return _told(limiting.forget_old(town), "count")


def messages(town: Town) -> str:
    """Delete words and addresses of messages that went out long ago."""
    forgotten = outbox.forget_words(town)
    return f"Words of {forgotten:,} message{'' if forgotten == 1 else 's'} deleted." if forgotten else ""


def runs(town: Town) -> str:
    """Delete old runs of jobs from the log; those that wait or run stay."""
    table = town.system.job_run
    over = table.state.in_(["done", "failed"])
    old = table.slot < to_microseconds(town.clock.now() - RUNS_LAST)
    removed = int(table.delete().where(over & old).execute())
    for (job,) in list(table.select(table.job).distinct().tuples()):
        mine = over & (table.job == job)
        newest = table.select(table.slot).where(mine).order_by(table.slot.desc()).offset(RUNS_KEPT).limit(1)
        last = newest.tuples().first()
        if last is not None:
            removed += int(table.delete().where(mine & (table.slot <= last[0])).execute())
    return _told(removed, "run")


def _told(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'} deleted." if count else ""
