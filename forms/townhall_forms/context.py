"""What field types need to know of the world they work in. Townhall implements it; this library has no globals."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Protocol
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from townhall_forms.conditions import Condition


@dataclass(frozen=True, slots=True)
class Option:
    """One record that a link can point at: its id, its title, and a quiet second line."""

    id: int
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that the town keeps. ``token`` names it in forms before it belongs to a record."""

    id: int
    token: str
    filename: str
    media_type: str
    size: int
    checksum: str


class Upload(Protocol):
    """An uploaded file, as werkzeug's ``FileStorage`` gives it."""

    filename: str | None

    def read(self, size: int = -1, /) -> bytes: ...


class Context(Protocol):
    """The town as a field sees it, for one actor."""

    zone: ZoneInfo
    currency: str
    language: str
    #: ISO 3166 code of the country, for telephone numbers and addresses.
    country: str
    actor_id: int | None

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def today(self) -> date:
        """The present day in the town's zone."""
        ...

    def titles(self, identity: str, ids: Iterable[int]) -> Mapping[int, str]:
        """Titles of the records of type ``identity`` that the actor may see, by id."""
        ...

    def options(self, identity: str, where: Condition | None, text: str, limit: int) -> Sequence[Option]:
        """Records of type ``identity`` that a link may point at, best match first."""
        ...

    def value_of(self, identity: str, id: int, field: str) -> object:
        """One field's value of one record (used for ``answers``' questions and ``copy``); ``None`` if missing."""
        ...

    def by_number(self, number: str) -> tuple[str, int] | None:
        """Identity and id of the record of any type that people know by ``number``; ``None`` if there is none."""
        ...

    def staff(self) -> Sequence[Option]:
        """The people who work here and can be given work."""
        ...

    def stage(self, upload: Upload, *, accept: Sequence[str], max_size: int) -> StoredFile:
        """Keep an upload until a record claims it. Raises :class:`townhall_forms.errors.Invalid`."""
        ...

    def stored(self, tokens: Iterable[str]) -> Mapping[str, StoredFile]:
        """Kept files by token; tokens that are unknown or not this actor's are left out."""
        ...
