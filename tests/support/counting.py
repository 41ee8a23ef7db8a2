"""Working calendars, targets and clocks of tickets, for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from desk import TICKET

from townhall.access.actors import system
from townhall.cases import clock_keeping
from townhall.cases.clocks import Clock
from townhall.clock import FixedClock
from townhall.records.instants import from_microseconds
from townhall.records.types import Record
from townhall.town import Town

CALENDAR = "core.working_calendar"
TARGET = "core.target"
INTERACTION = "core.interaction"
WEEK = [
    {"day": day, "begins": begins, "ends": ends}
    for day in ("mon", "tue", "wed", "thu", "fri")
    for begins, ends in (("08:00", "12:00"), ("13:00", "17:00"))
]


def make_calendar(town: Town, **values: Any) -> Record:
    """The town's own hours: Monday to Friday, 8 to 12 and 13 to 17."""
    return town.records.create(system(), CALENDAR, {"name": "Town hall", "default": True, "frames": WEEK, **values})


def make_target(town: Town, name: str = "Tickets", **values: Any) -> Record:
    """A target for tickets: first answer in 4 working hours, messages in 8, resolved in 16."""
    given: dict[str, Any] = {
        "name": name,
        "case_type": TICKET,
        "clocks": [
            {"clock": "first_response", "within": 4, "unit": "working_hours"},
            {"clock": "update", "within": 8, "unit": "working_hours"},
            {"clock": "resolution", "within": 16, "unit": "working_hours"},
        ],
        **values,
    }
    return town.records.create(system(), TARGET, given)


def clocks(town: Town, record: Record) -> dict[str, Clock]:
    """The clocks of a case by kind."""
    return dict(clock_keeping.read(town, record.identity, [record.id]).get(record.id, {}))


def told(town: Town, instant: int | datetime | None) -> str:
    """An instant on the town's clock."""
    if instant is None:
        return ""
    moment = from_microseconds(instant) if isinstance(instant, int) else instant
    return moment.astimezone(town.zone).strftime("%a %d %H:%M")


def now_is(town: Town, clock: FixedClock, text: str) -> None:
    """Set the clock, as March 2026 in the town has it."""
    wanted = datetime.strptime(f"2026-03-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=town.zone)
    clock.move(wanted - clock.now())


def again(town: Town, record: Record) -> Record:
    """The record as it stands."""
    return town.records.get(system(), record.identity, record.id)
