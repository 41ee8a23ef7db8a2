"""A resident signs in for their own requests, without JavaScript, and sees theirs and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from desk import CONTACT
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from flask import Flask
from smtp import Mailbox
from smtp import smtp_server
from werkzeug.test import TestResponse

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import NotFound
from townhall.errors import ValidationFailed
from townhall.lifecycle import switching
from townhall.mail import sending
from townhall.messages import outbox
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.clients import plain
from townhall.testing.clients import staff_client
from townhall.town import Town

ADDRESS = "ada@example.org"
SENT = "If we have this address of yours, a link is on its way to it."


@pytest.fixture
def mailbox(town: Town) -> Iterator[Mailbox]:
    """A mail server that takes everything; the town sends to it."""
    with smtp_server() as (box, port):
        given: dict[str, Any] = {"mail_host": "127.0.0.1", "mail_port": port, "mail_security": "none"}
        more: dict[str, Any] = {"mail_from": "hall@milbrook.example", "public_address": "https://milbrook.example"}
        town.settings = replace(town.settings, **given, **more)
        yield box


@pytest.fixture
def ada(town: Town) -> Record:
    """Somebody with an e-mail address."""
    emails = [{"address": ADDRESS, "note": "Only evenings", "primary": True}]
    phones = [{"number": "+15135550101", "note": "Deaf in one ear"}]
    return make_contact(town, "Archer", given_name="Ada", emails=emails, phones=phones, notes="Owes us a favour")


@pytest.fixture
def app(town: Town) -> Flask:
    """The town's pages."""
    return create_app(town)


@pytest.fixture
def visitor(app: Flask) -> Client:
    """A browser without scripts on the public site."""
    return Client(app)


def ask(visitor: Client, address: str) -> TestResponse:
    """Ask for a link; the page that comes then."""
    visitor.get("/requests/link")
    return visitor.follow(visitor.post("/requests/link", {"address": address}))


def link_in(text: str) -> str:
    """The path of the link in a mail."""
    found = re.search(r"https://milbrook\.example(/requests/\S+)", text)
    assert found is not None, text
    return found[1]


def mailed(town: Town, mailbox: Mailbox) -> str:
    """Send what waits; the path of the link in the newest mail."""
    sending.run(town)
    return link_in(mailbox.mails[-1].get_content())


def sign_in(town: Town, mailbox: Mailbox, visitor: Client, address: str = ADDRESS) -> str:
    """Ask for a link, follow it and press the button; what the page with the requests says."""
    ask(visitor, address)
    visitor.follow(visitor.get(mailed(town, mailbox)))
    return plain(visitor.follow(visitor.post("/requests/enter", {})).text)


def test_a_link_by_mail_opens_all_that_is_theirs_and_nothing_else(
    town: Town, clerk: Actor, ada: Record, mailbox: Mailbox, visitor: Client
) -> None:
    """Asked for, mailed, pressed once: their requests in public words; not others', put aside, or kept of them."""
    topic = make_topic(town)
    other = make_contact(town, "Other", emails=[{"address": "other@example.org"}])
    mine = make_ticket(town, clerk, topic, reporter=ada.id, summary="Hole in Mill Lane", details="She shouts a lot")
    theirs = make_ticket(town, clerk, topic, reporter=other.id, summary="Somebody else's")
    watched = make_ticket(town, clerk, topic, watchers=[ada.id], summary="Only followed")
    aside = make_ticket(town, clerk, topic, reporter=ada.id, summary="Put aside")
    town.records.archive(clerk, TICKET, aside.id, version=aside.version)
    town.records.message(clerk, TICKET, mine.id, "A crew comes on Thursday.")
    moved = town.records.get(clerk, TICKET, mine.id)
    town.records.transition(clerk, TICKET, mine.id, "ask", version=moved.version)
    town.records.create(
        clerk, "core.interaction", {"channel": "phone", "direction": "in", "contact": ada.id, "body": "Was drunk"}
    )

    said = sign_in(town, mailbox, visitor)
    mail = mailbox.mails[-1]
    assert (mail["To"], mail["Auto-Submitted"]) == ("ada@example.org", "auto-generated")
    assert mail["Message-ID"].startswith("<th-core.contact.")
    for shown in ("Ada Archer", "Hole in Mill Lane", mine.number, "We wrote", "A crew comes on Thursday.", "Waiting"):
        assert shown in said
    for kept in ("Somebody else", "Only followed", "Put aside", "shouts", "favour", "drunk", theirs.number):
        assert kept not in said
    page = plain(visitor.get(f"/requests/{mine.number}").text)
    assert "Waiting" in page
    assert "shouts" not in page
    assert visitor.get("/requests/?from=20").status_code == 200
    for number in (theirs.number, watched.number, aside.number, ada.number):
        assert visitor.get(f"/requests/{number}").status_code == 404

    # The same rights as with the request's own link: a message, and a move.
    visitor.post(f"/requests/{mine.number}/message", {"text": "Thursday is fine."})
    visitor.post(f"/requests/{mine.number}/move/answer", {})
    assert town.records.get(clerk, TICKET, mine.id).state == "new"
    assert "You wrote" in plain(visitor.get("/requests/").text)

    # What is put aside, or belongs to somebody else by now, is gone from the list at once.
    now = town.records.get(clerk, TICKET, mine.id)
    town.records.update(clerk, TICKET, mine.id, {"reporter": other.id}, version=now.version)
    assert "Nothing here yet" in plain(visitor.get("/requests/").text)
    assert visitor.get(f"/requests/{mine.number}").status_code == 404


def test_a_form_that_changes_what_is_theirs_ends_with_that(
    app: Flask, town: Town, clerk: Actor, ada: Record, mailbox: Mailbox, visitor: Client
) -> None:
    """Given to somebody else, or signed out: the form that was open shows and writes nothing. Signed in it goes on."""
    other = make_contact(town, "Other")
    mine = make_ticket(town, clerk, make_topic(town), reporter=ada.id, summary="Hole in Mill Lane")
    sign_in(town, mailbox, visitor)
    visitor.get(f"/requests/{mine.number}")
    review = visitor.post(f"/requests/{mine.number}/edit", {}).headers["Location"]
    assert "Hole in Mill Lane" in visitor.get(review).text
    town.records.update(clerk, TICKET, mine.id, {"reporter": other.id}, version=mine.version)
    for answer in (visitor.get(review), visitor.post(review, {})):
        assert answer.status_code == 404
        assert "Mill Lane" not in answer.text
    now = town.records.get(clerk, TICKET, mine.id)
    town.records.update(clerk, TICKET, mine.id, {"reporter": ada.id}, version=now.version)
    assert visitor.get(review).status_code == 200

    desk = staff_client(town, "clerk", app)
    desk.get(f"/admin/core/contact/{ada.id}/own-requests")
    desk.post(f"/admin/core/contact/{ada.id}/own-requests", {"deed": "revoke"})
    assert visitor.get(review).status_code == 404
    sign_in(town, mailbox, visitor)
    assert visitor.get(review).status_code == 200
    visitor.post("/requests/leave", {})
    assert visitor.get(review).status_code == 404


def test_opening_the_link_uses_nothing_up_and_the_button_does(
    app: Flask, town: Town, ada: Record, mailbox: Mailbox, visitor: Client, clock: FixedClock
) -> None:
    """A program that opens links signs nobody in; the second use, and one that comes too late, get a plain sentence."""
    ask(visitor, ADDRESS)
    path = mailed(town, mailbox)
    scanner = Client(app)
    scanner.follow(scanner.get(path))
    assert "Signed in as" not in scanner.get("/requests/").text

    assert visitor.get("/").headers["Cache-Control"] == "private, no-cache"
    page = visitor.follow(visitor.get(path))
    assert "One more click" in plain(page.text)
    token = path.rpartition("/")[2]
    assert token not in page.text
    assert page.request.path == "/requests/enter"
    assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == ("no-referrer", "no-store")
    done = visitor.post("/requests/enter", {})
    assert done.status_code == 303
    # From now on pages may show who it is, such as a form that begins with their name: a browser keeps none of them.
    for url in ("/", "/search?q=x", "/privacy"):
        assert visitor.get(url).headers["Cache-Control"] == "no-store", url
    assert visitor.post("/requests/leave", {}).headers["Cache-Control"] == "no-store"
    assert visitor.get("/").headers["Cache-Control"] == "private, no-cache"
    cookie = done.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie

    page = scanner.post("/requests/enter", {})
    assert page.status_code == 410
    assert "It was used already" in plain(page.text)
    assert "Get a new link" in page.text

    ask(scanner, ADDRESS)
    late = mailed(town, mailbox)
    clock.move(timedelta(minutes=31))
    assert "It was used already, is too old" in plain(scanner.follow(scanner.get(late)).text)
    assert scanner.post("/requests/enter", {}).status_code == 410

    # Nothing that is kept opens anything: not the link, not the session, not the outbox.
    ask(scanner, ADDRESS)
    tables = town.system
    kept = [
        str(row)
        for table in (tables.secret_link, tables.citizen_session, tables.outbox)
        for row in table.select().dicts()
    ]
    kept += [str(entry) for entry in town.records.history(system(), CONTACT, ada.id)]
    assert not [row for row in kept if token in row or late.rpartition("/")[2] in row]


def test_a_mail_that_waited_too_long_is_not_sent(
    town: Town, ada: Record, mailbox: Mailbox, visitor: Client, clock: FixedClock
) -> None:
    """A link that has expired goes to nobody, whether the question or the mail waited."""
    ask(visitor, ADDRESS)
    mailbox.to = lambda address: "450 later"
    sending.run(town)
    mailbox.to = lambda address: "250 OK"
    clock.move(timedelta(minutes=45))
    sending.run(town)
    assert [message.status for message in outbox.find(town)] == ["dropped"]
    ask(visitor, ADDRESS)
    clock.move(timedelta(minutes=45))
    assert sending.run(town) == ""
    assert len(outbox.find(town)) == 1
    assert mailbox.mails == []


def test_a_session_ends(
    town: Town, clerk: Actor, ada: Record, mailbox: Mailbox, visitor: Client, clock: FixedClock
) -> None:
    """By signing out, by waiting, after some hours, and when the town hall archives them or takes the address."""
    signed = "Signed in as"
    assert signed in sign_in(town, mailbox, visitor)
    assert signed not in plain(visitor.follow(visitor.post("/requests/leave", {})).text)

    sign_in(town, mailbox, visitor)
    for _ in range(9):
        clock.move(timedelta(minutes=50))
        assert signed in visitor.get("/requests/").text
    clock.move(timedelta(minutes=50))
    assert signed not in visitor.get("/requests/").text

    sign_in(town, mailbox, visitor)
    clock.move(timedelta(minutes=61))
    assert signed not in visitor.get("/requests/").text
    assert visitor.get("/requests/details").status_code == 303

    sign_in(town, mailbox, visitor)
    now = town.records.get(clerk, CONTACT, ada.id)
    town.records.update(clerk, CONTACT, ada.id, {"emails": [{"address": "new@example.org"}]}, version=now.version)
    assert signed not in visitor.get("/requests/").text

    sign_in(town, mailbox, visitor, "new@example.org")
    now = town.records.get(clerk, CONTACT, ada.id)
    town.records.archive(clerk, CONTACT, ada.id, version=now.version)
    assert signed not in visitor.get("/requests/").text


def statements(town: Town, deed: Callable[[], object]) -> list[str]:
    """What a deed asks of the database."""
    asked: list[str] = []
    execute = town.database.execute_sql

    def note(sql: str, *rest: Any, **more: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest, **more)

    town.database.execute_sql = note  # type: ignore[method-assign]
    try:
        deed()
    finally:
        del town.database.execute_sql  # type: ignore[misc]
    return asked


def test_nobody_can_find_out_whom_the_town_knows(
    app: Flask, town: Town, clerk: Actor, ada: Record, mailbox: Mailbox, clock: FixedClock
) -> None:
    """Known, unknown, put aside, dead, merged, shared, not to be contacted: one answer, by the same statements."""
    make_contact(town, "Quiet", emails=[{"address": "quiet@example.org"}], do_not_contact=True)
    gone = make_contact(town, "Gone", emails=[{"address": "gone@example.org"}])
    town.records.archive(clerk, CONTACT, gone.id, version=gone.version)
    make_contact(town, "Late", emails=[{"address": "late@example.org"}], deceased=True)
    make_contact(town, "Same", emails=[{"address": "same@example.org"}], merged_into=ada.id)
    make_contact(town, "Back", emails=[{"address": "back@example.org", "bounced": "2026-01-02"}])
    for name in ("One", "Two"):
        make_contact(town, name, emails=[{"address": "shared@example.org"}])
    names = ("ada", "ADA", "nobody", "quiet", "gone", "late", "same", "back", "shared", "áda")
    answers = set()
    for name in names:
        visitor = Client(app)
        visitor.get("/requests/link")
        responses: list[TestResponse] = []
        asked = statements(
            town,
            lambda v=visitor, r=responses, n=name: r.append(v.post("/requests/link", {"address": f"{n}@example.org"})),  # type: ignore[misc]
        )
        page = visitor.follow(responses[0])
        answers.add(
            (responses[0].status_code, responses[0].headers["Location"], page.text.partition("csp")[0], tuple(asked))
        )
        assert SENT in plain(page.text)
    assert len({answer[:2] for answer in answers}) == 1
    assert len({answer[3] for answer in answers}) == 1
    assert len({re.sub(r'(nonce|value)="[^"]+"', "", answer[2]) for answer in answers}) == 1

    sending.run(town)
    sent = {mail["To"]: mail.get_content() for mail in mailbox.mails}
    assert sorted(sent) == ["ada@example.org", "quiet@example.org", "shared@example.org"]
    assert "/requests/enter/" not in sent["shared@example.org"]
    assert "more than one person" in sent["shared@example.org"]
    assert len(mailbox.mails) == 3


def test_asking_is_limited_and_traps_programs(town: Town, ada: Record, mailbox: Mailbox, visitor: Client) -> None:
    """One address gets five links an hour and its asker hears nothing of it; one visitor may ask twenty times."""
    for _ in range(7):
        assert SENT in plain(ask(visitor, ADDRESS).text)
        sending.run(town)
    assert len(mailbox.mails) == 5
    visitor.get("/requests/link")
    trapped = visitor.post("/requests/link", {"address": ADDRESS, "website_address": "http://spam"})
    assert trapped.status_code == 422
    wrong = visitor.post("/requests/link", {"address": "ada at home"})
    assert wrong.status_code == 422
    assert 'value="ada at home"' in wrong.text
    for _ in range(13):
        assert visitor.post("/requests/link", {"address": "x@example.org"}).status_code == 303
    assert visitor.post("/requests/link", {"address": "x@example.org"}).status_code == 429


def test_the_words_are_the_towns_own_in_the_readers_language(
    town: Town, clerk: Actor, mailbox: Mailbox, visitor: Client
) -> None:
    """A template for contacts in their language goes before the one for all; a wrong placeholder is refused."""
    make_contact(town, "Sol", emails=[{"address": "sol@example.org"}], language="es")
    given = {"type": CONTACT, "event": "sign_in", "subject": "Enlace", "body": "Hola.\n\n{link}\n\n{minutes} minutos."}
    town.records.create(system(), "core.message_template", {**given, "language": "es"})
    with pytest.raises(ValidationFailed):
        town.records.create(system(), "core.message_template", {**given, "body": "{number}"})
    assert "Signed in as Sol" in sign_in(town, mailbox, visitor, "sol@example.org")
    text = mailbox.mails[-1].get_content()
    assert text.startswith("Hola.")
    assert "30 minutos." in text


def test_without_a_mail_server_the_town_hall_gives_a_link(
    app: Flask, town: Town, clerk: Actor, ada: Record, visitor: Client
) -> None:
    """The page says so; a clerk makes a link that is shown once, ready to print, and its code signs in once."""
    assert "Get a link by e-mail" not in visitor.get("/requests/").text
    assert "sends no mail" in plain(visitor.get("/requests/link").text)
    ticket = make_ticket(town, clerk, make_topic(town), reporter=ada.id)
    assert staff_client(town, "viewer", app).get(f"/admin/core/contact/{ada.id}/own-requests").status_code == 403
    desk = staff_client(town, "clerk", app)
    assert "own-requests" in desk.get(f"/admin/core/contact/{ada.id}/").text
    url = f"/admin/core/contact/{ada.id}/own-requests"
    desk.get(url)
    page = plain(desk.post(url, {"deed": "give"}).text)
    found = re.search(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){5}-[0-9A-Z]{2}", page)
    assert found is not None, page
    assert "/requests/enter/" in page
    visitor.get("/requests/")
    assert visitor.post("/requests/", {"number": ticket.number, "code": found[0]}).status_code == 404
    done = visitor.post("/requests/", {"number": "", "code": found[0].lower()})
    assert "Signed in as Ada Archer" in plain(visitor.follow(done).text)
    assert ticket.number in visitor.get("/requests/").text
    again = Client(app)
    again.get("/requests/")
    assert again.post("/requests/", {"number": "", "code": found[0]}).status_code == 404
    entry = next(entry for entry in town.records.history(system(), CONTACT, ada.id) if entry.action == "link")
    assert (entry.actor, entry.door) == ("Clerk", "admin")
    assert found[0] not in str(entry)
    desk.get(url)
    desk.post(url, {"deed": "revoke"})
    assert "Signed in as" not in plain(visitor.get("/requests/").text)


def test_a_module_that_is_off_leaves_no_trace(
    town: Town, clerk: Actor, ada: Record, mailbox: Mailbox, visitor: Client
) -> None:
    """What a module keeps of somebody is not listed, opened or hinted at while it is off."""
    ticket = make_ticket(town, clerk, make_topic(town), reporter=ada.id)
    switching.disable(town, system("cli"), "desk")
    town.reload()
    browser = Client(create_app(town))
    said = sign_in(town, mailbox, browser)
    assert "Nothing here yet" in said
    assert "Ticket" not in said
    assert browser.get(f"/requests/{ticket.number}").status_code == 404


def saved_form(page: TestResponse) -> dict[str, str]:
    """What the form with somebody's details holds, as a browser would send it."""
    form = page.text[page.text.index('action="/requests/details"') :]
    form = form[: form.index("</form>")]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]+>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        chosen = "checked" in tag or not re.search(r'type="(?:radio|checkbox|submit)"', tag)
        if name is not None and chosen:
            found[name[1]] = value[1] if value is not None else ""
    return found


def test_their_details_are_theirs_to_change_and_the_towns_notes_stay(
    town: Town, clerk: Actor, ada: Record, mailbox: Mailbox, visitor: Client
) -> None:
    """What the schema names can be changed, against the version that was seen; notes are neither shown nor lost."""
    sign_in(town, mailbox, visitor)
    page = visitor.get("/requests/details")
    said = plain(page.text)
    assert "(513) 555-0101" in page.text
    for kept in ("Deaf", "evenings", "favour", "Please note", "Date of birth", "Has died", "Tags"):
        assert kept not in page.text
    for asked in ("Preferred way", "Newsletter", "Do not contact", ADDRESS):
        assert asked in said

    sent = saved_form(page)
    changed = {"phones-1-number": "513 555 0199", "preferred_channel": "letter", "family_name": "Forged", "notes": "x"}
    assert visitor.post("/requests/details", {**sent, **changed}).status_code == 303
    now = town.records.get(system(), CONTACT, ada.id)
    assert [(row["number"], row["note"]) for row in now["phones"]] == [
        ("+15135550101", "Deaf in one ear"),
        ("+15135550199", None),
    ]
    assert (now["preferred_channel"], now["family_name"], now["notes"]) == ("letter", "Archer", "Owes us a favour")
    (entry,) = [one for one in town.records.history(system(), CONTACT, ada.id) if one.action == "update"]
    assert (entry.actor, entry.door) == ("The citizen", "portal")

    # A colleague was faster: nothing is lost on either side, neither what was changed nor what was left alone.
    sent = saved_form(visitor.get("/requests/details"))
    phones = [{**row, "number": "+15135550123"} if row["note"] is None else row for row in now["phones"]]
    town.records.update(clerk, CONTACT, ada.id, {"tags": ["resident"], "phones": phones}, version=now.version)
    stale = visitor.post("/requests/details", {**sent, "preferred_channel": "visit"})
    assert stale.status_code == 409
    again = saved_form(stale)
    assert again["preferred_channel"] == "visit" if "preferred_channel" in again else "visit" in stale.text
    assert visitor.post("/requests/details", {**again, "preferred_channel": "visit"}).status_code == 303
    kept = town.records.get(system(), CONTACT, ada.id)
    assert [row["number"] for row in kept["phones"]] == ["+15135550101", "+15135550123"]
    assert (kept["preferred_channel"], kept["tags"]) == ("visit", ("resident",))
    wrong = visitor.post("/requests/details", {**saved_form(visitor.get("/requests/details")), "phones-0-number": "12"})
    assert wrong.status_code == 422
    assert 'value="12"' in wrong.text

    # Beside the form it is no different: records refuse what is not the owner's.
    owner = citizen(frozenset({(CONTACT, ada.id)}))
    seen = town.records.get(owner, CONTACT, ada.id)
    assert "notes" not in seen.values
    assert "note" not in seen["phones"][0]
    for values in ({"given_name": "Eve"}, {"emails": []}, {"phones": [{"number": "+15135550101", "note": ""}]}):
        with pytest.raises(ValidationFailed):
            town.records.update(owner, CONTACT, ada.id, values, version=seen.version)
    stranger = citizen(frozenset({(CONTACT, make_contact(town).id)}))
    with pytest.raises(NotFound):
        town.records.update(stranger, CONTACT, ada.id, {"language": "es"}, version=seen.version)


def test_a_new_address_counts_once_its_mailbox_says_so(
    app: Flask, town: Town, ada: Record, mailbox: Mailbox, visitor: Client, clock: FixedClock
) -> None:
    """It opens nothing before; the old ones are told; and taking one away signs out whoever came in with it."""
    sign_in(town, mailbox, visitor)
    new = "ada.archer@example.net"
    visitor.get("/requests/details")
    for text in ("nonsense", ""):
        assert visitor.post("/requests/details/address", {"deed": "add", "address": text}).status_code == 422
    assert visitor.post("/requests/details/address", {"deed": "add", "address": new}).status_code == 303
    path = mailed(town, mailbox)
    assert mailbox.mails[-1]["To"] == new, "a mistyped address is a stranger's, who learns no name"
    assert "/requests/confirm/" in path
    assert len(town.records.get(system(), CONTACT, ada.id)["emails"]) == 1
    ask(visitor, new)
    before = len(mailbox.mails)
    sending.run(town)
    assert len(mailbox.mails) == before

    phone = Client(app)
    assert "One more click" in plain(phone.follow(phone.get(path)).text)
    assert len(town.records.get(system(), CONTACT, ada.id)["emails"]) == 1
    assert new in plain(phone.post("/requests/confirm", {}).text)
    rows = {row["address"]: row for row in town.records.get(system(), CONTACT, ada.id)["emails"]}
    assert rows[new]["confirmed"] == town.today()
    assert (rows[ADDRESS]["note"], rows[ADDRESS]["primary"]) == ("Only evenings", True)
    sending.run(town)
    told = mailbox.mails[-1]
    assert told["To"] == ADDRESS
    assert f"{new} was confirmed and added." in told.get_content()
    phone.follow(phone.get(path))
    assert phone.post("/requests/confirm", {}).status_code == 410

    # A town without an address of its own tells a code instead of a link.
    town.settings = replace(town.settings, public_address="")
    visitor.get("/requests/details")
    visitor.post("/requests/details/address", {"deed": "add", "address": "third@example.org"})
    sending.run(town)
    code = re.search(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){5}-[0-9A-Z]{2}", mailbox.mails[-1].get_content())
    assert code is not None
    phone.get("/requests/")
    assert "One more click" in plain(phone.follow(phone.post("/requests/", {"code": code[0]})).text)
    town.settings = replace(town.settings, public_address="https://milbrook.example")

    sign_in(town, mailbox, phone, new)
    page = visitor.get("/requests/details")
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version is not None
    gone = {"deed": "take_away", "address": ADDRESS, "version": version[1]}
    phone.get("/requests/details")
    assert phone.post("/requests/details/address", gone).status_code == 303
    assert [row["address"] for row in town.records.get(system(), CONTACT, ada.id)["emails"]] == [new]
    assert "Signed in as" in phone.get("/requests/").text
    assert "Signed in as" not in visitor.get("/requests/").text
    sending.run(town)
    assert sorted(mail["To"] for mail in mailbox.mails[-2:]) == sorted([new, ADDRESS])
    late = {"deed": "first", "address": new, "version": version[1]}
    assert phone.post("/requests/details/address", late).status_code == 422


def propose(visitor: Client, address: str) -> None:
    """Give a new address under “Your requests”."""
    visitor.get("/requests/details")
    assert visitor.post("/requests/details/address", {"deed": "add", "address": address}).status_code == 303


def give_link(town: Town, app: Flask, contact: Record) -> str:
    """Let a clerk hand over a link; its path."""
    desk = staff_client(town, "clerk", app)
    url = f"/admin/core/contact/{contact.id}/own-requests"
    desk.get(url)
    found = re.search(r'/requests/enter/[^"<\s]+', desk.post(url, {"deed": "give"}).text)
    assert found is not None
    return found[0]


def addresses_of(town: Town, contact: Record) -> list[str]:
    """The e-mail addresses of a contact."""
    return [row["address"] for row in town.records.get(system(), CONTACT, contact.id)["emails"]]


def statuses(town: Town) -> list[tuple[str, str]]:
    """What became of each message, the newest first."""
    return [(message.event, message.status) for message in outbox.find(town)]


def test_a_link_that_waits_ends_with_the_address_that_it_was_asked_for(
    app: Flask, town: Town, clerk: Actor, ada: Record, mailbox: Mailbox, visitor: Client
) -> None:
    """Mail with a link is not sent to an address that a colleague took away meanwhile; and none made then opens."""
    ask(visitor, ADDRESS)
    mailbox.to = lambda address: "450 later"
    sending.run(town)
    mailbox.to = lambda address: "250 OK"
    now = town.records.get(clerk, CONTACT, ada.id)
    town.records.update(clerk, CONTACT, ada.id, {"emails": [{"address": "new@example.org"}]}, version=now.version)
    assert statuses(town) == [("sign_in", "dropped")]

    # One that was put in at the same moment, by another process, is looked at when it is sent.
    town.system.outbox.update(status="queued", next_at=0).execute()
    sending.run(town)
    assert mailbox.mails == []
    (message,) = outbox.find(town)
    assert (message.status, "not the contact's any more" in message.error) == ("dropped", True)

    # And one whose link was made at the same moment opens nothing.
    ask(visitor, "new@example.org")
    path = mailed(town, mailbox)
    now = town.records.get(clerk, CONTACT, ada.id)
    town.records.update(clerk, CONTACT, ada.id, {"emails": [{"address": "newer@example.org"}]}, version=now.version)
    town.system.secret_link.update(revoked_at=None).execute()
    visitor.follow(visitor.get(path))
    assert visitor.post("/requests/enter", {}).status_code == 410


def test_signing_somebody_out_everywhere_ends_the_address_that_waits_for_its_mailbox(
    app: Flask, town: Town, ada: Record, mailbox: Mailbox, visitor: Client, clock: FixedClock
) -> None:
    """What was asked for before opens and confirms nothing, be it sent, waiting, or just going out."""
    sign_in(town, mailbox, visitor)
    propose(visitor, "sent@example.net")
    sent = mailed(town, mailbox)
    propose(visitor, "waiting@example.net")
    propose(visitor, "leaving@example.net")
    (leaving,) = outbox.find(town, limit=1)
    town.system.outbox.update(status="sending", lease_until=0).where(town.system.outbox.id == leaving.id).execute()
    owner = Client(app)
    owner.follow(owner.get(give_link(town, app, ada)))
    assert "Signed in as" in plain(owner.follow(owner.post("/requests/enter", {})).text)
    assert statuses(town)[:2] == [("confirm_address", "sending"), ("confirm_address", "dropped")]

    late = mailed(town, mailbox)
    assert mailbox.mails[-1]["To"] == "leaving@example.net"
    for path in (sent, late):
        assert "works no more" in plain(visitor.follow(visitor.get(path)).text)
        assert visitor.post("/requests/confirm", {}).status_code == 410
    assert addresses_of(town, ada) == [ADDRESS]
    propose(owner, "own@example.net")
    owner.follow(owner.get(mailed(town, mailbox)))
    assert owner.post("/requests/confirm", {}).status_code == 200
    assert addresses_of(town, ada) == [ADDRESS, "own@example.net"]


def test_taking_an_address_away_ends_what_its_reader_asked_for(
    app: Flask, town: Town, clerk: Actor, mailbox: Mailbox, visitor: Client
) -> None:
    """Whoever came in with it can't let an address of their own be confirmed afterwards."""
    eve = make_contact(town, "Lamb", emails=[{"address": "old@example.org"}, {"address": "own@example.org"}])
    sign_in(town, mailbox, visitor, "old@example.org")
    propose(visitor, "sent@evil.example")
    sent = mailed(town, mailbox)
    propose(visitor, "waiting@evil.example")
    owner = Client(app)
    sign_in(town, mailbox, owner, "own@example.org")
    waiting = link_in(next(mail.get_content() for mail in mailbox.mails if mail["To"] == "waiting@evil.example"))
    propose(visitor, "third@evil.example")
    version = re.search(r'name="version" value="(\d+)"', owner.get("/requests/details").text)
    assert version is not None
    gone = {"deed": "take_away", "address": "old@example.org", "version": version[1]}
    page = plain(owner.follow(owner.post("/requests/details/address", gone)).text)
    assert "No link that was sent before works any more" in page
    sending.run(town)
    assert "third@evil.example" not in [mail["To"] for mail in mailbox.mails]
    for path in (sent, waiting):
        visitor.follow(visitor.get(path))
        assert visitor.post("/requests/confirm", {}).status_code == 410
    assert addresses_of(town, eve) == ["own@example.org"]
    assert "Signed in as" in owner.get("/requests/").text


def test_merging_lets_nobody_in_by_itself(
    town: Town, clerk: Actor, ada: Record, mailbox: Mailbox, visitor: Client
) -> None:
    """Who gave somebody's name and number with an address of their own opens nothing once the two are merged."""
    ticket = make_ticket(town, clerk, make_topic(town), reporter=ada.id)
    sender = {"name": "Ada Archer", "email": "mallory@evil.example", "phone": "+15135550101"}
    values = {"topic": make_topic(town, "Lamps").id, "summary": "Dark", "answers": {"deep": 4}}
    sent = town.records.create(ANONYMOUS, TICKET, values, form="public", contact=sender)
    twin = town.records.get(clerk, CONTACT, town.records.get(clerk, TICKET, sent.id)["reporter"])
    assert twin.id != ada.id
    town.records.merge(clerk, CONTACT, ada.id, twin.id, {}, versions=(ada.version, twin.version))
    ask(visitor, "mallory@evil.example")
    sending.run(town)
    assert mailbox.mails == []
    assert ticket.number in sign_in(town, mailbox, visitor)


def test_who_is_signed_in_need_not_say_who_they_are(
    app: Flask, town: Town, ada: Record, mailbox: Mailbox, visitor: Client
) -> None:
    """The form knows them, and what they send is theirs; what they send for somebody else is not."""
    sign_in(town, mailbox, visitor)
    topic = make_topic(town)
    answers = {"summary": "Deep hole", "answers-asked": ["deep", "note"], "answers-deep": "4"}

    def send(**changed: str) -> Record:
        page = visitor.get(f"/apply/desk/ticket/public?topic={topic.id}")
        page = visitor.follow(visitor.post(page.request.full_path, answers))
        known = dict(re.findall(r'name="(contact_\w+)"[^>]*value="([^"]*)"', page.text))
        assert known == {"contact_name": "Ada Archer", "contact_email": ADDRESS, "contact_phone": "(513) 555-0101"}
        review = visitor.follow(visitor.post(page.request.path, {**known, **changed}))
        assert visitor.post(review.request.path, {}).status_code == 303
        return town.records.find(system(), TICKET, sort="-created", limit=1).records[0]

    make_contact(town, "Double", emails=[{"address": "double@example.org"}], phones=[{"number": "+15135550101"}])
    mine = send()
    assert mine["reporter"] == ada.id
    assert mine.number in visitor.get("/requests/").text
    theirs = send(contact_name="Grace Hopper", contact_email="grace@example.org", contact_phone="")
    assert theirs["reporter"] not in (None, ada.id)
    visitor.post("/requests/leave", {})
    page = visitor.follow(
        visitor.post(visitor.get(f"/apply/desk/ticket/public?topic={topic.id}").request.full_path, answers)
    )
    assert "Ada Archer" not in page.text
