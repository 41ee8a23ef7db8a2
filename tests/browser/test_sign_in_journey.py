"""Signing in where the town asks for a second factor: set up once, asked for ever after."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from browsing import Served
from browsing import accessibility_violations
from browsing import has_no_sideways_scroll
from browsing import serve
from passlib.totp import TOTP
from playwright.sync_api import Page
from playwright.sync_api import expect
from staff_client import PASSWORD
from staff_client import add_person

from townhall.clock import FixedClock
from townhall.town import Town

CHIEF = "ada@milbrook.example"


@pytest.fixture
def hall(town: Town) -> Iterator[Served]:
    """A served town whose administrators need a code."""
    add_person(town, CHIEF, "administrator", "Ada Boss")
    file = Path(town.instance) / "townhall.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f'{text}\n[security]\nsecond_factor = ["administrator"]\n', encoding="utf-8")
    yield from serve(town.renewed())


def well_made(page: Page, javascript: bool) -> None:
    """The page fits a telephone and has no accessibility violation."""
    expect(page.locator("h1")).to_have_count(1)
    if javascript:
        assert has_no_sideways_scroll(page), page.url
        assert accessibility_violations(page) == [], page.url


def give_password(page: Page) -> None:
    page.goto("/admin/sign-in?next=/admin/people")
    page.get_by_label("E-mail").fill(CHIEF)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_code_app_is_set_up_and_asked_for(
    hall: Served, new_page: Callable[..., Page], javascript: bool, clock: FixedClock
) -> None:
    """The first sign-in sets the app up and shows recovery codes; the next asks for digits, or takes such a code."""
    page = new_page(hall, javascript=javascript, width=320)
    give_password(page)
    expect(page.get_by_role("heading", name="Set up your code app")).to_be_visible()
    well_made(page, javascript)
    page.get_by_text("No camera? Type the key").click()
    key = TOTP(page.locator(".qr-key").inner_text().replace(" ", ""))

    def digits() -> str:
        return str(key.generate(int(clock.now().timestamp())).token)

    page.get_by_label("Code", exact=True).fill(digits())
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    well_made(page, javascript)
    codes = page.locator(".recovery code").all_inner_texts()
    page.get_by_role("link", name="I kept them, go on").click()
    expect(page).to_have_url(re.compile("/admin/people$"))

    other = new_page(hall, javascript=javascript, width=320)
    give_password(other)
    expect(other.get_by_role("heading", name="Your six digits")).to_be_visible()
    well_made(other, javascript)
    other.get_by_label("Code", exact=True).fill(digits())  # the same as before, which was used already
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("alert")).to_contain_text("Type the newest one")
    well_made(other, javascript)
    clock.move(timedelta(seconds=30))
    other.get_by_label("Code", exact=True).fill(digits())
    other.get_by_role("button", name="Sign in").click()
    expect(other).to_have_url(re.compile("/admin/people$"))

    lost = new_page(hall, javascript=javascript, width=320)
    give_password(lost)
    lost.get_by_role("link", name="Use a recovery code").click()
    well_made(lost, javascript)
    lost.get_by_label("Recovery code").fill(codes[0])
    lost.get_by_role("button", name="Sign in").click()
    expect(lost).to_have_url(re.compile("/admin/people$"))
    lost.goto("/admin/account")
    expect(lost.locator("main")).to_contain_text("9 recovery codes are left")
    well_made(lost, javascript)
    lost.get_by_role("button", name="Sign out everywhere else").click()
    expect(lost.get_by_role("status")).to_contain_text("Signed out of 2 other devices")
    page.goto("/admin/people")
    expect(page).to_have_url(re.compile("/admin/sign-in"))
