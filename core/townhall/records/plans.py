"""What reading needs to know of each type, worked out once: how to fetch its columns and turn them into values.

Lists are read fifty rows at a time, all day long. So the SQL of a set of fields and the way from columns to values are
prepared once per type and set of fields, and rows never become model objects.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.permissions import Verb
from townhall.db.engines import TownDatabase
from townhall.errors import NotFound
from townhall.records.types import CASE_COLUMNS
from townhall.records.types import STANDARD_COLUMNS
from townhall_forms.fields.base import LARGEST_INTEGER
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import OneColumn
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.tables import open_index

if TYPE_CHECKING:
    from townhall.town import Town

FILE_TYPES = frozenset({"file", "files"})
#: Most values that one statement is given, so that no engine's limit is met.
BATCH = 500

Build = Callable[[Any], Any]


def possible(ids: Iterable[int]) -> list[int]:
    """Those of ``ids`` that a record could have at all: people type numbers that no column can hold."""
    return [id for id in ids if 0 < id <= LARGEST_INTEGER]


def batches(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """``ids`` in parts that one statement can take."""
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


@dataclass(frozen=True)
class Maker:
    """How a row of columns becomes values: ``plain`` ones stand as they are, one beside the other from ``start``.

    ``loads`` makes what it should be of some of them, and ``others`` are made of several columns.
    """

    columns: tuple[str, ...]
    start: int
    plain: tuple[str, ...]
    loads: tuple[tuple[str, Build], ...]
    others: tuple[tuple[str, Build], ...]

    @classmethod
    def of(cls, fields: Sequence[Field], first: Sequence[str]) -> Maker:
        """The maker of these fields' values, from rows that begin with the columns ``first``."""
        plain = [
            field
            for field in fields
            if isinstance(field, OneColumn) and type(field).from_columns is OneColumn.from_columns
        ]
        others = [field for field in fields if field not in plain]
        return cls(
            columns=(
                *first,
                *(field.name for field in plain),
                *(column.name for field in others for column in field.columns()),
            ),
            start=len(first),
            plain=tuple(field.name for field in plain),
            loads=tuple((field.name, field.load) for field in plain if type(field).load is not OneColumn.load),
            others=tuple((field.name, field.from_columns) for field in others),
        )

    def make(self, row: Sequence[Any]) -> dict[str, Any]:
        """The values of one row."""
        # Lists make hundreds, and to say strict=False costs more than the rest of this line.
        values: dict[str, Any] = dict(zip(self.plain, row[self.start :]))  # noqa: B905
        for name, load in self.loads:
            stored = values[name]
            if stored is not None:
                values[name] = load(stored)
        if self.others:
            beyond = self.start + len(self.plain)
            cells = dict(zip(self.columns[beyond:], row[beyond:]))  # noqa: B905
            for name, build in self.others:
                values[name] = build(cells)
        return values


@dataclass(frozen=True)
class Reader:
    """How a set of fields of one type is read: its columns, the statement up to its list of ids, and who makes values
    of a row. What stands behind the columns of a row is nobody's business here.
    """

    columns: str
    select: str
    maker: Maker
    rows: tuple[Field, ...]
    links: tuple[Field, ...]
    files: tuple[Field, ...]
    pointing: tuple[Field, ...]

    def fetch(self, database: TownDatabase, ids: Sequence[int]) -> list[Sequence[Any]]:
        """Rows of the records with these ids, in their order. Those that don't exist are missing.

        A row begins with ``STANDARD_COLUMNS``, and that of a case goes on with ``CASE_COLUMNS``.
        """
        found: dict[int, Sequence[Any]] = {}
        for part in batches(possible(ids)):
            sql = f"{self.select} ({', '.join([database.param] * len(part))})"
            for row in database.execute_sql(sql, part).fetchall():
                found[row[0]] = row
        return [found[id] for id in dict.fromkeys(ids) if id in found]


class TypePlan:
    """Everything about reading one type that doesn't depend on who asks."""

    def __init__(self, town: Town, record_type: RecordType) -> None:
        self.record_type = record_type
        self._schemas = town.schemas
        self._database: TownDatabase = town.database
        self.tables = town.tables.of(record_type.identity)
        #: A class made per town; nothing is known of it when types are checked.
        self.model: Any = self.tables.model
        self.answers = tuple(field for field in record_type.fields.values() if field.type_name == "answers")
        self._readers: dict[frozenset[str], Reader] = {}
        self._children: dict[tuple[str, frozenset[str]], tuple[str, Maker]] = {}

    def column(self, name: str, model: Any = None) -> Any:
        """A column of the record's own table, or of an alias of it."""
        column = self.tables.columns[name]
        return column if model is None else getattr(model, column.name)

    @property
    def table(self) -> str:
        """Name of the record's own table."""
        return str(self.model._meta.table_name)

    def lowest(self, column: str) -> object:
        """What no value of a column lies below; ``None`` where that can't be said."""
        kind = self.tables.columns[column].field_type
        return "" if kind == "TEXT" else -(2**63) + 1 if kind == "BIGINT" else None

    def sql_name(self, column: str) -> str:
        """A column of the record's own table in a statement on :attr:`source`."""
        return f"{quote(self._database, 't1')}.{quote(self._database, column)}"

    @property
    def mark(self) -> str:
        """What stands for a parameter in a statement."""
        return str(self._database.param)

    @cached_property
    def source(self) -> str:
        """The record's own table in a statement, called as queries of the model call it."""
        return f"FROM {quote(self._database, self.table)} AS {quote(self._database, 't1')}"

    def along(self, column: str, *, is_open: bool = False) -> str:
        """The source, told to SQLite to walk along the index of a column if there is one.

        ``is_open`` says that only open cases are looked for: these have one of their own by when they are due, which
        doesn't lead through all that was ever closed.
        """
        index = self._indexes.get(column)
        if is_open and column == self.sql_name("due"):
            index = self._open_index or index
        return f'{self.source} INDEXED BY "{index}"' if index else self.source

    @cached_property
    def open_source(self) -> str:
        """The source, told to SQLite to look at open cases alone, by the index that has no others.

        Left to itself it takes all that ever stood in a queue, or that somebody ever had, and leaves out what is
        closed.
        """
        return f'{self.source} INDEXED BY "{self._open_index}"' if self._open_index else self.source

    @cached_property
    def _there(self) -> Mapping[str, Sequence[str]]:
        """The columns of each index that the table has. SQLite is asked something about each of them."""
        return {index.name: index.columns for index in self._database.get_indexes(self.table)}

    @cached_property
    def _open_index(self) -> str:
        """Name of the index of open cases; empty if it isn't there."""
        name = open_index(self.record_type).name
        return name if name in self._there else ""

    @cached_property
    def _indexes(self) -> Mapping[str, str]:
        """Indexes on (column, id), by column as statements name it, that are there."""
        return {
            self.sql_name(columns[0]): name
            for name, columns in self._there.items()
            if len(columns) == 2 and columns[1] == "id"
        }

    def reader(self, fields: frozenset[str]) -> Reader:
        """The reader of these declared fields."""
        reader = self._readers.get(fields)
        if reader is None:
            reader = self._readers[fields] = self._compile(fields)
        return reader

    def _compile(self, names: frozenset[str]) -> Reader:
        fields = [field for name, field in self.record_type.fields.items() if name in names]
        inside = [field for field in fields if field.columns()]
        maker = Maker.of(inside, [*STANDARD_COLUMNS, *(CASE_COLUMNS if self.record_type.is_case else ())])
        quoted = ", ".join(quote(self._database, name) for name in maker.columns)
        table = quote(self._database, self.table)
        outside = [field for field in fields if not field.columns()]
        return Reader(
            columns=quoted,
            select=f"SELECT {quoted} FROM {table} WHERE {quote(self._database, 'id')} IN",  # noqa: S608
            maker=maker,
            rows=tuple(field for field in outside if field.row_fields),
            links=tuple(field for field in outside if field.target),
            files=tuple(field for field in outside if field.type_name in FILE_TYPES),
            pointing=tuple(field for field in fields if points(field)),
        )

    def child(self, field: Field, allowed: frozenset[str]) -> tuple[str, Maker]:
        """How the allowed columns of a rows field are read: the statement up to its list of parents, and the maker.

        A row begins with its parent's id.
        """
        known = self._children.get((field.name, allowed))
        if known is None:
            inner = [column for name, column in field.row_fields.items() if name in allowed]
            maker = Maker.of(inner, ["parent_id"])
            names = ", ".join(quote(self._database, name) for name in maker.columns)
            table = quote(self._database, self.tables.rows[field.name].model._meta.table_name)
            sql = f"SELECT {names} FROM {table} WHERE parent_id IN"  # noqa: S608
            known = self._children[field.name, allowed] = (sql, maker)
        return known

    @cached_property
    def secret_columns(self) -> Mapping[str, frozenset[str]]:
        """The confidential columns of rows fields, by path, for each field that has any."""
        found = {}
        for name, field in self.record_type.fields.items():
            secret = [each for each, column in field.row_fields.items() if column.privacy == "confidential"]
            if secret:
                found[name] = frozenset(f"{name}.{each}" for each in secret)
        return found

    @cached_property
    def public_title(self) -> bool:
        """Whether the stored title is made of public fields only."""
        return _title_is_public(self._schemas, self.record_type, frozenset())


def points(field: Field) -> bool:
    """Whether values of the field may point at other records."""
    if field.target or field.type_name == "reference":
        return True
    return any(points(column) for column in field.row_fields.values())


def quote(database: TownDatabase, name: str) -> str:
    """A name as the engine wants it in SQL."""
    mark = database.quote
    return f"{mark[0]}{name}{mark[-1]}"


def title_path_is_public(
    schemas: Schemas, record_type: RecordType, path: str, seen: frozenset[str] = frozenset()
) -> bool:
    """Whether what ``path`` puts into a title may be read by anybody.

    A link brings the title of the record behind it, so that has to be public as well.
    """
    if path in ("number", "id"):
        return True
    resolved = schemas.resolve(record_type, path)
    if resolved is None or resolved.answer or resolved.first.privacy != "public":
        return path in ("created", "updated", "state")
    if resolved.second is not None and resolved.target is not None:
        return title_path_is_public(schemas, resolved.target, path.partition(".")[2], seen)
    if resolved.first.target:
        target = schemas.get(resolved.first.target)
        return target is not None and _title_is_public(schemas, target, seen)
    return resolved.first.type_name != "reference"


def _title_is_public(schemas: Schemas, record_type: RecordType, seen: frozenset[str]) -> bool:
    if record_type.identity in seen:
        return False
    seen = seen | {record_type.identity}
    return all(title_path_is_public(schemas, record_type, path, seen) for path in record_type.title.paths)


class Plans:
    """The plans of all types of one town, as its schemas stand."""

    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas
        self._plans: dict[str, TypePlan] = {}
        #: Room for other modules of records that prepare something, by whatever they choose.
        self.kept: dict[Any, Any] = {}

    def of(self, town: Town, identity: str) -> TypePlan:
        """The plan of a type."""
        plan = self._plans.get(identity)
        if plan is None:
            plan = self._plans[identity] = TypePlan(town, self.schemas[identity])
        return plan


_KNOWN: weakref.WeakKeyDictionary[Town, Plans] = weakref.WeakKeyDictionary()


def plans(town: Town) -> Plans:
    """The plans of ``town``; new ones when its schemas were exchanged."""
    known = _KNOWN.get(town)
    if known is None or known.schemas is not town.schemas:
        known = _KNOWN[town] = Plans(town.schemas)
    return known


def plan(town: Town, identity: str) -> TypePlan:
    """The plan of one type of ``town``. Raises :class:`~townhall.errors.NotFound` for a type that isn't there."""
    if identity not in town.schemas:
        raise NotFound(f"There is no type “{identity}” here. Its plugin may be switched off.")
    return plans(town).of(town, identity)


def types(town: Town, actor: Actor, verb: Verb = "view") -> tuple[RecordType, ...]:
    """Types to whose records the actor may do ``verb`` at all. For who goes by permissions, it is worked out once."""
    kept = plans(town).kept
    key = ("types", verb, actor.kind, actor.permissions)
    if policy.is_staff(actor) and key in kept:
        found: tuple[RecordType, ...] = kept[key]
        return found
    found = tuple(record_type for record_type in town.schemas.values() if policy.may(actor, verb, record_type))
    if policy.is_staff(actor):
        kept[key] = found
    return found
