"""Messages to citizens: which are written, what they say, who gets them, and that nothing private is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from fees import PaperFile
from keys_shown import shows

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import Forbidden
from townhall.errors import ValidationFailed
from townhall.jobs import cleaning
from townhall.messages import letters
from townhall.messages import outbox
from townhall.messages import switches
from townhall.records.types import Record
from townhall.town import Town

TEMPLATE = "core.message_template"
INTERACTION = "core.interaction"


def make_template(town: Town, event: str = "received", **values: Any) -> Record:
    """A template of tickets."""
    given = {
        "type": TICKET,
        "event": event,
        "subject": "We have it",
        "body": "Dear {name},\n\nit is {state}.\n\n{link}",
        **values,
    }
    return town.records.create(system(), TEMPLATE, given)


def make_reporter(town: Town, name: str = "Moreau", mail: str = "ada@example.org", **values: Any) -> Record:
    """A person with an e-mail address."""
    return make_contact(town, name, given_name="Ada", emails=[{"address": mail, "primary": True}], **values)


def talk(town: Town, record: Record) -> list[Record]:
    """Interactions about a record, the oldest first."""
    return list(town.records.find(system(), INTERACTION, {"about": f"{record.identity}:{record.id}"}).records)


def queued(town: Town, record: Record) -> list[outbox.Message]:
    """The outbox of a record, the oldest first."""
    return list(reversed(outbox.find(town, about=(record.identity, record.id))))


@pytest.fixture
def ticket(town: Town, clerk: Actor) -> Record:
    """A ticket of somebody with an e-mail address, which was acknowledged."""
    make_template(town)
    return make_ticket(town, clerk, make_topic(town), reporter=make_reporter(town).id)


def test_a_new_case_is_acknowledged_once(town: Town, clerk: Actor, ticket: Record) -> None:
    """The acknowledgement is in the outbox, on the timeline and public, in the transaction that made the case."""
    (message,) = queued(town, ticket)
    assert (message.event, message.status, message.channel, message.automatic) == ("received", "queued", "email", True)
    assert message.recipient == "ada@example.org"
    assert message.body.startswith("Dear Ada Moreau,\n\nit is Received.")
    (told,) = town.records.find(system(), INTERACTION).records
    assert (told["channel"], told["direction"], told["public"]) == ("email", "out", True)
    assert told["body"] == "Dear Ada Moreau,\n\nit is Received.\n\n(link to the status page)"
    assert message.interaction_id == told.id


def test_imports_and_the_demo_send_nothing(town: Town) -> None:
    """What comes through those doors concerns nobody just now, and what a program makes by itself no citizen either."""
    make_template(town)
    topic, reporter = make_topic(town), make_reporter(town)
    for actor in (system("import"), system("demo"), system(), Actor("staff", "Erin", 7, frozenset({"*"}), door="demo")):
        make_ticket(town, actor, topic, reporter=reporter.id)
    row = {"topic": topic.id, "summary": "x", "answers": {"deep": 4}, "reporter": reporter.id}
    town.records.import_rows(system("import"), TICKET, [row])
    assert outbox.find(town) == []
    assert town.records.find(system(), INTERACTION).records == []


def test_a_move_tells_what_its_state_has_words_for(town: Town, clerk: Actor, ticket: Record) -> None:
    """Coming into a state sends its template, with the clerk's words where it says so; other states send nothing."""
    make_template(town, "done", subject="Done", body="Hello\n\n{message}\n\nWhat was done: {outcome}\nBye")
    moved = move_to_done(town, clerk, ticket, message="All is well.")
    message = queued(town, ticket)[-1]
    assert (message.event, message.automatic) == ("done", False)
    assert message.body.startswith("Hello\n\nAll is well.\n\nWhat was done: Filled\nBye")
    assert len(queued(town, moved)) == 2


def test_what_a_clerk_writes_goes_out_without_a_template_too(town: Town, clerk: Actor, ticket: Record) -> None:
    """A move's message without a template goes out alone; a template without its place gets it at the top."""
    move_to_done(town, clerk, ticket, message="We filled it.")
    message = queued(town, ticket)[-1]
    assert (message.event, message.automatic, message.subject) == ("message", False, "Your ticket")
    assert message.body.startswith("We filled it.\n\nYour number is T-2026-0001.")


def test_the_message_box_sends_and_notes_do_not(town: Town, clerk: Actor, ticket: Record) -> None:
    """A message to the citizen goes out as a human reply; the citizen's own answer goes nowhere."""
    sent = town.records.message(clerk, TICKET, ticket.id, "We come on Monday.")
    message = queued(town, ticket)[-1]
    assert (sent["channel"], message.automatic, message.interaction_id) == ("email", False, sent.id)
    sender = citizen(frozenset({(TICKET, ticket.id)}))
    town.records.message(sender, TICKET, ticket.id, "Thanks")
    assert len(queued(town, ticket)) == 2


def move_to_done(town: Town, actor: Actor, ticket: Record, **more: Any) -> Record:
    """Finish a ticket."""
    values = {"outcome": "Filled"}
    return town.records.transition(actor, TICKET, ticket.id, "finish", values, version=ticket.version, **more)


# -- templates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"type": "desk.tickte"}, "type", "Did you mean desk.ticket?"),
        ({"event": "finished"}, "event", "Nothing called “finished” happens to a ticket."),
        ({"body": "Hello {sumary}"}, "body", "Did you mean {summary}?"),
        ({"body": "Hello {details}"}, "body", "{details} is not for the public"),
        ({"body": "Hello {secret}"}, "body", "{secret} is not for the public"),
        ({"body": "Hello {topic.team}"}, "body", "{topic.team} is not for the public"),
        ({"body": "Hello {reporter.born}"}, "body", "{reporter.born} is not for the public"),
        ({"body": "Hello {name"}, "body", "brace without its partner"),
        ({"subject": "About {message}"}, "subject", "{message} can't stand in a subject"),
        ({"event": "received"}, "event", "There is a template for this already."),
    ],
)
def test_a_template_that_can_not_be_filled_in_is_refused(
    town: Town, values: dict[str, Any], field: str, words: str
) -> None:
    """A wrong type, event or placeholder is refused when it is saved, in a sentence that says what there is."""
    make_template(town)
    with pytest.raises(ValidationFailed) as refused:
        make_template(town, **{"event": "done", **values})
    assert words in refused.value.errors[field]


def test_a_subject_tells_of_a_record_only_what_anybody_may_know(town: Town, clerk: Actor) -> None:
    """The name of what a private case is about stands in no subject; the text, for the sender alone, may have it."""
    make_template(town, subject="{topic}: {state}", body="About {topic}")
    topic, reporter = make_topic(town), make_reporter(town)
    private = make_ticket(town, clerk, topic, reporter=reporter.id)
    public = make_ticket(town, clerk, topic, reporter=reporter.id, open_to_all=True, summary="Another")
    assert [queued(town, each)[0].subject for each in (private, public)] == ["Received", "Potholes: Received"]
    assert queued(town, private)[0].body.startswith("About Potholes")


def test_a_template_in_the_readers_language_goes_first(town: Town, clerk: Actor) -> None:
    """Who speaks French gets the French words, everybody else those without a language."""
    make_template(town, subject="We have it")
    make_template(town, subject="C'est noté", language="fr")
    topic = make_topic(town)
    french = make_reporter(town, "Roy", "roy@example.org", language="fr")
    german = make_reporter(town, "Kern", "kern@example.org", language="de")
    made = [make_ticket(town, clerk, topic, reporter=each.id) for each in (french, german)]
    assert [queued(town, each)[0].subject for each in made] == ["C'est noté", "We have it"]


def test_a_template_that_is_off_or_was_sent_says_nothing(town: Town, clerk: Actor) -> None:
    """One that is not in use is not sent; one that is to be sent once is not sent when the case comes there again."""
    make_template(town, active=False)
    make_template(town, "done", once=True)
    ticket = make_ticket(town, clerk, make_topic(town), reporter=make_reporter(town).id)
    done = move_to_done(town, clerk, ticket)
    again = town.records.transition(clerk, TICKET, ticket.id, "reopen", version=done.version)
    move_to_done(town, clerk, again)
    assert [message.event for message in queued(town, ticket)] == ["done"]


# -- who gets it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contact", "channel", "recipient", "reason"),
    [
        ({"preferred_channel": "letter", "addresses": [{"address": "1 Main St"}]}, "letter", "1 Main St", ""),
        ({"preferred_channel": "letter"}, "email", "ada@example.org", ""),
        ({"do_not_contact": True}, "email", "ada@example.org", "They asked the town not to get in touch."),
        ({"deceased": True}, "email", "", "The contact has died."),
        ({"emails": []}, "email", "", "There is no e-mail address"),
        ({"emails": [], "addresses": [{"address": "1 Main St"}]}, "letter", "1 Main St", ""),
        ({"emails": [{"address": "noreply@example.org"}]}, "email", "noreply@example.org", "Nobody reads"),
    ],
)
def test_people_are_written_to_as_they_asked(
    town: Town, clerk: Actor, contact: dict[str, Any], channel: str, recipient: str, reason: str
) -> None:
    """Post for who wants post, nothing for who wants nothing, and then the outbox says why."""
    make_template(town)
    reporter = (
        make_reporter(town, **contact) if "emails" not in contact else make_contact(town, given_name="Ada", **contact)
    )
    ticket = make_ticket(town, clerk, make_topic(town), reporter=reporter.id)
    (message,) = queued(town, ticket)
    assert message.channel == channel
    assert message.recipient in (recipient, "")
    assert message.status == ("dropped" if reason else "queued")
    assert reason in message.error
    assert len(town.records.find(system(), INTERACTION).records) == (0 if reason else 1)


def test_who_asked_not_to_be_contacted_still_gets_answers(town: Town, clerk: Actor) -> None:
    """What a colleague writes about their own case goes out."""
    reporter = make_reporter(town, do_not_contact=True)
    ticket = make_ticket(town, clerk, make_topic(town), reporter=reporter.id)
    town.records.message(clerk, TICKET, ticket.id, "Here is your answer.")
    assert [message.status for message in queued(town, ticket)] == ["queued"]


# -- limits -----------------------------------------------------------------------------------------------------------


def test_acknowledgements_have_limits_and_cases_have_none(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """Three in an hour and two of the same go to one address; every case is there, and the outbox says why not."""
    make_template(town)
    topic, reporter = make_topic(town), make_reporter(town)
    same = [make_ticket(town, clerk, topic, reporter=reporter.id) for _ in range(3)]
    assert [queued(town, each)[0].status for each in same] == ["queued", "queued", "dropped"]
    assert "of the same request" in queued(town, same[2])[0].error
    others = [make_ticket(town, clerk, topic, reporter=reporter.id, summary=f"Hole {n}") for n in range(2)]
    assert [queued(town, each)[0].status for each in others] == ["queued", "dropped"]
    assert "in the last hour" in queued(town, others[1])[0].error
    clock.move(timedelta(hours=4))
    later = make_ticket(town, clerk, topic, reporter=reporter.id)
    assert queued(town, later)[0].status == "queued"


def test_too_much_automatic_mail_is_held_back_and_people_go_on(town: Town, clerk: Actor, administrator: Actor) -> None:
    """Beyond the limit the automatic ones wait for a person; what a colleague writes goes out."""
    town.settings = with_settings(town, mail_automatic_limit=3)
    make_template(town)
    topic = make_topic(town)
    made = [
        make_ticket(town, clerk, topic, reporter=make_reporter(town, f"N{n}", f"n{n}@example.org").id) for n in range(5)
    ]
    assert "held back" in switches.automatic_held(town.system)
    assert {queued(town, each)[0].status for each in made} == {"held"}
    town.records.message(clerk, TICKET, made[0].id, "Hello")
    assert queued(town, made[0])[-1].status == "queued"
    assert switches.resume(town, administrator) == 5
    assert {queued(town, each)[0].status for each in made} == {"queued"}


def with_settings(town: Town, **values: Any) -> Any:
    """The town's settings with others."""
    return replace(town.settings, **values)


def test_a_write_that_fails_queues_nothing(town: Town, clerk: Actor, ticket: Record) -> None:
    """Message and move stand or fall together."""
    make_template(town, "done")
    with pytest.raises(ValidationFailed):
        town.records.transition(
            clerk, TICKET, ticket.id, "finish", {"score": "x"}, version=ticket.version, message="Hi"
        )
    assert len(queued(town, ticket)) == 1


def test_letters_are_printed_posted_or_dropped(town: Town, clerk: Actor, viewer: Actor) -> None:
    """A letter has the code to type in; posting it takes it off the pile; whoever only looks may not."""
    make_template(town)
    reporter = make_contact(town, given_name="Ada", addresses=[{"address": "1 Main St, Milbrook"}])
    ticket = make_ticket(town, clerk, make_topic(town), reporter=reporter.id)
    (told,) = town.records.find(system(), INTERACTION).records
    assert told["channel"] == "letter"
    (waiting,) = letters.waiting(town, clerk)
    (letter,) = letters.printed(town, clerk, [waiting.id])
    assert letter.address == ("Ada Moreau", "1 Main St", "Milbrook")
    assert "your code" in letter.paragraphs[-1]
    with pytest.raises(Forbidden):
        letters.post(town, viewer, [waiting.id])
    assert letters.post(town, clerk, [waiting.id]) == 1
    assert letters.waiting(town, clerk) == []
    assert queued(town, ticket)[0].sent_by == clerk.name


def test_words_that_went_out_long_ago_are_deleted_and_that_they_did_stays(
    town: Town, clerk: Actor, ticket: Record, clock: FixedClock
) -> None:
    """After the days of the setting the outbox has no address and no words of what is over; the timeline keeps them."""
    town.records.message(clerk, TICKET, ticket.id, "We come on Monday.")
    (received, written) = queued(town, ticket)
    outbox.mark(town, received.id, "sent", at=clock.now())
    assert cleaning.messages(town) == ""
    clock.move(timedelta(days=366))
    assert cleaning.messages(town) == "Words of 1 message deleted."
    assert cleaning.messages(town) == ""
    (gone, waits) = queued(town, ticket)
    assert (gone.recipient, gone.name, gone.subject, gone.body) == ("", "", "", "")
    assert (gone.status, gone.event, gone.sent_at, gone.key) == (
        "sent", "received", clock.now() - timedelta(days=366), received.key,
    )  # fmt: skip
    assert waits == written
    told = town.records.get(system(), INTERACTION, gone.interaction_id or 0)
    assert "Dear Ada Moreau" in told["body"]
    town.settings = replace(town.settings, mail_keep_days=0)
    outbox.mark(town, waits.id, "sent", at=clock.now())
    clock.move(timedelta(days=9999))
    assert cleaning.messages(town) == ""


def test_a_message_says_of_its_files_that_they_are_not_sent_along(town: Town, clerk: Actor, ticket: Record) -> None:
    """Files stay in the town hall: the mail says so, and the interaction has them."""
    file = town.files.stage(clerk, PaperFile())
    said = town.records.message(clerk, TICKET, ticket.id, "Here is the plan.", files=[file.token])
    assert [each.filename for each in said["files"]] == ["paper.pdf"]
    body = queued(town, ticket)[-1].body
    assert body.startswith(
        "Here is the plan.\n\nA file belongs to this message. To keep it private we don't send it along"
    )
    assert "paper.pdf" not in body


def test_mail_that_can_not_go_out_becomes_a_letter(town: Town, clerk: Actor) -> None:
    """A town without a mail server prints what waits; the timeline says letter then."""
    reporter = make_reporter(town, addresses=[{"address": "1 Main St"}])
    ticket = make_ticket(town, clerk, make_topic(town), reporter=reporter.id)
    town.records.message(clerk, TICKET, ticket.id, "Hello")
    (message,) = queued(town, ticket)
    letters.instead_of_mail(town, clerk, message.id)
    assert [each.channel for each in letters.waiting(town, clerk)] == ["letter"]
    assert town.records.get(system(), INTERACTION, message.interaction_id or 0)["channel"] == "letter"


# -- keys of the schema language --------------------------------------------------------------------------------------

KEYED, KIND = "keys.keyed", "keys.kind"


def keyed(town: Town, clerk: Actor, **kind: Any) -> Record:
    """A case of the plugin that has every key, of somebody with an e-mail address."""
    values = {"name": "Alpha", "who": make_reporter(town).id, "amount": 9, "hint": "x", "street": "y", "last": "z"}
    made = town.records.create(clerk, KIND, {"name": "Oaks", "group": "Oaks", "days": 9, **kind})
    return town.records.create(clerk, KEYED, {**values, "kind": made.id, "headline": "Alpha"})


def words_for(town: Town, *events: str) -> None:
    """Templates for these events of the plugin's cases."""
    for event in events:
        make_template(town, event, type=KEYED, subject=event, body="Hello")


@shows("workflow.transitions.message", "messages")
def test_a_move_can_name_another_event_or_none(make_town: Callable[..., Town], clerk: Actor) -> None:
    """``message`` takes the place of the state's name; an empty one says nothing, whatever is written for the state."""
    town = make_town("keys")
    words_for(town, "wrapped_up", "done", "waiting", "fresh")
    case = keyed(town, clerk)
    for move in ("hold", "go_on", "finish"):
        case = town.records.transition(clerk, KEYED, case.id, move, version=case.version)
    assert [message.event for message in queued(town, case)] == ["waiting", "wrapped_up"]


@shows("workflow.messages", "messages")
def test_the_linked_records_own_words_go_first(make_town: Callable[..., Town], clerk: Actor) -> None:
    """Where the record behind ``messages`` has words for an event, they are sent, with or without a template."""
    town = make_town("keys")
    words_for(town, "waiting")
    case = keyed(town, clerk, words=[{"event": "waiting", "text": "Oaks wait."}, {"event": "received", "text": "Hi"}])
    case = town.records.transition(clerk, KEYED, case.id, "hold", version=case.version)
    assert [(message.event, message.body[:10]) for message in queued(town, case)] == [
        ("received", queued(town, case)[0].body[:10]),
        ("waiting", "Oaks wait."),
    ]
    assert queued(town, case)[0].body.startswith("Hi")
