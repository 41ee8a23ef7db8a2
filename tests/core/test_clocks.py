"""Clocks of cases: which target counts, what meets and stops a clock, what is kept, and who is told when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from counting import CALENDAR
from counting import INTERACTION
from counting import TARGET
from counting import again
from counting import clocks
from counting import make_calendar
from counting import make_target
from counting import now_is
from counting import told
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.accounts import people
from townhall.cases import checkup
from townhall.cases import clock_keeping
from townhall.cases import escalating
from townhall.cases import notices
from townhall.cases import recomputing
from townhall.clock import FixedClock
from townhall.errors import ValidationFailed
from townhall.lifecycle import layer_review
from townhall.lifecycle import packing
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.lifecycle import town_layer
from townhall.lifecycle import unpacking
from townhall.records import predicate
from townhall.records import reverting
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.layer import read_layer
from townhall_forms.values import Reference


@pytest.fixture
def ticket(town: Town, clerk: Actor, clock: FixedClock) -> Record:
    """A ticket that came on Tuesday at 10:00, in a town with hours and a target."""
    now_is(town, clock, "17 10:00")
    make_calendar(town)
    make_target(town)
    contact = make_contact(town)
    return make_ticket(town, clerk, make_topic(town, target_days=None), reporter=contact.id)


def test_a_new_case_gets_the_clocks_of_its_target(town: Town, ticket: Record) -> None:
    """It is due by the earliest: the first answer after four working hours, which is after lunch."""
    found = clocks(town, ticket)
    assert {kind: told(town, one.due_at) for kind, one in found.items()} == {
        "first_response": "Tue 17 15:00",
        "resolution": "Thu 19 10:00",
    }
    assert told(town, again(town, ticket).due) == "Tue 17 15:00"
    assert found["resolution"].target_minutes == 16 * 60


def test_a_persons_answer_meets_the_first_clock(town: Town, ticket: Record, clerk: Actor, clock: FixedClock) -> None:
    """Then the case is due by the next clock, and how long it took stands there for good."""
    now_is(town, clock, "17 14:00")
    town.records.message(clerk, TICKET, ticket.id, "We look at it tomorrow.")
    first = clocks(town, ticket)["first_response"]
    assert (told(town, first.met_at), first.actual_minutes) == ("Tue 17 14:00", 180)
    assert told(town, again(town, ticket).due) == "Thu 19 10:00"
    town.records.update(system(), TARGET, first.target_id or 0, {"order": 7}, version=1)
    assert clocks(town, ticket)["first_response"].met_at == first.met_at


@pytest.mark.parametrize(
    ("values", "met"),
    [
        ({"direction": "internal", "body": "Who knows this street?"}, False),
        ({"direction": "out", "body": "Out of office.", "public": True, "automatic": True}, False),
        ({"direction": "out", "body": "We have your report.", "public": True, "handled_by": None}, False),
        ({"direction": "out", "channel": "phone", "outcome": "no_answer"}, False),
        ({"direction": "out", "channel": "phone", "body": "Told her when we come."}, True),
        ({"direction": "in", "channel": "phone", "outcome": "answered"}, True),
        ({"direction": "out", "body": "We come tomorrow.", "public": True}, True),
    ],
)
def test_what_counts_as_an_answer(town: Town, ticket: Record, clerk: Actor, values: dict[str, Any], met: bool) -> None:
    """A person who said something to the citizen; no note, no machine, and no call that nobody took."""
    actor = system() if values.get("handled_by", 0) is None else clerk
    given = {"channel": "web", "about": Reference(TICKET, ticket.id), **values}
    town.records.create(actor, INTERACTION, given)
    assert (clocks(town, ticket)["first_response"].met_at is not None) is met


def test_clocks_know_nothing_of_what_was_undone(town: Town, ticket: Record, clerk: Actor, clock: FixedClock) -> None:
    """A case that was closed and reopened by mistake is due when it was, and waits since it waited, also for a target
    that lets time begin anew; what it was asked in that time still runs.
    """
    (target,) = town.records.find(system(), TARGET).records
    town.records.update(system(), TARGET, target.id, {"reopened": "anew"}, version=target.version)
    asked = town.records.transition(clerk, TICKET, ticket.id, "ask", version=ticket.version)
    now_is(town, clock, "17 14:00")
    town.records.message(citizen(frozenset({(TICKET, ticket.id)})), TICKET, ticket.id, "It got deeper.")
    before, due = clocks(town, ticket), again(town, ticket).due
    now_is(town, clock, "17 15:00")
    done = town.records.transition(clerk, TICKET, ticket.id, "finish", {"outcome": "Filled"}, version=asked.version)
    assert clocks(town, ticket)["resolution"].met_at is not None
    now_is(town, clock, "17 16:00")
    reverting.revert(town, clerk, TICKET, ticket.id, before=asked.version, after=done.version, note="Undone.")
    assert (clocks(town, ticket), again(town, ticket).due) == (before, due)
    now_is(town, clock, "18 10:00")
    back = town.records.transition(clerk, TICKET, ticket.id, "answer", version=done.version + 1)
    resolved = town.records.transition(clerk, TICKET, ticket.id, "finish", {"outcome": "x"}, version=back.version)
    met = clocks(town, ticket)
    now_is(town, clock, "18 15:00")
    opened = town.records.transition(clerk, TICKET, ticket.id, "reopen", version=resolved.version)
    assert clocks(town, ticket)["resolution"].met_at is None
    now_is(town, clock, "18 16:00")
    reverting.revert(town, clerk, TICKET, ticket.id, before=resolved.version, after=opened.version, note="Undone.")
    assert clocks(town, ticket)["resolution"] == met["resolution"]
    assert again(town, ticket).closed == resolved.closed


def test_a_citizens_message_starts_the_update_clock(
    town: Town, ticket: Record, clerk: Actor, clock: FixedClock
) -> None:
    """An answer stops it, the next message starts it again; the longest time is kept, and notices begin anew."""
    sender = citizen(frozenset({(TICKET, ticket.id)}))
    town.records.message(clerk, TICKET, ticket.id, "We look at it.")
    now_is(town, clock, "17 14:00")
    town.records.message(sender, TICKET, ticket.id, "It got deeper.")
    assert told(town, clocks(town, ticket)["update"].due_at) == "Wed 18 14:00"
    assert told(town, again(town, ticket).due) == "Wed 18 14:00"
    now_is(town, clock, "17 15:00")
    town.records.message(sender, TICKET, ticket.id, "Are you there?")
    assert told(town, clocks(town, ticket)["update"].due_at) == "Wed 18 14:00"
    now_is(town, clock, "18 08:00")
    town.records.message(clerk, TICKET, ticket.id, "Yes.")
    assert clocks(town, ticket)["update"].actual_minutes == 180
    now_is(town, clock, "18 09:00")
    town.records.message(sender, TICKET, ticket.id, "And?")
    found = clocks(town, ticket)["update"]
    assert (found.met_at, told(town, found.due_at), found.actual_minutes) == (None, "Thu 19 09:00", 180)


def test_a_date_that_was_set_can_be_taken_away(town: Town, clerk: Actor) -> None:
    """Also from a case that had none before, and whose type gives none: it is due no more."""
    ticket = make_ticket(town, clerk, make_topic(town, target_days=None))
    given = town.records.update(clerk, TICKET, ticket.id, {"due": "2026-03-24 16:00"}, version=ticket.version)
    assert told(town, given.due) == "Tue 24 16:00"
    assert town.records.update(clerk, TICKET, ticket.id, {"due": None}, version=given.version).due is None
    assert clocks(town, ticket) == {}


def test_a_state_that_pauses_moves_clocks_in_working_time(
    town: Town, ticket: Record, clerk: Actor, clock: FixedClock
) -> None:
    """Tuesday at eleven to Wednesday at nine are six working hours, which don't count when it is closed either."""
    now_is(town, clock, "17 11:00")
    waits = town.records.transition(clerk, TICKET, ticket.id, "ask", version=1)
    assert all(one.next_at is None for one in clocks(town, ticket).values())
    now_is(town, clock, "18 09:00")
    back = town.records.transition(clerk, TICKET, ticket.id, "answer", version=waits.version)
    assert told(town, clocks(town, ticket)["first_response"].due_at) == "Wed 18 12:00"
    assert told(town, clocks(town, ticket)["resolution"].due_at) == "Thu 19 17:00"
    now_is(town, clock, "18 11:00")
    town.records.transition(clerk, TICKET, ticket.id, "finish", {"outcome": "Filled."}, version=back.version)
    done = clocks(town, ticket)["resolution"]
    assert (told(town, done.met_at), done.actual_minutes) == ("Wed 18 11:00", 180)
    assert all(one.next_at is None for one in clocks(town, ticket).values())


def test_opening_again_continues_or_begins_anew(town: Town, ticket: Record, clerk: Actor, clock: FixedClock) -> None:
    """The old clock goes on without the time it was closed; or a new one starts, as the target says."""
    now_is(town, clock, "17 11:00")
    done = town.records.transition(clerk, TICKET, ticket.id, "finish", {"outcome": "Filled."}, version=1)
    now_is(town, clock, "18 09:00")
    back = town.records.transition(clerk, TICKET, ticket.id, "reopen", version=done.version)
    assert told(town, clocks(town, ticket)["resolution"].due_at) == "Thu 19 17:00"
    target = town.records.find(system(), TARGET).records[0]
    town.records.update(system(), TARGET, target.id, {"reopened": "anew"}, version=target.version)
    assert told(town, clocks(town, back)["resolution"].due_at) == "Fri 20 09:00"
    target = town.records.find(system(), TARGET).records[0]
    changed = {"reopened": "continue", "reopen_days": 0}
    town.records.update(system(), TARGET, target.id, changed, version=target.version)
    assert told(town, clocks(town, back)["resolution"].due_at) == "Fri 20 09:00"


def test_the_first_target_that_fits_counts(town: Town, ticket: Record, clerk: Actor) -> None:
    """By order; one without a condition is for all others. What a case began with stays written down."""
    original = clocks(town, ticket)["resolution"]
    quick = make_target(
        town,
        "Questions",
        order=1,
        conditions=[{"field": "kind", "is": "is", "value": "Question"}],
        clocks=[{"clock": "resolution", "within": 2, "unit": "working_hours"}],
    )
    assert clocks(town, ticket)["resolution"].target_id == original.target_id
    town.records.update(clerk, TICKET, ticket.id, {"kind": "question"}, version=1)
    found = clocks(town, ticket)
    assert (found["first_response"].target_id, found["first_response"].due_at) == (None, None)
    assert (found["resolution"].target_id, told(town, found["resolution"].due_at)) == (quick.id, "Tue 17 12:00")
    assert found["resolution"].original_due_at == original.due_at
    assert found["resolution"].original_target_id == original.target_id


def test_a_target_for_the_cases_of_a_day_is_for_all_of_it(town: Town, ticket: Record) -> None:
    """A ticket of ten o'clock came at most on that day, and on that day."""
    for order, comparison in ((2, "at_most"), (1, "is")):
        quick = make_target(
            town,
            f"Created {comparison}",
            order=order,
            conditions=[{"field": "created", "is": comparison, "value": "2026-03-17"}],
            clocks=[{"clock": "resolution", "within": order, "unit": "working_hours"}],
        )
        recomputing.run(town)
        assert clocks(town, ticket)["resolution"].target_id == quick.id


def test_minutes_come_from_a_field_of_the_case(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """A number of days behind a link, like a category's; a case whose field is empty is due by its type's own days."""
    now_is(town, clock, "17 10:00")
    make_calendar(town)
    make_target(town, clocks=[{"clock": "resolution", "within": "topic.target_days", "unit": "working_days"}])
    ticket = make_ticket(town, clerk, make_topic(town, target_days=3))
    assert told(town, ticket.due) == "Fri 20 10:00"
    assert make_ticket(town, clerk, make_topic(town, "Other", target_days=None)).due is None


def test_whole_days_end_at_the_end_of_the_last(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """Deadlines of laws, by working days or by the calendar."""
    now_is(town, clock, "19 10:00")
    make_calendar(town, holidays=[{"date": "2026-03-20", "name": "Town day"}, {"date": "2026-03-23", "active": False}])
    clocks_ = [
        {"clock": "first_response", "within": 1, "unit": "whole_working_days"},
        {"clock": "resolution", "within": 2, "unit": "whole_days"},
    ]
    make_target(town, clocks=clocks_)
    found = clocks(town, make_ticket(town, clerk, make_topic(town)))
    assert told(town, found["first_response"].due_at) == "Mon 23 23:59"
    assert told(town, found["resolution"].due_at) == "Mon 23 23:59"


def test_a_date_set_by_hand_wins_until_it_is_taken_away(town: Town, ticket: Record, clerk: Actor) -> None:
    """Clocks go on being counted beside it."""
    by_hand = datetime(2026, 3, 20, 12, 0, tzinfo=town.zone)
    changed = town.records.update(clerk, TICKET, ticket.id, {"due": by_hand}, version=1)
    assert changed.due == by_hand
    assert told(town, clocks(town, ticket)["by_hand"].due_at) == "Fri 20 12:00"
    later = town.records.update(clerk, TICKET, ticket.id, {"summary": "Deeper"}, version=2)
    assert later.due == by_hand
    free = town.records.update(clerk, TICKET, ticket.id, {"due": None}, version=3)
    assert told(town, free.due) == "Tue 17 15:00"
    assert "by_hand" not in clocks(town, ticket)


def test_without_a_target_the_types_own_days_count(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """Calendar days to the end of the last, as before there were targets; and they are a clock like any other."""
    ticket = make_ticket(town, clerk, make_topic(town, target_days=5))
    assert told(town, ticket.due) == "Sun 22 23:59"
    found = clocks(town, ticket)["resolution"]
    assert (found.target_id, found.business, told(town, found.due_at)) == (None, False, "Sun 22 23:59")


def test_a_draft_has_no_clock_before_it_is_sent(town: Town, ticket: Record, clock: FixedClock) -> None:
    """Nobody has it yet."""
    now_is(town, clock, "17 11:00")
    topic = make_topic(town, "Lamps", target_days=None)
    given = {"topic": topic.id, "summary": "Dark", "answers": {"deep": 1}}
    draft = town.records.create(system(), TICKET, given, state="draft")
    assert clocks(town, draft) == {}
    now_is(town, clock, "18 09:00")
    town.records.transition(system(), TICKET, draft.id, "send", version=1)
    assert told(town, clocks(town, draft)["first_response"].due_at) == "Wed 18 14:00"


def test_an_import_has_clocks_and_wakes_nobody(town: Town, ticket: Record) -> None:
    """Open cases that came in long ago are late, which nobody is told of; closed ones are done."""
    topic = make_topic(town, "Old", target_days=None)
    base = {
        "topic": topic.id,
        "summary": "Old",
        "answers": {"deep": 1},
        "created": datetime(2026, 1, 5, 12, tzinfo=town.zone),
    }
    closed = {**base, "state": "done", "outcome": "Done.", "closed": datetime(2026, 1, 6, 9, tzinfo=town.zone)}
    outcomes = town.records.import_rows(system(), TICKET, [base, closed])
    assert not any(outcome.errors for outcome in outcomes)
    found = clock_keeping.read(town, TICKET, [outcome.id for outcome in outcomes if outcome.id])
    old, done = (found[outcome.id] for outcome in outcomes if outcome.id)
    assert old["first_response"].breached_at is not None
    assert old["first_response"].next_at is None
    assert done.keys() == {"resolution"}
    assert done["resolution"].actual_minutes == 5 * 60
    assert escalating.run(town) == ""


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "place"),
    [
        ([], "frames"),
        ([{"day": "mon", "begins": "12:00", "ends": "08:00"}], "frames.0.ends"),
        (
            [{"day": "mon", "begins": "08:00", "ends": "12:00"}, {"day": "mon", "begins": "11:00", "ends": "13:00"}],
            "frames.1.begins",
        ),
    ],
)
def test_an_impossible_calendar_is_refused(town: Town, frames: list[Any], place: str) -> None:
    """At its field, in a sentence."""
    with pytest.raises(ValidationFailed) as refused:
        make_calendar(town, frames=frames)
    assert place in refused.value.errors


def test_there_is_one_calendar_of_the_town(town: Town) -> None:
    """A second one is refused, and so is one that is a day off on each day of work."""
    make_calendar(town)
    with pytest.raises(ValidationFailed, match="Town hall"):
        make_calendar(town, name="Other")
    mondays = [{"date": f"{datetime(2026, 3, 16) + timedelta(days=7 * week):%Y-%m-%d}"} for week in range(60)]
    with pytest.raises(ValidationFailed, match="whole year"):
        make_calendar(
            town,
            name="Never",
            default=False,
            holidays=mondays,
            frames=[{"day": "mon", "begins": "08:00", "ends": "12:00"}],
        )


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"conditions": [{"field": "kin", "is": "is", "value": "question"}]}, "conditions.0.field"),
        ({"conditions": [{"field": "kind", "is": "is", "value": "wish"}]}, "conditions.0.value"),
        ({"conditions": [{"field": "kind", "is": "is"}]}, "conditions.0.value"),
        ({"conditions": [{"field": "summary", "is": "at_least", "value": "x"}]}, "conditions.0.is"),
        ({"clocks": [{"clock": "resolution", "unit": "hours"}]}, "clocks.0.within"),
        ({"clocks": [{"clock": "resolution", "within": "-3", "unit": "hours"}]}, "clocks.0.within"),
        ({"clocks": [{"clock": "resolution", "within": "summary", "unit": "hours"}]}, "clocks.0.within"),
        ({"clocks": [{"clock": "resolution", "within": 1, "unit": "hours"}] * 2}, "clocks.1.clock"),
        ({"conditions": [{"field": "secret", "is": "contains", "value": "a"}]}, "conditions.0.field"),
        ({"conditions": [{"field": "reporter.id_number", "is": "contains", "value": "a"}]}, "conditions.0.field"),
        ({"conditions": [{"field": "reporter.id_number", "is": "filled"}]}, "conditions.0.field"),
        ({"clocks": []}, "clocks"),
        ({"case_type": "core.contact"}, "case_type"),
    ],
)
def test_a_target_that_means_nothing_is_refused(town: Town, values: dict[str, Any], place: str) -> None:
    """At its field, in a sentence, when it is saved."""
    make_calendar(town)
    with pytest.raises(ValidationFailed) as refused:
        make_target(town, **values)
    assert place in refused.value.errors


def test_no_due_date_tells_a_number_that_is_confidential(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that holds how long something may take is read off the clock. A target that is there already and goes by
    such a field counts for nothing, as the doctor says.
    """
    make_calendar(town)
    told = '[core.contact.fields.town_patience]\ntype = "integer"\nlabel = "Patience"\nprivacy = "confidential"\n'
    layer_review.publish(town, system("cli"), read_layer(told), follows=town_layer.standing(town.system).head)
    town = town.renewed()
    clocks = [{"clock": "resolution", "within": "reporter.town_patience", "unit": "hours"}]
    with pytest.raises(ValidationFailed, match="“Patience” is confidential, so nobody can decide by it"):
        make_target(town, clocks=clocks)
    with monkeypatch.context() as before:
        before.setattr(predicate, "check_paths", lambda *anything: None)
        made = make_target(town, clocks=clocks)
    contact = make_contact(town, town_patience=77)
    case = make_ticket(town, system(), make_topic(town, target_days=None), reporter=contact.id)
    assert case.due is None
    said = dict(checkup.look(town))[f"target {made['name']}"]
    assert said.startswith("it can never count: “Patience” is confidential, so nobody can decide by it")


def test_a_target_in_working_time_needs_a_calendar(town: Town) -> None:
    """Its own, or the town's; one in real time needs none."""
    with pytest.raises(ValidationFailed) as refused:
        make_target(town)
    assert "calendar" in refused.value.errors
    make_target(town, clocks=[{"clock": "first_response", "within": 24, "unit": "hours"}])


# -- the question that is answered within 24 hours --------------------------------------------------------------------


def test_a_question_is_answered_within_24_real_hours(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """A minute after the 24th hour it is overdue; one that was answered after 23 is not."""
    make_target(town, clocks=[{"clock": "first_response", "within": 24, "unit": "hours"}])
    topic = make_topic(town, target_days=None)
    one, other = make_ticket(town, clerk, topic), make_ticket(town, clerk, topic)
    clock.move(timedelta(hours=23))
    town.records.message(clerk, TICKET, other.id, "It is open until five.")
    clock.move(timedelta(hours=1, minutes=1))
    late = town.records.find(clerk, TICKET, {"due": {"lt": "now"}}).records
    assert [record.id for record in late] == [one.id]


# -- recomputing ------------------------------------------------------------------------------------------------------


def test_open_cases_follow_a_change_of_the_calendar(town: Town, ticket: Record, clerk: Actor) -> None:
    """A new day off moves what is still open, and nothing that was achieved."""
    town.records.message(clerk, TICKET, ticket.id, "We look at it.")
    calendar = town.records.find(system(), CALENDAR).records[0]
    days = [{"date": "2026-03-18", "name": "Storm"}]
    town.records.update(system(), CALENDAR, calendar.id, {"holidays": days}, version=calendar.version)
    assert told(town, again(town, ticket).due) == "Fri 20 10:00"
    assert again(town, ticket).version == ticket.version
    assert not recomputing.is_wanted(town)


def test_many_cases_wait_for_the_job(town: Town, ticket: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many are left is told until it has run; it goes on where it was, lot by lot."""
    monkeypatch.setattr(recomputing, "AT_ONCE", 0)
    monkeypatch.setattr(recomputing, "LOT", 2)
    topic = make_topic(town, "More", target_days=None)
    rows = [{"topic": topic.id, "summary": "x", "answers": {"deep": 1}} for _ in range(4)]
    town.records.import_rows(system(), TICKET, rows)
    target = town.records.find(system(), TARGET).records[0]
    later = [{"clock": "resolution", "within": 24, "unit": "working_hours"}]
    town.records.update(system(), TARGET, target.id, {"clocks": later}, version=target.version)
    assert recomputing.left(town) == 5
    assert told(town, again(town, ticket).due) == "Tue 17 15:00"
    assert "5 open cases" in recomputing.run(town)
    assert told(town, again(town, ticket).due) == "Fri 20 10:00"
    assert (recomputing.left(town), recomputing.run(town)) == (0, "")


# -- who is told ------------------------------------------------------------------------------------------------------


def test_each_is_told_once_and_in_working_hours(town: Town, ticket: Record, clerk: Actor, clock: FixedClock) -> None:
    """The owner at 80 %, owner and lead when it is up, the lead a working day later; at night nobody."""
    owner = people.add(town, system(), "owner@town.example", name="Olga", role="clerk", password="a long password 1")
    lead = people.add(town, system(), "lead@town.example", name="Leo", role="clerk", password="a long password 2")
    members = [{"person": lead.id, "lead": True}, {"person": owner.id}]
    queue = town.records.create(system(), "core.queue", {"name": "Streets", "members": members})
    given = {"assignee": owner.id, "queue": queue.id}
    record = town.records.update(system(), TICKET, ticket.id, given, version=1)
    olga, leo = (Actor("staff", one.name, one.id, frozenset({"*"})) for one in (owner, lead))

    def kinds(actor: Actor) -> list[str]:
        return [told_.kind for told_ in reversed(notices.unseen(town, actor))]

    assert escalating.run(town) == ""
    now_is(town, clock, "17 14:15")
    assert "1 warned" in escalating.run(town)
    assert escalating.run(town) == ""
    assert (kinds(olga), kinds(leo)) == (["warn"], [])
    now_is(town, clock, "17 22:00")
    assert escalating.run(town) == ""
    now_is(town, clock, "18 08:00")
    assert "1 told as late" in escalating.run(town)
    assert (kinds(olga), kinds(leo)) == (["warn", "breach"], ["breach"])
    now_is(town, clock, "18 15:00")
    assert "1 passed on" in escalating.run(town)
    assert (kinds(olga), kinds(leo)) == (["warn", "breach"], ["breach", "escalate"])
    entries, _, _ = town.records.timeline(clerk, TICKET, record.id, kinds=["change"])
    assert [entry.headline for entry in entries][:3] == ["Late for a working day", "Time is up", "Time is running out"]
    assert "Olga, Leo" in entries[1].body
    shown = notices.unseen(town, olga)
    assert shown[0].record is not None
    assert shown[0].record.id == record.id
    assert notices.seen(town, leo, [one.id for one in shown]) == 0
    notices.seen(town, olga, [one.id for one in shown])
    assert kinds(olga) == []


def test_an_urgent_case_is_told_at_night_and_to_administrators(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """Where nobody has a case, who looks after the town hears of it."""
    make_calendar(town)
    chief = people.add(
        town, system(), "chief@town.example", name="Ada", role="administrator", password="a long password 3"
    )
    make_target(town, night=True, clocks=[{"clock": "resolution", "within": 2, "unit": "hours"}])
    now_is(town, clock, "17 22:00")
    make_ticket(town, clerk, make_topic(town))
    now_is(town, clock, "18 00:01")
    assert "1 told as late" in escalating.run(town)
    ada = Actor("staff", "Ada", chief.id, frozenset({"*"}))
    assert [one.text for one in notices.unseen(town, ada)] == ["It was due Wed 18 Mar, 00:00."]


def test_nobody_is_told_of_a_case_that_waits_or_is_put_aside(
    town: Town, ticket: Record, clerk: Actor, clock: FixedClock
) -> None:
    """Its clock stands still; taken back, it goes on."""
    aside = town.records.archive(clerk, TICKET, ticket.id, version=1)
    now_is(town, clock, "18 10:00")
    assert escalating.run(town) == ""
    town.records.restore(clerk, TICKET, ticket.id, version=aside.version)
    assert "1 told as late" in escalating.run(town)


# -- parting with a module --------------------------------------------------------------------------------------------


def test_clocks_go_with_a_pack_and_with_a_purge(
    make_town: Callable[..., Town], ticket: Record, town: Town, clerk: Actor, tmp_path: Path
) -> None:
    """What was achieved comes with the cases into another town; a purge leaves nothing of it behind."""
    town.records.message(clerk, TICKET, ticket.id, "We look at it.")
    packing.pack(town, system(), "desk", there := tmp_path / "desk.zip")
    other = make_town()
    unpacking.unpack(other, system(), there)
    assert clock_keeping.read(other, TICKET, [ticket.id])[ticket.id]["first_response"].met_at is not None
    switching.disable(town, system(), "desk")
    purging.purge(town, system(), "desk", "desk")
    assert town.system.case_clock.select().count() == 0
