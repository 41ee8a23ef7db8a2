"""When a job is due: the same slots for every process, and exactly one a day when the clocks change."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from townhall.schedules import Schedule
from townhall.schedules import daily
from townhall.schedules import every
from townhall.schedules import read_at
from townhall.schedules import read_every
from townhall.schedules import weekly

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
SCHEDULES = [every(1), every(15), every(90), daily("02:30"), daily("00:00"), weekly("Sunday", "02:30")]


def slots(schedule: Schedule, start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """The slots that a process which looks every seven minutes finds."""
    found, now = [], start
    while now < end:
        slot = schedule.latest(now, zone)
        if slot > start and (not found or slot != found[-1]):
            found.append(slot)
        now += timedelta(minutes=7)
    return found


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        (BERLIN, datetime(2026, 3, 29, tzinfo=BERLIN)),
        (BERLIN, datetime(2026, 10, 25, tzinfo=BERLIN)),
        (NEW_YORK, datetime(2026, 3, 8, tzinfo=NEW_YORK)),
        (NEW_YORK, datetime(2026, 11, 1, tzinfo=NEW_YORK)),
    ],
)
@pytest.mark.parametrize("at", ["02:30", "01:30", "00:00", "03:00"])
def test_a_daily_job_has_one_slot_on_days_when_the_clocks_change(zone: ZoneInfo, day: datetime, at: str) -> None:
    """Half past two doesn't exist in spring and comes twice in autumn; the job is due once on both days."""
    start = (day - timedelta(days=1)).replace(hour=12).astimezone(UTC)
    end = (day + timedelta(days=1)).replace(hour=12).astimezone(UTC)
    found = slots(daily(at), start, end, zone)
    assert [slot.astimezone(zone).date() for slot in found] == [day.date(), day.date() + timedelta(days=1)]


def test_a_skipped_time_comes_as_much_later_and_of_a_doubled_one_the_first_counts() -> None:
    """In Berlin 02:30 is 03:30 summer time in spring, and in autumn the one that is still summer time."""
    spring = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert daily("02:30").latest(spring, BERLIN).astimezone(BERLIN).isoformat() == "2026-03-29T03:30:00+02:00"
    autumn = datetime(2026, 10, 25, 12, tzinfo=UTC)
    assert daily("02:30").latest(autumn, BERLIN).astimezone(BERLIN).isoformat() == "2026-10-25T02:30:00+02:00"


@pytest.mark.parametrize("schedule", SCHEDULES, ids=Schedule.in_words)
def test_the_next_slot_is_the_one_that_becomes_the_latest(schedule: Schedule) -> None:
    """Just before a slot it is the next one, from it on it is the latest, through a whole year."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(60):
        following = schedule.next(now, BERLIN)
        assert following > now
        assert schedule.latest(following, BERLIN) == following
        assert schedule.latest(following - timedelta(seconds=1), BERLIN) < following
        now = following + timedelta(days=6, hours=5, minutes=3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 minute", "every minute"),
        ("15 minutes", "every 15 minutes"),
        ("hour", "every hour"),
        ("2 hours", "every 2 hours"),
        ("90 minutes", "every 90 minutes"),
    ],
)
def test_how_often_is_read_and_said(text: str, words: str) -> None:
    """What a manifest writes after ``every`` is what people read."""
    assert read_every(text).in_words() == words


@pytest.mark.parametrize(("text", "words"), [("2:30", "daily at 02:30"), ("monday 07:00", "Mondays at 07:00")])
def test_times_are_read_and_said(text: str, words: str) -> None:
    """What a manifest writes after ``at`` is what people read."""
    assert read_at(text).in_words() == words


@pytest.mark.parametrize("text", ["", "often", "0 minutes", "2000 minutes", "-5 minutes", "5", 5, None, ["1 hour"]])
def test_other_intervals_are_refused(text: object) -> None:
    """Nothing that isn't a number of minutes or hours of at most a day is taken."""
    with pytest.raises(ValueError, match="write every"):
        read_every(text)


@pytest.mark.parametrize("text", ["", "25:00", "12", "12:60", "Monday", 730, None])
def test_other_times_are_refused(text: object) -> None:
    """Nothing that isn't a time of day is taken."""
    with pytest.raises(ValueError, match="no time of day"):
        read_at(text)


def test_a_mistyped_day_is_told() -> None:
    """A day that isn't there comes with the one that was meant."""
    with pytest.raises(ValueError, match="did you mean Wednesday"):
        read_at("Wensday 07:00")
