"""Referring a case to another department: it is shared with a team, and the team is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.cases import notices
from townhall.cases.rulebook import rulebook
from townhall.db.transactions import immediate
from townhall.records.sharing import LEVEL_LABELS
from townhall.records.sharing import Share

if TYPE_CHECKING:
    from townhall.town import Town


def refer(town: Town, actor: Actor, identity: str, id: int, team: int, level: str, reason: str = "") -> Share:
    """Share one case with a team, and put a word about it at the top of “My work” of all who are on it.

    Raises what :meth:`~townhall.records.service.Records.share` raises.
    """
    with immediate(town.database):
        made = town.records.share(actor, identity, id, team, level, reason)
        queue = rulebook(town).queues.get(team)
        members = sorted((queue.members if queue is not None else frozenset()) - {actor.id})
        said = f"{actor.name} shared it with your team. You can {LEVEL_LABELS[made.level].lower()}."
        record = town.records.get(actor, identity, id, fields=())
        notices.notify(town, members, record, "share", f"{said} {made.reason}".strip())
    return made
