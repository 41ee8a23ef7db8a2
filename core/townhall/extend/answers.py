"""What hooks may answer: each function here takes what an implementation returned and gives what Townhall works with.

They run while the implementation is still guarded, so a generator that breaks off, an endless one or an object that
isn't what it seems is the plugin's failure. What they give is made anew of plain values: text that can be written to
any page, numbers, known words.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from datetime import datetime
from itertools import islice
from typing import Any
from typing import TypeVar
from typing import get_args

from townhall.extend.values import Assignment
from townhall.extend.values import Deadline
from townhall.extend.values import Finding
from townhall.extend.values import Flag
from townhall.extend.values import Notice
from townhall.extend.values import Panel
from townhall.extend.values import PanelRow
from townhall_forms.schema import Tone

T = TypeVar("T")

#: Most panels of one plugin on a page, and lines and facts of one panel; most letters of one text.
MAX_PANELS = 10
MAX_ROWS = 200
MAX_LETTERS = 2_000
#: Most lines of one plugin on the public home page.
MAX_NOTICES = 3
#: Most letters of why a plugin sends a case somewhere.
MAX_REASON = 200
#: Most flags shown beside a record's title, and taken from one plugin.
MAX_FLAGS = 4
_MAX_ANSWERED_FLAGS = 50
_PATH = re.compile(r"/(?![/\\])[^\s\\]*")
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


def panels_of(answer: Any, plugin: str = "") -> list[Panel]:
    """Panels of ``plugin`` for a page."""
    return [_panel(panel, plugin) for panel in _all_of(Panel, answer, MAX_PANELS)]


def flags_of(answer: Any) -> list[Flag]:
    """Flags beside a title."""
    return [
        Flag(text(flag.label), text(flag.help), _tone(flag.tone))
        for flag in _all_of(Flag, answer, _MAX_ANSWERED_FLAGS)
        if text(flag.label)
    ]


def notices_of(answer: Any) -> list[Notice]:
    """What stands on the public home page."""
    made = []
    for each in _all_of(Notice, answer, MAX_NOTICES):
        if each.day is not None and (not isinstance(each.day, date) or isinstance(each.day, datetime)):
            raise TypeError("it gave a day that is no date")
        path = text(each.path)
        if path and not _PATH.fullmatch(path):
            raise ValueError("it gave a path that is not one of this site; write it from the first /")
        made.append(Notice(text(each.title), text(each.text), each.day, path))
    return [notice for notice in made if notice.title]


def deadlines_of(answer: Any) -> list[Deadline]:
    """Entries for the calendar."""
    made = []
    for each in _all_of(Deadline, answer, MAX_ROWS):
        if not isinstance(each.at, date) or (isinstance(each.at, datetime) and each.at.tzinfo is None):
            raise TypeError("it gave a deadline that is neither a date nor a moment with its zone")
        if not isinstance(each.id, int) or isinstance(each.id, bool):
            raise TypeError("it gave a deadline without the id of its record")
        made.append(Deadline(text(each.title), each.at, text(each.identity), each.id))
    return made


def findings_of(answer: Any) -> list[Finding]:
    """What the doctor is told."""
    return [
        Finding(text(each.subject), each.good is True, text(each.message))
        for each in _all_of(Finding, answer, MAX_ROWS)
    ]


def conditions_of(answer: Any, named: frozenset[str], read: Callable[[str, Any], T]) -> dict[str, T]:
    """Conditions by type; types that are left out, or have an empty one, have none."""
    found = {}
    for identity, condition in values_of(answer).items():
        if identity not in named:
            raise ValueError(f"it restricts {identity}, which @for_types doesn't name")
        if not isinstance(condition, Mapping):
            raise TypeError(f"it gave {type(condition).__name__} for {identity}, not a condition")
        if condition:
            found[identity] = read(identity, condition)
    return found


def text(value: Any) -> str:
    """Plain text that any page can hold: no markup, nothing that can't be encoded, not endless."""
    if not isinstance(value, str):
        raise TypeError(f"it gave {type(value).__name__} where text belongs")
    if type(value) is str and len(value) <= MAX_LETTERS and value.isascii() and "\0" not in value:
        return value  # most are, and each panel has half a dozen
    plain = str.__str__(value)[:MAX_LETTERS]
    return plain.encode("utf-8", "replace").decode().replace("\0", "")


def _panel(panel: Panel, plugin: str) -> Panel:
    # In the order in which they are declared, and by place: a page may have dozens.
    return Panel(
        text(panel.label),
        tuple([_row(row) for row in _all_of(PanelRow, panel.rows, MAX_ROWS)]),
        () if panel.facts == () else tuple([(text(name), text(value)) for name, value in _some(panel.facts, MAX_ROWS)]),
        "" if panel.note == "" else text(panel.note),
        "" if panel.empty == "" else text(panel.empty),
        plugin,
    )


def _row(row: PanelRow) -> PanelRow:
    words, note = text(row.text), text(row.note)
    identity = "" if row.identity == "" else text(row.identity)
    id, tone = _id(row.id, "a record's id"), None if row.tone is None else _tone(row.tone)
    if identity and identity.count(".") != 1:
        raise ValueError("it gave something else where a type of record belongs")
    if type(row) is PanelRow and words is row.text and identity is row.identity and note is row.note:
        return row  # it is frozen, and nothing in it had to be made plain
    return PanelRow(words, identity, id, note, tone)


def _id(value: Any, what: str) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"it gave {type(value).__name__} where {what} belongs")
    return value


def _tone(value: Any) -> Tone:
    if value not in _TONES:
        raise ValueError(f"it gave a tone that there isn't; known are {', '.join(sorted(_TONES))}")
    known: Tone = value
    return known


def _all_of(kind: type[T], answer: Any, most: int) -> Sequence[T]:
    items = _some(answer, most)
    for item in items:
        if not isinstance(item, kind):
            raise TypeError(f"it gave {type(item).__name__} where {kind.__name__} belongs")
    return items


def _some(answer: Any, most: int) -> Sequence[Any]:
    """What an iterable gives, if it is not too much."""
    if answer is None:
        return ()
    if type(answer) in (tuple, list) and len(answer) <= most:
        return tuple(answer)
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        raise TypeError(f"it gave {type(answer).__name__}, not a sequence")
    items = list(islice(answer, most + 1))
    if len(items) > most:
        raise ValueError(f"it gave more than {most} of them")
    return items
