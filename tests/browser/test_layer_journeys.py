"""An administrator gives the town a field of its own in a real browser, with and without JavaScript, on a telephone."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator

import pytest
from browsing import Served
from browsing import accessibility_violations
from browsing import has_no_sideways_scroll
from browsing import serve
from browsing import sign_in
from desk import make_topic
from playwright.sync_api import Page
from playwright.sync_api import expect
from staff_client import PASSWORD
from staff_client import add_person

from townhall.town import Town

CHIEF = "ada@milbrook.example"


@pytest.fixture
def desk(town: Town) -> Iterator[Served]:
    """A served town with an administrator and a topic."""
    add_person(town, CHIEF, "administrator", "Ada Boss")
    make_topic(town)
    yield from serve(town)


def well_made(page: Page, javascript: bool) -> None:
    """The page has one heading, fits its window, and has no accessibility violation."""
    expect(page.locator("h1")).to_have_count(1)
    if javascript:
        assert has_no_sideways_scroll(page), page.url
        assert accessibility_violations(page) == [], page.url


def test_a_field_is_added_moved_published_and_undone(
    desk: Served, new_page: Callable[..., Page], javascript: bool
) -> None:
    """From the foot of a list: add a choice field, try a mistake, move it up, look at both forms, publish, and undo."""
    page = new_page(desk, javascript=javascript, width=320)
    sign_in(page, CHIEF, PASSWORD)
    page.goto("/admin/desk/ticket/?view=all")
    page.get_by_role("link", name="Fields and labels…").click()
    expect(page.get_by_role("heading", level=1, name="Tickets")).to_be_visible()
    well_made(page, javascript)

    page.get_by_role("link", name="Add a field").click()
    page.get_by_label("What it holds").select_option("choice")
    page.get_by_role("button", name="Keep in the draft").click()
    expect(page.get_by_role("alert")).to_be_visible()
    well_made(page, javascript)
    page.get_by_label("Label", exact=True).fill("Ward")
    choices = page.get_by_role("table", name="Choices")
    choices.get_by_role("textbox").first.fill("North")
    page.get_by_role("button", name="Add a line to Choices").click()
    expect(choices.get_by_role("textbox")).to_have_count(4)
    choices.get_by_role("textbox").nth(2).fill("South")
    page.get_by_label("Ask it only when").select_option(label="Kind is Report")
    page.get_by_text("The list can be filtered by it").click()
    page.get_by_text("Report something", exact=True).click()
    page.get_by_role("button", name="Keep in the draft").click()
    expect(page.get_by_text("Nothing is published yet")).to_be_visible()

    page.get_by_role("button", name="Move Ward up").click()
    expect(page.get_by_text("“Ward” stands one place higher")).to_be_visible()
    well_made(page, javascript)
    page.get_by_role("link", name="The clerks’ form").click()
    expect(page.get_by_label("Ward")).to_have_count(1)
    well_made(page, javascript)
    page.go_back()
    page.get_by_role("link", name="Public: Report something").click()
    expect(page.get_by_text("This is a preview for staff")).to_be_visible()
    expect(page.get_by_text("Ward").first).to_be_attached()
    well_made(page, javascript)
    page.get_by_role("link", name="Back to fields and labels").click()

    page.get_by_role("link", name="See what will change").click()
    expect(page.get_by_text("The field “Ward” is added")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Published as version 1")).to_be_visible()
    well_made(page, javascript)
    page.goto("/admin/desk/ticket/new")
    expect(page.get_by_label("Ward")).to_have_count(1)

    page.goto("/admin/types/history")
    well_made(page, javascript)
    page.get_by_role("link", name="Restore… what is shipped").click()
    expect(page.get_by_text("“Ward” is removed from all pages")).to_be_visible()
    page.get_by_role("button", name="Go back to what is shipped").click()
    expect(page.get_by_text("Everything is as shipped again")).to_be_visible()
    page.goto("/admin/desk/ticket/new")
    expect(page.get_by_label("Ward")).to_have_count(0)
