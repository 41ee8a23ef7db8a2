"""The town's own layer as it is written down: read from TOML, written as TOML, and looked at.

::

    [core.contact]
    label = "Person or firm"

    [core.contact.fields.town_ward]
    type = "choice"
    label = "Ward"
    choices = ["north", "south"]

What it does to a schema is :mod:`townhall_forms.layering`'s business.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from decimal import Decimal
from typing import Any

from townhall_forms import layer_keys as keys
from townhall_forms import toml_writing
from townhall_forms.documents import Report
from townhall_forms.documents import named
from townhall_forms.documents import read_table
from townhall_forms.errors import SchemaErrors
from townhall_forms.kinds import did_you_mean
from townhall_forms.layer_keys import HIDE_FROM
from townhall_forms.layer_keys import TOWN_PREFIX
from townhall_forms.layer_keys import layer_keys_of
from townhall_forms.reading import read_toml

#: How mistakes name a layer that is in no file.
NO_FILE = "the town's layer"
_INSIDE = ("fields", "sections", "states")

Table = Mapping[str, Any]


@dataclass(frozen=True)
class Layer:
    """What a town says over the schemas, by the identity of the type. Never changed in place."""

    types: Mapping[str, Table] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.types)

    def of(self, identity: str) -> Table:
        """What it says about one type; nothing for a type that it doesn't mention."""
        return self.types.get(identity, {})

    def table(self, identity: str, *path: str) -> Table:
        """One table inside a type, ``("fields", "summary")``; an empty one if it is not there."""
        table: Any = self.of(identity)
        for part in path:
            table = table.get(part, {})
        return table if isinstance(table, Mapping) else {}

    def own_fields(self, identity: str) -> Mapping[str, Table]:
        """The fields that the town adds to a type, by name."""
        fields = self.table(identity, "fields")
        return {name: told for name, told in fields.items() if is_own(name)}


EMPTY = Layer()


def is_own(name: str) -> bool:
    """Whether a field or section is the town's own, by its name."""
    return name.startswith(TOWN_PREFIX)


# -- reading --------------------------------------------------------------------------------------------------------


def read_layer(text: str, file: str = NO_FILE) -> Layer:
    """The layer that a TOML text holds.

    Raises :class:`~townhall_forms.errors.SchemaErrors` with every mistake: an unknown key, a value of another shape.
    Whether what it names is there is not asked here; that changes with every upgrade.
    """
    report = Report(file)
    types: dict[str, Table] = {}
    try:
        data = read_toml(text, decimals=True)
    except tomllib.TOMLDecodeError as error:
        report.add("", f"this is not valid TOML: {error}")
        data = {}
    for plugin, group in named(data, "", report):
        for name, given in named(group, plugin, report):
            table = tidy(_type(given, f"{plugin}.{name}", report))
            if table:
                types[f"{plugin}.{name}"] = table
    if report.mistakes:
        raise SchemaErrors(report.mistakes)
    return Layer({identity: types[identity] for identity in sorted(types)})


def _type(given: Table, at: str, report: Report) -> dict[str, Any]:
    read = _read(given, keys.TYPE, at, report, _INSIDE)
    for name, told in named(given.get("fields", {}), f"{at}.fields", report):
        one = _own if is_own(name) else _field
        read.setdefault("fields", {})[name] = one(told, f"{at}.fields.{name}", report)
    for name, told in named(given.get("states", {}), f"{at}.states", report):
        read.setdefault("states", {})[name] = _read(told, keys.STATE, f"{at}.states.{name}", report)
    placed: dict[str, str] = {}
    for name, told in named(given.get("sections", {}), f"{at}.sections", report):
        where = f"{at}.sections.{name}"
        section = read.setdefault("sections", {})[name] = _read(told, keys.SECTION, where, report)
        for field_name in section.get("fields", ()):
            if field_name in placed:
                other = "twice here" if placed[field_name] == name else f"also in section “{placed[field_name]}”"
                report.add(f"{where}.fields", f"“{field_name}” is {other}")
            placed[field_name] = name
    return read


def _field(given: Table, at: str, report: Report) -> dict[str, Any]:
    read = _read(given, keys.FIELD, at, report, ("choices",))
    if read.get("required") is False:
        report.add(f"{at}.required", "a layer can make a field required, but not optional: leave the line out")
        del read["required"]
    for where in read.get("hide", ()):
        if where not in HIDE_FROM:
            hint = did_you_mean(where, HIDE_FROM) or f"; write one of {', '.join(HIDE_FROM)}"
            report.add(f"{at}.hide", f"nothing can be hidden from “{where}”{hint}")
    told = given.get("choices", {})
    if not isinstance(told, Mapping):
        report.add(f"{at}.choices", f"write what is told about a choice as a table, [{at}.choices.VALUE]")
        return read
    for value, more in told.items():
        choice = _read(more, keys.CHOICE, f"{at}.choices.{value}", report)
        read.setdefault("choices", {})[value] = choice
    return read


def _own(given: Table, at: str, report: Report) -> dict[str, Any]:
    read = _read(given, keys.OWN, at, report)
    default = read.get("default", "")
    texts = isinstance(default, list) and all(isinstance(entry, str) for entry in default)
    number = isinstance(default, Decimal) and default.is_finite()
    if not (texts or number or isinstance(default, str | int)):
        report.add(f"{at}.default", "“default” takes a text in quotes, a number, true or false, or a list of texts")
    if len(at.rpartition(".")[2]) == len(TOWN_PREFIX):
        report.add(at, f"a name is needed behind “{TOWN_PREFIX}”")
    return read


def _read(given: Any, table: str, at: str, report: Report, nested: tuple[str, ...] = ()) -> dict[str, Any]:
    return read_table(given, layer_keys_of(table), table, at, report, nested)


def tidy(table: Table) -> dict[str, Any]:
    """The table without tables in which nothing stands, so that equal layers are equal."""
    kept: dict[str, Any] = {}
    for key, value in table.items():
        inner = tidy(value) if isinstance(value, Mapping) and key not in ("show_if", "default") else value
        if inner not in ({}, []):
            kept[key] = inner
    return kept


# -- writing --------------------------------------------------------------------------------------------------------


def write_layer(layer: Layer) -> str:
    """The layer as TOML. :func:`read_layer` reads the same layer from it, and it is written the same each time."""
    blocks = ["\n".join(lines) for lines in _blocks(layer)]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _blocks(layer: Layer) -> Iterator[list[str]]:
    for identity in sorted(layer.types):
        told = layer.types[identity]
        path = tuple(identity.split("."))
        yield from _block(path, keys.TYPE, told)
        for name, field_told in told.get("fields", {}).items():
            at = (*path, "fields", name)
            yield from _block(at, keys.OWN if is_own(name) else keys.FIELD, field_told)
            if not is_own(name):
                for value, choice in field_told.get("choices", {}).items():
                    yield from _block((*at, "choices", value), keys.CHOICE, choice)
        for group, table in (("sections", keys.SECTION), ("states", keys.STATE)):
            for name, inner in told.get(group, {}).items():
                yield from _block((*path, group, name), table, inner)


def _block(path: tuple[str, ...], table: str, told: Table) -> Iterator[list[str]]:
    pairs = [(key, told[key]) for key in layer_keys_of(table) if key in told]
    if pairs:
        yield list(toml_writing.table(path, pairs))
