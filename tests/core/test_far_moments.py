"""Moments that nobody means: refused where they are typed, never worked out, and readable whatever a table holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from counting import again
from counting import clocks
from counting import make_calendar
from counting import now_is
from counting import told
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from plugging import add_plugin
from staff_client import StaffClient
from staff_client import hidden
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.cases import recomputing
from townhall.clock import FixedClock
from townhall.errors import ValidationFailed
from townhall.imports.csv_files import open_csv
from townhall.imports.mapping import parse_mapping
from townhall.imports.running import run_import
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.instants import LATEST

TOO_FAR = "Enter a day in the years 1800 to 2199."
#: The last day that can be typed, as the town's clock has it.
LAST = "2199-12-31"
FESTIVAL = """\
[type]
name = "thing"
title = "{name}"
[type.event]
starts = "starts_on"
ends = "ends_on"
[fields.name]
type = "text"
[fields.starts_on]
type = "date"
[fields.ends_on]
type = "date"
"""


@pytest.fixture
def browser(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


@pytest.fixture
def ticket(town: Town, browser: StaffClient, clock: FixedClock) -> Record:
    """The clerk's ticket, in a town that counts working time, but not for tickets."""
    now_is(town, clock, "17 10:00")
    make_calendar(town)
    who = people.find(town, "clerk@milbrook.example").id
    topic = make_topic(town, target_days=None)
    return make_ticket(town, system(), topic, assignee=who, reporter=make_contact(town).id)


def give(town: Town, browser: StaffClient, ticket: Record, day: str) -> Any:
    """Say on its page until when a ticket is due."""
    url = f"/admin/desk/ticket/{ticket.id}/give"
    version = hidden(browser.get(url), "version")
    return browser.post(url, {"due_day": day, "due_time": "23:59", "note": "For ever", "version": version})


def pages_that_show(ticket: Record) -> list[str]:
    """Pages on which it stands when a ticket is due."""
    lists = "/admin/desk/ticket/"
    own = [f"{lists}{ticket.id}/", f"{lists}{ticket.id}/give", f"{lists}{ticket.id}/history"]
    return [
        *own,
        lists,
        f"{lists}?sort=-due",
        f"{lists}export.csv",
        "/admin/",
        f"/admin/core/contact/{ticket['reporter']}/",
    ]


@pytest.mark.parametrize("day", ["9999-12-31", "2200-01-03", "1026-11-24", "0001-01-01"])
def test_a_case_is_not_given_until_a_day_that_nobody_means(
    town: Town, ticket: Record, browser: StaffClient, day: str
) -> None:
    """The page says which days there are and keeps what was typed; nothing is saved."""
    refused = give(town, browser, ticket, day)
    assert refused.status_code == 422
    assert TOO_FAR in plain(refused)
    assert f'value="{day}"' in refused.text
    assert "For ever" in refused.text
    assert again(town, ticket).version == ticket.version


@pytest.mark.parametrize("moment", ["9999-12-31 17:00", "0001-01-01T00:00Z", "1000-01-01", "2200-01-03 00:00"])
def test_a_moment_of_any_field_lies_in_years_that_a_town_means(town: Town, ticket: Record, moment: str) -> None:
    """What a field takes can be shown in every zone, and counted on from."""
    for name in ("seen_at", "due"):
        with pytest.raises(ValidationFailed) as refused:
            town.records.update(system(), TICKET, ticket.id, {name: moment}, version=ticket.version)
        assert refused.value.errors == {name: TOO_FAR}


def test_the_last_day_is_one_in_every_zone(town: Town, ticket: Record, browser: StaffClient) -> None:
    """The evening of the last day is the next year elsewhere. Nobody is kept waiting for hours of two centuries."""
    began = datetime.now(UTC)
    assert give(town, browser, ticket, LAST).status_code == 302
    assert datetime.now(UTC) - began < timedelta(seconds=5)
    due = again(town, ticket).due
    assert due is not None
    assert due.astimezone(town.zone).date().isoformat() == LAST
    found = clocks(town, ticket)["by_hand"]
    assert found.next_at is not None
    assert told(town, found.next_at)[-5:] >= "08:00", "somebody is told in working hours"


def test_a_day_may_be_for_ever(make_town: Callable[..., Town]) -> None:
    """A date is no moment: 9999-12-31 is kept as it is, and no calendar fails because something lasts until then."""
    town = make_town()
    add_plugin(town, "fair", schema=FESTIVAL)
    switching.enable(town.renewed(), system(), "fair")
    town.reload()
    values = {"name": "Eternal fair", "starts_on": "0001-01-01", "ends_on": "9999-12-31"}
    fair = town.records.create(system(), "fair.thing", values)
    town.records.create(system(), "fair.thing", {**values, "name": "Spring fair", "starts_on": "2026-03-20"})
    assert town.records.get(system(), "fair.thing", fair.id)["ends_on"].isoformat() == "9999-12-31"
    clerk = staff_client(town, "administrator")
    for url in (f"fair/thing/{fair.id}/", "fair/thing/", "fair/thing/export.csv"):
        answer = clerk.get(f"/admin/{url}")
        assert answer.status_code == 200, url
        assert "Eternal fair" in answer.text, url
    for month in ("2026-03", "2026-04", "2199-12"):
        answer = clerk.get(f"/admin/calendar/?month={month}")
        assert answer.status_code == 200, month
        assert ("Spring fair" in answer.text) is (month != "2026-04"), month


@pytest.mark.parametrize("column", ["seen_at", "created", "due"])
@pytest.mark.parametrize("text", ["31.12.9999 23:59", "01.01.0001 00:00"])
def test_an_import_refuses_the_row(town: Town, tmp_path: Path, column: str, text: str) -> None:
    """Its neighbours come in."""
    topic = make_topic(town, questions=None)
    path = tmp_path / "tickets.csv"
    path.write_text(f"Id,When\n1,{text}\n2,24.11.2025 10:00\n", encoding="utf-8")
    data = {
        "mapping": {"type": TICKET, "key": "Id"},
        "column": [
            {"from": "When", "field": column, "format": "%d.%m.%Y %H:%M"},
        ],
        "set": {"summary": "Hole", "topic": topic.id},
    }
    mapping = parse_mapping(data, "ours", town.schemas, file="ours.toml")
    summary = run_import(town, system(door="import"), mapping, open_csv(path))
    assert summary.created == 1
    assert [(row.line, why) for row, why in summary.refused] == [(2, f"{column}: {TOO_FAR}")]


def test_a_pause_does_not_move_a_date_out_of_time(
    town: Town, ticket: Record, browser: StaffClient, clerk: Actor, clock: FixedClock
) -> None:
    """Every page shows the case, its date can be taken away, and what counts clocks anew does it as well."""
    assert give(town, browser, ticket, LAST).status_code == 302
    waits = town.records.transition(clerk, TICKET, ticket.id, "ask", version=again(town, ticket).version)
    clock.move(timedelta(days=2))
    town.records.transition(clerk, TICKET, ticket.id, "answer", version=waits.version)
    assert again(town, ticket).due == LATEST
    for url in pages_that_show(ticket):
        assert browser.get(url).status_code == 200, url
    recomputing.want(town)
    assert "1 open cases were worked out anew" in recomputing.run(town)
    assert again(town, ticket).due == LATEST
    assert town.records.update(clerk, TICKET, ticket.id, {"due": None}, version=again(town, ticket).version).due is None


def test_the_history_until_a_day_for_ever(town: Town) -> None:
    """Who looks for all that happened until then gets it."""
    administrator = staff_client(town, "administrator")
    for asked in ("to=9999-12-31", "from=0001-01-01", "from=9999-12-31&to=0001-01-01"):
        assert administrator.get(f"/admin/history/?{asked}").status_code == 200, asked


@pytest.mark.parametrize("stored", [2**63 - 1, 253_402_300_799_999_999, -(2**62)])
def test_a_row_with_an_impossible_moment_can_be_read_and_mended(
    town: Town, ticket: Record, browser: StaffClient, clerk: Actor, stored: int
) -> None:
    """Whatever wrote it, the record stands on every page and can be changed."""
    give(town, browser, ticket, "2026-03-24")
    town.database.execute_sql(f"UPDATE desk_ticket SET due = {stored}, seen_at = {stored} WHERE id = {ticket.id}")
    town.database.execute_sql(f"UPDATE case_clock SET due_at = {stored}, original_due_at = {stored}")
    for url in (*pages_that_show(ticket), f"/admin/desk/ticket/{ticket.id}/edit"):
        assert browser.get(url).status_code == 200, url
    assert give(town, browser, ticket, "2026-03-25").status_code == 302
    assert told(town, again(town, ticket).due) == "Wed 25 23:59"
