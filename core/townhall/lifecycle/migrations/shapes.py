"""The types of a plugin as its tables have them while it is upgraded: from the schemas kept, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from townhall.db.ledger import Entry
from townhall.errors import PluginError
from townhall.lifecycle.migrations.files import Step
from townhall.records.refreshing import computed_from_itself
from townhall_forms.errors import SchemaErrors
from townhall_forms.fields.base import Field
from townhall_forms.kinds import did_you_mean
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.tables import short_name


@dataclass
class Shape:
    """One type: its declared fields and the standard ones as they are stored at the moment."""

    plugin: str
    name: str
    fields: dict[str, Field]
    standard: Mapping[str, Field]
    is_case: bool
    #: Names in its workflow; none are known of a type whose kept schema can't be read.
    states: set[str] = field(default_factory=set)
    transitions: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, record_type: RecordType) -> Shape:
        """The shape that a schema asks for."""
        fields, standard = dict(record_type.fields), record_type.system_fields
        shape = cls(record_type.plugin, record_type.name, fields, standard, record_type.is_case)
        if record_type.workflow is not None:
            shape.states = set(record_type.workflow.states)
            shape.transitions = {move.name for move in record_type.workflow.transitions}
        return shape

    @property
    def identity(self) -> str:
        """How links, history and commands name the type."""
        return f"{self.plugin}.{self.name}"

    @property
    def table(self) -> str:
        """Name of its table."""
        return short_name(f"{self.plugin}_{self.name}")

    def child(self, field: str) -> str:
        """Name of the table of one of its ``rows`` or ``links`` fields."""
        return short_name(f"{self.plugin}_{self.name}__{field}")


@dataclass(frozen=True, slots=True)
class Spot:
    """A field of a type, or a column of its rows."""

    shape: Shape
    field: Field
    rows: str = ""

    @property
    def table(self) -> str:
        """The table that has its columns."""
        return self.shape.child(self.rows) if self.rows else self.shape.table

    @property
    def path(self) -> str:
        """Its name, after that of its rows."""
        return f"{self.rows}.{self.field.name}" if self.rows else self.field.name

    @property
    def called(self) -> str:
        """Its name with its type, for people."""
        return f"{self.shape.name}.{self.path}"


class Shapes:
    """All types of one plugin, between the schemas it had and those it has now.

    ``upcoming`` are the steps that come after the present one, as far as they are known; by them a name that is gone in
    the new schemas is found under the name it will have.
    """

    def __init__(self, plugin: str, kept: Iterable[RecordType], target: Schemas) -> None:
        self.plugin = plugin
        self.target = target
        self.upcoming: Sequence[Step] = ()
        self._shapes = {each.name: Shape.of(each) for each in kept}

    def __iter__(self) -> Iterator[Shape]:
        return iter(self._shapes.values())

    def shape(self, name: str) -> Shape:
        """The type called ``name``. Raises :class:`~townhall.errors.PluginError`."""
        found = self._shapes.get(name)
        if found is None:
            final = self.final_type(name)
            if final is None or self._shapes:
                known = did_you_mean(name, self._shapes) or f"; there are {', '.join(sorted(self._shapes)) or 'none'}"
                raise PluginError(f"there is no type “{name}” before this step{known}.")
            # What the database keeps can't be read; its types are taken to be as they are now.
            found = self._shapes[name] = replace(Shape.of(final), name=name, states=set(), transitions=set())
        return found

    def spot(self, type_name: str, path: str) -> Spot:
        """The field at ``path``. Raises :class:`~townhall.errors.PluginError`."""
        shape = self.shape(type_name)
        first, _, column = path.partition(".")
        field = shape.fields.get(first) or self._undeclared(shape, first)
        if field is None:
            hint = did_you_mean(first, shape.fields) or f"; there are {', '.join(shape.fields)}"
            raise PluginError(f"{type_name} has no field “{first}” before this step{hint}.")
        if not column:
            return Spot(shape, field)
        inner = field.row_fields.get(column)
        if inner is None:
            hint = did_you_mean(column, field.row_fields)
            raise PluginError(f"{type_name}.{first} has no column “{column}” before this step{hint}.")
        return Spot(shape, inner, first)

    def _undeclared(self, shape: Shape, name: str) -> Field | None:
        """A field that the kept schemas don't know since they are older than the table; it is as it will be."""
        final = self.final_field(shape.name, name)
        known = None if final is None else replace(final, name=name)
        if known is not None:
            shape.fields[name] = known
        return known

    # -- steps ------------------------------------------------------------------------------------------------

    def rename_type(self, old: str, new: str) -> Shape:
        """Note that a type has another name; the shape under its new one."""
        shape = self._shapes.pop(old)
        shape.name = new
        self._shapes[new] = shape
        return shape

    def put(self, spot: Spot, field: Field) -> None:
        """Note that ``field`` stands now where ``spot`` was, perhaps under another name."""
        if not spot.rows:
            spot.shape.fields = _replaced(spot.shape.fields, spot.field.name, field)
            return
        rows = spot.shape.fields[spot.rows]
        spot.shape.fields[spot.rows] = replace(rows, row_fields=_replaced(rows.row_fields, spot.field.name, field))

    # -- where it leads ---------------------------------------------------------------------------------------

    def final_type(self, name: str) -> RecordType | None:
        """The type in the new schemas that the one now called ``name`` becomes."""
        for step in self.upcoming:
            if step.verb == "rename_type" and step.given["from"] == name:
                name = step.given["to"]
        return self.target.get(f"{self.plugin}.{name}")

    def final_field(self, type_name: str, path: str) -> Field | None:
        """The field in the new schemas that the one now at ``path`` becomes."""
        first, _, column = path.partition(".")
        name = type_name
        for step in self.upcoming:
            given = step.given
            if step.verb == "rename_type" and given["from"] == name:
                name = given["to"]
            elif step.verb == "rename_field" and given["type"] == name:
                if given["from"] == first:
                    first = given["to"]
                elif column and given["from"] == f"{first}.{column}":
                    column = given["to"]
        final = self.target.get(f"{self.plugin}.{name}")
        field = final.fields.get(first) if final is not None else None
        return field.row_fields.get(column) if field is not None and column else field

    def is_kept(self, spot: Spot) -> bool:
        """Whether a title, the search index or a computed field has anything from this field; if in doubt, yes."""
        final = self.final_type(spot.shape.name)
        field = self.final_field(spot.shape.name, spot.rows or spot.field.name)
        if final is None or field is None:
            return True
        heads = {path.partition(".")[0] for path in final.title.paths}.union(*computed_from_itself(final).values())
        if field.name in heads or field.search or any(column.search for column in field.row_fields.values()):
            return True
        return any(
            f"{link.name}.{field.name}" in other.title.paths for other, link in self.target.links_to(final.identity)
        )

    def changes_again(self, type_name: str, path: str) -> bool:
        """Whether a later step changes the field once more, so that the new schemas can't say what it is between."""
        first, _, column = path.partition(".")
        name = type_name
        for step in self.upcoming:
            given = step.given
            if step.verb == "rename_type" and given["from"] == name:
                name = given["to"]
            elif given.get("type") != name:
                continue
            elif step.verb == "rename_field" and given["from"] == first:
                first = given["to"]
            elif step.verb == "rename_field" and column and given["from"] == f"{first}.{column}":
                column = given["to"]
            elif step.verb == "change_field" and given["field"] == (f"{first}.{column}" if column else first):
                return True
        return False

    def final_state(self, shape: Shape, state: str) -> bool:
        """Whether the new workflow has a state of this name, now or after later steps."""
        final = self.final_type(shape.name)
        names = final.workflow.states if final is not None and final.workflow is not None else {}
        later = {step.given["from"] for step in self.upcoming if step.verb == "rename_state"}
        return state in names or state in later


def _replaced(fields: Mapping[str, Field], name: str, field: Field) -> dict[str, Field]:
    return {field.name if key == name else key: field if key == name else each for key, each in fields.items()}


def aliases(entries: Iterable[Entry], known: Mapping[str, RecordType]) -> dict[str, RecordType]:
    """Types under the names that they had once: schemas kept by others may still link to those."""
    found = dict(known)
    for entry in reversed(list(entries)):
        for effect in reversed(entry.effects):
            if effect["verb"] == "rename_type" and effect["to"] in found:
                found.setdefault(effect["from"], found[effect["to"]])
    return found


def load_kept(plugin: str, texts: str, known: Mapping[str, RecordType]) -> list[RecordType]:
    """The types that the database keeps the schemas of; none if they can't be read any more."""
    try:
        files: Mapping[str, str] = json.loads(texts or "{}")
    except ValueError:
        return []
    requires = frozenset(each.plugin for each in known.values())
    sources = [Source(plugin, None, text, requires) for _, text in sorted(files.items())]
    others = Schemas({identity: each for identity, each in known.items() if each.plugin != plugin})
    try:
        return [each for each in load_schemas(sources, others).values() if each.plugin == plugin]
    except SchemaErrors:
        return []
