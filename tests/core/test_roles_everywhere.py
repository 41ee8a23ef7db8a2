"""Every page of a town with all plugins opens for every role that a new town has."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from desk import make_contact
from staff_client import PASSWORD
from staff_client import StaffClient
from staff_client import add_person
from staff_client import main_of
from staff_client import plain

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import roles
from townhall.app import create_app
from townhall.errors import ValidationFailed
from townhall.testing.clients import Client
from townhall.town import Town

ALL = ("complaints", "economic_development", "grants", "recruitment")
SYSTEM = system()
#: Roles of a new town that reach some records only, or some fields.
NARROW = ("contractor", "reviewer", "department_clerk")
REQUEST = "complaints.service_request"
#: Pages that belong to no type, and which whoever works here opens.
PAGES = (
    "/admin/", "/admin/?show=mine", "/admin/calendar/", "/admin/queues/", "/admin/digest/", "/admin/account",
    "/admin/search/?q=elm", "/admin/figures/", "/admin/figures/times", "/admin/figures/states",
    "/admin/figures/contact", "/admin/figures/print",
)  # fmt: skip


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town with all plugins that are shipped."""
    return make_town(*ALL)


def test_every_list_opens_for_every_role(town: Town) -> None:
    """No role that sees less than all meets an error where it may look: what it may not ask by is left out."""
    app = create_app(town)
    people = {name: add_person(town, f"{name}@milbrook.example", name) for name in NARROW}
    contact = make_contact(town, "Elmwood")
    category = town.records.create(SYSTEM, "complaints.category", {"name": "Elm trees", "code": "elm"})
    given = {"category": category.id, "reporter": contact.id, "description": "Elm is down", "location": "4 Elm St"}
    for id in people.values():
        town.records.create(SYSTEM, REQUEST, {**given, "assignee": id, "danger": True})
    lists = [f"/admin/{each.plugin}/{each.name}/" for each in town.schemas.values() if not each.frozen]
    broken = []
    for name in NARROW:
        client = StaffClient(app, f"{name}@milbrook.example", PASSWORD)
        for place in (*PAGES, *lists):
            answer = client.get(place)
            if answer.status_code not in (200, 403) or "Traceback" in answer.text:
                broken.append((name, place, answer.status_code, plain(answer)[:200]))
        assert "4 Elm St" in main_of(client.get("/admin/search/?q=elm")), name
        assert "4 Elm St" in main_of(client.get("/admin/complaints/service_request/")), name
    assert broken == []
    assert [each for plugin in ALL for each in town.failures.of(plugin)] == []


def test_no_tab_counts_by_what_is_not_seen(town: Town) -> None:
    """A view of a list by a field that a contractor may not see is no tab of theirs, and they can't ask for it."""
    who = add_person(town, "cem@milbrook.example", "contractor")
    category = town.records.create(SYSTEM, "complaints.category", {"name": "Holes", "code": "holes"})
    job = {"category": category.id, "description": "Fill", "assignee": who, "danger": True, "priority": "urgent"}
    town.records.create(SYSTEM, REQUEST, {**job, "reporter": make_contact(town, "Moreau").id})
    cem = StaffClient(create_app(town), "cem@milbrook.example", PASSWORD)
    base = "/admin/complaints/service_request/"
    page = cem.get(base)
    tabs = re.findall(r'href="[^"]*\?view=([a-z]+)"', page.text)
    assert ("open" in tabs, "urgent" in tabs) == (True, False)
    assert "in “Open”" in plain(page)
    assert "Everything" in plain(cem.get(f"{base}?view=urgent"))
    told = plain(cem.get(f"{base}?sort=danger"))
    assert "You may not see “Is anyone in danger right now?”, so you can't sort by it." in told


def test_a_contractor_finishes_a_job(town: Town) -> None:
    """They see the job, make the moves that were chosen, are asked for what they know of alone, and blank nothing."""
    roles.grant(
        town,
        SYSTEM,
        "contractor",
        {f"{REQUEST}.transition.{move}@assigned" for move in ("start", "resolve")},
    )
    who = add_person(town, "cem@milbrook.example", "contractor")
    category = town.records.create(SYSTEM, "complaints.category", {"name": "Holes", "code": "holes"})
    job = {"category": category.id, "location": "4 Elm St", "assignee": who, "channel": "visit", "root_cause": "wear"}
    made = town.records.create(SYSTEM, REQUEST, {**job, "reporter": make_contact(town, "Moreau").id})
    cem = StaffClient(create_app(town), "cem@milbrook.example", PASSWORD)
    base = f"/admin/complaints/service_request/{made.id}/"
    page = main_of(cem.get(base))
    assert ("4 Elm St" in page, "At the counter" in page) == (True, False)
    assert ("Reported by" in page, "What is internal stays among the town’s own people" in page) == (False, True)
    assert "/admin/queues/" not in cem.get("/admin/").text
    assert "Message templates" not in cem.get("/admin/").text
    why = main_of(cem.get(f"{base}why"))
    assert "None of your roles lets you reveal confidential fields of service requests." in why
    cem.post(f"{base}move/start", {"status_notes": "On our way"})
    asked = cem.get(f"{base}move/resolve")
    assert ("What was done" in plain(asked), "Cause" in plain(asked)) == (True, False)
    told = cem.post(f"{base}move/resolve", {})
    assert (told.status_code, "Say what was done" in plain(told)) == (422, True)
    cem.post(f"{base}move/resolve", {"resolution": "Filled with tar.", "root_cause": "vandalism"})
    after = town.records.get(SYSTEM, REQUEST, made.id)
    assert (after.state, after["resolution"], after["root_cause"]) == ("resolved", "Filled with tar.", "wear")
    actor = Actor("staff", "Cem", who, frozenset({f"{REQUEST}.view", f"{REQUEST}.transition.*"}))
    other = town.records.create(SYSTEM, REQUEST, {**job, "reporter": made["reporter"]})
    values = {"resolution": "Done.", "root_cause": None}
    with pytest.raises(ValidationFailed, match="root_cause"):
        town.records.transition(actor, REQUEST, other.id, "resolve", values, version=other.version)


def test_a_contractor_reads_instructions_and_a_phone_where_the_category_says_so(town: Town) -> None:
    """Instructions come by name; a number, never whose it is, while it is open and category, sender and role agree."""
    who = add_person(town, "cem@milbrook.example", "contractor")
    sender = make_contact(town, "Moreau", phones=[{"number": "+12075550142", "label": "mobile"}])
    category = town.records.create(SYSTEM, "complaints.category", {"name": "Holes", "code": "holes"})
    given = {"category": category.id, "location": "4 Elm St", "assignee": who, "reporter": sender.id}
    job = town.records.create(SYSTEM, REQUEST, {**given, "instructions": "Key at number 6"})
    quiet = town.records.create(SYSTEM, REQUEST, {**given, "reporter_anonymous": True})
    done = town.records.create(SYSTEM, REQUEST, {**given, "resolution": "Done."})
    town.records.transition(SYSTEM, REQUEST, done.id, "resolve", version=done.version)
    cem = StaffClient(create_app(town), "cem@milbrook.example", PASSWORD)

    def seen(id: int = job.id) -> tuple[bool, bool, bool]:
        page = main_of(cem.get(f"/admin/complaints/service_request/{id}/"))
        return "Key at number 6" in page, "555-0142" in page, "Moreau" in page

    assert seen() == (False, False, False)
    roles.grant(town, SYSTEM, "contractor", {f"{REQUEST}.see.instructions", "complaints.call_sender"})
    assert seen() == (True, False, False)
    town.records.update(SYSTEM, category.identity, category.id, {"crew_may_call": True}, version=category.version)
    assert seen() == (True, True, False)
    assert (seen(quiet.id), seen(done.id)) == ((False, False, False), (False, False, False))
    assert "555-0142" not in cem.get(f"/admin/complaints/service_request/{job.id}/print").text
    roles.revoke(town, SYSTEM, "contractor", {"complaints.call_sender"})
    assert seen() == (True, False, False)


@pytest.mark.parametrize("path", ["/admin/sign-in", "/admin/forgotten", "/requests/enter"])
def test_asking_for_the_head_of_a_page_sends_nothing(town: Town, path: str) -> None:
    """A program that only looks whether a page is there is not taken for somebody who sent an empty form."""
    browser = Client(create_app(town))
    assert browser.http.head(path).status_code == browser.get(path).status_code
