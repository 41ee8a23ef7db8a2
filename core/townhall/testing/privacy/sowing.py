"""Sowing a town: records of every type that many may see, then those of which nobody outside may notice anything."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Flask

from townhall.access.actors import ANONYMOUS
from townhall.testing.clients import Client
from townhall.testing.privacy import expected
from townhall.testing.privacy import surfaces
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.planting import Planter
from townhall.testing.privacy.surfaces import Surface
from townhall.testing.privacy.watching import Watch
from townhall.testing.samples import REFUSALS
from townhall.testing.samples import demanded
from townhall_forms.schema import RecordType

Values = Mapping[str, Mapping[str, Any]]

#: Kinds of planted records: that many may see, that nobody outside may, that the calendar shows, made at the end, that
#: may be merged with the first.
OPEN, CLOSED, SOON, LATER, TWIN = "open", "closed", "soon", "later", "twin"


class Sower:
    """Makes the records of a walk. ``given`` and ``kept_back`` are as for :func:`~townhall.testing.privacy.walk`."""

    def __init__(self, watch: Watch, planter: Planter, app: Flask, given: Values, kept_back: Values) -> None:
        self._watch = watch
        self._town = watch.town
        self._planter = planter
        self._app = app
        self._values = given
        self._kept_back = kept_back

    def plant(self) -> None:
        """Records that many may see; then, while nobody outside may notice anything, those that are hidden."""
        for record_type in self._watch.types:
            self.one(record_type, OPEN, self._public_values(record_type))
            if record_type.merge is not None:
                self.one(record_type, TWIN, self.given(record_type))
            if record_type.event is not None:
                self.one(record_type, SOON, [{**given, **self._soon(record_type)} for given in self.given(record_type)])
        public = self._public_records()
        before = self._outside()
        for record_type in self._watch.types:
            opened = next((each for each in self._watch.planted if each.record.identity == record_type.identity), None)
            archived = None if record_type.append_only else self._closed(record_type, opened)
            if archived is not None:
                self._planter.archive(archived)
            if record_type.public_if is not None:
                self._closed(record_type, opened)
            if record_type.identity in self._kept_back:
                given = self._values.get(record_type.identity, {})
                self.one(record_type, "kept back", [{**given, **self._kept_back[record_type.identity]}])
        if self._public_records() == public:
            after = self._outside()
            for page, text in before.items():
                if after[page] != text:
                    self._watch.report.problems.append(
                        f"{page.name} looks otherwise since there are records that it hides."
                    )
        self._watch.report.planted = len(self._watch.markers)
        self._watch.read_log("making records")

    def given(self, record_type: RecordType) -> list[dict[str, Any]]:
        """The values that no sample can guess, as the only choice for :meth:`one`."""
        return [dict(self._values.get(record_type.identity, {}))]

    def _soon(self, record_type: RecordType) -> dict[str, str]:
        """Values with which a record stands on the calendar of these days, where feeds look."""
        found: dict[str, str] = {}
        event, today = record_type.event, self._town.today()
        for days, name in enumerate((event.starts, event.ends) if event is not None else (), start=2):
            field = record_type.fields.get(name)
            if field is not None and not field.is_computed and not field.read_only:
                day = (today + timedelta(days=days)).isoformat()
                found[name] = f"{day} 10:00" if field.type_name == "datetime" else day
        return found

    def _public_records(self) -> dict[str, int]:
        """How many records of each type anybody may see."""
        return {
            record_type.identity: self._town.records.count(ANONYMOUS, record_type.identity).value
            for record_type in self._watch.types
            if record_type.public_if is not None
        }

    def _outside(self) -> dict[Surface, str]:
        """The public's pages of types, without what is new each time."""
        visitor = Client(self._app)
        pages = [*surfaces.pages_by_themselves(self._app, staff=False)]
        pages += (page for record_type in self._watch.types for page in surfaces.of_public_type(record_type))
        found = {}
        for page in pages:
            response = visitor.get(page.url, follow_redirects=True)
            self._watch.report.requests += 1
            found[page] = surfaces.settled(response)
        return found

    def _public_values(self, record_type: RecordType) -> list[dict[str, Any]]:
        """What makes a record public, the records behind its links among it."""
        given = dict(self._values.get(record_type.identity, {}))
        values = {**given, **expected.open_values(record_type)}
        for path in record_type.public_if.paths() if record_type.public_if is not None else ():
            link = path.partition(".")[0]
            field = record_type.fields.get(link)
            answered = {
                each.source.partition(".")[0] for each in record_type.fields.values() if each.type_name == "answers"
            }
            if "." in path and field is not None and field.target and link not in answered:
                behind = demanded(record_type.public_if, link)
                values[link] = self._planter.sampler.linked(field.target, field.where, fresh=True, values=behind)
        return [values, given] if values != given else [given]

    def _closed(self, record_type: RecordType, opened: Planted | None) -> Planted | None:
        """A record like the one that is open, that nobody outside may know of."""
        like = dict(self._values.get(record_type.identity, {}))
        if opened is not None:
            for name, field in record_type.fields.items():
                value = opened.record.values.get(name)
                alone = field.unique or name in {part for names in record_type.unique for part in names.fields}
                if field.type_name == "link" and value is not None and field.privacy != "confidential" and not alone:
                    like[name] = value
        for values in expected.closed_values(record_type):
            made = self.one(record_type, CLOSED, [{**like, **values}], keep=False)
            if made is not None and not expected.is_public(self._town, made):
                return self._watch.keep(made)
        return None

    def one(
        self, record_type: RecordType, kind: str, choices: Sequence[Mapping[str, Any]], *, keep: bool = True
    ) -> Planted | None:
        """Plant one record with the first values that are accepted; ``None`` if none are."""
        refusal: Exception | None = None
        number = sum(each.record.identity == record_type.identity for each in self._watch.planted)
        for values in choices:
            try:
                planted = self._planter.plant(record_type, f"{kind} {number}" if number else kind, values)
            except REFUSALS as error:
                refusal = error
                continue
            if kind == OPEN and not record_type.append_only:
                self._planter.change(planted)
            return self._watch.keep(planted) if keep else planted
        if kind == OPEN and refusal is not None:
            self._watch.report.problems.append(
                f"{record_type.identity}: no record with values of its own was accepted: {refusal}"
            )
        return None
