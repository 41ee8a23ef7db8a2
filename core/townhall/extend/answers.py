"""What hooks may answer: each function here takes what an implementation returned and gives what Townhall works with.

They run while the implementation is still guarded, so a generator that breaks off, an endless one or an object that
isn't what it seems is the plugin's failure. What they give is made anew of plain values: text that can be written to
any page, numbers, known words.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from collections.abc import Mapping
from itertools import islice
from typing import Any
from typing import TypeVar
from typing import get_args

from townhall.extend.values import Assignment
from townhall.extend.values import Flag
from townhall.extend.values import Panel
from townhall.extend.values import PanelRow
from townhall_forms.schema import Tone

T = TypeVar("T")

#: Most panels of one plugin on a page, and lines and facts of one panel; most letters of one text.
MAX_PANELS = 10
MAX_ROWS = 200
MAX_LETTERS = 2_000
#: Most letters of why a plugin sends a case somewhere.
MAX_REASON = 200
#: Most flags shown beside a record's title, and taken from one plugin.
MAX_FLAGS = 4
_MAX_ANSWERED_FLAGS = 50
_TONES = frozenset(get_args(Tone))


def nothing(answer: Any) -> None:
    """A hook that only does something. One that would have to be driven on never did it."""
    if inspect.isgenerator(answer) or inspect.iscoroutine(answer) or inspect.isasyncgen(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError(f"it returned a {type(answer).__name__}, so nothing of it ran: use no yield and no async")


def anything(answer: Any) -> Any:
    """Whatever it is; the caller looks at it while the hook is still guarded."""
    nothing(answer)
    return answer


def values_of(answer: Any) -> dict[str, Any]:
    """Values by field, to set as well."""
    if answer is None:
        return {}
    nothing(answer)
    if not isinstance(answer, Mapping):
        raise TypeError(f"it returned {type(answer).__name__}, not a mapping or None")
    values = dict(islice(answer.items(), MAX_ROWS))
    for name, value in values.items():
        if not isinstance(name, str):
            raise TypeError(f"it returned a mapping with a key that is {type(name).__name__}, not a field's name")
        if isinstance(value, str):
            value.encode()
    return values


def assignment_of(answer: Any) -> Assignment | None:
    """Where a case goes, if it says anything."""
    nothing(answer)
    if answer is None:
        return None
    if not isinstance(answer, Assignment):
        raise TypeError(f"it returned {type(answer).__name__}, not an Assignment or None")
    given = Assignment(
        _id(answer.queue, "a queue's id"),
        _id(answer.assignee, "a person's id"),
        text(answer.priority),
        " ".join(text(answer.reason).split())[:MAX_REASON],
    )
    return given if given != Assignment(reason=given.reason) else None


def panels_of(answer: Any) -> list[Panel]:
    """Panels for a page."""
    return [_panel(panel) for panel in _all_of(Panel, answer, MAX_PANELS)]


def flags_of(answer: Any) -> list[Flag]:
    """Flags beside a title."""
    return [
        Flag(text(flag.label), text(flag.help), _tone(flag.tone))
        for flag in _all_of(Flag, answer, _MAX_ANSWERED_FLAGS)
        if text(flag.label)
    ]


def text(value: Any) -> str:
    """Plain text that any page can hold: no markup, nothing that can't be encoded, not endless."""
    if not isinstance(value, str):
        raise TypeError(f"it gave {type(value).__name__} where text belongs")
    plain = str.__str__(value)[:MAX_LETTERS]
    return plain.encode("utf-8", "replace").decode().replace("\0", "")


def _panel(panel: Panel) -> Panel:
    return Panel(
        label=text(panel.label),
        rows=tuple(_row(row) for row in _all_of(PanelRow, panel.rows, MAX_ROWS)),
        facts=tuple((text(name), text(value)) for name, value in _some(panel.facts, MAX_ROWS)),
        note=text(panel.note),
        empty=text(panel.empty),
    )


def _row(row: PanelRow) -> PanelRow:
    id = _id(row.id, "a record's id")
    identity = text(row.identity)
    if identity and identity.count(".") != 1:
        raise ValueError("it gave something else where a type of record belongs")
    return PanelRow(text(row.text), identity, id, text(row.note), None if row.tone is None else _tone(row.tone))


def _id(value: Any, what: str) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"it gave {type(value).__name__} where {what} belongs")
    return value


def _tone(value: Any) -> Tone:
    if value not in _TONES:
        raise ValueError(f"it gave a tone that there isn't; known are {', '.join(sorted(_TONES))}")
    known: Tone = value
    return known


def _all_of(kind: type[T], answer: Any, most: int) -> list[T]:
    items = _some(answer, most)
    for item in items:
        if not isinstance(item, kind):
            raise TypeError(f"it gave {type(item).__name__} where {kind.__name__} belongs")
    return items


def _some(answer: Any, most: int) -> list[Any]:
    """What an iterable gives, if it is not too much."""
    if answer is None:
        return []
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        raise TypeError(f"it gave {type(answer).__name__}, not a sequence")
    items = list(islice(answer, most + 1))
    if len(items) > most:
        raise ValueError(f"it gave more than {most} of them")
    return items
