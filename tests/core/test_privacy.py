"""Every field of every type, for everybody who may look, on every surface: nothing is where it must not be.

The walk itself is the kit's (:mod:`townhall.testing.privacy`); here it walks all plugins that are shipped, and is shown
leaks, so that it is known to find them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import peewee
import pytest
from flask import session

from townhall import app
from townhall.access import policy
from townhall.access.actors import system
from townhall.admin import facts
from townhall.admin import home
from townhall.admin.exporting import csv_lines
from townhall.clock import FixedClock
from townhall.lifecycle import layer_review
from townhall.messages import letters
from townhall.messages import visibility
from townhall.portal import applying
from townhall.portal import listings
from townhall.portal import visitor
from townhall.records import encrypting
from townhall.records import naming
from townhall.records import predicate
from townhall.records import search_entries
from townhall.records import service
from townhall.testing import copy_of
from townhall.testing import make_template
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.testing.clients import staff_client
from townhall.testing.privacy import Report
from townhall.testing.privacy import walk
from townhall.testing.privacy import watching
from townhall.town import Town
from townhall_forms.layer import read_layer
from townhall_forms.values import Question
from townhall_forms.values import Questions

#: A type of case of each plugin, and an event of its workflow that tells somebody outside.
CASES = {
    "complaints": ("complaints.service_request", "resolved"),
    "economic_development": ("economic_development.prospect", "received"),
    "grants": ("grants.application", "received"),
    "recruitment": ("recruitment.application", "received"),
}
#: What no sample can guess: rules about types that the town has.
GIVEN: dict[str, dict[str, Any]] = {
    plugin: {
        "core.target": {
            "case_type": identity,
            "conditions": [],
            "clocks": [{"clock": "resolution", "within": "5", "unit": "working_days"}],
        },
        "core.message_template": {"type": identity, "event": event},
        "core.working_calendar": {"frames": [{"day": "monday", "begins": "08:00", "ends": "16:00"}]},
    }
    for plugin, (identity, event) in CASES.items()
}
TICKET, TOPIC, ENTRY = "desk.ticket", "desk.topic", "desk.entry"


def said(report: Report) -> str:
    """Everything that is wrong, one to a line."""
    return "\n".join([*report.sentences(), *report.missing])


@pytest.mark.long
@pytest.mark.parametrize("plugin", CASES)
@pytest.mark.parametrize("engine", ["sqlite"])
def test_nothing_leaks(make_town: Callable[..., Town], plugin: str) -> None:
    """All types of core and a plugin, for all roles. No plugin knows of another, so each has a walk of its own."""
    report = walk(make_town(plugin), given=GIVEN[plugin])
    assert said(report) == ""
    assert report.unopened == []
    assert report.planted > 200


@pytest.mark.long
@pytest.mark.parametrize("engine", ["postgresql"])
def test_nothing_leaks_that_is_encrypted(make_town: Callable[..., Town]) -> None:
    """The same on the other engine, with all confidential values encrypted, which changes how records are read."""
    town = make_town("complaints")
    town.settings = replace(town.settings, encrypt_confidential=True)
    report = walk(town, given=GIVEN["complaints"])
    assert said(report) == ""
    assert report.unopened == []
    assert any(encrypting.encrypted(town, record_type) for record_type in town.schemas.values())


@pytest.fixture
def desk(make_town: Callable[..., Town]) -> Town:
    """A town with the plugin ``desk``, on SQLite: what the walk finds doesn't depend on the engine."""
    return make_town("desk")


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_walk_names_field_role_and_surface(desk: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaks on many surfaces at once: each is told with its field, for whom it is not, and where it stood."""
    types = [desk.schemas[TICKET]]
    whole = facts.FactWriter.section

    def telling(self: Any, record: Any, section: Any, left: frozenset[str]) -> Any:
        built = whole(self, record, section, left)
        full = desk.records.get(system(), record.identity, record.id)
        if full.values.get("secret"):
            built.facts.append(facts.Fact("secret", "Told", facts.Markup(full["secret"])))
            logging.getLogger("a.plugin").warning("Shown: %s", full["secret"])
        return built

    monkeypatch.setattr(facts.FactWriter, "section", telling)
    monkeypatch.setattr(policy, "exportable_fields", lambda actor, record_type: tuple(record_type.fields))
    monkeypatch.setattr(service.history, "MASK", "zqmask")
    found = {(leak.field, leak.reader, leak.surface) for leak in walk(desk, types).leaks}
    for surface in ("page of desk.ticket (open)", "print of desk.ticket (open)", "version 1 of desk.ticket (open)"):
        assert ("desk.ticket.secret", "viewer", surface) in found
    assert ("desk.ticket.secret", "whoever reads the log", "log of page of desk.ticket (open)") in found


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_walk_finds_what_the_public_must_not_see(desk: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Internal fields on public pages and in the public search, hidden records, filters: all are found."""
    real = policy._access

    def generous(level: str, granted: frozenset[str], record_type: Any) -> policy.FieldAccess:
        access = real(level, granted, record_type)
        if level != "public" or record_type.identity != TICKET:
            return access
        return replace(access, readable=access.readable | {"details"}, filterable=access.filterable | {"details"})

    monkeypatch.setattr(policy, "_access", generous)
    monkeypatch.setattr(predicate, "_public", lambda town, actor, record_type, model: model.id > 0)
    monkeypatch.setattr(search_entries, "_NEVER_PUBLIC", frozenset())
    monkeypatch.setattr(listings, "_fields", lambda record_type, names: [*record_type.fields.values()][:3])
    policy._ACCESS.clear()
    try:
        report = walk(desk, [desk.schemas[TICKET], desk.schemas[TOPIC]])
    finally:
        policy._ACCESS.clear()
    told = said(report)
    assert "desk.ticket can be filtered by “details”, which a visitor may not read." in told
    assert "a visitor: reading gives desk.ticket (closed" in told
    fields = {leak.field for leak in report.leaks if leak.reader.startswith("a ")}
    assert "desk.ticket.details" in fields


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_walk_reads_letters_receipts_and_what_monitors_ask(desk: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret on a printed letter, in the answer for monitors, on a receipt; and forms that any browser may open."""

    def secrets() -> str:
        return " ".join(str(each.get("secret")) for each in desk.records.find(system(), TICKET, limit=200).records)

    printed, answer, receipt, drafts = letters.printed, app.jsonify, applying.receipt, dict[str, str]()

    def telling(name: str) -> Any:
        shown = receipt(name)
        shown.set_data(shown.get_data() + secrets().encode())
        return shown

    def anybodys(name: str) -> str:
        drafts.update(session.get("drafts", {}))
        return drafts.get(name, "")

    def sheets(town: Town, actor: Any, ids: Any) -> Any:
        return [replace(each, paragraphs=[*each.paragraphs, secrets()]) for each in printed(town, actor, ids)]

    monkeypatch.setattr(letters, "printed", sheets)
    monkeypatch.setattr(app, "jsonify", lambda **said: answer(**said, more=secrets()))
    monkeypatch.setattr(applying, "receipt", telling)
    monkeypatch.setattr(visitor, "draft_key", anybodys)
    report = walk(desk, [desk.schemas[TICKET], desk.schemas[TOPIC]])
    found = {(leak.field, leak.reader, leak.surface) for leak in report.leaks}
    secret, others = f"{TICKET}.secret", "a visitor who did not send it"
    for reader, surface in (
        ("clerk", "/admin/messages/letters/print"),
        ("a visitor", "/health"),
        ("the sender of public", "receipt of public"),
        (others, "receipt of public"),
    ):
        assert (secret, reader, surface) in found, (reader, surface)
    for page in ("receipt", "saved", "page/review"):
        assert f"{page} of public tells {others} of what was sent." in report.problems


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_walk_that_sees_nothing_says_so(desk: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may see a value and finds it nowhere is told as well, or an empty page would pass."""
    monkeypatch.setattr(watching, "found_in", lambda text: set())
    missing = walk(desk, [desk.schemas[TICKET]]).missing
    assert any("desk.ticket.details: viewer may see it and finds it nowhere." in each for each in missing)


KENNEL = """\
from townhall import Panel, PanelRow, for_types, hookimpl, system

@hookimpl
@for_types("dogs.dog")
def restrict(town, actor):
    if actor.kind == "staff" and not actor.may("plugins.manage"):
        return {"dogs.dog": {"wild": {"ne": True}}}

@hookimpl
def home_cards(town, actor):
    dogs = town.records.find(LEAKING, "dogs.dog").records
    return [Panel("Dogs", [PanelRow(dog.title) for dog in dogs])]
"""
DOG = """\
[type]
name = "dog"
title = "{name}"
[fields.name]
type = "text"
required = true
search = true
[fields.wild]
type = "boolean"
"""


@pytest.mark.parametrize("asks_as", ["actor", "system()"])
def test_what_a_plugin_keeps_back_leaves_no_trace(tmp_path: Path, clock: FixedClock, asks_as: str) -> None:
    """A record that a hook keeps from some is nowhere for them; a card that asks as the town itself is found out."""
    folder = kennel(tmp_path, KENNEL.replace("LEAKING", asks_as))
    with copy_of(make_template(tmp_path / "template", [folder], clock), tmp_path / "town", clock) as town:
        tame = {"dogs.dog": {"wild": False}}
        report = walk(town, [town.schemas["dogs.dog"]], given=tame, kept_back={"dogs.dog": {"wild": True}})
    readers = {(leak.field, leak.reader) for leak in report.leaks if leak.surface == "/admin/"}
    if asks_as == "actor":
        assert said(report) == ""
    else:
        assert {("dogs.dog.name", "clerk"), ("dogs.dog.name", "viewer")} <= readers


LEAKING = """\
import logging
from flask_admin import BaseView, expose
from townhall import Panel, for_types, hookimpl, system

@hookimpl
@for_types("dogs.dog")
def after_save(town, change):
    logging.getLogger("dogs").info("Chip %s", change.values.get("chip"))

@hookimpl
@for_types("dogs.dog")
def record_panels(town, actor, record):
    return [Panel("Walks", facts=[("Where", str(town.records.get(system(), "dogs.dog", record.id)["walks"]))])]

@hookimpl
def admin_views(town):
    class Sheet(BaseView):
        @expose("/<int:id>/sheet")
        def sheet(self, id):
            return str(dict(town.records.get(system(), "dogs.dog", id).values))

        @expose("/of/<colour>")
        def colour(self, colour):
            return "Nothing."

        @expose("/")
        def index(self):
            return "Choose one."

    return [Sheet(name="Sheet", endpoint="dogs_sheet", url="/admin/dogs_sheet")]
"""
SECRETS = """
[fields.chip]
type = "text"
privacy = "confidential"
[fields.walks]
type = "rows"
[fields.walks.fields.where]
type = "text"
[fields.walks.fields.lock]
type = "text"
privacy = "confidential"
"""


def kennel(tmp_path: Path, code: str, more: str = "") -> Path:
    """A vendor's module for dogs."""
    folder = tmp_path / "dogs"
    (folder / "schemas").mkdir(parents=True)
    manifest = 'name = "dogs"\ntitle = "Dogs"\ndescription = "Dogs."\nversion = "1.0.0"\napi = ">=1,<2"\n'
    (folder / "plugin.toml").write_text(manifest)
    (folder / "schemas" / "dog.toml").write_text(DOG + more)
    (folder / "__init__.py").write_text(code)
    return folder


def test_the_leaks_of_a_vendors_module_are_named(tmp_path: Path, clock: FixedClock) -> None:
    """On a page of its own with an id in its address, in a panel, in the log; and a page that nobody could fill in."""
    folder = kennel(tmp_path, LEAKING, SECRETS)
    with copy_of(make_template(tmp_path / "template", [folder], clock), tmp_path / "town", clock) as town:
        report = walk(town, [town.schemas["dogs.dog"]])
    found = {(leak.field, leak.reader, leak.surface) for leak in report.leaks}
    assert ("dogs.dog.chip", "whoever reads the log", "log of making records") in found
    assert ("dogs.dog.chip", "administrator", "/admin/dogs_sheet/<int:id>/sheet") in found
    assert ("dogs.dog.name", "contractor", "/admin/dogs_sheet/<int:id>/sheet") in found
    assert ("dogs.dog.walks.lock", "viewer", "page of dogs.dog (open)") in found
    assert "/admin/dogs_sheet/of/<colour>" in report.unopened


#: Fields that are asked or not by what whoever fills in the form may not read.
DECIDED_UNSEEN = """
[core.contact.fields.town_club]
type = "text"
label = "Your club"
forms = ["own"]
show_if = { notes = { empty = false } }
[desk.ticket.fields.town_team]
type = "text"
label = "For the team"
privacy = "public"
forms = ["public"]
show_if = { "topic.team" = { empty = false } }
[desk.ticket.fields.town_known]
type = "text"
label = "As we know them"
show_if = { "reporter.notes" = { empty = false } }
"""


@pytest.mark.parametrize("engine", ["sqlite"])
def test_what_decides_about_a_form_is_not_told_with_it(desk: Town) -> None:
    """Conditions may go by what whoever fills in a form may not read; their browser is told only what comes of it."""
    layer_review.publish(desk, system("cli"), read_layer(DECIDED_UNSEEN), follows=0)
    town = desk.renewed()
    report = walk(town, [town.schemas[identity] for identity in (TICKET, TOPIC, "core.contact")])
    assert said(report) == ""


VISIT = """\
[type]
name = "visit"
title = "{reason}, {owner}"
[fields.reason]
type = "text"
required = true
[fields.owner]
type = "link"
to = "core.contact"
required = true
"""


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_walk_finds_whom_a_title_names(
    tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """Whoever sees nothing of contacts is named none by titles of what points at them, or the walk says so."""
    folder = kennel(tmp_path, "")
    (folder / "schemas" / "visit.toml").write_text(VISIT)
    template = make_template(tmp_path / "template", [folder], clock)
    told = []
    for name in ("kept", "told"):
        with copy_of(template, tmp_path / name, clock) as town:
            report = walk(town, [town.schemas["core.contact"], town.schemas["dogs.visit"]])
            told.append({leak.surface for leak in report.leaks if leak.field.startswith("core.contact.")})
        monkeypatch.setattr(naming, "_is_told", lambda *asked: True)
    assert told[0] == set()
    assert {"list of dogs.visit", "print of dogs.visit", "export.csv of dogs.visit"} <= told[1]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_walk_finds_what_goes_by_no_scope(desk: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of work that goes by no scope changes when cases are added that are out of somebody's reach."""
    work = home.queries.my_work

    def all_of_it(town: Town, actor: Any, **options: Any) -> Any:
        return work(town, replace(system(), id=actor.id), **options)

    monkeypatch.setattr(home.queries, "my_work", all_of_it)
    report = walk(desk, [desk.schemas[TICKET], desk.schemas[TOPIC], desk.schemas["core.queue"]])
    assert "/admin/ looks otherwise to reviewer since there are records that it hides." in report.problems
    assert ("desk.ticket.summary", "/admin/") in {(leak.field, leak.surface) for leak in report.leaks}


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_walk_finds_whom_messages_go_to(desk: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outbox and a pile of letters that show all of it, with hidden records, to whoever may open them."""
    monkeypatch.setattr(visibility, "visible", lambda town, actor, messages: [*messages])
    monkeypatch.setattr(visibility, "test", lambda town, actor: peewee.SQL("1 = 1"))
    report = walk(desk, [desk.schemas[TICKET], desk.schemas[TOPIC], desk.schemas["core.queue"]])
    found = {(leak.reader, leak.surface) for leak in report.leaks if leak.field == f"{TICKET}.messages.recipient"}
    for tab in ("attention", "waiting", "sent"):
        assert ("department_clerk", f"messages ({tab})") in found
    assert ("department_clerk", "/admin/messages/letters/print") in found


def test_an_export_holds_no_confidential_part(make_town: Callable[..., Town]) -> None:
    """Not even whoever runs commands on the server takes confidential answers along."""
    town = make_town("desk")
    record = ticket(town)
    lines = "".join(csv_lines(town, system("cli"), record.type, None))
    assert "Knee" in lines
    assert "Zeno" not in lines
    assert "Diabetic" not in lines


# -- who writes what they don't see ---------------------------------------------------------------------------------


def careful(town: Town, role: str = "careful") -> StaffClient:
    """A colleague who may change records and never see what is confidential."""
    town.system.role.insert(
        name=role, label="Careful", description="", permissions='["*.view", "*.create", "*.edit"]'
    ).execute()
    add_person(town, f"{role}@milbrook.example", role)
    return StaffClient(staff_client(town, "viewer").http.application, f"{role}@milbrook.example")


def ticket(town: Town) -> Any:
    """A ticket with a secret, and with an answer that is confidential."""
    asked = (Question("deep", "How deep?"), Question("who", "Who did it?", privacy="confidential", required=True))
    topic = town.records.create(system(), TOPIC, {"name": "Streets", "questions": Questions(1, asked, {})})
    values = {"topic": topic.id, "summary": "Hole", "secret": "Diabetic", "answers": {"deep": "Knee", "who": "Zeno"}}
    return town.records.create(system(), TICKET, values)


def test_a_form_blanks_nothing_that_it_does_not_show(make_town: Callable[..., Town]) -> None:
    """Sent back as it came, by somebody with the right and somebody without, it keeps every confidential value."""
    from townhall.testing.reading import PageReader

    town = make_town("desk")
    record = ticket(town)
    url = f"/admin/desk/ticket/{record.id}/edit"
    for client in (staff_client(town, "clerk"), careful(town)):
        page = client.get(url)
        assert "Diabetic" not in page.text
        assert "Zeno" not in page.text
        form = PageReader(page.text).form_to("version")
        assert form is not None
        assert ("secret" in form.names) == (client._who["email"] == "clerk@milbrook.example")
        sent = client.http.post(url, data=form.data() | {"summary": "Deep hole"})
        assert sent.status_code == 302
        after = town.records.get(system(), TICKET, record.id)
        assert (after["secret"], dict(after["answers"].values)) == ("Diabetic", {"deep": "Knee", "who": "Zeno"})


def test_whoever_may_writes_a_masked_value_and_takes_it_out(make_town: Callable[..., Town]) -> None:
    """A new value replaces the one that is not shown; to take it out is a choice of its own."""
    from townhall.testing.reading import PageReader

    town = make_town("desk")
    record = ticket(town)
    url = f"/admin/desk/ticket/{record.id}/edit"
    clerk = staff_client(town, "clerk")
    for change, wanted in (({"secret": "Asthma"}, "Asthma"), ({"remove": "secret"}, None)):
        page = clerk.get(url)
        assert "Something is entered and not shown." in page.text
        form = PageReader(page.text).form_to("version")
        assert form is not None
        assert clerk.http.post(url, data=form.data() | change).status_code == 302
        assert town.records.get(system(), TICKET, record.id)["secret"] == wanted


def test_an_answer_is_revealed_by_itself(make_town: Callable[..., Town]) -> None:
    """A confidential answer among others is masked, shown for a reason, and written down."""
    town = make_town("desk")
    record = ticket(town)
    clerk, viewer = staff_client(town, "clerk"), staff_client(town, "viewer")
    page = clerk.get(f"/admin/desk/ticket/{record.id}/")
    assert "Who did it?" in page.text
    address = f"/admin/desk/ticket/{record.id}/reveal/answers.who"
    assert address in page.text
    clerk.get(address)
    assert "Zeno" not in clerk.post(address, {"reason": ""}).text
    assert "Zeno" in clerk.post(address, {"reason": "Police asks"}).text
    assert viewer.post(address, {"reason": "Police asks"}).status_code in (403, 404)
    assert [(each.action, each.note) for each in town.records.history(system(), TICKET, record.id)][-1] == (
        "reveal",
        "Police asks",
    )
    assert "answers.who" in town.records.history(system(), TICKET, record.id)[-1].changes


def test_no_page_of_the_docs_is_silent_about_a_surface() -> None:
    """The table in the docs has a line for each surface that the walk knows by name, and each level of privacy."""
    text = (Path(__file__).parents[2] / "docs" / "explanation" / "privacy.md").read_text(encoding="utf-8")
    for word in ("public", "internal", "confidential"):
        assert f"`{word}`" in text
    staff = ("List", "Record’s page", "Form", "History", "Print", "CSV", "Search", "Lookup", "Figures", "Calendar")
    for surface in (*staff, "Message", "Public page", "Status page", "Log", "Database", "Pack"):
        assert f"| {surface}" in text, surface
