"""Numbers of records, and secret links."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from desk import ENTRY
from desk import TICKET
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.records import secret_links
from townhall.town import Town


def test_numbers_count_anew_each_year(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """A series with a year begins at one in the town's own new year; one without goes on."""
    topic = make_topic(town)
    entry = {"memo": "x", "amount": "1"}
    assert make_ticket(town, clerk, topic).number == "T-2026-0001"
    assert town.records.create(clerk, ENTRY, entry).number == "L-1"
    # Five in the morning of the first of January in London is still the old year in New York.
    clock.move(datetime(2027, 1, 1, 4, 30, tzinfo=UTC) - clock.now())
    assert make_ticket(town, clerk, topic).number == "T-2026-0002"
    clock.move(timedelta(hours=1))
    assert make_ticket(town, clerk, topic).number == "T-2027-0001"
    assert town.records.create(clerk, ENTRY, entry).number == "L-2"


def test_imported_numbers_are_not_given_out_again(town: Town, clerk: Actor) -> None:
    """After records with numbers of their own come in, counting goes on above them."""
    topic = make_topic(town)
    rows = [
        {"topic": topic.id, "summary": "a", "number": "T-2026-0041", "answers": {"deep": 1}},
        {"topic": topic.id, "summary": "b", "number": "OLD/7", "answers": {"deep": 1}},
        {"topic": topic.id, "summary": "c", "answers": {"deep": 1}},
    ]
    outcomes = town.records.import_rows(system("import"), TICKET, rows)
    numbers = [town.records.get(clerk, TICKET, outcome.id or 0).number for outcome in outcomes]
    assert numbers == ["T-2026-0041", "OLD/7", "T-2026-0042"]
    assert make_ticket(town, clerk, topic).number == "T-2026-0043"


def test_link_opens_its_record_for_its_purpose(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """A token opens one record for one purpose until it is revoked or out of date, and is kept only as a digest."""
    record = make_ticket(town, clerk, make_topic(town))
    token = town.records.make_link(clerk, TICKET, record.id, "status")
    assert len(token) >= 22
    assert town.records.resolve_link(token, "status") == (TICKET, record.id)
    assert town.records.resolve_link(token, "calendar") is None
    assert town.records.resolve_link(token[:-1], "status") is None
    kept = [row[0] for row in town.system.secret_link.select(town.system.secret_link.token_hash).tuples()]
    assert kept == [secret_links.digest(token)]
    assert town.records.revoke_link(clerk, TICKET, record.id, "status") == 1
    assert town.records.resolve_link(token, "status") is None
    soon = town.records.make_link(clerk, TICKET, record.id, "status", expires=clock.now() + timedelta(days=1))
    assert town.records.resolve_link(soon, "status") == (TICKET, record.id)
    clock.move(timedelta(days=1))
    assert town.records.resolve_link(soon, "status") is None


def test_link_needs_the_record_and_the_right(town: Town, clerk: Actor, viewer: Actor) -> None:
    """Nobody makes a link to a record that they can't see, or revokes one without the right to edit."""
    record = make_ticket(town, clerk, make_topic(town))
    with pytest.raises(NotFound):
        town.records.make_link(clerk, TICKET, 999, "status")
    with pytest.raises(Forbidden):
        town.records.revoke_link(viewer, TICKET, record.id, "status")
