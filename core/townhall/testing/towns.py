"""Making a town once and copying it for every test, so that a test costs a file copy and no migration."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from pathlib import Path

from townhall.access.actors import system
from townhall.clock import Clock
from townhall.extend.manifest import FILE_NAME
from townhall.extend.manifest import read_manifest
from townhall.lifecycle import switching
from townhall.town import Town

#: What time it is in a town that is tried: a Tuesday noon in New York.
MOMENT = datetime(2026, 3, 17, 16, 0, tzinfo=UTC)
SETTINGS = '[town]\nname = "Milbrook"\n'
#: What a plugin's folder may hold that a town has no use for.
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "*.pyc")


@dataclass(frozen=True)
class Template:
    """A town to copy: its folder, and its database if that is not in the folder."""

    folder: Path
    database: str = ""


def make_template(
    folder: Path, plugins: Sequence[str | Path], clock: Clock, *, url: str | None = None, database: str = ""
) -> Template:
    """Make the town that copies are made of: empty, with these plugins on.

    ``plugins`` are names of installed ones and folders of others, which are copied into the town. ``url`` names another
    database than the file in the town's folder; ``database`` is what the template then remembers of it.
    """
    (folder / "plugins").mkdir(parents=True)
    names = [plugin if isinstance(plugin, str) else _put(plugin, folder) for plugin in plugins]
    (folder / "townhall.toml").write_text(SETTINGS, encoding="utf-8")
    town = Town.open(folder, clock=clock, database=url)
    try:
        for name in names:
            switching.enable(town, system("cli"), name)
    finally:
        town.close()
    return Template(folder, database)


def _put(plugin: Path, folder: Path) -> str:
    """Copy a plugin's folder into the town; its name."""
    name = read_manifest(plugin / FILE_NAME).name
    shutil.copytree(plugin, folder / "plugins" / name, ignore=LEFT_OUT)
    return name


@contextmanager
def copy_of(template: Template, folder: Path, clock: Clock, *, url: str | None = None) -> Iterator[Town]:
    """A fresh town, just like the template, for as long as this lasts. ``url`` names a copy of its database."""
    shutil.copytree(template.folder, folder)
    town = Town.open(folder, clock=clock, database=url)
    try:
        yield town
    finally:
        town.close()
