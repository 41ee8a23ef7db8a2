"""Who of those who work here can be named in a record: by forms, files, rules, teams and modules alike."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
from plugging import add_plugin
from staff_client import main_of

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.accounts import roles
from townhall.app import create_app
from townhall.errors import ValidationFailed
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.town import Town

SYSTEM = system()
REQUEST = "complaints.service_request"
CATEGORY = "complaints.category"
INSPECTION = "complaints.inspection"
ROUTE = "core.route"
QUEUE = "core.queue"
LEFT = "This person doesn’t work here any more. Choose somebody else."
LOOKS = "Vera Viewer may not work on service requests. Choose somebody else."


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Iterator[Town]:
    """A town with complaints and nobody in it but who looks after it."""
    town = make_town("complaints")
    add_person(town, "ada@town.example", "administrator", "Ada Admin")
    return town


@pytest.fixture
def here(town: Town) -> dict[str, int]:
    """Carl, a clerk; Vera, who may only look; and Lena, who left."""
    named = {
        "carl": add_person(town, "carl@town.example", "clerk", "Carl Clerk"),
        "vera": add_person(town, "vera@town.example", "viewer", "Vera Viewer"),
        "lena": add_person(town, "lena@town.example", "clerk", "Lena Left"),
    }
    people.set_active(town, SYSTEM, named["lena"], False)
    return named


@pytest.fixture
def carl(town: Town, here: dict[str, int]) -> Actor:
    """The clerk, at work."""
    person = people.by_id(town, here["carl"])
    return Actor("staff", person.name, person.id, person.permissions, door="admin")


@pytest.fixture
def topic(town: Town) -> int:
    """A category that asks nothing."""
    given = {"name": "Other", "code": "other", "location": "none", "posting": "public", "group": "Anything"}
    return town.records.create(SYSTEM, CATEGORY, given).id


def refusal(write: Callable[..., Any], *given: Any, **named: Any) -> dict[str, str]:
    """What a write is refused for."""
    with pytest.raises(ValidationFailed) as refused:
        write(*given, **named)
    return dict(refused.value.errors)


def why(town: Town, record: Record) -> str:
    """Why a case went where it is, as it was kept."""
    table = town.system.case_route
    (row,) = table.select(table.reason).where(table.record_id == record.id).tuples()
    return str(row[0])


def test_a_case_is_given_to_who_can_work_on_it(town: Town, here: dict[str, int], carl: Actor, topic: int) -> None:
    """A new case and one that is changed alike; somebody without an account is nobody, and oneself can be named."""
    given = {"category": topic, "description": "A hole"}
    for person, said in ((here["lena"], LEFT), (here["vera"], LOOKS)):
        assert refusal(town.records.create, carl, REQUEST, {**given, "assignee": person}) == {"assignee": said}
    unknown = refusal(town.records.create, carl, REQUEST, {**given, "assignee": 999})
    assert unknown == {"assignee": "Nobody here has the number 999. Choose somebody else."}
    case = town.records.create(carl, REQUEST, {**given, "assignee": here["carl"]})
    change = {"assignee": here["vera"]}
    assert refusal(town.records.update, carl, REQUEST, case.id, change, version=1) == {"assignee": LOOKS}


def test_who_may_change_only_what_is_theirs_keeps_it(town: Town, here: dict[str, int], topic: int) -> None:
    """Whoever may change a case may have it, though none could be given to them by others."""
    roles.create(town, SYSTEM, "Own", like="viewer")
    roles.grant(town, SYSTEM, "own", {f"{REQUEST}.create", f"{REQUEST}.edit@own"})
    person = people.by_id(town, add_person(town, "olga@town.example", "own", "Olga Own"))
    olga = Actor("staff", person.name, person.id, person.permissions, door="admin")
    case = town.records.create(olga, REQUEST, {"category": topic, "description": "A hole", "assignee": olga.id})
    assert case.assignee == olga.id


def test_fields_and_tables_name_who_works_here(town: Town, here: dict[str, int], carl: Actor) -> None:
    """Any field for a colleague; to look on is enough where nothing is given to them."""
    ada = Actor("staff", "Ada", people.find(town, "ada@town.example").id, frozenset({"*"}), door="admin")
    given = {"name": "Trees", "code": "trees", "location": "none", "posting": "public", "group": "Anything"}
    assert refusal(town.records.create, ada, CATEGORY, {**given, "owner": here["lena"]}) == {"owner": LEFT}
    assert town.records.create(ada, CATEGORY, {**given, "owner": here["vera"]})["owner"] == here["vera"]
    event = {"name": "Meeting", "starts": "2026-05-01T10:00"}
    team = [{"person": here["carl"]}, {"person": here["lena"]}]
    assert refusal(town.records.create, ada, "core.event", {**event, "team": team}) == {"team.1.person": LEFT}


def test_a_record_that_names_somebody_who_left_can_be_changed(
    town: Town, here: dict[str, int], carl: Actor, topic: int
) -> None:
    """What stands there already is nobody's mistake, in a field, in a table and in a rule."""
    people.set_active(town, SYSTEM, here["lena"], True)
    lena = {"person": here["lena"]}
    case = town.records.create(carl, REQUEST, {"category": topic, "description": "A hole", "assignee": here["lena"]})
    queue = town.records.create(SYSTEM, QUEUE, {"name": "Roads", "members": [lena]})
    rule = town.records.create(SYSTEM, ROUTE, {"name": "Holes", "case_type": REQUEST, "words": "hole", **lena})
    people.set_active(town, SYSTEM, here["lena"], False)
    seen = town.records.update(carl, REQUEST, case.id, {"description": "A deep hole"}, version=case.version)
    assert (seen.assignee, seen["description"]) == (here["lena"], "A deep hole")
    members = [lena, {"person": here["carl"]}]
    assert len(town.records.update(SYSTEM, QUEUE, queue.id, {"members": members}, version=1)["members"]) == 2
    assert town.records.update(SYSTEM, ROUTE, rule.id, {"words": "hole, pit"}, version=1)["words"] == "hole, pit"


def test_rules_and_teams_name_who_works_here_through_every_door(town: Town, here: dict[str, int]) -> None:
    """Also where the town itself or a file writes them. On a team somebody may be to look on."""
    rule = {"name": "Holes", "case_type": REQUEST, "words": "hole"}
    for person, said in ((here["lena"], "doesn’t work here any more"), (here["vera"], "may not work on service requ")):
        assert said in refusal(town.records.create, SYSTEM, ROUTE, {**rule, "person": person})["person"]
        (row,) = town.records.import_rows(SYSTEM, ROUTE, [{**rule, "person": person}])
        assert said in row.errors["person"]
    assert town.records.create(SYSTEM, ROUTE, {**rule, "person": here["carl"]})["person"] == here["carl"]
    assert (
        "may not work on"
        in refusal(town.records.create, SYSTEM, ROUTE, {"name": "All", "words": "pit", "person": here["vera"]})[
            "person"
        ]
    )
    team = {"name": "Roads", "members": [{"person": here["vera"]}, {"person": here["lena"]}]}
    (row,) = town.records.import_rows(SYSTEM, QUEUE, [team])
    assert row.errors == {"members.1.person": "This person doesn’t work here. Choose somebody else."}
    assert town.records.create(SYSTEM, QUEUE, {**team, "members": team["members"][:1]})["members"]  # type: ignore[index]


def test_a_file_may_tell_of_who_left(town: Town, here: dict[str, int], topic: int) -> None:
    """Closed cases, and who did what, are as they were; what is open needs somebody who can do it."""
    row = {"category": topic, "description": "Old hole", "assignee": here["lena"]}
    closed = {**row, "state": "resolved", "resolution": "Filled", "created": "2016-05-01T10:00"}
    rows = [closed, row, {**closed, "assignee": 999}]
    done, opened, unknown = town.records.import_rows(SYSTEM, REQUEST, rows)
    assert (done.errors, opened.errors) == ({}, {"assignee": LEFT})
    assert unknown.errors == {"assignee": "Nobody here has the number 999. Choose somebody else."}
    (made,) = town.records.import_rows(SYSTEM, REQUEST, [closed])
    assert town.records.get(SYSTEM, REQUEST, made.id or 0).assignee == here["lena"]
    call = {
        "channel": "phone",
        "direction": "in",
        "at": "2016-05-01T10:00",
        "subject": "An old call",
        "handled_by": here["lena"],
    }
    (told,) = town.records.import_rows(SYSTEM, "core.interaction", [call])
    assert told.errors == {}


def test_a_rule_passes_over_who_may_only_look(town: Town, here: dict[str, int]) -> None:
    """The case comes in, says on its page why nobody has it, and so does the page of the rules."""
    desk = town.records.create(SYSTEM, QUEUE, {"name": "General", "default_for": [REQUEST]}).id
    given = {"code": "trees", "location": "none", "posting": "public", "group": "Anything"}
    topic = town.records.create(SYSTEM, CATEGORY, {**given, "name": "Trees", "owner": here["vera"]}).id
    rule = {"name": "Holes", "case_type": REQUEST, "words": "hole", "person": here["carl"]}
    town.records.create(SYSTEM, ROUTE, rule)
    people.set_role(town, SYSTEM, here["carl"], "viewer")
    ruled = town.records.create(SYSTEM, REQUEST, {"category": topic, "description": "A hole"})
    owned = town.records.create(SYSTEM, REQUEST, {"category": topic, "description": "A tree"})
    assert [(each.assignee, each.queue) for each in (ruled, owned)] == [(None, desk)] * 2
    assert why(town, ruled) == "Carl Clerk, whom it names, may not work on service requests."
    assert why(town, owned) == "Vera Viewer, whom it names, may not work on service requests."
    ada = StaffClient(create_app(town), "ada@town.example")
    shown = main_of(ada.get("/admin/routing/"))
    assert "“Holes” names somebody in vain. Carl Clerk, whom it names, may not work on service requests." in shown


def test_a_module_s_choice_is_passed_over_and_told(town: Town, here: dict[str, int], topic: int) -> None:
    """A resident's request doesn't fail because of whom a module names: rules go on, and the reason is kept."""
    desk = town.records.create(SYSTEM, QUEUE, {"name": "General", "default_for": [REQUEST]}).id
    code = (
        "from townhall import for_types, hookimpl\n"
        "@hookimpl\n"
        f"@for_types('{REQUEST}')\n"
        "def before_save(change):\n"
        f"    return {{'assignee': {here['lena']}}} if change.action == 'create' else None\n"
    )
    add_plugin(town, "giver", code=code)
    switching.enable(town, SYSTEM, "giver")
    made = town.records.create(SYSTEM, REQUEST, {"category": topic, "description": "A hole"})
    assert (made.assignee, made.queue) == (None, desk)
    assert why(town, made) == "A module chose somebody for it in vain. This person doesn’t work here any more."
    (failure,) = town.failures.of("giver")
    assert "left as it is. This person doesn’t work here any more." in failure.message
