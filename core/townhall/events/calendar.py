"""The calendar: records of every type that maps its fields to an event, whichever plugin brings it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.extend.values import Deadline
from townhall.records.types import Record
from townhall_forms.instants import on_day
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: Most events of one type that a calendar shows at once.
MOST = 500


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One thing on the calendar. ``ends`` is ``None`` for a moment; an ``all_day`` one ends with its last day."""

    identity: str
    id: int
    label: str
    title: str
    starts: datetime
    ends: datetime | None
    all_day: bool
    location: str
    status: str
    record: Record
    #: Names of those who take part, for staff; a feed never has them.
    attendees: tuple[str, ...] = ()
    #: Tells apart what a plugin adds for one record.
    key: str = ""

    @property
    def cancelled(self) -> bool:
        """Whether it will not take place."""
        return self.status == "cancelled"


def types(town: Town, actor: Actor) -> list[RecordType]:
    """Types on the calendar that the actor may see. A start that the actor may not read keeps a type off it."""
    return [
        each
        for each in town.schemas.values()
        if each.event is not None
        and policy.may(actor, "view", each)
        and each.event.starts in policy.filterable(actor, each)
    ]


def entries(
    town: Town, actor: Actor, start: datetime, end: datetime, *, identities: Sequence[str] | None = None
) -> list[CalendarEntry]:
    """What begins before ``end`` and is not over at ``start``, in order of time."""
    found = []
    for record_type in types(town, actor):
        if identities is None or record_type.identity in identities:
            found += [
                entry
                for record in _records(town, actor, record_type, start, end)
                if (entry := entry_of(town, record)) is not None
                if entry.starts < end and (entry.starts >= start or last_moment(entry, town) > start)
            ]
    found += _deadlines(town, actor, start, end, identities)
    return sorted(found, key=lambda entry: (entry.starts, entry.identity, entry.id, entry.key))


def upcoming(town: Town, actor: Actor, *, limit: int = 5, days: int = 30) -> list[CalendarEntry]:
    """The next few events that begin from now on, or today if they last all day, and are not cancelled."""
    now = town.clock.now()
    today = datetime.combine(now.astimezone(town.zone).date(), time(), town.zone)
    found = entries(town, actor, now, now + timedelta(days=days))
    coming = [entry for entry in found if entry.starts >= (today if entry.all_day else now)]
    return [entry for entry in coming if not entry.cancelled][:limit]


def _deadlines(
    town: Town, actor: Actor, start: datetime, end: datetime, identities: Sequence[str] | None
) -> Iterator[CalendarEntry]:
    """What plugins add, as far as the actor may see the records that it belongs to."""
    by_type: dict[str, list[Deadline]] = {}
    for deadline in town.plugins.calendar_entries(actor, start, end):
        record_type = town.schemas.get(deadline.identity)
        wanted = identities is None or deadline.identity in identities
        if record_type is not None and wanted and policy.may(actor, "view", record_type):
            by_type.setdefault(deadline.identity, []).append(deadline)
    for identity, deadlines in by_type.items():
        ids = sorted({deadline.id for deadline in deadlines})
        page = town.records.find(actor, identity, {"id": ids}, limit=MOST, fields=())
        records = {record.id: record for record in page.records}
        for deadline in deadlines:
            starts, whole_day = _instant(town, deadline.at)
            lasts = starts + timedelta(days=1) if whole_day else starts
            if deadline.id in records and starts < end and (starts >= start or lasts > start):
                yield CalendarEntry(
                    identity=identity,
                    id=deadline.id,
                    label=records[deadline.id].type.label,
                    title=deadline.title,
                    starts=starts,
                    ends=None,
                    all_day=whole_day,
                    location="",
                    status="",
                    record=records[deadline.id],
                    key=f"{deadline.plugin}:{deadline.title}",
                )


def _records(town: Town, actor: Actor, record_type: RecordType, start: datetime, end: datetime) -> Iterator[Record]:
    """Records that may fall into the time, at most :data:`MOST`."""
    event = record_type.event
    if event is None:
        return
    begins = {event.starts: {"gte": _bound(record_type, event.starts, start, town, up=False)}}
    before_end = {event.starts: {"lt": _bound(record_type, event.starts, end, town, up=True)}}
    where: dict[str, Any] = {"all": [begins, before_end]}
    if event.ends and event.ends in policy.filterable(actor, record_type):
        # What began before and lasts into the time is found by its end, and so said that SQLite can't but go by it:
        # of what began before, nearly all is over.
        lasts = {event.ends: {"gt": _bound(record_type, event.ends, start, town, up=False)}}
        where = {"any": [where, {"all": [lasts, {"not": [begins]}, {event.starts: {"empty": False}}]}]}
    names = fields_shown(actor, record_type)
    page = town.records.find(actor, record_type.identity, where, sort=event.starts, limit=MOST, fields=names)
    yield from page.records


def fields_shown(actor: Actor, record_type: RecordType) -> list[str]:
    """Fields that the calendar shows; never a confidential one, even if the actor is the town itself."""
    event = record_type.event
    if event is None:
        return []
    mapped = (event.starts, event.ends, event.title, event.location, event.status, event.attendees, "all_day")
    allowed = policy.filterable(actor, record_type)
    return [name for name in dict.fromkeys(mapped) if name in record_type.fields and name in allowed]


def _bound(record_type: RecordType, name: str, moment: datetime, town: Town, *, up: bool) -> date | datetime:
    """A limit as the field compares: a day is part of the time if any of it is."""
    field = record_type.field(name)
    if field is None or field.type_name != "date":
        return moment
    day = moment.astimezone(town.zone).date()
    return day + timedelta(days=1) if up else day - timedelta(days=1)


def entry_of(town: Town, record: Record) -> CalendarEntry | None:
    """A record as an entry of the calendar; ``None`` if it has no start that may be seen."""
    event = record.type.event
    if event is None or record.get(event.starts) is None:
        return None
    starts, whole_day = _instant(town, record[event.starts])
    ends = record.get(event.ends) if event.ends else None
    return CalendarEntry(
        identity=record.identity,
        id=record.id,
        label=record.type.label,
        title=title_of(record),
        starts=starts,
        ends=_instant(town, ends)[0] if ends is not None else None,
        all_day=whole_day or bool(record.get("all_day")),
        location=_text(town, record, event.location),
        status=_status(record),
        record=record,
        attendees=_names(record, event.attendees),
    )


def last_moment(entry: CalendarEntry, town: Town) -> datetime:
    """When an entry is over: a whole day at its midnight, a moment without an end at once."""
    ends = entry.ends or entry.starts
    if not entry.all_day:
        return ends
    return datetime.combine(ends.astimezone(town.zone).date() + timedelta(days=1), time(), town.zone)


def title_of(record: Record) -> str:
    """What stands on the calendar: the mapped title, or else the record's own."""
    event = record.type.event
    value = record.get(event.title) if event is not None and event.title != "title" else None
    return value if isinstance(value, str) and value else record.title


def _instant(town: Town, value: date | datetime) -> tuple[datetime, bool]:
    """A start or end as an instant, and whether it is a whole day."""
    if isinstance(value, datetime):
        return value, False
    return on_day(value, time(), town.zone), True


def _text(town: Town, record: Record, name: str) -> str:
    field = record.type.field(name) if name else None
    value = record.get(name) if field is not None else None
    if field is None or value is None:
        return ""
    if field.target:
        return ", ".join(record.titles.get(point, "") for point in field.references(value))
    return " ".join(field.display(value, town.context(ANONYMOUS)).split())


def _names(record: Record, name: str) -> tuple[str, ...]:
    """Titles of the records that a field points at, as far as they may be seen."""
    field = record.type.field(name) if name else None
    value = record.get(name) if field is not None else None
    if field is None or value is None:
        return ()
    return tuple(title for point in field.references(value) if (title := record.titles.get(point)))


def _status(record: Record) -> str:
    event = record.type.event
    value = record.get(event.status) if event is not None and event.status else None
    return value if isinstance(value, str) else ""
