"""Watching a walk: what comes back, where it led to, what is logged meanwhile and what is kept beside the records.

A :class:`Watch` knows each planted word, and notes every one that stands where it must not.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from flask import Flask
from werkzeug.test import TestResponse

from townhall.access.actors import system
from townhall.admin.exporting import csv_lines
from townhall.testing.clients import Client
from townhall.testing.privacy import expected
from townhall.testing.privacy.census import Census
from townhall.testing.privacy.expected import Reader
from townhall.testing.privacy.markers import Marker
from townhall.testing.privacy.markers import found_in
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.surfaces import Surface
from townhall.town import Town
from townhall_forms.schema import RecordType


@dataclass(frozen=True, slots=True)
class Leak:
    """A value on a surface on which it has no place: which field's, for whom, and where."""

    field: str
    reader: str
    surface: str

    def __str__(self) -> str:
        return f"{self.surface} shows “{self.field}” to {self.reader}, for whom it is not."


@dataclass
class Report:
    """What a walk found: leaks, sentences about other things that are wrong, and what nobody could find who may.

    ``unopened`` are pages of the application that it never came to; ``planted`` and ``requests`` say how far it went.
    """

    leaks: list[Leak] = dataclass_field(default_factory=list)
    problems: list[str] = dataclass_field(default_factory=list)
    missing: list[str] = dataclass_field(default_factory=list)
    unopened: list[str] = dataclass_field(default_factory=list)
    planted: int = 0
    requests: int = 0

    def sentences(self) -> list[str]:
        """Everything that is wrong, once."""
        return list(dict.fromkeys([*map(str, self.leaks), *self.problems]))


class Watch:
    """What was planted in a town, what was found of it, and what is wrong."""

    def __init__(self, town: Town, types: Sequence[RecordType], app: Flask) -> None:
        self.town = town
        self.types = types
        self.report = Report()
        self.census = Census(app, types)
        self.planted: list[Planted] = []
        self.markers: dict[str, tuple[Marker, Planted]] = {}
        #: The words that each reader came across.
        self.found: dict[str, set[str]] = {}
        self._logged: list[logging.LogRecord] = []

    @contextmanager
    def log(self) -> Iterator[None]:
        """Keep all that is logged meanwhile, for :meth:`read_log`."""
        keeper = _Keeper(self._logged)
        root = logging.getLogger()
        level = root.level
        root.addHandler(keeper)
        root.setLevel(logging.INFO)
        try:
            yield
        finally:
            root.removeHandler(keeper)
            root.setLevel(level)

    def keep(self, planted: Planted) -> Planted:
        """Look out for the words of a record from now on. None that is confidential stands in its title."""
        self.planted.append(planted)
        for marker in planted.markers:
            self.markers[marker.key] = (marker, planted)
        title = planted.record.title
        for key in found_in(title) & self.markers.keys():
            marker, owner = self.markers[key]
            if marker.level == "confidential":
                self.leak(marker, "everybody", f"title of {owner.name}")
        return planted

    def open(self, reader: Reader, client: Client, page: Surface) -> None:
        """Fetch a page and look at it."""
        self.look(reader, page, client.get(page.url, follow_redirects=True))

    def look(self, reader: Reader, page: Surface, response: TestResponse) -> None:
        """Look at what came back: whose words stand in it, and whether its reader may read them."""
        text = self.get(response)
        if response.status_code >= 500:
            self.report.problems.append(f"{page.name} answers {response.status_code} to {reader.name}.")
        keys = found_in(text) & self.markers.keys()
        for key in keys:
            marker, owner = self.markers[key]
            if not expected.may_read(self.town, reader, marker, owner):
                self.leak(marker, reader.name, page.name)
        self.found.setdefault(reader.name, set()).update(keys)
        self._apart(reader, page, keys)
        self.read_log(page.name)

    def read_log(self, name: str) -> None:
        """No value stands in what was logged meanwhile."""
        for each in self._logged:
            for key in found_in(_line(each)) & self.markers.keys():
                self.leak(self.markers[key][0], "whoever reads the log", f"log of {name}")
        self._logged.clear()

    def get(self, response: TestResponse) -> str:
        """Everything that came back: the page or the file, its headers, and the addresses it led over."""
        self.report.requests += 1 + len(response.history)
        said = [str(each.headers) for each in (*response.history, response)]
        for each in (*response.history, response):
            self.census.saw(each.request.path)
        body = response.get_data().decode("utf-8", "replace")
        response.close()
        return "\n".join([*said, response.request.path, body])

    def _apart(self, reader: Reader, page: Surface, keys: set[str]) -> None:
        """Of two records that a confidential link joins, neither page tells of the other."""
        if not page.about or page.options:
            return
        for planted in self.planted:
            for name, (_, _, key) in planted.apart.items():
                if key in keys and page.about in (planted.name, f"list {planted.record.identity}"):
                    self.report.leaks.append(Leak(f"{planted.record.identity}.{name}", reader.name, page.name))

    def look_beside(self) -> None:
        """What the town keeps beside its records: search entries, messages that wait, jobs, failures."""
        held = {name for record_type in self.town.schemas.values() for name in _tables_of(self.town, record_type)}
        held |= {"history_values", "attachment", "draft", "sealed_value"}
        database = self.town.database
        for table in sorted(set(database.get_tables()) - held):
            if table.startswith("search_words"):
                continue
            for row in database.execute_sql(f'SELECT * FROM "{table}"').fetchall():  # noqa: S608  # its own names
                for key in found_in(" ".join(map(str, row))) & self.markers.keys():
                    marker, _ = self.markers[key]
                    if marker.level == "confidential":
                        self.leak(marker, "whoever reads the database", f"table {table}")
        # Whom a message is for sees what was written to them and public fields; what else its row says isn't sent.
        for subject, body in database.execute_sql("SELECT subject, body FROM outbox").fetchall():
            for key in found_in(f"{subject} {body}") & self.markers.keys():
                if self.markers[key][0].level not in ("public", expected.MESSAGE):
                    self.leak(self.markers[key][0], "whoever gets a message", "mail and letters")
        for record_type in self.types:
            for line in csv_lines(self.town, system("cli", "Trial"), record_type, None):
                for key in found_in(line) & self.markers.keys():
                    if self.markers[key][0].level == "confidential":
                        self.leak(
                            self.markers[key][0], "whoever runs commands", f"townhall export {record_type.identity}"
                        )

    def leak(self, marker: Marker, reader: str, surface: str) -> None:
        """Note a word that stands where it must not."""
        self.report.leaks.append(Leak(f"{marker.identity}.{marker.path}", reader, surface))


class _Keeper(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, into: list[logging.LogRecord]) -> None:
        super().__init__(logging.INFO)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self._into.append(record)


def _line(record: logging.LogRecord) -> str:
    shown = logging.Formatter().format(record)
    return shown if isinstance(record.args, tuple) else f"{shown} {record.args}"


def _tables_of(town: Town, record_type: RecordType) -> Iterable[str]:
    tables = town.tables.of(record_type.identity)
    yield tables.model._meta.table_name
    for each in (*tables.rows.values(), *tables.links.values()):
        yield each.model._meta.table_name
