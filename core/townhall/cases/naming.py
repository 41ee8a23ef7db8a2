"""Where open cases and coming events name somebody who works here: as a reviewer, as who goes, in a row of a team.

Whose work a case is stands in its assignee, and is handed over (:mod:`townhall.cases.holding`). Another field that
names somebody says what that very person is to do or has taken on, so nobody is put into their place without being
asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.records.types import Record
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: How many records of a type are named one by one.
SHOWN = 20
#: What is to be done about them, in a sentence.
STAY = "These are not handed over with the cases: name somebody else in each, or leave it."
#: What a type's field for the status of an event says of one that nobody goes to any more.
_OVER = frozenset({"cancelled", "done"})


@dataclass(frozen=True, slots=True)
class Naming:
    """Records of one type that name somebody: how many there are, and the first of them."""

    record_type: RecordType
    count: int
    records: Sequence[Record]

    def sentence(self, name: str) -> str:
        """That they name whoever has this name, and which they are."""
        label = self.record_type.label if self.count == 1 else self.record_type.label_plural
        which = "; ".join(record.number or record.title for record in self.records)
        more = f"; and {self.count - len(self.records)} more" if self.count > len(self.records) else ""
        return f"{self.count} {label.lower()} still {'names' if self.count == 1 else 'name'} {name}: {which}{more}."


def naming(town: Town, actor: Actor, person: int) -> list[Naming]:
    """Open cases and coming events in which a field or a row names somebody, as far as the actor may see that."""
    found = []
    for record_type in town.schemas.values():
        where = _where(town, actor, record_type, person)
        if where is None:
            continue
        page = town.records.find(actor, record_type.identity, where, limit=SHOWN, fields=())
        if page.records:
            count = len(page.records)
            if page.after:
                count = town.records.count(actor, record_type.identity, where).value
            found.append(Naming(record_type, count, page.records))
    return found


def _where(town: Town, actor: Actor, record_type: RecordType, person: int) -> dict[str, Any] | None:
    """What finds records of the type that name somebody and are not over; ``None`` where there can be none to see."""
    identity = record_type.identity
    if record_type.frozen or record_type.append_only or not town.records.may(actor, "view", identity):
        return None
    still = _open(record_type) if record_type.is_case else _coming(record_type)
    paths = [path for path in _paths(record_type) if town.records.may_ask(actor, identity, path)]
    if not paths or not still or not town.records.may_ask(actor, identity, *_asked(record_type)):
        return None
    return {"all": [{"any": [{path: person} for path in paths]}, *still]}


def _paths(record_type: RecordType) -> Iterator[str]:
    for name, field in record_type.fields.items():
        if field.type_name == "staff":
            yield name
        yield from (f"{name}.{column}" for column, each in field.row_fields.items() if each.type_name == "staff")


def _open(record_type: RecordType) -> list[dict[str, Any]]:
    # One that was not sent yet waits for whoever it names, such as a review for its reviewer.
    workflow = record_type.workflow
    return [{"state": [state.name for state in workflow.states.values() if not state.final]}] if workflow else []


def _coming(record_type: RecordType) -> list[dict[str, Any]]:
    event = record_type.event
    if event is None:
        return []
    times = [{name: {"gte": "today"}} for name in (event.starts, event.ends) if name]
    status = record_type.fields.get(event.status)
    over = [choice.value for choice in status.choices if choice.value in _OVER] if status is not None else []
    return [{"any": times}, *([{"not": [{event.status: over}]}] if over else [])]


def _asked(record_type: RecordType) -> list[str]:
    """What a question goes by besides whom a record names."""
    event = record_type.event
    if record_type.is_case or event is None:
        return []
    return [name for name in (event.starts, event.ends, event.status) if name]
