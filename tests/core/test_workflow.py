"""Moving cases from state to state."""

from __future__ import annotations

from datetime import timedelta

import pytest
from desk import TICKET
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.town import Town


def names(town: Town, actor: Actor, id: int) -> list[str]:
    """Names of the moves that the actor may make now."""
    return [move.name for move in town.records.transitions(actor, town.records.get(system(), TICKET, id))]


def test_case_is_finished_and_opened_again(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """A final state sets when the case was closed; opening it again clears that, and the log has every step."""
    record = make_ticket(town, clerk, make_topic(town))
    clock.move(timedelta(hours=1))
    done = town.records.transition(clerk, TICKET, record.id, "finish", {"outcome": "Filled"}, version=1)
    assert (done.state, done.closed, done["outcome"], done.version) == ("done", clock.now(), "Filled", 2)
    clock.move(timedelta(days=1))
    again = town.records.transition(clerk, TICKET, record.id, "reopen", version=2)
    assert (again.state, again.closed) == ("new", None)
    assert [state for state, _ in town.records.passed(clerk, TICKET, record.id)] == ["new", "done", "new"]


def test_required_fields_come_first(town: Town, clerk: Actor) -> None:
    """A move that requires a field is refused without it, and nothing has moved."""
    record = make_ticket(town, clerk, make_topic(town))
    with pytest.raises(ValidationFailed) as refused:
        town.records.transition(clerk, TICKET, record.id, "finish", version=1)
    assert set(refused.value.errors) == {"outcome"}
    assert town.records.get(clerk, TICKET, record.id).state == "new"
    assert len(town.records.passed(clerk, TICKET, record.id)) == 1


def test_only_declared_moves(town: Town, clerk: Actor) -> None:
    """A move that isn't declared isn't found; one that doesn't start here is refused with the present state."""
    record = make_ticket(town, clerk, make_topic(town))
    with pytest.raises(NotFound):
        town.records.transition(clerk, TICKET, record.id, "explode", version=1)
    with pytest.raises(Rejected, match="New"):
        town.records.transition(clerk, TICKET, record.id, "answer", version=1)
    with pytest.raises(NotFound):
        town.records.transition(clerk, "core.contact", 1, "finish", version=1)


def test_who_may_move(town: Town, clerk: Actor, viewer: Actor) -> None:
    """Staff need the permission of the move, citizens the link and a move that is theirs, the public may nothing."""
    record = make_ticket(town, clerk, make_topic(town))
    sender = citizen(frozenset({(TICKET, record.id)}))
    stranger = citizen(frozenset({(TICKET, record.id + 1)}))
    assert names(town, clerk, record.id) == ["ask", "finish"]
    assert names(town, viewer, record.id) == []
    for actor in (viewer, sender, stranger, ANONYMOUS):
        with pytest.raises(Forbidden):
            town.records.transition(actor, TICKET, record.id, "finish", {"outcome": "x"}, version=1)
    town.records.transition(clerk, TICKET, record.id, "ask", version=1)
    assert names(town, sender, record.id) == ["answer"]
    assert names(town, stranger, record.id) == []
    assert town.records.transition(sender, TICKET, record.id, "answer", version=2).state == "new"


def test_move_only_for_the_system(town: Town, clerk: Actor) -> None:
    """A move that is only the system's is nobody else's, whatever their permissions."""
    record = make_ticket(town, clerk, make_topic(town))
    with pytest.raises(Forbidden):
        town.records.transition(clerk, TICKET, record.id, "draft_again", version=1)
    assert town.records.transition(system(), TICKET, record.id, "draft_again", version=1).state == "draft"


def test_condition_of_a_move(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """A move whose ``if`` doesn't hold is neither offered nor made."""
    record = make_ticket(town, clerk, make_topic(town))
    town.records.transition(clerk, TICKET, record.id, "finish", {"outcome": "Filled"}, version=1)
    sender = citizen(frozenset({(TICKET, record.id)}))
    assert names(town, sender, record.id) == ["reopen"]
    clock.move(timedelta(days=31))
    assert names(town, sender, record.id) == []
    with pytest.raises(Rejected):
        town.records.transition(sender, TICKET, record.id, "reopen", version=2)


def test_incomplete_state_waits_with_what_is_required(town: Town, clerk: Actor) -> None:
    """A draft may lack what is required; the move out of it may not."""
    topic = make_topic(town)
    record = town.records.create(system(), TICKET, {"topic": topic.id}, state="draft")
    with pytest.raises(ValidationFailed) as refused:
        town.records.transition(clerk, TICKET, record.id, "send", version=1)
    assert "summary" in refused.value.errors
    filled = town.records.update(clerk, TICKET, record.id, {"summary": "Hole", "answers": {"deep": 1}}, version=1)
    assert town.records.transition(clerk, TICKET, record.id, "send", version=filled.version).state == "new"


def test_values_on_the_way(town: Town, clerk: Actor) -> None:
    """With a move come the fields it asks for; who may not edit the record brings no others."""
    record = make_ticket(town, clerk, make_topic(town))
    mover = Actor(
        "staff", "Mo", 9, frozenset({"*.view", "*.see_internal", "desk.ticket.transition.finish"}), door="admin"
    )
    with pytest.raises(ValidationFailed) as refused:
        town.records.transition(mover, TICKET, record.id, "finish", {"outcome": "x", "summary": "y"}, version=1)
    assert set(refused.value.errors) == {"summary"}
    done = town.records.transition(mover, TICKET, record.id, "finish", {"outcome": "x", "refund": "20"}, version=1)
    assert str(done["refund"].amount) == "20.00"


def test_stale_move_is_a_conflict(town: Town, clerk: Actor) -> None:
    """Two clerks who move the same case: the second one learns of the first."""
    record = make_ticket(town, clerk, make_topic(town))
    town.records.transition(clerk, TICKET, record.id, "ask", version=1)
    with pytest.raises(Conflict):
        town.records.transition(clerk, TICKET, record.id, "ask", version=1)


def test_waiting_stops_the_clock(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """Days in a state that pauses the clock, or closed, are added to the due date."""
    record = make_ticket(town, clerk, make_topic(town))
    assert record.due is not None
    town.records.transition(clerk, TICKET, record.id, "ask", version=1)
    clock.move(timedelta(days=3))
    back = town.records.transition(clerk, TICKET, record.id, "answer", version=2)
    assert back.due == record.due + timedelta(days=3)
    town.records.transition(clerk, TICKET, record.id, "ask", version=3)
    clock.move(timedelta(days=1))
    town.records.transition(clerk, TICKET, record.id, "finish", {"outcome": "x"}, version=4)
    clock.move(timedelta(days=1))
    again = town.records.transition(clerk, TICKET, record.id, "reopen", version=5)
    assert again.due == record.due + timedelta(days=5)


def test_message_goes_with_the_move(town: Town, clerk: Actor) -> None:
    """A message given with a move is an outbound public interaction about the case, written in the same transaction."""
    record = make_ticket(town, clerk, make_topic(town))
    town.records.transition(clerk, TICKET, record.id, "ask", version=1, message="Which side of the road?")
    (sent,) = town.records.find(clerk, "core.interaction").records
    assert (sent["body"], sent["direction"], sent["public"]) == ("Which side of the road?", "out", True)
    assert sent["about"].id == record.id


def test_archived_case_does_not_move(town: Town, clerk: Actor) -> None:
    """An archived case is restored first."""
    record = make_ticket(town, clerk, make_topic(town))
    archived = town.records.archive(clerk, TICKET, record.id, version=1)
    assert town.records.transitions(clerk, archived) == []
    with pytest.raises(Rejected):
        town.records.transition(clerk, TICKET, record.id, "ask", version=2)
