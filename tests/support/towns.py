"""The kit's towns on either engine: a template is made once, and copied for every test."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

from postgresql_server import PostgresqlServer

from townhall.clock import Clock
from townhall.testing import towns
from townhall.testing.towns import Template
from townhall.town import Town

__all__ = ["PLUGINS", "Template", "copy_of", "make_template"]

PLUGINS = Path(__file__).parent.parent / "fixtures" / "plugins"


def make_template(folder: Path, server: PostgresqlServer | None, plugins: Sequence[str], clock: Clock) -> Template:
    """Make the town that copies are made of: empty, with these plugins on, those of the tests among them."""
    wanted = [PLUGINS / name if (PLUGINS / name).is_dir() else name for name in plugins]
    if server is None:
        return towns.make_template(folder, wanted, clock)
    database = server.create()
    template = towns.make_template(folder, wanted, clock, url=server.url(database), database=database)
    server.keep(database)
    return template


@contextmanager
def copy_of(template: Template, folder: Path, server: PostgresqlServer | None, clock: Clock) -> Iterator[Town]:
    """A fresh town, just like the template, for one test."""
    if server is None:
        with towns.copy_of(template, folder, clock) as town:
            yield town
        return
    database = server.copy(template.database)
    try:
        with towns.copy_of(template, folder, clock, url=server.url(database)) as town:
            yield town
    finally:
        server.give_back(database, template.database)
