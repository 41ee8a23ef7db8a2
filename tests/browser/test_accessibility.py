"""Every kind of page has no WCAG 2.1 A or AA violation and fits its window, wide and narrow; and works by keyboard.

The pages are counted from the application's own address map: a new page that nobody looks at fails a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from datetime import datetime
from typing import Any

import browsing
import pytest
from browsing import PASSWORD
from browsing import PATIENCE
from browsing import Served
from browsing import accessibility_violations
from browsing import axe
from browsing import has_no_sideways_scroll
from browsing import sign_in
from careless_pages import SEEN
from careless_pages import UNSEEN
from careless_pages import page as careless
from journeys import OFFICE
from journeys import open_town
from journeys import press
from journeys import served
from playwright.sync_api import Browser
from playwright.sync_api import Page
from playwright.sync_api import expect

from townhall.accounts import lockout
from townhall.accounts import own_password
from townhall.accounts import people
from townhall.admin.pages import pages_of
from townhall.admin.undoing import Mark
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.demo import Demo
from townhall.extend import uploads
from townhall.jobs import claims
from townhall.jobs.declared import jobs
from townhall.jobs.running import run_by_hand
from townhall.lifecycle import layer_review
from townhall.lifecycle import town_layer
from townhall.lifecycle import uploading
from townhall.testing.accessibility import obstacles
from townhall.town import Town
from townhall_forms.layer import read_layer

NOW = datetime(2026, 3, 17, 16, 0, tzinfo=UTC)
#: One town and one window for all of it, so that it belongs together.
pytestmark = pytest.mark.long
PLUGINS = ("complaints", "grants", "recruitment", "economic_development")
CHIEF = "ada@town.example"
INVITED = "ina@town.example"
WIDTHS = (1440, 320)

#: Pages of every type of record, by what stands behind the list's or the record's address. ``{first}`` is the number
#: of the type's first record. They are looked at for one case; lists, forms and details of all other types too.
CASE = "/admin/complaints/service_request/"
CONTACT = "/admin/core/contact/"
TYPES = "/admin/types/"
#: A layer of which a part doesn't fit, and the draft over it.
LAYER = """
[core.contact.fields.town_ward]
type = "choice"
choices = ["north", "south"]
[core.contact.fields.gone]
label = "Gone"
"""
DRAFT = '[core.contact]\nlabel = "Person or firm"\n'
KINDS: dict[str, tuple[str, ...]] = {
    "list": (
        CASE,
        f"{CASE}?view=all&priority=high#filters",
        f"{CASE}?view=all&q=nothing+like+this",
        f"{CASE}?archived=1&view=all",
        "/admin/grants/finding/?view=mine",
        CONTACT,
    ),
    "list new": (
        f"{CASE}new",
        f"{CONTACT}new",
        "/admin/complaints/category/new",
        "/admin/grants/round/new",
        "/admin/core/route/new",
    ),
    "list print": (f"{CASE}print",),
    "list save-view": (f"{CASE}save-view?view=all&priority=high",),
    "list bulk": (
        f"{CASE}bulk?do=archive&pick=1&pick=2",
        f"{CASE}bulk?do=move:accept&pick=1",
        f"{CASE}bulk?do=queue:1&pick=1",
    ),
    "list workflow": (f"{CASE}workflow", "/admin/core/task/workflow"),
    "record task": (f"{CASE}{{first}}/task",),
    "list undo": (f"{CASE}undo",),
    "list undo +": (f"{CASE}undo/1",),
    "record": (
        f"{CASE}{{first}}/",
        f"{CONTACT}{{first}}/",
        f"{CONTACT}{{last}}/",
        f"{CONTACT}{{merged}}/",
        "/admin/grants/application/{first}/",
        "/admin/core/working_calendar/{first}/",
        "/admin/core/target/{first}/",
    ),
    "record edit": (
        f"{CASE}{{first}}/edit",
        f"{CONTACT}{{last}}/edit",
        "/admin/grants/round/{first}/edit",
        "/admin/core/target/{first}/edit",
    ),
    "record print": (f"{CASE}{{first}}/print", f"{CONTACT}{{first}}/print"),
    "record give": (f"{CASE}{{first}}/give",),
    "record share": (f"{CASE}{{first}}/share",),
    "record own-requests": (f"{CONTACT}{{first}}/own-requests",),
    "record why": (f"{CASE}{{first}}/why", f"{CONTACT}{{first}}/why"),
    "record move +": ("/admin/complaints/service_request/{open}/move/resolve",),
    "record archive": (f"{CASE}{{first}}/archive",),
    "record restore": (f"{CASE}{{first}}/restore",),
    "record merge": (
        f"{CONTACT}{{first}}/merge",
        f"{CONTACT}{{first}}/merge?q=Mill",
        f"{CONTACT}{{first}}/merge?q=zzz",
    ),
    "record merge +": (f"{CONTACT}{{first}}/merge/{{last}}", f"{CONTACT}{{last}}/merge/{{first}}"),
    "record apart": (f"{CONTACT}{{merged}}/apart",),
    "record history": (f"{CONTACT}{{merged}}/history", f"{CASE}{{first}}/history", f"{CONTACT}{{first}}/history"),
    "record holidays": ("/admin/core/working_calendar/{first}/holidays",),
    "record version +": (f"{CASE}{{first}}/version/1", f"{CONTACT}{{first}}/version/1"),
    "record compare": (f"{CASE}{{first}}/compare?old=1&new=2", f"{CASE}{{first}}/compare?old=1&new=1"),
    "record bring-back +": (f"{CASE}{{first}}/bring-back/1",),
    "record link": (f"{CASE}{{open}}/link",),
    "record reveal +": ("/admin/economic_development/prospect/{last}/reveal/name",),
}
STAFF: dict[str, tuple[str, ...]] = {
    "admin.index": ("/admin/", "/admin/?who=everybody"),
    "admin_search.index": ("/admin/search/?q=Mill", "/admin/search/?q=nothing+like+this"),
    "admin_calendar.index": ("/admin/calendar/", "/admin/calendar/?view=list"),
    "admin_queues.index": ("/admin/queues/",),
    "admin_queues.queue": ("/admin/queues/1/",),
    "admin_routing.index": ("/admin/routing/",),
    "admin_wards.index": ("/admin/wards/",),
    "admin_messages.index": ("/admin/messages/",),
    "admin_messages.preview": ("/admin/messages/preview/1",),
    "admin_outbox.index": ("/admin/messages/outbox/", "/admin/messages/outbox/?show=sent"),
    "admin_letters.index": ("/admin/messages/letters/",),
    "admin_letters.print_view": ("/admin/messages/letters/print",),
    "admin_figures.index": (
        "/admin/figures/",
        "/admin/figures/times?period=this_year",
        "/admin/figures/states?period=this_year",
        "/admin/figures/contact?period=this_year",
        "/admin/figures/?type=all&period=never",
    ),
    "admin_figures.print": ("/admin/figures/print", "/admin/figures/print/contact"),
    "admin_figures.records": ("/admin/figures/records?figure=came_in~2026-01-01~2026-03-31",),
    "admin_digest.index": ("/admin/digest/",),
    "admin_plugins.index": ("/admin/plugins/", "/admin/plugins/?off=grants#switch-off"),
    "admin_plugin.index": ("/admin/plugins/grants/", "/admin/plugins/complaints/"),
    "admin_packs.pack": ("/admin/packs/pack?name=grants",),
    "admin_packs.unpack": ("/admin/packs/unpack",),
    "admin_packs.purge": ("/admin/packs/purge?name=grants",),
    "admin_modules.index": ("/admin/modules/",),
    "admin_modules.waiting": ("/admin/modules/{module}",),
    "admin_modules.remove": ("/admin/modules/remove/wells",),
    "admin_jobs.index": ("/admin/jobs/",),
    "admin_jobs.runs": ("/admin/jobs/core.clean_drafts/", "/admin/jobs/complaints.close_quiet_requests/"),
    "admin_history.index": ("/admin/history/", "/admin/history/?who=nobody&from=never"),
    "admin_settings.index": ("/admin/settings/",),
    "economic_development_pipeline.index": ("/admin/economic_development/pipeline/",),
    "admin_types.index": (TYPES,),
    "admin_types.one": (f"{TYPES}complaints.service_request/", f"{TYPES}core.contact/"),
    "admin_types.preview": (f"{TYPES}core.contact/preview",),
    "admin_types.rename": (f"{TYPES}core.contact/name",),
    "admin_types.add": (f"{TYPES}complaints.service_request/new",),
    "admin_types.field": (f"{TYPES}core.contact/field/town_ward", f"{TYPES}complaints.service_request/field/priority"),
    "admin_types.remove": (f"{TYPES}core.contact/remove/town_ward",),
    "admin_types.section": (f"{TYPES}complaints.service_request/section/new",),
    "admin_types.state": (f"{TYPES}complaints.service_request/state/new",),
    "admin_types.changes": (f"{TYPES}changes",),
    "admin_types.discard": (f"{TYPES}discard",),
    "admin_types.history": (f"{TYPES}history",),
    "admin_types.restore": (f"{TYPES}history/0",),
    "admin_types.upload": (f"{TYPES}upload",),
    "portal.preview": ("/apply/complaints/service_request/public/preview",),
    "accounts.people": ("/admin/people",),
    "accounts.person": ("/admin/people/1", "/admin/people/{invited}"),
    "accounts.roles": ("/admin/roles/",),
    "accounts.role": ("/admin/roles/department_clerk/",),
    "accounts.role_type": ("/admin/roles/contractor/complaints.service_request/",),
    "accounts.delete_role": ("/admin/roles/auditor/delete",),
    "accounts.hand_over": ("/admin/people/1/hand-over", "/admin/people/2/hand-over"),
    "accounts.account": ("/admin/account",),
    "accounts.second_factor": ("/admin/account/second-factor",),
    "accounts.account_log": ("/admin/people/log",),
    "accounts.person_log": ("/admin/people/1/log",),
    "error": ("/admin/nothing", f"{CASE}999999/"),
}
PUBLIC: dict[str, tuple[str, ...]] = {
    "accounts.sign_in": ("/admin/sign-in",),
    "accounts.forgotten": ("/admin/forgotten",),
    "accounts.choose_password": ("/admin/password/{invitation}",),
    "portal.home": ("/",),
    "portal.search": ("/search", "/search?q=lamp", "/search?q=nothing"),
    "portal.accessibility": ("/accessibility",),
    "portal.privacy": ("/privacy",),
    "portal.listing": ("/open/grants/round/", "/open/complaints/service_request/", "/open/recruitment/posting/"),
    "portal.entry": ("/open/grants/round/{round}", "/open/recruitment/posting/{posting}"),
    "portal.start": ("/apply/complaints/service_request/public?category=1",),
    "portal.paper": ("/apply/complaints/service_request/public/print?category=1",),
    "portal.requests": ("/requests/",),
    "portal.status": ("/requests/SR-2026-000001",),
    "portal.resume": ("/continue/AAAAAAAAAAAAAAAAAAAAAA",),
    "error": ("/nowhere",),
}
#: Pages that are looked at on the way of a form, below, or of a sign-in, in test_sign_in_journey.py for people who work
#: here and in test_your_requests_journey.py for residents.
ON_THE_WAY = {"accounts.second_step", "accounts.set_up_second_factor"} | {
    "portal.send_link",
    "portal.link_sent",
    "portal.enter",
    "portal.details",
    "portal.confirm",
    "portal.step",
    "portal.saved",
    "portal.receipt",
    "portal.status",
    "portal.move",
}
#: Addresses that are no pages, or that lead to one of the above at once.
NO_PAGES = {
    "static": "files",
    "townhall_forms.static": "files",
    "admin.static": "files",
    "town_css": "a stylesheet",
    "favicon": "a picture",
    "robots": "for programs",
    "health": "for programs",
    "calendar_feed": "for calendar programs",
    "admin_figures.csv": "a download",
    "admin_files.file": "a download",
    "admin_types.download": "a download",
    "admin_files.index": "leads home",
    "admin_packs.index": "leads to the plugins",
    "portal.file": "a download",
    "portal.thread": "a download",
    "portal.exchange": "leads to portal.status",
    "portal.follow": "leads to portal.enter",
    "portal.follow_confirming": "leads to portal.confirm",
    "list export.csv": "a download",
    "list lookup +": "for the script",
    "record present": "for the script",
    "list delete-view +": "the page of record archive",
}


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo town, served: every type has records in many states."""
    with open_town(tmp_path_factory.mktemp("hall"), FixedClock(NOW), *PLUGINS) as town:
        people.add(town, OFFICE, CHIEF, name="Ada Chief", role="administrator", password=PASSWORD)
        people.add(town, OFFICE, "vic@town.example", name="Vic Viewer", role="viewer", password=PASSWORD)
        layer_review.publish(town, OFFICE, read_layer(LAYER), follows=0, may_wait=True)
        town.reload()
        town_layer.save_draft(town, OFFICE, read_layer(LAYER + DRAFT), follows=1)
        uploading.accept(town, OFFICE, uploading.upload(town, OFFICE, module("1.0")))
        uploading.upload(town, OFFICE, module("1.1"))
        working = [person for person in people.everybody(town) if "viewer" not in person.roles]
        Demo(town, {person.name: person.id for person in working}).build()
        case = town.records.find(OFFICE, "complaints.service_request", limit=1).records[0]
        note = {"version": case.version, "note": "Looked at"}
        done = Mark(town, OFFICE, case.identity, "Give to me")
        done.change(case, lambda: town.records.update(OFFICE, case.identity, case.id, {}, **note))
        own_password.invite(town, OFFICE, INVITED, name="Ina Invited", role="clerk")
        for _ in range(town.settings.sign_in_attempts):
            lockout.begin(town, INVITED)
        secret = {"code_name": "Heron", "name": "Acme Foods", "kind": "new"}
        town.records.create(OFFICE, "economic_development.prospect", secret)
        for stage in ("call", "slow"):
            town.failures.note("complaints", stage, "before_save", ValueError("It is a long story. " * 20))
        try:
            raise ValueError("with a trace")
        except ValueError as error:
            town.failures.note("complaints", "view", "complaints_map", error)
        run_by_hand(lambda: town, OFFICE, "core.clean_drafts")
        claim = claims.claim_by_hand(town, OFFICE, jobs(town)["complaints.close_quiet_requests"], "somewhere")
        assert claim is not None
        claims.finish(town, claim, message="ValueError: it is a long story", trace="Traceback\n" + "line " * 60)
        with served(town) as answering:
            yield answering


@pytest.fixture(scope="module")
def desk(hall: Served, browser: Browser) -> Iterator[Page]:
    """One window of an administrator for all pages."""
    yield from window(hall, browser, CHIEF)


@pytest.fixture(scope="module")
def street(hall: Served, browser: Browser) -> Iterator[Page]:
    """One window of a visitor for all pages."""
    yield from window(hall, browser)


def window(hall: Served, browser: Browser, email: str = "") -> Iterator[Page]:
    """A window that stays open for the tests of this module."""
    context = browser.new_context(base_url=hall.url, viewport={"width": WIDTHS[0], "height": 900}, locale="en-US")
    context.set_default_timeout(PATIENCE)
    context.add_init_script(axe())
    page = context.new_page()
    if email:
        sign_in(page, email)
    yield page
    context.close()


def faults(page: Page, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """What is wrong with the page that is open: violations, or that it is wider than its window."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        where = f"{page.url.partition('//')[2].partition('/')[2]} at {width}"
        found += [f"/{where}: {violation}" for violation in accessibility_violations(page)]
        if not has_no_sideways_scroll(page):
            found.append(f"/{where}: wider than its window")
        if page.locator("h1").count() != 1:
            found.append(f"/{where}: {page.locator('h1').count()} headings of the first level")
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    return found


def look(page: Page, addresses: Iterable[str], widths: tuple[int, ...] = WIDTHS, status: int = 200) -> list[str]:
    """What is wrong with the pages at these addresses."""
    found = []
    for address in addresses:
        response = page.goto(address)
        if response is None or response.status != status:
            found.append(f"{address}: did not answer {status}")
        found += faults(page, widths)
    return found


def ids(town: Town, identity: str, where: Any = None, sort: str = "created") -> list[int]:
    """Numbers of the records of a type, the first made first."""
    return [record.id for record in town.records.find(OFFICE, identity, where, sort=sort, fields=()).records]


def module(version: str) -> bytes:
    """A module that can be uploaded."""
    manifest = f'name = "wells"\ntitle = "Wells"\nversion = "{version}"\napi = ">=1,<2"\n'
    schema = '[type]\nname = "well"\nlabel = "Well"\ntitle = "{name}"\n[fields.name]\ntype = "text"\nlabel = "Name"\n'
    return uploads.pack({"plugin.toml": manifest.encode(), "schemas/well.toml": schema.encode()})


def filled(town: Town, address: str) -> str:
    """An address with the numbers of records in it."""
    plugin, name = [*address.split("/"), "", ""][2:4]
    identity = f"{plugin}.{name}"
    if "{first}" in address:
        address = address.replace("{first}", str(ids(town, identity)[0]))
    if "{last}" in address:
        address = address.replace("{last}", str(ids(town, identity, sort="-created")[0]))
    if "{merged}" in address:
        found = town.records.find(OFFICE, identity, {"merged_into": {"empty": False}}, archived=None, fields=()).records
        address = address.replace("{merged}", str(found[0].id))
    if "{open}" in address:
        address = address.replace("{open}", str(ids(town, identity, {"state": "in_progress"})[0]))
    if "{module}" in address:
        waiting = next(upload.checksum for upload in uploads.all_of(town.system) if upload.waits)
        address = address.replace("{module}", waiting)
    if "{invit" in address:
        invited = people.find(town, INVITED).id
        address = address.replace("{invited}", str(invited))
        if "{invitation}" in address:
            address = address.replace("{invitation}", own_password.renew_invitation(town, OFFICE, invited))
    for link, where in (("round", {"state": "open"}), ("posting", {"state": "open"})):
        if f"{{{link}}}" in address:
            address = address.replace(f"{{{link}}}", str(ids(town, identity, where)[0]))
    return address


def test_every_page_is_looked_at(hall: Served) -> None:
    """Each address that answers GET is among the pages below, or named with the reason why it is no page."""
    app = create_app(hall.town)
    there = set()
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        if not rule.endpoint.startswith("records_"):
            there.add(rule.endpoint)
    views = [view for view in app.extensions["admin"][0]._views if view.endpoint.startswith("records_")]
    for view in views:
        for (below, word, more), (_, place) in pages_of(view.__class__).items():
            if "GET" in place.methods:
                there.add(f"{below} {word}{' +' if more else ''}")
    looked = {*KINDS, *STAFF, *PUBLIC, *ON_THE_WAY, *NO_PAGES} - {"list", "record", "error"}
    assert there == looked


@pytest.mark.parametrize("kind", [*KINDS, *STAFF])
def test_staff_pages(hall: Served, desk: Page, kind: str) -> None:
    """Each kind of page that clerks see is accessible and fits, wide and narrow."""
    addresses = KINDS.get(kind) or STAFF[kind]
    status = 404 if kind == "error" else 200
    assert look(desk, [filled(hall.town, address) for address in addresses], status=status) == []


@pytest.mark.parametrize("kind", PUBLIC)
def test_public_pages(hall: Served, street: Page, kind: str) -> None:
    """Each kind of page that residents see is accessible and fits, wide and narrow."""
    status = 404 if kind in ("error", "portal.status", "portal.resume") else 200
    assert look(street, [filled(hall.town, address) for address in PUBLIC[kind]], status=status) == []


@pytest.mark.parametrize("plugin", ["core", *PLUGINS])
def test_every_type(hall: Served, desk: Page, plugin: str) -> None:
    """The form of every type is accessible; its form, its list and a record's page fit a telephone."""
    found = []
    for record_type in hall.town.schemas.values():
        if record_type.plugin != plugin:
            continue
        base = f"/admin/{record_type.plugin}/{record_type.name}/"
        found += look(desk, [f"{base}new"], widths=(320,))
        desk.set_viewport_size({"width": 320, "height": 900})
        for page in (f"{base}?view=all", *(f"{base}{id}/" for id in ids(hall.town, record_type.identity)[:1])):
            desk.goto(page)
            if not has_no_sideways_scroll(desk):
                found.append(f"{page}: wider than its window")
    assert found == []


def test_forms_with_mistakes(desk: Page) -> None:
    """A form that comes back says so in its title, leads to each mistake, and puts the focus on the summary."""
    for address in (f"{CASE}new", "/admin/economic_development/business/new"):
        desk.goto(address)
        desk.locator("main .save .btn-go").click()
        expect(desk).to_have_title(re.compile("^Error:"))
        expect(desk.locator("#errors")).to_be_focused()
        assert faults(desk) == []


def test_staff_pages_that_refuse(hall: Served, browser: Browser) -> None:
    """Who may not do something reads why, on a page that is as well made as any other."""
    with contextmanager(window)(hall, browser, "vic@town.example") as page:
        response = page.goto("/admin/people")
        assert response is not None
        assert response.status == 403
        assert faults(page) == []


def test_a_form_on_its_way(hall: Served, street: Page) -> None:
    """Every page of a public form, with and without mistakes, to the receipt, the status and what one can say there."""
    street.goto("/apply/complaints/service_request/public?category=1")
    press(street, "Continue")
    expect(street.get_by_role("alert")).to_be_focused()
    found = faults(street)
    street.get_by_label("Where is it?").fill("12 Mill Lane")
    press(street, "Save and return later")
    found += faults(street)
    press(street, "Go on now")
    found += faults(street)
    street.get_by_text("It is dark", exact=True).click()
    press(street, "Continue")
    street.get_by_label("Your name").fill("Ada Archer")
    street.get_by_label("E-mail").fill("nonsense")
    press(street, "Continue")
    found += faults(street)
    street.get_by_label("E-mail").fill("ada@example.org")
    press(street, "Continue")
    found += faults(street)
    press(street, "Send report")
    expect(street.get_by_role("heading", name="We have it")).to_be_visible()
    found += faults(street)
    press(street, "See how it stands")
    found += faults(street)
    press(street, "I take it back…")
    found += faults(street)
    assert found == []


def test_a_long_word_for_a_state_fits_a_narrow_window(desk: Page) -> None:
    """A state is called as a module or the town likes; on a small screen its mark takes a second line."""
    for address in (f"{CASE}1/", CASE):
        desk.set_viewport_size({"width": 320, "height": 700})
        desk.goto(address)
        desk.locator("main .pill").first.evaluate("mark => mark.append(' and does not have what is needed')")
        assert desk.evaluate("document.documentElement.scrollWidth") == 320, address
    desk.set_viewport_size({"width": 1440, "height": 900})


def test_in_the_dark(hall: Served, desk: Page, street: Page) -> None:
    """The dark colours have enough contrast too."""
    found = []
    for page, addresses in (
        (desk, ("/admin/", CASE, f"{CASE}1/", f"{CASE}new", "/admin/plugins/")),
        (street, ("/", "/open/grants/round/", "/apply/complaints/service_request/public?category=1")),
    ):
        page.emulate_media(color_scheme="dark")
        found += look(page, addresses, widths=(1440,))
        page.emulate_media(color_scheme="light")
    assert found == []


def test_a_call_is_logged_with_the_keyboard_alone(hall: Served, desk: Page) -> None:
    """From the top of a contact's page a clerk skips to the box, writes down a call and saves, and reads it below."""
    contact = ids(hall.town, "core.contact", sort="-created")[0]
    desk.goto(f"{CONTACT}{contact}/")
    desk.keyboard.press("Tab")
    expect(desk.get_by_role("link", name="Skip to content")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator("#main")).to_be_focused()
    note = desk.get_by_label("What was said?")
    for _ in range(20):
        desk.keyboard.press("Tab")
        if note.evaluate("element => element === document.activeElement"):
            break
    expect(note).to_be_focused()
    desk.keyboard.type("Called about the lamp. Called back.")
    for _ in range(3):
        desk.keyboard.press("Tab")
    button = desk.get_by_role("button", name="Save contact")
    for _ in range(5):
        desk.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    expect(button).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator(".timeline")).to_contain_text("Called about the lamp. Called back.")


def test_the_check_without_a_browser_sees_what_axe_sees(browser: Browser) -> None:
    """What axe finds on careless pages the conformance check finds too, or its reference says that it doesn't."""
    context = browser.new_context()
    context.add_init_script(axe())
    tab = context.new_page()
    shown = [""]
    tab.route("**/*", lambda route: route.fulfill(status=200, content_type="text/html", body=shown[0]))
    missed = []
    for name, html in {**{each: told for each, (told, _) in SEEN.items()}, **UNSEEN}.items():
        shown[0] = html
        tab.goto("http://careless.example/")
        if accessibility_violations(tab) and not obstacles(html):
            missed.append(name)
    context.close()
    assert missed == [name for name in UNSEEN if name in missed]
    assert "contrast" in missed


def test_contrast_is_measured_again_where_a_narrow_window_looks_otherwise(browser: Browser) -> None:
    """What is seen in a narrow window only, has other colours there, or stands on others, is found there."""
    context = browser.new_context()
    tab = context.new_page()
    found = {}
    for name, narrow in (
        ("nothing else", ""),
        ("it appears", ".low { display: block; color: #ccc }"),
        ("its colour", ".text { color: #ccc }"),
        ("what it stands on", ".around { background: #444 }"),
    ):
        style = f".low {{ display: none }} @media (max-width: 400px) {{ {narrow} }}"
        words = '<p class="low">Low</p><div class="around"><p class="text">Words</p></div>'
        tab.set_viewport_size({"width": 1440, "height": 900})
        tab.set_content(careless(words, head=f"<style>body {{ background: #fff; color: #333 }} {style}</style>"))
        wide = accessibility_violations(tab)
        tab.set_viewport_size({"width": 320, "height": 900})
        found[name] = (wide, [line.partition(":")[0] for line in accessibility_violations(tab)])
    context.close()
    assert found == {
        "nothing else": ([], []),
        "it appears": ([], ["color-contrast"]),
        "its colour": ([], ["color-contrast"]),
        "what it stands on": ([], ["color-contrast"]),
    }


def test_contrast_that_passed_is_no_leave_for_what_only_resembles_it(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters that were fine are measured again smaller, on another ground, moved out of theirs, or shone through."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(axe())
    tab = context.new_page()
    grey = "color: #888"  # enough on white for large letters, and for no others
    dark = '<div style="background: #444; height: 4rem"></div>'
    pages = {
        "at first": f'<p style="{grey}; font-size: 2rem">Large</p><p>Words</p>',
        "smaller": f'<p style="{grey}">Small</p>',
        "on another ground": '<div style="background: #444"><p>Words</p></div>',
        "on a lighter ground": '<div style="background: rgba(40, 40, 40, 0.8)"><p>Words</p></div>',
        "moved": f'<div style="position: relative">{dark}<p style="position: absolute; top: 1px">Words</p></div>',
        "moved with others": f'{dark}<div style="transform: translateY(-3rem)"><p>Words</p></div>',
        "drawn up": f'{dark}<p style="margin-top: -3rem; position: relative">Words</p>',
        "shone through": '<div style="opacity: 0.4"><p>Words</p></div>',
    }
    head = "<style>body { background: #fff; color: #333; margin: 0 }</style>"
    with_memory, without = {}, {}
    for found, forget in ((with_memory, False), (without, True)):
        monkeypatch.setattr(browsing, "_PASSED", set())
        for name, words in pages.items():
            if forget:
                browsing._PASSED.clear()
            tab.goto("about:blank")
            tab.set_content(careless(words, head=head))
            found[name] = accessibility_violations(tab)
    context.close()
    assert with_memory == without
    assert without["at first"] == []
    assert [name for name in pages if not without[name]] == ["at first"]
