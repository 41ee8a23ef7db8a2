"""What becomes of a plugin's failures: who is told, what is undone, what is written down, what is tried again."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from broken import ALL
from broken import BROKEN
from broken import Hall
from broken import count
from broken import lay_out
from broken import open_hall
from click.testing import CliRunner
from desk import TICKET
from desk import make_ticket
from desk import make_topic
from postgresql_server import PostgresqlServer
from staff_client import main_of
from staff_client import plain
from werkzeug.test import TestResponse

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.cli import main
from townhall.clock import FixedClock
from townhall.errors import PluginError
from townhall.errors import Rejected
from townhall.extend import failures
from townhall.extend.breaker import COOL_OFF
from townhall.extend.breaker import MOST_FAILURES
from townhall.lifecycle import describing
from townhall.lifecycle import switching
from townhall.town import Town
from townhall.wsgi import TownApplication
from townhall_forms.faults import NOT_SHOWN

CLERK = Actor("staff", "Erin Clerk", 7, ROLES["clerk"].permissions, door="admin")
CONTACT = "core.contact"


@pytest.fixture(scope="module")
def laid_out() -> dict[str, tuple[Path, str, int, int]]:
    """The towns that halls are copies of, by engine: their folders, databases, contacts and tickets."""
    return {}


@pytest.fixture
def open_on(
    laid_out: dict[str, tuple[Path, str, int, int]],
    clock: FixedClock,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[str], Hall]]:
    """Serve a fresh hall on an engine: a copy of one that is made once, which costs a second and more."""
    with ExitStack() as opened:

        def open_on(engine: str) -> Hall:
            server: PostgresqlServer | None = None
            if engine == "postgresql":
                server = request.getfixturevalue("postgresql_server")
            if engine not in laid_out:
                folder, database = tmp_path_factory.mktemp("laid_out") / "town", server.create() if server else ""
                laid_out[engine] = folder, database, *lay_out(folder, clock, server.url(database) if server else None)
                if server:
                    server.keep(database)
            folder, database, contact, ticket = laid_out[engine]
            url = None
            if server:
                copy = server.copy(database)
                opened.callback(server.give_back, copy, database)
                url = server.url(copy)
            shutil.copytree(folder, tmp_path / "town")
            made = open_hall(tmp_path / "town", clock, contact, ticket, url)
            opened.callback(lambda: made.town.close())
            return made

        yield open_on


@pytest.fixture
def sqlite_hall(open_on: Callable[[str], Hall]) -> Hall:
    """A served town with the broken plugins, on SQLite."""
    return open_on("sqlite")


@pytest.fixture
def hall(open_on: Callable[[str], Hall], engine: str) -> Hall:
    """A served town with the broken plugins, on both engines."""
    return open_on(engine)


def lay(town: Town, name: str, code: str) -> None:
    """Lay a plugin with this code into the town and switch it on."""
    folder = town.instance / "plugins" / name
    folder.mkdir(exist_ok=True)
    manifest = f'name = "{name}"\ntitle = "{name.title()}"\nversion = "1.0.0"\napi = ">=1,<2"\n'
    settings = '[settings.word]\ndefault = "tree"\n[settings.api_key]\ndefault = "abc123"\n'
    (folder / "plugin.toml").write_text(manifest + settings, encoding="utf-8")
    (folder / "__init__.py").write_text("from townhall import *\n" + dedent(code), encoding="utf-8")
    switching.enable(town, system(), name)


def stages(town: Town, name: str) -> list[tuple[str, str, int]]:
    """What was written down of a plugin: stage, what, and how often."""
    return sorted((failure.stage, failure.what, failure.count) for failure in town.failures.of(name))


# -- hooks that react ---------------------------------------------------------------------------------------------


def test_a_panel_that_fails_leaves_a_plain_line(sqlite_hall: Hall) -> None:
    """The page shows the record, and who could not show a panel; IT finds a trace without values."""
    with sqlite_hall.on("react_raises", "react_half_way") as town:
        page = main_of(sqlite_hall.desk.get(f"/admin/desk/ticket/{sqlite_hall.ticket}/"))
        assert "Deep hole" in page
        assert "React raises could not show this. Everything else works." in page
        assert "First" not in page
        assert stages(town, "react_raises") == [("call", "record_flags", 1), ("call", "record_panels", 1)]
        failure = town.failures.of("react_raises")[0]
        assert "Deep hole" not in failure.trace + failure.message
        assert "react_raises/__init__.py" in failure.trace
        assert failure.last == town.clock.now()


def test_hostile_panels_reach_the_page_as_plain_text(sqlite_hall: Hall) -> None:
    """Markup of a plugin is text, what can't be encoded is replaced, and nothing is endless."""
    with sqlite_hall.on("react_hostile") as town:
        response = sqlite_hall.desk.get(f"/admin/desk/ticket/{sqlite_hall.ticket}/")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in response.text
        assert "&lt;script&gt;alert(2)&lt;/script&gt;" in response.text
        assert "&lt;script&gt;alert(3)&lt;/script&gt;" in response.text
        assert "<script>alert" not in response.text
        assert "? &lt;b&gt;bold" in response.text
        assert len(response.text) < 200_000
        assert town.failures.of("react_hostile") == []


def test_a_slow_hook_is_written_down_and_one_that_stops_all_pages_is_left_alone(sqlite_hall: Hall) -> None:
    """What a slow hook answers is shown; a warning says by how much it was late, and a hopeless one is skipped."""
    with sqlite_hall.on("react_slowly") as town:
        url = f"/admin/desk/ticket/{sqlite_hall.ticket}/"
        page = main_of(sqlite_hall.desk.get(url))
        assert "But here it is" in page
        assert "Very slow" in page
        assert stages(town, "react_slowly") == [("slow", "record_flags", 1), ("slow", "record_panels", 1)]
        assert "longer than the 0.5 seconds" in town.failures.of("react_slowly")[0].message
        for _ in range(MOST_FAILURES):
            page = main_of(sqlite_hall.desk.get(url))
        assert "Very slow" not in page
        assert "But here it is" in page


def test_what_a_failing_reaction_wrote_is_undone(hall: Hall) -> None:
    """A plugin that writes after a change and then fails leaves nothing, and the change itself stays."""
    with hall.on("react_writes") as town:
        before = count(town, CONTACT)
        made = town.records.create(CLERK, CONTACT, {"kind": "person", "family_name": "Weir"})
        assert town.records.get(CLERK, CONTACT, made.id)["family_name"] == "Weir"
        assert count(town, CONTACT) == before + 1
        with town.database.atomic():
            town.records.create(CLERK, CONTACT, {"kind": "person", "family_name": "Birch"})
        assert count(town, CONTACT) == before + 2
        assert not town.records.find(system(), CONTACT, {"family_name": "Ghost"}).records
        assert ("call", "after_save", 2) in stages(town, "react_writes")


def test_a_reaction_that_leads_to_itself_is_stopped(hall: Hall) -> None:
    """Writing after each change, in a hook that is asked after each change, ends after a few rounds."""
    with hall.on("react_to_itself") as town:
        town.records.create(CLERK, CONTACT, {"kind": "person", "family_name": "Weir"})
        assert count(town, "react_to_itself.thing") < 20
        assert "leads to itself" in town.failures.of("react_to_itself")[0].message


def test_a_writer_is_not_told_of_what_a_savepoint_undid(hall: Hall) -> None:
    """After the commit nobody hears of a record that was made in a part that was undone."""
    lay(
        hall.town,
        "listener",
        """
        heard = []

        @hookimpl
        def after_save(change):
            heard.append(change.values["family_name"])

        @hookimpl
        def record_panels(town):
            town.records.create(system(), "core.contact", {"kind": "person", "family_name": "Ghost"})
            raise RuntimeError("no")
        """,
    )
    town = hall.town
    heard = town.plugins.hooks["listener"][0].function.__globals__["heard"]
    with town.database.atomic():
        record = town.records.create(CLERK, CONTACT, {"kind": "person", "family_name": "Weir"})
        town.plugins.record_panels(CLERK, record)
    assert heard == ["Weir"]


# -- hooks that decide --------------------------------------------------------------------------------------------


def test_a_decision_that_fails_again_and_again_is_left_alone(hall: Hall, clock: FixedClock) -> None:
    """After five failures the plugin's records can only be read, and it is said why; a minute later one is tried."""
    identity = "decide_raises.thing"
    with hall.on("decide_raises") as town:
        function = town.plugins.hooks["decide_raises"][0].function
        for _ in range(MOST_FAILURES):
            with pytest.raises(Rejected, match="could not check this"):
                town.records.create(CLERK, identity, {"label": "x"})
        with pytest.raises(Rejected, match="Decide raises has failed again and again since 12:00"):
            town.records.create(CLERK, identity, {"label": "x"})
        assert sum(failure.count for failure in town.failures.of("decide_raises")) == MOST_FAILURES
        assert not town.records.may(CLERK, "create", identity)
        assert town.records.may(CLERK, "view", identity)
        assert town.records.may(CLERK, "create", CONTACT)
        listed = main_of(hall.desk.get("/admin/decide_raises/thing/"))
        assert "Only to read." in listed
        assert "New thing" not in listed
        assert "failed again and again" in main_of(hall.desk.get("/admin/plugins/"))
        shown = main_of(hall.desk.get("/admin/plugins/decide_raises/"))
        assert "before_save failed again and again, so it is left alone for now." in shown
        clock.move(timedelta(seconds=COOL_OFF))
        with pytest.raises(Rejected, match="could not check this"):
            town.records.create(CLERK, identity, {"label": "x"})
        with pytest.raises(Rejected, match="since 12:00"):
            town.records.create(CLERK, identity, {"label": "x"})
        function.__globals__["KeyError"] = lambda label: Rejected("It works again, and says no.")
        try:
            hall.desk.get("/admin/plugins/decide_raises/")
            done = hall.desk.post("/admin/plugins/decide_raises/try-again", {})
            assert done.headers["Location"] == "/admin/plugins/decide_raises/"
            with pytest.raises(Rejected, match="It works again"):
                town.records.create(CLERK, identity, {"label": "x"})
        finally:
            del function.__globals__["KeyError"]
        assert "Works" in main_of(hall.desk.get("/admin/plugins/decide_raises/"))
        assert count(town, identity) == 0


def test_what_a_failing_decision_wrote_is_undone(hall: Hall) -> None:
    """A plugin that writes while it decides and then fails leaves nothing, and nobody is told of it later."""
    with hall.on("decide_writes") as town:
        with pytest.raises(Rejected, match="could not check this"):
            town.records.create(CLERK, "decide_writes.thing", {"label": "x"})
        assert not town.records.find(system(), CONTACT, {"family_name": "Ghost"}).records
        assert stages(town, "decide_writes") == [("call", "before_save", 1)]


STRICT = """
@hookimpl
@for_types("desk.ticket", "core.interaction")
def before_save(change):
    if change.actor.door == "system":
        return None
    raise Rejected("Not while the moon is full.", "summary")
"""
NO = "Not while the moon is full."


def test_a_refusal_on_purpose_reaches_the_person_at_every_door(hall: Hall, tmp_path: Path) -> None:
    """Rejected("why", field) is a form error for clerks and residents, a refused row for imports, and no failure."""
    town = hall.town
    topic = make_topic(town, "Plain", questions=[])
    ticket = make_ticket(town, system(), topic, answers=None, reporter=hall.contact)
    waiting = make_ticket(town, system(), topic, answers=None, code="2")
    waiting = town.records.transition(system(), TICKET, waiting.id, "ask", version=waiting.version)
    token = town.records.make_link(system(), TICKET, waiting.id, "status")
    lay(town, "strict", STRICT)
    assert hall.street.get("/health").status_code == 200
    town = hall.town
    before = count(town, TICKET)
    base = f"/admin/desk/ticket/{ticket.id}/"

    def refused(response: TestResponse, code: int = 422) -> None:
        assert response.status_code == code, plain(response)
        assert NO in plain(response)

    desk, street = hall.desk, hall.street
    desk.get("/admin/desk/ticket/new")
    response = desk.post("/admin/desk/ticket/new", {"topic": topic.id, "summary": "x", "kind": "report"})
    refused(response)
    assert re.search(r'class="oops"[^>]*id="[^"]*summary', response.text) or 'href="#summary' in response.text
    edited = {"topic": topic.id, "summary": "y", "kind": "report", "version": ticket.version}
    refused(desk.post(f"{base}edit", edited))
    refused(desk.post(f"{base}move/finish", {"outcome": "Done", "version": ticket.version}))
    desk.post(f"{base}move/ask", {"version": ticket.version})
    refused(desk.get(base), 200)
    refused(desk.post("/admin/desk/ticket/bulk", {"do": "archive", "pick": [ticket.id]}), 200)
    desk.post(f"{base}archive", {"version": ticket.version})
    refused(desk.get(base), 200)
    refused(desk.post(f"{base}say", {"text": "A note"}))
    desk.get(f"/admin/core/contact/{hall.contact}/")
    refused(desk.post(f"/admin/core/contact/{hall.contact}/log", {"note": "Called", "how": "phone"}))

    address = f"/apply/desk/ticket/public?topic={topic.id}"
    street.get(address)
    step = street.post(address, {"summary": "Resident"})
    for _ in range(3):
        assert step.status_code == 303, plain(step)
        address = step.headers["Location"]
        street.get(address)
        step = street.post(address, {})
        if step.status_code != 303:
            break
    refused(step)
    assert street.get(f"/status/{waiting.number}/{token}").status_code == 303
    street.get(f"/requests/{waiting.number}")
    refused(street.post(f"/requests/{waiting.number}/message", {"text": "Any news?"}))
    street.get(f"/requests/{waiting.number}/move/answer")
    refused(street.post(f"/requests/{waiting.number}/move/answer", {"text": "Here"}))

    outcomes = town.records.import_rows(system("import"), TICKET, [{"topic": topic.id, "summary": "x"}])
    assert [outcome.errors for outcome in outcomes] == [{"summary": NO}]
    file = tmp_path / "rows.csv"
    file.write_text(f"topic,summary\n{topic.id},x\n", encoding="utf-8")
    if town.database.engine == "sqlite":
        told = CliRunner().invoke(main, ["--instance", str(town.instance), "import", TICKET, str(file)])
        assert told.exit_code == 1, told.output
        assert NO in (tmp_path / "rows.refused.csv").read_text(encoding="utf-8-sig")
    sender = citizen(frozenset({(TICKET, waiting.id)}))
    with pytest.raises(Rejected, match=NO):
        town.records.transition(sender, TICKET, waiting.id, "answer", version=waiting.version)
    assert count(town, TICKET) == before
    assert town.failures.of("strict") == []
    assert town.plugins.guard.breakers.states("strict") == []


# -- field types --------------------------------------------------------------------------------------------------


def test_a_value_that_can_t_be_read_stays_as_it_is_kept(hall: Hall) -> None:
    """A plain line stands for it on pages and in files; no change and no import writes over it; and as soon as the
    plugin is off, or left out in safe mode, the built-in type that it is made of reads it.
    """
    identity, base = "field_reads.thing", "/admin/field_reads/thing/"
    with hall.on("field_reads") as town:
        record = town.records.get(CLERK, identity, 1)
        assert str(record["shade"]) == str(record["lines"][0]["tint"]) == NOT_SHOWN
        for page in (base, f"{base}1/", f"{base}1/edit", f"{base}1/print"):
            assert NOT_SHOWN in plain(hall.desk.get(page))
        assert "This can’t be changed just now. It stays as it is." in plain(hall.desk.get(f"{base}1/edit"))
        changed = town.records.update(CLERK, identity, 1, {"label": "Nowak"}, version=record.version)
        again = {"shade": changed["shade"], "lines": [*changed["lines"], {"what": "Lamp", "tint": "Red"}]}
        town.records.update(CLERK, identity, 1, again, version=changed.version)
        exported = hall.desk.get(f"{base}export.csv").text
        assert NOT_SHOWN in exported
        (outcome,) = town.records.import_rows(system(), identity, [{"label": "Copy", "shade": NOT_SHOWN}])
        assert "stands for a value that could not be shown" in outcome.errors["shade"]
        assert {(failure.stage, failure.what) for failure in town.failures.of("field_reads")} == {
            ("field", "shade_reads.from_columns")
        }
        safe = Town(town.instance, town.settings, town.database, town.clock, safe_mode=True)
        assert safe.records.get(CLERK, identity, 1)["shade"] == "Green"
    frozen = hall.town.records.get(CLERK, identity, 1)
    assert (frozen["shade"], [line["tint"] for line in frozen["lines"]]) == ("Green", ["Blue", "Red"])
    assert "Green" in plain(hall.desk.get(f"{base}1/"))


def test_a_face_that_fails_again_and_again_is_left_alone(sqlite_hall: Hall, clock: FixedClock) -> None:
    """After five failures in a row it isn't called for a minute; the plugin's page says so."""
    url = "/admin/field_shows/thing/1/"
    with sqlite_hall.on("field_shows") as town:
        for _ in range(MOST_FAILURES):
            assert sqlite_hall.desk.get(url).status_code == 200
        count = sum(failure.count for failure in town.failures.of("field_shows"))
        assert NOT_SHOWN in plain(sqlite_hall.desk.get(url))
        assert sum(failure.count for failure in town.failures.of("field_shows")) == count
        page = plain(sqlite_hall.desk.get("/admin/plugins/field_shows/"))
        assert "shade_shows.display" in page
        assert "Left alone" in page
        clock.move(timedelta(seconds=COOL_OFF + 1))
        sqlite_hall.desk.get(url)
        assert sum(failure.count for failure in town.failures.of("field_shows")) == count + 1


def test_a_slow_face_is_written_down_and_a_hopeless_one_left_alone(sqlite_hall: Hall) -> None:
    """What a slow one says is shown, until it was hopelessly late five times in a row."""
    url = "/admin/field_slowly/thing/1/"
    with sqlite_hall.on("field_slowly") as town:
        assert "Green" in plain(sqlite_hall.desk.get(url))
        assert ("slow", "shade_slowly.display") in {stage[:2] for stage in stages(town, "field_slowly")}
        for _ in range(MOST_FAILURES):
            page = plain(sqlite_hall.desk.get(url))
        assert "Green" not in page
        assert NOT_SHOWN in page


def test_a_field_type_says_no_on_purpose_as_ever(sqlite_hall: Hall) -> None:
    """A refusal of a plugin's own type is a sentence at its field, and no failure."""
    code = """
    from townhall_forms.errors import Invalid
    from townhall_forms.fields import register
    from townhall_forms.fields.text import Text

    @register
    class Plate(Text):
        type_name = "guards_plate"

        def parse(self, raw, context):
            if raw == "wrong":
                raise Invalid("That is no number plate.")
            return super().parse(raw, context)
    """
    town = sqlite_hall.town
    folder = town.instance / "plugins" / "plates" / "schemas"
    folder.mkdir(parents=True)
    fields = '[fields.plate]\ntype = "guards_plate"\nsearch = true\n'
    (folder / "car.toml").write_text(f'[type]\nname = "car"\ntitle = "{{plate}}"\n{fields}', encoding="utf-8")
    lay(town, "plates", code)
    with sqlite_hall.on("plates") as town:
        sqlite_hall.desk.get("/admin/plates/car/new")
        response = sqlite_hall.desk.post("/admin/plates/car/new", {"plate": "wrong"})
        assert (response.status_code, "That is no number plate." in plain(response)) == (422, True)
        assert sqlite_hall.desk.post("/admin/plates/car/new", {"plate": "AB 123"}).status_code == 302
        assert town.records.search(CLERK, "AB 123")[0][0].title == "AB 123"
        assert town.failures.of("plates") == []
        assert town.plugins.guard.breakers.states("plates") == []


# -- writing failures down ----------------------------------------------------------------------------------------


def test_failures_wait_while_somebody_else_writes(sqlite_hall: Hall) -> None:
    """A page whose panel fails answers although the database is locked; the failure is written by a later one."""
    url = f"/admin/desk/ticket/{sqlite_hall.ticket}/"
    with sqlite_hall.on("react_raises") as town:
        other = sqlite3.connect(town.instance / "townhall.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert sqlite_hall.desk.get(url).status_code == 200
        assert other.execute("SELECT count(*) FROM plugin_failure").fetchone() == (0,)
        other.execute("ROLLBACK")
        other.close()
        assert sqlite_hall.desk.get("/admin/").status_code == 200
        table = town.system.plugin_failure
        written = {what for (what,) in table.select(table.what).where(table.plugin == "react_raises").tuples()}
        assert written == {"record_panels", "record_flags", "home_cards", "calendar_entries"}


def test_the_same_failure_is_one_row_and_the_last_are_kept(town: Town, clock: FixedClock) -> None:
    """It is counted, from the first time to the last; of many different ones the newest stay; forgetting deletes."""
    for _ in range(3):
        town.failures.note("park", "call", "before_save", ValueError("Moreau, 0123456789 and a@b.example are 'wrong'"))
        town.failures.flush()
        clock.move(timedelta(minutes=1))
    (failure,) = town.failures.of("park")
    assert (failure.count, failure.last - failure.first) == (3, timedelta(minutes=2))
    assert "0123456789" not in failure.message
    assert "a@b.example" not in failure.message
    assert "'wrong'" not in failure.message
    with suppress(LookupError), town.database.atomic():
        town.failures.note("park", "job", "nightly", "It stopped.")
        town.failures.flush()
        raise LookupError
    assert town.failures.of("park")[0].stage == "job"
    for number in range(failures.KEPT + 5):
        town.failures.note("park", "template", f"{number}.html", "It is wrong.")
        clock.move(timedelta(seconds=1))
    kept = town.failures.of("park")
    assert len(kept) == failures.KEPT
    assert kept[0].what == f"{failures.KEPT + 4}.html"
    assert town.failures.forget("park") == failures.KEPT
    assert town.failures.of("park") == []


# -- pages, templates, files and seeds ----------------------------------------------------------------------------


def test_a_view_that_fails_shows_a_plain_page_in_the_frame(sqlite_hall: Hall) -> None:
    """Its own page says so, its other pages work, strangers are asked to sign in, and IT finds what happened."""
    with sqlite_hall.on("view_raises") as town:
        for page in ("", "exits", "nothing"):
            response = sqlite_hall.desk.get(f"/admin/view_raises/{page}")
            assert response.status_code == 500
            assert "View raises could not show this page. Everything else works." in main_of(response)
            assert "My work" in plain(response)
        works = sqlite_hall.desk.get("/admin/view_raises/works")
        assert "Here is the map." in main_of(works)
        assert "More Map" in plain(works)
        stranger = sqlite_hall.street.get("/admin/view_raises/works")
        assert stranger.status_code == 302
        assert "/admin/sign-in" in stranger.headers["Location"]
        assert [stage for stage, _, _ in stages(town, "view_raises")] == ["view"] * 3


@pytest.mark.parametrize(
    ("name", "stage", "words"),
    [
        ("view_factory_raises", "call", ["ZeroDivisionError"]),
        ("view_elsewhere", "view", ["must be", "must begin with /admin/view_elsewhere", "already", "Flask-Admin view"]),
        ("view_on_every_page", "view", ["it changes how all pages work"]),
        ("view_access_raises", "view", ["SystemExit", "RuntimeError"]),
        ("template_elsewhere", "template", ["It is outside templates/template_elsewhere/"]),
        ("template_wrong", "template", ["TemplateSyntaxError", "UndefinedError", "TemplateNotFound"]),
    ],
)
def test_views_and_templates_stay_in_their_places(sqlite_hall: Hall, name: str, stage: str, words: list[str]) -> None:
    """What is outside a plugin's own name, or fails to be made or asked, is left out, and it is written down why."""
    with sqlite_hall.on(name) as town:
        home = plain(sqlite_hall.desk.get("/admin/"))
        for page in ("", "undefined", "missing"):
            assert sqlite_hall.desk.get(f"/admin/{name}/{page}").status_code in {403, 404, 500}
        assert "View access raises" not in home
        found = [failure.message for failure in town.failures.of(name) if failure.stage == stage]
        assert [word for word in words if not any(word in message for message in found)] == []
        assert "My work" in plain(sqlite_hall.desk.get("/admin/"))


def test_static_files_and_seeds_fail_alone(sqlite_hall: Hall) -> None:
    """A file that can't be sent is not there; seeds that are wrong are planted not at all, and the plugin is on."""
    with sqlite_hall.on("static_gone"):
        served = sqlite_hall.street.get("/static/plugins/static_gone/here.css")
        assert served.status_code == 200
        served.close()
        assert sqlite_hall.street.get("/static/plugins/static_gone/nowhere.css").status_code == 404
    town = sqlite_hall.town
    with pytest.raises(PluginError, match="record 2"):
        switching.enable(town, system(), "seeds_wrong")
    assert "seeds_wrong" in town.plugins.running
    assert count(town, "seeds_wrong.thing") == 0
    assert stages(town, "seeds_wrong") == [("seeds", "thing.toml", 1)]


# -- looking at a plugin ------------------------------------------------------------------------------------------


def test_a_plugin_has_a_page_that_tells_everything(sqlite_hall: Hall, clock: FixedClock) -> None:
    """What it is, its hooks, its settings with secrets masked, and its failures with their traces, until forgotten."""
    town = sqlite_hall.town
    lay(town, "strict", STRICT + "    \n\n@hookimpl\ndef record_panels(record):\n    raise ValueError(record.title)\n")
    sqlite_hall.desk.get(f"/admin/desk/ticket/{sqlite_hall.ticket}/")
    listed = main_of(sqlite_hall.desk.get("/admin/plugins/"))
    assert "Strict had trouble 1 time in the last day." in listed
    response = sqlite_hall.desk.get("/admin/plugins/strict/")
    page = main_of(response)
    for words in (
        "1.0.0",
        "before_save",
        "It decides",
        "desk.ticket",
        "record_panels",
        "Failed 1 time in a row",
        "tree",
    ):
        assert words in page
    assert "tree" in page
    assert "abc123" not in response.text
    assert "A hook: record_panels" in page
    assert "Deep hole" not in page
    told = CliRunner().invoke(main, ["--instance", str(town.instance), "plugins", "show", "strict"])
    assert told.exit_code == 0, told.output
    assert "ValueError" in told.output
    assert "abc123" not in told.output
    told = CliRunner().invoke(main, ["--instance", str(town.instance), "plugins", "show", "strict", "--json"])
    data = json.loads(told.output)
    assert [hook["name"] for hook in data["hooks"]] == ["before_save", "record_panels"]
    assert data["failures"][0]["stage"] == "call"
    assert data["settings"]["api_key"] == describing.MASK
    done = sqlite_hall.desk.post("/admin/plugins/strict/forget", {})
    assert "1 failure forgotten." in plain(sqlite_hall.desk.get(done.headers["Location"]))
    assert sqlite_hall.desk.get("/admin/plugins/nobody/").status_code == 404
    missing = CliRunner().invoke(main, ["--instance", str(town.instance), "plugins", "show", "nobody"])
    assert missing.exit_code == 1
    assert "there is no such plugin" in missing.output


def test_failures_of_a_start_that_works_by_now_are_no_trouble(sqlite_hall: Hall) -> None:
    """A plugin that could not start and can now stays in the list of what went wrong, and needs nobody any more."""
    with sqlite_hall.on("import_raises") as town:
        assert "import_raises" in describing.troubled(town)
        code = town.instance / "plugins" / "import_raises" / "__init__.py"
        code.write_text("", encoding="utf-8")
        town.reload()
        assert "import_raises" in town.plugins.running
        assert "import_raises" not in describing.troubled(town)
        assert stages(town, "import_raises")[0][0] == "import"


def test_health_and_the_plugins_page_run_no_plugin_code(sqlite_hall: Hall) -> None:
    """With a plugin in which everything ends the process, these pages don't even ask it."""
    with sqlite_hall.on("all_exit") as town:
        town.failures.forget("all_exit")
        pages = ("/admin/plugins/", "/admin/plugins/all_exit/", "/admin/plugins/?off=all_exit", "/admin/modules/")
        for url in (*pages, "/admin/packs/unpack", "/admin/packs/pack?name=all_exit"):
            assert sqlite_hall.desk.get(url).status_code == 200
        assert sqlite_hall.street.get("/health").json == {"status": "ok", "database": "answers"}
        assert town.failures.of("all_exit") == []
        assert sqlite_hall.desk.get("/admin/").status_code == 200
        assert stages(town, "all_exit") == [("view", "all_exit", 1)]


def test_safe_mode_runs_no_code_and_lets_no_decision_through(sqlite_hall: Hall) -> None:
    """No import, view, template or file of a plugin; what its code decides about can only be read, and it is said."""
    with sqlite_hall.on("decide_exits", "view_raises", "static_gone", "compute_raises", "all_exit") as town:
        assert sqlite_hall.street.get("/health").status_code == 200
        for code in (town.instance / "plugins").glob("*/__init__.py"):
            code.write_text("raise SystemExit(1)\n", encoding="utf-8")
        safe = Town(town.instance, town.settings, town.database, town.clock, safe_mode=True)
        assert {"decide_exits", "view_raises", "static_gone"} <= set(safe.plugins.running)
        assert safe.plugins.hooks == {}
        with pytest.raises(Rejected, match="safe mode, without the code of Decide exits"):
            safe.records.create(CLERK, "decide_exits.thing", {"label": "x"})
        with pytest.raises(Rejected, match="safe mode"):
            safe.records.create(CLERK, CONTACT, {"kind": "person", "family_name": "All exit decides about this"})
        switching.disable(safe, system(), "all_exit")
        safe.records.create(CLERK, CONTACT, {"kind": "person", "family_name": "Weir"})
        safe.records.create(CLERK, "static_gone.thing", {"label": "no code decides about this"})
        shown = Hall(TownApplication(safe), sqlite_hall.desk, sqlite_hall.street, 1, 1)
        sqlite_hall.desk.http.application = shown.application
        for url, words in (
            ("/admin/decide_exits/thing/", "Only to read. Townhall runs in safe mode"),
            ("/admin/plugins/", "safe mode: no plugin's code runs"),
            ("/admin/plugins/decide_exits/", "records about which it decides can only be read"),
        ):
            assert words in main_of(sqlite_hall.desk.get(url))
        closed = sqlite_hall.desk.get("/admin/decide_exits/thing/new")
        assert (closed.status_code, "safe mode, without the code of Decide exits" in main_of(closed)) == (403, True)
        assert sqlite_hall.desk.get("/admin/view_raises/").status_code == 404
        assert sqlite_hall.desk.get("/static/plugins/static_gone/here.css").status_code == 404
        sqlite_hall.desk.http.application = sqlite_hall.application


def test_every_broken_plugin_says_in_its_name_at_which_stage_it_fails() -> None:
    """A folder that no test would know what to do with fails here."""
    starts = (
        "migration",
        "settings",
        "manifest",
        "requires",
        "schema",
        "import",
        "hook",
        "decide",
        "compute",
        "restrict",
        "react",
        "job",
        "field",
    )
    assert [name for name in ALL if not name.startswith((*starts, "view", "template", "static", "seeds", "all"))] == []
    assert len(ALL) > 40
    assert (BROKEN / "README.md").is_file()


def test_asking_hooks_that_nobody_implements_costs_next_to_nothing(town: Town) -> None:
    """A hundred thousand questions to nobody take less than a second."""
    from time import process_time

    record = town.records.create(system(), CONTACT, {"kind": "person", "family_name": "Moreau"})
    start = process_time()
    for _ in range(100_000):
        town.plugins.has("after_save", CONTACT)
        town.plugins.record_flags(CLERK, record)
    assert process_time() - start < 1.0
