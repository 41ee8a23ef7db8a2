"""Figures for a clerk who sees the cases of one department: each can be asked for, and each has its list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from staff_client import add_person

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.accounts import people
from townhall.records import figures
from townhall.records.figures import MEASURES
from townhall.records.figures import Period
from townhall.records.figures import Slice
from townhall.testing.samples import Sampler
from townhall.town import Town

PLUGINS = ("complaints", "economic_development", "grants", "recruitment")
REQUEST = "complaints.service_request"


def test_every_figure_has_its_list_for_a_clerk_of_one_department(make_town: Callable[..., Town]) -> None:
    """However many kinds of case there are, and however deep the questions about them nest: the database takes them."""
    town = make_town(*PLUGINS)
    add_person(town, "bob@milbrook.example", "clerk")
    ours, theirs = (Sampler(town).record(REQUEST) for _ in range(2))
    made = people.add(town, system(), "ann@milbrook.example", name="Ann", role="viewer", password="correct horse")
    ann = Actor("staff", "Ann", made.id, ROLES["department_clerk"].permissions, door="admin")
    team = town.records.create(system(), "core.queue", {"name": "Streets", "members": [{"person": ann.id}]}).id
    for case, queue in ((ours, team), (theirs, None)):
        town.records.update(system(), REQUEST, case.id, {"queue": queue, "assignee": None}, version=case.version)
    of = {"": "", "state": "new", "clock": "resolution", "age": "week", "field": "assignee"}
    year = Period(date(2020, 1, 1), date(2030, 12, 31))
    for name, measure in MEASURES.items():
        which = {"clock": "resolution.working.5", "state": "new.5"}[measure.of] if measure.slow else of[measure.of]
        wanted = Slice(name, year if measure.timed else None, which)
        identity = REQUEST if measure.about == "cases" else "core.interaction"
        found = town.records.find(ann, identity, figure=wanted, limit=100, fields=()).records
        number = figures.count(town, ann, identity, wanted)
        assert number == len(found) == town.records.count(ann, identity, figure=wanted).value
        assert theirs.id not in {record.id for record in found if record.identity == REQUEST}
    assert figures.count(town, ann, REQUEST, Slice("came_in", year)) == 1
