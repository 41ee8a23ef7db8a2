"""From the cells of one row to the values of one record, as a mapping says. Prepared once, run per row."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from townhall.access.actors import Actor
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.imports.dates import date_reader
from townhall.imports.mapping import ColumnMapping
from townhall.imports.mapping import ImportMapping
from townhall.town import Town
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.text import normalise

_PLACEHOLDER = re.compile(r"\{([^{}|]+)(\|slug)?\}")
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9]+")
_DATE_TYPES = frozenset({"date", "datetime", "time"})
_RECORD_DATES = frozenset({"created", "closed", "due"})
#: A word with what apostrophes join to it; not the letters after a digit, so that 3RD becomes 3rd.
_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:['’][^\W\d_]+)*")
_APOSTROPHE = re.compile(r"(['’])")


def _titled(text: str) -> str:
    """Every word with a capital: ``ST MARY'S 3RD O'BRIEN`` as ``St Mary's 3rd O'Brien``."""
    return _WORD.sub(_titled_word, text.lower())


def _titled_word(found: re.Match[str]) -> str:
    first, *rest = _APOSTROPHE.split(found.group())
    # O'Brien and D'Arcy are names; Mary's and don't end in a short part that stays small.
    return first.capitalize() + "".join(part.capitalize() if len(part) > 2 else part for part in rest)


_CASES: Mapping[str, Callable[[str], str]] = {
    "sentence": lambda text: text[:1].upper() + text[1:].lower(),
    "title": _titled,
    "upper": str.upper,
    "lower": str.lower,
}

Converter = Callable[[str, Mapping[str, str]], Any]


class Refused(Exception):
    """A row can't become a record; the message says why, for the file of refused rows."""


class LinkFinder:
    """Finds, and where the mapping says so makes, the records that one column's texts name. Remembers its answers."""

    def __init__(self, town: Town, actor: Actor, column: ColumnMapping, target: RecordType) -> None:
        self._town = town
        self._actor = actor
        self._column = column
        self._target = target
        self._known: dict[str, int] = {}
        self._made: set[str] = set()

    @property
    def made(self) -> int:
        """How many records were made, or would be: one that a dry run makes in every batch counts once."""
        return len(self._made)

    def find(self, text: str, cells: Mapping[str, str]) -> int:
        """Id of the record whose ``match`` field equals ``text``. Raises :class:`Refused`."""
        key = normalise(text)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._look_up(text) or self._create(text, cells)
        return found

    def forget(self) -> None:
        """Drop every answer: what was made has been rolled back."""
        self._known.clear()

    def _look_up(self, text: str) -> int | None:
        page = self._town.records.find(
            self._actor, self._target.identity, {self._column.match: text}, limit=2, fields=()
        )
        if len(page.records) > 1:
            raise Refused(f"more than one {self._target.label.lower()} is called “{text}”")
        return page.records[0].id if page.records else None

    def _create(self, text: str, cells: Mapping[str, str]) -> int:
        if self._column.create is None:
            raise Refused(f"there is no {self._target.label.lower()} called “{text}”")
        values = {self._column.match: text, **_filled(self._column.create, cells)}
        try:
            record = self._town.records.create(self._actor, self._target.identity, values)
        except (ValidationFailed, Rejected) as error:
            reasons = str(error)
            raise Refused(f"{self._target.label.lower()} “{text}” can't be made: {reasons}") from error
        self._made.add(normalise(text))
        return record.id


class RowReader:
    """Turns rows of cells into values for :meth:`townhall.records.service.Records.import_rows`."""

    def __init__(self, town: Town, actor: Actor, mapping: ImportMapping) -> None:
        self._mapping = mapping
        self._type = town.schemas[mapping.type]
        self._zone = town.zone
        self.finders: list[LinkFinder] = []
        self._fixed = [(self._placer(path), value) for path, value in mapping.fixed.items()]
        self._columns = [
            (self._placer(column.field), self._reader(town, actor, column, town.schemas)) for column in mapping.columns
        ]
        names = {path.partition(".")[0] for path in (*mapping.fixed, *(column.field for column in mapping.columns))}
        self._lines = [name for name in names if (field := self._type.field(name)) is not None and field.row_fields]

    def read(self, cells: Mapping[str, str]) -> dict[str, Any]:
        """Values of one row. Raises :class:`Refused`."""
        values: dict[str, Any] = {}
        for place, value in self._fixed:
            place(values, value)
        for place, read in self._columns:
            value = read(cells)
            if value is not None:
                place(values, value)
        if self._mapping.key:
            key = self._mapping.key_of(cells)
            if not key:
                raise Refused(f"{' and '.join(self._mapping.key)} is empty; it names the row")
            values["external_key"] = key
        for name in self._lines:
            # A column may hold all rows as one text, as an export writes them.
            if isinstance(values.get(name), list):
                values[name] = [row for row in values[name] if row]
        return values

    def forget(self) -> None:
        """Drop remembered links after a rollback."""
        for finder in self.finders:
            finder.forget()

    @property
    def made(self) -> int:
        """How many linked records were made on the way."""
        return sum(finder.made for finder in self.finders)

    def _reader(
        self, town: Town, actor: Actor, column: ColumnMapping, schemas: Schemas
    ) -> Callable[[Mapping[str, str]], Any]:
        """What makes the value of one column of a row's cells; ``None`` where there is none."""
        convert = self._converter(town, actor, column, schemas)
        texts = _text_of(column, self._mapping.empty)
        default = column.default
        if convert is None:
            return lambda cells: texts(cells) or default
        label = " + ".join(column.sources)

        def read(cells: Mapping[str, str]) -> Any:
            text = texts(cells)
            if not text:
                return default
            try:
                return convert(text, cells)
            except Refused as refused:
                raise Refused(f"{label}: {refused}") from refused

        return read

    def _placer(self, path: str) -> Callable[[dict[str, Any], Any], None]:
        field = self._type.field(path.partition(".")[0])
        return _placer(path, bool(field is not None and field.row_fields))

    def _converter(self, town: Town, actor: Actor, column: ColumnMapping, schemas: Schemas) -> Converter | None:
        """What makes a value of a cell's text; nothing where the text is the value."""
        steps: list[Callable[[str], Any]] = []
        if column.values is not None:
            steps.append(_translator(column))
        name, _, rest = column.field.partition(".")
        field = self._type.field(name)
        if field is not None and rest and field.row_fields:
            field = field.row_fields.get(rest.partition(".")[2])
        if column.formats:
            dated = name in _RECORD_DATES or field is None or field.type_name == "datetime"
            steps.append(self._dates(column.formats, with_time=dated))
        if column.match and field is not None and field.target:
            finder = LinkFinder(town, actor, column, schemas[field.target])
            self.finders.append(finder)
            return lambda text, cells: _then(steps, text, lambda last: finder.find(str(last), cells))
        if column.value is not None:
            return lambda text, cells: column.value
        if len(steps) == 1:
            (only,) = steps
            return lambda text, cells: only(text)
        return (lambda text, cells: _then(steps, text, lambda last: last)) if steps else None

    def _dates(self, formats: tuple[str, ...], *, with_time: bool) -> Callable[[str], Any]:
        zone = self._zone
        readers = [date_reader(format) for format in formats]

        def read(text: str) -> Any:
            for reader in readers:
                try:
                    moment = reader(text)
                except ValueError:
                    continue
                if not with_time:
                    return moment.date()
                return moment if moment.tzinfo else moment.replace(tzinfo=zone)
            raise Refused(f"“{text}” is not a date written like {formats[0]}")

        return read


def _then(steps: list[Callable[[str], Any]], text: str, last: Callable[[Any], Any]) -> Any:
    value: Any = text
    for step in steps:
        if value is None:
            return None
        value = step(value)
    return None if value is None else last(value)


def _text_of(column: ColumnMapping, empty: frozenset[str]) -> Callable[[Mapping[str, str]], str]:
    """The text of a column's cells: stripped, emptied where it means nothing, joined, cut out and re-cased."""
    finish = _finisher(column)
    longest = max(map(len, empty), default=0)

    def clean(cell: str) -> str:
        part = cell.strip()
        return "" if len(part) <= longest and part.casefold() in empty else part

    if len(column.sources) == 1:
        (source,) = column.sources
        if finish is None:

            def only(cells: Mapping[str, str]) -> str:
                part = cells[source].strip()
                return "" if len(part) <= longest and part.casefold() in empty else part

            return only
        return lambda cells: finish(text) if (text := clean(cells[source])) else ""
    sources, join = column.sources, column.join

    def text(cells: Mapping[str, str]) -> str:
        joined = join.join([part for source in sources if (part := clean(cells[source]))])
        return finish(joined) if joined and finish is not None else joined

    return text


def _finisher(column: ColumnMapping) -> Callable[[str], str] | None:
    """What is done with a text that is there: cut out, re-cased, something put before it."""
    prefix = column.prefix
    recase = _CASES.get(column.case)
    pattern = re.compile(column.pattern) if column.pattern else None
    if not (recase or prefix or pattern):
        return None

    def finish(text: str) -> str:
        if pattern is not None:
            found = pattern.search(text)
            text = "" if found is None else (found.group(1) if pattern.groups else found.group(0)) or ""
        if recase is not None:
            text = recase(text)
        return prefix + text if text else ""

    return finish


def _translator(column: ColumnMapping) -> Callable[[str], Any]:
    values = column.values or {}

    def translate(text: str) -> Any:
        found = values.get(text.casefold())
        if found is not None or text.casefold() in values:
            return None if found == "" else found
        if column.unknown == "refuse":
            raise Refused(f"“{text}” is not in the mapping's list of values")
        return None if column.unknown == "empty" else text

    return translate


def _placer(path: str, rows: bool) -> Callable[[dict[str, Any], Any], None]:
    """How a value is put at a path: ``field``, ``address.city`` or ``phones.0.number``."""
    name, _, rest = path.partition(".")
    if not rest:
        return lambda values, value: values.__setitem__(name, value)
    if not rows:
        return lambda values, value: values.setdefault(name, {}).__setitem__(rest, value)
    index_text, _, key = rest.partition(".")
    index = int(index_text)
    key, _, part = key.partition(".")

    def put(values: dict[str, Any], value: Any) -> None:
        lines = values.get(name)
        if lines is None:
            lines = values[name] = []
        while len(lines) <= index:
            lines.append({})
        if part:
            lines[index].setdefault(key, {})[part] = value
        else:
            lines[index][key] = value

    return put


def _filled(template: Any, cells: Mapping[str, str]) -> Any:
    """A ``create`` table with ``{Column}`` replaced by the row's cells; what comes out empty is left out."""
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda found: _cell(found, cells), template).strip()
    if isinstance(template, Mapping):
        filled = {key: _filled(value, cells) for key, value in template.items()}
        return {key: value for key, value in filled.items() if value not in ("", None, {}, [])}
    if isinstance(template, list):
        return [value for value in (_filled(value, cells) for value in template) if value not in ("", None, {}, [])]
    return template


def _cell(found: re.Match[str], cells: Mapping[str, str]) -> str:
    text = cells.get(found.group(1), "").strip()
    return _NOT_IN_A_SLUG.sub("_", normalise(text)).strip("_") if found.group(2) else text


def existing_keys(town: Town, actor: Actor, mapping: ImportMapping, keys: list[str]) -> set[str]:
    """Those of ``keys`` under which a record was imported before."""
    return town.records.external_keys(actor, mapping.type, keys)
