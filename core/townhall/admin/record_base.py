"""What the pages of one type of record have in common, however they are grouped into modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from flask import flash
from flask.typing import ResponseReturnValue

from townhall.admin import urls
from townhall.admin.details import get_record
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.records import explaining
from townhall.records.types import Record
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.access.actors import Actor
    from townhall.access.permissions import Verb
    from townhall.admin.desk import Desk
    from townhall.town import Town

#: Methods of a page that shows a form and takes it.
FORM = ("GET", "POST")


@dataclass(frozen=True, slots=True)
class Said:
    """A note or message that was refused: its words, the way that was chosen for it, and why."""

    text: str
    way: str
    problem: str


class RecordPages:
    """A part of a record's view. The parts are put together in :class:`townhall.admin.record_view.RecordView`."""

    desk: Desk
    town: Town
    type: RecordType

    if TYPE_CHECKING:

        @property
        def actor(self) -> Actor: ...

        def may(self, verb: Verb) -> bool: ...

        def render(self, template: str, **values: Any) -> str: ...

    def own_page(self, record: Record, said: Said | None = None) -> ResponseReturnValue:
        """A record's own page; ``said`` is what somebody wrote there that was refused, so that it is not lost."""
        raise NotImplementedError

    def _record(self, id: int) -> Record:
        return get_record(self.desk, self.actor, self.type.identity, id)

    def _url(self, record: Record, page: str = "") -> str:
        return urls.record_url(record.identity, record.id, page)

    def _changeable(self) -> None:
        """Raise :class:`~townhall.errors.Forbidden`, saying why, if no record of the type can be changed at present."""
        if reason := self.type.frozen or self.town.plugins.read_only(self.type.identity):
            raise Forbidden(reason)

    def _editable(self, id: int) -> Record:
        self._changeable()
        record = self._record(id)
        if sentence := explaining.first_obstacle(self.town, self.actor, record):
            raise Forbidden(sentence)
        return record

    def _after(self, record: Record) -> str:
        """Where to go once a record was changed: to its page, or to the list if it isn't the reader's any more."""
        try:
            self._record(record.id)
        except NotFound:
            flash("It is with others now, so it is not among what you see any more.", "info")
            return urls.list_url(record.identity)
        return self._url(record)
