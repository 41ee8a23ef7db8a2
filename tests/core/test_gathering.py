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
from townhall.clock import FixedClock
from townhall.db.transactions import immediate
from townhall.errors import TownhallError
from townhall.records import erasing
from townhall.records import gathering
from townhall.records import history
from townhall.records import pages
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.values import Reference

#: PostgreSQL keeps nothing that could be brought on.
pytestmark = [pytest.mark.usefixtures("kept"), pytest.mark.parametrize("engine", ["sqlite"])]
much_or_little = pytest.mark.parametrize("kept", ["much", "little"], indirect=True)
SYSTEM = system()
EVENT = "core.event"
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
        self.tickets.append(self.ticket(**self.whose(), **self.about()))

    def ticket(self, **values: Any) -> int:
        return self.town.records.create(SYSTEM, TICKET, {"topic": self.topic, "summary": "Hole", **values}).id

    def took_down(self) -> None:
        values = {"topic": self.topic, "summary": "Hole", **self.about()}
        self.tickets.append(self.town.records.create(self.dice.choice(self.staff), TICKET, values).id)

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
        identity = self.dice.choice([TICKET, CONTACT, EVENT])
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
            self.written(EVENT, self.dice.choice(self.events), values)
            return
        starts = self.town.clock.now() + timedelta(days=1)
        made = self.town.records.create(SYSTEM, EVENT, {"name": "Visit", "starts": starts, **values})
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

    def renamed(self) -> None:
        name = self.dice.choice(("Aal", "Hald", "Zorn"))
        self.written(CONTACT, self.dice.choice(self.contacts), {"family_name": name})

    def called(self) -> None:
        values = {"channel": "phone", "subject": "A call", "contact": self.dice.choice(self.contacts)}
        values["handled_by"] = self.anybody()
        self.town.records.create(SYSTEM, "core.interaction", values)

    def nothing(self) -> None:
        """Somebody opens the same list again."""


DONE: tuple[Callable[[Doings], None], ...] = (
    Doings.new_ticket,
    Doings.took_down,
    Doings.gave_ticket,
    Doings.turned_ticket,
    Doings.put_aside,
    Doings.shared,
    Doings.team,
    Doings.event,
    Doings.met,
    Doings.merged,
    Doings.renamed,
    Doings.called,
    Doings.nothing,
)


def listed(town: Town, actor: Actor, sort: str, limit: int, identity: str = CONTACT) -> list[int]:
    """The ids of a list, page by page."""
    ids, after = list[int](), ""
    while not ids or after:
        page = town.records.find(replace(actor, known={}), identity, sort=sort, limit=limit, after=after, fields=())
        ids, after = [*ids, *(each.id for each in page.records)], page.after
        if not page.records:
            break
    return ids


def looked_up(town: Town, actor: Actor, identity: str = CONTACT) -> list[int]:
    """The same as a fresh look finds it: nothing is kept of what is seen inside of a transaction."""
    with immediate(town.database):
        return listed(town, actor, "title", 100, identity)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let all that a scope finds be kept in a table, and be much, however little it is; or as the test says."""
    how = getattr(request, "param", "much")
    if how != "little":
        monkeypatch.setattr(gathering, "_FEW", 0)
    if how == "much":
        for module in (gathering, pages):
            monkeypatch.setattr(module, "COMMON", 0)


@pytest.mark.parametrize(
    ("seed", "most", "kept"),
    [
        (0, {}, "much"),
        (1, {}, "much"),
        (2, {}, "much"),
        (3, {"_MOST_WRITTEN": 30}, "much"),
        (4, {"_MOST_DOUBTED": 1}, "much"),
        (5, {}, "in a table"),
        (6, {}, "little"),
        (7, {}, "little"),
    ],
    indirect=["kept"],
)
def test_what_was_found_is_brought_on(
    town: Town, seed: int, most: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After anything that anybody does, lists and numbers have just the records that a fresh look finds."""
    for name, number in most.items():
        monkeypatch.setattr(gathering, name, number)
    doings, sizes, looks = Doings(town, seed), set[int](), 0
    with statements(town) as sent:
        for step in range(STEPS):
            with suppress(TownhallError):
                doings.dice.choice(DONE)(doings)
            for actor in doings.staff:
                there = looked_up(town, actor)
                assert listed(town, actor, "title", 2) == there, step
                assert sorted(listed(town, actor, "-id", 3)) == sorted(there)
                assert town.records.count(replace(actor, known={}), CONTACT).value == len(there)
                assert listed(town, actor, "title", 2, EVENT) == looked_up(town, actor, EVENT), step
                sizes.add(len(there))
                looks += 2
    anew = [each for each in sent if "AS few LIMIT" in each or "WITH found (id)" in each]
    assert len(anew) < looks / 2, "hardly anything was brought on"
    assert len(sizes) > 3


@much_or_little
def test_what_does_not_concern_somebody_makes_nothing_be_looked_for(town: Town) -> None:
    """A contact's note, a call and a colleague's case leave what somebody has in their lists as it is."""
    doings = Doings(town, 0)
    _, bob = doings.staff
    mine = doings.ticket(reporter=doings.contacts[4], assignee=bob.id)
    other = doings.ticket(reporter=doings.contacts[4])
    there = listed(town, bob, "title", 2)
    with statements(town) as sent:
        for identity, id, values in (
            (CONTACT, doings.contacts[4], {"please_note": "Ring twice"}),
            (TICKET, mine, {"summary": "Large hole"}),
            (TICKET, other, {"queue": doings.queues[1], "assignee": doings.staff[0].id}),
        ):
            doings.written(identity, id, values)
            assert listed(town, bob, "title", 2) == there
        doings.called()
        doings.new_ticket()
        assert listed(town, bob, "title", 2) == looked_up(town, bob)
        with immediate(town.database):  # as a job does, of which there is no history
            town.database.execute_sql("UPDATE meta SET value = value")
        assert listed(town, bob, "title", 2) == looked_up(town, bob)
    assert not [each for each in sent if "json_each" in each or "WITH found" in each or "AS few LIMIT" in each]


@much_or_little
def test_a_share_shows_and_hides_whom_the_case_is_about(town: Town) -> None:
    """What a shared case is about is seen as long as it is shared, though no value of the case changes."""
    doings = Doings(town, 0)
    ann, _ = doings.staff
    doings.written("core.queue", doings.queues[0], {"members": [{"person": ann.id}]})
    kern = make_contact(town, "Kern").id
    case = doings.ticket(reporter=kern)
    assert kern not in listed(town, ann, "title", 100)
    share = town.records.share(SYSTEM, TICKET, case, doings.queues[0], "view")
    assert kern in listed(town, ann, "title", 100)
    town.records.unshare(SYSTEM, TICKET, case, share.id)
    assert kern not in listed(town, ann, "title", 100)


def test_after_much_that_was_written_all_are_looked_for_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes beyond what is read of history is not passed over."""
    monkeypatch.setattr(gathering, "_MOST_WRITTEN", 3)
    doings = Doings(town, 0)
    _, bob = doings.staff
    listed(town, bob, "title", 100)
    names = [make_contact(town, f"Kern {number}").id for number in range(6)]
    for id in names:
        doings.ticket(reporter=id, assignee=bob.id)
    assert set(names) <= set(listed(town, bob, "title", 100))


@much_or_little
def test_who_left_a_page_leaves_room_for_who_comes_next(town: Town) -> None:
    """Those who are called otherwise now stand where that belongs, not at the end of the page on which they stood."""
    doings = Doings(town, 0)
    _, bob = doings.staff
    doings.ticket(watchers=doings.contacts, assignee=bob.id)
    there = listed(town, bob, "title", 2)
    assert there == doings.contacts
    for id, name in zip(there[:3], ("Zorn", "Zuse", "Zwart"), strict=True):
        doings.written(CONTACT, id, {"family_name": name})
    assert listed(town, bob, "title", 2) == [*there[3:], *there[:3]]
    for id, name in zip(there[3:6], ("Aal", "Aalto", "Abt"), strict=True):
        doings.written(CONTACT, id, {"family_name": name})
    assert listed(town, bob, "title", 2) == [*there[3:], *there[:3]]


@much_or_little
def test_titles_that_say_what_others_are_called_are_in_order(make_town: Callable[..., Town]) -> None:
    """A candidate is called as their contact is: a new name of that puts them elsewhere in the list of candidates."""
    town = make_town("recruitment")
    email, candidate = "cy@milbrook.example", "recruitment.candidate"
    made = people.add(town, SYSTEM, email, name="Cy", role="viewer", password="correct horse battery")
    cy = Actor("staff", "Cy", made.id, frozenset({"*.view@own", "*.see_internal", "*.create"}), door="admin")
    contacts = [town.records.create(cy, CONTACT, {"kind": "person", "family_name": name}).id for name in "ABCDE"]
    first, *others = [town.records.create(cy, candidate, {"contact": id}).id for id in contacts]
    assert listed(town, cy, "title", 2, candidate) == [first, *others]
    version = town.records.get(SYSTEM, CONTACT, contacts[0]).version
    town.records.update(SYSTEM, CONTACT, contacts[0], {"family_name": "Z"}, version=version)
    assert listed(town, cy, "title", 2, candidate) == [*others, first]


@much_or_little
def test_where_a_link_led_is_not_told_any_more_all_are_looked_for_again(town: Town) -> None:
    """A contact that a case was about is not seen for that any more, also if history's values were erased since."""
    doings = Doings(town, 0)
    _, bob = doings.staff
    kern = make_contact(town, "Kern").id
    mine = doings.ticket(reporter=kern, assignee=bob.id)
    assert kern in listed(town, bob, "title", 100)
    doings.written(TICKET, mine, {"reporter": doings.contacts[0]})
    last = max(each.id for each in town.records.history(SYSTEM, TICKET, mine))
    erasing.erase(town, SYSTEM, [last], "A test.")
    assert kern not in listed(town, bob, "title", 100)


@much_or_little
@pytest.mark.parametrize("looks_before", [False, True])
def test_what_was_done_by_hand_is_seen_soon(town: Town, clock: FixedClock, looks_before: bool) -> None:
    """History doesn't know of a change of the database by hand: after five minutes all are looked for again."""
    doings = Doings(town, 0)
    ann, bob = doings.staff
    kern = make_contact(town, "Kern").id
    doings.ticket(reporter=kern, assignee=bob.id)
    assert kern in listed(town, bob, "title", 100)
    with immediate(town.database):
        town.database.execute_sql("UPDATE desk_ticket SET assignee = ?", (ann.id,))
    if looks_before:
        listed(town, bob, "title", 100)
    clock.move(timedelta(minutes=5, seconds=1))
    assert kern not in listed(town, bob, "title", 100)


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
