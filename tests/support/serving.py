"""A town as a server shows it, for tests of what needs no restart."""

from __future__ import annotations

from flask import Response
from staff_client import StaffClient
from staff_client import add_person
from werkzeug.test import Client

from townhall.town import Town
from townhall.wsgi import TownApplication


class Served:
    """The town as a server shows it, which takes up what is published."""

    def __init__(self, town: Town) -> None:
        self.application = TownApplication(town)

    @property
    def town(self) -> Town:
        """The town as the last request left it."""
        return self.application.town

    def test_client(self) -> Client:
        """A browser without scripts."""
        return Client(self.application, Response)

    def staff(self, role: str, name: str) -> StaffClient:
        """Somebody who is signed in."""
        add_person(self.town, f"{name.lower()}@milbrook.example", role, name)
        return StaffClient(self.application, f"{name.lower()}@milbrook.example")
