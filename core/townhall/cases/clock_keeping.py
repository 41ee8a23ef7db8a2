"""Keeping the clocks of cases: in the transaction of every write that moves them, and anew for many at once.

A case is written, a message is sent or comes in: its clocks are worked out (:mod:`townhall.cases.clock_making`) from
its values, its states and what was there, and what differs is written. However many cases there are, it takes four
statements for what is read and one for each kind of change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

from townhall.access.actors import system
from townhall.cases import rules
from townhall.cases.clock_making import Maker
from townhall.cases.clocks import Case
from townhall.cases.clocks import Clock
from townhall.cases.clocks import Course
from townhall.cases.clocks import Heard
from townhall.cases.clocks import course
from townhall.records import dues
from townhall.records import preparing
from townhall.records.domains import Domain
from townhall.records.instants import to_microseconds
from townhall.records.types import Record
from townhall_forms.context import Context
from townhall_forms.schema import RecordType
from townhall_forms.schema import Workflow
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter
from townhall_forms.values import Reference

if TYPE_CHECKING:
    from townhall.context import TownContext
    from townhall.extend.values import Change
    from townhall.town import Town

INTERACTION = "core.interaction"
_BATCH = 500
_FACTS = (
    "target_id",
    "target_minutes",
    "business",
    "started_at",
    "due_at",
    "met_at",
    "actual_minutes",
    "warned_at",
    "breached_at",
    "escalated_at",
    "next_at",
    "original_target_id",
    "original_due_at",
)
COLUMNS = ("identity", "record_id", "kind", *_FACTS)
#: What of an interaction decides whether it moves clocks, whose, and when.
_MOVING = ("direction", "outcome", "handled_by", "automatic", "about", "at")

Clocks = dict[str, Clock]


def maker_of(town: Town, record_type: RecordType, context: Context) -> Maker | None:
    """What works out clocks of cases of a type, by the rules of this moment; ``None`` for a type that is no case."""
    if record_type.workflow is None:
        return None
    now = rules.of_type(town, record_type)
    return Maker(record_type.identity, record_type.workflow, now, town.zone, environment_of(context))


# -- what a write tells ---------------------------------------------------------------------------------------------


def _cases_written(town: Town, changes: Sequence[Change]) -> None:
    record_type = town.schemas[changes[0].identity]
    maker = maker_of(town, record_type, town.context(system()))
    if maker is None:
        return
    # What rules of the write looked up (a category, a round) decides about clocks too.
    context: TownContext = changes[0].memo.get(preparing.RULES) or town.context(system())
    known = [change.id for change in changes if change.id is not None and change.action != "create"]
    clocks, stints = read(town, record_type.identity, known), _stints(town, record_type.identity, known)
    made = []
    _look_ahead(record_type, maker, context, [change.values for change in changes])
    for change in changes:
        fresh = change.action == "create"
        values = value_getter(record_type, change.values, context, standard=change.standard)
        made.append(
            Case(
                id=cast(int, change.id),
                created=to_microseconds(change.standard["created"]),
                state=change.state,
                stints=_opening(record_type, change) if fresh else stints[cast(int, change.id)],
                get=values,
                due=_instant(change.standard.get("due")),
                archived=change.standard.get("archived") is not None,
                hand=_by_hand(change),
                fresh=fresh,
            )
        )
    keep(town, maker, made, clocks)


def _by_hand(change: Change) -> int | bool | None:
    """The date that was given with a change; what only follows from targets is never among a change's values."""
    given = _instant(change.standard.get("due"))
    if change.action == "create":
        return False if given is None else given
    return given if change.changed("due") else False


def _opening(record_type: RecordType, change: Change) -> list[tuple[str, int]]:
    """The states of a new case: one that comes closed has been through its first state."""
    created, closed = to_microseconds(change.standard["created"]), _instant(change.standard.get("closed"))
    initial = record_type.workflow.initial if record_type.workflow is not None else ""
    if closed is not None and change.state != initial:
        return [(initial, created), (change.state, closed)]
    return [(change.state, created)]


def _talk_written(town: Town, changes: Sequence[Change]) -> None:
    heard: dict[str, dict[int, tuple[list[int], list[int]]]] = defaultdict(lambda: defaultdict(lambda: ([], [])))
    now = to_microseconds(town.clock.now())
    for change in changes:
        about = change.values.get("about")
        if not isinstance(about, Reference) or not _says_something_new(change):
            continue
        record_type = town.schemas.get(about.identity)
        place = _what_it_was(change.values)
        if place is None or record_type is None or not record_type.is_case or record_type.frozen:
            continue
        at = _instant(change.values.get("at"))
        heard[about.identity][about.id][place].append(now if at is None else min(at, now))
    for identity, said in heard.items():
        refresh(town, identity, list(said), {id: Heard(*map(tuple, both)) for id, both in said.items()})


def _says_something_new(change: Change) -> bool:
    """Whether a clock can move by this write: a corrected subject or a reminder that is done tells nothing anew."""
    return change.action == "create" or (change.action == "update" and any(map(change.changed, _MOVING)))


def _what_it_was(values: Mapping[str, Any]) -> int | None:
    """0 for a citizen's message, 1 for a person's answer, ``None`` for what moves no clock.

    An answer is what a colleague said to the citizen, in writing or not, and a question that was answered on the spot.
    Notes between colleagues, what a machine wrote, and a call that nobody took are none.
    """
    if values.get("automatic"):
        return None
    direction, outcome, person = values.get("direction"), values.get("outcome"), values.get("handled_by")
    if direction == "in":
        return 1 if outcome == "answered" and person is not None else 0
    if direction == "out" and person is not None and outcome != "no_answer":
        return 1
    return None


#: Core's part in writes of cases, and of what is said about them.
DOMAINS = (
    Domain("clocks", lambda record_type: record_type.is_case, written=_cases_written),
    Domain("talk", lambda record_type: record_type.identity == INTERACTION, written=_talk_written),
)


# -- many at once ---------------------------------------------------------------------------------------------------


def refresh(town: Town, identity: str, ids: Sequence[int], heard: Mapping[int, Heard] | None = None) -> int:
    """Work out the clocks of these cases anew; how many there were. Must run inside a transaction."""
    record_type = town.schemas[identity]
    context = town.context(system())
    maker = maker_of(town, record_type, context)
    if maker is None:
        return 0
    records = dues.many(town, identity, ids, fields=_needed(record_type, maker))
    known = [record.id for record in records]
    clocks, stints = read(town, identity, known), _stints(town, identity, known)
    told = heard or {}
    _look_ahead(record_type, maker, context, [record.values for record in records])
    cases = [_case_of(record, stints[record.id], context, told.get(record.id)) for record in records]
    keep(town, maker, cases, clocks)
    return len(records)


def _paths(record_type: RecordType, maker: Maker) -> set[str]:
    """Paths that decide about clocks."""
    paths = set(maker.rules.paths(record_type.identity))
    if isinstance(maker.workflow.due_days, str):
        paths.add(maker.workflow.due_days)
    return paths


def _needed(record_type: RecordType, maker: Maker) -> list[str]:
    """Declared fields that decide about clocks."""
    heads = {path.partition(".")[0] for path in _paths(record_type, maker)}
    return [name for name in heads if name in record_type.fields]


def _look_ahead(
    record_type: RecordType, maker: Maker, context: TownContext, cases: Sequence[Mapping[str, Any]]
) -> None:
    """Look up what these cases link to, as far as it decides about clocks, with one question for each type."""
    for path in _paths(record_type, maker):
        name, _, rest = path.partition(".")
        field = record_type.fields.get(name)
        if rest and field is not None and field.target:
            context.remember(field.target, [id for values in cases if isinstance(id := values.get(name), int)])


def _case_of(record: Record, stints: Sequence[tuple[str, int]], context: Context, heard: Heard | None) -> Case:
    return Case(
        id=record.id,
        created=to_microseconds(record.created),
        state=record.state,
        stints=stints,
        get=value_getter(record.type, record.values, context, standard=cast(Mapping[str, Any], record)),
        due=_instant(record.due),
        archived=record.archived is not None,
        heard=heard or Heard(),
    )


def keep(town: Town, maker: Maker, cases: Iterable[Case], clocks: Mapping[int, Clocks]) -> None:
    """Work out clocks and write what differs: rows that are new, changed or gone, and when the cases are due."""
    new: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    gone: list[tuple[Any, ...]] = []
    due: dict[int, int | None] = {}
    for case in cases:
        before = clocks.get(case.id, {})
        stood = {kind: facts(clock) for kind, clock in before.items()}
        made, when = maker.make(case, before)
        for kind, clock in made.items():
            told = facts(clock)
            if kind not in stood:
                new.append((maker.identity, case.id, kind, *told))
            elif stood[kind] != told:
                changed.append((*told, maker.identity, case.id, kind))
        gone += [(maker.identity, case.id, kind) for kind in stood if kind not in made]
        if when != case.due:
            due[case.id] = when
    _write(town, new, changed, gone)
    dues.write(town, maker.identity, due)


def write_clocks(town: Town, identity: str, clocks: Sequence[tuple[int, Clock]]) -> None:
    """Write clocks that changed, each with the id of its case."""
    _write(town, (), [(*facts(clock), identity, id, clock.kind) for id, clock in clocks], ())


def _write(
    town: Town,
    new: Sequence[tuple[Any, ...]],
    changed: Sequence[tuple[Any, ...]],
    gone: Sequence[tuple[Any, ...]],
) -> None:
    mark = town.database.param
    key = f"identity = {mark} AND record_id = {mark} AND kind = {mark}"
    if gone:
        town.database.executemany(f"DELETE FROM case_clock WHERE {key}", gone)  # noqa: S608  # marks, not values
    if changed:
        assigned = ", ".join(f"{name} = {mark}" for name in _FACTS)
        town.database.executemany(f"UPDATE case_clock SET {assigned} WHERE {key}", changed)  # noqa: S608
    if new:
        town.database.insert_rows("case_clock", COLUMNS, new)


def facts(clock: Clock) -> tuple[Any, ...]:
    """What the table keeps of a clock, in the order of its columns."""
    return (
        clock.target_id,
        clock.target_minutes,
        clock.business,
        clock.started_at,
        clock.due_at,
        clock.met_at,
        clock.actual_minutes,
        clock.warned_at,
        clock.breached_at,
        clock.escalated_at,
        clock.next_at,
        clock.original_target_id,
        clock.original_due_at,
    )


def read(town: Town, identity: str, ids: Collection[int]) -> dict[int, Clocks]:
    """The clocks of these cases as they stand, by case and kind."""
    found: dict[int, Clocks] = defaultdict(dict)
    mark, wanted = town.database.param, list(ids)
    columns = ", ".join(_FACTS)
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        marks = ", ".join([mark] * len(part))
        rows = town.database.execute_sql(
            f"SELECT record_id, kind, {columns} FROM case_clock WHERE identity = {mark} AND record_id IN ({marks})",  # noqa: S608
            (identity, *part),
        ).fetchall()
        for id, kind, target_id, minutes, business, started_at, *rest in rows:
            found[id][kind] = Clock(kind, started_at, target_id, minutes, bool(business), *rest)
    return found


def course_of(town: Town, record: Record, workflow: Workflow) -> Course:
    """What the states that a case went through mean for its clocks."""
    stints = _stints(town, record.identity, [record.id])[record.id]
    return course(workflow, stints or [(record.state, to_microseconds(record.created))])


def _stints(town: Town, identity: str, ids: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    found: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for id, state, at in dues.stints(town, identity, ids):
        found[id].append((state, at))
    return found


def _instant(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)
