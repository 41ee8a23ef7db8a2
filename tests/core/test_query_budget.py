"""What a page may ask of the database: a number of statements per page, whatever stands on it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from staff_client import StaffClient
from staff_client import add_person
from werkzeug.test import TestResponse

from townhall.access.actors import system
from townhall.app import create_app
from townhall.town import Town
from townhall_forms.values import Reference

STAFF = system("admin", "Ruth")
EMAIL = "erin@millbrook.example"
#: The most statements of each page when nothing is counted yet; one of a clerk's finds out who they are.
CLERK = {"home": 26, "list": 16, "details": 25, "contact": 25, "form": 17, "search": 9, "calendar": 10}
PUBLIC = {"home": 5, "form step": 6, "list": 3, "status": 21}
#: Statements that a page may ask besides once it has more than it shows.
MORE = {"contact": 3, "search": 2}


@dataclass
class Filled:
    """A town with one busy contact, and what was made for them."""

    town: Town
    contact: int
    spot: int
    wish: int
    number: str
    link: str
    size: int = 0

    def grow(self, size: int) -> None:
        """Make sure that there are ``size`` spots, wishes, messages, notes and events of this contact."""
        records, now = self.town.records, self.town.clock.now()
        about = Reference("park.wish", self.wish)
        for number in range(self.size, size):
            records.create(STAFF, "park.spot", {"name": f"Spot {number}", "group": "Trees", "kind": "tree"})
            wish = {"spot": self.spot, "sender": self.contact, "subject": f"Bench {number}", "urgent": False}
            records.create(STAFF, "park.wish", wish)
            talk = {"channel": "phone", "direction": "in", "contact": self.contact, "body": f"Call {number}"}
            records.create(STAFF, "core.interaction", {**talk, "about": about, "public": True})
            records.create(
                STAFF,
                "core.event",
                {
                    "kind": "appointment",
                    "name": f"Meeting {number}",
                    "starts": now + timedelta(minutes=number),
                    "status": "confirmed",
                    "attendees": [self.contact],
                },
            )
        self.size = size

    def clerk_pages(self) -> dict[str, str]:
        """Addresses of the staff pages."""
        return {
            "home": "/admin/",
            "list": "/admin/park/wish/?view=all",
            "details": f"/admin/park/wish/{self.wish}/",
            "contact": f"/admin/core/contact/{self.contact}/",
            "form": f"/admin/park/wish/{self.wish}/edit",
            "search": "/admin/search/?q=bench",
            "calendar": "/admin/calendar/",
        }

    def public_pages(self) -> dict[str, str]:
        """Addresses of the public pages."""
        return {
            "home": "/",
            "form step": f"/apply/park/wish/wish?spot={self.spot}",
            "list": "/open/park/spot/",
            "status": f"/requests/{self.number}",
        }


@pytest.fixture
def filled(make_town: Callable[..., Town]) -> Filled:
    """A town with a contact who has a wish, and a clerk."""
    town = make_town("park")
    add_person(town, EMAIL, "clerk")
    records = town.records
    contact = records.create(STAFF, "core.contact", {"given_name": "Halina", "family_name": "Nowak"})
    spot = records.create(STAFF, "park.spot", {"name": "Old oak", "group": "Trees"})
    wish = records.create(
        STAFF, "park.wish", {"spot": spot.id, "sender": contact.id, "subject": "A bench", "urgent": False}
    )
    token = records.make_link(STAFF, "park.wish", wish.id, "status")
    return Filled(town, contact.id, spot.id, wish.id, wish.number, f"/status/{wish.number}/{token}")


@contextmanager
def counted(town: Town) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    sent: list[str] = []

    def note(event: Any) -> None:
        sent.append(event.sql)

    town.database.query_hooks.append(note)
    try:
        yield sent
    finally:
        town.database.query_hooks.remove(note)


def measured(town: Town, pages: dict[str, str], get: Callable[[str], TestResponse]) -> dict[str, list[str]]:
    """The statements of each page."""
    found = {}
    for name, url in pages.items():
        with counted(town) as sent:
            response = get(url)
        assert response.status_code == 200, f"{url}: {response.status_code}"
        found[name] = list(sent)
    return found


def as_clerk(filled: Filled) -> dict[str, list[str]]:
    """The statements of the staff pages, each opened just after a change, so that nothing counted is remembered."""
    clerk = StaffClient(create_app(filled.town), EMAIL)
    found = {}
    for name, url in filled.clerk_pages().items():
        clerk.post("/admin/", {})
        found |= measured(filled.town, {name: url}, clerk.get)
    return found


def as_visitor(filled: Filled) -> dict[str, list[str]]:
    """The statements of the public pages."""
    visitor: FlaskClient = create_app(filled.town).test_client()
    assert visitor.get(filled.link).status_code == 303
    return measured(filled.town, filled.public_pages(), visitor.get)


def test_a_number_is_looked_up_in_an_index(filled: Filled, engine: str) -> None:
    """A call about a case that is named by its number doesn't look through all that can be searched for it."""
    talk = {"channel": "phone", "direction": "in", "contact": filled.contact, "body": "Is it done?"}
    with counted(filled.town) as sent:
        made = filled.town.records.create(STAFF, "core.interaction", {**talk, "about": filled.number})
    assert made["about"] == Reference("park.wish", filled.wish)
    (asked,) = [sql for sql in sent if "FROM search_entry" in sql and "number IN" in sql]
    assert "number <> ''" in asked, "the index has only what has a number, so the question must say so"
    if engine == "sqlite":  # PostgreSQL looks through a table that is as small as this one
        plan = filled.town.database.execute_sql(f"EXPLAIN QUERY PLAN {asked}", (1,) * asked.count("?")).fetchall()
        assert plan[0][3] == "SEARCH search_entry USING INDEX search_entry_number (number=?)"


@pytest.mark.parametrize(("look", "budget"), [(as_clerk, CLERK), (as_visitor, PUBLIC)], ids=["clerk", "public"])
def test_pages_keep_to_their_budget(
    filled: Filled, look: Callable[[Filled], dict[str, list[str]]], budget: dict[str, int]
) -> None:
    """A page with many rows, panels and entries takes no more statements than it is given."""
    filled.grow(20)
    look(filled)  # how types are read is worked out once
    over = {
        name: "\n".join([f"{len(sent)} statements, {budget[name]} allowed:", *sent])
        for name, sent in look(filled).items()
        if len(sent) > budget[name]
    }
    assert not over, "\n\n".join(f"{name}: {text}" for name, text in over.items())


@pytest.mark.parametrize("look", [as_clerk, as_visitor], ids=["clerk", "public"])
def test_statements_do_not_grow_with_rows(filled: Filled, look: Callable[[Filled], dict[str, list[str]]]) -> None:
    """A page takes as many statements for sixty rows, panel lines and timeline entries as for five.

    Only a panel with more lines than it shows asks one thing more, and once: how many there are; and a search that
    finds more than it shows looks for people by themselves.
    """
    filled.grow(5)
    look(filled)
    five = {name: len(sent) for name, sent in look(filled).items()}
    filled.grow(30)
    thirty = {name: len(sent) for name, sent in look(filled).items()}
    filled.grow(60)
    sixty = {name: len(sent) for name, sent in look(filled).items()}
    assert {name: count for name, count in sixty.items() if count > thirty[name]} == {}
    assert {name: count for name, count in sixty.items() if count > five[name] + MORE.get(name, 0)} == {}
