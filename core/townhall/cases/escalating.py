"""Warning, and telling who is responsible, before and after a clock runs out: a job.

At 80 % of the time the owner is warned; when it is up, the owner and who leads the queue are told; a working day later
who leads the queue, or else an administrator. Each once, which stands beside the clock, and in working hours unless the
target is urgent. Nothing here sends mail: :func:`townhall.cases.notices.notify` is the one way to a colleague.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cases import clock_keeping
from townhall.cases import notices
from townhall.cases.clock_making import Maker
from townhall.cases.clocks import Clock
from townhall.cases.working_time import NoWorkingTime
from townhall.db.transactions import immediate
from townhall.errors import NotFound
from townhall.records import dues
from townhall.records import history
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall.records.types import Record

if TYPE_CHECKING:
    from townhall.town import Town

Step = Literal["warn", "breach", "escalate"]
QUEUE = "core.queue"
#: Clocks in one transaction.
_LOT = 200
#: Who looks after the town as a whole, where a case has nobody.
_SUPERVISOR = "settings.manage"
_SUBJECTS = {"first_response": "The first answer", "update": "The answer to their message"}
_HEADLINES: dict[Step, str] = {"warn": "is due", "breach": "was due", "escalate": "was due"}


def run(town: Town) -> str:
    """Tell whoever has to be told by now. Returns a sentence about it; empty if it was nobody."""
    told: dict[str, int] = defaultdict(int)
    while True:
        with immediate(town.database):
            rows = _due_rows(town)
            for step, count in _tell(town, rows).items():
                told[step] += count
        if len(rows) < _LOT:
            break
    parts = [
        f"{told[step]:,} {words}"
        for step, words in (("warn", "warned of"), ("breach", "told as late"), ("escalate", "passed on"))
        if told[step]
    ]
    return f"Clocks: {', '.join(parts)}." if parts else ""


def _due_rows(town: Town) -> list[Any]:
    """Clocks of which somebody has to be told, the longest due first. Each is one process's business."""
    kinds = [type_.identity for type_ in town.schemas.values() if type_.is_case and not type_.frozen]
    if not kinds:
        return []
    mark = town.database.param
    # The plus sign keeps SQLite from looking at every clock of these types for the few that are due.
    identity = "identity" if town.database.engine == "postgresql" else "+identity"
    lock = " FOR UPDATE SKIP LOCKED" if town.database.supports_row_locks else ""
    return list(
        town.database.execute_sql(
            "SELECT identity, record_id, kind FROM case_clock"  # noqa: S608  # marks, not values
            f" WHERE next_at <= {mark} AND {identity} IN ({', '.join([mark] * len(kinds))})"
            f" ORDER BY next_at, id LIMIT {_LOT}{lock}",
            (to_microseconds(town.clock.now()), *kinds),
        ).fetchall()
    )


def _tell(town: Town, rows: Sequence[Any]) -> dict[str, int]:
    wanted: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for identity, id, kind in rows:
        wanted[identity][id].append(kind)
    told: dict[str, int] = defaultdict(int)
    people = _People(town)
    context = town.context(system())
    for identity, asked in wanted.items():
        maker = clock_keeping.maker_of(town, town.schemas[identity], context)
        if maker is None:
            continue
        clocks = clock_keeping.read(town, identity, list(asked))
        records = {record.id: record for record in dues.many(town, identity, list(asked), fields=())}
        changed = []
        for id, kinds in asked.items():
            for kind in kinds:
                clock, record = clocks[id][kind], records.get(id)
                for step in [] if record is None else _steps(maker, clock):
                    _say(town, people, record, clock, step)  # type: ignore[arg-type]  # there is one
                    told[step] += 1
                clock.next_at = None if record is None else maker.following(clock)
                changed.append((id, clock))
        clock_keeping.write_clocks(town, identity, changed)
    return told


def _steps(maker: Maker, clock: Clock) -> list[Step]:
    """What has to be said about a clock now; nothing at night, unless it is urgent."""
    now = maker.now
    target = maker.rules.by_id.get(clock.target_id or 0)
    calendar = maker.rules.calendar(target)
    if calendar is not None and not (target is not None and target.night):
        try:
            if not calendar.is_open(now):
                return []
        except NoWorkingTime:
            return []
    steps: list[Step] = []
    while (at := maker.notice_at(clock)) is not None and at <= now:
        if clock.breached_at is None and clock.due_at is not None and clock.due_at <= now:
            # Who was never warned is told once that it is late, and not that it will be.
            clock.warned_at = clock.warned_at or now
            clock.breached_at = now
            steps.append("breach")
        elif clock.breached_at is None:
            clock.warned_at = now
            steps.append("warn")
        else:
            clock.escalated_at = now
            steps.append("escalate")
    return steps


def _say(town: Town, people: _People, record: Record, clock: Clock, step: Step) -> None:
    """A notice to each who has to know, and one line in the history of the case."""
    if step == "warn":
        ids = people.owner(record)
    elif step == "breach":
        ids = [*people.owner(record), *people.leads(record)] or people.supervisors()
    else:
        ids = people.leads(record) or people.supervisors()
    due = from_microseconds(clock.due_at or 0).astimezone(town.zone)
    said = f"{_SUBJECTS.get(clock.kind, 'It')} {_HEADLINES[step]} {due:%a} {due.day} {due:%b, %H:%M}."
    if step == "escalate":
        said = f"{said[:-1]}, a working day ago."
    notices.notify(town, ids, record, step, said)
    note = f"{said} {people.names(ids)}" if ids else f"{said} There was nobody to tell."
    at = to_microseconds(town.clock.now())
    history.write(town, system(), record.identity, at, [history.Event(record.id, record.version, step, {}, note)])


class _People:
    """Who is to be told; looked up once in a run."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._leads: dict[int, list[int]] = {}
        self._supervisors: list[int] | None = None
        rows = town.database.execute_sql('SELECT id, name, email FROM "user" WHERE active').fetchall()
        self._names = {id: name or email for id, name, email in rows}

    def owner(self, record: Record) -> list[int]:
        """Who works on the case, if they still work here."""
        return [record.assignee] if record.assignee in self._names and record.assignee is not None else []

    def leads(self, record: Record) -> list[int]:
        """Who leads the queue that the case stands in."""
        if record.queue is None:
            return []
        if record.queue not in self._leads:
            try:
                members = self.town.records.get(system(), QUEUE, record.queue, fields=("members",))["members"] or ()
            except NotFound:
                members = ()
            self._leads[record.queue] = [
                row["person"] for row in members if row.get("lead") and row.get("person") in self._names
            ]
        return self._leads[record.queue]

    def supervisors(self) -> list[int]:
        """Who may change the town's settings."""
        if self._supervisors is None:
            rows = self.town.database.execute_sql(
                "SELECT user_role.user_id, role.permissions FROM user_role JOIN role ON role.id = user_role.role_id"
                " ORDER BY user_role.user_id"
            ).fetchall()
            held: dict[int, set[str]] = defaultdict(set)
            for id, permissions in rows:
                held[id].update(json.loads(permissions))
            self._supervisors = [
                id
                for id, permissions in held.items()
                if id in self._names and Actor("staff", "", id, frozenset(permissions)).may(_SUPERVISOR)
            ]
        return self._supervisors

    def names(self, ids: Sequence[int]) -> str:
        """Who was told, as a sentence."""
        names = [self._names[id] for id in dict.fromkeys(ids) if id in self._names]
        return f"Told: {', '.join(names)}."
