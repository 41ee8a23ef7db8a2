"""The weekly digest: each owner hears of their own cases, once a week, and of nothing that they may not see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from staff_client import StaffClient
from staff_client import add_person
from staff_client import main_of

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.cases import digest
from townhall.cases import digest_delivery
from townhall.clock import FixedClock
from townhall.records import colleagues
from townhall.records.types import Record
from townhall.town import Town

TICKET = "desk.ticket"
EMAIL = "erin@millbrook.example"


@pytest.fixture
def erin(town: Town) -> Actor:
    """A clerk who owns cases."""
    add_person(town, EMAIL, "clerk")
    person = people.find(town, EMAIL)
    return Actor("staff", person.name, person.id, person.permissions)


@pytest.fixture
def make(town: Town, erin: Actor) -> Callable[..., Record]:
    """Make a ticket of Erin's that came in some days ago."""
    topic = town.records.create(system(), "desk.topic", {"name": "Potholes"})

    def make(summary: str, *, days: float = 1, due: float = 30, state: str = "new", **values: Any) -> Record:
        now = town.clock.now()
        row = {"topic": topic.id, "summary": summary, "assignee": erin.id, "state": state, **values}
        row |= {"created": now - timedelta(days=days), "due": now + timedelta(days=due)}
        (outcome,) = town.records.import_rows(system(), TICKET, [row])
        assert outcome.id is not None, outcome.errors
        return town.records.get(system(), TICKET, outcome.id)

    return make


def parts(town: Town, actor: Actor) -> dict[str, tuple[int, list[str]]]:
    """What a digest says, by part."""
    found = digest.digest(town, actor)
    return {
        part.name: (part.count, [line.title.removeprefix("Potholes: ") for line in part.lines]) for part in found.parts
    }


def test_everything_stands_in_its_part(town: Town, erin: Actor, make: Callable[..., Record]) -> None:
    """What is overdue, what waits, what nobody touched for two weeks, and what is new in the person's queues."""
    mine = town.records.create(system(), "core.queue", {"name": "Roads", "members": [{"person": erin.id}]}).id
    other = town.records.create(system(), "core.queue", {"name": "Parks"}).id
    make("Late", due=-2)
    make("Fine")
    make("Asked", state="waiting")
    make("Forgotten", days=20)
    make("Done", due=-3, state="done")
    make("Free", assignee=None, queue=mine)
    make("Old and free", assignee=None, queue=mine, days=12)
    make("Theirs", assignee=None, queue=other)
    assert parts(town, erin) == {
        "overdue": (1, ["Late"]),
        "waiting": (1, ["Asked"]),
        "dormant": (1, ["Forgotten"]),
        "new": (1, ["Free"]),
    }
    found = digest.digest(town, erin)
    assert found.open == 4
    assert found.subject == "Your cases this week: 4 open, 1 overdue, 1 waiting"
    text = digest.text(found, "https://town.example")
    assert "Overdue: 1\n----------\n" in text
    assert "https://town.example/admin/desk/ticket/" in text
    assert "Potholes: Late · due Sun 15 Mar" in text
    assert "Potholes: Asked · unchanged since Mon 16 Mar" in text
    assert "Potholes: Free · came in Mon 16 Mar" in text
    assert "Done" not in text


def test_it_is_written_once_a_week_for_who_has_something(
    town: Town, clock: FixedClock, erin: Actor, make: Callable[..., Record]
) -> None:
    """However often the job runs; who has no case hears nothing; the next week brings a new one."""
    add_person(town, "nora@millbrook.example", "viewer")
    make("Late", due=-2)
    assert digest.run(town) == "Wrote the weekly digest for 1 of the staff."
    assert digest.run(town) == ""
    digest_delivery.deliver(town, erin, "Again", "Again")
    rows = town.system.weekly_digest.select().tuples()
    assert len(list(rows)) == 1
    clock.move(timedelta(days=7))
    assert digest.run(town) == "Wrote the weekly digest for 1 of the staff."
    kept = digest_delivery.latest(town, erin)
    assert kept is not None
    assert kept.at == town.clock.now()
    assert "1 overdue" in kept.subject


def test_who_may_not_see_cases_hears_nothing_of_them(town: Town, erin: Actor, make: Callable[..., Record]) -> None:
    """The digest is what its owner could look up; who may not sign in any more gets none."""
    make("Late", due=-2)
    assert list(colleagues.read(town).here) == [erin.id]
    nobody = Actor("staff", "Erin", erin.id)
    assert digest.digest(town, nobody).is_empty
    add_person(town, "ada@millbrook.example", "administrator")
    people.set_active(town, system(), erin.id or 0, False)
    assert erin.id not in list(colleagues.read(town).here)


@pytest.mark.parametrize("role", ["contractor", "reviewer", "department_clerk", "auditor", "viewer"])
def test_everybody_hears_of_what_they_may_see(town: Town, erin: Actor, make: Callable[..., Record], role: str) -> None:
    """Whatever somebody may ask about, they have their digest, and nobody misses theirs for it."""
    id = add_person(town, "ned@millbrook.example", "clerk")
    members = [{"person": id}, {"person": erin.id}]
    queue = town.records.create(system(), "core.queue", {"name": "Streets", "members": members}).id
    make("Given", assignee=id, due=-2)
    make("Free", assignee=None, queue=queue)
    ned = people.set_role(town, system(), id, role)
    told = parts(town, Actor("staff", ned.name, ned.id, ned.permissions))
    assert told["overdue"] == (1, ["Given"] if role not in ("contractor", "reviewer") else told["overdue"][1])
    assert told["new"][0] == (0 if role in ("contractor", "reviewer") else 1)
    assert digest.run(town) == "Wrote the weekly digest for 2 of the staff."
    client = StaffClient(create_app(town), "ned@millbrook.example")
    assert client.get("/admin/digest/").status_code == 200


def test_the_page_says_the_same(town: Town, make: Callable[..., Record], erin: Actor) -> None:
    """“Your week” shows the digest as it is now, and the one that was written."""
    make("Late", due=-2)
    client = StaffClient(create_app(town), EMAIL)
    page = main_of(client.get("/admin/digest/"))
    assert "You have 1 open case" in page
    assert "Potholes: Late" in page
    assert "As it was written" not in page
    digest.run(town)
    assert "As it was written" in main_of(client.get("/admin/digest/"))
