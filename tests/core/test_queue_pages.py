"""Queues on screen: their pages, taking and giving, lists, files in and out, wards, and who has a case open too."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from staff_client import StaffClient
from staff_client import add_person
from staff_client import main_of
from staff_client import plain

from townhall.access.actors import system
from townhall.accounts import people as accounts
from townhall.accounts import roles
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import ValidationFailed
from townhall.imports.csv_files import open_csv
from townhall.imports.mapping import parse_mapping
from townhall.imports.running import run_import
from townhall.records.types import Record
from townhall.town import Town

SYSTEM = system()
TICKET = "desk.ticket"
QUEUE = "core.queue"
ROUTE = "core.route"


@pytest.fixture
def people(town: Town) -> dict[str, int]:
    """Erin and Rae, who are clerks, and Ruth, who looks after the town."""
    return {
        name: add_person(town, f"{name.lower()}@town.example", role, f"{name} Clerk")
        for name, role in (("Erin", "clerk"), ("Rae", "clerk"), ("Ruth", "administrator"))
    }


@pytest.fixture
def sign_in(town: Town, people: dict[str, int]) -> Callable[[str], StaffClient]:
    """A browser of one of them, all of one application."""
    app = create_app(town)
    return lambda name: StaffClient(app, f"{name.lower()}@town.example")


@pytest.fixture
def make(town: Town) -> Callable[..., Record]:
    """Make a ticket."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})

    def make(summary: str, **values: Any) -> Record:
        (outcome,) = town.records.import_rows(SYSTEM, TICKET, [{"topic": topic.id, "summary": summary, **values}])
        assert outcome.id is not None, outcome.errors
        return town.records.get(SYSTEM, TICKET, outcome.id)

    return make


def queue(town: Town, name: str, *members: int, **values: Any) -> int:
    """A queue with this team."""
    rows = [{"person": id, "lead": False} for id in members]
    return town.records.create(SYSTEM, QUEUE, {"name": name, "members": rows, **values}).id


SignIn = Callable[[str], StaffClient]
Make = Callable[..., Record]


def test_a_queue_shows_what_waits_and_a_case_is_taken_once(
    town: Town, people: dict[str, int], sign_in: SignIn, make: Make
) -> None:
    """One presses “Take it” and has it; the second reads who has it and since when, and nothing is lost."""
    roads = queue(town, "Roads", people["Erin"])
    case = make("Deep hole", queue=roads)
    make("In hand", queue=roads, assignee=people["Rae"])
    erin, rae = sign_in("Erin"), sign_in("Rae")
    assert "Roads your team 1 1 0 1 person" in main_of(erin.get("/admin/queues/"))
    page = main_of(erin.get(f"/admin/queues/{roads}/"))
    assert "1 waiting, 1 in hand, 0 overdue" in page
    assert page.index("Deep hole") < page.index("In hand 1")
    assert "Waiting in your team’s queues" in main_of(erin.get("/admin/"))
    assert "Waiting in your team’s queues" not in main_of(rae.get("/admin/"))
    take = {"take": "1", "next": f"/admin/queues/{roads}/"}
    url = f"/admin/desk/ticket/{case.id}/"
    assert "It is yours now." in plain(erin.follow(erin.post(f"{url}give", take)))
    late = rae.follow(rae.post(f"{url}give", take))
    at = town.clock.now().astimezone(town.zone)
    assert f"Erin Clerk has had it since {at:%H:%M}." in plain(late)
    assert town.records.get(SYSTEM, TICKET, case.id).assignee == people["Erin"]
    assert "It waits in Roads now." in plain(erin.follow(erin.post(f"{url}release", {})))
    assert town.records.get(SYSTEM, TICKET, case.id).assignee is None
    assert erin.get("/admin/queues/999/").status_code == 404


def test_a_case_is_given_to_a_queue_with_a_note(
    town: Town, people: dict[str, int], sign_in: SignIn, make: Make
) -> None:
    """The page offers queues in use; what is chosen and the note stand in what happened."""
    roads, old = queue(town, "Roads"), queue(town, "Old ones", active=False)
    case = make("Deep hole")
    erin = sign_in("Erin")
    url = f"/admin/desk/ticket/{case.id}/"
    page = erin.get(f"{url}give").text
    assert f'<option value="{roads}">Roads</option>' in page
    assert "Old ones" not in page
    sent = {"assignee": "", "queue": str(roads), "note": "They know the street.", "version": "1"}
    assert erin.post(f"{url}give", sent).status_code == 302
    page = main_of(erin.get(url))
    assert "Queue: Roads" in page
    assert "They know the street." in page
    erin.post(f"{url}give", {**sent, "queue": str(old), "version": "2"})
    assert town.records.get(SYSTEM, TICKET, case.id).queue == roads


def test_a_list_knows_queues(town: Town, people: dict[str, int], sign_in: SignIn, make: Make, tmp_path: Path) -> None:
    """As a filter, a column, an action on many, and by name in files that go out and come in."""
    roads, parks = queue(town, "Roads"), queue(town, "Parks")
    first, second, third = (
        make("First", queue=roads, assignee=people["Erin"]),
        make("Second", queue=roads),
        make("Third"),
    )
    erin = sign_in("Erin")
    base = "/admin/desk/ticket/"
    listed = main_of(erin.get(f"{base}?view=all&queue={roads}&columns=title%2Cqueue"))
    assert "First" in listed
    assert "Third" not in listed
    asked = erin.get(f"{base}bulk?do=queue:{parks}&pick={first.id}&pick={third.id}")
    assert "Put into Parks: 2 tickets" in plain(asked)
    erin.post(f"{base}bulk", {"do": f"queue:{parks}", "pick": [first.id, third.id]})
    found = [town.records.get(SYSTEM, TICKET, record.id) for record in (first, second, third)]
    assert [(each.queue, each.assignee) for each in found] == [(parks, None), (roads, None), (parks, None)]
    erin.post(f"{base}bulk", {"do": "give:me", "pick": [first.id]})
    erin.post(f"{base}bulk", {"do": "give:nobody", "pick": [first.id]})
    assert town.records.get(SYSTEM, TICKET, first.id).queue == parks
    lines = erin.get(f"{base}export.csv?view=all").text
    assert ",Parks," in lines
    path = tmp_path / "tickets.csv"
    path.write_text("What,Topic,Team\nFourth,Potholes,Parks\nFifth,Potholes,Nowhere\n", encoding="utf-8")
    columns = [
        {"from": "What", "field": "summary"},
        {"from": "Topic", "field": "topic", "match": "name"},
        {"from": "Team", "field": "queue", "match": "name"},
    ]
    mapping = parse_mapping({"mapping": {"type": TICKET}, "column": columns}, "ours", town.schemas, file="ours.toml")
    done = run_import(town, SYSTEM, mapping, open_csv(path))
    assert done.created == 1
    assert len(done.refused) == 1
    assert town.records.find(SYSTEM, TICKET, {"summary": "Fourth"}).records[0].queue == parks


def test_two_who_open_the_same_case_see_each_other(
    town: Town, people: dict[str, int], sign_in: SignIn, make: Make, clock: FixedClock
) -> None:
    """A quiet notice, on the page itself and in what the script asks for; gone a while after the other left."""
    case = make("Deep hole")
    url = f"/admin/desk/ticket/{case.id}/"
    erin, rae = sign_in("Erin"), sign_in("Rae")
    assert "has this open too" not in plain(rae.get(url))
    since = clock.now().astimezone(town.zone)
    clock.move(timedelta(minutes=1))
    assert f"Rae Clerk has this open too (since {since:%H:%M})." in plain(erin.get(url))
    asked = rae.get(f"{url}present")
    assert asked.text.strip().startswith("<p")
    assert "Erin Clerk has this open too" in plain(asked)
    for _ in range(12):
        clock.move(timedelta(seconds=25))
        rae.get(f"{url}present")
    assert "Rae Clerk has this open too" in plain(erin.get(f"{url}present"))
    clock.move(timedelta(minutes=5))
    assert plain(erin.get(f"{url}present")) == ""
    assert erin.get("/admin/core/contact/999/present").status_code == 404


def test_a_stale_save_shows_both_versions(town: Town, people: dict[str, int], sign_in: SignIn, make: Make) -> None:
    """Presence locks nothing: who saves second sees what the first changed, and loses nothing that was typed."""
    case = make("Deep hole")
    url = f"/admin/desk/ticket/{case.id}/edit"
    rae = sign_in("Rae")
    form = rae.get(url)
    assert form.status_code == 200
    town.records.update(SYSTEM, TICKET, case.id, {"summary": "Deeper hole"}, version=1)
    answer = rae.post(url, {"version": "1", "topic": str(case["topic"]), "summary": "Deepest hole"})
    assert answer.status_code == 409
    assert "Deeper hole" in answer.text
    assert "Deepest hole" in answer.text


def test_a_desk_is_handed_over_on_screen(town: Town, people: dict[str, int], sign_in: SignIn, make: Make) -> None:
    """Whoever manages people is told of open work when somebody goes, and hands it over with a report."""
    cases = [make(str(index), assignee=people["Rae"]) for index in range(2)]
    ruth = sign_in("Ruth")
    page = f"/admin/people/{people['Rae']}"
    gone = ruth.follow(ruth.post(page, {"change": "deactivate"}))
    assert "They still have 2 open cases" in plain(gone)
    assert "2 tickets" in main_of(ruth.get(f"{page}/hand-over"))
    talk = {"body": "Call her back", "handled_by": people["Rae"], "follow_up": "2030-01-02"}
    town.records.create(SYSTEM, "core.interaction", talk)
    left = ruth.get(f"{page}/hand-over")
    assert "1 talk of which Rae Clerk wanted to be reminded stays with them" in main_of(left)
    shown = ruth.get(f"/admin/core/interaction/?view=reminders&handled_by={people['Rae']}")
    assert "1 in “All reminders”" in main_of(shown)
    nobody = ruth.post(f"{page}/hand-over", {"to": "x"})
    assert (nobody.status_code, "Choose a colleague, or the queues." in plain(nobody)) == (422, True)
    done = ruth.follow(ruth.post(f"{page}/hand-over", {"to": str(people["Erin"]), "note": "Rae left."}))
    assert "2 tickets went to Erin Clerk." in plain(done)
    assert {town.records.get(SYSTEM, TICKET, case.id).assignee for case in cases} == {people["Erin"]}
    assert sign_in("Erin").get(f"{page}/hand-over").status_code == 403


def test_work_is_offered_to_who_may_do_it(town: Town, people: dict[str, int], sign_in: SignIn, make: Make) -> None:
    """Nobody who only looks is offered a case, by whichever door it is given; who has it already stays to be chosen."""
    vera = add_person(town, "vera@town.example", "viewer", "Vera Viewer")
    roles.create(town, SYSTEM, "Mender", like="viewer")
    roles.grant(town, SYSTEM, "mender", {f"{TICKET}.edit@assigned"})
    roles.create(town, SYSTEM, "Own", like="viewer")
    roles.grant(town, SYSTEM, "own", {f"{TICKET}.edit@own"})
    menda = add_person(town, "menda@town.example", "mender", "Menda Mender")
    add_person(town, "olga@town.example", "own", "Olga Own")
    case = make("Deep hole", assignee=people["Rae"])
    town.records.create(SYSTEM, "core.task", {"subject": "Call the crew", "assignee": people["Rae"]})
    ruth = sign_in("Ruth")
    url, desk = f"/admin/desk/ticket/{case.id}/", f"/admin/people/{people['Rae']}/hand-over"
    for page in (f"{url}give", f"{url}task", "/admin/core/task/new", desk):
        shown = main_of(ruth.get(page))
        assert ("Rae" in shown, "Vera" in shown, "Olga" in shown) == (True, False, False), page
    actions = ruth.get("/admin/desk/ticket/?view=all").text
    assert ("Give to Menda" in actions, "Give to Vera" in actions) == (True, False)
    assert "Menda Mender" in ruth.get(f"{url}give").text
    assert "Menda Mender May not work on tasks, which would stay" in main_of(ruth.get(desk))
    assert "can't be given a task" in main_of(ruth.post(f"{url}task", {"subject": "x", "assignee": str(vera)}))
    refused = ruth.post(desk, {"to": str(vera)})
    assert (refused.status_code, "Vera Viewer may work on none of these cases" in main_of(refused)) == (422, True)
    done = main_of(ruth.follow(ruth.post(desk, {"to": str(menda)})))
    assert "1 ticket went to Menda Mender." in done
    assert "Menda Mender may not work on tasks." in done
    held = make("Old hole", assignee=menda)
    accounts.set_role(town, SYSTEM, menda, "viewer")
    given = ruth.get(f"/admin/desk/ticket/{held.id}/give")
    assert f'value="{menda}" selected>Menda Mender' in given.text


def test_who_left_meanwhile_is_given_nothing_and_that_is_said(
    town: Town, people: dict[str, int], sign_in: SignIn, make: Make
) -> None:
    """A person or queue that can't have a case any more is refused in a sentence, and nothing of the form is lost."""
    roads, old = queue(town, "Roads"), queue(town, "Old roads")
    case = make("Deep hole", assignee=people["Rae"], queue=roads)
    ruth, page = sign_in("Ruth"), f"/admin/desk/ticket/{case.id}/give"
    shown = ruth.get(page)
    assert f'value="{people["Erin"]}"' in shown.text
    accounts.set_active(town, SYSTEM, people["Erin"], False)
    town.records.update(SYSTEM, QUEUE, old, {"active": False}, version=1)
    gone = "This person doesn’t work here any more. Choose somebody else."
    for sent, said in (
        ({"assignee": str(people["Erin"]), "queue": str(roads)}, gone),
        ({"assignee": "9999", "queue": str(old)}, "Nobody here has the number 9999. Choose somebody else."),
        ({"assignee": "abc", "queue": str(roads)}, "Nobody called “abc” works here. Choose somebody from the list."),
        ({"assignee": "", "queue": "777"}, "This queue can’t be found any more. Choose another one."),
        ({"assignee": "", "queue": "abc"}, "This queue can’t be found any more. Choose another one."),
        ({"assignee": str(people["Rae"]), "queue": str(old)}, "The queue “Old roads” is not in use any more."),
    ):
        refused = ruth.post(page, {**sent, "note": "Please, Joan", "due_day": "2026-04-01", "version": case.version})
        assert (refused.status_code, said in plain(refused), "Please, Joan" in refused.text) == (422, True, True)
        assert 'value="2026-04-01"' in refused.text
    # Whoever sends the form again, as it is drawn then, is told again and gives it to nobody else.
    again = ruth.post(page, {"assignee": str(people["Erin"]), "queue": str(roads), "version": case.version})
    assert f'value="{people["Erin"]}" selected' in again.text
    told = ruth.follow(ruth.post(page, {"assignee": str(people["Erin"]), "next": "/admin/queues/"}))
    assert gone in plain(told)
    after = town.records.get(SYSTEM, TICKET, case.id)
    assert (after.version, after.assignee, after.queue) == (case.version, people["Rae"], roads)
    assert ruth.post(page, {"assignee": str(people["Ruth"]), "queue": "", "version": case.version}).status_code == 302
    after = town.records.get(SYSTEM, TICKET, case.id)
    assert (after.assignee, after.queue) == (people["Ruth"], None)


def test_a_kind_of_case_waits_in_one_queue(town: Town, people: dict[str, int], sign_in: SignIn) -> None:
    """A second queue for a kind is refused with the name of the first, however it comes to be one; nothing is saved."""
    records, said = town.records, "“General” is where tickets wait already. Untick it there first."
    general, other = queue(town, "General", default_for=[TICKET]), queue(town, "Another")
    off = queue(town, "Off", default_for=[TICKET], active=False)
    gone = queue(town, "Gone", active=False, default_for=[TICKET])
    records.archive(SYSTEM, QUEUE, gone, version=1)
    for change in (
        lambda: records.create(SYSTEM, QUEUE, {"name": "Before", "default_for": [TICKET]}),
        lambda: records.update(SYSTEM, QUEUE, other, {"default_for": [TICKET]}, version=1),
        lambda: records.update(SYSTEM, QUEUE, off, {"active": True}, version=1),
    ):
        with pytest.raises(ValidationFailed, match=said):
            change()
    rows = [{"name": name, "default_for": ["core.task"]} for name in ("Jobs", "More jobs")]
    first, second = records.import_rows(SYSTEM, QUEUE, rows)
    assert (first.errors, [*second.errors]) == ({}, ["default_for"])
    assert records.count(SYSTEM, QUEUE).value == 3
    ruth = sign_in("Ruth")
    sent = {"name": "Before", "active": "true", "default_for": TICKET, "description": "Ours"}
    refused = ruth.post("/admin/core/queue/new", sent)
    assert (refused.status_code, said in plain(refused), "Ours" in refused.text) == (422, True, True)
    # Once the first gives it up, another may have it; then the first is told of that one, restored or not.
    records.update(SYSTEM, QUEUE, general, {"default_for": []}, version=1)
    records.update(SYSTEM, QUEUE, other, {"default_for": [TICKET]}, version=1)
    back = records.restore(SYSTEM, QUEUE, gone, version=2)
    with pytest.raises(ValidationFailed, match="“Another” is where tickets wait already"):
        records.update(SYSTEM, QUEUE, gone, {"active": True}, version=back.version)
    records.update(SYSTEM, QUEUE, other, {"active": False}, version=2)
    active = records.update(SYSTEM, QUEUE, gone, {"active": True}, version=back.version)
    records.archive(SYSTEM, QUEUE, gone, version=active.version)
    records.update(SYSTEM, QUEUE, other, {"active": True}, version=3)
    with pytest.raises(ValidationFailed, match="“Another” is where tickets wait already"):
        records.restore(SYSTEM, QUEUE, gone, version=active.version + 1)


def test_two_queues_that_a_kind_had_before_go_on(town: Town, people: dict[str, int]) -> None:
    """What was so before it was asked doesn't stand in the way of changing anything else, and can be put right."""
    records = town.records
    first, second = queue(town, "First", default_for=[TICKET]), queue(town, "Second")
    same = f"(SELECT default_for FROM core_queue WHERE id = {first})"
    town.database.execute_sql(f"UPDATE core_queue SET default_for = {same} WHERE id = {second}")
    for id in (first, second):
        changed = records.update(SYSTEM, QUEUE, id, {"members": [{"person": people["Erin"]}]}, version=1)
        assert changed["default_for"] == (TICKET,)
    with pytest.raises(ValidationFailed, match="“First” is where tickets wait already"):
        queue(town, "Third", default_for=[TICKET])
    assert not records.update(SYSTEM, QUEUE, first, {"default_for": []}, version=2)["default_for"]


def test_many_are_not_given_to_who_left_meanwhile_and_stay_selected(
    town: Town, people: dict[str, int], sign_in: SignIn, make: Make
) -> None:
    """The list says why nothing was done, with the same lines ticked; what was never offered is not found."""
    case, ruth = make("Deep hole"), sign_in("Ruth")
    accounts.set_active(town, SYSTEM, people["Erin"], False)
    sent = {"do": f"give:{people['Erin']}", "pick": str(case.id), "back": "/admin/desk/ticket/?view=all"}
    told = ruth.follow(ruth.post("/admin/desk/ticket/bulk", sent))
    assert (told.status_code, "can’t have them any more" in plain(told)) == (200, True)
    assert re.search(rf'name="pick" value="{case.id}"[^>]* checked', told.text)
    assert town.records.get(SYSTEM, TICKET, case.id).version == case.version
    assert ruth.post("/admin/desk/ticket/bulk", {**sent, "do": "bury"}).status_code == 404


def test_rules_are_shown_in_their_order_with_what_they_decided(
    town: Town, people: dict[str, int], sign_in: SignIn, make: Make
) -> None:
    """The page says for each rule where cases go and how often it decided lately, and what else decided."""
    roads = queue(town, "Roads")
    for name, order, words in (("Second", 20, "tree"), ("First", 10, "hole")):
        town.records.create(
            SYSTEM, ROUTE, {"name": name, "order": order, "case_type": TICKET, "words": words, "to_queue": roads}
        )
    make("Deep hole")
    make("Something")
    page = main_of(sign_in("Ruth").get("/admin/routing/"))
    assert "10 First Tickets Roads 1 20 Second Tickets Roads 0" in page
    assert "Nothing said where it goes 1" in page


def test_wards_come_from_a_file_on_screen(town: Town, people: dict[str, int], sign_in: SignIn) -> None:
    """The map office's file is taken as a whole, with a sentence about what came of it, or refused with one."""
    ring = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    feature = {
        "type": "Feature",
        "properties": {"NAME": "Old Town"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    data = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    ruth = sign_in("Ruth")
    ruth.get("/admin/wards/")
    assert "Choose a file first." in plain(ruth.post("/admin/wards/", {}))
    bad = ruth.post("/admin/wards/", {"file": (io.BytesIO(b"{}"), "wards.json")})
    assert (bad.status_code, "no FeatureCollection" in plain(bad)) == (422, True)
    done = ruth.post("/admin/wards/", {"file": (io.BytesIO(data), "wards.geojson")})
    assert "1 new ward, no new outlines." in plain(ruth.follow(done))
    assert "Old Town 1 part, 5 points wards.geojson" in main_of(ruth.get("/admin/wards/"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # only SQLite has one writer at a time
def test_nobody_waits_to_be_seen(make_town: Callable[..., Town], tmp_path: Path) -> None:
    """While somebody else writes for long, a case opens all the same; that it is open is noted the next time."""
    town = make_town("desk")
    add_person(town, "erin@town.example", "clerk")
    client = StaffClient(create_app(town), "erin@town.example")
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})
    case = town.records.create(SYSTEM, TICKET, {"topic": topic.id, "summary": "Deep"})
    other = sqlite3.connect(town.instance / "townhall.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert client.get(f"/admin/desk/ticket/{case.id}/").status_code == 200
    assert other.execute("SELECT count(*) FROM presence").fetchone() == (0,)
    other.execute("ROLLBACK")
    other.close()
    client.get(f"/admin/desk/ticket/{case.id}/")
    assert town.system.presence.select().count() == 1
