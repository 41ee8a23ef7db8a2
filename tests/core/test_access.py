"""Policy: who may do what to a type, and which of its fields they may know. No database is asked."""

from __future__ import annotations

import pytest

from townhall.access import policy
from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.access.permissions import VERBS
from townhall.access.permissions import permissions_of
from townhall.access.roles import ROLES
from townhall.errors import Forbidden
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import RecordType

SCHEMA = """
[type]
name = "wish"
title = "{what}"
public_if = { state = "open" }

[fields.what]
type = "text"
privacy = "public"

[fields.why]
type = "text"

[fields.secret]
type = "text"
privacy = "confidential"

[fields.costs]
type = "rows"
[fields.costs.fields.item]
type = "text"
privacy = "public"
[fields.costs.fields.account]
type = "text"
privacy = "confidential"
[fields.costs.fields.note]
type = "text"

[forms.public]
fields = ["what", "why", "secret"]
edit_in = ["open"]

[workflow]
initial = "open"
[workflow.states.open]
label = "Open"
[workflow.states.closed]
label = "Closed"
final = true
[[workflow.transitions]]
name = "close"
from = ["open"]
to = "closed"
by = ["staff"]
[[workflow.transitions]]
name = "withdraw"
from = ["open"]
to = "closed"
by = ["citizen"]
"""


@pytest.fixture(scope="module")
def wish() -> RecordType:
    """A type with every sort of privacy."""
    return load_schemas([Source("park", None, SCHEMA, frozenset())])["park.wish"]


def staff(*permissions: str) -> Actor:
    """Somebody with these permissions."""
    return Actor("staff", "Erin", 1, frozenset(permissions))


def role(name: str) -> Actor:
    """Somebody with a seeded role."""
    return staff(*ROLES[name].permissions)


#: All that can be done to a record of a type that says nothing of merging.
ALL = set(VERBS) - {"merge"}


@pytest.mark.parametrize(
    ("name", "verbs"),
    [
        ("administrator", ALL),
        ("clerk", ALL),
        ("viewer", {"view", "see_internal"}),
        ("department_clerk", ALL),
        ("contractor", {"view"}),
        ("reviewer", {"view", "see_internal", "edit", "transition"}),
        ("auditor", {"view", "see_internal", "see_confidential", "export"}),
    ],
)
def test_seeded_roles(wish: RecordType, name: str, verbs: set[str]) -> None:
    """The roles of a new town may do just this."""
    assert {verb for verb in VERBS if policy.may(role(name), verb, wish)} == verbs


@pytest.mark.parametrize("permission", ["plugins.manage", "users.manage", "settings.manage"])
def test_only_administrators_run_the_town(permission: str) -> None:
    """Plugins, people and settings are an administrator's business."""
    assert role("administrator").may(permission)
    assert not role("clerk").may(permission)
    assert not role("viewer").may(permission)


def test_permissions_are_per_type(wish: RecordType) -> None:
    """A permission on one type says nothing about another."""
    assert policy.may(staff("park.wish.edit"), "edit", wish)
    assert policy.may(staff("park.*"), "edit", wish)
    assert not policy.may(staff("park.wishes.edit", "grants.*"), "edit", wish)
    with pytest.raises(Forbidden, match=r"You may not change wishs\. Ask an administrator"):
        policy.require(staff(), "edit", wish)


def test_public_and_citizen_verbs(wish: RecordType) -> None:
    """The public sees what is public and writes through forms; a citizen acts on the record of their link as well."""
    holder = citizen(frozenset({("park.wish", 3)}))
    stranger = citizen(frozenset({("park.other", 3)}))
    assert {verb for verb in VERBS if policy.may(ANONYMOUS, verb, wish)} == {"view", "create"}
    assert {verb for verb in VERBS if policy.may(stranger, verb, wish)} == {"view", "create"}
    assert {verb for verb in VERBS if policy.may(holder, verb, wish)} == {"view", "create", "edit", "transition"}
    with pytest.raises(Forbidden, match="not open to the public"):
        policy.require(ANONYMOUS, "export", wish)


def test_moves_are_made_by_those_they_name(wish: RecordType) -> None:
    """``by`` and the permission of the move decide together."""
    assert wish.workflow is not None
    close, withdraw = wish.workflow.transitions
    holder = citizen(frozenset({("park.wish", 3)}))
    assert policy.may_transition(staff("park.wish.transition.close"), wish, close)
    assert not policy.may_transition(staff("park.wish.transition.withdraw"), wish, close)
    assert not policy.may_transition(role("administrator"), wish, withdraw)
    assert policy.may_transition(holder, wish, withdraw, 3)
    assert not policy.may_transition(holder, wish, withdraw, 4)
    assert not policy.may_transition(holder, wish, close, 3)
    assert policy.may_transition(system(), wish, close)


def test_fields_by_reader(wish: RecordType) -> None:
    """Each level of privacy comes back to whom it should."""
    assert policy.readable(ANONYMOUS, wish).readable & set(wish.fields) == {"what"}
    assert "assignee" in policy.readable(ANONYMOUS, wish).hidden
    clerk = policy.readable(role("clerk"), wish)
    assert (clerk.masked, clerk.hidden) == ({"secret"}, frozenset())
    viewer = policy.readable(role("viewer"), wish)
    assert (viewer.masked, viewer.hidden) == (frozenset(), {"secret"})
    assert "secret" in policy.readable(system(), wish).readable


def test_nobody_filters_or_exports_confidential_fields(wish: RecordType) -> None:
    """Neither a role nor the town itself."""
    for actor in (system(), role("administrator"), ANONYMOUS):
        assert "secret" not in policy.filterable(actor, wish)
        assert "secret" not in policy.exportable_fields(actor, wish)
    assert policy.exportable_fields(role("clerk"), wish) == ("what", "why", "costs")


def test_columns_of_rows_have_their_own_privacy(wish: RecordType) -> None:
    """A confidential column stays out of rows that are read."""
    costs = wish.fields["costs"]
    assert policy.row_columns(role("clerk"), wish, costs) == {"item", "note"}
    assert policy.row_columns(ANONYMOUS, wish, costs) == {"item"}
    assert policy.row_columns(system(), wish, costs) == {"item", "account", "note"}


def test_sender_reads_back_the_form_while_it_may_be_changed(wish: RecordType) -> None:
    """Only in the states of ``edit_in``, and never a confidential field."""
    assert policy.editable_by_sender(wish, "open") == {"what", "why"}
    assert policy.editable_by_sender(wish, "closed") == frozenset()


def test_a_type_names_its_permissions(wish: RecordType) -> None:
    """The page where roles are made lists a permission per verb and per move of staff."""
    names = [name for name, _ in permissions_of(wish)]
    assert "park.wish.see_confidential" in names
    assert "park.wish.transition.close" in names
    assert "park.wish.transition.withdraw" not in names
