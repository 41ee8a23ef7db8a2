"""Random histories of tickets, and what is to be counted of them: worked out again, slowly, from what was done.

A :class:`Story` writes through records and keeps a journal of its own. What it says of a figure comes from the journal
alone, in plain Python, so that it can be held against what SQL says.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from typing import Any

from desk import CONTACT
from desk import TICKET
from desk import make_contact
from desk import make_topic

from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.records.figures import Period
from townhall.records.instants import to_microseconds
from townhall.town import Town
from townhall_forms.values import Reference

OPEN, FINAL, FRESH = ("new", "waiting"), ("done",), ("", "draft")
CHANNELS = ("phone", "email", "letter", "web")
STAFF = (7, 8, 9)


@dataclass
class Clock:
    """A clock of a case: when it is due and met, and the minutes that it took."""

    due: datetime | None
    met: datetime | None
    minutes: int | None
    business: bool
    breached: bool = False


@dataclass
class Case:
    """A ticket as the journal knows it: ``moves`` are (when, from, to), ``hands`` are (when, from, to)."""

    id: int
    topic: int
    contact: int | None
    created: datetime
    moves: list[tuple[datetime, str, str]]
    closed: datetime | None = None
    assignee: int | None = None
    archived: bool = False
    updated: datetime | None = None
    due: datetime | None = None
    hands: list[tuple[datetime, int | None, int | None]] = field(default_factory=list)
    calls: int = 0
    clocks: dict[str, Clock] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """The state that it is in."""
        return self.moves[-1][2]

    def state_at(self, moment: datetime) -> str:
        """The state that it was in just before a moment; empty before it was made."""
        return next((target for at, _, target in reversed(self.moves) if at < moment), "")


@dataclass
class Talk:
    """An interaction."""

    id: int
    at: datetime
    channel: str
    direction: str
    outcome: str | None


class Story:
    """Makes a random history in a town, and answers what there is to count."""

    def __init__(self, town: Town, clock: FixedClock, seed: int) -> None:
        self.town = town
        self.clock = clock
        self.chance = random.Random(seed)
        self.cases: list[Case] = []
        self.talks: list[Talk] = []
        for id in STAFF:
            town.system.user.insert(
                id=id, email=f"p{id}@town.example", name=f"Person {id}", fs_uniquifier=f"p{id}", created_at=0
            ).execute()
        self.topics = [make_topic(town, name).id for name in ("Potholes", "Trees", "Noise")]
        self.contacts = [make_contact(town, name).id for name in ("Moreau", "Nowak")]
        self.began = town.clock.now()

    # -- what happens -----------------------------------------------------------------------------------------

    def happen(self, times: int) -> None:
        """Let something happen this often."""
        for _ in range(times):
            # Sometimes two things happen at the same moment.
            self.clock.move(timedelta(minutes=self.chance.choice((0, 1, 30, 600, 2000, 9000))))
            self.chance.choices(
                (self.create, self.bring, self.move, self.assign, self.archive, self.talk), (5, 1, 12, 3, 0.3, 4)
            )[0]()
        self.make_clocks()

    def create(self) -> None:
        """A new ticket, or a draft of one."""
        state = self.chance.choice(("new", "new", "new", "draft"))
        topic, contact = self.chance.choice(self.topics), self.chance.choice([None, *self.contacts])
        now = self.town.clock.now()
        values = {"topic": topic, "summary": "Hole", "reporter": contact, "answers": {"deep": 4}}
        record = self.town.records.create(system(), TICKET, values, state=state)
        self.cases.append(Case(record.id, topic, contact, now, [(now, "", state)], updated=now, due=record.due))

    def bring(self) -> None:
        """A ticket that comes from elsewhere and is closed already."""
        now = self.town.clock.now()
        created = now - timedelta(days=self.chance.uniform(1, 40))
        closed = created + (now - created) * self.chance.random()
        topic, contact = self.chance.choice(self.topics), self.chance.choice(self.contacts)
        values = {"topic": topic, "summary": "Old", "reporter": contact, "outcome": "Filled", "answers": {"deep": 4}}
        (made,) = self.town.records.import_rows(
            system(), TICKET, [{**values, "state": "done", "created": created, "closed": closed}]
        )
        assert made.id is not None, made.errors
        moves = [(created, "", "new"), (closed, "new", "done")]
        self.cases.append(Case(made.id, topic, contact, created, moves, closed=closed, updated=created))

    def move(self) -> None:
        """One of the moves that are possible."""
        case, record = self._some()
        if case is None:
            return
        possible = self.town.records.transitions(system(), record)
        if not possible:
            return
        move = self.chance.choice(possible)
        values = {"outcome": "Filled"} if move.require else {}
        now = self.town.clock.now()
        moved = self.town.records.transition(system(), TICKET, case.id, move.name, values, version=record.version)
        case.moves.append((now, case.state, move.target))
        case.closed, case.updated, case.due = moved.closed, now, moved.due

    def assign(self) -> None:
        """Give a ticket to somebody, or to nobody."""
        case, record = self._some()
        wanted = self.chance.choice([None, *STAFF])
        if case is None or wanted == case.assignee:
            return
        now = self.town.clock.now()
        self.town.records.update(system(), TICKET, case.id, {"assignee": wanted}, version=record.version)
        case.hands.append((now, case.assignee, wanted))
        case.assignee, case.updated = wanted, now

    def archive(self) -> None:
        """Put a ticket aside."""
        case, record = self._some()
        if case is not None:
            self.town.records.archive(system(), TICKET, case.id, version=record.version)
            case.archived = True

    def talk(self) -> None:
        """Somebody calls or writes, or is called or written to; perhaps about a ticket."""
        case, _ = self._some()
        direction = self.chance.choice(("in", "in", "out", "internal"))
        outcome = self.chance.choice((None, "progress", "answered"))
        channel, now = self.chance.choice(CHANNELS), self.town.clock.now()
        about = Reference(TICKET, case.id) if case is not None and self.chance.random() < 0.6 else None
        values = {"channel": channel, "direction": direction, "body": "Hm", "outcome": outcome, "about": about}
        record = self.town.records.create(system(), "core.interaction", {**values, "at": now})
        self.talks.append(Talk(record.id, now, channel, direction, outcome))
        if about is not None and direction == "in" and case is not None:
            case.calls += 1

    def _some(self) -> tuple[Case | None, Any]:
        there = [case for case in self.cases if not case.archived]
        if not there:
            return None, None
        case = self.chance.choice(there)
        return case, self.town.records.get(system(), TICKET, case.id)

    def give_to(self, person: int) -> None:
        """Give half of the tickets to one person."""
        there = [case for case in self.cases if not case.archived and case.assignee != person]
        for case in self.chance.sample(there, len(there) // 2):
            version, now = self.town.records.get(system(), TICKET, case.id).version, self.town.clock.now()
            self.town.records.update(system(), TICKET, case.id, {"assignee": person}, version=version)
            case.hands.append((now, case.assignee, person))
            case.assignee, case.updated = person, now
        self.make_clocks()

    def make_clocks(self) -> None:
        """Make the clocks up: what the product counted for these tickets would stand beside them."""
        clocks = self.town.system.case_clock
        clocks.delete().where(clocks.identity == TICKET).execute()
        for case in self.cases:
            case.clocks.clear()
            self._clocks(case)

    def _clocks(self, case: Case) -> None:
        """Clocks as the part of Townhall that keeps them would write them."""
        chance = self.chance
        for kind in ("first_response", "resolution"):
            if chance.random() < 0.2:
                continue
            due = case.created + timedelta(days=chance.uniform(0, 20)) if chance.random() < 0.9 else None
            met = case.created + timedelta(days=chance.uniform(0, 25)) if chance.random() < 0.7 else None
            if met is not None and met > self.town.clock.now():
                met = None
            minutes = chance.randrange(1, 60) if met is not None else None
            passed = due is not None and due < self.town.clock.now() and (met is None or met > due)
            noticed = passed and chance.random() < 0.5
            case.clocks[kind] = clock = Clock(due, met, minutes, chance.random() < 0.8, noticed)
            write_clock(self.town, case.id, kind, case.created, clock)

    # -- what there is to count -------------------------------------------------------------------------------

    def ids(self, keep: Callable[[Case], bool]) -> set[int]:
        """Tickets of which something holds, but for those put aside."""
        return {case.id for case in self.cases if not case.archived and keep(case)}

    def within(self, period: Period) -> Callable[[datetime | None], bool]:
        """Whether a moment lies on one of the period's days in the town."""
        zone = self.town.zone
        return lambda at: at is not None and period.first <= at.astimezone(zone).date() <= period.last

    def moved(self, period: Period, sources: Iterable[str], targets: Iterable[str]) -> set[int]:
        """Tickets that moved so in the period."""
        inside, sources, targets = self.within(period), set(sources), set(targets)
        return self.ids(lambda case: any(inside(at) and a in sources and b in targets for at, a, b in case.moves))

    def end(self, period: Period) -> datetime:
        """The end of a period, or now."""
        after = datetime(period.last.year, period.last.month, period.last.day, tzinfo=self.town.zone)
        midnight = (after.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=self.town.zone)
        return min(midnight, self.town.clock.now())

    def open(self, period: Period) -> set[int]:
        """Tickets that were open when the period ended."""
        zone, now = self.town.zone, self.town.clock.now()
        if period.last >= now.astimezone(zone).date():
            return self.ids(lambda case: case.state in OPEN)
        return self.ids(lambda case: case.state_at(self.end(period)) in OPEN)

    def same(self, case: Case, after: datetime, until: datetime) -> bool:
        """Another ticket of the same contact and topic was made after the one and no later than the other moment."""
        return any(
            other is not case
            and not other.archived
            and (other.contact, other.topic) == (case.contact, case.topic)
            and after < other.created <= until
            for other in self.cases
        )

    def repeats(self, period: Period) -> set[int]:
        """Tickets whose sender had been there in the thirty days before."""
        came = self.moved(period, FRESH, OPEN)
        days = timedelta(days=30)
        return came & self.ids(
            lambda case: case.contact is not None and self.same(case, case.created - days, case.created)
        )

    def first_contact(self, period: Period) -> set[int]:
        """Tickets that were settled at once."""
        days = timedelta(days=30)

        def settled(case: Case) -> bool:
            if case.calls > 1 or any(a in FINAL and b in OPEN for _, a, b in case.moves) or case.closed is None:
                return False
            return case.contact is None or not self.same(case, case.closed, case.closed + days)

        return self.moved(period, OPEN, FINAL) & self.ids(settled)

    def back_again(self, period: Period) -> set[int]:
        """Tickets closed in the period and opened after that."""
        inside = self.within(period)

        def again(case: Case) -> bool:
            for place, (at, a, b) in enumerate(case.moves):
                later = case.moves[place + 1 :]
                closed = inside(at) and a in OPEN and b in FINAL
                if closed and any(x in FINAL and y in OPEN for _, x, y in later):
                    return True
            return False

        return self.ids(again)

    def handed(self, period: Period) -> list[int]:
        """Tickets that went from one person to another, as often as they did."""
        inside = self.within(period)
        return [
            case.id
            for case in self.cases
            if not case.archived
            for at, old, new in case.hands
            if inside(at) and old is not None and new is not None
        ]

    def met(self, period: Period, kind: str) -> list[Case]:
        """Tickets whose clock was met in the period."""
        inside = self.within(period)
        return [
            case for case in self.cases if not case.archived and kind in case.clocks and inside(case.clocks[kind].met)
        ]

    def in_time(self, period: Period, kind: str) -> set[int]:
        """Those of them that kept their target."""
        return {
            case.id
            for case in self.met(period, kind)
            for clock in [case.clocks[kind]]
            if clock.due is not None and clock.met is not None and clock.met <= clock.due
        }

    def late(self, period: Period, kind: str) -> set[int]:
        """Tickets whose target went by in the period."""
        inside, now = self.within(period), self.town.clock.now()

        def missed(case: Case) -> bool:
            clock = case.clocks.get(kind)
            if clock is None or clock.due is None or not inside(clock.due) or clock.due >= now:
                return False
            if clock.met is not None:
                return clock.met > clock.due
            return clock.breached or case.state == "new"

        return self.ids(missed)

    def stays(self, period: Period) -> dict[str, list[tuple[int, timedelta]]]:
        """Ticket and time of each stay in a state that ended in the period."""
        inside, found = self.within(period), dict[str, list[tuple[int, timedelta]]]()
        for case in self.cases:
            for (since, _, _), (at, state, _) in zip(case.moves, case.moves[1:], strict=False):
                if not case.archived and inside(at):
                    found.setdefault(state, []).append((case.id, at - since))
        return found


def nearest_rank(values: Iterable[Any], percent: int) -> Any:
    """The least value that so many of a hundred don't exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def write_clock(town: Town, id: int, kind: str, started: datetime, clock: Clock, identity: str = TICKET) -> None:
    """A row of ``case_clock``."""
    moments = {
        name: None if at is None else to_microseconds(at) for name, at in (("due_at", clock.due), ("met_at", clock.met))
    }
    town.system.case_clock.insert(
        identity=identity,
        record_id=id,
        kind=kind,
        target_minutes=600,
        business=clock.business,
        started_at=to_microseconds(started),
        actual_minutes=clock.minutes,
        breached_at=moments["due_at"] if clock.breached else None,
        **moments,
    ).execute()


__all__ = [
    "CHANNELS",
    "CONTACT",
    "FINAL",
    "FRESH",
    "OPEN",
    "STAFF",
    "Case",
    "Clock",
    "Story",
    "nearest_rank",
    "write_clock",
]
