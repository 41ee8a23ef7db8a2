"""Links to records that somebody may not see: left alone they stay, and nobody sets one to what they don't know of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from departments import Departments
from desk import CONTACT
from desk import TICKET
from desk import make_contact
from staff_client import StaffClient

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.accounts import roles
from townhall.app import create_app
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.testing.clients import PASSWORD
from townhall.town import Town
from townhall_forms.values import Reference

SYSTEM = system()
#: A colleague who works on tickets and sees nothing of what these point at.
NARROW = ("desk.ticket.view", "desk.ticket.see_internal", "desk.ticket.edit", "desk.ticket.create")
NOBODY = 99_999


@pytest.fixture
def at(town: Town) -> Departments:
    """The two departments."""
    return Departments(town)


def narrow(town: Town, *permissions: str) -> tuple[Actor, StaffClient]:
    """A colleague with these permissions, and their browser."""
    roles.create(town, SYSTEM, "Narrow")
    roles.set_permissions(town, SYSTEM, "narrow", set(permissions))
    made = people.add(town, SYSTEM, "ned@milbrook.example", name="Ned", role="narrow", password=PASSWORD)
    actor = Actor("staff", "Ned", made.id, frozenset(permissions), door="admin")
    return actor, StaffClient(create_app(town), "ned@milbrook.example", PASSWORD)


def refused(deed: Callable[[], object]) -> dict[str, str]:
    """What is wrong with what somebody does."""
    with pytest.raises(TownhallError) as error:
        deed()
    assert isinstance(error.value, ValidationFailed), error.value
    return dict(error.value.errors)


@pytest.mark.parametrize("more", [(), ("core.contact.view@own",)])
def test_a_link_to_what_nobody_told_of_is_answered_like_one_to_nothing(
    town: Town, at: Departments, more: tuple[str, ...]
) -> None:
    """Whether somebody may see some such records or none: unseen or not there, new or changed, alone or beside another
    mistake, all is one answer.
    """
    ned, _ = narrow(town, *NARROW, "desk.topic.view", *more)
    records, hidden = town.records, make_contact(town, "Halinski").id
    given = {"topic": at.topic.id, "summary": "Hole"}

    def made(id: int, **values: object) -> dict[str, str]:
        return refused(lambda: records.create(ned, TICKET, {**given, "reporter": id, **values}))

    def changed(**values: object) -> dict[str, str]:
        return refused(lambda: records.update(ned, TICKET, at.ours.id, values, version=1))

    said = {"reporter": "Reporter: what you chose can't be found. Choose again."}
    assert made(hidden) == made(NOBODY) == said
    both = made(hidden, summary="")
    assert (both, both.keys()) == (made(NOBODY, summary=""), {"reporter", "summary"})
    assert changed(reporter=hidden) == changed(reporter=NOBODY) == said
    about = [changed(about=Reference(CONTACT, id)) for id in (hidden, NOBODY)]
    assert about[0] == about[1]
    records.update(ned, TICKET, at.ours.id, {"reporter": at.contact.id, "summary": "Hole in Elm Lane"}, version=1)
    assert records.get(SYSTEM, TICKET, at.ours.id)["reporter"] == at.contact.id


def test_plugins_are_not_asked_about_links_that_are_refused(make_town: Callable[..., Town]) -> None:
    """A review of an application that somebody may not see, or that isn't there, says the same and logs nothing."""
    town = make_town("desk", "grants")
    at, records = Departments(town), town.records
    programme = records.create(SYSTEM, "grants.programme", {"name": "Community grants", "code": "COMM"})
    day = timedelta(days=1)
    opens = {"opens_at": town.clock.now(), "closes_at": town.clock.now() + day}
    values = {"programme": programme.id, "name": "Spring", **opens, "budget": "10000"}
    round = records.create(SYSTEM, "grants.round", values)
    club = records.create(SYSTEM, CONTACT, {"kind": "organisation", "name": "Friends"})
    application = {"round": round.id, "applicant": club.id, "queue": at.water}
    hidden = records.create(SYSTEM, "grants.application", application, state="draft").id

    def review(id: int) -> dict[str, str]:
        values = {"application": id, "reviewer": at.ann.id}
        return refused(lambda: records.create(at.ann, "grants.review", values))

    assert review(hidden) == review(NOBODY)
    assert "application" in review(hidden)
