"""Purging: deleting all records of a plugin that is off, after packing them, for whoever typed its name.

It shows first what goes and who will miss it. History stays, and says that the records were purged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from townhall import private
from townhall.access.actors import Actor
from townhall.db import meta
from townhall.db import migration
from townhall.db.transactions import immediate
from townhall.errors import PluginError
from townhall.extend import jobs
from townhall.extend import states
from townhall.lifecycle import packing
from townhall.lifecycle import seeds
from townhall.lifecycle import upgrading
from townhall.lifecycle.status import status
from townhall.lifecycle.switching import require
from townhall.records import purging
from townhall.records.purging import Amounts
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.tables import describe
from townhall_forms.tables import short_name

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Impact:
    """What purging a plugin takes away; ``problem`` says why it can't be purged at present."""

    name: str
    title: str
    types: Mapping[str, RecordType]
    amounts: Amounts | None = None
    problem: str = ""


def impact(town: Town, name: str) -> Impact:
    """What purging ``name`` would take away. Changes nothing. Raises :class:`~townhall.errors.PluginError`."""
    known = status(town, name)
    problem = ""
    if known.enabled:
        problem = f"{known.title} is on. Switch it off first; only a plugin that is off can be purged."
    needing = [state.title for state in states.read(town.system).values() if name in state.essentials.requires]
    if not problem and needing:
        problem = f"Records of {' and '.join(needing)} belong to those of {known.title}. Purge {needing[0]} first."
    if problem:
        return Impact(name, known.title, {}, problem=problem)
    state, types = packing.packable(town, name)
    tables = {identity: short_name(each.table) for identity, each in types.items()}
    return Impact(name, state.title, types, purging.amounts(town, tables))


def lines(found: Impact, schemas: Mapping[str, RecordType]) -> list[str]:
    """What goes and who will miss it, a line each."""
    amounts = found.amounts
    if amounts is None:
        return [found.problem]
    told = [packing.as_told(amounts.records, found.types)]
    for count, one, many in (
        (amounts.files, "file", "files"),
        (amounts.views, "saved view", "saved views"),
        (amounts.links, "secret link of the public", "secret links of the public"),
    ):
        if count:
            told.append(f"{count:,} {one if count == 1 else many}")
    if amounts.pointing:
        pointing = packing.as_told(amounts.pointing, schemas)
        told.append(f"Other records that refer to them: {pointing}. They stay, and what they refer to is gone.")
    told.append(f"It is packed first. The {amounts.history:,} entries of its history stay, as all history does.")
    return told


def purge(town: Town, actor: Actor, name: str, confirm: str) -> Path:
    """Pack the records of ``name`` into the instance's packs, delete them, and forget the plugin; where the pack is.

    ``confirm`` must be the plugin's name, typed out. Raises :class:`~townhall.errors.PluginError` in a sentence, and
    then nothing is changed.
    """
    require(actor)
    found = impact(town, name)
    if found.problem:
        raise PluginError(found.problem)
    if confirm.strip() != name:
        raise PluginError(f"To purge {found.title}, type its name, {name}, exactly. Nothing was changed.")
    folder = town.instance / packing.FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    file, unused = _pack_and_purge(town, actor, found, folder)
    for checksum in unused:
        private.remove(town.files.path(checksum))
    town.reload()
    return file


def _pack_and_purge(town: Town, actor: Actor, found: Impact, folder: Path) -> tuple[Path, frozenset[str]]:
    """Do both in one transaction, so that nothing goes that is not in the pack.

    Where the pack is, and the checksums that nobody uses now. A pack that is there already is never touched: it may be
    all that is left of what somebody else purged a moment ago.
    """
    file = _free_name(folder, packing.suggested_name(town, found.name))
    with immediate(town.database):
        packed = packing.pack(town, actor, found.name, file)
        try:
            private.folder_to_disk(folder)
            return file, _purge(town, actor, found, packed)
        except BaseException:
            file.unlink(missing_ok=True)
            raise


def _free_name(folder: Path, name: str) -> Path:
    file, number = folder / name, 1
    while file.exists():
        number += 1
        file = folder / f"{name.removesuffix('.zip')}-{number}.zip"
    return file


def _purge(town: Town, actor: Actor, found: Impact, packed: packing.Packed) -> frozenset[str]:
    """Delete what was packed and forget the plugin; checksums that nobody uses now."""
    specs = list(describe(Schemas(found.types)).values())
    unused = purging.purge(town, actor, specs, packed.counts, f"Packed into {packed.file.name} before.")
    ledger = town.system.schema_version
    ledger.delete().where(ledger.plugin == found.name).execute()
    migration.forget_fingerprint(town.system, found.name)
    upgrading.forget_failures(town.system, [found.name])
    town.failures.forget(found.name)
    jobs.forget(town.system, found.name)
    states.forget(town.system, found.name)
    seeds.forget(town, [found.name])
    meta.bump_generation(town.system)
    return unused
