"""What a move of a case brings about besides the new state: whom the case is given to, a task, an event.

It happens in the transaction of the move, through records, as the town itself: whoever may make the move need not be
allowed to add tasks. A move that is made again makes no second task while the first is open, and no second event at the
same moment.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import time
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.extend.values import Change
from townhall.records import colleagues
from townhall.records import shared_cases
from townhall.records.domains import Domain
from townhall.records.parsing import rules_context
from townhall_forms.instants import on_day
from townhall_forms.instants import units
from townhall_forms.placeholders import Template
from townhall_forms.schema import EventEffect
from townhall_forms.schema import RecordType
from townhall_forms.schema import TaskEffect
from townhall_forms.schema import Transition
from townhall_forms.values import Reference

if TYPE_CHECKING:
    from townhall.town import Town

TASK = "core.task"
EVENT = "core.event"
#: Longest title of a task or an event that is made from a template.
_LONGEST = 200


def brings_about(record_type: RecordType) -> bool:
    """Whether any move of the type has an effect."""
    workflow = record_type.workflow
    return workflow is not None and any(move.assign or move.task or move.event for move in workflow.transitions)


def give(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Give the case to whom the move says, unless somebody was chosen in the same step."""
    move = _move(town, change)
    if move is None or not move.assign or change.changed("assignee"):
        return None
    if move.assign == "nobody":
        return {"assignee": None}
    person = _person(town, change, move.assign, change.identity)
    if person == change.actor.id and colleagues.ASSIGNEE in _kept(town, change, move):
        return None
    return {"assignee": person} if person is not None else None


def _kept(town: Town, change: Change, move: Transition) -> Collection[str]:
    """What of the case stays with the department that shares it with whoever makes the move."""
    if change.actor.kind != "staff" or change.id is None:
        return ()
    return shared_cases.kept(town, change.actor, town.schemas[change.identity], change.id, move)


def make(town: Town, changes: Sequence[Change]) -> None:
    """Make the tasks and events of moves that were written."""
    for change in changes:
        move = _move(town, change)
        if move is not None and move.task is not None:
            _make_task(town, change, move.task)
        if move is not None and move.event is not None:
            _make_event(town, change, move.event)


#: The effects of moves, as a part of core in writes.
EFFECTS = Domain("effects", concerns=brings_about, before_save=give, written=make)


def _make_task(town: Town, change: Change, effect: TaskEffect) -> None:
    title = _words(town, change, effect.title)
    about = _about(change)
    records = town.records
    if records.count(system(), TASK, {"about": str(about), "state": "open", "subject": title}).value:
        return
    days = units(_value(town, change, effect.days) if isinstance(effect.days, str) else effect.days)
    values = {
        "subject": title,
        "about": about,
        "due": _end_of_day(town, days) if days is not None else None,
        "assignee": None if effect.assignee == "nobody" else _person(town, change, effect.assignee, TASK),
    }
    records.create(system(), TASK, {name: value for name, value in values.items() if value is not None})


def _make_event(town: Town, change: Change, effect: EventEffect) -> None:
    starts = _value(town, change, effect.starts)
    about = _about(change)
    if starts is None or town.records.count(system(), EVENT, {"about": str(about), "starts": starts}).value:
        return
    name = _words(town, change, effect.title)
    town.records.create(system(), EVENT, {"name": name, "starts": starts, "kind": effect.kind, "about": about})


def _move(town: Town, change: Change) -> Transition | None:
    workflow = town.schemas[change.identity].workflow
    return workflow.transition(change.transition) if workflow is not None and change.transition else None


def _about(change: Change) -> Reference:
    assert change.id is not None  # noqa: S101  # a record that moves is there
    return Reference(change.identity, change.id)


def _person(town: Town, change: Change, who: str, identity: str) -> int | None:
    """Somebody who may work on such a case; ``None`` for an empty field, and for who left or may only look on."""
    person = change.actor.id if who == "actor" and change.actor.kind == "staff" else _value(town, change, who)
    if not isinstance(person, int):
        return None
    itself = identity == change.identity and person == change.actor.id
    return person if itself or colleagues.read(town).may_work(person, town.schemas[identity]) else None


def _value(town: Town, change: Change, path: str) -> Any:
    """The value at a path of the record as it will stand."""
    first, _, rest = path.partition(".")
    value = change.values[first] if first in change.values else change.standard.get(first)
    if not rest or value is None:
        return value
    field = town.schemas[change.identity].all_fields[first]
    return rules_context(town, system()).value_of(field.target, value, rest)


def _words(town: Town, change: Change, template: Template) -> str:
    """A template with the record's values in it; what the type is called where nothing is left of it."""
    record_type = town.schemas[change.identity]
    context = rules_context(town, system())
    texts = []
    for path in template.paths:
        found = town.schemas.resolve(record_type, path)
        value = _value(town, change, path)
        if path == "title":
            value = town.records.get(system(), change.identity, _about(change).id, fields=()).title
        texts.append(found.field.display(value, context) if found is not None and value is not None else "")
    return (template.fill(texts) or record_type.label)[:_LONGEST]


def _end_of_day(town: Town, days: int) -> datetime:
    """The last minute of a day that is so many days from today, in the town's zone."""
    return on_day(town.today() + timedelta(days=days), time(23, 59), town.zone)
