"""Roles: named sets of permissions that a town makes for itself. Knows no web framework.

What a role allows counts from the next request of whoever has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from itertools import count
from typing import TYPE_CHECKING
from typing import Any

from peewee import JOIN
from peewee import fn

from townhall.access.actors import Actor
from townhall.access.actors import covers
from townhall.access.permissions import EVERY
from townhall.access.permissions import SCOPED
from townhall.access.permissions import SCOPES
from townhall.access.permissions import TOWN_PERMISSIONS
from townhall.access.permissions import VERBS
from townhall.access.permissions import pattern
from townhall.access.permissions import permissions_of
from townhall.access.permissions import split
from townhall.accounts import log
from townhall.accounts import people
from townhall.accounts.managing import require_manager
from townhall.db.transactions import immediate
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall_forms.kinds import did_you_mean
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

_LISTED = ". townhall roles permissions lists all."
_NAME = re.compile(r"[a-z0-9_.*]+")
_LONGEST, _LONGEST_DESCRIPTION = 80, 500


@dataclass(frozen=True, slots=True)
class Role:
    """A role, and how many people have it."""

    name: str
    label: str
    description: str
    permissions: frozenset[str]
    people: int = 0

    @property
    def actor(self) -> Actor:
        """Somebody who has this role and no other: for asking what it allows."""
        return Actor("staff", self.label, permissions=self.permissions)


class RoleChanged(Rejected):
    """Somebody else changed what a role allows since it was looked at; nothing was saved. ``role`` is how it is now."""

    def __init__(self, role: Role) -> None:
        super().__init__(f"Somebody else changed the role {role.label} since you opened it, so nothing was saved.")
        self.role = role


def everything(town: Town) -> list[Role]:
    """All roles, in the order in which they were made."""
    return list(_roles(town))


def by_name(town: Town, name: str) -> Role:
    """The role of this name. Raises :class:`~townhall.errors.NotFound`."""
    for role in _roles(town, town.system.role.name == name):
        return role
    raise NotFound(f"There is no role {name!r}. townhall roles list shows all.")


def create(town: Town, actor: Actor, label: str, *, description: str = "", like: str = "") -> Role:
    """Make a role, with what the role ``like`` allows or else with nothing.

    Raises :class:`~townhall.errors.ValidationFailed` with a sentence per field if there is one that is called so, or
    a text is empty or too long.
    """
    require_manager(actor)
    held = by_name(town, like).permissions if like else frozenset[str]()
    said, words = _checked(label, description)
    table = town.system.role
    with immediate(town.database):
        _refuse_twice(town, said, "")
        name = _free_name(said, {each.name for each in _roles(town)})
        row = {"name": name, "label": said, "description": words}
        table.insert({**row, "permissions": json.dumps(sorted(held))}).execute()
        log.write(town, actor, "role_made", None, detail=f"{said}, like {like}" if like else said)
    return by_name(town, name)


def rename(town: Town, actor: Actor, name: str, label: str, description: str) -> Role:
    """Change what a role is called, and what is said about it; the errors are those of :func:`create`."""
    require_manager(actor)
    before, (said, words) = by_name(town, name), _checked(label, description)
    table = town.system.role
    with immediate(town.database):
        _refuse_twice(town, said, name)
        table.update(label=said, description=words).where(table.name == name).execute()
        if (before.label, before.description) != (said, words):
            log.write(town, actor, "role_edited", None, detail=f"{before.label} → {said}")
    return by_name(town, name)


def set_permissions(
    town: Town, actor: Actor, name: str, permissions: Collection[str], *, seen: Collection[str] | None = None
) -> Role:
    """Let a role allow exactly these permissions, in place of those ``seen``, if these are named.

    Raises :class:`~townhall.errors.ValidationFailed` for something that is no permission, or if nobody could manage
    people any more; and :class:`RoleChanged` if somebody else changed what was seen.
    """
    return _change(town, actor, name, lambda held: frozenset(permissions), seen)


def grant(town: Town, actor: Actor, name: str, permissions: Collection[str]) -> Role:
    """Let a role allow these permissions besides what it does; the errors are those of :func:`set_permissions`."""
    return _change(town, actor, name, lambda held: held | frozenset(permissions))


def revoke(town: Town, actor: Actor, name: str, permissions: Collection[str]) -> Role:
    """Take these from a role, each written as it holds it. Raises :class:`~townhall.errors.Rejected` for others."""

    def without(held: frozenset[str]) -> frozenset[str]:
        if missing := sorted(frozenset(permissions) - held):
            label = by_name(town, name).label
            raise Rejected(f"{label} doesn't hold {', '.join(missing)}. See townhall roles show {name}.")
        return held - frozenset(permissions)

    return _change(town, actor, name, without)


def _change(
    town: Town,
    actor: Actor,
    name: str,
    change: Callable[[frozenset[str]], frozenset[str]],
    seen: Collection[str] | None = None,
) -> Role:
    """Change what a role allows from what it allows at that very moment."""
    require_manager(actor)
    table = town.system.role
    with people.keeping_a_manager(town, "permissions"):
        before = by_name(town, name)
        if seen is not None and frozenset(seen) != before.permissions:
            raise RoleChanged(before)
        wanted = change(before.permissions)
        for each in sorted(wanted - before.permissions):
            if problem := problem_of(town, each):
                raise ValidationFailed({"permissions": problem})
        table.update(permissions=json.dumps(sorted(wanted))).where(table.name == name).execute()
        if wanted != before.permissions:
            log.write(town, actor, "role_edited", None, detail=_difference(before, wanted))
    return by_name(town, name)


def delete(town: Town, actor: Actor, name: str) -> None:
    """Delete a role that nobody has. Raises :class:`~townhall.errors.Rejected` if somebody does."""
    require_manager(actor)
    role = by_name(town, name)
    table = town.system.role
    with immediate(town.database):
        refuse_held(by_name(town, name))
        table.delete().where(table.name == name).execute()
        log.write(town, actor, "role_deleted", None, detail=role.label)


def refuse_held(role: Role) -> None:
    """Raise :class:`~townhall.errors.Rejected` if somebody has the role, which therefore can't be deleted."""
    if role.people:
        who = "One person has" if role.people == 1 else f"{role.people} people have"
        raise Rejected(f"{who} the role {role.label}. Give them another one first.")


def problem_of(town: Town, held: str) -> str:
    """Why a role can't hold ``held``, in a sentence; empty if it can."""
    name, scope = split(held)
    if not _NAME.fullmatch(name):
        return f"{held!r} is no permission; write one like complaints.service_request.view@department."
    if scope not in SCOPES:
        return f"{held!r} has no scope {scope!r}; known are {', '.join(SCOPES)}."
    if "*" in name:
        narrowable = scope == "all" or _may_be_narrowed(name)
        return _problem_of_pattern(town, name) if narrowable else f"{name} can't be narrowed to {scope}."
    if name not in (there := set(known(town))):
        return f"There is no permission {name!r}{did_you_mean(name, there) or _LISTED}"
    return "" if scope == "all" or _may_be_narrowed(name) else f"{name} can't be narrowed to {scope}: it is about all."


def _problem_of_pattern(town: Town, name: str) -> str:
    """Why a pattern would give nothing, in a sentence; empty if it gives something, or may when its plugin is on."""
    if name in {pattern(EVERY, verb) for verb in VERBS} or name.partition(".")[0] in _plugins_off(town):
        return ""
    there = set(known(town))
    covered = [each for each in there if covers(name, each)]
    if any(".see." not in each for each in covered):
        return ""
    if covered:
        return f"{name!r} gives nothing: fields are granted by name only, like {min(covered)}."
    types = [each.identity for each in town.schemas.values()]
    near = [pattern(each, verb) for each in (EVERY, *types) for verb in VERBS]
    near += [f"{each}.*" for each in {*types, *(each.partition(".")[0] for each in there)}]
    return f"{name!r} covers no permission{did_you_mean(name, near) or _LISTED}"


def _plugins_off(town: Town) -> set[str]:
    """Plugins that are there and off, of whose permissions little is known."""
    return set(town.plugins.found) - set(town.plugins.running)


def town_permissions(town: Town) -> list[tuple[str, str]]:
    """Permissions that belong to no type, core's own and then what plugins' manifests declare, with their labels."""
    found = list(TOWN_PERMISSIONS.items())
    for running in town.plugins.running.values():
        manifest = running.manifest
        if manifest is None:
            continue
        found += [
            (f"{manifest.name}.{name}", f"{manifest.title}: {label}") for name, label in manifest.permissions.items()
        ]
    return found


def known(town: Town) -> Iterator[str]:
    """Every permission that there is, as its name."""
    yield from (permission for permission, _ in town_permissions(town))
    for record_type in town.schemas.values():
        yield from (permission for permission, _ in permissions_of(record_type))


def giving(town: Town, permission: str) -> list[Role]:
    """Roles that allow ``permission`` for some records at least, the ones that allow least of all else first."""
    found = [role for role in _roles(town) if role.actor.may(permission)]
    return sorted(found, key=lambda role: (role.actor.may("users.manage"), len(role.permissions)))


def _may_be_narrowed(name: str) -> bool:
    if name in TOWN_PERMISSIONS or ".see." in name:
        return False
    last = name.rpartition(".")[2]
    return ".transition." in name or last in SCOPED


def _roles(town: Town, *where: Any) -> Iterator[Role]:
    role: Any = town.system.role
    link: Any = town.system.user_role
    query = (
        role.select(role.name, role.label, role.description, role.permissions, fn.COUNT(link.id))
        .join(link, JOIN.LEFT_OUTER, on=link.role == role.id)
        .group_by(role.id, role.name, role.label, role.description, role.permissions)
        .order_by(role.id)
    )
    for name, label, description, text, having in (query.where(*where) if where else query).tuples():
        yield Role(name, label or name, description, frozenset(json.loads(text)), having)


def _checked(label: str, description: str) -> tuple[str, str]:
    """What a role is called and what is said about it, each in one line."""
    said, words = " ".join(label.split()), " ".join(description.split())
    errors = {}
    if not said:
        errors["label"] = "Give the role a name, like Street foreman."
    elif len(said) > _LONGEST:
        errors["label"] = f"At most {_LONGEST} characters; this name has {len(said)}."
    if len(words) > _LONGEST_DESCRIPTION:
        errors["description"] = f"At most {_LONGEST_DESCRIPTION} characters; this text has {len(words)}."
    if errors:
        raise ValidationFailed(errors)
    return said, words


def _free_name(label: str, taken: Collection[str]) -> str:
    """A name for commands and addresses: of the label's Latin letters if it has some, else ``role``, and a number."""
    spelled = re.sub(r"[^a-z0-9]+", "_", normalise(label)).strip("_")
    name = spelled if re.search("[a-z]", spelled) else "role"
    numbered = (f"{name}_{number}" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)


def _refuse_twice(town: Town, label: str, name: str) -> None:
    if any(each.label.casefold() == label.casefold() and each.name != name for each in _roles(town)):
        raise ValidationFailed({"label": f"There is a role “{label}” already. Choose another name."})


def _difference(before: Role, wanted: Iterable[str]) -> str:
    """What a change of a role adds and takes away, for the log."""
    more, less = sorted(set(wanted) - before.permissions), sorted(before.permissions - set(wanted))
    return " ".join([f"{before.label}:", *(f"+{each}" for each in more), *(f"-{each}" for each in less)])
