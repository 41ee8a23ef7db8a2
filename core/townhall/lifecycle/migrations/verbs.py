"""What migrations can do, the same in TOML and in Python, on SQLite and on PostgreSQL.

A Python file gets a :class:`Migration` and does what it must with it::

    from townhall import Migration


    def migrate(step: Migration) -> None:
        for row in step.rows("person", "name"):
            given, _, family = (row["name"] or "").rpartition(" ")
            step.update("person", row.id, {"given_name": given, "family_name": family})
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from townhall.db import reshaping
from townhall.errors import PluginError
from townhall.lifecycle.migrations import converting
from townhall.lifecycle.migrations import following
from townhall.lifecycle.migrations.converting import Conversion
from townhall.lifecycle.migrations.files import Step
from townhall.lifecycle.migrations.scene import Scene
from townhall.lifecycle.migrations.shapes import Shape
from townhall.lifecycle.migrations.shapes import Spot
from townhall.lifecycle.migrations.shapes import type_only
from townhall_forms.conditions import Condition
from townhall_forms.conditions import parse_condition
from townhall_forms.documents import Report
from townhall_forms.errors import FormsError
from townhall_forms.field_building import FieldBuilder
from townhall_forms.fields.base import Field
from townhall_forms.kinds import did_you_mean
from townhall_forms.tables import describe
from townhall_forms.tables import short_name
from townhall_forms.validating import environment_of

_FORBIDDEN = re.compile(
    r"\s*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|START|ABORT|ATTACH|DETACH|VACUUM|PRAGMA|DROP)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Row:
    """One record as a migration reads it: its id, and its values by field."""

    id: int
    values: Mapping[str, Any]

    def __getitem__(self, field: str) -> Any:
        return self.values[field]


class Migration:
    """The upgrade under way, as a migration sees it.

    Types are named without their plugin, fields as the steps before have left them. Everything is done in one
    transaction, which is undone as a whole when something fails.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._shapes = scene.shapes

    @property
    def engine(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._scene.database.engine

    # -- names ------------------------------------------------------------------------------------------------

    def rename_type(self, old: str, new: str) -> None:
        """The type ``old`` is called ``new``, with its tables and everything that names its records."""
        shape = self._shapes.shape(old)
        if self._shapes.final_type(new) is None:
            raise PluginError(f"the schemas have no type “{new}”{self._near_type(new)}.")
        before, outside = shape.identity, self._tables(shape)
        tables = [shape.table, *map(shape.child, outside)]
        changed = self._shapes.rename_type(old, new)
        for table, after in zip(tables, [changed.table, *map(changed.child, outside)], strict=True):
            if reshaping.table_exists(self._scene.database, table):
                self._refuse_table(after)
                reshaping.rename_table(self._scene.database, table, after)
        for other in self._shapes:
            for name, field in other.fields.items():
                if field.to == before:
                    other.fields[name] = replace(field, to=changed.identity)
        self._scene.renamed[before] = changed.identity
        following.rename_type(self._scene, before, changed.identity)
        self._scene.effects.append({"verb": "rename_type", "from": before, "to": changed.identity})
        self._scene.stale = {changed.identity if each == before else each for each in self._scene.stale}

    def rename_field(self, type: str, old: str, new: str) -> None:
        """The field ``old`` (a column of rows as ``rows.column``) is called ``new``."""
        spot = self._shapes.spot(type, old)
        path = f"{spot.rows}.{new}" if spot.rows else new
        if self._shapes.final_field(type, path) is None:
            raise PluginError(f"the schema of {type} has no field “{path}”{self._near_field(type, new)}.")
        taken = self._shapes.shape(type).fields[spot.rows].row_fields if spot.rows else spot.shape.fields
        if new in taken:
            raise PluginError(f"{type} has a field “{path}” already.")
        field = replace(spot.field, name=new)
        self._move_columns(spot, field)
        self._shapes.put(spot, field)
        identity = spot.shape.identity
        following.rename_field(self._scene, identity, old, path)
        self._scene.effects.append({"verb": "rename_field", "type": identity, "from": old, "to": path})

    def rename_state(self, type: str, old: str, new: str) -> None:
        """The state ``old`` is called ``new``, in cases and in the moves that were made."""
        shape = self._shapes.shape(type)
        if not shape.is_case:
            raise PluginError(f"{type} has no workflow, so it has no state “{old}”.")
        if not self._shapes.final_state(shape, new):
            raise PluginError(f"the workflow of {type} has no state “{new}”.")
        database, identity = self._scene.database, shape.identity
        self._scene.rows += reshaping.replace(database, shape.table, "state", old, new)
        for column in ("source", "target"):
            self._scene.rows += reshaping.replace(database, "case_transition", column, old, new, identity=identity)
        self._scene.rows += reshaping.replace(database, "search_entry", "state", old, new, identity=identity)
        following.replace_value(self._scene, identity, "state", old, new)
        self._scene.effects.append({"verb": "rename_state", "type": identity, "from": old, "to": new})

    def rename_transition(self, type: str, old: str, new: str) -> None:
        """The transition ``old`` is called ``new``, in the moves that were made and in what roles allow."""
        shape = self._shapes.shape(type)
        if not shape.is_case:
            raise PluginError(f"{type} has no workflow, so it has no transition “{old}”.")
        following.rename_transition(self._scene, shape.identity, old, new)

    # -- values -----------------------------------------------------------------------------------------------

    def change_field(
        self,
        type: str,
        field: str,
        *,
        using: str = "value",
        multiply: Any = None,
        values: Mapping[str, Any] | None = None,
        unfit: str = "refuse",
        to: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the values of ``field`` anew as its new definition wants them; the old ones stay in a retired column.

        ``to`` is that definition where the schema doesn't say it; for the other arguments see the steps in TOML.
        """
        spot = self._shapes.spot(type, field)
        new = self._new_field(spot, to)
        converting.check(spot.field, new, spot.called)
        database = self._scene.database
        names: dict[str, str] = {}
        if spot.field.many_targets:
            child = spot.shape.child(spot.field.name)
            names[""] = short_name(f"_{self._scene.mark}_{child}")
            reshaping.rename_table(database, child, names[""])
        else:
            columns = [column.name for column in spot.field.columns()]
            names = reshaping.retire_columns(database, spot.table, columns, self._scene.mark)
        target = replace(spot, field=new)
        self._make_room(target)
        conversion = self._conversion(spot.field, new, using, multiply, values, unfit)
        converting.convert(self._scene, spot, target, conversion, names)
        self._shapes.put(spot, new)
        self._convert_drafts(spot, conversion)
        self._note(spot)

    def copy_field(
        self,
        type: str,
        old: str,
        new: str,
        *,
        using: str = "value",
        multiply: Any = None,
        values: Mapping[str, Any] | None = None,
        unfit: str = "refuse",
    ) -> None:
        """Give the field ``new`` the values of ``old`` wherever it is empty; ``old`` stays as it is."""
        spot = self._shapes.spot(type, old)
        target = self._writable(type, new)
        converting.check(spot.field, target.field, f"{type}.{new}")
        conversion = self._conversion(spot.field, target.field, using, multiply, values, unfit)
        also = [column.name for column in target.field.columns()][:1]
        converting.convert(
            self._scene, spot, target, conversion, also=also, keep=lambda more: bool(more) and more[0] is not None
        )
        self._note(target)

    def fill(self, type: str, field: str, value: Any, where: Any = None) -> None:
        """Give ``field`` a value in the records in which it is empty, of those that fulfil ``where``."""
        target = self._writable(type, field)
        if target.field.many_targets or target.field.type_name in ("rows", "file", "files"):
            raise PluginError(f"{target.called} is of type {target.field.type_name}, which can't be filled.")
        filled = target.field.parse(value, self._scene.context)
        condition = parse_condition(where) if where else None
        asked = sorted(condition.paths()) if condition is not None else []
        fields = {name: self._readable(type, name) for name in asked}
        columns = [column.name for each in fields.values() for column in each.columns()]
        for rows in converting.read(self._scene, target, also=columns):
            ids = [
                id
                for id, _, held, more in rows
                if held is None and self._holds(condition, fields, dict(zip(columns, more, strict=True)))
            ]
            converting.write(self._scene, target, [(id, filled) for id in ids])
        self._note(target)

    def replace_choice(self, type: str, field: str, old: str, new: str) -> None:
        """Replace the choice ``old`` by ``new`` in every record that has it."""
        spot = self._shapes.spot(type, field)
        final = self._shapes.final_field(type, field) or spot.field
        if spot.field.type_name not in ("choice", "choices"):
            raise PluginError(f"{spot.called} is of type {spot.field.type_name} and has no choices.")
        known = [choice.value for choice in final.choices]
        if new not in known:
            raise PluginError(f"{spot.called} has no choice “{new}”{did_you_mean(new, known)}.")
        column = spot.field.name
        if spot.field.type_name == "choice":
            self._scene.rows += reshaping.replace(self._scene.database, spot.table, column, old, new)
        else:
            for rows in converting.read(self._scene, spot):
                changed = [
                    (id, tuple(dict.fromkeys(new if each == old else each for each in value)))
                    for id, _, value, _ in rows
                    if value and old in value
                ]
                converting.write(self._scene, spot, changed)
        following.replace_value(self._scene, spot.shape.identity, field, old, new)
        self._note(spot)

    # -- for Python -------------------------------------------------------------------------------------------

    def rows(self, type: str, *fields: str) -> Iterator[Row]:
        """Every record of a type, archived ones too, with the values of ``fields`` (standard ones are possible)."""
        shape = self._shapes.shape(type)
        wanted = {name: self._readable(type, name) for name in fields}
        columns = [column.name for each in wanted.values() for column in each.columns()]
        for rows in reshaping.batches(self._scene.database, shape.table, columns):
            for row in rows:
                held = dict(zip(("id", *columns), row, strict=True))
                yield Row(row[0], {name: each.from_columns(held) for name, each in wanted.items()})

    def update(self, type: str, id: int, values: Mapping[str, Any]) -> None:
        """Write values of one record, each parsed like one that somebody types; a new field gets its column first."""
        for name, value in values.items():
            target = self._writable(type, name)
            self._note(target)
            if not target.field.columns():
                raise PluginError(f"{target.called} is of type {target.field.type_name}; write its table with sql().")
            converting.write(self._scene, target, [(id, target.field.parse(value, self._scene.context))])

    def table(self, type: str, rows: str = "") -> str:
        """Name of the table of a type, or of one of its ``rows`` or ``links`` fields, for :meth:`sql`."""
        shape = self._shapes.shape(type)
        return shape.child(rows) if rows else shape.table

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows: the last resort. Write ``?`` for each parameter, on either engine.

        The transaction is not a migration's to end, and nothing is dropped.
        """
        if _FORBIDDEN.match(statement):
            raise PluginError(f"a migration may not run {statement.split()[0].upper()}.")
        if self.engine == "postgresql":
            statement = statement.replace("%", "%%").replace("?", "%s") if parameters else statement
        cursor = self._scene.database.execute_sql(statement, parameters or None)
        if cursor.description is None:
            self._scene.rows += max(int(cursor.rowcount), 0)
            return []
        return [tuple(row) for row in cursor.fetchall()]

    # -- how --------------------------------------------------------------------------------------------------

    def run(self, step: Step) -> None:
        """Do one step of a TOML file."""
        given = dict(step.given)
        if step.verb == "change_field":
            self.change_field(**given)
            return
        for name, key in (("from", "old"), ("to", "new")):
            if name in given:
                given[key] = given.pop(name)
        getattr(self, step.verb)(**given)

    def _conversion(
        self, old: Field, new: Field, using: str, multiply: Any, values: Mapping[str, Any] | None, unfit: str
    ) -> Conversion:
        return Conversion(old, new, self._scene.context, using, multiply, values or {}, unfit == "refuse")

    def _note(self, spot: Spot) -> None:
        """Have the type refreshed if something that is kept of its records comes from this field."""
        if self._shapes.is_kept(spot):
            self._scene.stale.add(spot.shape.identity)

    def _tables(self, shape: Shape) -> list[str]:
        """Fields whose values stand in tables of their own: those of the schema, and those that a town has added."""
        start = f"{shape.table}__"
        outside = {name for name, field in shape.fields.items() if field.row_fields or field.many_targets}
        outside |= {name.removeprefix(start) for name in self._scene.database.get_tables() if name.startswith(start)}
        return sorted(outside)

    def _move_columns(self, spot: Spot, field: Field) -> None:
        database = self._scene.database
        if spot.field.row_fields or spot.field.many_targets:
            table, after = spot.shape.child(spot.field.name), spot.shape.child(field.name)
            if reshaping.table_exists(database, table):
                self._refuse_table(after)
                reshaping.rename_table(database, table, after)
            return
        there = reshaping.columns_of(database, spot.table)
        for old, new in zip(spot.field.columns(), field.columns(), strict=True):
            if old.name not in there:
                raise PluginError(f"{spot.called} has no column “{old.name}” in the database.")
            if new.name in there:
                # What a field of this name left behind when it went out of the schema.
                reshaping.retire_columns(database, spot.table, [new.name], self._scene.mark)
            reshaping.rename_column(database, spot.table, old.name, new.name)

    def _refuse_table(self, table: str) -> None:
        database = self._scene.database
        if reshaping.table_exists(database, table):
            # A type or field of this name went out of the schema; what it left behind is put aside.
            reshaping.rename_table(database, table, short_name(f"_{self._scene.mark}_{table}"))

    def _new_field(self, spot: Spot, to: Mapping[str, Any] | None) -> Field:
        if to is not None:
            report = Report(self._scene.file)
            built = FieldBuilder(self._shapes.plugin, spot.field.privacy, report).build(spot.field.name, to, "to")
            if built is None or report.mistakes:
                raise PluginError("; ".join(mistake.message for mistake in report.mistakes))
            return built
        if self._shapes.changes_again(spot.shape.name, spot.path):
            raise PluginError(
                f"{spot.called} is changed once more by a later migration; say with “to” what it is in between."
            )
        final = self._shapes.final_field(spot.shape.name, spot.path)
        if final is None:
            raise PluginError(
                f"the schema of {spot.shape.name} has no field “{spot.path}”; say with “to” what it becomes."
            )
        return replace(final, name=spot.field.name)

    def _make_room(self, target: Spot) -> None:
        """Make the columns, or the table, that a field needs."""
        if not target.field.many_targets:
            reshaping.add_columns(self._scene.database, target.table, target.field.columns())
            return
        final = self._shapes.final_type(target.shape.name)
        wanted = target.shape.child(target.field.name)
        if final is not None and not reshaping.table_exists(self._scene.database, wanted):
            spec = describe(type_only(final)).get(wanted)
            if spec is None:
                raise PluginError(f"{target.called} can't become several links in the same upgrade that renames it.")
            for statement in spec.create(self._scene.database.engine):
                self._scene.database.execute_sql(statement)

    def _writable(self, type: str, name: str) -> Spot:
        """A field to write: one that is there, or one of the new schema, whose columns are made."""
        shape = self._shapes.shape(type)
        field = shape.fields.get(name)
        if field is None:
            final = self._shapes.final_field(type, name)
            if final is None:
                raise PluginError(f"{type} has no field “{name}”{self._near_field(type, name)}.")
            field = shape.fields[name] = replace(final, name=name)
        spot = Spot(shape, field)
        if field.columns() or field.many_targets:
            self._make_room(spot)
        return spot

    def _readable(self, type: str, name: str) -> Field:
        shape = self._shapes.shape(type)
        field = shape.standard.get(name) or self._shapes.spot(type, name).field
        if not field.columns():
            raise PluginError(f"{type}.{name} is of type {field.type_name}, which stands in a table of its own.")
        return field

    def _holds(self, condition: Condition | None, fields: Mapping[str, Field], held: Mapping[str, Any]) -> bool:
        if condition is None:
            return True
        values = {name: field.from_columns(held) for name, field in fields.items()}
        return condition.evaluate(values.get, environment_of(self._scene.context))

    def _convert_drafts(self, spot: Spot, conversion: Conversion) -> None:
        """What the public has typed so far becomes a value of the new field, or is asked for again."""

        def one(stored: Any) -> Any:
            try:
                value = conversion(spot.field.parse(stored, self._scene.context))
            except (FormsError, ValueError, TypeError, KeyError):
                return None
            return None if value is None else conversion.new.to_json(value)

        def changed(data: dict[str, Any]) -> None:
            held = data.get("values") or {}
            if spot.rows:
                lines = held.get(spot.rows)
                for line in lines if isinstance(lines, list) else ():
                    if line.get(spot.field.name) is not None:
                        line[spot.field.name] = one(line[spot.field.name])
            elif held.get(spot.field.name) is not None:
                held[spot.field.name] = one(held[spot.field.name])

        following.drafts(self._scene, spot.shape.identity, changed)

    def _near_type(self, name: str) -> str:
        return did_you_mean(
            name, [each.name for each in self._shapes.target.values() if each.plugin == self._shapes.plugin]
        )

    def _near_field(self, type: str, name: str) -> str:
        final = self._shapes.final_type(type)
        return did_you_mean(name, final.fields) if final is not None else ""
