"""Grants for the demo town: programmes, rounds past, present and to come, about fifty applications, their awards."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from townhall.demo import Demo
    from townhall.records.types import Record

APPLICATION = "grants.application"
AWARD = "grants.award"

PROGRAMMES = (
    (
        "COMM",
        "Community grants",
        "Small sums for clubs and neighbours who do something for the town.",
        "local",
        "40000",
    ),
    ("YOUTH", "Youth and sports", "Kit, trips and coaching for under-eighteens.", "local", "25000"),
    ("GREEN", "Greener Millbrook", "Trees, bikes and less waste, paid by the state.", "state", "60000"),
)
#: Programme, name, days since it opened and since it closed (below zero: to come), largest grant, moves of the round.
ROUNDS = (
    ("COMM", "Community grants, last autumn", 230, 180, "1500", ("open", "close", "review", "decide")),
    ("YOUTH", "Youth and sports, this year", 110, 45, "3000", ("open", "close", "review")),
    ("COMM", "Community grants, this season", 18, -31, "1500", ("open",)),
    ("GREEN", "Greener Millbrook, first round", -12, -75, "5000", ("schedule",)),
    ("GREEN", "Greener Millbrook, second round", -120, -180, "5000", ()),
    ("YOUTH", "Youth and sports, trips", 60, 4, "800", ("open", "close")),
    ("COMM", "Community grants, two years ago", 800, 740, "1500", ("open", "close", "decide", "put_away")),
)
QUESTIONS = (
    {"code": "who_gains", "label": "Who gains from it?", "type": "longtext", "required": True, "privacy": "public"},
    {
        "code": "people",
        "label": "How many people take part?",
        "type": "integer",
        "min": 1,
        "max": 20000,
        "privacy": "public",
    },
    {
        "code": "before",
        "label": "Have you had a grant from the town before?",
        "type": "choice",
        "required": True,
        "privacy": "public",
        "choices": [{"value": "no", "label": "No"}, {"value": "yes", "label": "Yes"}],
    },
)
CRITERIA = (
    {"code": "need", "label": "Does the town need it?", "type": "integer", "min": 0, "max": 5, "weight": 4},
    {"code": "plan", "label": "Is the plan sound?", "type": "integer", "min": 0, "max": 5, "weight": 3},
    {"code": "money", "label": "Is the budget right?", "type": "integer", "min": 0, "max": 5, "weight": 2},
    {
        "code": "own_share",
        "label": "Do they bring a share of their own?",
        "type": "integer",
        "min": 0,
        "max": 5,
        "weight": 1,
    },
)
PROJECTS = (
    ("New benches by the weir", "Two of the six benches are broken. Older people stop coming as they can't rest."),
    ("Brass for beginners", "Ten instruments that children can borrow for their first year."),
    ("Winter coats for all", "A rack in the church hall: take one, leave one."),
    ("Bees on the allotments", "Four hives, two suits and a course for members."),
    ("Mural in the underpass", "Pupils paint the grey wall with a local artist."),
    ("Bike repair Saturdays", "Tools and parts for a free workshop once a month."),
    ("A stage for the summer fair", "Boards and a roof that all clubs can use."),
    ("Stories of the mill", "We record what the last mill workers remember."),
    ("Lunch for lonely days", "A warm meal on Sundays in the community centre."),
    ("Goals that stand still", "Four safe goals for the under-tens."),
    ("Swimming for newcomers", "Twelve lessons for women who never learned to swim."),
    ("A garden for the school", "Raised beds, a pond and a shed."),
    ("Repair café", "Volunteers mend what others would throw away."),
    ("Trees for Chapel Hill", "Twenty trees, and neighbours who water them."),
    ("First aid for scouts", "A course and kits for forty young people."),
    ("Theatre without barriers", "A hearing loop and a ramp to the stage."),
)
BUDGET = ("Material", "Tools", "Hire of a room", "Travel", "Printing", "Fees", "Food", "Help by the hour")

_TO_REVIEW = ("submit", "check", "review")
#: Round, moves, how many applications.
APPLICATIONS = (
    (0, (*_TO_REVIEW, "discuss", "recommend", "award"), 11),
    (0, (*_TO_REVIEW, "discuss", "recommend", "award_with_conditions"), 3),
    (0, (*_TO_REVIEW, "reject"), 4),
    (0, ("submit", "check", "not_eligible"), 2),
    (0, ("submit", "withdraw"), 1),
    (1, _TO_REVIEW, 6),
    (1, (*_TO_REVIEW, "discuss"), 3),
    (1, (*_TO_REVIEW, "discuss", "recommend"), 3),
    (1, (*_TO_REVIEW, "discuss", "reserve"), 2),
    (1, ("submit", "check", "ask"), 2),
    (2, (), 2),
    (2, ("ask_sign_off",), 2),
    (2, ("submit",), 6),
    (2, ("submit", "check"), 3),
    (2, ("submit", "check", "ask"), 1),
)
#: Moves of the awards, in turn.
AWARDS = (
    ("accept", "start"),
    ("accept", "start"),
    ("accept", "start", "begin_closing", "close"),
    ("accept", "start", "begin_closing"),
    (),
    ("accept",),
    ("accept", "start", "suspend"),
    ("decline",),
    ("accept", "start", "terminate"),
    ("accept", "start", "begin_closing", "close"),
    ("accept", "start"),
)
#: Moves of the payment requests, in turn.
PAYMENTS: tuple[tuple[str, ...], ...] = (
    ("approve", "approve_finance", "pay"),
    ("approve", "approve_finance"),
    ("approve",),
    (),
    ("ask_changes",),
    ("ask_changes", "resubmit"),
    ("decline",),
    ("approve", "approve_finance", "fail"),
    ("approve", "ask_changes_finance"),
)
#: Moves of the reports, in turn, and days until each is due.
REPORTS: tuple[tuple[tuple[str, ...], int], ...] = (
    (("submit", "accept"), -20),
    ((), 40),
    (("fall_due",), 6),
    (("fall_due", "lapse"), -9),
    (("submit",), 12),
    (("submit", "ask_changes"), 3),
    (("waive",), 15),
)
#: Moves of findings and amendments, in turn.
FINDINGS: tuple[tuple[str, ...], ...] = ((), ("start",), ("start", "settle"), ("drop",))
AMENDMENTS: tuple[tuple[str, ...], ...] = ((), ("approve",), ("refuse",))
REVIEWERS = 2


def build(demo: Demo) -> None:
    """Make programmes and rounds, then take each application as far as its path says."""
    programmes = _programmes(demo)
    rounds = [_round(demo, programmes[entry[0]], *entry[1:]) for entry in ROUNDS]
    awarded = []
    projects = [PROJECTS[index % len(PROJECTS)] for index in range(sum(count for _, _, count in APPLICATIONS))]
    demo.random.shuffle(projects)
    for index, moves, count in APPLICATIONS:
        _, _, opened, closed, _, _ = ROUNDS[index]
        for _ in range(count):
            record = _application(demo, rounds[index], projects.pop(), moves, opened, max(closed, 0))
            if record.state.startswith("awarded"):
                awarded.append(record)
    running = 0
    for number, record in enumerate(awarded):
        award = _award(demo, record, AWARDS[number % len(AWARDS)])
        if award.state not in {"offered", "accepted", "declined"}:
            _payment(demo, award, running)
            _report(demo, award, running)
            running += 1
        if award.state == "closing":
            _close_out(demo, award)
        if award.state in {"active", "closed"}:
            _visit(demo, award, number)
        if award.state == "active":
            _amendment(demo, award, number)
    _received(demo)


def _programmes(demo: Demo) -> dict[str, int]:
    contact = "Grants office, 555 0142 030"
    return {
        code: demo.create(
            "grants.programme",
            {
                "code": code,
                "name": name,
                "description": text,
                "eligibility": "Clubs, charities and groups of neighbours in Millbrook.",
                "fund_source": source,
                "budget": budget,
                "contact_line": contact,
            },
            at=demo.days_ago(900),
        ).id
        for code, name, text, source, budget in PROGRAMMES
    }


def _round(
    demo: Demo, programme: int, name: str, opened: float, closed: float, largest: str, moves: tuple[str, ...]
) -> Record:
    values = {
        "programme": programme,
        "name": name,
        "description": "Tell us what you want to do, what it costs and who gains. We decide within two months.",
        "opens_at": demo.days_ago(opened, 8).replace(minute=0),
        "closes_at": demo.days_ago(closed, 16).replace(minute=0),
        "budget": "20000",
        "min_award": "100",
        "max_award": largest,
        "questions": list(QUESTIONS),
        "criteria": list(CRITERIA),
    }
    record = demo.create("grants.round", values, at=demo.days_ago(max(opened, 0) + 15))
    ledger = {"round": record.id, "kind": "budget", "amount": "20000", "reference": "Budget resolution"}
    times = {
        "open": opened,
        "close": closed,
        "review": closed - 2,
        "decide": closed - 60,
        "put_away": 90,
        "schedule": 1,
    }
    for move in moves:
        record = demo.move(record, move, at=demo.days_ago(max(times[move], 0.5)))
    demo.create("grants.allocation", ledger, at=demo.days_ago(max(opened, 1)))
    return record


def _application(
    demo: Demo, round_: Record, project: tuple[str, str], moves: tuple[str, ...], opened: float, closed: float
) -> Record:
    chance = demo.random
    age = chance.uniform(closed + 1, opened - 1)
    record = demo.create(APPLICATION, _values(demo, round_, project), at=demo.days_ago(age))
    sent = chance.uniform(closed, age) if "submit" in moves else age
    for step, move in enumerate(moves):
        # The first move is the sending; the others follow over the weeks after the round has closed.
        at = sent if step == 0 else max(min(closed, sent) * (1 - step / (len(moves) + 1.5)), 0.2)
        if move == "review":
            record = demo.update(record, {"eligibility_result": "eligible"}, at=demo.days_ago(at))
        if move == "discuss":
            _reviews(demo, record, at)
        record = demo.move(record, move, _needed(demo, record, move), at=demo.days_ago(at))
        if move == "ask":
            demo.message(
                record, "Please tell us who owns the ground, then press “I have added it”.", at=demo.days_ago(at)
            )
    if record.closed is None and len(moves) > 1:
        record = demo.update(record, {"assignee": chance.choice(list(demo.staff.values()))}, at=demo.days_ago(0.1))
    if record.state == "in_review":
        _reviews(demo, record, 0.1, finished=chance.random() < 0.5)
    return record


def _values(demo: Demo, round_: Record, project: tuple[str, str]) -> dict[str, Any]:
    chance = demo.random
    club = chance.random() < 0.75
    name, applicant = chance.choice(list(demo.organisations.items()))
    lines = [
        {"label": label, "amount": f"{chance.randint(8, 60) * 10}.{chance.choice(('00', '50'))}"}
        for label in chance.sample(BUDGET, chance.randint(2, 4))
    ]
    lines[0]["match"] = str(chance.randint(0, 8) * 10)
    asked = min(sum(int(line["amount"].split(".")[0]) for line in lines), 1500) // 10 * 10
    starts = demo.days_ago(chance.randint(-90, 60)).date()
    values: dict[str, Any] = {
        "round": round_.id,
        "applicant": applicant if club else chance.choice(demo.people),
        "contact_person": chance.choice(demo.people) if club else None,
        "applicant_kind": "organisation" if club else "group",
        "organisation_name": name if club else f"Neighbours of {chance.choice(demo.streets)}",
        "name": project[0],
        "summary": project[1],
        "location": chance.choice(demo.streets),
        "project_start": starts,
        "project_end": date(starts.year + 1, starts.month, 1),
        "budget_lines": lines,
        "amount_requested": str(asked),
        "answers": {"who_gains": "Everybody who lives nearby.", "people": chance.randint(5, 300), "before": "no"},
        "declared": True,
        "publish_consent": True,
        "channel": chance.choices(("web", "letter", "visit", "email"), (70, 10, 10, 10))[0],
    }
    return values


def _needed(demo: Demo, record: Record, move: str) -> dict[str, Any]:
    asked = str(record["amount_requested"].amount)
    match move:
        case "ask_sign_off":
            return {"certifier_name": "Edith Fairweather", "certifier_email": "chair@club.example"}
        case "ask":
            return {"more_info_request": "Who owns the ground, and do they agree?"}
        case "recommend":
            return {"recommended_amount": asked, "panel_note": "Good value for the town."}
        case "award":
            return {"amount_awarded": asked, "decision_reason": "It fits the grant and many people gain from it."}
        case "award_with_conditions":
            return {"amount_awarded": asked, "conditions": "Show us the owner's consent before you start."}
        case "reject":
            return {"decision_reason": "There was not enough money for all; others reached more people."}
        case "not_eligible":
            return {"decision_reason": "The grant is for projects in Millbrook."}
    return {}


def _reviews(demo: Demo, record: Record, age: float, *, finished: bool = True) -> None:
    chance = demo.random
    at = demo.days_ago(age + 0.05)
    for reviewer in chance.sample(list(demo.staff.values()), REVIEWERS):
        about = {"application": record.id, "reviewer": reviewer}
        demo.create("grants.conflict_declaration", {**about, "kind": "none"}, at=at)
        scores = {str(each["code"]): chance.randint(1, 5) for each in CRITERIA if chance.random() < 0.9}
        review = demo.create(
            "grants.review",
            {
                **about,
                "round": record["round"],
                "scores": scores,
                "recommendation": chance.choice(("yes", "yes", "maybe", "no")),
                "comments": chance.choice(
                    ("Well thought out.", "A little dear, but needed.", "I'd like a second quote.")
                ),
            },
            at=at,
        )
        if finished:
            demo.move(review, "submit", at=demo.days_ago(age))


def _award(demo: Demo, application: Record, moves: tuple[str, ...]) -> Record:
    chance = demo.random
    age = chance.uniform(60, 80)
    amount = application["amount_awarded"].amount
    demo.create(
        "grants.decision",
        {
            "application": application.id,
            "outcome": "award",
            "amount": str(amount),
            "reasons": application["decision_reason"] or "Good for the town.",
            "decided_at": demo.days_ago(age + 2),
            "meeting": "Grants panel, item 4",
        },
        at=demo.days_ago(age + 1),
    )
    record = demo.create(
        AWARD,
        {
            "application": application.id,
            "name": application["name"],
            "recipient": application["applicant"],
            "recipient_name": application["organisation_name"],
            "summary": application["summary"],
            "amount_awarded": str(amount),
            "period_start": demo.days_ago(age).date(),
            "period_end": demo.days_ago(-chance.randint(5, 250)).date(),
            "risk": chance.choice(("low", "low", "medium")),
        },
        at=demo.days_ago(age),
    )
    _book(demo, record, "commit", amount, age)
    for step, move in enumerate(moves, start=1):
        at = demo.days_ago(age * (1 - step / (len(moves) + 0.5)) if "close" in moves else max(age - step * 6, 0.5))
        stop = {"stop_reason": "The report did not come, in spite of two reminders."}
        record = demo.move(record, move, stop if move in {"suspend", "terminate"} else None, at=at)
    return record


def _book(demo: Demo, award: Record, kind: str, amount: object, age: float) -> None:
    values = {
        "round": award["round"],
        "award": award.id,
        "kind": kind,
        "amount": str(amount),
        "at": demo.days_ago(age).date(),
    }
    demo.create("grants.allocation", values, at=demo.days_ago(age))


def _payment(demo: Demo, award: Record, number: int) -> None:
    half = str(award["amount_awarded"].amount // 2 + 1)
    item = demo.create(
        "grants.payment_item",
        {"award": award.id, "label": "First half", "amount": half, "due_on": demo.days_ago(20).date()},
        at=demo.days_ago(40),
    )
    record = demo.create(
        "grants.payment_request",
        {"award": award.id, "items": [item.id], "amount_claimed": half, "explanation": "Material, see receipts."},
        at=demo.days_ago(25),
    )
    first, second = demo.random.sample(list(demo.staff), 2)
    for step, move in enumerate(PAYMENTS[number % len(PAYMENTS)], start=1):
        known: dict[str, dict[str, Any]] = {
            "approve": {"amount_approved": half},
            "pay": {"paid_on": demo.days_ago(10).date(), "voucher": f"V-{4100 + number}"},
            "ask_changes": {"change_request": "Please add the receipt for the timber."},
            "ask_changes_finance": {"change_request": "The bank account is missing."},
            "decline": {"decline_reason": "This was paid by another grant already."},
        }
        by = second if move == "approve_finance" else first
        record = demo.move(record, move, known.get(move), at=demo.days_ago(25 - step * 5), by=by)
    if record.state == "paid":
        _book(demo, award, "pay", half, 10)


def _report(demo: Demo, award: Record, number: int) -> None:
    moves, days = REPORTS[number % len(REPORTS)]
    due = demo.days_ago(-days)
    record = demo.create(
        "grants.report_requirement",
        {
            "award": award.id,
            "kind": demo.random.choice(("progress", "final")),
            "period_start": award["period_start"],
            "period_end": max(demo.days_ago(-days + 30).date(), award["period_start"]),
            "due_on": max(due.date(), award["period_start"]),
        },
        at=demo.days_ago(50),
    )
    for step, move in enumerate(moves, start=1):
        known: dict[str, dict[str, Any]] = {
            "submit": {"summary": "All is bought and built; forty people came.", "spent": "420", "people_reached": 40},
            "ask_changes": {"change_request": "Please add two pictures."},
            "waive": {"waive_reason": "The project was stopped by agreement."},
        }
        record = demo.move(record, move, known.get(move), at=demo.days_ago(12 - step * 3))


def _close_out(demo: Demo, award: Record) -> None:
    staff = list(demo.staff.values())
    for label, done in (
        ("Final report accepted", True),
        ("Receipts checked", True),
        ("Money left over paid back", False),
    ):
        values: dict[str, Any] = {"award": award.id, "label": label, "due_on": demo.days_ago(-10).date(), "done": done}
        if done:
            values |= {"done_by": staff[0], "done_on": demo.days_ago(3).date()}
        demo.create("grants.closeout_item", values, at=demo.days_ago(8))


def _visit(demo: Demo, award: Record, number: int) -> None:
    starts = demo.days_ago((6, -4, 9, -9)[number % 4], 10)
    past = starts <= demo.now
    values: dict[str, Any] = {
        "award": award.id,
        "starts": starts,
        "location": demo.random.choice(demo.streets),
        "visitor": demo.random.choice(list(demo.staff.values())),
        "status": "done" if past else "confirmed",
    }
    if past:
        values |= {"seen": "The work is done well; one receipt is missing.", "satisfied": "partly"}
    visit = demo.create("grants.monitoring_visit", values, at=demo.days_ago(14))
    if past:
        finding = {
            "award": award.id,
            "visit": visit.id,
            "subject": "A receipt is missing",
            "severity": "minor",
            "action": "Send the receipt for the timber.",
        }
        record = demo.create("grants.finding", finding, at=demo.days_ago(5))
        for step, move in enumerate(FINDINGS[number % len(FINDINGS)], start=1):
            given = {"result": "The receipt came by post."} if move in {"settle", "drop"} else None
            record = demo.move(record, move, given, at=demo.days_ago(5 - step * 2))


def _amendment(demo: Demo, award: Record, number: int) -> None:
    values: dict[str, Any] = {"award": award.id, "kind": "extend", "reason": "The timber comes six weeks late."}
    values["new_end"] = demo.days_ago(-300).date()
    record = demo.create("grants.amendment", values, at=demo.days_ago(9))
    for move in AMENDMENTS[number % len(AMENDMENTS)]:
        demo.move(record, move, at=demo.days_ago(4))


def _received(demo: Demo) -> None:
    """What the town itself applies for."""
    for name, moves, amount in (
        ("Safer ways to school", ("apply", "receive"), "180000"),
        ("Library roof", ("apply",), "95000"),
        ("Flood walls at the weir", (), "1200000"),
    ):
        values = {"name": name, "funder": demo.organisations["County Water Board"], "amount_requested": amount}
        record = demo.create("grants.received_grant", values, at=demo.days_ago(100))
        for step, move in enumerate(moves, start=1):
            given = {"amount_received": amount} if move == "receive" else None
            record = demo.move(record, move, given, at=demo.days_ago(100 - step * 30))
