"""Panels: what points at a record, by type."""

from __future__ import annotations

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.town import Town

SYSTEM = system()
TICKET = "desk.ticket"


def test_panels_list_what_points_here(town: Town, clerk: Actor) -> None:
    """Each link that asks for a panel gives one, with the first records and how many there are."""
    person = town.records.create(SYSTEM, "core.contact", {"given_name": "Halina"})
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})
    for index in range(12):
        values = {"topic": topic.id, "summary": f"Hole {index}", "reporter": person.id}
        town.records.create(SYSTEM, TICKET, values | ({"watchers": [person.id]} if index == 3 else {}))
    panels = {
        (panel.type.identity, panel.field.name): panel
        for panel in town.records.panels(clerk, town.records.get(clerk, "core.contact", person.id))
    }
    reported = panels[TICKET, "reporter"]
    assert (reported.label, len(reported.records), str(reported.count)) == ("Tickets", 10, "12")
    assert panels[TICKET, "watchers"].label == "Watches"
    assert [record.title for record in panels[TICKET, "watchers"].records] == ["Potholes: Hole 3"]
    assert str(panels["core.event", "attendees"].count) == "0"
    assert ("core.interaction", "contact") not in panels, 'panel = "" asks for none'


def test_panels_show_only_what_one_may_see(town: Town, clerk: Actor) -> None:
    """Types without permission have no panel, and the public gets public records by public links."""
    topic = town.records.create(SYSTEM, "desk.topic", {"name": "Potholes"})
    town.records.create(SYSTEM, TICKET, {"topic": topic.id, "summary": "Open", "open_to_all": True})
    town.records.create(SYSTEM, TICKET, {"topic": topic.id, "summary": "Closed"})
    (panel,) = town.records.panels(ANONYMOUS, town.records.get(ANONYMOUS, "desk.topic", topic.id))
    assert [record.title for record in panel.records] == ["Potholes: Open"]
    reader = Actor("staff", "Olga", 9, frozenset({"desk.topic.view"}))
    assert town.records.panels(reader, town.records.get(reader, "desk.topic", topic.id)) == []
