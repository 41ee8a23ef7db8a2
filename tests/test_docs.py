"""The docs and the code say the same: nothing that a person can use is missing from the pages."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from townhall import errors
from townhall import hookspecs
from townhall import reference
from townhall.cli import main
from townhall.config import SETTINGS
from townhall.extend import manifest
from townhall.imports import mapping
from townhall.lifecycle.migrations import vocabulary
from townhall.lifecycle.migrations.verbs import Migration
from townhall_forms.keys import KEYS
from townhall_forms.layer_keys import LAYER_KEYS
from townhall_forms.layer_keys import TOWN_TYPES
from townhall_forms.reference import TYPES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """Text of one page of the docs."""
    return (DOCS / name).read_text(encoding="utf-8")


def commands(group: click.Group, prefix: str = "townhall") -> Iterator[tuple[str, click.Command]]:
    """Every command of the command line, with its full name."""
    for name, command in group.commands.items():
        full = f"{prefix} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, full)
        else:
            yield full, command


def test_every_schema_key_is_documented() -> None:
    """Each key of the schema language stands in its reference page."""
    text = page("reference/schema.md")
    assert [key.name for key in KEYS if f"`{key.name}`" not in text] == []


def test_every_layer_key_is_documented() -> None:
    """Each key of the town's own layer stands in its table on its reference page, and each type of field."""
    text = page("reference/layer.md")
    for key in LAYER_KEYS:
        section = text.partition(f"## `[{key.table}]`")[2].partition("\n## ")[0]
        assert f"| `{key.name}`" in section
    assert [name for name in TOWN_TYPES if f"`{name}`" not in text] == []


def test_every_field_type_is_documented() -> None:
    """Each field type stands in the reference page of the schema language."""
    text = page("reference/schema.md")
    assert [name for name in TYPES if f"`{name}`" not in text] == []


def test_every_setting_is_documented_and_in_the_example() -> None:
    """Each setting stands in its reference page, and in the example file of an instance."""
    text = page("reference/settings.md")
    example = (ROOT / "instance" / "townhall.example.toml").read_text(encoding="utf-8")
    names = [setting.key for setting in SETTINGS.values()]
    assert [name for name in names if f"`{name}`" not in text] == []
    assert [name for name in names if not re.search(rf"^#? ?{name} = ", example, re.MULTILINE)] == []


def test_every_command_and_option_is_documented() -> None:
    """Each command stands in the reference page with each of its options."""
    text = page("reference/commands.md")
    missing = []
    for name, command in commands(main):
        section = text.partition(f"`{name}")[2].partition("\n## ")[0]
        if not section:
            missing.append(name)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and f"{parameter.opts[0]}" not in section:
                missing.append(f"{name} {parameter.opts[0]}")
    assert missing == []


def test_every_hook_is_documented_with_its_signature() -> None:
    """Each hook stands in the reference page as it is called: its name and its arguments."""
    text = page("reference/hooks.md")
    hooks = {
        name: function
        for name, function in vars(hookspecs).items()
        if inspect.isfunction(function) and hasattr(function, "townhall_spec")
    }
    assert hooks
    signatures = [f"{name}({', '.join(inspect.signature(function).parameters)})" for name, function in hooks.items()]
    assert [signature for signature in signatures if signature not in text] == []


def test_every_error_is_documented() -> None:
    """Each error of the plugin API stands in the reference page."""
    text = page("reference/errors.md")
    names = [name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_generated_pages_are_fresh(name: str) -> None:
    """A reference page that is written from the code is what the code would write today; else run ``make docs``."""
    assert page(f"reference/{name}") == reference.pages()[name]()


def test_every_manifest_key_is_documented() -> None:
    """Each key of plugin.toml stands in the reference page."""
    text = page("reference/manifest.md")
    assert [name for name in manifest.KEYS if f"`{name}`" not in text] == []


def test_every_key_of_a_migration_is_documented() -> None:
    """Each step with each of its keys, and each thing that Python can do, stands in the reference page."""
    text = page("reference/migrations.md")
    missing = [key for key in vocabulary.FILE_KEYS if f"| `{key}` |" not in text]
    for step, keys in vocabulary.STEP_KEYS.items():
        section = text.partition(f"### `{step}`\n")[2].partition("\n### ")[0]
        missing += [f"{step}.{key}" for key in keys if f"| `{key}` |" not in section]
    methods = [name for name in vars(Migration) if not name.startswith("_") and name != "run"]
    missing += [name for name in methods if f"`step.{name}" not in text]
    assert missing == []
    assert {*vocabulary.STEPS} == {*vocabulary.STEP_KEYS} == {*methods} & {*vocabulary.STEPS}
    guide = page("how-to/change-a-schema.md")
    assert [step for step in vocabulary.STEPS if f"`{step}`" not in guide] == []


def test_every_mapping_key_and_shipped_mapping_is_documented() -> None:
    """The how-to of imports has each key of a mapping file, and each mapping that is shipped."""
    text = page("how-to/import.md")
    shipped = [path.stem for path in [*ROOT.glob("plugins/*/mappings/*.toml"), *ROOT.glob("core/**/mappings/*.toml")]]
    assert len(shipped) >= 6
    names = [*mapping.MAPPING_KEYS, *mapping.COLUMN_KEYS, *shipped]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_somewhere(path: Path) -> None:
    """Relative links of a page name files that exist."""
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: str(path.relative_to(DOCS)))
def test_toml_examples_are_valid(path: Path) -> None:
    """Every TOML block of a page can be read."""
    for block in re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        tomllib.loads(block)
