"""Where values stand: the tables and columns of fields as they are during an upgrade, and room for those to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from townhall.db import reshaping
from townhall.errors import PluginError
from townhall.lifecycle.migrations.scene import Scene
from townhall.lifecycle.migrations.shapes import Shape
from townhall.lifecycle.migrations.shapes import Shapes
from townhall.lifecycle.migrations.shapes import Spot
from townhall_forms.documents import Report
from townhall_forms.field_building import FieldBuilder
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import Field
from townhall_forms.kinds import did_you_mean
from townhall_forms.tables import TableSpec
from townhall_forms.tables import short_name


@dataclass(frozen=True)
class Places:
    """The tables and columns of one plugin's fields."""

    scene: Scene

    @property
    def shapes(self) -> Shapes:
        """The types as they are at the moment."""
        return self.scene.shapes

    def note(self, spot: Spot) -> None:
        """Have the type refreshed if something that is kept of its records comes from this field."""
        if self.shapes.is_kept(spot):
            self.scene.stale.add(spot.shape.identity)

    def outside(self, shape: Shape) -> list[str]:
        """Fields whose values stand in tables of their own: those of the schema, and those that a town has added."""
        start = f"{shape.table}__"
        outside = {name for name, field in shape.fields.items() if field.row_fields or field.many_targets}
        outside |= {name.removeprefix(start) for name in self.scene.database.get_tables() if name.startswith(start)}
        return sorted(outside)

    def move_columns(self, spot: Spot, field: Field) -> None:
        """Give the columns, or the table, of a field the names that they have as ``field``."""
        database = self.scene.database
        if spot.field.row_fields or spot.field.many_targets:
            table, after = spot.shape.child(spot.field.name), spot.shape.child(field.name)
            if reshaping.table_exists(database, table):
                self.put_aside(after)
                reshaping.rename_table(database, table, after)
            return
        there = reshaping.columns_of(database, spot.table)
        for old, new in zip(spot.field.columns(), field.columns(), strict=True):
            if old.name not in there:
                raise PluginError(f"{spot.called} has no column “{old.name}” in the database.")
            if new.name in there:
                # What a field of this name left behind when it went out of the schema.
                reshaping.retire_columns(database, spot.table, [new.name], self.scene.mark)
            reshaping.rename_column(database, spot.table, old.name, new.name)

    def put_aside(self, table: str) -> None:
        """Make sure that no table stands where another one is to be."""
        database = self.scene.database
        if reshaping.table_exists(database, table):
            # A type or field of this name went out of the schema; what it left behind is put aside.
            reshaping.rename_table(database, table, short_name(f"_{self.scene.mark}_{table}"))

    def new_field(self, spot: Spot, to: Mapping[str, Any] | None) -> Field:
        """What a field becomes: as ``to`` says, or as the new schemas do."""
        if to is not None:
            report = Report(self.scene.file)
            built = FieldBuilder(self.shapes.plugin, spot.field.privacy, report).build(spot.field.name, to, "to")
            if built is None or report.mistakes:
                raise PluginError("; ".join(mistake.message for mistake in report.mistakes))
            return built
        if self.shapes.changes_again(spot.shape.name, spot.path):
            raise PluginError(
                f"{spot.called} is changed once more by a later migration; say with “to” what it is in between."
            )
        final = self.shapes.final_field(spot.shape.name, spot.path)
        if final is None:
            raise PluginError(
                f"the schema of {spot.shape.name} has no field “{spot.path}”; say with “to” what it becomes."
            )
        return replace(final, name=spot.field.name)

    def make_room(self, target: Spot) -> None:
        """Make the columns, or the table, that a field needs."""
        if not target.field.many_targets:
            reshaping.add_columns(self.scene.database, target.table, target.field.columns())
            return
        shape, database = target.shape, self.scene.database
        wanted = shape.child(target.field.name)
        if not reshaping.table_exists(database, wanted):
            # Its indexes are added with all others, when the tables are those of the schemas.
            columns = (Column("parent_id", "integer"), Column("position", "integer"), Column("target_id", "integer"))
            for statement in TableSpec(wanted, shape.identity, columns, (), shape.table).create(database.engine):
                database.execute_sql(statement)

    def writable(self, type: str, name: str) -> Spot:
        """A field to write: one that is there, or one of the new schema, whose columns are made."""
        shape = self.shapes.shape(type)
        field = shape.fields.get(name)
        if field is None:
            final = self.shapes.final_field(type, name)
            if final is None:
                raise PluginError(f"{type} has no field “{name}”{self.near_field(type, name)}.")
            field = shape.fields[name] = replace(final, name=name)
        spot = Spot(shape, field)
        if field.columns() or field.many_targets:
            self.make_room(spot)
        return spot

    def readable(self, type: str, name: str) -> Field:
        """A field whose values stand in columns of its type's own table, a standard one perhaps."""
        shape = self.shapes.shape(type)
        field = shape.standard.get(name) or self.shapes.spot(type, name).field
        if not field.columns():
            raise PluginError(f"{type}.{name} is of type {field.type_name}, which stands in a table of its own.")
        return field

    def near_type(self, name: str) -> str:
        """What type may have been meant."""
        return did_you_mean(
            name, [each.name for each in self.shapes.target.values() if each.plugin == self.shapes.plugin]
        )

    def near_field(self, type: str, name: str) -> str:
        """What field may have been meant."""
        final = self.shapes.final_type(type)
        return did_you_mean(name, final.fields) if final is not None else ""
