"""A clerk at work in a real browser, with and without JavaScript, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator

import pytest
from browsing import Served
from browsing import accessibility_violations
from browsing import evaluate
from browsing import has_no_sideways_scroll
from browsing import serve
from browsing import sign_in
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from playwright.sync_api import Page
from playwright.sync_api import Route
from playwright.sync_api import expect
from staff_client import PASSWORD
from staff_client import add_person

from townhall.access.actors import system
from townhall.town import Town

CLERK = "ruth@milbrook.example"
TICKET = "desk.ticket"


@pytest.fixture
def desk(town: Town) -> Iterator[Served]:
    """A served town with a clerk, an administrator, a topic, two contacts and a ticket."""
    add_person(town, CLERK, "clerk", "Ruth Okafor")
    add_person(town, "ada@milbrook.example", "administrator", "Ada Boss")
    phones = [{"number": "+1 513 555 0142", "primary": True}]
    contact = make_contact(town, "Nowak", given_name="Halina", phones=phones, please_note="Not before 10:00")
    make_contact(town, "Marsh", given_name="Ewa")
    make_ticket(town, system(), make_topic(town), reporter=contact.id, details="Wet", secret="Diabetic")
    yield from serve(town)


def well_made(page: Page, javascript: bool) -> None:
    """The page fits its window and has no accessibility violation."""
    expect(page.locator("h1")).to_have_count(1)
    if javascript:
        assert has_no_sideways_scroll(page), page.url
        assert accessibility_violations(page) == [], page.url


@pytest.mark.parametrize("width", [1440, 320])
def test_a_case_is_opened_worked_and_finished(
    desk: Served, new_page: Callable[..., Page], javascript: bool, width: int
) -> None:
    """From a call to a finished case: find the caller, open a case, move it, note, finish, read it back."""
    page = new_page(desk, javascript=javascript, width=width)
    sign_in(page, CLERK, PASSWORD)
    well_made(page, javascript)
    page.get_by_label("Search everything").fill("nowak hal")
    page.get_by_label("Search everything").press("Enter")
    well_made(page, javascript)
    page.get_by_role("link", name="Halina Nowak").click()
    well_made(page, javascript)
    page.get_by_text("New case").click()
    page.get_by_role("link", name="Ticket", exact=True).last.click()
    page.get_by_label("Topic", exact=True).select_option(label="Potholes")
    if not javascript:
        page.get_by_role("button", name="Show what is asked for this").click()
    page.get_by_label("Summary").fill("Hole by the school")
    page.get_by_label("How deep?").fill("9")
    well_made(page, javascript)
    page.get_by_role("button", name="Save ticket").click()
    page.wait_for_url(re.compile(r"/ticket/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Potholes: Hole by the school")
    expect(page.get_by_text("Halina Nowak").first).to_be_visible()
    well_made(page, javascript)
    page.get_by_role("button", name="Wait for answer").click()
    expect(page.get_by_text("It is now “Waiting”")).to_be_visible()
    page.get_by_label("Add a note or a message").fill("Rang, nobody there")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Rang, nobody there")).to_be_visible()
    page.get_by_role("link", name="Finish").click()
    well_made(page, javascript)
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("alert").first).to_contain_text("needs your attention")
    page.get_by_label("What was done").fill("Filled with tar")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_text("It is now “Done”")).to_be_visible()
    record = desk.town.records.find(system(), TICKET, {"summary": "Hole by the school"}, archived=None).records[0]
    assert (record.state, record.values["outcome"]) == ("done", "Filled with tar")


def test_a_call_is_logged_with_the_keyboard_alone(desk: Served, new_page: Callable[..., Page]) -> None:
    """On a contact's page: Tab to the box, arrows for the channel, words, Tab and Enter; the mouse is not touched."""
    page = new_page(desk)
    sign_in(page, CLERK, PASSWORD)
    page.keyboard.press("/")
    page.keyboard.type("nowak")
    page.keyboard.press("Enter")  # which, unlike a click, doesn't wait for the page that comes
    page.wait_for_url("**/admin/search/**")
    page.get_by_role("link", name="Halina Nowak").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/core/contact/*/")
    page.get_by_role("radio", name="Phone").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.type("Asked about the bins")
    for _ in range(12):
        page.keyboard.press("Tab")
        if evaluate(page, "document.activeElement.textContent").strip() == "Save contact":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("Asked about the bins").first).to_be_visible()
    (kept,) = desk.town.records.find(system(), "core.interaction").records
    assert kept.values["channel"] == "email"
    page.goto(f"{desk.url}/admin/")
    page.get_by_label("Who is calling?").focus()
    page.keyboard.press("Enter")  # with nothing in it: what is wrong has the focus, though the address names the box
    expect(page.locator("#errors")).to_be_focused()


def test_a_list_is_filtered_picked_from_and_saved(
    desk: Served, new_page: Callable[..., Page], javascript: bool
) -> None:
    """Filters are a plain form; picking lines and doing something to them asks first; a view is kept as a tab."""
    page = new_page(desk, javascript=javascript)
    sign_in(page, CLERK, PASSWORD)
    page.goto("/admin/desk/ticket/")
    well_made(page, javascript)
    page.get_by_text("More filters, columns and sorting").or_(page.get_by_text("Columns and sorting")).first.click()
    page.get_by_label("Find in this list").fill("hole")
    page.get_by_role("button", name="Apply").first.click()
    expect(page.get_by_role("link", name="“hole” , remove")).to_be_visible()
    page.get_by_role("link", name="Save as a view").click()
    page.get_by_label("What should the tab say?").fill("Holes")
    well_made(page, javascript)
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_role("link", name="Holes", exact=True)).to_have_attribute("aria-current", "page")
    page.get_by_label("Select T-2026-0001").check()
    if javascript:
        expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_label("What to do").select_option(label="Give to me")
    page.get_by_role("button", name="Do it").click()
    well_made(page, javascript)
    page.get_by_role("button", name="Give to me").click()
    expect(page.get_by_text("Give to me: done for 1 record.")).to_be_visible()
    expect(page.get_by_role("cell", name="Ruth Okafor")).to_be_visible()


def test_a_confidential_value_is_revealed_with_a_reason(
    desk: Served, new_page: Callable[..., Page], javascript: bool
) -> None:
    """The mask leads to a page that asks why, and then shows the value once."""
    page = new_page(desk, javascript=javascript)
    sign_in(page, CLERK, PASSWORD)
    page.goto("/admin/desk/ticket/1/")
    expect(page.get_by_text("Diabetic")).to_have_count(0)
    page.get_by_role("link", name="Reveal").click()
    page.get_by_label("Why do you need to see it?").fill("An ambulance asks")
    well_made(page, javascript)
    page.get_by_role("button", name="Show it").click()
    expect(page.get_by_text("Diabetic")).to_be_visible()


def test_the_menu_of_moves_closes_with_escape(desk: Served, new_page: Callable[..., Page]) -> None:
    """A menu of buttons opens with the keyboard, and Escape closes it and leads back to its button."""
    page = new_page(desk)
    sign_in(page, CLERK, PASSWORD)
    page.goto("/admin/core/contact/1/")
    button = page.locator("summary", has_text="New case")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".menu-list")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".menu-list")).not_to_be_visible()
    expect(button).to_be_focused()


def test_what_was_chosen_before_the_script_ran_is_asked_for(desk: Served, new_page: Callable[..., Page]) -> None:
    """A quick hand chooses a topic before the form's script is there; its questions come all the same."""
    make_topic(desk.town, "Lamps")  # the only one would be chosen already, with its questions
    page = new_page(desk)
    sign_in(page, CLERK, PASSWORD)
    held: list[Route] = []
    page.route("**/forms.js*", lambda route: held.append(route))
    with page.expect_request("**/forms.js*"):
        page.goto("/admin/desk/ticket/new", wait_until="commit")
    page.get_by_label("Topic", exact=True).select_option(label="Potholes")
    assert page.get_by_label("How deep?").count() == 0
    held[0].continue_()
    expect(page.get_by_label("How deep?")).to_be_visible()


def test_two_who_open_a_case_see_each_other_without_loading_it_again(
    desk: Served, new_page: Callable[..., Page]
) -> None:
    """The page's script asks again while it is open, and shows who came; of two who take the case one has it."""
    first, second = new_page(desk), new_page(desk)
    first.clock.install()
    sign_in(first, CLERK, PASSWORD)
    sign_in(second, "ada@milbrook.example", PASSWORD)
    first.goto("/admin/desk/ticket/1/")
    expect(first.get_by_role("status")).to_be_empty()
    second.goto("/admin/desk/ticket/1/")
    expect(second.get_by_role("status")).to_contain_text("Ruth Okafor has this open too")
    first.clock.run_for(26_000)
    expect(first.get_by_role("status")).to_contain_text("Ada Boss has this open too")
    assert accessibility_violations(first) == []
    second.get_by_role("button", name="Take it").click()
    expect(second.get_by_text("It is yours now.")).to_be_visible()
    first.get_by_role("button", name="Take it").click()
    expect(first.get_by_text("Ada Boss has had it since")).to_be_visible()


def test_the_longest_name_in_town_fits_a_phone(desk: Served, new_page: Callable[..., Page]) -> None:
    """A name and a note without a place to break are broken where they have to be, on every page that shows them."""
    name = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    contact = make_contact(desk.town, name, please_note="x" * 150)
    topic = desk.town.records.find(system(), "desk.topic").records[0]
    ticket = make_ticket(desk.town, system(), topic, reporter=contact.id)
    page = new_page(desk, width=320)
    sign_in(page, CLERK, PASSWORD)
    person, case = f"/admin/core/contact/{contact.id}/", f"/admin/desk/ticket/{ticket.id}/"
    for address in (person, f"{person}own-requests", case, f"{case}edit", f"{case}print"):
        page.goto(address)
        assert has_no_sideways_scroll(page), address
