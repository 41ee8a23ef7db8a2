"""A town with a small plugin that uses everything the public site offers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from townhall.access.actors import system
from townhall.lifecycle import switching
from townhall.town import Town

FIXTURES = Path(__file__).parent.parent / "fixtures" / "portal"


@pytest.fixture
def park(tmp_path: Path) -> Iterator[Town]:
    """A town in which the park plugin is on."""
    instance = tmp_path / "instance"
    shutil.copytree(FIXTURES / "park", instance / "plugins" / "park")
    (instance / "townhall.toml").write_text('[town]\nname = "Testford"\nphone = "212 555 0142"\n', encoding="utf-8")
    (instance / "secret_key").write_text("0123456789abcdef" * 4, encoding="utf-8")
    town = Town.open(instance)
    switching.enable(town, system(), "park")
    town.reload()
    yield town
    town.close()
