"""Residents on the public site in a real browser, with and without JavaScript, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import Served
from browsing import accessibility_violations
from browsing import has_no_sideways_scroll
from browsing import serve
from playwright.sync_api import Page
from playwright.sync_api import expect

from townhall.access.actors import system
from townhall.testing import pictures
from townhall.town import Town
from townhall_forms.values import Question
from townhall_forms.values import Questions

STAFF = system("admin", "Ruth")
PNG = {"name": "tree.png", "mimeType": "image/png", "buffer": pictures.png()}
EXE = {"name": "virus.exe", "mimeType": "image/png", "buffer": b"MZ"}


@pytest.fixture
def park(make_town: Callable[..., Town]) -> Iterator[Served]:
    """A served town with a plugin that uses everything the public site offers."""
    town = make_town("park")
    height = Question("height", "How high is it?", type="integer", required=True, privacy="public")
    questions = Questions(1, (height,), {})
    values: dict[str, Any] = {"name": "Old oak", "group": "Trees", "questions": questions, "kind": "tree"}
    town.records.create(STAFF, "park.spot", values)
    town.records.create(STAFF, "park.spot", {"name": "Long bench", "group": "Benches", "kind": "bench"})
    yield from serve(town)


def go_on(page: Page) -> None:
    """Press the button that leads to the next page of a form."""
    page.get_by_role("button", name="Continue").click()


def choose(page: Page, text: str) -> None:
    """Choose one of several buttons by its words, as people do."""
    page.get_by_text(text, exact=True).click()


def well_made(page: Page, javascript: bool) -> None:
    """Every page fits its window and has no accessibility violation."""
    assert has_no_sideways_scroll(page) if javascript else True
    assert accessibility_violations(page) == [] if javascript else True
    expect(page.locator("h1")).to_have_count(1)


@pytest.mark.parametrize("width", [1440, 320])
def test_wish_is_made_followed_and_reopened(
    park: Served, new_page: Callable[..., Page], javascript: bool, width: int
) -> None:
    """A resident finds the service, makes mistakes, adds rows and a picture, sends, follows and reopens it."""
    page = new_page(park, javascript=javascript, width=width)
    page.goto("/")
    well_made(page, javascript)
    page.get_by_label("Search services and answers").fill("oak")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Old oak").click()
    well_made(page, javascript)

    # A mistake: the summary names it, and what was typed stays.
    page.get_by_label("What do you wish for?").fill("A second bench")
    go_on(page)
    expect(page.get_by_role("alert")).to_contain_text("Is it urgent?")
    expect(page.get_by_role("alert")).to_contain_text("How high is it?")
    expect(page.get_by_label("What do you wish for?")).to_have_value("A second bench")
    expect(page).to_have_title(re.compile("^Error:"))
    well_made(page, javascript)
    choose(page, "Yes")
    page.get_by_label("Why is it urgent?").fill("The first one broke.")
    page.get_by_label("How high is it?").fill("12")
    go_on(page)

    # Rows, and an upload that survives the refusal of another.
    page.locator("[name='costs-0-item']").fill("Wood")
    page.get_by_role("button", name=re.compile("Add")).click()
    page.locator("[name='costs-1-item']").fill("Nails")
    page.locator("[name='costs-1-amount']").fill("12.50")
    page.locator("[name='pictures']").set_input_files([PNG, EXE])
    go_on(page)
    expect(page.get_by_role("alert")).to_contain_text("virus.exe")
    expect(page.locator("main")).to_contain_text("tree.png")
    well_made(page, javascript)
    go_on(page)

    page.get_by_label("Your name").fill("Ada Archer")
    page.get_by_label("E-mail").fill("ada@example.org")
    go_on(page)
    for said in ("A second bench", "The first one broke.", "Nails", "$12.50", "tree.png", "Ada Archer"):
        expect(page.locator("main")).to_contain_text(said)
    well_made(page, javascript)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="We have it")).to_be_visible()
    well_made(page, javascript)
    number = page.locator("main .number").first.inner_text()

    page.get_by_role("link", name="See how it stands").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Received")
    well_made(page, javascript)
    page.get_by_label("Write to us about this request").fill("Any news?")
    page.get_by_role("button", name="Send message").click()
    expect(page.locator(".letters")).to_contain_text("Any news?")

    record = park.town.records.by_number(STAFF, "park.wish", number)
    park.town.records.transition(
        STAFF, "park.wish", record.id, "finish", version=record.version, message="The bench stands."
    )
    page.goto(f"/requests/{number}")
    expect(page.locator(".letters .ours")).to_contain_text("The bench stands.")
    page.get_by_role("link", name=re.compile("It is not done")).click()
    well_made(page, javascript)
    page.get_by_label("What is still wrong").fill("It wobbles.")
    page.get_by_role("button", name="It is not done").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Being looked at")
    assert park.town.records.by_number(STAFF, "park.wish", number)["proof"] == "It wobbles."


def test_form_is_finished_in_two_sittings(park: Served, new_page: Callable[..., Page], javascript: bool) -> None:
    """A half-filled form is saved; its link opens it in another browser, where it is sent."""
    page = new_page(park, javascript=javascript)
    page.goto("/")
    page.get_by_role("link", name="Long bench").click()
    page.get_by_label("What do you wish for?").fill("Paint")
    page.get_by_role("button", name="Save and return later").click()
    link = page.locator("main a[href*='/continue/']").inner_text()
    well_made(page, javascript)

    other = new_page(park, javascript=javascript)
    other.goto(link)
    assert link.rsplit("/", 1)[1] not in other.url
    expect(other.get_by_label("What do you wish for?")).to_have_value("Paint")
    choose(other, "No")
    go_on(other)
    go_on(other)
    go_on(other)
    other.get_by_role("button", name="Send").click()
    expect(other.get_by_role("heading", name="We have it")).to_be_visible()
    assert park.town.records.count(STAFF, "park.wish").value == 1


def test_code_from_the_receipt_opens_the_request(park: Served, new_page: Callable[..., Page], javascript: bool) -> None:
    """Number and code, typed in on the home page, open the request in another browser; a wrong code doesn't."""
    page = new_page(park, javascript=javascript)
    page.goto("/open/park/spot/")
    well_made(page, javascript)
    page.get_by_role("link", name="Long bench").click()
    well_made(page, javascript)
    page.get_by_role("link", name="Look after it").first.click()
    page.get_by_label("What do you wish for?").fill("I water the flowers")
    choose(page, "No")
    go_on(page)
    page.get_by_label("Your name").fill("Bo")
    page.get_by_label("Phone").fill("212 555 0142")
    go_on(page)
    page.get_by_role("button", name="Send").click()
    number, code = (page.locator("main dd .number").nth(index).inner_text() for index in (0, 1))

    other = new_page(park, javascript=javascript)
    other.goto("/")
    other.get_by_label("Number", exact=True).fill(number.lower())
    other.get_by_label("Code", exact=True).fill("0" * 26)
    other.get_by_role("button", name="Check").click()
    expect(other.get_by_role("alert")).to_contain_text("nothing with this number and code")
    well_made(other, javascript)
    other.get_by_label("Number", exact=True).fill(number.lower())
    other.get_by_label("Code", exact=True).fill(code.lower().replace("-", " "))
    other.get_by_role("button", name="Check").click()
    expect(other.locator("main")).to_contain_text("I water the flowers")
    other.get_by_role("button", name="Close this request here").click()
    other.goto(f"/requests/{number}")
    expect(other.get_by_role("heading", level=1)).to_contain_text("We can’t open this request")


@pytest.mark.parametrize("width", [1440, 320])
def test_pages_of_the_site_are_accessible(park: Served, new_page: Callable[..., Page], width: int) -> None:
    """Pages that no journey passes are well made too."""
    page = new_page(park, width=width)
    for address in (
        "/search",
        "/search?q=nothing",
        "/privacy",
        "/accessibility",
        "/requests/",
        "/requests/W-2026-0001",
        "/nowhere",
        "/open/park/spot/?kind=tree",
        "/open/park/spot/?name=nothing",
        "/apply/park/wish/wish",
        "/apply/park/wish/wish/print?spot=1",
        "/continue/AAAAAAAAAAAAAAAAAAAAAA",
    ):
        page.goto(address)
        well_made(page, javascript=True)
