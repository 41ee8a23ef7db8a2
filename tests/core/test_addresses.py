"""Addresses: a page is found with a slash at its end and without, and has one address all the same."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask import Flask

from townhall.app import create_app
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.town import Town

#: Pages about something, which need not be there.
ABOUT = ("/admin/people/1", "/admin/core/contact/1/edit", "/admin/core/contact/1/move/x", "/admin/plugins/desk/")


@pytest.fixture
def app(town: Town) -> Flask:
    """A town's application, and Ada, who looks after the town."""
    add_person(town, "ada@town.example", "administrator")
    return create_app(town)


def addresses(app: Flask) -> Iterator[str]:
    """The address of every page, of staff and public, that is about nothing in particular; and of some that are."""
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.rule != "/" and not rule.arguments:
            yield rule.rule
    yield from ABOUT


def test_every_page_is_found_with_and_without_a_slash(app: Flask) -> None:
    """One of the two is its address; the other leads there for good, with what was asked."""
    client = StaffClient(app, "ada@town.example")
    found = sorted(set(addresses(app)))
    assert len(found) > 60
    for address in found:
        other = address.rstrip("/") if address.endswith("/") else f"{address}/"
        led = client.get(f"{other}?view=all&q=a%26b")
        to = urlsplit(led.location or "")
        assert (led.status_code, to.path, to.query) == (308, address, "view=all&q=a%26b"), other


def test_no_slash_leads_away_or_to_what_is_not_there(app: Flask) -> None:
    """What is no page with a slash and none without stays so, and nobody is led to another host."""
    client = app.test_client()
    for path in (
        "/nowhere/",
        "/admin/nowhere/",
        "//evil.example/",
        "/%5Cevil.example/",
        "/static/nothing/",
        "/people/",
    ):
        led = client.get(path)
        assert "evil" not in (led.location or ""), path
        assert led.status_code in (400, 404) or (led.location or "").startswith("/"), path
    assert client.get("/admin/people//").status_code in (308, 404)
    assert client.post("/admin/sign-in/", data={}).status_code in (400, 404)
