"""Messages that wait to go out when two contacts become one, or two again: they go on with the one who is named now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from townhall.access.actors import system
from townhall.extend.values import Change
from townhall.messages import outbox
from townhall.messages import recipients
from townhall.messages.recipients import CONTACT
from townhall.records import reading
from townhall.records.domains import MERGED
from townhall.records.domains import Domain

if TYPE_CHECKING:
    from townhall.town import Town


def written(town: Town, changes: Sequence[Change]) -> None:
    """Let what waits about a record follow its contact, where a merge or taking one apart changed who that is."""
    for change in changes:
        identity, old, new = change.memo.get(MERGED, ("", 0, 0))
        if identity == CONTACT and change.id is not None:
            _follow(town, change, old, new)


def _follow(town: Town, change: Change, old: int, new: int) -> None:
    """What waits about one record and is for the contact who is somebody else now."""
    if change.contact_id != new:
        return
    table = town.system.outbox
    mine = (table.identity == change.identity) & (table.record_id == change.id) & (table.contact_id == old)
    waiting = mine & table.status.in_(list(outbox.WAITING))
    table.update(contact_id=new).where(waiting).execute()
    if reading.get(town, system(), CONTACT, new, fields=("do_not_contact",))["do_not_contact"]:
        refused = {"status": "dropped", "error": recipients.NOT_IN_TOUCH}
        mine = (table.identity == change.identity) & (table.record_id == change.id) & (table.contact_id == new)
        now = mine & table.automatic & table.status.in_(list(outbox.STOPPABLE))
        table.update(refused).where(now).execute()


DOMAIN = Domain("merged_messages", lambda record_type: bool(record_type.contacts), written=written, greets=False)
