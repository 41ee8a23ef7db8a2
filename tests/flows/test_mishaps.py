"""Things that go wrong around a town: databases and disks, plugins that break or change, people in each other's way."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import add_person
from staff_client import hidden
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import system
from townhall.app import create_app
from townhall.errors import ConfigurationError
from townhall.lifecycle import switching
from townhall.testing import pictures
from townhall.town import Town

TICKETS = "/admin/desk/ticket/"
PNG = pictures.png()


def desk_file(town: Town, name: str) -> Path:
    """A file of the plugin desk."""
    return town.instance / "plugins" / "desk" / name


def reopened(town: Town) -> Town:
    """The same town, as the next start finds it."""
    return Town.open(town.instance, clock=town.clock, database=database_of(town))


def database_of(town: Town) -> str | None:
    """How the town's database is named, if it is not in its folder."""
    return str(town.database.database) if town.database.engine == "postgresql" else None


# -- people in each other's way -----------------------------------------------------------------------------------


def test_a_form_survives_the_end_of_the_session(town: Town) -> None:
    """Somebody who was signed out over a long form gets everything back, signs in, and sends it after all."""
    app = create_app(town)
    clerk = staff_client(town, app=app)
    clerk.get("/admin/core/contact/new")
    clerk.http = app.test_client()  # what a browser is when its session is over
    typed = {"family_name": "Longtyped", "kind": "person", "notes": "An <b>hour</b> of work"}
    first = clerk.post("/admin/core/contact/new", typed)
    assert first.status_code == 400
    second = clerk.http.post("/admin/core/contact/new", data={**typed, "csrf_token": hidden(first, "csrf_token")})
    assert second.status_code == 401
    for page in (first, second):
        assert "You were signed out" in plain(page)
        assert 'value="An &lt;b&gt;hour&lt;/b&gt; of work"' in page.text
    clerk.get("/admin/sign-in")
    clerk.post("/admin/sign-in", {"email": "clerk@milbrook.example", "password": "correct horse battery"})
    third = clerk.http.post("/admin/core/contact/new", data={**typed, "csrf_token": hidden(second, "csrf_token")})
    assert third.status_code == 400
    saved = clerk.http.post("/admin/core/contact/new", data={**typed, "csrf_token": hidden(third, "csrf_token")})
    assert saved.status_code in (302, 303)
    assert town.records.find(system(), "core.contact", {"family_name": "Longtyped"}).records


def test_a_link_given_anew_replaces_the_old_one(town: Town) -> None:
    """Staff ask first, see link and code once, older links stop working, and history says who gave it."""
    record = make_ticket(town, system(), make_topic(town, questions=None), answers=None, open_to_all=True)
    old = town.records.make_link(system(), TICKET, record.id, "status")
    clerk = staff_client(town)
    page = f"{TICKETS}{record.id}/link"
    assert f'href="{page}"' in clerk.get(f"{TICKETS}{record.id}/").text
    asked = clerk.get(page)
    assert "stop working" in plain(asked)
    assert town.records.resolve_link(old, "status") == (TICKET, record.id)
    shown = clerk.post(page, {})
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert shown.headers["Cache-Control"] == "no-store"
    found = re.search(r"http://localhost(/status/[^<\s]+)", shown.text)
    assert found is not None
    assert town.records.resolve_link(old, "status") is None
    citizen = create_app(town).test_client()
    opened = citizen.get(found[1])
    assert citizen.get(opened.headers["Location"]).status_code == 200
    code = re.search(r"(?:[0-9A-Z]{4}-){6}[0-9A-Z]{2}", shown.text)
    assert code is not None
    assert found[1].rpartition("/")[2] not in clerk.get(f"{TICKETS}{record.id}/history").text
    assert "Gave a new secret link" in plain(clerk.get(f"{TICKETS}{record.id}/history"))


def test_who_may_not_edit_gives_no_link(town: Town) -> None:
    """A viewer has no such line and no such page; a type without public form has none either."""
    record = make_ticket(town, system(), make_topic(town, questions=None), answers=None)
    contact = make_contact(town)
    viewer, clerk = staff_client(town, "viewer"), staff_client(town)
    assert "New secret link" not in viewer.get(f"{TICKETS}{record.id}/").text
    assert viewer.post(f"{TICKETS}{record.id}/link", {}).status_code == 403
    assert clerk.get(f"/admin/core/contact/{contact.id}/link").status_code == 404
    assert clerk.get(f"{TICKETS}999/link").status_code == 404


@pytest.mark.parametrize("url", ["999999/", "truncated", "revoked", "other"])
def test_links_that_do_not_fit_open_nothing(town: Town, url: str) -> None:
    """A truncated link, a revoked one and one with another record's number get the same page, which tells nothing."""
    topic = make_topic(town, questions=None)
    mine, other = (make_ticket(town, system(), topic, answers=None) for _ in range(2))
    token = town.records.make_link(system(), TICKET, mine.id, "status")
    if url == "revoked":
        town.records.revoke_link(system(), TICKET, mine.id, "status")
    number = other.number if url == "other" else mine.number
    visitor = create_app(town).test_client()
    answer = visitor.get(f"/status/{number}/{token[:-3] if url == 'truncated' else 'x' if '/' in url else token}")
    assert answer.status_code == 404
    assert mine.title not in answer.text
    assert visitor.get(f"/requests/{mine.number}").status_code == 404


def test_two_clerks_take_one_case_and_one_gets_it(town: Town) -> None:
    """The second is told who has it; nothing of the first is overwritten."""
    record = make_ticket(town, system(), make_topic(town, questions=None), answers=None)
    app = create_app(town)
    for name in ("ann", "ben"):
        add_person(town, f"{name}@milbrook.example", "clerk")
    ann, ben = (StaffClient(app, f"{name}@milbrook.example") for name in ("ann", "ben"))
    form = {"assignee": "me", "take": "1", "version": record.version, "next": f"{TICKETS}{record.id}/"}
    assert "It is yours now" in plain(ann.follow(ann.post(f"{TICKETS}{record.id}/give", form)))
    assert "Ann has had it since" in plain(ben.follow(ben.post(f"{TICKETS}{record.id}/give", form)))
    assert town.records.get(system(), TICKET, record.id).version == record.version + 1


# -- plugins that break or change ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    ["raise RuntimeError('broken')", "raise SystemExit(3)", "import nothing_of_that_name", "def broken(:", "1 / 0"],
    ids=["raises", "exits", "misses an import", "is no Python", "divides by zero"],
)
def test_a_plugin_that_breaks_is_off_and_core_answers(town: Town, code: str) -> None:
    """Whatever a plugin's code does when it is imported, contacts and the home page answer, and the page says why."""
    desk_file(town, "__init__.py").write_text(code, encoding="utf-8")
    contact = make_contact(town)
    again = reopened(town)
    try:
        administrator = staff_client(again, "administrator")
        for url in ("/admin/", "/admin/core/contact/", f"/admin/core/contact/{contact.id}/", "/"):
            assert administrator.get(url).status_code == 200
        assert "Desk doesn't run at the moment" in plain(administrator.get(TICKETS))
        assert administrator.get(f"{TICKETS}new").status_code == 403
        assert "could not be imported" in plain(administrator.get("/admin/plugins/"))
    finally:
        again.close()


def test_a_plugin_whose_folder_vanished_is_off_and_its_records_are_kept(town: Town) -> None:
    """Core answers, the page says that the files are gone, and with the folder back everything is there again."""
    record = make_ticket(town, system(), make_topic(town, questions=None), answers=None)
    folder, aside = desk_file(town, ""), town.instance / "aside"
    shutil.move(folder, aside)
    again = reopened(town)
    try:
        administrator = staff_client(again, "administrator")
        assert administrator.get("/admin/").status_code == 200
        assert "its files are gone" in plain(administrator.get("/admin/plugins/"))
        assert "nothing can be changed" in plain(administrator.get(f"{TICKETS}{record.id}/"))
    finally:
        again.close()
    shutil.move(aside, folder)
    back = reopened(town)
    try:
        assert back.records.get(system(), TICKET, record.id).title == record.title
    finally:
        back.close()


def test_a_view_on_a_field_that_went_away_says_so(town: Town) -> None:
    """A saved view that names a field of yesterday leaves it out in words; values stay where they are."""
    make_ticket(town, system(), make_topic(town, questions=None), answers=None, score="1.5")
    clerk = staff_client(town)
    saved = clerk.post(
        f"{TICKETS}save-view", {"query": "view=all&score.from=1&sort=score&columns=title,score", "label": "Scored"}
    )
    view = saved.headers["Location"]
    schema = desk_file(town, "schemas/ticket.toml")
    text = schema.read_text(encoding="utf-8")
    schema.write_text(text.replace('[fields.score]\ntype = "decimal"\ndecimals = 3\n', ""), encoding="utf-8")
    again = reopened(town)
    try:
        add_person(again, "second@milbrook.example", "clerk")
        colleague = StaffClient(create_app(again), "clerk@milbrook.example")
        page = colleague.get(view)
        assert page.status_code == 200
        assert "Deep hole" in plain(page)
        assert "left out" in plain(page)
    finally:
        again.close()
    schema.write_text(text, encoding="utf-8")
    back = reopened(town)
    try:
        (kept,) = back.records.find(system(), TICKET).records
        assert str(kept["score"]) in ("1.5", "1.500")
    finally:
        back.close()


def test_a_condition_on_a_field_that_went_away_keeps_the_plugin_off(town: Town) -> None:
    """The reason names the file, the key and the field; core goes on."""
    schema = desk_file(town, "schemas/ticket.toml")
    text = schema.read_text(encoding="utf-8")
    schema.write_text(
        text.replace('[fields.kind]\ntype = "choice"', '[fields.sort_of]\ntype = "choice"'), encoding="utf-8"
    )
    again = reopened(town)
    try:
        status = next(one for one in switching.statuses(again) if one.name == "desk")
        assert "ticket.toml" in status.reason
        assert "“kind”" in status.reason
        assert again.records.count(system(), "core.contact").value == 0
    finally:
        again.close()


def test_a_field_that_came_with_an_upgrade_is_there_at_once(town: Town) -> None:
    """Old records have it empty, new ones fill it in, and the form asks for it."""
    record = make_ticket(town, system(), make_topic(town, questions=None), answers=None)
    with desk_file(town, "schemas/ticket.toml").open("a", encoding="utf-8") as schema:
        schema.write('\n[fields.depth]\ntype = "integer"\nlabel = "How deep"\n')
    again = reopened(town)
    try:
        assert again.records.get(system(), TICKET, record.id)["depth"] is None
        clerk = staff_client(again)
        assert "How deep" in plain(clerk.get(f"{TICKETS}{record.id}/edit"))
        changed = again.records.update(system(), TICKET, record.id, {"depth": 4}, version=record.version)
        assert changed["depth"] == 4
    finally:
        again.close()
    older = Town.open(town.instance, clock=town.clock, database=database_of(town), safe_mode=True)
    older.close()


# -- database and disk --------------------------------------------------------------------------------------------


def test_a_database_that_takes_nothing_is_said_and_nothing_is_half_saved(town: Town) -> None:
    """Read-only or locked: the reader reads, the writer is told that nothing was saved, in words and not as a bug."""
    clerk = staff_client(town)
    clerk.get("/admin/core/contact/new")
    form = {"family_name": "Moreau", "kind": "person"}
    statement = (
        "PRAGMA query_only = 1" if town.database.engine == "sqlite" else "SET default_transaction_read_only = on"
    )
    town.database.execute_sql(statement)
    refused = clerk.post("/admin/core/contact/new", form)
    assert refused.status_code == 503
    assert "Nothing was saved" in plain(refused)
    assert clerk.get("/admin/core/contact/").status_code == 200
    town.database.execute_sql(statement.replace("= 1", "= 0").replace("= on", "= off"))
    assert town.records.count(system(), "core.contact").value == 0
    assert clerk.post("/admin/core/contact/new", form).status_code in (302, 303)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_full_disk_is_said_and_the_same_form_is_saved_once_there_is_room(town: Town) -> None:
    """The reader reads on, the writer is told that nothing was saved, and what was typed is taken afterwards."""
    clerk = staff_client(town)
    form_id = hidden(clerk.get("/admin/core/contact/new"), "form_id")
    form = {"form_id": form_id, "family_name": "Moreau", "kind": "person", "notes": "x" * 9000}
    (pages,) = town.database.execute_sql("PRAGMA page_count").fetchone()
    (most,) = town.database.execute_sql("PRAGMA max_page_count").fetchone()
    town.database.execute_sql(f"PRAGMA max_page_count = {pages}")
    before = 0
    while clerk.post("/admin/core/contact/new", {**form, "form_id": ""}).status_code == 302:
        before += 1
    assert clerk.post("/admin/core/contact/new", form).status_code == 503
    assert clerk.get("/admin/core/contact/").status_code == 200
    town.database.execute_sql(f"PRAGMA max_page_count = {most}")
    assert town.records.count(system(), "core.contact").value == before
    assert clerk.post("/admin/core/contact/new", form).status_code == 302
    assert town.records.count(system(), "core.contact").value == before + 1


@pytest.mark.parametrize("content", [b"garbage", b"SQLite format 3\0" + b"\0" * 4000])
def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    """A town whose database is broken does not start, and says which file."""
    (tmp_path / "townhall.toml").write_text('[town]\nname = "Milbrook"\n', encoding="utf-8")
    (tmp_path / "townhall.db").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"The database sqlite:///townhall\.db can't be opened"):
        Town.open(tmp_path)


def test_a_disk_that_takes_no_files_loses_no_words(town: Town) -> None:
    """An upload that can't be kept is a mistake at its field; what was typed beside it is still in the form."""
    topic = make_topic(town, questions=None)
    clerk = staff_client(town)
    clerk.get(f"{TICKETS}new")
    (town.instance / "files").write_text("no folder", encoding="utf-8")
    sent = {"topic": topic.id, "summary": "Typed for an hour", "photos": (io.BytesIO(PNG), "a.png")}
    refused = clerk.post(f"{TICKETS}new", sent)
    assert refused.status_code == 422
    assert "could not be kept" in plain(refused)
    assert 'value="Typed for an hour"' in refused.text
    assert town.records.count(system(), TICKET).value == 0
    assert town.system.attachment.select().count() == 0


def test_a_town_of_two_plugins_goes_on_with_one(make_town: Callable[..., Town]) -> None:
    """One that is broken stops no other."""
    town = make_town("desk", "park")
    (town.instance / "plugins" / "desk" / "plugin.toml").write_text("name = ", encoding="utf-8")
    again = reopened(town)
    try:
        states = {one.name: one for one in switching.statuses(again)}
        assert states["desk"].reason
        assert not states["park"].reason
        assert staff_client(again).get("/admin/park/spot/").status_code == 200
    finally:
        again.close()
