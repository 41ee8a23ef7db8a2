"""The pages for merging two contacts and for taking that apart, without JavaScript."""

from __future__ import annotations

import re

import pytest
from desk import CONTACT
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from keys_shown import shows
from staff_client import StaffClient
from staff_client import hidden
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.accounts import roles
from townhall.records.types import Record
from townhall.town import Town

BASE = "/admin/core/contact/"


@pytest.fixture
def pages(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


@pytest.fixture
def ada(town: Town) -> Record:
    """The one that is kept."""
    emails = [{"address": "ada@example.org"}]
    return make_contact(town, "Archer", given_name="Ada", emails=emails, notes="Letters.", born="1960-01-02")


@pytest.fixture
def twin(town: Town) -> Record:
    """The other one."""
    emails = [{"address": "lee@example.org"}]
    return make_contact(town, "Archer-Lee", given_name="Ada", emails=emails, notes="A dog.", born="1961-11-12")


def now(town: Town, record: Record) -> Record:
    """A record as the town has it today."""
    return town.records.get(system(), record.identity, record.id)


def versions(town: Town, *records: Record) -> dict[str, int]:
    """What the page carries of the two as they were when it was opened."""
    kept, other = (now(town, each).version for each in records)
    return {"version": kept, "other_version": other}


@shows("type.merge.into", "details")
def test_from_a_contacts_page_to_one_contact_and_back(
    town: Town, pages: StaffClient, clerk: Actor, ada: Record, twin: Record
) -> None:
    """Find the other, choose field by field, merge; its address leads on; take it apart again."""
    topic = make_topic(town)
    ticket = make_ticket(town, clerk, topic, reporter=twin.id)
    assert "Merge with another" in main_of(pages.get(f"{BASE}{ada.id}/"))
    assert "Merge with another" not in main_of(pages.get(f"/admin/desk/ticket/{ticket.id}/"))
    assert pages.get(f"/admin/desk/ticket/{ticket.id}/merge").status_code == 404
    found = pages.get(f"{BASE}{ada.id}/merge?q=Archer")
    assert f'href="{BASE}{ada.id}/merge/{twin.id}"' in found.text
    assert f'href="{BASE}{ada.id}/merge/{ada.id}"' not in found.text
    assert "Nothing found" in main_of(pages.get(f"{BASE}{ada.id}/merge?q=Nobody"))

    page = pages.get(f"{BASE}{ada.id}/merge/{twin.id}")
    said = main_of(page)
    for words in (ada.number, twin.number, "Archer-Lee", "A dog.", "1 ticket", "Confidential Look at it"):
        assert words in said
    assert "1960" not in page.text
    assert "1961" not in page.text
    assert re.search(r'name="side-notes" id="side-notes-kept" value="kept" checked', page.text)
    sent = {
        "version": hidden(page, "version"),
        "other_version": hidden(page, "other_version"),
        "side-notes": "both",
        "side-family_name": "other",
        "side-born": "other",
        "note": "Two  cards",
    }
    after = pages.follow(pages.post(f"{BASE}{ada.id}/merge/{twin.id}", sent))
    words = main_of(after)
    assert "was merged into this contact. Take it apart…" in plain(after)
    for each in ("Ada Archer-Lee", "Letters.", "A dog.", "Merged into this", ticket.number):
        assert each in words
    assert str(now(town, ada)["born"]) == "1961-11-12"
    assert now(town, ticket)["reporter"] == ada.id
    assert "Two cards" in main_of(pages.get(f"{BASE}{twin.id}/history"))

    led = pages.get(f"{BASE}{twin.id}/")
    assert led.headers["Location"] == f"{BASE}{ada.id}/"
    assert f"{twin.number} Ada Archer-Lee was merged into this contact." in plain(pages.follow(led))
    assert "Archer-Lee" not in main_of(pages.get(f"{BASE}?view=all&archived=1"))
    assert twin.number not in pages.get(f"{BASE}export.csv?view=all&archived=1").text
    assert pages.get(f"{BASE}{twin.id}/edit").status_code == 403
    assert "It was merged into another one" in main_of(pages.get(f"{BASE}{twin.id}/why"))

    asked = pages.get(f"{BASE}{twin.id}/apart")
    back = pages.follow(pages.post(f"{BASE}{twin.id}/apart", {"version": hidden(asked, "version")}))
    assert "is back, and 1 record names it again." in plain(back)
    assert now(town, ticket)["reporter"] == twin.id
    assert now(town, ada)["notes"] == "Letters."
    assert pages.get(f"{BASE}{twin.id}/").status_code == 200
    assert pages.get(f"{BASE}{twin.id}/apart").headers["Location"] == f"{BASE}{twin.id}/"


@shows("type.merge.caution", "form")
def test_an_address_moves_over_only_if_somebody_chooses_it(town: Town, pages: StaffClient, ada: Record) -> None:
    """Whoever reads it finds what either sent: the page says so, and proposes what the kept one has."""
    said = "Keep only those that you know to be this person's"
    bare, third = make_contact(town, "Archer", given_name="Ada"), make_contact(town, "Archer")
    for kept, other in ((bare, ada), (ada, bare)):
        page = pages.get(f"{BASE}{kept.id}/merge/{other.id}")
        assert said in plain(page)
    assert said not in plain(pages.get(f"{BASE}{bare.id}/merge/{third.id}"))
    page = pages.get(f"{BASE}{bare.id}/merge/{ada.id}")
    assert re.search(r'name="side-emails" id="side-emails-kept" value="kept" checked', page.text)
    pages.post(f"{BASE}{bare.id}/merge/{ada.id}", {**versions(town, bare, ada), "side-emails": "kept"})
    assert now(town, bare)["emails"] is None


def test_what_was_left_is_told(town: Town, pages: StaffClient, clerk: Actor, ada: Record, twin: Record) -> None:
    """Whoever takes a merge apart reads what stayed, with a link to it and why."""
    pages.get(f"{BASE}{ada.id}/merge/{twin.id}")
    pages.post(f"{BASE}{ada.id}/merge/{twin.id}", {**versions(town, ada, twin), "side-emails": "both"})
    emails = [{"address": "new@example.org"}]
    town.records.update(clerk, CONTACT, ada.id, {"emails": emails}, version=now(town, ada).version)
    pages.get(f"{BASE}{twin.id}/apart")
    done = pages.post(f"{BASE}{twin.id}/apart", {})
    assert "1 thing was left as it is" in main_of(done)
    assert "E-mail addresses: Somebody changed it since." in main_of(done)
    assert [row["address"] for row in now(town, ada)["emails"]] == ["new@example.org"]


def test_what_is_wrong_is_said_and_nothing_is_lost(
    town: Town, pages: StaffClient, clerk: Actor, ada: Record, twin: Record
) -> None:
    """A page that is out of date, a choice that nobody offered and the same one twice are told; choices stay."""
    url = f"{BASE}{ada.id}/merge/{twin.id}"
    pages.get(url)
    sent = {**versions(town, ada, twin), "side-notes": "other", "note": "Why not"}
    town.records.update(clerk, CONTACT, twin.id, {"notes": "Two dogs."}, version=twin.version)
    stale = pages.post(url, sent)
    assert stale.status_code == 422
    assert "A colleague changed this a moment ago" in main_of(stale)
    assert 'id="side-notes-other" value="other" checked' in stale.text
    assert 'value="Why not"' in stale.text
    assert "Two dogs." in stale.text
    wrong = pages.post(url, {**versions(town, ada, twin), "side-family_name": "both"})
    assert wrong.status_code == 422
    assert "Last name: This can't be chosen here." in main_of(wrong)
    assert 'href="#side-family_name-kept"' in wrong.text
    assert "one and the same" in plain(pages.follow(pages.get(f"{BASE}{ada.id}/merge/{ada.id}")))
    assert pages.get(f"{BASE}{ada.id}/merge/99999").status_code == 404
    town.records.archive(clerk, CONTACT, twin.id, version=now(town, twin).version)
    assert "is archived. Restore it first" in plain(pages.follow(pages.get(url)))


def test_two_lines_of_the_list(town: Town, pages: StaffClient, ada: Record, twin: Record) -> None:
    """Exactly two that are ticked lead to the page of the two."""
    assert "Merge the two…" in pages.get(f"{BASE}?view=all").text
    pages.get(f"{BASE}?view=all")
    led = pages.post(f"{BASE}bulk", {"do": "merge", "pick": [ada.id, twin.id]})
    assert led.headers["Location"] == f"{BASE}{ada.id}/merge/{twin.id}"
    one = pages.follow(pages.post(f"{BASE}bulk", {"do": "merge", "pick": [ada.id]}))
    assert "Select exactly two lines" in plain(one)
    assert "Merge the two" not in pages.get("/admin/desk/ticket/?view=all").text


@pytest.mark.parametrize("role", ["viewer", "department_clerk"])
def test_who_may_not_is_told_why(town: Town, role: str, ada: Record, twin: Record) -> None:
    """Without the permission there is no button, the pages are closed with a sentence, and “why” names it."""
    pages = staff_client(town, role)
    assert "Merge with another" not in main_of(pages.get(f"{BASE}{ada.id}/"))
    for url in (f"{BASE}{ada.id}/merge", f"{BASE}{ada.id}/merge/{twin.id}"):
        refused = pages.get(url)
        assert refused.status_code == 403
    assert "None of your roles lets you merge contacts" in main_of(pages.get(f"{BASE}{ada.id}/why"))


def test_the_other_one_leaves_no_trace_for_whom_it_is_hidden(
    town: Town, clerk: Actor, ada: Record, twin: Record
) -> None:
    """Who sees only the kept one finds neither a page, a name, a count nor a history of the other; and who sees only
    the other is told that it went, and not where.
    """
    made = roles.create(town, system("cli"), "Own only")
    held = {f"{CONTACT}.{verb}@own" for verb in ("view", "edit", "merge")} | {f"{CONTACT}.see_internal"}
    roles.set_permissions(town, system("cli"), made.name, held)
    pages = staff_client(town, made.name)
    me = people.find(town, f"{made.name}@milbrook.example")
    actor = Actor("staff", me.name, me.id, clerk.permissions, door="admin")
    mine = town.records.create(actor, CONTACT, {"kind": "person", "family_name": "Own"})
    for url in (f"{BASE}{mine.id}/merge/{twin.id}", f"{BASE}{twin.id}/merge/{mine.id}", f"{BASE}{twin.id}/apart"):
        assert pages.get(url).status_code == 404
    assert "Nothing found" in main_of(pages.get(f"{BASE}{mine.id}/merge?q=Archer"))
    ticket = make_ticket(town, clerk, make_topic(town), reporter=twin.id)
    town.records.merge(clerk, CONTACT, mine.id, twin.id, {"family_name": "kept"}, versions=(1, 1))
    seen = pages.get(f"{BASE}{mine.id}/").text + pages.get(f"{BASE}{mine.id}/history").text
    assert "Archer-Lee" not in seen
    assert "Merged into this" not in seen
    assert ticket.number not in seen
    assert pages.get(f"{BASE}{twin.id}/").status_code == 404
    assert pages.get(f"{BASE}{twin.id}/apart").status_code == 404
    town.records.take_apart(clerk, CONTACT, twin.id, version=now(town, twin).version)
    kept, gone = now(town, ada), now(town, mine)
    town.records.merge(clerk, CONTACT, ada.id, mine.id, versions=(kept.version, gone.version))
    shown = pages.get(f"{BASE}{mine.id}/")
    assert shown.status_code == 200
    assert "You may not see that one" in main_of(shown)
    assert "Archer" not in shown.text


def test_saved_views_follow_to_the_kept_one(
    town: Town, clerk: Actor, pages: StaffClient, ada: Record, twin: Record
) -> None:
    """A view that names the merged contact shows what names the kept one, in its words too, and follows back again."""
    topic = make_topic(town)
    make_ticket(town, clerk, topic, summary="Deep hole", reporter=twin.id)
    make_ticket(town, clerk, topic, summary="Broken lamp", reporter=make_contact(town, "Moreau").id)
    task = {"subject": "Call them", "about": f"{CONTACT}:{twin.id}"}
    town.records.create(system(), "core.task", task)
    town.records.create(system(), "core.task", {"subject": "Sweep the yard"})
    saved = []
    for url, query in (
        ("/admin/desk/ticket/", f"reporter={twin.id}"),
        ("/admin/core/task/", f"about={CONTACT}:{twin.id}"),
    ):
        pages.get(f"{url}?view=all&{query}")
        pages.post(f"{url}save-view", {"label": "Of the twin", "query": f"view=all&{query}"})
        saved.append(f"{url}?saved={len(saved) + 1}")

    def shown() -> list[tuple[bool, bool, bool]]:
        tickets, tasks = (main_of(pages.get(url)) for url in saved)
        assert ("Broken lamp" in tickets, "Sweep the yard" in tasks) == (False, False)
        return [("Deep hole" in tickets, "Call them" in tasks, ": Ada Archer " in tickets)]

    assert shown() == [(True, True, False)]
    kept = now(town, ada)
    both = (kept.version, now(town, twin).version)
    town.records.merge(clerk, CONTACT, ada.id, twin.id, {}, versions=both)
    assert shown() == [(True, True, True)]
    town.records.take_apart(clerk, CONTACT, twin.id, version=now(town, twin).version)
    assert shown() == [(True, True, False)]
