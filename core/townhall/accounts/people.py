"""The people who work here: adding them, giving them a role, letting them go. Knows no web framework."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import Any

from email_validator import EmailNotValidError
from email_validator import validate_email
from peewee import fn

from townhall.access.actors import Actor
from townhall.accounts import account_links
from townhall.accounts import lockout
from townhall.accounts import log
from townhall.accounts import passwords
from townhall.accounts import second_factor
from townhall.accounts import sessions
from townhall.accounts.managing import PERMISSION
from townhall.accounts.managing import is_own
from townhall.accounts.managing import require_manager
from townhall.accounts.managing import require_own_or_manager
from townhall.db.transactions import immediate
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import secret_links

if TYPE_CHECKING:
    from townhall.town import Town

__all__ = [
    "PERMISSION",
    "Person",
    "RoleChoice",
    "RolesChanged",
    "add",
    "by_id",
    "everybody",
    "find",
    "hold_roles",
    "keeping_a_manager",
    "managers",
    "note_sign_in",
    "permissions_of",
    "renew_digest",
    "roles",
    "set_active",
    "set_name",
    "set_password",
    "set_role",
]


#: How many characters somebody's name may have.
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here, and what they may do."""

    id: int
    email: str
    name: str
    active: bool
    roles: tuple[str, ...] = ()
    role_labels: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    last_sign_in: datetime | None = None
    #: Without one they can't sign in: they were invited and did not take it yet.
    has_password: bool = True


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role that can be given to somebody."""

    name: str
    label: str
    description: str


class RolesChanged(Rejected):
    """Somebody else gave the person other roles since they were looked at; nothing was saved. ``person`` is as now."""

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"Somebody else changed the roles of {person.name} since you opened this page, so nothing was saved."
        )
        self.person = person


def everybody(town: Town) -> list[Person]:
    """All people, by name."""
    people = _people(town)
    return sorted(people, key=lambda person: (not person.active, person.name.casefold(), person.email))


def find(town: Town, email: str) -> Person:
    """The person with this e-mail address. Raises :class:`~townhall.errors.NotFound`."""
    user = town.system.user
    for person in _people(town, fn.LOWER(user.email) == email.strip().lower()):
        return person
    raise NotFound(f"Nobody with the e-mail address {email} works here. townhall users list shows everybody.")


def by_id(town: Town, id: int) -> Person:
    """The person with this id. Raises :class:`~townhall.errors.NotFound`."""
    for person in _people(town, town.system.user.id == id):
        return person
    raise NotFound("There is nobody here with this number.")


def roles(town: Town) -> list[RoleChoice]:
    """The roles that can be given, in the order they were made."""
    table: Any = town.system.role
    query = table.select(table.name, table.label, table.description).order_by(table.id)
    return [RoleChoice(*row) for row in query.tuples()]


def managers(town: Town) -> list[Person]:
    """Who may manage people and can sign in to do so, by name: whom to ask for a permission.

    Somebody who was invited and has no password yet is none of them.
    """
    return [
        person
        for person in everybody(town)
        if person.active
        and person.has_password
        and Actor("staff", person.name, permissions=person.permissions).may(PERMISSION)
    ]


def add(
    town: Town, actor: Actor, email: str, *, name: str = "", role: str, password: str | None, digest: str = ""
) -> Person:
    """Add somebody; without a password they need an invitation (:mod:`townhall.accounts.own_password`).

    ``digest`` is the password's, if it was made before: it takes a fifth of a second, and a demo has one for all.

    Raises :class:`~townhall.errors.ValidationFailed` with a sentence per field.
    """
    require_manager(actor)
    errors: dict[str, str] = {}
    address = _newcomer(town, email, name, role, errors)
    if password is not None and (problem := passwords.problem(password, address, name, town.settings.name)):
        errors["password"] = problem
    if errors:
        raise ValidationFailed(errors)
    with immediate(town.database):
        row = town.system.user.create(
            email=address,
            name=name.strip() or _name_from(address),
            password=None if password is None else digest or passwords.digest(password),
            active=True,
            fs_uniquifier=secrets.token_hex(32),
            created_at=_now(town),
        )
        _give(town, row.id, role)
        log.write(town, actor, "invited" if password is None else "added", row.id, detail=role)
    return by_id(town, row.id)


def check_newcomer(town: Town, email: str, role: str, name: str = "") -> None:
    """Whether somebody can be added so, before a password is asked for.

    Raises :class:`~townhall.errors.ValidationFailed` with a sentence per field.
    """
    errors: dict[str, str] = {}
    _newcomer(town, email, name, role, errors)
    if errors:
        raise ValidationFailed(errors)


def _newcomer(town: Town, email: str, name: str, role: str, errors: dict[str, str]) -> str:
    """The address of somebody new, and in ``errors`` what is wrong with it, with the name and with the role."""
    address = _checked_email(email, errors)
    if name.strip() and (problem := _problem_of_name(name)):
        errors["name"] = problem
    known = {choice.name for choice in roles(town)}
    if role not in known:
        errors["role"] = _no_role(role, known)
    user = town.system.user
    if "email" not in errors and user.select().where(fn.LOWER(user.email) == address).exists():
        errors["email"] = f"{address} works here already."
    return address


def _no_role(role: str, known: Collection[str]) -> str:
    close = get_close_matches(role, known, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(sorted(known))}."
    return f"There is no role {role!r}. {hint}"


def set_role(town: Town, actor: Actor, id: int, *wanted: str, seen: Collection[str] | None = None) -> Person:
    """Give somebody these roles in place of those ``seen``, if these are named; with several they may do what any of
    them allows. Who needs a second factor by a role that is new to them, and has none, is signed out everywhere.

    Raises :class:`~townhall.errors.ValidationFailed` for no role, for one that isn't there, or if nobody could manage
    people any more; and :class:`RolesChanged` if somebody else changed what was seen.
    """
    require_manager(actor)
    with keeping_a_manager(town, "role"):
        there = by_id(town, id)
        if seen is not None and set(seen) != set(there.roles):
            raise RolesChanged(there)
        known = {choice.name for choice in roles(town)}
        if not wanted:
            raise ValidationFailed(
                {"role": "Choose at least one role. Who should do nothing here can be kept out instead."}
            )
        for role in wanted:
            if role not in known:
                raise ValidationFailed({"role": _no_role(role, known)})
        _give(town, id, *wanted)
        now = by_id(town, id)
        if there.roles != now.roles:
            change = f"{', '.join(there.roles) or 'none'} → {', '.join(now.roles)}"
            log.write(town, actor, "role_changed", id, detail=change)
            if second_factor.is_missing(town, now) and not second_factor.is_required(town, there):
                sessions.drop(town, id)
    return now


def set_active(town: Town, actor: Actor, id: int, active: bool) -> Person:
    """Let somebody sign in, or not any more; then their sessions end at once, and their links work no more."""
    require_manager(actor)
    user = town.system.user
    with keeping_a_manager(town, "active"):
        before = by_id(town, id).active
        user.update(active=active).where(user.id == id).execute()
        if not active:
            sessions.drop(town, id)
            account_links.revoke(town, id)
            secret_links.revoke_of_staff(town, id)
        if before != active:
            log.write(town, actor, "reactivated" if active else "deactivated", id)
    return by_id(town, id)


def set_password(town: Town, actor: Actor, id: int, password: str, *, what: str = "") -> Person:
    """Give somebody a new password: they are signed out everywhere, links that they have work no more, to the feed of
    their calendar either, and no pause after wrong ones goes on.

    Everybody may change their own; another's needs the permission. ``what`` is the event for the log, if it is not one
    of these two.
    """
    require_own_or_manager(actor, id)
    person = by_id(town, id)
    if problem := passwords.problem(password, person.email, person.name, town.settings.name):
        raise ValidationFailed({"password": problem})
    digest = passwords.digest(password)
    user = town.system.user
    with immediate(town.database):
        values = {user.password: digest, user.fs_uniquifier: secrets.token_hex(32)}
        user.update(values).where(user.id == id).execute()
        sessions.drop(town, id)
        account_links.revoke(town, id)
        secret_links.revoke_of_staff(town, id)
        lockout.clear(town, person.email)
        log.write(town, actor, what or ("password_changed" if is_own(actor, id) else "password_set"), id)
    return by_id(town, id)


def renew_digest(town: Town, id: int, password: str) -> None:
    """Keep the same password with as much effort as is asked today; nobody is signed out."""
    user = town.system.user
    user.update({user.password: passwords.digest(password)}).where(user.id == id).execute()


def set_name(town: Town, actor: Actor, id: int, name: str) -> Person:
    """Change the name that others see. Raises :class:`~townhall.errors.ValidationFailed` for none, or a long one."""
    require_own_or_manager(actor, id)
    if problem := _problem_of_name(name):
        raise ValidationFailed({"name": problem})
    user = town.system.user
    before = by_id(town, id).name
    with immediate(town.database):
        user.update({user.name: name.strip()}).where(user.id == id).execute()
        if name.strip() != before:
            log.write(town, actor, "name_changed", id, detail=f"{before} → {name.strip()}")
    return by_id(town, id)


def _problem_of_name(name: str) -> str:
    """Why somebody can't be called this, in a sentence; empty if they can."""
    if not name.strip():
        return "Enter a name that the others know you by."
    if len(name.strip()) > LONGEST_NAME:
        return f"At most {LONGEST_NAME} characters; this name has {len(name.strip())}."
    return ""


def note_sign_in(town: Town, id: int) -> None:
    """Keep when somebody signed in last."""
    user = town.system.user
    user.update({user.last_sign_in_at: _now(town)}).where(user.id == id).execute()


def permissions_of(texts: Iterable[str]) -> frozenset[str]:
    """All permissions of roles, from the JSON lists that are kept of them."""
    return _permissions_in(tuple(texts))


@lru_cache(maxsize=500)
def _permissions_in(texts: tuple[str, ...]) -> frozenset[str]:
    """The same set for the same texts: pages look so much up by it, which is quick with one that is the very same."""
    return frozenset(permission for text in texts for permission in json.loads(text))


def _people(town: Town, *where: Any) -> list[Person]:
    user: Any = town.system.user
    role: Any = town.system.role
    link: Any = town.system.user_role
    has_password = user.password.is_null(False)
    query = user.select(user.id, user.email, user.name, user.active, user.last_sign_in_at, has_password).order_by(
        user.id
    )
    rows = list((query.where(*where) if where else query).tuples())
    held: dict[int, list[tuple[str, str, str]]] = {}
    ids = [row[0] for row in rows]
    granted = (
        link.select(link.user, role.name, role.label, role.permissions)
        .join(role, on=link.role == role.id)
        .where(link.user.in_(ids))
        .order_by(role.id)
    )
    for user_id, *rest in granted.tuples():
        held.setdefault(user_id, []).append(tuple(rest))
    return [
        Person(
            id=id,
            email=email,
            name=name or email,
            active=bool(active),
            roles=tuple(each[0] for each in held.get(id, ())),
            role_labels=tuple(each[1] for each in held.get(id, ())),
            permissions=permissions_of(each[2] for each in held.get(id, ())),
            last_sign_in=datetime.fromtimestamp(last / 1_000_000, UTC) if last else None,
            has_password=bool(has),
        )
        for id, email, name, active, last, has in rows
    ]


def _checked_email(email: str, errors: dict[str, str]) -> str:
    try:
        return validate_email(email.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        said = f"“{email.strip()}” is no e-mail address" if email.strip() else "An e-mail address is needed"
        errors["email"] = f"{said}; write one like name@town.example."
        return ""


def _name_from(email: str) -> str:
    return email.partition("@")[0].replace(".", " ").replace("_", " ").title()


def _give(town: Town, user_id: int, *roles: str) -> None:
    link: Any = town.system.user_role
    table = town.system.role
    link.delete().where(link.user == user_id).execute()
    for (role_id,) in list(table.select(table.id).where(table.name.in_(roles)).order_by(table.id).tuples()):
        link.insert(user=user_id, role=role_id).execute()


def hold_roles(town: Town) -> None:
    """Let nobody else change roles until the transaction ends; on SQLite nobody else writes anyway."""
    if town.database.engine == "postgresql":
        role: Any = town.system.role
        list(role.select(role.id).order_by(role.id).for_update().tuples())


@contextmanager
def keeping_a_manager(town: Town, field: str) -> Iterator[None]:
    """A change of what people may do: refused, and undone, if nobody could manage people any more after it.

    Of two who take it from each other at once, the second is refused.
    """
    with immediate(town.database):
        hold_roles(town)
        there = bool(managers(town))
        yield
        if there and not managers(town):
            raise ValidationFailed(
                {field: "Somebody must be left who may manage people. Make somebody else administrator first."}
            )


def _now(town: Town) -> int:
    return int(town.clock.now().timestamp() * 1_000_000)
