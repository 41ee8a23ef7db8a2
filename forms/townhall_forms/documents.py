"""Reading schema files: TOML text becomes plain tables of which every key is known and of the right shape."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Any

from townhall_forms import patterns
from townhall_forms.errors import Mistake
from townhall_forms.instants import MOST_UNITS
from townhall_forms.instants import units
from townhall_forms.keys import CHOICE_KEYS
from townhall_forms.keys import COMPUTE_KEYS
from townhall_forms.keys import TOP_LEVEL
from townhall_forms.keys import Key
from townhall_forms.keys import keys_of
from townhall_forms.kinds import did_you_mean
from townhall_forms.layer_keys import TOWN_PREFIX
from townhall_forms.reading import read_toml

NAME = re.compile(r"[a-z][a-z0-9_]*")
_PATH = re.compile(r"-?[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_TOO_LONG = 60


@dataclass(frozen=True, slots=True)
class Source:
    """One schema file before it is read: the plugin it belongs to, and the plugins whose types it may link to.

    ``stand_ins`` names, for field types whose code doesn't run, the types that read their values instead. Without
    ``own_types`` only the built-in field types are known. Where a file lies
    is for sentences about its mistakes only: two that say the same are the same.
    """

    plugin: str
    path: Path | None = field(compare=False)
    text: str
    requires: frozenset[str] = frozenset()
    stand_ins: Mapping[str, str] = field(default_factory=dict, hash=False)
    own_types: bool = True

    @property
    def name(self) -> str:
        """How mistakes name the file."""
        return self.path.as_posix() if self.path is not None else f"{self.plugin} (no file)"


@dataclass(slots=True)
class Report:
    """Gathers the mistakes of one file."""

    file: str
    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, key: str, message: str) -> None:
        """Note one mistake; it reads as a sentence."""
        sentence = message[:1].upper() + message[1:]
        mistake = Mistake(self.file, key, sentence if sentence.endswith((".", "?", "!")) else f"{sentence}.")
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)

    def about(self, key: str) -> bool:
        """Whether a mistake in this key, or below it, is noted already."""
        return any(mistake.key == key or mistake.key.startswith(f"{key}.") for mistake in self.mistakes)


def read_folder(plugin: str, folder: Path, requires: Iterable[str] = (), *, own_types: bool = True) -> list[Source]:
    """The schema files of a folder, in order of their names. A folder that is not there has none."""
    found = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    texts = ((path, path.read_text(encoding="utf-8-sig")) for path in found)
    return [Source(plugin, path, text, frozenset(requires), own_types=own_types) for path, text in texts]


@lru_cache(maxsize=512)
def _parsed(text: str) -> Mapping[str, Any]:
    """What a text says; kept, since whenever a plugin is switched all files are read anew. Nobody changes it."""
    return read_toml(text, decimals=True)


def read_document(source: Source, report: Report) -> dict[str, Any] | None:
    """The tables of a file, with everything that can't be understood noted in ``report`` and left out."""
    try:
        data = _parsed(source.text)
    except tomllib.TOMLDecodeError as error:
        report.add("", f"this is not valid TOML: {error}")
        return None
    document: dict[str, Any] = {}
    for name, given in data.items():
        if name not in TOP_LEVEL:
            report.add(name, f"“{name}” is not a table of a schema{did_you_mean(name, TOP_LEVEL)}")
            continue
        read = _TOP[name](given, report)
        if read is not None:
            document[name] = read
    if "type" not in data:
        report.add("type", "a schema needs a [type] table with a name and a title")
        return None
    return document if "type" in document and "name" in document["type"] else None


# -- tables ---------------------------------------------------------------------------------------------------------


def _table(given: Any, table: str, at: str, report: Report, nested: tuple[str, ...] = ()) -> dict[str, Any]:
    """The known keys of one table of a schema."""
    return read_table(given, keys_of(table), table, at, report, nested)


def read_table(
    given: Any, known: Mapping[str, Key], table: str, at: str, report: Report, nested: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The ``known`` keys of one table. ``nested`` are keys that are tables of their own, which are read elsewhere."""
    if not isinstance(given, Mapping):
        report.add(at, f"[{at}] is a table")
        return {}
    read: dict[str, Any] = {}
    for name, value in given.items():
        where = f"{at}.{name}"
        if name in nested:
            continue
        if name not in known:
            report.add(where, f"there is no key “{name}” in [{table}]{did_you_mean(name, [*known, *nested])}")
            continue
        problem = shape_problem(known[name], value)
        if problem:
            report.add(where, problem)
        else:
            read[name] = value
    for key in known.values():
        if key.required and key.name not in given:
            report.add(at, f"“{key.name}” is missing: {key.meaning[:1].lower()}{key.meaning[1:]}")
    return read


def _tables(given: Any, table: str, at: str, report: Report, nested: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """A list of tables; each keeps ``_at``, how mistakes name it, and those that are ``nested`` in it."""
    if not isinstance(given, list):
        report.add(at, f"write [[{at}]], with two brackets: there can be several")
        return []
    read = []
    for index, member in enumerate(given, start=1):
        name = member.get("name") if isinstance(member, Mapping) else None
        where = f"{at}.{name if isinstance(name, str) else index}"
        inside = [key for key in nested if isinstance(member, Mapping) and key in member]
        told = {key: _table(member[key], f"{table}.{key}", f"{where}.{key}", report) for key in inside}
        read.append(_table(member, table, where, report, nested) | told | {"_at": where})
    return read


def _type(given: Any, report: Report) -> dict[str, Any]:
    inside = ("event", "merge")
    read = _table(given, "type", "type", report, nested=inside)
    for name in inside:
        if isinstance(given, Mapping) and name in given:
            read[name] = _table(given[name], f"type.{name}", f"type.{name}", report)
    return read


def named(given: Any, at: str, report: Report) -> Iterator[tuple[str, Any]]:
    """Tables by name, ``[fields.NAME]``; ``at`` is empty for those of the whole file."""
    if not isinstance(given, Mapping):
        report.add(at, f"[{at}] holds tables by name: [{at}.NAME]")
        return
    for name, value in given.items():
        where = f"{at}.{name}" if at else name
        if NAME.fullmatch(name) is None or len(name) > _TOO_LONG:
            report.add(where, f"“{name}” can't be a name: use lower case letters, digits and underscores")
        elif not isinstance(value, Mapping):
            report.add(where, f"write it as a table, [{where}]")
        else:
            yield name, value


def _fields(given: Any, report: Report, at: str = "fields") -> dict[str, dict[str, Any]]:
    fields = {}
    for name, value in named(given, at, report):
        where = f"{at}.{name}"
        if at == "fields" and name.startswith(TOWN_PREFIX):
            report.add(where, f"names that begin with “{TOWN_PREFIX}” are kept for fields that a town adds itself")
            continue
        read = _table(value, "fields.NAME", where, report)
        if "fields" in read:
            if at != "fields":
                report.add(f"{where}.fields", "rows can't stand inside rows")
                del read["fields"]
            else:
                read["fields"] = _fields(value["fields"], report, f"{where}.fields")
        fields[name] = read
    return fields


def _sections(given: Any, report: Report) -> list[dict[str, Any]]:
    read = _tables(given, "sections", "sections", report)
    for section in read:
        if section.get("name", "").startswith(TOWN_PREFIX):
            report.add(section["_at"], f"names that begin with “{TOWN_PREFIX}” are kept for sections of the town")
    return read


def _list(given: Any, report: Report) -> dict[str, Any]:
    read = _table(given, "list", "list", report, nested=("views",))
    if isinstance(given, Mapping) and "views" in given:
        read["views"] = _tables(given["views"], "list.views", "list.views", report)
    return read


def _forms(given: Any, report: Report) -> dict[str, dict[str, Any]]:
    forms = {}
    for name, value in named(given, "forms", report):
        at = f"forms.{name}"
        read = _table(value, "forms.NAME", at, report, nested=("steps",))
        if "steps" in value:
            read["steps"] = _tables(value["steps"], "forms.NAME.steps", f"{at}.steps", report)
            if "fields" in value:
                report.add(f"{at}.fields", "a form has either fields or steps, not both")
        elif "fields" not in value:
            report.add(at, "a form needs fields, or [[steps]] with fields")
        forms[name] = read
    return forms


def _workflow(given: Any, report: Report) -> dict[str, Any]:
    read = _table(given, "workflow", "workflow", report, nested=("states", "transitions"))
    if not isinstance(given, Mapping):
        return read
    states = named(given.get("states", {}), "workflow.states", report)
    read["states"] = {
        name: _table(value, "workflow.states.NAME", f"workflow.states.{name}", report) for name, value in states
    }
    moves = given.get("transitions", [])
    read["transitions"] = _tables(
        moves, "workflow.transitions", "workflow.transitions", report, nested=("task", "event")
    )
    if not read["states"]:
        report.add("workflow", "a workflow needs states: [workflow.states.NAME]")
    return read


_TOP = {
    "type": _type,
    "fields": _fields,
    "checks": lambda given, report: _tables(given, "checks", "checks", report),
    "unique": lambda given, report: _tables(given, "unique", "unique", report),
    "indexes": lambda given, report: _tables(given, "indexes", "indexes", report),
    "sections": _sections,
    "list": _list,
    "forms": _forms,
    "public": lambda given, report: _table(given, "public", "public", report),
    "workflow": _workflow,
}


# -- shapes of values -----------------------------------------------------------------------------------------------


def shape_problem(key: Key, value: Any) -> str:
    """What is wrong with the shape of a key's value; empty when nothing is."""
    return _SHAPES[key.shape](key, value)


def _a_text(key: Key, value: Any) -> str:
    return "" if isinstance(value, str) else f"“{key.name}” takes a text in quotes"


def _a_pattern(key: Key, value: Any) -> str:
    if not isinstance(value, str):
        return _a_text(key, value)
    said = patterns.problem(value)
    return f"“{key.name}” {said}" if said else ""


def _an_integer(key: Key, value: Any) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return "" if whole else f"“{key.name}” takes a whole number"


def _a_boolean(key: Key, value: Any) -> str:
    return "" if isinstance(value, bool) else f"“{key.name}” takes true or false, without quotes"


def _a_name(key: Key, value: Any) -> str:
    if isinstance(value, str) and NAME.fullmatch(value) and len(value) <= _TOO_LONG:
        return ""
    return f"“{key.name}” takes a name: lower case letters, digits and underscores"


def _a_path(key: Key, value: Any) -> str:
    if isinstance(value, str) and _PATH.fullmatch(value):
        return ""
    return f"“{key.name}” takes a field or a path such as “link.field”"


def _some_texts(key: Key, value: Any) -> str:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return ""
    return f'“{key.name}” takes a list of texts: ["a", "b"]'


def _some_states(key: Key, value: Any) -> str:
    return "" if isinstance(value, str) else _some_texts(key, value)


def _one_of(key: Key, value: Any) -> str:
    if value in key.values:
        return ""
    hint = did_you_mean(value, key.values) if isinstance(value, str) else ""
    return f"“{key.name}” takes one of {', '.join(key.values)}{hint}"


def _a_condition(key: Key, value: Any) -> str:
    if isinstance(value, Mapping) and value:
        return ""
    return f"“{key.name}” takes a condition like {{ field = value }}"


def _some_choices(key: Key, value: Any) -> str:
    if not isinstance(value, list) or not value:
        return "“choices” takes a list of texts, or of tables with value and label"
    for choice in value:
        if isinstance(choice, Mapping):
            strange = [name for name in choice if name not in CHOICE_KEYS]
            if strange:
                return f"a choice has no “{strange[0]}”{did_you_mean(strange[0], CHOICE_KEYS)}"
            if not isinstance(choice.get("value"), str) or not choice["value"]:
                return "each choice needs a value, a text in quotes"
            if not all(isinstance(choice.get(name, ""), str) for name in ("label", "help")):
                return "a choice's label and help are texts in quotes"
            if not isinstance(choice.get("retired", False), bool):
                return "“retired” takes true or false"
        elif not isinstance(choice, str) or not choice:
            return "each choice is a text in quotes, or a table with value and label"
    return ""


def _some_columns(key: Key, value: Any) -> str:
    return "" if isinstance(value, Mapping) and value else "write the columns as tables: [fields.ROWS.fields.COLUMN]"


def _a_compute(key: Key, value: Any) -> str:
    if not isinstance(value, Mapping) or len(value) != 1:
        return f'“compute” takes one of {", ".join(COMPUTE_KEYS)}: {{ sum = "rows.column" }}'
    ((way, operand),) = value.items()
    if way not in COMPUTE_KEYS:
        return f"“{way}” is not a way to compute{did_you_mean(way, COMPUTE_KEYS)}"
    if way == "days_between":
        pair = isinstance(operand, list) and len(operand) == 2 and all(isinstance(name, str) for name in operand)
        return "" if pair else '“days_between” takes two fields: ["starts", "ends"]'
    return "" if isinstance(operand, str) else f"“{way}” takes a text in quotes"


def _a_value(key: Key, value: Any) -> str:
    return f"“{key.name}” takes a value or a list of values" if isinstance(value, Mapping) else ""


def _days(key: Key, value: Any) -> str:
    if isinstance(value, str) or units(value) is not None:
        return ""
    return f"“{key.name}” takes a number of days from 0 to {MOST_UNITS:,}, or the path of a field in quotes"


_SHAPES = {
    "text": _a_text,
    "template": _a_text,
    "number_pattern": _a_text,
    "pattern": _a_pattern,
    "integer": _an_integer,
    "boolean": _a_boolean,
    "name": _a_name,
    "names": _some_texts,
    "path": _a_path,
    "paths": _some_texts,
    "one_of": _one_of,
    "condition": _a_condition,
    "choices": _some_choices,
    "columns": _some_columns,
    "compute": _a_compute,
    "value": _a_value,
    "days": _days,
    "states": _some_states,
}
