"""My work: what is due, overdue, later, free to take and waiting, over all types that are cases.

One statement asks all types at once for the first few of a list and one counts, however many types there are.
Only whose turn it is to work is asked for here; who may see a case is the same predicate as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import time
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Literal
from typing import get_args

from townhall.access.actors import Actor
from townhall.cases.rulebook import rulebook
from townhall.records import work
from townhall.records.types import Count
from townhall.records.types import Record
from townhall.records.work import Lane

if TYPE_CHECKING:
    from townhall.town import Town

Name = Literal["overdue", "due_today", "team", "unassigned", "later", "waiting", "mine"]
NAMES: tuple[Name, ...] = get_args(Name)


@dataclass(frozen=True, slots=True)
class WorkList:
    """The first cases of one list, and how many there are."""

    name: Name
    records: Sequence[Record]
    count: Count


@dataclass(frozen=True, slots=True)
class Work:
    """All lists of the page "My work". A case that is overdue is not due today as well, nor due ``later``.

    ``team`` has what nobody has in the queues of the actor's teams, ``unassigned`` what nobody has anywhere else.
    """

    overdue: WorkList
    due_today: WorkList
    team: WorkList
    unassigned: WorkList
    later: WorkList
    waiting: WorkList
    mine: WorkList

    def __iter__(self) -> Iterator[WorkList]:
        return iter(getattr(self, name) for name in NAMES)


def my_work(town: Town, actor: Actor, *, everybody: bool = False, limit: int = 10) -> Work:
    """What there is to do for the actor; with ``everybody``, for all who work here."""
    lanes = _lanes(town, actor, everybody)
    found = work.lanes(town, actor, lanes, limit=limit)
    counted = work.counts(town, actor, lanes)
    made = {lane.name: (found[lane.name], counted[lane.name]) for lane in lanes}
    return Work(**{name: WorkList(name, *made.get(name, ((), Count(0)))) for name in NAMES})


def open_counts(town: Town, actor: Actor) -> dict[str, Count]:
    """How many cases are open, by type, as far as the actor may see them; for the navigation."""
    return work.counts_by_type(town, actor, Lane("open", states="open"))


def _lanes(town: Town, actor: Actor, everybody: bool) -> list[Lane]:
    now = town.clock.now()
    tonight = end_of_day(town, now)
    whose = None if everybody else actor.id
    queues = rulebook(town).queues_of(actor.id)
    team = [Lane("team", states="open", unassigned=True, queues=queues, order="due")] if queues else []
    return [
        Lane("overdue", states="running", assignee=whose, due_before=now, order="due"),
        Lane("due_today", states="running", assignee=whose, due_from=now, due_before=tonight, order="due"),
        *team,
        Lane("unassigned", states="open", unassigned=True, other_than=queues, order="due"),
        Lane("later", states="running", assignee=whose, due_from=tonight, undated=True, order="due"),
        Lane("waiting", states="waiting", assignee=whose, order="updated"),
        Lane("mine", states="open", assignee=whose, order="due"),
    ]


def end_of_day(town: Town, now: datetime) -> datetime:
    """Midnight after ``now`` on the town's clock."""
    today = now.astimezone(town.zone).date()
    return datetime.combine(today + timedelta(days=1), time(), town.zone)
