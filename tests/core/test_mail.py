"""Delivering the outbox to a real SMTP server that accepts, refuses, puts off, hangs and dies."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from smtp import Mailbox
from smtp import smtp_server
from smtp import use

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import ConfigurationError
from townhall.errors import TownhallError
from townhall.mail import at_once
from townhall.mail import composing
from townhall.mail import delivering
from townhall.mail import message_ids
from townhall.messages import going_out
from townhall.messages import outbox
from townhall.messages import switches
from townhall.records.types import Record
from townhall.town import Town


@pytest.fixture
def mailbox(town: Town) -> Iterator[Mailbox]:
    """A mail server that takes everything; the town sends to it."""
    with smtp_server() as (box, port):
        use(town, port)
        yield box


def template(town: Town, event: str, **values: Any) -> None:
    """Words for an event of tickets."""
    given = {"type": TICKET, "event": event, "subject": "We have it", "body": "It is {state}.\n\n{link}", **values}
    town.records.create(system(), "core.message_template", given)


@pytest.fixture
def ticket(town: Town, clerk: Actor) -> Record:
    """An acknowledged ticket whose acknowledgement waits in the outbox."""
    template(town, "received")
    return case(town, clerk)


def case(town: Town, clerk: Actor, address: str = "ada@example.org") -> Record:
    """A ticket of somebody with this address."""
    reporter = make_contact(town, given_name="Ada", emails=[{"address": address}])
    topics = town.records.find(system(), "desk.topic").records
    return make_ticket(town, clerk, topics[0] if topics else make_topic(town), reporter=reporter.id)


def statuses(town: Town) -> list[str]:
    """The states of all messages, the oldest first."""
    return [message.status for message in reversed(outbox.find(town, limit=200))]


# -- what is sent -----------------------------------------------------------------------------------------------------


def test_an_acknowledgement_has_the_headers_that_stop_loops(
    town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox
) -> None:
    """It says that a machine wrote it, comes from the town, and failing to arrive is reported to nobody."""
    assert delivering.run(town) == "1 message sent."
    ((envelope, recipient, mail),) = mailbox.taken
    assert (envelope, recipient) == ("", "ada@example.org")
    assert mail["From"] == "Milbrook <hall@milbrook.example>"
    assert mail["To"] == "Ada Moreau <ada@example.org>"
    assert mail["Subject"] == "[Milbrook T-2026-0001] We have it"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "DR, RN, OOF, AutoReply"
    assert (mail["Precedence"], mail["X-Loop"]) == ("bulk", "yes")
    assert mail["X-Townhall-Loop"] == composing.loop_mark(town)
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content()
    assert text.startswith("-- Please reply above this line --\n\nIt is Received.\n\nhttps://milbrook.example/status/")
    token = text.split("/")[-1].strip()
    assert town.records.resolve_link(token, "status") == (TICKET, ticket.id)


def test_a_human_reply_has_none_of_them_and_names_no_colleague(
    town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox
) -> None:
    """A colleague's address and name are in no header, and a person's answer doesn't look like a machine's."""
    writer = replace(clerk, name="Erin Clerk <erin.clerk@milbrook.example>")
    town.records.message(writer, TICKET, ticket.id, "We come on Monday. Liebe Grüße, 你好")
    delivering.run(town)
    envelope, _, mail = mailbox.taken[0]
    assert envelope == "hall@milbrook.example"
    for header in ("Auto-Submitted", "Precedence", "X-Loop", "X-Auto-Response-Suppress", "Reply-To", "Sender"):
        assert mail[header] is None
    assert mail["X-Townhall-Loop"]
    assert "Liebe Grüße, 你好" in mail.get_content()
    assert "erin" not in "\n".join(f"{name}: {value}" for name, value in mail.items()).casefold()


def test_a_case_is_one_thread(town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox) -> None:
    """Each mail has an id of its own that only this town can make, and refers to those before and to the case."""
    delivering.run(town)
    for number in range(12):
        town.records.message(clerk, TICKET, ticket.id, f"Message {number}")
        delivering.run(town)
    ids = [mail["Message-ID"] for mail in mailbox.mails]
    assert len(set(ids)) == 13
    assert {message_ids.case_of(town, id) for id in ids} == {(TICKET, ticket.id)}
    forged = ids[0].replace(f"ticket.{ticket.id}-", "ticket.77-")
    assert message_ids.case_of(town, forged) is None
    references = [str(mail["References"]).split() for mail in mailbox.mails]
    assert {each[0] for each in references} == {references[0][0]}
    assert references[3][1:] == ids[:3]
    assert references[12][1:4] == ids[:3]
    assert references[12][4:] == ids[6:12]
    assert mailbox.mails[12]["In-Reply-To"] == ids[11]


def test_the_tag_stands_in_a_subject_once(town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox) -> None:
    """However often a subject went to and fro, it has one tag and no pile of “Re:”."""
    subject = "Re: [Milbrook T-2026-0001] AW: Re: [Milbrook T-2026-0001] Deep hole"
    town.records.message(clerk, TICKET, ticket.id, "Hello", subject=subject)
    delivering.run(town)
    assert mailbox.mails[0]["Subject"] == "[Milbrook T-2026-0001] Deep hole"


def test_nothing_typed_can_become_a_header(town: Town, clerk: Actor, mailbox: Mailbox) -> None:
    """Line breaks in a name or a subject stay text."""
    reporter = make_contact(town, "Moreau\r\nBcc: all@example.org", emails=[{"address": "ada@example.org"}])
    ticket = make_ticket(town, clerk, make_topic(town), reporter=reporter.id)
    town.records.message(clerk, TICKET, ticket.id, "Hello", subject="Hi\r\nBcc: all@example.org")
    delivering.run(town)
    ((_, _, mail),) = mailbox.taken
    assert mail["Bcc"] is None
    assert len(mail.get_all("To") or ()) == 1
    # However it came there: a row of the outbox that was kept as it was typed, and a town's name of several lines.
    broken = "Moreau\r\nBcc: all@example.org"
    town.records.message(clerk, TICKET, ticket.id, "Hello")
    town.system.outbox.update(name=broken, subject=broken).where(town.system.outbox.status == "queued").execute()
    town.settings = replace(town.settings, name=broken)
    delivering.run(town)
    at_once.send(town, "ada@example.org", broken, "Hello")
    mails = [mail for _, _, mail in mailbox.taken[1:]]
    assert len(mails) == 2
    for mail in mails:
        assert mail["Bcc"] is None
        assert mail["From"].addresses[0].display_name == "Moreau Bcc: all@example.org"
        assert mail["Subject"].endswith("Moreau Bcc: all@example.org")
    assert mails[0]["To"].addresses[0].display_name == "Moreau Bcc: all@example.org"


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_greylisting_waits_and_tries_again(
    town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox, clock: FixedClock
) -> None:
    """A message that is put off is tried again after a minute, then after two, and arrives once."""
    mailbox.answer = lambda count: "250 Accepted" if count > 2 else "451 4.7.1 Greylisted"
    delivering.run(town)
    (message,) = outbox.find(town)
    assert (message.status, message.attempts) == ("failed", 1)
    assert "451 4.7.1 Greylisted" in message.error
    assert delivering.run(town) == ""
    clock.move(timedelta(minutes=1))
    delivering.run(town)
    clock.move(timedelta(minutes=1))
    delivering.run(town)
    assert len(mailbox.taken) == 0
    clock.move(timedelta(minutes=1))
    delivering.run(town)
    delivering.run(town)
    assert (statuses(town), len(mailbox.taken)) == (["sent"], 1)


def test_addresses_with_other_letters_reach_their_people(town: Town, clerk: Actor, ticket: Record) -> None:
    """A host's name is written as mail servers do; letters before the @ go to servers that know them, and nowhere else.

    Neither keeps what comes after it from going out.
    """
    addresses = ["ada@bücher.example", "jürgen@example.org", "zoe@example.org"]
    for knows, expected in ((False, ["sent", "dead", "sent"]), (True, ["sent", "sent", "sent"])):
        with smtp_server(utf8=knows) as (box, port):
            use(town, port)
            records = [case(town, clerk, address) for address in addresses]
            for record in records:
                town.records.message(clerk, TICKET, record.id, "We come on Monday.")
            delivering.run(town)
            told = [outbox.find(town, about=(TICKET, record.id))[0] for record in records]
            assert [message.status for message in told] == expected
            assert switches.rest(town.system) is None
            assert ("ada@xn--bcher-kva.example" in [to for _, to, _ in box.taken]) is True
            if not knows:
                assert "no address with letters other than a to z" in told[1].error


def test_what_is_refused_for_good_waits_for_a_person(
    town: Town, clerk: Actor, administrator: Actor, ticket: Record, mailbox: Mailbox
) -> None:
    """A 5xx answer is not tried again; the others go on; somebody may try again by hand."""
    mailbox.to = lambda address: "550 5.1.1 No such user" if address == "ada@example.org" else "250 Accepted"
    case(town, clerk, "ben@example.org")
    assert delivering.run(town) == "1 message sent. 1 message could not be sent."
    assert statuses(town) == ["dead", "sent"]
    assert "550 5.1.1 No such user" in outbox.find(town, statuses=["dead"])[0].error
    mailbox.to = lambda address: "250 Accepted"
    assert going_out.retry(town, administrator).count == 1
    delivering.run(town)
    assert statuses(town) == ["sent", "sent"]


def test_after_four_days_a_message_is_given_up(
    town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox, clock: FixedClock
) -> None:
    """The waits double to six hours; after the last attempt the message needs a person."""
    mailbox.answer = lambda count: "451 later"
    began = clock.now()
    for _ in range(200):
        delivering.run(town)
        if statuses(town) == ["dead"]:
            break
        clock.move(timedelta(hours=1))
    assert timedelta(days=3) < clock.now() - began < timedelta(days=6)
    assert mailbox.tries == delivering.MOST_ATTEMPTS


def test_a_server_that_is_down_costs_no_message_an_attempt(
    town: Town, clerk: Actor, ticket: Record, clock: FixedClock
) -> None:
    """Sending rests, twice as long each time; when the server is back, everything goes out once."""
    with smtp_server() as (_, port):
        pass
    use(town, port)
    case(town, clerk, "ben@example.org")
    assert "can't be used" in delivering.run(town)
    rest = switches.rest(town.system)
    assert rest is not None
    assert rest.until == clock.now() + timedelta(minutes=1)
    assert delivering.run(town) == ""
    for _ in range(8):
        clock.move(timedelta(minutes=31))
        delivering.run(town)
    rest = switches.rest(town.system)
    assert rest is not None
    assert rest.until == clock.now() + timedelta(minutes=30)
    assert statuses(town) == ["queued", "queued"]
    with smtp_server() as (box, port):
        use(town, port)
        clock.move(timedelta(minutes=31))
        delivering.run(town)
        assert len(box.taken) == 2
    assert switches.rest(town.system) is None
    assert [message.attempts for message in outbox.find(town)] == [1, 1]


def test_a_server_that_dies_in_the_middle_loses_and_doubles_nothing(
    town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox, clock: FixedClock
) -> None:
    """The message at which it died waits, the others were not touched, and each arrives once in the end."""
    for number in range(6):
        case(town, clerk, f"n{number}@example.org")
    mailbox.answer = lambda count: None if count == 3 else "250 Accepted"
    delivering.run(town)
    assert sorted(statuses(town)) == ["failed", *["queued"] * 4, "sent", "sent"]
    for _ in range(4):
        clock.move(timedelta(minutes=5))
        delivering.run(town)
    recipients = [recipient for _, recipient, _ in mailbox.taken]
    assert (len(recipients), len(set(recipients))) == (7, 7)


def test_a_server_that_hangs_is_not_waited_for(town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox) -> None:
    """After the time that the settings give it, the message waits and sending rests."""
    use(town, town.settings.mail_port, mail_timeout=2)
    mailbox.answer = lambda count: "hang"
    assert "broke off" in delivering.run(town)
    (message,) = outbox.find(town)
    assert (message.status, message.attempts) == ("failed", 1)
    assert "did not answer in time" in message.error


def test_a_server_that_takes_no_mail_without_a_return_address_gets_one(
    town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox
) -> None:
    """Where the empty sender of RFC 3834 is refused, the town's own stands in."""
    mailbox.sender = lambda address: "250 Accepted" if address else "550 Empty sender"
    delivering.run(town)
    assert [envelope for envelope, _, _ in mailbox.taken] == ["hall@milbrook.example"]


def test_a_server_that_does_not_know_the_town_is_no_messages_fault(
    town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox
) -> None:
    """If it takes nothing from the town's address, messages wait."""
    mailbox.sender = lambda address: "550 5.7.1 Not allowed"
    assert "takes no mail from hall@milbrook.example" in delivering.run(town)
    assert statuses(town) == ["queued"]


def test_starttls_and_a_password(town: Town, clerk: Actor, ticket: Record, clock: FixedClock, tmp_path: Path) -> None:
    """The conversation is encrypted with a certificate that is checked, and signed in with the password of a file."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")
    secure = {
        "mail_security": "starttls",
        "mail_username": "townhall",
        "mail_password_file": str(tmp_path / "password"),
        "mail_certificates": str(tmp_path / "authority.pem"),
    }
    with smtp_server(certificate=context, password="s3cret") as (box, port):
        use(town, port, **{**secure, "mail_certificates": ""})
        assert "certificate can't be trusted" in delivering.run(town)
        clock.move(timedelta(hours=1))
        use(town, port, **{**secure, "mail_password": "wrong"})
        assert "can't be used: 535" in delivering.run(town)
        clock.move(timedelta(hours=1))
        use(town, port, **secure, mail_password="")
        assert delivering.run(town) == "1 message sent."
        assert len(box.taken) == 1


def test_a_mail_server_that_is_set_up_wrongly_says_what_to_write(town: Town, tmp_path: Path) -> None:
    """What the server or the system says comes with the key in [mail] that is most probably wrong."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    (tmp_path / "letter.txt").write_text("Dear Sir", encoding="utf-8")
    secure = {"mail_security": "starttls", "mail_certificates": str(tmp_path / "authority.pem")}
    signed = {"mail_username": "townhall", "mail_password": "s3cret"}

    def said(port: int, **settings: Any) -> str:
        use(town, port, **settings)
        with pytest.raises(TownhallError) as told:
            at_once.send_test(town, "ben@example.org")
        return str(told.value)

    with smtp_server() as (_, plain):
        assert 'no encryption (STARTTLS) on this connection. Write security = "tls"' in said(plain, **secure)
        assert 'write security = "starttls" into [mail]' in said(plain, **secure | {"mail_security": "tls"})
        wanted = said(plain, mail_security="none", mail_certificates="", **signed)
        assert "no sign-in (AUTH) on this connection. Most do with" in wanted
        assert "leave username out" in wanted
    with smtp_server(certificate=context, password="s3cret") as (box, port):
        box.sender = lambda address: "530 5.7.0 Authentication required"
        assert "It wants a sign-in: write username and password_file into [mail]." in said(
            port, **secure, mail_username=""
        )
        assert "write password_file beside it" in said(port, **secure, mail_username="townhall", mail_password="")
        assert "(ASCII)" in said(port, **secure, mail_username="townhall", mail_password="gr\u00fcn")
        gone, letter = str(tmp_path / "gone.pem"), str(tmp_path / "letter.txt")
        missing = said(port, **secure | {"mail_certificates": gone}, **signed)
        assert f"certificates in [mail] names {gone}, which can't be read: No such file" in missing
        assert "it holds no certificate (PEM)" in said(port, **secure | {"mail_certificates": letter}, **signed)
        nowhere = said(port, **secure, mail_username="townhall", mail_password="", mail_password_file=gone)
        assert f"password_file in [mail] names {gone}, which can't be read: No such file" in nowhere
    assert "Connection refused." in said(port, mail_certificates="", mail_username="")


# -- when and by whom -------------------------------------------------------------------------------------------------


def test_without_a_mail_server_everything_waits(town: Town, clerk: Actor, ticket: Record) -> None:
    """Nothing is lost, and the address to send from is asked for once there is a server."""
    assert delivering.run(town) == ""
    assert statuses(town) == ["queued"]
    town.settings = replace(town.settings, mail_host="127.0.0.1")
    with pytest.raises(ConfigurationError, match="no address to send from"):
        delivering.run(town)
    with pytest.raises(ConfigurationError):
        composing.sender(town)


def test_paused_is_paused(town: Town, clerk: Actor, administrator: Actor, ticket: Record, mailbox: Mailbox) -> None:
    """Nothing goes out while sending is paused; going on sends what waited."""
    switches.pause(town, administrator)
    assert delivering.run(town) == ""
    switches.resume(town, administrator)
    assert delivering.run(town) == "1 message sent."


def test_who_died_while_sending_is_followed_by_another(
    town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox, clock: FixedClock
) -> None:
    """Claimed messages are nobody else's until the lease runs out; then they go out, and the first one is too late."""
    ((message, token),) = delivering.claim(town, 10)
    assert delivering.run(town) == ""
    clock.move(delivering.LEASE + timedelta(seconds=1))
    assert delivering.run(town) == "1 message sent."
    assert not delivering._renew(town, message, token)
    assert len(mailbox.taken) == 1


def test_two_processes_send_each_message_once(
    town: Town, clerk: Actor, administrator: Actor, ticket: Record, mailbox: Mailbox
) -> None:
    """What one has claimed the other leaves alone."""
    row = town.system.outbox.select().dicts().get()
    row.pop("id")
    many = [{**row, "contact_id": None, "key": f"k{n}", "recipient": f"n{n}@example.org"} for n in range(150)]
    town.system.outbox.insert_many(many).execute()
    first = delivering.claim(town, 60)
    second = delivering.claim(town, 60)
    assert not {message.id for message, _ in first} & {message.id for message, _ in second}
    delivering._give_back(town, [*first, *second])
    mailbox.answer = lambda count: "451 later" if count % 7 == 0 else "250 Accepted"
    delivering.run(town)
    going_out.retry(town, administrator, [message.id for message in outbox.find(town, statuses=["failed"], limit=200)])
    mailbox.answer = lambda count: "250 Accepted"
    delivering.run(town)
    recipients = [recipient for _, recipient, _ in mailbox.taken]
    assert (len(recipients), len(set(recipients))) == (151, 151)


def test_two_processes_at_once(town: Town, clerk: Actor, ticket: Record, mailbox: Mailbox) -> None:
    """Two that deliver at the same time send each message once between them."""
    row = town.system.outbox.select().dicts().get()
    row.pop("id")
    many = [{**row, "contact_id": None, "key": f"k{n}", "recipient": f"n{n}@example.org"} for n in range(60)]
    town.system.outbox.insert_many(many).execute()
    url = None if town.database.engine == "sqlite" else str(town.database.database)
    others = [Town.open(town.instance, clock=town.clock, database=url) for _ in range(2)]
    try:
        for other in others:
            other.settings = town.settings
        with ThreadPoolExecutor(2) as pool:
            said = list(pool.map(delivering.run, others))
    finally:
        for other in others:
            other.close()
    recipients = [recipient for _, recipient, _ in mailbox.taken]
    assert (len(recipients), len(set(recipients))) == (61, 61)
    assert sum(int(each.split()[0]) for each in said if each) == 61
