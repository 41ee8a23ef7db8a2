"""Calendar arithmetic: the worked examples of the domain, daylight saving, and that adding and counting agree."""

from __future__ import annotations

import random
from datetime import date
from datetime import datetime
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from townhall.cases.working_time import MINUTE
from townhall.cases.working_time import NoWorkingTime
from townhall.cases.working_time import WorkingCalendar
from townhall.cases.working_time import due_after
from townhall.cases.working_time import due_by_days
from townhall.cases.working_time import elapsed
from townhall_forms.instants import from_microseconds
from townhall_forms.instants import to_microseconds

CHICAGO = ZoneInfo("America/Chicago")
WEEKDAYS = [[(8 * 60, 12 * 60), (13 * 60, 17 * 60)]] * 5 + [[], []]
THANKSGIVING = (date(2026, 11, 26), date(2026, 11, 27))
TOWN = WorkingCalendar(WEEKDAYS, CHICAGO, THANKSGIVING)
ALWAYS = WorkingCalendar([[(0, 23 * 60 + 59)]] * 7, CHICAGO)


def at(text: str) -> int:
    """An instant on Chicago's clock."""
    return to_microseconds(datetime.fromisoformat(text).replace(tzinfo=CHICAGO))


def told(instant: int) -> str:
    """An instant on Chicago's clock, in words."""
    return from_microseconds(instant).astimezone(CHICAGO).strftime("%a %Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-11-25 16:30", 60, "Mon 2026-11-30 08:30"),
        ("2026-11-22 10:00", 240, "Mon 2026-11-23 12:00"),
        ("2026-11-23 09:00", 480, "Tue 2026-11-24 09:00"),
        ("2026-11-23 11:00", 60, "Mon 2026-11-23 12:00"),
        ("2026-11-23 11:00", 61, "Mon 2026-11-23 13:01"),
        ("2026-11-21 10:00", 0, "Mon 2026-11-23 08:00"),
    ],
)
def test_working_minutes_are_added_across_nights_weekends_and_holidays(start: str, minutes: int, due: str) -> None:
    """What comes out of hours starts at the next frame; a time that fits a frame ends with it."""
    assert told(due_after(TOWN, at(start), minutes)) == due


def test_a_pause_counts_in_working_time() -> None:
    """Mon 10:00 to 15:00 are four working hours, not five."""
    pauses = [(at("2026-11-23 10:00"), at("2026-11-23 15:00"))]
    assert told(due_after(TOWN, at("2026-11-23 09:00"), 480, pauses)) == "Tue 2026-11-24 14:00"


def test_a_pause_over_a_holiday_costs_only_its_working_hours() -> None:
    """An hour left on Wednesday at four, paused over Thanksgiving until Monday at nine: due on Monday at ten."""
    start, pause = at("2026-11-25 15:00"), (at("2026-11-25 16:00"), at("2026-11-30 09:00"))
    assert told(due_after(TOWN, start, 120, [pause])) == "Mon 2026-11-30 10:00"


def test_a_pause_after_the_time_was_up_changes_nothing() -> None:
    """What is overdue doesn't become punctual by waiting for an answer."""
    pause = (at("2026-11-24 10:00"), at("2026-11-24 15:00"))
    assert told(due_after(TOWN, at("2026-11-23 09:00"), 480, [pause])) == "Tue 2026-11-24 09:00"


def test_real_time_is_counted_through_the_change_of_clocks() -> None:
    """Twenty-four hours are twenty-four hours, also when the clock on the wall shows one less."""
    assert told(due_after(None, at("2026-10-31 12:00"), 24 * 60)) == "Sun 2026-11-01 11:00"
    assert told(due_after(None, at("2026-03-07 12:00"), 24 * 60)) == "Sun 2026-03-08 13:00"


@pytest.mark.parametrize(("day", "hours"), [("2026-11-01", 25), ("2026-03-08", 23), ("2026-06-07", 24)])
def test_a_day_is_as_long_as_it_is(day: str, hours: int) -> None:
    """A frame over a whole day has 25 hours when the clocks go back, and 23 when they go forward."""
    begin, end = at(f"{day} 00:00"), at(f"{day} 00:00")
    end = to_microseconds(
        (from_microseconds(begin).astimezone(CHICAGO).replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=CHICAGO)
    )
    assert ALWAYS.minutes_between(begin, end) == hours * 60


def test_office_hours_do_not_move_with_the_clocks() -> None:
    """Eight o'clock is eight o'clock on the wall, before and after the change."""
    assert told(due_after(TOWN, at("2026-10-30 16:00"), 120)) == "Mon 2026-11-02 09:00"
    assert told(due_after(TOWN, at("2026-03-06 16:00"), 120)) == "Mon 2026-03-09 09:00"


def test_a_frame_in_the_skipped_hour_has_no_time() -> None:
    """On the day on which the clock jumps from two to three, half past two to a quarter to three is nothing."""
    night = WorkingCalendar([[]] * 6 + [[(150, 165)]], CHICAGO)
    assert night.minutes_between(at("2026-03-08 00:00"), at("2026-03-09 00:00")) == 0
    assert night.minutes_between(at("2026-03-01 00:00"), at("2026-03-02 00:00")) == 15


def test_days_of_a_law_end_at_the_end_of_the_last() -> None:
    """The day of receipt is day zero; days on which nobody works are skipped."""
    assert told(due_by_days(TOWN, CHICAGO, at("2026-11-23 09:00"), 5, "working")) == "Wed 2026-12-02 23:59"


def test_calendar_days_roll_forward_off_a_holiday() -> None:
    """Ten days from Tuesday the 17th end on Friday the 27th, which is a holiday: so on Monday the 30th."""
    received = at("2026-11-17 09:00")
    assert told(due_by_days(TOWN, CHICAGO, received, 10, "calendar")) == "Mon 2026-11-30 23:59"
    assert told(due_by_days(TOWN, CHICAGO, received, 10, "calendar", roll=False)) == "Fri 2026-11-27 23:59"


def test_the_day_of_receipt_can_count_as_the_first() -> None:
    """Then a deadline is a day earlier, unless what came, came on a day on which nobody works."""
    monday, sunday = at("2026-11-23 09:00"), at("2026-11-22 09:00")
    assert told(due_by_days(TOWN, CHICAGO, monday, 2, "working", receipt_counts=True)) == "Tue 2026-11-24 23:59"
    assert told(due_by_days(TOWN, CHICAGO, sunday, 2, "working", receipt_counts=True)) == "Tue 2026-11-24 23:59"


def test_a_calendar_without_frames_is_refused() -> None:
    """Nothing would ever be due."""
    with pytest.raises(NoWorkingTime):
        WorkingCalendar([[]] * 7, CHICAGO)


def test_a_calendar_whose_days_are_all_off_is_noticed() -> None:
    """It has a frame, and yet no working time: that is said and not searched for without an end."""
    mondays = {date(2026, 11, 23) + timedelta(days=7 * week) for week in range(-200, 3000)}
    never = WorkingCalendar([[(480, 720)], *[[]] * 6], CHICAGO, mondays)
    with pytest.raises(NoWorkingTime):
        never.add(at("2026-11-23 09:00"), 60)


def test_open_and_next_open() -> None:
    """At the end of a frame nobody works any more."""
    assert TOWN.is_open(at("2026-11-23 08:00"))
    assert not TOWN.is_open(at("2026-11-23 12:00"))
    assert told(TOWN.next_open(at("2026-11-25 17:00"))) == "Mon 2026-11-30 08:00"


def test_what_was_counted_stays_when_earlier_days_are_looked_at() -> None:
    """Frames are worked out as they are needed; a position on the line of working time never changes by that."""
    calendar = WorkingCalendar(WEEKDAYS, CHICAGO)
    before = calendar.position(at("2026-11-23 10:00"))
    assert calendar.minutes_between(at("1998-11-23 08:00"), at("1998-11-23 10:00")) == 120
    assert calendar.minutes_between(at("2055-11-22 08:00"), at("2055-11-22 10:00")) == 120
    assert calendar.position(at("2026-11-23 10:00")) == before


def _some_calendar(chance: random.Random) -> WorkingCalendar:
    week = []
    for _ in range(7):
        edges = sorted(chance.sample(range(24 * 60 - 1), chance.choice((0, 2, 2, 4))))
        week.append(list(zip(edges[::2], edges[1::2], strict=True)))
    if not any(week):
        week[0] = [(480, 720)]
    first = date(2026, 1, 1)
    holidays = {first + timedelta(days=chance.randrange(365)) for _ in range(12)}
    return WorkingCalendar(week, chance.choice((CHICAGO, ZoneInfo("Europe/Berlin"), ZoneInfo("UTC"))), holidays)


def test_adding_and_counting_agree() -> None:
    """Whatever the calendar: the time from a start to its deadline is the time that was given, to the minute."""
    chance = random.Random(20261128)
    for _ in range(200):
        calendar = _some_calendar(chance)
        for _ in range(10):
            start = at("2026-01-01 00:00") + chance.randrange(365 * 24 * 60) * MINUTE
            minutes = chance.randint(1, 20_000)
            due = calendar.add(start, minutes)
            assert calendar.minutes_between(start, due) == minutes
            assert elapsed(calendar, start, due) == minutes
            # It is the first such instant: a minute before it less time has passed.
            assert calendar.between(start, due - MINUTE) < minutes * MINUTE


def test_pauses_and_counting_agree() -> None:
    """The time until a deadline without the pauses before it is the time that was given."""
    chance = random.Random(7)
    for _ in range(300):
        calendar = _some_calendar(chance) if chance.random() < 0.8 else None
        start = at("2026-03-01 00:00") + chance.randrange(200 * 24 * 60) * MINUTE
        minutes, pauses, last = chance.randint(1, 5000), [], start
        for _ in range(chance.randint(0, 4)):
            begin = last + chance.randrange(3000) * MINUTE
            last = begin + chance.randrange(6000) * MINUTE
            pauses.append((begin, last))
        due = due_after(calendar, start, minutes, pauses)
        assert elapsed(calendar, start, due, pauses) == minutes
