"""Versions of a record: as it was, what is different, and bringing an earlier one back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from desk import TICKET
from desk import make_ticket
from desk import make_topic
from staff_client import add_person

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import erasing
from townhall.records.types import Record
from townhall.town import Town


@pytest.fixture
def ticket(town: Town, clerk: Actor, clock: FixedClock) -> Record:
    """A ticket at version 4, a minute between one version and the next."""
    pat = add_person(town, "pat@milbrook.example", "clerk")
    record = make_ticket(town, clerk, make_topic(town), secret="first", refund="12.50", lines=[{"what": "Tar"}])
    for version, values in (
        (1, {"summary": "Wide hole", "secret": "second", "visit_on": "2026-03-18"}),
        (2, {"summary": "Wide hole, fenced", "refund": "40", "answers": {"deep": 6}}),
        (3, {"lines": [{"what": "Tar", "amount": "3"}, {"what": "Gravel"}], "assignee": pat}),
    ):
        clock.move(timedelta(minutes=1))
        record = town.records.update(clerk, TICKET, record.id, values, version=version)
    return record


def test_a_record_as_it_was(town: Town, clerk: Actor, viewer: Actor, ticket: Record) -> None:
    """Every field has the value of then, masked where it is today; a version that never was is not found."""
    first = town.records.version(clerk, TICKET, ticket.id, 1).record
    assert (first["summary"], first["visit_on"], first["answers"].values) == ("Deep hole", None, {"deep": 4})
    assert [line["what"] for line in first["lines"]] == ["Tar"]
    assert str(first["refund"].amount) == "12.50"
    assert "secret" not in first.values
    assert "secret" in first.masked
    assert (first.state, first.assignee, first.version) == ("new", None, 1)
    second = town.records.version(clerk, TICKET, ticket.id, 2)
    assert (second.record["summary"], second.entry.actor, second.unknown) == ("Wide hole", "Erin Clerk", frozenset())
    last = town.records.version(viewer, TICKET, ticket.id, 4).record
    assert dict(last.values) == dict(town.records.get(viewer, TICKET, ticket.id).values)
    assert "secret" in last.hidden
    with pytest.raises(NotFound, match="no version 9"):
        town.records.version(clerk, TICKET, ticket.id, 9)


def test_two_versions_compared(town: Town, clerk: Actor, viewer: Actor, ticket: Record) -> None:
    """Only fields that are different, with both values; of a confidential one only that it is."""
    found = {each.field.name: (each.old, each.new) for each in town.records.compare(clerk, TICKET, ticket.id, 1, 2)}
    assert found["summary"] == ("Deep hole", "Wide hole")
    assert found["secret"] == ("confidential", "confidential")
    assert set(found) == {"summary", "secret", "visit_on"}
    found = {each.field.name for each in town.records.compare(viewer, TICKET, ticket.id, 1, 2)}
    assert found == {"summary", "visit_on"}
    assert town.records.compare(clerk, TICKET, ticket.id, 3, 3) == []


def test_bringing_a_version_back(town: Town, clerk: Actor, ticket: Record) -> None:
    """An earlier version becomes a new one with all that can be brought back; what can't is told field by field."""
    told = {each.field.name: each.problem for each in town.records.restoring(clerk, TICKET, ticket.id, 1)}
    assert told.pop("secret") == "It is confidential. Change it by hand if you have to."
    assert set(told) == {"summary", "visit_on", "refund", "answers", "lines", "assignee"}
    assert set(told.values()) == {""}
    back = town.records.bring_back(clerk, TICKET, ticket.id, 1, version=4, note="Wrong ticket")
    assert (back.version, back["summary"], back["visit_on"], back.assignee) == (5, "Deep hole", None, None)
    assert back["answers"].values == {"deep": 4}
    assert [line["what"] for line in back["lines"]] == ["Tar"]
    assert town.records.get(system(), TICKET, ticket.id)["secret"] == "second"
    entry = town.records.history(clerk, TICKET, ticket.id)[-1]
    assert (entry.action, entry.note) == ("update", "Version 1 brought back. Wrong ticket")


def test_bringing_back_keeps_all_rules(town: Town, clerk: Actor, viewer: Actor, ticket: Record) -> None:
    """It is a change like any other: of a version that was seen, by who may edit, and with the rules of the type."""
    with pytest.raises(Conflict):
        town.records.bring_back(clerk, TICKET, ticket.id, 1, version=3)
    with pytest.raises(Forbidden):
        town.records.bring_back(viewer, TICKET, ticket.id, 1, version=4)
    with pytest.raises(Rejected, match="Nothing would be changed"):
        town.records.bring_back(clerk, TICKET, ticket.id, 1, version=4, names=("secret",))
    make_ticket(town, clerk, town.records.get(system(), "desk.topic", ticket["topic"]), visit_on="2026-03-19")
    town.records.update(clerk, TICKET, ticket.id, {"visit_on": "2026-03-20"}, version=4)
    make_ticket(town, clerk, town.records.get(system(), "desk.topic", ticket["topic"]), visit_on="2026-03-18")
    with pytest.raises(ValidationFailed, match="visit"):
        town.records.bring_back(clerk, TICKET, ticket.id, 4, version=5)
    only = town.records.bring_back(clerk, TICKET, ticket.id, 2, version=5, names=("summary",))
    assert (only["summary"], only["visit_on"].day) == ("Wide hole", 20)


def test_state_and_files_are_not_brought_back(town: Town, clerk: Actor, ticket: Record) -> None:
    """A state is changed by a move; that it is different is told with the reason."""
    town.records.transition(clerk, TICKET, ticket.id, "ask", version=4)
    told = {each.field.name: each.problem for each in town.records.restoring(clerk, TICKET, ticket.id, 4)}
    assert told == {"state": "The state is changed by a move."}


def test_erased_values_never_come_back(town: Town, clerk: Actor, ticket: Record) -> None:
    """What was erased is unknown, and so is what can only be known by looking past it; the rest is known still."""
    entries = town.records.history(clerk, TICKET, ticket.id)
    assert erasing.erase(town, system(), [entry.id for entry in entries[:2]], "By rule") == 2
    first = town.records.version(clerk, TICKET, ticket.id, 1)
    assert {"summary", "visit_on", "kind"} <= first.unknown
    assert "summary" not in first.record.values
    told = {each.field.name: each.problem for each in town.records.restoring(clerk, TICKET, ticket.id, 1)}
    assert told["summary"] == "What it was is not kept any more."
    second = town.records.version(clerk, TICKET, ticket.id, 2)
    assert (second.record["summary"], second.unknown) == ("Wide hole", frozenset())
    with pytest.raises(Rejected):
        town.records.bring_back(clerk, TICKET, ticket.id, 1, version=4)
