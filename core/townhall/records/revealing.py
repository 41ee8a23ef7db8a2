"""Looking at a confidential value: allowed one by one, for a reason, and written down before it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import ValidationFailed
from townhall.records import encrypting
from townhall.records import history
from townhall.records import reading
from townhall.records.instants import to_microseconds
from townhall_forms.values import Answers

if TYPE_CHECKING:
    from townhall.town import Town


def reveal(town: Town, actor: Actor, identity: str, id: int, field: str, reason: str) -> Any:
    """The value of the field ``field``, or of a part of it: ``answers.code`` or ``rows.column``.

    Raises :class:`~townhall.errors.Forbidden` if the actor may not see it.
    """
    name, _, part = field.partition(".")
    record = reading.get(town, actor, identity, id, fields=(name,), reveal=() if part else (name,))
    if part and field not in record.masked:
        raise Forbidden(f"You may not see “{field}”.")
    if not reason.strip():
        raise ValidationFailed({"reason": "Say why you need to see this. It is written down."})
    with immediate(town.database):
        event = history.Event(id, record.version, "reveal", {field: (history.NOTHING, history.NOTHING)}, reason.strip())
        history.write(town, actor, identity, to_microseconds(town.clock.now()), [event])
    if not part:
        value = record.values.get(name)
        if isinstance(value, encrypting.Unreadable):
            town.vault.open(value.sealed)  # says in a sentence why it can't be read
        return value
    whole = reading.get(town, system(), identity, id, fields=(name,)).values[name]
    return whole.values.get(part) if isinstance(whole, Answers) else tuple(row.get(part) for row in whole)
