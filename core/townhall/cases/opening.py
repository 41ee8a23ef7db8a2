"""The town's opening hours, as its own working calendar has them: whether somebody is there now, and when next."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from townhall.cases import rules
from townhall.cases.calendars import DAY_NAMES
from townhall.cases.working_time import NoWorkingTime
from townhall_forms.instants import from_microseconds
from townhall_forms.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def closed_note(town: Town) -> str:
    """“We are closed, next open Mon 8:00.” while nobody is there; empty in opening hours, and in a town without any."""
    calendar = rules.current(town).default
    if calendar is None:
        return ""
    now = to_microseconds(town.clock.now())
    try:
        if calendar.is_open(now):
            return ""
        opens = from_microseconds(calendar.next_open(now)).astimezone(town.zone)
    except NoWorkingTime:
        return "We are closed at the moment."
    today = town.today()
    clock = f"{opens.hour}:{opens.minute:02}"
    if opens.date() == today:
        when = f"today {clock}"
    elif opens.date() == today + timedelta(days=1):
        when = f"tomorrow {clock}"
    else:
        day = DAY_NAMES[opens.weekday()][:3]
        far = opens.date() - today >= timedelta(days=7)
        when = f"{day} {opens.day} {_MONTHS[opens.month - 1]}, {clock}" if far else f"{day} {clock}"
    return f"We are closed, next open {when}."
