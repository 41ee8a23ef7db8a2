"""The records behind a figure: what a list says about them, and all of them where they are of several types."""

from __future__ import annotations

from townhall.access.actors import Actor
from townhall.admin.figures.asking import words
from townhall.admin.figures.numbers import length
from townhall.errors import Rejected
from townhall.records import figures
from townhall.records.figures import AGES
from townhall.records.figures import HANDED
from townhall.records.figures import Slice
from townhall.records.figures.slices import decoded
from townhall.records.figures.slices import exceeded
from townhall.town import Town
from townhall_forms.schema import RecordType

#: The parameter of a list's address that keeps to the records of a figure.
PARAMETER = "figure"


def read(town: Town, actor: Actor, record_type: RecordType, text: str) -> Slice:
    """The slice that a list's address asks for. Raises :class:`~townhall.errors.Rejected` if it can't be had."""
    wanted = decoded(text)
    town.records.count(actor, record_type.identity, figure=wanted, cap=1)
    return wanted


def sentence(town: Town, actor: Actor, wanted: Slice, record_type: RecordType | None = None) -> str:
    """What a slice is, in words: ``Came in, March 2026, Category: Potholes``. Raises for one that is none."""
    measure = figures.MEASURES.get(wanted.measure)
    if measure is None:
        raise Rejected(f"There is no figure called “{wanted.measure}”. Go to it from the page of figures.")
    what = f"{measure.label}{_than(wanted)}" if measure.slow else measure.label
    parts = [what, _of(wanted, record_type), words(wanted.period) if wanted.period and measure.timed else ""]
    if wanted.by and record_type is not None:
        label = figures.label_of(record_type, wanted.by)
        named = figures.labels(town, actor, record_type.identity, wanted.by, [wanted.value])
        parts.append(f"{label}: {named[wanted.value]}")
    return ", ".join(part for part in parts if part)


def _than(wanted: Slice) -> str:
    of, minutes = exceeded(wanted.of)
    return f" than {length(minutes, business=of.endswith('.working')).text}" if minutes >= 0 else ""


def _of(wanted: Slice, record_type: RecordType | None) -> str:
    of = exceeded(wanted.of)[0] if figures.MEASURES[wanted.measure].slow else wanted.of
    kind, _, way = of.partition(".")
    workflow = record_type.workflow if record_type is not None else None
    if workflow is not None and kind in workflow.states and figures.MEASURES[wanted.measure].of == "state":
        return workflow.states[kind].label
    ages = {name: label for name, label, *_ in AGES}
    word = figures.KINDS.get(kind) or HANDED.get(kind) or ages.get(kind) or kind
    return f"{word.lower()}{f', {way} time' if way else ''}" if word else ""
