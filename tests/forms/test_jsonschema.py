"""The published JSON Schema and the reference say what loading does, and are never stale."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from townhall_forms.jsonschema import language_schema
from townhall_forms.jsonschema import record_schema
from townhall_forms.keys import KEYS
from townhall_forms.keys import Key
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.reference import TYPES
from townhall_forms.reference import reference_page
from townhall_forms.reference import schema_text
from townhall_forms.schema import Schemas

ROOT = Path(__file__).parents[2]
SHIPPED = sorted([*ROOT.glob("core/townhall/*/schemas/*.toml"), *ROOT.glob("plugins/*/schemas/*.toml")])
LANGUAGE = Draft202012Validator(language_schema())

HEAD: dict[str, Any] = {"type": {"name": "thing", "title": "{name}"}}


def refusals(document: Any) -> list[str]:
    return [error.message for error in LANGUAGE.iter_errors(document)]


@pytest.mark.parametrize("name", ["schema.md", "townhall-schema.json"])
def test_the_reference_is_fresh(name: str) -> None:
    """After a change of the language, ``python -m townhall_forms.reference`` has been run."""
    text = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert text == (reference_page() if name.endswith(".md") else schema_text())


def test_the_published_schema_is_a_json_schema() -> None:
    """Editors can use it: it is valid itself."""
    Draft202012Validator.check_schema(language_schema())
    assert json.loads(schema_text()) == language_schema(TYPES)


@pytest.mark.parametrize("path", SHIPPED, ids=[path.relative_to(ROOT).as_posix() for path in SHIPPED])
def test_every_shipped_schema_fulfils_the_published_one(path: Path) -> None:
    """What loads is right in an editor too."""
    assert refusals(tomllib.loads(path.read_text(encoding="utf-8"))) == []


def test_an_unknown_key_is_wrong_in_an_editor_too() -> None:
    """A slip of the finger is seen while typing."""
    assert refusals({**HEAD, "fields": {"name": {"type": "text", "lable": "x"}}})
    assert refusals({**HEAD, "feilds": {}})
    assert refusals({"type": {"name": "thing"}})


def test_a_key_of_another_type_is_wrong_in_an_editor_too() -> None:
    """Currency does nothing on a text, and the editor says so."""
    assert refusals({**HEAD, "fields": {"name": {"type": "text", "currency": "USD"}}})
    assert refusals({**HEAD, "fields": {"name": {"type": "money", "currency": "USD"}}}) == []


def test_conditions_are_checked_in_an_editor_too() -> None:
    """Operators and their shapes are known."""

    def shown(condition: Any) -> list[str]:
        return refusals({**HEAD, "fields": {"name": {"type": "text", "show_if": condition}}})

    assert shown({"a": 1, "any": [{"b": ["x"]}, {"not": [{"c": {"gte": {"field": "d"}}}]}]}) == []
    assert shown({"a": {"equals": 1}})
    assert shown({"any": {"a": 1}})
    assert shown({"a": {"between": [1]}})
    assert shown({})


@pytest.mark.parametrize("key", KEYS, ids=[f"{key.table}.{key.name}" for key in KEYS])
def test_every_key_is_in_the_reference(key: Key) -> None:
    """Each key stands under its table with its meaning."""
    parts = reference_page().split("\n## ")
    page = next(part for part in parts if part.startswith((f"`[{key.table}]`", f"`[[{key.table}]]`")))
    assert f"| `{key.name}`" in page
    assert key.meaning in page


@pytest.mark.parametrize("name", list(TYPES))
def test_every_field_type_is_in_the_reference(name: str) -> None:
    """Each type says in a sentence what it holds."""
    types = reference_page().partition("\n## Field types\n")[2]
    row = next(line for line in types.splitlines() if line.startswith(f"| `{name}` | "))
    assert row.split(" | ")[1].endswith(".")


def test_a_records_json_schema_follows_its_fields() -> None:
    """Label, help, what is required and each field's own limits are in it."""
    text = """
    [type]
    name = "thing"
    label = "Thing"
    title = "{name}"
    [fields.name]
    type = "text"
    label = "Name"
    help = "As on the door."
    required = true
    max_length = 5
    [fields.kind]
    type = "choice"
    choices = ["a", "b"]
    required = true
    default = "a"
    [fields.total]
    type = "computed"
    compute = { count = "rows" }
    [fields.rows]
    type = "rows"
    fields.cost.type = "money"
    """
    record_type = load_schemas([Source("town", Path("thing.toml"), text)])["town.thing"]
    schema = record_schema(record_type)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert schema["title"] == "Thing"
    assert schema["required"] == ["name"]
    assert schema["properties"]["name"]["description"] == "As on the door."
    assert schema["properties"]["total"]["readOnly"]
    assert validator.is_valid({"name": "Anna", "kind": None})
    assert not validator.is_valid({"name": "Annabel"})
    assert not validator.is_valid({"name": "Anna", "kind": "c"})
    assert not validator.is_valid({"kind": "a"})
    assert not validator.is_valid({"name": "Anna", "more": 1})


def plugin_of(path: Path) -> str:
    """The plugin that a shipped file belongs to."""
    return "core" if "core" in path.parts else path.parts[-3].removeprefix("townhall_")


@pytest.fixture(scope="module")
def shipped() -> Schemas:
    """All types that come with Townhall."""
    plugins = {path.parts[-3].removeprefix("townhall_") for path in SHIPPED}
    return load_schemas(
        [
            Source(
                plugin_of(path),
                path,
                path.read_text(encoding="utf-8"),
                frozenset(plugins),
            )
            for path in SHIPPED
        ]
    )


@pytest.mark.parametrize("path", SHIPPED, ids=[path.relative_to(ROOT).as_posix() for path in SHIPPED])
def test_every_shipped_type_has_a_valid_json_schema(path: Path, shipped: Schemas) -> None:
    """Whatever field types a type uses, the JSON Schema of its records is one."""
    name = tomllib.loads(path.read_text(encoding="utf-8"))["type"]["name"]
    record_type = shipped[f"{plugin_of(path)}.{name}"]
    Draft202012Validator.check_schema(record_schema(record_type))
