"""Numbers of days and hours that nobody means: fields that hold them set no date, and nothing fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from counting import again
from counting import clocks
from counting import make_calendar
from counting import make_target
from counting import now_is
from desk import TICKET
from desk import make_ticket
from desk import make_topic
from plugging import add_plugin

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.lifecycle import switching
from townhall.town import Town
from townhall_forms.instants import LATEST

ERRAND = """\
[type]
name = "thing"
title = "{name}"
[fields.name]
type = "text"
required = true
[fields.days]
type = "integer"
[forms.public]
fields = ["name", "days"]
[workflow]
initial = "new"
due_days = "days"
[workflow.states]
new = {}
done = { final = true }
[[workflow.transitions]]
name = "finish"
from = ["new"]
to = "done"
by = ["staff"]
"""


@pytest.mark.parametrize("days", [100_001, 99_999_999, 10**17, -1])
def test_days_that_nobody_means_set_no_date(make_town: Callable[..., Town], days: int) -> None:
    """What a resident types into a public form is saved, and the case is just not due."""
    town = make_town()
    add_plugin(town, "errand", schema=ERRAND)
    switching.enable(town.renewed(), system(), "errand")
    town.reload()
    sent = town.records.create(ANONYMOUS, "errand.thing", {"name": "Soon", "days": days}, form="public")
    found = town.records.get(system(), "errand.thing", sent.id)
    assert (found["days"], found.due) == (days, None)
    usual = town.records.create(ANONYMOUS, "errand.thing", {"name": "Soon", "days": 100_000}, form="public")
    assert town.records.get(system(), "errand.thing", usual.id).due == LATEST


@pytest.mark.parametrize(
    "unit", ["whole_days", "whole_working_days", "working_days", "working_hours", "days", "minutes"]
)
def test_a_target_counts_no_number_that_nobody_means(town: Town, clock: FixedClock, unit: str) -> None:
    """A field that holds more than a target may say says nothing; the most it may say is soon counted."""
    now_is(town, clock, "17 10:00")
    make_calendar(town)
    make_target(town, clocks=[{"clock": "resolution", "within": "reopened", "unit": unit}])
    ticket = make_ticket(town, system(), make_topic(town, target_days=None))
    for number in (10**7, 10**17, -1):
        town.records.update(system(), TICKET, ticket.id, {"reopened": number}, version=again(town, ticket).version)
        assert again(town, ticket).due is None
        assert [one.due_at for one in clocks(town, ticket).values()] == [None]
    began = datetime.now(UTC)
    town.records.update(system(), TICKET, ticket.id, {"reopened": 100_000}, version=again(town, ticket).version)
    assert datetime.now(UTC) - began < timedelta(seconds=3)
    assert "resolution" in clocks(town, ticket)
    town.records.update(system(), TICKET, ticket.id, {"reopened": 3}, version=again(town, ticket).version)
    assert again(town, ticket).due is not None
