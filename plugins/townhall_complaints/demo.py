"""Service requests for the demo town: about three hundred of half a year, from just sent to long closed."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from townhall_forms.values import Reference

if TYPE_CHECKING:
    from townhall.demo import Demo
    from townhall.records.types import Record

IDENTITY = "complaints.service_request"

#: What people write, by a word in the category's code.
WORDS = {
    "light": ("The lamp has been dark since Saturday evening. The kerb is hard to see.", "It flickers all night long."),
    "pothole": ("A deep hole, a cyclist nearly fell.", "The patch from spring has broken up again."),
    "bin": ("The brown bin was left standing, all the neighbours' were emptied.", "Third week in a row."),
    "collection": ("The brown bin was left standing, all the neighbours' were emptied.", "Third week in a row."),
    "graffiti": ("Spray paint all over the underpass wall.", "Rude words on the bus shelter, please before school."),
    "tree": ("A big branch hangs over the footpath after the storm.", "Roots lift the pavement."),
    "drain": ("The drain is blocked and the bus stop floods.", "Water stands on the road after every rain."),
    "water": ("The meter cover is loose and rattles.", "Water comes up between the stones."),
    "noise": ("Loud music from the yard until two at night.", "Engines run from five in the morning."),
    "bench": ("Two slats are broken, one has a nail sticking out.", "It has been tipped over into the flower bed."),
    "dump": ("A sofa and three bags behind the garages.", "Somebody left paint tins by the brook."),
    "park": ("A car has stood here without plates for a month.", "The swing hangs on one chain."),
}
OTHER = (
    "It would be good if somebody had a look.",
    "This has been so for a while now.",
    "Please tell me who does this.",
)
DONE = (
    "The crew mended it on the spot. Thank you for telling us.",
    "Replaced and tested. It should hold now.",
    "Cleared away this morning.",
    "We looked and put it right; call us if it comes back.",
)
HEARD = (
    "Thank you for telling us. Somebody looks at it this week.",
    "We have your report and have passed it on to the crew.",
    "Thank you. We know of it, and it is on the list.",
)
#: How far requests get, and how many of each: (last state, transitions, weight).
PATHS = (
    ("new", (), 10),
    ("acknowledged", ("accept",), 9),
    ("investigating", ("accept", "investigate"), 7),
    ("in_progress", ("accept", "start"), 16),
    ("scheduled", ("accept", "schedule"), 9),
    ("awaiting_citizen", ("accept", "ask"), 8),
    ("on_hold", ("accept", "hold"), 4),
    ("referred", ("accept", "refer"), 4),
    ("resolved", ("accept", "start", "resolve"), 22),
    ("closed", ("accept", "start", "resolve", "close"), 170),
    ("back", ("accept", "start", "resolve", "reopen", "resolve"), 9),
    ("reopened", ("accept", "start", "resolve", "reopen"), 5),
    ("not_responsible", ("accept", "not_ours"), 5),
    ("no_action", ("accept", "investigate", "no_action"), 5),
    ("cancelled", ("withdraw",), 3),
    ("spam", ("junk",), 2),
    ("unconfirmed", ("ask_to_confirm",), 3),
    ("duplicate", ("accept", "mark_duplicate"), 5),
)
CLOSED = frozenset({"resolved", "closed", "back", "not_responsible", "no_action", "cancelled", "spam"})
#: Days that most of the work on a request takes, and after which a resolved one is closed.
USUAL, QUIET = 6, 14
OPEN_FOR_LONG = {"new": 1.2, "acknowledged": 4, "in_progress": 9, "scheduled": 8, "on_hold": 70, "referred": 110}


def build(demo: Demo) -> None:
    """Create the requests and take each as far as its path says."""
    categories = demo.town.records.find(demo.as_staff(), "complaints.category", limit=100).records
    if not categories:
        return
    _urgent_target(demo)
    steps = (f"{IDENTITY}.transition.{name}@assigned" for name in ("start", "resolve"))
    demo.let("contractor", f"{IDENTITY}.see.instructions", f"{IDENTITY}.see.danger", *steps, "complaints.call_sender")
    open_ones: list[Record] = []
    for state, moves, count in PATHS:
        for _ in range(count):
            known = demo.random.choice(open_ones) if state == "duplicate" else None
            category = next((one for one in categories if known and one.id == known["category"]), None)
            record = _request(demo, category or demo.random.choice(categories), state, moves, known)
            if state in {"in_progress", "investigating"}:
                open_ones.append(record)
            if state == "investigating":
                _inspection(demo, record)


def _urgent_target(demo: Demo) -> None:
    """Danger does not wait for office hours."""
    values = {
        "name": "Urgent requests",
        "case_type": IDENTITY,
        "order": 10,
        "conditions": [{"field": "priority", "is": "is", "value": "urgent"}],
        "clocks": [
            {"clock": "first_response", "within": 4, "unit": "hours"},
            {"clock": "update", "within": 8, "unit": "hours"},
            {"clock": "resolution", "within": 3, "unit": "days"},
        ],
        "night": True,
    }
    demo.create("core.target", values, at=demo.days_ago(240))


def _inspection(demo: Demo, request: Record) -> None:
    """Somebody goes and looks within the week."""
    starts = demo.days_ago(-demo.random.uniform(0.5, 6))
    values = {
        "request": request.id,
        "starts": starts,
        "ends": starts + timedelta(minutes=45),
        "inspector": demo.random.choice(list(demo.staff.values())),
        "location": request["location"],
    }
    demo.create("complaints.inspection", values, at=demo.days_ago(0.5))


def _request(demo: Demo, category: Record, state: str, moves: tuple[str, ...], known: Record | None = None) -> Record:
    chance = demo.random
    # Each category has somebody who comes again and again.
    reporter = demo.people[category.id % len(demo.people)] if chance.random() < 0.2 else None
    age = chance.uniform(25, 200) if state in CLOSED else chance.uniform(0.1, OPEN_FOR_LONG.get(state, 14))
    if state in {"resolved", "reopened"}:
        age = chance.uniform(4, 12)
    channel = chance.choices(("phone", "web", "email", "visit", "letter", "field"), (40, 30, 15, 8, 4, 3))[0]
    code = category["code"]
    texts = next((texts for word, texts in WORDS.items() if word in code), OTHER)
    values: dict[str, Any] = {
        "category": category.id,
        "description": chance.choice(texts),
        "reporter": reporter or chance.choice(demo.people),
        "channel": channel,
        "priority": chance.choices(("low", "normal", "high", "urgent"), (10, 70, 15, 5))[0],
        "issue_kind": chance.choice(("report", "report", "report", "request", "complaint")),
        "answers": demo.answers(category["questions"]),
    }
    if category["location"] != "none":
        values["location"] = f"{chance.randint(1, 90)} {chance.choice(demo.streets)}"
        if chance.random() < 0.5:
            values |= {"place": demo.place(), "place_source": "pin"}
    record = demo.create(IDENTITY, values, at=demo.days_ago(age))
    # What is closed was done within days, however long ago it came in; the rest is as old as it is.
    lasts = min(chance.expovariate(1 / USUAL) + 0.2, age - QUIET - 1) if state in CLOSED and age > QUIET + 2 else age
    if moves and moves[0] == "accept" and chance.random() < 0.85:
        worker, other = chance.sample(list(demo.staff), 2)
        record = demo.update(record, {"assignee": demo.staff[worker]}, at=demo.days_ago(age - lasts * 0.05))
        if chance.random() < 0.2:
            record = demo.update(record, {"assignee": demo.staff[other]}, at=demo.days_ago(age - lasts * 0.06))
    if lasts > USUAL and chance.random() < 0.5:
        _chase(demo, record, values["reporter"], at=demo.days_ago(age - lasts * 0.07))
    if moves and chance.random() < 0.9:
        # Most people hear from somebody within the day; a few wait for too long.
        demo.message(record, chance.choice(HEARD), at=demo.days_ago(age - min(lasts * 0.1, 0.4)))
    for step, move in enumerate(moves, start=1):
        at = demo.days_ago(age - lasts - QUIET if move == "close" else age - lasts * step / (len(moves) + 0.2))
        needed = {"duplicate_of": known.id} if known and move == "mark_duplicate" else _needed(demo, move)
        record = demo.move(record, move, needed, at=at)
        if move in {"ask", "resolve"}:
            text = "Could you send us a photo, please?" if move == "ask" else chance.choice(DONE)
            demo.message(record, text, at=at)
    return record


def _chase(demo: Demo, request: Record, contact: int, *, at: datetime) -> None:
    """Somebody asks how far it is."""
    values = {
        "channel": demo.random.choice(("phone", "phone", "email", "visit")),
        "direction": "in",
        "at": at,
        "contact": contact,
        "about": Reference(IDENTITY, request.id),
        "subject": "How far is it?",
        "outcome": "progress",
    }
    demo.create("core.interaction", values, at=at)


def _needed(demo: Demo, move: str) -> dict[str, Any]:
    chance = demo.random
    if move == "resolve":
        return {"resolution": chance.choice(DONE), "root_cause": chance.choice(("wear", "weather", "vandalism"))}
    if move == "schedule":
        return {"visit_at": demo.days_ago(-chance.uniform(1, 6), chance.randint(8, 15))}
    if move == "hold":
        return {"status_notes": "Waits for a part that was ordered."}
    if move == "refer":
        return {"referred_to": demo.organisations["Northline Electric"]}
    if move in {"not_ours", "no_action"}:
        return {"closing_reason": "This stands on private ground; we have told the owner."}
    return {}
