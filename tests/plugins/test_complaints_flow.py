"""A service request's life, through records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from townhall import Actor
from townhall import Record
from townhall import Rejected
from townhall import ValidationFailed
from townhall import system
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import citizen
from townhall.accounts import people
from townhall.clock import FixedClock
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.town import Town

REQUEST = "complaints.service_request"
CATEGORY = "complaints.category"


@pytest.fixture
def complaints(make_town: Callable[..., Town]) -> Town:
    """A town with complaints, and the categories that it begins with."""
    return make_town("complaints")


def category(town: Town, code: str) -> int:
    """The category with this code."""
    return town.records.find(system(), CATEGORY, {"code": code}, limit=1).records[0].id


def report(town: Town, actor: Actor, **values: object) -> Record:
    """A report of a dark light."""
    light = {"category": category(town, "street_light"), "location": "Mill Lane", "answers": {"problem": "dark"}}
    return town.records.create(actor, REQUEST, {**light, **values})


def move(town: Town, actor: Actor, record: Record, name: str, **values: object) -> Record:
    """Make a move."""
    return town.records.transition(actor, REQUEST, record.id, name, values, version=record.version)


def test_a_town_begins_with_categories(complaints: Town) -> None:
    """Switching complaints on gives the town categories in groups, once."""
    found = complaints.records.find(system(), CATEGORY, limit=50).records
    assert len(found) == 14
    assert {record["group"] for record in found} >= {"Streets and lights", "Waste and recycling", "Anything else"}


def test_a_request_is_worked_resolved_and_opened_again(complaints: Town, clerk: Actor, clock: FixedClock) -> None:
    """New, accepted, in progress, resolved; then the citizen says that it is not fixed, and it is open again."""
    record = report(complaints, clerk)
    assert record.state == "new"
    assert record.number == "SR-2026-000001"
    assert record.title == "Street light out, Mill Lane"
    assert record.due is not None
    record = move(complaints, clerk, record, "accept")
    record = move(complaints, clerk, record, "start")
    with pytest.raises(ValidationFailed) as refused:
        move(complaints, clerk, record, "resolve")
    assert refused.value.errors == {"resolution": "Say what was done, or why nobody needs an answer."}
    record = move(complaints, clerk, record, "resolve", resolution="A new lamp is in.")
    assert record.closed is not None
    sender = citizen(frozenset({(REQUEST, record.id)}))
    record = complaints.records.get(sender, REQUEST, record.id)
    assert [each.name for each in complaints.records.transitions(sender, record)] == ["not_fixed"]
    record = move(complaints, sender, record, "not_fixed")
    assert record.state == "in_progress"
    again = complaints.records.get(clerk, REQUEST, record.id)
    assert again["reopened"] == 1
    assert again.closed is None


def test_reopening_ends_after_thirty_days(complaints: Town, clerk: Actor, clock: FixedClock) -> None:
    """A citizen can't open a request again that was closed more than thirty days ago; staff can."""
    record = move(complaints, clerk, report(complaints, clerk), "resolve", resolution="Done.")
    complaints.clock = FixedClock(clock.now() + timedelta(days=31))
    sender = citizen(frozenset({(REQUEST, record.id)}))
    assert complaints.records.transitions(sender, complaints.records.get(sender, REQUEST, record.id)) == []
    assert "reopen" in [each.name for each in complaints.records.transitions(clerk, record)]


def test_two_requests_are_not_duplicates_of_each_other(complaints: Town, clerk: Actor) -> None:
    """“Same as” may point neither at the request itself nor back at it over others."""
    first, second = report(complaints, clerk), report(complaints, clerk)
    second = move(complaints, clerk, second, "mark_duplicate", duplicate_of=first.id)
    assert second.state == "duplicate"
    with pytest.raises(Rejected, match="already marked as the same"):
        move(complaints, clerk, first, "mark_duplicate", duplicate_of=second.id)
    with pytest.raises((Rejected, ValidationFailed)):
        move(complaints, clerk, first, "mark_duplicate", duplicate_of=first.id)


def test_what_was_sent_is_kept_when_it_is_edited(complaints: Town, clerk: Actor) -> None:
    """The first words of a request stay, confidential, when staff edit the description."""
    record = report(complaints, clerk, description="My neighbour Bob broke it.")
    record = complaints.records.update(
        clerk, REQUEST, record.id, {"description": "Somebody broke it."}, version=record.version
    )
    record = complaints.records.update(clerk, REQUEST, record.id, {"description": "Broken."}, version=record.version)
    assert complaints.records.reveal(clerk, REQUEST, record.id, "description_original", "asked by the sender") == (
        "My neighbour Bob broke it."
    )


def test_the_public_sees_a_request_once_somebody_has_looked(complaints: Town, clerk: Actor) -> None:
    """A new request is not public; an accepted one of a public category is; a withheld one is not."""
    record = report(complaints, clerk)
    with pytest.raises(NotFound):
        complaints.records.get(ANONYMOUS, REQUEST, record.id)
    record = move(complaints, clerk, record, "accept")
    seen = complaints.records.get(ANONYMOUS, REQUEST, record.id)
    assert seen["location"] == "Mill Lane"
    assert "reporter" not in seen.values
    complaints.records.update(clerk, REQUEST, record.id, {"withheld": True}, version=record.version)
    with pytest.raises(NotFound):
        complaints.records.get(ANONYMOUS, REQUEST, record.id)


def test_a_category_may_insist_on_a_name_and_a_place(complaints: Town, clerk: Actor) -> None:
    """Where a category wants a name and a place, a request without them is refused with sentences."""
    missed = category(complaints, "missed_collection")
    with pytest.raises(ValidationFailed) as refused:
        complaints.records.create(clerk, REQUEST, {"category": missed})
    assert {"reporter", "location"} <= set(refused.value.errors)
    assert any(path.startswith("answers") for path in refused.value.errors)


def test_a_new_request_goes_to_the_category_s_owner(complaints: Town, clerk: Actor) -> None:
    """Whoever a category names is given its new requests."""
    light = complaints.records.get(system(), CATEGORY, category(complaints, "street_light"))
    gareth = people.add(
        complaints, system(), "gareth@town.example", name="Gareth", role="clerk", password="lamp-post-77x"
    )
    complaints.records.update(system(), CATEGORY, light.id, {"owner": gareth.id}, version=light.version)
    assert report(complaints, clerk).assignee == gareth.id


def test_viewers_do_not_move_cases(complaints: Town, clerk: Actor, viewer: Actor) -> None:
    """Who may only look makes no moves."""
    record = report(complaints, clerk)
    assert complaints.records.transitions(viewer, record) == []
    with pytest.raises(Forbidden):
        move(complaints, viewer, record, "accept")


def test_flags_say_what_to_know_before_calling(complaints: Town, clerk: Actor) -> None:
    """Danger, and somebody who asked again and again, stand beside the title while the request is open."""
    record = report(complaints, clerk, danger=True, chase_count=3)
    labels = [flag.label for flag in complaints.plugins.record_flags(clerk, record)]
    assert labels == ["Somebody may be in danger", "Asked 3 times how far it is"]
    closed = move(complaints, clerk, record, "resolve", resolution="Mended.")
    assert complaints.plugins.record_flags(clerk, closed) == []


def test_the_doctor_names_categories_that_belong_to_nobody(complaints: Town) -> None:
    """What would wait unseen is found before it does."""
    assert [finding.good for finding in complaints.plugins.health_checks()] == [True]
    light = complaints.records.get(system(), CATEGORY, category(complaints, "street_light"))
    complaints.records.update(system(), CATEGORY, light.id, {"default_queue": None}, version=light.version)
    (finding,) = complaints.plugins.health_checks()
    assert (finding.good, light.title in finding.message) == (False, True)
