"""The pages that belong to no type: my work, a contact's page, search, calendar and its feed, plugins, settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import StaffClient
from staff_client import add_person
from staff_client import hidden
from staff_client import main_of
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import system
from townhall.accounts import people
from townhall.accounts import roles
from townhall.clock import FixedClock
from townhall.town import Town
from townhall.wsgi import TownApplication

TICKET = "desk.ticket"
INTERACTION = "core.interaction"


@pytest.fixture
def clerk(town: Town) -> StaffClient:
    """A clerk who is signed in."""
    return staff_client(town)


def me(town: Town) -> int:
    """The id of the clerk."""
    return people.find(town, "clerk@milbrook.example").id


# -- my work ----------------------------------------------------------------------------------------------------


def test_my_work_says_what_is_overdue_due_free_and_waiting(town: Town, clerk: StaffClient, clock: FixedClock) -> None:
    """Each case stands under what has to be done about it, with the sentence on top counting them."""
    topic, mine = make_topic(town), {"assignee": me(town)}
    make_ticket(town, system(), topic, summary="Too late", due=clock.now() - timedelta(days=2), **mine)
    make_ticket(town, system(), topic, summary="For today", due=clock.now() + timedelta(hours=3), **mine)
    make_ticket(town, system(), topic, summary="Next week", due=clock.now() + timedelta(days=7), **mine)
    make_ticket(town, system(), topic, summary="Nobody has it", due=clock.now() - timedelta(days=5))
    asked = make_ticket(town, system(), topic, summary="Asked back", **mine)
    town.records.transition(system(), TICKET, asked.id, "ask", version=asked.version)
    words = main_of(clerk.get("/admin/"))
    assert "1 is overdue" in words
    assert "1 is due today" in words
    assert "1 waits for someone to take it" in words
    assert "1 is waiting or on hold" in words
    order = [words.index(text) for text in ("Too late", "For today", "Next week", "Nobody has it", "Asked back")]
    assert order == sorted(order)
    assert "overdue 2 d" in words
    assert "due in 3 h" in words
    assert "overdue 5 d" in words, "who may take a case sees how late it is"
    only = main_of(clerk.get("/admin/?show=overdue"))
    assert "Too late" in only
    assert "Nobody has it" not in only
    everything = main_of(clerk.get("/admin/?show=mine"))
    assert all(text in everything for text in ("Too late", "For today", "Next week", "Asked back"))


def test_a_list_calls_overdue_what_my_work_does(town: Town, clerk: StaffClient, clock: FixedClock) -> None:
    """What is done late, and what waits for the citizen, is not overdue in a list either."""
    topic, late = make_topic(town), clock.now() - timedelta(days=2)
    _, asked, done = (
        make_ticket(town, system(), topic, summary=summary, due=late)
        for summary in ("Still open", "Asked back", "Done at last")
    )
    town.records.transition(system(), TICKET, asked.id, "ask", version=asked.version)
    town.records.transition(system(), TICKET, done.id, "finish", {"outcome": "x"}, version=done.version)
    words = main_of(clerk.get("/admin/desk/ticket/?view=all&due=overdue"))
    assert [summary in words for summary in ("Still open", "Asked back", "Done at last")] == [True, False, False]


def test_an_empty_desk_says_so(make_town: Callable[..., Town]) -> None:
    """It says that all is done, that no plugin is on and where to switch one on, or that one's role shows no cases."""
    bare = staff_client(make_town(), "administrator")
    assert "No kind of case is switched on" in main_of(bare.get("/admin/"))
    town = make_town("desk")
    busy = staff_client(town, "administrator")
    assert "All done" in main_of(busy.get("/admin/"))
    nothing = staff_client(town, roles.create(town, system(), "Newcomer").name)
    words = main_of(nothing.get("/admin/"))
    assert "Your role shows you no cases" in words
    assert "No kind of case is switched on" not in words


def test_a_call_is_logged_from_the_first_page(town: Town, clerk: StaffClient) -> None:
    """A name that fits one contact logs the call with them; one that fits several asks who it is."""
    moreau = make_contact(town, "Moreau", given_name="Anna")
    page = clerk.get("/admin/")
    logged = clerk.post("/admin/log", {"form_id": hidden(page, "form_id"), "who": "moreau", "note": "Bins"})
    assert logged.headers["Location"] == f"/admin/core/contact/{moreau.id}/"
    make_contact(town, "Moreau", given_name="Paul")
    again = hidden(clerk.get("/admin/"), "form_id")
    asked = clerk.post("/admin/log", {"form_id": again, "who": "moreau", "note": "Street light"})
    assert "Who is it?" in main_of(asked)
    assert "It is not logged yet" in main_of(asked)
    assert "Street light" in asked.text
    chosen = {"form_id": hidden(asked, "form_id"), "who": "moreau", "note": "Street light", "contact": str(moreau.id)}
    clerk.follow(clerk.post("/admin/log", chosen))
    found = town.records.find(system(), INTERACTION, {"contact": moreau.id}, sort="-at").records
    assert {record.values["body"] for record in found} == {"Bins", "Street light"}
    assert {record.values["channel"] for record in found} == {"phone"}


def test_a_call_from_a_stranger_keeps_the_name_in_its_words(town: Town, clerk: StaffClient) -> None:
    """Somebody who is no contact yet can still be logged; without a word about what, it is refused in words."""
    empty = clerk.post("/admin/log", {"who": "", "note": ""})
    assert empty.status_code == 422
    assert "Write a few words" in plain(empty)
    asked = clerk.post("/admin/log", {"who": "Ms Nowhere", "note": "Asked for the mayor"})
    sent = {"form_id": hidden(asked, "form_id"), "who": "Ms Nowhere", "note": "Asked for the mayor", "contact": "none"}
    clerk.follow(clerk.post("/admin/log", sent))
    (found,) = town.records.find(system(), INTERACTION).records
    assert found.values["body"] == "Ms Nowhere: Asked for the mayor"
    assert found.values.get("contact") is None


def test_a_caller_becomes_a_contact_with_the_call(town: Town, clerk: StaffClient) -> None:
    """Nothing has to be typed twice for somebody new, and a number alone is no name."""
    call = {"who": "Zebulon O’Quirk-Ñandú", "note": "Asked for the mayor"}
    asked = clerk.post("/admin/log", call)
    assert "Zebulon O’Quirk-Ñandú is added to the contacts" in main_of(asked)
    sent = {**call, "form_id": hidden(asked, "form_id"), "contact": "new"}
    landed = clerk.follow(clerk.post("/admin/log", sent))
    assert "the caller is a contact now. Add how to reach them" in main_of(landed)
    clerk.follow(clerk.post("/admin/log", sent))
    (contact,) = town.records.find(system(), "core.contact").records
    assert contact.title == "Zebulon O’Quirk-Ñandú"
    (found,) = town.records.find(system(), INTERACTION).records
    assert (found.values["contact"], found.values["body"]) == (contact.id, "Asked for the mayor")
    assert "is added to the contacts" not in main_of(clerk.post("/admin/log", {"who": "555 0199", "note": "Bins"}))
    for refused in ({"who": f"Ann {'b' * 300}", "note": "Bins"}, {"who": "Ann Nowhere", "note": "Bins " * 30_000}):
        assert clerk.post("/admin/log", {**refused, "contact": "new"}).status_code == 422
        assert town.records.count(system(), "core.contact").value == 1


def test_a_case_opened_from_a_call_shows_its_words_and_is_what_it_was_about(town: Town, clerk: StaffClient) -> None:
    """“Log and open …” leads to a form with the caller in it and what they said above it."""
    topic, moreau = make_topic(town), make_contact(town, "Moreau")
    page = clerk.get("/admin/")
    call = {"form_id": hidden(page, "form_id"), "who": "moreau", "note": "Deep <hole>", "next": "desk.ticket"}
    url = clerk.post("/admin/log", call).headers["Location"]
    form = clerk.get(url)
    assert "From the call: Deep <hole>" in main_of(form)
    values = {"topic": topic.id, "summary": "Hole", "reporter": moreau.id, "answers-asked": "deep", "answers-deep": "4"}
    made = clerk.post(url, {"form_id": hidden(form, "form_id"), **values})
    assert made.status_code == 302, main_of(made)
    (ticket,) = town.records.find(system(), "desk.ticket").records
    (found,) = town.records.find(system(), INTERACTION).records
    assert (found.values["about"].identity, found.values["about"].id) == ("desk.ticket", ticket.id)
    assert found.values["outcome"] == "case_opened"


# -- a contact --------------------------------------------------------------------------------------------------


def test_the_page_of_a_contact_shows_who_how_and_what_is_open(town: Town, clerk: StaffClient) -> None:
    """Flags, ways to reach them, relationships, what is open, and what is closed behind a link."""
    daughter = make_contact(town, "Marsh", given_name="Ewa")
    contact = make_contact(
        town,
        "Nowak",
        given_name="Halina",
        please_note="Do not phone before 10:00",
        preferred_channel="letter",
        phones=[{"number": "+1 513 555 0142", "label": "home", "primary": True, "note": "after 10:00"}],
        emails=[{"address": "halina@post.example", "bounced": "2026-02-01"}],
        relationships=[{"contact": daughter.id, "role": "Daughter", "may_speak": True}],
    )
    topic = make_topic(town)
    make_ticket(town, system(), topic, summary="Still open", reporter=contact.id)
    done = make_ticket(town, system(), topic, summary="Long done", reporter=contact.id)
    town.records.transition(system(), TICKET, done.id, "finish", {"outcome": "x"}, version=done.version)
    page = clerk.get(f"/admin/core/contact/{contact.id}/")
    words = main_of(page)
    for text in (
        "Halina Nowak",
        "Do not phone before 10:00",
        "Prefers letter, but no address is known",
        "Daughter may speak for them",
    ):
        assert text in words, text
    assert 'href="tel:+15135550142"' in page.text
    assert "Do not use: came back" in words
    assert "mailto:halina" not in page.text
    assert "Ewa Marsh" in words
    open_cases = words[words.index("Open cases") :]
    assert "Still open" in open_cases
    assert "Long done" not in open_cases
    assert "1 closed case" in words
    closed = main_of(clerk.get(f"/admin/core/contact/{contact.id}/?cases=closed"))
    assert "Long done" in closed[closed.index("Closed cases") :]
    assert f"/admin/desk/ticket/new?contact={contact.id}" in page.text


def test_a_contact_that_may_be_there_already_is_said(town: Town, clerk: StaffClient) -> None:
    """One with the same e-mail address or phone number, and with nothing else in common, is named once it is saved."""
    known = make_contact(town, "Nowak", emails=[{"address": "halina@post.example"}])
    make_contact(town, "Marsh", emails=[{"address": "halina@post.example.org"}])
    url = "/admin/core/contact/new"
    values = {"kind": "person", "family_name": "Novak", "emails-0-address": "Halina@post.example"}
    saved = clerk.follow(clerk.post(url, {"form_id": hidden(clerk.get(url), "form_id"), **values}))
    (made,) = town.records.find(system(), "core.contact", {"family_name": "Novak"}).records
    assert "Nowak has the same e-mail address. If they are one and the same, merge them" in main_of(saved)
    assert f'href="/admin/core/contact/{known.id}/merge/{made.id}"' in saved.text
    assert "Marsh" not in main_of(saved)
    offered = main_of(clerk.get(f"/admin/core/contact/{made.id}/merge"))
    assert "Perhaps one of these 1 Nowak P-000001 · the same e-mail address" in offered


def test_a_contact_is_logged_with_five_fields_at_most(town: Town, clerk: StaffClient) -> None:
    """The quick log has five fields; what it keeps stands on the timelines of the person and of the case."""
    contact = make_contact(town, "Nowak")
    ticket = make_ticket(town, system(), make_topic(town), reporter=contact.id)
    url = f"/admin/core/contact/{contact.id}/"
    page = clerk.get(url)
    form = page.text[page.text.index(f'action="{url}log') :]
    fields = set(re.findall(r'name="([a-z_]+)"', form[: form.index("</form>")])) - {"csrf_token", "form_id"}
    assert len(fields) <= 5
    sent = {"how": "visit", "note": "Brought the papers", "about": f"{TICKET}:{ticket.id}", "remind": "2026-03-20"}
    form_id = hidden(page, "form_id")
    clerk.follow(clerk.post(f"{url}log", {"form_id": form_id, **sent}))
    clerk.follow(clerk.post(f"{url}log", {"form_id": form_id, **sent}))
    (kept,) = town.records.find(system(), INTERACTION).records
    assert (kept.values["channel"], kept.values["direction"], str(kept.values["follow_up"])) == (
        "visit",
        "in",
        "2026-03-20",
    )
    assert "Brought the papers" in main_of(clerk.get(url))
    assert "Brought the papers" in main_of(clerk.get(f"/admin/desk/ticket/{ticket.id}/"))
    past = clerk.post(f"{url}log", {"how": "visit", "note": "x", "remind": "2025-11-24"})
    assert "That day is over" in main_of(past)
    refused = clerk.post(f"{url}log", {"how": "visit", "note": "", "remind": "soon"})
    assert refused.status_code == 422
    assert "Enter the day like" in plain(refused)


def test_who_wanted_to_be_reminded_is(town: Town, clerk: StaffClient, clock: FixedClock) -> None:
    """A talk with a day to be reminded on stands under My work from that day on, until somebody says it is done."""
    contact = make_contact(town, "Nowak", given_name="Halina")
    day = (clock.now() + timedelta(days=2)).date().isoformat()
    said = {"how": "phone", "note": "Asks when her bin comes.", "remind": day}
    clerk.get(f"/admin/core/contact/{contact.id}/")
    page = clerk.follow(clerk.post(f"/admin/core/contact/{contact.id}/log", said))
    assert "To follow up on" in main_of(page)
    assert "To follow up" not in main_of(clerk.get("/admin/"))
    clock.move(timedelta(days=3))
    home = clerk.get("/admin/")
    told = main_of(home).partition("To follow up")[2]
    assert told.startswith(" 1 Halina Nowak Asks when her bin comes.")
    (record,) = town.records.find(system(), "core.interaction").records
    done = clerk.follow(clerk.post("/admin/followed-up", {"id": record.id, "version": record.version}))
    assert "Followed up." in plain(done)
    assert "To follow up" not in main_of(done)
    again = clerk.follow(clerk.post("/admin/followed-up", {"id": record.id, "version": record.version}))
    assert "A colleague changed this a moment ago" in plain(again)
    assert "To follow up on" not in main_of(clerk.get(f"/admin/core/contact/{contact.id}/"))


# -- search -----------------------------------------------------------------------------------------------------


def test_one_box_finds_names_numbers_and_phones(town: Town, clerk: StaffClient) -> None:
    """Names in any order, the end of a phone number and a case's number; the exact number opens the case."""
    contact = make_contact(town, "Nowak", given_name="Halina", phones=[{"number": "+1 513 555 0142"}])
    ticket = make_ticket(town, system(), make_topic(town))
    for text in ("nowak halina", "5550142", "hal"):
        assert "Halina Nowak" in main_of(clerk.get(f"/admin/search/?q={text}")), text
    found = clerk.get("/admin/search/?q=t-2026-0001")
    assert found.headers["Location"] == f"/admin/desk/ticket/{ticket.id}/"
    assert "Nothing found" in main_of(clerk.get("/admin/search/?q=zzzz"))
    assert "What are you looking for?" in main_of(clerk.get("/admin/search/"))
    only = main_of(clerk.get(f"/admin/search/?q=hal&type={TICKET}"))
    assert "Halina Nowak" not in only
    assert contact.title == "Halina Nowak"


def test_a_person_stands_before_all_that_names_them(town: Town, clerk: StaffClient) -> None:
    """Whoever types a name finds the contact first, and once, however much that came later bears the name too."""
    make_contact(town, "Nowak", given_name="Halina")
    topic = make_topic(town)
    for number in range(30):
        make_ticket(town, system(), topic, summary=f"Nowak {number}")
    rows = clerk.get("/admin/search/?q=nowak").text.partition('class="rows')[2]
    titles = re.findall(r'class="row-title"[^>]*>([^<]+)<', rows)
    assert titles[:2] == ["Halina Nowak", "Potholes: Nowak 29"]
    assert titles.count("Halina Nowak") == 1


def test_who_stood_first_stands_on_no_later_page_again(town: Town, clerk: StaffClient) -> None:
    """Page by page each record is found once, pages are full, and a changed address is harmless."""
    for number in range(7):
        make_contact(town, "Nowak", given_name=f"Person {number}")
    topic = make_topic(town)
    for number in range(60):
        make_ticket(town, system(), topic, summary=f"Nowak {number}")
    url, pages = "/admin/search/?q=nowak", []
    while url:
        text = clerk.get(url).text
        pages.append(re.findall(r'class="row-title"[^>]*>([^<]+)<', text.partition('class="rows')[2]))
        more = re.search(r'href="([^"]*after=[^"]*)">More', text)
        url = unescape(more[1]) if more else ""
    assert [len(page) for page in pages] == [30, 25, 12]
    assert pages[0][:6] == [*(f"Person {number} Nowak" for number in (6, 5, 4, 3, 2)), "Potholes: Nowak 59"]
    found = [title for page in pages for title in page]
    assert len(found) == len(set(found)) == 67
    assert pages[-1][-2:] == ["Person 1 Nowak", "Person 0 Nowak"]
    second = re.search(r'href="([^"]*after=[^"]*)">More', clerk.get("/admin/search/?q=nowak").text)
    assert second is not None
    changed = re.sub(r"ahead=[^&]*", "ahead=x.-1..99999999999999999999", unescape(second[1]))
    assert len(re.findall('class="row-title"', clerk.get(changed).text)) == 25


def test_found_lines_stand_before_the_kinds_that_nothing_was_found_of(town: Town, clerk: StaffClient) -> None:
    """Beside the box stand the kinds of records that were found; the others wait behind one word."""
    make_contact(town, "Nowak", given_name="Halina")
    near, _, further = main_of(clerk.get("/admin/search/?q=nowak")).partition("Other kinds of records")
    assert "Contacts" in near
    assert "Tickets" not in near
    assert "Tickets" in further
    only = main_of(clerk.get(f"/admin/search/?q=nowak&type={TICKET}"))
    assert "Tickets" in only.partition("Other kinds of records")[0]


# -- the calendar -----------------------------------------------------------------------------------------------


def test_the_calendar_shows_a_month_and_a_feed_that_can_be_switched_off(
    town: Town, clerk: StaffClient, clock: FixedClock
) -> None:
    """Events stand on their day; the secret address gives them to a calendar program until it is made anew or off."""
    event = {"name": "Grants panel", "starts": clock.now() + timedelta(days=1), "location": "Council chamber"}
    town.records.create(system(), "core.event", event)
    words = main_of(clerk.get("/admin/calendar/"))
    assert "March 2026" in words
    assert "Wednesday 18 March Grants panel 12:00" in words
    assert "Nothing is planned in May 2026" in main_of(clerk.get("/admin/calendar/?month=2026-05"))
    assert clerk.get("/admin/calendar/?month=soon").status_code == 200

    def make() -> str:
        page = clerk.follow(clerk.post("/admin/calendar/feed", {}))
        found = re.search(r"(/admin/calendar/feed/[\w-]+\.ics)", page.text)
        assert found is not None
        assert found.group(1) not in clerk.get("/admin/calendar/?feed=new").text
        return found.group(1)

    program = clerk.http.application.test_client()
    first = make()
    feed = program.get(first)
    assert feed.mimetype == "text/calendar"
    assert "Grants panel" in feed.text
    second = make()
    assert program.get(first).status_code == 404
    assert program.get(second).status_code == 200
    add_person(town, "boss@milbrook.example", "administrator")
    people.set_active(town, system("cli"), me(town), False)
    assert program.get(second).status_code == 404
    people.set_active(town, system("cli"), me(town), True)
    back = StaffClient(clerk.http.application, people.by_id(town, me(town)).email)
    back.post("/admin/calendar/feed", {"off": "1"})
    assert program.get(second).status_code == 404


# -- plugins and settings ---------------------------------------------------------------------------------------


def test_plugins_are_switched_after_a_look_ahead(make_town: Callable[..., Town]) -> None:
    """The page says first what switching adds or hides, and then does it."""
    town = make_town("desk")
    application = TownApplication(town)
    boss = staff_client(town, "administrator", application)
    assert "Running" in main_of(boss.get("/admin/plugins/"))
    ahead = main_of(boss.get("/admin/plugins/?off=desk"))
    assert "Switch off Desk?" in ahead
    assert "0 records and their history are kept" in ahead
    off = boss.follow(boss.post("/admin/plugins/switch", {"name": "desk", "on": "0"}))
    assert "is off. Its records are kept and can be read." in plain(off)
    assert "0 records can be read:" in plain(off)
    assert "Only to read" in plain(boss.get("/admin/desk/ticket/"))
    preview = main_of(boss.get("/admin/plugins/?on=desk"))
    assert "Switching on Desk will add" in preview
    assert "3 kinds of record" in preview
    boss.post("/admin/plugins/switch", {"name": "desk", "on": "1"})
    boss.get("/admin/plugins/")
    assert "desk" in application.town.plugins.running
    assert "desk" in town.plugins.running, "requests under way keep the town that they began with"
    assert boss.post("/admin/plugins/switch", {"name": "nothing", "on": "1"}).status_code == 404


def test_settings_are_shown_without_what_is_secret(town: Town) -> None:
    """Whoever may manage settings sees them; where the database is stays out."""
    assert staff_client(town).get("/admin/settings/").status_code == 403
    words = main_of(staff_client(town, "administrator").get("/admin/settings/"))
    assert "Milbrook" in words
    assert "sqlite:" not in words
    assert "postgresql:" not in words
