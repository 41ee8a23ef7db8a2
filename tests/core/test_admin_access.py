"""Who may see which staff page, and what of a record."""

from __future__ import annotations

import json

import pytest
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import add_person
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.town import Town

TICKETS = "/admin/desk/ticket/"


@pytest.mark.parametrize("path", ["/admin/", TICKETS, "/admin/search/?q=x", "/admin/calendar/", "/admin/plugins/"])
def test_a_stranger_is_asked_to_sign_in_and_comes_back(town: Town, path: str) -> None:
    """Without signing in every staff page leads to the sign-in page, which knows where one wanted to go."""
    response = create_app(town).test_client().get(path)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/sign-in")
    assert "next=" in response.headers["Location"]


def test_unknown_records_and_pages_are_not_found(town: Town) -> None:
    """An id that is not there, a page that is not there and a number beyond all bounds are 404, in the staff look."""
    clerk = staff_client(town)
    for path in ("999999/", "999999/edit", "1/nothing", "99999999999999999999999/", "nothing", "1/move/nothing"):
        response = clerk.get(TICKETS + path)
        assert response.status_code == 404, path
        assert "There is nothing here" in plain(response)


def test_a_viewer_sees_and_changes_nothing(town: Town) -> None:
    """Who may only look is offered no button to change anything, and the pages behind refuse."""
    record = make_ticket(town, system(), make_topic(town))
    viewer = staff_client(town, "viewer")
    listed = viewer.get(TICKETS)
    assert "New ticket" not in listed.text
    assert 'name="pick"' not in listed.text
    page = viewer.get(f"{TICKETS}{record.id}/")
    assert page.status_code == 200
    assert "Edit" not in main_of(page)
    assert "Finish" not in main_of(page)
    assert "Add a note" not in main_of(page)
    assert viewer.get(f"{TICKETS}new").status_code == 403
    for word in ("edit", "archive"):
        assert viewer.get(f"{TICKETS}{record.id}/{word}").status_code == 403
    assert viewer.get(f"{TICKETS}export.csv").status_code == 403
    assert viewer.post(f"{TICKETS}{record.id}/say", {"text": "x"}).status_code == 403
    assert viewer.get("/admin/plugins/").status_code == 403
    assert town.records.get(system(), "desk.ticket", record.id).version == record.version


def test_permissions_decide_and_not_the_name_of_a_role(town: Town) -> None:
    """A role of the town's own that may only see topics sees topics, and no other type anywhere."""
    record = make_ticket(town, system(), make_topic(town))
    town.system.role.insert(name="topics", label="Topics", permissions=json.dumps(["desk.topic.view"])).execute()
    add_person(town, "tess@milbrook.example", "topics")
    tess = StaffClient(create_app(town), "tess@milbrook.example")
    home = tess.get("/admin/")
    assert home.status_code == 200
    assert "/admin/desk/topic/" in home.text
    assert "/admin/desk/ticket/" not in home.text
    assert tess.get(TICKETS).status_code == 403
    assert tess.get(f"{TICKETS}{record.id}/").status_code == 403
    assert "Deep hole" not in tess.get("/admin/search/?q=deep").text


def test_a_confidential_value_is_on_no_page_until_it_is_revealed(town: Town) -> None:
    """List, page, print, export, filters and columns leave it out; a reason shows it once and is kept."""
    record = make_ticket(town, system(), make_topic(town), secret="Diabetic")
    clerk = staff_client(town)
    base = f"{TICKETS}{record.id}/"
    for path in (
        TICKETS,
        f"{TICKETS}?columns=title,secret",
        f"{TICKETS}?secret=Diabetic",
        f"{TICKETS}print",
        f"{TICKETS}export.csv",
        base,
        f"{base}print",
        f"{base}edit",
        f"{base}history",
    ):
        assert "Diabetic" not in clerk.get(path).text.replace("secret=Diabetic", ""), path
    assert "can't be used to filter" in plain(clerk.get(f"{TICKETS}?secret=Diabetic"))
    assert "Reveal" in plain(clerk.get(base))
    refused = clerk.post(f"{base}reveal/secret", {"reason": ""})
    assert refused.status_code == 422
    assert "Diabetic" not in refused.text
    shown = clerk.post(f"{base}reveal/secret", {"reason": "An ambulance asks"})
    assert "Diabetic" in main_of(shown)
    history = plain(clerk.get(f"{base}history"))
    assert "Looked at" in history
    assert "An ambulance asks" in history


def test_who_may_not_see_confidential_fields_cannot_reveal_them(town: Town) -> None:
    """For a viewer the field is named with “You may not see this”, and its page is not there."""
    record = make_ticket(town, system(), make_topic(town), secret="Diabetic")
    viewer = staff_client(town, "viewer")
    page = viewer.get(f"{TICKETS}{record.id}/")
    assert "You may not see this" in page.text
    assert viewer.get(f"{TICKETS}{record.id}/reveal/secret").status_code == 404


def test_a_page_of_a_vendor_stands_in_the_menu(town: Town) -> None:
    """A plain Flask-Admin view that somebody adds has its place in our menu and our frame around it."""
    from flask_admin import BaseView
    from flask_admin import expose

    class Hello(BaseView):
        @expose("/")
        def index(self) -> str:
            return self.render("admin/master.html")

    app = create_app(town)
    app.extensions["admin"][0].add_view(Hello(name="Hello town", endpoint="hello"))
    clerk = staff_client(town, app=app)
    assert "Hello town" in plain(clerk.get("/admin/"))
    page = clerk.get("/admin/hello/")
    assert page.status_code == 200
    assert "<h1>Hello town</h1>" in page.text


def test_no_page_needs_inline_scripts_or_styles(town: Town) -> None:
    """The content security policy has no exceptions, so no page may carry handlers, styles or scripts of its own."""
    record = make_ticket(town, system(), make_topic(town))
    clerk = staff_client(town, "administrator")
    for path in ("/admin/", TICKETS, f"{TICKETS}new", f"{TICKETS}{record.id}/", "/admin/plugins/", "/admin/calendar/"):
        response = clerk.get(path)
        assert response.status_code == 200, path
        assert " style=" not in response.text, path
        assert " onclick=" not in response.text, path
        assert "<script>" not in response.text, path
        assert "unsafe" not in response.headers["Content-Security-Policy"], path


def test_a_new_role_shows_with_the_next_page(town: Town) -> None:
    """Menus are kept for a while, but never beyond the rights that they were drawn for."""
    id = add_person(town, "erin@millbrook.example", "clerk")
    erin = StaffClient(create_app(town), "erin@millbrook.example")
    assert "People and rights" not in erin.get("/admin/").text
    people.set_role(town, system(), id, "administrator")
    assert "People and rights" in erin.get("/admin/").text
    people.set_role(town, system(), add_person(town, "ada@millbrook.example", "viewer"), "administrator")
    people.set_role(town, system(), id, "viewer")
    assert "People and rights" not in erin.get("/admin/").text
    people.set_active(town, system(), id, False)
    assert erin.get("/admin/").status_code == 302
