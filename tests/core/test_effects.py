"""What moves bring about: cases are given to people, tasks and events are made, in the move's own transaction."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest
from keys_shown import shows
from plugging import add_plugin
from staff_client import PASSWORD
from staff_client import plain

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.testing.clients import staff_client
from townhall.town import Town

SCHEMA = """\
[type]
name = "thing"
title = "{name}"
[fields.name]
type = "text"
[fields.owner]
type = "staff"
[fields.days]
type = "integer"
[fields.at]
type = "datetime"
[workflow]
initial = "new"
[workflow.states]
new = {}
busy = {}
done = { final = true }
[[workflow.transitions]]
name = "take"
from = ["new"]
to = "busy"
by = ["staff", "citizen"]
assign = "actor"
[[workflow.transitions]]
name = "give"
from = ["new"]
to = "busy"
by = ["staff"]
assign = "owner"
asks = ["assignee"]
[[workflow.transitions]]
name = "back"
from = ["busy"]
to = "new"
by = ["staff"]
assign = "nobody"
[[workflow.transitions]]
name = "finish"
from = ["new", "busy"]
to = "done"
by = ["staff"]
task = { title = "Tell everyone about {name}", days = "days", assignee = "owner" }
event = { title = "Party for {name}", starts = "at", kind = "visit" }
[[workflow.transitions]]
name = "quick"
from = ["new"]
to = "done"
by = ["staff"]
task = { title = "Tidy up", days = 3 }
event = { title = "Opening", starts = "at" }
[[workflow.transitions]]
name = "plan"
from = ["new"]
to = "busy"
by = ["staff"]
require = ["assignee", "due"]
asks = ["queue"]
[[workflow.transitions]]
name = "again"
from = ["done"]
to = "new"
by = ["staff"]
"""
THING = "lake.thing"
#: A plugin that lets nobody put anything on the calendar.
FULL = """\
from townhall import Rejected, for_types, hookimpl


@hookimpl
@for_types("core.event")
def before_save(change):
    raise Rejected("The calendar is full.")
"""


@pytest.fixture
def lake(make_town: Callable[..., Town]) -> Town:
    """A town with a type of case whose moves have effects."""
    town = make_town()
    add_plugin(town, "lake", schema=SCHEMA)
    switching.enable(town.renewed(), system(), "lake")
    town.reload()
    return town


@pytest.fixture
def ann(lake: Town) -> Actor:
    """A colleague with an account."""
    return worker(lake, "ann")


def worker(town: Town, name: str) -> Actor:
    """Somebody who works here."""
    person = people.add(town, system(), f"{name}@milbrook.example", name=name.title(), role="clerk", password=PASSWORD)
    return Actor("staff", name.title(), person.id, frozenset({"*"}), door="admin")


def move(town: Town, actor: Actor, record: Record, name: str, **values: Any) -> Record:
    """Make a move."""
    now = town.records.get(system(), THING, record.id)
    return town.records.transition(actor, THING, record.id, name, values, version=now.version)


def made(town: Town, identity: str) -> list[Record]:
    """All records of a type."""
    return list(town.records.find(system(), identity, sort="created").records)


@shows("workflow.transitions.assign", "records")
def test_a_move_gives_the_case_to_somebody(lake: Town, ann: Actor) -> None:
    """To whoever makes it, to whom a field names, or to nobody; whoever is chosen in the same step goes before."""
    ben = worker(lake, "ben")
    thing = lake.records.create(ann, THING, {"name": "Pier", "owner": ben.id})
    assert move(lake, ann, thing, "take").assignee == ann.id
    assert move(lake, ann, thing, "back").assignee is None
    assert move(lake, ann, thing, "give").assignee == ben.id
    move(lake, ann, thing, "back")
    assert move(lake, ann, thing, "give", assignee=ann.id).assignee == ann.id
    entry = lake.records.history(ann, THING, thing.id)[-1]
    assert entry.changes["assignee"] == (None, ann.id)


def test_nobody_loses_a_case_to_an_empty_field_or_to_who_left(lake: Town, ann: Actor) -> None:
    """A case stays with whom it is when there is nobody to give it to."""
    ben = worker(lake, "ben")
    thing = lake.records.create(ann, THING, {"name": "Pier", "assignee": ann.id})
    assert move(lake, ann, thing, "give").assignee == ann.id
    other = lake.records.create(ann, THING, {"name": "Pier", "assignee": ann.id, "owner": ben.id})
    last = lake.records.create(ann, THING, {"owner": ben.id})
    people.add(lake, system(), "ada@milbrook.example", role="administrator", password=PASSWORD)
    people.set_active(lake, system(), ben.id, False)
    assert move(lake, ann, other, "give").assignee == ann.id
    assert move(lake, system(), last, "finish").state == "done"
    assert made(lake, "core.task")[0].assignee is None


@shows("workflow.transitions.task.title", "records")
@shows("workflow.transitions.task.days", "records")
@shows("workflow.transitions.task.assignee", "records")
def test_a_move_makes_a_task(lake: Town, ann: Actor, clock: FixedClock) -> None:
    """The task says what, about which record, who and until when; made again it is not doubled while it is open."""
    thing = lake.records.create(ann, THING, {"name": "Pier", "owner": ann.id, "days": 2})
    move(lake, ann, thing, "finish")
    (task,) = made(lake, "core.task")
    assert (task.title, task.assignee, task.state) == ("Tell everyone about Pier", ann.id, "open")
    assert (task["about"].identity, task["about"].id) == (THING, thing.id)
    assert task.due is not None
    assert task.due.astimezone(lake.zone).isoformat(" ", "minutes")[:16] == "2026-03-19 23:59"
    move(lake, ann, thing, "again")
    move(lake, ann, thing, "finish")
    assert len(made(lake, "core.task")) == 1
    lake.records.transition(ann, "core.task", task.id, "finish", version=task.version)
    move(lake, ann, thing, "again")
    move(lake, ann, thing, "finish")
    assert [each.state for each in made(lake, "core.task")] == ["done", "open"]
    other = lake.records.create(ann, THING, {"name": "Boat"})
    move(lake, ann, other, "quick")
    tidy = made(lake, "core.task")[-1]
    assert (tidy.title, tidy.assignee, tidy.due) == ("Tidy up", None, task.due + timedelta(days=1))


@pytest.mark.parametrize("days", [100_001, 10**10, -3])
def test_a_task_in_days_that_nobody_means_has_no_date(lake: Town, ann: Actor, days: int) -> None:
    """The move is made and so is the task; the most that is meant is a date too."""
    for given, dated in ((days, False), (100_000, True)):
        thing = lake.records.create(ann, THING, {"name": f"Pier {given}", "owner": ann.id, "days": given})
        assert move(lake, ann, thing, "finish").state == "done"
        assert (made(lake, "core.task")[-1].due is not None) is dated


@shows("workflow.transitions.event.title", "records")
@shows("workflow.transitions.event.starts", "records")
@shows("workflow.transitions.event.kind", "records")
def test_a_move_puts_an_event_on_the_calendar(lake: Town, ann: Actor, clock: FixedClock) -> None:
    """At the moment in a field, of a kind; without a moment there is none, and the same moment makes no second one."""
    at = clock.now() + timedelta(days=7)
    thing = lake.records.create(ann, THING, {"name": "Pier"})
    move(lake, ann, thing, "finish")
    assert made(lake, "core.event") == []
    move(lake, ann, thing, "again")
    for _ in range(2):
        move(lake, ann, thing, "finish", at=at)
        move(lake, ann, thing, "again")
    (event,) = made(lake, "core.event")
    assert (event["name"], event["starts"], event["kind"], event["about"].id) == (
        "Party for Pier",
        at,
        "visit",
        thing.id,
    )
    other = lake.records.create(ann, THING, {"name": "Boat", "at": at})
    move(lake, ann, other, "quick")
    assert (made(lake, "core.event")[-1]["name"], made(lake, "core.event")[-1]["kind"]) == ("Opening", "appointment")


def test_effects_stand_or_fall_with_the_move(lake: Town, ann: Actor) -> None:
    """If the event can't be made, neither the task nor the move happened."""
    thing = lake.records.create(ann, THING, {"name": "Pier"})

    add_plugin(lake, "full", code=FULL)
    switching.enable(lake.renewed(), system(), "full")
    lake.reload()
    with pytest.raises(TownhallError, match="calendar is full"):
        move(lake, ann, thing, "finish", at=lake.clock.now())
    assert made(lake, "core.task") == []
    now = lake.records.get(ann, THING, thing.id)
    assert (now.state, now.version) == ("new", thing.version)


def test_whoever_may_move_need_not_be_allowed_to_add_tasks(lake: Town, ann: Actor) -> None:
    """The effects are the town's own doing, whoever made the move."""
    mover = Actor("staff", "Mover", ann.id, frozenset({f"{THING}.view", f"{THING}.transition.*"}), door="admin")
    thing = lake.records.create(ann, THING, {"name": "Pier"})
    move(lake, mover, thing, "finish")
    assert len(made(lake, "core.task")) == 1


def test_tasks_stand_on_the_page_of_what_they_are_about(lake: Town) -> None:
    """A clerk adds a task on a record's page, finds it there and in the list, and sees how tasks go."""
    thing = lake.records.create(system(), THING, {"name": "Pier"})
    clerk = staff_client(lake, "clerk")
    base = f"/admin/lake/thing/{thing.id}/"
    assert f"{base}task" in clerk.get(base).text
    page = clerk.get(f"{base}task")
    assert "For Pier" in plain(page)
    refused = clerk.post(f"{base}task", {"subject": "", "due_day": "soon", "form_id": "a" * 22})
    assert refused.status_code == 422
    refused = clerk.post(f"{base}task", {"subject": "", "notes": "Kept", "form_id": "b" * 22})
    assert refused.status_code == 422
    assert "Kept" in refused.text
    saved = clerk.post(
        f"{base}task", {"subject": "Paint it", "due_day": "2026-03-20", "assignee": "", "form_id": "c" * 22}
    )
    assert saved.status_code == 302
    assert "Paint it" in plain(clerk.get(base))
    (task,) = made(lake, "core.task")
    assert "Pier" in plain(clerk.get(f"/admin/core/task/{task.id}/"))
    assert "Paint it" in plain(clerk.get(f"/admin/core/task/?view=all&about=lake.thing:{thing.id}"))
    # One that stands alone says who does it and by when, too.
    (person,) = [each for each in people.everybody(lake) if each.email.startswith("clerk")]
    alone = "/admin/core/task/new"
    assert re.search(rf'<option value="{person.id}" selected', clerk.get(alone).text)
    refused = clerk.post(alone, {"subject": "Wash", "due": "soon", "assignee": "99", "form_id": "d" * 22})
    assert refused.status_code == 422
    assert 'value="soon"' in refused.text
    assert refused.text.count('class="oops" id="standard-') == 2
    given = {"subject": "Wash", "due": "2026-03-20", "assignee": person.id, "form_id": "e" * 22}
    assert clerk.post(alone, given).status_code == 302
    wash = made(lake, "core.task")[-1]
    assert (wash.title, wash.assignee) == ("Wash", person.id)
    assert wash.due is not None
    assert wash.due.astimezone(lake.zone).date().isoformat() == "2026-03-20"
    viewer = staff_client(lake, "viewer")
    assert viewer.get(f"{base}task").status_code == 403
    assert f"{base}task" not in viewer.get(base).text


def test_the_page_of_a_workflow_draws_it_and_says_it(lake: Town) -> None:
    """All states and moves stand in tables beside the drawing, with what they bring about; other types have none."""
    clerk = staff_client(lake, "clerk")
    page = clerk.get("/admin/lake/thing/workflow")
    assert page.status_code == 200
    assert page.text.count('<svg class="workflow-drawing"') == 1
    text = plain(page)
    assert "3 states and 7 moves between them" in text
    assert "Makes the task “Tell everyone about {name}” for owner, due in as many days as days says" in text
    assert "Gives the case to whoever makes the move" in text
    assert "Puts “Party for {name}” on the calendar, at at" in text
    assert "/admin/lake/thing/workflow" in clerk.get("/admin/lake/thing/").text
    assert clerk.get("/admin/core/contact/workflow").status_code == 404
    assert create_app(lake).test_client().get("/admin/lake/thing/workflow").status_code == 302


def test_a_move_asks_for_who_and_until_when(lake: Town) -> None:
    """A move may need what every case has: the page asks for it, keeps what was typed, and the move brings it along."""
    thing = lake.records.create(system(), THING, {"name": "Pier"})
    queue = lake.records.create(system(), "core.queue", {"name": "Harbour"})
    clerk = staff_client(lake, "clerk")
    (person,) = people.everybody(lake)
    url = f"/admin/lake/thing/{thing.id}/move/plan"
    assert "Who has it?" in plain(clerk.get(url))
    assert clerk.get(url).text.count('name="message"') <= 1
    with pytest.raises(ValidationFailed):
        move(lake, system(), thing, "plan")
    refused = clerk.post(url, {"assignee": "", "due": "2026-04-01", "version": thing.version})
    assert refused.status_code == 422
    assert "Choose one." in plain(refused)
    assert 'value="2026-04-01"' in refused.text
    assert clerk.post(url, {"assignee": "99", "due": "soon", "version": thing.version}).status_code == 422
    given = {"assignee": person.id, "due": "2026-04-01", "queue": queue.id, "version": thing.version}
    assert clerk.post(url, given).status_code == 302
    moved = lake.records.get(system(), THING, thing.id)
    assert (moved.state, moved.assignee, moved.queue) == ("busy", person.id, queue.id)
    assert moved.due is not None
    assert moved.due.astimezone(lake.zone).date().isoformat() == "2026-04-01"
    # A moment of that day which is kept already is not put off to its end by a page on which nobody touched it.
    due = datetime(2026, 4, 1, 14, 30, tzinfo=UTC)
    other = lake.records.create(system(), THING, {"name": "Buoy", "due": due})
    given |= {"version": other.version}
    assert clerk.post(f"/admin/lake/thing/{other.id}/move/plan", given).status_code == 302
    assert lake.records.get(system(), THING, other.id).due == due
