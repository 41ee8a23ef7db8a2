"""All that decides where cases go, read once and kept until somebody changes it: rules, queues and wards.

What is kept belongs to a mark in the database that every change of one of them renews, in its own transaction. So each
process notices in time, and asking costs one small query.
"""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases.polygons import Outline
from townhall.cases.routes import Route
from townhall.cases.routes import read_route
from townhall.db import meta
from townhall.errors import ValidationFailed
from townhall.extend.values import Change
from townhall.records import colleagues
from townhall.records import naming
from townhall.records import predicate
from townhall.records import preparing
from townhall.records.domains import Domain
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.context import TownContext
    from townhall.town import Town
    from townhall_forms.schema import Schemas

ROUTE = "core.route"
QUEUE = "core.queue"
WARD = "core.ward"
#: Said of a queue that isn't there, or of which whoever chose it may not know.
QUEUE_GONE = "This queue can’t be found any more. Choose another one."
_MARK = "routing"
_DEFAULTS = "queues for kinds of case"
_ACTOR = system("routing")
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: who belongs to its team, who leads it, and which kinds of case come to it by default."""

    id: int
    name: str
    active: bool
    members: frozenset[int]
    leads: frozenset[int]
    default_for: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward that has an outline."""

    id: int
    name: str
    outline: Outline


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The routes that are in use, in their order, and the queues and wards by id."""

    mark: str
    schemas: Schemas
    routes: Sequence[Route]
    queues: Mapping[int, Queue]
    wards: Sequence[Ward]

    def routes_for(self, identity: str) -> Iterator[Route]:
        """The routes that may concern a type and can be used, in their order."""
        return (route for route in self.routes if not route.problem and route.identity in ("", identity))

    def default_queue(self, identity: str) -> Queue | None:
        """The queue to which cases of a type come by default."""
        return next((queue for queue in self.queues.values() if queue.active and identity in queue.default_for), None)

    def queues_of(self, person: int | None) -> tuple[int, ...]:
        """Ids of the queues in use whose team somebody belongs to."""
        return tuple(queue.id for queue in self.queues.values() if queue.active and person in queue.members)

    def wards_at(self, longitude: float, latitude: float) -> list[Ward]:
        """The wards that a point lies in; more than one if their outlines overlap."""
        return [ward for ward in self.wards if ward.outline.holds(longitude, latitude)]


_kept: weakref.WeakKeyDictionary[Town, Rulebook] = weakref.WeakKeyDictionary()


def rulebook(town: Town) -> Rulebook:
    """The rules as they stand now."""
    mark = meta.get(town.system, _MARK)
    kept = _kept.get(town)
    if kept is None or kept.mark != mark or kept.schemas is not town.schemas:
        kept = _kept[town] = _read(town, mark)
    return kept


def known_queues(town: Town, actor: Actor) -> Mapping[int, Queue]:
    """The queues of which an actor may know, by id: their names are as private as the type of queues says."""
    queues, record_type = rulebook(town).queues, town.schemas.get(QUEUE)
    if record_type is None or not naming.may_name(town, actor, record_type):
        return {}
    if predicate.sees_all(town, actor, record_type):
        return queues
    seen = predicate.may_see(town, actor, record_type, queues)
    return {id: queue for id, queue in queues.items() if id in seen}


def queues_in_use(town: Town, actor: Actor, present: int | None = None) -> list[Queue]:
    """The queues that the actor may put a case in, by name; the one in which it stands at ``present`` among them."""
    queues = known_queues(town, actor).values()
    return sorted((each for each in queues if each.active or each.id == present), key=lambda each: each.name.casefold())


def queue_name(town: Town, actor: Actor, id: int | None) -> str:
    """What a queue is called; empty if there is none of which the actor may know."""
    found = known_queues(town, actor).get(id) if id is not None else None
    return found.name if found is not None else ""


def renew(town: Town) -> None:
    """Let every process read the rules anew; in the transaction of whoever changed one."""
    meta.put(town.system, _MARK, secrets.token_hex(8))


def all_of(
    town: Town, identity: str, *, sort: str = "", archived: bool | None = False, actor: Actor | None = None
) -> Iterator[Record]:
    """Every record of a type, or of which ``actor`` may know, page by page; none if the town doesn't have the type."""
    if identity not in town.schemas:
        return
    after = ""
    while True:
        page = town.records.find(actor or _ACTOR, identity, sort=sort, limit=_PAGE, after=after, archived=archived)
        yield from page.records
        after = page.after
        if not after:
            return


def _read(town: Town, mark: str) -> Rulebook:
    queues = {record.id: _queue(record) for record in all_of(town, QUEUE)}
    names = {record.id: record["name"] for record in all_of(town, WARD)}
    table = town.system.ward_shape
    shapes = table.select(table.ward_id, table.polygons).order_by(table.ward_id).tuples()
    wards = [Ward(id, names[id], Outline.from_json(polygons)) for id, polygons in shapes if id in names]
    routes = [read_route(town, record) for record in all_of(town, ROUTE) if record["active"]]
    routes.sort(key=lambda route: (route.order, route.id))
    return Rulebook(mark, town.schemas, routes, queues, wards)


def _queue(record: Record) -> Queue:
    members = record["members"] or ()
    return Queue(
        record.id,
        record["name"],
        bool(record["active"]),
        frozenset(row["person"] for row in members),
        frozenset(row["person"] for row in members if row["lead"]),
        frozenset(record["default_for"] or ()),
    )


def _check_team(town: Town, change: Change) -> None:
    """Who is put on a team works here, whichever way the queue is written. They need not be able to work on its cases:
    somebody may be on a team to see what it does.
    """
    members, before = change.values.get("members") or (), change.before.get("members") or ()
    known = {row["person"] for row in before}
    if known.issuperset(row["person"] for row in members):
        return
    here = colleagues.read(town).here
    errors = {
        f"members.{index}.person": "This person doesn’t work here. Choose somebody else."
        for index, row in enumerate(members)
        if row["person"] not in known and row["person"] not in here
    }
    if errors:
        raise ValidationFailed(errors)


def _check_queue(town: Town, change: Change) -> None:
    """Raise :class:`~townhall.errors.ValidationFailed` for a team or a kind of case that a queue can't have."""
    if change.identity == QUEUE:
        _check_team(town, change)
        _check_default(town, change)


def _check_default(town: Town, change: Change) -> None:
    """Each kind of case waits in one queue by default. Two that had one kind before that was asked go on as they are:
    only what a queue newly takes is looked at.
    """
    newly = _waiting(change.values) if change.action != "archive" else set[str]()
    if change.action == "update":
        newly -= _waiting(change.before)
    if not newly:
        return
    renew(town)  # whoever else changes a queue waits until this is saved, and then sees it
    found = (queue for queue in rulebook(town).queues.values() if queue.active and queue.id != change.id)
    taken = {kind: queue.name for queue in reversed([*found]) for kind in queue.default_for}
    beside = _beside(change)  # rows of one file, of which none is written yet
    taken.update(beside)
    beside.update(dict.fromkeys(newly, change.values.get("name") or ""))
    said = [
        f"“{taken[kind]}” is where {town.schemas[kind].label_plural.lower()} wait already. Untick it there first."
        for kind in sorted(newly & taken.keys() & town.schemas.keys())
    ]
    if said:
        raise ValidationFailed({"default_for": " ".join(said)})


def _waiting(values: Mapping[str, Any]) -> set[str]:
    """The kinds of case that come to a queue by default, if it is in use."""
    return set(values.get("default_for") or ()) if values.get("active") else set()


def _beside(change: Change) -> dict[str, str]:
    """The queues for kinds of case, by name, of the rows before in the same import."""
    context: TownContext | None = change.memo.get(preparing.RULES)
    found: dict[str, str] = context.kept.setdefault(_DEFAULTS, {}) if context is not None else {}
    return found


def _written(town: Town, changes: Sequence[Change]) -> None:
    renew(town)


#: A change of a rule, queue or ward is known everywhere at once.
DOMAIN = Domain("rulebook", lambda record_type: record_type.identity in (ROUTE, QUEUE, WARD), _check_queue, _written)
