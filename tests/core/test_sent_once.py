"""Forms that are sent once: however fast the button is pressed, and only if something was kept of them."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier
from threading import Thread
from typing import Any

import pytest
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import hidden
from staff_client import plain
from staff_client import staff_client

from townhall import limiting
from townhall.access.actors import system
from townhall.records import service
from townhall.town import Town

NEW = "/admin/core/contact/new"
ROUNDS = 25


@pytest.fixture
def clerk(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


def test_of_two_at_the_same_moment_one_is_the_first(town: Town) -> None:
    """Never both, or a thing would be kept twice; and never neither, or it would be lost with the words “saved”."""
    for number in range(ROUNDS):
        told: list[bool] = []
        ready = Barrier(3)

        def press(number: int = number, told: list[bool] = told, ready: Barrier = ready) -> None:
            ready.wait()
            try:
                told.append(limiting.allow(town, "form", f"form {number}", limit=1, per=timedelta(days=1)))
            finally:
                town.database.close()

        threads = [Thread(target=press) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(told) == [False, False, True]


Page = tuple[str, str, dict[str, str], dict[str, str], str]


def pages(town: Town) -> list[Page]:
    """Each form that is sent once: its page, where it is sent, what is refused, what is right, and what that makes."""
    contact = make_contact(town, "Nowak")
    ticket = make_ticket(town, system(), make_topic(town), reporter=contact.id)
    person, case = f"/admin/core/contact/{contact.id}/", f"/admin/desk/ticket/{ticket.id}/"
    return [
        (NEW, NEW, {"kind": "person"}, {"kind": "person", "family_name": "Moreau"}, "core.contact"),
        (person, f"{person}log", {"note": ""}, {"how": "visit", "note": "Brought papers"}, "core.interaction"),
        ("/admin/", "/admin/log", {"who": "Nowak"}, {"who": "Nowak", "note": "Called"}, "core.interaction"),
        (case, f"{case}say", {"text": ""}, {"text": "Ask the crew"}, "core.interaction"),
        (f"{case}task", f"{case}task", {"subject": ""}, {"subject": "Look at it"}, "core.task"),
    ]


def test_a_form_that_was_refused_can_be_sent_again_as_it_was(town: Town, clerk: StaffClient) -> None:
    """Somebody who goes back in the browser and puts it right is not told that it was saved when it was not."""
    for page, target, wrong, right, kind in pages(town):
        before = town.records.count(system(), kind).value
        name = {"form_id": hidden(clerk.get(page), "form_id")}
        clerk.post(target, {**name, **wrong})
        assert town.records.count(system(), kind).value == before, page
        for _ in range(3):
            clerk.post(target, {**name, **right})
        assert town.records.count(system(), kind).value == before + 1, page


def test_a_form_that_met_a_mishap_can_be_sent_again(
    town: Town, clerk: StaffClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever went wrong after the button was pressed, its name is not used up by something that was not kept."""
    form = {"form_id": hidden(clerk.get(NEW), "form_id"), "kind": "person", "family_name": "Moreau"}

    def fail(*arguments: Any, **named: Any) -> Any:
        raise RuntimeError("a bug")

    with monkeypatch.context() as broken:
        broken.setattr(service.Records, "create", fail)
        assert clerk.post(NEW, form).status_code == 500
    assert "is saved" in plain(clerk.follow(clerk.post(NEW, form)))
    assert "This was saved already" in plain(clerk.follow(clerk.post(NEW, form)))
    assert town.records.count(system(), "core.contact").value == 1
