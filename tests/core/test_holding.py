"""Who has a case: taken by exactly one, given back, given on, and a colleague's whole desk handed over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from staff_client import add_person
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import roles
from townhall.cases import holding
from townhall.cases import naming
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


def coming(town: Town, days: int, *people: int, **values: Any) -> Record:
    """An event some days from now, with these colleagues."""
    team = [{"person": id} for id in people]
    at = town.clock.now() + timedelta(days=days)
    given = {"name": f"In {days} days", "starts": at, "team": team, **values}
    return town.records.create(SYSTEM, "core.event", given)


def test_what_names_somebody_else_than_by_having_it_is_told(town: Town, team: tuple[Actor, Actor]) -> None:
    """Coming events with a row of theirs; not those that are over, cancelled or archived, nor a colleague's."""
    erin, rae = team
    assert erin.id is not None
    assert rae.id is not None
    shown = [coming(town, 3, erin.id, rae.id), coming(town, -2, erin.id, ends=town.clock.now() + timedelta(days=1))]
    coming(town, -2, erin.id)
    coming(town, 4, erin.id, status="cancelled")
    coming(town, 5, rae.id)
    gone = coming(town, 6, erin.id)
    town.records.archive(SYSTEM, "core.event", gone.id, version=gone.version)
    (named,) = naming.naming(town, rae, erin.id)
    assert (named.count, {record.id for record in named.records}) == (2, {record.id for record in shown})
    assert named.sentence("Erin").startswith("2 events still name Erin: ")
    for less in ({"*.view"}, {"*.view@own", "*.see_internal"}, {"desk.*.view", "*.see_internal"}):
        assert naming.naming(town, replace(rae, permissions=frozenset(less), known={}), erin.id) == [], less


def test_an_open_case_that_names_somebody_is_told_until_it_is_over(make_town: Callable[..., Town]) -> None:
    """By a field of its own and by a row, drafts too; one that is over names nobody any more."""
    town = make_town("recruitment")
    erin, rae = (add_person(town, f"{name}@milbrook.example", "clerk") for name in ("erin", "rae"))
    values = {"name": "Gardener", "department": "Parks", "reason": "new", "requested_by": erin}
    approved = {**values, "approvals": [{"role": "Chief", "by": rae}]}
    rows = [values, approved, {**approved, "state": "filled"}, {**values, "state": "draft"}]
    assert not any(outcome.errors for outcome in town.records.import_rows(SYSTEM, "recruitment.requisition", rows))
    assert [named.count for named in naming.naming(town, SYSTEM, erin)] == [3]
    assert [named.count for named in naming.naming(town, SYSTEM, rae)] == [1]


def test_handing_over_tells_what_stays(town: Town, make: Callable[..., Record], team: tuple[Actor, Actor]) -> None:
    """The page before, the page after, and the one that keeps somebody out name what still names them, with links."""
    erin, rae = team
    assert erin.id is not None
    make(assignee=erin.id)
    event = coming(town, 3, erin.id)
    client, page = staff_client(town, "administrator"), f"/admin/people/{erin.id}"
    for place in (page, f"{page}/hand-over"):
        shown = client.get(place)
        assert f'href="/admin/core/event/{event.id}/"' in shown.text, place
        assert "These are not handed over with the cases" in plain(shown)
    told = plain(client.follow(client.post(f"{page}/hand-over", {"to": str(rae.id)})))
    assert "1 ticket went to Rae Clerk." in told
    assert "An open case or a coming event still names Erin Clerk: see below." in told
    told = plain(client.follow(client.post(page, {"change": "deactivate"})))
    assert "An open case or a coming event still names them: see below." in told


def test_what_could_not_be_handed_over_is_called_so(
    town: Town, make: Callable[..., Record], team: tuple[Actor, Actor]
) -> None:
    """None that one may see, none that could be moved, and none that there is are three things."""
    erin, rae = team
    assert erin.id is not None
    assert rae.id is not None
    manager = roles.create(town, SYSTEM, "Manager").name
    client, page = staff_client(town, manager), f"/admin/people/{erin.id}/hand-over"
    make("Mine", assignee=erin.id)

    def told(permissions: set[str]) -> str:
        roles.set_permissions(town, SYSTEM, manager, {"users.manage", *permissions})
        client.get("/admin/account")
        return plain(client.follow(client.post(page, {"to": str(rae.id)})))

    assert "There is no open work that you may see." in told(set())
    assert "You may see no open cases of Erin Clerk." in plain(client.get(page))
    refused = told({"*.view", "*.see_internal"})
    assert "No open case could be handed over." in refused
    assert "stayed: You may not change tickets." in refused
    assert "no open work" not in refused
    partly = told({"*.view@assigned", "desk.ticket.view", "*.see_internal", "desk.ticket.edit"})
    assert "1 ticket went to Rae Clerk." in partly
    assert "Cases that you may not see stayed, if there are any." in partly
    assert "There was no open work to hand over." in told({"*.view", "*.edit"})
