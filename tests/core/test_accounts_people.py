"""The people who work here: added, changed and let go, by those who may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import ValidationFailed
from townhall.town import Town

PASSWORD = "correct horse battery"


def add(town: Town, email: str = "ada@town.example", role: str = "administrator") -> people.Person:
    return people.add(town, system(), email, role=role, password=PASSWORD)


def test_somebody_is_added_with_a_role(town: Town) -> None:
    """A new person has a name made from the address, a role, its permissions, and may sign in."""
    person = people.add(town, system(), " Tom.Brandt@Town.Example ", role="clerk", password=PASSWORD)
    assert (person.email, person.name, person.roles, person.active) == (
        "tom.brandt@town.example",
        "Tom Brandt",
        ("clerk",),
        True,
    )
    assert "*.create" in person.permissions
    assert people.find(town, "TOM.BRANDT@town.example") == person
    assert [each.email for each in people.everybody(town)] == [person.email]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("email", {"email": "not an address"}),
        ("email", {"email": "ADA@town.example"}),
        ("role", {"role": "mayor"}),
        ("password", {"password": "short"}),
        ("password", {"password": "aaaaaaaaaaaaaaaaa"}),
        ("password", {"password": "frederick2024", "email": "frederick@town.example"}),
        ("password", {"password": "x" * 500}),
        ("name", {"name": "x" * 201}),
    ],
)
def test_what_can_not_be_is_refused_by_field(town: Town, field: str, values: dict[str, str]) -> None:
    """A bad or known address, an unknown role, a weak password and a long name have a sentence; nobody is added."""
    add(town)
    given = {"email": "new@town.example", "name": "", "role": "clerk", "password": PASSWORD} | values
    with pytest.raises(ValidationFailed) as caught:
        people.add(town, system(), **given)
    assert list(caught.value.errors) == [field]
    assert len(people.everybody(town)) == 1


def test_only_who_may_manages_people(town: Town, clerk: Actor, administrator: Actor) -> None:
    """The permission users.manage decides, except over one's own name and password."""
    person = add(town)
    with pytest.raises(Forbidden):
        people.add(town, clerk, "x@town.example", role="clerk", password=PASSWORD)
    with pytest.raises(Forbidden):
        people.set_password(town, clerk, person.id, PASSWORD)
    with pytest.raises(Forbidden):
        people.set_name(town, clerk, person.id, "Somebody")
    people.set_name(town, administrator, person.id, "Ada King")
    own = Actor("staff", "Ada", person.id)
    people.set_password(town, own, person.id, "another good password")
    assert people.by_id(town, person.id).name == "Ada King"


def test_somebody_must_stay_who_may_manage_people(town: Town) -> None:
    """The last administrator can neither be let go nor made a viewer; with a second one they can."""
    first = add(town)
    with pytest.raises(ValidationFailed, match="Somebody must be left"):
        people.set_active(town, system(), first.id, False)
    with pytest.raises(ValidationFailed, match="Somebody must be left"):
        people.set_role(town, system(), first.id, "viewer")
    assert people.by_id(town, first.id).roles == ("administrator",)
    add(town, "second@town.example")
    assert people.set_role(town, system(), first.id, "viewer").roles == ("viewer",)
    assert not people.set_active(town, system(), first.id, False).active


def test_an_invitation_that_nobody_took_makes_no_manager(town: Town) -> None:
    """Somebody who can't sign in yet is nobody to leave the town to, and nobody to ask for a permission."""
    first = add(town)
    invited = people.add(town, system(), "new@town.example", role="administrator", password=None)
    assert [each.id for each in people.managers(town)] == [first.id]
    with pytest.raises(ValidationFailed, match="Somebody must be left"):
        people.set_active(town, system(), first.id, False)
    with pytest.raises(ValidationFailed, match="Somebody must be left"):
        people.set_role(town, system(), first.id, "viewer")
    people.set_password(town, system(), invited.id, PASSWORD)
    assert people.set_role(town, system(), first.id, "viewer").roles == ("viewer",)


def test_two_who_take_it_from_each_other_at_once(town: Town) -> None:
    """Of two administrators who make each other a viewer at the same moment one stays."""
    both = [add(town, f"{name}@town.example") for name in ("ada", "eve")]

    def demote(person: people.Person) -> bool:
        try:
            people.set_role(town, system(), person.id, "viewer")
        except ValidationFailed:
            return False
        finally:
            town.database.close()
        return True

    with ThreadPoolExecutor(max_workers=2) as pool:
        assert sorted(pool.map(demote, both)) == [False, True]
    assert len(people.managers(town)) == 1


def test_a_password_is_kept_as_argon2_and_ends_other_sessions(town: Town) -> None:
    """Only a digest is kept; a new password gives a new session mark, so every open session ends."""
    person = add(town)
    user = town.system.user
    before = user.get_by_id(person.id)
    assert before.password.startswith("$argon2id$")
    assert PasswordHasher().verify(before.password, PASSWORD)
    people.set_password(town, system(), person.id, "another good password")
    after = user.get_by_id(person.id)
    assert after.password != before.password
    assert after.fs_uniquifier != before.fs_uniquifier


def test_guessing_a_password_takes_effort(request: pytest.FixtureRequest) -> None:
    """Outside of tests a digest takes the memory and the time that RFC 9106 recommends, at the least."""
    usual: PasswordHasher = request.getfixturevalue("_usual_hasher")
    assert usual.memory_cost >= 64 * 1024
    assert usual.time_cost >= 3
    assert usual.check_needs_rehash(passwords.digest(PASSWORD)), "tests take less"


def test_accents_count_however_they_are_typed() -> None:
    """é as one letter or as two is the same password."""
    assert passwords.normalise("caf\u00e9") == passwords.normalise("cafe\u0301")


def test_nobody_of_that_name(town: Town) -> None:
    """An unknown address or number is told as such."""
    with pytest.raises(NotFound, match=r"nobody@town\.example"):
        people.find(town, "nobody@town.example")
    with pytest.raises(NotFound):
        people.set_active(town, system(), 999, False)


def test_people_cost_two_queries_however_many(town: Town) -> None:
    """The list of people asks for all roles at once."""
    add(town)
    for number in range(3):
        town.system.user.create(email=f"{number}@town.example", fs_uniquifier=str(number))
    queries: list[object] = []
    town.database.query_hooks.append(lambda *query: queries.append(query))
    people.everybody(town)
    assert len(queries) == 2
