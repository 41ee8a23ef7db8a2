"""A resident signs in for their own requests in a real browser, with and without JavaScript, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from browsing import Served
from browsing import accessibility_violations
from browsing import has_no_sideways_scroll
from browsing import serve
from playwright.sync_api import Page
from playwright.sync_api import expect

from townhall.access.actors import system
from townhall.citizens import links
from townhall.messages import links as message_links
from townhall.messages import outbox
from townhall.town import Town

STAFF = system("admin", "Ruth")


@pytest.fixture
def park(make_town: Callable[..., Town]) -> Iterator[Served]:
    """A served town that has a mail server in its settings; nothing is sent here."""
    town = make_town("park")
    given: dict[str, Any] = {"mail_host": "mail.milbrook.example", "mail_from": "hall@milbrook.example"}
    town.settings = replace(town.settings, **given)
    yield from serve(town)


def well_made(page: Page, javascript: bool) -> None:
    """Every page fits its window and has no accessibility violation."""
    assert has_no_sideways_scroll(page) if javascript else True
    assert accessibility_violations(page) == [] if javascript else True
    expect(page.locator("h1")).to_have_count(1)


def test_a_resident_signs_in_reads_changes_and_leaves(
    park: Served, new_page: Callable[..., Page], javascript: bool
) -> None:
    """Asked for, followed, pressed; a request read from the list; a phone number added; signed out for good."""
    town = park.town
    emails = [{"address": "ada@example.org", "primary": True}]
    ada = town.records.create(STAFF, "core.contact", {"kind": "person", "family_name": "Archer", "emails": emails})
    spot = town.records.create(STAFF, "park.spot", {"name": "Long bench", "group": "Benches", "kind": "bench"})
    wish = {"spot": spot.id, "sender": ada.id, "subject": "A second bench", "urgent": False}
    number = town.records.create(STAFF, "park.wish", wish).number
    page = new_page(park, javascript=javascript, width=320 if javascript else 1440)

    page.goto("/requests/")
    well_made(page, javascript)
    page.get_by_role("link", name="Get a link by e-mail").click()
    well_made(page, javascript)
    page.get_by_label("E-mail").fill("ada at home")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("ada at home")
    well_made(page, javascript)
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    well_made(page, javascript)

    assert links.answer(town) == "1 link asked for."
    (mail,) = outbox.find(town)
    page.goto(message_links.path(town, mail))
    assert page.url.endswith("/requests/enter")
    well_made(page, javascript)
    page.get_by_role("button", name="Open my requests").click()
    expect(page.locator("main")).to_contain_text("Signed in as Archer")
    well_made(page, javascript)
    page.get_by_role("link", name="A second bench").click()
    expect(page.locator("main")).to_contain_text(number)
    well_made(page, javascript)

    page.goto("/requests/details")
    well_made(page, javascript)
    page.locator("[name='phones-0-number']").fill("513 555 0101")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Your details are saved.")
    assert town.records.get(system(), "core.contact", ada.id)["phones"][0]["number"] == "+15135550101"
    page.get_by_label("Another address").fill("ada@example.net")
    page.get_by_role("button", name="Send a link to it").click()
    expect(page.get_by_role("status")).to_contain_text("We sent a link to ada@example.net.")
    page.goto(message_links.path(town, outbox.find(town)[0]))
    well_made(page, javascript)
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.get_by_role("heading", name="Your address is confirmed")).to_be_visible()
    well_made(page, javascript)

    page.goto("/requests/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("main")).not_to_contain_text("A second bench")
    page.goto(message_links.path(town, mail))
    expect(page.get_by_role("heading", name="This link works no more")).to_be_visible()
    well_made(page, javascript)
    page.go_back()
    expect(page.locator("main")).not_to_contain_text("A second bench")
