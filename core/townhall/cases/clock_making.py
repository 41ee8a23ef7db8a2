"""The clocks of one case, worked out from what happened to it: pure arithmetic, no database.

What was achieved stays as it is, whatever is decided later; everything else follows from the rules of the moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from townhall.cases import working_time
from townhall.cases.clocks import BY_HAND
from townhall.cases.clocks import DAY
from townhall.cases.clocks import FIRST
from townhall.cases.clocks import RESOLUTION
from townhall.cases.clocks import UPDATE
from townhall.cases.clocks import Case
from townhall.cases.clocks import Clock
from townhall.cases.clocks import Course
from townhall.cases.clocks import course
from townhall.cases.clocks import is_paused
from townhall.cases.clocks import later
from townhall.cases.clocks import stood
from townhall.cases.rules import Rules
from townhall.cases.targets import WHOLE_DAYS
from townhall.cases.targets import Aim
from townhall.cases.targets import Kind
from townhall.cases.targets import Target
from townhall.cases.working_time import MINUTE
from townhall.cases.working_time import NoWorkingTime
from townhall.cases.working_time import Stretch
from townhall.cases.working_time import WorkingCalendar
from townhall_forms.instants import nearest
from townhall_forms.instants import to_microseconds
from townhall_forms.instants import units
from townhall_forms.operands import Environment
from townhall_forms.schema import Workflow

#: How much of the time is left when the owner is warned.
_LEFT = 0.2


def _aimless(clock: Clock | None) -> Clock | None:
    """A clock that no target says anything about at the moment stays without a date.

    What was told of it, and how it began, are facts; and if somebody answers, that is one as well.
    """
    if clock is not None:
        clock.target_id = clock.target_minutes = clock.due_at = None
    return clock


class Maker:
    """Works out clocks of cases of one type by the rules of a town, at one moment."""

    def __init__(
        self, identity: str, workflow: Workflow, rules: Rules, zone: ZoneInfo, environment: Environment
    ) -> None:
        self.identity = identity
        self.workflow = workflow
        self.rules = rules
        self.zone = zone
        self.environment = environment
        self.now = to_microseconds(environment.now)

    def make(self, case: Case, before: Mapping[str, Clock]) -> tuple[dict[str, Clock], int | None]:
        """A case's clocks, and when it is due: by the earliest that runs, or as somebody set it.

        ``before`` are its clocks so far, by kind; they are changed in place.
        """
        way = course(self.workflow, case.stints or ((case.state, case.created),))
        clocks = dict(before)
        answered = max((before[kind].met_at or 0 for kind in (FIRST, UPDATE) if kind in before), default=0)
        if way.start is not None:
            target = self.rules.match(self.identity, case.get, self.environment)
            self._first(case, way, target, clocks)
            self._update(case, way, target, clocks, answered)
            self._resolution(case, way, target, clocks, kept=case.fresh or bool(before))
        self._by_hand(case, way, clocks)
        for clock in clocks.values():
            _keep_in_time(clock)
            self._plan(case, way, clock)
        return clocks, self._due(case, way, clocks)

    def _due(self, case: Case, way: Course, clocks: Mapping[str, Clock]) -> int | None:
        """When a case is due. One whose clocks all stand still is due at no time: it depends on how long they do."""
        hand = clocks.get(BY_HAND)
        if hand is not None and not is_paused(way, hand):
            return hand.due_at
        if way.closed_since is not None:
            done = clocks.get(RESOLUTION)
            return done.due_at if done is not None else case.due
        running = [clock for clock in clocks.values() if clock.met_at is None and not is_paused(way, clock)]
        return min((clock.due_at for clock in running if clock.due_at is not None), default=None)

    # -- each kind --------------------------------------------------------------------------------------------

    def _first(self, case: Case, way: Course, target: Target | None, clocks: dict[str, Clock]) -> None:
        clock = clocks.get(FIRST)
        if clock is not None and clock.met_at is not None:
            return
        start = way.start or case.created
        if way.closed_since is None:
            clock = self._aimed(case, target, FIRST, start, way.pauses + way.closures, clock) or _aimless(clock)
        elif case.fresh:
            clock = None  # what comes in closed was answered elsewhere, or not: nobody knows
        if clock is None:
            clocks.pop(FIRST, None)
            return
        clocks[FIRST] = clock
        answers = [at for at in case.heard.answered if at >= clock.started_at]
        if answers:
            self._meet(clock, min(answers), way.pauses + way.closures)

    def _update(self, case: Case, way: Course, target: Target | None, clocks: dict[str, Clock], answered: int) -> None:
        """``answered`` is when a person answered last, as far as was known: what was asked until then is done with."""
        clock = clocks.get(UPDATE)
        stands = (*way.pauses, *way.closures)
        said = sorted([(at, "asked") for at in case.heard.asked] + [(at, "answered") for at in case.heard.answered])
        if clock is not None and clock.met_at is None:
            pauses = later(stands, clock.started_at)
            clock = self._aimed(case, target, UPDATE, clock.started_at, pauses, clock) or _aimless(clock)
        for at, what in said:
            running = clock is not None and clock.met_at is None
            if what == "asked" and not running and at > answered and way.closed_since is None:
                again = clock or Clock(UPDATE, at)
                again.started_at, again.met_at = at, None
                again.forget_notices()
                clock = self._aimed(case, target, UPDATE, at, later(stands, at), again) or _aimless(clock)
            elif what == "answered" and clock is not None and running and at >= clock.started_at:
                longest = clock.actual_minutes or 0
                self._meet(clock, at, later(stands, clock.started_at))
                clock.actual_minutes = max(longest, clock.actual_minutes or 0)
        if clock is None:
            clocks.pop(UPDATE, None)
        else:
            clocks[UPDATE] = clock

    def _resolution(
        self, case: Case, way: Course, target: Target | None, clocks: dict[str, Clock], *, kept: bool
    ) -> None:
        clock = clocks.get(RESOLUTION)
        if clock is not None and clock.met_at is not None and way.closed_since is not None:
            return
        start, pauses = self._since(way, target)
        if clock is not None and clock.met_at is not None:
            clock.met_at = clock.actual_minutes = None
            if start != clock.started_at:
                clock.forget_notices()
        aimed = self._aimed(case, target, RESOLUTION, start, pauses, clock)
        clock = aimed or self._by_type(case, start, pauses, clock, kept=kept)
        if clock is None:
            clocks.pop(RESOLUTION, None)
            return
        clocks[RESOLUTION] = clock
        if way.closed_since is not None:
            self._meet(clock, way.closed_since, pauses)

    def _since(self, way: Course, target: Target | None) -> tuple[int, tuple[Stretch, ...]]:
        """Since when a case counts, and what of it doesn't: a case that was opened again may begin anew."""
        start, pauses = way.start or 0, list(way.pauses)
        for begin, end in way.closures:
            late = target is not None and target.reopen_days is not None and end - begin > target.reopen_days * DAY
            if late or (target is not None and target.anew):
                start = end
            else:
                pauses.append((begin, end))
        return start, tuple(sorted(pause for pause in pauses if pause[1] > start))

    def _by_hand(self, case: Case, way: Course, clocks: dict[str, Clock]) -> None:
        """A date that a person, an import or a module set. When the case stands still after that, it moves on."""
        if case.hand is None:
            clocks.pop(BY_HAND, None)
            return
        clock = clocks.get(BY_HAND)
        if case.hand is not False:
            # One that comes with the move, as in "on hold until Monday", is meant for the time after it.
            since = case.created if case.fresh else max(self.now, (way.paused_since or 0) + 1)
            clock = clocks[BY_HAND] = Clock(BY_HAND, since)
            clock.original_due_at = clock.due_at = int(case.hand)
            self._pass_over(clock)
        if clock is None or clock.original_due_at is None:
            return
        stands = later((*way.pauses, *way.closures), clock.started_at)
        clock.due_at = clock.original_due_at + stood(stands, clock.started_at, clock.original_due_at)
        if way.closed_since is None:
            clock.met_at = None
        elif clock.met_at is None:
            clock.met_at = max(way.closed_since, clock.started_at)

    def _by_type(
        self, case: Case, start: int, pauses: Sequence[Stretch], clock: Clock | None, *, kept: bool
    ) -> Clock | None:
        """The days that the type itself gives, where no target says how long: calendar days, to the end of the last.

        They are read once: a case keeps what its category said when it came in.
        """
        base = clock.original_due_at if clock is not None and clock.original_target_id is None else None
        if base is None:
            base = self._typed(case, start, pauses, kept=kept)
        if base is None:
            return _aimless(clock)
        made = clock is None
        clock = clock or Clock(RESOLUTION, start, original_due_at=base)
        clock.target_id, clock.target_minutes, clock.business = None, None, False
        clock.started_at = start
        clock.due_at = base + stood(pauses, start, base)
        if made:
            self._pass_over(clock)
        return clock

    def _typed(self, case: Case, start: int, pauses: Sequence[Stretch], *, kept: bool) -> int | None:
        """When the type says that a case is due. One from before clocks were kept is due when it says so itself."""
        if not kept and case.due is not None and case.hand is False:
            return case.due - stood(pauses, start, case.due)
        told = self.workflow.due_days
        days = units(case.get(told) if isinstance(told, str) else told)
        if days is None:
            return None
        return working_time.due_by_days(None, self.zone, case.created, days, "calendar")

    def _aimed(
        self,
        case: Case,
        target: Target | None,
        kind: Kind,
        start: int,
        pauses: Sequence[Stretch],
        clock: Clock | None,
    ) -> Clock | None:
        """A clock by what the target says; ``None`` if it says nothing about this kind."""
        aim = target.aims.get(kind) if target is not None else None
        if target is None or aim is None:
            return None
        number = self._number(case, aim)
        if number is None:
            return None
        first = clock is None or clock.due_at is None
        clock = clock or Clock(kind, start)
        calendar = self.rules.calendar(target)
        clock.started_at = start
        clock.target_id, clock.business = target.id, aim.business
        clock.target_minutes = aim.minutes(number, calendar)
        try:
            clock.due_at = self._deadline(target, aim, number, calendar, start, sorted(pauses))
        except NoWorkingTime:
            clock.due_at = None
        if first and clock.original_due_at is None:
            clock.original_target_id, clock.original_due_at = target.id, clock.due_at
            self._pass_over(clock)
        return clock

    def _deadline(
        self,
        target: Target,
        aim: Aim,
        number: int,
        calendar: WorkingCalendar | None,
        start: int,
        pauses: Sequence[Stretch],
    ) -> int:
        if aim.unit in WHOLE_DAYS:
            due = working_time.due_by_days(
                calendar,
                self.zone,
                start,
                number,
                WHOLE_DAYS[aim.unit],
                receipt_counts=target.receipt_counts,
                roll=target.roll,
            )
            return due + stood(pauses, start, due)
        minutes = aim.minutes(number, calendar) or 0
        return working_time.due_after(calendar if aim.business else None, start, minutes, pauses)

    def _number(self, case: Case, aim: Aim) -> int | None:
        return units(case.get(aim.path)) if aim.path else aim.within

    # -- facts and notices ------------------------------------------------------------------------------------

    def _meet(self, clock: Clock, at: int, pauses: Sequence[Stretch]) -> None:
        """Write down that it was achieved, and how long it took."""
        clock.met_at = at
        calendar = self._calendar_of(clock) if clock.business else None
        clock.actual_minutes = working_time.elapsed(calendar, clock.started_at, at, pauses)

    def _pass_over(self, clock: Clock) -> None:
        """What is late already when its clock is made, like in an import of old cases, wakes nobody."""
        if clock.due_at is not None and clock.due_at <= self.now:
            clock.warned_at = clock.breached_at = clock.escalated_at = clock.due_at

    def _calendar_of(self, clock: Clock) -> WorkingCalendar | None:
        return self.rules.calendar(self.rules.by_id.get(clock.target_id or 0))

    def _plan(self, case: Case, way: Course, clock: Clock) -> None:
        """When somebody has to be told next: never while the case stands still, is closed or put aside."""
        stands = way.closed_since is not None or case.archived or is_paused(way, clock)
        clock.next_at = None if stands else self.following(clock)

    def notice_at(self, clock: Clock) -> int | None:
        """When the next thing happens that somebody has to be told about a running clock, day or night."""
        if clock.met_at is not None or clock.due_at is None:
            return None
        calendar = self._calendar_of(clock)
        try:
            return self._notice(clock, calendar if clock.business else None, calendar)
        except NoWorkingTime:
            return None

    def following(self, clock: Clock) -> int | None:
        """When somebody has to be told about a running clock next: in working hours, unless it is urgent."""
        at = self.notice_at(clock)
        target = self.rules.by_id.get(clock.target_id or 0)
        calendar = self._calendar_of(clock)
        try:
            if at is not None and calendar is not None and not (target is not None and target.night):
                return calendar.next_open(at)
        except NoWorkingTime:
            return None
        return at

    def _notice(self, clock: Clock, counted: WorkingCalendar | None, calendar: WorkingCalendar | None) -> int | None:
        due = clock.due_at or 0
        if clock.breached_at is None and clock.warned_at is None:
            if counted is not None and clock.target_minutes is not None:
                left = round(clock.target_minutes * _LEFT) * MINUTE
                return max(counted.moment(max(counted.position(due) - left, 0), clock.started_at), clock.started_at)
            return due - round((due - clock.started_at) * _LEFT)
        if clock.breached_at is None:
            return due
        if clock.escalated_at is None:
            return calendar.add(due, calendar.day_minutes) if calendar is not None else due + DAY
        return None


def _keep_in_time(clock: Clock) -> None:
    """However long a case stands still, its date stays one that can be read."""
    if clock.due_at is not None:
        clock.due_at = nearest(clock.due_at)
    if clock.original_due_at is not None:
        clock.original_due_at = nearest(clock.original_due_at)
