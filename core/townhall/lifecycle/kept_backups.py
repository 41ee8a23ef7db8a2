"""The backups that a town has: which there are, how many are kept, the job that makes one each night, and how old the
last one is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import peewee

from townhall import private
from townhall.db import ledger
from townhall.db import meta
from townhall.db.engines import TownDatabase
from townhall.db.system import SystemTables
from townhall.errors import ConfigurationError
from townhall.lifecycle import backing_up
from townhall.lifecycle.backing_up import Made
from townhall.lifecycle.backup_contents import Place
from townhall.lifecycle.backup_files import About
from townhall.lifecycle.backup_files import BackupReader
from townhall.lifecycle.restored_state import LAST_BACKUP
from townhall.lifecycle.restored_state import in_words
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

#: After so long without a backup the doctor says so.
TOO_OLD = timedelta(days=3)
_HELP = "See townhall jobs list for why, or run townhall backup."
#: What backups are called that are made under a name of their own; others are somebody's, and are never deleted.
_OWN = re.compile(rf"{backing_up.PREFIX}-\d{{8}}-\d{{6}}(-\d+)?\.zip")


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that is there: its file, its size in bytes, what it says of itself, and whether it holds the keys."""

    file: Path
    size: int
    about: About
    keys: bool


def listed(folder: Path) -> list[Kept]:
    """The backups in a folder, the newest first. Files that are none are passed over; nothing is verified."""
    return sorted(_found(folder), key=lambda kept: (kept.about.made_at, kept.file.name), reverse=True)


def _found(folder: Path) -> Iterator[Kept]:
    for file in folder.glob("*.zip"):
        try:
            with BackupReader(file) as reader:
                yield Kept(file, file.stat().st_size, reader.about, bool(reader.keys))
        except (ConfigurationError, OSError):
            continue


def prune(folder: Path, town_mark: str, keep: int) -> list[Path]:
    """Delete the oldest backups of a town that were made under names of their own, but for ``keep``; which ones."""
    own = [kept for kept in listed(folder) if _OWN.fullmatch(kept.file.name) and kept.about.town_mark == town_mark]
    return [kept.file for kept in own[keep:] if private.remove(kept.file)]


def note(database: TownDatabase, made: Made, at: datetime) -> None:
    """Have the town remember that a backup was made; nothing if its disk takes no more writes."""
    with suppress(peewee.OperationalError):
        meta.put(SystemTables(database), LAST_BACKUP, json.dumps({"at": to_microseconds(at), "file": str(made.file)}))


def run(town: Town) -> str:
    """Make the backup of the night, and delete the oldest; one sentence on it.

    Raises :class:`~townhall.errors.ConfigurationError` if there can be none.
    """
    keep = town.settings.backup_keep
    if not keep:
        return "None was made: keep in [backup] is 0."
    at = town.clock.now()
    place = Place(town.instance, town.settings, town.database)
    made = backing_up.make(place, at=at)
    note(town.database, made, at)
    gone = prune(place.folder, meta.town_mark(town.system), keep)
    words = [f"{made.file.name} was made ({made.size / 1024 / 1024:,.1f} MB), without the keys."]
    words += [f"{len(gone):,} older deleted."] if gone else []
    words += [f"{made.lost:,} attachments were not there."] if made.lost else []
    words += [f"{made.damaged:,} attachments are damaged."] if made.damaged else []
    return " ".join(words)


def finding(town: Town) -> tuple[bool, str]:
    """What the doctor says: whether the town has a backup that is not too old, and the sentence."""
    good, words = _age(town)
    return good, " ".join(filter(None, (words, in_words(town.system, town.zone))))


def _age(town: Town) -> tuple[bool, str]:
    if not town.settings.backup_keep:
        return True, "Townhall makes none by itself, since keep in [backup] is 0."
    now = town.clock.now()
    said = meta.get(town.system, LAST_BACKUP)
    if not said:
        if now - from_microseconds(ledger.began(town.system)) > TOO_OLD:
            return False, f"there is none. {_HELP}"
        return True, "the first one is made in the night, if the town is served then."
    told = json.loads(said)
    at = from_microseconds(told["at"])
    words = f"the last one is of {at.astimezone(town.zone):%Y-%m-%d %H:%M}, {told['file']}."
    if now - at > TOO_OLD:
        return False, f"{words} That is too old. {_HELP}"
    return True, f"{words} Take copies to another building."
