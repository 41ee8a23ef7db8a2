"""Steps that people take in a browser on either side of the counter, in the words that stand on the screen."""

from __future__ import annotations

import base64
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browsing import PASSWORD
from browsing import Served
from browsing import serve
from playwright.sync_api import FilePayload
from playwright.sync_api import Page
from playwright.sync_api import expect

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.clock import FixedClock
from townhall.lifecycle import switching
from townhall.town import Town

CLERK = "rae@town.example"
SETTINGS = """\
[town]
name = "Milbrook"
phone = "+1 513 555 0142"
email = "hello@milbrook.example"
address = "2 Bridge Street, Milbrook"
[limits]
public_submissions_per_hour = 500
"""
#: What a town's office has set up before anybody comes.
OFFICE = system("cli", "The office")
#: A picture that browsers can show, one pixel large.
PHOTO: FilePayload = {
    "name": "lamp.png",
    "mimeType": "image/png",
    "buffer": base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    ),
}


def paper(name: str) -> FilePayload:
    """A small PDF to send along."""
    return FilePayload(name=name, mimeType="application/pdf", buffer=b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n")


@contextmanager
def open_town(folder: Path, clock: FixedClock, *plugins: str) -> Iterator[Town]:
    """A town with these plugins and one clerk, Rae."""
    (folder / "townhall.toml").write_text(SETTINGS, encoding="utf-8")
    town = Town.open(folder, clock=clock)
    try:
        switching.enable_all(town, OFFICE, plugins)
        people.add(town, OFFICE, CLERK, name="Rae Clerk", role="clerk", password=PASSWORD)
        yield town
    finally:
        town.close()


@contextmanager
def served(town: Town) -> Iterator[Served]:
    """The town, answering on this machine."""
    server = serve(town)
    try:
        yield next(server)
    finally:
        next(server, None)


def rae(town: Town) -> Actor:
    """The clerk as records know her."""
    person = people.find(town, CLERK)
    return Actor("staff", person.name, person.id, person.permissions, door="admin")


# -- at home --------------------------------------------------------------------------------------------------


def press(page: Page, name: str) -> None:
    """Press the button, or follow the link, with exactly these words in the main part of the page; what comes is there.

    A click alone returns when the next page begins to come in.
    """
    main = page.locator("main")
    button = main.get_by_role("button", name=name, exact=True)
    button.or_(main.get_by_role("link", name=name, exact=True)).first.click()
    page.wait_for_load_state("load")


def choose(page: Page, question: str, answer: str) -> None:
    """Choose one of the answers that stand below a question."""
    page.get_by_role("group", name=question).get_by_text(answer, exact=True).click()


def send(page: Page, words: str, *, name: str, email: str) -> str:
    """Say who is writing, look through the answers, and send them; the number that the town gave."""
    page.get_by_label("Your name").fill(name)
    page.get_by_label("E-mail").fill(email)
    press(page, "Continue")
    expect(page.get_by_role("heading", name="Check your answers")).to_be_visible()
    press(page, words)
    expect(page.get_by_role("heading", name="We have it")).to_be_visible()
    return page.locator("main .number").first.inner_text()


# -- at the counter -------------------------------------------------------------------------------------------


def find(page: Page, number: str) -> None:
    """Type a number into the search on top of every page: it leads straight to its record."""
    page.get_by_label("Search everything").fill(number)
    page.get_by_label("Search everything").press("Enter")
    expect(page.locator(".docket-tab")).to_contain_text(number)


def move(page: Page, label: str, answer: Callable[[], object] | None = None) -> None:
    """Make a move on a record's page, behind “More” if it stands there, answering what it asks."""
    moves = page.locator(".moves")
    asks = moves.get_by_role("link", name=f"{label}…", exact=True)
    either = asks.or_(moves.get_by_role("button", name=label, exact=True))
    more = moves.locator(".more-moves summary")
    page.wait_for_load_state("load")
    # Looking comes too early on a page that is still coming in, so wait until one of the two can be seen.
    expect(either.or_(more).filter(visible=True).first).to_be_visible()
    if not either.is_visible():
        more.click()
    asked = asks.is_visible()
    either.click()
    if asked:
        expect(page.get_by_role("heading", level=1)).to_have_text(label)
        if answer is not None:
            answer()
        press(page, label)
    expect(page.get_by_role("status").filter(has_text=f"{label}: done")).to_be_visible()


def state(page: Page) -> str:
    """What the pill on a record's page says."""
    return page.locator(".docket .pill").first.inner_text()


def pick(page: Page, label: str, text: str, javascript: bool) -> None:
    """Choose a record in a field that links to one: from its list, or by finding it."""
    box = page.get_by_label(label, exact=True)
    if box.evaluate("element => element.tagName") == "SELECT":
        page.select_option(
            f"#{box.get_attribute('id')}", box.locator("option").filter(has_text=text).get_attribute("value")
        )
    elif javascript:
        box.press_sequentially(text)
        page.get_by_role("option").filter(has_text=text).first.click()
    else:
        box.fill(text)
        page.get_by_role("button", name=f"Find {label}", exact=True).click()
        page.locator("main .choice").filter(has_text=text).first.get_by_role("radio").check()
