"""``townhall schema`` checks files without a town, and shows what a type has come to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result

from townhall.cli import main

MANIFEST = 'name = "parks"\ntitle = "Parks"\nversion = "1.0.0"\napi = ">=1,<2"\n'
TREE = """
[type]
name = "tree"
label = "Tree"
title = "{name}"
[fields.name]
type = "text"
required = true
[fields.owner]
type = "link"
to = "core.contact"
[fields.cut]
type = "boolean"
show_if = { name = { empty = false } }
"""
BROKEN = TREE.replace('name = "tree"', 'name = "bush"').replace("label =", "lable =").replace("boolean", "bolean")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin with one schema that is in order."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "plugin.toml").write_text(MANIFEST, encoding="utf-8")
    (tmp_path / "schemas" / "tree.toml").write_text(TREE, encoding="utf-8")
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["--instance", "nowhere", "schema", *map(str, arguments)])


def test_a_plugin_in_order(plugin: Path) -> None:
    """A whole plugin, its folder of schemas or one file can be checked, without any town."""
    for path in (plugin, plugin / "schemas", plugin / "schemas" / "tree.toml"):
        result = run("check", path)
        assert result.exit_code == 0, result.output
        assert "1 type in order: parks.tree." in result.output


def test_an_icon_that_there_is_not_is_told(plugin: Path) -> None:
    """Of a type, a form, a public list and the manifest: an empty place beside the words would be found late."""
    tree = TREE.replace('label = "Tree"', 'label = "Tree"\nicon = "tre"\npublic_if = { name = "x" }')
    tree = tree.replace("required = true", 'required = true\nprivacy = "public"')
    more = '[forms.public]\nfields = ["name"]\nicon = "unicorn"\n[public]\nicon = "tree"\n'
    (plugin / "schemas" / "tree.toml").write_text(f"{tree}{more}", encoding="utf-8")
    (plugin / "plugin.toml").write_text(f'{MANIFEST}icon = "maill"\n', encoding="utf-8")
    result = run("check", plugin)
    assert result.exit_code == 1
    assert "tree.toml: type.icon: There is no icon “tre”; did you mean “tree”?" in result.stderr
    assert "tree.toml: forms.public.icon: There is no icon “unicorn”; there are alert, bin," in result.stderr
    assert "plugin.toml: icon: There is no icon “maill”; did you mean “mail”?" in result.stderr
    assert "3 mistakes" in result.stderr


def test_every_mistake_is_told_with_its_place(plugin: Path) -> None:
    """Mistakes go to standard error, one a line, and the command fails."""
    (plugin / "schemas" / "bush.toml").write_text(BROKEN, encoding="utf-8")
    result = run("check", plugin)
    assert result.exit_code == 1
    assert "bush.toml: type.lable: There is no key “lable” in [type]; did you mean “label”?" in result.stderr
    assert "bush.toml: fields.cut.type: “bolean” is not a field type; did you mean “boolean”?" in result.stderr
    assert "2 mistakes." in result.stderr


@pytest.mark.parametrize("days", ["99999999999", "100001", "-1"])
def test_days_that_nobody_means_are_a_mistake(plugin: Path, days: str) -> None:
    """Of a type and of a task, as a field's would not count; the most that does is in order."""

    def check(number: str) -> Result:
        flow = f"""[workflow]
initial = "new"
due_days = {number}
[workflow.states]
new = {{}}
cut = {{ final = true }}
[[workflow.transitions]]
name = "fell"
from = ["new"]
to = "cut"
by = ["staff"]
task = {{ title = "Plant another", days = {number} }}
"""
        (plugin / "schemas" / "tree.toml").write_text(f"{TREE}{flow}", encoding="utf-8")
        return run("check", plugin)

    refused = check(days)
    assert refused.exit_code == 1
    assert "“due_days” takes a number of days from 0 to 100,000" in refused.output
    assert "“days” takes a number of days from 0 to 100,000" in refused.output
    assert check("100000").exit_code == 0, check("100000").output


def test_only_what_was_asked_for_is_told(plugin: Path) -> None:
    """Of a plugin with a broken file, the mistakes of that file are shown when it is checked."""
    (plugin / "schemas" / "bush.toml").write_text(BROKEN, encoding="utf-8")
    told = json.loads(run("check", plugin / "schemas" / "bush.toml", "--json").stdout)
    assert [mistake["key"] for mistake in told["mistakes"]] == ["type.lable", "fields.cut.type"]


def test_a_file_that_belongs_to_no_plugin(tmp_path: Path) -> None:
    """A first draft can be checked before there is a plugin around it."""
    path = tmp_path / "tree.toml"
    path.write_text(TREE, encoding="utf-8")
    assert "1 type in order: draft.tree." in run("check", path).output


def test_all_that_is_installed_is_in_order() -> None:
    """Without a path, core and every plugin are checked."""
    result = run("check")
    assert result.exit_code == 0, result.stderr
    assert "core.contact" in result.output
    assert "complaints.service_request" in result.output


def test_a_type_can_be_shown(plugin: Path) -> None:
    """Fields with their types and rules, in words or as JSON Schema."""
    text = run("show", plugin / "schemas" / "tree.toml").output
    for words in ("parks.tree: Tree", "table: parks_tree", "link to core.contact", "shown if name"):
        assert words in text
    assert json.loads(run("show", plugin, "--json").output)["required"] == ["name"]
    assert "TRANSITION" in run("show", "complaints.service_request").output


def test_an_unknown_type_is_answered_with_the_nearest() -> None:
    """A slip of the finger gets a hint."""
    result = run("show", "core.contct")
    assert result.exit_code == 1
    assert "Did you mean core.contact?" in result.output
