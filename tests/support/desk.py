"""Records of the plugin ``desk`` that tests begin with."""

from __future__ import annotations

from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.records.types import Record
from townhall.town import Town

TOPIC = "desk.topic"
TICKET = "desk.ticket"
ENTRY = "desk.entry"
CONTACT = "core.contact"
QUESTIONS = [
    {"code": "deep", "label": "How deep?", "type": "integer", "required": True},
    {"code": "note", "label": "Anything else?", "type": "text"},
]


def make_topic(town: Town, name: str = "Potholes", **values: Any) -> Record:
    """A topic that tickets can be about."""
    given = {"name": name, "group": "streets", "team": "Roads", "target_days": 5, "questions": QUESTIONS, **values}
    return town.records.create(system(), TOPIC, given)


def make_ticket(town: Town, actor: Actor, topic: Record, **values: Any) -> Record:
    """A ticket about a topic."""
    given = {"topic": topic.id, "summary": "Deep hole", "answers": {"deep": 4}, **values}
    return town.records.create(actor, TICKET, given)


def make_contact(town: Town, name: str = "Moreau", **values: Any) -> Record:
    """A person."""
    return town.records.create(system(), CONTACT, {"kind": "person", "family_name": name, **values})
