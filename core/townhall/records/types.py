"""What records hands out: plain values, no live database objects."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any

from townhall_forms.schema import RecordType


@dataclass(frozen=True, slots=True)
class Record:
    """One record as one actor may see it.

    ``values`` has only the fields that were asked for and that the actor may read; ``hidden`` names those that exist
    but may not be seen by this actor; ``masked`` those that hold something which the actor may reveal (it isn't in
    ``values``). ``titles`` maps ``(identity, id)`` of linked records to their titles, so that they cost no query.
    """

    type: RecordType
    id: int
    version: int
    number: str
    title: str
    created: datetime
    updated: datetime
    values: Mapping[str, Any]
    state: str = ""
    assignee: int | None = None
    due: datetime | None = None
    closed: datetime | None = None
    archived: datetime | None = None
    channel: str = ""
    created_by: str = ""
    hidden: frozenset[str] = frozenset()
    masked: frozenset[str] = frozenset()
    titles: Mapping[tuple[str, int], str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Identity of its type."""
        return self.type.identity

    def __getitem__(self, name: str) -> Any:
        """The value of a declared or standard field. Raises :class:`KeyError` if it was not read or is hidden."""
        if name in self.type.system_fields:
            return getattr(self, name)
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Like ``record[name]``, with a default."""
        try:
            return self[name]
        except KeyError:
            return default


@dataclass(frozen=True, slots=True)
class Page:
    """One page of records in sort order. ``after`` and ``before`` are opaque keys of the neighbouring pages."""

    records: Sequence[Record]
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of records; ``capped`` says that there are at least that many and counting stopped."""

    value: int
    capped: bool = False

    def __str__(self) -> str:
        return f"{self.value:,}+" if self.capped else f"{self.value:,}"


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result over all types."""

    identity: str
    id: int
    number: str
    title: str
    note: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened, in plain words.

    ``kind`` is ``talk`` (an interaction with a citizen), ``note``, ``change`` (workflow or edit) or ``event``;
    ``channel`` is an interaction's channel or empty; ``public`` says whether the citizen may read it.
    ``about`` is ``(identity, id, number, title)`` of the record it belongs to.
    """

    at: datetime
    kind: str
    headline: str
    body: str = ""
    actor: str = ""
    channel: str = ""
    direction: str = ""
    public: bool = False
    about: tuple[str, int, str, str] | None = None
    identity: str = ""
    id: int = 0
    details: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One entry of a record's append-only history, as far as the actor may see it."""

    id: int
    at: datetime
    actor: str
    door: str
    action: str
    version: int
    changes: Mapping[str, tuple[Any, Any]]
    note: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row of an import: the new record's id, or why it was refused."""

    index: int
    id: int | None
    errors: Mapping[str, str] = field(default_factory=dict)
