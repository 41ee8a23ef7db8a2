"""Two departments of a town with the plugin ``desk``, for tests of what one knows of the other's cases."""

from __future__ import annotations

from typing import Any

from desk import TICKET
from desk import make_contact
from desk import make_topic

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.accounts import people
from townhall.records.types import Record
from townhall.testing.clients import PASSWORD
from townhall.town import Town

SYSTEM = system()


class Departments:
    """Two departments with one clerk each, and a case of each about the same contact."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.ann, self.bob = self.person("ann"), self.person("bob")
        self.streets, self.water = self.queue("Streets", self.ann), self.queue("Water", self.bob)
        self.contact = make_contact(town, "Moreau")
        self.topic = make_topic(town, "Potholes", questions=None)
        self.ours = self.ticket("Hole in Elm", queue=self.streets)
        self.theirs = self.ticket("Leak in Oak", queue=self.water, secret="a feud")

    def person(self, name: str, *permissions: str) -> Actor:
        """A colleague, by default a clerk of a department."""
        held = frozenset(permissions) or ROLES["department_clerk"].permissions
        role = "viewer" if permissions else "department_clerk"
        email = f"{name}@milbrook.example"
        made = people.add(self.town, SYSTEM, email, name=name.title(), role=role, password=PASSWORD)
        return Actor("staff", made.name, made.id, held, door="admin")

    def queue(self, name: str, *members: Actor) -> int:
        """A queue with a team."""
        team = [{"person": each.id} for each in members]
        return self.town.records.create(SYSTEM, "core.queue", {"name": name, "members": team}).id

    def ticket(self, summary: str, actor: Actor = SYSTEM, **values: Any) -> Record:
        """A case about the contact."""
        given = {"topic": self.topic.id, "summary": summary, "reporter": self.contact.id, **values}
        return self.town.records.create(actor, TICKET, given)
