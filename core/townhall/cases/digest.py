"""What each owner is told once a week: their cases that are overdue, waiting or forgotten, and what is new to take.

It says what the person may see, and nothing that they could not look up: :func:`digest` asks records as them.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

from townhall.access.actors import Actor
from townhall.cases import digest_delivery
from townhall.cases.rulebook import rulebook
from townhall.errors import TownhallError
from townhall.records import colleagues
from townhall.records import work
from townhall.records.figures import DORMANT_DAYS
from townhall.records.figures import Slice
from townhall.records.types import Record
from townhall.records.work import Lane

if TYPE_CHECKING:
    from townhall.town import Town

#: What a line says of a case besides its title.
Words = Callable[["Town", Record], str]
#: Cases that each part names.
SHOWN = 10
#: Days of which the new cases are told.
NEW_DAYS = 7


@dataclass(frozen=True, slots=True)
class Line:
    """A case: where it is, and what there is to say of it."""

    path: str
    number: str
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a digest: its heading, how many cases it is about, and the first of them."""

    name: str
    heading: str
    count: int
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Digest:
    """What one person is told on one day; ``open`` is how many cases they have in all."""

    name: str
    day: date
    open: int
    parts: Sequence[Part]

    @property
    def subject(self) -> str:
        """One line that says how things are."""
        told = [f"{part.count} {part.heading.lower()}" for part in self.parts if part.count]
        return f"Your cases this week: {self.open} open" + (f", {', '.join(told[:2])}" if told else "")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.open and not any(part.count for part in self.parts)


def digest(town: Town, actor: Actor) -> Digest:
    """What there is to tell this person now."""
    now = town.clock.now()
    mine = Lane("mine", assignee=actor.id)
    overdue = Lane("overdue", states="running", assignee=actor.id, due_before=now, order="due")
    waiting = Lane("waiting", states="waiting", assignee=actor.id, order="updated")
    lanes = [overdue, waiting]
    found = work.lanes(town, actor, lanes, limit=SHOWN)
    counts = work.counts(town, actor, [mine, *lanes])
    day = now.astimezone(town.zone).date()
    return Digest(
        name=actor.name,
        day=day,
        open=counts["mine"].value,
        parts=[
            _part("overdue", "Overdue", counts["overdue"].value, found["overdue"], _due, town),
            _part("waiting", "Waiting", counts["waiting"].value, found["waiting"], _unchanged, town),
            _dormant(town, actor),
            _new(town, actor, day),
        ],
    )


def text(found: Digest, address: str = "") -> str:
    """A digest as plain text; ``address`` is that of the town's site, before the path of each case."""
    cases = "1 open case" if found.open == 1 else f"{found.open} open cases"
    lines = [f"{found.name}, you have {cases} on {_said(found.day, found.day)}.", ""]
    for part in found.parts:
        if not part.count:
            continue
        lines += [f"{part.heading}: {part.count}", "-" * len(f"{part.heading}: {part.count}")]
        for line in part.lines:
            lines += [
                " · ".join(each for each in (line.number, line.title, line.words) if each),
                f"  {address}{line.path}",
            ]
        if part.count > len(part.lines):
            lines.append(f"and {part.count - len(part.lines)} more")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def run(town: Town) -> str:
    """Give everybody who has something to be told this week's digest, once; says for how many it was written.

    One that a killed run has not written is written by the next.
    """
    written = 0
    failure: TownhallError | None = None
    for actor in colleagues.read(town).here.values():
        if digest_delivery.has(town, actor):
            continue
        try:
            found = digest(town, actor)
        except TownhallError as error:
            failure = error  # the others hear of theirs all the same
            continue
        if not found.is_empty:
            digest_delivery.deliver(town, actor, found.subject, text(found, digest_delivery.address(town)))
            written += 1
    if failure is not None:
        raise failure
    return f"Wrote the weekly digest for {written} of the staff." if written else ""


def _part(name: str, heading: str, count: int, records: Sequence[Record], words: Words, town: Town) -> Part:
    return Part(name, heading, count, [_line(record, words(town, record)) for record in records])


def _line(record: Record, words: str) -> Line:
    plugin, _, name = record.identity.partition(".")
    return Line(f"/admin/{plugin}/{name}/{record.id}/", record.number, record.title or record.type.label, words)


def _due(town: Town, record: Record) -> str:
    return f"due {_day(town, record.due)}" if record.due is not None else ""


def _unchanged(town: Town, record: Record) -> str:
    return f"unchanged since {_day(town, record.updated)}"


def _came(town: Town, record: Record) -> str:
    return f"came in {_day(town, record.created)}"


def _day(town: Town, moment: datetime) -> str:
    return _said(moment.astimezone(town.zone).date(), town.today())


def _said(day: date, today: date) -> str:
    """A day as people say it, with its year only if that is another."""
    text = f"{day:%a} {day.day} {day:%b}"
    return text if day.year == today.year else f"{text} {day.year}"


def _dormant(town: Town, actor: Actor) -> Part:
    """The person's cases that nobody touched for long, the longest first."""
    return _gathered(
        town,
        actor,
        "dormant",
        f"No change for {DORMANT_DAYS} days",
        {"assignee": actor.id},
        Slice("dormant"),
        by="updated",
        words=_unchanged,
    )


def _new(town: Town, actor: Actor, day: date) -> Part:
    """Cases of the last week that stand in the person's queues and that nobody has."""
    heading, queues = "New in your queues", list(rulebook(town).queues_of(actor.id))
    if not queues:
        return Part("new", heading, 0, ())
    since = (day - timedelta(days=NEW_DAYS)).isoformat()
    where = {"queue": queues, "assignee": {"empty": True}, "created": {"gte": since}, "closed": {"empty": True}}
    return _gathered(town, actor, "new", heading, where, None, by="created", words=_came)


def _gathered(
    town: Town,
    actor: Actor,
    name: str,
    heading: str,
    where: Mapping[str, Any],
    figure: Slice | None,
    *,
    by: Literal["created", "updated"],
    words: Words,
) -> Part:
    """Cases of all types for which something holds, the longest first."""
    count, records = 0, list[Record]()
    for type_ in town.records.types(actor):
        workflow = type_.workflow
        if workflow is None or type_.frozen or not work.states(type_, "open"):
            continue
        number = town.records.count(actor, type_.identity, where, figure=figure).value
        if number:
            count += number
            found = town.records.find(actor, type_.identity, where, figure=figure, sort=by, limit=SHOWN, fields=())
            records += found.records
    records.sort(key=lambda record: (getattr(record, by), record.identity, record.id))
    return _part(name, heading, count, records[:SHOWN], words, town)
