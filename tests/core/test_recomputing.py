"""Working out the clocks of all open cases anew: a case that fails stops no other, and nobody's save."""

from __future__ import annotations

from typing import Any

import pytest
from counting import TARGET
from counting import make_calendar
from counting import make_target
from counting import now_is
from desk import TICKET
from desk import make_ticket
from desk import make_topic
from staff_client import hidden
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import system
from townhall.cases import clock_keeping
from townhall.cases import recomputing
from townhall.clock import FixedClock
from townhall.records.types import Record
from townhall.town import Town


@pytest.fixture
def broken(town: Town, monkeypatch: pytest.MonkeyPatch, clock: FixedClock) -> Record:
    """The second of three tickets, whose clocks can't be worked out any more."""
    now_is(town, clock, "17 10:00")
    make_calendar(town)
    topic = make_topic(town, target_days=None)
    tickets = [make_ticket(town, system(), topic) for _ in range(3)]
    usual = clock_keeping.Maker.make

    def make(self: Any, case: Any, before: Any) -> Any:
        if case.id == tickets[1].id:
            raise OverflowError("date value out of range")
        return usual(self, case, before)

    monkeypatch.setattr(clock_keeping.Maker, "make", make)
    return tickets[1]


def test_a_case_that_fails_keeps_no_other_from_being_worked_out(
    town: Town, broken: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """The job does the others, says how many it could not do, and is done."""
    make_target(town)
    recomputing.want(town)
    said = recomputing.run(town)
    assert said.startswith("The clocks of 2 open cases were worked out anew. Those of 1 could not be and stay")
    assert f"The clocks of {TICKET} {broken.id} could not be worked out" in caplog.text
    assert not recomputing.is_wanted(town)
    found = town.records.find(system(), TICKET, sort="id").records
    assert [record.due is not None for record in found] == [True, False, True]


def test_what_follows_a_save_does_not_call_it_unsaved(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A target is saved though cases can't be worked out at once: that is in the log, and left to the job."""

    def fail(town: Town) -> str:
        raise OverflowError("date value out of range")

    make_calendar(town)
    make_ticket(town, system(), make_topic(town, target_days=None))
    clerk = staff_client(town, "administrator")
    page = clerk.get("/admin/core/target/new")
    monkeypatch.setattr(recomputing, "run", fail)
    values = {
        "form_id": hidden(page, "form_id"),
        "name": "Mine",
        "case_type": TICKET,
        "order": "5",
        "reopened": "continue",
        "clocks-0-clock": "resolution",
        "clocks-0-within": "3",
        "clocks-0-unit": "working_days",
    }
    answer = clerk.post("/admin/core/target/new", values)
    assert answer.status_code == 302, plain(answer)
    assert [record.title for record in town.records.find(system(), TARGET).records] == ["Mine"]
    assert recomputing.left(town) == 1
    assert "OverflowError: date value out of range" in caplog.text
