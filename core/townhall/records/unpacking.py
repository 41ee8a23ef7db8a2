"""Writing the rows of a pack into tables that are empty: the one place that fills whole tables.

Records keep their ids, so that what points at them goes on doing so; what points at contacts, interactions and people
is changed to those of this town. Everything here runs in the transaction of whoever unpacks, and trusts nothing: a
value that a column can't hold raises :class:`Unfit`.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.records import history
from townhall.records import ids as ids_of
from townhall.records import importing
from townhall.records import indexing
from townhall.records.instants import from_microseconds
from townhall.records.packing import CONTACT
from townhall.records.packing import INTERACTION
from townhall.records.plans import plan as plan_of
from townhall.records.plans import possible
from townhall.records.pointers import Become
from townhall.records.pointers import Pointer
from townhall.records.pointers import renamed
from townhall.records.write_plans import write_plan
from townhall_forms.fields.base import LARGEST_INTEGER
from townhall_forms.fields.base import encode_json
from townhall_forms.schema import RecordType
from townhall_forms.tables import TableSpec
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

#: New ids by identity and old id; a person's identity is empty; ``None`` where there is nobody and nothing.
New = dict[tuple[str, int], int | None]
_BATCH = 500
_KINDS: Mapping[str, type] = {"integer": int, "text": str, "boolean": bool}


class Unfit(Exception):
    """A pack holds something that can't be taken over; the message is the end of a sentence."""


def is_empty(town: Town, table: str) -> bool:
    """Whether no row stands in a table, or it is not there."""
    if table not in town.database.get_tables():
        return True
    return town.database.execute_sql(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone() is None  # noqa: S608


def batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Rows in parts that one statement can take."""
    left = iter(rows)
    while part := list(islice(left, _BATCH)):
        yield part


class Filler:
    """Writes rows that point at records and people of another town.

    ``own`` are the identities of the records that come with their ids, ``new`` says what became of all others. Where
    interactions are pointed at, which come last, that is done by :meth:`finish`.
    """

    def __init__(self, town: Town, own: Collection[str], new: New) -> None:
        self._town = town
        self._own = own
        self.new = new
        self._later: list[tuple[str, Pointer, int, int]] = []

    def fill(
        self, spec: TableSpec, columns: Sequence[str], rows: Iterable[Sequence[Any]], places: Sequence[Pointer]
    ) -> int:
        """Write the rows of one table; how many."""
        kinds = {"id": int, **{column.name: _KINDS[column.kind] for column in spec.columns}}
        unknown = [column for column in columns if column not in kinds]
        if unknown or "id" not in columns:
            raise Unfit(f"“{spec.name}” has no column “{(*unknown, 'id')[0]}” here.")
        wanted = [kinds[column] for column in columns]
        needed = {column for column in ("id", "parent_id", "target_id") if column in columns}
        count = 0
        for part in batches(rows):
            taken = []
            for row in part:
                _check(spec.name, columns, wanted, row)
                values = dict(zip(columns, row, strict=True))
                for place in places:
                    self._point_anew(spec.name, place, values)
                if values.get("target_id", 1) is None:
                    continue
                if any((values[column] or 0) < 1 for column in needed):
                    raise Unfit(f"a row of “{spec.name}” has no id.")
                taken.append(list(values.values()))
            self._town.database.insert_rows(spec.name, columns, taken)
            count += len(taken)
        _go_on_after(self._town, spec.name)
        return count

    def become(self, identity: str, id: int) -> int | None:
        """What a record or a person of the other town is here."""
        return id if identity in self._own else self.new.get((identity, id))

    def _point_anew(self, table: str, place: Pointer, values: dict[str, Any]) -> None:
        target = place.points_at(values)
        if target is None or target[0] in self._own:
            return
        if target[0] == INTERACTION and place.column != "target_id":
            self._later.append((table, place, values["id"], target[1]))
        values[place.column] = self.new.get(target)
        if values[place.column] is None and place.type_column:
            values[place.type_column] = None

    def finish(self) -> None:
        """Point at the interactions that are there by now."""
        mark = self._town.database.param
        for table, place, id, old in self._later:
            found = self.new.get((INTERACTION, old))
            if found is None:
                continue
            self._town.database.execute_sql(
                f'UPDATE "{table}" SET "{place.column}" = {mark} WHERE "id" = {mark}',  # noqa: S608  # a schema's names
                (found, id),
            )
            if place.type_column:
                self._town.database.execute_sql(
                    f'UPDATE "{table}" SET "{place.type_column}" = {mark} WHERE "id" = {mark}',  # noqa: S608
                    (INTERACTION, id),
                )


def insert(town: Town, table: str, columns: Mapping[str, type], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows into one of the town's own tables; how many."""
    count = 0
    for part in batches(rows):
        for row in part:
            check(table, columns, row)
        town.database.insert_rows(table, list(columns), part)
        count += len(part)
    return count


def check(table: str, columns: Mapping[str, type], row: Sequence[Any]) -> None:
    """Refuse a row with a value that is none of its column's. Raises :class:`Unfit`."""
    _check(table, list(columns), list(columns.values()), row)


def _check(table: str, columns: Sequence[str], wanted: Sequence[type], row: Sequence[Any]) -> None:
    """Refuse a value that is none of its column's."""
    for column, kind, value in zip(columns, wanted, row, strict=True):
        if value is None:
            continue
        if type(value) is not kind:
            raise Unfit(f"“{table}.{column}” holds a value of another kind.")
        if isinstance(value, int) and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise Unfit(f"“{table}.{column}” holds a number that is too large.")
        if isinstance(value, str) and "\0" in value:
            raise Unfit(f"“{table}.{column}” holds text that can't be kept.")


def _go_on_after(town: Town, table: str) -> None:
    """Let new rows take ids after those that were brought in. SQLite remembers by itself."""
    if town.database.engine == "postgresql":
        town.database.execute_sql(
            f"SELECT setval(pg_get_serial_sequence(%s, 'id'), max(id)) FROM \"{table}\" HAVING max(id) IS NOT NULL",  # noqa: S608
            (f'"{table}"',),
        )


def bring(town: Town, identity: str, told: Sequence[Mapping[str, Any]], become: Become, *, same_town: bool) -> New:
    """The contacts or interactions of a pack in this town: those that are here already, and new ones for the others.

    In the town that was packed they are the same if they have the same id. Elsewhere those with the same key of another
    system are the same, and contacts with the same name and e-mail address.
    """
    became: New = {}
    missing = []
    for each in told:
        known = _here(town, identity, each["id"]) if same_town else _known(town, identity, each)
        if known is None:
            missing.append(each)
        else:
            became[identity, each["id"]] = known
    rows = [_importable(town, identity, each, become) for each in missing]
    return became | _imported(town, identity, missing, rows)


def _here(town: Town, identity: str, id: int) -> int | None:
    rows = list(ids_of.rows_with(town.database, plan_of(town, identity).table, ("id",), "id", possible([id])))
    return id if rows else None


def _known(town: Town, identity: str, told: Mapping[str, Any]) -> int | None:
    """A record of this town that is the same: by the key of another system; a contact also by name and e-mail."""
    plan = plan_of(town, identity)
    if told["external_key"]:
        for row in ids_of.rows_with(town.database, plan.table, ("id",), "external_key", [told["external_key"]]):
            return int(row[0])
    addresses = _addresses(told["values"].get("emails"))
    if identity != CONTACT or not addresses:
        return None
    key = normalise(told["title"])
    for (id,) in list(ids_of.rows_with(town.database, plan.table, ("id",), "title_key", [key], "archived IS NULL")):
        if addresses & _addresses(town.records.get(system(), CONTACT, id, fields=("emails",))["emails"]):
            return int(id)
    return None


def _addresses(rows: Any) -> set[str]:
    return {str(row.get("address", "")).casefold() for row in rows or () if isinstance(row, Mapping)} - {""}


def _importable(town: Town, identity: str, told: Mapping[str, Any], become: Become) -> dict[str, Any]:
    """A record of a pack as an import takes it. Links to contacts that did not come along are left out."""
    fields = town.schemas[identity].fields
    values: dict[str, Any] = {}
    for name, value in told["values"].items():
        field = fields.get(name)
        if field is None or field.is_computed or field.read_only:
            continue
        if identity == CONTACT and field.row_fields and any(inner.target for inner in field.row_fields.values()):
            continue
        changed = renamed(field, value, become)
        if changed not in (None, [], ""):
            values[name] = changed
    values["created"] = from_microseconds(told["created"])
    if told["external_key"]:
        values["external_key"] = told["external_key"]
    return values


def _imported(town: Town, identity: str, told: Sequence[Mapping[str, Any]], rows: Sequence[dict[str, Any]]) -> New:
    new: New = {}
    for start in range(0, len(rows), _BATCH):
        outcomes = importing.import_rows(town, system("unpack"), identity, rows[start : start + _BATCH])
        for outcome in outcomes:
            each = told[start + outcome.index]
            if outcome.errors or outcome.id is None:
                reason = "; ".join(outcome.errors.values())
                raise Unfit(f"“{each['title']}” can't be taken over: {reason}")
            new[identity, each["id"]] = outcome.id
    return new


def write_history(town: Town, told: Iterable[tuple[Sequence[Any], Sequence[Any] | None]], become: Become) -> list[int]:
    """Append entries of a pack, each with its values; the ids of those whose values were erased before.

    Each is proved first: neither it nor its values were changed. One whose values name contacts or people by ids of the
    other town gets those of this one, and new digests. Entries that stand here already, since the records were purged
    from this town, are left as they are. That values were erased is to be told in the same transaction.
    """
    erased: list[int] = []
    for part in batches(told):
        rows: list[Sequence[Any]] = []
        kept: list[Sequence[Any]] = []
        there = _standing(town, [entry[1:3] for entry, _ in part])
        free = iter(ids_of.take(town.database, "history", len(part)))
        for entry, values in part:
            facts, digest = list(entry[1:-1]), entry[-1]
            if history.entry_digest(facts) != digest:
                raise Unfit("its history was changed after it was written.")
            if digest in there:
                continue
            id = next(free)
            if values is not None:
                salt, note, changes = values[1:]
                if history.values_digest(salt, note, changes) != facts[-1]:
                    raise Unfit("its history was changed after it was written.")
                changes = _changes_anew(town.schemas[facts[0]], changes, become)
                facts[-1] = history.values_digest(salt, note, changes)
                kept.append((id, salt, note, changes))
            else:
                erased.append(id)
            rows.append((id, *facts, history.entry_digest(facts)))
        town.database.insert_rows("history", history.ENTRY_COLUMNS, rows)
        town.database.insert_rows("history_values", history.VALUE_COLUMNS, kept)
    return erased


def _standing(town: Town, records: Sequence[Sequence[Any]]) -> set[str]:
    """Digests of the entries about these records that this town has."""
    table = town.system.history
    identities, ids = {identity for identity, _ in records}, {id for _, id in records}
    query = table.select(table.digest).where(table.identity.in_(list(identities)), table.record_id.in_(list(ids)))
    return {digest for (digest,) in query.tuples()}


def _changes_anew(record_type: RecordType, text: str, become: Become) -> str:
    changes = json.loads(text)
    moved = {}
    for name, pair in changes.items():
        field = record_type.all_fields.get(name)
        moved[name] = pair if field is None else [renamed(field, value, become) for value in pair]
    return text if moved == changes else encode_json(moved)


def index(town: Town, identity: str) -> None:
    """Let the records of a type be found."""
    plan = write_plan(town, identity)
    table = plan.tables.model
    last = 0
    while ids := [
        row[0]
        for row in table.select(plan.column("id"))
        .where(plan.column("id") > last)
        .order_by(plan.column("id"))
        .limit(_BATCH)
        .tuples()
    ]:
        indexing.refresh(town, plan, ids)
        last = ids[-1]


def find_same(town: Town, told: Mapping[str, Any]) -> int | None:
    """A record of a type that doesn't come along which is the same here: by its number, or by its id and title."""
    identity = told["identity"]
    if identity not in town.schemas:
        return None
    plan = plan_of(town, identity)
    if told["number"]:
        rows = list(ids_of.rows_with(town.database, plan.table, ("id",), "number", [told["number"]]))
        return int(rows[0][0]) if rows else None
    rows = list(ids_of.rows_with(town.database, plan.table, ("id", "title"), "id", [told["id"]]))
    return int(rows[0][0]) if rows and rows[0][1] == told["title"] else None
