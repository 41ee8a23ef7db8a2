"""A title says of a link what the link itself would: whoever may see nothing of contacts is named none by any title."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from desk import CONTACT
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import roles
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import Rejected
from townhall.records.types import Record
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.town import Town

SYSTEM = system()
APPLICATION, INTERVIEW, CANDIDATE = (f"recruitment.{name}" for name in ("application", "interview", "candidate"))
LISTS = {identity: f"/admin/{identity.replace('.', '/')}/" for identity in (APPLICATION, INTERVIEW, CANDIDATE)}
SEEN = [f"{each}.{verb}" for each in (*LISTS, "recruitment.posting") for verb in ("view", "see_internal", "export")]
HIRING = Actor("staff", "Hal", 9, frozenset(SEEN))


@dataclass(frozen=True)
class Hiring:
    """Two applications for a job, an interview about the first, and somebody who sees nothing of contacts."""

    town: Town
    first: Record
    second: Record
    interview: Record
    client: StaffClient


@pytest.fixture
def hiring(make_town: Callable[..., Town], clock: FixedClock) -> Hiring:
    """A town that is hiring."""
    town, now = make_town("recruitment"), clock.now()
    records = town.records
    job = {"employment_type": "full_time", "description": "Mends streets.", "opens_at": now, "until_filled": True}
    posting = records.create(SYSTEM, "recruitment.posting", {"name": "Street crew member", **job})
    made = []
    for name, skills in (("Malik", "asphalt"), ("Abara", "asphalt and Malikite")):
        contact = make_contact(town, name).id
        records.create(SYSTEM, CANDIDATE, {"contact": contact, "skills": skills})
        values = {"applicant": contact, "motivation": "I like streets.", "declared": True}
        made.append(records.create(SYSTEM, APPLICATION, {"posting": posting.id, **values}))
    told = {"application": made[0].id, "starts": now, "ends": now + timedelta(hours=1), "mode": "in_person"}
    me = add_person(town, "hal@milbrook.example", "viewer", "Hal")
    interview = records.create(SYSTEM, INTERVIEW, {**told, "panel": [{"person": me}]})
    name = roles.create(town, SYSTEM, "Hiring").name
    roles.set_permissions(town, SYSTEM, name, [*SEEN, "core.interaction.create"])
    add_person(town, "hiring@milbrook.example", name)
    return Hiring(town, *made, interview, StaffClient(create_app(town), "hiring@milbrook.example"))


def test_no_page_names_an_applicant_by_a_title(hiring: Hiring) -> None:
    """Lists, pages, history, print, export, search and My work have the title without the part that is hidden."""
    asked = f"{hiring.first.id}/"
    pages = ["/admin/", "/admin/search/?q=street", "/admin/calendar/", f"{LISTS[APPLICATION]}print?view=all"]
    pages += [f"{LISTS[APPLICATION]}{asked}{page}" for page in ("", "history", "print")]
    for identity, base in LISTS.items():
        pages += [f"{base}?view=all", f"{base}export.csv?view=all"]
        assert hiring.client.get(f"{base}?view=all").status_code == 200, identity
    pages.append(f"{LISTS[INTERVIEW]}{hiring.interview.id}/")
    pages.append(f"{LISTS[INTERVIEW]}lookup/application.json?q=street")
    told = {page: hiring.client.get(page, follow_redirects=True).text for page in pages}
    assert [page for page, text in told.items() if re.search(r"\bMalik\b|Abara", text)] == []
    assert "Street crew member</h1>" in re.sub(r"\s+", " ", told[f"{LISTS[APPLICATION]}{asked}"])
    assert "Interview, Street crew member" in told[f"{LISTS[INTERVIEW]}?view=all"]
    assert "Street crew member" in told["/admin/search/?q=street"]


def test_nothing_is_found_or_sorted_by_a_hidden_name(hiring: Hiring) -> None:
    """Words of what such a reader doesn't read find nothing, and those of what they do read find all."""
    town, records = hiring.town, hiring.town.records
    first, second = [each.id for each in records.find(SYSTEM, CANDIDATE, sort="id").records]
    both = {hiring.first.id, hiring.second.id}
    for actor, identity, words, found in (
        (SYSTEM, CANDIDATE, "malik", {first, second}),
        (HIRING, CANDIDATE, "malik", {second}),
        (HIRING, CANDIDATE, "asphalt", {first, second}),
        (HIRING, CANDIDATE, "asphalt abara", set()),
        (SYSTEM, APPLICATION, "malik", {hiring.first.id}),
        (HIRING, APPLICATION, "malik", set()),
        (HIRING, APPLICATION, "street crew", both),
        (HIRING, APPLICATION, hiring.first.number, {hiring.first.id}),
    ):
        hits, _ = records.search(actor, words, identities=[identity])
        assert {hit.id for hit in hits} == found, (actor, words)
        assert {each.id for each in records.find(actor, identity, search=words).records} == found, (actor, words)
        assert records.count(actor, identity, search=words).value == len(found), (actor, words)
        assert {each.id for each in records.lookup(actor, identity, words)} == found, (actor, words)
    hits, _ = records.search(HIRING, "street")
    assert {hit.title for hit in hits} == {"Street crew member", "Interview, Street crew member"}
    assert [hit.id for hit in records.search(HIRING, "malik")[0]] == [second]
    for identity, question in ((APPLICATION, {"sort": "title"}), (INTERVIEW, {"where": {"application.title": "x"}})):
        with pytest.raises(Rejected, match=r"You may not see “(Title|Application)”"):
            records.find(HIRING, identity, **question)
    offered = [option.id for option in records.lookup(HIRING, APPLICATION, "")]
    assert offered == [hiring.second.id, hiring.first.id]
    seeing = Actor("staff", "Erin", 8, HIRING.permissions | {f"{CONTACT}.view", f"{CONTACT}.see_internal"})
    assert [each.title for each in records.find(seeing, APPLICATION, sort="title").records] == [
        "Street crew member, Abara",
        "Street crew member, Malik",
    ]
    assert town.context(HIRING).titles(INTERVIEW, [hiring.interview.id]) == {
        hiring.interview.id: "Interview, Street crew member"
    }


def test_what_anybody_may_read_stays_in_a_title(town: Town, clerk: Actor) -> None:
    """A topic has a name that is public, so the titles of tickets are the same for who sees nothing of topics."""
    ticket = make_ticket(town, clerk, make_topic(town, "Potholes"))
    for permissions in ({f"{TICKET}.view"}, {f"{TICKET}.view", f"{TICKET}.see_internal"}):
        only = Actor("staff", "Olga", 9, frozenset(permissions))
        assert town.records.get(only, TICKET, ticket.id).title == "Potholes: Deep hole"
