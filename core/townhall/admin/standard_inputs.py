"""Inputs for what every case has and no schema declares: who has it, in which queue it is, until when."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from datetime import datetime
from datetime import time
from typing import Any

from townhall.access.actors import Actor
from townhall.admin import urls
from townhall.records.colleagues import takers
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.context import Option
from townhall_forms.schema import RecordType

QUEUE = "core.queue"
#: How many queues a list offers.
_MOST = 200
#: What the form for a new record of a type asks besides its fields: nothing else says it of a task.
_NEW = {"core.task": {"assignee": "Who does it?", "due": "Due on"}}
_LABELS = {"assignee": "Who has it?", "queue": "In which queue?", "due": "Due on"}


@dataclass(frozen=True, slots=True)
class StandardInput:
    """One input of a page: a list of choices, or a day where there are none."""

    name: str
    label: str
    value: str
    needed: bool
    choices: tuple[tuple[str, str], ...] = ()
    #: What stands in the record: a day that nobody touched stays the moment that it stands for.
    stood: str = ""

    @property
    def id(self) -> str:
        """The id of its element."""
        return f"standard-{self.name}"


def inputs(
    town: Town, actor: Actor, record: Record, names: Iterable[str], needed: Iterable[str], sent: Mapping[str, str]
) -> list[StandardInput]:
    """The inputs for those of ``names`` that are standard fields, with what was sent or what stands in the record."""
    made = []
    for name in dict.fromkeys(names):
        if name not in _LABELS or name in record.type.fields:
            continue
        stood = _present(town, record, name)
        value = sent.get(name, stood)
        choices = _choices(town, actor, record.type, name, record.assignee)
        if name in needed and not value and name not in sent and len(choices) == 1:
            value = choices[0][0]
        made.append(StandardInput(name, _LABELS[name], value, name in needed, choices, stood))
    return made


def for_new(town: Town, actor: Actor, record_type: RecordType, sent: Mapping[str, str]) -> list[StandardInput]:
    """The inputs of the form for a new record, with what was sent: who makes a task does it, if nobody else."""
    usual = {"assignee": str(actor.id or ""), "due": ""}
    return [
        StandardInput(
            name, label, sent.get(name, usual[name]), needed=False, choices=_choices(town, actor, record_type, name)
        )
        for name, label in _NEW.get(record_type.identity, {}).items()
    ]


def values(
    town: Town, asked: Iterable[StandardInput], sent: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was sent for them, and what is wrong with it, by the ids of the inputs."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for each in asked:
        text = sent.get(each.name, "").strip()
        if not text:
            found[each.name] = None
            if each.needed:
                problems[each.id] = "Say until when." if each.name == "due" else "Choose one."
        elif each.name == "due" and text == each.stood:
            continue
        elif each.name == "due":
            try:
                found["due"] = datetime.combine(date.fromisoformat(text), time(23, 59), town.zone)
            except ValueError:
                problems[each.id] = "Enter the day like 2026-11-24."
        elif text in {value for value, _ in each.choices}:
            found[each.name] = urls.number(text)
        else:
            problems[each.id] = "This is not there any more. Choose another one."
    return found, problems


def _present(town: Town, record: Record, name: str) -> str:
    if name == "due":
        return record.due.astimezone(town.zone).date().isoformat() if record.due is not None else ""
    return str(getattr(record, name) or "")


def people(town: Town, actor: Actor, record_type: RecordType, holder: int | None) -> list[Option]:
    """To whom a case of the type can be given, and whoever has it now, so that nothing changes by itself."""
    able = takers(town, record_type)
    if holder is not None and all(each.id != holder for each in able):
        names = {each.id: each.title for each in town.context(actor).staff()}
        able.append(Option(holder, names.get(holder, "Somebody who left")))
    return able


def _choices(
    town: Town, actor: Actor, record_type: RecordType, name: str, holder: int | None = None
) -> tuple[tuple[str, str], ...]:
    if name == "assignee":
        return tuple((str(person.id), person.title) for person in people(town, actor, record_type, holder))
    if name == "queue":
        page = town.records.find(actor, QUEUE, {"active": True}, sort="name", limit=_MOST, fields=())
        return tuple((str(queue.id), queue.title) for queue in page.records)
    return ()
