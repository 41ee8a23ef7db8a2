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
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.records import encrypting
from townhall.records import ids
from townhall.records import reading
from townhall.records.instants import from_microseconds
from townhall.records.types import HistoryEntry
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import encode_json
from townhall_forms.schema import RecordType
from townhall_forms.values import Answers

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
            NOTHING if old is None else encrypting.as_json(field, old),
            NOTHING if new is None else encrypting.as_json(field, new),
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
    record_type = town.schemas.get(identity)
    sealed = encrypting.encrypted(town, record_type) if record_type is not None else frozenset()
    taken = ids.take(town.database, "history", len(events))
    for place, (id, event) in enumerate(zip(taken, events, strict=True)):
        record_id, version, action, changed, note = event
        if sealed:
            changed = encrypting.sealed_changes(town, sealed, changed)
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


class Told(NamedTuple):
    """One entry of a record with its changes in the names of today, as plain JSON; ``None`` where they were erased."""

    id: int
    at: int
    actor: str
    door: str
    action: str
    version: int
    changes: dict[str, Any] | None
    note: str
    digest: str
    actor_kind: str
    actor_id: int | None


def told(town: Town, record_type: RecordType, id: int) -> list[Told]:
    """All entries of a record, oldest first, for the town itself: whoever asks is asked by the caller."""
    entry, values = town.system.history, town.system.history_values
    identity = record_type.identity
    rows = (
        entry.select(
            entry.id, entry.at, entry.actor_name, entry.door, entry.action, entry.version,
            values.changes, values.note, entry.digest, entry.actor_kind, entry.actor_id,
        )
        .left_outer_join(values, on=(values.history_id == entry.id))
        .where(town.old_names.where(entry, identity), entry.record_id == id)
        .order_by(entry.id)
        .tuples()
    )  # fmt: skip
    return [
        Told(
            id=row[0],
            at=row[1],
            actor=row[2],
            door=row[3],
            action=row[4],
            version=row[5],
            changes=_changes(town, identity, row[0], row[6]),
            note=row[7] or "",
            digest=row[8],
            actor_kind=row[9],
            actor_id=row[10],
        )
        for row in rows
    ]


def _changes(town: Town, identity: str, id: int, kept: str | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    return town.old_names.translate(identity, id, encrypting.opened_changes(town, json.loads(kept)))


def history(town: Town, actor: Actor, identity: str, id: int) -> list[HistoryEntry]:
    """The record's entries, oldest first, as far as the actor may see them."""
    record = reading.get(town, actor, identity, id, fields=())
    policy.require(actor, "view", record.type)
    staff, noted = policy.is_staff(actor), policy.sees_internal(actor, record.type)
    eye = Eye(town, actor, record.type, id)
    return [
        HistoryEntry(
            id=row.id,
            at=from_microseconds(row.at),
            actor=row.actor if staff else "",
            door=row.door,
            action=row.action,
            version=row.version,
            changes=eye.changes(row.changes or {}),
            note=row.note if noted else "",
            digest=row.digest,
            erased=row.changes is None,
        )
        for row in told(town, record.type, id)
    ]


class Eye:
    """What one actor may see of the values that a record held at any time."""

    def __init__(self, town: Town, actor: Actor, record_type: RecordType, id: int) -> None:
        self._town = town
        self._actor = actor
        self._type = record_type
        self._id = id
        self._context = town.context(actor)
        self.access = policy.readable(actor, record_type)

    def changes(self, changes: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """The changes with values where the actor may read them, masked where they may know of them.

        Nobody knows any more how private a field was that is gone, so its values are treated as confidential.
        """
        visible: dict[str, tuple[Any, Any]] = {}
        for name, (old, new) in changes.items():
            if name in self.access.readable or name in self.access.masked:
                visible[name] = (self.value(name, old), self.value(name, new))
            elif name in self._type.all_fields:
                continue
            elif self._actor.kind == "system":
                visible[name] = (old, new)
            elif policy.is_staff(self._actor) and policy.may(self._actor, "see_confidential", self._type):
                visible[name] = (old and MASK, new and MASK)
        return visible

    def value(self, name: str, stored: Any, beside: Mapping[str, Any] | None = None) -> Any:
        """A value that the record held, from JSON: masked, in part, or not at all (``None``) where it is not for them.

        What the field can't read any more comes back as it was kept. ``beside`` are values that the record held at the
        same time, by which answers find their questions.
        """
        if stored is None or (name not in self.access.readable and name not in self.access.masked):
            return None
        if name in self.access.masked:
            return MASK
        field = self.asked(name, beside)
        try:
            return self._for_them(field, field.parse(stored, self._context))
        except (Invalid, ValueError, TypeError, KeyError):
            if field.type_name in ("file", "files"):
                files = stored if isinstance(stored, list) else [stored]
                return ", ".join(str(each.get("filename", "")) for each in files)
            in_parts = bool(field.row_fields) or field.type_name == "answers"
            # Parts that can't be told apart any more may be for nobody.
            return None if in_parts and self._actor.kind != "system" else stored

    def asked(self, name: str, beside: Mapping[str, Any] | None = None) -> Field:
        """A field of the type; one with answers is bound to the questions that the record answers."""
        field = self._type.all_fields[name]
        if field.type_name != "answers":
            return field
        return field.bind({**self._asking, **(beside or {})}, self._context)

    def _for_them(self, field: Any, value: Any) -> Any:
        """The value without columns and answers that are not for the actor."""
        if value is None or self._actor.kind == "system":
            return value
        if field.row_fields:
            columns = policy.row_columns(self._actor, self._type, field)
            return tuple({name: cell for name, cell in line.items() if name in columns} for line in value)
        if isinstance(value, Answers):
            levels = {"public", "internal"} if policy.sees_internal(self._actor, self._type) else {"public"}
            shown = {field.name for field, _ in field.entries(value) if field.privacy in levels}
            return replace(value, values={code: told for code, told in value.values.items() if code in shown})
        return value

    @cached_property
    def _asking(self) -> Mapping[str, Any]:
        """The values of today by which answers find their questions."""
        names = {field.source.partition(".")[0] for field in self._type.fields.values() if field.type_name == "answers"}
        whole = reading.get(self._town, system(), self._type.identity, self._id, fields=names)
        return dict(whole.values)
