"""Nobody is led to another site by an address that somebody else made up, wherever one is sent along.

Each place that goes on to such an address is walked through. The town is on SQLite: nothing of this asks a database.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import make_ticket
from desk import make_topic
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import townhall
from townhall import own_paths
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.accounts import second_factor
from townhall.app import create_app
from townhall.own_paths import is_own_path
from townhall.town import Town

SOURCES = Path(townhall.__file__).parent
PASSWORD = "correct horse battery"
RUTH = {"email": "ruth@town.example", "password": PASSWORD}
#: Every way to write an address that leads elsewhere, or that is none.
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/%09/evil.example",
    "/%5Cevil.example",
    "/%2F/evil.example",
    "/admin/\r\nSet-Cookie: a=b",
    "/\t/evil.example",
    " //evil.example",
    "admin/",
    "//[evil",
    "",
]


@pytest.fixture
def engine() -> str:
    """SQLite alone."""
    return "sqlite"


@pytest.fixture
def staff(town: Town) -> FlaskClient:
    """A browser of somebody who may do everything."""
    people.add(town, system(), RUTH["email"], name="Ruth", role="administrator", password=PASSWORD)
    app = create_app(town)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    assert client.post("/admin/sign-in", data=RUTH).headers["Location"] == "/admin/"
    return client


@pytest.mark.parametrize("target", ELSEWHERE)
def test_addresses_of_others_are_told_from_our_own(target: str) -> None:
    """However they are written."""
    assert not is_own_path(target)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, int]]:
    """The places of the source, by file and line, that asked whether to go on to an address which led elsewhere."""
    seen: set[tuple[str, int]] = set()
    original = own_paths.own_path

    def own_path(target: str | None, fallback: str) -> str:
        if target and not is_own_path(target):
            frame = sys._getframe(1)
            seen.add((Path(frame.f_code.co_filename).relative_to(SOURCES).as_posix(), frame.f_lineno))
        return original(target, fallback)

    for name, module in list(sys.modules.items()):
        if name.startswith("townhall.") and vars(module).get("own_path") is original:
            monkeypatch.setattr(module, "own_path", own_path)
    return seen


def places() -> Iterator[tuple[str, int]]:
    """Where Townhall goes on to an address that it was given, by file and line."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "own_path":
                yield path.relative_to(SOURCES).as_posix(), node.lineno


#: Sends an address along; what comes back, and where that has to lead instead.
Door = Callable[[str], tuple[TestResponse, str]]


def signing_in(town: Town, staff: FlaskClient) -> Iterator[Door]:
    """The ways in: with a password, with a code as well, and past the page for who is in already."""

    def with_a_password(target: str) -> tuple[TestResponse, str]:
        client = staff.application.test_client()
        return client.post("/admin/sign-in", data={**RUTH, "next": target}), "/admin/"

    def in_already(target: str) -> tuple[TestResponse, str]:
        return staff.get("/admin/sign-in", query_string={"next": target}), "/admin/"

    carl = people.add(town, system(), "carl@town.example", name="Carl", role="clerk", password=PASSWORD)
    nonce = second_factor.new_nonce()
    code = second_factor._totp(town, carl.id, nonce).generate(time=int(town.clock.now().timestamp())).token
    second_factor.set_up(town, system(), carl.id, nonce, code)

    def with_a_code(target: str) -> tuple[TestResponse, str]:
        # The first step takes no address of others; what it left for the second is not believed either.
        client = staff.application.test_client()
        step = client.post("/admin/sign-in", data={"email": carl.email, "password": PASSWORD, "next": target})
        assert step.headers["Location"] == "/admin/sign-in/code"
        with client.session_transaction() as session:
            assert session["second_step"]["next"] == (target if is_own_path(target) else "/admin/")
            session["second_step"] = {**session["second_step"], "next": target}
        town.system.second_factor.update(last_step=0).execute()
        return client.post("/admin/sign-in/code", data={"code": code}), "/admin/"

    yield from (with_a_password, in_already, with_a_code)


def at_the_desk(town: Town, clerk: Actor, staff: FlaskClient) -> Iterator[Door]:
    """What somebody does with one case, with many, with messages and with a new contact."""
    topic = make_topic(town)
    free, taken = (make_ticket(town, clerk, topic) for _ in range(2))
    town.records.update(system(), taken.identity, taken.id, {"assignee": clerk.id}, version=taken.version)
    list_url, contacts = "/admin/desk/ticket/", "/admin/core/contact/"
    mine, theirs = (f"{list_url}{record.id}/" for record in (free, taken))

    def post(path: str, fallback: str, **sent: str) -> tuple[TestResponse, str]:
        return staff.post(path, data=sent), fallback

    yield lambda target: post(f"{mine}give", mine, take="1", next=target)
    yield lambda target: post(f"{mine}release", mine, next=target)
    yield lambda target: post(f"{mine}give", mine, assignee="me", next=target)
    yield lambda target: post(f"{theirs}give", theirs, take="1", next=target)
    yield lambda target: post(f"{list_url}bulk", list_url, do="give:me", back=target)
    yield lambda target: post(
        f"{list_url}bulk", f"{list_url}?pick={free.id}", do="give:99", pick=str(free.id), back=target
    )
    yield lambda target: post(f"{list_url}bulk", list_url, do="give:nobody", pick=str(free.id), back=target)
    yield lambda target: post("/admin/messages/outbox/act", "/admin/messages/outbox/", deed="pause", back=target)
    yield lambda target: post(
        "/admin/messages/outbox/act", "/admin/messages/outbox/", deed="retry", id="99", back=target
    )

    def new_contact(target: str) -> tuple[TestResponse, str]:
        sent = {"kind": "person", "family_name": "Moreau"}
        answer = staff.post(f"{contacts}new", data=sent, query_string={"next": target})
        (newest,) = town.records.find(system(), "core.contact", sort="-id", limit=1).records
        return answer, f"{contacts}{newest.id}/"

    yield new_contact


def test_nobody_is_led_elsewhere(town: Town, clerk: Actor, staff: FlaskClient, passed: set[tuple[str, int]]) -> None:
    """Every place that goes on to an address which it was given goes on to one of its own instead of another's."""
    doors = [*signing_in(town, staff), *at_the_desk(town, clerk, staff)]
    for target in ELSEWHERE[:5]:  # which are none of ours is told in one function for all
        for number, door in enumerate(doors):
            response, fallback = door(target)
            assert response.status_code == 302, (number, target, response.text)
            assert response.headers["Location"] == fallback, (number, target)
    # Pages from which a link or a form leads on.
    for target in ELSEWHERE[:5]:
        for client, path in ((staff.application.test_client(), "/admin/sign-in"), (staff, "/admin/core/contact/new")):
            page = client.get(path, query_string={"next": target})
            assert page.status_code == 200, path
            for attribute in ("href", "value", "action"):
                assert f'{attribute}="{target}' not in page.text, (path, target)
            assert "evil" not in page.text.replace("?next=", ""), (path, target)
    assert sorted(set(places()) - passed) == [], "walk through these places too"


def test_an_address_of_ours_is_gone_on_to(town: Town, clerk: Actor, staff: FlaskClient) -> None:
    """Each of these places does go on to where somebody came from."""
    for number, door in enumerate([*signing_in(town, staff), *at_the_desk(town, clerk, staff)]):
        response, _ = door("/admin/search?q=%2F%2Fx")
        assert response.headers["Location"].startswith("/admin/"), number
        if number != 2:
            assert response.headers["Location"].startswith("/admin/search?q=%2F%2Fx"), number


def test_an_address_that_looks_like_another_host_leads_to_none(staff: FlaskClient) -> None:
    """Nor does what is asked for itself."""
    for path in ("//evil.example/admin/", "//evil.example", "/\\evil.example"):
        assert not staff.get(path).headers.get("Location", "").startswith(("//", "/\\", "http://evil"))
