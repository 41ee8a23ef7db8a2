"""What can be measured: for each measure its words, its exact definition, and who picks its records.

The definitions are what ``docs/explanation/figures.md`` says; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from townhall.errors import Rejected
from townhall.records.figures import grouping
from townhall.records.figures import picking
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.slices import Slice
from townhall.records.figures.slices import exceeded
from townhall.records.figures.words import AGES
from townhall.records.figures.words import DORMANT_DAYS
from townhall.records.figures.words import HANDED
from townhall.records.figures.words import INTERACTION
from townhall.records.figures.words import KINDS
from townhall.records.figures.words import REPEAT_DAYS
from townhall.records.figures.words import WAYS


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing to measure. ``of`` says what a slice has to say besides: nothing, a state, a kind of clock, an age.

    A ``slow`` one also needs the minutes that were exceeded: ``resolution.working.90``, ``new.90``.
    """

    name: str
    label: str
    definition: str
    test: Callable[[Scene, Slice], Sql]
    about: Literal["cases", "talks"] = "cases"
    timed: bool = True
    of: Literal["", "state", "clock", "age", "field"] = ""
    slow: bool = False


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
    if measure.of and not _is_known(scene, measure, wanted.of):
        raise Rejected(f"“{measure.label}” has no “{wanted.of}” here.")
    test = measure.test(scene, wanted)
    return test & grouping.test_of(scene, wanted.by, wanted.value) if wanted.by else test


def _is_known(scene: Scene, measure: Measure, of: str) -> bool:
    if measure.slow:
        of, minutes = exceeded(of)
        return minutes >= 0 and of in _known(scene, measure) and of not in KINDS
    return of in _known(scene, measure)


def _known(scene: Scene, measure: Measure) -> frozenset[str]:
    if measure.of == "state":
        return frozenset(scene.type.workflow.states if scene.type.workflow is not None else ())
    if measure.of == "age":
        return frozenset(name for name, *_ in AGES)
    if measure.of == "clock":
        return frozenset((*KINDS, *(f"{kind}.{which}" for kind in KINDS for which in WAYS)))
    return frozenset(HANDED)


MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "came_in",
            "Came in",
            "Cases that came into work in the period: made, or sent from a draft. One that was sent twice counts once.",
            picking.came_in,
        ),
        Measure(
            "closed",
            "Closed",
            "Cases that moved from an open state into a final one in the period, at least once.",
            picking.closed,
        ),
        Measure(
            "reopened",
            "Opened again",
            "Cases that moved from a final state into an open one in the period, at least once.",
            picking.reopened,
        ),
        Measure(
            "open",
            "Open at the end",
            "Cases that were in an open state when the period ended, or are now if it has not ended. Drafts "
            "are not open.",
            picking.open,
        ),
        Measure(
            "age",
            "Age",
            "Of the cases that were open at the end, those made that long before. An age belongs to the row "
            "that it reaches the lower limit of.",
            picking.aged,
            of="age",
        ),
        Measure(
            "overdue",
            "Overdue now",
            "Open cases whose due moment is over now and whose clock is not stopped.",
            picking.overdue,
            timed=False,
        ),
        Measure(
            "dormant",
            "Dormant now",
            f"Open cases in which nothing was changed for {DORMANT_DAYS} days.",
            picking.dormant,
            timed=False,
        ),
        Measure(
            "measured",
            "Measured",
            "Cases whose clock of that kind was met in the period, with the minutes that it took. Median, 80 "
            "of 100 and 90 of 100 are the shortest time that at least so many of them kept to; working time "
            "and calendar time stand apart.",
            picking.met,
            of="clock",
        ),
        Measure(
            "longer",
            "Took longer",
            "Of the cases measured, those whose clock took more than so many minutes.",
            picking.longer,
            of="clock",
            slow=True,
        ),
        Measure(
            "in_time",
            "In time",
            "Cases whose clock of that kind was met in the period, no later than it was due.",
            picking.in_time,
            of="clock",
        ),
        Measure(
            "late",
            "Late",
            "Cases whose clock of that kind became due in the period and was not met by then, whether it was met since"
            " or not. While it stands still, because the case waits or is closed, it does not become late. The share in"
            " time is in time / (in time + late): each clock counts once, when it was decided.",
            picking.late,
            of="clock",
        ),
        Measure(
            "left",
            "Left the state",
            "Cases that moved out of the state in the period. The time is that from the move into it, by the "
            "calendar; a case that was in it twice counts once and gives two times.",
            picking.left,
            of="state",
        ),
        Measure(
            "stayed",
            "Stayed longer",
            "Cases that moved out of the state in the period after more than so many minutes in it.",
            picking.stayed,
            of="state",
            slow=True,
        ),
        Measure(
            "back_again",
            "Closed and opened again",
            "Cases closed in the period that were opened again after that, until now. The rate is their share"
            " of the cases closed in the period.",
            picking.back_again,
        ),
        Measure(
            "handed_on",
            "Passed on",
            "Cases that went from one person to another, or from one queue to another, in the period, by "
            "their history. The first person or queue doesn't count.",
            picking.handed_on,
            of="field",
        ),
        Measure(
            "with_contact",
            "Came in, with a contact",
            "Cases that came in in the period and say whose they are.",
            picking.with_contact,
        ),
        Measure(
            "repeats",
            "Came back",
            "Cases that came in in the period for which the same contact had another one of the same category"
            f" made in the {REPEAT_DAYS} days before. The rate is their share of the cases that came in with a"
            " contact.",
            picking.repeats,
        ),
        Measure(
            "first_contact",
            "Settled at the first contact",
            "Cases closed in the period and never opened again, about which the citizen contacted the town "
            f"once at most, and whose contact had no other of the same category made in the {REPEAT_DAYS} days"
            " after. The rate is their share of the cases closed in the period.",
            picking.first_contact,
        ),
        Measure(
            "talks_in",
            "They contacted us",
            "Interactions in the period in which the citizen contacted the town.",
            picking.talks,
            about="talks",
        ),
        Measure(
            "talks_out",
            "We contacted them",
            "Interactions in the period in which the town contacted the citizen.",
            picking.talks,
            about="talks",
        ),
        Measure(
            "chases",
            "Asked how far it is",
            "Of those in which they contacted us, the ones whose outcome is “Asked how far it is”.",
            picking.talks,
            about="talks",
        ),
        Measure(
            "on_the_spot",
            "Answered on the spot",
            "Of those in which they contacted us, the ones whose outcome is “Answered on the spot”.",
            picking.talks,
            about="talks",
        ),
    )
}
