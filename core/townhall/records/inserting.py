"""Putting rows into the tables: new records, one or thousands at once, and changes of one.

Everything here runs inside a transaction and trusts its values: they were parsed and checked before.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.errors import ValidationFailed
from townhall.records import encrypting
from townhall.records import history
from townhall.records import ids
from townhall.records import indexing
from townhall.records import numbers
from townhall.records import search_entries
from townhall.records import titles
from townhall.records.instants import to_microseconds
from townhall.records.write_plans import WritePlan
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import encode_json
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

_TRANSITION_COLUMNS = (
    "identity",
    "record_id",
    "name",
    "source",
    "target",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
)
#: What the log of moves calls the way back from a move that was undone. No move can be declared with this name.
UNDO = "(undo)"


@dataclass(slots=True)
class Pending:
    """A new record on its way into the table: values of its declared fields and of the standard ones."""

    values: dict[str, Any]
    created: datetime
    state: str = ""
    assignee: int | None = None
    queue: int | None = None
    due: datetime | None = None
    closed: datetime | None = None
    channel: str = ""
    number: str = ""
    external_key: str | None = None
    note: str = ""
    id: int = 0
    title: str = ""
    standard: dict[str, Any] = dataclass_field(default_factory=dict)
    #: What core's domains remember of it until it is written.
    memo: dict[str, Any] = dataclass_field(default_factory=dict)
    #: Fields that hold something, with what they hold; known once everything is decided.
    filled: list[tuple[str, Any]] = dataclass_field(default_factory=list)

    def refresh_standard(self) -> dict[str, Any]:
        """The standard fields as conditions and titles see them."""
        self.standard = {
            "id": self.id or None,
            "number": self.number or None,
            "title": self.title or None,
            "created": self.created,
            "updated": self.created,
            "archived": None,
            "channel": self.channel or None,
            "state": self.state or None,
            "assignee": self.assignee,
            "queue": self.queue,
            "due": self.due,
            "closed": self.closed,
        }
        return self.standard


def insert(town: Town, actor: Actor, plan: WritePlan, pending: Sequence[Pending], context: Context) -> None:
    """Write new records with their children, history and index entries; they get their ids, numbers and titles."""
    _number(town, plan, pending)
    record_type = plan.record_type
    named = indexing.linked_titles(plan, [record.values for record in pending], context)
    for id, record in zip(ids.take(town.database, plan.table, len(pending)), pending, strict=True):
        record.id = id
        record.filled = [pair for pair in record.values.items() if pair[1] is not None]
        record.standard["id"], record.standard["number"] = id, record.number or None
        record.title = titles.render(plan, record.values, record.standard, context, named)
    _insert_records(town, actor, plan, pending)
    _insert_children(town, plan, pending)
    now = to_microseconds(town.clock.now())
    _log_opening(town, actor, plan, pending)
    events = [history.Event(record.id, 1, "create", _opening_changes(plan, record), record.note) for record in pending]
    history.write(town, actor, record_type.identity, now, events)
    _index(town, plan, pending, named, context)


def update(
    town: Town, actor: Actor, plan: WritePlan, id: int, columns: Mapping[str, Any], *, version: int, now: int
) -> None:
    """Change columns of one record's row, and set its new ``version``."""
    assigned = {
        **columns,
        "version": version,
        "updated": now,
        "updated_by": actor.name,
        "updated_by_id": actor.id,
    }
    mark, columns = town.database.param, plan.tables.columns
    changed = ", ".join(f'"{columns[name].column_name}" = {mark}' for name in assigned)
    cells = [columns[name].db_value(value) for name, value in assigned.items()]
    # Names come from schemas, which allow no quotes in them.
    town.database.execute_sql(f'UPDATE "{plan.table}" SET {changed} WHERE "id" = {mark}', (*cells, id))  # noqa: S608


def replace_children(town: Town, plan: WritePlan, id: int, values: Mapping[str, Any], names: Collection[str]) -> None:
    """Write the rows, links and files of the fields ``names`` anew."""
    for field in (*plan.rows, *plan.links):
        if field.name in names:
            child = _child_table(plan, field)
            town.database.execute_sql(
                f'DELETE FROM "{child}" WHERE parent_id = {town.database.param}',  # noqa: S608  # a schema's name
                (id,),
            )
    _insert_rows(town, plan, [(id, values)], names)
    _insert_links(town, plan, [(id, values)], names)
    _claim_files(town, plan, id, values, names)


def log_transition(
    town: Town, actor: Actor, identity: str, id: int, name: str, source: str, target: str, at: int
) -> None:
    """Write down that a case moved."""
    row = (identity, id, name, source, target, at, actor.kind, actor.id, actor.name)
    town.database.insert_rows("case_transition", _TRANSITION_COLUMNS, [row])


def _number(town: Town, plan: WritePlan, pending: Sequence[Pending]) -> None:
    if not plan.record_type.number:
        return
    without = [record for record in pending if not record.number]
    given = [record.number for record in pending if record.number]
    if given:
        numbers.pass_over(town, plan.record_type, given)
    yearly = numbers.pattern(plan.record_type.number).yearly
    years = [record.created.astimezone(town.zone).year if yearly else 0 for record in without]
    for record, number in zip(without, numbers.take(town, plan.record_type, years), strict=True):
        record.number = number


def _insert_records(town: Town, actor: Actor, plan: WritePlan, pending: Sequence[Pending]) -> None:
    """Write the records' own rows: the standard columns, and those of the fields that any of them fills."""
    sealed = encrypting.encrypted(town, plan.record_type)
    used = {name for record in pending for name, _ in record.filled} - sealed
    names, columns = list(plan.leading), _standard_columns(actor, plan, pending)
    for name, field in plan.inside.items():
        if name in used:
            names += [column.name for column in field.columns()]
            columns += field.cells([record.values.get(name) for record in pending])
    town.database.insert_rows(plan.table, names, list(zip(*columns, strict=True)))
    encrypting.write(town, plan.record_type, [(record.id, record.values) for record in pending] if sealed else ())


def _standard_columns(actor: Actor, plan: WritePlan, pending: Sequence[Pending]) -> list[Sequence[Any]]:
    """New rows' standard values, a list for each column of :attr:`WritePlan.leading`."""
    many = len(pending)
    numbers, titles = [record.number or None for record in pending], [record.title for record in pending]
    keys = [number and normalise(number) for number in numbers]
    created = [to_microseconds(record.created) for record in pending]
    name, id = [actor.name] * many, [actor.id] * many
    columns: list[Sequence[Any]] = [[record.id for record in pending], [1] * many, numbers, keys, titles]
    columns += ([normalise(title) for title in titles], created, created, name, id, name, id)
    columns.append([record.external_key for record in pending])
    if plan.record_type.is_case:
        columns += ([getattr(record, name) for record in pending] for name in ("state", "assignee", "queue"))
        for moments in ([record.due for record in pending], [record.closed for record in pending]):
            columns.append([None if moment is None else to_microseconds(moment) for moment in moments])
    if "channel" in plan.standard:
        columns.append([record.channel or None for record in pending])
    return columns


def _insert_children(town: Town, plan: WritePlan, pending: Sequence[Pending]) -> None:
    parents = [(record.id, record.values) for record in pending]
    if plan.rows:
        _insert_rows(town, plan, parents)
    if plan.links:
        _insert_links(town, plan, parents)
    if plan.files:
        for id, values in parents:
            _claim_files(town, plan, id, values)


def _insert_rows(
    town: Town, plan: WritePlan, parents: Sequence[tuple[int, Mapping[str, Any]]], names: Collection[str] | None = None
) -> None:
    for field in plan.rows:
        if names is not None and field.name not in names:
            continue
        places: list[tuple[int, int]] = []
        lines: list[Mapping[str, Any]] = []
        for id, values in parents:
            for position, line in enumerate(values.get(field.name) or ()):
                places.append((id, position))
                lines.append(line)
        if not lines:
            continue
        columns = ["parent_id", "position"]
        cells: list[Sequence[Any]] = list(zip(*places, strict=True))
        for name, inner in field.row_fields.items():
            given = [line.get(name) for line in lines]
            if any(value is not None for value in given):
                columns += [column.name for column in inner.columns()]
                cells += inner.cells(given)
        town.database.insert_rows(_child_table(plan, field), columns, list(zip(*cells, strict=True)))


def _insert_links(
    town: Town, plan: WritePlan, parents: Sequence[tuple[int, Mapping[str, Any]]], names: Collection[str] | None = None
) -> None:
    for field in plan.links:
        if names is not None and field.name not in names:
            continue
        rows = [
            (id, position, target)
            for id, values in parents
            for position, target in enumerate(values.get(field.name) or ())
        ]
        if rows:
            town.database.insert_rows(_child_table(plan, field), ("parent_id", "position", "target_id"), rows)


def _claim_files(
    town: Town, plan: WritePlan, id: int, values: Mapping[str, Any], names: Collection[str] | None = None
) -> None:
    for field in plan.files:
        value = values.get(field.name)
        if names is None and not value:
            continue
        if names is not None and field.name not in names:
            continue
        files = value if isinstance(value, tuple) else (value,) if value else ()
        try:
            town.files.claim(plan.record_type.identity, id, field.name, files)
        except Invalid as error:
            raise ValidationFailed({field.name: error.message}) from error


def _child_table(plan: WritePlan, field: Field) -> str:
    tables = plan.tables.rows if field.row_fields else plan.tables.links
    return str(tables[field.name].model._meta.table_name)


def _opening_changes(plan: WritePlan, record: Pending) -> dict[str, tuple[str, str]]:
    fields, nothing = plan.record_type.fields, history.NOTHING
    changes = {name: (nothing, fields[name].json_text(value)) for name, value in record.filled}
    if plan.record_type.is_case:
        changes["state"] = (nothing, encode_json(record.state))
        for name, value in (("assignee", record.assignee), ("queue", record.queue)):
            if value is not None:
                changes[name] = (nothing, encode_json(value))
    return changes


def _log_opening(town: Town, actor: Actor, plan: WritePlan, pending: Iterable[Pending]) -> None:
    """Write down the state in which each case starts; one that comes closed has been through its first state."""
    workflow = plan.record_type.workflow
    if workflow is None:
        return
    identity = plan.record_type.identity
    who = (actor.kind, actor.id, actor.name)
    rows = []
    for record in pending:
        opened = to_microseconds(record.created)
        if record.closed is not None and record.state != workflow.initial:
            rows.append((identity, record.id, "", "", workflow.initial, opened, *who))
            closed = to_microseconds(record.closed)
            rows.append((identity, record.id, "", workflow.initial, record.state, closed, *who))
        else:
            rows.append((identity, record.id, "", "", record.state, opened, *who))
    town.database.insert_rows("case_transition", _TRANSITION_COLUMNS, rows)


def _index(
    town: Town, plan: WritePlan, pending: Sequence[Pending], named: Mapping[tuple[str, int], str], context: Context
) -> None:
    found_by = search_entries.search_plan(town, plan.record_type)
    entries = [
        found_by.entry(
            record.id,
            record.values,
            number=record.number,
            title=record.title,
            state=record.state,
            updated=to_microseconds(record.created),
            archived=False,
            titles=named,
            context=context,
        )
        for record in pending
    ]
    search_entries.write_entries(town, entries, replace=False)
