"""What a scope found is brought on by what was written since: at any moment it is what a fresh look finds."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from desk import CONTACT
from desk import TICKET
from desk import make_contact
from desk import make_topic
from statements import statements

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.db.transactions import immediate
from townhall.errors import TownhallError
from townhall.records import gathering
from townhall.records import history
from townhall.records import pages
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.values import Reference

SYSTEM = system()
STEPS = 40


class Doings:
    """A town in which colleagues do one thing after another that may change who sees what."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town, self.dice = town, random.Random(seed)
        department, assigned = "*.view@department", "*.view@assigned"
        self.staff = [self.person(name, scope) for name, scope in (("ann", department), ("bob", assigned))]
        self.queues = [self.queue(f"Queue {number}") for number in range(3)]
        names = ("Abel", "Babic", "Cohen", "Dahl", "Eder", "Falk", "Gall", "Hein", "Ivic")
        self.contacts = [make_contact(town, name).id for name in names]
        self.topic = make_topic(town, "Potholes", questions=None).id
        self.tickets: list[int] = []
        self.events: list[int] = []
        for _ in range(8):
            self.new_ticket()

    def person(self, name: str, scope: str) -> Actor:
        email = f"{name}@milbrook.example"
        made = people.add(self.town, SYSTEM, email, name=name.title(), role="viewer", password="correct horse battery")
        return Actor("staff", made.name, made.id, frozenset({scope, "*.see_internal", "*.create"}), door="admin")

    def queue(self, name: str) -> int:
        return self.town.records.create(SYSTEM, "core.queue", {"name": name}).id

    def anybody(self) -> int | None:
        return self.dice.choice([each.id for each in self.staff] + [None])

    def some(self, ids: list[int]) -> list[int]:
        return self.dice.sample(ids, self.dice.randrange(min(3, len(ids) + 1)))

    def written(self, identity: str, id: int, values: dict[str, Any]) -> Record:
        found = self.town.records.get(SYSTEM, identity, id, fields=())
        return self.town.records.update(SYSTEM, identity, id, values, version=found.version)

    # -- what is done -----------------------------------------------------------------------------------------

    def new_ticket(self) -> None:
        values = {"topic": self.topic, "summary": "Hole", **self.whose(), **self.about()}
        self.tickets.append(self.town.records.create(SYSTEM, TICKET, values).id)

    def about(self) -> dict[str, Any]:
        reporter = self.dice.choice([*self.contacts, None])
        return {"reporter": reporter, "watchers": self.some(self.contacts)}

    def whose(self) -> dict[str, Any]:
        return {"queue": self.dice.choice([*self.queues, None]), "assignee": self.anybody()}

    def gave_ticket(self) -> None:
        self.written(TICKET, self.dice.choice(self.tickets), self.whose())

    def turned_ticket(self) -> None:
        self.written(TICKET, self.dice.choice(self.tickets), self.about())

    def put_aside(self) -> None:
        identity = self.dice.choice([TICKET, CONTACT, "core.event"])
        ids = {TICKET: self.tickets, CONTACT: self.contacts}.get(identity, self.events)
        for id in self.some(ids):
            found = self.town.records.get(SYSTEM, identity, id, fields=())
            change = self.town.records.archive if found.archived is None else self.town.records.restore
            change(SYSTEM, identity, id, version=found.version)

    def shared(self) -> None:
        id = self.dice.choice(self.tickets)
        for share in self.town.records.shares(SYSTEM, TICKET, id):
            self.town.records.unshare(SYSTEM, TICKET, id, share.id)
            return
        self.town.records.share(SYSTEM, TICKET, id, self.dice.choice(self.queues), "view")

    def team(self) -> None:
        members = [{"person": each.id} for each in self.staff if self.dice.random() < 0.5]
        self.written("core.queue", self.dice.choice(self.queues), {"members": members})

    def event(self) -> None:
        identity = self.dice.choice([TICKET, CONTACT])
        about = Reference(identity, self.dice.choice(self.tickets if identity == TICKET else self.contacts))
        team = [{"person": each.id} for each in self.staff if self.dice.random() < 0.5]
        values = {"about": about, "team": team, "attendees": self.some(self.contacts)}
        if self.events and self.dice.random() < 0.6:
            self.written("core.event", self.dice.choice(self.events), values)
            return
        starts = self.town.clock.now() + timedelta(days=1)
        made = self.town.records.create(SYSTEM, "core.event", {"name": "Visit", "starts": starts, **values})
        self.events.append(made.id)

    def met(self) -> None:
        who = self.dice.choice(self.staff)
        made = self.town.records.create(who, CONTACT, {"kind": "person", "family_name": "Jung"})
        self.contacts.append(made.id)

    def merged(self) -> None:
        kept, other = self.dice.sample(self.contacts, 2)
        found = [self.town.records.get(SYSTEM, CONTACT, id) for id in (kept, other)]
        if found[1]["merged_into"]:
            self.town.records.take_apart(SYSTEM, CONTACT, other, version=found[1].version)
        else:
            versions = found[0].version, found[1].version
            self.town.records.merge(SYSTEM, CONTACT, kept, other, versions=versions)

    def nothing(self) -> None:
        """Somebody opens the same list again."""


DONE: tuple[Callable[[Doings], None], ...] = (
    Doings.new_ticket,
    Doings.gave_ticket,
    Doings.turned_ticket,
    Doings.put_aside,
    Doings.shared,
    Doings.team,
    Doings.event,
    Doings.met,
    Doings.merged,
    Doings.nothing,
)


def listed(town: Town, actor: Actor, sort: str, limit: int) -> list[int]:
    """The ids of a list, page by page."""
    ids, after = list[int](), ""
    while not ids or after:
        page = town.records.find(replace(actor, known={}), CONTACT, sort=sort, limit=limit, after=after, fields=())
        ids, after = [*ids, *(each.id for each in page.records)], page.after
        if not page.records:
            break
    return ids


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all that a scope finds be kept in a table, and be much, however little it is."""
    monkeypatch.setattr(gathering, "_FEW", 0)
    for module in (gathering, pages):
        monkeypatch.setattr(module, "COMMON", 0)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("engine", ["sqlite"])  # PostgreSQL keeps nothing that could be brought on
@pytest.mark.parametrize(("seed", "written"), [(0, 500), (1, 500), (2, 500), (3, 30)])
def test_what_was_found_is_brought_on(town: Town, seed: int, written: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After anything that anybody does, lists and numbers have just the records that a fresh look finds."""
    monkeypatch.setattr(gathering, "_MOST_WRITTEN", written)
    doings, sizes = Doings(town, seed), set[int]()
    with statements(town) as sent:
        for step in range(STEPS):
            with suppress(TownhallError):
                doings.dice.choice(DONE)(doings)
            for actor in doings.staff:
                # Nothing is kept of what is seen inside of a transaction.
                with immediate(town.database):
                    there = listed(town, actor, "title", 100)
                assert listed(town, actor, "title", 2) == there, step
                assert sorted(listed(town, actor, "-id", 3)) == sorted(there)
                assert town.records.count(replace(actor, known={}), CONTACT).value == len(there)
                sizes.add(len(there))
            if step % 7 == 0:  # what can't look at each row by itself makes all be looked for again
                for actor in doings.staff:
                    town.records.search(replace(actor, known={}), "abel", identities=[CONTACT])
    filled, emptied = (
        len([each for each in sent if each.startswith(word)]) for word in ("INSERT OR IGNORE", "DELETE FROM temp")
    )
    assert filled > 2 * emptied, "hardly anything was brought on"
    assert len(sizes) > 3


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("engine", ["sqlite"])
def test_what_was_done_to_many_at_once_makes_all_be_looked_for_again(town: Town) -> None:
    """An entry of history that names no record, as of a pack that was taken in, tells of nothing to be added."""
    doings = Doings(town, 0)
    ann = doings.staff[0]
    doings.written("core.queue", doings.queues[0], {"members": [{"person": ann.id}]})
    before = listed(town, ann, "title", 100)
    with immediate(town.database):
        town.database.execute_sql(
            "UPDATE desk_ticket SET queue = ?, reporter = ?", (doings.queues[0], doings.contacts[-1])
        )
        history.write(town, SYSTEM, TICKET, 0, [history.Event(0, 0, "unpack", {}, "")])
    assert doings.contacts[-1] not in before
    assert doings.contacts[-1] in listed(town, ann, "title", 100)
