"""First records: what a plugin ships is planted once, whole, and only where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from plugging import SCHEMA
from plugging import add_plugin
from processes import begin

from townhall.access.actors import system
from townhall.errors import PluginError
from townhall.lifecycle import seeds
from townhall.lifecycle import switching
from townhall.town import Town

CATEGORY = "complaints.category"
#: A process that switches a plugin on.
ENABLE = """\
import sys
from pathlib import Path
from townhall.access.actors import system
from townhall.lifecycle import switching
from townhall.town import Town
switching.enable(Town.open(Path(sys.argv[1]), database=sys.argv[2]), system(), "pond")
"""
#: A hook that waits in the middle of first records for as long as a file is there.
WAITS = """\
import sys
from pathlib import Path
from townhall import for_types, hookimpl
@hookimpl
@for_types("pond.thing")
def before_save(change):
    if Path(%r).exists():
        print("middle", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town with complaints, and what it ships."""
    return make_town("complaints")


def write(folder: Path, text: str) -> Path:
    """A folder with one file of seeds."""
    (folder / seeds.FOLDER).mkdir(parents=True)
    (folder / seeds.FOLDER / "things.toml").write_text(text, encoding="utf-8")
    return folder


def test_seeds_are_not_planted_beside_the_town_s_own(town: Town, tmp_path: Path) -> None:
    """Where the town has a record of the type already, nothing is added, not even when the plugin is switched again."""
    before = town.records.count(system(), CATEGORY).value
    assert before > 0
    folder = write(tmp_path / "more", 'type = "category"\n[[records]]\nname = "Extra"\ncode = "extra"\n')
    assert seeds.plant(town, "complaints", folder) == 0
    switching.disable(town, system(), "complaints")
    switching.enable(town, system(), "complaints")
    assert town.records.count(system(), CATEGORY).value == before


def test_a_plugin_without_seeds_plants_nothing(town: Town, tmp_path: Path) -> None:
    """A plugin need not ship records."""
    assert seeds.plant(town, "complaints", tmp_path) == 0


def test_a_file_is_planted_as_a_whole_or_not_at_all(town: Town, tmp_path: Path) -> None:
    """One wrong record keeps the whole file out, with a sentence that says which and why."""
    text = 'type = "inspection"\n[[records]]\nrequest = 1\nstarts = "2026-04-01 10:00"\n[[records]]\nrequest = 1\n'
    with pytest.raises(PluginError, match=r"things\.toml: record \d, "):
        seeds.plant(town, "complaints", write(tmp_path / "bad", text))
    assert town.records.count(system(), "complaints.inspection").value == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('type = "nothing"\n[[records]]\nname = "x"\n', "no type called “nothing”"),
        ('type = "category"\n', r"\[\[records\]\]"),
        ('type = "category"\nrecord = []\n', "“record” is not a key here"),
        ("type = \n", "can't be read"),
    ],
)
def test_a_file_that_is_wrong_is_named(town: Town, tmp_path: Path, text: str, message: str) -> None:
    """A file of seeds that can't be used is refused in a sentence with its name."""
    with pytest.raises(PluginError, match=message) as refused:
        seeds.plant(town, "complaints", write(tmp_path / "wrong", text))
    assert str(refused.value).startswith("things.toml")


def test_first_records_come_after_a_process_that_was_killed(make_town: Callable[..., Town], tmp_path: Path) -> None:
    """After kill -9 in the middle of first records the plugin is on, and the next start of the town plants them."""
    town = make_town()
    slow = tmp_path / "slow"
    slow.touch()
    folder = add_plugin(town, "pond", code=WAITS % str(slow), schema=SCHEMA.format(name="thing"))
    write(folder, 'type = "thing"\n[[records]]\nlabel = "Heron"\n[[records]]\nlabel = "Carp"\n')
    name = str(town.database.database)
    url = f"sqlite:///{Path(name).name}" if town.database.engine == "sqlite" else name
    process = begin(ENABLE, str(town.instance), url)
    try:
        assert process.stdout.readline().strip() == "middle"
    finally:
        process.kill()
        process.communicate()
    slow.unlink()
    town.reload()
    assert "pond" in town.plugins.running
    assert town.records.count(system(), "pond.thing").value == 0
    for _ in range(2):
        opened = Town.open(town.instance, database=url)
        assert opened.records.count(system(), "pond.thing").value == 2
        opened.close()
