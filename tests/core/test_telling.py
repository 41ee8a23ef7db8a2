"""Colleagues hear by mail what waits for them in the app, once each, and only where there is a mail server."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from staff_client import add_person

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import notices
from townhall.clock import FixedClock
from townhall.db.transactions import immediate
from townhall.jobs import telling
from townhall.mail import composing
from townhall.messages import outbox
from townhall.messages import switches
from townhall.records.types import Record
from townhall.town import Town


@pytest.fixture
def mailing(town: Town) -> Town:
    """A town with a mail server in its settings; nothing is sent here."""
    settings: Any = {"mail_host": "mail.milbrook.example", "email": "hello@milbrook.example"}
    town.settings = replace(town.settings, public_address="https://milbrook.example", **settings)
    return town


def notify(town: Town, person: int) -> Record:
    """A notice for somebody; the case that it is about."""
    topics = town.records.find(system(), "desk.topic").records
    ticket = make_ticket(town, system(), topics[0] if topics else make_topic(town))
    with immediate(town.database):
        notices.notify(town, [person], ticket, "warn", "Its time is running out.")
    return ticket


def test_a_notice_is_mailed_once_with_a_way_to_its_case(mailing: Town) -> None:
    """However often the job runs; the mail names the case by its number, and tells nothing more of it."""
    ticket = notify(mailing, add_person(mailing, "rae@milbrook.example", "clerk", "Rae Clerk"))
    assert telling.run(mailing) == "1 to colleagues put into the outbox."
    assert telling.run(mailing) == ""
    (message,) = outbox.find(mailing)
    mail = composing.compose(mailing, message)
    assert mail["To"] == "Rae Clerk <rae@milbrook.example>"
    assert mail["From"].endswith("<hello@milbrook.example>")
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    said = f"Ticket {ticket.number}: Its time is running out."
    assert mail["Subject"] == f"[Milbrook] {said}"
    assert text.splitlines()[0] == said
    assert ticket.title not in text
    assert "https://milbrook.example/admin/desk/ticket/" in text
    assert composing.ABOVE not in text


def test_all_notices_of_a_run_are_one_mail(mailing: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its case; of very many the first, and how many more. A later one is its own mail."""
    monkeypatch.setattr(telling, "TOLD", 2)
    rae, ben = (add_person(mailing, f"{name}@milbrook.example", "clerk") for name in ("rae", "ben"))
    tickets = [notify(mailing, rae) for _ in range(3)]
    notify(mailing, ben)
    assert telling.run(mailing) == "2 to colleagues put into the outbox."
    ours, theirs = outbox.find(mailing, oldest_first=True)
    assert (ours.recipient, ours.subject) == ("rae@milbrook.example", "3 notices about cases")
    assert [each.number in ours.body for each in tickets] == [True, True, False]
    assert "1 more notice in Townhall: https://milbrook.example/admin/" in ours.body
    assert theirs.recipient == "ben@milbrook.example"
    assert telling.run(mailing) == ""
    late = notify(mailing, rae)
    assert telling.run(mailing) == "1 to colleagues put into the outbox."
    assert late.number in outbox.find(mailing)[0].subject


def test_notices_and_residents_mail_keep_nothing_from_each_other(mailing: Town, clerk: Actor) -> None:
    """However much colleagues are told, an acknowledgement goes out; and a flood of those holds back no notice."""
    mailing.settings = replace(mailing.settings, mail_automatic_limit=3)
    words = {"type": TICKET, "event": "received", "subject": "We have it", "body": "It is {state}."}
    mailing.records.create(system(), "core.message_template", words)
    topic = make_topic(mailing)

    def reported(number: int) -> None:
        reporter = make_contact(mailing, emails=[{"address": f"n{number}@example.org"}])
        make_ticket(mailing, clerk, topic, reporter=reporter.id)

    for number in range(5):
        notify(mailing, add_person(mailing, f"c{number}@milbrook.example", "clerk"))
    assert telling.run(mailing) == "5 to colleagues put into the outbox."
    reported(0)
    assert {message.status for message in outbox.find(mailing)} == {"queued"}
    assert switches.automatic_held(mailing.system) == ""
    for number in range(1, 5):
        reported(number)
    assert switches.automatic_held(mailing.system)
    notify(mailing, add_person(mailing, "late@milbrook.example", "clerk"))
    telling.run(mailing)
    held = {message.identity for message in outbox.find(mailing, statuses=["held"])}
    assert held == {TICKET}
    colleagues = [message for message in outbox.find(mailing) if message.identity == outbox.COLLEAGUE]
    assert [message.status for message in colleagues] == ["queued"] * 6


def test_what_was_seen_or_is_old_is_not_mailed(mailing: Town, clock: FixedClock) -> None:
    """Whoever saw it in the app needs no mail, and nobody is sent the news of last week."""
    person = add_person(mailing, "rae@milbrook.example", "clerk")
    notify(mailing, person)
    clock.move(timedelta(days=2))
    assert telling.run(mailing) == ""
    assert outbox.find(mailing) == []


def test_without_a_mail_server_all_of_it_stays_in_the_app(town: Town) -> None:
    """Nothing waits in the outbox that nobody can send."""
    person = add_person(town, "rae@milbrook.example", "clerk")
    notify(town, person)
    assert telling.run(town) == ""
    assert outbox.find(town) == []


def test_the_weekly_digest_is_mailed_too(mailing: Town) -> None:
    """The same text that stands on its page."""
    from townhall.cases import digest_delivery

    person = add_person(mailing, "rae@milbrook.example", "clerk")
    actor = replace(system(), kind="staff", id=person)
    digest_delivery.deliver(mailing, actor, "Your cases this week: 2 open", "Rae, you have 2 open cases.\n")
    assert telling.run(mailing) == "1 to colleagues put into the outbox."
    (message,) = outbox.find(mailing)
    assert (message.event, message.recipient) == ("digest", "rae@milbrook.example")
    assert composing.compose(mailing, message).get_content() == "Rae, you have 2 open cases.\n\n"
