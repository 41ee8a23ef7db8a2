"""Roles as lists of permissions: what patterns and scopes cover, what a town is given once, and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import people
from townhall.accounts import roles
from townhall.cli import main
from townhall.errors import ValidationFailed
from townhall.lifecycle.roles import seed_roles
from townhall.town import Town

SYSTEM = system()
PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    ("held", "permission", "reach"),
    [
        ("a.b.view", "a.b.view", "all"),
        ("a.b.view@own", "a.b.view", "own"),
        ("*.view@department", "a.b.view", "department"),
        ("*.view@own a.b.view@assigned", "a.b.view", "assigned"),
        ("*", "a.b.transition.close", "all"),
        ("a.*@department", "a.b.edit", "department"),
        ("*.edit", "a.b.transition.edit", None),
        ("*.view", "a.b.see.view", None),
        ("*.transition.*@assigned", "a.b.transition.edit", "assigned"),
        ("*.view", "history.audit", None),
        ("a.b.view@everywhere", "a.b.view", None),
        ("", "a.b.view", None),
    ],
)
def test_how_far_a_permission_reaches(held: str, permission: str, reach: str | None) -> None:
    """The widest of what is held counts, nothing held is nothing allowed, and a verb is about no move or field."""
    actor = Actor("staff", "Erin", 1, frozenset(held.split()))
    assert (actor.reach(permission), actor.may(permission)) == (reach, reach is not None)


def test_a_town_from_before(town: Town) -> None:
    """Roles that are there go on reading internal fields, new examples come once, and a deleted one stays away."""
    table = town.system.role
    town.system.meta.delete().where(town.system.meta.key == "seeded_roles").execute()
    table.delete().where(table.name.not_in(["administrator", "clerk"])).execute()
    old = {"clerk": ["*.view", "*.edit", "views.share"], "topics": ["desk.topic.view", "desk.ticket.edit"]}
    table.insert(name="topics", label="Topics").execute()
    for name, permissions in old.items():
        table.update(permissions=json.dumps(permissions)).where(table.name == name).execute()
    seed_roles(town.system)
    seed_roles(town.system)
    found = {role.name: role.permissions for role in roles.everything(town)}
    assert found["administrator"] == {"*"}
    assert found["clerk"] == {*old["clerk"], "*.see_internal"}
    assert found["topics"] == {*old["topics"], "desk.topic.see_internal"}
    assert "viewer" not in found
    assert {"department_clerk", "contractor", "reviewer", "auditor"} <= found.keys()
    roles.delete(town, SYSTEM, "auditor")
    seed_roles(town.system)
    assert "auditor" not in {role.name for role in roles.everything(town)}


@pytest.mark.parametrize(
    ("permission", "words"),
    [
        ("desk.ticket.fly", "There is no permission 'desk.ticket.fly'"),
        ("desk.ticket.see.secret", "There is no permission"),
        ("desk.ticket.view@moon", "no scope 'moon'"),
        ("desk.ticket.create@own", "can't be narrowed to own"),
        ("users.manage@own", "can't be narrowed"),
        ("*.see_internal@own", "can't be narrowed"),
        ("drop table", "is no permission"),
        ("desk.ticket.veiw", "'desk.ticket.veiw'; did you mean “desk.ticket.view”?"),
        ("*.veiw", r"'\*.veiw' covers no permission; did you mean “\*.view”?"),
        ("desks.*", r"did you mean “desk.\*”?"),
        ("desk.tickets.*@own", "can't be narrowed"),
        ("desk.tikcet.transition.*@assigned", r"did you mean “desk.ticket.transition.\*”?"),
        ("qqq.*", "covers no permission. townhall roles permissions lists all."),
        ("*.see.*", "fields are granted by name only, like "),
        ("desk.ticket.see.det*", "fields are granted by name only, like desk.ticket.see.details"),
    ],
)
def test_what_is_no_permission_is_refused(town: Town, permission: str, words: str) -> None:
    """A role never holds what would do nothing."""
    with pytest.raises(ValidationFailed, match=words):
        roles.set_permissions(town, SYSTEM, "viewer", {"*.view", permission})
    assert roles.by_name(town, "viewer").permissions == {"*.view", "*.see_internal"}


def test_patterns_that_may_give_something_are_taken(town: Town) -> None:
    """Those of every kind of record always; those of a plugin that is off, since nobody knows what it brings."""
    assert "complaints" not in town.plugins.running
    held = {"*", "*.merge", "*.transition.*@own", "desk.*", "desk.ticket.transition.*", "*.queue.*", "complaints.*.fly"}
    assert roles.set_permissions(town, SYSTEM, "viewer", held).permissions == held


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Street crew", "street_crew"),
        ("Straßenmeisterei Süd", "strassenmeisterei_sud"),
        ("Стройка", "role"),
        ("建設課 2", "role"),
        ("Clerk!", "clerk_2"),
    ],
)
def test_a_role_may_be_called_in_any_script(town: Town, label: str, name: str) -> None:
    """Its name in commands and addresses is of Latin letters, and another one than every other role's."""
    assert roles.create(town, SYSTEM, label) == roles.by_name(town, name)
    assert roles.by_name(town, name).label == label
    assert roles.create(town, SYSTEM, "Дороги").name == ("role_2" if name == "role" else "role")


def test_the_last_manager_stays(town: Town) -> None:
    """Nobody can take the right to manage people from the last who has it, by a person's roles or by a role."""
    made = people.add(town, SYSTEM, "ada@t.example", role="administrator", password=PASSWORD)
    for change in (
        lambda: people.set_role(town, SYSTEM, made.id, "viewer", "clerk"),
        lambda: roles.set_permissions(town, SYSTEM, "administrator", {"*.view"}),
        lambda: people.set_role(town, SYSTEM, made.id),
    ):
        with pytest.raises(ValidationFailed):
            change()
    assert people.by_id(town, made.id).permissions == {"*"}


def test_roles_at_the_command_line(tmp_path: Path) -> None:
    """Make, grant, show, give and delete, each with a plain word on what came of it."""
    folder = tmp_path / "town"

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, ["--instance", str(folder), *words], env={"TOWNHALL_ADMIN_PASSWORD": PASSWORD})
        return f"{done.exit_code} {done.output}"

    run("init", "--admin", "ada@t.example", "--plugins", "none")
    assert "its name is street_crew" in run("roles", "create", "Street crew", "--like", "contractor")
    assert run("roles", "grant", "street_crew", "core.task.edit@assigned").startswith("0 Street crew allows 2")
    assert run("roles", "grant", "street_crew", "core.task.fly").startswith("1 Error: There is no permission")
    shown = json.loads(run("roles", "show", "street_crew", "--json")[2:])
    assert shown["permissions"] == ["*.view@assigned", "core.task.edit@assigned"]
    assert run("roles", "revoke", "street_crew", "core.task.view").startswith("1 Error: Street crew doesn't hold")
    assert (
        run("roles", "revoke", "street_crew", "core.task.edit@assigned") == "0 Street crew allows 1 permission now.\n"
    )
    assert "street_crew" in run("roles", "list")
    given = run("users", "set-role", "ada@t.example", "administrator", "street_crew")
    assert "Administrator, Street crew" in given
    assert run("roles", "delete", "street_crew").startswith("1 Error: One person has the role Street crew")
    run("users", "set-role", "ada@t.example", "administrator")
    assert run("roles", "delete", "street_crew") == "0 The role street_crew is deleted.\n"
