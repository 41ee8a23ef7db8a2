"""What verifying says: how much of history holds, and the first link that doesn't, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from townhall.records.instants import from_microseconds
from townhall.records.sealing import Seal

#: What an entry is called by: its type, record, moment and who made it.
Named = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that doesn't hold: in a sentence, and where it is. Zero and empty where that can't be said."""

    sentence: str
    seal: int = 0
    entry: int = 0
    record: str = ""
    at: str = ""
    who: str = ""


@dataclass(slots=True)
class Verdict:
    """What verifying found. ``unsealed`` entries hold by themselves and wait for the next seal.

    Of those whose values were ``erased``, that is told of some by an entry that gives no number: ``uncounted``.
    """

    entries: int = 0
    seals: int = 0
    unsealed: int = 0
    erased: int = 0
    uncounted: int = 0
    newest: Seal | None = None
    anchors: int = 0
    broken: Broken | None = None


class Found(Exception):
    """The first broken link was found."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.sentence)
        self.broken = broken


def slipped_in(id: int, named: Named | None, seal: int = 0) -> Broken:
    """An entry that is where no seal to come could have it."""
    what = "was slipped in where nothing was when its neighbours were sealed"
    return named_broken(f"The entry {id:,} about {about(named)} {what}.", seal, id, named)


def entry_broken(row: Sequence[Any], what: str) -> Broken:
    """An entry, as a row of ``history``, that doesn't hold; ``what`` is the end of the sentence."""
    named = named_in(row)
    return named_broken(f"The entry {row[0]:,} about {about(named)} {what}.", 0, row[0], named)


def named_in(row: Sequence[Any]) -> Named:
    """What an entry, as a row of ``history``, is called by."""
    return row[1], row[2], row[4], row[7]


def named_broken(sentence: str, seal: int, entry: int, named: Named | None) -> Broken:
    """A sentence with the entry that it names, if one can be found."""
    if named is None:
        return Broken(sentence, seal, entry)
    identity, record, at, who = named
    return Broken(sentence, seal, entry, f"{identity} {record}" if record else str(identity), when(at), str(who))


def about(named: Named | None) -> str:
    """What an entry is about, when and by whom, within a sentence."""
    if named is None:
        return "what can't be found any more"
    identity, record, at, who = named
    return f"{identity} {record}, {when(at)} by {who}" if record else f"all of {identity}, {when(at)} by {who}"


def when(at: Any) -> str:
    """A moment, in UTC; whatever stands there if it is none."""
    try:
        return f"{from_microseconds(at):%Y-%m-%d %H:%M:%S} UTC"
    except (TypeError, ValueError, OverflowError):
        return str(at)
