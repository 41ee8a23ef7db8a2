"""The step line of a request."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta

from townhall.portal.journey import Stop
from townhall.portal.journey import main_line
from townhall.portal.journey import step_line
from townhall_forms.schema import State
from townhall_forms.schema import Transition
from townhall_forms.schema import Workflow

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def state(name: str, public: str, **more: object) -> State:
    """A state as a schema declares it."""
    return State(name=name, label=name.capitalize(), public_label=public, **more)  # type: ignore[arg-type]


STATES = {
    one.name: one
    for one in (
        state("new", "Received", tone="new"),
        state("accepted", "Looked at"),
        state("checking", "Looked at"),
        state("working", "Being fixed"),
        state("waiting", "Waiting for you", tone="wait", pauses_clock=True),
        state("fixed", "Fixed", tone="ok", final=True),
        state("refused", "Not the town's task", tone="bad", final=True),
        state("island", "Never", tone="live"),
    )
}
MOVES = [
    ("new", "accepted"),
    ("accepted", "checking"),
    ("checking", "working"),
    ("accepted", "working"),
    ("working", "waiting"),
    ("waiting", "working"),
    ("working", "fixed"),
    ("new", "refused"),
    ("fixed", "working"),
]
FLOW = Workflow(
    initial="new",
    states=STATES,
    transitions=tuple(
        Transition(f"{source}_{target}", target, (source,), target, ("staff",)) for source, target in MOVES
    ),
)


def passed(*names: str) -> list[tuple[str, datetime]]:
    """States entered, an hour after each other."""
    return [(name, START + timedelta(hours=hour)) for hour, name in enumerate(names)]


def shape(stops: list[Stop]) -> list[tuple[str, str]]:
    """Labels and positions."""
    return [(stop.label, stop.position) for stop in stops]


def test_main_line_is_the_good_way_without_side_tracks() -> None:
    """Waiting states, bad ends and states that nobody reaches are not announced."""
    assert main_line(FLOW) == ["new", "accepted", "checking", "working", "fixed"]


def test_new_request_shows_all_that_is_to_come() -> None:
    """The first stop is now, the others follow; neighbours with the same words are one stop."""
    assert shape(step_line(FLOW, "new", passed("new"))) == [
        ("Received", "now"),
        ("Looked at", "next"),
        ("Being fixed", "next"),
        ("Fixed", "next"),
    ]


def test_past_stops_have_their_times() -> None:
    """What is behind is marked past, with the moment it was reached first."""
    stops = step_line(FLOW, "checking", passed("new", "accepted", "checking"))
    assert shape(stops)[:2] == [("Received", "past"), ("Looked at", "now")]
    assert stops[0].at == START
    assert stops[1].at == START + timedelta(hours=1)


def test_skipped_stop_is_not_shown() -> None:
    """A request that skipped a stop does not pretend to have been there, nor to go there."""
    assert shape(step_line(FLOW, "working", passed("new", "working"))) == [
        ("Received", "past"),
        ("Being fixed", "now"),
        ("Fixed", "next"),
    ]


def test_side_track_stands_between_past_and_future() -> None:
    """While it waits for the citizen, that is the present stop, and the good end is still to come."""
    assert shape(step_line(FLOW, "waiting", passed("new", "accepted", "working", "waiting"))) == [
        ("Received", "past"),
        ("Looked at", "past"),
        ("Being fixed", "past"),
        ("Waiting for you", "now"),
        ("Fixed", "next"),
    ]


def test_finished_request_has_nothing_to_come() -> None:
    """A final state ends the line, the good one as well as a bad one."""
    assert shape(step_line(FLOW, "fixed", passed("new", "working", "fixed")))[-1] == ("Fixed", "past")
    assert shape(step_line(FLOW, "refused", passed("new", "refused"))) == [
        ("Received", "past"),
        ("Not the town's task", "past"),
    ]


def test_reopened_request_goes_back_on_the_line() -> None:
    """A reopened request stands where it is now, with its end ahead again, and not twice on the line."""
    assert shape(step_line(FLOW, "working", passed("new", "working", "fixed", "working"))) == [
        ("Received", "past"),
        ("Being fixed", "now"),
        ("Fixed", "next"),
    ]


def test_unknown_history_still_gives_a_line() -> None:
    """An imported request without a log starts at its state; a state that is no longer declared keeps a name."""
    assert shape(step_line(FLOW, "working", []))[0] == ("Being fixed", "now")
    assert shape(step_line(FLOW, "old_state", []))[0] == ("Old state", "now")
