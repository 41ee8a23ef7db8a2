"""The timeline: one line through everything that happened, in plain words, as far as each reader may know of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.records.types import Record
from townhall.records.types import TimelineEntry
from townhall.town import Town

TICKET = "desk.ticket"
CONTACT = "core.contact"
INTERACTION = "core.interaction"
SYSTEM = system()


@pytest.fixture
def contact(town: Town) -> Record:
    """Somebody who reports things."""
    return town.records.create(SYSTEM, CONTACT, {"given_name": "Halina", "family_name": "Nowak"})


@pytest.fixture
def step(clock: FixedClock) -> Callable[[], None]:
    """Let ten minutes pass."""
    return lambda: clock.move(timedelta(minutes=10))


@pytest.fixture
def ticket(town: Town, contact: Record, clerk: Actor, step: Callable[[], None]) -> Record:
    """A ticket that was opened, changed, given to somebody, and moved."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})
    step()
    record = town.records.create(
        clerk, TICKET, {"topic": topic.id, "summary": "Hole", "reporter": contact.id, "secret": "Code 1"}
    )
    step()
    record = town.records.update(
        clerk, TICKET, record.id, {"summary": "Deep hole", "details": "By the school"}, version=record.version
    )
    step()
    record = town.records.update(clerk, TICKET, record.id, {"secret": "Code 2"}, version=record.version)
    step()
    return town.records.transition(clerk, TICKET, record.id, "ask", version=record.version)


def talk(town: Town, **values: Any) -> Record:
    """An interaction."""
    given = {"channel": "phone", "direction": "in", "at": town.clock.now(), "body": "It is dark.", **values}
    return town.records.create(SYSTEM, INTERACTION, given)


def headlines(entries: list[TimelineEntry]) -> list[str]:
    """What the entries say."""
    return [entry.headline for entry in entries]


def test_story_of_a_case(town: Town, ticket: Record, contact: Record, clerk: Actor, step: Callable[[], None]) -> None:
    """Opening, edits, moves and talks stand in one line, newest first, in words."""
    step()
    talk(town, contact=contact.id, about=f"{TICKET}:{ticket.id}", subject="Lamp")
    step()
    talk(town, about=f"{TICKET}:{ticket.id}", direction="internal", channel="other", body="Ask Gareth.")
    entries, after, counts = town.records.timeline(clerk, TICKET, ticket.id)
    assert headlines(entries) == [
        "Note",
        "Phone call from Halina Nowak",
        "Moved from New to Waiting",
        "Changed Secret",
        "Changed Summary and Details",
        "Ticket opened",
    ]
    assert after == ""
    assert counts == {"talk": 1, "note": 1, "change": 4, "event": 0}
    assert [entry.kind for entry in entries] == ["note", "talk", "change", "change", "change", "change"]
    assert entries[1].body == "Lamp\nIt is dark."
    assert entries[1].direction == "in"
    assert entries[2].actor == "Erin Clerk"
    assert "Summary: Hole → Deep hole" in entries[4].details


def test_confidential_change_is_named_but_not_told(town: Town, ticket: Record, clerk: Actor, viewer: Actor) -> None:
    """An edit of a confidential field shows that it happened, never the values; without the right not even its name."""
    entries, _, _ = town.records.timeline(clerk, TICKET, ticket.id)
    (entry,) = [entry for entry in entries if entry.headline == "Changed Secret"]
    assert entry.details == []
    shown, _, _ = town.records.timeline(viewer, TICKET, ticket.id)
    assert "Secret" not in " ".join(headlines(shown))
    assert "Code" not in " ".join(part for entry in (*entries, *shown) for part in (*entry.details, entry.body))


def test_contact_gathers_over_all_types(
    town: Town, ticket: Record, contact: Record, clerk: Actor, step: Callable[[], None]
) -> None:
    """A contact's line has talks with them, the cases they stand on and how these moved, and their events."""
    step()
    talk(town, contact=contact.id)
    step()
    event = {"kind": "visit", "name": "Site visit", "starts": town.clock.now(), "attendees": [contact.id]}
    town.records.create(SYSTEM, "core.event", event)
    step()
    entries, _, counts = town.records.timeline(clerk, CONTACT, contact.id)
    assert headlines(entries) == [
        "Event",
        "Phone call in",
        "Moved from New to Waiting",
        "Ticket opened",
        "Contact added",
    ]
    assert counts == {"talk": 1, "note": 0, "change": 3, "event": 1}
    assert entries[0].about is not None
    assert entries[0].about[3] == "Site visit"
    assert entries[3].about == (TICKET, ticket.id, ticket.number, "Potholes: Deep hole")


def test_future_events_have_not_happened_yet(town: Town, contact: Record, clerk: Actor) -> None:
    """An event is on the timeline once it has begun."""
    starts = town.clock.now() + timedelta(days=1)
    values = {"kind": "visit", "name": "Site visit", "starts": starts, "attendees": [contact.id]}
    town.records.create(SYSTEM, "core.event", values)
    assert headlines(town.records.timeline(clerk, CONTACT, contact.id)[0]) == ["Contact added"]


def test_chips_choose_kinds(town: Town, ticket: Record, contact: Record, clerk: Actor) -> None:
    """``kinds`` shows only some, while the counts stay those of all."""
    talk(town, contact=contact.id, about=f"{TICKET}:{ticket.id}")
    talk(town, contact=contact.id, about=f"{TICKET}:{ticket.id}", direction="internal")
    for kind, number in {"talk": 1, "note": 1, "change": 4, "event": 0}.items():
        entries, _, counts = town.records.timeline(clerk, TICKET, ticket.id, kinds=[kind])
        assert {entry.kind for entry in entries} <= {kind}
        assert len(entries) == counts[kind] == number
    with pytest.raises(Rejected, match="no kind “calls”"):
        town.records.timeline(clerk, TICKET, ticket.id, kinds=["calls"])


def test_pages_have_every_entry_once(town: Town, ticket: Record, contact: Record, clerk: Actor) -> None:
    """Even of things that happened in one instant, each is on one page, in the same order as on one long page."""
    for index in range(9):
        talk(town, contact=contact.id, about=f"{TICKET}:{ticket.id}", body=f"Call {index}")
    whole, _, _ = town.records.timeline(clerk, TICKET, ticket.id, limit=100)
    pages: list[TimelineEntry] = []
    after = ""
    while True:
        entries, after, _ = town.records.timeline(clerk, TICKET, ticket.id, limit=4, after=after)
        pages += entries
        if not after:
            break
    assert pages == whole
    assert len(whole) == 13
    with pytest.raises(Rejected, match="Start again"):
        town.records.timeline(clerk, TICKET, ticket.id, after="nonsense")


def test_citizen_reads_public_messages_and_labels(
    town: Town, ticket: Record, contact: Record, step: Callable[[], None]
) -> None:
    """With the link of their case, citizens get public messages and moves in public words; no edits, notes or names."""
    step()
    about = f"{TICKET}:{ticket.id}"
    talk(town, contact=contact.id, about=about, body="For us")
    talk(town, about=about, body="Note to self", direction="internal")
    step()
    talk(town, contact=contact.id, about=about, body="We come on Monday.", direction="out", public=True)
    holder = citizen(frozenset({(TICKET, ticket.id)}))
    entries, _, counts = town.records.timeline(holder, TICKET, ticket.id)
    assert headlines(entries) == ["Phone call out", "Moved from Received to Waiting", "Received"]
    assert entries[0].body == "We come on Monday."
    assert entries[0].public
    assert counts == {"talk": 1, "note": 0, "change": 2, "event": 0}
    assert {entry.actor for entry in entries} == {""}
    assert "Halina" not in repr(entries)
    for outsider in (ANONYMOUS, citizen(frozenset({(TICKET, ticket.id + 1)}))):
        with pytest.raises(NotFound):
            town.records.timeline(outsider, TICKET, ticket.id)


def test_types_without_permission_are_left_out(town: Town, ticket: Record, contact: Record) -> None:
    """Somebody who may see contacts but no tickets learns nothing of tickets from a contact's timeline."""
    talk(town, contact=contact.id, about=f"{TICKET}:{ticket.id}", body="The ticket's hole")
    talk(town, contact=contact.id, body="The weather")
    reader = Actor("staff", "Olga", 9, frozenset({"core.*.view", "core.*.see_internal"}))
    entries, _, _ = town.records.timeline(reader, CONTACT, contact.id)
    assert headlines(entries) == ["Phone call in", "Contact added"]
    assert (entries[0].body, entries[0].about) == ("The weather", None)
    only_contacts = Actor("staff", "Otto", 9, frozenset({"core.contact.view"}))
    assert headlines(town.records.timeline(only_contacts, CONTACT, contact.id)[0]) == ["Contact added"]


def test_statements_do_not_grow_with_entries(town: Town, ticket: Record, contact: Record, clerk: Actor) -> None:
    """A long story costs as many statements as a short one."""

    def statements() -> int:
        sent: list[str] = []
        original = town.database.execute_sql

        def execute_sql(sql: str, params: Any = None, *rest: Any) -> Any:
            sent.append(sql)
            return original(sql, params, *rest)

        town.database.execute_sql = execute_sql
        try:
            town.records.timeline(clerk, CONTACT, contact.id, limit=50)
        finally:
            del town.database.execute_sql
        return len(sent)

    talk(town, contact=contact.id, about=f"{TICKET}:{ticket.id}")
    short = statements()
    for _ in range(8):
        talk(town, contact=contact.id, about=f"{TICKET}:{ticket.id}")
        town.records.create(SYSTEM, TICKET, {"topic": ticket["topic"], "summary": "More", "watchers": [contact.id]})
    assert statements() == short
