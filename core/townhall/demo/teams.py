"""The demo town's teams: who belongs to which queue, the wards, and a few routing rules."""

from __future__ import annotations

import json
from itertools import cycle
from itertools import islice
from typing import TYPE_CHECKING

from townhall.cases import wards
from townhall.cases.routes import place_field
from townhall.cases.rulebook import QUEUE
from townhall.cases.rulebook import ROUTE
from townhall.cases.rulebook import WARD
from townhall.cases.rulebook import all_of
from townhall.records import colleagues
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.demo.building import Demo

#: Corners of the wards, longitude and latitude, one after the other; the river bends between them.
WARDS = {
    "Old Town": ((-84.57, 39.392), (-84.553, 39.389), (-84.548, 39.402), (-84.556, 39.411), (-84.571, 39.407)),
    "Riverside": (
        (-84.59, 39.37), (-84.53, 39.37), (-84.53, 39.395), (-84.548, 39.402), (-84.553, 39.389),
        (-84.57, 39.392), (-84.571, 39.407), (-84.59, 39.4),
    ),
    "Mill Hill": (
        (-84.59, 39.4), (-84.571, 39.407), (-84.556, 39.411), (-84.552, 39.43), (-84.59, 39.43),
    ),
    "Weir Park": (
        (-84.552, 39.43), (-84.556, 39.411), (-84.548, 39.402), (-84.53, 39.395), (-84.53, 39.43),
    ),
}  # fmt: skip


def build(demo: Demo) -> None:
    """Give every queue a team, every kind of case a queue, and the town wards and rules."""
    town, at = demo.town, demo.days_ago(400)
    kinds = [each for each in town.schemas.values() if each.is_case and each.navigation == "records"]
    for kind in kinds:
        if kind.workflow is not None and not kind.workflow.queue:
            _queue_for(demo, kind)
    people = cycle([id for name, id in demo.staff.items() if name != _boss(demo)] or demo.staff.values())
    for record in list(all_of(town, QUEUE)):
        team = dict.fromkeys(islice(people, 2))
        members = [{"person": person, "lead": index == 0} for index, person in enumerate(team)]
        demo.update(record, {"members": members}, at=at, by=_boss(demo))
    _wards(demo)
    for kind in kinds:
        if place_field(kind) is not None and "priority" in kind.fields:
            _rules(demo, kind)


def give_to(demo: Demo, *, department_clerk: int, contractor: int) -> None:
    """Give those whose roles are narrow something to see: one is on a team, the other has three cases to do."""
    town, at, boss = demo.town, demo.now, _boss(demo)
    known = colleagues.read(town)
    for kind in town.schemas.values():
        if place_field(kind) is None or not known.may_work(contractor, kind):
            continue
        free = {"closed": {"empty": True}, "queue": {"empty": False}}
        for record in town.records.find(demo.as_staff(boss), kind.identity, free, sort="-created", limit=3).records:
            demo.update(record, {"assignee": contractor}, at=at, by=boss)
            queue = town.records.get(demo.as_staff(boss), QUEUE, record.queue or 0)
            if department_clerk not in {member["person"] for member in queue["members"] or ()}:
                members = [*(queue["members"] or ()), {"person": department_clerk, "lead": False}]
                demo.update(queue, {"members": members}, at=at, by=boss)
        return


def _boss(demo: Demo) -> str:
    """Who sets the town up. A name that is given takes nothing of the demo's chance."""
    return next(iter(demo.staff))


def _queue_for(demo: Demo, kind: RecordType) -> None:
    """One queue for each module whose cases name none themselves."""
    name = "Town office" if kind.plugin == "core" else demo.town.plugins.title(kind.plugin)
    found = demo.town.records.find(demo.as_staff(_boss(demo)), QUEUE, {"name": name}, limit=1).records
    default_for = [kind.identity]
    if found:
        default_for = [*(found[0]["default_for"] or ()), *default_for]
        demo.update(found[0], {"default_for": default_for}, at=demo.days_ago(400), by=_boss(demo))
    else:
        demo.create(QUEUE, {"name": name, "default_for": default_for}, at=demo.days_ago(400), by=_boss(demo))


def _wards(demo: Demo) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [[*corners, corners[0]]]},
        }
        for name, corners in WARDS.items()
    ]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    with demo.at(demo.days_ago(400)):
        wards.import_outlines(demo.town, demo.as_staff(_boss(demo)), data, source="millbrook-wards.geojson")


def _rules(demo: Demo, kind: RecordType) -> None:
    """A rule by words, one by ward, one by time."""
    town = demo.town
    ward = town.records.find(demo.as_staff(_boss(demo)), WARD, {"name": "Riverside"}, limit=1, fields=()).records[0]
    queues = [record.id for record in all_of(town, QUEUE, sort="name") if not record["default_for"]]
    if not queues:
        return
    priority = kind.fields["priority"].choices
    rules = [
        {
            "name": "Danger comes first",
            "order": 10,
            "words": "sparks, gas, loose wire*, nail",
            "priority": priority[-1].value if priority else None,
            "to_queue": queues[0],
            "notes": "Whatever can hurt somebody goes to the people who can close a street.",
        },
        {
            "name": "Floods by the river",
            "order": 20,
            "words": "flood*, drain*, water",
            "wards": [ward.id],
            "person": next(iter(demo.staff.values())),
            "notes": "The river team was promised one person to talk to.",
        },
        {
            "name": "Letters on Fridays",
            "order": 30,
            "channels": ["letter", "fax"],
            "times": [{"day": "4"}],
            "to_queue": queues[-1],
            "active": False,
        },
    ]
    for values in rules:
        demo.create(ROUTE, {"case_type": kind.identity, **values}, at=demo.days_ago(400), by=_boss(demo))
