"""Public lists of the shipped plugins, as a visitor's browser gets them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from townhall.access.actors import system
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.errors import SchemaErrors
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas

POSTING = "recruitment.posting"


@pytest.fixture
def recruitment(make_town: Callable[..., Town]) -> Town:
    """A town with recruitment."""
    return make_town("recruitment")


@pytest.fixture
def visitor(recruitment: Town) -> FlaskClient:
    """Somebody's browser."""
    app = create_app(recruitment)
    app.testing = True
    return app.test_client()


def posting(town: Town, name: str, clock: FixedClock) -> Record:
    """An open job."""
    values = {"name": name, "description": "Good work.", "closes_at": clock.now() + timedelta(days=9)}
    record = town.records.create(system(), POSTING, values)
    return town.records.transition(system(), POSTING, record.id, "open", version=record.version)


def test_the_list_shows_what_its_where_says(recruitment: Town, visitor: FlaskClient, clock: FixedClock) -> None:
    """A closed job leaves the list of open jobs, and its page stays for those who applied."""
    posting(recruitment, "Gardener", clock)
    closed = posting(recruitment, "Pool attendant", clock)
    recruitment.records.transition(system(), POSTING, closed.id, "close", version=closed.version)
    page = visitor.get("/open/recruitment/posting/").get_data(as_text=True)
    assert "Gardener" in page
    assert "Pool attendant" not in page
    assert "Open jobs (1)" in visitor.get("/").get_data(as_text=True)
    assert visitor.get(f"/open/recruitment/posting/{closed.id}").status_code == 200


def test_filters_narrow_what_the_where_lists(recruitment: Town, visitor: FlaskClient, clock: FixedClock) -> None:
    """What a visitor chooses is taken from what the list shows, and never shows more."""
    posting(recruitment, "Gardener", clock)
    page = visitor.get("/open/recruitment/posting/?employment_type=PART_TIME").get_data(as_text=True)
    assert "Gardener" not in page
    page = visitor.get("/open/recruitment/posting/?employment_type=FULL_TIME").get_data(as_text=True)
    assert "Gardener" in page


def test_the_where_of_a_public_list_may_not_know_secrets() -> None:
    """A public list can't be narrowed by what the public may not know: that would tell it."""
    text = """
[type]
name = "thing"
title = "{name}"
public_if = { name = { empty = false } }
[fields.name]
type = "text"
privacy = "public"
[fields.secret]
type = "boolean"
[public]
where = { secret = true }
"""
    with pytest.raises(SchemaErrors, match="the public may not know it"):
        load_schemas([Source("shop", None, text, frozenset())])


def test_a_form_says_until_when_it_can_be_sent(recruitment: Town, visitor: FlaskClient, clock: FixedClock) -> None:
    """Who comes back later knows the deadline, also where the answers are kept beyond it; some jobs have none."""
    job = posting(recruitment, "Gardener", clock)
    address = f"/apply/recruitment/application/public?posting={job.id}"
    page = visitor.get(address)
    assert "open until" in page.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]  # type: ignore[index]
    saved = visitor.post(address, data={"csrf_token": token, "motivation": "Trees", "_save": "1"})
    assert "You can send them until" in visitor.get(saved.headers["Location"]).text
    values = {"until_filled": True, "closes_at": None}
    recruitment.records.update(system(), POSTING, job.id, values, version=job.version)
    assert "open until" not in visitor.get(address).text
