"""A case that is shared stays its own department's: nobody brings it to themselves because they may work on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from departments import Departments
from desk import TICKET
from plugging import add_plugin
from staff_client import StaffClient
from staff_client import hidden
from staff_client import main_of
from staff_client import plain

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.app import create_app
from townhall.cases import holding
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import ValidationFailed
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.testing.clients import PASSWORD
from townhall.town import Town
from townhall_forms.values import Reference

SYSTEM = system()
OURS = "its own department says who has it"
#: A kind of case that names people, with a move that gives it to whoever makes it.
JOB = """\
[type]
name = "thing"
title = "{name}"
[fields.name]
type = "text"
[fields.keeper]
type = "staff"
[fields.crew]
type = "rows"
[fields.crew.fields.person]
type = "staff"
[workflow]
initial = "new"
[workflow.states]
new = {}
busy = { final = true }
[[workflow.transitions]]
name = "begin"
from = ["new"]
to = "busy"
by = ["staff"]
assign = "actor"
asks = ["keeper"]
"""
THING = "lake.thing"


@pytest.fixture
def at(town: Town) -> Departments:
    """Two departments; Water's case is shared with Streets, to work on."""
    made = Departments(town)
    town.records.share(made.bob, TICKET, made.theirs.id, made.streets, "work", "Your trench")
    return made


def now(town: Town, record: Record) -> Record:
    """The record as it stands."""
    return town.records.get(SYSTEM, record.identity, record.id)


def client(town: Town, name: str) -> StaffClient:
    """Somebody who is signed in."""
    return StaffClient(create_app(town), f"{name}@milbrook.example", PASSWORD)


def test_who_works_on_a_shared_case_does_not_come_to_have_it(town: Town, at: Departments) -> None:
    """They change it; who has it and where it is they don't change, so nothing confidential opens, nor does sharing."""
    records, ann, case = town.records, at.ann, at.theirs
    changed = records.update(ann, TICKET, case.id, {"summary": "Leak in Oak Street"}, version=1)
    for values in ({"assignee": ann.id}, {"queue": at.streets}, {"queue": at.streets, "assignee": ann.id}):
        with pytest.raises(ValidationFailed, match=OURS):
            records.update(ann, TICKET, case.id, values, version=changed.version)
    with pytest.raises(ValidationFailed, match=OURS):
        holding.claim(town, ann, TICKET, case.id)
    with pytest.raises(ValidationFailed, match=OURS):
        records.transition(ann, TICKET, case.id, "ask", {"queue": at.streets}, version=changed.version)
    for deed in (
        lambda: records.reveal(ann, TICKET, case.id, "secret", "curious"),
        lambda: records.archive(ann, TICKET, case.id, version=changed.version),
        lambda: records.share(ann, TICKET, case.id, at.streets, "work"),
    ):
        with pytest.raises(Forbidden):
            deed()
    stands = now(town, case)
    assert (stands.assignee, stands.queue, stands.version) == (None, at.water, changed.version)

    given = records.update(at.bob, TICKET, case.id, {"assignee": ann.id}, version=stands.version)
    records.update(ann, TICKET, case.id, {"assignee": None}, version=given.version)


def test_an_earlier_holder_is_not_brought_back(town: Town, at: Departments) -> None:
    """What an earlier version says of who has a shared case can't be brought back, and the rest of it can."""
    case = at.ticket("Leak in Ash", queue=at.streets, assignee=at.ann.id)
    moved = {"queue": at.water, "assignee": None, "summary": "Leak in Ash Street"}
    records = town.records
    records.update(SYSTEM, TICKET, case.id, moved, version=1)
    records.share(at.bob, TICKET, case.id, at.streets, "work")
    told = {each.field.name: each.problem for each in records.restoring(at.ann, TICKET, case.id, 1)}
    assert (OURS in told["queue"], OURS in told["assignee"], told["summary"]) == (True, True, "")
    records.bring_back(at.ann, TICKET, case.id, 1, version=2)
    stands = now(town, case)
    assert (stands["summary"], stands.queue, stands.assignee) == ("Leak in Ash", at.water, None)


def test_a_shared_case_offers_nobody_to_take_it(town: Town, at: Departments) -> None:
    """Its page, My work and its queue have no “Take it”; the page for giving it away and doing so are refused."""
    ann, theirs = client(town, "ann"), f"/admin/desk/ticket/{at.theirs.id}/"
    page = ann.get(theirs)
    assert f'href="{theirs}edit"' in page.text
    assert "Take it" not in main_of(page)
    assert f'href="{theirs}give"' not in page.text
    for place in ("/admin/", f"/admin/queues/{at.water}/"):
        assert f'href="{theirs}"' in ann.get(place).text
        assert f'action="{theirs}give"' not in ann.get(place).text
    assert f'action="/admin/desk/ticket/{at.ours.id}/give"' in ann.get("/admin/").text
    answer = ann.get(f"{theirs}give")
    assert (answer.status_code, OURS in plain(answer)) == (403, True)
    for sent in ({"take": "1"}, {"queue": at.streets, "version": 1}):
        assert ann.post(f"{theirs}give", sent).status_code == 403
    assert ann.post(f"{theirs}release", {"version": 1}).status_code == 403
    done = ann.post("/admin/desk/ticket/bulk", {"do": "give:me", "pick": [at.theirs.id]})
    assert OURS in plain(done)
    assert now(town, at.theirs).version == 1

    bob = client(town, "bob")
    assert "Take it" in main_of(bob.get(theirs))
    assert bob.post(f"{theirs}give", {"take": "1"}).status_code == 302
    assert now(town, at.theirs).assignee == at.bob.id


@pytest.fixture
def job(make_town: Callable[..., Town]) -> tuple[Town, Departments, Record]:
    """A case of Water that names people, shared with Streets."""
    town = make_town("desk")
    add_plugin(town, "lake", schema=JOB)
    switching.enable(town.renewed(), SYSTEM, "lake")
    town.reload()
    at = Departments(town)
    made = town.records.create(SYSTEM, THING, {"name": "Pier", "queue": at.water, "keeper": at.bob.id})
    town.records.share(at.bob, THING, made.id, at.streets, "work")
    return town, at, made


def test_a_shared_case_names_only_whom_its_department_names(job: tuple[Town, Departments, Record]) -> None:
    """No field of it, row of it or move by a colleague of another team names them, and its form doesn't ask whom."""
    town, at, made = job
    for name, value in (("keeper", at.ann.id), ("keeper", None), ("crew", [{"person": at.ann.id}])):
        with pytest.raises(ValidationFailed, match=OURS):
            town.records.update(at.ann, THING, made.id, {name: value}, version=1)
    with pytest.raises(ValidationFailed, match=OURS):
        town.records.transition(at.ann, THING, made.id, "begin", {"keeper": at.ann.id}, version=1)
    asked = client(town, "ann").get(f"/admin/lake/thing/{made.id}/edit").text
    assert ('name="name"' in asked, 'name="keeper"' in asked, 'name="crew-0-person"' in asked) == (True, False, False)
    assert town.records.transition(at.ann, THING, made.id, "begin", version=1).assignee is None
    town.records.update(at.bob, THING, made.id, {"keeper": at.ann.id}, version=2)


def visit(town: Town, about: Record, *team: Actor) -> dict[str, Any]:
    """An event about a case that names colleagues."""
    people = [{"person": each.id} for each in team]
    return {"name": "Look", "starts": town.clock.now(), "about": Reference(TICKET, about.id), "team": people or None}


@pytest.mark.parametrize("level", ["view", "work"])
def test_who_sees_a_case_by_a_share_names_nobody_into_it(town: Town, at: Departments, level: str) -> None:
    """Neither themselves nor a colleague who doesn't see it anyhow; when the share ends, so does what it opened."""
    records, ann, bob, case = town.records, at.ann, at.bob, at.theirs
    cat = at.person("cat")
    records.share(bob, TICKET, case.id, at.streets, level)
    for who, said in ((ann, "you can't name yourself here"), (cat, "who doesn't see it anyhow")):
        with pytest.raises(ValidationFailed, match=said) as refused:
            records.create(ann, "core.event", visit(town, case, bob, who))
        assert set(refused.value.errors) == {"team.1.person"}
    made = records.create(ann, "core.event", visit(town, case, bob))
    with pytest.raises(ValidationFailed, match="name yourself"):
        records.update(ann, "core.event", made.id, {"team": [{"person": ann.id}]}, version=1)
    own = records.create(ann, "core.event", visit(town, at.ours, ann))
    with pytest.raises(ValidationFailed, match="name yourself"):
        records.update(ann, "core.event", own.id, {"about": Reference(TICKET, case.id)}, version=1)
    records.update(ann, "core.event", made.id, {"name": "Look again"}, version=1)
    for share in records.shares(bob, TICKET, case.id):
        records.unshare(bob, TICKET, case.id, share.id)
    with pytest.raises(NotFound):
        records.get(ann, TICKET, case.id)


def test_whom_its_own_department_names_stays(town: Town, at: Departments) -> None:
    """A colleague of another team whom it asks along sees the case after the share, and changes what names them."""
    records, ann, case = town.records, at.ann, at.theirs
    made = records.create(at.bob, "core.event", visit(town, case, ann))
    records.update(ann, "core.event", made.id, {"name": "Look with Bob"}, version=1)
    (share,) = records.shares(at.bob, TICKET, case.id)
    records.unshare(at.bob, TICKET, case.id, share.id)
    assert records.get(ann, TICKET, case.id).id == case.id


def test_an_inspection_of_a_shared_request(make_town: Callable[..., Town]) -> None:
    """Its form keeps what was typed, says at the field why, and takes it without a name."""
    town = make_town("desk", "complaints")
    at = Departments(town)
    category = town.records.create(SYSTEM, "complaints.category", {"name": "Leaks", "code": "leaks"})
    values = {"category": category.id, "description": "Leak", "location": "4 Oak St", "queue": at.water}
    case = town.records.create(SYSTEM, "complaints.service_request", values)
    town.records.share(at.bob, case.identity, case.id, at.streets, "view")
    ann = client(town, "ann")
    page = ann.get(f"/admin/complaints/inspection/new?from=complaints.service_request:{case.id}")
    sent = {"request": case.id, "starts": "2026-11-24T10:00", "inspector": at.ann.id, "status": "confirmed"}
    sent |= {"form_id": hidden(page, "form_id"), "location": "By the bridge"}
    refused = ann.post(page.request.path, sent)
    assert refused.status_code == 422
    assert "while it is shared with your team, so you can't name yourself here" in plain(refused)
    assert "By the bridge" in refused.text
    made = ann.post(page.request.path, {**sent, "form_id": hidden(refused, "form_id"), "inspector": ""})
    assert made.status_code == 302, main_of(made)
