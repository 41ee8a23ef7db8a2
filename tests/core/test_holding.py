"""Who has a case: taken by exactly one, given back, given on, and a colleague's whole desk handed over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import holding
from townhall.cases.queries import my_work
from townhall.clock import FixedClock
from townhall.errors import Conflict
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records.types import Record
from townhall.town import Town

SYSTEM = system()
TICKET = "desk.ticket"
QUEUE = "core.queue"


@pytest.fixture
def team(town: Town, clerk: Actor) -> tuple[Actor, Actor]:
    """Two clerks, Erin and Rae, who work here; and Lena, who left."""
    assert clerk.id is not None
    for id, name in ((clerk.id, clerk.name), (21, "Rae Clerk"), (22, "Lena Left")):
        town.system.user.insert(
            id=id, email=f"p{id}@town.example", name=name, fs_uniquifier=f"p{id}", created_at=0, active=id != 22
        ).execute()
        (role,) = town.system.role.select(town.system.role.id).where(town.system.role.name == "clerk").tuples()
        town.system.user_role.insert(user=id, role=role[0]).execute()
    return clerk, replace(clerk, id=21, name="Rae Clerk")


@pytest.fixture
def make(town: Town) -> Callable[..., Record]:
    """Make a ticket."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})

    def make(summary: str = "Deep", **values: Any) -> Record:
        (outcome,) = town.records.import_rows(SYSTEM, TICKET, [{"topic": topic.id, "summary": summary, **values}])
        assert outcome.id is not None, outcome.errors
        return town.records.get(SYSTEM, TICKET, outcome.id)

    return make


def queue(town: Town, name: str, *members: int, **values: Any) -> int:
    """A queue with this team."""
    rows = [{"person": id, "lead": False} for id in members]
    return town.records.create(SYSTEM, QUEUE, {"name": name, "members": rows, **values}).id


def test_the_second_who_takes_a_case_is_told_who_has_it(
    town: Town, make: Callable[..., Record], team: tuple[Actor, Actor], clock: FixedClock
) -> None:
    """One sentence with a name and a time; taking one's own again changes nothing."""
    erin, rae = team
    case = make()
    mine = holding.claim(town, erin, TICKET, case.id)
    assert mine.assignee == erin.id
    assert holding.claim(town, erin, TICKET, case.id).version == mine.version
    at = clock.now().astimezone(town.zone)
    clock.move(timedelta(minutes=5))
    with pytest.raises(holding.Taken, match=f"^Erin Clerk has had it since {at:%H:%M}.$"):
        holding.claim(town, rae, TICKET, case.id)


def test_two_who_take_a_case_at_once(town: Town, make: Callable[..., Record], team: tuple[Actor, Actor]) -> None:
    """Exactly one has it, the other sees who (000-9); tried again and again with real threads."""
    for _ in range(10):
        case = make()
        start, came = threading.Barrier(2), []

        def take(actor: Actor, case: Record = case, start: Any = start, came: list[Any] = came) -> None:
            try:
                start.wait(timeout=120)
                came.append((actor, holding.claim(town, actor, TICKET, case.id)))
            except Exception as error:
                came.append((actor, error))
            finally:
                town.database.close()

        threads = [threading.Thread(target=take, args=(actor,)) for actor in team]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [actor for actor, result in came if isinstance(result, Record)]
        lost = [result for _, result in came if isinstance(result, holding.Taken)]
        assert (len(won), len(lost)) == (1, 1), came
        assert town.records.get(SYSTEM, TICKET, case.id).assignee == won[0].id
        assert str(lost[0]).startswith(f"{won[0].name} has had it since ")


def test_a_change_of_something_else_does_not_stop_who_takes_it(
    town: Town, make: Callable[..., Record], team: tuple[Actor, Actor]
) -> None:
    """Only who has it matters, not the version that somebody looked at."""
    erin, _ = team
    case = make()
    town.records.update(SYSTEM, TICKET, case.id, {"summary": "Deeper"}, version=case.version)
    assert holding.claim(town, erin, TICKET, case.id).assignee == erin.id


def test_a_case_goes_back_into_its_queue(town: Town, make: Callable[..., Record], team: tuple[Actor, Actor]) -> None:
    """It keeps its queue; one without gets that for such cases, so that somebody looks for it."""
    erin, _ = team
    roads, desk = queue(town, "Roads"), queue(town, "General", default_for=[TICKET])
    case = make(queue=roads, assignee=erin.id)
    back = holding.release(town, erin, TICKET, case.id, version=case.version, note="Not my street.")
    assert (back.queue, back.assignee) == (roads, None)
    assert town.records.history(erin, TICKET, case.id)[-1].note == "Not my street."
    lost = make(assignee=erin.id)
    lost = town.records.update(SYSTEM, TICKET, lost.id, {"queue": None}, version=lost.version)
    assert holding.release(town, erin, TICKET, lost.id, version=lost.version).queue == desk
    with pytest.raises(Conflict):
        holding.release(town, erin, TICKET, lost.id, version=1)


def test_a_case_is_given_on_with_a_note(town: Town, make: Callable[..., Record], team: tuple[Actor, Actor]) -> None:
    """To a person, a queue or both; not to who left."""
    erin, rae = team
    roads = queue(town, "Roads")
    case = make(assignee=erin.id)
    given = holding.reassign(
        town, erin, TICKET, case.id, version=case.version, queue=roads, assignee=rae.id, note="Yours."
    )
    assert (given.queue, given.assignee) == (roads, rae.id)
    with pytest.raises(ValidationFailed):
        holding.reassign(town, erin, TICKET, case.id, version=given.version, queue=roads, assignee=22)


def test_a_desk_is_handed_over(town: Town, make: Callable[..., Record], team: tuple[Actor, Actor]) -> None:
    """All that is open moves, one by one; what is closed stays; what can't be moved is told with its reason."""
    erin, rae = team
    roads = queue(town, "Roads")
    moved = [make(str(index), assignee=erin.id) for index in range(3)]
    make("Done", assignee=erin.id, state="done")
    others = make("Other", assignee=rae.id)
    town.records.create(SYSTEM, "core.route", {"name": "Holes", "words": "hole", "person": erin.id})
    assert holding.open_work(town, rae, erin.id or 0) == {TICKET: 3}
    done = holding.hand_over(town, rae, erin.id or 0, rae.id, note="Erin is ill.")
    assert (done.total, done.refused) == (3, [])
    assert {town.records.get(SYSTEM, TICKET, case.id).assignee for case in (*moved, others)} == {rae.id}
    assert done.sentences(town, "Rae Clerk") == [
        "3 tickets went to Rae Clerk.",
        "Routing rules that still name this person: Holes.",
    ]
    town.records.update(SYSTEM, TICKET, others.id, {"queue": roads}, version=others.version)
    back = holding.hand_over(town, rae, rae.id or 0, None)
    assert back.total == 4
    assert town.records.count(SYSTEM, TICKET, {"assignee": rae.id}).value == 0
    with pytest.raises(Rejected, match="same person"):
        holding.hand_over(town, rae, 5, 5)
    with pytest.raises(Rejected, match="work here any more"):
        holding.hand_over(town, rae, 5, 22)


def test_my_work_has_a_lane_of_the_team(town: Town, make: Callable[..., Record], team: tuple[Actor, Actor]) -> None:
    """Unassigned cases of the queues that somebody belongs to, apart from all others that nobody has."""
    erin, rae = team
    roads = queue(town, "Roads", erin.id or 0)
    old = queue(town, "Old", erin.id or 0, active=False)
    make("Mine", queue=roads, assignee=erin.id)
    make("Ours", queue=roads)
    make("Theirs", queue=queue(town, "Parks", rae.id or 0))
    make("Nobody’s")
    town.records.update(SYSTEM, QUEUE, old, {"description": "x"}, version=1)
    work = my_work(town, erin)
    assert [record.title for record in work.team.records] == ["Potholes: Ours"]
    assert work.team.count.value == 1
    assert {record.title for record in work.unassigned.records} == {
        "Potholes: Theirs", "Potholes: Nobody’s",
    }  # fmt: skip
    assert my_work(town, replace(erin, id=99)).team.records == ()
