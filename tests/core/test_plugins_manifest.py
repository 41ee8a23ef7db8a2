"""plugin.toml: what it may say, and a sentence for every mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from townhall.errors import PluginError
from townhall.extend.manifest import read_manifest

GOOD = """
name = "park"
title = "Parks"
version = "1.2.0"
api = ">=1,<2"
"""


def manifest_file(folder: Path, text: str) -> Path:
    file = folder / "plugin.toml"
    file.write_text(text, encoding="utf-8")
    return file


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(PluginError) as caught:
        read_manifest(manifest_file(folder, text))
    return str(caught.value).splitlines()


def test_a_short_manifest_is_enough(tmp_path: Path) -> None:
    """Name, title, version and api are all that is needed; the rest has defaults."""
    manifest = read_manifest(manifest_file(tmp_path, GOOD))
    assert (manifest.name, manifest.title, manifest.version) == ("park", "Parks", "1.2.0")
    assert manifest.requires == ()
    assert manifest.fits


def test_a_full_manifest_is_read(tmp_path: Path) -> None:
    """Settings and navigation come out as typed values, labels filled in from names."""
    text = GOOD + (
        'requires = ["desk"]\nauthor = "Vendor"\nlicense = "MIT"\nicon = "tree"\ndescription = "Trees."\n'
        '[settings.radius]\ntype = "integer"\ndefault = 50\n'
        '[settings.mode]\ntype = "choice"\nchoices = ["slow", "fast"]\n'
        '[navigation]\nlabel = "Green"\norder = 7\n'
        '[permissions]\nfell = "Fell a tree"\n'
    )
    manifest = read_manifest(manifest_file(tmp_path, text))
    assert manifest.requires == ("desk",)
    assert (manifest.settings["radius"].label, manifest.settings["radius"].default) == ("Radius", 50)
    assert manifest.settings["mode"].default == "slow"
    assert manifest.permissions == {"fell": "Fell a tree"}
    assert (manifest.navigation_label, manifest.navigation_order) == ("Green", 7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + 'titel = "x"', "titel: there is no such key. Did you mean title?"),
        (GOOD + "[settings.a]\ntyp = 'text'", "settings.a.typ: there is no such key. Did you mean type?"),
        (GOOD + "[permissions]\nFell = 'x'", "permissions.Fell: 'Fell' must be small letters"),
        (GOOD + "[permissions]\nfell = ''", "permissions.fell: say in a few words what it allows"),
        (GOOD + "[settings.a]\ntype = 'colour'", "settings.a.type: 'colour' must be one of text, integer"),
        (GOOD + "[settings.a]\ntype = 'integer'\ndefault = 'x'", "settings.a.default: 'x' must be a whole number."),
        (GOOD + "[settings.a]\ntype = 'choice'", "settings.a.choices: a choice needs choices."),
        (GOOD + "requires = 'desk'", "requires: this must be a list of plugins' names"),
        (GOOD + "requires = ['park']", "requires: a plugin can't require itself."),
        (GOOD + "[navigation]\norder = 'first'", "navigation.order: 'first' must be a whole number."),
        (GOOD.replace('"park"', '"Park"'), "name: 'Park' must be small letters, digits and _"),
        (GOOD.replace('"park"', '"core"'), "name: 'core' is taken by Townhall itself"),
        (GOOD.replace('"1.2.0"', '"one"'), "version: 'one' is no version"),
        (GOOD.replace('">=1,<2"', '"newest"'), "api: 'newest' is no range of versions"),
        (GOOD.replace('"Parks"', "7"), "title: 7 must be text in quotes."),
        ('name = "park"', "title: this is missing."),
        ("name = ", "the file is not valid TOML"),
    ],
)
def test_a_mistake_is_a_sentence_with_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    """Each mistake names the file and the key, and says what to write."""
    found = mistakes(tmp_path, text)
    assert any(words in line for line in found)
    assert all("plugin.toml" in line for line in found)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Three mistakes give three lines."""
    assert len(mistakes(tmp_path, GOOD + 'titel = "x"\nrequires = 1\n[navigation]\nplace = 1\n')) == 3


def test_a_manifest_for_another_api_does_not_fit(tmp_path: Path) -> None:
    """The range of the plugin API is compared with what this Townhall offers."""
    assert not read_manifest(manifest_file(tmp_path, GOOD.replace(">=1,<2", ">=2"))).fits


def test_a_folder_without_a_manifest_is_told(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(PluginError, match=r"every plugin needs a plugin\.toml"):
        read_manifest(tmp_path / "plugin.toml")
