"""The town as fields and conditions see it, for one actor: what :class:`townhall_forms.context.Context` asks for.

A context lives as long as one request, one import or one form. What it has looked up it remembers, so that a list of
fifty rows or an import of ten thousand asks for each record once.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from zoneinfo import ZoneInfo

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.records import assembling
from townhall.records import colleagues
from townhall.records import naming
from townhall.records import reading
from townhall.records import searching
from townhall.records.colleagues import Colleagues
from townhall.records.plans import plan
from townhall.records.types import Record
from townhall_forms.conditions import Condition
from townhall_forms.context import Option
from townhall_forms.context import StoredFile
from townhall_forms.context import Upload
from townhall_forms.text import normalise
from townhall_forms.text import tokens

if TYPE_CHECKING:
    from townhall.town import Town

_ITSELF = system("context")
#: Who can be given work. Most pages ask, and a query object would cost more than the answer.
_STAFF = 'SELECT id, name, email FROM "user" WHERE active ORDER BY name, id'


class TownContext:
    """The town, for one actor."""

    def __init__(self, town: Town, actor: Actor) -> None:
        self._town = town
        self._actor = actor
        self.zone: ZoneInfo = town.zone
        self.currency: str = town.settings.currency
        self.language: str = town.settings.language
        self.country: str = town.settings.country
        self.actor_id: int | None = actor.id
        self._titles: dict[tuple[str, int], str | None] = {}
        self._records: dict[tuple[str, int], Record | None] = {}
        self._staff: tuple[Option, ...] | None = None
        self._colleagues: Colleagues | None = None
        #: What core's domains read once for all records of a write, by whatever name they choose.
        self.kept: dict[str, Any] = {}

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return self._town.clock.now()

    def today(self) -> date:
        """The present day in the town's zone."""
        return self.now().astimezone(self.zone).date()

    def titles(self, identity: str, ids: Iterable[int]) -> Mapping[int, str]:
        """Titles of the records of type ``identity`` that the actor may see, by id."""
        wanted = list(ids)
        missing = [(identity, id) for id in wanted if (identity, id) not in self._titles]
        if missing:
            found = assembling.titles(self._town, self._actor, missing)
            self._titles.update({point: found.get(point) for point in missing})
        return {id: title for id in wanted if (title := self._titles[identity, id]) is not None}

    def options(self, identity: str, where: Condition | None, text: str, limit: int) -> Sequence[Option]:
        """Records of type ``identity`` that a link may point at, best match first.

        What a schema says about its own links is not the actor's question, so ``where`` may use any field. The public
        is offered what it may read the names of.
        """
        record_type = self._town.schemas.get(identity)
        if record_type is None or not naming.may_name(self._town, self._actor, record_type):
            return ()
        if policy.is_staff(self._actor) or record_type.public_if is not None:
            return reading.options(self._town, self._actor, identity, text, where=where, limit=limit)
        # Only the names of these are public, so nothing else of them may be searched.
        offered = reading.options(self._town, _ITSELF, identity, "", where=where, limit=reading.LARGEST_PAGE)
        words = tokens(text)
        found = [option for option in offered if all(word in normalise(option.title) for word in words)]
        return [Option(option.id, option.title) for option in found[:limit]]

    def value_of(self, identity: str, id: int, field: str) -> object:
        """One field's value of one record (used for ``answers``' questions and ``copy``); ``None`` if missing.

        It serves rules and not the eye, so it looks past what the actor may read.
        """
        if (identity, id) not in self._records:
            self._remember(identity, [id])
        record = self._records[identity, id]
        return record.get(field) if record is not None else None

    def by_number(self, number: str) -> tuple[str, int] | None:
        """Identity and id of the record of any type that people know by ``number``; ``None`` if there is none."""
        return searching.by_number(self._town, self._actor, number)

    def remember(self, identity: str, ids: Iterable[int]) -> None:
        """Look up many records at once that :meth:`value_of` will be asked for."""
        missing = [id for id in dict.fromkeys(ids) if (identity, id) not in self._records]
        if missing:
            self._remember(identity, missing)

    def forget(self, identity: str, id: int) -> None:
        """Look a record up anew the next time: it was written."""
        self._records.pop((identity, id), None)
        self._titles.pop((identity, id), None)

    def _remember(self, identity: str, ids: Sequence[int]) -> None:
        found: Mapping[int, Record] = {}
        if identity in self._town.schemas:
            found = assembling.records(self._town, _ITSELF, plan(self._town, identity), ids, named=False)
        self._records.update({(identity, id): found.get(id) for id in ids})

    def staff(self) -> Sequence[Option]:
        """The people who work here and can be given work. The public is told of none."""
        if not policy.is_staff(self._actor):
            return ()
        if self._staff is None:
            people = self._town.database.execute_sql(_STAFF).fetchall()
            self._staff = tuple(Option(id, name or email, email) for id, name, email in people)
        return self._staff

    def colleagues(self) -> Colleagues:
        """Everybody with an account and what they may do, for rules about who can be named."""
        if self._colleagues is None:
            self._colleagues = colleagues.read(self._town)
        return self._colleagues

    def stage(self, upload: Upload, *, accept: Sequence[str], max_size: int) -> StoredFile:
        """Keep an upload until a record claims it. Raises :class:`townhall_forms.errors.Invalid`."""
        return self._town.files.stage(self._actor, upload, accept=accept, max_size=max_size)

    def stored(self, tokens: Iterable[str]) -> Mapping[str, StoredFile]:
        """Kept files by token; tokens that are unknown or not this actor's are left out."""
        return self._town.files.stored(self._actor, tokens)
