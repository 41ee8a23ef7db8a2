"""What is sent to a citizen by itself stops no clock; what a colleague writes does, and goes out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import ValidationFailed
from townhall.messages import outbox
from townhall.records.types import Record
from townhall.town import Town

REQUEST = "complaints.service_request"


@pytest.fixture
def complaints(make_town: Callable[..., Town]) -> Town:
    """A town with complaints and a mail server in its settings; nothing is sent here."""
    town = make_town("complaints")
    settings: Any = {"mail_host": "mail.milbrook.example", "email": "hello@milbrook.example"}
    town.settings = replace(town.settings, **settings)
    return town


def report(town: Town, clerk: Actor) -> Record:
    """A dark light, reported by somebody with an e-mail address."""
    person = {"kind": "person", "family_name": "Moreau", "emails": [{"address": "h.moreau@example.org"}]}
    reporter = town.records.create(clerk, "core.contact", person).id
    light = town.records.find(system(), "complaints.category", {"code": "street_light"}, limit=1).records[0]
    values = {"category": light.id, "location": "Mill Lane", "answers": {"problem": "dark"}, "reporter": reporter}
    return town.records.create(clerk, REQUEST, {**values, "channel": "phone"})


def answered(town: Town, request: Record) -> bool:
    """Whether the clock of the first answer was met."""
    clock = town.system.case_clock
    rows = clock.select(clock.met_at).where(
        clock.identity == REQUEST, clock.record_id == request.id, clock.kind == "first_response"
    )
    ((met,),) = rows.tuples()
    return met is not None


def test_an_acknowledgement_is_no_answer(complaints: Town, clerk: Actor, clock: FixedClock) -> None:
    """The town's own words go out and stand on the timeline; the clock runs until a person answers."""
    request = report(complaints, clerk)
    (receipt,) = outbox.find(complaints)
    assert (receipt.event, receipt.automatic, receipt.recipient) == ("received", True, "h.moreau@example.org")
    assert not answered(complaints, request)
    clock.move(timedelta(hours=1))
    request = complaints.records.get(clerk, REQUEST, request.id)
    complaints.records.transition(clerk, REQUEST, request.id, "accept", version=request.version)
    assert not answered(complaints, request)
    complaints.records.message(clerk, REQUEST, request.id, "A crew comes on Thursday.")
    assert answered(complaints, request)
    sent = outbox.find(complaints)
    assert [message.automatic for message in sent].count(False) == 1
    assert len({message.key for message in sent}) == len(sent)
    talk, _, counts = complaints.records.timeline(clerk, REQUEST, request.id, kinds=("talk",))
    assert counts["talk"] == len(talk) == len(sent)


def test_a_routing_rule_says_what_people_are_told(complaints: Town, clerk: Actor) -> None:
    """Its words take the place of the usual ones when it hits, and are checked when it is saved."""
    rule = {
        "name": "Mill Lane",
        "order": 1,
        "case_type": REQUEST,
        "words": "mill lane",
        "acknowledgement": "Mill Lane is rebuilt this month, so {number} waits for that.",
    }
    with pytest.raises(ValidationFailed) as refused:
        complaints.records.create(clerk, "core.route", {**rule, "acknowledgement": "Dear {reporter.phone}"})
    assert "acknowledgement" in refused.value.errors
    complaints.records.create(clerk, "core.route", rule)
    request = report(complaints, clerk)
    (receipt,) = outbox.find(complaints)
    assert f"Mill Lane is rebuilt this month, so {request.number} waits for that." in receipt.body
