"""What stands under “Your requests” of somebody who is signed in: each in the public's words, and their open forms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.cases import standing
from townhall.portal import drafts
from townhall.portal import services
from townhall.portal import visitor
from townhall.portal.filling import Filling
from townhall.portal.headings import editable
from townhall.portal.headings import heading
from townhall.records import owning
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town
    from townhall_forms.schema import State

#: Requests on one page.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One request. ``wanted`` is what the town waits for, ``said`` the last message and ``ours`` who wrote it.

    How a closed one ended is told by its page and its words alone, never by a colour.
    """

    record: Record
    heading: str
    state: State | None
    closed: bool
    wanted: str
    expectation: str
    can_edit: bool
    said: str
    said_at: datetime | None
    ours: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """A form that is open in this browser and not sent yet."""

    label: str
    url: str
    until: datetime | None


def lines(town: Town, start: int) -> tuple[list[Line], bool]:
    """A page of the visitor's own requests, open ones first; and whether there are more."""
    found = owning.records(town, citizen(visitor.own_grants(town)))
    found.sort(key=lambda record: record.closed is not None)
    page = found[start : start + SHOWN]
    return [_line(town, record) for record in page], len(found) > start + SHOWN


def begun(town: Town) -> list[Begun]:
    """The forms that this browser has begun and not sent."""
    made = []
    for name, key in visitor.drafts_open().items():
        draft = drafts.load(town, key)
        if draft is None or draft.sent or draft.record:
            continue
        plugin, _, named = draft.identity.partition(".")
        declared = services.form_of(town.schemas, plugin, named, draft.form)
        if declared is not None:
            filling = Filling(town, *declared, draft, name)
            made.append(Begun(filling.form.label, filling.url(filling.first_open()), draft.expires))
    return made


def _line(town: Town, record: Record) -> Line:
    actor: Actor = citizen(frozenset({(record.identity, record.id)}))
    workflow = record.type.workflow
    state = workflow.states.get(record.state) if workflow is not None else None
    entries, _, _ = town.records.timeline(actor, record.identity, record.id, limit=1, kinds=("talk", "note"))
    last = next((entry for entry in entries if entry.public and entry.kind in ("talk", "note")), None)
    return Line(
        record,
        heading(record),
        state,
        state is not None and state.final,
        _wanted(state),
        standing.expectation(town, record),
        editable(record) is not None,
        (last.body or last.headline) if last is not None else "",
        last.at if last is not None else None,
        last is not None and last.direction != "in",
    )


def _wanted(state: State | None) -> str:
    """What the town waits for in this state; empty if it is the town's turn."""
    if state is None or not (state.pauses_clock or state.incomplete):
        return ""
    return state.public_help or ("We wait for your answer." if state.pauses_clock else "This is not sent yet.")
