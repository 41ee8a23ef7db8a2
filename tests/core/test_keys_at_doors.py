"""Each key of the schema language shows at the doors of a town: in records, clerk's screens, public pages, calendar.

The plugin ``keys`` has two types alike: ``keyed`` has every key, ``plain`` as few as can be.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from collections.abc import Iterator
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from keys_shown import Seen
from keys_shown import shows
from towns import copy_of
from towns import make_template
from werkzeug.datastructures import FileStorage
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.accounts import people
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.events import calendar
from townhall.records.types import Record
from townhall.testing.clients import add_person
from townhall.town import Town
from townhall_forms.errors import Invalid
from townhall_forms.tables import fields_index

MOMENT = datetime(2026, 3, 17, 16, 0, tzinfo=UTC)
CLERK = Actor("staff", "Erin Clerk", 7, ROLES["clerk"].permissions, door="admin")
EMAIL, PASSWORD = "ada@town.example", "correct horse battery"
KEYED, PLAIN, KIND = "keys.keyed", "keys.plain", "keys.kind"
PDF = b"%PDF-1.7\n" + b"x" * 64


@pytest.fixture
def engine() -> str:
    """What keys do does not depend on the engine; conditions and records are tried on both elsewhere."""
    return "sqlite"


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A fresh town with the plugin ``keys``."""
    return make_town("keys")


def make(town: Town, identity: str, actor: Actor = CLERK, **values: Any) -> Record:
    return town.records.create(actor, identity, values)


# -- pages ----------------------------------------------------------------------------------------------------------


class Pages:
    """A town with records, its pages fetched once each as an administrator and as a visitor."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.ids = {}
        ada = make(town, "core.contact", kind="person", given_name="Ada", family_name="Moreau").id
        oaks = make(town, KIND, name="Oaks", group="Oak group", days=9).id
        self.ids |= {"contact": ada, "kind": oaks}
        self.ids["shut"] = make(town, KIND, name="Shut kind", days=0).id
        for identity in (KEYED, PLAIN):
            short = identity.partition(".")[2]
            more = (
                {"headline": "Alpha headline", "mood": "confirmed", "ends": MOMENT, "amount": 7}
                if identity == KEYED
                else {}
            )
            values = {"hint": "Alpha hint", "street": "Alpha street", "amount": 3, "inner": "Alpha inner"}
            links = {"who": ada, "kind": oaks, "starts": MOMENT, "last": "Alpha last"}
            self.ids[short] = make(town, identity, name="Alpha", **{**values, **links, **more}).id
            tentative = {"mood": "tentative"} if identity == KEYED else {}
            make(town, identity, name="Beta", amount=9, last="Beta last", kind=oaks, **tentative)
            make(town, identity, name="Hidden", amount=1, last="Hidden last", kind=oaks)
            make(town, identity, name="Large", amount=5000, last="Large last", kind=oaks)
        people.add(town, system(), EMAIL, name="Ada King", role="administrator", password=PASSWORD)
        app = create_app(town)
        self.staff, self.visitor = app.test_client(), app.test_client()
        post(self.staff, "/admin/sign-in", email=EMAIL, password=PASSWORD)
        self.fetched: dict[str, str] = {}

    def text(self, page: str, type_: str) -> str:
        """The text of a page of a type; ``{id}`` in its address is the first record's."""
        address = page.format(
            type=type_, id=self.ids.get(type_, 0), **{k: v for k, v in self.ids.items() if k != "type"}
        )
        if address not in self.fetched:
            client = self.staff if address.startswith("/admin") else self.visitor
            response = client.get(address, follow_redirects=True)
            assert response.status_code == 200, f"{address}: {response.status}"
            self.fetched[address] = unescape(response.text)
        return self.fetched[address]


def token_of(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def post(client: FlaskClient, path: str, **values: Any) -> TestResponse:
    return client.post(path, data={"csrf_token": token_of(client.get(path, follow_redirects=True)), **values})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    clock = FixedClock(MOMENT)
    template = make_template(tmp_path_factory.mktemp("keys"), None, ("keys",), clock)
    with copy_of(template, tmp_path_factory.mktemp("pages") / "town", None, clock) as town:
        yield Pages(town)


LIST, NEW, DETAILS = "/admin/keys/{type}/?view=all", "/admin/keys/{type}/new", "/admin/keys/{type}/{id}/"
MOVE = "/admin/keys/{type}/{id}/move/finish"
FORM = "/apply/keys/{type}/public?kind={kind}"
PUBLIC, ENTRY, HOME = "/open/keys/{type}/", "/open/keys/{type}/{id}", "/"

SEEN = [
    Seen("type.label", "form", NEW, "New keyed label"),
    Seen("type.label", "list", LIST, "New keyed label"),
    Seen("type.label_plural", "list", LIST, "<h1>Keyed plural"),
    Seen("type.description", "list", "/admin/keys/applied/", "Applied description."),
    Seen("fields.NAME.label", "list", LIST, "Last label"),
    Seen("fields.NAME.unit", "details", DETAILS, "7 barrels"),
    Seen("fields.NAME.prefill", "form", NEW + "?from=core.contact:{contact}", 'value="Moreau"'),
    Seen("fields.NAME.autocomplete", "public_form", FORM, 'autocomplete="street-address"'),
    Seen("fields.NAME.panel", "details", "/admin/keys/kind/{kind}/", "Keyed panel"),
    Seen("sections.name", "form", NEW, 'id="section-second"'),
    Seen("sections.label", "form", NEW, "Second section"),
    Seen("sections.label", "details", DETAILS, "Second section"),
    Seen("sections.help", "form", NEW, "First section help."),
    Seen("list.views.name", "list", LIST, "view=calm"),
    Seen("list.views.label", "list", LIST, "Calm view"),
    Seen("list.filters", "list", LIST, 'name="mood"'),
    Seen("forms.NAME.label", "public_form", "/apply/keys/keyed/apply", "Apply form"),
    Seen("forms.NAME.intro", "public_form", FORM, "Keyed intro."),
    Seen("forms.NAME.steps.label", "public_form", FORM, "Where step"),
    Seen("forms.NAME.closed_message", "public_form", "/apply/keys/{type}/public?kind={shut}", "Keyed is closed."),
    Seen("public.label", "public", PUBLIC, "<h1>Keyed public</h1>"),
    Seen("public.columns", "public", PUBLIC, "Alpha last"),
    Seen("public.fields", "public", ENTRY, "Alpha last"),
    Seen("public.filters", "public", PUBLIC, 'name="mood"'),
    Seen("public.intro", "public", PUBLIC, "Keyed public intro."),
    Seen("public.empty", "public", "/open/keys/applied/", "Applied nothing."),
    Seen("public.apply", "public", ENTRY, "/apply/keys/applied/form"),
    Seen("public.apply_label", "public", ENTRY, "Keyed apply"),
    Seen("workflow.states.NAME.label", "list", LIST, "Fresh label"),
    Seen("workflow.states.NAME.label", "details", DETAILS, "Fresh label"),
    Seen("workflow.states.NAME.tone", "list", LIST, "pill-soon"),
    Seen("workflow.states.NAME.tone", "details", DETAILS, "pill-soon"),
    Seen("workflow.states.NAME.help", "details", "/admin/keys/keyed/{id}/move/hold", "Waiting help."),
    Seen("workflow.transitions.label", "details", DETAILS, "Finish label"),
    Seen("workflow.transitions.help", "details", MOVE, "Finish help."),
    Seen("workflow.transitions.require", "details", MOVE, 'name="headline"'),
    Seen("workflow.transitions.asks", "details", MOVE, 'name="last"'),
]


@pytest.mark.parametrize("seen", SEEN, ids=str)
def test_a_key_is_seen_on_a_page(pages: Pages, seen: Seen) -> None:
    """A page of the type that has the key says what the key says; that of the type without it does not."""
    assert seen.words in pages.text(seen.page, "keyed")
    if "{type}" in seen.page:
        assert seen.words not in pages.text(seen.page, "plain")


def order(text: str, *words: str) -> bool:
    """Whether these words stand in this order (each for the first time after the one before)."""
    place = -1
    for word in words:
        place = text.find(word, place + 1)
        if place < 0:
            return False
    return True


def main(text: str) -> str:
    """The page without the frame around it."""
    return text.partition("<main")[2]


@shows("type.contacts", "details")
def test_on_whose_timeline_a_record_stands(pages: Pages) -> None:
    """The page of a contact tells of records whose type names the link, and of no others."""
    page = main(pages.text("/admin/core/contact/{contact}/", "keyed")).partition('id="happened"')[2]
    assert "Keyed label opened" in page
    assert "Plain opened" not in page


@shows("type.icon", "details")
def test_the_icon_of_a_type(pages: Pages) -> None:
    """The menu and the page of a record have the type's symbol."""
    assert "#flag" in pages.text(DETAILS, "keyed")
    assert "#flag" not in main(pages.text(DETAILS, "plain"))


@shows("type.navigation", "list")
@shows("type.order", "list")
def test_where_a_type_stands_in_the_menu(pages: Pages) -> None:
    """Types are in the part of the menu and the place that they say."""
    menu = pages.text(LIST, "keyed").partition("<main")[0]
    assert order(menu, "Keyed plural", "Applieds", "Plains", "Entrys")
    assert not order(menu, "Plains", "Keyed plural")
    assert order(menu, ">Set-up<", "Kinds")
    assert not order(menu, ">Set-up<", "Plains")


@shows("sections.fields", "form", "details")
def test_sections_order_fields(pages: Pages) -> None:
    """Fields stand in their section, in its order."""
    form = main(pages.text(NEW, "keyed"))
    assert order(form, "First section", 'id="field-last"', 'id="field-name"', "Second section", 'id="field-hint"')
    assert order(main(pages.text(DETAILS, "keyed")), "First section", "Last label", "Second section", "Hint label")
    assert order(main(pages.text(NEW, "plain")), 'id="field-name"', 'id="field-last"')


@shows("list.columns", "list")
@shows("list.sort", "list")
def test_columns_and_order_of_a_list(pages: Pages) -> None:
    """The list has the columns it says, sorted as it says."""
    table = pages.text(LIST, "keyed").partition("<table")[2]
    assert order(table, "Last label", "Title", "Status", "Amount", "Hint label")
    assert "Street label" not in table
    assert order(table, "Large last", "Beta last", "Alpha last", "Hidden last")


@shows("list.views.where", "list")
@shows("list.views.sort", "list")
@shows("list.views.columns", "list")
def test_a_view_of_a_list(pages: Pages) -> None:
    """A view narrows, sorts and shows what it says."""
    page = pages.text("/admin/keys/{type}/?view=calm", "keyed")
    table = page.partition("<table")[2]
    assert "Alpha" in table
    assert "Beta" not in table
    assert "Street label" in table
    assert "Last label" not in table
    assert re.search(r'value="amount" selected', page)


@shows("fields.NAME.search", "search")
@shows("type.public_if", "search")
def test_what_can_be_found(pages: Pages) -> None:
    """A record is found by the fields that say so; the public finds only what is public."""
    records = pages.town.records

    def found(actor: Actor, text: str) -> list[tuple[str, str]]:
        return [(hit.identity, hit.title) for hit in records.search(actor, text, identities=[KEYED, PLAIN])[0]]

    assert (KEYED, "Large (5,000 barrels)") in found(CLERK, "Large")
    assert found(CLERK, "Alpha hint") == []
    assert KEYED not in [identity for identity, _ in found(ANONYMOUS, "Hidden")]
    assert found(ANONYMOUS, "Large")


@shows("type.public_if", "public")
@shows("public.where", "public")
@shows("public.sort", "public")
def test_which_records_the_public_sees(pages: Pages) -> None:
    """Records that are not public, or that the list leaves out, are not on it; the others are in its order."""
    table = pages.text(PUBLIC, "keyed").partition("<table")[2]
    assert "Hidden" not in table
    assert "Large" not in table
    assert order(table, "Beta", "Alpha")
    assert "Hidden" in pages.text(PUBLIC, "plain")


@shows("fields.NAME.privacy", "public")
def test_the_public_sees_public_fields_only(pages: Pages) -> None:
    """A field's own privacy counts against its type's."""
    page = pages.town.records.get(ANONYMOUS, KEYED, pages.ids["keyed"])
    assert page["last"] == "Alpha last"
    assert "inner" in page.hidden
    assert "Alpha inner" not in pages.text(ENTRY, "keyed")


@shows("forms.NAME.service", "public_form")
@shows("forms.NAME.icon", "public_form")
@shows("forms.NAME.per", "public_form")
@shows("forms.NAME.per_group", "public_form")
@shows("forms.NAME.keywords", "public_form")
@shows("public.service", "public")
@shows("public.icon", "public")
def test_services_on_the_home_page(pages: Pages) -> None:
    """Each form and public list is a service under its heading; a form for each kind is one for each."""
    home = pages.text(HOME, "keyed")
    assert order(home, "#lamp", "Keyed services", "Apply form")
    assert order(home, "Oak group", "kind=1", "Oaks")
    assert order(home, "#tree", "Keyed lists", "Keyed public")
    assert "Oaks" in main(pages.text("/search?q=keyedword", "keyed"))
    assert "Apply form" not in main(pages.text("/search?q=keyedword", "keyed"))


@shows("forms.NAME.fields", "public_form")
@shows("forms.NAME.steps.fields", "public_form")
def test_a_public_form_asks_for_its_fields(pages: Pages) -> None:
    """A form, or a page of it, asks for the fields that it names and no others."""
    plain = main(pages.text(FORM, "plain"))
    assert 'name="hint"' in plain
    assert 'name="street"' in plain
    assert 'name="amount"' not in plain
    keyed = main(pages.text(FORM, "keyed"))
    assert 'name="street"' in keyed
    assert 'name="hint"' not in keyed


@shows("type.event.starts", "calendar")
@shows("type.event.ends", "calendar")
@shows("type.event.title", "calendar")
@shows("type.event.location", "calendar")
@shows("type.event.attendees", "calendar")
@shows("type.event.status", "calendar")
def test_a_type_on_the_calendar(pages: Pages) -> None:
    """What the event mapping names is what the calendar shows; a type without it is not there."""
    entries = calendar.entries(pages.town, CLERK, MOMENT - timedelta(days=1), MOMENT + timedelta(days=1))
    (entry,) = [entry for entry in entries if entry.identity in (KEYED, PLAIN)]
    assert entry.identity == KEYED
    assert (entry.starts, entry.ends, entry.title) == (MOMENT, MOMENT, "Alpha headline")
    assert entry.location == "Alpha street"
    assert entry.status == "confirmed"
    assert entry.attendees == ("Ada Moreau",)


@shows("workflow.transitions.if", "details")
def test_a_move_is_offered_only_when_it_may_be_made(pages: Pages) -> None:
    """The page of a record has no button for a move whose condition does not hold."""
    small = next(record for record in pages.town.records.find(CLERK, KEYED).records if record["name"] == "Hidden")
    assert "Hold label" in pages.text(DETAILS, "keyed")
    assert "Hold label" not in pages.text(f"/admin/keys/keyed/{small.id}/", "keyed")


# -- public forms ---------------------------------------------------------------------------------------------------


def fill(client: FlaskClient, kind: int) -> list[str]:
    """Fill in the public form of ``keyed`` to its end; the text of each page on the way."""
    texts = []
    address = f"/apply/keys/keyed/public?kind={kind}"
    answers: dict[str, Any] = {
        "street": "Long Lane",
        "hint": "By the oak",
        "contact_name": "Ada Moreau",
        "contact_email": "ada@example.org",
    }
    for _ in range(6):
        page = client.get(address, follow_redirects=True)
        texts.append(unescape(page.text))
        if "<form" not in main(page.text) or "receipt" in address:
            break
        sent = client.post(page.request.full_path, data={"csrf_token": token_of(page), **answers})
        assert sent.status_code == 303, sent.text
        address = sent.location
    return texts


@shows("forms.NAME.contact", "public_form")
@shows("forms.NAME.contact_field", "public_form")
@shows("forms.NAME.submit_label", "public_form")
@shows("forms.NAME.receipt", "public_form")
@shows("forms.NAME.state", "public_form")
@shows("forms.NAME.steps.name", "public_form")
@shows("forms.NAME.steps.help", "public_form")
@shows("forms.NAME.edit_in", "public_form")
@shows("workflow.states.NAME.public_label", "public")
@shows("workflow.states.NAME.upcoming_label", "public")
@shows("workflow.states.NAME.public_help", "public")
@shows("workflow.transitions.public_label", "public")
def test_a_public_form_from_its_first_page_to_its_receipt(town: Town) -> None:
    """What the form says is asked, sent, told and kept; the sender sees public words and may change it for a while."""
    kind = make(town, KIND, name="Oaks", group="Oak group").id
    browser = create_app(town).test_client()
    texts = fill(browser, kind)
    assert any("What help." in text for text in texts)
    assert any("/page/what" in text for text in texts)
    assert any('name="contact_email"' in text for text in texts)
    assert any("Send keyed" in text for text in texts)
    assert "Keyed receipt." in texts[-1]
    (record,) = town.records.find(system(), KEYED).records
    assert record.state == "sent"
    assert record["who"] is not None
    link = re.search(r'href="http://localhost(/status/[^"]+)"', texts[-1])
    assert link is not None
    status = unescape(browser.get(link[1], follow_redirects=True).text)
    for words in ("Sent public", "Sent public help.", "Finish public", "Done upcoming"):
        assert words in status
    assert "Done label" not in status
    assert f"/requests/{record.number}/edit" in status
    town.records.transition(CLERK, KEYED, record.id, "finish", {"headline": "x"}, version=record.version)
    assert f"/requests/{record.number}/edit" not in browser.get(f"/requests/{record.number}").text


@shows("forms.NAME.after", "public_form")
def test_a_form_that_comes_after_another_is_offered_on_its_receipt(town: Town) -> None:
    """With the link that both ask for, and nothing else of what was sent; it stands among no services."""
    kind = make(town, KIND, name="Oaks", group="Oak group").id
    browser = create_app(town).test_client()
    texts = fill(browser, kind)
    (offered,) = re.findall(r'href="(/apply/keys/applied/next[^"]*)"', texts[-1])
    assert offered == f"/apply/keys/applied/next?kind={kind}"
    begun = browser.get(offered, follow_redirects=True)
    assert begun.status_code == 200
    assert "Next form" in begun.text
    assert "Long Lane" not in begun.text
    assert "Next form" not in browser.get("/").text + browser.get("/search?q=next").text


@shows("forms.NAME.open_if", "public_form")
def test_a_form_is_closed_while_its_condition_does_not_hold(pages: Pages) -> None:
    """Where the condition fails, nothing is asked."""
    shut = main(pages.text("/apply/keys/keyed/public?kind={shut}", "keyed"))
    assert 'name="street"' not in shut
    assert 'name="street"' in main(pages.text(FORM, "keyed"))


# -- records --------------------------------------------------------------------------------------------------------


@shows("type.title", "records")
@shows("type.number", "records")
@shows("fields.NAME.default", "records")
@shows("workflow.initial", "records")
def test_how_a_record_names_and_numbers_itself(town: Town) -> None:
    """Title, number, default and first state are as the type says."""
    keyed, plain = make(town, KEYED, amount=3), make(town, PLAIN)
    assert (keyed.title, keyed.number, keyed["name"], keyed.state) == (
        "Default name (3 barrels)",
        "K-2026-0001",
        "Default name",
        "fresh",
    )
    assert (plain.title, plain.number, plain["name"], plain.state) == ("Plain", "", None, "fresh")


@shows("type.privacy", "records")
@shows("fields.NAME.privacy", "records")
def test_privacy_decides_what_comes_back(town: Town) -> None:
    """A field is as private as its type, or as it says itself."""
    keyed, plain = make(town, KEYED, last="x", inner="y"), make(town, PLAIN, last="x")
    seen = town.records.get(ANONYMOUS, KEYED, keyed.id)
    assert "last" in seen.values
    assert "inner" not in seen.values
    assert "last" not in town.records.get(ANONYMOUS, PLAIN, plain.id).values


@shows("type.append_only", "records")
@shows("type.append_only", "form")
def test_records_that_never_change(town: Town, pages: Pages) -> None:
    """Such a record can't be changed, and its page offers no such thing."""
    entry = make(town, "keys.entry", name="x")
    with pytest.raises((Rejected, Forbidden)):
        town.records.update(CLERK, "keys.entry", entry.id, {"name": "y"}, version=entry.version)
    written = make(pages.town, "keys.entry", name="x")
    assert "/edit" not in main(pages.text(f"/admin/keys/entry/{written.id}/", "entry"))
    assert "/edit" in main(pages.text(DETAILS, "plain"))


@shows("fields.NAME.unique", "records")
@shows("unique.fields", "records")
@shows("unique.message", "records")
def test_what_must_not_repeat(town: Town) -> None:
    """A repeated value, or set of values, is refused in words."""
    make(town, KEYED, name="One", hint="h", street="s")
    with pytest.raises(ValidationFailed) as same:
        make(town, KEYED, name="one")
    assert list(same.value.errors) == ["name"]
    with pytest.raises(ValidationFailed) as pair:
        make(town, KEYED, name="Two", hint="H", street="S")
    assert pair.value.errors == {"hint": "This hint is on this street already."}
    make(town, KEYED, name="Three", hint="h", street="other")
    make(town, PLAIN, name="One", hint="h", street="s")
    make(town, PLAIN, name="One", hint="h", street="s")


@shows("indexes.fields", "records")
def test_what_is_asked_for_by_several_fields_is_found_in_one_index(town: Town) -> None:
    """SQLite goes to what has both values at once, where the type says so."""
    for identity, is_asked in ((KEYED, True), (PLAIN, False)):
        sent: list[Any] = []
        town.database.query_hooks.append(sent.append)
        town.records.find(CLERK, identity, {"amount": 3, "street": "Mill Lane"}, sort="id")
        town.database.query_hooks.clear()
        plans = [town.database.execute_sql(f"EXPLAIN QUERY PLAN {each.sql}", each.params) for each in sent]
        said = " ".join(row[3] for plan in plans for row in plan.fetchall())
        index = fields_index(town.schemas[identity], ("amount", "street")).name
        assert (f"INDEX {index} (" in said) == is_asked, said


@shows("fields.NAME.to", "records")
def test_a_link_points_at_its_type(town: Town) -> None:
    """The id of a record of another type is not taken."""
    ids = [make(town, PLAIN).id for _ in range(3)]
    with pytest.raises(ValidationFailed) as caught:
        make(town, KEYED, kind=ids[-1])
    assert list(caught.value.errors) == ["kind"]


def given(town: Town, identity: str, name: str, content: bytes) -> Any:
    """A file as a form takes it in: kept, or refused with a sentence."""
    field, context = town.schemas[identity].fields["report"], town.context(CLERK)
    files = MultiDict({"report": FileStorage(io.BytesIO(content), name)})
    return field.parse(field.extract(MultiDict(), files, "report", context), context)


@shows("fields.NAME.accept", "records")
@shows("fields.NAME.max_size", "records")
def test_which_files_are_taken(town: Town) -> None:
    """Another kind of file, or one that is too large, is refused."""
    large = PDF + b"x" * 1_200_000
    assert given(town, KEYED, "a.pdf", PDF).filename == "a.pdf"
    assert given(town, PLAIN, "a.txt", b"words").filename == "a.txt"
    assert given(town, PLAIN, "b.pdf", large).filename == "b.pdf"
    with pytest.raises(Invalid, match=r"(?i)pdf"):
        given(town, KEYED, "a.txt", b"words")
    with pytest.raises(Invalid, match="1 MB"):
        given(town, KEYED, "b.pdf", large)


@shows("fields.NAME.decimals", "storage")
def test_decimals_are_kept_to_the_last(town: Town) -> None:
    """The column holds as many digits as the field says."""
    make(town, KEYED, size="1.125")
    held = town.database.execute_sql("SELECT size FROM keys_keyed").fetchone()
    assert held[0] == 1125


@shows("workflow.queue", "records")
@shows("workflow.assignee", "records")
def test_who_gets_a_new_case(town: Town) -> None:
    """A case begins in the queue and with the person that the named fields say."""
    owen = add_person(town, "o@town.example", "administrator", "Owen")
    queue = make(town, "core.queue", name="Trees").id
    kind = make(town, KIND, name="Oaks", waits_in=queue, owner=owen).id
    keyed, plain = make(town, KEYED, amount=9, kind=kind), make(town, PLAIN, kind=kind)
    assert (keyed.queue, keyed.assignee) == (queue, owen)
    assert (plain.queue, plain.assignee) == (None, None)


@shows("workflow.due_days", "records")
@shows("workflow.states.NAME.pauses_clock", "records")
@shows("workflow.states.NAME.final", "records")
def test_clocks_of_a_case(town: Town, clock: FixedClock) -> None:
    """A case is due after so many days, not counting those in which its clock stands; a final state closes it."""
    kind = make(town, KIND, name="Oaks").id
    keyed, plain = make(town, KEYED, amount=9, kind=kind), make(town, PLAIN, kind=kind)
    assert plain.due is None
    assert keyed.due is not None
    assert (keyed.due - MOMENT).days == 9
    held = town.records.transition(CLERK, KEYED, keyed.id, "hold", version=keyed.version)
    clock.move(timedelta(days=4))
    back = town.records.transition(CLERK, KEYED, keyed.id, "go_on", version=held.version)
    assert back.due is not None
    assert back.due - keyed.due == timedelta(days=4)
    assert back.closed is None
    done = town.records.transition(CLERK, KEYED, keyed.id, "finish", {"headline": "x"}, version=back.version)
    assert done.closed == clock.now()


@shows("workflow.states.NAME.incomplete", "records")
def test_an_incomplete_record_is_nobody_elses_business(town: Town) -> None:
    """What somebody has not finished is not public, whatever ``public_if`` says."""
    sent, fresh = make(town, KEYED, name="a"), make(town, KEYED, name="b")
    record = town.records.create(system(), KEYED, {"name": "c"}, state="sent")
    seen = {found.id for found in town.records.find(ANONYMOUS, KEYED).records}
    assert seen == {sent.id, fresh.id}
    assert record.id not in seen


@shows("workflow.transitions.name", "records")
@shows("workflow.transitions.from", "records")
@shows("workflow.transitions.to", "records")
@shows("workflow.transitions.by", "records")
@shows("workflow.transitions.if", "records")
@shows("workflow.transitions.require", "records")
def test_moves_of_a_case(town: Town) -> None:
    """A move is made from its states, to its state, by those who may, when its condition holds, with what it needs."""
    record = make(town, KEYED, amount=9)

    def move(actor: Actor, name: str, values: Any = None) -> Record:
        now = town.records.get(system(), KEYED, record.id)
        return town.records.transition(actor, KEYED, record.id, name, values, version=now.version)

    with pytest.raises(TownhallError):
        move(CLERK, "fnish")
    with pytest.raises(TownhallError):
        move(CLERK, "go_on")
    with pytest.raises(TownhallError):
        move(CLERK, "sleep")
    with pytest.raises(TownhallError):
        move(citizen(frozenset({(KEYED, record.id)})), "hold")
    with pytest.raises(ValidationFailed) as missing:
        move(CLERK, "finish")
    assert list(missing.value.errors) == ["headline"]
    assert move(CLERK, "hold").state == "waiting"
    assert move(CLERK, "go_on").state == "fresh"
    small = make(town, KEYED, name="small", amount=1)
    with pytest.raises(TownhallError):
        town.records.transition(CLERK, KEYED, small.id, "hold", version=small.version)
    assert move(CLERK, "finish", {"headline": "Done"}).state == "done"
