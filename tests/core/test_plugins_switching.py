"""Switching plugins on and off: tried as a whole first, nothing lost, and a broken one stops nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from plugging import SCHEMA
from plugging import add_plugin

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Forbidden
from townhall.errors import PluginError
from townhall.extend.discovery import discover
from townhall.lifecycle import switching
from townhall.town import Town


def status(town: Town, name: str) -> switching.Status:
    return switching.status(town, name)


def test_switching_on_brings_types_and_raises_the_generation(town: Town) -> None:
    """A plugin's types are there at once, and other processes see that something changed."""
    add_plugin(town, "park")
    before = town.generation()
    switching.enable(town, system(), "park")
    assert "park.thing" in town.schemas
    assert town.generation() > before
    assert status(town, "park").running
    town.records.create(system(), "park.thing", {"label": "Bench"})


def test_a_preview_changes_nothing(town: Town) -> None:
    """A preview shows the types that would come, and leaves everything as it was."""
    add_plugin(town, "park")
    before = town.generation()
    plan = switching.preview(town, "park")
    assert [each.identity for each in plan.types] == ["park.thing"]
    assert (plan.problem, plan.title, town.generation()) == ("", "Park", before)
    assert "park.thing" not in town.schemas


def test_switching_off_keeps_tables_and_rows(town: Town) -> None:
    """A plugin that is off has frozen types; switched on again it finds its records."""
    add_plugin(town, "park")
    switching.enable(town, system(), "park")
    record = town.records.create(system(), "park.thing", {"label": "Bench"})
    switching.disable(town, system(), "park")
    assert town.schemas["park.thing"].frozen
    assert not status(town, "park").running
    switching.enable(town, system(), "park")
    assert town.records.get(system(), "park.thing", record.id)["label"] == "Bench"


def test_switching_off_needs_none_of_the_files(town: Town) -> None:
    """A plugin whose folder is gone is told as such, and can be switched off."""
    folder = add_plugin(town, "park")
    switching.enable(town, system(), "park")
    for file in sorted(folder.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    folder.rmdir()
    town.reload()
    assert "its files are gone" in status(town, "park").reason
    assert not switching.disable(town, system(), "park").enabled


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"schema": "[type]\nnaem = 1\n"}, "naem"),
        ({"schema": "not toml"}, "thing.toml"),
        ({"code": "import nothing_of_that_name\n"}, "could not be imported: ModuleNotFoundError"),
        ({"code": "raise SystemExit(3)\n"}, "could not be imported: SystemExit"),
        ({"code": "from townhall import hookimpl\n@hookimpl\ndef when_it_rains():\n    pass\n"}, "hook when_it_rains"),
        ({"code": "from townhall import hookimpl\n@hookimpl\ndef after_sve():\n    pass\n"}, "Did you mean after_save"),
        (
            {"code": "from townhall import hookimpl\n@hookimpl\ndef after_save(chnge):\n    pass\n"},
            "its after_save doesn't fit: it takes chnge, which this hook doesn't give; did you mean change?",
        ),
        (
            {"code": "from townhall import hookimpl\n@hookimpl\ndef after_save(weather):\n    pass\n"},
            "it gives town, change",
        ),
        ({"requires": 'requires = ["lake"]\n'}, "lake"),
        ({"manifest": 'name = "other"\ntitle = "x"\nversion = "1"\napi = ">=1"\n'}, "must be the same as its folder"),
        (
            {"manifest": 'name = "park"\ntitle = "Park"\nversion = "1"\napi = ">=9"\n'},
            "made for plugin API 9 or newer",
        ),
    ],
)
def test_one_that_does_not_fit_changes_nothing(town: Town, options: dict[str, str], words: str) -> None:
    """A broken schema, manifest, import, hook or requirement is told in a sentence, and nothing is switched."""
    add_plugin(town, "park", **options)
    before = (town.generation(), set(town.schemas))
    with pytest.raises(PluginError, match=words.replace(">", "\\>")):
        switching.enable(town, system(), "park")
    assert (town.generation(), set(town.schemas)) == before
    assert not status(town, "park").enabled


def test_one_that_breaks_later_is_off_with_a_reason(town: Town) -> None:
    """A plugin that was on and whose schema is broken now stays off at the next start; the others run."""
    folder = add_plugin(town, "park")
    switching.enable(town, system(), "park")
    (folder / "schemas" / "thing.toml").write_text("[type]\n", encoding="utf-8")
    town.reload()
    now = status(town, "park")
    assert (now.enabled, now.running) == (True, False)
    assert "thing.toml" in now.reason
    assert "desk.ticket" in town.schemas
    (folder / "schemas" / "thing.toml").write_text(SCHEMA.format(name="thing"), encoding="utf-8")
    town.reload()
    assert status(town, "park").running
    assert status(town, "park").reason == ""


def test_a_field_whose_storage_changed_keeps_only_its_plugin_off(town: Town) -> None:
    """Tables only grow: text that becomes a number is refused at the next start, and nothing else suffers."""
    folder = add_plugin(town, "park")
    switching.enable(town, system(), "park")
    changed = SCHEMA.format(name="thing") + '[fields.number_of_trees]\ntype = "integer"\n'
    (folder / "schemas" / "thing.toml").write_text(changed, encoding="utf-8")
    town.reload()
    assert status(town, "park").running
    again = changed.replace('type = "integer"', 'type = "text"')
    (folder / "schemas" / "thing.toml").write_text(again, encoding="utf-8")
    town.reload()
    assert not status(town, "park").running
    assert "number_of_trees" in status(town, "park").reason
    assert "desk.ticket" in town.schemas


def test_what_is_required_comes_too_and_goes_last(town: Town) -> None:
    """Switching on brings required plugins along; one that another needs can't be switched off."""
    add_plugin(town, "lake")
    add_plugin(town, "park", requires='requires = ["lake"]\n')
    assert switching.preview(town, "park").also == ("lake",)
    switching.enable(town, system(), "park")
    assert status(town, "lake").running
    with pytest.raises(PluginError, match=r"Park needs Lake\. Switch that off first\."):
        switching.disable(town, system(), "lake")
    switching.disable(town, system(), "park")
    switching.disable(town, system(), "lake")


def test_only_who_may_manages_plugins(town: Town, clerk: Actor, administrator: Actor) -> None:
    """The permission plugins.manage decides."""
    add_plugin(town, "park")
    with pytest.raises(Forbidden):
        switching.enable(town, clerk, "park")
    switching.enable(town, administrator, "park")
    with pytest.raises(Forbidden):
        switching.disable(town, clerk, "park")


def test_an_unknown_plugin_is_told(town: Town) -> None:
    """A name that is not there gives a sentence, and so does switching off what is off."""
    with pytest.raises(PluginError, match="there is no such plugin"):
        switching.enable(town, system(), "unicorns")
    add_plugin(town, "park")
    with pytest.raises(PluginError, match="off already"):
        switching.disable(town, system(), "park")


def test_settings_of_a_plugin_are_checked_and_have_defaults(town: Town) -> None:
    """[plugins.NAME] of townhall.toml fills the settings that the manifest declares; a wrong one keeps it off."""
    head = 'name = "park"\ntitle = "Park"\nversion = "1"\napi = ">=1"\n'
    settings = '[settings.radius]\ntype = "integer"\ndefault = 50\n[settings.word]\n'
    add_plugin(town, "park", manifest=head + settings)
    switching.enable(town, system(), "park")
    assert dict(town.plugins.settings("park")) == {"radius": 50, "word": ""}
    file = town.instance / "townhall.toml"
    file.write_text("[plugins.park]\nradius = 80\n", encoding="utf-8")
    assert town.renewed().plugins.settings("park")["radius"] == 80
    file.write_text('[plugins.park]\nradius = "far"\nraduis = 1\n', encoding="utf-8")
    problem = town.renewed().plugins.problems["park"]
    assert "plugins.park.radius: 'far' must be a whole number." in problem
    assert "plugins.park.raduis: Park has no such setting." in problem


def test_safe_mode_runs_no_code(town: Town) -> None:
    """With safe mode, types are there and no line of a plugin's code runs."""
    add_plugin(town, "quiet")
    switching.enable(town, system(), "quiet")
    marker = town.instance / "ran"
    code = f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
    (town.instance / "plugins" / "quiet" / "__init__.py").write_text(code, encoding="utf-8")
    safe = Town(town.instance, town.settings, town.database, town.clock, safe_mode=True)
    assert "quiet.thing" in safe.schemas
    assert not marker.exists()


def test_finding_plugins_runs_no_code(town: Town) -> None:
    """Manifests are read without importing anything."""
    marker = town.instance / "ran"
    add_plugin(town, "nosy", code=f"from pathlib import Path\nPath({str(marker)!r}).touch()\n")
    assert "nosy" in discover(town.instance)
    assert not marker.exists()


def test_shipped_plugins_are_found_and_marked(tmp_path: Path) -> None:
    """The plugins that come with Townhall are found by their entry points, without an instance's folder."""
    found = discover(tmp_path)
    shipped = {name for name, plugin in found.items() if plugin.shipped}
    assert {"complaints", "grants", "economic_development", "recruitment"} <= shipped
    assert all(found[name].manifest for name in shipped)


def test_a_folder_with_the_name_of_a_package_is_told(make_town: Callable[..., Town]) -> None:
    """A name that is there twice is used from the package, and the folder is shown with the reason."""
    town = make_town()
    add_plugin(town, "grants")
    found = discover(town.instance)
    assert found["grants"].shipped
    twice = [plugin for plugin in found.values() if "already a plugin called grants" in plugin.problem]
    assert len(twice) == 1
