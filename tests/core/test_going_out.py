"""What waits is looked at anew when it goes out: where its reader is written to now, and whether they still are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from smtp import Mailbox
from smtp import smtp_server
from smtp import use
from staff_client import StaffClient
from staff_client import add_person
from staff_client import plain
from staff_client import staff_client
from statements import statements

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.cases import notices
from townhall.clock import FixedClock
from townhall.db.transactions import immediate
from townhall.jobs import telling
from townhall.mail import delivering
from townhall.messages import going_out
from townhall.messages import outbox
from townhall.messages import personal
from townhall.messages import switches
from townhall.records.types import Record
from townhall.town import Town

OUTBOX = "/admin/messages/outbox/"
CONTACT = "core.contact"
SYSTEM = system()


@pytest.fixture
def mailbox(town: Town) -> Iterator[Mailbox]:
    """A mail server that takes everything; the town sends to it, and acknowledges tickets."""
    words = {"type": TICKET, "event": "received", "subject": "We have it", "body": "Dear {name},\n{link}"}
    town.records.create(SYSTEM, "core.message_template", words)
    with smtp_server() as (box, port):
        use(town, port)
        yield box


@pytest.fixture
def chief(town: Town) -> StaffClient:
    """Somebody who looks after the outbox."""
    return staff_client(town, "administrator")


def case(town: Town, clerk: Actor, **contact: Any) -> Record:
    """An acknowledged ticket of somebody."""
    given = {"given_name": "Ada", "emails": [{"address": "wrng@example.org"}], **contact}
    topics = town.records.find(SYSTEM, "desk.topic").records
    topic = topics[0] if topics else make_topic(town)
    return make_ticket(town, clerk, topic, reporter=make_contact(town, **given).id)


def change(town: Town, ticket: Record, **values: Any) -> None:
    """Change the contact of a ticket."""
    contact = town.records.get(SYSTEM, CONTACT, ticket["reporter"])
    town.records.update(SYSTEM, CONTACT, contact.id, values, version=contact.version)


def only(town: Town, ticket: Record) -> outbox.Message:
    """The one message about a ticket."""
    (message,) = outbox.find(town, about=(TICKET, ticket.id))
    return message


def act(town: Town, chief: StaffClient, deed: str, id: int) -> str:
    """Press a button of the outbox; what the page says then."""
    return plain(chief.follow(chief.post(f"{OUTBOX}act", {"deed": deed, "id": str(id)})))


# -- where it goes ----------------------------------------------------------------------------------------------------


def test_a_mail_that_is_tried_again_goes_to_the_corrected_address(
    town: Town, clerk: Actor, mailbox: Mailbox, chief: StaffClient
) -> None:
    """The secret link doesn't go to a stranger, and the outbox shows at once where it goes."""
    mailbox.to = lambda address: "550 5.1.1 No such user" if address == "wrng@example.org" else "250 Accepted"
    ticket = case(town, clerk)
    delivering.run(town)
    message = only(town, ticket)
    assert message.status == "dead"
    change(town, ticket, emails=[{"address": "right@example.org"}])
    assert "It is tried again within a minute." in act(town, chief, "retry", message.id)
    assert only(town, ticket).recipient == "right@example.org"
    mailbox.to = lambda address: "250 Accepted"
    delivering.run(town)
    assert [to for _, to, _ in mailbox.taken] == ["right@example.org"]
    sent = only(town, ticket)
    assert (sent.status, sent.recipient) == ("sent", "right@example.org")


def test_a_mail_that_waited_goes_where_its_reader_is_written_to_now(town: Town, clerk: Actor, mailbox: Mailbox) -> None:
    """Also one that nobody tried again by hand; its row says where it went."""
    ticket = case(town, clerk)
    change(town, ticket, emails=[{"address": "wrng@example.org"}, {"address": "new@example.org", "primary": True}])
    delivering.run(town)
    assert [(to, str(mail["To"])) for _, to, mail in mailbox.taken] == [
        ("new@example.org", "Ada Moreau <new@example.org>")
    ]
    assert only(town, ticket).recipient == "new@example.org"


def test_a_mail_without_an_address_waits_for_a_person(
    town: Town, clerk: Actor, mailbox: Mailbox, chief: StaffClient
) -> None:
    """It can be printed, or tried again when there is an address; until then trying says why not."""
    ticket = case(town, clerk, addresses=[{"address": "1 Main St"}])
    change(town, ticket, emails=[])
    delivering.run(town)
    message = only(town, ticket)
    assert (message.status, message.error) == ("dead", "There is no e-mail address of theirs.")
    assert "It is not tried again. There is no e-mail address of theirs." in act(town, chief, "retry", message.id)
    assert only(town, ticket).status == "dead"
    change(town, ticket, emails=[{"address": "right@example.org"}])
    act(town, chief, "retry", message.id)
    delivering.run(town)
    assert [to for _, to, _ in mailbox.taken] == ["right@example.org"]


def test_a_mail_about_an_address_keeps_to_it(town: Town, mailbox: Mailbox) -> None:
    """What asks whether a new address is theirs goes to that one, and to who asked not to be contacted too."""
    contact = make_contact(town, emails=[{"address": "old@example.org"}], do_not_contact=True)
    with immediate(town.database):
        personal.send(town, contact, personal.CONFIRM, "new@example.org")
    delivering.run(town)
    assert [to for _, to, _ in mailbox.taken] == ["new@example.org"]


# -- whether it goes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"do_not_contact": True}, "They asked the town not to get in touch."),
        ({"deceased": True}, "The contact has died."),
    ],
)
def test_nothing_automatic_goes_to_who_is_not_to_get_it_any_more(
    town: Town, clerk: Actor, mailbox: Mailbox, values: dict[str, Any], reason: str
) -> None:
    """What was queued before they asked is dropped, and the outbox says why."""
    ticket = case(town, clerk)
    change(town, ticket, **values)
    delivering.run(town)
    assert mailbox.taken == []
    assert (only(town, ticket).status, only(town, ticket).error) == ("dropped", reason)


def test_what_a_colleague_wrote_goes_out_or_needs_them(town: Town, clerk: Actor, mailbox: Mailbox) -> None:
    """Who asked not to be contacted is still answered; what can't go to somebody is not dropped in silence."""
    shy, gone = (case(town, clerk, do_not_contact=True) for _ in range(2))
    for ticket in (shy, gone):
        town.records.message(clerk, TICKET, ticket.id, "We come on Monday.")
    change(town, gone, deceased=True)
    delivering.run(town)
    assert len(mailbox.taken) == 1
    told = {each.record_id: (each.status, each.error) for each in outbox.find(town) if not each.automatic}
    assert told == {shy.id: ("sent", ""), gone.id: ("dead", "The contact has died.")}


def test_nothing_goes_out_about_a_case_that_its_citizen_may_not_see(town: Town, clerk: Actor, mailbox: Mailbox) -> None:
    """One that was archived while its acknowledgement waited; what is about others goes out."""
    spam, other = case(town, clerk), case(town, clerk)
    town.records.archive(SYSTEM, TICKET, spam.id, version=spam.version)
    delivering.run(town)
    assert (only(town, spam).status, only(town, other).status) == ("dropped", "sent")
    assert "Nobody outside the town hall may see this" in only(town, spam).error
    assert len(mailbox.taken) == 1


def test_a_colleague_who_left_gets_no_notice(town: Town, administrator: Actor, mailbox: Mailbox) -> None:
    """Nor does the old address of one who has another now."""
    left, here = (add_person(town, f"{name}@milbrook.example", "clerk") for name in ("left", "here"))
    ticket = make_ticket(town, SYSTEM, make_topic(town))
    with immediate(town.database):
        notices.notify(town, [left, here], ticket, "warn")
    switches.pause(town, administrator)
    telling.run(town)
    people.set_active(town, administrator, left, False)
    user = town.system.user
    user.update(email="new@milbrook.example").where(user.id == here).execute()
    switches.resume(town, administrator)
    delivering.run(town)
    assert [to for _, to, _ in mailbox.taken] == ["new@milbrook.example"]
    (dropped,) = outbox.find(town, statuses=["dropped"])
    assert dropped.error == "They can't sign in to Townhall any more."


def test_looking_anew_takes_a_few_statements_for_many(town: Town, clerk: Actor, mailbox: Mailbox) -> None:
    """What is asked doesn't grow with the messages that are looked at."""
    for number in range(12):
        case(town, clerk, emails=[{"address": f"n{number}@example.org"}])
    messages = outbox.find(town)

    def asked(count: int) -> int:
        with statements(town) as sent:
            assert len(going_out.judge(town, messages[:count])) == count
        return len(sent)

    assert asked(2) == asked(12) < 10


# -- trying again -----------------------------------------------------------------------------------------------------


def test_trying_again_says_what_becomes_of_it(
    town: Town, clerk: Actor, mailbox: Mailbox, chief: StaffClient, administrator: Actor, clock: FixedClock
) -> None:
    """What was dropped or never was is not said to be tried again; and what is, is so when sending goes on."""
    ticket = case(town, clerk)
    message = only(town, ticket)
    outbox.drop(town, administrator, message.id)
    assert "It is not tried again. It has gone out or was dropped meanwhile." in act(town, chief, "retry", message.id)
    assert "It is not tried again. There is no such message in the outbox." in act(town, chief, "retry", 99_999)
    assert only(town, ticket).status == "dropped"
    outbox.mark(town, message.id, "dead", at=clock.now(), error="550")
    switches.pause(town, administrator)
    assert "It is tried again when sending goes on." in act(town, chief, "retry", message.id)
    switches.resume(town, administrator)
    switches.let_rest(town, "The mail server can't be used.")
    outbox.mark(town, message.id, "dead", at=clock.now(), error="550")
    at = (clock.now() + timedelta(minutes=1)).astimezone(town.zone)
    assert f"1 message is tried again at {at:%H:%M}." in act(town, chief, "retry_all", 0)
