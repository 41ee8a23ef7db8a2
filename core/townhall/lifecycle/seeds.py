"""First records: what a plugin ships so that a town can begin at once.

A file in a plugin's folder ``seeds`` names one of the plugin's own types and holds records as values::

    type = "category"

    [[records]]
    name = "Street light out"
    code = "street_light"

A link to a type of core's set-up, such as ``core.queue``, may name the record by its unique name; it is made if the
town has none of that name.

They are planted when the plugin is switched on for the first time, each file as a whole or not at all, and only if the
town has no record of that type yet. From then on they are the town's own. Until that is done, the town remembers that
it is to be done: if the process ends before, the next one that opens the town does it.

A file may also bring records of core's set-up that are for the plugin's own types: targets and message templates
(``type = "core.target"``). Those are planted for which the town has none yet. What core itself brings to a new town
stands in :data:`CORE_FOLDER`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db import meta
from townhall.db import migration
from townhall.db.transactions import immediate
from townhall.errors import PluginError
from townhall.errors import TownhallError
from townhall_forms.fields.base import Field
from townhall_forms.reading import read_toml
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

if TYPE_CHECKING:
    from townhall.town import Town

FOLDER = "seeds"
TARGET = "core.target"
TEMPLATE = "core.message_template"
CALENDAR = "core.working_calendar"
#: Types of core's set-up that a plugin may bring records of: the field that names the type they are for, and those that
#: tell them apart.
SET_UP: Mapping[str, tuple[str, ...]] = {TARGET: ("case_type",), TEMPLATE: ("type", "event", "language")}
_MOST = 500
#: Under which key the town remembers the plugins whose first records are still to be planted.
_WAITING = "seeds_waiting"
#: What a new town begins with, whatever plugins it has.
CORE_FOLDER = Path(__file__).parent.parent / "cases"


def plant_core(town: Town) -> int:
    """Create what a new town begins with: its working hours. How many records there were."""
    return plant(town, "core", CORE_FOLDER)


def remember(town: Town, plugins: Sequence[str]) -> None:
    """Have the first records of these plugins planted, sooner or later; for the transaction that adds them."""
    if plugins:
        meta.put(town.system, _WAITING, json.dumps(sorted({*_waiting(town), *plugins})))


def forget(town: Town, plugins: Sequence[str]) -> None:
    """Don't plant the first records of these plugins any more."""
    waiting = _waiting(town)
    left = [name for name in waiting if name not in plugins]
    if left != waiting:
        meta.put(town.system, _WAITING, json.dumps(left))


def plant_waiting(town: Town, plugins: Sequence[str] | None = None) -> None:
    """Plant the first records that are still to be planted, of these plugins or of all that run.

    Raises :class:`~townhall.errors.PluginError` for the first file that can't be used; what others bring is planted.
    """
    problems: list[PluginError] = []
    for name in _waiting(town):
        found = town.plugins.running.get(name)
        if found is None or (plugins is not None and name not in plugins):
            continue
        with migration.alone(town.database):
            # Whoever switched it on may be about it, in another process, and have done it by now.
            if name in _waiting(town):
                try:
                    plant(town, name, found.folder)
                except PluginError as error:
                    problems.append(error)
                forget(town, [name])
    if problems:
        raise problems[0]


def _waiting(town: Town) -> list[str]:
    waiting: list[str] = json.loads(meta.get(town.system, _WAITING, "[]"))
    return waiting


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
    identity = name if name in SET_UP else f"{plugin}.{name}"
    if identity not in town.schemas:
        raise PluginError(f"{file.name}: {plugin} has no type called “{name}”.")
    actor = system()
    if identity in SET_UP:
        rows = _missing(town, plugin, identity, file, rows)
    elif town.records.count(actor, identity, archived=None).value:
        return 0
    if identity == TARGET and not _has_hours(town):
        return 0
    with immediate(town.database):
        return _plant_rows(town, actor, identity, file.name, rows)


def _missing(
    town: Town, plugin: str, identity: str, file: Path, rows: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Those records of core's set-up of which the town has none for the same.

    Raises :class:`~townhall.errors.PluginError` for one that is for a type of somebody else.
    """
    kind, *others = SET_UP[identity]
    for row in rows:
        if not str(row.get(kind, "")).startswith(f"{plugin}."):
            raise PluginError(f"{file.name}: “{row.get(kind, '')}” is no type of {plugin}.")
    wanted = sorted({row[kind] for row in rows})
    there = {
        tuple(record[name] for name in (kind, *others))
        for record in town.records.find(system(), identity, {kind: wanted}, limit=_MOST, archived=None).records
    }
    return [row for row in rows if tuple(row.get(name) for name in (kind, *others)) not in there]


def _has_hours(town: Town) -> bool:
    """Whether the town has hours of its own, in which targets are counted; one without any calendar gets the first."""
    if not town.records.count(system(), CALENDAR, archived=None).value:
        plant_core(town)
    return bool(town.records.count(system(), CALENDAR, {"default": True}).value)


def _plant_rows(town: Town, actor: Actor, identity: str, file: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Create the records with what they name, all or nothing."""
    named = _Named(town, actor)
    outcomes = town.records.import_rows(actor, identity, [named.resolve(identity, row) for row in rows])
    for outcome in outcomes:
        if outcome.errors:
            path, message = next(iter(outcome.errors.items()))
            where = f"record {outcome.index + 1}, {path}" if path else f"record {outcome.index + 1}"
            raise PluginError(f"{file}: {where}: {message}")
    return len(outcomes)


class _Named:
    """Records of core's set-up that seeds name, found or made once each."""

    def __init__(self, town: Town, actor: Actor) -> None:
        self._town = town
        self._actor = actor
        self._found: dict[tuple[str, str], int] = {}

    def resolve(self, identity: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with ids where it names records of core's set-up."""
        fields = self._town.schemas[identity].fields
        return {
            name: self._id(fields[name].target, value)
            if isinstance(value, str) and name in fields and name_field(self._town.schemas, fields[name])
            else value
            for name, value in row.items()
        }

    def _id(self, identity: str, text: str) -> int:
        known = self._found.get((identity, text))
        if known is None:
            by = unique_text(self._town.schemas[identity])
            page = self._town.records.find(self._actor, identity, {by: text}, limit=1, fields=())
            found = page.records[0] if page.records else self._town.records.create(self._actor, identity, {by: text})
            known = self._found[identity, text] = found.id
        return known


def name_field(schemas: Schemas, field: Field) -> str:
    """The unique name by which seeds may name what a field links to; empty if they may not."""
    target = schemas.get(field.target) if field.target and not field.many_targets else None
    if target is None or target.plugin != "core" or target.navigation != "setup":
        return ""
    return unique_text(target)


def unique_text(record_type: RecordType) -> str:
    """The type's field that is a unique text."""
    names = (field.name for field in record_type.fields.values() if field.unique and field.type_name == "text")
    return next(names, "")


def read(file: Path) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The type's name and the records in a file of seeds. Raises :class:`~townhall.errors.PluginError`."""
    data = read_table(file)
    return data["type"], data["records"]


def read_table(file: Path, *others: str) -> dict[str, Any]:
    """What a file of records holds: its ``type``, its ``records``, and what else it may say under ``others``.

    Raises :class:`~townhall.errors.PluginError`.
    """
    try:
        data = read_toml(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PluginError(f"{file.name} can't be read: {error}.") from error
    unknown = sorted(set(data) - {"type", "records", *others})
    if unknown:
        raise PluginError(f"{file.name}: “{unknown[0]}” is not a key here. Write type and [[records]].")
    name, rows = data.get("type"), data.get("records")
    if not isinstance(name, str) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PluginError(f'{file.name}: write type = "…" and the records as [[records]].')
    return data
