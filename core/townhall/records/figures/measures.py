"""What can be measured: for each measure its words, its exact definition, and its records as SQL over the type's table.

The definitions are what ``docs/explanation/figures.md`` says; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from townhall.errors import Rejected
from townhall.records import predicate
from townhall.records.figures import grouping
from townhall.records.figures import handing
from townhall.records.figures.scenes import DAY
from townhall.records.figures.scenes import NOTHING
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.slices import Slice

#: Days within which the same person with the same category has come back.
REPEAT_DAYS = 30
#: Days without a change after which an open case is dormant.
DORMANT_DAYS = 14
#: Ages of open cases: name, words, and the days that it begins and ends with.
AGES: tuple[tuple[str, str, int, int | None], ...] = (
    ("week", "Up to 1 week", 0, 7),
    ("fortnight", "1 to 2 weeks", 7, 14),
    ("month", "2 to 4 weeks", 14, 28),
    ("quarter", "4 to 13 weeks", 28, 91),
    ("longer", "Longer than 13 weeks", 91, None),
)
#: Kinds of clock that there are figures about, with their words.
KINDS: Mapping[str, str] = {"first_response": "First response", "resolution": "Resolution"}
#: Standard fields by which a case is passed on.
HANDED: Mapping[str, str] = {"assignee": "From person to person", "queue": "From queue to queue"}
INTERACTION = "core.interaction"
CASE_MOVES = "case_transition"


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing to measure. ``of`` says what a slice has to say besides: nothing, a state, a kind of clock, an age."""

    name: str
    label: str
    definition: str
    test: Callable[[Scene, Slice], Sql]
    about: Literal["cases", "talks"] = "cases"
    timed: bool = True
    of: Literal["", "state", "clock", "age", "field"] = ""


def test_of(scene: Scene, wanted: Slice) -> Sql:
    """The records of a slice, as a test of the rows of the type's table.

    Raises :class:`~townhall.errors.Rejected` with a sentence for a slice that the type doesn't have, or that the actor
    may not ask for.
    """
    measure = MEASURES.get(wanted.measure)
    if measure is None:
        raise Rejected(f"There is no figure called “{wanted.measure}”. Go to it from the page of figures.")
    if (measure.about == "talks") != (scene.identity == INTERACTION) or (measure.about == "cases" and not scene.open):
        raise Rejected(f"{scene.type.label_plural} have no figure “{measure.label}”.")
    if measure.timed and wanted.period is None:
        raise Rejected(f"“{measure.label}” is counted in a period, and none is given.")
    if measure.of and wanted.of not in _known(scene, measure):
        raise Rejected(f"“{measure.label}” has no “{wanted.of}” here.")
    test = measure.test(scene, wanted)
    return test & grouping.test_of(scene, wanted.by, wanted.value) if wanted.by else test


def _known(scene: Scene, measure: Measure) -> frozenset[str]:
    if measure.of == "state":
        return frozenset(scene.type.workflow.states if scene.type.workflow is not None else ())
    if measure.of == "age":
        return frozenset(name for name, *_ in AGES)
    return frozenset(KINDS if measure.of == "clock" else HANDED)


def bounds(scene: Scene, wanted: Slice) -> tuple[int, int]:
    """Begin and end of the slice's period in microseconds."""
    if wanted.period is None:
        return 0, scene.now
    return wanted.period.bounds(scene.town.zone)


# -- moves ----------------------------------------------------------------------------------------------------------


def _moved(scene: Scene, wanted: Slice, moved: Sql) -> Sql:
    """Cases with such a move in the period."""
    begin, end = bounds(scene, wanted)
    mark = scene.mark
    text = (
        f"t1.id IN (SELECT m.record_id FROM {CASE_MOVES} m WHERE m.identity = {mark}"  # noqa: S608  # names and marks
        f" AND m.at >= {mark} AND m.at < {mark} AND {moved.text})"
    )
    return Sql(text, (scene.identity, begin, end, *moved.parameters))


def _came_in(scene: Scene, wanted: Slice) -> Sql:
    return _moved(scene, wanted, scene.moved("m", scene.fresh, scene.open))


def _closed(scene: Scene, wanted: Slice) -> Sql:
    return _moved(scene, wanted, scene.moved("m", scene.open, scene.final))


def _reopened(scene: Scene, wanted: Slice) -> Sql:
    return _moved(scene, wanted, scene.moved("m", scene.final, scene.open))


def _left(scene: Scene, wanted: Slice) -> Sql:
    return _moved(scene, wanted, Sql(f"m.source = {scene.mark}", (wanted.of,)))


def _back_again(scene: Scene, wanted: Slice) -> Sql:
    """Closed in the period, and opened again after that."""
    begin, end = bounds(scene, wanted)
    closed, opened = scene.moved("m", scene.open, scene.final), scene.moved("n", scene.final, scene.open)
    mark = scene.mark
    text = (
        f"t1.id IN (SELECT m.record_id FROM {CASE_MOVES} m WHERE m.identity = {mark}"  # noqa: S608  # names and marks
        f" AND m.at >= {mark} AND m.at < {mark} AND {closed.text}"
        f" AND EXISTS (SELECT 1 FROM {CASE_MOVES} n WHERE n.identity = {mark} AND n.record_id = m.record_id"
        f" AND n.id > m.id AND {opened.text}))"
    )
    return Sql(text, (scene.identity, begin, end, *closed.parameters, scene.identity, *opened.parameters))


def _handed_on(scene: Scene, wanted: Slice) -> Sql:
    entries = handing.entries(scene, wanted.of, *bounds(scene, wanted))
    return Sql(f"t1.id IN (SELECT h.record_id {entries.text})", entries.parameters)


# -- the backlog ----------------------------------------------------------------------------------------------------


def open_at(scene: Scene, moment: int) -> Sql:
    """Cases that were open at a moment: those that are now and didn't move since, and those that moved from there."""
    states = scene.among("t1.state", scene.open)
    if moment >= scene.now:
        return states
    mark, before = scene.mark, scene.among("later.source", scene.open)
    moves = f"{CASE_MOVES} m WHERE m.identity = {mark} AND m.at >= {mark}"
    later = (
        f"SELECT m.record_id, m.source, ROW_NUMBER() OVER (PARTITION BY m.record_id ORDER BY m.id) AS place FROM {moves}"
    )
    text = (
        f"(({states.text} AND t1.id NOT IN (SELECT m.record_id FROM {moves}))"  # noqa: S608  # names and marks
        f" OR t1.id IN (SELECT later.record_id FROM ({later}) AS later WHERE later.place = 1 AND {before.text}))"
    )
    since = (scene.identity, moment)
    return Sql(text, (*states.parameters, *since, *since, *before.parameters))


def _end(scene: Scene, wanted: Slice) -> int:
    return min(bounds(scene, wanted)[1], scene.now)


def _open(scene: Scene, wanted: Slice) -> Sql:
    return open_at(scene, _end(scene, wanted))


def _aged(scene: Scene, wanted: Slice) -> Sql:
    moment = _end(scene, wanted)
    low, high = next((low, high) for name, _, low, high in AGES if name == wanted.of)
    created, mark = scene.column("created"), scene.mark
    test = open_at(scene, moment) & Sql(f"{created} <= {mark}", (moment - low * DAY,))
    return test if high is None else test & Sql(f"{created} > {mark}", (moment - high * DAY,))


def _overdue(scene: Scene, wanted: Slice) -> Sql:
    workflow = scene.type.workflow
    states = workflow.states if workflow is not None else {}
    running = [name for name in scene.open if not states[name].pauses_clock]
    return scene.among("t1.state", running) & Sql(f"{scene.column('due')} < {scene.mark}", (scene.now,))


def _dormant(scene: Scene, wanted: Slice) -> Sql:
    since = scene.now - DORMANT_DAYS * DAY
    return scene.among("t1.state", scene.open) & Sql(f"{scene.column('updated')} < {scene.mark}", (since,))


# -- clocks ---------------------------------------------------------------------------------------------------------


def _clock(scene: Scene, wanted: Slice, test: str, *values: int) -> Sql:
    text = (
        "t1.id IN (SELECT c.record_id FROM case_clock c"  # noqa: S608  # names and marks
        f" WHERE c.identity = {scene.mark} AND c.kind = {scene.mark} AND {test})"
    )
    return Sql(text, (scene.identity, wanted.of, *values))


def _met(scene: Scene, wanted: Slice) -> Sql:
    begin, end = bounds(scene, wanted)
    return _clock(
        scene, wanted, f"c.met_at >= {scene.mark} AND c.met_at < {scene.mark} AND c.actual_minutes IS NOT NULL", begin, end
    )


def _in_time(scene: Scene, wanted: Slice) -> Sql:
    begin, end = bounds(scene, wanted)
    return _clock(
        scene, wanted, f"c.met_at >= {scene.mark} AND c.met_at < {scene.mark} AND c.met_at <= c.due_at", begin, end
    )


def _late(scene: Scene, wanted: Slice) -> Sql:
    begin, end = bounds(scene, wanted)
    missed = "(c.met_at IS NULL OR c.met_at > c.due_at)"
    return _clock(
        scene, wanted, f"c.due_at >= {scene.mark} AND c.due_at < {scene.mark} AND {missed}", begin, min(end, scene.now)
    )


# -- coming back ----------------------------------------------------------------------------------------------------


def contact_of(scene: Scene) -> str:
    """The field that says whose case it is, if the actor may ask by it; else empty."""
    for path in scene.type.contacts:
        field = scene.type.fields.get(path)
        if field is not None and field.columns() and field.target:
            return path if predicate.may_ask(scene.town, scene.actor, scene.type, path) else ""
    return ""


def _with_contact(scene: Scene, wanted: Slice) -> Sql:
    contact = contact_of(scene)
    return _came_in(scene, wanted) & Sql(f"{scene.column(contact)} IS NOT NULL") if contact else NOTHING


def _same(scene: Scene, after: str, until: Sql) -> Sql:
    """There is another case of the same contact and category that was made later than ``after`` and up to ``until``."""
    contact, category = contact_of(scene), grouping.main_category(scene.town, scene.actor, scene.type)
    if not contact:
        return NOTHING
    mine = scene.column
    quoted = scene.quoted
    same = f"o.{quoted(contact)} = {mine(contact)} AND o.id <> t1.id"
    if category:
        # An empty category is no category: two cases without one have nothing in common.
        same += f" AND o.{quoted(category)} = {mine(category)}"
    others = scene.other("o")
    text = (
        f"EXISTS (SELECT 1 FROM {quoted(scene.plan.table)} AS o WHERE {same}"  # noqa: S608  # names and marks
        f" AND o.created > {after} AND o.created <= {until.text} AND {others.text})"
    )
    return Sql(text, (*until.parameters, *others.parameters))


def _repeats(scene: Scene, wanted: Slice) -> Sql:
    created = scene.column("created")
    same = _same(scene, f"{created} - {REPEAT_DAYS * DAY}", Sql(created))
    return _came_in(scene, wanted) & same


def _first_contact(scene: Scene, wanted: Slice) -> Sql:
    """Closed in the period and for good, after one contact at most, and nobody came back about it."""
    mark, opened = scene.mark, scene.moved("n", scene.final, scene.open)
    talks = _talks_about(scene)
    never = (
        f"t1.id NOT IN (SELECT n.record_id FROM {CASE_MOVES} n"  # noqa: S608  # names and marks
        f" WHERE n.identity = {mark} AND {opened.text})"
    )
    test = _closed(scene, wanted) & Sql(never, (scene.identity, *opened.parameters)) & talks
    if not contact_of(scene):
        return test
    closed = scene.column("closed")
    again = _same(scene, closed, Sql(f"{closed} + {REPEAT_DAYS * DAY}"))
    return test & Sql(f"NOT {again.text}", again.parameters)


def _talks_about(scene: Scene) -> Sql:
    """The citizen contacted the town about the case at most once."""
    town, mark = scene.town, scene.mark
    if INTERACTION not in town.schemas:
        return Sql("1 = 1")
    talks = Scene.of(town, scene.actor, INTERACTION)
    table = scene.quoted(talks.plan.table)
    text = (
        f"t1.id NOT IN (SELECT i.about_id FROM {table} AS i WHERE i.about_type = {mark}"  # noqa: S608  # names and marks
        f" AND i.direction = {mark} AND {talks.other('i').text} GROUP BY i.about_id HAVING COUNT(*) > 1)"
    )
    return Sql(text, (scene.identity, "in", *talks.other("i").parameters))


# -- interactions ---------------------------------------------------------------------------------------------------


def _talk(scene: Scene, wanted: Slice, *also: Sql) -> Sql:
    """Contacts with citizens in the period."""
    begin, end = bounds(scene, wanted)
    at, mark = scene.column("at"), scene.mark
    test = Sql(f"{at} >= {mark} AND {at} < {mark}", (begin, end))
    for part in also:
        test = test & part
    return test


def _is(scene: Scene, field: str, value: str) -> Sql:
    return Sql(f"{scene.column(field)} = {scene.mark}", (value,))


def _talks_in(scene: Scene, wanted: Slice) -> Sql:
    return _talk(scene, wanted, _is(scene, "direction", "in"))


def _talks_out(scene: Scene, wanted: Slice) -> Sql:
    return _talk(scene, wanted, _is(scene, "direction", "out"))


def _chases(scene: Scene, wanted: Slice) -> Sql:
    return _talk(scene, wanted, _is(scene, "direction", "in"), _is(scene, "outcome", "progress"))


def _on_the_spot(scene: Scene, wanted: Slice) -> Sql:
    return _talk(scene, wanted, _is(scene, "direction", "in"), _is(scene, "outcome", "answered"))


MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "came_in", "Came in",
            "Cases that came into work in the period: made, or sent from a draft. One that was sent twice counts once.",
            _came_in,
        ),
        Measure(
            "closed", "Closed",
            "Cases that moved from an open state into a final one in the period, at least once.", _closed,
        ),
        Measure(
            "reopened", "Opened again",
            "Cases that moved from a final state into an open one in the period, at least once.", _reopened,
        ),
        Measure(
            "open", "Open at the end",
            "Cases that were in an open state when the period ended, or are now if it has not ended. Drafts are not open.",
            _open,
        ),
        Measure(
            "age", "Age",
            "Of the cases that were open at the end, those made that long before. An age belongs to the row that it reaches"
            " the lower limit of.",
            _aged, of="age",
        ),
        Measure(
            "overdue", "Overdue now",
            "Open cases whose due moment is over now and whose clock is not stopped.", _overdue, timed=False,
        ),
        Measure(
            "dormant", "Dormant now",
            f"Open cases in which nothing was changed for {DORMANT_DAYS} days.", _dormant, timed=False,
        ),
        Measure(
            "measured", "Measured",
            "Cases whose clock of that kind was met in the period, with the minutes that it took. Median, 80 of 100 and 90 of"
            " 100 are the shortest time that at least so many of them kept to; working time and calendar time stand apart.",
            _met, of="clock",
        ),
        Measure(
            "in_time", "In time",
            "Cases whose clock of that kind was met in the period, no later than it was due.", _in_time, of="clock",
        ),
        Measure(
            "late", "Late",
            "Cases whose clock of that kind became due in the period and was not met by then, whether it was met since or not."
            " The share in time is in time / (in time + late): each clock counts once, when it was decided.",
            _late, of="clock",
        ),
        Measure(
            "left", "Left the state",
            "Cases that moved out of the state in the period. The time is that from the move into it, by the calendar; a case"
            " that was in it twice counts once and gives two times.",
            _left, of="state",
        ),
        Measure(
            "back_again", "Closed and opened again",
            "Cases closed in the period that were opened again after that, until now. The rate is their share of the cases"
            " closed in the period.",
            _back_again,
        ),
        Measure(
            "handed_on", "Passed on",
            "Cases that went from one person to another, or from one queue to another, in the period, by their history. The"
            " first person or queue doesn't count.",
            _handed_on, of="field",
        ),
        Measure(
            "with_contact", "Came in, with a contact",
            "Cases that came in in the period and say whose they are.", _with_contact,
        ),
        Measure(
            "repeats", "Came back",
            f"Cases that came in in the period for which the same contact had another one of the same category made in the"
            f" {REPEAT_DAYS} days before. The rate is their share of the cases that came in with a contact.",
            _repeats,
        ),
        Measure(
            "first_contact", "Settled at the first contact",
            "Cases closed in the period and never opened again, about which the citizen contacted the town once at most, and"
            f" whose contact had no other of the same category made in the {REPEAT_DAYS} days after. The rate is their share of"
            " the cases closed in the period.",
            _first_contact,
        ),
        Measure(
            "talks_in", "They contacted us",
            "Interactions in the period in which the citizen contacted the town.", _talks_in, about="talks",
        ),
        Measure(
            "talks_out", "We contacted them",
            "Interactions in the period in which the town contacted the citizen.", _talks_out, about="talks",
        ),
        Measure(
            "chases", "Asked how far it is",
            "Of those in which they contacted us, the ones whose outcome is “Asked how far it is”.", _chases, about="talks",
        ),
        Measure(
            "on_the_spot", "Answered on the spot",
            "Of those in which they contacted us, the ones whose outcome is “Answered on the spot”.",
            _on_the_spot, about="talks",
        ),
    )
}  # fmt: skip
