"""The files in a plugin's folder ``migrations``: found by their names, and read with every mistake at once.

``0002_fee_in_cents.toml`` holds standard steps::

    [[steps]]
    rename_field = { type = "fee", from = "cost", to = "amount" }

``0003_split_names.py`` holds a function ``migrate(step)`` for what needs code. They run in the order of their names.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from townhall.errors import PluginError
from townhall.lifecycle.migrations.vocabulary import FILE_KEYS
from townhall.lifecycle.migrations.vocabulary import OPTIONAL
from townhall.lifecycle.migrations.vocabulary import STEP_KEYS
from townhall.lifecycle.migrations.vocabulary import STEPS
from townhall.lifecycle.migrations.vocabulary import UNFIT
from townhall.lifecycle.migrations.vocabulary import USING
from townhall.lifecycle.migrations.vocabulary import describe
from townhall_forms.conditions import InvalidCondition
from townhall_forms.conditions import parse_condition
from townhall_forms.errors import Mistake
from townhall_forms.fields import FIELD_TYPES
from townhall_forms.fields.numbers import read_number
from townhall_forms.keys import keys_of
from townhall_forms.kinds import did_you_mean
from townhall_forms.reading import read_toml

#: The folder's name, in the plugin's folder.
FOLDER = "migrations"
#: What a file's name looks like: four digits, words, and what it is written in.
_FILE = re.compile(r"[0-9]{4}_[a-z0-9_]+\.(toml|py)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PATH = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a TOML file: its key, and what was given with it."""

    verb: str
    given: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """The step in words."""
        return describe(self.verb, self.given)


@dataclass(frozen=True, slots=True)
class File:
    """One migration, found and not yet read."""

    name: str
    path: Path
    text: str

    @property
    def checksum(self) -> str:
        """What tells whether it is still the one that was applied."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def is_code(self) -> bool:
        """Whether it holds Python."""
        return self.path.suffix == ".py"


@dataclass(frozen=True, slots=True)
class Script:
    """A TOML file that was read."""

    description: str
    steps: tuple[Step, ...]


def find(folder: Path) -> list[File]:
    """The migrations in a plugin's folder, in the order of their names.

    Raises :class:`~townhall.errors.PluginError` for a file that can't be told or read.
    """
    files: list[File] = []
    if not (folder / FOLDER).is_dir():
        return files
    for path in sorted((folder / FOLDER).iterdir()):
        if path.suffix not in (".toml", ".py") or path.name.startswith(("_", ".")):
            continue
        if _FILE.fullmatch(path.name) is None:
            raise PluginError(
                f"{path}: a migration is called like 0002_fee_in_cents.toml: "
                "four digits, then small letters, digits and _."
            )
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"{path}: the file can't be read: {error}.") from error
        files.append(File(path.name, path, text))
    return files


def read(file: File) -> Script:
    """The steps of a TOML file. Raises :class:`~townhall.errors.PluginError`, with a line for each mistake."""
    try:
        data = read_toml(file.text)
    except tomllib.TOMLDecodeError as error:
        raise PluginError(f"{file.path}: the file is not valid TOML: {error}.") from error
    reader = _Reader(file.path.as_posix())
    script = reader.script(data)
    if reader.mistakes:
        raise PluginError("\n".join(str(mistake) for mistake in reader.mistakes))
    return script


def read_all(files: Sequence[File]) -> dict[str, Script]:
    """What the TOML files among ``files`` say, by name, with the mistakes of all of them at once."""
    scripts: dict[str, Script] = {}
    mistakes: list[str] = []
    for file in files:
        if not file.is_code:
            try:
                scripts[file.name] = read(file)
            except PluginError as error:
                mistakes.append(str(error))
    if mistakes:
        raise PluginError("\n".join(mistakes))
    return scripts


class _Reader:
    """Turns a file's data into steps, and collects every mistake on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []

    def mistake(self, key: str, message: str) -> None:
        sentence = message[:1].upper() + message[1:]
        self.mistakes.append(Mistake(self.file, key, sentence if sentence.endswith((".", "?")) else f"{sentence}."))

    def script(self, data: Mapping[str, Any]) -> Script:
        for key in data:
            if key not in FILE_KEYS:
                self.mistake(key, f"“{key}” is not a key here{did_you_mean(key, FILE_KEYS)}")
        description = data.get("description", "")
        if not isinstance(description, str):
            self.mistake("description", "this must be text in quotes")
        given = data.get("steps")
        if not isinstance(given, list) or not given or not all(isinstance(step, dict) for step in given):
            self.mistake("steps", "write what is to be done as [[steps]], one step each")
            return Script("", ())
        steps = [self.step(f"steps.{number}", step) for number, step in enumerate(given, 1)]
        return Script(str(description), tuple(step for step in steps if step is not None))

    def step(self, at: str, data: Mapping[str, Any]) -> Step | None:
        for verb in data:
            if verb not in STEPS:
                hint = did_you_mean(verb, STEPS) or f"; there are {', '.join(STEPS)}"
                self.mistake(f"{at}.{verb}", f"“{verb}” is not a step{hint}")
                return None
        if len(data) != 1:
            self.mistake(at, "a [[steps]] holds exactly one step; begin another one for the next")
            return None
        ((verb, given),) = data.items()
        at = f"{at}.{verb}"
        if not isinstance(given, dict):
            self.mistake(at, "this must be a table, like { from = “…”, to = “…” }")
            return None
        before = len(self.mistakes)
        self.keys(at, verb, given)
        for key, value in given.items():
            if key in STEP_KEYS[verb]:
                self.value(f"{at}.{key}", verb, key, value)
        return Step(verb, given) if len(self.mistakes) == before else None

    def keys(self, at: str, verb: str, given: Mapping[str, Any]) -> None:
        known = STEP_KEYS[verb]
        for key in given:
            if key not in known:
                hint = did_you_mean(key, known) or f"; there are {', '.join(known)}"
                self.mistake(f"{at}.{key}", f"“{key}” is not a key of {verb}{hint}")
        for key, meaning in known.items():
            optional = key in OPTIONAL or (verb == "change_field" and key == "to")
            if key not in given and not optional:
                self.mistake(f"{at}.{key}", f"this is missing. {meaning}")

    def value(self, at: str, verb: str, key: str, value: Any) -> None:
        if key == "values":
            plain = isinstance(value, dict) and all(isinstance(new, str | int | float | bool) for new in value.values())
            if not plain:
                self.mistake(at, "this must be a table of old and new values, like { low = “1” }")
        elif key == "multiply":
            number = read_number(value)
            if number is None or number == Decimal(0):
                self.mistake(at, "this must be a number other than 0")
        elif key in ("using", "unfit"):
            known = USING if key == "using" else UNFIT
            if value not in known:
                hint = did_you_mean(str(value), known) or f"; choose among {', '.join(known)}"
                self.mistake(at, f"“{value}” can't be used here{hint}")
        elif key == "where":
            self.condition(at, value)
        elif key == "to" and verb == "change_field":
            self.field(at, value)
        elif key != "value":
            self.name(at, verb, key, value)

    def name(self, at: str, verb: str, key: str, value: Any) -> None:
        if verb == "replace_choice" and key in ("from", "to"):
            if not isinstance(value, str) or not value:
                self.mistake(at, "this must be the value of a choice, as text in quotes")
            return
        paths = key == "field" or (key == "from" and verb == "rename_field")
        if not isinstance(value, str) or (_PATH if paths else _NAME).fullmatch(value) is None:
            self.mistake(at, f"“{value}” is no name: small letters, digits and _, starting with a letter")

    def condition(self, at: str, value: Any) -> None:
        try:
            condition = parse_condition(value)
        except InvalidCondition as error:
            for key, message in error.problems:
                self.mistake(f"{at}.{key}" if key else at, message)
            return
        for path in sorted(condition.paths()):
            if "." in path:
                self.mistake(f"{at}.{path}", "a condition here reads fields of the same record only")

    def field(self, at: str, value: Any) -> None:
        if not isinstance(value, dict):
            self.mistake(at, "this must be a table with the keys of a field, like { type = “integer” }")
            return
        known = [key.name for key in keys_of("fields.NAME").values()]
        for key in value:
            if key not in known:
                self.mistake(f"{at}.{key}", f"“{key}” is not a key of a field{did_you_mean(key, known)}")
        kind = value.get("type")
        if kind not in FIELD_TYPES:
            hint = did_you_mean(str(kind), FIELD_TYPES) or f"; there are {', '.join(FIELD_TYPES)}"
            self.mistake(f"{at}.type", f"“{kind}” is not a field type{hint}")
