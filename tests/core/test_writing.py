"""Creating, changing, archiving and restoring records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records.types import Record
from townhall.town import Town

TICKET = "desk.ticket"
TOPIC = "desk.topic"


@pytest.fixture
def topic(town: Town) -> Record:
    """A topic that tickets can be about."""
    return town.records.create(
        system(),
        TOPIC,
        {
            "name": "Potholes",
            "group": "streets",
            "team": "Roads",
            "target_days": 5,
            "questions": [
                {"code": "deep", "label": "How deep?", "type": "integer", "required": True},
                {"code": "note", "label": "Anything else?", "type": "text"},
            ],
        },
    )


@pytest.fixture
def make(town: Town, topic: Record, clerk: Actor) -> Callable[..., Record]:
    """Make a ticket as a clerk."""

    def make(**values: Any) -> Record:
        given = {"topic": topic.id, "summary": "Deep hole", "answers": {"deep": 4}, **values}
        return town.records.create(clerk, TICKET, given)

    return make


def test_new_record_comes_back_whole(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """A record that was created has number, title, state, due date, defaults and computed values at once."""
    record = make(lines=[{"what": "Asphalt", "amount": "12.50"}, {"what": "Work", "amount": "30"}])
    assert record.number == "T-2026-0001"
    assert record.title == "Potholes: Deep hole"
    assert record.state == "new"
    assert record.version == 1
    assert record["kind"] == "report"
    assert record["team"] == "Roads"
    assert str(record["total"].amount) == "42.50"
    assert record.due is not None
    assert record.due.astimezone(town.zone).date() == town.today() + timedelta(days=5)
    assert town.records.get(clerk, TICKET, record.id) == record
