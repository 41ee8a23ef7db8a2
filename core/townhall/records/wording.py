"""What happened, put into words: calls and messages, moves from state to state, edits and events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.records import assembling
from townhall.records import naming
from townhall.records import predicate
from townhall.records.inserting import UNDO
from townhall.records.instants import from_microseconds
from townhall.records.plans import batches
from townhall.records.plans import plan as plan_of
from townhall.records.standing import Standing
from townhall.records.types import Record
from townhall.records.types import TimelineEntry
from townhall_forms.context import Context
from townhall_forms.errors import FormsError
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
INTERACTION = "core.interaction"
_TALK_FIELDS = frozenset(
    {
        *("channel", "direction", "at", "contact", "about", "subject", "body", "public", "files", "handled_by"),
        *("outcome", "follow_up", "followed_up"),
    }
)
#: What a channel's interactions are called; any other is called by the label of the channel.
_NOUNS = {
    "phone": "Phone call",
    "email": "E-mail",
    "letter": "Letter",
    "visit": "Visit",
    "web": "Message on the website",
    "fax": "Fax",
    "sms": "Text message",
    "social": "Social media message",
    "chat": "Chat",
    "open311": "Open311 message",
}
#: Types of which old and new value fit into one line.
_SHORT = frozenset(
    {
        "text", "choice", "choices", "boolean", "integer", "decimal", "money", "percent", "year", "date", "datetime",
        "time", "email", "phone", "url", "language", "country",
    }
)  # fmt: skip
_DEEDS = {
    "archive": "Archived",
    "restore": "Restored",
    "import": "Imported",
    "merge": "Merged",
    "unmerge": "Merge taken apart",
    "undo": "Undone",
    "link": "New secret link given",
    "share": "Shared",
    "unshare": "No longer shared",
    "warn": "Time is running out",
    "breach": "Time is up",
    "escalate": "Late for a working day",
}
_LONGEST_VALUE = 80

About = tuple[str, int, str, str]


class Writer:
    """Puts the items of one timeline into words for one actor, each sort in a batch."""

    def __init__(self, town: Town, actor: Actor, record: Record, standings: Sequence[Standing]) -> None:
        self.town = town
        self.actor = actor
        self.record = record
        self.standings = standings
        self.staff = policy.is_staff(actor)
        self.context: Context = town.context(actor)
        self._about: dict[tuple[str, int], About] = {
            (each.identity, each.id): (each.identity, each.id, each.number, each.title) for each in standings
        }
        self._about[record.identity, record.id] = (record.identity, record.id, record.number, record.title)

    # -- interactions -----------------------------------------------------------------------------------------

    def interactions(self, ids: Sequence[int]) -> Mapping[int, TimelineEntry]:
        """Entries of interactions. What a citizen gets to see of them was decided when they were chosen."""
        reader = self.actor if self.staff else system("timeline")
        plan = plan_of(self.town, INTERACTION)
        known = {(self.record.identity, self.record.id): self.record.title} if self.staff else None
        found = assembling.records(self.town, reader, plan, ids, _TALK_FIELDS, known=known)
        if self.staff:
            self._name({about for record in found.values() if (about := record.get("about")) is not None})
        return {id: self._interaction(record) for id, record in found.items()}

    def _interaction(self, record: Record) -> TimelineEntry:
        value = record.values.get
        direction, about = value("direction") or "", value("about")
        return TimelineEntry(
            at=value("at") or record.created,
            kind="note" if direction == "internal" else "talk",
            headline=self._headline(record, direction),
            body="\n".join(part for part in (value("subject"), value("body")) if part),
            actor=self._who(record) if self.staff else "",
            channel=value("channel") or "",
            direction=direction,
            public=bool(value("public")),
            about=self._about.get((about.identity, about.id)) if about is not None else None,
            identity=record.identity,
            id=record.id,
            details=[*(file.filename for file in value("files") or ()), *self._to_follow_up(record)],
        )

    def _to_follow_up(self, record: Record) -> list[str]:
        """When somebody is to be reminded of it, as long as that is to come; no citizen's business."""
        day, field = record.values.get("follow_up"), record.type.field("follow_up")
        if not self.staff or day is None or field is None or record.values.get("followed_up"):
            return []
        return [f"To follow up on {field.display(day, self.context)}"]

    def _headline(self, record: Record, direction: str) -> str:
        if direction == "internal":
            return "Note"
        channel, contact = record.values.get("channel") or "", record.values.get("contact")
        noun = _NOUNS.get(channel, "")
        if not noun and channel and (field := record.type.field("channel")) is not None:
            noun = field.display(channel, self.context)
        noun = noun or "Message"
        name = record.titles.get((CONTACT, contact), "") if self.staff and contact is not None else ""
        if not name or (contact == self.record.id and self.record.identity == CONTACT):
            return f"{noun} {'out' if direction == 'out' else 'in'}"
        return f"{noun} {'to' if direction == 'out' else 'from'} {name}"

    def _who(self, record: Record) -> str:
        handler = record.values.get("handled_by")
        return (self._people.get(handler, "") if handler is not None else "") or record.created_by

    @cached_property
    def _people(self) -> dict[int, str]:
        return {person.id: person.title for person in self.context.staff()}

    def _name(self, references: Iterable[Any]) -> None:
        """Find number and title of records that interactions are about."""
        wanted: dict[str, list[int]] = {}
        for reference in references:
            if (reference.identity, reference.id) not in self._about:
                wanted.setdefault(reference.identity, []).append(reference.id)
        for identity, ids in wanted.items():
            record_type = self.town.schemas.get(identity)
            if record_type is None or not naming.may_name(self.town, self.actor, record_type):
                continue
            plan = plan_of(self.town, identity)
            if not predicate.sees_all(self.town, self.actor, record_type):
                ids = sorted(predicate.may_see(self.town, self.actor, record_type, ids))
            if not naming.told(self.town, self.actor, record_type).whole:
                for id, each in assembling.records(self.town, self.actor, plan, ids, ()).items():
                    self._about[identity, id] = (identity, id, each.number, each.title)
                continue
            columns = [plan.column(name) for name in ("id", "number", "title")]
            for part in batches(ids):
                for id, number, title in plan.model.select(*columns).where(columns[0].in_(part)).tuples():
                    self._about[identity, id] = (identity, id, number or "", title)

    def _marks(self, ids: Sequence[int]) -> str:
        return ", ".join([self.town.database.param] * len(ids))

    def _rows(self, sql: str, ids: Sequence[int]) -> list[Any]:
        return list(self.town.database.execute_sql(sql, tuple(ids)).fetchall())

    # -- moves --------------------------------------------------------------------------------------------------

    def moves(self, ids: Sequence[int]) -> Mapping[int, TimelineEntry]:
        """Entries of moves between states."""
        made = {}
        sql = (
            "SELECT id, identity, record_id, name, source, target, at, actor_name FROM case_transition"  # noqa: S608
            f" WHERE id IN ({self._marks(ids)})"
        )
        rows = self._rows(sql, ids)
        routed = self._routed(rows) if self.staff else {}
        for id, identity, record_id, name, source, target, at, who in rows:
            headline = self._move(self.town.schemas[identity], name, source, target)
            if headline:
                made[id] = TimelineEntry(
                    at=from_microseconds(at),
                    kind="change",
                    headline=headline,
                    body=routed.get((identity, record_id, name), ""),
                    actor=who if self.staff else "",
                    public=not self.staff,
                    about=self._about.get((identity, record_id)),
                    identity=identity,
                    id=record_id,
                )
        return made

    def _routed(self, rows: Iterable[Any]) -> Mapping[tuple[str, int, str], str]:
        """Where cases went when they came in, and who or what said so, by case and the move that brought it in."""
        cases = sorted({(identity, record_id) for _, identity, record_id, *_ in rows})
        if not cases:
            return {}
        mark = self.town.database.param
        tests = " OR ".join([f"(identity = {mark} AND record_id = {mark})"] * len(cases))
        sql = (
            "SELECT identity, record_id, transition, decided_by, route_id, plugin, reason, queue_id, assignee_id"  # noqa: S608
            f" FROM case_route WHERE {tests}"
        )
        found = self.town.database.execute_sql(sql, tuple(part for case in cases for part in case)).fetchall()
        queues = self.context.titles("core.queue", {row[7] for row in found if row[7] is not None})
        rules = self.context.titles("core.route", {row[4] for row in found if row[4] is not None})
        return {tuple(row[:3]): self._route(row[3:], queues, rules) for row in found}

    def _route(self, row: Sequence[Any], queues: Mapping[int, str], rules: Mapping[int, str]) -> str:
        """One routing in a sentence; nothing if a person said where the case goes, or nobody did."""
        decided_by, rule, plugin, reason, queue, person = row
        to = [name for name in (queues.get(queue, ""), self._people.get(person, "")) if name]
        why = {
            "plugin": f" as {self.town.plugins.title(plugin)} says",
            "route": f" by the rule “{rules.get(rule, 'that is gone')}”",
            "type": ", as the settings of such cases say",
            "default": ", where such cases wait",
        }.get(decided_by)
        if why is None or not (to or reason):
            return ""
        said = f"Went to {' and '.join(to)}{why}." if to else f"Came in{why}."
        return f"{said} {reason if reason.endswith('.') else reason + '.'}" if reason else said

    def _move(self, record_type: RecordType, name: str, source: str, target: str) -> str:
        """A move in words; to the public in theirs, and nothing if it makes no difference to them."""
        old, new = self._state(record_type, source), self._state(record_type, target)
        if not source:
            return f"{record_type.label} opened" if self.staff else new
        if old != new:
            return f"Moved {'back ' if name == UNDO else ''}from {old} to {new}"
        workflow = record_type.workflow
        move = workflow.transition(name) if workflow is not None else None
        if move is None:
            return f"Still {new}" if self.staff else ""
        return move.label if self.staff else move.public_label

    def _state(self, record_type: RecordType, name: str) -> str:
        state = record_type.workflow.states.get(name) if record_type.workflow is not None else None
        if state is None:
            return name.replace("_", " ")
        return state.label if self.staff else state.public_label

    # -- edits --------------------------------------------------------------------------------------------------

    def edits(self, ids: Sequence[int]) -> Mapping[int, TimelineEntry]:
        """Entries of the record's own history."""
        rows = self._rows(
            "SELECT entry.id, entry.at, entry.actor_name, entry.action, told.changes, told.note"  # noqa: S608
            " FROM history AS entry LEFT JOIN history_values AS told ON told.history_id = entry.id"
            f" WHERE entry.id IN ({self._marks(ids)})",
            ids,
        )
        access = policy.readable(self.actor, self.record.type)
        noted = policy.sees_internal(self.actor, self.record.type)
        made = {}
        for id, at, who, action, stored, note in rows:
            told = self.town.old_names.translate(self.record.identity, id, json.loads(stored or "{}"))
            known = [name for name in self.record.type.all_fields if name in told]
            changes = {name: told[name] for name in known if name in access.readable or name in access.masked}
            made[id] = TimelineEntry(
                at=from_microseconds(at),
                kind="change",
                headline=self._deed(action, changes),
                body=(note or "") if noted else "",
                actor=who,
                about=self._about[self.record.identity, self.record.id],
                identity=self.record.identity,
                id=self.record.id,
                details=self._details(action, changes, access),
            )
        return made

    def _deed(self, action: str, changes: Mapping[str, Any]) -> str:
        label = self.record.type.label
        if action == "create":
            return f"{label} added"
        if action in _DEEDS:
            return _DEEDS[action]
        names = [name for name in changes if name not in ("state", "title", "closed")]
        if action.startswith("reveal"):
            return f"Looked at {self._labels(names) or 'a confidential field'}"
        if names == ["assignee"]:
            who = self._value(self.record.type.all_fields["assignee"], changes["assignee"][1])
            return f"Given to {who}" if who else "Given back, for somebody else to take"
        return f"Changed {self._labels(names)}" if names else f"{label} changed"

    def _labels(self, names: Sequence[str]) -> str:
        labels = [self.record.type.all_fields[name].label for name in names]
        return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)

    def _details(self, action: str, changes: Mapping[str, Any], access: policy.FieldAccess) -> list[str]:
        """Old and new values that fit into a line, of fields that the actor may read."""
        if action == "create":
            return []
        details = []
        for name, (old, new) in changes.items():
            field = self.record.type.fields.get(name)
            if field is None or name not in access.readable or field.type_name not in _SHORT:
                continue
            before, after = self._value(field, old), self._value(field, new)
            details.append(f"{field.label}: {before or 'nothing'} → {after or 'nothing'}")
        return details

    def _value(self, field: Field, stored: Any) -> str:
        if stored is None:
            return ""
        try:
            text = field.display(field.parse(stored, self.context), self.context)
        except (FormsError, ValueError, TypeError, KeyError):
            text = str(stored)
        return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1].rstrip() + "…"

    # -- what stands in the list of standings ---------------------------------------------------------------------

    def events(self, indexes: Sequence[int]) -> Mapping[int, TimelineEntry]:
        """Entries of events that the contact had a part in."""
        return {index: self._standing(self.standings[index], event=True) for index in indexes}

    def births(self, indexes: Sequence[int]) -> Mapping[int, TimelineEntry]:
        """Entries of the beginning of records that are no cases."""
        return {index: self._standing(self.standings[index], event=False) for index in indexes}

    def _standing(self, each: Standing, *, event: bool) -> TimelineEntry:
        label = self.town.schemas[each.identity].label
        at = each.starts if event and each.starts is not None else each.created
        return TimelineEntry(
            at=from_microseconds(at),
            kind="event" if event else "change",
            headline=label if event else f"{label} added",
            about=self._about[each.identity, each.id],
            identity=each.identity,
            id=each.id,
        )
