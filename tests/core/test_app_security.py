"""What protects every page: headers, nonces, tokens, limits, and error pages that lose nothing."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from flask import Blueprint
from flask import Flask
from flask import abort
from flask import request
from flask.testing import FlaskClient

from townhall.app import create_app
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.town import Town


def trial() -> Blueprint:
    """Pages that go wrong in every way."""
    blueprint = Blueprint("trial", __name__)

    @blueprint.route("/trial/form", methods=["GET", "POST"])
    def form() -> str:
        return f"got {request.form.get('story', '')} {len(request.files)}"

    @blueprint.get("/trial/<kind>")
    @blueprint.get("/admin/trial/<kind>")
    def fail(kind: str) -> str:
        if kind == "missing":
            raise NotFound("There is no such bench.")
        if kind == "forbidden":
            raise Forbidden("You may not sit here.")
        if kind == "bug":
            raise RuntimeError("secret detail")
        if kind == "said":
            abort(400, "Say it again.")
        abort(int(kind))

    return blueprint


@pytest.fixture
def app(town: Town) -> Flask:
    """The town's application with pages for trials."""
    app = create_app(town)
    app.register_blueprint(trial())
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser."""
    return app.test_client()


def token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/admin/sign-in").text)
    assert found
    return found[1]


@pytest.mark.parametrize("path", ["/", "/admin/sign-in", "/nowhere", "/admin/nowhere", "/town.css", "/trial/bug"])
def test_every_answer_has_the_headers(client: FlaskClient, path: str) -> None:
    """Pages, files and errors alike: a policy without exceptions, no framing, no sniffing, no foreign referrer."""
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_each_answer_has_a_nonce_of_its_own(client: FlaskClient) -> None:
    """A nonce is never used twice."""
    nonces = {re.search(r"'nonce-([^']+)'", client.get("/").headers["Content-Security-Policy"])[1] for _ in range(3)}  # type: ignore[index]
    assert len(nonces) == 3


def test_staff_pages_are_not_kept_by_browsers(client: FlaskClient) -> None:
    """After signing out the back button shows nothing; public pages are checked again each time."""
    assert client.get("/admin/sign-in").headers["Cache-Control"] == "no-store"
    assert "no-cache" in client.get("/").headers["Cache-Control"]


def test_a_post_without_a_token_is_offered_again(client: FlaskClient) -> None:
    """What was typed comes back in a page with a fresh token, and sending that works."""
    client.get("/admin/sign-in")
    response = client.post("/trial/form?step=2", data={"story": 'A <b>long</b> "story"', "password": "hush"})
    assert response.status_code == 400
    assert "Please send this again" in response.text
    assert "A &lt;b&gt;long&lt;/b&gt; &#34;story&#34;" in response.text
    assert "hush" not in response.text
    assert 'action="/trial/form?step=2"' in response.text
    fresh = re.search(r'name="csrf_token" value="([^"]+)"', response.text)
    assert fresh
    again = client.post("/trial/form?step=2", data={"story": "A long story", "csrf_token": fresh[1]})
    assert again.text == "got A long story 0"


def test_files_and_missing_cookies_are_spoken_of(client: FlaskClient) -> None:
    """Files can't be sent back, so their names are told; without any cookie the reason is told."""
    response = client.post("/trial/form", data={"story": "x", "photo": (BytesIO(b"x"), "bench.jpg")})
    assert "bench.jpg" in response.text
    assert "kept no cookie" in response.text
    assert 'enctype="multipart/form-data"' in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://[evil"},
        {"Origin": "localhost"},
    ],
)
def test_a_post_from_another_site_is_refused_outright(client: FlaskClient, headers: dict[str, str]) -> None:
    """Even with a good token, and nothing of it is shown back."""
    response = client.post("/trial/form", data={"story": "trick", "csrf_token": token(client)}, headers=headers)
    assert response.status_code == 400
    assert "trick" not in response.text


@pytest.mark.parametrize("headers", [{"Origin": "http://localhost"}, {"Origin": "null"}, {}])
def test_a_post_from_here_is_taken(client: FlaskClient, headers: dict[str, str]) -> None:
    """Our own origin is fine, and so are browsers that don't tell theirs (pages with secret addresses)."""
    response = client.post("/trial/form", data={"story": "hello", "csrf_token": token(client)}, headers=headers)
    assert response.text == "got hello 0"


@pytest.mark.parametrize("code", [400, 403, 404, 405, 409, 413, 429, 500, 503])
@pytest.mark.parametrize("side", ["", "/admin"])
def test_errors_are_pages_in_plain_words(client: FlaskClient, code: int, side: str) -> None:
    """Each error has a title in plain words in the look of its side, and no jargon."""
    response = client.get(f"{side}/trial/{code}")
    assert response.status_code == code
    assert response.text.count("<h1") == 1
    for jargon in ("Bad Request", "Forbidden", "Not Found", "Internal Server Error", "Traceback", "werkzeug"):
        assert jargon not in response.text


def test_our_own_sentences_are_shown(client: FlaskClient) -> None:
    """What Townhall says on purpose reaches the visitor."""
    assert "There is no such bench." in client.get("/trial/missing").text
    assert "You may not sit here." in client.get("/admin/trial/forbidden").text
    assert "Say it again." in client.get("/trial/said").text
    assert client.get("/trial/missing").status_code == 404
    assert client.get("/trial/forbidden").status_code == 403


def test_a_bug_shows_nothing_of_itself(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected error is logged with its traceback and told without it."""
    response = client.get("/trial/bug")
    assert response.status_code == 500
    assert "secret detail" not in response.text
    assert "secret detail" in caplog.text


def test_too_much_is_told_before_it_is_read(client: FlaskClient, app: Flask) -> None:
    """An upload beyond the limit gets the page for it."""
    app.config["MAX_CONTENT_LENGTH"] = 1000
    response = client.post("/trial/form", data={"story": "x" * 5000, "csrf_token": "any"})
    assert response.status_code == 413
    assert "too much at once" in response.text


def test_the_limit_follows_the_settings(app: Flask, town: Town) -> None:
    """As many files as allowed, each as large as allowed, fit with room for the text."""
    limit = app.config["MAX_CONTENT_LENGTH"]
    assert limit > town.settings.max_upload_mb * town.settings.max_files * 1024 * 1024
