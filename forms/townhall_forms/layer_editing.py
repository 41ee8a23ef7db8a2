"""Changing a town's layer one thing at a time. Each function gives a new layer; none knows who is asking."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from townhall_forms.layer import Layer
from townhall_forms.layer import is_own
from townhall_forms.layer import tidy
from townhall_forms.layer_parts import Conflict
from townhall_forms.schema import RecordType


def put(layer: Layer, identity: str, path: Sequence[str], values: Mapping[str, Any]) -> Layer:
    """The layer with ``values`` in the table at ``path`` of a type; a value of ``None`` takes its key away."""
    types = _copied(layer)
    table = types.setdefault(identity, {})
    for part in path:
        table = table.setdefault(part, {})
    for key, value in values.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    return _made(types)


def remove(layer: Layer, identity: str, path: Sequence[str]) -> Layer:
    """The layer without what stands at ``path`` of a type: a table, a key, or an entry of a list.

    With an own field goes its place in the sections.
    """
    types = _copied(layer)
    inside: Any = types.get(identity, {})
    for part in path[:-1]:
        inside = inside.get(part, {}) if isinstance(inside, dict) else {}
    if not path:
        types.pop(identity, None)
    elif isinstance(inside, list):
        inside[:] = [each for each in inside if path[-1] not in (each, _value_of(each))]
    else:
        inside.pop(path[-1], None)
    if len(path) == 2 and path[0] == "fields" and is_own(path[1]):
        for section in types.get(identity, {}).get("sections", {}).values():
            section["fields"] = [name for name in section.get("fields", []) if name != path[1]]
    return _made(types)


def move(layer: Layer, record_type: RecordType, name: str, down: bool) -> Layer:
    """The layer with a field one place further up or down, into the section beside it at its section's end.

    ``record_type`` is the type as the layer makes it now.
    """
    lists = {section.name: [*section.fields] for section in record_type.sections}
    names = list(lists)
    here = next((section for section in names if name in lists[section]), "")
    if not here:
        return layer
    index, last = lists[here].index(name), len(lists[here]) - 1
    if (down and index < last) or (not down and index > 0):
        other = index + (1 if down else -1)
        lists[here][index], lists[here][other] = lists[here][other], name
        return put(layer, record_type.identity, ("sections", here), {"fields": lists[here]})
    beside = names.index(here) + (1 if down else -1)
    if not 0 <= beside < len(names):
        return layer
    return place(layer, record_type, name, names[beside], first=down)


def place(layer: Layer, record_type: RecordType, name: str, section: str, *, first: bool = False) -> Layer:
    """The layer with a field in another section, at its end or as the ``first`` there.

    A section's order is told only as far as it must be, so that an upgrade can still change the rest.
    """
    identity = record_type.identity
    told = layer.table(identity, "sections")
    for other, table in told.items():
        if name in table.get("fields", ()):
            kept = [each for each in table["fields"] if each != name]
            layer = put(layer, identity, ("sections", other), {"fields": kept})
    order = [*layer.table(identity, "sections", section).get("fields", ()), name]
    if first:
        shown = next(each.fields for each in record_type.sections if each.name == section)
        order = [name, *(each for each in shown if each != name)]
    return put(layer, identity, ("sections", section), {"fields": order})


def without_misfits(layer: Layer, columns: Mapping[str, Collection[str]]) -> tuple[Layer, list[Conflict]]:
    """The layer without own fields whose columns, by the type's identity, hold values of another kind."""
    conflicts = []
    for identity, names in columns.items():
        for name in layer.own_fields(identity):
            if any(column == name or column.startswith(f"{name}_") for column in names):
                message = f"The database has a column for “{name}” already, which holds another kind of value."
                conflicts.append(Conflict(identity, ("fields", name), message))
                layer = remove(layer, identity, ("fields", name))
    return layer, conflicts


def _value_of(entry: Any) -> Any:
    """The value of a choice that is written as a table."""
    return entry.get("value") if isinstance(entry, Mapping) else None


def _copied(layer: Layer) -> dict[str, Any]:
    return deepcopy({identity: dict(told) for identity, told in layer.types.items()})


def _made(types: Mapping[str, Any]) -> Layer:
    kept = {identity: tidy(types[identity]) for identity in sorted(types)}
    return Layer({identity: told for identity, told in kept.items() if told})
