"""Opening one case to another department, and to nothing else of it: to see it, or to work on it as well.

A department is the team of a queue. What a share opens, :mod:`townhall.records.scoping` turns into a test; who shares
is written to the record's history, and so is who ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal
from typing import get_args

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import ValidationFailed
from townhall.records import history
from townhall.records import reading
from townhall.records import shared_cases
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.records.scope_reasons import QUEUE
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town

Level = Literal["view", "work"]
LEVELS: tuple[Level, ...] = get_args(Level)
#: What a team may do with what was shared with it.
LEVEL_LABELS: dict[Level, str] = {"view": "See it", "work": "See it and work on it"}
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Share:
    """That a case is open to one more team: since when, to do what, and who said so."""

    id: int
    team_id: int
    team: str
    level: Level
    reason: str
    at: datetime
    by: str


def may_share(town: Town, actor: Actor, record: Record) -> bool:
    """Whether the actor may open this case to others: who may change it, and not only because it was shared."""
    type_ = record.type
    if not type_.is_case or type_.frozen or record.archived is not None or actor.read_only:
        return False
    return shared_cases.in_own_right(town, actor, type_, record.id)


def shares(town: Town, actor: Actor, identity: str, id: int) -> list[Share]:
    """The teams to which a case is open besides its own, oldest first. Only staff are told."""
    return of(town, actor, reading.get(town, actor, identity, id, fields=()))


def of(town: Town, actor: Actor, record: Record) -> list[Share]:
    """The same for a case that the actor has read already."""
    return _open(town, record.identity, record.id) if record.type.is_case and policy.is_staff(actor) else []


def share(town: Town, actor: Actor, identity: str, id: int, team: int, level: str, reason: str = "") -> Share:
    """Open a case to the team of a queue; if it is open to them already, what they may do becomes ``level``.

    Raises :class:`~townhall.errors.Forbidden` and :class:`~townhall.errors.ValidationFailed`.
    """
    record = reading.get(town, actor, identity, id, fields=())
    _require(town, actor, record)
    names = _team_names(town)
    errors = {}
    if team not in names:
        errors["team"] = "Choose the team that is to see it."
    elif team == reading.get(town, system(), identity, id, fields=()).queue:
        errors["team"] = f"It is in the queue {names[team]} already."
    if level not in LEVELS:
        errors["level"] = "Choose what they may do with it."
    if errors:
        raise ValidationFailed(errors)
    table = town.system.share
    said = " ".join(reason.split())[:_LONGEST_REASON]
    note = f"Shared with {names[team]} ({LEVEL_LABELS[level].lower()})" + (f": {said}" if said else ".")  # type: ignore[index]
    with immediate(town.database):
        _end(town, actor, identity, id, table.team_id == team)
        made = table.insert(
            identity=identity, record_id=id, team_id=team, level=level, reason=said,
            at=to_microseconds(town.clock.now()), by_id=actor.id, by_name=actor.name,
        ).execute()  # fmt: skip
        _tell(town, actor, record, "share", note)
    town.wrote()
    return next(each for each in _open(town, identity, id) if each.id == made)


def unshare(town: Town, actor: Actor, identity: str, id: int, share_id: int) -> None:
    """Close a case again to a team that it was shared with. Raises :class:`~townhall.errors.NotFound`."""
    record = reading.get(town, actor, identity, id, fields=())
    _require(town, actor, record)
    ended = next((each for each in _open(town, identity, id) if each.id == share_id), None)
    if ended is None:
        raise NotFound("This is not shared any more.")
    with immediate(town.database):
        _end(town, actor, identity, id, town.system.share.id == share_id)
        _tell(town, actor, record, "unshare", f"No longer shared with {ended.team}.")
    town.wrote()


def _require(town: Town, actor: Actor, record: Record) -> None:
    policy.require(actor, "edit", record.type)
    if not may_share(town, actor, record):
        raise Forbidden("You may not share this. Only who may change it in their own right can.")


def _open(town: Town, identity: str, id: int) -> list[Share]:
    table = town.system.share
    rows = list(
        table.select(table.id, table.team_id, table.level, table.reason, table.at, table.by_name)
        .where(table.identity == identity, table.record_id == id, table.ended_at.is_null())
        .order_by(table.id)
        .tuples()
    )
    names = _team_names(town) if rows else {}
    return [
        Share(share_id, team, names.get(team, "A team that is gone"), level, reason, from_microseconds(at), by)
        for share_id, team, level, reason, at, by in rows
    ]


def _end(town: Town, actor: Actor, identity: str, id: int, which: Any) -> None:
    table = town.system.share
    table.update(ended_at=to_microseconds(town.clock.now()), ended_by=actor.name).where(
        table.identity == identity, table.record_id == id, table.ended_at.is_null(), which
    ).execute()


def _tell(town: Town, actor: Actor, record: Record, action: str, note: str) -> None:
    """Write it to the record's history."""
    event = history.Event(record.id, record.version, action, {}, note)
    history.write(town, actor, record.identity, to_microseconds(town.clock.now()), [event])


def _team_names(town: Town) -> dict[int, str]:
    """The teams that something can be shared with, by id: those of all queues that are in use."""
    found = reading.find(town, system(), QUEUE, {"active": True}, limit=reading.LARGEST_PAGE, fields=["name"])
    return {record.id: record["name"] for record in found.records}
