"""What a question costs goes by what it finds, not by all that a town has gathered in its years.

On SQLite the instructions are counted that a statement takes; what is found must be the same on both engines.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from staff_client import add_person

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import escalating
from townhall.cases import holding
from townhall.db import meta
from townhall.db import search
from townhall.events import calendar
from townhall.mail import delivering
from townhall.messages import limits
from townhall.messages import outbox
from townhall.records import disclosing
from townhall.records import figures
from townhall.records import pages
from townhall.records.figures import Period
from townhall.records.instants import to_microseconds
from townhall.records.paging import Cursor
from townhall.town import Town
from townhall_forms.values import Reference

SYSTEM = system("import")
CONTACT, TICKET, BUSINESS = "core.contact", "desk.ticket", "economic_development.business"
#: Years ago, in days, from which on everything is over.
OLD = 400
#: How much of each there is at first, and when the town has grown.
SMALL, LARGE = 100, 700
_SENT = ("key", "identity", "record_id", "event", "channel", "recipient", "status", "created_at", "sent_at")
_CLOCK = ("identity", "record_id", "kind", "business", "started_at", "due_at", "met_at")


@dataclass
class Grown:
    """A town that can grow older: to what there is to do today, more is added that is over."""

    town: Town
    topic: int
    queue: int
    person: int
    ticket: int
    size: int = 0

    def grow(self, size: int) -> None:
        """Make sure that there are so many of each that nobody has to do with any more."""
        numbers, then = range(self.size, size), self.town.clock.now() - timedelta(days=OLD)
        firms = [
            {
                "kind": "organisation",
                "name": f"Firm {number}",
                "emails": [{"address": f"firm{number}@example.org"}],
                "phones": [{"number": f"+1 513 555 {number:04}"}],
            }
            for number in numbers
        ]
        made = self.imported(CONTACT, firms)
        self.imported(BUSINESS, [{"contact": id, "trade_name": f"Trade {id}"} for id in made[1:]])
        tickets = [
            {
                "topic": self.topic,
                "summary": f"Lamp {number}",
                "queue": self.queue,
                "assignee": self.person,
                "state": "done",
                "outcome": "Mended.",
                "created": then,
                "closed": then + timedelta(days=3),
            }
            for number in numbers
        ]
        done = self.imported(TICKET, tickets)
        call = {"channel": "phone", "direction": "in", "at": then, "body": "Asked when it is mended."}
        self.imported("core.interaction", [{**call, "about": Reference(TICKET, id)} for id in done])
        over = {"kind": "appointment", "starts": then, "ends": then + timedelta(hours=1), "status": "confirmed"}
        self.imported("core.event", [{**over, "name": f"Meeting {number}"} for number in numbers])
        at = to_microseconds(then)
        self.insert(
            "outbox",
            _SENT,
            [(f"key {id}", TICKET, id, "received", "email", "a@b.example", "sent", at, at) for id in done],
        )
        self.town.database.execute_sql(
            "DELETE FROM case_clock WHERE record_id IN ({})".format(", ".join(map(str, done)))
        )
        self.insert("case_clock", _CLOCK, [(TICKET, id, "resolution", True, at, at, at) for id in done])
        self.size = size

    def imported(self, identity: str, rows: list[dict[str, Any]]) -> list[int]:
        """Import rows; their ids."""
        outcomes = self.town.records.import_rows(SYSTEM, identity, rows)
        assert not [each.errors for each in outcomes if each.errors]
        return [each.id for each in outcomes if each.id is not None]

    def insert(self, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        """Put rows into a system table, with its defaults."""
        fields = getattr(self.town.system, table)._meta.sorted_fields
        more = {each.column_name: each.default for each in fields if each.default is not None} if fields else {}
        names = [name for name in more if name not in columns]
        given = [(*row, *(more[name] for name in names)) for row in rows]
        self.town.database.insert_rows(table, (*columns, *names), given)


@pytest.fixture
def grown(make_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch) -> Grown:
    """A town with a little to do and a little that is over."""
    town = make_town("desk", "economic_development")
    # What a town of a hundred thousand is to the product's own limits, a town of some hundreds is to these.
    for module in (pages, search):
        monkeypatch.setattr(module, "COMMON", 20)
    records = town.records
    topic = records.create(SYSTEM, "desk.topic", {"name": "Lamp"}).id
    queue = records.create(SYSTEM, "core.queue", {"name": "Streets"}).id
    ticket = records.create(SYSTEM, TICKET, {"topic": topic, "summary": "Dark corner", "queue": queue})
    aside = records.create(SYSTEM, TICKET, {"topic": topic, "summary": "Put aside"})
    records.archive(SYSTEM, TICKET, aside.id, version=aside.version)
    soon = town.clock.now() + timedelta(hours=2)
    today = {"kind": "appointment", "name": "Today", "starts": soon, "status": "confirmed"}
    long = {**today, "name": "Long", "starts": soon - timedelta(days=30), "ends": soon + timedelta(days=1)}
    for event in (today, long):
        records.create(SYSTEM, "core.event", event)
    made = Grown(town, topic, queue, add_person(town, "pat@millbrook.example", "clerk"), ticket.id)
    made.grow(SMALL)
    firm = records.find(SYSTEM, CONTACT, {"name": "Firm 0"}, fields=()).records[0].id
    call = {"channel": "phone", "direction": "in"}
    records.create(SYSTEM, "core.interaction", {**call, "contact": firm, "body": "Please mend the lamp."})
    secret = {"contact": firm, "about": Reference(TICKET, ticket.id), "body": "About what Dana doesn't know of."}
    records.create(SYSTEM, "core.interaction", {**call, **secret})
    duty = {"about": Reference("core.queue", queue), "body": "Who is on duty?"}
    records.create(SYSTEM, "core.interaction", {**call, **duty})
    at = to_microseconds(town.clock.now())
    made.insert("outbox", _SENT[:-1], [("waits", TICKET, ticket.id, "by_hand", "email", "c@d.example", "queued", at)])
    return made


def questions(grown: Grown, clerk: Actor) -> dict[str, tuple[Callable[[], Any], Any]]:
    """What is asked, in the words of whoever asks, and what has to come of it whatever else there is."""
    town, records, now = grown.town, grown.town.records, grown.town.clock.now()

    def titles(found: Any) -> list[str]:
        return [each.title for each in found]

    def find(identity: str, where: Any = None, **more: Any) -> list[str]:
        return titles(records.find(someone(), identity, where, fields=(), **more).records)

    def someone() -> Actor:
        """The same person in another request, who remembers nothing."""
        return replace(clerk, known={})

    first = records.find(SYSTEM, CONTACT, {"name": "Firm 0"}, fields=()).records[0]
    number = records.get(SYSTEM, TICKET, grown.ticket, fields=()).number
    unclaimed = {"queue": [grown.queue], "assignee": {"empty": True}, "closed": {"empty": True}}
    # Somebody who knows of their own tickets only, and so only of what was said about those.
    narrow = Actor("staff", "Dana Frost", grown.person + 1, frozenset({"desk.ticket.view@assigned", "core.*.view"}))

    def said(identity: str, id: int) -> int:
        entries, _, counts = records.timeline(replace(narrow, known={}), identity, id)
        assert counts["talk"] == sum(entry.kind == "talk" for entry in entries)
        return counts["talk"]

    return {
        "what was said to a firm": (lambda: said(CONTACT, first.id), 1),
        "what was said about a team": (lambda: said("core.queue", grown.queue), 1),
        "whoever has this address": (lambda: find(CONTACT, {"emails.address": "firm7@example.org"}), ["Firm 7"]),
        "whoever has this telephone": (lambda: find(CONTACT, {"phones.number": "+15135550007"}), ["Firm 7"]),
        "what points at a firm": (lambda: titles(records.panels(someone(), first, filled=True)), []),
        "a case by its number": (lambda: town.context(SYSTEM).by_number(number), (TICKET, grown.ticket)),
        "the last numbers": (lambda: len(find(TICKET, sort="-number", limit=3)), 3),
        "a page in the middle": (
            lambda: find(CONTACT, sort="title", after=Cursor("title", "firm 98", 0).encode(), limit=2),
            ["Firm 98", "Firm 99"],
        ),
        "a page in the middle, downwards": (
            lambda: find(CONTACT, sort="-title", after=Cursor("-title", "firm 10", 0).encode(), limit=2),
            ["Firm 1", "Firm 0"],
        ),
        "what was put aside": (lambda: find(TICKET, archived=True), ["Lamp: Put aside"]),
        "what nobody has taken": (lambda: find(TICKET, unclaimed), ["Lamp: Dark corner"]),
        "how much nobody has taken": (lambda: records.count(someone(), TICKET, unclaimed).value, 1),
        "words in a small type": (lambda: find("desk.topic", search="lamp"), ["Lamp"]),
        "the newest with a word": (lambda: len(records.search(someone(), "firm", identities=[CONTACT], limit=5)[0]), 5),
        "the first of those that a link offers": (
            lambda: titles(records.lookup(someone(), CONTACT, "", where={"kind": "organisation"}, limit=2)),
            ["Firm 0", "Firm 1"],
        ),
        "what is on this week": (
            lambda: titles(calendar.entries(town, someone(), now, now + timedelta(days=7))),
            ["Long", "Today"],
        ),
        "the open work of a colleague": (lambda: holding.open_work(town, someone(), grown.person), {}),
        "whose time is up": (lambda: escalating.run(town), ""),
        "mail that is due": (lambda: [each.event for each, _ in delivering.claim(town, 1)], ["by_hand"]),
        "what was sent last": (lambda: len(outbox.find(town, statuses=["sent"], limit=3)), 3),
        "how much waits": (lambda: outbox.counts(town)["queued"] + outbox.counts(town)["sending"], 1),
        "whether there is too much mail": (lambda: limits.breaker(town), ""),
    }


@contextmanager
def counted(town: Town) -> Iterator[list[int]]:
    """How many instructions SQLite takes meanwhile; PostgreSQL doesn't say."""
    spent, connection = [0], town.database.connection()
    if town.database.engine == "postgresql":
        yield spent
        return

    def note() -> int:
        spent[0] += 1
        return 0

    connection.set_progress_handler(note, 1)
    try:
        yield spent
    finally:
        connection.set_progress_handler(None, 1)


def costs(grown: Grown, clerk: Actor) -> dict[str, int]:
    """What each question costs when nothing is remembered; what it finds is looked at."""
    town, asked = grown.town, questions(grown, clerk)
    found: dict[str, int] = {}
    answers = {}
    for name, (ask, _) in asked.items():
        for nth in range(2):  # how a type is read is worked out once
            town.system.outbox.update(status="queued").where(town.system.outbox.key == "waits").execute()
            meta.put(town.system, "written", f"{name} {nth}")
            with counted(town) as spent:
                answers[name] = ask()
            found[name] = spent[0]
    assert answers == {name: expected for name, (_, expected) in asked.items()}
    return found


@pytest.mark.parametrize("told", [False, True], ids=["fresh", "with statistics"])
def test_questions_cost_what_they_find(grown: Grown, clerk: Actor, told: bool) -> None:
    """Seven times as much that is over makes no question dearer, whether SQLite counted how much there is or not."""
    if told:
        grown.town.database.keep_statistics()
    before = costs(grown, clerk)
    grown.grow(LARGE)
    if told:
        grown.town.database.keep_statistics()
    after = costs(grown, clerk)
    dearer = {name: (before[name], cost) for name, cost in after.items() if cost > before[name] * 1.3 + 300}
    assert dearer == {}


def plans(town: Town, ask: Callable[[], Any]) -> list[str]:
    """How SQLite goes about each thing that a question asks of it."""
    sent: list[tuple[str, Any]] = []

    def note(event: Any) -> None:
        if event.sql.startswith("SELECT"):
            sent.append((event.sql, event.params))

    town.database.query_hooks.append(note)
    try:
        ask()
    finally:
        town.database.query_hooks.remove(note)
    said = (town.database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall() for sql, values in sent)
    return [row[3] for rows in said for row in rows]


def test_every_partial_index_is_asked(grown: Grown, clerk: Actor) -> None:
    """An index that leaves rows out serves only questions that say so in its words. Each has one of the product's own.

    Those of single columns that leave out what is empty need no words: whatever asks for a value says that.
    """
    town, records = grown.town, grown.town.records
    if town.database.engine == "postgresql":
        return  # it goes by its statistics, which a small town has none of
    auditor = replace(clerk, permissions=frozenset({"*"}))
    ticket = records.get(SYSTEM, TICKET, grown.ticket, fields=())
    topic = records.create(SYSTEM, "desk.topic", {"name": "Trees"})
    today = town.clock.now().date()
    month = Period(today - timedelta(days=30), today)
    asked: dict[str, Callable[[], Any]] = {
        "search_entry_number": lambda: town.context(SYSTEM).by_number(ticket.number),
        "history_values_assignee": lambda: figures.handed_on(town, clerk, TICKET, "assignee", month),
        "history_values_queue": lambda: figures.handed_on(town, clerk, TICKET, "queue", month),
        "history_disclosures": lambda: disclosing.listing(town, auditor),
        "desk_ticket_open_index": lambda: records.find(auditor, TICKET, {"closed": {"empty": True}}, sort="due"),
        "desk_ticket_code_key_unique": lambda: records.create(
            SYSTEM, TICKET, {"topic": topic.id, "summary": "Leaf", "code": "A1"}
        ),
        "desk_ticket_topic_visit_on_unique": lambda: records.create(
            SYSTEM, TICKET, {"topic": topic.id, "summary": "Branch", "visit_on": "2026-04-01"}
        ),
        "desk_topic_name_key_unique": lambda: records.create(SYSTEM, "desk.topic", {"name": "Benches"}),
    }
    rows = town.database.execute_sql("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index'").fetchall()
    system = {*town.system.names, "search_entry"}
    partial = {
        name
        for name, table, sql in rows
        if " WHERE " in (sql or "")
        and (table in system or (table in ("desk_ticket", "desk_topic") and "IS NOT NULL" not in sql))
    }
    assert partial == asked.keys()
    unused = {name for name, ask in asked.items() if not any(name in said for said in plans(town, ask))}
    assert unused == set()


def test_who_took_nothing_is_found_out_at_once(town: Town, clerk: Actor) -> None:
    """A name that nobody has is not looked for page by page through all that was ever exported."""
    auditor = replace(clerk, permissions=frozenset({"*"}))
    for number in range(120):
        disclosing.write_down(
            town, replace(clerk, name="Zoë Hart" if number == 3 else "Erin"), CONTACT, "print", number
        )
    sent: list[str] = []
    town.database.query_hooks.append(lambda event: sent.append(event.sql))
    found = [len(disclosing.listing(town, auditor, who=who, limit=10)) for who in ("zoe", "erin", "nobody")]
    assert found == [1, 10, 0]
    assert len(sent) == 6
