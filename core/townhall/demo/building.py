"""Building the demo town: staff, contacts, what was said, the calendar; then each plugin's own cases.

The same numbers come out of the same seed, around whatever day it is. Everything is written through
:mod:`townhall.records`, by the members of staff who would have done it, at the time when they would have.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import datetime
from datetime import time
from datetime import timedelta
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import escalating
from townhall.cases import notices
from townhall.cases import standing
from townhall.clock import FixedClock
from townhall.demo import messages
from townhall.demo import names
from townhall.demo import resident
from townhall.demo import teams
from townhall.errors import TownhallError
from townhall.records import disclosing
from townhall.records import sealing
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.text import normalise
from townhall_forms.values import Question
from townhall_forms.values import Questions

CONTACTS = 2000
INTERACTIONS = 6000
BATCH = 1000
#: Days since the town took its contacts over into Townhall: before all that was said to them.
TOWNHALL_CAME = 1410
TASK = "core.task"
SEED = 1866
#: When the town hall opens, and how long it stays open, in minutes; the first day of the week on which it doesn't.
OPENS, OPEN_FOR = 8 * 60, 9 * 60
SATURDAY = 5


class Demo:
    """What a plugin is handed to add its own records to the demo town.

    ``random`` is seeded, ``now`` is the present; ``people`` and ``organisations`` are ids of contacts; ``staff`` maps
    names to user ids; ``streets`` are the town's.
    """

    def __init__(self, town: Town, staff: Mapping[str, int]) -> None:
        self.town = town
        self.random = random.Random(SEED)  # noqa: S311 (a made-up town, not a secret)
        self.now = town.clock.now()
        self.staff = dict(staff)
        self.granted: dict[str, list[str]] = {}
        self.streets = names.STREETS
        self.people: list[int] = []
        self.organisations: dict[str, int] = {}
        self._clock = FixedClock(self.now)

    # -- for plugins ------------------------------------------------------------------------------------------

    def as_staff(self, name: str = "") -> Actor:
        """A member of staff by name, or anyone of them, with all permissions."""
        name = name or self.random.choice(list(self.staff))
        return Actor("staff", name, self.staff[name], frozenset({"*"}), door="demo")

    def days_ago(self, days: float, hour: int | None = None) -> datetime:
        """A moment ``days`` before now, within office hours; days in the future are negative.

        What is earlier stays earlier: the hours of a day are pressed into the time from eight to five, those of today
        into the time from eight to now. What is still to come is on a working day, at a time that people would say.
        """
        present = self.now.astimezone(self.town.zone)
        local = (self.now - timedelta(days=days)).astimezone(self.town.zone)
        day, minutes = local.date(), local.hour * 60 + local.minute
        if hour is not None:
            minutes = hour * 60 + self.random.randrange(0, 60, 5)
        elif days >= 0 and day == present.date():
            so_far = present.hour * 60 + present.minute
            minutes = OPENS + minutes * min(max(so_far - OPENS, 0), OPEN_FOR) // max(so_far, 1)
        else:
            minutes = OPENS + minutes * OPEN_FOR // (24 * 60)
        if days < 0:
            minutes -= minutes % 5
            day += timedelta(days=7 - day.weekday() if day.weekday() >= SATURDAY else 0)
        moment = datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=self.town.zone)
        return min(moment, self.now) if days >= 0 else moment

    def create(self, identity: str, values: Mapping[str, Any], *, at: datetime, by: str = "", **more: Any) -> Record:
        """Create a record as it would have been created at ``at``."""
        with self.at(at):
            return self.town.records.create(self.as_staff(by), identity, values, **more)

    def move(
        self, record: Record, transition: str, values: Mapping[str, Any] | None = None, *, at: datetime, by: str = ""
    ) -> Record:
        """Make a transition at ``at``; by the town itself where it is not for staff."""
        with self.at(at):
            move = record.type.workflow.transition(transition) if record.type.workflow else None
            actor = self.as_staff(by) if move is None or "staff" in move.by else system(door="demo")
            return self.town.records.transition(
                actor, record.identity, record.id, transition, values, version=record.version
            )

    def update(self, record: Record, values: Mapping[str, Any], *, at: datetime, by: str = "") -> Record:
        """Change a record at ``at``."""
        with self.at(at):
            return self.town.records.update(
                self.as_staff(by), record.identity, record.id, values, version=record.version
            )

    def let(self, role: str, *permissions: str) -> None:
        """Give a role more permissions once the demo is built, as an administrator would."""
        self.granted.setdefault(role, []).extend(permissions)

    def message(self, record: Record, body: str, *, at: datetime, by: str = "") -> None:
        """A public message from the town to whoever the case is about."""
        with self.at(at):
            self.town.records.message(self.as_staff(by), record.identity, record.id, body)

    def address(self) -> dict[str, str]:
        """An address in town."""
        line = f"{self.random.randint(1, 90)} {self.random.choice(self.streets)}"
        return {"line1": line, "city": "Millbrook", "region": "OH", "postal_code": "45013", "country": "US"}

    def place(self) -> dict[str, str]:
        """A point in town."""
        latitude = 39.4 + self.random.uniform(-0.02, 0.02)
        longitude = -84.56 + self.random.uniform(-0.02, 0.02)
        return {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"}

    def answers(self, questions: Questions | None) -> dict[str, Any]:
        """Plausible answers to a category's or round's questions."""
        return {
            question.code: self._answer(question)
            for question in (questions.asked if questions else ())
            if question.required or self.random.random() < 0.7
        }

    def _answer(self, question: Question) -> Any:
        chance = self.random
        match question.type:
            case "choice":
                return chance.choice([choice.value for choice in question.choices])
            case "choices":
                return [chance.choice([choice.value for choice in question.choices])]
            case "boolean":
                return chance.random() < 0.5
            case "integer" | "decimal" | "money":
                low = int(question.min or 1)
                return chance.randint(low, int(question.max or low + 40))
            case "date" | "datetime":
                moment = self.days_ago(chance.uniform(0, 5))
                return moment.date() if question.type == "date" else moment
            case _:
                return chance.choice(("As far as I can tell, yes.", "Near the corner.", "Since last week.", "ML-0217"))

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Set the town's clock to ``moment`` for a while."""
        before = self.town.clock
        self.town.clock = FixedClock(moment)
        try:
            yield
        finally:
            self.town.clock = before

    # -- core's own part --------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make the town's contacts, interactions, events and teams, then every plugin's cases."""
        self._hours()
        self._contacts()
        self._interactions()
        self._events()
        teams.build(self)
        self.town.plugins.demo_records(self)
        self._tasks()
        self._clocks()
        messages.build(self)
        self._twins()
        self._kept()
        resident.choose(self)

    def _twins(self) -> None:
        """Somebody who was taken down twice, and is one again."""
        records, contact, id, clerk = self.town.records, "core.contact", self.people[1], self.as_staff()
        with self.at(self.days_ago(15, 10)):
            one = records.get(clerk, contact, id)
            words = {name: one[name] for name in ("kind", "given_name", "family_name")}
            phones = [{"number": self._phone(), "label": "work"}]
            two = records.create(clerk, contact, {**words, "phones": phones, "notes": "Rings from work."})
            call = {"contact": two.id, "subject": "Bulky waste", "body": "Asked when it is collected."}
            records.create(clerk, "core.interaction", {**call, "outcome": "answered"})
        with self.at(self.days_ago(3, 9)):
            seen = records.get(clerk, contact, id, fields=())
            note = "The same person, at home and at work."
            records.merge(clerk, contact, id, two.id, versions=(seen.version, two.version), note=note)

    def _kept(self) -> None:
        """What history is there for: a change that was taken back, a look at a confidential value, and an export."""
        records, contact = self.town.records, "core.contact"
        id, clerk = self.people[0], self.as_staff()
        with self.at(self.days_ago(6, 9)):
            before = records.get(clerk, contact, id, fields=())
            born = {"born": "1961-04-12", "please_note": "Can't hear well: speak up, or write."}
            records.update(clerk, contact, id, born, version=before.version)
        with self.at(self.days_ago(5, 11)):
            wrong = {"please_note": "Moved away.", "preferred_channel": "letter"}
            after = records.update(self.as_staff(), contact, id, wrong, version=before.version + 1)
        with self.at(self.days_ago(5, 14)):
            note = "That was another person of the same name."
            records.bring_back(clerk, contact, id, before.version + 1, version=after.version, note=note)
        with self.at(self.days_ago(4, 10)):
            records.reveal(clerk, contact, id, "born", "Caller asked whether we have the right one.")
        with self.at(self.days_ago(2, 15)):
            disclosing.write_down(self.town, self.as_staff(), contact, "export", len(self.people), ["People"])
        sealing.seal(self.town)

    def _import(self, identity: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        ids: list[int] = []
        actor = system(door="demo", name="Town Hall")
        for start in range(0, len(rows), BATCH):
            for outcome in self.town.records.import_rows(actor, identity, rows[start : start + BATCH]):
                if outcome.id is None:
                    raise TownhallError(f"The demo's {identity} {outcome.index} is not valid: {outcome.errors}.")
                ids.append(outcome.id)
        return ids

    def _hours(self) -> None:
        """The hours that stand at the town hall's door; one day off that is confirmed, and some that wait for it."""
        actor = self.as_staff()
        found = self.town.records.find(actor, "core.working_calendar", {"default": True}, limit=1).records
        if not found:
            return
        today = self.now.astimezone(self.town.zone).date()
        frames = [
            {"day": day, "begins": "09:00", "ends": "19:00" if day == "thu" else "16:30"}
            for day in ("mon", "tue", "wed", "thu", "fri")
        ]
        days = [
            {"date": today + timedelta(days=20), "name": "Founders’ day", "source": "hand"},
            {"date": today + timedelta(days=45), "name": "Parade", "active": False, "source": "icalendar"},
            {"date": today + timedelta(days=90), "name": "Primary election", "active": False, "source": "icalendar"},
        ]
        self.town.records.update(
            actor, "core.working_calendar", found[0].id, {"frames": frames, "holidays": days}, version=found[0].version
        )

    def _clocks(self) -> None:
        """Nearly everybody has been answered; colleagues have seen what they were told until some days ago."""
        for identity, id, started in standing.unanswered(self.town):
            if self.random.random() < 0.94:
                record = self.town.records.get(self.as_staff(), identity, id, fields=())
                at = started + timedelta(hours=self.random.uniform(0.5, 5))
                self.message(record, self.random.choice(names.ANSWERS), at=at)
        self._tell(40, 13, 6, 4)
        for name in self.staff:
            while told := notices.unseen(self.town, actor := self.as_staff(name)):
                notices.seen(self.town, actor, [one.id for one in told])
        self._tell(2, 1)
        escalating.run(self.town)

    def _tell(self, *days: int) -> None:
        """Let people be told of clocks as they were so many days ago."""
        for ago in days:
            with self.at(self.days_ago(ago, 11)):
                escalating.run(self.town)

    def _contacts(self) -> None:
        chance = self.random
        rows = [self._organisation(name, kind) for name, kind in names.ORGANISATIONS]
        households = [f"The {name} household" for name in names.FAMILY_NAMES]
        rows += [
            {"kind": "household", "name": name, "addresses": [self._home()], "created": self._joined()}
            for name in households
        ]
        first_person = len(rows)
        while len(rows) < CONTACTS:
            rows.append(self._person(len(rows)))
        with self.at(self.days_ago(TOWNHALL_CAME)):
            ids = self._import("core.contact", rows)
        self.organisations = dict(zip((name for name, _ in names.ORGANISATIONS), ids, strict=False))
        self.people = ids[first_person:]
        self._relationships(chance)

    def _organisation(self, name: str, kind: str) -> dict[str, Any]:
        slug = "".join(letter for letter in name.casefold() if letter.isascii() and letter.isalnum())
        return {
            "kind": "organisation",
            "name": name,
            "organisation_kind": kind,
            "phones": [{"number": self._phone(), "label": "work", "primary": True}],
            "emails": [{"address": f"office@{slug}.example", "label": "work", "primary": True}],
            "addresses": [{"address": self.address(), "label": "work", "ward": self.random.choice(names.WARDS)}],
            "created": self._joined(),
        }

    def _person(self, index: int) -> dict[str, Any]:
        chance = self.random
        given, family = chance.choice(names.GIVEN_NAMES), chance.choice(names.FAMILY_NAMES)
        row: dict[str, Any] = {
            "kind": "person",
            "given_name": given,
            "family_name": family,
            "addresses": [self._home()],
            "language": chance.choice(names.LANGUAGES),
            "created": self._joined(),
        }
        if chance.random() < 0.85:
            row["phones"] = [{"number": self._phone(), "label": chance.choice(("home", "mobile")), "primary": True}]
            if chance.random() < 0.2:
                row["phones"].append({"number": self._phone(), "label": "mobile", "text_messages": True})
        if chance.random() < 0.6:
            plain = "".join(letter for letter in normalise(f"{given}.{family}") if letter.isascii() and letter != " ")
            row["emails"] = [{"address": f"{plain}{index}@post.example", "label": "home", "primary": True}]
        if chance.random() < 0.4:
            way = chance.choice(("phone", "email", "letter", "visit"))
            if {"phone": "phones", "email": "emails"}.get(way, "addresses") in row:
                row["preferred_channel"] = way
        if chance.random() < 0.03:
            row["please_note"] = chance.choice(names.FLAGS)
        if chance.random() < 0.02:
            row |= {"do_not_contact": True, "do_not_contact_note": "Asked us in writing."}
        if chance.random() < 0.3:
            row["resident_since"] = chance.randint(1961, 2024)
        return row

    def _home(self) -> dict[str, Any]:
        return {
            "address": self.address(),
            "label": "home",
            "primary": True,
            "ward": self.random.choice(names.WARDS),
        }

    def _phone(self) -> str:
        # 555-0100 to 555-0199 are kept for fiction in every area code of the North American plan.
        area = self.random.choice((513, 937, 614, 740, 419, 330, 216, 234, 567, 440))
        return f"+1{area}5550{self.random.randint(100, 199)}"

    def _joined(self) -> datetime:
        return self.days_ago(self.random.uniform(TOWNHALL_CAME + 10, 2900))

    def _relationships(self, chance: random.Random) -> None:
        roles = (("Daughter", True), ("Son", True), ("Treasurer", False), ("Neighbour", False), ("Carer", True))
        with self.at(self.days_ago(20)):
            for person in chance.sample(self.people, 40):
                role, may_speak = chance.choice(roles)
                record = self.town.records.get(self.as_staff(), "core.contact", person, fields=())
                relative = chance.choice([other for other in self.people if other != person])
                self.town.records.update(
                    self.as_staff(),
                    "core.contact",
                    person,
                    {"relationships": [{"contact": relative, "role": role, "may_speak": may_speak}]},
                    version=record.version,
                )

    def _interactions(self) -> None:
        chance = self.random
        # A tenth of the people make half of the calls, as everywhere.
        regulars = chance.sample(self.people, len(self.people) // 10)
        rows = []
        for index in range(INTERACTIONS):
            person = chance.choice(regulars if chance.random() < 0.5 else self.people)
            kind = chance.choices(("in", "out", "internal"), (60, 30, 10))[0]
            texts = {"in": names.TALK_IN, "out": names.TALK_OUT, "internal": names.NOTES}[kind]
            subject, body = chance.choice(texts)
            days = chance.expovariate(1 / 120) if index >= 40 else chance.uniform(0, 3)
            at = self.days_ago(min(days, 1400))
            row: dict[str, Any] = {
                "channel": chance.choices(("phone", "email", "letter", "visit", "web"), (50, 22, 10, 13, 5))[0],
                "direction": kind,
                "at": at,
                "created": at,
                "contact": person,
                "subject": subject,
                "body": body.format(street=chance.choice(self.streets), number=chance.randint(1, 90)),
                "handled_by": chance.choice(list(self.staff.values())),
            }
            if kind == "in" and chance.random() < 0.5:
                row["outcome"] = chance.choice(("answered", "passed_on", "call_back", "appointment", "progress"))
            if index < 25:
                row["follow_up"] = (self.now + timedelta(days=chance.randint(-3, 5))).astimezone(self.town.zone).date()
            rows.append(row)
        rows.sort(key=lambda row: row["at"])
        self._import("core.interaction", rows)

    def _tasks(self) -> None:
        """Tasks that stand alone, beside those that moves of cases made; what was due a while ago is done."""
        staff = list(self.staff.items())
        where = {"state": "open", "due": {"lt": "now-3d"}}
        for old in self.town.records.find(system(door="demo"), TASK, where, limit=500).records:
            self.move(old, "finish", at=old.due or self.now)
        for index, (subject, notes, days) in enumerate(names.TASKS):
            name, id = staff[index % len(staff)]
            due = self.days_ago(-days, 16).replace(minute=0, second=0, microsecond=0)
            values = {"subject": subject, "notes": notes, "due": due, "assignee": id if index % 4 != 3 else None}
            task = self.create(TASK, values, at=self.days_ago(max(9 - days, 2)), by=name)
            if days < -1:
                self.move(task, "finish", {"outcome": "Done."}, at=due, by=name)

    def _events(self) -> None:
        chance = self.random
        for index in range(48):
            name, kind, location, hour, hours = names.EVENTS[index % len(names.EVENTS)]
            days = index * 2 - 40  # from forty days ago to eight weeks ahead
            starts = self.days_ago(-days, hour) if days >= 0 else self.days_ago(-days, hour).replace(minute=0)
            starts = starts.replace(minute=0, second=0, microsecond=0)
            self.create(
                "core.event",
                {
                    "name": name,
                    "kind": kind,
                    "location": location,
                    "starts": starts,
                    "ends": starts + timedelta(hours=hours),
                    "status": "done" if days < 0 else ("tentative" if index % 9 == 8 else "confirmed"),
                    "public": kind in ("public_meeting", "hearing"),
                    "attendees": chance.sample(self.people, chance.randint(0, 4)),
                },
                at=self.days_ago(max(45 - days / 2, 1)),
            )
