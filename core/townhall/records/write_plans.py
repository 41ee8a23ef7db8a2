"""What writing needs to know of each type, worked out once."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.errors import NotFound
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.fields.links import Staff
from townhall_forms.schema import RecordType
from townhall_forms.schema import Resolved
from townhall_forms.schema import Unique

if TYPE_CHECKING:
    from townhall.town import Town

#: Standard fields that a door may give a value for, beside the declared ones, when a record is changed.
SETTABLE = ("assignee", "queue", "due", "channel")
#: Standard fields that a row of an import may bring values for.
IMPORTED = frozenset({"state", "assignee", "queue", "due", "created", "closed", "number", "channel"})
_FILES = frozenset({"file", "files"})
#: Defaults that depend on the moment and the actor.
MOVING_DEFAULTS = frozenset({"now", "today", "actor"})


@dataclass(frozen=True, slots=True)
class TitlePart:
    """One placeholder of a title: where it stands among them, the field it names, and the one behind it over a link."""

    place: int
    first: Field
    second: Field | None
    declared: bool


class WritePlan:
    """Everything about writing one type that doesn't depend on who writes."""

    def __init__(self, town: Town, record_type: RecordType) -> None:
        self.record_type = record_type
        self.tables = town.tables.of(record_type.identity)
        self.table = str(self.tables.model._meta.table_name)
        fields = record_type.fields
        self.inside = {name: field for name, field in fields.items() if field.columns()}
        self.rows = tuple(field for field in fields.values() if field.row_fields)
        self.links = tuple(field for field in fields.values() if field.many_targets)
        self.files = tuple(field for field in fields.values() if field.type_name in _FILES)
        self.pointing = tuple(name for name, field in fields.items() if _points(field))
        self.answers = frozenset(name for name, field in fields.items() if field.type_name == "answers")
        self.revised = tuple((name, field) for name, field in fields.items() if field.type_name == "questions")
        self.computed = frozenset(name for name, field in fields.items() if field.compute is not None)
        self.standard_names = frozenset(record_type.system_fields)
        self.never_imported = self.standard_names - IMPORTED
        self.standard = tuple(name for name in SETTABLE if name in record_type.system_fields)
        #: Fields, declared and standard, that name people who work here.
        self.naming = frozenset(name for name, field in record_type.all_fields.items() if _names_people(field))
        self.uniques = tuple(self._uniques())
        #: The standard columns that a new row begins with.
        self.leading = tuple(self._leading())
        held = (column.name for field in self.inside.values() for column in field.columns())
        #: Every column of the record's own row.
        self.columns = frozenset((*self.leading, "archived", "channel", *held))
        self.title_parts = tuple(self._title_parts(town))
        #: Fields whose default is the present moment, day or actor.
        self.moving_defaults = tuple(
            (name, field)
            for name, field in fields.items()
            if _moves(field) and field.type_name in ("date", "datetime", "staff")
        )
        concerned = [domain for domain in town.domains if domain.concerns(record_type)]
        #: Core's domains that decide about a write of this type, and those that are told of it, or of a new record.
        self.deciding = tuple(domain.before_save for domain in concerned if domain.before_save is not None)
        self.told = tuple(domain.written for domain in concerned if domain.written is not None)
        self.told_of_new = tuple(domain.written for domain in concerned if domain.written is not None and domain.greets)
        self._blank: dict[str, Any] | None = None

    def column(self, name: str) -> Any:
        """A column of the record's own table."""
        return self.tables.columns[name]

    def comparable_columns(self, fields: Sequence[str]) -> tuple[str, ...]:
        """The columns that tell values of these fields apart: normalised text where there is some."""
        found: list[str] = []
        for name in fields:
            field = self.record_type.fields[name]
            found += [field.key_column] if field.key_column else [column.name for column in field.columns()]
        return tuple(found)

    def blank(self, context: Context) -> Mapping[str, Any]:
        """The values of a new record that nobody gave values for, apart from those that depend on the moment."""
        if self._blank is None:
            blank: dict[str, Any] = dict.fromkeys(self.record_type.fields)
            for name, field in self.record_type.fields.items():
                if field.default is not None and name not in self.answers and not _moves(field):
                    blank[name] = field.parse(field.default, context)
            self._blank = blank
        return self._blank

    def _uniques(self) -> Iterator[Unique]:
        for name, field in self.record_type.fields.items():
            if field.unique:
                label = self.record_type.label.lower()
                yield Unique((name,), f"Another {label} has this {field.label.lower()} already.")
        yield from self.record_type.unique

    def _leading(self) -> Iterator[str]:
        """Standard columns, in the order in which inserting gives their values."""
        yield from ("id", "version", "number", "number_key", "title", "title_key", "created", "updated")
        yield from ("created_by", "created_by_id", "updated_by", "updated_by_id", "external_key")
        if self.record_type.is_case:
            yield from ("state", "assignee", "queue", "due", "closed")
        if "channel" in self.standard:
            yield "channel"

    def _title_parts(self, town: Town) -> Iterator[TitlePart]:
        for place, path in enumerate(self.record_type.title.paths):
            found: Resolved | None = town.schemas.resolve(self.record_type, path)
            if found is not None:
                yield TitlePart(place, found.first, found.second, found.first.name in self.record_type.fields)


def _moves(field: Field) -> bool:
    return isinstance(field.default, str) and field.default in MOVING_DEFAULTS


def _names_people(field: Field) -> bool:
    return isinstance(field, Staff) or any(isinstance(column, Staff) for column in field.row_fields.values())


def _points(field: Field) -> bool:
    """Whether values of the field may point at other records."""
    return bool(field.target) or field.type_name == "reference" or any(map(_points, field.row_fields.values()))


_plans: weakref.WeakKeyDictionary[Town, dict[str, WritePlan]] = weakref.WeakKeyDictionary()


def write_plan(town: Town, identity: str) -> WritePlan:
    """The plan of a type, made at its first use. Raises :class:`~townhall.errors.NotFound` for an unknown type."""
    record_type = town.schemas.get(identity)
    if record_type is None:
        raise NotFound(f"There is no type of record called “{identity}”. Is its plugin switched on?")
    plans = _plans.setdefault(town, {})
    plan = plans.get(identity)
    if plan is None or plan.record_type is not record_type:
        plan = plans[identity] = WritePlan(town, record_type)
    return plan
