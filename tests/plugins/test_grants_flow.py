"""A grant's life, through records: applied for, reviewed, awarded, paid, reported on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from staff_client import plain
from staff_client import staff_client

from townhall import Actor
from townhall import Forbidden
from townhall import Record
from townhall import Rejected
from townhall import ValidationFailed
from townhall import system
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import citizen
from townhall.access.roles import ROLES
from townhall.accounts import people
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.testing.clients import Client
from townhall.town import Town

ROUND = "grants.round"
APPLICATION = "grants.application"
BUDGET = [{"label": "Wood", "amount": "900", "match": "120"}, {"label": "Screws", "amount": "100.50"}]


@pytest.fixture
def grants(make_town: Callable[..., Town]) -> Town:
    """A town with grants."""
    return make_town("grants")


@pytest.fixture
def open_round(grants: Town, clock: FixedClock) -> Record:
    """A round that is open for another month."""
    programme = grants.records.create(system(), "grants.programme", {"name": "Community grants", "code": "COMM"})
    values = {
        "programme": programme.id,
        "name": "Community grants, spring",
        "opens_at": clock.now() - timedelta(days=3),
        "closes_at": clock.now() + timedelta(days=30),
        "budget": "10000",
        "max_award": "1500",
        "questions": [{"code": "why", "label": "Why does the town need it?", "type": "longtext", "required": True}],
        "criteria": [
            {"code": "need", "label": "Need", "type": "integer", "min": 0, "max": 5, "weight": 3},
            {"code": "plan", "label": "Plan", "type": "integer", "min": 0, "max": 5, "weight": 1},
        ],
    }
    record = grants.records.create(system(), ROUND, values)
    return grants.records.transition(system(), ROUND, record.id, "open", version=record.version)


def applicant(town: Town) -> int:
    """A club."""
    return town.records.create(system(), "core.contact", {"kind": "organisation", "name": "Friends of Weir Park"}).id


def application(town: Town, actor: Actor, open_round: Record, **more: Any) -> Record:
    """An application that is whole."""
    values = {
        "round": open_round.id,
        "applicant": applicant(town),
        "applicant_kind": "organisation",
        "organisation_name": "Friends of Weir Park",
        "name": "New benches",
        "summary": "Two benches by the weir.",
        "project_start": "2026-05-01",
        "project_end": "2026-09-30",
        "budget_lines": BUDGET,
        "amount_requested": "780",
        "answers": {"why": "Nowhere to rest."},
        "declared": True,
    }
    return town.records.create(actor, APPLICATION, {**values, **more})


def move(town: Town, actor: Actor, record: Record, name: str, **values: Any) -> Record:
    """Make a move."""
    return town.records.transition(actor, record.identity, record.id, name, values, version=record.version)


def test_a_draft_may_have_gaps_but_not_be_sent(grants: Town, clerk: Actor, open_round: Record) -> None:
    """What is required waits until the application leaves its draft."""
    record = grants.records.create(clerk, APPLICATION, {"round": open_round.id, "applicant": applicant(grants)})
    assert record.state == "draft"
    with pytest.raises(ValidationFailed) as refused:
        move(grants, clerk, record, "submit")
    assert {"name", "summary", "budget_lines", "amount_requested", "declared"} <= set(refused.value.errors)


def test_sums_follow_the_budget_and_limit_what_is_asked(grants: Town, clerk: Actor, open_round: Record) -> None:
    """Totals are computed to the cent; nobody asks for more than the budget or the round's largest grant."""
    record = application(grants, clerk, open_round)
    assert record["budget_total"].amount == Decimal("1000.50")
    assert record["match_total"].amount == Decimal("120.00")
    with pytest.raises(ValidationFailed) as refused:
        application(grants, clerk, open_round, amount_requested="1200")
    assert refused.value.errors["amount_requested"] == "You ask for more than the budget adds up to."
    large = [{"label": "Hall", "amount": "9000"}]
    with pytest.raises(ValidationFailed) as refused:
        application(grants, clerk, open_round, budget_lines=large, amount_requested="2000")
    assert refused.value.errors["amount_requested"] == "This is more than the largest grant of this round."


def test_an_application_is_checked_reviewed_and_awarded(grants: Town, clerk: Actor, open_round: Record) -> None:
    """From draft to award, with a question to the applicant on the way."""
    record = move(grants, clerk, application(grants, clerk, open_round), "submit")
    assert record["submitted_at"] == grants.clock.now()
    record = move(grants, clerk, record, "check")
    record = move(grants, clerk, record, "ask", more_info_request="Who owns the ground?")
    sender = citizen(frozenset({(APPLICATION, record.id)}))
    record = move(grants, sender, grants.records.get(sender, APPLICATION, record.id), "answer")
    record = grants.records.get(clerk, APPLICATION, record.id)
    with pytest.raises(ValidationFailed):
        move(grants, clerk, record, "review")
    record = grants.records.update(
        clerk, APPLICATION, record.id, {"eligibility_result": "eligible"}, version=record.version
    )
    record = move(grants, clerk, record, "review")
    record = move(grants, clerk, record, "recommend", recommended_amount="780")
    record = move(grants, clerk, record, "award", amount_awarded="780")
    assert record.state == "awarded"
    assert record.closed is not None
    (task,) = grants.records.find(clerk, "core.task").records
    assert task.title.startswith("Send the agreement to ")
    assert task.due is not None
    award = grants.records.create(
        clerk,
        "grants.award",
        {
            "application": record.id,
            "name": "New benches",
            "recipient": record["applicant"],
            "amount_awarded": "780",
            "period_start": "2026-05-01",
            "period_end": "2026-09-30",
        },
    )
    assert award["round"] == open_round.id
    for name in ("accept", "start", "begin_closing", "close"):
        award = move(grants, clerk, award, name)
    assert award.closed is not None
    assert grants.records.get(ANONYMOUS, "grants.award", award.id)["amount_awarded"].amount == 780


def test_no_review_without_a_declaration(grants: Town, clerk: Actor, open_round: Record) -> None:
    """Whoever reviews says first whether they have a stake; who has one waits for a decision, or keeps out."""
    for member in ("Rae", "Sam"):
        people.add(grants, system(), f"{member}@town.example", name=member, role="clerk", password="bench-and-weir-9")
    rae, sam = (option.id for option in grants.context(system()).staff())
    record = move(grants, clerk, application(grants, clerk, open_round), "submit")
    review = {"application": record.id, "reviewer": rae, "recommendation": "yes"}
    with pytest.raises(Rejected, match="First declare"):
        grants.records.create(clerk, "grants.review", review)
    declare = {"application": record.id, "reviewer": rae, "kind": "none"}
    grants.records.create(clerk, "grants.conflict_declaration", declare)
    scored = grants.records.create(clerk, "grants.review", review)
    assert scored["round"] == open_round.id
    friend = {"application": record.id, "reviewer": sam, "kind": "personal"}
    declared = grants.records.create(clerk, "grants.conflict_declaration", friend)
    with pytest.raises(Rejected, match="not decided yet"):
        grants.records.create(clerk, "grants.review", {**review, "reviewer": sam})
    own = Actor("staff", "Sam", sam, ROLES["reviewer"].permissions)
    with pytest.raises(Rejected, match="A colleague decides"):
        grants.records.update(
            own, "grants.conflict_declaration", declared.id, {"decision": "clear"}, version=declared.version
        )
    grants.records.update(
        clerk, "grants.conflict_declaration", declared.id, {"decision": "recuse"}, version=declared.version
    )
    with pytest.raises(Rejected, match="keep out"):
        grants.records.create(clerk, "grants.review", {**review, "reviewer": sam})


def test_scores_are_weighted(grants: Town, clerk: Actor, open_round: Record) -> None:
    """A review's score weighs its criteria; one that does not apply is left out."""
    rae = people.add(grants, system(), "rae@town.example", name="Rae", role="clerk", password="bench-and-weir-9")
    record = move(grants, clerk, application(grants, clerk, open_round), "submit")
    grants.records.create(
        clerk, "grants.conflict_declaration", {"application": record.id, "reviewer": rae.id, "kind": "none"}
    )
    values = {"application": record.id, "round": open_round.id, "reviewer": rae.id, "scores": {"need": 5, "plan": 1}}
    review = grants.records.create(clerk, "grants.review", values)
    assert review["weighted_score"] == Decimal("4.00")
    review = grants.records.update(clerk, "grants.review", review.id, {"scores": {"need": 3}}, version=review.version)
    assert review["weighted_score"] == Decimal("3.00")


def test_two_people_approve_a_payment(grants: Town, clerk: Actor, open_round: Record) -> None:
    """Whoever gave the first approval can't give the second."""
    record = move(grants, clerk, application(grants, clerk, open_round), "submit")
    award = grants.records.create(
        clerk,
        "grants.award",
        {
            "application": record.id,
            "name": "New benches",
            "recipient": record["applicant"],
            "amount_awarded": "780",
            "period_start": "2026-05-01",
            "period_end": "2026-09-30",
        },
    )
    payment = grants.records.create(
        clerk, "grants.payment_request", {"award": award.id, "amount_claimed": "300", "explanation": "Wood."}
    )
    assert payment["recipient"] == record["applicant"]
    with pytest.raises(ValidationFailed):
        move(grants, clerk, payment, "approve", amount_approved="400")
    payment = move(grants, clerk, payment, "approve", amount_approved="300")
    assert payment["staff_approver"] == clerk.id
    with pytest.raises(Rejected, match="Somebody else"):
        move(grants, clerk, payment, "approve_finance")
    payment = move(grants, replace(clerk, id=9, name="Fin"), payment, "approve_finance")
    payment = move(grants, clerk, payment, "pay", paid_on="2026-03-17")
    assert payment.state == "paid"
    assert payment.type.workflow is not None
    assert payment.type.workflow.states["approved_staff"].public_label == "Pending approval"


def test_a_report_is_due_when_it_says(grants: Town, clerk: Actor, open_round: Record) -> None:
    """A report's case is due on the stored day, in the town's zone, and moves only with it; for ever is the last."""
    record = move(grants, clerk, application(grants, clerk, open_round), "submit")
    values = {
        "application": record.id,
        "name": "New benches",
        "recipient": record["applicant"],
        "amount_awarded": "780",
        "period_start": "2026-05-01",
        "period_end": "2026-09-30",
    }
    award = grants.records.create(clerk, "grants.award", values)
    report = grants.records.create(
        clerk,
        "grants.report_requirement",
        {
            "award": award.id,
            "kind": "final",
            "period_start": "2026-05-01",
            "period_end": "2026-09-30",
            "due_on": "2026-12-29",
        },
    )
    assert report.due is not None
    assert report.due.astimezone(grants.zone).date() == date(2026, 12, 29)
    for given, due in (("9999-12-31", date(2199, 12, 31)), ("2026-12-29", date(2026, 12, 29))):
        later = {"due_on": given}
        report = grants.records.update(clerk, report.identity, report.id, later, version=report.version)
        assert report.due is not None
        assert report.due.astimezone(grants.zone).date() == due
    report = move(grants, clerk, report, "submit", summary="Both benches stand.")
    assert move(grants, clerk, report, "accept").state == "accepted"


def test_the_ledger_is_only_added_to(grants: Town, clerk: Actor, open_round: Record) -> None:
    """Ledger entries are never changed or archived, and have sums above zero."""
    entry = grants.records.create(
        clerk, "grants.allocation", {"round": open_round.id, "kind": "budget", "amount": "10000"}
    )
    with pytest.raises((Rejected, Forbidden, ValidationFailed)):
        grants.records.update(clerk, "grants.allocation", entry.id, {"amount": "1"}, version=entry.version)
    with pytest.raises((Rejected, Forbidden)):
        grants.records.archive(clerk, "grants.allocation", entry.id, version=entry.version)
    with pytest.raises(ValidationFailed):
        grants.records.create(clerk, "grants.allocation", {"round": open_round.id, "kind": "budget", "amount": "-5"})


def test_the_public_applies_while_the_round_is_open(grants: Town, open_round: Record, clock: FixedClock) -> None:
    """A visitor's application comes in as submitted; once the round is over, none does."""
    values = {
        "round": open_round.id,
        "applicant_kind": "person",
        "name": "A mural",
        "summary": "On the underpass.",
        "project_start": "2026-06-01",
        "budget_lines": BUDGET,
        "amount_requested": "500",
        "answers": {"why": "It is grey."},
        "declared": True,
    }
    contact = {"name": "Halina Nowak", "email": "halina@post.example"}
    sent = grants.records.create(ANONYMOUS, APPLICATION, values, form="public", contact=contact)
    stored = grants.records.get(system(), APPLICATION, sent.id)
    assert stored.state == "submitted"
    assert stored.channel == "web"
    grants.clock = FixedClock(clock.now() + timedelta(days=31))
    with pytest.raises((Rejected, ValidationFailed, Forbidden)):
        grants.records.create(ANONYMOUS, APPLICATION, values, form="public", contact=contact)


def test_who_must_keep_out_sees_nothing_of_an_application(grants: Town, clerk: Actor, open_round: Record) -> None:
    """A recused reviewer gets no page, line, count, file or hit of it, whatever their role; others still do."""
    rae = staff_client(grants, "administrator")
    reviewer = next(person.id for person in grants.context(system()).staff() if person.title == "Administrator")
    barred = move(grants, clerk, application(grants, clerk, open_round, name="Zebra crossing"), "submit")
    other = move(grants, clerk, application(grants, clerk, open_round, name="Swings"), "submit")
    where = f"/admin/grants/application/{barred.id}/"
    assert rae.get(where).status_code == 200
    stake = {"application": barred.id, "reviewer": reviewer, "kind": "employer", "decision": "recuse"}
    grants.records.create(system(), "grants.conflict_declaration", {**stake, "decided_by": reviewer})
    for page in ("", "edit", "print", "history", "give", "move/check"):
        assert rae.get(f"{where}{page}").status_code == 404, page
    listed = rae.get("/admin/grants/application/").text
    assert ("Swings" in listed, "Zebra" in listed) == (True, False)
    exported = rae.get("/admin/grants/application/export.csv").text
    assert ("Swings" in exported, "Zebra" in exported) == (True, False)
    theirs = {"application": barred.id, "reviewer": reviewer + 1, "kind": "none"}
    grants.records.create(system(), "grants.conflict_declaration", theirs)
    found = rae.get("/admin/search/?q=zebra").text
    assert f"/admin/grants/application/{barred.id}/" not in found
    assert found.count("Zebra crossing") == 1  # in the title of their own declaration
    assert "Zebra" not in rae.get("/admin/?show=unassigned").text
    actor = Actor("staff", "Rae", reviewer, frozenset({"*"}), door="admin")
    assert grants.records.count(actor, APPLICATION).value == 1
    assert grants.records.aggregate(actor, APPLICATION, group_by=["state"]) == [{"state": "submitted", "count": 1}]
    assert {each.id for each in grants.records.find(clerk, APPLICATION).records} == {barred.id, other.id}


def test_an_award_shows_its_money_to_staff_and_its_payments_to_the_applicant(
    grants: Town, clerk: Actor, open_round: Record
) -> None:
    """Awarded, paid, asked for and left add up; the applicant reads public words and no names."""
    record = move(grants, clerk, application(grants, clerk, open_round), "submit")
    values = {
        "application": record.id,
        "name": "New benches",
        "recipient": record["applicant"],
        "amount_awarded": "700",
        "period_start": "2026-04-01",
        "period_end": "2026-12-31",
    }
    award = grants.records.create(clerk, "grants.award", values)
    for sum, moves in (("300", ("approve", "approve_finance", "pay")), ("150.50", ()), ("90", ("decline",))):
        asked = {"award": award.id, "amount_claimed": sum, "explanation": "Timber"}
        payment = grants.records.create(clerk, "grants.payment_request", asked)
        for number, name in enumerate(moves):
            more = {"approve": {"amount_approved": sum}, "pay": {"paid_on": "2026-03-17"}}.get(name, {})
            more = {"decline_reason": "Not in the budget"} if name == "decline" else more
            payment = move(grants, replace(clerk, id=number + 20), payment, name, **more)
    page = plain(staff_client(grants).get(f"/admin/grants/award/{award.id}/"))
    assert "Money Awarded $700.00 Paid $300.00 Asked for $150.50 Left $249.50" in page
    citizen_ = citizen(frozenset({(APPLICATION, record.id)}))
    (panel,) = grants.plugins.public_panels(citizen_, grants.records.get(citizen_, APPLICATION, record.id))
    assert panel.facts == (("Paid so far", "$300.00"), ("Still open", "$249.50"))
    assert panel.rows[0].note.endswith("Paid on Tue 17 Mar") or "Paid" in panel.rows[0].note
    assert clerk.name not in str(panel)


def test_an_open_round_is_news_on_the_home_page(grants: Town, open_round: Record) -> None:
    """Residents read until when they can apply, and the line leads to the round."""
    visitor = Client(create_app(grants))
    page = visitor.get("/")
    assert "Community grants, spring: apply until" in plain(page)
    assert visitor.get("/open/grants/round/").status_code == 200
    grants.records.transition(system(), ROUND, open_round.id, "close", version=open_round.version)
    assert "apply until" not in plain(visitor.get("/"))
