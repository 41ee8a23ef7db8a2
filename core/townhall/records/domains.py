"""Core's own domains: what contacts, cases and messages have to say when records are written.

A domain takes part in the transaction of a write, so what it does stands or falls with it: an error of its own rolls
everything back. Plugins have hooks instead, which run guarded (:mod:`townhall.extend.manager`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.extend.values import Change
from townhall.records.types import Record
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town


#: Where routing hands on, in :attr:`Change.memo`, what whoever sent a case is told that comes in.
ACKNOWLEDGEMENT = "acknowledgement"


#: Where merging hands on, in :attr:`Change.memo`, which record of a type became which: identity, old id and new id. It
#: stands with every change that a merge, or taking one apart, makes to what points at one of the two.
MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Domain:
    """What one domain of core does about writes.

    ``concerns`` says of which types. ``before_save`` is asked about each change after the rules and the plugins; it
    returns values to set as well, or raises :class:`~townhall.errors.Rejected` or
    :class:`~townhall.errors.ValidationFailed`. ``written`` is told, in the same transaction, of changes that are
    written: of one, or of all rows of an import at once, which are of one type; of new records only if it ``greets``
    them. The order of domains is that of :data:`townhall.town.DOMAINS`; each sees what those before it set. What staff
    write to the citizen of a record is given to the one that can ``deliver``: it writes the interaction, and sees to it
    that the citizen gets it.
    """

    name: str
    concerns: Callable[[RecordType], bool]
    before_save: Callable[[Town, Change], Mapping[str, Any] | None] | None = None
    written: Callable[[Town, Sequence[Change]], None] | None = None
    deliver: Callable[[Town, Actor, Record, Outgoing], Record] | None = None
    greets: bool = True


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a person of the town writes to the citizen of a case.

    ``way`` is how they chose to send it: ``email``, ``letter``, or ``web`` for the status page alone; empty for the way
    that this citizen is written to as a rule. ``channel`` is through which it came to be written.
    """

    body: str
    subject: str = ""
    files: Sequence[Any] = ()
    channel: str = "web"
    way: str = ""
