"""Making a town once and copying it for every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postgresql_server import PostgresqlServer

from townhall.access.actors import system
from townhall.clock import Clock
from townhall.lifecycle import switching
from townhall.town import Town

PLUGINS = Path(__file__).parent.parent / "fixtures" / "plugins"


@dataclass(frozen=True)
class Template:
    """A town to copy: its folder, and its database if that is not in the folder."""

    folder: Path
    database: str = ""


def make_template(folder: Path, server: PostgresqlServer | None, plugins: Sequence[str], clock: Clock) -> Template:
    """Make the town that copies are made of: empty, with these plugins on."""
    (folder / "plugins").mkdir(parents=True)
    for name in plugins:
        if (PLUGINS / name).is_dir():
            shutil.copytree(PLUGINS / name, folder / "plugins" / name)
    (folder / "townhall.toml").write_text('[town]\nname = "Milbrook"\n', encoding="utf-8")
    database = server.create() if server is not None else ""
    town = Town.open(folder, clock=clock, database=server.url(database) if server is not None else None)
    try:
        for name in plugins:
            switching.enable(town, system("cli"), name)
    finally:
        town.close()
    if server is not None:
        server.keep(database)
    return Template(folder, database)


@contextmanager
def copy_of(template: Template, folder: Path, server: PostgresqlServer | None, clock: Clock) -> Iterator[Town]:
    """A fresh town, just like the template, for one test."""
    shutil.copytree(template.folder, folder)
    database = server.copy(template.database) if server is not None else ""
    town = Town.open(folder, clock=clock, database=server.url(database) if server is not None else None)
    try:
        yield town
    finally:
        town.close()
        if server is not None:
            server.give_back(database, template.database)
