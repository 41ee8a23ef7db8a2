"""A hundred thousand cases with clocks: what the pages that managers and clerks open about them cost."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from typing import Any

from tests.bench.making import EMAIL
from tests.bench.making import Visitor
from tests.bench.measuring import cost
from tests.bench.measuring import heading
from tests.bench.measuring import rate
from tests.bench.measuring import seconds

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.cases import queries
from townhall.db.transactions import immediate
from townhall.records import history
from townhall.records.instants import to_microseconds
from townhall.records.plans import plan as plan_of
from townhall.town import Town

REQUEST = "complaints.service_request"
LIST = "/admin/complaints/service_request/"
#: The pages of figures: the last part of their address, and what the report calls them.
FIGURES = (("", "overview"), ("times", "times"), ("states", "states"), ("contact", "contact"))
BATCH = 2000
AIM = "aim: 100 ms"
#: The states that a case goes through, with the part of its life after which it comes into each.
_WAY = (
    ("", "new", 0.0),
    ("new", "acknowledged", 0.2),
    ("acknowledged", "in_progress", 0.5),
    ("in_progress", "closed", 1),
)
_PASSED_ON = 0.1
_MOVES = ("identity", "record_id", "name", "source", "target", "at", "actor_kind", "actor_id", "actor_name")
_TALKS = (
    "version",
    "title",
    "title_key",
    "created",
    "updated",
    "at",
    "direction",
    "channel",
    "outcome",
    "contact",
    "about_type",
    "about_id",
)
_CLOCKS = (
    "identity",
    "record_id",
    "kind",
    "target_minutes",
    "business",
    "started_at",
    "due_at",
    "met_at",
    "actual_minutes",
)


def fill_cases(town: Town, count: int, years: int) -> tuple[float, float]:
    """Import ``count`` service requests of so many years, most of them closed; CPU and wall seconds of the import.

    An import knows when a case came in and was closed. What happened between, and the clocks, are written beside it.
    """
    chance, now = random.Random(1905), town.clock.now()
    actor = system("import")
    categories = [_category(town, actor, number) for number in range(20)]
    queues = [town.records.create(actor, "core.queue", {"name": f"Queue {name}"}).id for name in "ABCDEF"]
    contacts = _contacts(town, actor)
    staff = people.find(town, EMAIL).id
    life: list[tuple[datetime, datetime | None]] = []
    # Cases come in one after the other, as they do in a town: their numbers go with the days.
    days = sorted((chance.uniform(0.05, years * 365) for _ in range(count)), reverse=True)

    def row() -> dict[str, Any]:
        created = now - timedelta(days=days[len(life)])
        closed = created + timedelta(days=chance.expovariate(1 / 9))
        done = closed < now and chance.random() < 0.97
        life.append((created, closed if done else None))
        values = {
            "category": chance.choice(categories),
            "description": "A deep hole, a cyclist nearly fell.",
            "reporter": chance.choice(contacts),
            "channel": chance.choices(("phone", "web", "email", "visit", "letter"), (40, 30, 18, 8, 4))[0],
            "queue": chance.choice(queues),
            "assignee": staff if chance.random() < 0.2 else None,
            "created": created,
            "due": created + timedelta(days=10),
        }
        return values | ({"state": "closed", "closed": closed, "resolution": "Mended."} if done else {"state": "new"})

    ids: list[int] = []
    took = [0.0, 0.0]
    for start in range(0, count, BATCH):
        rows = [row() for _ in range(min(BATCH, count - start))]
        cpu, wall = seconds(lambda rows=rows: ids.extend(_imported(town, actor, rows)))  # type: ignore[misc]
        took = [took[0] + cpu, took[1] + wall]
    _write_moves(town, ids, life, queues, chance)
    _write_talks(town, ids, chance)
    # The import makes clocks of today's targets; those of a life of four years take their place.
    town.database.execute_sql("DELETE FROM case_clock")
    _write_clocks(town, ids, life, chance)
    town.database.keep_statistics()
    return took[0], took[1]


def _contacts(town: Town, actor: Actor) -> list[int]:
    """Everybody who can report something."""
    ids: list[int] = []
    after = ""
    while not ids or after:
        page = town.records.find(actor, "core.contact", limit=1000, sort="-id", after=after, fields=())
        ids += [each.id for each in page.records]
        after = page.after
    return ids


def _category(town: Town, actor: Actor, number: int) -> int:
    """A category that asks nothing."""
    values = {"code": f"bench_{number}", "name": f"Kind {number}", "group": "Streets", "location": "none"}
    return town.records.create(actor, "complaints.category", values).id


def _imported(town: Town, actor: Actor, rows: list[dict[str, Any]]) -> list[int]:
    outcomes = town.records.import_rows(actor, REQUEST, rows)
    wrong = next((each.errors for each in outcomes if each.errors), None)
    assert wrong is None, f"a made-up case was refused: {wrong}"
    return [each.id for each in outcomes if each.id is not None]


def _write_moves(
    town: Town, ids: list[int], life: list[tuple[datetime, datetime | None]], queues: list[int], chance: random.Random
) -> None:
    """Let each case have been accepted and worked on before it was closed, in the log of moves and in history.

    One in ten was accepted for another queue, and one in ten passed from person to person.
    """
    town.database.execute_sql("DELETE FROM case_transition")
    actor = system("bench")
    rows: list[tuple[Any, ...]] = []
    for id, (created, closed) in zip(ids, life, strict=True):
        for source, target, part in _WAY if closed is not None else _WAY[:1]:
            at = created if closed is None else created + (closed - created) * part
            rows.append((REQUEST, id, target, source, target, to_microseconds(at), "system", None, "Townhall"))
    rows.sort(key=lambda row: row[5])  # what happens in a town is written when it happens
    town.database.insert_rows("case_transition", _MOVES, rows)
    with immediate(town.database):
        for _, id, _, source, target, at, *_ in rows:
            if not source:
                continue  # the import wrote that the case was made
            changes = {"state": (f'"{source}"', f'"{target}"')}
            if target == "acknowledged" and chance.random() < _PASSED_ON:
                before, after = chance.sample(queues, 2)
                changes["queue"] = (str(before), str(after))
            if target == "in_progress" and chance.random() < _PASSED_ON:
                changes["assignee"] = ("1", "2")
            history.write(town, actor, REQUEST, at, [history.Event(id, 2, target, changes)])


def _write_talks(town: Town, ids: list[int], chance: random.Random) -> None:
    """Let each case begin with a call, a letter or the like and end with an answer by mail."""
    case = plan_of(town, REQUEST).model
    rows: list[tuple[Any, ...]] = []
    for id, contact, channel, created, closed in (
        case.select(case.id, case.reporter, case.channel, case.created, case.closed).tuples().iterator()
    ):
        outcome = chance.choices(("case_opened", "progress", "answered"), (90, 5, 5))[0]
        about = (contact, REQUEST, id)
        rows.append((1, "A call", "a call", created, created, created, "in", channel, outcome, *about))
        if closed is not None:
            rows.append((1, "An answer", "an answer", closed, closed, closed, "out", "email", None, *about))
    rows.sort(key=lambda row: row[5])
    town.database.insert_rows("core_interaction", _TALKS, rows)


def _write_clocks(
    town: Town, ids: list[int], life: list[tuple[datetime, datetime | None]], chance: random.Random
) -> None:
    rows = []
    for id, (created, closed) in zip(ids, life, strict=True):
        for kind, hours in (("first_response", 48), ("resolution", 240)):
            met = closed if kind == "resolution" else created + timedelta(hours=chance.expovariate(1 / 30))
            met = None if met is None or met > town.clock.now() else met
            spent = None if met is None else int((met - created).total_seconds() // 180)
            due = created + timedelta(hours=hours)
            moments = (to_microseconds(created), to_microseconds(due), None if met is None else to_microseconds(met))
            rows.append((REQUEST, id, kind, hours * 20, True, *moments, spent))
    town.database.insert_rows("case_clock", _CLOCKS, rows)


def cases(town: Town, count: int, years: int) -> None:
    """Measure it all and print the lines."""
    heading(f"{count:,} cases of {years} years with two clocks each: CPU")
    cpu, wall = fill_cases(town, count, years)
    rate("cases imported, rows per second of CPU", count, cpu, wall)
    line("who is overdue, over all cases", lambda: queries.my_work(town, system(), everybody=True, limit=10), "")
    clerk = Visitor(town)
    for name, address in pages():
        line(name, lambda address=address: clerk.get(address), AIM)  # type: ignore[misc]
    _recompute(town)
    line("list of cases, when all were due before today's", lambda: clerk.get(LIST), AIM)


def pages() -> tuple[tuple[str, str], ...]:
    """The pages that are measured, with their addresses."""
    measured = [("My work", "/admin/"), ("list of cases", LIST), ("list of what is overdue", f"{LIST}?view=overdue")]
    periods = ("this_month", "last_quarter", "last_year")
    for page, words in FIGURES:
        for period in periods:
            address = f"/admin/figures/{page}?type={REQUEST}&period={period}"
            measured.append((f"figures, {words}, {period.replace('_', ' ')}, counted anew", f"{address}&count=again"))
        measured.append(
            (f"figures, {words}, last year, counted before", f"/admin/figures/{page}?type={REQUEST}&period=last_year")
        )
    measured.append(
        ("figures, all cases, last quarter, counted anew", "/admin/figures/?type=all&period=last_quarter&count=again")
    )
    return tuple(measured)


def line(name: str, action: Callable[[], object], aim: str) -> None:
    """A line whose first figure is milliseconds of CPU."""
    spent = cost(action, runs=5)
    print(f"{spent.cpu * 1000:9.1f}  {name:<46} {spent.wall * 1000:9.1f} ms wall   {aim}".rstrip(), flush=True)


def _recompute(town: Town) -> None:
    """The clocks of all open cases after a change of a calendar, where clocks are kept."""
    try:
        from townhall.cases import recomputing
    except ImportError:
        return
    recomputing.want(town)
    count = recomputing.left(town)
    cpu, wall = seconds(lambda: recomputing.run(town))
    rate("clocks recomputed, open cases per second of CPU", count, cpu, wall, "aim: 5,000")
