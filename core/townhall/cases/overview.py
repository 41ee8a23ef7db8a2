"""How queues and routing rules stand: what waits in each queue, and how often each rule decided."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.cases.routes import Route
from townhall.cases.routes import in_vain
from townhall.cases.routes import read_route
from townhall.cases.rulebook import ROUTE
from townhall.cases.rulebook import Queue
from townhall.cases.rulebook import all_of
from townhall.cases.rulebook import known_queues
from townhall.cases.rulebook import queue_name
from townhall.records import colleagues
from townhall.records import work
from townhall.records.colleagues import Colleagues
from townhall.records.types import Count
from townhall.records.types import Record
from townhall.records.work import Lane

if TYPE_CHECKING:
    from townhall.town import Town

#: Over so many days the decisions of rules are counted.
DAYS = 30


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue and how many of its open cases nobody has, somebody has, and are overdue."""

    queue: Queue
    waiting: Count
    in_hand: Count
    overdue: Count


@dataclass(frozen=True, slots=True)
class QueueWork:
    """What one queue holds: the first cases of each sort, and how many there are."""

    line: QueueLine
    waiting: Sequence[Record]
    in_hand: Sequence[Record]


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A routing rule as its overview shows it; ``in_vain`` says why whom it names gets no case."""

    route: Route
    active: bool
    goes_to: str
    kind: str
    hits: int
    in_vain: str = ""


def queues(town: Town, actor: Actor) -> list[QueueLine]:
    """The queues of which the actor may know by name, those in use first; their own teams' before the others'."""
    found = sorted(
        known_queues(town, actor).values(),
        key=lambda queue: (not queue.active, actor.id not in queue.members, queue.name.casefold()),
    )
    counted = work.counts(town, actor, [lane for queue in found for lane in _lanes(town, queue)])
    return [_line(queue, counted) for queue in found]


def queue_work(town: Town, actor: Actor, id: int, *, limit: int) -> QueueWork | None:
    """What a queue holds, the longest due first; ``None`` if the actor knows of no such queue."""
    queue = known_queues(town, actor).get(id)
    if queue is None:
        return None
    lanes = _lanes(town, queue)
    found = work.lanes(town, actor, lanes[:2], limit=limit)
    line = _line(queue, work.counts(town, actor, lanes))
    return QueueWork(line, found[lanes[0].name], found[lanes[1].name])


def rules(town: Town, actor: Actor, hits: Mapping[tuple[str, int | None], int]) -> list[RuleLine]:
    """The routing rules of which the actor may know, as they are tried, those out of use last, and how often each
    decided, which ``hits`` tells (:func:`decisions`).
    """
    known = colleagues.read(town)
    lines = []
    for record in all_of(town, ROUTE, actor=actor):
        route = read_route(town, record)
        person = _name(known, route.person) if route.person is not None else ""
        queue = queue_name(town, actor, route.queue)
        priority = f"priority {route.priority}" if route.priority else ""
        goes_to = ", ".join(part for part in (queue, person, priority) if part)
        record_type = town.schemas.get(route.identity)
        vain = in_vain(town, known, route.person, record_type) if route.person is not None else ""
        kind = record_type.label_plural if record_type is not None else record["case_type"] or "All kinds"
        lines.append(RuleLine(route, bool(record["active"]), goes_to, kind, hits.get(("route", route.id), 0), vain))
    return sorted(lines, key=lambda line: (not line.active, line.route.order, line.route.id))


def _name(known: Colleagues, person: int) -> str:
    colleague = known.here.get(person)
    return colleague.name if colleague is not None else "somebody who left"


def decisions(town: Town, actor: Actor) -> Mapping[tuple[str, int | None], int]:
    """How many cases of which the actor may know came in lately and were decided by whom, and by which rule."""
    return work.decisions(town, actor, town.clock.now() - timedelta(days=DAYS))


def _lanes(town: Town, queue: Queue) -> list[Lane]:
    here = (queue.id,)
    return [
        Lane(f"waiting {queue.id}", unassigned=True, queues=here),
        Lane(f"in hand {queue.id}", assigned=True, queues=here),
        Lane(f"overdue {queue.id}", states="running", due_before=town.clock.now(), queues=here),
    ]


def _line(queue: Queue, counted: Mapping[str, Count]) -> QueueLine:
    return QueueLine(queue, *(counted[f"{name} {queue.id}"] for name in ("waiting", "in hand", "overdue")))
