"""Roles on the pages: the matrix, several roles, sharing, why not, and seeing as a colleague."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from desk import make_contact
from desk import make_topic
from staff_client import PASSWORD
from staff_client import StaffClient
from staff_client import add_person
from staff_client import hidden
from staff_client import main_of
from staff_client import plain

from townhall.access.actors import system
from townhall.accounts import log
from townhall.accounts import own_password
from townhall.accounts import people
from townhall.accounts import roles
from townhall.app import create_app
from townhall.testing.clients import Client
from townhall.town import Town

SYSTEM = system()
TICKETS = "/admin/desk/ticket/"


class Office:
    """An office with two departments: Streets with Ann, Water with Bob, and Ada who looks after everything."""

    def __init__(self, town: Town) -> None:
        self.town, self.app = town, create_app(town)
        self.ids = {
            name: add_person(town, f"{name}@milbrook.example", role)
            for name, role in (("ada", "administrator"), ("ann", "department_clerk"), ("bob", "department_clerk"))
        }
        queues = {}
        for queue, member in (("Streets", "ann"), ("Water", "bob")):
            team = [{"person": self.ids[member]}]
            queues[queue] = town.records.create(SYSTEM, "core.queue", {"name": queue, "members": team}).id
        self.streets, self.water = queues["Streets"], queues["Water"]
        self.topic = make_topic(town, "Potholes", questions=None)
        self.contact = make_contact(town, "Moreau", phones=[{"number": "+12075550142"}])
        self.ours = self.ticket("Hole in Elm", queue=self.streets)
        self.theirs = self.ticket("Leak in Oak", queue=self.water, secret="a feud")

    def ticket(self, summary: str, **values: object) -> int:
        """A case about the contact."""
        given = {"topic": self.topic.id, "summary": summary, "reporter": self.contact.id, **values}
        return self.town.records.create(SYSTEM, "desk.ticket", given).id

    def sign_in(self, name: str) -> StaffClient:
        """A browser in which somebody is signed in."""
        return StaffClient(self.app, f"{name}@milbrook.example", PASSWORD)


@pytest.fixture
def office(town: Town) -> Office:
    """The office."""
    return Office(town)


def test_a_department_at_every_page(office: Office) -> None:
    """Ann of Streets finds nothing of Water's case on any page; a share opens that one, and ends again."""
    ann, bob = office.sign_in("ann"), office.sign_in("bob")
    theirs = f"{TICKETS}{office.theirs}/"
    places = (
        TICKETS, f"{TICKETS}export.csv", f"{TICKETS}print", "/admin/",
        "/admin/search/?q=leak", "/admin/calendar/", "/admin/figures/", f"/admin/core/contact/{office.contact.id}/",
        f"/admin/queues/{office.water}/", "/admin/queues/", f"/admin/desk/topic/{office.topic.id}/", "/admin/digest/",
    )  # fmt: skip
    seen = {place: ann.get(place) for place in places}
    assert {place: answer.status_code for place, answer in seen.items() if answer.status_code != 200} == {}
    assert [place for place, answer in seen.items() if "Leak in Oak" in answer.text] == []
    assert "Hole in Elm" in seen[TICKETS].text
    assert "Hole in Elm" in seen[f"{TICKETS}export.csv"].text
    for page in (
        "",
        "edit",
        "history",
        "print",
        "give",
        "share",
        "why",
        "reveal/secret",
        "move/finish",
        "archive",
        "task",
    ):
        assert ann.get(f"{theirs}{page}").status_code == 404, page
    assert ann.post(f"{theirs}say", {"text": "x"}).status_code == 404

    bob.get(f"{theirs}share")
    wrong = bob.post(f"{theirs}share", {"level": "view"})
    assert (wrong.status_code, "Choose the team" in plain(wrong)) == (422, True)
    bob.post(f"{theirs}share", {"team": office.streets, "level": "view", "reason": "Your trench"})
    assert "Bob shared it with your team. You can see it. Your trench" in main_of(ann.get("/admin/"))
    page = ann.get(theirs)
    assert "Shared with Streets" in main_of(page)
    assert f'href="{theirs}edit"' not in page.text
    assert "of your department only, and this is none of them" in main_of(page)
    assert ann.get(f"{theirs}edit").status_code == 403
    assert ann.get(f"{theirs}share").status_code == 403
    assert "Leak in Oak" not in ann.get(f"{TICKETS}export.csv").text
    why = main_of(ann.get(f"{theirs}why"))
    assert "It is in the queue Water, on whose team you are not." in why
    assert "Roles that may, with all of them: Clerk, Administrator." in why
    assert "Whoever gives roles to people can help: Ada." in why
    assert re.search(r"Change\b[^:]*: yes", main_of(bob.get(f"{theirs}why")))
    bob.get(f"{theirs}share")
    (share,) = office.town.records.shares(SYSTEM, "desk.ticket", office.theirs)
    bob.post(f"{theirs}share", {"end": share.id})
    assert ann.get(theirs).status_code == 404

    ann.get(f"{TICKETS}{office.ours}/give")
    gone = ann.post(f"{TICKETS}{office.ours}/give", {"queue": office.water, "assignee": "", "version": 1})
    assert gone.headers["Location"] == TICKETS
    assert "It is with others now" in plain(ann.get(TICKETS))


def test_what_was_given_to_another_department_by_mistake_is_taken_back(office: Office, town: Town) -> None:
    """Ann undoes what she put into Water's queue though she doesn't see it there; what stays is named by its number."""
    ann, ids = office.sign_in("ann"), [office.ours, office.ticket("Hole in Oak", queue=office.streets)]
    ann.get(f"{TICKETS}bulk?do=queue:{office.water}&pick={ids[0]}&back={TICKETS}")
    picked = {"pick": [str(id) for id in ids], "back": TICKETS, "do": f"queue:{office.water}"}
    done = ann.post(f"{TICKETS}bulk", data=picked)
    undo = TICKETS + "undo/" + ann.follow(done).text.partition(f'href="{TICKETS}undo/')[2].partition('"')[0]
    assert ann.get(f"{TICKETS}{ids[0]}/").status_code == 404
    other = town.records.get(SYSTEM, "desk.ticket", ids[1])
    town.records.update(SYSTEM, "desk.ticket", ids[1], {"details": "Seen"}, version=other.version)
    told = main_of(ann.post(undo, {}))
    assert f"{other.number}: Somebody changed it since." in told
    assert "Seen" not in told
    queues = [town.records.get(SYSTEM, "desk.ticket", id).queue for id in ids]
    assert queues == [office.streets, office.water]
    assert ann.get(f"{TICKETS}{ids[0]}/").status_code == 200
    assert office.sign_in("bob").post(undo, {}).status_code == 403
    assert "1 record was left as it is" in main_of(office.sign_in("ada").post(undo, {}))


def test_the_matrix(office: Office, town: Town) -> None:
    """A role is made, filled in, given beside another, counts at the next page, and goes when nobody has it."""
    ada, ann = office.sign_in("ada"), office.sign_in("ann")
    assert ann.get("/admin/roles/").status_code == 403
    assert "Street crew" not in plain(ada.get("/admin/roles/"))
    assert ada.post("/admin/roles/", {"label": "clerk"}).status_code == 422
    made = ada.post("/admin/roles/", {"label": "Street crew", "like": ""})
    page = ada.follow(made)
    assert made.headers["Location"] == "/admin/roles/street_crew/"
    for control in ('id="p:desk.ticket.view"', 'for="p:desk.ticket.view"', 'id="p:*.edit"', 'id="p:plugins.manage"'):
        assert control in page.text
    ada.post("/admin/roles/street_crew/", {"p:desk.ticket.view": "assigned", "p:desk.ticket.transition.*": "own"})
    ada.get("/admin/roles/street_crew/desk.ticket/")
    fields = {
        "p:desk.ticket.transition.finish": "assigned",
        "p:desk.ticket.see.details": "all",
        "p:desk.ticket.view": "",
    }
    ada.post("/admin/roles/street_crew/desk.ticket/", fields)
    assert roles.by_name(town, "street_crew").permissions == {
        "desk.ticket.view@assigned",
        "desk.ticket.transition.*@own",
        "desk.ticket.transition.finish@assigned",
        "desk.ticket.see.details",
    }
    page = main_of(ada.get("/admin/roles/street_crew/"))
    assert "Tickets and 2 more" in page

    who = add_person(town, "cem@milbrook.example", "street_crew")
    cem = office.sign_in("cem")
    job = office.ticket("Fill it", details="Gate code 4711", code="K1", assignee=who, secret="x")
    mine = f"{TICKETS}{job}/"
    text = main_of(cem.get(mine))
    assert ("Fill it" in text, "Gate code 4711" in text) == (True, True)
    assert ("K1" in text, "Moreau" in text) == (False, False)
    assert cem.get(f"{TICKETS}{office.ours}/").status_code == 404
    assert cem.get("/admin/core/contact/").status_code == 403
    assert cem.get(f"{mine}edit").status_code == 403
    assert "No" not in cem.get(f"{mine}move/finish").status
    ada.get("/admin/roles/street_crew/")
    ada.post("/admin/roles/street_crew/", {})
    assert cem.get(mine).status_code == 403

    ada.get(f"/admin/people/{who}")
    both = ada.post(f"/admin/people/{who}", {"change": "role", "role": ["street_crew", "viewer"]})
    assert "Viewer and Street crew" in plain(ada.follow(both))
    assert cem.get(f"{TICKETS}{office.ours}/").status_code == 200
    refused = ada.post("/admin/roles/street_crew/delete", {})
    assert "One person has the role Street crew" in plain(ada.follow(refused))
    ada.post(f"/admin/people/{who}", {"change": "role", "role": "viewer"})
    assert "is deleted" in plain(ada.follow(ada.post("/admin/roles/street_crew/delete", {})))
    assert ada.get("/admin/roles/street_crew/").status_code == 404

    chief = ada.get("/admin/roles/administrator/")
    locked = ada.post("/admin/roles/administrator/", {"others": []})
    assert chief.status_code == 200
    assert (locked.status_code, "Somebody must be left who may manage people" in plain(locked)) == (422, True)
    told = [event.what for event in log.read(town, limit=20)]
    assert {"role_made", "role_edited", "role_deleted", "role_changed"} <= set(told)


def test_two_administrators_change_a_role_at_once(office: Office, town: Town) -> None:
    """Who saves second is told what the first one changed, keeps their own choices, and undoes nothing unknowingly."""
    add_person(town, "eve@milbrook.example", "administrator")
    ada, eve = office.sign_in("ada"), office.sign_in("eve")
    roles.set_permissions(town, SYSTEM, roles.create(town, SYSTEM, "Street crew").name, {"*.view@own", "desk.*.edit"})
    place = "/admin/roles/street_crew/"
    first, second = ada.get(place), eve.get(place)
    chosen = {"p:*.view": "own", "others": ["desk.*.edit"]}
    done = ada.post(place, {**chosen, "p:desk.ticket.view": "all", "seen": hidden(first, "seen"), "others": []})
    assert done.status_code == 302
    late = {**chosen, "p:desk.topic.view": "department", "seen": hidden(second, "seen")}
    refused = eve.post(place, late)
    told = plain(refused)
    assert refused.status_code == 422
    assert "Somebody else changed the role Street crew since you opened it" in told
    assert "It allows besides now: “See, tickets”. No more: “desk.*.edit”." in told
    assert roles.by_name(town, "street_crew").permissions == {"*.view@own", "desk.ticket.view"}
    assert hidden(refused, "seen") == "*.view@own desk.ticket.view"
    again = {"p:*.view": "own", "p:desk.ticket.view": "all", "p:desk.topic.view": "department"}
    assert eve.post(place, {**again, "seen": hidden(refused, "seen")}).status_code == 302
    held = {"*.view@own", "desk.ticket.view", "desk.topic.view@department"}
    assert roles.by_name(town, "street_crew").permissions == held

    of_type = f"{place}desk.ticket/"
    first, second = ada.get(of_type), eve.get(of_type)
    ada.post(of_type, {"p:desk.ticket.see.details": "all", "seen": hidden(first, "seen")})
    refused = eve.post(of_type, {"p:desk.ticket.transition.finish": "own", "seen": hidden(second, "seen")})
    assert (refused.status_code, "Details, tickets" in plain(refused)) == (422, True)
    assert re.search(r'name="p:desk.ticket.see.details" value="all" checked', refused.text)
    roles.grant(town, SYSTEM, "street_crew", {"desk.ticket.see_internal", "desk.ticket.see.details"})
    eve.post(of_type, {"p:desk.ticket.transition.finish": "own", "seen": hidden(eve.get(of_type), "seen")})
    assert "desk.ticket.see.details" in roles.by_name(town, "street_crew").permissions


def test_what_cannot_be_saved_stays_on_the_page(office: Office, town: Town) -> None:
    """A role that nobody could manage people with any more is refused, and the choices stand as they were made."""
    ada = office.sign_in("ada")
    roles.set_permissions(town, SYSTEM, "administrator", {"users.manage", "*.view"})
    page = ada.get("/admin/roles/administrator/")
    refused = ada.post("/admin/roles/administrator/", {"p:*.view": "own", "seen": hidden(page, "seen")})
    assert (refused.status_code, "Somebody must be left" in plain(refused)) == (422, True)
    assert re.search(r'<option value="own" selected', refused.text)
    assert roles.by_name(town, "administrator").permissions == {"users.manage", "*.view"}


def test_what_is_typed_about_a_role_stays(office: Office, town: Town) -> None:
    """A name that is refused and a description that is too long are told beside what was typed; nothing changes."""
    ada, place = office.sign_in("ada"), "/admin/roles/viewer/"
    before = roles.by_name(town, "viewer")
    ada.get(place)
    for sent, said in (
        ({"label": " ", "description": "For whoever asks"}, "Give the role a name"),
        ({"label": "Clerk", "description": "For whoever asks"}, "There is a role “Clerk” already"),
        ({"label": "Reader", "description": "For whoever asks" * 40}, "At most 500 characters; this text has 640"),
    ):
        refused = ada.post(f"{place}about", sent)
        assert (refused.status_code, said in plain(refused)) == (422, True)
        assert f'value="{sent["description"]}"' in refused.text
        assert f'action="{place}"' in refused.text, "the form of what it allows is sent to where it belongs"
        assert roles.by_name(town, "viewer") == before
    done = ada.follow(ada.post(f"{place}about", {"label": "Reader", "description": "For whoever asks"}))
    assert "The name and the description are changed" in plain(done)


def test_a_role_that_people_have_is_not_offered_to_be_deleted(office: Office) -> None:
    """Whoever asks for the page is told who has it and led to the role, as by sending it."""
    ada, place = office.sign_in("ada"), "/admin/roles/department_clerk/"
    told = plain(ada.follow(ada.get(f"{place}delete")))
    assert "2 people have the role Department clerk. Give them another one first." in told
    assert "Nobody has it" in plain(ada.get("/admin/roles/auditor/delete"))


@pytest.mark.parametrize("place", ["", "desk.ticket/"])
def test_an_answer_that_no_control_offers_takes_nothing_away(office: Office, town: Town, place: str) -> None:
    """It is refused, the role holds what it held, and the other choices stand as they were made."""
    held = {"desk.ticket.view@assigned", "desk.ticket.transition.finish@own", "desk.ticket.edit"}
    roles.set_permissions(town, SYSTEM, "viewer", held)
    ada, url = office.sign_in("ada"), f"/admin/roles/viewer/{place}"
    wrong, right = ("transition.finish", "transition.ask") if place else ("view", "archive")
    ada.get(url)
    refused = ada.post(url, {f"p:desk.ticket.{wrong}": "bogus", f"p:desk.ticket.{right}": "assigned"})
    assert (refused.status_code, "is none of the choices" in plain(refused)) == (422, True)
    assert roles.by_name(town, "viewer").permissions == held
    for name, scope in ((wrong, "own" if place else "assigned"), (right, "assigned")):
        control = refused.text.partition(f'id="p:desk.ticket.{name}"')[2].partition("</select>")[0]
        assert f'value="{scope}" selected' in control, name


def test_two_administrators_change_a_persons_roles_at_once(office: Office, town: Town) -> None:
    """Who saves second is told what the first one did, and neither takes back unknowingly what the other gave."""
    add_person(town, "eve@milbrook.example", "administrator")
    ada, eve = office.sign_in("ada"), office.sign_in("eve")
    who = add_person(town, "val@milbrook.example", "clerk")
    place = f"/admin/people/{who}"
    first, second = ada.get(place), eve.get(place)
    change = {"change": "role", "role": ["clerk", "auditor"], "seen": hidden(first, "seen")}
    assert ada.post(place, change).status_code == 302
    late = {"change": "role", "role": ["reviewer"], "seen": hidden(second, "seen")}
    refused = eve.post(place, late)
    assert (refused.status_code, people.by_id(town, who).roles) == (422, ("clerk", "auditor"))
    told = plain(refused)
    assert "Somebody else changed the roles of Val since you opened this page, so nothing was saved." in told
    assert "Val is now Clerk and Auditor." in told
    ticked = re.findall(r'name="role" value="(\w+)" checked', refused.text)
    assert set(ticked) == {"auditor", "reviewer"}, "the colleague's and one's own, less what this form took away"
    assert eve.post(place, {**late, "role": ticked, "seen": hidden(refused, "seen")}).status_code == 302
    assert set(people.by_id(town, who).roles) == {"auditor", "reviewer"}

    none = eve.post(place, {"change": "role", "seen": hidden(eve.get(place), "seen")})
    assert (none.status_code, "Choose at least one role" in plain(none)) == (422, True)
    unnamed = eve.post(place, {"change": "name", "name": " "})
    assert unnamed.status_code == 422
    still = set(re.findall(r'name="role" value="(\w+)" checked', unnamed.text))
    assert still == {"auditor", "reviewer"}, "a mistake in another form unticks nothing"


def test_seeing_as(office: Office, town: Town) -> None:
    """Ada sees what Ann sees, changes and reveals nothing, is told so on each page, and it is in the log."""
    ada = office.sign_in("ada")
    page = ada.get(f"/admin/people/{office.ids['ann']}")
    assert "See as Ann" in plain(page)
    ada.follow(ada.post(f"/admin/people/{office.ids['ann']}/see-as", {}))
    ours = f"{TICKETS}{office.ours}/"
    secret = office.ticket("Our secret", queue=office.streets, secret="swordfish")
    for place in ("/admin/", TICKETS, ours, f"{ours}edit", "/admin/calendar/"):
        page = ada.get(place)
        assert (page.status_code, "You see Townhall as Ann does" in plain(page)) == (200, True), place
    assert ada.get(f"{TICKETS}{office.theirs}/").status_code == 404
    assert ada.get("/admin/people").status_code == 403
    before = len(town.records.history(SYSTEM, "desk.ticket", office.ours))
    for place, sent in (
        (f"{ours}edit", {"summary": "x", "version": 1}), (f"{ours}say", {"text": "x"}), (f"{ours}give", {"take": 1}),
        (f"{TICKETS}{secret}/reveal/secret", {"reason": "curious"}), ("/admin/account/name", {"name": "x"}),
        (f"/admin/people/{office.ids['bob']}", {"change": "deactivate"}), (f"{TICKETS}new", {"summary": "x"}),
    ):  # fmt: skip
        answer = ada.post(place, sent)
        assert (answer.status_code, "Nothing can be changed" in plain(answer)) == (403, True), place
    for place in (f"{TICKETS}export.csv", f"{TICKETS}print"):
        assert ada.get(place).status_code == 403, place
    for place in ("", "edit", "reveal/secret", "history"):
        assert "swordfish" not in ada.get(f"{TICKETS}{secret}/{place}").text, place
    assert len(town.records.history(SYSTEM, "desk.ticket", office.ours)) == before
    assert town.system.presence.select().where(town.system.presence.user_id == office.ids["ann"]).count() == 0

    ada.get("/admin/")
    assert "as yourself again" in plain(ada.follow(ada.post("/admin/see-as/stop", {})))
    assert ada.get("/admin/people").status_code == 200
    events = log.read(town, office.ids["ann"], limit=5)
    assert [(event.what, event.by) for event in events][:2] == [("seen_as_ended", "Ada"), ("seen_as", "Ada")]

    ada.post(f"/admin/people/{office.ids['ann']}/see-as", {})
    (cookie,) = [each for each in ada.http._cookies.values() if each.key.startswith("townhall_")]
    assert ada.post("/admin/sign-out", {}).status_code == 302
    ended = [(event.what, event.by) for event in log.read(town, limit=2)]
    assert ended == [("signed_out", "Ada"), ("seen_as_ended", "Ada")]
    ada.http.set_cookie(cookie.key, cookie.value)
    assert ada.http.get("/admin/").status_code == 302, "the session is gone, and not only the cookie"

    people.set_role(town, SYSTEM, office.ids["bob"], "viewer")
    lesser = roles.create(town, SYSTEM, "Helper")
    roles.set_permissions(town, SYSTEM, lesser.name, {"users.see_as", "users.manage", "desk.ticket.view@own"})
    helper = add_person(town, "hal@milbrook.example", "helper")
    hal = office.sign_in("hal")
    assert "See as Bob" not in plain(hal.get(f"/admin/people/{office.ids['bob']}"))
    refused = hal.post(f"/admin/people/{office.ids['bob']}/see-as", {})
    assert (refused.status_code, "may do more than you" in plain(refused)) == (403, True)
    assert hal.post(f"/admin/people/{helper}/see-as", {}).status_code == 403


def test_who_reads_all_internal_fields_sees_as_who_reads_one(office: Office, town: Town) -> None:
    """A field that is granted by name is covered by all internal fields of its kind, and by those of no other."""
    contractor = roles.create(town, SYSTEM, "Crew").name
    roles.set_permissions(town, SYSTEM, contractor, {"desk.ticket.view@assigned", "desk.ticket.see.details"})
    crew = add_person(town, "cem@milbrook.example", contractor)
    helper = roles.create(town, SYSTEM, "Helper").name
    add_person(town, "hal@milbrook.example", helper)
    hal = office.sign_in("hal")
    for more, code in (("desk.topic.see_internal", 403), ("desk.ticket.see_internal", 302), ("*.see_internal", 302)):
        roles.set_permissions(town, SYSTEM, helper, {"users.see_as", "*.view", more})
        assert hal.post(f"/admin/people/{crew}/see-as", {}).status_code == code, more
        hal.post("/admin/see-as/stop", {})


def test_who_is_let_go_leaves_no_door_open(office: Office, town: Town) -> None:
    """A session and the calendar's secret address end at once, and neither comes back when the person does."""
    ann = office.sign_in("ann")
    ann.get("/admin/calendar/")
    ann.post("/admin/calendar/feed", {})
    found = re.search(r"/admin/calendar/feed/[\w.-]+\.ics", ann.get("/admin/calendar/?feed=new").text)
    assert found is not None
    anybody = Client(office.app)
    assert anybody.get(found[0]).status_code == 200
    people.set_active(town, SYSTEM, office.ids["ann"], False)
    assert (anybody.get(found[0]).status_code, ann.http.get("/admin/").status_code) == (404, 302)
    people.set_active(town, SYSTEM, office.ids["ann"], True)
    assert (anybody.get(found[0]).status_code, ann.http.get("/admin/").status_code) == (404, 302)


@pytest.mark.parametrize("how", ["by oneself", "by another", "by a link"])
def test_a_new_password_ends_the_address_of_a_calendar(office: Office, town: Town, how: str) -> None:
    """Whoever had got into the account reads on under no address, and the page says so; a new one can be made."""
    ann, new = office.sign_in("ann"), "another good password"
    page = ann.follow(ann.post("/admin/calendar/feed", {}))
    found = re.search(r"/admin/calendar/feed/[\w.-]+\.ics", page.text)
    assert found is not None
    anybody = Client(office.app)
    assert anybody.get(found[0]).status_code == 200
    twice = {"new_password": new, "new_password_again": new}
    if how == "by oneself":
        said = ann.follow(ann.post("/admin/account/password", {"password": PASSWORD, **twice}))
    elif how == "by another":
        ada = office.sign_in("ada")
        said = ada.follow(ada.post(f"/admin/people/{office.ids['ann']}", {"change": "password", **twice}))
    else:
        token = own_password.make_reset_link(town, SYSTEM, office.ids["ann"])
        anybody.get(f"/admin/password/{token}")
        said = anybody.follow(anybody.post(f"/admin/password/{token}", twice))
    assert "alendar addresses made before work no more" in plain(said)
    assert anybody.get(found[0]).status_code == 404
    again = StaffClient(office.app, "ann@milbrook.example", new)
    page = again.follow(again.post("/admin/calendar/feed", {}))
    found = re.search(r"/admin/calendar/feed/[\w.-]+\.ics", page.text)
    assert found is not None
    assert anybody.get(found[0]).status_code == 200


def test_auditor_and_reviewer(office: Office, town: Town) -> None:
    """An auditor sees all, with each look at a confidential value written down, and changes nothing; a reviewer sees
    what they were given.
    """
    add_person(town, "audra@milbrook.example", "auditor")
    audra = office.sign_in("audra")
    theirs = f"{TICKETS}{office.theirs}/"
    page = audra.get(theirs)
    assert ("Leak in Oak" in page.text, "a feud" in page.text, f"{theirs}edit" in page.text) == (True, False, False)
    audra.get(f"{theirs}reveal/secret")
    assert "a feud" in audra.post(f"{theirs}reveal/secret", {"reason": "Yearly audit"}).text
    history = main_of(audra.get("/admin/history/"))
    assert ("Audra" in history, "Yearly audit" in history) == (True, True)
    assert audra.get(f"{TICKETS}export.csv").status_code == 200
    assert audra.get(f"{theirs}history").status_code == 200
    for place in ("edit", "archive", "give", "share"):
        assert audra.post(f"{theirs}{place}", {"summary": "x"}).status_code == 403
    assert audra.get(f"{TICKETS}new").status_code == 403

    who = add_person(town, "rea@milbrook.example", "reviewer")
    rea = office.sign_in("rea")
    mine = office.ticket("To be judged", assignee=who)
    assert "To be judged" in rea.get(f"{TICKETS}{mine}/edit").text
    assert rea.get(theirs).status_code == 404
    assert rea.get(f"{TICKETS}export.csv").status_code == 403


def test_a_contractor_of_complaints(make_town: Callable[..., Town]) -> None:
    """A contractor sees of the request that they have what is public and what was named: no reporter, phone or note."""
    town = make_town("complaints")
    office = create_app(town)
    who = add_person(town, "cem@milbrook.example", "contractor")
    contact = make_contact(town, "Moreau", phones=[{"number": "+12075550142"}])
    category = town.records.create(SYSTEM, "complaints.category", {"name": "Holes", "code": "holes"})
    given = {"category": category.id, "reporter": contact.id, "description": "Fill it with tar", "location": "4 Oak St"}
    job = town.records.create(SYSTEM, "complaints.service_request", {**given, "assignee": who})
    other = town.records.create(SYSTEM, "complaints.service_request", given)
    about = f"complaints.service_request:{job.id}"
    note = {"channel": "phone", "direction": "internal", "body": "Shouts a lot", "about": about, "contact": contact.id}
    town.records.create(SYSTEM, "core.interaction", note)
    roles.set_permissions(town, SYSTEM, "contractor", {"*.view@assigned", "complaints.service_request.see.priority"})
    cem = StaffClient(office, "cem@milbrook.example", PASSWORD)
    base = "/admin/complaints/service_request/"
    for page in (
        f"{base}{job.id}/",
        f"{base}{job.id}/print",
        f"{base}{job.id}/history",
        base,
        "/admin/",
        f"{base}print",
    ):
        text = cem.get(page).text
        assert [word for word in ("Moreau", "5550142", "Shouts", other.number) if word in text] == [], page
    text = main_of(cem.get(f"{base}{job.id}/"))
    assert [word for word in ("Fill it with tar", "4 Oak St", "Holes", "Priority") if word not in text] == []
    assert cem.get(f"{base}{other.id}/").status_code == 404
    assert (cem.get(f"{base}{job.id}/edit").status_code, cem.get(f"{base}export.csv").status_code) == (403, 403)
    for search in ("moreau", "5550142", "shouts"):
        assert "Nothing" in main_of(cem.get(f"/admin/search/?q={search}")), search
    assert cem.get(f"/admin/core/contact/{contact.id}/").status_code == 404
