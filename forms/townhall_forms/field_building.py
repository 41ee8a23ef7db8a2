"""Fields from their tables: attributes, choices, links, columns of rows, and what computed fields store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from townhall_forms.conditions import Condition
from townhall_forms.conditions import InvalidCondition
from townhall_forms.conditions import parse_condition
from townhall_forms.documents import Report
from townhall_forms.errors import FormsError
from townhall_forms.fields import FIELD_TYPES
from townhall_forms.fields import build_field
from townhall_forms.fields import is_built_in
from townhall_forms.keys import keys_of
from townhall_forms.kinds import Resolver
from townhall_forms.kinds import did_you_mean
from townhall_forms.schema import Choice

if TYPE_CHECKING:
    from townhall_forms.fields.base import Field

#: TOML keys whose attribute has another name.
_RENAMED = {"from": "source", "fields": "row_fields"}
_CONDITIONS = ("show_if", "require_if", "lock_if", "where")
#: The tables of several fields, by name.
Tables = Mapping[str, Mapping[str, Any]]

_RESULTS = {"count": "integer", "days_between": "integer", "average": "decimal"}


def humanise(name: str) -> str:
    """Words for a name: ``"postal_code"`` is “Postal code”."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def qualified(plugin: str, to: str) -> str:
    """The identity that a link's ``to`` means: a bare name is a type of the same plugin."""
    return to if "." in to else f"{plugin}.{to}"


def read_choices(given: list[Any]) -> tuple[Choice, ...]:
    """The choices of a list of texts or tables."""
    choices = []
    for choice in given:
        told = choice if isinstance(choice, Mapping) else {"value": choice}
        value = str(told["value"])
        label = told.get("label") or (humanise(value) if value == value.lower() else value)
        choices.append(Choice(value, label, told.get("help", ""), told.get("retired", False)))
    return tuple(choices)


class FieldBuilder:
    """Builds the fields of one file, first without conditions, then with them."""

    def __init__(
        self,
        plugin: str,
        privacy: str,
        report: Report,
        stand_ins: Mapping[str, str] | None = None,
        own_types: bool = True,
    ) -> None:
        self.plugin = plugin
        self.privacy = privacy
        self.report = report
        self.stand_ins = stand_ins or {}
        self.own_types = own_types
        #: Names of fields that could not be built; what is said about them elsewhere can't be judged.
        self.broken: set[str] = set()

    def plain(self, tables: Tables, at: str = "fields", columns: bool = False) -> dict[str, Field]:
        """Fields without conditions, noting what is wrong with each. Computed ones wait for :meth:`computed`."""
        fields = {}
        for name, table in tables.items():
            if table.get("type") == "computed":
                if columns:
                    self.report.add(f"{at}.{name}", "a column of rows can't be computed; compute from the rows instead")
                continue
            more = self.questioned(table, tables) if table.get("type") == "answers" else {}
            field = self.build(name, table, f"{at}.{name}", more)
            if field is not None:
                fields[name] = field
        return fields

    def questioned(self, table: Mapping[str, Any], tables: Tables) -> dict[str, Any]:
        """The type that has the questions of an ``answers`` field, when they are behind a link."""
        link, _, behind = str(table.get("from", "")).partition(".")
        to = tables.get(link, {}).get("to", "")
        return {"to": qualified(self.plugin, to)} if behind and to else {}

    def build(
        self, name: str, table: Mapping[str, Any], at: str, more: Mapping[str, Any] | None = None
    ) -> Field | None:
        """One field, or ``None`` with the reason noted."""
        type_name = table.get("type")
        if not isinstance(type_name, str):
            self.broken.add(name)
            return None
        if type_name in self.stand_ins:
            return self.build(name, self._as_stored(table), at, more)
        if type_name in FIELD_TYPES and not self.own_types and not is_built_in(FIELD_TYPES[type_name]):
            self.report.add(
                f"{at}.type", f"“{type_name}” is a field type of a plugin's own, whose code doesn't run now"
            )
            self.broken.add(name)
            return None
        if type_name not in FIELD_TYPES:
            hint = did_you_mean(type_name, FIELD_TYPES) or f"; there are {', '.join(FIELD_TYPES)}"
            self.report.add(f"{at}.type", f"“{type_name}” is not a field type{hint}")
            self.broken.add(name)
            return None
        attributes = self.attributes(name, table, at) | dict(more or {})
        if "row_fields" in attributes:
            columns = {column: {"privacy": attributes["privacy"], **told} for column, told in table["fields"].items()}
            attributes["row_fields"] = self.plain(columns, f"{at}.fields", columns=True)
        try:
            return build_field(type_name, **attributes)
        except FormsError as error:
            self.report.add(at, str(error))
            self.broken.add(name)
            return None

    def _as_stored(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """The declaration of a field whose type's code is gone, as one of the type that can read its values."""
        stand_in = self.stand_ins[table["type"]]
        known = keys_of("fields.NAME")
        extra = FIELD_TYPES[stand_in].extra_keys
        kept = {key: value for key, value in table.items() if not known[key].some_types or key in extra}
        return {**kept, "type": stand_in}

    def attributes(self, name: str, table: Mapping[str, Any], at: str) -> dict[str, Any]:
        """What the constructor of a field takes, without conditions."""
        extra = FIELD_TYPES[table["type"]].extra_keys
        attributes: dict[str, Any] = {"name": name, "label": humanise(name), "privacy": self.privacy}
        known = keys_of("fields.NAME")
        for key, value in table.items():
            if key == "type" or key in _CONDITIONS:
                if key == "where" and key not in extra:
                    self.report.add(f"{at}.where", f"“where” does nothing on a field of type {table['type']}")
                continue
            if known[key].some_types and key not in extra:
                self.report.add(f"{at}.{key}", f"“{key}” does nothing on a field of type {table['type']}")
                continue
            attributes[_RENAMED.get(key, key)] = tuple(value) if isinstance(value, list) else value
        if "choices" in attributes:
            attributes["choices"] = read_choices(table["choices"])
        if "to" in attributes:
            attributes["to"] = qualified(self.plugin, table["to"])
        return attributes

    def computed(self, tables: Tables, resolve: Resolver) -> dict[str, Field]:
        """The computed fields; ``resolve`` knows all plain ones. One may be worked out from another."""
        fields: dict[str, Field] = {}
        waiting = {name: table for name, table in tables.items() if table.get("type") == "computed"}
        while waiting:
            ready = {name: table for name, table in waiting.items() if not _source(table) & waiting.keys() - {name}}
            for name, table in (ready or waiting).items():
                field = self.build(name, table, f"fields.{name}", self.result(name, table, fields, resolve))
                if field is not None:
                    fields[name] = field
            waiting = {name: table for name, table in waiting.items() if name not in ready} if ready else {}
        return fields

    def result(
        self, name: str, table: Mapping[str, Any], done: Mapping[str, Field], resolve: Resolver
    ) -> dict[str, Any]:
        """What a computed field stores, as far as its file doesn't say."""
        compute = table.get("compute")
        if not isinstance(compute, Mapping):
            self.report.add(f"fields.{name}", "a computed field needs “compute”")
            return {"stores": table.get("stores") or "text"}
        ((way, operand),) = compute.items()
        if way == "hook":
            if "stores" not in table:
                self.report.add(f"fields.{name}", "a field that a hook computes needs “stores”, the type of the result")
            return {} if "stores" in table else {"stores": "text"}
        if way in _RESULTS:
            return {} if "stores" in table else {"stores": _RESULTS[way]}
        path = str(operand)
        found = done.get(path)
        if found is None:
            info = resolve(path)
            found = info.field if info is not None else None
        if found is None:
            return {} if "stores" in table else {"stores": "text"}
        copied: dict[str, Any] = {"stores": found.stores or found.type_name}
        for attribute in ("currency", "decimals", "choices", "to", "unit"):
            value = getattr(found, attribute)
            if value not in ("", (), None):
                copied[attribute] = value
        return {key: value for key, value in copied.items() if key not in table}

    def with_conditions(self, fields: Mapping[str, Field], tables: Tables, resolve: Resolver) -> dict[str, Field]:
        """The same fields, each with the conditions that its table has."""
        finished = {}
        for name, field in fields.items():
            table = tables[name]
            more = self.conditions(table, f"fields.{name}", resolve)
            columns = table.get("fields")
            if field.row_fields and columns:
                beside = resolve.beside(field.row_fields)
                more["row_fields"] = {
                    column: self.again(kept, columns[column], f"fields.{name}.fields.{column}", beside)
                    for column, kept in field.row_fields.items()
                }
            finished[name] = replace(field, **more) if more else field
        return finished

    def again(self, field: Field, table: Mapping[str, Any], at: str, resolve: Resolver) -> Field:
        """One column of rows with its conditions."""
        more = self.conditions(table, at, resolve)
        return replace(field, **more) if more else field

    def conditions(self, table: Mapping[str, Any], at: str, resolve: Resolver) -> dict[str, Any]:
        """The conditions of one field's table. A link's ``where`` is about the records that it may point at."""
        read = {}
        for key in _CONDITIONS:
            if key not in table:
                continue
            about: Resolver = resolve
            if key == "where":
                target = resolve.schemas.get(qualified(self.plugin, table.get("to", "")))
                if target is None:
                    continue
                about = resolve.towards(target)
            condition = read_condition(table[key], f"{at}.{key}", about, self.report)
            if condition is not None:
                read[key] = condition
        return read


def read_condition(data: Any, at: str, resolve: Resolver, report: Report) -> Condition | None:
    """A condition, or ``None`` with each problem noted under its key."""
    try:
        return parse_condition(data, resolve=resolve)
    except InvalidCondition as error:
        for key, message in error.problems:
            report.add(f"{at}.{key}" if key else at, message)
        return None


def _source(table: Mapping[str, Any]) -> set[str]:
    """Fields of the same record from which a computed one is worked out, when it is one field's name."""
    compute = table.get("compute")
    return {str(operand) for operand in compute.values()} if isinstance(compute, Mapping) else set()
