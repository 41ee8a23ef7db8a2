"""What records hands out: plain values, no live database objects."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any
from typing import Final
from typing import NamedTuple

from townhall.records.instants import from_microseconds
from townhall_forms.schema import RecordType

#: The columns that every row of a record begins with, and those that a case goes on with.
STANDARD_COLUMNS = ("id", "version", "number", "title", "created", "updated", "archived", "channel", "created_by")
CASE_COLUMNS = ("state", "assignee", "queue", "due", "closed")
ID, VERSION, NUMBER, TITLE, CREATED, UPDATED, ARCHIVED, CHANNEL, CREATED_BY = range(9)
STATE, ASSIGNEE, QUEUE, DUE, CLOSED = range(9, 14)

Row = Sequence[Any]


class Record:
    """One record as one actor may see it: a thin face over the row that was read, since lists read so many.

    ``values`` has only the fields that were asked for and that the actor may read; ``hidden`` names those that exist
    but may not be seen by this actor; ``masked`` those that hold something which the actor may reveal (it isn't in
    ``values``). ``titles`` maps ``(identity, id)`` of linked records to their titles, so that they cost no query.
    ``staff`` says that the actor may know who works on it and how it came in.
    """

    __slots__ = ("_case", "_row", "_staff", "hidden", "masked", "title", "titles", "type", "values")

    def __init__(
        self,
        type: RecordType,
        row: Row,
        values: Mapping[str, Any],
        *,
        title: str,
        titles: Mapping[tuple[str, int], str],
        masked: frozenset[str],
        hidden: frozenset[str],
        staff: bool,
    ) -> None:
        self.type: Final = type
        self.title: Final = title
        self.values: Final = values
        self.titles: Final = titles
        self.masked: Final = masked
        self.hidden: Final = hidden
        self._row: Final = row
        self._case: Final = type.workflow is not None
        self._staff: Final = staff

    @property
    def identity(self) -> str:
        """Identity of its type."""
        return self.type.identity

    @property
    def id(self) -> int:
        """Its id, which nothing but its address shows."""
        return self._row[ID]  # type: ignore[no-any-return]  # the row is as the table has it, here and below

    @property
    def version(self) -> int:
        """How often it was written."""
        return self._row[VERSION]  # type: ignore[no-any-return]

    @property
    def number(self) -> str:
        """The number that people know it by."""
        return self._row[NUMBER] or ""

    @property
    def created(self) -> datetime:
        """When it was made."""
        return from_microseconds(self._row[CREATED])

    @property
    def updated(self) -> datetime:
        """When it was written last."""
        return from_microseconds(self._row[UPDATED])

    @property
    def archived(self) -> datetime | None:
        """Since when it is put aside."""
        return _moment(self._row[ARCHIVED])

    @property
    def channel(self) -> str:
        """How it came in; for staff."""
        return (self._row[CHANNEL] or "") if self._staff else ""

    @property
    def created_by(self) -> str:
        """Who made it; for staff."""
        return (self._row[CREATED_BY] or "") if self._staff else ""

    @property
    def state(self) -> str:
        """A case's state."""
        return (self._row[STATE] or "") if self._case else ""

    @property
    def assignee(self) -> int | None:
        """Who works on the case; for staff."""
        return self._row[ASSIGNEE] if self._case and self._staff else None

    @property
    def queue(self) -> int | None:
        """Id of the queue that the case stands in; for staff."""
        return self._row[QUEUE] if self._case and self._staff else None

    @property
    def due(self) -> datetime | None:
        """When the case is due; for staff. ``None`` also while it waits and nothing counts."""
        return _moment(self._row[DUE]) if self._case and self._staff else None

    @property
    def closed(self) -> datetime | None:
        """When the case ended."""
        return _moment(self._row[CLOSED]) if self._case else None

    def __eq__(self, other: object) -> bool:
        """Whether both say the same to the same sort of actor."""
        if not isinstance(other, Record):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _SAID)

    __hash__ = None  # type: ignore[assignment]  # values may be lists and tables

    def __repr__(self) -> str:
        return f"<Record {self.identity} {self.id} “{self.title}”>"

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


#: All that a record says.
_SAID = ("type", *STANDARD_COLUMNS, *CASE_COLUMNS, "values", "hidden", "masked", "titles")


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else from_microseconds(stored)


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


class TimelineEntry(NamedTuple):
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
    """One entry of a record's append-only history, as far as the actor may see it.

    ``erased`` says that its values were erased when their time was over.
    """

    id: int
    at: datetime
    actor: str
    door: str
    action: str
    version: int
    changes: Mapping[str, tuple[Any, Any]]
    note: str = ""
    digest: str = ""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row of an import: the new record's id, or why it was refused."""

    index: int
    id: int | None
    errors: Mapping[str, str] = field(default_factory=dict)
