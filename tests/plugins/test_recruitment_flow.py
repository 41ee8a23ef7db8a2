"""A job application's life, through records: from the vacancy to the first day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from townhall import Actor
from townhall import Forbidden
from townhall import Record
from townhall import Rejected
from townhall import ValidationFailed
from townhall import system
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import citizen
from townhall.accounts import people
from townhall.clock import FixedClock
from townhall.errors import NotFound
from townhall.town import Town

POSTING = "recruitment.posting"
APPLICATION = "recruitment.application"
INTERVIEW = "recruitment.interview"


@pytest.fixture
def recruitment(make_town: Callable[..., Town]) -> Town:
    """A town with recruitment."""
    return make_town("recruitment")


@pytest.fixture
def posting(recruitment: Town, clerk: Actor, clock: FixedClock) -> Record:
    """An open job, from an approved vacancy."""
    people.add(recruitment, system(), "rae@town.example", name="Rae", role="clerk", password="bench-and-weir-9")
    rae = recruitment.context(system()).staff()[0].id
    vacancy = recruitment.records.create(
        clerk,
        "recruitment.requisition",
        {"name": "Library helper", "department": "Library", "reason": "replacement", "requested_by": rae},
    )
    for name in ("submit", "approve"):
        vacancy = move(recruitment, clerk, vacancy, name)
    record = recruitment.records.create(
        clerk,
        POSTING,
        {
            "requisition": vacancy.id,
            "name": "Library helper, Saturdays",
            "description": "Help people find books.",
            "employment_type": "PART_TIME",
            "closes_at": clock.now() + timedelta(days=20),
            "recruiter": rae,
            "salary_text": "$19 an hour",
            "supplemental_questions": [
                {"code": "saturdays", "label": "Can you work on Saturdays?", "type": "boolean", "required": True}
            ],
            "criteria": [
                {"code": "people", "label": "With people", "type": "integer", "min": 0, "max": 5, "weight": 2}
            ],
        },
    )
    return move(recruitment, clerk, record, "open")


def move(town: Town, actor: Actor, record: Record, name: str, **values: Any) -> Record:
    """Make a move."""
    return town.records.transition(actor, record.identity, record.id, name, values, version=record.version)


def person(town: Town) -> int:
    """Somebody who applies."""
    values = {"kind": "person", "given_name": "Tomás", "family_name": "Reyes"}
    return town.records.create(system(), "core.contact", values).id


def application(town: Town, actor: Actor, posting: Record, **more: Any) -> Record:
    """An application that is whole."""
    values = {"posting": posting.id, "answers": {"saturdays": True}, "declared": True}
    if "applicant" not in more:
        more["applicant"] = person(town)
    return town.records.create(actor, APPLICATION, {**values, **more})


def test_an_applicant_is_taken_to_hired(recruitment: Town, clerk: Actor, posting: Record, clock: FixedClock) -> None:
    """Received, screened, interviewed with a scorecard, offered, hired."""
    record = application(recruitment, clerk, posting)
    assert record.title == "Library helper, Saturdays, Tomás Reyes"
    record = move(recruitment, clerk, record, "ask_documents", missing_documents="Your résumé.")
    record = move(recruitment, clerk, record, "documents_in")
    record = move(recruitment, clerk, record, "qualify")
    record = move(recruitment, clerk, record, "invite")
    rae = recruitment.context(system()).staff()[0].id
    interview = recruitment.records.create(
        clerk,
        "recruitment.interview",
        {
            "application": record.id,
            "starts": clock.now() + timedelta(days=2),
            "ends": clock.now() + timedelta(days=2, hours=1),
            "panel": [{"person": rae}],
        },
    )
    assert interview["applicant"] == record["applicant"]
    assert interview["posting"] == posting.id
    scorecard = recruitment.records.create(
        clerk,
        "recruitment.scorecard",
        {
            "interview": interview.id,
            "posting": posting.id,
            "panelist": rae,
            "scores": {"people": 4},
            "recommendation": "hire",
        },
    )
    assert scorecard["total"] == Decimal("4.00")
    record = move(recruitment, clerk, record, "offer")
    offer = recruitment.records.create(
        clerk,
        "recruitment.offer",
        {
            "application": record.id,
            "salary": "19.50",
            "salary_unit": "hour",
            "starts_on": "2026-05-01",
            "expires_on": "2026-04-01",
        },
    )
    assert move(recruitment, clerk, offer, "accept").state == "accepted"
    with pytest.raises(ValidationFailed):
        move(recruitment, clerk, record, "hire")
    record = move(recruitment, clerk, record, "hire", hired_on="2026-05-01")
    assert record.state == "hired"
    assert record.closed is not None
    first, last = recruitment.records.find(clerk, "core.task", sort="id").records
    assert {first["about"].id, last["about"].id} == {record.id}
    assert first.title.startswith("Fix day and panel of the interview with ")
    assert last.title.startswith("Prepare the first day of ")


def test_one_person_is_one_candidate_and_applies_once_for_a_job(
    recruitment: Town, clerk: Actor, posting: Record
) -> None:
    """The same person is one candidate over all jobs, and can't apply twice for one job."""
    tomas = person(recruitment)
    first = application(recruitment, clerk, posting, applicant=tomas)
    with pytest.raises(ValidationFailed) as refused:
        application(recruitment, clerk, posting, applicant=tomas)
    assert "This person has applied for this job already." in str(refused.value)
    other = recruitment.records.create(
        clerk, POSTING, {"name": "Gardener", "description": "Parks.", "until_filled": True, "recruiter": None}
    )
    second = application(recruitment, clerk, other, applicant=tomas, answers=None)
    assert first["candidate"] == second["candidate"]
    assert recruitment.records.count(system(), "recruitment.candidate").value == 1


def test_the_public_sees_open_jobs_and_applies(recruitment: Town, posting: Record, clock: FixedClock) -> None:
    """An open job is public without its internal pay; after its last day nobody applies any more."""
    seen = recruitment.records.get(ANONYMOUS, POSTING, posting.id)
    assert seen["salary_text"] == "$19 an hour"
    assert "salary_min" not in seen.values
    values = {"posting": posting.id, "answers": {"saturdays": True}, "declared": True, "accommodation": "A ramp."}
    contact = {"name": "Ines Marsh", "email": "ines@post.example"}
    sent = recruitment.records.create(ANONYMOUS, APPLICATION, values, form="public", contact=contact)
    sender = citizen(frozenset({(APPLICATION, sent.id)}))
    record = recruitment.records.get(sender, APPLICATION, sent.id)
    assert "accommodation" not in record.values
    assert {each.name for each in recruitment.records.transitions(sender, record)} == {"withdraw"}
    recruitment.clock = FixedClock(clock.now() + timedelta(days=21))
    with pytest.raises((Rejected, ValidationFailed, Forbidden)):
        recruitment.records.create(
            ANONYMOUS, APPLICATION, values, form="public", contact={"name": "Late Lee", "email": "lee@post.example"}
        )


def test_a_draft_posting_is_not_public(recruitment: Town, clerk: Actor, posting: Record) -> None:
    """Nobody outside sees a job before it is published."""
    draft = recruitment.records.create(clerk, POSTING, {"name": "Secret job"})
    with pytest.raises(NotFound):
        recruitment.records.get(ANONYMOUS, POSTING, draft.id)


def test_equal_opportunity_answers_are_hidden_from_clerks_by_default(
    recruitment: Town, clerk: Actor, posting: Record
) -> None:
    """What an applicant answers to the voluntary questions is masked, and never changed afterwards."""
    sent = recruitment.records.create(
        ANONYMOUS,
        "recruitment.eeo_response",
        {"posting": posting.id, "sex": "female", "race_ethnicity": ["white", "asian"], "veteran": "no"},
        form="public",
    )
    record = recruitment.records.get(clerk, "recruitment.eeo_response", sent.id)
    assert "sex" not in record.values
    assert "race_ethnicity" not in record.values
    with pytest.raises((Rejected, Forbidden, ValidationFailed)):
        recruitment.records.update(clerk, "recruitment.eeo_response", sent.id, {"sex": "male"}, version=record.version)


def test_an_interview_stands_on_the_applicants_page_and_on_the_panels_desk(
    recruitment: Town, clerk: Actor, posting: Record, clock: FixedClock
) -> None:
    """Both sides see when; the applicant learns nothing of the panel, and one that is cancelled is gone."""
    record = application(recruitment, clerk, posting)
    rae = recruitment.context(system()).staff()[0].id
    starts = clock.now() + timedelta(days=2)
    values = {
        "application": record.id,
        "starts": starts,
        "ends": starts + timedelta(hours=1),
        "panel": [{"person": rae}],
    }
    interview = recruitment.records.create(
        clerk, INTERVIEW, {**values, "status": "confirmed", "location": "Room 2", "mode": "in_person"}
    )
    sender = citizen(frozenset({(APPLICATION, record.id)}))
    mine = recruitment.records.get(sender, APPLICATION, record.id)
    (panel,) = recruitment.plugins.public_panels(sender, mine)
    assert (panel.label, panel.rows[0].note) == ("Your interview", "At the town hall, Room 2")
    assert "Rae" not in str(panel)
    actor = Actor("staff", "Rae", rae, clerk.permissions, door="admin")
    (card,) = recruitment.plugins.home_cards(actor)
    assert [row.id for row in card.rows] == [interview.id]
    assert recruitment.plugins.home_cards(clerk) == []
    recruitment.records.update(clerk, INTERVIEW, interview.id, {"status": "cancelled"}, version=interview.version)
    assert recruitment.plugins.public_panels(sender, mine) == []
    assert recruitment.plugins.home_cards(actor) == []


def test_a_flag_tells_of_other_applications(recruitment: Town, clerk: Actor, posting: Record) -> None:
    """Nobody refuses here whom a colleague offers a job there; one that is closed counts no more."""
    somebody = person(recruitment)
    first = application(recruitment, clerk, posting, applicant=somebody)
    assert recruitment.plugins.record_flags(clerk, first) == []
    values = {
        "name": "Pool guard",
        "description": "Watch the pool.",
        "employment_type": "TEMPORARY",
        "until_filled": True,
    }
    other_posting = recruitment.records.create(system(), POSTING, values, state="open")
    second = application(recruitment, system(), other_posting, applicant=somebody, answers=None)
    (flag,) = recruitment.plugins.record_flags(clerk, first)
    assert (flag.label, flag.help) == ("Applies for other jobs too", "Pool guard")
    for name in ("screen", "qualify", "refer", "offer"):
        second = move(recruitment, system(), second, name)
    (flag,) = recruitment.plugins.record_flags(clerk, first)
    assert (flag.label, flag.tone) == ("Has an offer for another job", "bad")
    move(recruitment, system(), second, "withdraw")
    assert recruitment.plugins.record_flags(clerk, first) == []
