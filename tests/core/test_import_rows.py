"""Bringing in many records at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest
from desk import TICKET
from desk import TOPIC
from desk import make_contact
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.town import Town

IMPORT = system("import")
CREATED = datetime(2025, 11, 3, 14, 0, tzinfo=UTC)
CLOSED = datetime(2025, 11, 5, 9, 30, tzinfo=UTC)


def rows(topic: int, count: int, **more: Any) -> list[dict[str, Any]]:
    """Plain rows."""
    return [{"topic": topic, "summary": f"Hole {n}", "answers": {"deep": n}, **more} for n in range(count)]


def test_rows_become_whole_records(town: Town, clerk: Actor) -> None:
    """An imported record is like one that was typed: number, title, children, computed values, history and search."""
    topic, contact = make_topic(town), make_contact(town)
    given = rows(topic.id, 3, watchers=[contact.id], lines=[{"what": "a", "amount": "2"}, {"what": "b", "amount": "3"}])
    outcomes = town.records.import_rows(IMPORT, TICKET, given)
    assert [outcome.index for outcome in outcomes] == [0, 1, 2]
    assert not any(outcome.errors for outcome in outcomes)
    record = town.records.get(clerk, TICKET, outcomes[1].id or 0)
    assert (record.number, record.title, record.state) == ("T-2026-0002", "Potholes: Hole 1", "new")
    assert (str(record["total"].amount), record["team"], record["watchers"]) == ("5.00", "Roads", (contact.id,))
    assert [row["what"] for row in record["lines"]] == ["a", "b"]
    assert record["answers"].values == {"deep": 1}
    assert [hit.id for hit in town.records.search(clerk, "T-2026-0002")[0]] == [record.id]
    (entry,) = town.records.history(clerk, TICKET, record.id)
    assert (entry.action, entry.actor) == ("create", "Townhall")


def test_rows_may_bring_their_past(town: Town, clerk: Actor) -> None:
    """A row may say its state, when it was opened, closed and due, its number, its key and how it came."""
    (row,) = rows(make_topic(town).id, 1)
    row |= {
        "state": "done",
        "created": CREATED,
        "closed": CLOSED,
        "due": CLOSED,
        "number": "T-2025-0007",
        "external_key": "311-1",
        "channel": "phone",
        "outcome": "Filled",
        "reopened": 2,
    }
    (outcome,) = town.records.import_rows(IMPORT, TICKET, [row])
    assert outcome.errors == {}
    record = town.records.get(clerk, TICKET, outcome.id or 0)
    assert (record.state, record.created, record.closed, record.due) == ("done", CREATED, CLOSED, CLOSED)
    assert (record.number, record.channel, record["reopened"]) == ("T-2025-0007", "phone", 2)
    passed = town.records.passed(clerk, TICKET, record.id)
    assert passed == [("new", CREATED), ("done", CLOSED)]
    assert town.records.external_keys(clerk, TICKET, ["311-1", "311-2"]) == {"311-1"}


def test_one_bad_row_keeps_all_out(town: Town, clerk: Actor) -> None:
    """If any row has a mistake nothing is written, and every bad row says what is wrong with it."""
    given = rows(make_topic(town).id, 4)
    given[1]["summary"] = ""
    given[2]["score"] = "many"
    given[3]["topic"] = 999
    outcomes = town.records.import_rows(IMPORT, TICKET, given)
    assert [set(outcome.errors) for outcome in outcomes] == [set(), {"summary"}, {"score"}, {"topic", "answers"}]
    assert all(outcome.id is None for outcome in outcomes)
    assert town.records.count(clerk, TICKET).value == 0
    given[0]["number"] = "T-2026-0001"
    assert not any(outcome.errors for outcome in town.records.import_rows(IMPORT, TICKET, given[:1]))


def test_dry_run_keeps_nothing(town: Town, clerk: Actor) -> None:
    """A dry run finds what a real one would, and leaves not even a number behind."""
    topic = make_topic(town)
    outcomes = town.records.import_rows(IMPORT, TICKET, rows(topic.id, 2), dry_run=True)
    assert not any(outcome.errors for outcome in outcomes)
    assert town.records.count(clerk, TICKET).value == 0
    assert make_ticket(town, clerk, topic).number == "T-2026-0001"


def test_unique_values_are_kept_apart(town: Town, clerk: Actor) -> None:
    """Numbers, keys and unique values may not be there already, nor twice in one batch."""
    topic = make_topic(town)
    make_ticket(town, clerk, topic, code="A")
    given = rows(topic.id, 5)
    given[0]["code"] = "a"
    given[1]["code"] = given[2]["code"] = "b"
    given[3]["number"] = "T-2026-0001"
    given[4]["external_key"] = "x"
    outcomes = town.records.import_rows(IMPORT, TICKET, given)
    assert [set(outcome.errors) for outcome in outcomes] == [{"code"}, set(), {"code"}, {"number"}, set()]


def test_many_unique_values_are_asked_for_at_once(town: Town) -> None:
    """Checking that values are unique costs no statement per row."""
    seen: list[str] = []
    given = [{"name": f"Topic {n}", "active": True} for n in range(200)]
    town.database.query_hooks.append(lambda event: seen.append(event.sql))
    outcomes = town.records.import_rows(IMPORT, TOPIC, given)
    town.database.query_hooks.clear()
    assert not any(outcome.errors for outcome in outcomes)
    assert len(seen) < 40


def test_import_can_be_part_of_something_larger(town: Town, clerk: Actor) -> None:
    """Inside another transaction a batch that is refused takes only itself back."""
    topic = make_topic(town)
    with immediate(town.database):
        make_ticket(town, clerk, topic)
        town.records.import_rows(IMPORT, TICKET, [{"topic": topic.id}])
        outcomes = town.records.import_rows(IMPORT, TICKET, rows(topic.id, 2))
    assert not any(outcome.errors for outcome in outcomes)
    assert town.records.count(clerk, TICKET).value == 3


@pytest.mark.parametrize("held", ["*", "*.create", "desk.ticket.import"])
def test_nobody_who_works_here_imports(town: Town, clerk: Actor, held: str) -> None:
    """Whoever may create records one by one can't bring in many, with states and days that are theirs to choose."""
    with pytest.raises(Forbidden):
        town.records.import_rows(replace(clerk, permissions=frozenset({held}), known={}), TICKET, rows(1, 1))
    assert town.records.count(IMPORT, TICKET).value == 0


def test_standard_fields_of_the_town_stay_its_own(town: Town) -> None:
    """An import can't say what only the town knows: ids, titles, when a record was changed."""
    (outcome,) = town.records.import_rows(IMPORT, TICKET, rows(make_topic(town).id, 1, id=5, updated=CREATED))
    assert set(outcome.errors) == {"id", "updated"}


@pytest.mark.parametrize("count", [1, 99, 100, 121, 557])
def test_any_number_of_rows_arrives_whole_and_in_order(town: Town, clerk: Actor, count: int) -> None:
    """However many rows share a statement, each is there once, with its own values and with those that others lack."""
    topic = make_topic(town)
    given = rows(topic.id, count)
    for number, row in enumerate(given):
        if number % 3 == 1:
            row["details"] = f"Details {number}"
        if number % 3 == 2:
            row["lines"] = [{"what": f"a{number}", "amount": "2"}, {"what": f"b{number}"}]
    outcomes = town.records.import_rows(IMPORT, TICKET, given)
    ids = [outcome.id or 0 for outcome in outcomes]
    assert ids == sorted(set(ids))
    for number in {0, count // 2, count - 2, count - 1} & set(range(count)):
        record = town.records.get(clerk, TICKET, ids[number])
        assert record["summary"] == f"Hole {number}"
        assert record["answers"].values == {"deep": number}
        assert record["details"] == (f"Details {number}" if number % 3 == 1 else None)
        lines = [(row["what"], row["amount"] is None) for row in record["lines"] or ()]
        assert lines == ([(f"a{number}", False), (f"b{number}", True)] if number % 3 == 2 else [])
        assert [hit.id for hit in town.records.search(clerk, record.number)[0]] == [record.id]
    assert town.records.count(clerk, TICKET).value == count
