"""Targets: from a record to what decides about clocks, and what is refused when one is saved.

The lines of a target's condition become a condition of the schema language, so a path, an operator or a value that
means nothing is found when it is saved and not when a case needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import calendars
from townhall.cases import condition_rows
from townhall.cases.working_time import WorkingCalendar
from townhall.errors import ValidationFailed
from townhall_forms.conditions import Condition
from townhall_forms.instants import MOST_UNITS
from townhall_forms.kinds import resolver
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.extend.values import Change
    from townhall.town import Town

IDENTITY = "core.target"
Kind = Literal["first_response", "update", "resolution"]
KINDS: tuple[Kind, ...] = ("first_response", "update", "resolution")
#: What a clock asks for, in the words of the case's page.
KIND_LABELS: Mapping[str, str] = {
    "first_response": "First answer",
    "update": "Answer to their message",
    "resolution": "Resolved",
    "by_hand": "Due",
}
#: Units in which time is counted: its minutes (0 for a working day of the calendar), and whether only working ones.
UNITS: Mapping[str, tuple[int, bool]] = {
    "working_minutes": (1, True),
    "working_hours": (60, True),
    "working_days": (0, True),
    "minutes": (1, False),
    "hours": (60, False),
    "days": (24 * 60, False),
}
#: Units of laws, which end with a day.
WHOLE_DAYS: Mapping[str, Literal["working", "calendar"]] = {"whole_working_days": "working", "whole_days": "calendar"}
#: Units that need no working calendar.
_DAY_AND_NIGHT = frozenset({"minutes", "hours", "days"})
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Aim:
    """One clock of a target: a number, or the path of a field that holds it, in a unit."""

    kind: Kind
    within: int | None
    path: str
    unit: str

    @property
    def business(self) -> bool:
        """Whether only working time counts."""
        return self.unit not in _DAY_AND_NIGHT

    def minutes(self, number: int, calendar: WorkingCalendar | None) -> int | None:
        """So many units in minutes; ``None`` for whole days, which have no fixed length."""
        if self.unit in WHOLE_DAYS:
            return None
        each, _ = UNITS[self.unit]
        return number * (each or (calendar.day_minutes if calendar is not None else 8 * 60))


@dataclass(frozen=True, slots=True)
class Target:
    """A target, ready to be used. One that can't be read any more says why in ``broken``, and fits nothing."""

    id: int
    name: str
    case_type: str
    order: int
    aims: Mapping[Kind, Aim]
    condition: Condition | None = None
    calendar_id: int | None = None
    receipt_counts: bool = False
    roll: bool = True
    anew: bool = False
    reopen_days: int | None = None
    night: bool = False
    broken: str = ""
    why: str = ""

    @property
    def paths(self) -> frozenset[str]:
        """Every path of a case that decides about its clocks."""
        asked = self.condition.paths() if self.condition is not None else frozenset()
        return asked | {aim.path for aim in self.aims.values() if aim.path}


def read(town: Town, id: int, values: Mapping[str, Any]) -> Target:
    """The target that a record's values describe."""
    record_type = town.schemas.get(values["case_type"])
    condition, broken, conditions = None, "", values.get("conditions") or ()
    if record_type is None or not record_type.is_case:
        broken = "its kind of case is not there any more"
    else:
        condition, errors = condition_rows.condition_of(town, record_type, conditions)
        errors |= _path_errors(town, system(), record_type, values.get("clocks") or ())
        broken = next(iter(errors.values()), "").rstrip(".")
    aims = {
        row["clock"]: Aim(row["clock"], *_number_or_path(row.get("within") or ""), row["unit"])
        for row in values.get("clocks") or ()
        if row.get("clock") and row.get("unit")
    }
    return Target(
        id=id,
        name=values["name"],
        case_type=values["case_type"],
        order=values["order"],
        aims=aims,
        condition=condition,
        calendar_id=values.get("calendar"),
        receipt_counts=bool(values.get("receipt_counts")),
        roll=bool(values.get("roll")),
        anew=values.get("reopened") == "anew",
        reopen_days=values.get("reopen_days"),
        night=bool(values.get("night")),
        broken=broken,
        why=condition_rows.in_words(town, record_type, conditions) if record_type is not None else "",
    )


def refuse_mistakes(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Put fields by their paths. Raises :class:`~townhall.errors.ValidationFailed` for a target that means nothing."""
    record_type = town.schemas.get(change.values.get("case_type") or "")
    if change.action in ("archive", "restore") or record_type is None:
        return None
    errors: dict[str, str] = {}
    if not record_type.is_case:
        errors["case_type"] = f"{record_type.label_plural} are no cases: they have no states."
    clocks: Sequence[Row] = change.values.get("clocks") or ()
    asking = condition_rows.writer_of(change, "case_type", "conditions")
    _, wrong = condition_rows.condition_of(town, record_type, change.values.get("conditions") or (), writer=asking)
    timing = condition_rows.writer_of(change, "case_type", "clocks")
    errors |= wrong | _path_errors(town, timing, record_type, clocks) | _clock_errors(clocks)
    if not clocks:
        errors["clocks"] = "Add at least one line: what has to happen within which time."
    needs = any(row.get("unit") not in _DAY_AND_NIGHT for row in clocks)
    if needs and change.values.get("calendar") is None and not _has_default(town):
        errors["calendar"] = "Choose the working calendar: the town has none of its own yet."
    if errors:
        raise ValidationFailed(errors)
    rows = condition_rows.settled(town, record_type, change.values.get("conditions") or ())
    return {"conditions": rows} if rows else None


def _clock_errors(rows: Sequence[Row]) -> dict[str, str]:
    errors: dict[str, str] = {}
    seen: set[str] = set()
    for index, row in enumerate(rows):
        if row.get("clock") in seen:
            errors[f"clocks.{index}.clock"] = "There is a line for this already."
        seen.add(row.get("clock") or "")
    return errors


def _path_errors(town: Town, writer: Actor, record_type: RecordType, rows: Sequence[Row]) -> dict[str, str]:
    """Mistakes in the numbers, and in the fields that hold them."""
    resolve = resolver(town.schemas, record_type)
    errors: dict[str, str] = {}
    for index, row in enumerate(rows):
        number, path = _number_or_path(row.get("within") or "")
        place = f"clocks.{index}.within"
        if number is None and not path:
            errors[place] = "Give a number, or the field that holds it."
        elif number is not None and number > MOST_UNITS:
            errors[place] = f"Enter at most {MOST_UNITS:,}."
        elif path:
            info = resolve(path)
            if info is None:
                errors[place] = _sentence(resolve.missing(path))
            elif info.many or info.field is None or info.field.type_name != "integer":
                errors[place] = f"“{path}” is no whole number."
            elif refused := condition_rows.withheld(town, writer, record_type, path):
                errors[place] = refused
    return errors


def _number_or_path(text: str) -> tuple[int | None, str]:
    """What stands under “Within”: a number, or else the path of a field."""
    text = text.strip()
    return (int(text), "") if text.isascii() and text.isdigit() and len(text) < 10 else (None, text)


def _has_default(town: Town) -> bool:
    return bool(town.records.count(system(), calendars.IDENTITY, {"default": True}).value)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}".rstrip(".") + "."
