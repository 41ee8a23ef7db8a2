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

from townhall.access.actors import system
from townhall.cases import calendars
from townhall.cases.working_time import WorkingCalendar
from townhall.errors import ValidationFailed
from townhall_forms.conditions import Condition
from townhall_forms.conditions import InvalidCondition
from townhall_forms.conditions import parse_condition
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.kinds import PathInfo
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
#: What the operators of a line are called.
WORDS: Mapping[str, str] = {
    "is": "is",
    "is_not": "is not",
    "one_of": "is one of",
    "at_least": "is at least",
    "at_most": "is at most",
    "empty": "is empty",
    "filled": "is filled in",
}
#: Most units that a clock may have.
_MOST = 100_000
_OPERATORS = {"is": "eq", "is_not": "ne", "at_least": "gte", "at_most": "lte", "one_of": "in"}

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


def read(town: Town, id: int, values: Mapping[str, Any], context: Context) -> Target:
    """The target that a record's values describe."""
    record_type = town.schemas.get(values["case_type"])
    condition, broken = None, ""
    if record_type is None or not record_type.is_case:
        broken = "its kind of case is not there any more"
    else:
        condition, errors = condition_of(town, record_type, values.get("conditions") or (), context)
        errors |= _path_errors(town, record_type, values.get("clocks") or ())
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
        why=in_words(town, record_type, values.get("conditions") or ()) if record_type is not None else "",
    )


def condition_of(
    town: Town, record_type: RecordType, rows: Sequence[Row], context: Context
) -> tuple[Condition | None, dict[str, str]]:
    """The condition that these lines make, and a sentence for each mistake, by its place in the form."""
    resolve = resolver(town.schemas, record_type)
    errors: dict[str, str] = {}
    tests: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        path, operator, text = row.get("field") or "", row.get("is") or "is", row.get("value") or ""
        info = resolve(path)
        if info is None:
            errors[f"conditions.{index}.field"] = _sentence(resolve.missing(path))
            continue
        try:
            test = _test(info, operator, text, context)
            parse_condition({path: test}, resolve=resolve)
        except Invalid as error:
            errors[f"conditions.{index}.value"] = error.message
        except InvalidCondition as error:
            errors[f"conditions.{index}.value"] = _sentence(error.problems[0][1])
        else:
            tests.append({path: test})
    if errors or not tests:
        return None, errors
    return parse_condition({"all": tests}, resolve=resolve), {}


def _test(info: PathInfo, operator: str, text: str, context: Context) -> dict[str, Any]:
    """One line as the language has it. Values may be written as people see them: a choice by its label."""
    if operator in ("empty", "filled"):
        return {"empty": operator == "empty"}
    words = [word.strip() for word in text.split(";")] if operator == "one_of" else [text.strip()]
    if not all(words):
        raise Invalid("Write the value that it is compared with.")
    values = [_value(info, word, context) for word in words]
    if info.kind in ("codes", "links") and operator == "is":
        return {"contains": values[0]}
    return {_OPERATORS[operator]: values if operator == "one_of" else values[0]}


def _value(info: PathInfo, word: str, context: Context) -> Any:
    if info.field is None or info.kind in ("any", "presence"):
        return word
    value = info.field.parse(word, context)
    if isinstance(value, tuple) and len(value) == 1:
        return value[0]
    return value


def refuse_mistakes(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Raise :class:`~townhall.errors.ValidationFailed` for a target that would mean nothing."""
    record_type = town.schemas.get(change.values.get("case_type") or "")
    if change.action in ("archive", "restore") or record_type is None:
        return None
    errors: dict[str, str] = {}
    if not record_type.is_case:
        errors["case_type"] = f"{record_type.label_plural} are no cases: they have no states."
    clocks: Sequence[Row] = change.values.get("clocks") or ()
    _, wrong = condition_of(town, record_type, change.values.get("conditions") or (), town.context(system()))
    errors |= wrong | _path_errors(town, record_type, clocks) | _clock_errors(clocks)
    if not clocks:
        errors["clocks"] = "Add at least one line: what has to happen within which time."
    needs = any(row.get("unit") not in _DAY_AND_NIGHT for row in clocks)
    if needs and change.values.get("calendar") is None and not _has_default(town):
        errors["calendar"] = "Choose the working calendar: the town has none of its own yet."
    if errors:
        raise ValidationFailed(errors)
    return None


def _clock_errors(rows: Sequence[Row]) -> dict[str, str]:
    errors: dict[str, str] = {}
    seen: set[str] = set()
    for index, row in enumerate(rows):
        if row.get("clock") in seen:
            errors[f"clocks.{index}.clock"] = "There is a line for this already."
        seen.add(row.get("clock") or "")
    return errors


def _path_errors(town: Town, record_type: RecordType, rows: Sequence[Row]) -> dict[str, str]:
    """Mistakes in the numbers, and in the fields that hold them."""
    resolve = resolver(town.schemas, record_type)
    errors: dict[str, str] = {}
    for index, row in enumerate(rows):
        number, path = _number_or_path(row.get("within") or "")
        place = f"clocks.{index}.within"
        if number is None and not path:
            errors[place] = "Give a number, or the field that holds it."
        elif number is not None and number > _MOST:
            errors[place] = f"Enter at most {_MOST:,}."
        elif path:
            info = resolve(path)
            if info is None:
                errors[place] = _sentence(resolve.missing(path))
            elif info.many or info.field is None or info.field.type_name != "integer":
                errors[place] = f"“{path}” is no whole number."
    return errors


def _number_or_path(text: str) -> tuple[int | None, str]:
    """What stands under “Within”: a number, or else the path of a field."""
    text = text.strip()
    return (int(text), "") if text.isascii() and text.isdigit() and len(text) < 10 else (None, text)


def in_words(town: Town, record_type: RecordType, rows: Sequence[Row]) -> str:
    """Why a target counts, as its page and the case's say it: “priority is urgent”."""
    parts = []
    for row in rows:
        found = town.schemas.resolve(record_type, row.get("field") or "")
        label = found.field.label if found is not None else row.get("field") or ""
        operator = WORDS.get(row.get("is") or "is", "is")
        parts.append(f"{label} {operator} {row.get('value') or ''}".strip())
    return ", ".join(parts)


def _has_default(town: Town) -> bool:
    return bool(town.records.count(system(), calendars.IDENTITY, {"default": True}).value)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}".rstrip(".") + "."
