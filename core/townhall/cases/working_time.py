"""Calendar arithmetic: working minutes, and deadlines that are counted in days. Knows neither records nor databases.

A working calendar has any number of frames on each day of the week, and days off. Frames are hours on the town's own
clock, so that the day on which the clocks change has a frame as long as it really is; everything else is instants.

Time that counts is a line of its own: :meth:`WorkingCalendar.position` says how far along it an instant lies and
:meth:`WorkingCalendar.moment` goes back. Adding working time and counting it are then one addition and one
subtraction, however long the stretch and however many holidays are in it.
"""

from __future__ import annotations

from bisect import bisect_left
from bisect import bisect_right
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from threading import Lock
from typing import Literal
from zoneinfo import ZoneInfo

from townhall_forms.instants import from_microseconds
from townhall_forms.instants import to_microseconds

#: Minutes since midnight at which work begins and ends; the end of the day is 24 × 60.
Frame = tuple[int, int]
#: Two instants, the second not before the first.
Stretch = tuple[int, int]

MINUTE = 60_000_000
DAY_MINUTES = 24 * 60
_MINUTE = timedelta(minutes=1)
#: A frame that ends at 23:59 is meant to end with the day: nobody can type 24:00.
LAST_MINUTE = 23 * 60 + 59

#: Days that are worked out at once, and how far beyond the present a deadline may lie.
_STEP = 400
_MORE = timedelta(days=_STEP)
_FARTHEST = 40 * 366

DayKind = Literal["working", "calendar"]


class NoWorkingTime(ValueError):
    """A calendar has no working time where some is needed."""


class WorkingCalendar:
    """The hours in which a town works.

    ``week`` has the frames of Monday to Sunday. Instants are microseconds since 1970, UTC, as the tables keep them.
    """

    def __init__(self, week: Sequence[Sequence[Frame]], zone: ZoneInfo, holidays: Collection[date] = ()) -> None:
        self.week = tuple(tuple(sorted((begin, full_day(end)) for begin, end in day)) for day in week)
        self.zone = zone
        self.holidays = frozenset(holidays)
        if not any(self.week):
            raise NoWorkingTime("A calendar needs at least one frame.")
        worked = [sum(end - begin for begin, end in day) for day in self.week if day]
        #: Minutes of a usual working day: what “one working day” is where it is counted in time.
        self.day_minutes = round(sum(worked) / len(worked))
        self._table: _Table | None = None
        self._lock = Lock()

    # -- days -------------------------------------------------------------------------------------------------

    def works_on(self, day: date) -> bool:
        """Whether anybody works on that day."""
        return bool(self.week[day.weekday()]) and day not in self.holidays

    def day_of(self, instant: int) -> date:
        """The day on the town's clock."""
        return from_microseconds(instant).astimezone(self.zone).date()

    def frames_on(self, day: date) -> list[Stretch]:
        """When there is work on that day, as instants. An hour that the clock skips is no working time."""
        if not self.works_on(day):
            return []
        found = ((self._instant(day, begin), self._instant(day, end)) for begin, end in self.week[day.weekday()])
        return [(begin, end) for begin, end in found if end > begin]

    def _instant(self, day: date, minute: int) -> int:
        if minute >= DAY_MINUTES:
            day, minute = day + timedelta(days=1), 0
        wall = datetime.combine(day, time(minute // 60, minute % 60), self.zone)
        moment = wall.astimezone(UTC)
        if moment.astimezone(self.zone).time() != wall.time():
            # The clock skips this minute: work begins or ends when it jumps.
            after = self._offset(moment)
            while self._offset(moment - _MINUTE) == after:
                moment -= _MINUTE
        return to_microseconds(moment)

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()

    # -- the line of working time -----------------------------------------------------------------------------

    def position(self, instant: int) -> int:
        """Working time, in microseconds, from some fixed beginning until ``instant``; negative before it."""
        table = self._around(instant)
        place = bisect_right(table.starts, instant) - 1
        if place < 0:
            return table.base
        return table.sums[place] - max(table.ends[place] - instant, 0)

    def moment(self, position: int, near: int) -> int:
        """The first instant at which that much working time has passed. ``near`` is any instant before it.

        Raises :class:`NoWorkingTime` if it is further away than a deadline can be.
        """
        table = self._around(near)
        while not table.sums or table.sums[-1] < position:
            table = self._beyond(table, near)
        place = bisect_left(table.sums, position)
        return table.ends[place] - (table.sums[place] - position)

    def add(self, start: int, minutes: float) -> int:
        """When so many working minutes have passed since ``start``; from the next frame on, if none is then.

        No minutes at all lead to the next instant at which somebody works.
        """
        if minutes <= 0:
            return self.next_open(start)
        return self.moment(self.position(start) + round(minutes * MINUTE), start)

    def between(self, start: int, end: int) -> int:
        """Working time between two instants, in microseconds; negative if the second is earlier."""
        return self.position(end) - self.position(start)

    def minutes_between(self, start: int, end: int) -> int:
        """Whole working minutes between two instants."""
        return self.between(start, end) // MINUTE

    def is_open(self, instant: int) -> bool:
        """Whether somebody works at that instant."""
        table = self._around(instant)
        place = bisect_right(table.starts, instant) - 1
        return place >= 0 and instant < table.ends[place]

    def next_open(self, instant: int) -> int:
        """``instant``, or when work begins next if there is none then. Raises :class:`NoWorkingTime`."""
        table = self._table
        if table is not None and table.low <= instant < table.high and table.ends and table.ends[-1] > instant:
            return max(instant, table.starts[bisect_right(table.ends, instant)])
        # A day that somebody chose may lie far away; frames until then are not worked out for it.
        day = self.day_of(instant)
        for ahead in range(_FARTHEST):
            for begin, end in self.frames_on(day + timedelta(days=ahead)):
                if end > instant:
                    return max(instant, begin)
        raise NoWorkingTime("There is no working time for forty years.")

    def _around(self, instant: int) -> _Table:
        """The frames around ``instant``, worked out if that has not been done."""
        table = self._table
        if table is not None and table.low <= instant < table.high:
            return table
        day = self.day_of(instant)
        with self._lock:
            table = self._table or self._made(day, day, 0)
            if instant < table.low or self._table is None:
                table = self._earlier(table, min(day, table.first) - timedelta(days=_STEP))
            if instant >= table.high or self._table is None:
                table = self._later(table, max(day, table.last) + timedelta(days=_STEP))
            self._table = table
        return table

    def _beyond(self, table: _Table, near: int) -> _Table:
        """The same frames and more after them. Raises :class:`NoWorkingTime` where that is too far from ``near``."""
        if table.last > self.day_of(near) + timedelta(days=_FARTHEST):
            raise NoWorkingTime("There is no working time for forty years.")
        with self._lock:
            self._table = self._later(self._table or table, max(table.last, (self._table or table).last) + _MORE)
        return self._table

    def _made(self, first: date, last: date, base: int) -> _Table:
        starts: list[int] = []
        ends: list[int] = []
        sums: list[int] = []
        total = base
        for ordinal in range(first.toordinal(), last.toordinal()):
            for start, stop in self.frames_on(date.fromordinal(ordinal)):
                total += stop - start
                starts.append(start)
                ends.append(stop)
                sums.append(total)
        return _Table(starts, ends, sums, first, last, self._instant(first, 0), self._instant(last, 0), base)

    def _later(self, table: _Table, last: date) -> _Table:
        more = self._made(table.last, last, table.sums[-1] if table.sums else table.base)
        return _Table(
            table.starts + more.starts, table.ends + more.ends, table.sums + more.sums,
            table.first, last, table.low, more.high, table.base,
        )  # fmt: skip

    def _earlier(self, table: _Table, first: date) -> _Table:
        """Put frames before those that are known. What was counted before stays where it is on the line."""
        more = self._made(first, table.first, 0)
        base = table.base - (more.sums[-1] if more.sums else 0)
        return _Table(
            more.starts + table.starts, more.ends + table.ends, [base + each for each in more.sums] + table.sums,
            first, table.last, more.low, table.high, base,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Table:
    """Frames of the days from ``first`` to before ``last``, that is from ``low`` to ``high``.

    ``sums`` is how far along the line of working time each frame ends, ``base`` where the line stands at ``low``. A
    table never changes, so that threads can share it; a larger one takes its place.
    """

    starts: list[int]
    ends: list[int]
    sums: list[int]
    first: date
    last: date
    low: int
    high: int
    base: int


def full_day(minute: int) -> int:
    """The end of a frame: 23:59 is the end of the day."""
    return DAY_MINUTES if minute >= LAST_MINUTE else minute


# -- deadlines ------------------------------------------------------------------------------------------------------


def due_after(calendar: WorkingCalendar | None, start: int, minutes: float, pauses: Iterable[Stretch] = ()) -> int:
    """When ``minutes`` have passed since ``start``, those in ``pauses`` not counted; without a calendar all others are.

    A pause that begins when the time is up already changes nothing.
    """
    due = start + round(minutes * MINUTE) if calendar is None else calendar.add(start, minutes)
    for begin, end in pauses:
        if begin >= due or end <= start:
            continue
        begin = max(begin, start)
        if calendar is None:
            due += end - begin
        elif (stood := calendar.between(begin, end)) > 0:
            due = calendar.moment(calendar.position(due) + stood, due)
    return due


def elapsed(calendar: WorkingCalendar | None, start: int, end: int, pauses: Iterable[Stretch] = ()) -> int:
    """Whole minutes from ``start`` to ``end`` that count: working ones with a calendar, without ``pauses``."""
    total = end - start if calendar is None else calendar.between(start, end)
    for begin, stop in pauses:
        begin, stop = max(begin, start), min(stop, end)
        if stop > begin:
            total -= stop - begin if calendar is None else calendar.between(begin, stop)
    return max(total, 0) // MINUTE


def due_by_days(
    calendar: WorkingCalendar | None,
    zone: ZoneInfo,
    received: int,
    days: int,
    kind: DayKind,
    *,
    receipt_counts: bool = False,
    roll: bool = True,
) -> int:
    """The last minute of the last of ``days``, as laws count them.

    The day of receipt is day zero, or day one if ``receipt_counts``. Working days skip those on which nobody works;
    calendar days don't, but a deadline that falls on one of these moves on to the next working day if ``roll``.

    Raises :class:`NoWorkingTime` if working days take longer than a deadline can be away.
    """
    day = from_microseconds(received).astimezone(zone).date()
    last = day + timedelta(days=_FARTHEST)
    left = days
    if receipt_counts and left and (kind == "calendar" or (calendar is not None and calendar.works_on(day))):
        left -= 1
    if kind == "calendar" or calendar is None:
        day += timedelta(days=left)
    else:
        for _ in range(left):
            day = next_working_day(calendar, day + timedelta(days=1))
            if day > last:
                raise NoWorkingTime("So many working days take more than forty years.")
    if calendar is not None and (kind == "working" or roll):
        day = next_working_day(calendar, day)
    return to_microseconds(datetime.combine(day, time(23, 59), zone))


def next_working_day(calendar: WorkingCalendar, day: date) -> date:
    """``day``, or the next one on which somebody works. Raises :class:`NoWorkingTime`."""
    for ahead in range(_FARTHEST):
        found = day + timedelta(days=ahead)
        if calendar.works_on(found):
            return found
    raise NoWorkingTime("There is no working day for forty years.")
