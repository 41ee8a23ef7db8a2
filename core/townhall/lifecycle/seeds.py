"""First records: what a plugin ships so that a town can begin at once.

A file in a plugin's folder ``seeds`` names one of the plugin's own types and holds records as values::

    type = "category"

    [[records]]
    name = "Street light out"
    code = "street_light"

They are planted when the plugin is switched on for the first time, each file as a whole or not at all, and only if the
town has no record of that type yet. From then on they are the town's own.

A file may also bring targets (``type = "core.target"``) for the plugin's own kinds of case; it is planted if the town
has none for them yet. What core itself brings to a new town stands in :data:`CORE_FOLDER`.
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
TARGET = "core.target"
CALENDAR = "core.working_calendar"
#: What a new town begins with, whatever plugins it has.
CORE_FOLDER = Path(__file__).parent.parent / "cases"


def plant_core(town: Town) -> int:
    """Create what a new town begins with: its working hours. How many records there were."""
    return plant(town, "core", CORE_FOLDER)


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
    identity = TARGET if name == TARGET else f"{plugin}.{name}"
    if identity not in town.schemas:
        raise PluginError(f"{file.name}: {plugin} has no type called “{name}”.")
    actor = system()
    if town.records.count(actor, identity, _own_targets(plugin, file, rows, identity), archived=None).value:
        return 0
    if identity == TARGET and not _has_hours(town):
        return 0
    outcomes = town.records.import_rows(actor, identity, rows)
    for outcome in outcomes:
        if outcome.errors:
            path, message = next(iter(outcome.errors.items()))
            where = f"record {outcome.index + 1}, {path}" if path else f"record {outcome.index + 1}"
            raise PluginError(f"{file.name}: {where}: {message}")
    return len(outcomes)


def _has_hours(town: Town) -> bool:
    """Whether the town has hours of its own, in which targets are counted; one without any calendar gets the first."""
    if not town.records.count(system(), CALENDAR, archived=None).value:
        plant_core(town)
    return bool(town.records.count(system(), CALENDAR, {"default": True}).value)


def _own_targets(plugin: str, file: Path, rows: Sequence[Mapping[str, Any]], identity: str) -> Mapping[str, Any] | None:
    """Which records stand in the way of a file: any of its type, or targets for the same kinds of case.

    Raises :class:`~townhall.errors.PluginError` for a target for somebody else's cases.
    """
    if identity != TARGET:
        return None
    kinds = [str(row.get("case_type", "")) for row in rows]
    for kind in kinds:
        if not kind.startswith(f"{plugin}."):
            raise PluginError(f"{file.name}: “{kind}” is no kind of case of {plugin}.")
    return {"case_type": kinds}


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
