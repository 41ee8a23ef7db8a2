"""Versions of a record: as it was, what is different, and bringing an earlier one back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from desk import TICKET
from desk import TOPIC
from desk import make_ticket
from desk import make_topic
from fees import STAFF
from fees import again
from fees import lay
from fees import make
from fees import start
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
from townhall.records import reverting
from townhall.records import versions
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.schema import Choice
from townhall_forms.values import Question
from townhall_forms.values import Questions


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


CHOOSING = """\
[type]
name = "fee"
title = "{payer}"
[fields.payer]
type = "text"
[fields.kind]
type = "choice"
choices = ["low", "high"]
[fields.lines]
type = "rows"
[fields.lines.fields.what]
type = "text"
[fields.lines.fields.unit]
type = "choice"
choices = ["hour", "day", "week"]
[fields.lines.fields.marks]
type = "choices"
choices = ["old", "new"]
"""
OFFERED = "“{}” is not offered any more. Choose another by hand."


def test_choices_in_rows_come_back_as_those_of_fields_do(town: Town) -> None:
    """A retired one stays where a row has it, comes back to who undoes, and else is told; one that is gone is told."""
    start(town, {"fee.toml": CHOOSING})
    lines = [{"what": "Sign", "unit": "hour", "marks": ["old"]}, {"what": "Post", "unit": "week"}]
    ids = [make(town, payer="A", kind="low", lines=lines).id for _ in range(3)]
    for id in ids:
        kept = [{"what": "Sign", "unit": "day", "marks": ["old"]}]
        town.records.update(STAFF, "fees.fee", id, {"payer": "B", "kind": "high", "lines": kept}, version=1)

    def problems(text: str, id: int) -> dict[str, str]:
        lay(town, "1.0.1", {"fee.toml": text})
        found = versions.restoring(again(town), STAFF, "fees.fee", id, 1)
        return {each.field.name: each.problem for each in found}

    def said(unit: str = "", mark: str = "") -> str:
        text = CHOOSING.replace('"hour", "day", "week"', unit or '"hour", "day", "week"')
        return text.replace('"old", "new"', mark or '"old", "new"')

    retired = said('"day", "week", { value = "hour", label = "By the hour", retired = true }')
    assert problems(CHOOSING, ids[0]) == {"payer": "", "kind": "", "lines": ""}
    assert problems(retired, ids[0])["lines"] == OFFERED.format("By the hour")
    still = said(mark='"new", { value = "old", retired = true }')
    assert problems(still, ids[0])["lines"] == "", "a row has it today"
    gone = CHOOSING.replace('"low", "high"', '"high"').replace('"hour", "day", "week"', '"day", "week"')
    told = problems(gone, ids[0])
    assert told == {"payer": "", "kind": OFFERED.format("low"), "lines": OFFERED.format("hour")}
    with pytest.raises(Rejected, match="Kind: "):
        reverting.revert(again(town), STAFF, "fees.fee", ids[1], before=1, after=2, note="Undone.")
    back = again(town).records.bring_back(STAFF, "fees.fee", ids[0], 1, version=2)
    assert (back["payer"], back["kind"], [row["unit"] for row in back["lines"]]) == ("A", "high", ["day"])
    lay(town, "1.0.1", {"fee.toml": retired})
    undone = reverting.revert(again(town), STAFF, "fees.fee", ids[1], before=1, after=2, note="Undone.")
    assert [row["unit"] for row in undone["lines"]] == ["hour", "week"]


def test_choices_of_answers_come_back_as_those_of_fields_do(town: Town, clerk: Actor) -> None:
    """What a question offers no more, though it did when it was answered, is told and not brought back."""
    choices = (Choice("deep", "Deep"), Choice("flat", "Flat"))

    def asked(*offered: Choice, version: int = 1) -> Questions:
        return Questions(version, (Question("how", "How deep?", "choice", choices=offered),), {})

    topic = town.records.create(system(), TOPIC, {"name": "Streets", "questions": asked(*choices)})
    id = make_ticket(town, clerk, topic, answers={"how": "deep"}).id
    town.records.update(clerk, TICKET, id, {"answers": {"how": "flat"}}, version=1)
    for offered in ((Choice("deep", "Deep", retired=True), choices[1]), choices[1:]):
        version = town.records.get(system(), TOPIC, topic.id).version
        town.records.update(system(), TOPIC, topic.id, {"questions": asked(*offered)}, version=version)
        told = {each.field.name: each.problem for each in town.records.restoring(clerk, TICKET, id, 1)}
        assert told["answers"] == OFFERED.format("Deep" if len(offered) > 1 else "deep")
        with pytest.raises(Rejected, match="Nothing would be changed"):
            town.records.bring_back(clerk, TICKET, id, 1, version=2, names=["answers"])
    undone = reverting.revert(town, clerk, TICKET, id, before=1, after=2, note="Undone.")
    assert undone["answers"].values == {"how": "deep"}, "the record had it, with the questions of then"
