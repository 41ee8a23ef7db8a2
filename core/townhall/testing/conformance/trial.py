"""The town in which a plugin is tried: a folder that is thrown away, with everybody who may come to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import ExitStack
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from flask import Flask

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.app import create_app
from townhall.clock import FixedClock
from townhall.errors import PluginError
from townhall.extend.discovery import discover
from townhall.extend.manifest import FILE_NAME
from townhall.extend.manifest import read_manifest
from townhall.lifecycle import switching
from townhall.testing.clients import Client
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.testing.passwords import quick_passwords
from townhall.testing.samples import Sampler
from townhall.testing.towns import LEFT_OUT
from townhall.testing.towns import MOMENT
from townhall.testing.towns import SETTINGS
from townhall.town import Town
from townhall_forms.schema import RecordType

ADMINISTRATOR = "ada@milbrook.example"
CLERK = "erin@milbrook.example"
VIEWER = "vic@milbrook.example"


@dataclass
class Trial:
    """A town with the plugin called ``name`` on, and samples of its types.

    ``tables`` are those that the town had before it was on, ``reached`` the machines that it asked for at once.
    """

    town: Town
    name: str
    folder: Path
    tables: frozenset[str] = frozenset()
    reached: Sequence[str] = ()
    sampler: Sampler = field(init=False)

    def __post_init__(self) -> None:
        self.renew()

    @property
    def actor(self) -> Actor:
        """Whoever looks after the town."""
        return system("cli", "Trial")

    @property
    def types(self) -> list[RecordType]:
        """The plugin's own types."""
        return [record_type for record_type in self.town.schemas.values() if record_type.plugin == self.name]

    def renew(self) -> None:
        """Start new samples, after something was switched."""
        self.sampler = Sampler(self.town)

    def app(self) -> Flask:
        """The town's web application as it is now."""
        return create_app(self.town)

    def staff(self, app: Flask, email: str = CLERK) -> StaffClient:
        """Somebody who is signed in."""
        return StaffClient(app, email)

    def visitor(self, app: Flask) -> Client:
        """Somebody on the public site."""
        return Client(app)


def put(folder: Path, town_folder: Path) -> str:
    """Put a plugin's folder into a town, in place of an earlier version; its name."""
    name = read_manifest(folder / FILE_NAME).name
    target = town_folder / "plugins" / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, ignore=LEFT_OUT)
    return name


def installed(folder: Path, town_folder: Path) -> bool:
    """Whether this very folder is found as an installed package."""
    return any(found.module and found.folder.resolve() == folder.resolve() for found in discover(town_folder).values())


@contextmanager
def trial_town(place: Path, folder: Path) -> Iterator[Town]:
    """An empty town at ``place`` that has the plugin in ``folder``, off, and three people who work there.

    A plugin that is installed from this very folder is used as it is installed, any other is copied into the town.
    Raises :class:`~townhall.errors.PluginError` if another one of its name is installed, which would be tried instead.
    """
    place.mkdir(parents=True)
    (place / "townhall.toml").write_text(SETTINGS + "[limits]\npublic_submissions_per_hour = 1000\n", encoding="utf-8")
    if not installed(folder, place):
        name = put(folder, place)
        if other := discover(place)[name].module:
            raise PluginError(
                f"Another {name} is installed here, and a town would use that one: {discover(place)[name].folder}. "
                f"Install the one that you check (pip install -e PROJECT), or take {other} away (pip uninstall)."
            )
    with ExitStack() as stack:
        stack.enter_context(quick_passwords())
        town = Town.open(place, clock=FixedClock(MOMENT))
        stack.callback(town.close)
        for email, role in ((ADMINISTRATOR, "administrator"), (CLERK, "clerk"), (VIEWER, "viewer")):
            add_person(town, email, role)
        yield town


def enable(town: Town, name: str) -> None:
    """Switch the plugin on, as an administrator does. Raises :class:`~townhall.errors.PluginError`."""
    switching.enable(town, system("cli", "Trial"), name)
