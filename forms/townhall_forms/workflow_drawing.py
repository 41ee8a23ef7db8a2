"""Drawing a workflow: its states as boxes in their declared order, and its moves as lines beside them, as an SVG.

Each move has a line of its own with its number: dots mark the states that it leaves, the arrow points at the state
that it leads to. Lines only meet at dots, so that a workflow of sixteen states stays as readable as one of three. Final
states have a double edge, and the first one has a dot before it. The drawing has no style, no script and no colour of
its own; a table of the same beside it says everything in words (:func:`rows`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from townhall_forms.schema import Transition
from townhall_forms.schema import Workflow

#: Sizes in the units of the drawing: a row of a state, its box, and a line of a move.
_ROW = 46
_BOX = 30
_LANE = 24
_LETTER = 8
_MARGIN = 22
#: How far the line into a box stands above its middle, and the line out of it below.
_SIDE = 8


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A move as the table beside the drawing has it."""

    number: int
    move: Transition
    sources: tuple[str, ...]
    target: str
    effects: tuple[str, ...]


def rows(workflow: Workflow) -> list[MoveRow]:
    """The moves with their numbers in the drawing, their states by their labels, and what they bring about."""
    states = workflow.states
    return [
        MoveRow(
            number,
            move,
            tuple(states[name].label for name in move.sources),
            states[move.target].label,
            tuple(_effects(move)),
        )
        for number, move in enumerate(workflow.transitions, start=1)
    ]


def _effects(move: Transition) -> Iterator[str]:
    who = {"actor": "whoever makes the move", "nobody": "nobody"}
    if move.assign:
        yield f"gives the case to {who.get(move.assign, f'whoever stands in {move.assign}')}"
    if move.task is not None:
        due = "" if move.task.days is None else f", due in {move.task.days} days"
        due = f", due in as many days as {move.task.days} says" if isinstance(move.task.days, str) else due
        yield f"makes the task “{move.task.title.text}” for {who.get(move.task.assignee, move.task.assignee)}{due}"
    if move.event is not None:
        yield f"puts “{move.event.title.text}” on the calendar, at {move.event.starts}"


def draw(workflow: Workflow) -> str:
    """The drawing, as an ``svg`` element for a page or a file."""
    names = list(workflow.states)
    width = max(len(state.label) for state in workflow.states.values()) * _LETTER + 2 * _MARGIN
    left = _MARGIN
    edge = left + width
    lanes = {move.name: edge + _MARGIN + index * _LANE for index, move in enumerate(workflow.transitions)}
    right = edge + _MARGIN + max(len(lanes), 1) * _LANE
    height = len(names) * _ROW + _MARGIN
    middles = {name: _MARGIN + _BOX // 2 + index * _ROW for index, name in enumerate(names)}
    parts = [
        f'<svg class="workflow-drawing" viewBox="0 0 {right} {height}" width="{right}" height="{height}" '
        'xmlns="http://www.w3.org/2000/svg" font-family="inherit" font-size="14" fill="currentColor" '
        'stroke="none" aria-hidden="true" focusable="false">'
    ]
    parts += _rails(workflow, lanes, middles, edge)
    for number, move in enumerate(workflow.transitions, start=1):
        parts += _lane(number, move, lanes[move.name], middles)
    for name, state in workflow.states.items():
        middle = middles[name]
        top = middle - _BOX // 2
        box = 'fill="none" stroke="currentColor"'
        parts.append(f'<rect x="{left}" y="{top}" width="{width}" height="{_BOX}" rx="6" {box} stroke-width="1.5"/>')
        if state.final:
            inner = f'x="{left + 3}" y="{top + 3}" width="{width - 6}" height="{_BOX - 6}" rx="4"'
            parts.append(f"<rect {inner} {box}/>")
        if name == workflow.initial:
            parts.append(f'<circle cx="{left - 12}" cy="{middle}" r="5"/>')
            parts.append(f'<path d="M{left - 7} {middle}H{left}" stroke="currentColor" stroke-width="1.5"/>')
        label = escape(state.label)
        parts.append(f'<text x="{left + width // 2}" y="{middle + 5}" text-anchor="middle">{label}</text>')
    return "".join((*parts, "</svg>"))


def _rails(workflow: Workflow, lanes: dict[str, int], middles: dict[str, int], edge: int) -> Iterator[str]:
    """The lines between each box and the moves that leave it or lead to it."""
    for name, middle in middles.items():
        out = [lanes[move.name] for move in workflow.transitions if name in move.sources]
        into = [lanes[move.name] for move in workflow.transitions if move.target == name]
        line = 'fill="none" stroke="currentColor" stroke-width="1"'
        if out:
            yield f'<path d="M{edge} {middle + _SIDE}H{max(out)}" {line}/>'
        if into:
            y = middle - _SIDE
            yield f'<path d="M{edge + 7} {y}H{max(into)}" {line}/>'
            yield f'<path d="M{edge} {y}l9 -4v8z"/>'


def _lane(number: int, move: Transition, x: int, middles: dict[str, int]) -> Iterator[str]:
    """The upright line of one move, with a dot at each state that it leaves, and its number."""
    leaving = [middles[name] + _SIDE for name in move.sources]
    arriving = middles[move.target] - _SIDE
    ends = [*leaving, arriving]
    yield f'<path d="M{x} {min(ends)}V{max(ends)}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
    yield from (f'<circle cx="{x}" cy="{y}" r="3.5"/>' for y in leaving)
    yield f'<text x="{x}" y="{min(ends) - 7}" text-anchor="middle" font-size="12">{number}</text>'
