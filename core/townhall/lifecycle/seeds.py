"""First records: what a plugin ships so that a town can begin at once.

A file in a plugin's folder ``seeds`` names one of the plugin's own types and holds records as values::

    type = "category"

    [[records]]
    name = "Street light out"
    code = "street_light"

It may also name ``core.message_template``: what citizens are told about the plugin's own cases.

They are planted when the plugin is switched on for the first time, each file as a whole or not at all, and only if the
town has no record of that type yet. From then on they are the town's own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.errors import PluginError
from townhall.errors import TownhallError

if TYPE_CHECKING:
    from townhall.town import Town

FOLDER = "seeds"
TEMPLATE = "core.message_template"


def plant(town: Town, plugin: str, folder: Path) -> int:
    """Create the records that ``plugin`` ships in ``folder``; how many there were.

    Files are read in the order of their names, so that a later one may count on an earlier one's records.
    Raises :class:`~townhall.errors.PluginError` if one can't be used; earlier files' records stay.
    """
    planted = 0
    for file in files(folder):
        try:
            planted += _plant_file(town, plugin, file)
        except (TownhallError, RecursionError) as error:
            town.failures.note(plugin, "seeds", file.name, error)
            said = str(error) if isinstance(error, PluginError) else f"{file.name} can't be planted: {error}"
            raise PluginError(said, "seeds") from error
    return planted


def files(folder: Path) -> list[Path]:
    """The files of seeds in a plugin's folder, in the order of their names."""
    return sorted((folder / FOLDER).glob("*.toml")) if (folder / FOLDER).is_dir() else []


def _plant_file(town: Town, plugin: str, file: Path) -> int:
    name, rows = read(file)
    if name == TEMPLATE:
        rows = _new_templates(town, plugin, file, rows)
    identity = name if name == TEMPLATE else f"{plugin}.{name}"
    if identity not in town.schemas:
        raise PluginError(f"{file.name}: {plugin} has no type called “{name}”.")
    actor = system()
    if name != TEMPLATE and town.records.count(actor, identity, archived=None).value:
        return 0
    outcomes = town.records.import_rows(actor, identity, rows)
    for outcome in outcomes:
        if outcome.errors:
            path, message = next(iter(outcome.errors.items()))
            where = f"record {outcome.index + 1}, {path}" if path else f"record {outcome.index + 1}"
            raise PluginError(f"{file.name}: {where}: {message}")
    return len(outcomes)


def _new_templates(
    town: Town, plugin: str, file: Path, rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Those message templates for which the town has no words of its own yet."""
    there = set()
    for row in rows:
        if not str(row.get("type", "")).startswith(f"{plugin}."):
            raise PluginError(f"{file.name}: a message template of {plugin} must be for one of its own types.")
    for identity in {row["type"] for row in rows}:
        found = town.records.find(system(), TEMPLATE, {"type": identity}, limit=200, archived=None).records
        there |= {(identity, each["event"], each["language"]) for each in found}
    return [row for row in rows if (row["type"], row.get("event"), row.get("language")) not in there]


def read(file: Path) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The type's name and the records in a file of seeds. Raises :class:`~townhall.errors.PluginError`."""
    data = read_table(file)
    return data["type"], data["records"]


def read_table(file: Path, *others: str) -> dict[str, Any]:
    """What a file of records holds: its ``type``, its ``records``, and what else it may say under ``others``.

    Raises :class:`~townhall.errors.PluginError`.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PluginError(f"{file.name} can't be read: {error}.") from error
    unknown = sorted(set(data) - {"type", "records", *others})
    if unknown:
        raise PluginError(f"{file.name}: “{unknown[0]}” is not a key here. Write type and [[records]].")
    name, rows = data.get("type"), data.get("records")
    if not isinstance(name, str) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PluginError(f'{file.name}: write type = "…" and the records as [[records]].')
    return data
