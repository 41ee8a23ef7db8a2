"""How it stands with each plugin: what the plugins page and ``townhall plugins list`` show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from townhall.errors import PluginError
from townhall.extend import compatibility
from townhall.extend import importing
from townhall.extend import states
from townhall.extend.discovery import Found
from townhall.extend.discovery import discover
from townhall.extend.states import Essentials
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Status:
    """A plugin as the plugins page shows it.

    ``enabled`` is what the town wants, ``running`` what is so; ``reason`` says why they differ, or why it can't be
    switched on at all. ``types`` are its types whose records can be read: those of a running plugin, or, ``frozen``,
    those that the town keeps. ``unreadable`` tells of kept ones that can't be read, ``restart`` why its code is not
    the one on the disk.
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
    frozen: bool = False
    kept: bool = False
    installed: bool = True
    changed_at: int = 0
    changed_by: str = ""
    unreadable: str = ""
    restart: str = ""


def statuses(town: Town) -> list[Status]:
    """Every plugin that is there or was switched once, by name."""
    found = discover(town.instance)
    kept = states.read(town.system)
    return [_status(town, name, found, kept) for name in sorted({*found, *kept})]


def status(town: Town, name: str) -> Status:
    """One plugin. Raises :class:`~townhall.errors.PluginError` if there is none of that name."""
    for known in statuses(town):
        if known.name == name:
            return known
    raise PluginError(f"{name}: there is no such plugin. townhall plugins list shows all.")


def unclaimed_settings(town: Town) -> list[str]:
    """A sentence for each section ``[plugins.NAME]`` of a plugin that is not there: it sets nothing."""
    known = {*discover(town.instance), *states.read(town.system)}
    sentences = []
    for name in sorted(name for name, values in town.settings.plugins.items() if values and name not in known):
        close = get_close_matches(name, sorted(known), n=1)
        hint = f"Did you mean [plugins.{close[0]}]?" if close else "Install it, or take the section away."
        sentences.append(f"townhall.toml: plugins.{name}: there is no such plugin, so this sets nothing. {hint}")
    return sentences


def _status(town: Town, name: str, all_found: Mapping[str, Found], kept: Mapping[str, states.State]) -> Status:
    found, state = all_found.get(name), kept.get(name)
    manifest = found.manifest if found is not None else None
    told = state.essentials if state is not None else Essentials()
    frozen = town.plugins.frozen.get(name)
    enabled = state is not None and state.enabled
    return Status(
        name=name,
        title=manifest.title if manifest is not None else told.title or name,
        version=manifest.version if manifest is not None else state.version if state is not None else "",
        description=manifest.description if manifest is not None else told.description,
        icon=manifest.icon if manifest is not None else told.icon,
        author=manifest.author if manifest is not None else told.author,
        requires=manifest.requires if manifest is not None else told.requires,
        enabled=enabled,
        running=name in town.plugins.running,
        reason=town.plugins.problems.get(name) or _problem(all_found, kept, name),
        types=tuple(each for each in town.schemas.values() if each.plugin == name),
        folder=found.folder if found is not None else None,
        needed_by=_needed_by(all_found, kept, name),
        frozen=frozen is not None,
        kept=state is not None and bool(state.schemas),
        installed=found is not None,
        changed_at=state.changed_at if state is not None else 0,
        changed_by=state.changed_by if state is not None else "",
        unreadable=frozen.problem if frozen is not None else "",
        restart=importing.outdated(found) if found is not None and name in town.plugins.running else "",
    )


def _problem(found: Mapping[str, Found], kept: Mapping[str, states.State], name: str) -> str:
    """Why a plugin can't run with what is installed and switched on; what it needs would come along."""
    plugin = found.get(name)
    if plugin is None:
        return f"{kept[name].title} is not installed here. Its records are kept."
    wanted = {each for each, state in kept.items() if state.enabled}
    return compatibility.check(found, {*wanted, name, *requirements(found, (name,))}).get(name, "")


def _needed_by(found: Mapping[str, Found], kept: Mapping[str, states.State], name: str) -> tuple[str, ...]:
    """The plugins that are to be on and that require this one, by their files or by what is kept of them."""
    return tuple(
        other
        for other, state in kept.items()
        if state.enabled
        and other != name
        and name
        in (
            (plugin.manifest.requires if (plugin := found.get(other)) and plugin.manifest else None)
            or state.essentials.requires
        )
    )


def requirements(found: Mapping[str, Found], names: tuple[str, ...]) -> frozenset[str]:
    """Every plugin that ``names`` require, directly or not, as far as they are installed."""
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        plugin = found.get(waiting.pop())
        for each in plugin.manifest.requires if plugin and plugin.manifest else ():
            if each not in needed and each in found:
                needed.add(each)
                waiting.append(each)
    return frozenset(needed)
