"""What decides about scopes is not changed by who is within one: teams, routes, and where settings send cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from staff_client import StaffClient
from staff_client import add_person
from staff_client import main_of
from staff_client import plain

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.app import create_app
from townhall.errors import Forbidden
from townhall.records import explaining
from townhall.records.types import Record
from townhall.testing.samples import Sampler
from townhall.town import Town

SYSTEM = system()
QUEUE = "core.queue"
CATEGORY = "complaints.category"
REQUEST = "complaints.service_request"
_CLOCK = {"clock": "resolution", "within": "2", "unit": "hours"}
_TEMPLATE = {"type": REQUEST, "event": "resolved", "language": "nl", "subject": "Klaar", "body": "Het is klaar."}
#: What the whole town is set up with: values of a record, and a field that can be changed.
SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    QUEUE: ({"name": "Fountains"}, "name"),
    "core.route": ({"name": "Fountains", "case_type": REQUEST, "acknowledgement": "Thank you."}, "name"),
    "core.target": ({"name": "Fountains", "case_type": REQUEST, "clocks": [_CLOCK]}, "name"),
    "core.ward": ({"name": "Fountains"}, "name"),
    "core.working_calendar": ({"name": "Pool", "frames": [{"day": "mon", "begins": "8:00", "ends": "12:00"}]}, "name"),
    "core.message_template": (_TEMPLATE, "subject"),
}
WHOSE = "the whole town’s"


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town that takes complaints."""
    return make_town("complaints")


@pytest.fixture
def dana(town: Town) -> Actor:
    """A clerk of a department."""
    return person(town, "department_clerk")


def person(town: Town, role: str, *permissions: str) -> Actor:
    """A colleague with the role, and perhaps more permissions."""
    id = add_person(town, f"{role}@town.example", role)
    return Actor("staff", role.title(), id, ROLES[role].permissions.union(permissions), door="admin")


def queue(town: Town, name: str, *members: Actor) -> Record:
    """A queue with a team."""
    return town.records.create(SYSTEM, QUEUE, {"name": name, "members": [{"person": each.id} for each in members]})


def category(town: Town, **values: Any) -> Record:
    """A category."""
    given = {"name": "Kites in wires", "code": "kites", "group": "Streets", **values}
    return town.records.create(SYSTEM, CATEGORY, given)


@pytest.mark.parametrize("identity", SETTINGS)
def test_a_department_sees_what_the_town_is_set_up_with_and_changes_none_of_it(
    town: Town, dana: Actor, identity: str
) -> None:
    """Each way of changing a record of the whole town's is refused, and nothing is written; who may change all, may."""
    records = town.records
    values, name = SETTINGS[identity]
    made = records.create(SYSTEM, identity, values)
    assert records.get(dana, identity, made.id).id == made.id
    assert records.find(dana, identity).records
    for change in (
        lambda: records.create(dana, identity, values),
        lambda: records.update(dana, identity, made.id, {name: "Mine"}, version=1),
        lambda: records.archive(dana, identity, made.id, version=1),
        lambda: records.bring_back(dana, identity, made.id, 1, version=1),
        lambda: records.import_rows(dana, identity, [values]),
    ):
        with pytest.raises(Forbidden, match=WHOSE):
            change()
    archived = records.archive(SYSTEM, identity, made.id, version=1)
    with pytest.raises(Forbidden, match=WHOSE):
        records.restore(dana, identity, made.id, version=archived.version)
    assert records.get(SYSTEM, identity, made.id).version == archived.version
    assert not any(records.may(dana, verb, identity) for verb in ("create", "edit", "archive"))
    clerk = person(town, "clerk")
    assert records.restore(clerk, identity, made.id, version=archived.version).archived is None


@pytest.mark.parametrize("scope", ["own", "assigned", "department"])
def test_no_scope_lets_somebody_onto_another_team(town: Town, scope: str) -> None:
    """Neither who is on a team, nor who made the queue, changes teams with a permission for some queues only."""
    joan = person(town, "viewer", f"{QUEUE}.edit@{scope}", f"{QUEUE}.create")
    ours = queue(town, "Streets", joan)
    maker = replace(joan, permissions=frozenset({"*"}), known={})
    made = town.records.create(maker, QUEUE, {"name": "Water"})
    for each in (ours, made):
        with pytest.raises(Forbidden, match=WHOSE):
            town.records.update(joan, QUEUE, each.id, {"members": [{"person": joan.id}]}, version=1)
        (edit, *_) = explaining.deeds(town, joan, town.records.get(joan, QUEUE, each.id))
        assert [WHOSE in obstacle.sentence for obstacle in edit.obstacles] == [True]
    with pytest.raises(Forbidden, match=WHOSE):
        town.records.create(joan, QUEUE, {"name": "Mine", "members": [{"person": joan.id}]})
    whole = replace(joan, permissions=joan.permissions | {f"{QUEUE}.edit"}, known={})
    assert town.records.update(whole, QUEUE, made.id, {"members": [{"person": joan.id}]}, version=1)["members"]
    assert town.records.create(whole, QUEUE, {"name": "Trees"}).id


def test_a_clerk_of_a_department_does_not_get_onto_a_team_on_screen(town: Town, dana: Actor) -> None:
    """The pages say who may, no button leads to them, and the requests of others stay unseen."""
    theirs = queue(town, "Water")
    kind = category(town)
    case = Sampler(town, SYSTEM).record(REQUEST, {"category": kind.id})
    case = town.records.update(SYSTEM, REQUEST, case.id, {"queue": theirs.id, "assignee": None}, version=case.version)
    browser = StaffClient(create_app(town), "department_clerk@town.example")
    at = f"/admin/core/queue/{theirs.id}/"
    shown = browser.get(at)
    assert (shown.status_code, "Water" in main_of(shown), f"{at}edit" in shown.text) == (200, True, False)
    assert "/admin/core/queue/new" not in browser.get("/admin/queues/").text
    assert "/admin/core/route/new" not in browser.get("/admin/routing/").text
    for url in (f"{at}edit", *(f"/admin/{identity.replace('.', '/')}/new" for identity in SETTINGS)):
        sent = {"name": "Water", "members-0-person": str(dana.id), "version": "1"}
        for answer in (browser.get(url), browser.post(url, sent)):
            assert answer.status_code == 403
    assert WHOSE in plain(browser.get(f"{at}edit"))
    assert WHOSE in plain(browser.get(f"{at}why"))
    assert not town.records.get(SYSTEM, QUEUE, theirs.id)["members"]
    assert browser.get(f"/admin/complaints/service_request/{case.id}/").status_code == 404


def test_settings_of_modules_are_seen_and_not_changed(make_town: Callable[..., Town]) -> None:
    """Whatever stands under Set-up: by it a department's clerk could send cases elsewhere, or publish them."""
    town = make_town("complaints", "grants", "economic_development", "recruitment")
    dana, records = person(town, "department_clerk"), town.records
    looking_after = person(town, "viewer", f"{CATEGORY}.edit", f"{CATEGORY}.create")
    settings = [each.identity for each in town.schemas.values() if each.navigation == "setup" and each.plugin != "core"]
    assert {CATEGORY, "grants.programme", "economic_development.survey"} < {*settings}
    for identity in settings:
        made = Sampler(town, SYSTEM).record(identity)
        assert records.get(dana, identity, made.id).id == made.id
        assert not any(records.may(dana, verb, identity) for verb in ("create", "edit", "archive"))
        with pytest.raises(Forbidden, match=WHOSE):
            records.update(dana, identity, made.id, {}, version=made.version)
        with pytest.raises(Forbidden, match=WHOSE):
            records.create(dana, identity, {})
        assert records.may(looking_after, "edit", identity) is (identity == CATEGORY)
