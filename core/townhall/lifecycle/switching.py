"""Switching plugins on and off.

Switching on first tries everything together (manifest, required plugins, code, schemas, tables) and changes nothing if
something doesn't fit. Switching off needs none of the plugin's files and keeps all its tables and rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.db import meta
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import PluginError
from townhall.extend import states
from townhall.extend.discovery import Found
from townhall.extend.discovery import discover
from townhall.extend.loading import in_order
from townhall.lifecycle import seeds
from townhall.lifecycle import upgrading
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: The permission to switch plugins.
PERMISSION = "plugins.manage"


@dataclass(frozen=True, slots=True)
class Status:
    """A plugin as the plugins page shows it.

    ``enabled`` is what the town wants, ``running`` what is so; ``reason`` says why they differ, or why it can't be
    switched on at all. ``types`` are those of a running plugin.
    """

    name: str
    title: str
    version: str
    description: str
    icon: str
    author: str
    requires: tuple[str, ...]
    enabled: bool
    running: bool
    reason: str
    types: tuple[RecordType, ...] = ()
    folder: Path | None = None
    needed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What switching a plugin on would add; ``problem`` says why it can't be."""

    name: str
    title: str
    types: tuple[RecordType, ...] = ()
    also: tuple[str, ...] = ()
    problem: str = ""


def statuses(town: Town) -> list[Status]:
    """Every plugin that is there or was switched once, by name."""
    found = discover(town.instance)
    kept = states.read(town.system)
    return [_status(town, name, found.get(name), kept.get(name)) for name in sorted({*found, *kept})]


def status(town: Town, name: str) -> Status:
    """One plugin. Raises :class:`~townhall.errors.PluginError` if there is none of that name."""
    for known in statuses(town):
        if known.name == name:
            return known
    raise PluginError(f"{name}: there is no such plugin. townhall plugins list shows all.")


def preview(town: Town, name: str) -> Preview:
    """What switching ``name`` on would add, or why it can't be switched on. Changes nothing."""
    return _preview(town, (name,))


def _preview(town: Town, names: Sequence[str]) -> Preview:
    title = " and ".join(status(town, name).title for name in names)
    found = discover(town.instance)
    wanted = states.enabled(town.system)
    also = _requirements(found, names) - wanted - {*names}
    added = {*also, *names}
    loaded = town.try_out(wanted | added)
    new_problems = {name: text for name, text in loaded.problems.items() if name not in town.plugins.problems}
    concerned = [name for name in in_order(found, added) if name in loaded.problems]
    problem = loaded.problems[concerned[0]] if concerned else next(iter(new_problems.values()), "")
    if not problem:
        problem = next(iter(upgrading.conflicts(town, found, loaded).values()), "")
    types = tuple(record_type for record_type in loaded.schemas.values() if record_type.plugin in added)
    return Preview(names[-1], title, types, tuple(sorted(also)), problem)


def enable(town: Town, actor: Actor, name: str) -> Status:
    """Switch a plugin on, those that it requires first.

    Raises :class:`~townhall.errors.PluginError` in sentences, and then nothing is changed.
    """
    enable_all(town, actor, (name,))
    return status(town, name)


def enable_all(town: Town, actor: Actor, names: Sequence[str]) -> None:
    """Switch several plugins on together, like :func:`enable`: all or none."""
    _require(actor)
    if not names:
        return
    plan = _preview(town, names)
    if plan.problem:
        raise PluginError(plan.problem)
    found = discover(town.instance)
    added = in_order(found, (*plan.also, *names))
    known = states.read(town.system)
    upgrading.forget_failures(town.system, added)
    with immediate(town.database):
        for name in added:
            _switch(town, actor, name, True)
        meta.bump_generation(town.system)
    town.reload()
    failed = [name for name in added if name in town.upgrade.failures]
    if failed:
        reason = town.upgrade.failures[failed[0]]
        with immediate(town.database):
            for name in added:
                if name not in known:
                    states.forget(town.system, name)
                elif not known[name].enabled:
                    _switch(town, actor, name, False)
            meta.bump_generation(town.system)
        town.reload()
        raise PluginError(reason)
    for name in added:
        if name not in known and name in town.plugins.running:
            seeds.plant(town, name, found[name].folder)


def disable(town: Town, actor: Actor, name: str) -> Status:
    """Switch a plugin off; its records stay in the database.

    Raises :class:`~townhall.errors.PluginError` if it is not on, or if another one needs it.
    """
    _require(actor)
    known = status(town, name)
    if not known.enabled:
        raise PluginError(f"{known.title} is off already.")
    if known.needed_by:
        needed = " and ".join(town.plugins.title(other) for other in known.needed_by)
        raise PluginError(f"{needed} needs {known.title}. Switch that off first.")
    with immediate(town.database):
        _switch(town, actor, name, False)
        meta.bump_generation(town.system)
    town.reload()
    return status(town, name)


def _require(actor: Actor) -> None:
    if not actor.may(PERMISSION):
        raise Forbidden("You may not switch plugins. Ask an administrator.")


def _status(town: Town, name: str, found: Found | None, kept: states.State | None) -> Status:
    manifest = found.manifest if found else None
    running = name in town.plugins.running
    enabled = kept is not None and kept.enabled
    problem = found.problem if found else f"{name}: its files are gone. Its records are kept."
    reason = town.plugins.problems.get(name, "") if enabled else ""
    return Status(
        name=name,
        title=manifest.title if manifest else name,
        version=manifest.version if manifest else kept.version if kept else "",
        description=manifest.description if manifest else "",
        icon=manifest.icon if manifest else "note",
        author=manifest.author if manifest else "",
        requires=manifest.requires if manifest else (),
        enabled=enabled,
        running=running,
        reason=reason or problem,
        types=tuple(each for each in town.schemas.values() if each.plugin == name),
        folder=found.folder if found else None,
        needed_by=tuple(
            other.name
            for other in town.plugins.running.values()
            if other.manifest is not None and name in other.manifest.requires
        ),
    )


def _requirements(found: Mapping[str, Found], names: Sequence[str]) -> frozenset[str]:
    """Every plugin that ``names`` require, directly or not, as far as they are there."""
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        plugin = found.get(waiting.pop())
        for each in plugin.manifest.requires if plugin and plugin.manifest else ():
            if each not in needed:
                needed.add(each)
                waiting.append(each)
    return frozenset(needed)


def _switch(town: Town, actor: Actor, name: str, on: bool) -> None:
    """Keep what the town wants. Version and schemas stay those of the tables, until these are brought up to date."""
    states.switch(town.system, name, on, at=town.clock.now(), by=actor.name)
