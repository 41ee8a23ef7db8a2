"""Tables that grow with their schemas.

When a town starts, what its schemas ask for is compared with what the database has, and what is missing is added:
tables, columns, indexes. Nothing is ever dropped, renamed or changed in type by itself: what a schema no longer
mentions stays where it is, and the rest is the work of a plugin's migrations (:mod:`townhall.lifecycle.upgrading`).

One process does this at a time; the others wait and then find nothing to do. Everything that was added stands in the
ledger (:mod:`townhall.db.ledger`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any
from typing import Literal

from peewee import Field
from peewee import IntegrityError
from peewee import Model

from townhall.db import catalogue
from townhall.db import history_guards
from townhall.db import history_indexes
from townhall.db import ledger
from townhall.db import meta
from townhall.db.engines import PATIENCE
from townhall.db.engines import TownDatabase
from townhall.db.search import create_search_tables
from townhall.db.system import SystemTables
from townhall.db.transactions import immediate
from townhall.errors import PluginError
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.tables import Index
from townhall_forms.tables import TableSpec
from townhall_forms.tables import describe

#: Any fixed number: names the lock that the migrating process holds on PostgreSQL.
_ADVISORY_LOCK = 740_431_189
#: Seconds that a process waits at most for one that changes tables.
_LONGEST_MIGRATION = 24 * 3600
#: Under which key the fingerprints of all plugins' tables are kept.
_FINGERPRINTS = "table_fingerprints"


def prepare_ledger(database: TownDatabase, system: SystemTables) -> list[str]:
    """Create the ledger and the small facts beside it, or add what a newer Townhall needs in them.

    Everything else that changes tables asks these first. Returns what was done.
    """
    return _prepare_models(database, system, ("schema_version", "meta"))


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to be added to the database for a plugin: a table, a column or an index; ``sentence`` tells of it."""

    plugin: str
    kind: Literal["table", "column", "index"]
    name: str
    sentence: str
    statements: tuple[str, ...] = ()
    index: Index | None = None


def prepare_system(database: TownDatabase, system: SystemTables) -> list[str]:
    """Create the town's own tables, or add what a newer Townhall needs in them. Returns what was done."""
    with alone(database):
        done = _prepare_models(database, system, system.names)
        before = {sentence for sentence, _ in ledger.additions(system, "townhall")}
        added = history_indexes.prepare(database) + history_guards.guard(database, before)
        ledger.write_additions(system, [("townhall", sentence) for sentence in added])
    return done + added


def _prepare_models(database: TownDatabase, system: SystemTables, names: Iterable[str]) -> list[str]:
    with alone(database):
        columns, indexes = catalogue.columns(database), catalogue.indexes(database)
        done: list[tuple[str, str]] = []
        for name in names:
            if name in columns:
                extended = _extend_table(database, system, name, columns[name], indexes.get(name, set()))
                done += [("townhall", sentence) for sentence in extended]
            else:
                _schema_of(getattr(system, name)).create_all(safe=True)
                done.append(("townhall", f'Created the table "{name}".'))
        create_search_tables(database, {*columns, *indexes.get("search_entry", ())})
        ledger.write_additions(system, done)
    return [sentence for _, sentence in done]


def prepare_records(database: TownDatabase, system: SystemTables, schemas: Schemas) -> list[str]:
    """Create or extend the tables of all types. Returns what was done, in sentences.

    Raises :class:`~townhall.errors.PluginError` when a change can't be made by adding; then nothing is changed.
    """
    with alone(database):
        return [
            sentence
            for plugin in dict.fromkeys(record_type.plugin for record_type in schemas.values())
            for sentence in prepare_plugin(database, system, plugin, schemas)
        ]


def prepare_plugin(
    database: TownDatabase, system: SystemTables, plugin: str, schemas: Schemas, version: str = ""
) -> list[str]:
    """Create or extend the tables of one plugin's types. Returns what was done, in sentences.

    Raises :class:`~townhall.errors.PluginError` when a change can't be made by adding; then nothing is changed.
    """
    specs, mark = specs_of(plugin, schemas), fingerprint(plugin, schemas)
    if applied_fingerprints(system).get(plugin) == mark:
        return []
    reason = conflicts(database, system, schemas).get(plugin)
    if reason:
        raise PluginError(f"The tables of the plugin {plugin} can't be brought up to date: {reason}")
    with alone(database):
        existing = set(database.get_tables())
        done = [
            (plugin, sentence) for spec in specs.values() for sentence in _apply(database, spec, spec.name in existing)
        ]
        ledger.write_additions(system, done, version)
        meta.put(system, _FINGERPRINTS, json.dumps(applied_fingerprints(system) | {plugin: mark}))
    return [sentence for _, sentence in done]


def planned(database: TownDatabase, schemas: Schemas) -> list[Step]:
    """What :func:`prepare_records` would do for these types. Changes nothing."""
    existing = set(database.get_tables())
    return [step for spec in describe(schemas).values() for step in _steps(database, spec, spec.name in existing)]


def conflicts(database: TownDatabase, system: SystemTables, schemas: Schemas) -> dict[str, str]:
    """Plugins whose tables can't be had by adding to what is there, each with the reason."""
    known = applied_fingerprints(system)
    waiting = [
        (plugin, specs_of(plugin, schemas))
        for plugin in dict.fromkeys(record_type.plugin for record_type in schemas.values())
        if known.get(plugin) != fingerprint(plugin, schemas)
    ]
    if not waiting:
        return {}
    reserved = {*system.names} | {"search_entry", "search_words"}
    existing = set(database.get_tables())
    found: dict[str, str] = {}
    for plugin, specs in waiting:
        for spec in specs.values():
            if spec.name in reserved:
                reason = f'the table "{spec.name}" belongs to Townhall itself; give the type another name.'
            else:
                reason = _kind_conflict(database, spec) if spec.name in existing else ""
            if reason:
                found.setdefault(plugin, reason)
    return found


def specs_of(plugin: str, schemas: Schemas) -> dict[str, TableSpec]:
    """The tables that the types of one plugin need."""
    return describe(Schemas({identity: each for identity, each in schemas.items() if each.plugin == plugin}))


def fingerprint(plugin: str, schemas: Schemas) -> str:
    """What tells the tables of a plugin's types apart from others."""
    return _fingerprint(tuple(each for each in schemas.values() if each.plugin == plugin))


@lru_cache(maxsize=64)
def _fingerprint(types: tuple[RecordType, ...]) -> str:
    """What tells the tables of these types, which never change, apart from others."""
    specs = describe(Schemas({each.identity: each for each in types})).values()
    return sha256(repr(sorted(specs, key=lambda spec: spec.name)).encode()).hexdigest()


def applied_fingerprints(system: SystemTables) -> dict[str, str]:
    """The fingerprint of the tables that each plugin has in the database, by plugin."""
    kept: dict[str, str] = json.loads(meta.get(system, _FINGERPRINTS, "{}"))
    return kept


def forget_fingerprint(system: SystemTables, plugin: str) -> None:
    """Have the tables of a plugin compared anew: a migration has changed them."""
    kept = applied_fingerprints(system)
    if kept.pop(plugin, None) is not None:
        meta.put(system, _FINGERPRINTS, json.dumps(kept))


def misfits(database: TownDatabase, schemas: Schemas) -> dict[str, frozenset[str]]:
    """Columns, by the identity of their type, of which the database holds another kind than the schemas want."""
    existing = set(database.get_tables())
    found: dict[str, frozenset[str]] = {}
    for spec in describe(schemas).values():
        if spec.name in existing:
            kinds = {column.name: _kind(str(column.data_type)) for column in database.get_columns(spec.name)}
            unfit = frozenset(each.name for each in spec.columns if kinds.get(each.name, each.kind) != each.kind)
            found[spec.identity] = found.get(spec.identity, frozenset()) | unfit
    return {identity: names for identity, names in found.items() if names}


def columns_of(database: TownDatabase, table: str) -> frozenset[str]:
    """Names of the columns that a table has; none if it is not there."""
    return (
        frozenset(column.name for column in database.get_columns(table))
        if table in database.get_tables()
        else frozenset()
    )


def table_name(model: type[Model]) -> str:
    """The name of a model's table."""
    return str(_meta(model).table_name)


def _meta(model: type[Model]) -> Any:
    return model._meta


def _schema_of(model: type[Model]) -> Any:
    return model._schema  # type: ignore[attr-defined]  # and to make its table


@contextmanager
def alone(database: TownDatabase) -> Iterator[None]:
    """A transaction in which no other process changes tables; whoever comes second waits, however long it takes."""
    patient = database.engine == "sqlite" and database.transaction_depth() == 0
    if patient:
        database.execute_sql(f"PRAGMA busy_timeout = {_LONGEST_MIGRATION * 1_000}")
    try:
        with immediate(database):
            if patient:
                # Taken: from here on it is others who wait.
                patient = False
                database.execute_sql(f"PRAGMA busy_timeout = {PATIENCE * 1_000}")
            if database.engine == "postgresql":
                database.execute_sql("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (_ADVISORY_LOCK,))
            yield
    finally:
        if patient:
            database.execute_sql(f"PRAGMA busy_timeout = {PATIENCE * 1_000}")


def _apply(database: TownDatabase, spec: TableSpec, exists: bool) -> Iterator[str]:
    """Make a table of records, or add the columns and indexes that it lacks."""
    for step in _steps(database, spec, exists):
        if step.index is not None:
            _add_index(database, spec, step.index)
        for statement in step.statements:
            database.execute_sql(statement)
        yield step.sentence


def _steps(database: TownDatabase, spec: TableSpec, exists: bool) -> Iterator[Step]:
    """What a table of records lacks."""
    plugin = spec.identity.partition(".")[0]
    if not exists:
        statements = tuple(spec.create(database.engine))
        yield Step(plugin, "table", spec.name, f'Created the table "{spec.name}".', statements)
        return
    there = {column.name for column in database.get_columns(spec.name)}
    for column in spec.columns:
        if column.name not in there:
            sentence = f'Added the column "{column.name}" to "{spec.name}".'
            statement = spec.add_column(column, database.engine)
            yield Step(plugin, "column", f"{spec.name}.{column.name}", sentence, (statement,))
    indexes = {index.name for index in database.get_indexes(spec.name)}
    for index in spec.indexes:
        if index.name not in indexes:
            sentence = f'Added the index "{index.name}" to "{spec.name}".'
            yield Step(plugin, "index", index.name, sentence, index=index)


def _add_index(database: TownDatabase, spec: TableSpec, index: Index) -> None:
    try:
        with database.atomic():
            database.execute_sql(index.create(spec.name))
    except IntegrityError as error:
        columns = " and ".join(index.columns)
        raise PluginError(
            f"{spec.identity} now wants {columns} to be unique, but there are records that share a value. "
            "Change or archive one of each, then start again."
        ) from error


def _kind_conflict(database: TownDatabase, spec: TableSpec) -> str:
    """Why a table that is there can't be extended: a column of it holds another kind of value."""
    kinds = {column.name: _kind(str(column.data_type)) for column in database.get_columns(spec.name)}
    for column in spec.columns:
        there = kinds.get(column.name)
        if there and there != column.kind:
            return (
                f'"{spec.name}.{column.name}" holds {there} values but the schema now wants {column.kind} ones; '
                "give the field a new name, or write a migration."
            )
    return ""


def _kind(data_type: str) -> str:
    name = data_type.upper()
    return "integer" if "INT" in name else "boolean" if "BOOL" in name else "text"


def _extend_table(
    database: TownDatabase, system: SystemTables, name: str, columns: Set[str], indexes: Set[str]
) -> Iterator[str]:
    """Add the columns and indexes that one of the town's own tables lacks, given those that it has."""
    # PostgreSQL keeps 63 characters of a name, peewee's longest ones have 64.
    known, needs = {each[:63] for each in indexes}, system.needs(name)
    if needs.columns <= columns and {each[:63] for each in needs.indexes} <= known:
        return
    model = getattr(system, name)
    for field in _meta(model).sorted_fields:
        if field.column_name not in columns:
            database.execute_sql(f'ALTER TABLE "{name}" ADD COLUMN {_definition(database, field)}')
            yield f'Added the column "{field.column_name}" to "{name}".'
    for index in _meta(model).fields_to_index():
        if index._name[:63] not in known:
            database.execute(_schema_of(model)._create_index(index, safe=True))
            yield f'Added the index "{index._name}" to "{name}".'


def _definition(database: TownDatabase, field: Field) -> str:
    """The column's definition for ALTER TABLE. Rows that are there get the field's default."""
    sql, _ = database.get_sql_context().sql(field.ddl(database.get_sql_context())).query()
    if field.null:
        return str(sql)
    default = field.default() if callable(field.default) else field.default
    if default is None:
        return str(sql).replace(" NOT NULL", "")
    return f"{sql} DEFAULT {_literal(database, default)}"


def _literal(database: TownDatabase, value: Any) -> str:
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE") if database.engine == "postgresql" else str(int(value))
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
