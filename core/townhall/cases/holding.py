"""Who holds a case: taking it out of a queue, giving it back, giving it to somebody else, and a colleague's whole desk.

The database decides who is first: every change names the version that it was made on. Of two who take a case at once
exactly one has it, and the other is told who, and since when.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases.rulebook import rulebook
from townhall.errors import Conflict
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.records import colleagues as everybody
from townhall.records import predicate
from townhall.records.types import Record
from townhall.records.work import states
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: How often taking a case is tried anew because somebody changed something else of it in between.
_TRIES = 5
_PAGE = 200


class Taken(Rejected):
    """Somebody else has the case; the message says who and since when."""


def claim(town: Town, actor: Actor, identity: str, id: int) -> Record:
    """Take a case that nobody has. Taking what one has already changes nothing.

    Raises :class:`Taken` if somebody else has it, and the errors of :meth:`Records.update`.
    """
    if actor.id is None:
        raise Rejected("Only somebody who works here can take a case.")
    for _ in range(_TRIES):
        record = town.records.get(actor, identity, id)
        if record.assignee == actor.id:
            return record
        if record.assignee is not None:
            raise Taken(held(town, actor, record), "assignee")
        try:
            return town.records.update(actor, identity, id, {"assignee": actor.id}, version=record.version)
        except Conflict:
            continue
    raise Rejected("Others change this case all the time. Look at it again, then take it.")


def release(town: Town, actor: Actor, identity: str, id: int, *, version: int, note: str = "") -> Record:
    """Give a case back to its queue, or to the one where such cases wait; nobody has it then."""
    record = town.records.get(actor, identity, id)
    return town.records.update(actor, identity, id, _released(town, record), version=version, note=note)


def reassign(
    town: Town,
    actor: Actor,
    identity: str,
    id: int,
    *,
    version: int,
    queue: int | None,
    assignee: int | None,
    note: str = "",
) -> Record:
    """Give a case to a queue, a person or both, with a note for whoever reads its history."""
    values = {"queue": queue, "assignee": assignee}
    return town.records.update(actor, identity, id, values, version=version, note=note)


def held(town: Town, actor: Actor, record: Record) -> str:
    """A sentence about who has a case, and since when."""
    people = {person.id: person.title for person in town.context(actor).staff()}
    name = people.get(record.assignee or 0, "Somebody who left")
    since = held_since(town, record)
    if since is None:
        return f"{name} has it already."
    local = since.astimezone(town.zone)
    today = local.date() == town.today()
    return f"{name} has had it since {local:%H:%M}." if today else f"{name} has had it since {local:%d %b, %H:%M}."


def held_since(town: Town, record: Record) -> datetime | None:
    """When the case came to whoever has it now."""
    entries = town.records.history(system("holding"), record.identity, record.id)
    return next((entry.at for entry in reversed(entries) if "assignee" in entry.changes), None)


# -- a whole desk ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class HandOver:
    """What became of somebody's open work: how many of each type moved, and what could not be and why.

    ``partial`` says that there may be cases that whoever handed it over may not see.
    """

    moved: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[Record, str]] = field(default_factory=list)
    rules: Sequence[str] = ()
    partial: bool = False

    @property
    def total(self) -> int:
        """How many cases moved."""
        return sum(self.moved.values())

    def sentences(self, town: Town, whom: str) -> list[str]:
        """What happened, in plain sentences; ``whom`` says who or what the cases went to."""
        parts = [_counted(town, identity, count) for identity, count in self.moved.items()]
        none = "There is no open work that you may see" if self.partial else "There was no open work to hand over"
        nothing = "No open case could be handed over" if self.refused else none
        said = [f"{' and '.join(parts)} went to {whom}." if parts else f"{nothing}."]
        said += [f"{record.number or record.title} stayed: {why}" for record, why in self.refused]
        if self.partial and (parts or self.refused):
            said.append("Cases that you may not see stayed, if there are any.")
        if self.rules:
            said.append(f"Routing rules that still name this person: {', '.join(self.rules)}.")
        return said


def open_work(town: Town, actor: Actor, person: int) -> dict[str, int]:
    """How many open cases of each type somebody has, as far as the actor may see them."""
    found: dict[str, int] = {}
    for identity in _case_types(town):
        if town.records.may(actor, "view", identity):
            count = town.records.count(actor, identity, _open_of(town, identity, person)).value
            found |= {identity: count} if count else {}
    return found


def sees_all_work(town: Town, actor: Actor) -> bool:
    """Whether the actor may see every open case, so that what :func:`open_work` counts is all that there is."""
    types = [town.schemas[identity] for identity in _case_types(town)]
    return all(policy.may(actor, "view", each) and predicate.sees_all(town, actor, each) for each in types)


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody to whom work can be handed over, and the types of which they may take none."""

    id: int
    name: str
    not_these: Sequence[RecordType]


def colleagues(town: Town, work: Collection[str], person: int) -> list[Colleague]:
    """Who may take some of the open work of ``person``, which is of these types; first those who may take all of it."""
    found = []
    for each in everybody.read(town).here.values():
        may = _may_take(town, each, work)
        if each.id not in (None, person) and may:
            rest = [town.schemas[identity] for identity in work if identity not in may]
            found.append(Colleague(each.id or 0, each.name, rest))
    return sorted(found, key=lambda each: (bool(each.not_these), each.name.casefold(), each.id))


def _may_take(town: Town, colleague: Actor, work: Collection[str]) -> list[str]:
    return [identity for identity in work if policy.could_work(colleague, town.schemas[identity])]


def hand_over(town: Town, actor: Actor, person: int, to: int | None, *, note: str = "") -> HandOver:
    """Give all open work of somebody to a colleague, or with ``to`` as ``None`` back to its queues.

    Each case is written in a transaction of its own, so that one that is refused stops no other; one that the colleague
    may not work on stays. Raises :class:`~townhall.errors.Rejected` if they may take none.
    """
    if person == to:
        raise Rejected("That is the same person. Choose a colleague, or the queues.", "to")
    colleague = everybody.read(town).here.get(to) if to is not None else None
    if to is not None and colleague is None:
        raise Rejected("This colleague doesn’t work here any more. Choose somebody else.", "to")
    if colleague is not None and (work := open_work(town, actor, person)) and not _may_take(town, colleague, work):
        raise Rejected(f"{colleague.name} may work on none of these cases. Choose somebody else.", "to")
    rules = [route.name for route in rulebook(town).routes if route.person == person]
    done = HandOver(rules=rules, partial=not sees_all_work(town, actor))
    for identity in _case_types(town):
        if town.records.may(actor, "view", identity):
            for id in list(_ids(town, actor, identity, person)):
                _hand_over_one(town, actor, identity, id, person, colleague, note, done)
    return done


def _hand_over_one(
    town: Town, actor: Actor, identity: str, id: int, person: int, to: Actor | None, note: str, done: HandOver
) -> None:
    for _ in range(_TRIES):
        try:
            record = town.records.get(actor, identity, id)
        except NotFound:
            return
        if record.assignee != person:
            return
        if to is not None and not policy.could_work(to, record.type):
            done.refused.append((record, f"{to.name} may not work on {record.type.label_plural.lower()}."))
            return
        values = {"assignee": to.id} if to is not None else _released(town, record)
        try:
            town.records.update(actor, identity, id, values, version=record.version, note=note)
        except Conflict:
            continue
        except TownhallError as error:
            done.refused.append((record, str(error)))
            return
        done.moved[identity] = done.moved.get(identity, 0) + 1
        return
    done.refused.append((record, "others change it all the time."))


def _released(town: Town, record: Record) -> dict[str, Any]:
    """What a case gets that goes back: nobody, and a queue in which somebody looks for it."""
    values: dict[str, Any] = {"assignee": None}
    default = rulebook(town).default_queue(record.identity)
    if record.queue is None and default is not None:
        values["queue"] = default.id
    return values


def _case_types(town: Town) -> list[str]:
    """Types whose cases can be open, and can be changed."""
    types = (each for each in town.schemas.values() if each.is_case and not each.frozen)
    return [each.identity for each in types if states(each, "open")]


def _open_of(town: Town, identity: str, person: int) -> dict[str, Any]:
    # That they are not closed follows from their states, and is what the index of open cases knows.
    return {"assignee": person, "state": states(town.schemas[identity], "open"), "closed": {"empty": True}}


def _ids(town: Town, actor: Actor, identity: str, person: int) -> Iterator[int]:
    after = ""
    where = _open_of(town, identity, person)
    while True:
        page = town.records.find(actor, identity, where, limit=_PAGE, after=after, fields=())
        yield from (record.id for record in page.records)
        after = page.after
        if not after:
            return


def _counted(town: Town, identity: str, count: int) -> str:
    record_type = town.schemas[identity]
    return f"{count} {(record_type.label if count == 1 else record_type.label_plural).lower()}"
