"""What waits for a plugin: its migrations that were not applied yet, and whether they can run on what a town has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion
from packaging.version import Version

from townhall.db import ledger
from townhall.db.system import SystemTables
from townhall.errors import PluginError
from townhall.lifecycle.migrations import files as migration_files
from townhall.lifecycle.migrations.files import File
from townhall.lifecycle.migrations.files import Script


@dataclass(frozen=True, slots=True)
class Pending:
    """A migration that will run when its plugin is upgraded: its file, what it is for, and its steps in words."""

    file: str
    description: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for one plugin. A ``new`` one has no tables yet: these begin as its schemas are today."""

    plugin: str
    title: str
    version: str
    new: bool
    waiting: tuple[File, ...]
    changed: tuple[str, ...]


def told(file: File, script: Script | None) -> Pending:
    """A migration in words."""
    if script is None:
        return Pending(file.name, "Runs the plugin's own code on its records.", ())
    return Pending(file.name, script.description, tuple(step.sentence for step in script.steps))


def plan(system: SystemTables, plugin: str, title: str, version: str, folder: Path) -> Plan:
    """What waits for a plugin. Raises :class:`~townhall.errors.PluginError` for an older version, or a wrong order."""
    files = migration_files.find(folder)
    applied = {entry.name: entry for entry in ledger.migrations(system, plugin)}
    newest = max((entry.version for entry in applied.values()), key=version_of, default="")
    if newest and version_of(version) < version_of(newest):
        raise PluginError(
            f"{title} {version} is older than the version {newest} that has changed this town's records, and such "
            f"changes can't be undone. Install {title} {newest} or a newer one."
        )
    waiting = tuple(file for file in files if file.name not in applied)
    late = [file for file in waiting if applied and file.name < max(applied)]
    if late:
        raise PluginError(
            f"{title}: the migration {late[0].name} comes before {max(applied)}, which was applied already. "
            "Whoever makes it must give it a later number."
        )
    changed = tuple(
        file.name for file in files if file.name in applied and applied[file.name].checksum != file.checksum
    )
    return Plan(plugin, title, version, not ledger.knows(system, plugin), waiting, changed)


def version_of(text: str) -> Version:
    """A version to compare; 0 for what is none."""
    try:
        return Version(text or "0")
    except InvalidVersion:
        return Version("0")
