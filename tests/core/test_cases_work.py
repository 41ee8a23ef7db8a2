"""My work: what is overdue, due today, free, waiting and recent, over all types of cases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.cases.queries import my_work
from townhall.cases.queries import open_counts
from townhall.records.types import Record
from townhall.town import Town

TICKET = "desk.ticket"
SYSTEM = system()


@pytest.fixture
def make(town: Town) -> Callable[..., Record]:
    """Make a ticket that is due after some hours."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})

    def make(summary: str, *, hours: float | None = None, assignee: int | None = None, state: str = "new") -> Record:
        values: dict[str, Any] = {"topic": topic.id, "summary": summary, "assignee": assignee}
        if hours is not None:
            values["due"] = town.clock.now() + timedelta(hours=hours)
        (outcome,) = town.records.import_rows(SYSTEM, TICKET, [{**values, "state": state}])
        assert outcome.id is not None, outcome.errors
        return town.records.get(SYSTEM, TICKET, outcome.id)

    return make


def names(records: Any) -> list[str]:
    """Summaries, from the titles."""
    return [record.title.removeprefix("Potholes: ") for record in records]


def test_each_case_is_where_it_belongs(town: Town, make: Callable[..., Record], clerk: Actor, staff_id: int) -> None:
    """Overdue before due today, waiting ones in neither, drafts and finished ones nowhere."""
    mine = {"assignee": staff_id}
    make("Late", hours=-30, **mine)
    make("Later", hours=-2, **mine)
    make("Tonight", hours=5, **mine)
    make("Next week", hours=200, **mine)
    make("Some day", **mine)
    make("Paused", hours=-10, state="waiting", **mine)
    make("Free", hours=3)
    make("Done", hours=-5, state="done", **mine)
    make("Draft", hours=-5, state="draft", **mine)
    work = my_work(town, clerk)
    assert names(work.overdue.records) == ["Late", "Later"]
    assert names(work.due_today.records) == ["Tonight"]
    assert names(work.waiting.records) == ["Paused"]
    assert names(work.unassigned.records) == ["Free"]
    assert names(work.mine.records) == ["Late", "Later", "Tonight", "Next week", "Some day", "Paused"]
    assert names(work.later.records) == ["Next week", "Some day"]
    assert {listed.name: listed.count.value for listed in work} == {
        "overdue": 2, "due_today": 1, "team": 0, "unassigned": 1, "later": 2, "waiting": 1, "mine": 6,
    }  # fmt: skip
    everybody = my_work(town, clerk, everybody=True)
    assert names(everybody.due_today.records) == ["Free", "Tonight"]
    assert {name: count.value for name, count in open_counts(town, clerk).items() if count.value} == {TICKET: 7}


def test_lists_are_short_and_counts_are_whole(town: Town, make: Callable[..., Record], clerk: Actor) -> None:
    """A list shows the first few; its count says how many there are. Those without a due date come last."""
    make("Some day")
    for index in range(4):
        make(f"Free {index}", hours=index + 1)
    work = my_work(town, clerk, limit=2)
    assert names(work.unassigned.records) == ["Free 0", "Free 1"]
    assert work.unassigned.count.value == 5
    assert names(my_work(town, clerk).unassigned.records)[-1] == "Some day"


def test_work_of_types_one_may_not_see_is_left_out(town: Town, make: Callable[..., Record]) -> None:
    """Somebody without permission has an empty page, and no error."""
    make("Free", hours=1)
    work = my_work(town, Actor("staff", "Olga", 9))
    assert [len(listed.records) for listed in work] == [0] * 7
    assert [listed.count.value for listed in work] == [0] * 7
    assert open_counts(town, Actor("staff", "Olga", 9)) == {}


@pytest.fixture
def staff_id(town: Town, clerk: Actor) -> int:
    """The clerk as somebody who can be given work."""
    assert clerk.id is not None
    town.system.user.insert(
        id=clerk.id, email="erin@town.example", name=clerk.name, fs_uniquifier="erin", created_at=0
    ).execute()
    people.set_role(town, SYSTEM, clerk.id, "clerk")
    return clerk.id
