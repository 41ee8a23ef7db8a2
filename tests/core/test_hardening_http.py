"""What stands in front of every page: headers without exception, names, proxies, cookies and bounds.

Each test is about something that must not work. The town is on SQLite: nothing of this asks a database.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from desk import make_ticket
from desk import make_topic
from flask import Flask
from flask import abort
from flask import redirect
from flask.testing import FlaskClient
from staff_client import staff_client

from townhall import limiting
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.app import create_app
from townhall.cli import serving
from townhall.hosts import hosts_of
from townhall.logs import LogLines
from townhall.town import Town
from townhall.wsgi import TownApplication

PASSWORD = "correct horse battery"
SECURE = {"base_url": "https://localhost"}


@pytest.fixture
def engine() -> str:
    """SQLite alone."""
    return "sqlite"


Settle = Callable[..., FlaskClient]


@pytest.fixture
def settle(town: Town) -> Settle:
    """A browser at the town with other settings."""

    def settled(**settings: Any) -> FlaskClient:
        town.settings = replace(town.settings, **settings)
        app = create_app(town)
        app.add_url_rule("/trial/<int:code>", "trial", lambda code: abort(code))
        app.add_url_rule("/trial/bug", "bug", lambda: 1 / 0)
        app.add_url_rule("/trial/away", "away", lambda: redirect("/"))
        app.add_url_rule("/trial/form", "form", lambda: "taken", methods=["POST"])
        app.config["WTF_CSRF_ENABLED"] = False
        return app.test_client()

    return settled


def signed_in(client: FlaskClient, town: Town, **options: Any) -> None:
    """Sign somebody in who may do everything."""
    people.add(town, system(), "ruth@town.example", name="Ruth", role="administrator", password=PASSWORD)
    sent = client.post("/admin/sign-in", data={"email": "ruth@town.example", "password": PASSWORD}, **options)
    assert sent.status_code == 302


# -- headers --------------------------------------------------------------------------------------------------------

GUARDS = {
    "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy",
    "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Cache-Control",
}  # fmt: skip
ANSWERS = [
    ("/", 200),
    ("/trial/400", 400),
    ("/nowhere", 404),
    ("/admin/nowhere", 404),
    ("/static/nothing.css", 404),
    ("/static/townhall.css", 200),
    ("/static/../../townhall.toml", 404),
    ("/static/%2e%2e/%2e%2e/secret_key", 404),
    ("/admin/sign-out", 405),
    ("/trial/413", 413),
    ("/trial/429", 429),
    ("/trial/500", 500),
    ("/trial/bug", 500),
    ("/trial/away", 302),
    ("/admin/", 302),
    ("/health", 200),
    ("/favicon.ico", 200),
    ("/robots.txt", 200),
    ("/town.css", 200),
]


def test_no_answer_is_without_protection(settle: Settle) -> None:
    """Pages, files, redirects and every kind of error: a policy with a nonce and no exception, and all the rest."""
    client = settle(hsts_days=30)
    for path, code in ANSWERS:
        response = client.get(path, buffered=True, **SECURE)
        assert response.status_code == code, path
        headers = response.headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'", path
        assert policy["form-action"] == "'self'"
        assert policy["script-src"].startswith("'self' 'nonce-")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
        assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Strict-Transport-Security"] == "max-age=2592000"
        assert headers["Cache-Control"], path
        assert not {"X-Powered-By", "Access-Control-Allow-Origin"} & {*headers.keys()}
    assert "Traceback" not in client.get("/trial/bug").text


def test_browsers_are_asked_to_insist_on_https_only_over_https_and_by_setting(settle: Settle) -> None:
    """Over HTTP the header would be a lie, and without the setting the town may still go back."""
    assert "Strict-Transport-Security" not in settle(hsts_days=30).get("/").headers
    assert "Strict-Transport-Security" not in settle(hsts_days=0).get("/", **SECURE).headers


def test_debugging_can_not_be_switched_on_from_outside(settle: Settle, monkeypatch: pytest.MonkeyPatch) -> None:
    """FLASK_DEBUG shows no visitor what is inside."""
    monkeypatch.setenv("FLASK_DEBUG", "1")
    client = settle()
    assert not client.application.debug
    response = client.get("/trial/bug")
    assert response.status_code == 500
    assert "ZeroDivisionError" not in response.text


def test_nothing_behind_the_sign_in_is_kept(settle: Settle, town: Town, clerk: Actor) -> None:
    """Pages, exports and figures of staff are in no cache and no browser afterwards."""
    client = settle()
    signed_in(client, town)
    make_ticket(town, clerk, make_topic(town))
    for path in ("/admin/", "/admin/desk/ticket/", "/admin/desk/ticket/export.csv", "/admin/types/layer.toml"):
        response = client.get(path)
        assert response.status_code == 200, path
        assert "no-store" in response.headers["Cache-Control"], path


def test_nothing_that_was_sent_is_kept(settle: Settle) -> None:
    """What the answer to a form repeats is shown to nobody who goes back at the same computer."""
    client = settle()
    assert "no-store" in client.post("/trial/form", data={"name": "Moreau"}).headers["Cache-Control"]
    assert "no-store" in client.post("/nowhere", data={"name": "Moreau"}).headers["Cache-Control"]
    assert "no-store" not in client.get("/").headers["Cache-Control"]


#: What a page that is only looked at may write: who is looking, how often somebody asked, and that data left the town.
MAY_BE_NOTED = {"presence", "user_session", "citizen_session", "rate_limit", "history", "history_values"}


def test_every_address_of_every_module_is_guarded(make_town: Callable[..., Town]) -> None:
    """No post without a token gets anywhere, no answer lacks its protection, and looking changes nothing."""
    town = make_town("complaints", "grants", "economic_development", "recruitment")
    app = create_app(town)
    staff = staff_client(town, "administrator", app).http
    written: set[str] = set()

    def note(event: Any) -> None:
        if found := re.match(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', str(event.sql)):
            written.add(found[1])

    town.database.query_hooks.append(note)
    posts = 0
    for rule in app.url_map.iter_rules():
        url = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?\w+>", "1", rule.rule)
        for client in (app.test_client(), staff):
            for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
                written.clear()
                answer = client.open(url, method=method, data={"a": "b"} if method == "POST" else None)
                assert {*answer.headers.keys()} >= GUARDS, (method, url)
                assert answer.status_code < 500, (method, url)
                if method == "GET":
                    assert written <= MAY_BE_NOTED, (url, written)
                else:
                    posts += 1
                    assert (answer.status_code, "Please send this again" in answer.text) == (400, True), (method, url)
                    assert written <= {"user_session", "presence"}, (url, written)
                answer.close()
    assert posts > 400


# -- cookies --------------------------------------------------------------------------------------------------------


def test_cookies_are_guarded_and_over_https_nobody_else_can_set_them(settle: Settle, town: Town) -> None:
    """HttpOnly and SameSite always; Secure and a name with __Host- where the page came by HTTPS, and only there."""
    client = settle()
    plain = client.get("/admin/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    assert plain.startswith("townhall_")
    signed_in(client, town, **SECURE)
    cookie = client.get("/admin/", **SECURE).request.headers["Cookie"]
    assert "__Host-townhall_" in cookie
    guarded = settle().get("/admin/sign-in", **SECURE).headers["Set-Cookie"]
    assert guarded.startswith("__Host-")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(guarded.split("; "))
    assert "Domain" not in guarded
    # The name without the prefix, which a page of HTTP or a neighbour could set, opens nothing.
    name, _, value = cookie.partition("=")
    stranger = settle()
    stranger.set_cookie(name.removeprefix("__Host-"), value, secure=True)
    assert stranger.get("/admin/", **SECURE).status_code == 302


# -- names ----------------------------------------------------------------------------------------------------------


OTHERS = ["evil.example", "localhost.evil.example", "milbrook.example.evil", "milbrook.example@evil", "a b", "", "[::"]


def test_other_names_are_refused_in_a_sentence(settle: Settle) -> None:
    """A page that was called by a name which is not the town's is refused, and the name stands nowhere in it."""
    client = settle(public_address="https://milbrook.example")
    for host in OTHERS:
        for path in ("/", "/admin/", "/nowhere", "/admin/sign-in"):
            response = client.get(path, headers={"Host": host})
            assert response.status_code == 400, (path, host)
            assert "Set-Cookie" not in response.headers
            assert "doesn’t go by the name" in response.text
            assert "evil" not in response.text
            assert "Content-Security-Policy" in response.headers
        assert client.get("/health", headers={"Host": host}).status_code == 200
    assert client.get("/", headers={"Host": "x" * 300}).status_code == 400


NO_FILES = [
    ("GET", "/static//townhall.css", 308),
    ("GET", "/static/nothing.css", 404),
    ("GET", "/static/forms/nothing.js", 404),
    ("POST", "/static/townhall.css", 405),
    ("POST", "/health", 405),
    ("DELETE", "/robots.txt", 405),
]


def test_under_other_names_there_are_files_and_nothing_else(settle: Settle) -> None:
    """What is not there, is moved or is asked for in another way leads nowhere, and tells nothing of the town."""
    client = settle(public_address="https://milbrook.example", phone="513 555 0142", email="desk@milbrook.example")
    for method, path, code in NO_FILES:
        assert client.open(path, method=method, buffered=True).status_code == code, path
        response = client.open(path, method=method, headers={"Host": "evil.example"})
        assert response.status_code == 400, (method, path)
        assert "Location" not in response.headers
        assert "doesn’t go by the name" in response.text
        assert not [word for word in ("evil", "513", "desk@", "<nav") if word in response.text], path
    for path in (
        "/static/townhall.css",
        "/static/forms/forms.js",
        "/town.css",
        "/favicon.ico",
        "/robots.txt",
        "/health",
    ):
        response = client.get(path, headers={"Host": "evil.example"}, buffered=True)
        assert response.status_code == 200, path
        assert "Set-Cookie" not in response.headers


def test_its_own_names_are_answered(settle: Settle) -> None:
    """That of the public address or those in the setting, and always those of the computer itself."""
    client = settle(public_address="https://Milbrook.example/")
    for host in ("milbrook.example", "MILBROOK.example:8443", "milbrook.example.", "localhost:8000", "[::1]:8000"):
        assert client.get("/", headers={"Host": host}).status_code == 200, host
    client = settle(hosts=("*.Milbrook.example", "Town-Hall", "10.0.0.5"))
    for host, code in (
        ("desk.milbrook.example", 200), ("DESK.Milbrook.Example", 200), ("10.0.0.5:80", 200), ("milbrook.example", 400),
        ("town-hall", 200), ("TOWN-HALL", 200), ("xmilbrook.example", 400),
    ):  # fmt: skip
        assert client.get("/", headers={"Host": host}).status_code == code, host
    assert settle(hosts=("*",)).get("/", headers={"Host": "any.example"}).status_code == 200


def test_a_town_without_a_name_answers_to_this_computer_alone(town: Town) -> None:
    """What nobody set opens nothing to a name that was pointed here; an address to listen on is a name too."""
    assert hosts_of(town.settings).names == {"localhost", "127.0.0.1", "[::1]"}
    listening = replace(town.settings, host="fd00::5")
    assert hosts_of(listening).answer_to("[FD00::5]:8000")
    assert not hosts_of(replace(town.settings, host="0.0.0.0")).answer_to("0.0.0.0")


# -- proxies --------------------------------------------------------------------------------------------------------

SAID = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


def seen(client: FlaskClient, peer: str, headers: dict[str, str]) -> tuple[str, bool, int]:
    """What the application takes for the visitor's address and scheme."""
    found: list[tuple[str, bool]] = []

    def look() -> str:
        from flask import request

        found.append((request.remote_addr or "", request.is_secure))
        return ""

    client.application.view_functions["away"] = look
    code = client.get("/trial/away", headers=headers, environ_base={"REMOTE_ADDR": peer}).status_code
    return (*found[0], code) if found else ("", False, code)


BEHIND = {"trusted_proxies": 1, "proxy_addresses": ("10.0.0.0/8",)}
PEERS: list[tuple[dict[str, Any], str, str, bool]] = [
    ({}, "198.51.100.1", "198.51.100.1", False),
    ({"trusted_proxies": 1, "proxy_addresses": ()}, "198.51.100.1", "203.0.113.9", True),
    (BEHIND, "10.1.2.3", "203.0.113.9", True),
    (BEHIND, "::ffff:10.1.2.3", "203.0.113.9", True),
    (BEHIND, "198.51.100.1", "198.51.100.1", False),
    (BEHIND, "", "203.0.113.9", True),
]


def test_proxies_are_believed_only_where_they_are_told(settle: Settle) -> None:
    """Without the setting, or from another address than the proxies', what a visitor says of themselves is nothing."""
    said = {name: value for name, value in SAID.items() if name != "X-Forwarded-Host"}
    for settings, peer, address, secure in PEERS:
        assert seen(settle(**settings), peer, said) == (address, secure, 200), (settings, peer)


def test_a_chain_of_claims_is_read_from_its_end(settle: Settle) -> None:
    """What a visitor puts in front of what the proxy adds is not believed."""
    client = settle(trusted_proxies=1)
    assert seen(client, "10.0.0.1", {"X-Forwarded-For": "1.2.3.4, 203.0.113.9"})[0] == "203.0.113.9"


def test_a_forwarded_name_is_checked_like_any_other(settle: Settle) -> None:
    """A proxy that passes on what a visitor claims gives nobody another name; without proxies it isn't read."""
    assert settle(trusted_proxies=1).get("/", headers=SAID).status_code == 400
    assert settle(trusted_proxies=0).get("/", headers=SAID).status_code == 200


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:61234", "203.0.113.7"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_no_way_of_writing_an_address_makes_another_visitor(address: str, subject: str) -> None:
    """Ports and prefixes, which a visitor may choose, neither part one visitor into many nor join many into one."""
    assert limiting.visitor(address) == subject


def test_links_of_mails_begin_with_the_setting_and_never_with_the_request(
    settle: Settle, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for another's new password under another name gets no link of theirs into that mail."""
    sent: list[str] = []
    client = settle(
        public_address="https://milbrook.example", mail_host="mail.example", hosts=("*",), trusted_proxies=1
    )
    people.add(town, system(), "ruth@town.example", name="Ruth", role="administrator", password=PASSWORD)
    from townhall.accounts import delivering

    monkeypatch.setattr(delivering, "deliver_later", lambda town, address, subject, body: sent.append(body))
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    assert client.post("/admin/forgotten", data={"email": "ruth@town.example"}, headers=forged).status_code == 200
    (body,) = sent
    assert "https://milbrook.example/admin/password/" in body
    assert "evil" not in body
    # Nor into an invitation, or the same link on the page, which an administrator may hand over.
    sent.clear()
    monkeypatch.setattr(delivering, "deliver", lambda town, address, subject, body: bool(sent.append(body)) or True)
    client.post("/admin/sign-in", data={"email": "ruth@town.example", "password": PASSWORD}, headers=forged)
    new = {"email": "ada@town.example", "name": "Ada", "role": "clerk"}
    page = client.post("/admin/people", data=new, headers=forged)
    assert page.status_code == 200
    for text in (*sent, page.text):
        assert "https://milbrook.example/admin/password/" in text
        assert "evil" not in text


# -- bounds ---------------------------------------------------------------------------------------------------------


def test_a_form_has_bounds_with_files_and_without(settle: Settle) -> None:
    """Neither a long text nor very many fields are read, however they are encoded; ordinary ones are."""
    client = settle()
    app: Flask = client.application
    most, parts = app.config["MAX_FORM_MEMORY_SIZE"], app.config["MAX_FORM_PARTS"]
    long, many = {"a": "x" * (most + 1)}, "&".join("a=1" for _ in range(parts + 1))
    kind = "application/x-www-form-urlencoded"
    app.add_url_rule("/trial/read", "read", lambda: _fields(), methods=["POST"])
    assert client.post("/trial/read", data=long).status_code == 413
    assert client.post("/trial/read", data=many, content_type=kind).status_code == 413
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * (most + 1) + b"\r\n--b--\r\n"
    assert client.post("/trial/read", data=part, content_type="multipart/form-data; boundary=b").status_code == 413
    fits = "&".join("a=1" for _ in range(parts))
    assert client.post("/trial/read", data=fits, content_type=kind).text == str(parts)


def _fields() -> str:
    from flask import request

    return str(len(request.form.getlist("a")))


def test_the_server_bounds_headers_bodies_and_slow_visitors(town: Town) -> None:
    """What the server itself is told: waitress's own bounds are a gigabyte of body and a hundred connections."""
    bounds = serving._bounds(TownApplication(town))
    largest = create_app(town).config["MAX_CONTENT_LENGTH"]
    assert largest <= bounds["max_request_body_size"] <= 4 * largest
    assert bounds["max_request_header_size"] <= 65536
    assert bounds["channel_timeout"] <= 60
    assert bounds["connection_limit"] >= 500


UNREADABLE = [
    (b"GE T / \r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", 413),
]


def head_of_answer(address: tuple[str, int], sent: bytes) -> str:
    """What the server says before the body. It may hang up on somebody who is still talking."""
    said = b""
    with socket.create_connection(address, timeout=60) as visitor, suppress(ConnectionError):
        with suppress(ConnectionError):
            visitor.sendall(sent)
        while b"\r\n\r\n" not in said and (more := visitor.recv(65536)):
            said += more
    return said.decode("latin-1").partition("\r\n\r\n")[0]


def test_what_the_server_refuses_by_itself_is_guarded_too(town: Town) -> None:
    """Requests that never reach the town: two lengths, no end of headers, no HTTP. The answer can run nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = serving.make_server(TownApplication(town), listener)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        for sent, code in UNREADABLE:
            head = head_of_answer(listener.getsockname(), sent)
            assert head.split()[1] == str(code), (sent[:60], head)
            for name in ("Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff", "no-store"):
                assert name in head, (sent[:60], name)
            assert "Referrer-Policy" in head
            assert "Permissions-Policy" in head
    finally:
        server.close()
        thread.join(timeout=60)


# -- logs -----------------------------------------------------------------------------------------------------------


def test_nobody_writes_lines_of_their_own_into_the_log(settle: Settle, caplog: pytest.LogCaptureFixture) -> None:
    """A line break in an address stays one in words, and lines below a message are set in."""
    client = settle()
    client.application.add_url_rule("/trial/path/<rest>", "path", lambda rest: 1 / 0)
    client.get("/trial/path/x%0A2026-01-01 INFO townhall: all is well%1b[2J")
    (record,) = [each for each in caplog.records if "A page failed" in each.message]
    assert "\n" not in record.getMessage()
    assert "\x1b" not in record.getMessage()
    forged = logging.LogRecord("townhall", logging.INFO, "", 0, "A\nB %s", ("c\r\nd",), None)
    assert LogLines("%(levelname)s %(message)s").format(forged) == "INFO A\\nB c\\r\\nd"
    # What some terminals and readers of logs begin a line at, or obey, as well.
    for control in ("\0", "\t", "\x0b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"):
        forged = logging.LogRecord("townhall", logging.INFO, "", 0, "A%sB", (control,), None)
        (line,) = LogLines("%(message)s").format(forged).splitlines()
        assert line.isprintable(), ascii(control)
    assert LogLines("%(message)s").format(logging.LogRecord("", 0, "", 0, "Zoë’s – ½", (), None)) == "Zoë’s – ½"
    try:
        raise ValueError("x\nERROR townhall: forged")
    except ValueError as error:
        told = logging.LogRecord("townhall", logging.ERROR, "", 0, "m", (), (type(error), error, error.__traceback__))
    lines = LogLines("%(levelname)s %(message)s").format(told).splitlines()
    assert len([line for line in lines if line.startswith("ERROR")]) == 1


# -- secrets --------------------------------------------------------------------------------------------------------


def test_the_secret_and_passwords_are_shown_nowhere(
    settle: Settle, town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by the pages for errors, health and settings, not in the log, and not where settings are written out."""
    client = settle(mail_password="hush hush", database="postgresql://town:hush@db.example/town")
    signed_in(client, town)
    shown = [client.get(path).text for path in ("/health", "/trial/bug", "/admin/settings/", "/admin/")]
    shown += [caplog.text, repr(town.settings), str(town.settings)]
    for text in shown:
        assert "hush" not in text
        assert town.secret.decode() not in text
