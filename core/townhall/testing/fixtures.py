"""pytest fixtures for a plugin's own tests; pytest finds them by Townhall's entry point.

Which plugins a town has on is said in the project's ``pyproject.toml``::

    [tool.pytest.ini_options]
    townhall_plugins = ["potholes"]

Each line is the name of an installed plugin, or the folder of one (``./allotments``). A town is a copy of one that is
made once, so it costs a test a few milliseconds. While it is open, nothing may reach beyond this machine, and its clock
stands still.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from argon2 import PasswordHasher

    from townhall.access.actors import Actor
    from townhall.clock import FixedClock
    from townhall.records.types import Record
    from townhall.testing.clients import Client
    from townhall.testing.clients import StaffClient
    from townhall.testing.samples import Sampler
    from townhall.testing.towns import Template
    from townhall.town import Town

# Everything of Townhall is imported when a fixture is asked for: pytest loads this module in every project of the
# environment, and most of their tests have nothing to do with towns.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let projects say which plugins their towns have on."""
    parser.addini("townhall_plugins", "Plugins that the fixture town has on: names, or folders", type="linelist")


@pytest.fixture(scope="session")
def _usual_hasher() -> Iterator[PasswordHasher]:
    """How passwords are kept outside of tests; in them it takes less work from here on."""
    from townhall.testing.passwords import quick_passwords

    with quick_passwords() as usual:
        yield usual


@pytest.fixture(scope="session")
def _town_template(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _usual_hasher: PasswordHasher
) -> Template:
    from townhall.clock import FixedClock
    from townhall.testing.towns import MOMENT
    from townhall.testing.towns import make_template

    root = request.config.rootpath
    names: list[str] = request.config.getini("townhall_plugins")
    plugins: list[str | Path] = [root / name if "/" in name or name == "." else name for name in names]
    return make_template(tmp_path_factory.mktemp("town"), plugins, FixedClock(MOMENT))


@pytest.fixture
def clock() -> FixedClock:
    """The town's clock: it stands still on a Tuesday noon until ``clock.move(...)``."""
    from townhall.clock import FixedClock
    from townhall.testing.towns import MOMENT

    return FixedClock(MOMENT)


@pytest.fixture
def network() -> Iterator[list[str]]:
    """Nothing leaves this machine meanwhile; the hosts that something tried to reach."""
    from townhall.testing.network import no_network

    with no_network() as tried:
        yield tried


@pytest.fixture
def town(_town_template: Template, clock: FixedClock, network: list[str], tmp_path: Path) -> Iterator[Town]:
    """A fresh town with the project's plugins on."""
    from townhall.testing.towns import copy_of

    with copy_of(_town_template, tmp_path / "town", clock) as town:
        yield town


@pytest.fixture
def administrator() -> Actor:
    """Somebody who may do everything."""
    return _staff("administrator", "Ada Administrator", 1)


@pytest.fixture
def clerk() -> Actor:
    """Somebody who works with records."""
    return _staff("clerk", "Erin Clerk", 7)


@pytest.fixture
def viewer() -> Actor:
    """Somebody who only looks."""
    return _staff("viewer", "Vic Viewer", 8)


@pytest.fixture
def resident() -> Actor:
    """Somebody on the public site of whom nothing is known."""
    from townhall.access.actors import ANONYMOUS

    return ANONYMOUS


def _staff(role: str, name: str, id: int) -> Actor:
    from townhall.access.actors import Actor
    from townhall.access.roles import ROLES

    return Actor("staff", name, id, ROLES[role].permissions, door="admin")


@pytest.fixture
def samples(town: Town) -> Sampler:
    """Makes records of any type: ``samples.record("potholes.report")``."""
    from townhall.testing.samples import Sampler

    return Sampler(town)


@pytest.fixture
def visitor(town: Town) -> Client:
    """A browser without scripts on the public site."""
    from townhall.app import create_app
    from townhall.testing.clients import Client

    return Client(create_app(town))


@pytest.fixture
def signed_in(town: Town) -> Callable[[str], StaffClient]:
    """A browser without scripts in which a new colleague is signed in: ``signed_in("clerk")``."""
    from townhall.testing.clients import staff_client

    return lambda role: staff_client(town, role)


@pytest.fixture
def outbox(town: Town) -> Callable[[], list[Record]]:
    """What the town wrote to citizens so far, the oldest first: ``outbox()``, each an interaction."""
    from townhall.access.actors import system

    def written() -> list[Record]:
        where = {"direction": "out", "public": True}
        return list(town.records.find(system(), "core.interaction", where, sort="created", limit=1000).records)

    return written
