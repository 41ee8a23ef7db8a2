"""The append-only history of records: who did what, when, and through which door.

An entry stands in ``history``; the values it speaks of stand beside it in ``history_values``, where they can be erased
when their time is over. The entry keeps a salted digest of them, so erasing breaks nothing, and a digest over itself,
over which a job makes a chain (:mod:`townhall.records.sealing`) that proves that none was changed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import ids
from townhall.records import reading
from townhall.records.instants import from_microseconds
from townhall.records.types import HistoryEntry
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import encode_json
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: What an entry shows instead of a confidential value.
MASK = "confidential"

#: Columns of an entry that its digest covers, in this order; the digest of its values follows them.
FACTS = ("identity", "record_id", "version", "at", "actor_kind", "actor_id", "actor_name", "door", "action")
ENTRY_COLUMNS = ("id", *FACTS, "values_digest", "digest")
#: Bytes of randomness that go into each digest of values.
_SALT = 16
VALUE_COLUMNS = ("history_id", "salt", "note", "changes")

#: JSON of nothing.
NOTHING = "null"


class Event(NamedTuple):
    """Something to be written down: ``changes`` holds the old and the new value of each field, both as JSON text."""

    record_id: int
    version: int
    action: str
    changes: Mapping[str, tuple[str, str]]
    note: str = ""


def changes_between(
    record_type: RecordType, before: Mapping[str, Any], after: Mapping[str, Any], names: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Old and new values, as JSON text, of the fields ``names``."""
    changes = {}
    for name in names:
        field = record_type.all_fields[name]
        old, new = before.get(name), after.get(name)
        changes[name] = (
            NOTHING if old is None else field.json_text(old),
            NOTHING if new is None else field.json_text(new),
        )
    return changes


def write(town: Town, actor: Actor, identity: str, at: int, events: Sequence[Event]) -> Sequence[int]:
    """Append entries, all made by ``actor`` at the instant ``at``; their ids."""
    entries = []
    values = []
    salts = secrets.token_hex(_SALT * len(events))
    who = (actor.kind, actor.id, actor.name, actor.door)
    # The facts that all of them share are put into the form of entry_digest once.
    first, shared = encode_json(identity), encode_json((at, *who))[1:-1]
    taken = ids.take(town.database, "history", len(events))
    for place, (id, event) in enumerate(zip(taken, events, strict=True)):
        record_id, version, action, changed, note = event
        salt = salts[2 * _SALT * place : 2 * _SALT * (place + 1)]
        changes = "{" + ",".join([f'"{name}":[{old},{new}]' for name, (old, new) in sorted(changed.items())]) + "}"
        kept = values_digest(salt, note, changes)
        facts = f'[{first},{record_id},{version},{shared},{encode_json(action)},"{kept}"]'
        digest = sha256(facts.encode()).hexdigest()
        entries.append((id, identity, record_id, version, at, *who, action, kept, digest))
        values.append((id, salt, note, changes))
    town.database.insert_rows("history", ENTRY_COLUMNS, entries)
    town.database.insert_rows("history_values", VALUE_COLUMNS, values)
    return taken


def values_digest(salt: str, note: str, changes: str) -> str:
    """The salted digest of an entry's values."""
    return sha256(f"{salt}\n{note}\n{changes}".encode()).hexdigest()


def entry_digest(facts: Sequence[Any]) -> str:
    """The digest of an entry: of its :data:`FACTS` and the digest of its values."""
    return sha256(encode_json(facts).encode()).hexdigest()


def history(town: Town, actor: Actor, identity: str, id: int) -> list[HistoryEntry]:
    """The record's entries, oldest first, as far as the actor may see them."""
    record = reading.get(town, actor, identity, id, fields=())
    policy.require(actor, "view", record.type)
    entry, values = town.system.history, town.system.history_values
    rows = (
        entry.select(
            entry.id, entry.at, entry.actor_name, entry.door, entry.action, entry.version, entry.digest,
            values.changes, values.note,
        )
        .left_outer_join(values, on=(values.history_id == entry.id))
        .where(town.old_names.where(entry, identity), entry.record_id == id)
        .order_by(entry.id)
        .tuples()
    )  # fmt: skip
    access = policy.readable(actor, record.type)
    context = town.context(actor)
    staff = policy.is_staff(actor)
    return [
        HistoryEntry(
            id=row[0],
            at=from_microseconds(row[1]),
            actor=row[2] if staff else "",
            door=row[3],
            action=row[4],
            version=row[5],
            changes=_visible(record.type, access, town.old_names.translate(identity, row[0], _read(row[7])), context),
            note=(row[8] or "") if staff else "",
            digest=row[6],
        )
        for row in rows
    ]


def _read(changes: str | None) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(changes or "{}")
    return told


def _visible(
    record_type: RecordType, access: policy.FieldAccess, changes: Mapping[str, Any], context: Context
) -> dict[str, tuple[Any, Any]]:
    """The changes with values where the actor may read them, masked where they may know of them."""
    visible: dict[str, tuple[Any, Any]] = {}
    for name, (old, new) in changes.items():
        if name in access.readable:
            visible[name] = (
                _value(record_type, name, old, context),
                _value(record_type, name, new, context),
            )
        elif name in access.masked:
            visible[name] = (old and MASK, new and MASK)
        elif name not in record_type.all_fields and access.readable >= frozenset(record_type.all_fields):
            visible[name] = (old, new)
    return visible


def _value(record_type: RecordType, name: str, stored: Any, context: Context) -> Any:
    """The value that was stored as JSON; the JSON itself if the field can no longer read it."""
    if stored is None:
        return None
    try:
        return record_type.all_fields[name].parse(stored, context)
    except (Invalid, ValueError, TypeError, KeyError):
        return stored
