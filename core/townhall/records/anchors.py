"""Anchors: the newest seal in a small file that is kept somewhere else, to compare the chain with later.

Whoever can write to the database can work out the whole chain anew, and cut off its end. They can't change what was
printed, mailed to somebody, or put on a disk in a safe.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from townhall.db import meta
from townhall.errors import NotFound
from townhall.errors import TownhallError
from townhall.records import sealing
from townhall.records.instants import from_microseconds

if TYPE_CHECKING:
    from townhall.town import Town

_DIGEST = re.compile(r"[0-9a-f]{64}")
#: No anchor is larger, in characters.
_LARGEST = 10_000


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a seal was when the anchor was taken; ``source`` is the file that says so."""

    seal: int
    digest: str
    source: str


def make(town: Town, number: int = 0) -> str:
    """The text of an anchor, as JSON: of the newest seal, or of the one with this number as it is now.

    Raises :class:`~townhall.errors.NotFound` if there is no such seal.
    """
    seal = sealing.numbered(town, number) if number else sealing.newest(town)
    if seal is None:
        raise NotFound(f"There is no seal {number:,}." if number else "There is no history yet, so there is no seal.")
    table = town.system.history_seal
    sealed = sum(
        count for (count,) in table.select(table.entries).where(table.number <= seal.number).tuples().iterator()
    )
    told = {
        "what": "Anchor of a Townhall history. Keep it where whoever runs the town's server can't change it.",
        "town": town.settings.name,
        "town_mark": meta.town_mark(town.system),
        "seal": seal.number,
        "sealed_at": from_microseconds(seal.at).isoformat(),
        "entries": sealed,
        "digest": seal.digest,
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def read(town: Town, file: Path) -> Anchor:
    """The anchor in a file. Raises :class:`~townhall.errors.TownhallError` in a sentence if it is none of this town."""
    try:
        with file.open(encoding="utf-8-sig") as stream:
            told: Any = json.loads(stream.read(_LARGEST))
        seal, digest = told["seal"], told["digest"]
    except OSError as error:
        raise TownhallError(f"{file} can't be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise TownhallError(f"{file} is no anchor: townhall history anchor writes them.") from error
    if type(seal) is not int or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise TownhallError(f"{file} is no anchor: townhall history anchor writes them.")
    # A mark that was lost, with a backup from before the first anchor or by somebody's hand, must keep nobody from
    # comparing: of a town with this name the digest says whether it is the same.
    if told.get("town_mark") != meta.town_mark(town.system) and told.get("town") != town.settings.name:
        raise TownhallError(f"{file} is an anchor of another town, {told.get('town') or 'which it does not name'}.")
    return Anchor(seal, digest, str(file))
