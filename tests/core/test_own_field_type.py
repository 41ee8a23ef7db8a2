"""The page on field types of a plugin's own: its example is a module that works, by the page alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result

from townhall.access.actors import system
from townhall.cli import main
from townhall.errors import ValidationFailed
from townhall.lifecycle import switching
from townhall.testing.conformance import check_plugin
from townhall.town import Town

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "add-a-field-type.md"
MANIFEST = """
name = "deeds"
title = "Deeds"
description = "What stands in the land register."
version = "1.0.0"
api = ">=1,<2"
"""
DEED = "deeds.deed"


def lay(folder: Path) -> Path:
    """The files of the page, in a folder for a plugin."""
    blocks = re.findall(
        r"```(?:toml|python)\n# townhall_deeds/(\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert [name for name, _ in blocks] == ["__init__.py", "schemas/deed.toml", "samples/deed.toml"]
    for name, text in [("plugin.toml", MANIFEST), *blocks]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def schema(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["--instance", "nowhere", "schema", *map(str, arguments)])


def test_its_schema_is_checked_and_shown_before_any_town_has_it(tmp_path: Path) -> None:
    """A type that only the plugin's own code brings is known to the commands, in its project's folder too."""
    folder = lay(tmp_path / "project" / "townhall_deeds")
    (tmp_path / "project" / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    for path in (folder, folder / "schemas", tmp_path / "project"):
        checked = schema("check", path)
        assert (checked.exit_code, "1 type in order: deeds.deed." in checked.output) == (0, True), checked.output
    assert re.search(r"^parcel +parcel +internal +required, search$", schema("show", folder).output, re.MULTILINE)


def test_code_that_can_not_be_imported_is_told_beside_the_type_that_is_not_known(tmp_path: Path) -> None:
    """Else the vendor would look for the mistake in the schema."""
    folder = lay(tmp_path / "deeds")
    (folder / "__init__.py").write_text("import nothing_of_that_name\n", encoding="utf-8")
    text = (folder / "schemas" / "deed.toml").read_text(encoding="utf-8").replace('"parcel"', '"parcel_two"')
    (folder / "schemas" / "deed.toml").write_text(text, encoding="utf-8")
    checked = schema("check", folder)
    assert checked.exit_code == 1
    assert "deeds: its code could not be imported: ModuleNotFoundError" in checked.stderr
    assert "“parcel_two” is not a field type" in checked.stderr


def test_the_example_works_in_a_town(town: Town) -> None:
    """However it is typed, it is kept, found and filtered in one way, and a wrong digit is told."""
    lay(town.instance / "plugins" / "deeds")
    switching.enable(town, system(), "deeds")
    deed = town.records.create(system(), DEED, {"parcel": "12 345 678"})
    assert (deed["parcel"], deed.title) == ("12-345-678", "12-345-678")
    assert town.records.count(system(), DEED, {"parcel": "12-345-678"}).value == 1
    for wrong, words in (("12 345 679", "A digit of this number is wrong"), ("12", "Enter eight digits")):
        with pytest.raises(ValidationFailed, match=words):
            town.records.create(system(), DEED, {"parcel": wrong})


def test_the_example_passes_the_check(tmp_path: Path) -> None:
    """As the page says, with the record in its samples."""
    report = check_plugin(lay(tmp_path / "deeds"))
    assert [(each.name, each.sentences) for each in report.outcomes if each.verdict == "failed"] == []
