"""Signing in and out, one's own account, and the page of people, through the browser's door."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from townhall import security
from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.own_paths import is_own_path
from townhall.town import Town

PASSWORD = "correct horse battery"
EMAIL = "ada@town.example"


@pytest.fixture
def client(town: Town) -> FlaskClient:
    """A browser, and a town with an administrator and a clerk."""
    people.add(town, system(), EMAIL, name="Ada King", role="administrator", password=PASSWORD)
    people.add(town, system(), "erin@town.example", role="clerk", password=PASSWORD)
    return create_app(town).test_client()


def token(client: FlaskClient, page: str = "/admin/sign-in") -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert found
    return found[1]


def post(client: FlaskClient, path: str, page: str = "", **values: str) -> TestResponse:
    return client.post(path, data={"csrf_token": token(client, page or path), **values})


def sign_in(client: FlaskClient, email: str = EMAIL, password: str = PASSWORD, **values: str) -> TestResponse:
    return post(client, "/admin/sign-in", email=email, password=password, **values)


def test_who_signs_in_comes_where_they_wanted(client: FlaskClient) -> None:
    """A page for staff sends a stranger to sign in, and afterwards to that page."""
    response = client.get("/admin/account?tab=1")
    assert response.status_code == 302
    assert response.headers["Location"] == "/admin/sign-in?next=/admin/account?tab%3D1"
    page = client.get(response.headers["Location"])
    assert 'value="/admin/account?tab=1"' in page.text
    assert sign_in(client, next="/admin/account?tab=1").headers["Location"] == "/admin/account?tab=1"
    assert "Ada King" in client.get("/admin/account").text


def test_the_address_is_taken_in_any_case(client: FlaskClient, town: Town) -> None:
    """Capitals in the e-mail don't matter, and the sign-in is kept with its time."""
    assert sign_in(client, "ADA@Town.example").status_code == 302
    assert people.find(town, EMAIL).last_sign_in == town.clock.now()


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "/\n//x"],
)
def test_nobody_is_sent_to_another_site(client: FlaskClient, target: str) -> None:
    """Only a path of this site is a place to go on to."""
    assert not is_own_path(target)
    assert sign_in(client, next=target).headers["Location"] == "/admin/"


def test_wrong_ones_look_all_the_same(client: FlaskClient, town: Town) -> None:
    """A wrong password, an unknown address and somebody who left get the same answer, with the address kept."""
    people.set_active(town, system(), people.find(town, "erin@town.example").id, False)
    answers = [
        sign_in(client, EMAIL, "wrong"),
        sign_in(client, "nobody@town.example"),
        sign_in(client, "erin@town.example"),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert all("don’t belong together" in answer.text for answer in answers)
    assert 'value="nobody@town.example"' in answers[1].text
    assert client.get("/admin/account").status_code == 302


def test_wrong_passwords_lead_to_a_pause(client: FlaskClient, clock: FixedClock) -> None:
    """After several wrong passwords even the right one waits; some minutes later it works."""
    for _ in range(5):
        assert sign_in(client, EMAIL, "wrong").status_code == 422
    paused = sign_in(client)
    assert paused.status_code == 429
    assert re.search(r"Wait (a minute|\d+ minutes)", paused.text)
    assert sign_in(client, "erin@town.example").status_code == 302
    client.delete_cookie(client.application.config["SESSION_COOKIE_NAME"])
    clock.move(timedelta(minutes=15))
    assert sign_in(client).status_code == 302


def test_an_empty_form_is_told(client: FlaskClient) -> None:
    """Nothing typed gives a sentence."""
    assert "Type your e-mail and your password" in sign_in(client, "", "").text


def test_signing_out_takes_a_post(client: FlaskClient) -> None:
    """A link can't sign anybody out; the button does."""
    sign_in(client)
    assert client.get("/admin/sign-out").status_code == 405
    response = post(client, "/admin/sign-out", "/admin/account")
    assert response.status_code == 302
    assert "You are signed out." in client.get(response.headers["Location"]).text
    assert client.get("/admin/account").status_code == 302


def test_who_is_let_go_is_out_with_the_next_click(client: FlaskClient, town: Town) -> None:
    """Deactivating somebody ends their open session."""
    sign_in(client, "erin@town.example")
    assert client.get("/admin/account").status_code == 200
    people.set_active(town, system(), people.find(town, "erin@town.example").id, False)
    assert client.get("/admin/account").status_code == 302


def test_a_new_password_keeps_this_browser_and_ends_the_others(client: FlaskClient) -> None:
    """Whoever changes their password stays in; their other browsers are out, and the old password is gone."""
    other = client.application.test_client()
    sign_in(client)
    sign_in(other)
    new = "another good password"
    response = post(
        client, "/admin/account/password", "/admin/account", password=PASSWORD, new_password=new, new_password_again=new
    )
    assert response.status_code == 302
    assert client.get("/admin/account").status_code == 200
    assert other.get("/admin/account").status_code == 302
    assert sign_in(other).status_code == 422
    assert sign_in(other, password=new).status_code == 302


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"password": "wrong", "new_password": "good enough one", "new_password_again": "good enough one"}, "not your"),
        ({"password": PASSWORD, "new_password": "good enough one", "new_password_again": "other"}, "differ"),
        ({"password": PASSWORD, "new_password": "short", "new_password_again": "short"}, "at least 10"),
    ],
)
def test_a_bad_change_of_password_is_told(client: FlaskClient, values: dict[str, str], words: str) -> None:
    """The wrong old one, two different new ones and a weak one each have their sentence; no password is shown back."""
    sign_in(client)
    response = post(client, "/admin/account/password", "/admin/account", **values)
    assert response.status_code == 422
    assert words in response.text
    assert values["new_password"] not in response.text


def test_ones_name_can_be_changed(client: FlaskClient) -> None:
    """The name that others see is one's own to change, and can't be empty or without end: it is asked for again."""
    sign_in(client)
    assert post(client, "/admin/account/name", "/admin/account", name="Ada Lovelace").status_code == 302
    assert "Ada Lovelace" in client.get("/admin/account").text
    assert post(client, "/admin/account/name", "/admin/account", name=" ").status_code == 422
    long = "Ada " * 60
    refused = post(client, "/admin/account/name", "/admin/account", name=long)
    assert (refused.status_code, "At most 200 characters" in refused.text) == (422, True)
    assert f'value="{long}"' in refused.text


def test_people_are_added_and_changed_on_a_page(client: FlaskClient, town: Town) -> None:
    """An administrator adds a viewer, makes them a clerk, sets a password and lets them go."""
    sign_in(client)
    values = {"name": "Vic", "email": "vic@town.example", "role": "viewer", "new_password": PASSWORD}
    assert post(client, "/admin/people", **values).status_code == 302
    assert "vic@town.example" in client.get("/admin/people").text
    page = f"/admin/people/{people.find(town, 'vic@town.example').id}"
    assert post(client, page, change="role", role="clerk").status_code == 302
    assert post(client, page, change="name", name="Victor").status_code == 302
    assert post(client, page, change="password", new_password="another good password").status_code == 302
    assert post(client, page, change="deactivate").status_code == 302
    person = people.find(town, "vic@town.example")
    assert (person.name, person.roles, person.active) == ("Victor", ("clerk",), False)
    assert post(client, page, change="activate").status_code == 302
    assert post(client, page, change="nothing").status_code == 422


def test_mistakes_in_adding_are_shown_with_what_was_typed(client: FlaskClient) -> None:
    """A bad address is told beside its field, and the name is kept."""
    sign_in(client)
    response = post(client, "/admin/people", name="Vic", email="nonsense", role="clerk", new_password=PASSWORD)
    assert response.status_code == 422
    assert "is no e-mail address" in response.text
    assert 'value="Vic"' in response.text
    assert 'aria-invalid="true"' in response.text


def test_the_people_page_is_for_those_who_may(client: FlaskClient) -> None:
    """A clerk gets 403 from every page of people, and unknown people are 404."""
    sign_in(client, "erin@town.example")
    assert client.get("/admin/people").status_code == 403
    assert client.get("/admin/people/1").status_code == 403
    other = client.application.test_client()
    sign_in(other)
    assert other.get("/admin/people/999").status_code == 404


def test_the_session_cookie_is_guarded(client: FlaskClient) -> None:
    """The cookie is not for scripts nor for other sites, and secure exactly over HTTPS."""
    plain = client.get("/admin/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    secure = client.application.test_client().get("/admin/sign-in", base_url="https://localhost")
    assert "Secure" in secure.headers["Set-Cookie"]


@pytest.mark.parametrize("path", ["/static/townhall.css?v=1", "/town.css", "/favicon.ico", "/health"])
def test_files_for_everybody_carry_no_cookie(client: FlaskClient, path: str) -> None:
    """A shared cache that keeps a file can't keep somebody's session with it."""
    sign_in(client)
    response = client.get(path, buffered=True)
    assert "Set-Cookie" not in response.headers
    assert "Set-Cookie" in client.get("/admin/account").headers, "a page may"


def test_signing_in_asks_few_questions_of_the_database(client: FlaskClient, town: Town) -> None:
    """Knowing who makes a request costs one query: the person with the roles."""
    from townhall.accounts import current_actor

    sign_in(client)
    queries: list[object] = []
    with client.application.test_request_context(
        "/admin/account", headers={"Cookie": f"{_cookie(client).key}={_cookie(client).value}"}
    ):
        town.database.query_hooks.append(lambda *query: queries.append(query))
        actor = current_actor()
        assert current_actor() is actor
        town.database.query_hooks.clear()
    assert actor.may("users.manage")
    assert len(queries) == 1


def _cookie(client: FlaskClient):  # type: ignore[no-untyped-def]
    cookie = client.get_cookie(client.application.config["SESSION_COOKIE_NAME"])
    assert cookie
    return cookie


def test_a_session_goes_on_with_its_last_use(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that changes nothing in the session writes its cookie anew, but not more often than every minute."""
    sign_in(client)
    client.get("/admin/account")  # its form puts a token into the session
    assert "Set-Cookie" not in client.get("/admin/account").headers
    monkeypatch.setattr(security, "REWRITTEN_AFTER", timedelta(0))
    assert "Set-Cookie" in client.get("/admin/account").headers
