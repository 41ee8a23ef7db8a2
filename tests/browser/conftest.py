"""A served town and a real Chromium, with and without JavaScript, for the journeys and the accessibility checks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import PATIENCE
from browsing import Served
from playwright.sync_api import Browser
from playwright.sync_api import Page
from playwright.sync_api import expect
from playwright.sync_api import sync_playwright

#: No background requests of the browser's own: nothing leaves the machine that runs the tests.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright; skipped where it is missing unless it is required."""
    path = os.environ.get("TOWNHALL_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("TOWNHALL_TEST_BROWSER") == "required":
            pytest.fail("Chromium is required for these tests and was not found")
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=2 * PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def engine() -> str:
    """Journeys run on SQLite: what both engines do is proved below the screens."""
    return "sqlite"


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    """Whether the visitor's browser runs JavaScript."""
    return bool(request.param)


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Make a page: ``new_page(served, javascript=True, width=1440)``. A request to another host fails the test."""
    contexts = []
    strangers: list[str] = []
    complaints: list[str] = []

    def make(served: Served, *, javascript: bool = True, width: int = 1440, **options: Any) -> Page:
        context = browser.new_context(
            base_url=served.url,
            java_script_enabled=javascript,
            viewport={"width": width, "height": 900},
            locale="en-US",
            **options,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: strangers.append(request.url) if not _ours(request.url, served) else None)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert strangers == [], "a page asked another server for something"
    scripts = [text for text in complaints if "Content Security Policy" in text or "Error" in text]
    assert [text for text in scripts if "status of" not in text] == [], "a page's script or policy failed"


def _ours(url: str, served: Served) -> bool:
    return url.startswith((served.url, "data:", "blob:", "about:"))
