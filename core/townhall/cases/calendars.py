"""Working calendars: from a record to what can be counted with, and what is refused when one is saved."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from datetime import time
from typing import TYPE_CHECKING
from typing import Any
from zoneinfo import ZoneInfo

from townhall.access.actors import system
from townhall.cases.working_time import Frame
from townhall.cases.working_time import NoWorkingTime
from townhall.cases.working_time import WorkingCalendar
from townhall.cases.working_time import full_day
from townhall.errors import ValidationFailed
from townhall_forms.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.extend.values import Change
    from townhall.town import Town

IDENTITY = "core.working_calendar"
#: Days as the schema names them, Monday first.
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: How far a calendar is tried out: an hour of work must come within it.
_TRIAL_DAYS = 366

Row = Mapping[str, Any]


def build(frames: Iterable[Row], holidays: Iterable[Row], zone: ZoneInfo) -> WorkingCalendar:
    """The calendar that these rows describe. Raises :class:`~townhall.cases.working_time.NoWorkingTime`."""
    week: list[list[Frame]] = [[] for _ in WEEK]
    for row in frames:
        week[WEEK.index(row["day"])].append((_minute(row["begins"]), full_day(_minute(row["ends"]))))
    return WorkingCalendar(week, zone, days_off(holidays))


def days_off(holidays: Iterable[Row]) -> list[date]:
    """The days off that count: all but those that wait for somebody to confirm them."""
    return [row["date"] for row in holidays if row.get("active") is not False and row.get("date") is not None]


def refuse_impossible(town: Town, change: Change) -> Mapping[str, Any] | None:
    """Raise :class:`~townhall.errors.ValidationFailed` for a calendar in which nothing can be counted."""
    if change.action in ("archive", "restore"):
        return None
    frames: Sequence[Row] = change.values.get("frames") or ()
    holidays: Sequence[Row] = change.values.get("holidays") or ()
    errors = frame_errors(frames) | _holiday_errors(holidays)
    if not frames:
        errors["frames"] = "Add at least one line, or nothing would ever be due."
    if not errors and not _has_time(town, frames, holidays):
        errors["frames"] = "Nobody would work for a whole year: every day with hours is a day off as well."
    if change.values.get("default") and (other := _other_default(town, change.id)):
        errors["default"] = f"“{other}” is the town's own already. Untick it there first."
    if errors:
        raise ValidationFailed(errors)
    return None


def frame_errors(frames: Sequence[Row]) -> dict[str, str]:
    """What is wrong with the lines of a week: those that end before they begin, and those that overlap."""
    errors: dict[str, str] = {}
    seen: list[tuple[str, int, int]] = []
    for index, row in enumerate(frames):
        day, begins, ends = row.get("day"), row.get("begins"), row.get("ends")
        if day is None or begins is None or ends is None:
            continue  # that something is missing the schema says itself
        begin, end = _minute(begins), full_day(_minute(ends))
        if end <= begin:
            errors[f"frames.{index}.ends"] = f"Work can't end before it begins at {begins:%H:%M}."
            continue
        for other, from_, to in seen:
            if other == day and begin < to and from_ < end:
                name = DAY_NAMES[WEEK.index(day)]
                errors[f"frames.{index}.begins"] = f"There is another line for {name}, {_clock(from_)} to {_clock(to)}."
        seen.append((day, begin, end))
    return errors


def _holiday_errors(holidays: Sequence[Row]) -> dict[str, str]:
    seen: dict[date, int] = {}
    errors = {}
    for index, row in enumerate(holidays):
        day = row.get("date")
        if day is not None and seen.setdefault(day, index) != index:
            errors[f"holidays.{index}.date"] = "This day is in the list already."
    return errors


def _has_time(town: Town, frames: Sequence[Row], holidays: Sequence[Row]) -> bool:
    """Try the calendar out: an hour's work that begins now must be done within a year."""
    now = to_microseconds(town.clock.now())
    try:
        due = build(frames, holidays, town.zone).add(now, 60)
    except NoWorkingTime:
        return False
    return due - now <= _TRIAL_DAYS * 24 * 3600 * 1_000_000


def _other_default(town: Town, id: int | None) -> str:
    found = town.records.find(system(), IDENTITY, {"default": True}, fields=("name",)).records
    return next((record.title for record in found if record.id != id), "")


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
