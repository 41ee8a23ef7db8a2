"""Looking at a confidential value: allowed one by one, for a reason, and written down before it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.db.transactions import immediate
from townhall.errors import ValidationFailed
from townhall.records import history
from townhall.records import reading
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town


def reveal(town: Town, actor: Actor, identity: str, id: int, field: str, reason: str) -> Any:
    """The value of the field ``field``. Raises :class:`~townhall.errors.Forbidden` if the actor may not see it."""
    record = reading.get(town, actor, identity, id, fields=(field,), reveal=(field,))
    if not reason.strip():
        raise ValidationFailed({"reason": "Say why you need to see this. It is written down."})
    with immediate(town.database):
        event = history.Event(id, record.version, "reveal", {field: (history.NOTHING, history.NOTHING)}, reason.strip())
        history.write(town, actor, identity, to_microseconds(town.clock.now()), [event])
    return record.values.get(field)
