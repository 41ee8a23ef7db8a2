"""Messages on screen and on the command line: the outbox, letters, templates, and the file that a resident keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from smtp import smtp_server
from smtp import use
from staff_client import StaffClient
from staff_client import main_of
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.app import create_app
from townhall.cli import main
from townhall.messages import outbox
from townhall.records.types import Record
from townhall.town import Town

OUTBOX, LETTERS = "/admin/messages/outbox/", "/admin/messages/letters/"
TEMPLATE = "core.message_template"


@pytest.fixture
def engine() -> str:
    """Pages don't depend on the engine; the outbox itself is tried on both elsewhere."""
    return "sqlite"


@pytest.fixture
def chief(town: Town) -> StaffClient:
    """Somebody who may look after the outbox."""
    return staff_client(town, "administrator")


def case(town: Town, clerk: Actor, **contact: object) -> Record:
    """An acknowledged ticket of somebody."""
    if not town.records.find(system(), TEMPLATE).records:
        values = {"type": TICKET, "event": "received", "subject": "We have it", "body": "Dear {name},\n{link}"}
        town.records.create(system(), TEMPLATE, values)
    reporter = make_contact(town, given_name="Ada", **contact)
    topics = town.records.find(system(), "desk.topic").records
    return make_ticket(town, clerk, topics[0] if topics else make_topic(town), reporter=reporter.id)


def mailed(town: Town, clerk: Actor) -> outbox.Message:
    """A mail that waits, to somebody with a postal address too."""
    record = case(town, clerk, emails=[{"address": "ada@example.org"}], addresses=[{"address": "1 Main St"}])
    return outbox.find(town, about=(TICKET, record.id))[0]


def test_a_letter_is_addressed_as_on_an_envelope(town: Town, clerk: Actor, chief: StaffClient) -> None:
    """Town, state and code stand in one line, another country below it; lists have all of it in one."""
    town_line = {"city": "Millbrook", "region": "OH", "postal_code": "45011", "country": "CA"}
    case(town, clerk, addresses=[{"address": {"line1": "14 Mill Lane", "line2": "Flat 2, rear", **town_line}}])
    assert "14 Mill Lane, Flat 2, rear, Millbrook, OH 45011, Canada" in main_of(chief.get(LETTERS))
    paper = chief.get(f"{LETTERS}print").text
    lines = "Ada Moreau<br>14 Mill Lane<br>Flat 2, rear<br>Millbrook, OH 45011<br>Canada</address>"
    assert f'<address class="letter-to">{lines}' in paper
    # Letters that somebody else posted meanwhile are no reason to print all the others.
    gone = chief.get(f"{LETTERS}print?id=999999")
    assert gone.status_code == 302
    assert "None of the letters that you chose waits any more" in main_of(chief.follow(gone))


def test_the_outbox_shows_what_needs_somebody(town: Town, clerk: Actor, chief: StaffClient) -> None:
    """Why a message waits, why one is dead, and what can be done: try again, drop, print."""
    message = mailed(town, clerk)
    waiting = main_of(chief.get(f"{OUTBOX}?show=waiting"))
    assert "No mail server is set up" in waiting
    assert "Waits, since no mail server is set up" in waiting
    outbox.mark(town, message.id, "dead", at=town.clock.now(), error="550 No such user.")
    shown = main_of(chief.get(OUTBOX))
    assert "Could not be delivered. 550 No such user." in shown
    assert "1 need attention" in chief.get("/admin/messages/").text.replace("\n", " ") or "Need attention" in shown
    chief.post(f"{OUTBOX}act", {"deed": "retry", "id": message.id})
    assert outbox.get(town, message.id).status == "queued"
    chief.post(f"{OUTBOX}act", {"deed": "drop", "id": message.id})
    assert "Dropped by" in main_of(chief.get(f"{OUTBOX}?show=dropped"))


def test_mail_is_printed_instead_and_posted(town: Town, clerk: Actor, chief: StaffClient) -> None:
    """From the outbox to the pile of letters, to paper with the code, to posted; the timeline tells of it."""
    message = mailed(town, clerk)
    chief.post(f"{OUTBOX}act", {"deed": "print", "id": message.id})
    assert "Ada Moreau" in main_of(chief.get(LETTERS))
    paper = chief.get(f"{LETTERS}print")
    assert paper.headers["Cache-Control"] == "no-store"
    assert "1 Main St" in main_of(paper)
    assert re.search(r"your code [0-9A-Z]{4}-", main_of(paper))
    chief.post(f"{LETTERS}posted", {"deed": "posted"})
    assert outbox.get(town, message.id).status == "queued"
    chief.post(f"{LETTERS}posted", {"deed": "posted", "id": message.id})
    assert "No letters wait" in main_of(chief.get(LETTERS))
    page = main_of(chief.get(f"/admin/desk/ticket/{message.record_id}/"))
    assert "Posted today 12:00 by Administrator" in page


def test_sending_is_paused_and_goes_on(town: Town, clerk: Actor, chief: StaffClient) -> None:
    """The pause says who paused; going on takes it away."""
    chief.get(OUTBOX)
    chief.post(f"{OUTBOX}act", {"deed": "pause"})
    assert "Administrator paused sending." in main_of(chief.get(OUTBOX))
    chief.post(f"{OUTBOX}act", {"deed": "resume"})
    assert "paused sending" not in main_of(chief.get(OUTBOX))


def test_who_may_not_look_after_the_outbox(town: Town, clerk: Actor) -> None:
    """A clerk sees what became of messages and prints letters; pausing and dropping are for others."""
    message = mailed(town, clerk)
    person = staff_client(town, "clerk")
    assert "Pause sending" not in main_of(person.get(OUTBOX))
    refused = person.post(f"{OUTBOX}act", {"deed": "drop", "id": message.id})
    assert "You may not look after the outbox" in main_of(person.follow(refused))
    assert outbox.get(town, message.id).status == "queued"
    assert staff_client(town, "viewer").get(OUTBOX).status_code == 403


def test_a_test_message_says_what_the_server_says(town: Town, chief: StaffClient) -> None:
    """At once: that it went, or why not."""
    page = chief.follow(chief.post(f"{OUTBOX}act", {"deed": "test", "address": "ada@example.org"}))
    assert "No mail server is set up" in main_of(page)
    with smtp_server() as (box, port):
        settings = {
            "mail_host": "127.0.0.1",
            "mail_port": port,
            "mail_security": "none",
            "mail_from": "hall@town.example",
        }
        town.settings = replace(town.settings, **settings)
        page = chief.follow(chief.post(f"{OUTBOX}act", {"deed": "test", "address": "ada@example.org"}))
        assert "A test message went to ada@example.org." in main_of(page)
        assert [mail["Subject"] for mail in box.mails] == ["[Milbrook] Test message"]
        box.to = lambda address: "550 5.1.1 Nobody here"
        page = chief.follow(chief.post(f"{OUTBOX}act", {"deed": "test", "address": "ben@example.org"}))
        assert "550 5.1.1 Nobody here" in main_of(page)
        page = chief.follow(chief.post(f"{OUTBOX}act", {"deed": "test", "address": "ben"}))
        assert "Enter the e-mail address" in main_of(page)


def test_templates_by_event_and_how_they_read(town: Town, clerk: Actor, chief: StaffClient) -> None:
    """The overview names every event, leads to a form that is filled in, and shows a template on a real record."""
    ticket = case(town, clerk, emails=[{"address": "ada@example.org"}])
    overview = chief.get("/admin/messages/")
    assert "We have it" in main_of(overview)
    assert "/admin/core/message_template/new?type=desk.ticket&amp;event=done" in overview.text
    form = chief.get("/admin/core/message_template/new?type=desk.ticket&event=done")
    assert 'value="desk.ticket"' in form.text
    template = town.records.find(system(), TEMPLATE).records[0]
    shown = main_of(chief.get(f"/admin/messages/preview/{template.id}?number={ticket.number}"))
    assert "Dear Ada Moreau, (link to the status page)" in shown
    assert "There is no ticket" in main_of(chief.get(f"/admin/messages/preview/{template.id}?number=T-1"))
    assert "Preview" in main_of(chief.get(f"/admin/core/message_template/{template.id}/"))


def test_the_preview_shows_the_line_that_every_message_gets(town: Town, clerk: Actor, chief: StaffClient) -> None:
    """Words without the link are sent with a line that has it, and read so beforehand."""
    values = {"type": TICKET, "event": "received", "subject": "We have it", "body": "We look at it."}
    template = town.records.create(system(), TEMPLATE, values)
    message = mailed(town, clerk)
    shown = main_of(chief.get(f"/admin/messages/preview/{template.id}"))
    line = f"Your number is {message.number}. How far it is, and all messages: "
    assert line in message.body
    assert line in shown


def test_a_template_with_a_mistake_comes_back_as_it_was_typed(town: Town, chief: StaffClient) -> None:
    """The form says what is wrong with a placeholder and what there is, and keeps every word."""
    chief.get("/admin/core/message_template/new")
    given = {"type": TICKET, "event": "done", "subject": "Done", "body": "Dear {nme}", "active": "1"}
    page = chief.post("/admin/core/message_template/new", given)
    assert "A ticket has no {nme}. Did you mean {name}?" in main_of(page)
    assert "Dear {nme}</textarea>" in page.text
    assert town.records.find(system(), TEMPLATE).records == []


def test_a_record_page_says_how_far_its_messages_are(town: Town, clerk: Actor, chief: StaffClient) -> None:
    """Sent at what time, or that it is tried again and when; and what was not sent stands in the outbox."""
    message = mailed(town, clerk)
    base = f"/admin/desk/ticket/{message.record_id}/"
    assert "Waits, since no mail server is set up" in main_of(chief.get(base))
    outbox.mark(town, message.id, "failed", at=town.clock.now(), error="451 later")
    assert "Could not be delivered yet, next try today 12:00" in main_of(chief.get(base))
    outbox.mark(town, message.id, "sent", at=town.clock.now())
    assert "Sent today 12:00 to ada@example.org" in main_of(chief.get(base))
    assert "We have it" in main_of(chief.get(f"{OUTBOX}?about=desk.ticket:{message.record_id}"))


def test_a_resident_keeps_the_whole_exchange(town: Town, clerk: Actor) -> None:
    """A text file with every public message, oldest first, and no note between colleagues."""
    ticket = case(town, clerk, emails=[{"address": "ada@example.org"}])
    town.records.message(clerk, TICKET, ticket.id, "We come on Monday.")
    note = {"direction": "internal", "about": f"{TICKET}:{ticket.id}", "body": "Difficult person"}
    town.records.create(clerk, "core.interaction", note)
    browser = create_app(town).test_client()
    assert browser.get(f"/requests/{ticket.number}/messages.txt").status_code == 404
    token = town.records.make_link(clerk, TICKET, ticket.id, "status")
    status = browser.get(f"/status/{ticket.number}/{token}", follow_redirects=True)
    assert f"/requests/{ticket.number}/messages.txt" in status.text
    kept = browser.get(f"/requests/{ticket.number}/messages.txt")
    assert kept.mimetype == "text/plain"
    assert "attachment" in kept.headers["Content-Disposition"]
    assert "no-store" in kept.headers["Cache-Control"]
    text = kept.get_data(as_text=True)
    assert text.index("Dear Ada Moreau") < text.index("We come on Monday.")
    assert "Difficult" not in text


@pytest.fixture
def command(town: Town, clerk: Actor) -> Callable[..., str]:
    """Run ``townhall messages`` on the town; its output, whatever comes of it."""

    def run(*arguments: str) -> str:
        given = ["--instance", str(town.instance), *arguments]
        return CliRunner().invoke(main, given, catch_exceptions=False).output

    return run


def test_the_command_line(town: Town, clerk: Actor, command: Callable[..., str], tmp_path: Path) -> None:
    """List, retry, drop, pause, resume, send, test; and the doctor says what keeps messages from going out."""
    message = mailed(town, clerk)
    assert "ada@example.org" in command("messages", "list")
    assert '"status": "queued"' in command("messages", "list", "--json", "--status", "queued")
    assert "No mail server is set up, so no mail is sent." in command("messages", "send")
    assert "No mail server is set up" in command("messages", "test", "ada@example.org")
    assert "no mail server is set up" in command("doctor")
    command("messages", "pause")
    outbox.mark(town, message.id, "dead", at=town.clock.now(), error="550")
    told = command("doctor")
    assert "1 could not be delivered" in told
    assert "paused sending" in told
    assert "1 will be tried again" in command("messages", "retry")
    assert "Messages go out again." in command("messages", "resume")
    assert "is not sent" in command("messages", "drop", str(message.id))
    with smtp_server() as (box, port):
        (town.instance / "townhall.toml").write_text(
            f'[mail]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nfrom = "hall@town.example"\n',
            encoding="utf-8",
        )
        command("messages", "retry", str(message.id))
        mailed(town, clerk)
        assert "1 message sent." in command("messages", "send")
        assert len(box.mails) == 1
        assert "takes mail from hall@town.example" in command("doctor")


def test_the_command_fails_for_what_can_not_be_tried_again(town: Town, clerk: Actor) -> None:
    """It tries those that can be, says why of each of the others, and its exit code tells scripts."""
    ticket = case(town, clerk)
    words = {"identity": TICKET, "record_id": ticket.id, "event": "note", "channel": "email", "status": "dead"}
    outbox.add(town, "dead", {**words, "recipient": "ada@example.org"})
    message = outbox.find(town)[0]

    def command(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["--instance", str(town.instance), "messages", *arguments])
        return done.exit_code, done.output

    code, told = command("retry", "99999", str(message.id))
    assert (code, "1 will be tried again" in told) == (1, True)
    assert "99999: There is no such message in the outbox." in told
    code, told = command("retry", str(message.id))
    assert (code, "will be tried" in told) == (1, False)
    assert command("retry")[0] == 0


def test_a_failing_mail_server_is_seen_wherever_somebody_looks(town: Town, clerk: Actor, chief: StaffClient) -> None:
    """The commands fail and say why and until when, also while the server is left alone.

    So does the doctor, the page of jobs, and the outbox of whoever writes to residents; until it takes mail again.
    """
    mailed(town, clerk)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["--instance", str(town.instance), *arguments])
        return done.exit_code, done.output

    with smtp_server() as (box, port):
        box.to = lambda address: f"421 4.3.2 <{address}> closing"
        (town.instance / "townhall.toml").write_text(
            f'[mail]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nfrom = "hall@town.example"\n',
            encoding="utf-8",
        )
        use(town, port)
        reason = "The mail server takes nothing at the moment: 421 4.3.2 <…> closing. It is tried again at "
        for _ in range(2):
            code, told = run("messages", "send")
            assert (code, reason in told) == (1, True)
        code, told = run("jobs", "run", "core.deliver_messages")
        assert (code, f"The job core.deliver_messages failed: {reason}" in told) == (1, True)
        told = run("doctor")[1]
        assert reason in told
        assert "takes mail from" not in told
        assert "1 will be tried again" not in run("messages", "retry")[1]
        assert reason in unescape(chief.get(OUTBOX).text)
        assert "no message is lost" in main_of(staff_client(town, "clerk").get(OUTBOX))
        assert reason in unescape(chief.get("/admin/jobs/").text)
        box.to = lambda address: "250 Accepted"
        run("messages", "resume")
        town.system.outbox.update(next_at=0).execute()
        code, told = run("messages", "send")
        assert (code, told) == (0, "1 message sent.\n")
        assert "takes mail from hall@town.example" in run("doctor")[1]
        assert "It is tried again" not in main_of(chief.get(OUTBOX))
