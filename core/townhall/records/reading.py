"""Reading records: one by one, in pages, counted, grouped, and looked up for a link.

Every function here asks :mod:`townhall.records.predicate` which rows the actor may know of, and
:mod:`townhall.records.assembling` for what of them comes back.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.permissions import Verb
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.records import assembling
from townhall.records import naming
from townhall.records import pages
from townhall.records import predicate
from townhall.records import searching
from townhall.records.figures import measures
from townhall.records.figures.scenes import Scene
from townhall.records.figures.slices import Slice
from townhall.records.paging import Cursor
from townhall.records.paging import Order
from townhall.records.paging import decode
from townhall.records.plans import TypePlan
from townhall.records.plans import plan as plan_of
from townhall.records.predicate import Where
from townhall.records.types import ID
from townhall.records.types import STANDARD_COLUMNS
from townhall.records.types import Count
from townhall.records.types import Page
from townhall.records.types import Record
from townhall.records.types import Row
from townhall_forms.conditions import Condition
from townhall_forms.context import Option
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

#: Most records that one page may have.
LARGEST_PAGE = 1000
#: Columns that always have a value, so that nothing has to be sorted to the end.
_FILLED = frozenset({"id", "title_key", "created", "updated"})
#: No text goes beyond one that ends with it.
_HIGHEST = "\U0010ffff"


def get(
    town: Town,
    actor: Actor,
    identity: str,
    id: int,
    *,
    fields: Collection[str] | None = None,
    reveal: Collection[str] = (),
    named: bool = True,
) -> Record:
    """One record; ``reveal`` names confidential fields whose values are wanted as well.

    Without ``named`` it comes without the titles of what it links to, for whoever only wants its values.

    Raises :class:`~townhall.errors.NotFound` if there is none that the actor may know of.
    """
    plan = plan_of(town, identity)
    if policy.is_staff(actor):
        policy.require(actor, "view", plan.record_type)
    all_of_it = predicate.sees_all(town, actor, plan.record_type)
    visible = all_of_it or id in predicate.may_see(town, actor, plan.record_type, [id])
    found = assembling.records(town, actor, plan, [id], fields, reveal, named=named) if visible else {}
    if reveal and found:
        predicate.require_within(town, actor, "see_confidential", plan.record_type, id)
    if id not in found:
        raise NotFound(f"This {plan.record_type.label.lower()} can't be found. The link may be old or mistyped.")
    return found[id]


def by_number(town: Town, actor: Actor, identity: str, number: str) -> Record:
    """The record with this number, however it was typed. Raises :class:`~townhall.errors.NotFound`."""
    plan = plan_of(town, identity)
    model = plan.model
    typed = number.strip()
    row = model.select(model.id).where(model.number.in_([typed, typed.upper()])).limit(1).tuples().first()
    if row is not None:
        try:
            return get(town, actor, identity, row[0])
        except NotFound:
            pass
    raise NotFound(f"There is no {plan.record_type.label.lower()} with the number “{typed}”.")


def many(
    town: Town, actor: Actor, identity: str, ids: Sequence[int], *, fields: Collection[str] | None = None
) -> list[Record]:
    """The records among ``ids`` that the actor may know of, in the order of ``ids``."""
    plan = plan_of(town, identity)
    if policy.is_staff(actor):
        policy.require(actor, "view", plan.record_type)
    visible: Collection[int] = ids
    if not predicate.sees_all(town, actor, plan.record_type):
        visible = predicate.may_see(town, actor, plan.record_type, ids)
    found = assembling.records(town, actor, plan, [id for id in ids if id in visible], fields)
    return [found[id] for id in ids if id in found]


def find(
    town: Town,
    actor: Actor,
    identity: str,
    where: Where = None,
    *,
    search: str = "",
    sort: str = "",
    limit: int = 50,
    after: str = "",
    before: str = "",
    fields: Collection[str] | None = None,
    archived: bool | None = False,
    figure: Slice | None = None,
    verb: Verb = "view",
) -> Page:
    """A page of records, sorted by ``sort`` (a field's name, ``-`` before it for downwards; the type's own without).

    ``fields`` are those that are wanted, all without; ``phones.number`` is one column of the rows of a field. ``after``
    and ``before`` are those of a neighbouring page; ``figure`` keeps to the records of a figure, and ``verb`` to those
    to which the actor may do that; what is read to ``export`` has nothing confidential in it. Raises
    :class:`~townhall.errors.Rejected` with a sentence for a filter or order that can't be used.
    """
    plan = plan_of(town, identity)
    test = _test(town, actor, plan, where, search, archived, figure, verb)
    order = ordering(town, actor, plan, sort or own_sort(town, actor, plan.record_type))
    size = max(1, min(limit, LARGEST_PAGE))
    backwards = bool(before) and not after
    place = after or before
    cursor = decode(place, order.sort) if place else None
    view = assembling.view_of(town, actor, plan, fields, leaves=verb == "export")
    reader = plan.reader(view.needed)
    found, whole = pages.page(town, plan, test, order, cursor, size + 1, backwards=backwards, reader=reader)
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    rows = found if whole else reader.fetch(town.database, [row[ID] for row in found])
    records = assembling.assembled(town, plan, view, rows)
    first = _cursor(order, found[0]) if found and (more if backwards else cursor is not None) else ""
    last = _cursor(order, found[-1]) if found and (more or backwards) else ""
    return Page(records, after=last, before=first)


def count(
    town: Town,
    actor: Actor,
    identity: str,
    where: Where = None,
    *,
    search: str = "",
    archived: bool | None = False,
    figure: Slice | None = None,
    cap: int = 10_000,
    verb: Verb = "view",
) -> Count:
    """How many records there are, to which the actor may do ``verb``; counting stops at ``cap``."""
    plan = plan_of(town, identity)
    number = pages.count(town, plan, _test(town, actor, plan, where, search, archived, figure, verb), cap + 1)
    return Count(min(number, cap), capped=number > cap)


def aggregate(
    town: Town,
    actor: Actor,
    identity: str,
    *,
    group_by: Sequence[str],
    where: Where = None,
    sums: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """One dictionary per group: its values by field, ``count``, and the totals of the fields in ``sums``.

    Amounts of money are only added up within one currency, which then makes groups of its own.
    """
    plan = plan_of(town, identity)
    conditions = _conditions(town, actor, plan.record_type, where, "", False)
    predicate.check_paths(town, actor, plan.record_type, (*group_by, *sums), "group")
    grouped = [_inside(plan.record_type, name, "group") for name in group_by]
    totalled = [_inside(plan.record_type, name, "add up") for name in sums]
    columns = [column.name for field in grouped for column in field.columns()]
    currencies = [f"{field.name}_currency" for field in totalled if field.type_name == "money"]
    keys = list(dict.fromkeys([*columns, *currencies]))
    selected = [plan.column(name) for name in keys]
    totals = [peewee.fn.SUM(plan.column(field.name)) for field in totalled]
    query = plan.model.select(*selected, *totals, peewee.fn.COUNT(peewee.SQL("*")))
    if conditions:
        query = query.where(predicate.both(conditions))
    if selected:
        query = query.group_by(*selected).order_by(*selected)
    groups = []
    for row in query.tuples():
        cells = dict(zip(keys, row, strict=False))
        group: dict[str, Any] = {field.name: field.from_columns(cells) for field in grouped}
        for field, total in zip(totalled, row[len(keys) :], strict=False):
            group[field.name] = None if total is None else field.from_columns({**cells, field.name: int(total)})
        groups.append({**group, "count": row[-1]})
    return groups


def sliced(town: Town, actor: Actor, plan: TypePlan, figure: Slice) -> peewee.ColumnBase:
    """The records of a figure, as a test. Raises :class:`~townhall.errors.Rejected` if the actor can't have it."""
    test = measures.test_of(Scene.of(town, actor, plan.record_type.identity), figure)
    return peewee.SQL(f"({test.text})", test.parameters)


def lookup(town: Town, actor: Actor, identity: str, text: str, *, where: Where = None, limit: int = 10) -> list[Option]:
    """Records that a link may point at, best match first: titles that begin with ``text``, then the newest."""
    condition = predicate.asked(town, actor, plan_of(town, identity).record_type, where)
    return options(town, actor, identity, text, where=condition, limit=limit)


def options(town: Town, actor: Actor, identity: str, text: str, *, where: Condition | None, limit: int) -> list[Option]:
    """Like :func:`lookup`, for a condition that a schema wrote and that is therefore not the actor's question."""
    plan = plan_of(town, identity)
    size = max(1, min(limit, LARGEST_PAGE))
    rows = _options(town, actor, plan, text, where, size)
    if policy.sees_internal(actor, plan.record_type) and naming.told(town, actor, plan.record_type).whole:
        silent = searching.notes_tell_too_much(town, actor, plan.record_type)
        notes = {} if silent else searching.notes(town, identity, [row[0] for row in rows])
        return [Option(id, title, notes.get(id) or number or "") for id, title, number in rows]
    shown = assembling.records(town, actor, plan, [row[0] for row in rows], ())
    return [Option(id, shown[id].title, number or "") for id, _, number in rows if id in shown]


def _options(
    town: Town, actor: Actor, plan: TypePlan, text: str, where: Condition | None, size: int
) -> list[tuple[int, str, str | None]]:
    """Id, title and number: titles that begin with the text in their order, then the newest of the others. For whom
    the stored title says too much, its order would tell that as well: they get the newest.
    """
    conditions = _conditions(town, actor, plan.record_type, None, text, False)
    if where is not None:
        conditions.append(predicate.compiled(town, actor, plan.record_type, where))
    model = plan.model
    key = normalise(text)
    whole = naming.told(town, actor, plan.record_type).whole
    if not key or not whole:
        return _first(town, plan, conditions, size, by_title=whole)
    query = model.select(model.id, model.title, model.number).limit(size)
    query = query.where(predicate.both([*conditions, model.title_key >= ""]))
    by_title = query.order_by(model.title_key, model.id)
    begins = (model.title_key >= key) & (model.title_key < key + _HIGHEST)
    rows = list(by_title.where(begins).tuples())
    if len(rows) < size:
        others = query.where(~begins).order_by(model.id.desc()).limit(size - len(rows))
        rows += list(others.tuples())
    return rows


def _first(
    town: Town, plan: TypePlan, conditions: Sequence[peewee.ColumnBase], size: int, *, by_title: bool
) -> list[tuple[int, str, str | None]]:
    """Id, title and number of the first by title, or of the newest: a page of a list, of which no more is read than is
    shown.
    """
    test = pages.test_of(plan, conditions) if conditions else pages.plain(plan, None)
    column, id = plan.sql_name("title_key"), plan.sql_name("id")
    order = Order("-id", "", id, plan.mark, descending=True)
    if by_title:
        order = Order("title", column, id, plan.mark, descending=False, nullable=False, lowest="")
    reader = plan.reader(frozenset())
    found, whole = pages.page(town, plan, test, order, None, size, backwards=False, reader=reader)
    rows = found if whole else reader.fetch(town.database, [row[ID] for row in found])
    number, title = STANDARD_COLUMNS.index("number"), STANDARD_COLUMNS.index("title")
    return [(row[ID], row[title], row[number]) for row in rows]


def ordering(town: Town, actor: Actor, plan: TypePlan, sort: str) -> Order:
    """The order that ``sort`` asks for. Raises :class:`~townhall.errors.Rejected` if the actor can't have it."""
    name = sort.removeprefix("-")
    predicate.check_paths(town, actor, plan.record_type, [name], "sort")
    column = _inside(plan.record_type, name, "sort").sort_column
    if not column:
        label = plan.record_type.all_fields[name].label
        raise Rejected(f"{plan.record_type.label_plural} can't be sorted by “{label}”.", field=name)
    if name == "number":
        column = name  # numbers of a type are written alike, and what keeps them unique has them in order
    descending = sort.startswith("-")
    id, mark = plan.sql_name("id"), town.database.param
    if column == "id":
        return Order(sort, "", id, mark, descending)
    nullable, adapt = column not in _FILLED, plan.column(column).db_value
    return Order(sort, plan.sql_name(column), id, mark, descending, nullable, plan.lowest(column), adapt)


def own_sort(town: Town, actor: Actor, record_type: RecordType) -> str:
    """The type's own order, or newest first where the actor may not know what that goes by."""
    sort = record_type.list.sort
    return sort if sort and predicate.may_ask(town, actor, record_type, sort.removeprefix("-")) else "-id"


def _inside(record_type: RecordType, name: str, deed: str) -> Field:
    """A field that stands in the record's own row, for what can only be done with such."""
    field = record_type.field(name)
    if field is None or not field.columns():
        label = field.label if field is not None else name
        raise Rejected(f"{record_type.label_plural} can't be {_DONE[deed]} by “{label}”.", field=name)
    return field


_DONE = {"group": "grouped", "add up": "added up", "sort": "sorted"}


def _test(
    town: Town,
    actor: Actor,
    plan: TypePlan,
    where: Where,
    search: str,
    archived: bool | None,
    figure: Slice | None = None,
    verb: Verb = "view",
) -> pages.Test:
    merged = bool(archived) and plan.record_type.merge is not None
    if not (where or search.strip() or figure or merged):
        visible = predicate.scope(town, actor, plan.record_type)
        if visible is None and verb == "view":
            return pages.plain(plan, archived)
        conditions = [] if visible is None else [visible]
        conditions += [] if archived is None else [plan.model.archived.is_null(not archived)]
    else:
        conditions = _conditions(town, actor, plan.record_type, where, search, archived)
    if verb != "view" and (kept := predicate.scope(town, actor, plan.record_type, verb=verb)) is not None:
        conditions.append(kept)
    if figure is not None:
        conditions.append(sliced(town, actor, plan, figure))
    return pages.test_of(plan, conditions) if conditions else pages.plain(plan, None)


def _conditions(
    town: Town,
    actor: Actor,
    record_type: RecordType,
    where: Where,
    search: str,
    archived: bool | None,
) -> list[peewee.ColumnBase]:
    conditions = predicate.rows(town, actor, record_type, where, archived=archived)
    if search.strip():
        conditions.append(searching.among(town, actor, record_type, search))
    return conditions


def _cursor(order: Order, row: Row) -> str:
    return Cursor(order.sort, row[-1] if order.column else None, row[ID]).encode()
