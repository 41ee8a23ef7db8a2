"""From ids to records: values in batches, each field's privacy, and the titles that links need, all at once.

However many records are read, the number of statements depends only on their fields: one for the rows, one for each
field that is kept outside of them, one for all files, one for each type that links point at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.errors import Forbidden
from townhall.records import display
from townhall.records import encrypting
from townhall.records import naming
from townhall.records import predicate
from townhall.records.answering import visible_answers
from townhall.records.naming import Told
from townhall.records.plans import Reader
from townhall.records.plans import TypePlan
from townhall.records.plans import batches
from townhall.records.plans import plan as plan_of
from townhall.records.plans import quote
from townhall.records.types import ID
from townhall.records.types import STATE
from townhall.records.types import TITLE
from townhall.records.types import Record
from townhall.records.types import Row
from townhall_forms.context import Context
from townhall_forms.context import StoredFile
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

Values = dict[str, Any]
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class View:
    """What one question by one actor gets of a type: fields that are shown, and others that are needed for it.

    ``own`` ones are shown on records whose sender may still change them; ``titled`` ones make a title for who is not
    ``told`` the whole stored one; of ``masked`` ones only whether they hold something is told. ``columns`` are those
    that are asked for of rows fields, where not all are. What ``leaves`` the house holds nothing confidential, whoever
    takes it. ``named`` says that titles of what is linked to are wanted.
    """

    record_type: RecordType
    actor: Actor
    access: policy.FieldAccess
    asked: frozenset[str]
    shown: frozenset[str]
    own: frozenset[str]
    titled: frozenset[str]
    masked: frozenset[str]
    told: Told
    columns: Mapping[str, frozenset[str]]
    leaves: bool
    named: bool

    @property
    def needed(self) -> frozenset[str]:
        """All fields that have to be read."""
        return self.shown | self.own | self.titled | self.masked

    def kept_back(self, row: Sequence[Any]) -> frozenset[str]:
        """Fields that were read of a row and are not handed out."""
        back = (self.titled | self.masked) - self.shown
        if not self.own:
            return back
        back -= self.own
        if not policy.granted(self.actor, self.record_type, row[ID]):
            return back | self.own
        state = (row[STATE] or "") if self.record_type.is_case else ""
        return back | (self.own - policy.editable_by_sender(self.record_type, state))


def records(
    town: Town,
    actor: Actor,
    plan: TypePlan,
    ids: Sequence[int],
    fields: Collection[str] | None = None,
    reveal: Collection[str] = (),
    known: display.Titles | None = None,
    *,
    named: bool = True,
) -> dict[int, Record]:
    """The records with these ids as the actor may see them, by id. Whether they may be seen at all was asked before.

    ``known`` are titles that the actor has read already, of records at which these may point. Without ``named`` they
    come without the titles of what they link to.
    """
    if not ids:
        return {}
    view = view_of(town, actor, plan, fields, reveal, named=named)
    rows = plan.reader(view.needed).fetch(town.database, ids)
    return {record.id: record for record in assembled(town, plan, view, rows, known)}


def assembled(
    town: Town, plan: TypePlan, view: View, rows: Sequence[Row], known: display.Titles | None = None
) -> list[Record]:
    """The records whose rows were read already, in their order."""
    if not rows:
        return []
    actor, reader = view.actor, plan.reader(view.needed)
    make = reader.maker.make
    values = {row[ID]: make(row) for row in rows}
    _add_outside(town, view, plan, reader, values)
    encrypting.fill_in(town, view.record_type, values, view.needed, view.masked)
    parts: dict[int, frozenset[str]] = {}
    if actor.kind != "system" or view.leaves:
        for field in plan.answers:
            if field.name in view.needed:
                _join(parts, visible_answers(town, actor, plan, field, values))
        for name, paths in plan.secret_columns.items():
            if name in view.needed:
                _join(parts, {id: paths for id, mine in values.items() if mine.get(name)})
    if parts and view.masked | view.access.hidden:
        parts = {
            id: frozenset(path for path in paths if path.partition(".")[0] in view.shown) for id, paths in parts.items()
        }
    pointing = [field for field in reader.pointing if field.name not in view.masked]
    wanted = pointing and (view.named or not view.told.whole)
    names = _titles(town, actor, pointing, values, known or {}) if wanted else {}
    context, spoken = None, names
    if not view.told.whole:
        # In a title also those are named whom anybody may name.
        context, spoken = town.context(actor), _titles(town, ANONYMOUS, pointing, values, names)
    staff, hidden, plain = policy.is_staff(actor), view.access.hidden & view.asked, not (view.needed - view.shown)
    reveals = bool(parts) and policy.may(actor, "see_confidential", view.record_type)
    filled, record_type = view.masked, view.record_type
    found = []
    for row, mine in zip(rows, values.values(), strict=True):
        title = row[TITLE]
        if context is not None:
            title = _title(town, view, row, mine, spoken, context)
        if not plain:
            filled = frozenset(name for name in view.masked if mine[name] is not None)
            for name in view.kept_back(row):
                mine.pop(name, None)
        unseen, masked = hidden - mine.keys() if hidden else hidden, filled
        if parts and staff and (secret := parts.get(row[ID])):
            masked, unseen = (masked | secret, unseen) if reveals else (masked, unseen | secret)
        found.append(
            Record(record_type, row, mine, title=title, titles=names, masked=masked, hidden=unseen, staff=staff)
        )
    return found


def _title(town: Town, view: View, row: Row, values: Values, names: display.Titles, context: Context) -> str:
    """A title without what the actor is not told; of what every record has, it tells the public the number only."""
    record_type, staff = view.record_type, policy.is_staff(view.actor)
    bare = Record(record_type, row, values, title="", titles=names, masked=_NOTHING, hidden=_NOTHING, staff=staff)
    fields = record_type.all_fields if staff else record_type.fields
    return display.title(town, view.told, record_type, bare.get, fields, names, context)


def _join(parts: dict[int, frozenset[str]], more: Mapping[int, frozenset[str]]) -> None:
    for id, paths in more.items():
        parts[id] = parts.get(id, _NOTHING) | paths


def view_of(
    town: Town,
    actor: Actor,
    plan: TypePlan,
    fields: Collection[str] | None,
    reveal: Collection[str] = (),
    *,
    leaves: bool = False,
    named: bool = True,
) -> View:
    """What this question by this actor gets of the type."""
    record_type = plan.record_type
    access = policy.readable(actor, record_type)
    declared = record_type.fields
    asked = frozenset(declared if fields is None else (name for name in fields if name in declared))
    columns = _columns(record_type, fields or (), asked)
    asked |= frozenset(columns)
    shown = (asked & access.readable) | _revealed(record_type, actor, access, reveal)
    told = naming.told(town, actor, record_type)
    return View(
        record_type=record_type,
        actor=actor,
        access=access,
        asked=asked,
        shown=shown,
        own=(_own_fields(actor, record_type) & asked) - shown,
        titled=_NOTHING if told.whole else told.fields & declared.keys(),
        masked=(access.masked & asked) - shown,
        told=told,
        columns=columns,
        leaves=leaves,
        named=named,
    )


def _columns(record_type: RecordType, fields: Collection[str], whole: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Columns of rows fields that were asked for by a path such as ``phones.number``, by field."""
    found: dict[str, frozenset[str]] = {}
    for path in fields:
        name, dot, column = path.partition(".")
        if dot and name not in whole and name in record_type.fields and record_type.fields[name].row_fields:
            found[name] = found.get(name, frozenset()) | {column}
    return found


def _revealed(
    record_type: RecordType, actor: Actor, access: policy.FieldAccess, reveal: Collection[str]
) -> frozenset[str]:
    if reveal:
        policy.refuse_read_only(actor)
    for name in reveal:
        if name not in access.masked and name not in access.readable:
            field = record_type.field(name)
            raise Forbidden(f"You may not see “{field.label if field is not None else name}”.")
    return frozenset(name for name in reveal if name in record_type.fields)


def _own_fields(actor: Actor, record_type: RecordType) -> frozenset[str]:
    """Fields that a citizen may read back in some state of a record that they sent."""
    if policy.is_staff(actor) or not policy.granted_ids(actor, record_type):
        return frozenset()
    states = {"", *(state for form in record_type.forms.values() for state in form.edit_in)}
    return frozenset(name for state in states for name in policy.editable_by_sender(record_type, state))


# -- what is kept outside of the row ------------------------------------------------------------------------------


def _add_outside(town: Town, view: View, plan: TypePlan, reader: Reader, values: Mapping[int, Values]) -> None:
    ids = list(values)
    for field in reader.rows:
        allowed = policy.row_columns(view.actor, view.record_type, field)
        if field.name in view.own:
            allowed |= policy.owner_columns(view.record_type, field.name)
        if field.name in view.columns and field.name not in view.titled:
            allowed &= view.columns[field.name]
        if view.leaves:
            allowed -= {name for name, column in field.row_fields.items() if column.privacy == "confidential"}
        found, name = _rows(town, plan, field, ids, allowed), field.name
        for id, mine in values.items():
            mine[name] = tuple(found[id]) if id in found else None
    for field in reader.links:
        targets = _links(town, plan, field, ids)
        for id, mine in values.items():
            mine[field.name] = tuple(targets.get(id, ())) or None
    if reader.files:
        files = _files(town, plan, reader.files, ids)
        for field in reader.files:
            for id, mine in values.items():
                mine[field.name] = _file_value(field, files.get((id, field.name), ()))


def _rows(
    town: Town, plan: TypePlan, field: Field, ids: Sequence[int], allowed: frozenset[str]
) -> Mapping[int, Sequence[Mapping[str, Any]]]:
    """Rows of a child table by their record, with the columns that the actor may read."""
    select, maker = plan.child(field, allowed)
    make = maker.make
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for part in batches(ids):
        marks = ", ".join([town.database.param] * len(part))
        sql = f"{select} ({marks}) ORDER BY parent_id, position"
        for row in town.database.execute_sql(sql, part).fetchall():
            found[row[0]].append(make(row))
    return found


def _links(town: Town, plan: TypePlan, field: Field, ids: Sequence[int]) -> Mapping[int, Sequence[int]]:
    database = town.database
    table = quote(database, plan.tables.links[field.name].model._meta.table_name)
    found: dict[int, list[int]] = defaultdict(list)
    for part in batches(ids):
        sql = (
            f"SELECT parent_id, target_id FROM {table} WHERE parent_id IN"  # noqa: S608
            f" ({', '.join([database.param] * len(part))}) ORDER BY parent_id, position"
        )
        for parent, target in database.execute_sql(sql, part).fetchall():
            found[parent].append(target)
    return found


def _files(
    town: Town, plan: TypePlan, fields: Sequence[Field], ids: Sequence[int]
) -> Mapping[tuple[int, str], Sequence[StoredFile]]:
    mark = town.database.param
    names = [field.name for field in fields]
    found: dict[tuple[int, str], list[StoredFile]] = defaultdict(list)
    for part in batches(ids):
        sql = (
            "SELECT record_id, field, id, filename, media_type, size, checksum FROM attachment"  # noqa: S608
            f" WHERE identity = {mark} AND record_id IN ({', '.join([mark] * len(part))})"
            f" AND field IN ({', '.join([mark] * len(names))}) ORDER BY record_id, field, position"
        )
        rows = town.database.execute_sql(sql, (plan.record_type.identity, *part, *names)).fetchall()
        for record_id, name, id, filename, media_type, size, checksum in rows:
            found[record_id, name].append(stored_file(id, filename, media_type, size, checksum))
    return found


def stored_file(id: int, filename: str, media_type: str, size: int, checksum: str) -> StoredFile:
    """A file that belongs to a record. Its token says which one it is and opens nothing."""
    return StoredFile(id, f"kept-{id}", filename, media_type, size, checksum)


def _file_value(field: Field, files: Sequence[StoredFile]) -> Any:
    if field.type_name == "file":
        return files[0] if files else None
    return tuple(files) or None


def _titles(
    town: Town, actor: Actor, pointing: Sequence[Field], values: Mapping[int, Values], known: display.Titles
) -> display.Titles:
    wanted = {
        point
        for field in pointing
        for mine in values.values()
        if (value := mine.get(field.name)) is not None
        for point in field.references(value)
    }
    wanted -= known.keys()
    return {**known, **titles(town, actor, wanted)} if wanted else known


def titles(town: Town, actor: Actor, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Titles, as the actor reads them, of the records named by ``(identity, id)`` that the actor may know of."""
    by_type: dict[str, set[int]] = defaultdict(set)
    for identity, id in wanted:
        by_type[identity].add(id)
    found: dict[tuple[str, int], str] = {}
    for identity, ids in by_type.items():
        record_type = town.schemas.get(identity)
        if record_type is not None and naming.may_name(town, actor, record_type):
            found.update(_titles_of(town, actor, record_type, sorted(ids)))
    return found


def _titles_of(
    town: Town, actor: Actor, record_type: RecordType, ids: list[int]
) -> Iterable[tuple[tuple[str, int], str]]:
    plan, mark = plan_of(town, record_type.identity), town.database.param
    asked = policy.is_staff(actor) or record_type.public_if is not None
    visible = predicate.scope(town, actor, record_type) if asked else None
    whole = naming.told(town, actor, record_type).whole
    for part in batches(ids):
        if visible is None:
            id, title = plan.sql_name("id"), plan.sql_name("title")
            sql = f"SELECT {id}, {title} {plan.source} WHERE {id} IN ({', '.join([mark] * len(part))})"
            rows = town.database.execute_sql(sql, part).fetchall()
        else:
            model = plan.model
            rows = list(model.select(model.id, model.title).where(model.id.in_(part), visible).tuples())
        if not whole:
            anew = records(town, actor, plan, [found for found, _ in rows], ())
            rows = [(record.id, record.title) for record in anew.values()]
        for found, title in rows:
            yield (record_type.identity, found), title
