"""Towns for tests: on SQLite always, and on a real PostgreSQL server that is started once and thrown away.

``town`` is a fresh town with the plugin in ``tests/fixtures/plugins/desk`` switched on, its clock standing still at
``townhall.testing.towns.MOMENT``. It is a copy of a town that was made once per engine, so a test costs a file copy
and not a migration. ``clock``, ``clerk``, ``viewer`` and ``administrator`` are those of the kit that vendors get.
Without PostgreSQL those variants are skipped, saying so; with ``TOWNHALL_TEST_POSTGRESQL=required`` they fail.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from postgresql_server import PostgresqlServer
from postgresql_server import start_server
from record_guard import guarded
from towns import Template
from towns import copy_of
from towns import make_template

from townhall.clock import FixedClock
from townhall.town import Town
from townhall_forms.tables import describe

#: Where there is room in memory, towns and databases of tests live there: a commit then waits for no disk.
MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3

REQUIRED = os.environ.get("TOWNHALL_TEST_POSTGRESQL") == "required"


def pytest_configure() -> None:
    """Put temporary files into memory, unless ``TMPDIR`` says where they should be."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or not hasattr(os, "ST_NOEXEC"):
        return
    told = os.statvfs(MEMORY)
    if told.f_bavail * told.f_frsize >= ROOM and not told.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it is looked up anew


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end of a run all others would be over, and one core idle."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Take what is imported by now out of the sight of the garbage collector, and let it work between tests only.

    Left to itself it took a sixth of a run, and it may begin wherever something is made: also where a plugin's
    endless recursion has no room left, so that what it clears away can't be closed there.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Clear away what tests left behind, once that is about five applications. They take some 100 MB."""
    if gc.get_count()[0] > 500_000:
        gc.collect()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of our own, on a socket in a temporary folder."""
    with start_server() as server:
        if server.problem:
            (pytest.fail if REQUIRED else pytest.skip)(f"PostgreSQL could not be started: {server.problem}")
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine that a test runs on: every test that asks for it, or for a town, runs on both."""
    return str(request.param)


_templates: dict[tuple[str, tuple[str, ...]], Template] = {}


@pytest.fixture
def make_town(
    engine: str,
    clock: FixedClock,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Town]]:
    """Make a town with these plugins: ``make_town("desk")``, ``make_town("complaints", "grants")``."""
    server = request.getfixturevalue("postgresql_server") if engine == "postgresql" else None
    with ExitStack() as opened:
        guard = opened.enter_context(guarded())
        made = count()

        def make(*plugins: str) -> Town:
            key = (engine, plugins)
            if key not in _templates:
                _templates[key] = make_template(tmp_path_factory.mktemp("template"), server, plugins, clock)
            town = opened.enter_context(copy_of(_templates[key], tmp_path / f"town{next(made)}", server, clock))
            guard.update(describe(town.schemas))
            return town

        yield make


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town with the plugin ``desk``."""
    return make_town("desk")


@pytest.fixture(scope="session", autouse=True)
def _forget_templates(_usual_hasher: PasswordHasher) -> Iterator[None]:
    """Signing in costs no effort in any test, and no template is left behind."""
    yield
    for template in _templates.values():
        shutil.rmtree(template.folder, ignore_errors=True)
    _templates.clear()
