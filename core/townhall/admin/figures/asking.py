"""What the address of a page of figures asks for: which cases, which days, next to which, and by what."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from datetime import date
from datetime import timedelta
from typing import TYPE_CHECKING

from werkzeug.datastructures import MultiDict

from townhall.access.actors import Actor
from townhall.admin import urls
from townhall.errors import Rejected
from townhall.presentation import MONTHS
from townhall.records import figures
from townhall.records.figures import Grouping
from townhall.records.figures import Moves
from townhall.records.figures import Period
from townhall.records.figures import Slice
from townhall.records.figures import Times
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.admin.desk import Desk

ALL = "all"
INTERACTION = "core.interaction"
#: Periods by name, with their words. A free one has days of its own.
PERIODS = {
    "this_month": "This month",
    "last_month": "Last month",
    "this_quarter": "This quarter",
    "last_quarter": "Last quarter",
    "this_year": "This year",
    "last_year": "Last year",
    "free": "From and to",
}
#: Next to what, with its words.
BESIDE = {"before": "The period before", "year": "The same days last year", "": "Nothing"}
_MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}
_DEFAULT = "this_quarter"
#: Most days of a free period: forty years of months are no page any more.
_LONGEST = 366 * 5


@dataclass(slots=True)
class Asked:
    """What is asked for; ``problems`` are sentences about what could not be."""

    desk: Desk
    actor: Actor
    choice: str
    types: Sequence[RecordType]
    name: str
    period: Period
    beside: str
    before: Period | None
    by: str
    groupings: Sequence[Grouping]
    problems: list[str] = field(default_factory=list)
    _counted: dict[Slice, int] = field(default_factory=dict)
    _moves: dict[str, Moves] = field(default_factory=dict)

    @property
    def one(self) -> RecordType | None:
        """The type, if it is one."""
        return self.types[0] if self.choice != ALL and self.types else None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters that ask for the same."""
        days = [("from", self.period.first.isoformat()), ("to", self.period.last.isoformat())]
        given = [("type", self.choice), ("period", self.name), *(days if self.name == "free" else ())]
        return [*given, ("with", self.beside or "nothing"), ("by", self.by)]

    def link(self, wanted: Slice, record_type: RecordType | None = None, identity: str = "") -> str:
        """Where the records of a figure are: in the list of its type, or for several types on a page of their own."""
        where = identity or (record_type.identity if record_type is not None else "")
        if not where and self.one is not None:
            where = self.one.identity
        if where:
            return urls.with_query(urls.list_url(where), [("view", "all"), ("figure", wanted.encoded())])
        return urls.with_query(f"{urls.FIGURES}records", [("figure", wanted.encoded())])

    def beyond(
        self,
        wanted: Slice,
        times: Times,
        minutes: int | None,
        record_type: RecordType | None = None,
        identity: str = "",
    ) -> str:
        """Where the records of ``wanted`` are that took longer than these minutes; all of them where none did."""
        if minutes is not None and times.longest > minutes:
            measure = "stayed" if wanted.measure == "left" else "longer"
            wanted = replace(wanted, measure=measure, of=f"{wanted.of}.{minutes}")
        return self.link(wanted, record_type, identity)

    def moves(self, identity: str) -> Moves:
        """The moves of a type's cases, read once for a page."""
        if identity not in self._moves:
            self._moves[identity] = Moves.of_type(self.desk.town, self.actor, identity)
        return self._moves[identity]

    def count(self, wanted: Slice) -> int:
        """How many records a slice has, over all types that are asked for; counted once for a page."""
        self.count_all([wanted])
        return self._counted[wanted]

    def count_all(self, wanted: Iterable[Slice]) -> None:
        """Count what a page will ask for: much of it is counted together."""
        fresh = [each for each in dict.fromkeys(wanted) if each not in self._counted]
        if fresh:
            town, actor = self.desk.town, self.actor
            identities = [type_.identity for type_ in self.types]
            found = [figures.count_each(town, actor, each, fresh, self.moves(each)) for each in identities]
            self._counted.update(zip(fresh, map(sum, zip(*found, strict=True)), strict=True))


def asked(desk: Desk, actor: Actor, arguments: MultiDict[str, str]) -> Asked:
    """Read the address. What can't be followed is said, and what is usual stands in its place."""
    problems: list[str] = []
    cases = case_types(desk, actor)
    # Without a choice, the first of the menu that is not core's own, like tasks. All of them only where somebody asks.
    usual = next((type_ for type_ in cases if type_.plugin != "core"), cases[0] if cases else None)
    choice = arguments.get("type", "") or (usual.identity if usual is not None else ALL)
    types = [type_ for type_ in cases if choice in (ALL, type_.identity)]
    if not types and cases:
        problems.append("There are no such cases here, or you may not see them. These are all cases.")
        choice, types = ALL, cases
    name = arguments.get("period", "") or ("free" if arguments.get("from") or arguments.get("to") else _DEFAULT)
    today = desk.presenter.today()
    if name not in PERIODS:
        problems.append("There is no such period. This is this quarter.")
        name = _DEFAULT
    if name != "free" and name == arguments.get("was") and _days_differ(arguments, _named(name, today)):
        name = "free"  # the form shows the days of the period: whoever changes only these means them
    period = _free(arguments, today, problems) if name == "free" else _named(name, today)
    if period is None:
        name, period = _DEFAULT, _named(_DEFAULT, today)
    beside = arguments.get("with", "before")
    beside = "" if beside == "nothing" else beside
    if beside not in BESIDE:
        beside = "before"
    by, groupings = _grouped(desk, actor, types, choice, arguments.get("by", ""), problems)
    before = _before(name, period, beside)
    return Asked(desk, actor, choice, types, name, period, beside, before, by, groupings, problems)


def case_types(desk: Desk, actor: Actor) -> list[RecordType]:
    """Types of case that the actor may see and somebody works on, in the menu's order."""
    return desk.viewable(actor, lambda type_: not type_.frozen and _is_worked_on(type_))


def _is_worked_on(record_type: RecordType) -> bool:
    """Whether cases of the type stand in a state in which somebody has to do something."""
    workflow = record_type.workflow
    return workflow is not None and any(not each.final and not each.incomplete for each in workflow.states.values())


def _grouped(
    desk: Desk, actor: Actor, types: Sequence[RecordType], choice: str, by: str, problems: list[str]
) -> tuple[str, Sequence[Grouping]]:
    if choice == ALL:
        groupings: list[Grouping] = [Grouping("type", "Type")]
        shared = [figures.groupings(desk.town, actor, type_) for type_ in types]
        groupings += [each for each in (shared[0] if shared else ()) if each.name in ("assignee", "queue", "ward")]
    else:
        groupings = figures.groupings(desk.town, actor, types[0]) if types else []
    names = [each.name for each in groupings]
    if by and by not in names:
        problems.append("These cases can't be grouped by that. They are grouped in the usual way.")
    return by if by in names else next(iter(names), ""), groupings


def _days_differ(arguments: MultiDict[str, str], period: Period) -> bool:
    shown = {"from": period.first.isoformat(), "to": period.last.isoformat()}
    return any(arguments.get(name, day) != day for name, day in shown.items())


def _free(arguments: MultiDict[str, str], today: date, problems: list[str]) -> Period | None:
    try:
        last = date.fromisoformat(arguments["to"]) if arguments.get("to") else today
        first = date.fromisoformat(arguments["from"]) if arguments.get("from") else last.replace(day=1)
        period = Period(first, last)
    except ValueError:
        problems.append("Write the days as dates, the first one first. This is this quarter.")
        return None
    except Rejected as refused:
        problems.append(str(refused))
        return None
    if period.days > _LONGEST:
        problems.append("More than five years at once are too many. Choose fewer days.")
        return None
    return period


def _named(name: str, today: date) -> Period:
    """A period by name. One that has not ended goes up to today."""
    which, _, unit = name.partition("_")
    months = _MONTHS_OF[unit]
    first = today.replace(month=(today.month - 1) // months * months + 1, day=1)
    if which == "this":
        return Period(first, today)
    return Period(_months_on(first, -months), first - timedelta(days=1))


def _before(name: str, period: Period, beside: str) -> Period | None:
    """What the period is held against: as much of the one before, or the same days of last year."""
    try:
        if beside == "year":
            return Period(_year_before(period.first), _year_before(period.last))
        if beside == "before":
            unit = name.partition("_")[2]
            if unit not in _MONTHS_OF:
                return Period(period.first - timedelta(days=period.days), period.first - timedelta(days=1))
            first = _months_on(period.first, -_MONTHS_OF[unit])
            whole = period.first - timedelta(days=1)
            last = whole if name.startswith("last") else min(first + timedelta(days=period.days - 1), whole)
            return Period(first, last)
    except (ValueError, OverflowError, Rejected):
        return None
    return None


def _months_on(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _year_before(day: date) -> date:
    last = 28 if (day.month, day.day) == (2, 29) else day.day
    return day.replace(year=day.year - 1, day=last)


def month_name(month: Period, *, year: bool = True) -> str:
    """``Mar 2026``, or ``Mar``."""
    name = MONTHS[month.first.month - 1][:3]
    return f"{name} {month.first.year}" if year else name


def words(period: Period) -> str:
    """``1 June to 22 November 2026``, ``March 2026``, ``2025``."""
    first, last = period.first, period.last
    after = last + timedelta(days=1)
    if first.day == 1 and after.day == 1 and _months_on(first, 1) == after:
        return f"{MONTHS[first.month - 1]} {first.year}"
    if (first.month, first.day) == (1, 1) and (after.month, after.day) == (1, 1) and first.year == last.year:
        return str(first.year)
    end = f"{last.day} {MONTHS[last.month - 1]} {last.year}"
    if first == last:
        return end
    begin = f"{first.day} {MONTHS[first.month - 1]}"
    return f"{begin} to {end}" if first.year == last.year else f"{begin} {first.year} to {end}"
