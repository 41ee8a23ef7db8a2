"""What somebody else saved while a form was open: whoever saves later undoes nothing that they left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.errors import NotFound
from townhall.records.types import Record
from townhall_forms.forms import RecordForm

if TYPE_CHECKING:
    from townhall.town import Town


def opened_with(town: Town, actor: Actor, record: Record, version: int) -> Mapping[str, Any]:
    """What stood in a form of a record that was opened at ``version``, as far as that is known."""
    try:
        then = town.records.version(actor, record.identity, record.id, version)
    except NotFound:
        return {}
    return {name: value for name, value in then.record.values.items() if name not in then.unknown}


def is_untouched(before: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether a form still holds what it was opened with; of rows, in the columns that it asks for."""
    then: Any = before.get(name)
    if name in before and _has_rows(then) and _has_rows(value) and len(then) == len(value):
        return all(old.get(key) == now for old, row in zip(then, value, strict=True) for key, now in row.items())
    return name in before and bool(then == value)


def _has_rows(value: Any) -> bool:
    return isinstance(value, tuple | list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def take_over(form: RecordForm, before: Mapping[str, Any], current: Record) -> None:
    """Put what a colleague saved meanwhile where nothing was touched in a form that was opened with ``before``."""
    unseen = current.masked | current.hidden
    for name, value in form.values.items():
        theirs = current.values.get(name)
        if theirs != value and name not in unseen and is_untouched(before, name, value):
            form.fill(name, theirs)


def both(before: Any, theirs: Any, yours: Any) -> Any:
    """Files of two people: those that the colleague left there and you did not take out, and what you added."""
    known = {file.token for file in before or ()}
    mine = {file.token for file in yours or ()}
    left = [file for file in theirs or () if file.token in mine or file.token not in known]
    there = {file.token for file in left}
    return tuple(left + [f for f in yours or () if f.token not in known and f.token not in there]) or None
