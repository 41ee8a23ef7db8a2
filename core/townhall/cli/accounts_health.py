"""What ``townhall doctor`` says of accounts: who can sign in, and whether that is as safe as the town asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts import second_factor
from townhall.cli.demo import MARK
from townhall.cli.demo import PASSWORD
from townhall.db import meta
from townhall.extend.values import Finding

if TYPE_CHECKING:
    from townhall.town import Town

#: Accounts whose password is compared with the demo's; each takes a tenth of a second.
_TRIED = 50


def examine(town: Town) -> Iterator[Finding]:
    """Look at the accounts of a town."""
    able = [person for person in people.everybody(town) if person.active and person.has_password and person.roles]
    managers = [person for person in able if Actor("staff", "", permissions=person.permissions).may(people.PERMISSION)]
    if not able:
        yield Finding("people", False, "nobody can sign in; add somebody with townhall users add.")
    elif not managers:
        yield Finding("people", False, "nobody who can sign in may manage people; use townhall users set-role.")
    else:
        yield Finding("people", True, f"{len(able)} can sign in.")
    yield _second_factor(town, able)
    if not meta.get(town.system, MARK):
        yield _known_password(town, [*managers, *(person for person in able if person not in managers)])


def _second_factor(town: Town, able: list[people.Person]) -> Finding:
    have = second_factor.holders(town)
    missing = [person.email for person in able if second_factor.is_required(town, person) and person.id not in have]
    if missing:
        said = f"asked for and not set up yet by {', '.join(missing)}; they are asked at their next sign-in."
        return Finding("code app", False, said)
    count = len(have & {person.id for person in able})
    return Finding("code app", True, f"{count} of {len(able)} have one." if able else "nobody needs one.")


def _known_password(town: Town, able: list[people.Person]) -> Finding:
    user = town.system.user
    kept = dict(user.select(user.id, user.password).where(user.password.is_null(False)).tuples())
    bad = [person.email for person in able[:_TRIED] if passwords.matches(PASSWORD, kept.get(person.id))]
    if bad:
        said = f"the demo's password, which everybody knows, opens {', '.join(bad)}; use townhall users set-password."
        return Finding("known password", False, said)
    return Finding("known password", True, "the demo's password opens nothing here.")
