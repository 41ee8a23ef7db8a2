"""Input that is wrong, old, too much or meant badly: every address answers it in words, and nothing is half-saved."""

from __future__ import annotations

import io
from itertools import cycle
from urllib.parse import quote

import pytest
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from flask import Flask
from flask.testing import FlaskClient
from staff_client import StaffClient
from staff_client import hidden
from staff_client import plain
from staff_client import staff_client
from werkzeug.routing import Rule

from townhall.access.actors import system
from townhall.app import create_app
from townhall.testing import pictures
from townhall.town import Town

TICKETS = "/admin/desk/ticket/"
IDS = ("0", "1", "999999", "9223372036854775808", "9" * 40)
TEXTS = ("x", "%00", "a%00b", quote("😀\u202e"), "..%2F..%2Fetc%2Fpasswd", "'%22;--", "%25_", "%FF", "y" * 10_000)
WORDS_OF_LISTS = ("new", "print", "export.csv", "lookup/topic.json", "save-view", "delete-view/1", "bulk", "nothing")
WORDS_OF_RECORDS = (
    "edit",
    "move/finish",
    "move/x",
    "give",
    "reveal/secret",
    "archive",
    "restore",
    "history",
    "link",
    "version/1",
    "compare",
    "bring-back/1",
)
QUERIES = (
    "sort=nothing",
    "sort=-",
    "sort=title&after=junk",
    "after=eyJ4IjoxfQ",
    "after=WzFd&before=bnVsbA",
    "q=%25_'%22%5C;--",
    "q=%00",
    "q=" + "w" * 5_000,
    "saved=" + "9" * 30,
    "columns=nope,%00&view=nope",
    "state=nope&topic=x",
    "created.from=9999-99-99&created.to=0001-01-01",
    "score.from=NaN&score.to=1e999",
    "pick=" + "9" * 5_000,
    "topic=" + "9" * 5_000,
    "topic=" + "9" * 19,
    "topic=%C2%B2&reporter=%C2%B2",
    "from=desk.topic:" + "9" * 30,
    "contact=" + "9" * 30,
    "month=0001-01",
    "month=9999-12",
    "page=-1&limit=-1",
    "archived=1&assignee=%00",
)
VALUES = (
    "",
    "\0",
    "a\0b",
    "9" * 5_000,
    "9" * 19,
    "²",
    "lines-²",
    "-1",
    "NaN",
    "😀\u202e",
    "z" * 10_001,
    "'\";--",
    "24:61",
    "9999-12-31",
    "[]",
    "core.x:1",
)
NAMES = ("version", "assignee", "due_day", "due_time", "note", "text", "do", "pick", "next", "back", "label", "query")
FIELDS = ("topic", "summary", "lines-0-amount", "lines-junk-what", "answers-deep", "place", "_add", "_remove", "_find")


@pytest.fixture
def app(town: Town) -> Flask:
    """The town's application, with a record of each kind."""
    topic = make_topic(town)
    make_ticket(town, system(), topic)
    make_contact(town)
    return create_app(town)


def addresses(rule: Rule) -> list[str]:
    """Addresses that a rule answers, made of junk."""
    endings: tuple[str, ...] = TEXTS
    if rule.endpoint.startswith("records_"):
        endings = (*(WORDS_OF_RECORDS if "id" in rule.arguments else WORDS_OF_LISTS), "x", "%00", "y" * 500)
    junk = cycle(endings)
    made = []
    for turn in range(len(endings) if rule.arguments else 1):
        url = rule.rule
        for name in rule.arguments:
            word, _, more = next(junk).partition("/") if name == "word" else (IDS[turn % len(IDS)], "", "x")
            kind = f"<int:{name}>" if f"<int:{name}>" in url else f"<path:{name}>" if "<path:" in url else f"<{name}>"
            value = word if name in ("word", "id") else more or TEXTS[turn % len(TEXTS)]
            url = url.replace(kind, value)
        made.append(url)
    return made


def rules(app: Flask, method: str) -> list[Rule]:
    """Everything that answers ``method``; of the pages of types only those of one."""
    return [
        rule
        for rule in app.url_map.iter_rules()
        if method in (rule.methods or ())
        and (not rule.endpoint.startswith("records_") or rule.endpoint == "records_desk_ticket")
        and rule.endpoint != "accounts.sign_out"
    ]


def assert_answered(status: int, text: str, what: str) -> None:
    """Words, and no error of ours."""
    assert status < 500, what
    assert "Traceback" not in text, what


@pytest.mark.parametrize("who", ["clerk", "administrator", ""])
def test_every_page_answers_junk_in_its_address(town: Town, app: Flask, who: str) -> None:
    """Unknown ids, words, cursors, filters and parameters lead to a page or to nothing here, never to an error."""
    client: FlaskClient = staff_client(town, who, app).http if who else app.test_client()
    queries = cycle(("", *QUERIES))
    found = 0
    for rule in rules(app, "GET"):
        for url in addresses(rule):
            for query in (next(queries), next(queries)):
                answer = client.get(f"{url}?{query}")
                assert_answered(answer.status_code, answer.get_data(as_text=True), f"GET {url[:200]}?{query[:200]}")
                found += answer.status_code == 200
    assert found > 5, "hardly any address was one"


@pytest.mark.parametrize("url", ["/admin/", TICKETS, f"{TICKETS}1/", "/admin/core/contact/", "/admin/search/", "/"])
def test_every_query_is_survived_by_every_kind_of_page(town: Town, app: Flask, url: str) -> None:
    """A list, a record, the search and the home pages take any parameter."""
    clerk = staff_client(town, app=app)
    for query in QUERIES:
        answer = clerk.http.get(f"{url}?{query}", follow_redirects=True)
        assert_answered(answer.status_code, answer.text, f"{url}?{query[:200]}")


@pytest.mark.parametrize("who", ["clerk", "viewer", ""])
def test_every_form_answers_junk(town: Town, app: Flask, who: str) -> None:
    """Whatever is posted where: a sentence, a page or a refusal; a viewer changes nothing at all."""
    client = staff_client(town, who, app).http if who else app.test_client()
    values = cycle(VALUES)
    before = town.system.history.select().count()
    token = ""
    for rule in rules(app, "POST"):
        for url in addresses(rule):
            data = {name: next(values) for name in (*NAMES, *FIELDS)}
            answer = client.post(url, data={**data, "csrf_token": token})
            if "Please send this again" in answer.get_data(as_text=True):  # at first, and when a session is another
                token = hidden(client.get("/admin/account" if who else "/requests/"), "csrf_token")
                answer = client.post(url, data={**data, "csrf_token": token})
            assert_answered(answer.status_code, answer.get_data(as_text=True), f"POST {url[:200]} {data}")
    if who != "clerk":
        assert town.system.history.select().count() == before


def test_a_viewer_sees_no_control_and_is_refused_behind_them(town: Town, app: Flask) -> None:
    """What a viewer may not do has no button, and the address behind the button refuses."""
    viewer = staff_client(town, "viewer", app)
    page = viewer.get(f"{TICKETS}1/").text
    for word in ("edit", "give", "archive", "link", "move/finish"):
        assert f'"{TICKETS}1/{word}"' not in page
        if word != "move/finish":
            assert viewer.post(f"{TICKETS}1/{word}", {"version": "1"}).status_code == 403
    assert viewer.post(f"{TICKETS}new", {"summary": "x"}).status_code == 403
    assert viewer.get(f"{TICKETS}export.csv").status_code == 403
    viewer.post(f"{TICKETS}1/move/finish", {"outcome": "x", "version": "1"})
    assert town.records.get(system(), TICKET, 1).version == 1


@pytest.mark.parametrize("url", ["/admin/log", "/admin/plugins/switch", "/requests/T-1/close"])
def test_a_wrong_method_is_explained(app: Flask, url: str) -> None:
    """An address that only takes forms says so when it is opened."""
    answer = app.test_client().get(url)
    assert answer.status_code in (302, 308, 404, 405)  # below /admin/plugins/ stand the pages of plugins
    assert "Method Not Allowed" not in answer.text


@pytest.mark.parametrize(
    "text", ["100%", "a_c", "Robert'); DROP TABLE", 'say "no"', "back\\slash", "😀 \u200frtl", "(("]
)
def test_wildcards_and_quotes_are_only_letters(town: Town, app: Flask, text: str) -> None:
    """Signs that mean something to a database or a search engine find what holds them and nothing else."""
    topic = make_topic(town, "Signs", questions=None)
    record = make_ticket(town, system(), topic, answers=None, summary=f"{text} zebra")
    clerk = staff_client(town, app=app)
    found = clerk.http.get(TICKETS, query_string={"q": f"{text} zebra", "view": "all"}, follow_redirects=True)
    assert found.text.count(f'href="{TICKETS}{record.id}/"') == 1
    assert f'href="{TICKETS}1/"' not in found.text
    for wild in ("%", "_", "%zebr%"):
        page = clerk.http.get("/admin/search/", query_string={"q": f"{wild} nothing-of-that-name"})
        assert page.status_code == 200
        assert "zebra" not in plain(page)


def fill(clerk: StaffClient, **values: object) -> int:
    """Send the form of a new ticket; the status of the answer."""
    clerk.get(f"{TICKETS}new")
    return int(clerk.post(f"{TICKETS}new", values).status_code)


def test_text_is_kept_as_it_was_meant(town: Town, app: Flask) -> None:
    """Emoji and accents stay; zero characters and marks that turn text around go; too long is said and not cut."""
    topic = make_topic(town, "Text", questions=None)
    clerk = staff_client(town, app=app)
    assert fill(clerk, topic=topic.id, summary="Zo\u0065\u0308 \0😀\u202e end") == 302
    newest = town.records.find(system(), TICKET, sort="-id", limit=1).records[0]
    assert newest["summary"] == "Zoë 😀 end"
    clerk.get(f"{TICKETS}new")
    refused = clerk.post(f"{TICKETS}new", {"topic": topic.id, "summary": "s" * 10_000})
    assert refused.status_code == 422
    assert "Use at most 200 characters; these are 10,000" in plain(refused)
    assert "s" * 10_000 in refused.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lie.png", b"MZ this is a program"),
        ("bomb.zip", b"PK\x03\x04" + b"\0" * 100),
        ("page.html", b"<script>alert(1)</script>"),
        ("picture.png.exe", b"MZ"),
        ("nothing.png", b""),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_at_its_field(
    town: Town, app: Flask, name: str, content: bytes
) -> None:
    """The sentence names the file, nothing is kept, and what was typed is still there."""
    topic = make_topic(town, "Files", questions=None)
    clerk = staff_client(town, app=app)
    clerk.get(f"{TICKETS}new")
    sent = {"topic": topic.id, "summary": "Typed", "photos": (io.BytesIO(content), name)}
    refused = clerk.post(f"{TICKETS}new", sent)
    assert refused.status_code == 422
    assert f"“{name}”" in plain(refused)
    assert 'value="Typed"' in refused.text
    assert town.system.attachment.select().count() == 0


def test_paths_in_file_names_lead_nowhere(town: Town, app: Flask) -> None:
    """Only the last part of a name is kept, and bytes stand under their checksum."""
    topic = make_topic(town, "Files", questions=None)
    clerk = staff_client(town, app=app)
    png = (io.BytesIO(pictures.png()), "..\\..//../etc/pass\u202ewd.png")
    assert fill(clerk, topic=topic.id, summary="Paths", photos=png) == 302
    (record,) = town.records.find(system(), TICKET, {"summary": "Paths"}).records
    assert record["photos"][0].filename == "passwd.png"
    assert town.files.path(record["photos"][0].checksum).is_relative_to(town.instance / "files")


def test_too_many_lines_at_once_are_refused_and_not_cut(town: Town, app: Flask) -> None:
    """A bulk action does all that was selected, or says that it is too much and does nothing."""
    clerk = staff_client(town, app=app)
    clerk.get("/admin/account")
    sent = {"do": "archive", "pick": [str(n) for n in range(1, 1_000)], "back": TICKETS}
    page = clerk.follow(clerk.post(f"{TICKETS}bulk", sent))
    assert "too many" in plain(page)
    assert town.records.get(system(), TICKET, 1).archived is None


def test_an_export_that_can_not_be_sorted_like_that_is_refused_before_it_begins(town: Town, app: Flask) -> None:
    """No half file: the refusal is a page."""
    answer = staff_client(town, app=app).get(f"{TICKETS}export.csv?sort=nothing")
    assert answer.status_code == 422
    assert answer.mimetype == "text/html"
    assert "There is no field “nothing” to sort tickets by" in plain(answer)
