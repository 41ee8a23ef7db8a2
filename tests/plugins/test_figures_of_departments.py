"""Figures for a clerk who sees the cases of one department: each can be asked for, and each has its list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from staff_client import add_person

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.accounts import people
from townhall.records import figures
from townhall.records import gathering
from townhall.records.figures import MEASURES
from townhall.records.figures import Period
from townhall.records.figures import Slice
from townhall.testing.samples import Sampler
from townhall.town import Town
from townhall_forms.values import Reference

PLUGINS = ("complaints", "economic_development", "grants", "recruitment")
REQUEST = "complaints.service_request"
INTERACTION = "core.interaction"


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
        identity = REQUEST if measure.about == "cases" else INTERACTION
        found = town.records.find(ann, identity, figure=wanted, limit=100, fields=()).records
        number = figures.count(town, ann, identity, wanted)
        assert number == len(found) == town.records.count(ann, identity, figure=wanted).value
        assert theirs.id not in {record.id for record in found if record.identity == REQUEST}
    assert figures.count(town, ann, REQUEST, Slice("came_in", year)) == 1


@pytest.mark.parametrize("few", [0, 200])
def test_figures_follow_a_case_that_goes_to_another_department(
    make_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Whatever was gathered of a department's cases, a case that goes elsewhere is no part of its figures any more."""
    monkeypatch.setattr(gathering, "_FEW", few)
    town = make_town("complaints")
    made = people.add(town, system(), "ann@milbrook.example", name="Ann", role="viewer", password="correct horse")
    ann = Actor("staff", "Ann", made.id, ROLES["department_clerk"].permissions, door="admin")
    team = town.records.create(system(), "core.queue", {"name": "Streets", "members": [{"person": ann.id}]}).id
    other = town.records.create(system(), "core.queue", {"name": "Water"}).id
    contact = town.records.create(system(), "core.contact", {"kind": "person", "family_name": "Nowak"}).id
    kind = {"code": "hole", "name": "Hole", "group": "Streets", "location": "none"}
    category = town.records.create(system(), "complaints.category", kind).id
    asked = {"category": category, "description": "A hole", "reporter": contact, "queue": team}
    first, _ = (town.records.create(system(), REQUEST, asked) for _ in range(2))
    said = {"channel": "phone", "direction": "in", "subject": "Asked again", "about": Reference(REQUEST, first.id)}
    town.records.create(system(), INTERACTION, said)
    year = Period(date(2020, 1, 1), date(2030, 12, 31))

    def told() -> tuple[int, int, int]:
        talks = figures.count(town, ann, INTERACTION, Slice("talks_in", year))
        with_contact, repeats = (
            figures.count(town, ann, REQUEST, Slice(name, year)) for name in ("with_contact", "repeats")
        )
        return talks, with_contact, repeats

    before = told()
    assert before[1:] == (2, 2)  # made at the same moment, so each follows the other
    first = town.records.update(system(), REQUEST, first.id, {"queue": other}, version=first.version)
    assert told() == (before[0] - 1, 1, 0)
    town.records.update(system(), REQUEST, first.id, {"queue": team}, version=first.version)
    assert told() == before
