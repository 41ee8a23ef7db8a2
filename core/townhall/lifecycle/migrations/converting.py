"""Values of one field that become values of another one: read from its columns, parsed and written by the other.

Every value goes through the same :meth:`~townhall_forms.fields.base.Field.parse` as one that somebody types, so nothing
gets into a column that the field could not read again.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from typing import Any

from townhall.db import reshaping
from townhall.errors import PluginError
from townhall.lifecycle.migrations.scene import Scene
from townhall.lifecycle.migrations.shapes import Spot
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.fields.numbers import read_number
from townhall_forms.values import Money

#: How many records that don't fit are named.
SHOWN = 5
#: Types whose values are more than one value can say, or that belong to something beside the record.
_APART = frozenset({"rows", "file", "files", "questions", "answers"})
_LONGEST = 40


@dataclass(frozen=True)
class Conversion:
    """How values of ``old`` become values of ``new``; ``refuse`` says that all must fit."""

    old: Field
    new: Field
    context: Context
    using: str = "value"
    multiply: Any = None
    values: Mapping[str, Any] = dataclass_field(default_factory=dict)
    refuse: bool = True

    def __call__(self, value: Any) -> Any:
        """The new value. Raises :class:`~townhall_forms.errors.Invalid` if the old one doesn't fit."""
        if value is None:
            return None
        if self.old.many_targets and not self.new.many_targets:
            if len(value) > 1:
                raise Invalid("There are several.")
            value = value[0]
        return self.new.parse(self._raw(value), self.context)

    def _raw(self, value: Any) -> Any:
        text = str(value) if self.old.many_targets else self.old.to_csv(value, self.context)
        if text in self.values:
            given = self.values[text]
            return given if isinstance(given, bool) else str(given)
        if self.multiply is not None:
            number = value.amount if isinstance(value, Money) else read_number(value)
            if number is None:
                number = read_number(text)
            if number is None:
                raise Invalid("This is no number.")
            return f"{(number * Decimal(str(self.multiply))).normalize():f}"
        if self.using == "label":
            return self.old.display(value, self.context)
        if self.new.many_targets and not self.old.many_targets:
            return [value]
        if type(value) is int or hasattr(value, "tzinfo"):
            return value if self.new.type_name not in ("text", "longtext") else text
        return text


def check(old: Field, new: Field, called: str) -> None:
    """Raise :class:`~townhall.errors.PluginError` if no conversion can lead from one field to the other."""
    for field in (old, new):
        if field.type_name in _APART:
            raise PluginError(
                f"{called} is of type {field.type_name}, whose values no step can write anew; do it in Python."
            )
    if new.many_targets and not (old.target or old.type_name == "integer"):
        raise PluginError(f"{called} becomes several links, and only a link or a whole number can.")


# -- reading and writing --------------------------------------------------------------------------------------------


def read(
    scene: Scene, spot: Spot, names: Mapping[str, str] | None = None, also: Sequence[str] = ()
) -> Iterator[list[tuple[int, int, Any, tuple[Any, ...]]]]:
    """All values of a field in batches: the row's id, its record's id, the value, and what ``also`` asks for.

    ``names`` tells under which names its columns stand, where those are not their own; for several links it has the
    name of their table under ``""``.
    """
    stand = dict(names or {})
    field = spot.field
    if field.many_targets:
        child = stand.get("") or spot.shape.child(field.name)
        for rows in reshaping.batches(scene.database, spot.table, also):
            held = _targets(scene, child, [row[0] for row in rows])
            yield [(row[0], row[0], held.get(row[0]), row[1:]) for row in rows]
        return
    own = [column.name for column in field.columns()]
    columns = [stand.get(name, name) for name in own]
    parent = ["parent_id"] if spot.rows else []
    for rows in reshaping.batches(scene.database, spot.table, [*columns, *parent, *also]):
        yield [
            (
                row[0],
                row[1 + len(own)] if spot.rows else row[0],
                field.from_columns(dict(zip(own, row[1 : 1 + len(own)], strict=True))),
                row[1 + len(own) + len(parent) :],
            )
            for row in rows
        ]


def write(scene: Scene, spot: Spot, values: Iterable[tuple[int, Any]]) -> None:
    """Write values of a field by the ids of their rows. Several links are written where there are none yet."""
    field = spot.field
    if field.many_targets:
        rows = [(id, place, target) for id, value in values for place, target in enumerate(value or ())]
        child = spot.shape.child(field.name)
        reshaping.insert(scene.database, child, ("parent_id", "position", "target_id"), rows)
        scene.rows += len(rows)
        return
    columns = [column.name for column in field.columns()]
    stored = [(id, field.to_columns(value)) for id, value in values]
    reshaping.write(
        scene.database, spot.table, columns, [(id, *(held[name] for name in columns)) for id, held in stored]
    )
    scene.rows += len(stored)


def convert(
    scene: Scene,
    source: Spot,
    target: Spot,
    conversion: Conversion,
    names: Mapping[str, str] | None = None,
    keep: Callable[[tuple[Any, ...]], bool] | None = None,
    also: Sequence[str] = (),
) -> None:
    """Fill ``target`` from ``source`` in every row, but for those that ``keep`` says are to stay as they are.

    Raises :class:`~townhall.errors.PluginError` that names the first records whose values don't fit, if all must.
    """
    misfits: list[str] = []
    count = 0
    for batch in read(scene, source, names, also):
        written: list[tuple[int, Any]] = []
        for id, record, value, rest in batch:
            if value is None or (keep is not None and keep(rest)):
                continue
            try:
                written.append((id, conversion(value)))
            except Invalid as error:
                count += 1
                if len(misfits) < SHOWN:
                    misfits.append(_misfit(conversion, record, value, error))
        write(scene, target, [(id, value) for id, value in written if value is not None])
    if count and conversion.refuse:
        more = f", and {count - len(misfits)} more" if count > len(misfits) else ""
        words = "value doesn't" if count == 1 else "values don't"
        raise PluginError(f"{source.called}: {count} {words} fit: {'; '.join(misfits)}{more}.")


def _misfit(conversion: Conversion, record: int, value: Any, error: Invalid) -> str:
    if conversion.old.privacy == "confidential":
        return f"record {record}"
    text = conversion.old.display(value, conversion.context)
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return f"record {record} has “{text}” ({error.message.rstrip('.')})"


def _targets(scene: Scene, child: str, ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The links of records, in their order."""
    marks = ", ".join([scene.database.param] * len(ids))
    sql = (
        f'SELECT "parent_id", "target_id" FROM "{child}" WHERE "parent_id" IN ({marks})'  # noqa: S608  # a schema's name
        ' ORDER BY "parent_id", "position"'
    )
    found: dict[int, tuple[int, ...]] = {}
    for parent, target in scene.database.execute_sql(sql, ids).fetchall():
        found[parent] = (*found.get(parent, ()), target)
    return found
