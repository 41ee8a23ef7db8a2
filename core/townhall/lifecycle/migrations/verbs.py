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
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from townhall.db import reshaping
from townhall.errors import PluginError
from townhall.lifecycle.migrations import converting
from townhall.lifecycle.migrations import following
from townhall.lifecycle.migrations import following_messages
from townhall.lifecycle.migrations.converting import Conversion
from townhall.lifecycle.migrations.files import Step
from townhall.lifecycle.migrations.places import Places
from townhall.lifecycle.migrations.scene import Scene
from townhall.lifecycle.migrations.shapes import Spot
from townhall_forms.conditions import Condition
from townhall_forms.conditions import parse_condition
from townhall_forms.errors import FormsError
from townhall_forms.fields.base import Field
from townhall_forms.kinds import did_you_mean
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
        self._places = Places(scene)

    @property
    def engine(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._scene.database.engine

    # -- names ------------------------------------------------------------------------------------------------

    def rename_type(self, old: str, new: str) -> None:
        """The type ``old`` is called ``new``, with its tables and everything that names its records."""
        shape = self._shapes.shape(old)
        if self._shapes.final_type(new) is None:
            raise PluginError(f"the schemas have no type “{new}”{self._places.near_type(new)}.")
        if any(each.name == new for each in self._shapes):
            raise PluginError(f"there is a type “{new}” already.")
        before, outside = shape.identity, self._places.outside(shape)
        tables = [shape.table, *map(shape.child, outside)]
        changed = self._shapes.rename_type(old, new)
        for table, after in zip(tables, [changed.table, *map(changed.child, outside)], strict=True):
            if reshaping.table_exists(self._scene.database, table):
                self._places.put_aside(after)
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
            raise PluginError(f"the schema of {type} has no field “{path}”{self._places.near_field(type, new)}.")
        taken = self._shapes.shape(type).fields[spot.rows].row_fields if spot.rows else spot.shape.fields
        if new in taken:
            raise PluginError(f"{type} has a field “{path}” already.")
        field = replace(spot.field, name=new)
        self._places.move_columns(spot, field)
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
        changed = reshaping.replace(database, shape.table, "state", old, new)
        _refuse_unknown(f"the workflow of {type}", "state", old, shape.states, changed)
        shape.states = (shape.states - {old}) | {new}
        self._scene.rows += changed
        for column in ("source", "target"):
            self._scene.rows += reshaping.replace(database, "case_transition", column, old, new, identity=identity)
        self._scene.rows += reshaping.replace(database, "search_entry", "state", old, new, identity=identity)
        following.replace_value(self._scene, identity, "state", old, new)
        following_messages.rename_state(self._scene, identity, old, new)
        self._scene.effects.append({"verb": "rename_state", "type": identity, "from": old, "to": new})

    def rename_transition(self, type: str, old: str, new: str) -> None:
        """The transition ``old`` is called ``new``, in the moves that were made and in what roles allow."""
        shape = self._shapes.shape(type)
        if not shape.is_case:
            raise PluginError(f"{type} has no workflow, so it has no transition “{old}”.")
        changed = following.rename_transition(self._scene, shape.identity, old, new)
        _refuse_unknown(f"the workflow of {type}", "transition", old, shape.transitions, changed)
        shape.transitions = (shape.transitions - {old}) | {new}

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
        new = self._places.new_field(spot, to)
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
        self._places.make_room(target)
        conversion = self._conversion(spot.field, new, using, multiply, values, unfit)
        converting.convert(self._scene, spot, target, conversion, names)
        self._shapes.put(spot, new)
        self._convert_drafts(spot, conversion)
        self._places.note(spot)

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
        target = self._places.writable(type, new)
        converting.check(spot.field, target.field, f"{type}.{new}")
        conversion = self._conversion(spot.field, target.field, using, multiply, values, unfit)
        also = [column.name for column in target.field.columns()][:1]
        converting.convert(
            self._scene, spot, target, conversion, also=also, keep=lambda more: bool(more) and more[0] is not None
        )
        self._places.note(target)

    def fill(self, type: str, field: str, value: Any, where: Any = None) -> None:
        """Give ``field`` a value in the records in which it is empty, of those that fulfil ``where``."""
        target = self._places.writable(type, field)
        if target.field.many_targets or target.field.type_name in ("rows", "file", "files"):
            raise PluginError(f"{target.called} is of type {target.field.type_name}, which can't be filled.")
        filled = target.field.parse(value, self._scene.context)
        condition = parse_condition(where) if where else None
        asked = sorted(condition.paths()) if condition is not None else []
        fields = {name: self._places.readable(type, name) for name in asked}
        columns = [column.name for each in fields.values() for column in each.columns()]
        for rows in converting.read(self._scene, target, also=columns):
            ids = [
                id
                for id, _, held, more in rows
                if held is None and self._holds(condition, fields, dict(zip(columns, more, strict=True)))
            ]
            converting.write(self._scene, target, [(id, filled) for id in ids])
        self._places.note(target)

    def replace_choice(self, type: str, field: str, old: str, new: str) -> None:
        """Replace the choice ``old`` by ``new`` in every record that has it."""
        spot = self._shapes.spot(type, field)
        final = self._shapes.final_field(type, field) or spot.field
        if spot.field.type_name not in ("choice", "choices"):
            raise PluginError(f"{spot.called} is of type {spot.field.type_name} and has no choices.")
        known = [choice.value for choice in final.choices]
        if new not in known:
            raise PluginError(f"{spot.called} has no choice “{new}”{did_you_mean(new, known)}.")
        column, count = spot.field.name, 0
        if spot.field.type_name == "choice":
            count = reshaping.replace(self._scene.database, spot.table, column, old, new)
            self._scene.rows += count
        else:
            for rows in converting.read(self._scene, spot):
                changed = [
                    (id, tuple(dict.fromkeys(new if each == old else each for each in value)))
                    for id, _, value, _ in rows
                    if value and old in value
                ]
                converting.write(self._scene, spot, changed)
                count += len(changed)
        _refuse_unknown(spot.called, "choice", old, [choice.value for choice in spot.field.choices], count)
        following.replace_value(self._scene, spot.shape.identity, field, old, new)
        self._places.note(spot)

    # -- for Python -------------------------------------------------------------------------------------------

    def rows(self, type: str, *fields: str) -> Iterator[Row]:
        """Every record of a type, archived ones too, with the values of ``fields`` (standard ones are possible)."""
        shape = self._shapes.shape(type)
        wanted = {name: self._places.readable(type, name) for name in fields}
        columns = [column.name for each in wanted.values() for column in each.columns()]
        for rows in reshaping.batches(self._scene.database, shape.table, columns):
            for row in rows:
                held = dict(zip(("id", *columns), row, strict=True))
                yield Row(row[0], {name: each.from_columns(held) for name, each in wanted.items()})

    def update(self, type: str, id: int, values: Mapping[str, Any]) -> None:
        """Write values of one record, each parsed like one that somebody types; a new field gets its column first."""
        for name, value in values.items():
            target = self._places.writable(type, name)
            self._places.note(target)
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


def _refuse_unknown(where: str, kind: str, name: str, known: Collection[str], changed: int) -> None:
    """Refuse to rename what is in neither the kept schema nor any row: it is misspelt, or was renamed already."""
    if known and name not in known and not changed:
        raise PluginError(f"{where} has no {kind} “{name}” before this step{did_you_mean(name, known)}.")
