"""The tables that schemas need."""

from __future__ import annotations

import sqlite3
from typing import Any

import peewee
import pytest

from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import Schemas
from townhall_forms.tables import RESERVED_COLUMNS
from townhall_forms.tables import build_tables
from townhall_forms.tables import describe
from townhall_forms.tables import fields_index
from townhall_forms.tables import short_name

CATEGORY = """
[type]
name = "category"
title = "{name}"
[fields.name]
type = "text"
required = true
unique = true
"""
TICKET = """
[type]
name = "ticket"
title = "{summary}"
number = "T-{seq:04}"
[fields.summary]
type = "text"
[fields.update]
type = "longtext"
[fields.category]
type = "link"
to = "category"
[fields.others]
type = "links"
to = "category"
[fields.cost]
type = "money"
[fields.photos]
type = "files"
[fields.lines]
type = "rows"
[fields.lines.fields.title]
type = "text"
[fields.lines.fields.who]
type = "link"
to = "category"
[fields.about]
type = "reference"
[fields.place]
type = "place"
[[unique]]
fields = ["category", "summary"]
message = "This is there already."
[[indexes]]
fields = ["state", "created", "about", "summary"]
[list]
columns = ["summary", "cost"]
sort = "-cost"
[workflow]
initial = "open"
[workflow.states.open]
label = "Open"
[workflow.states.done]
label = "Done"
final = true
[[workflow.transitions]]
name = "finish"
from = ["open"]
to = "done"
by = ["staff"]
"""


@pytest.fixture
def schemas() -> Schemas:
    """A plugin of two types."""
    return load_schemas([Source("desk", None, text, frozenset()) for text in (CATEGORY, TICKET)])


@pytest.fixture
def database(schemas: Schemas) -> Any:
    """An SQLite database with their tables."""
    found = peewee.SqliteDatabase(":memory:", pragmas={"foreign_keys": 1})
    for spec in describe(schemas).values():
        for statement in spec.create("sqlite"):
            found.execute_sql(statement)
    yield found
    found.close()


def test_tables_of_a_plugin(schemas: Schemas) -> None:
    """Each type has its table, and each field of rows or links one of its own; files have none."""
    assert set(describe(schemas)) == {"desk_category", "desk_ticket", "desk_ticket__others", "desk_ticket__lines"}


def test_columns_are_called_as_their_fields(schemas: Schemas) -> None:
    """Standard and declared fields find their columns in the same table by their own names."""
    kinds = {column.name: column.kind for column in describe(schemas)["desk_ticket"].columns}
    assert len(kinds) == len(describe(schemas)["desk_ticket"].columns)
    for field in schemas["desk.ticket"].all_fields.values():
        assert {column.name for column in field.columns()} <= {*kinds, "id"}
    assert kinds["created"] == kinds["version"] == kinds["cost"] == kinds["place_latitude"] == "integer"
    assert kinds["summary_key"] == kinds["title_key"] == kinds["state"] == kinds["cost_currency"] == "text"
    assert {"created_by", "updated_by", "external_key"} <= set(kinds)
    assert "state" not in {column.name for column in describe(schemas)["desk_category"].columns}
    assert {"id", "version", "parent_id"} <= RESERVED_COLUMNS


def test_indexes_follow_use(schemas: Schemas) -> None:
    """What a list sorts by, what links point at and what is unique has an index."""
    indexes = {index.columns: index for index in describe(schemas)["desk_ticket"].indexes}
    for columns in (("cost", "id"), ("summary_key", "id"), ("category", "id"), ("state", "id"), ("about_id", "id")):
        assert not indexes[columns].unique
    assert indexes[("number",)].unique
    assert indexes[("category", "summary_key")].unique
    assert indexes[("category", "summary_key")].where == '"archived" IS NULL'
    assert ("name_key",) in {index.columns for index in describe(schemas)["desk_category"].indexes if index.unique}
    wanted = fields_index(schemas["desk.ticket"], ("state", "created", "about", "summary"))
    assert indexes[("state", "created", "about_type", "about_id", "summary_key")] == wanted
    assert (wanted.unique, wanted.where) == (False, "")
    links = {index.columns for index in describe(schemas)["desk_ticket__others"].indexes}
    assert links == {("parent_id", "position"), ("target_id", "parent_id")}


def test_ids_are_never_given_twice(schemas: Schemas, database: Any) -> None:
    """The id of a removed row is not used again, so that an old link never shows another record."""
    model = build_tables(schemas, database).of("desk.category").model
    row = {"version": 1, "title": "a", "created": 0, "updated": 0}
    first = model.insert(row).execute()
    model.delete().execute()
    assert model.insert(row).execute() == first + 1


def test_unique_among_those_not_archived(schemas: Schemas, database: Any) -> None:
    """Two records may share a unique value only when one of them is archived; a missing value never clashes."""
    model = build_tables(schemas, database).of("desk.category").model
    row = {"version": 1, "title": "a", "created": 0, "updated": 0, "name": "Lights", "name_key": "lights"}
    model.insert({**row, "archived": 5}).execute()
    model.insert(row).execute()
    with pytest.raises(peewee.IntegrityError):
        model.insert({**row, "name": "LIGHTS"}).execute()
    for _ in range(2):
        model.insert({**row, "name": None, "name_key": None}).execute()


def test_children_need_their_record(schemas: Schemas, database: Any) -> None:
    """A row can't belong to a record that isn't there, and a record with rows can't vanish under them."""
    table = build_tables(schemas, database).of("desk.ticket")
    with pytest.raises(peewee.IntegrityError):
        table.rows["lines"].model.insert(parent_id=99, position=0).execute()
    id = table.model.insert(version=1, title="a", created=0, updated=0).execute()
    table.links["others"].model.insert(parent_id=id, position=0, target_id=1).execute()
    with pytest.raises(peewee.IntegrityError):
        table.model.delete().execute()


def test_values_survive_their_table(schemas: Schemas, database: Any) -> None:
    """What fields store in columns comes back from the database as it was."""
    from plain_context import PlainContext

    record_type, context = schemas["desk.ticket"], PlainContext()
    given = {"summary": "Dark light", "update": "x\ny", "cost": "5", "about": "desk.category:4", "place": "1, -2"}
    table = build_tables(schemas, database).of("desk.ticket")
    row: dict[str, Any] = {"version": 1, "title": "a", "created": 0, "updated": 0}
    values = {name: record_type.fields[name].parse(raw, context) for name, raw in given.items()}
    for name, value in values.items():
        row |= record_type.fields[name].to_columns(value)
    table.model.insert({table.columns[name]: held for name, held in row.items()}).execute()
    (found,) = table.model.select().dicts().execute()
    stored = {table.columns[name].column_name: found[table.columns[name].name] for name in table.columns}
    assert {name: record_type.fields[name].from_columns(stored) for name in given} == values


def test_fields_may_be_called_like_methods(schemas: Schemas, database: Any) -> None:
    """A field called ``update`` has its column and does not hide the model's own method."""
    table = build_tables(schemas, database).of("desk.ticket")
    assert table.columns["update"].column_name == "update"
    assert table.model.update({table.columns["update"]: "x"}).execute() == 0


def test_postgresql_sorts_text_as_sqlite(schemas: Schemas) -> None:
    """On PostgreSQL text has the collation that compares as SQLite does, and ids and numbers are 64 bits wide."""
    statement = describe(schemas)["desk_ticket"].create("postgresql")[0]
    assert '"id" BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY' in statement
    assert '"summary_key" TEXT COLLATE "C"' in statement
    assert '"cost" BIGINT' in statement


def test_columns_are_added(schemas: Schemas, database: Any) -> None:
    """A column that a new version of a schema needs can be added to the table that is there."""
    spec = describe(schemas)["desk_category"]
    (column,) = (column for column in describe(schemas)["desk_ticket"].columns if column.name == "cost")
    database.execute_sql(spec.add_column(column, "sqlite"))
    assert "cost" in {info.name for info in database.get_columns("desk_category")}


def test_models_leave_nothing_behind(schemas: Schemas, database: Any) -> None:
    """Building models again adds no back references to any model, so that old sets of models can be forgotten."""
    first = build_tables(schemas, database).of("desk.ticket").model
    build_tables(schemas, database)
    assert not first._meta.backrefs
    assert not first._meta.refs


def test_names_fit_both_engines() -> None:
    """Long names are shortened alike on both engines, and stay different from each other."""
    long = "plugin_" + "x" * 70
    assert len(short_name(long)) <= 63
    assert short_name(long + "a") != short_name(long + "b")
    assert short_name("short") == "short"
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f'CREATE TABLE "{short_name(long)}" (id INTEGER)')
    connection.close()
