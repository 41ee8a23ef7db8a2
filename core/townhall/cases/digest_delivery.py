"""Where a weekly digest goes: it is kept, and its owner reads it on the page “Your week”."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Kept:
    """A digest as it was written."""

    subject: str
    body: str
    at: datetime


def week(town: Town) -> str:
    """The present week in the town, as in ISO 8601: ``2026-W12``."""
    year, number, _ = town.clock.now().astimezone(town.zone).isocalendar()
    return f"{year}-W{number:02}"


def address(town: Town) -> str:
    """The address of the town's site, before paths; empty while the town doesn't say it."""
    return town.settings.public_address.rstrip("/")


def has(town: Town, actor: Actor) -> bool:
    """Whether the person's digest of this week is written."""
    table = town.system.weekly_digest
    return bool(table.select().where(table.user_id == actor.id, table.week == week(town)).exists())


def deliver(town: Town, actor: Actor, subject: str, body: str) -> None:
    """Keep this week's digest of somebody. Of two processes that write it at once one is kept."""
    table = town.system.weekly_digest
    row = {"user_id": actor.id, "week": week(town), "subject": subject, "body": body}
    table.insert(**row, at=to_microseconds(town.clock.now())).on_conflict_ignore().execute()


def latest(town: Town, actor: Actor) -> Kept | None:
    """The last digest that was written for somebody."""
    table = town.system.weekly_digest
    row = (
        table.select(table.subject, table.body, table.at)
        .where(table.user_id == actor.id)
        .order_by(table.id.desc())
        .limit(1)
        .tuples()
        .first()
    )
    return Kept(row[0], row[1], from_microseconds(row[2])) if row is not None else None
