"""Where the paths of a condition stand in the tables, so that it can be asked in SQL."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.records.answering import field_called
from townhall.records.balancing import found_in
from townhall.records.plans import FILE_TYPES
from townhall.records.plans import TypePlan
from townhall.records.plans import plan as plan_of
from townhall_forms.codes import currency_digits
from townhall_forms.condition_sql import SqlOperand
from townhall_forms.fields.base import Field
from townhall_forms.kinds import kind_of
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

Exists = Callable[[peewee.ColumnBase], peewee.ColumnBase]
#: Rows of a linked type that may be looked at; ``None`` for all.
Restrict = Callable[[RecordType, Any], peewee.ColumnBase | None]

_ONE = peewee.SQL("1")
_CASTS = {"integer": "BIGINT", "boolean": "BOOLEAN"}


class Operands:
    """Finds the operand for a path, starting from rows of one type.

    ``model`` is the type's table or an alias of it; ``restrict`` keeps an actor's question from looking behind links
    at rows that they may not know of.
    """

    def __init__(
        self, town: Town, record_type: RecordType, model: Any = None, restrict: Restrict | None = None
    ) -> None:
        self._town = town
        self._record_type = record_type
        self._model = model
        self._restrict = restrict

    def __call__(self, path: str) -> SqlOperand:
        """The operand for ``path``, which exists: conditions are checked before they are compiled."""
        plan = plan_of(self._town, self._record_type.identity)
        model = self._model or plan.model
        resolved = self._town.schemas.resolve(self._record_type, path)
        if resolved is None:
            raise KeyError(path)
        first = resolved.first
        if resolved.answer:
            return self._answer(first, plan.column(first.name, model), resolved.answer)
        if resolved.second is None:
            return self._field(plan, model, first)
        if resolved.target is None:
            child = plan.tables.rows[first.name]
            rows = child.model.alias()
            return self._operand(resolved.second, rows, child.columns, _belonging(rows, model.id))
        return self._behind_link(resolved.target, plan.column(first.name, model), resolved.second)

    def _behind_link(self, target: RecordType, link: Any, field: Field) -> SqlOperand:
        plan = plan_of(self._town, target.identity)
        there = plan.model.alias()
        allowed = self._restrict(target, there) if self._restrict is not None else None
        reach = _linked(there, link, allowed)
        inner = self._field(plan, there, field)
        inside = inner.exists
        outer: Exists = reach if inside is None else lambda test: reach(inside(test))
        return _with_exists(inner, outer)

    def _field(self, plan: TypePlan, model: Any, field: Field) -> SqlOperand:
        """A field of the table ``model``, wherever it is kept."""
        if field.columns():
            return self._operand(field, model, plan.tables.columns, None)
        if field.type_name in FILE_TYPES:
            files = self._town.system.attachment.alias()
            mine = (files.identity == plan.record_type.identity) & (files.field == field.name)
            return SqlOperand("presence", files.id, exists=_exists(files, mine & (files.record_id == model.id)))
        if field.target:
            links = plan.tables.links[field.name].model.alias()
            return SqlOperand("links", links.target_id, exists=_belonging(links, model.id))
        rows = plan.tables.rows[field.name].model.alias()
        return SqlOperand("presence", rows.id, exists=_exists(rows, rows.parent_id == model.id))

    def _answer(self, field: Field, column: Any, code: str) -> SqlOperand:
        """One answer inside the JSON of all of them, where it stands as a column of its type would hold it."""
        question = field_called(self._town, self._record_type, field, code)
        if question is None:
            return SqlOperand("presence", peewee.SQL("NULL"))
        kind = kind_of(question)
        part = "keys" if question.key_column else "values"
        held = self._json(column, part, code)
        if self._town.database.engine == "postgresql" and part == "values":
            held = held.cast(_CASTS.get(question.columns()[0].kind, "TEXT"))
        # The same code may be asked in another way elsewhere, and what is kept of that is of another sort.
        same = self._json(column, "types", code) == question.type_name
        return SqlOperand(kind, peewee.Case(None, [(same, held)]), scale=self._scale(question))

    def _json(self, column: Any, part: str, code: str) -> Any:
        if self._town.database.engine == "postgresql":
            return peewee.fn.json_extract_path_text(column.cast("JSON"), part, code)
        return peewee.fn.json_extract(column, f'$.{part}."{code}"')

    def _operand(self, field: Field, model: Any, columns: Mapping[str, Any], exists: Exists | None) -> SqlOperand:
        """A field that stands in columns of ``model``. Attributes may be called otherwise than their columns."""
        kind = kind_of(field)

        def column(name: str) -> Any:
            return getattr(model, columns[name].name)

        if kind == "reference":
            type_column = column(f"{field.name}_type")
            return SqlOperand(kind, column(f"{field.name}_id"), exists=exists, type_column=type_column)
        first = field.key_column if kind == "text" and field.key_column else field.columns()[0].name
        return SqlOperand(kind, column(first), scale=self._scale(field), exists=exists)

    def _scale(self, field: Field) -> int:
        """How many digits of the stored integer stand behind the point."""
        if field.type_name == "money":
            return currency_digits(field.currency or self._town.settings.currency)
        return getattr(field, "scale", 0)


def _exists(table: Any, joined: peewee.ColumnBase) -> Exists:
    return lambda test: peewee.fn.EXISTS(table.select(_ONE).where(joined & test))


def _belonging(table: Any, id: Any) -> Exists:
    """That a record is the parent of a row of ``table`` that fulfils the test.

    The rows are found apart from the records, as in :func:`_linked`: of an e-mail address there are a few, and a town
    has a hundred thousand contacts.
    """
    return lambda test: found_in(id, table.select(table.parent_id).where(test))


def _linked(table: Any, link: Any, allowed: peewee.ColumnBase | None) -> Exists:
    """That a link leads to a row of ``table`` that fulfils the test.

    The rows are found apart from those that link to them, so that the engine may start from either. An empty link
    makes it false and not unknown, so that its contrary is true.
    """

    def reach(test: peewee.ColumnBase) -> peewee.ColumnBase:
        found = table.select(table.id).where(test if allowed is None else test & allowed)
        there: peewee.ColumnBase = link.is_null(False) & found_in(link, found)
        return there

    return reach


def _with_exists(operand: SqlOperand, exists: Exists) -> SqlOperand:
    return SqlOperand(operand.kind, operand.column, operand.scale, exists, operand.type_column)
