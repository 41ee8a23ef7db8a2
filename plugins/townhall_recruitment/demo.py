"""Recruitment for the demo town: jobs open, closed and to come, and about fifty applications in all states."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from townhall.demo import Demo
    from townhall.records.types import Record

APPLICATION = "recruitment.application"

#: Job, department, kind, hours, pay, days since it opened and closed (below zero: to come), moves of the posting.
JOBS = (
    ("Library helper, Saturdays", "Library", "PART_TIME", "8", "$17.50 an hour", 12, -16, ("open",)),
    ("Pool attendant", "Parks and pool", "TEMPORARY", "32", "$18 an hour", 20, -9, ("open",)),
    ("Building inspector", "Building office", "FULL_TIME", "38", "$61,000 to $72,000 a year", 25, -5, ("open",)),
    ("Street crew member", "Streets and lights", "FULL_TIME", "40", "$21 to $24 an hour", 70, 40, ("open", "close")),
    ("Front desk clerk", "Town hall", "PART_TIME", "24", "$19 an hour", 120, 85, ("open", "close", "put_away")),
    ("Gardener", "Parks and pool", "FULL_TIME", "38", "$20 an hour", -8, -40, ("schedule",)),
    ("Deputy treasurer", "Finance", "FULL_TIME", "38", "", -30, -60, ()),
)
QUESTIONS = (
    {
        "code": "weekends",
        "label": "Can you work on weekends?",
        "type": "boolean",
        "required": True,
        "privacy": "public",
    },
    {"code": "licence", "label": "Which driving licence do you have?", "type": "text", "privacy": "public"},
    {
        "code": "years",
        "label": "How many years have you done such work?",
        "type": "integer",
        "min": 0,
        "max": 50,
        "privacy": "public",
    },
)
CRITERIA = (
    {"code": "people", "label": "With people", "type": "integer", "min": 0, "max": 5, "weight": 3},
    {"code": "skill", "label": "Knows the work", "type": "integer", "min": 0, "max": 5, "weight": 3},
    {"code": "reliable", "label": "Reliable", "type": "integer", "min": 0, "max": 5, "weight": 2},
)
_QUALIFIED = ("screen", "qualify")
#: Jobs (by their place in JOBS), moves, how many applications.
APPLICATIONS = (
    ((0, 1, 2), (), 9),
    ((0, 1, 2), ("ask_documents",), 4),
    ((0, 1, 2), ("screen",), 5),
    ((1, 2), _QUALIFIED, 3),
    ((3,), (*_QUALIFIED, "list"), 4),
    ((3,), (*_QUALIFIED, "list", "refer"), 3),
    ((3,), (*_QUALIFIED, "refer", "invite"), 5),
    ((3,), (*_QUALIFIED, "refer", "invite", "offer"), 2),
    ((4,), (*_QUALIFIED, "refer", "invite", "offer", "hire"), 2),
    ((4,), (*_QUALIFIED, "refer", "invite", "reject_after_interview"), 4),
    ((3, 4), ("screen", "not_qualify"), 3),
    ((3, 4), ("screen", "reject"), 4),
    ((1, 3), ("withdraw",), 2),
    ((4,), ("screen", "cancel"), 1),
)
MOTIVES = (
    "I know everybody on the square and like to help.",
    "I have done this for the county and want to work close to home.",
    "My children are at school now and I would like to come back.",
    "I was a volunteer here for three summers.",
)


def build(demo: Demo) -> None:
    """Make vacancies and postings, then take each application as far as its path says."""
    postings = [_posting(demo, *job) for job in JOBS]
    people = demo.random.sample(demo.people, sum(count for _, _, count in APPLICATIONS))
    for jobs, moves, count in APPLICATIONS:
        for number in range(count):
            job = jobs[number % len(jobs)]
            _application(demo, postings[job], people.pop(), moves, JOBS[job][5], max(JOBS[job][6], 0))
    _requisitions(demo)
    _eligible_list(demo, postings[3])


def _posting(
    demo: Demo,
    name: str,
    department: str,
    kind: str,
    hours: str,
    pay: str,
    opened: float,
    closed: float,
    moves: tuple[str, ...],
) -> Record:
    staff = list(demo.staff.values())
    asked = max(opened, 0) + 25
    vacancy = demo.create(
        "recruitment.requisition",
        {
            "name": name,
            "department": department,
            "reason": demo.random.choice(("replacement", "new", "seasonal")),
            "hours": hours,
            "requested_by": staff[0],
            "approvals": [
                {"role": "Finance", "by": staff[1], "at": demo.days_ago(asked - 3).date(), "decision": "yes"}
            ],
        },
        at=demo.days_ago(asked),
    )
    for step, move in enumerate(("submit", "approve", *(("fill",) if "put_away" in moves else ())), start=1):
        vacancy = demo.move(vacancy, move, at=demo.days_ago(asked - step * 4 if move != "fill" else 30))
    record = demo.create(
        "recruitment.posting",
        {
            "requisition": vacancy.id,
            "name": name,
            "department": department,
            "description": f"The {department.lower()} looks for somebody who likes to work with and for people.",
            "duties": "Daily work with colleagues and residents; some weekends.",
            "employment_type": kind,
            "hours": hours,
            "salary_text": pay,
            "publish_salary": bool(pay),
            "location": "Town Hall, 2 Bridge Street",
            "opens_at": demo.days_ago(opened, 9),
            "closes_at": demo.days_ago(closed, 16).replace(minute=0),
            "minimum_qualifications": [
                {"text": "Able to speak with people kindly and clearly", "kind": "yes_no", "knock_out": True}
            ],
            "documents_required": [{"label": "Résumé", "needed": True}, {"label": "Two references", "needed": False}],
            "supplemental_questions": list(QUESTIONS),
            "criteria": list(CRITERIA),
            "veterans_points": 5,
            "recruiter": staff[0],
        },
        at=demo.days_ago(max(opened, 0) + 5),
    )
    times = {"open": opened, "close": closed, "put_away": closed - 50, "schedule": 1}
    for move in moves:
        record = demo.move(record, move, at=demo.days_ago(max(times[move], 0.2)))
    return record


def _application(
    demo: Demo, posting: Record, applicant: int, moves: tuple[str, ...], opened: float, closed: float
) -> None:
    chance = demo.random
    age = chance.uniform(closed + 0.5, opened - 0.5)
    values: dict[str, Any] = {
        "posting": posting.id,
        "applicant": applicant,
        "source": chance.choice(("web", "board", "paper", "referral", "walk_in")),
        "channel": chance.choices(("web", "email", "letter", "visit"), (65, 15, 10, 10))[0],
        "motivation": chance.choice(MOTIVES),
        "experience": [{"employer": "Lock Street Bakery", "role": "Sales", "starts": 2019, "ends": 2024}],
        "answers": {"weekends": chance.random() < 0.8, "years": chance.randint(0, 12)},
        "earliest_start": demo.days_ago(-chance.randint(20, 60)).date(),
        "talent_pool": chance.random() < 0.4,
        "declared": True,
    }
    record = demo.create(APPLICATION, values, at=demo.days_ago(age))
    for step, move in enumerate(moves, start=1):
        at = demo.days_ago(age * (1 - step / (len(moves) + 1)))
        record = demo.move(record, move, _needed(demo, move), at=at)
        if move == "ask_documents":
            demo.message(record, "Your résumé is missing. You can add it on this page.", at=at)
        if move == "invite":
            _interview(demo, record, moves)
        if move == "offer":
            _offer(demo, record, hired="hire" in moves)
    if moves and record.closed is None:
        demo.update(record, {"assignee": chance.choice(list(demo.staff.values()))}, at=demo.days_ago(0.1))


def _needed(demo: Demo, move: str) -> dict[str, Any]:
    match move:
        case "ask_documents":
            return {"missing_documents": "Your résumé.", "document_check": [{"label": "Résumé", "status": "missing"}]}
        case "not_qualify":
            return {"screening_note": "Has not the licence that is needed."}
        case "list":
            return {"score": str(demo.random.randint(60, 98))}
        case "reject" | "reject_after_interview":
            return {"refuse_reason": "others_better"}
        case "hire":
            return {"hired_on": demo.days_ago(-14).date()}
    return {}


def _interview(demo: Demo, record: Record, moves: tuple[str, ...]) -> None:
    chance = demo.random
    held = moves[-1] != "invite"
    starts = demo.days_ago(chance.uniform(10, 20) if held else -chance.uniform(1, 8), chance.choice((9, 11, 14)))
    panel = chance.sample(list(demo.staff.values()), 2)
    interview = demo.create(
        "recruitment.interview",
        {
            "application": record.id,
            "starts": starts,
            "ends": starts + timedelta(hours=1),
            "location": "Town Hall, room 4",
            "panel": [{"person": person} for person in panel],
            "status": "done" if held else "confirmed",
        },
        at=demo.days_ago(22 if held else 0.2),
    )
    for person in panel if held else ():
        demo.create(
            "recruitment.scorecard",
            {
                "interview": interview.id,
                "posting": record["posting"],
                "panelist": person,
                "scores": {str(each["code"]): chance.randint(2, 5) for each in CRITERIA},
                "recommendation": chance.choice(("hire", "maybe")),
            },
            at=min(starts + timedelta(hours=2), demo.now),
        )


def _offer(demo: Demo, record: Record, *, hired: bool) -> None:
    values = {
        "application": record.id,
        "salary": "21.00",
        "salary_unit": "hour",
        "starts_on": demo.days_ago(-30).date(),
        "expires_on": demo.days_ago(-9).date(),
    }
    offer = demo.create("recruitment.offer", values, at=demo.days_ago(4))
    demo.create("recruitment.background_check", {"application": record.id, "kind": "references"}, at=demo.days_ago(4))
    if hired:
        demo.move(offer, "accept", at=demo.days_ago(2))


def _requisitions(demo: Demo) -> None:
    """Vacancies that nobody has decided about yet, or that were refused."""
    staff = list(demo.staff.values())
    for name, department, moves in (
        ("Youth worker", "Library", ("submit",)),
        ("Second building inspector", "Building office", ("submit", "reject")),
        ("Night watch", "Town hall", ("submit", "hold")),
        ("Summer guide", "Museum", ()),
    ):
        values = {"name": name, "department": department, "reason": "new", "requested_by": staff[-1]}
        record = demo.create("recruitment.requisition", values, at=demo.days_ago(9))
        for step, move in enumerate(moves, start=1):
            given = {"decision_note": "Not in this year's budget."} if move == "reject" else None
            record = demo.move(record, move, given, at=demo.days_ago(9 - step * 3))


def _eligible_list(demo: Demo, posting: Record) -> None:
    where = {"posting": posting.id, "state": ["eligible", "referred"]}
    found = demo.town.records.find(demo.as_staff(), APPLICATION, where, fields=["score"], limit=20).records
    entries = [
        {"rank": rank, "application": record.id, "score": record["score"], "preference_points": 0}
        for rank, record in enumerate(sorted(found, key=lambda each: -(each["score"] or 0)), start=1)
    ]
    values = {
        "name": f"{posting['name']}, eligible",
        "posting": posting.id,
        "entries": entries,
        "expires_on": demo.days_ago(-180).date(),
    }
    demo.create("recruitment.eligible_list", values, at=demo.days_ago(1))
