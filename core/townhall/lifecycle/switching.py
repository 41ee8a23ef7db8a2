"""Switching plugins on and off.

Switching on first tries everything together (manifest, required plugins, code, schemas, tables) and changes nothing if
something doesn't fit. Switching off needs none of the plugin's files and keeps all its tables and rows; its records
stay readable and frozen (:mod:`townhall.extend.frozen`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.cases import recomputing
from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import PluginError
from townhall.extend import states
from townhall.extend.compatibility import listed
from townhall.extend.discovery import discover
from townhall.extend.loading import in_order
from townhall.lifecycle import previewing
from townhall.lifecycle import seeds
from townhall.lifecycle import upgrading
from townhall.lifecycle.previewing import Preview
from townhall.lifecycle.status import Status
from townhall.lifecycle.status import status
from townhall.lifecycle.status import statuses

if TYPE_CHECKING:
    from townhall.town import Town

__all__ = ["PERMISSION", "Preview", "Status", "disable", "enable", "enable_all", "preview", "status", "statuses"]

#: The permission to switch plugins.
PERMISSION = "plugins.manage"


def preview(town: Town, name: str, *, code: bool = True) -> Preview:
    """What switching ``name`` on would add, or why it can't be switched on. Changes nothing.

    Without ``code`` no plugin's code runs, and what only that can tell is left open.
    """
    return previewing.preview(town, (name,), code=code)


def enable(town: Town, actor: Actor, name: str) -> Status:
    """Switch a plugin on, those that it requires first.

    Raises :class:`~townhall.errors.PluginError` in sentences, and then nothing is changed.
    """
    enable_all(town, actor, (name,))
    return status(town, name)


def enable_all(town: Town, actor: Actor, names: Sequence[str]) -> None:
    """Switch several plugins on together, like :func:`enable`: all or none."""
    require(actor)
    if not names:
        return
    names = tuple(dict.fromkeys(names))
    plan = previewing.preview(town, names)
    previewing.refuse(plan)
    found = discover(town.instance)
    added = in_order(found, (*plan.also, *names))
    known = states.read(town.system)
    new = [name for name in added if name not in known]
    upgrading.forget_failures(town.system, added)
    _switch(town, actor, added, True, new)
    failed = [name for name in added if name in town.upgrade.failures]
    if failed:
        reason = town.upgrade.failures[failed[0]]
        for name in new:
            states.forget(town.system, name)
        seeds.forget(town, new)
        _switch(town, actor, [name for name in added if name in known and not known[name].enabled], False)
        raise PluginError(reason)
    seeds.plant_waiting(town, new)


def disable(town: Town, actor: Actor, name: str) -> Status:
    """Switch a plugin off; its records stay in the database and can be read.

    Raises :class:`~townhall.errors.PluginError` if it is not on, or if another one needs it.
    """
    require(actor)
    known = status(town, name)
    if not known.enabled:
        raise PluginError(f"{known.title} is off already.")
    if known.needed_by:
        raise PluginError(needed_sentence(town, known))
    _switch(town, actor, (name,), False)
    return status(town, name)


def needed_sentence(town: Town, known: Status) -> str:
    """Which plugins need this one, and what to do about it."""
    titles = [status(town, name).title for name in known.needed_by]
    verb, those = ("needs", "that") if len(titles) == 1 else ("need", "those")
    return f"{listed(titles)} {verb} {known.title}. Switch {those} off first."


def require(actor: Actor) -> None:
    """Raise :class:`~townhall.errors.Forbidden` unless the actor may switch plugins."""
    if not actor.may(PERMISSION):
        raise Forbidden("You may not switch plugins. Ask an administrator.")


def _switch(town: Town, actor: Actor, names: Sequence[str], on: bool, new: Sequence[str] = ()) -> None:
    """Switch plugins, and remember in the same transaction what is to follow, should this process end before."""
    with immediate(town.database):
        for name in names:
            states.switch(town.system, name, on, at=town.clock.now(), by=actor.name)
        seeds.remember(town, new)
        if on:
            recomputing.want(town)
        meta.bump_generation(town.system)
    town.reload()
    if on:
        recomputing.soon(town)
