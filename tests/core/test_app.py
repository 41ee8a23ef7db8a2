"""The application: its small files, its health, and how it follows the town."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client

from townhall.access.actors import system
from townhall.app import create_app
from townhall.lifecycle import switching
from townhall.town import Town
from townhall.wsgi import TownApplication


@pytest.fixture
def client(town: Town) -> FlaskClient:
    """A browser."""
    return create_app(town).test_client()


def test_the_towns_colour_is_a_stylesheet(client: FlaskClient, town: Town) -> None:
    """/town.css sets the town's colour and is checked by browsers instead of loaded again."""
    response = client.get("/town.css")
    assert response.mimetype == "text/css"
    assert f"--town: {town.settings.colour}" in response.text
    again = client.get("/town.css", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_the_icon_has_the_towns_colour(client: FlaskClient, town: Town) -> None:
    """The favicon is a picture of our own, in the town's colour."""
    response = client.get("/favicon.ico")
    assert response.mimetype == "image/svg+xml"
    assert town.settings.colour in response.text


def test_health_answers_without_plugins(client: FlaskClient, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Monitors learn whether the database answers, and nothing else."""
    assert client.get("/health").json == {"status": "ok", "database": "answers"}

    def refuse() -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(town, "generation", refuse)
    response = client.get("/health")
    assert (response.status_code, response.json) == (503, {"status": "failing", "database": "does not answer"})


def test_robots_stay_out_of_staff_pages(client: FlaskClient) -> None:
    """Search engines are asked to leave staff pages and status pages alone."""
    assert "Disallow: /admin/" in client.get("/robots.txt").text


def test_static_files_with_a_digest_are_kept_for_long(client: FlaskClient) -> None:
    """A file whose address carries its digest is kept; the bare address is checked each time."""
    assert "immutable" in client.get("/static/townhall.css?v=abc", buffered=True).headers["Cache-Control"]
    assert client.get("/static/townhall.css", buffered=True).headers["Cache-Control"] == "no-cache"


def test_connections_are_given_back(client: FlaskClient, town: Town) -> None:
    """After a request the thread holds no connection of the pool."""
    client.get("/health")
    assert town.database.is_closed()


def test_running_plugins_bring_templates_and_files(town: Town) -> None:
    """A plugin's static folder is served under its name, and only while it is on."""
    folder = town.instance / "plugins" / "desk" / "static"
    folder.mkdir()
    (folder / "desk.txt").write_text("hello", encoding="utf-8")
    assert create_app(town).test_client().get("/static/plugins/desk/desk.txt", buffered=True).text == "hello"
    switching.disable(town, system(), "desk")
    assert create_app(town).test_client().get("/static/plugins/desk/desk.txt", buffered=True).status_code == 404


def test_proxies_are_believed_only_when_they_are_set(town: Town) -> None:
    """X-Forwarded-Proto makes a page secure only behind as many proxies as the settings say."""
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    cookie = create_app(town).test_client().get("/admin/sign-in", headers=forwarded).headers["Set-Cookie"]
    assert "Secure" not in cookie
    file = town.instance / "townhall.toml"
    file.write_text("[server]\ntrusted_proxies = 1\n", encoding="utf-8")
    cookie = create_app(town.renewed()).test_client().get("/admin/sign-in", headers=forwarded).headers["Set-Cookie"]
    assert "Secure" in cookie


def test_the_server_follows_a_switch_without_a_restart(town: Town) -> None:
    """A plugin switched by another process is there with the next request; an unchanged town is not rebuilt."""
    application = TownApplication(town)
    client = Client(application)
    assert client.get("/health").status_code == 200
    assert application.town is town
    elsewhere = town.renewed()
    switching.disable(elsewhere, system(), "desk")
    client.get("/static/townhall.css", buffered=True)
    assert application.town is town
    assert client.get("/health").status_code == 200
    assert application.town is not town
    assert application.town.schemas["desk.ticket"].frozen
    kept = application.town
    client.get("/health")
    assert application.town is kept


def test_a_town_that_can_not_be_renewed_goes_on(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake in the settings meanwhile is logged once, and the pages go on as before."""
    application = TownApplication(town)
    client = Client(application)
    switching.disable(town.renewed(), system(), "desk")
    (town.instance / "townhall.toml").write_text("[town]\nnaem = 1\n", encoding="utf-8")
    for _ in range(3):
        assert client.get("/health").status_code == 200
    assert application.town is town
    assert caplog.text.count("could not be renewed") == 1


def test_another_server_writes_the_same_log(tmp_path: Path) -> None:
    """One that loads townhall.wsgi and sets up no logging of its own has lines that say one thing each as well."""
    (tmp_path / "townhall.toml").write_text("[jobs]\nrun = false\n", encoding="utf-8")
    code = (
        "import logging\nfrom townhall.wsgi import application\n"
        "try:\n    raise ValueError('x\\n2026-01-01 INFO townhall: forged')\n"
        "except ValueError:\n    logging.getLogger('townhall').exception('It failed: %s', 'a\\nb')\n"
        "application.town.close()\n"
    )
    environ = {**os.environ, "TOWNHALL_INSTANCE": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    first, *rest = told.stderr.splitlines()
    assert first.endswith("ERROR townhall: It failed: a\\nb")
    assert all(line.startswith("    ") for line in rest)


def test_importing_the_entry_opens_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """townhall.wsgi makes its application when it is asked for, for the town that the environment names."""
    from townhall import wsgi

    (tmp_path / "townhall.toml").write_text('[town]\nname = "Elsewhere"\n', encoding="utf-8")
    monkeypatch.setenv("TOWNHALL_INSTANCE", str(tmp_path))
    monkeypatch.delitem(vars(wsgi), "application", raising=False)
    application = wsgi.application
    try:
        assert application is wsgi.application
        environ: dict[str, object] = {}
        setup_testing_defaults(environ)
        assert application.town.settings.name == "Elsewhere"
    finally:
        application.town.close()
        vars(wsgi).pop("application")
    with pytest.raises(AttributeError):
        wsgi.nothing  # noqa: B018


def test_what_one_template_is_given_no_other_sees(town: Town) -> None:
    """Templates share what the application gives to all; what one of them is given besides stays its own."""
    environment = create_app(town).jinja_env
    environment.globals["greeting"] = "Hello"
    plain = environment.get_template("favicon.svg")
    given = environment.get_template("favicon.svg", globals={"greeting": "Hands off", "more": 1})
    assert (given.globals["greeting"], given.globals["more"]) == ("Hands off", 1)
    assert plain.globals["greeting"] == "Hello"
    assert "more" not in environment.globals
    assert environment.from_string("{{ greeting }}").render() == "Hello"


def test_async_pages_are_not_taken_for_plain_ones(town: Town) -> None:
    """A plain function is called as it is; an async one is what Flask says about it, wrapped or not."""
    app = create_app(town)

    def plain() -> str:
        return ""

    async def waits() -> str:
        return ""

    assert app.ensure_sync(plain) is plain
    with pytest.raises(RuntimeError, match="async"):  # its extra is not installed with Townhall
        app.ensure_sync(waits)
    with pytest.raises(RuntimeError, match="async"):
        app.ensure_sync(partial(waits))
