"""A mail server that breaks off at a message: whether all mail is meant or that one, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from smtp import Mailbox
from smtp import smtp_server
from smtp import use

from townhall.clock import FixedClock
from townhall.mail import delivering
from townhall.mail import sending
from townhall.mail.server import ServerFailed
from townhall.messages import outbox
from townhall.messages import switches
from townhall.messages.personal import CHANGED
from townhall.town import Town

CLOSING = "421 4.7.0 try later"


@pytest.fixture
def mailbox(town: Town) -> Iterator[Mailbox]:
    """A mail server that closes at whatever is for “poison”, and takes the rest."""
    with smtp_server() as (box, port):
        box.to = lambda address: CLOSING if address.startswith("poison") else "250 Accepted"
        use(town, port)
        yield box


def queue(town: Town, *names: str, automatic: bool = True) -> None:
    """A mail to each of these names, in their order."""
    for name in names:
        values = {"identity": "core.contact", "record_id": 1, "event": CHANGED, "channel": "email"}
        told = {"subject": name, "body": "Words", "status": "queued", "automatic": automatic}
        outbox.add(town, f"key of {name}", {**values, **told, "recipient": f"{name}@example.org"})


def state(town: Town) -> dict[str, tuple[str, int]]:
    """Status and attempts of each mail."""
    return {message.subject: (message.status, message.attempts) for message in outbox.find(town)}


def deliver_for(town: Town, clock: FixedClock, time: timedelta, every: timedelta) -> None:
    """Run delivery again and again."""
    end = clock.now() + time
    while clock.now() < end:
        delivering.run(town)
        clock.move(every)


def test_one_message_keeps_no_other_one(town: Town, mailbox: Mailbox, clock: FixedClock) -> None:
    """Those behind it go out at once, it is counted against it, and after some days it needs a person."""
    queue(town, "poison", "b", "c")
    assert delivering.run(town) == "2 messages sent. 1 message could not be sent."
    assert state(town) == {"poison": ("failed", 1), "b": ("sent", 1), "c": ("sent", 1)}
    assert switches.rest(town.system) is None
    deliver_for(town, clock, timedelta(hours=120), timedelta(minutes=30))
    assert state(town)["poison"] == ("dead", delivering.MOST_ATTEMPTS)
    (message,) = outbox.find(town, statuses=["dead"])
    assert message.error == f"The mail server put it off: {CLOSING}."


def test_a_message_that_comes_alone_is_given_up_as_well(town: Town, mailbox: Mailbox, clock: FixedClock) -> None:
    """At first the server is left alone and nothing counted; what comes in meanwhile goes out before it."""
    queue(town, "poison")
    assert CLOSING in delivering.run(town)
    assert state(town) == {"poison": ("queued", 0)}
    queue(town, "late")
    clock.move(timedelta(minutes=1))
    assert delivering.run(town) == "1 message sent."
    assert state(town) == {"poison": ("queued", 0), "late": ("sent", 1)}
    deliver_for(town, clock, timedelta(hours=140), timedelta(minutes=30))
    assert state(town)["poison"] == ("dead", delivering.MOST_ATTEMPTS)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_several_such_messages_keep_no_other_one(town: Town, mailbox: Mailbox, clock: FixedClock, count: int) -> None:
    """However many stand before it, and although they go before automatic mail, another one is out after the rest."""
    queue(town, *(f"poison{number}" for number in range(count)), automatic=False)
    queue(town, "b")
    for _ in range(4):
        delivering.run(town)
        clock.move(timedelta(minutes=1))
    assert state(town)["b"] == ("sent", 1)


def test_a_server_that_closes_at_everything_costs_no_message_an_attempt(
    town: Town, mailbox: Mailbox, clock: FixedClock
) -> None:
    """It is asked a few times in each run and left alone longer and longer; then all go out, each once."""
    mailbox.to = lambda address: CLOSING
    queue(town, "a", "b", "c", "d", "e")
    deliver_for(town, clock, timedelta(hours=100), timedelta(minutes=5))
    assert state(town) == dict.fromkeys("abcde", ("queued", 0))
    rest = switches.rest(town.system)
    assert rest is not None
    assert rest.until - clock.now() <= switches.LONGEST_REST
    mailbox.to = lambda address: "250 Accepted"
    clock.move(timedelta(hours=1))
    delivering.run(town)
    assert state(town) == dict.fromkeys("abcde", ("sent", 1))
    assert len(mailbox.taken) == 5


def test_a_server_that_takes_no_more_after_some_is_left_alone(town: Town, mailbox: Mailbox, clock: FixedClock) -> None:
    """Where so many mails an hour are allowed, the rest waits; a few were tried and nothing is lost."""
    mailbox.to = lambda address: "250 Accepted" if len(mailbox.taken) % 10 < 4 else CLOSING
    queue(town, *(f"m{number:02}" for number in range(12)))
    assert CLOSING in delivering.run(town)
    assert len(mailbox.taken) == 4
    assert sum(attempts for status, attempts in state(town).values() if status != "sent") == delivering.IN_A_ROW
    assert delivering.run(town) == ""
    mailbox.to = lambda address: "250 Accepted"
    deliver_for(town, clock, timedelta(minutes=10), timedelta(minutes=1))
    assert (len(mailbox.taken), len({to for _, to, _ in mailbox.taken})) == (12, 12)


def test_the_job_fails_as_long_as_mail_waits_for_the_server(town: Town, clock: FixedClock) -> None:
    """Also while it is left alone; not for want of mail, and not once the server says anything about a message."""
    with smtp_server() as (_, port):
        pass
    use(town, port)
    assert sending.run(town) == ""
    queue(town, "a")
    for _ in range(3):
        with pytest.raises(ServerFailed, match=r"can't be used: .* It is tried again at"):
            sending.run(town)
        clock.move(timedelta(seconds=20))
    with smtp_server() as (box, port):
        box.to = lambda address: "451 4.7.1 Greylisted"
        use(town, port)
        clock.move(timedelta(minutes=1))
        assert sending.run(town) == "1 message could not be sent."
        assert switches.rest(town.system) is None
