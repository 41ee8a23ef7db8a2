"""Links to records that somebody may not see: left alone they stay, and nobody sets one to what they don't know of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

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
from townhall.records.types import Record
from townhall.testing.clients import PASSWORD
from townhall.testing.reading import PageReader
from townhall.town import Town
from townhall_forms.values import Reference

SYSTEM = system()
#: A colleague who works on tickets and sees nothing of what these point at.
NARROW = ("desk.ticket.view", "desk.ticket.see_internal", "desk.ticket.edit", "desk.ticket.create")
NOBODY = 99_999
UNSEEN = "One that is gone, or that you may not see"


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


def save(browser: StaffClient, record: Record, **values: Any) -> tuple[str, int]:
    """Open the form of a record, change some of it, and save it as a browser does; the form, and what came of it."""
    url = f"/admin/{record.identity.replace('.', '/')}/{record.id}/edit"
    page = browser.get(url).text
    form = PageReader(page).form_to("version")
    assert form is not None, page
    return page, browser.post(url, {**form.data(), **values}).status_code


def refused(deed: Callable[[], object]) -> dict[str, str]:
    """What is wrong with what somebody does."""
    with pytest.raises(TownhallError) as error:
        deed()
    assert isinstance(error.value, ValidationFailed), error.value
    return dict(error.value.errors)


@pytest.mark.parametrize("own", [None, 1, 120])
def test_a_form_leaves_links_alone_that_it_does_not_show(town: Town, at: Departments, own: int | None) -> None:
    """A link that is needed, one that isn't, several and a reference: saving something else keeps them, says that they
    are there, and names none; for who sees no contacts, few of them, or so many that they are looked for.
    """
    others = [make_contact(town, f"Halinski {number}").id for number in range(2)]
    case = at.ticket("Hole in Ash", watchers=others, about=Reference(CONTACT, others[0]))
    before = town.records.get(SYSTEM, TICKET, case.id)
    own_contacts = ("core.contact.view@own", "core.contact.create", "core.contact.see_internal")
    ned, browser = narrow(town, *NARROW, *(own_contacts if own else ()))
    for number in range(own or 0):
        town.records.create(ned, CONTACT, {"kind": "person", "family_name": f"Own {number}"})
    page, status = save(browser, case, summary="Hole in Ash Lane")
    assert (status, page.count(UNSEEN)) == (302, 5)
    assert "Moreau" not in page
    assert "Halinski" not in page
    after = town.records.get(SYSTEM, TICKET, case.id)
    assert dict(after.values) == {**before.values, "summary": "Hole in Ash Lane"}
    assert set(town.records.history(SYSTEM, TICKET, case.id)[-1].changes) == {"summary"}

    save(browser, case, reporter="", watchers=[others[1]])
    after = town.records.get(SYSTEM, TICKET, case.id)
    assert (after["reporter"], after["watchers"]) == (None, (others[1],))


def test_what_a_form_does_not_show_stays_beside_what_is_added(town: Town, at: Departments) -> None:
    """Who adds one of their own to several that they don't see keeps those; nobody adds one that they don't see."""
    first, second = make_contact(town, "Halinski").id, make_contact(town, "Wong").id
    case = at.ticket("Hole in Ash", watchers=[first])
    ned, browser = narrow(town, *NARROW, "core.contact.view@own", "core.contact.create", "core.contact.see_internal")
    mine = town.records.create(ned, CONTACT, {"kind": "person", "family_name": "Mine"}).id
    _, status = save(browser, case, watchers=[first, mine])
    assert (status, town.records.get(SYSTEM, TICKET, case.id)["watchers"]) == (302, (first, mine))
    _, status = save(browser, case, watchers=[first, mine, second])
    assert (status, town.records.get(SYSTEM, TICKET, case.id)["watchers"]) == (422, (first, mine))
    said = refused(lambda: town.records.update(ned, TICKET, case.id, {"watchers": [first, second]}, version=2))
    assert said == {"watchers": "Watchers: what you chose can't be found. Choose again."}


def test_rows_keep_the_links_in_them(town: Town, at: Departments) -> None:
    """A contact is related to one that the colleague doesn't see: they change the line's words, and nothing else."""
    other = make_contact(town, "Halinski").id
    ned, browser = narrow(town, "core.contact.view@own", "core.contact.create", "core.contact.edit", "*.see_internal")
    mine = town.records.create(ned, CONTACT, {"kind": "person", "family_name": "Mine"})
    line = {"contact": other, "role": "Sister"}
    town.records.update(SYSTEM, CONTACT, mine.id, {"relationships": [line]}, version=1)
    page, status = save(browser, mine, **{"relationships-0-role": "Daughter"})
    assert (status, "Halinski" in page, UNSEEN in page) == (302, False, True)
    (now,) = town.records.get(SYSTEM, CONTACT, mine.id)["relationships"]
    assert (now["contact"], now["role"]) == (other, "Daughter")


def test_two_people_in_a_form_with_a_link_that_one_does_not_see(town: Town, at: Departments) -> None:
    """What a colleague chose meanwhile stays, though the other can't see it, and that one is asked about their own."""
    second = make_contact(town, "Wong").id
    _, browser = narrow(town, *NARROW)
    url = f"/admin/desk/ticket/{at.ours.id}/edit"
    form = PageReader(browser.get(url).text).form_to("version")
    assert form is not None
    town.records.update(SYSTEM, TICKET, at.ours.id, {"reporter": second, "details": "Theirs"}, version=1)
    sent = {**form.data(), "details": "Mine", "summary": "Hole in Elm Lane"}
    asked = browser.post(url, sent)
    assert (asked.status_code, "Wong" in asked.text) == (409, False)
    form = PageReader(asked.text).form_to("version")
    assert form is not None
    assert browser.post(url, form.data()).status_code == 302
    now = town.records.get(SYSTEM, TICKET, at.ours.id)
    assert (now["reporter"], now["details"], now["summary"]) == (second, "Mine", "Hole in Elm Lane")


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
