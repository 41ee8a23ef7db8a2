"""A served town with plugins that break lying beside it, and a browser that outlives switching them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk import make_ticket
from desk import make_topic
from staff_client import PASSWORD
from staff_client import add_person
from towns import PLUGINS
from werkzeug.test import Client
from werkzeug.test import TestResponse

from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.db import meta
from townhall.extend import states
from townhall.lifecycle import switching
from townhall.town import Town
from townhall.wsgi import TownApplication

BROKEN = Path(__file__).parent.parent / "broken_plugins"
ALL = sorted(folder.name for folder in BROKEN.iterdir() if (folder / "plugin.toml").exists())
#: Those that break when they are brought up from an earlier version, which lies in a folder of theirs.
BEFORE = "before"
BROUGHT_UP = [name for name in ALL if (BROKEN / name / BEFORE).is_dir()]
PERSON = {"kind": "person", "family_name": "Moreau"}


class Visitor:
    """A browser that keeps its cookies, whatever is switched meanwhile."""

    def __init__(self, application: TownApplication) -> None:
        self.http = Client(application)
        self.token = ""

    def get(self, url: str) -> TestResponse:
        """Open a page."""
        response = self.http.get(url)
        if response.mimetype == "text/html":
            found = re.search(r'name="csrf_token" value="([^"]+)"', response.text)
            self.token = found.group(1) if found else self.token
        return response

    def post(self, url: str, data: Mapping[str, Any]) -> TestResponse:
        """Send a form."""
        return self.http.post(url, data={"csrf_token": self.token, **data})


@dataclass
class Hall:
    """A town that is served, with all broken plugins lying in its folder and none switched on."""

    application: TownApplication
    desk: Visitor
    street: Visitor
    contact: int
    ticket: int

    @property
    def town(self) -> Town:
        """The town as it is served now."""
        return self.application.town

    @contextmanager
    def on(self, *names: str) -> Iterator[Town]:
        """While this lasts, these plugins are wanted, whether they can start or not."""
        self._switch(names, True)
        try:
            yield self.town
        finally:
            for name in names:
                self.town.failures.forget(name)
            self._switch(names, False)

    def _switch(self, names: tuple[str, ...], on: bool) -> None:
        town = self.town
        for name in names:
            states.switch(town.system, name, on, at=town.clock.now(), by="test")
        meta.bump_generation(town.system)
        self.street.get("/health")
        assert self.town.is_current


def make_hall(folder: Path, clock: FixedClock) -> Hall:
    """A hall in an empty folder."""
    return open_hall(folder, clock, *lay_out(folder, clock))


def lay_out(folder: Path, clock: FixedClock, database: str | None = None) -> tuple[int, int]:
    """Make the town of a hall in an empty folder, and close it; the numbers of its contact and its ticket."""
    (folder / "plugins").mkdir(parents=True)
    for source in (PLUGINS / "desk", *(BROKEN / name for name in ALL)):
        shutil.copytree(source / BEFORE if source.name in BROUGHT_UP else source, folder / "plugins" / source.name)
    settings = '[town]\nname = "Milbrook"\n[plugins.settings_wrong]\ndays = "soon"\n'
    (folder / "townhall.toml").write_text(settings, encoding="utf-8")
    town = Town.open(folder, clock=clock, database=database)
    try:
        switching.enable(town, system(), "desk")
        contact = town.records.create(system(), "core.contact", PERSON)
        if BROUGHT_UP:
            _bring_up(town, contact.id)
        ticket = make_ticket(town, system(), make_topic(town), reporter=contact.id, open_to_all=True)
        add_person(town, "ada@milbrook.example", "administrator")
        return contact.id, ticket.id
    finally:
        town.close()


def open_hall(folder: Path, clock: FixedClock, contact: int, ticket: int, database: str | None = None) -> Hall:
    """Serve a town that was laid out, or a copy of one, and sign its administrator in."""
    application = TownApplication(Town.open(folder, clock=clock, database=database))
    desk = Visitor(application)
    desk.get("/admin/sign-in")
    assert desk.post("/admin/sign-in", {"email": "ada@milbrook.example", "password": PASSWORD}).status_code == 302
    desk.get("/admin/account")
    return Hall(application, desk, Visitor(application), contact, ticket)


def _bring_up(town: Town, contact: int) -> None:
    """Let the earlier versions work, then put the broken ones in their place."""
    switching.enable_all(town, system(), BROUGHT_UP)
    for name in BROUGHT_UP:
        known = town.schemas[f"{name}.thing"].fields
        line = {"what": "Kerb", "tint": "Blue"}
        lines = [{key: line[key] for key in line if key in known["lines"].row_fields}] if "lines" in known else []
        given = {"label": "Moreau", "shade": "Green", "lines": lines, "who": contact}
        town.records.create(system(), f"{name}.thing", {key: given[key] for key in given if key in known})
    for name in BROUGHT_UP:
        states.switch(town.system, name, False, at=town.clock.now(), by="test")
        shutil.rmtree(town.instance / "plugins" / name)
        shutil.copytree(BROKEN / name, town.instance / "plugins" / name)
    meta.bump_generation(town.system)
    town.reload()


def count(town: Town, identity: str) -> int:
    """How many records of a type there are."""
    return town.records.count(system(), identity, archived=None).value
