"""What the search index keeps of each record, and keeping it: entries are written in their records' own transactions.

The words are made once per record, from what the schema says is searched. A confidential value is never among them.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from townhall.access.actors import Actor
from townhall.db import search as index
from townhall.db.search import SHORTEST_DIGITS
from townhall.records import assembling
from townhall.records.display import Titles
from townhall.records.instants import to_microseconds
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall.records.plans import title_path_is_public
from townhall.records.types import Record
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.text import tokens

if TYPE_CHECKING:
    from townhall.town import Town

#: A word is cut here; PostgreSQL refuses very long ones.
LONGEST_WORD = 60
_LONGEST_NOTE = 120
#: Found by staff only, whatever the field's privacy is: answers have a privacy each, phone numbers would be guessed.
_NEVER_PUBLIC = frozenset({"answers", "phone"})
#: Too long for a note.
_NEVER_NOTED = frozenset({"longtext", "answers"})
#: What tells people of one name apart best comes first.
_NOTES = {"address": 0, "phone": 2}


class SearchEntry(NamedTuple):
    """What the index keeps of one record, in the order of its columns. Texts are words with one blank between them."""

    identity: str
    record_id: int
    number: str
    title: str
    note: str
    state: str
    public_text: str
    internal_text: str
    updated: int
    archived: int


def words(text: str) -> list[str]:
    """The words of ``text`` as the index keeps them."""
    found = tokens(text)
    if len(text) <= LONGEST_WORD or max(map(len, found), default=0) <= LONGEST_WORD:
        return found
    return [word[:LONGEST_WORD] for word in found]


def number_words(number: str) -> list[str]:
    """Words by which a number is found: its parts, all of it in one, its digits, and its last part without zeros."""
    parts = words(number)
    digits = [part for part in parts if part.isdecimal()]
    glued = ["".join(parts), "".join(digits)]
    short = [digits[-1].lstrip("0")] if digits else []
    return [word for word in (*parts, *glued, *short) if word]


def phone_words(phone: str) -> list[str]:
    """Every end of a phone number of at least four digits, so that any piece of it finds it."""
    digits = phone.partition(";")[0].removeprefix("+")
    if not digits.isdecimal():
        digits = "".join(mark for mark in digits if mark.isdecimal())
    digits = digits[:LONGEST_WORD]
    return [digits[start:] for start in range(len(digits) - SHORTEST_DIGITS + 1)] or ([digits] if digits else [])


#: What makes a text of a value: for the index of all words, or for the note. Answers need the values around them.
_Text = Callable[[Any, Mapping[str, Any], Titles, Context], str]


@dataclass(frozen=True, slots=True)
class _Source:
    """A field, or a column of rows, by whose value a record is found; ``rows`` is empty for a field."""

    field: Field
    name: str
    rows: str
    public: bool
    text: _Text
    line: _Text

    def first(self, values: Mapping[str, Any]) -> Any:
        """The value, or that of the first row."""
        if not self.rows:
            return values.get(self.name)
        lines = values.get(self.rows)
        return lines[0].get(self.name) if lines else None


class SearchPlan:
    """How records of one type are put into the index; worked out once."""

    def __init__(self, town: Town, record_type: RecordType) -> None:
        self.record_type = record_type
        self._on_public_pages = record_type.public_if is not None
        self._sources = [
            _source(field)
            for field in record_type.fields.values()
            if field.search and field.privacy != "confidential" and not field.row_fields
        ]
        in_rows = [
            _source(column, inside=field)
            for field in record_type.fields.values()
            for column in _searched_columns(field)
            if "confidential" not in (field.privacy, column.privacy)
        ]
        self._rows: dict[str, list[_Source]] = {}
        for source in in_rows:
            self._rows.setdefault(source.rows, []).append(source)
        by_use = sorted(in_rows, key=lambda each: _NOTES.get(each.field.type_name, 1))
        self._noted = [*by_use, *(each for each in self._sources if each.field.type_name not in _NEVER_NOTED)]
        #: What puts titles of other records into these words.
        self.links = [
            each.field
            for each in (*self._sources, *in_rows)
            if each.field.target or each.field.type_name == "reference"
        ]
        self._title_is_public = all(
            title_path_is_public(town.schemas, record_type, path) for path in record_type.title.paths
        )

    def entry(
        self,
        id: int,
        values: Mapping[str, Any],
        *,
        number: str,
        title: str,
        state: str,
        updated: int,
        archived: bool,
        titles: Titles,
        context: Context,
    ) -> SearchEntry:
        """The index's entry of a record. ``titles`` names the records that its searched links point at."""
        public, internal = self._texts(values, number, title, titles, context)
        note = self._note(values, title, titles, context)
        identity = self.record_type.identity
        return SearchEntry(identity, id, number, title, note, state, public, internal, updated, int(archived))

    def _texts(
        self, values: Mapping[str, Any], number: str, title: str, titles: Titles, context: Context
    ) -> tuple[str, str]:
        """Words that the public, and that staff, find a record by."""
        public: list[str] = []
        private: list[str] = []
        (public if self._title_is_public else private).append(title)
        for source in self._sources:
            value = values.get(source.name)
            if value is not None:
                (public if source.public else private).append(source.text(value, values, titles, context))
        for rows, sources in self._rows.items():
            lines = values.get(rows) or ()
            for source in sources if lines else ():
                texts = public if source.public else private
                for line in lines:
                    value = line.get(source.name)
                    if value is not None:
                        texts.append(source.text(value, values, titles, context))
        found = [*(number_words(number) if number else ()), *(words(" ".join(public)) if public else ())]
        open_words = " ".join(dict.fromkeys(found)) if self._on_public_pages else ""
        if private:
            found += words(" ".join(private))
        return open_words, " ".join(dict.fromkeys(found))

    def _note(self, values: Mapping[str, Any], title: str, titles: Titles, context: Context) -> str:
        """A quiet second line that tells records with like titles apart: the first two things they are found by."""
        parts: list[str] = []
        for source in self._noted:
            value = source.first(values)
            if value is None:
                continue
            text = source.line(value, values, titles, context)
            if text and text not in title and text not in parts:
                parts.append(text)
                if len(parts) == 2:
                    break
        note = " · ".join(parts)
        return note if len(note) <= _LONGEST_NOTE else note[: _LONGEST_NOTE - 1].rstrip() + "…"


def _searched_columns(field: Field) -> list[Field]:
    """Columns of rows that are searched: those that say so, or all when only the rows themselves do."""
    named = [column for column in field.row_fields.values() if column.search]
    return named or (list(field.row_fields.values()) if field.search else [])


def _source(field: Field, inside: Field | None = None) -> _Source:
    levels = {field.privacy, inside.privacy if inside is not None else field.privacy}
    public = levels == {"public"} and not field.target and field.type_name not in _NEVER_PUBLIC
    return _Source(field, field.name, inside.name if inside is not None else "", public, *_texts_of(field))


def _texts_of(field: Field) -> tuple[_Text, _Text]:
    """How the texts of a field's values are made: their words, and the line that a person reads."""

    def line(value: Any, values: Mapping[str, Any], titles: Titles, context: Context) -> str:
        return " ".join(field.display(value, context).split())

    if field.type_name == "phone":
        return lambda value, values, titles, context: " ".join(phone_words(value)), line
    if field.type_name == "answers":
        return lambda value, values, titles, context: field.bind(values, context).search_text(value, context), line
    if field.target:

        def named(value: Any, values: Mapping[str, Any], titles: Titles, context: Context) -> str:
            return ", ".join(titles.get(point, "") for point in field.references(value))

        return named, named
    if type(field).search_text is Field.search_text and type(field).display is Field.display:
        return lambda value, values, titles, context: str(value), line
    return lambda value, values, titles, context: field.search_text(value, context), line


def search_plan(town: Town, record_type: RecordType) -> SearchPlan:
    """The plan of a type."""
    kept = plans(town).kept
    key = ("search", record_type.identity)
    found: SearchPlan | None = kept.get(key)
    if found is None or found.record_type is not record_type:
        found = kept[key] = SearchPlan(town, record_type)
    return found


def entry_of(town: Town, record: Record, context: Context) -> SearchEntry:
    """The entry of a record as it was read by the town itself."""
    return search_plan(town, record.type).entry(
        record.id,
        record.values,
        number=record.number,
        title=record.title,
        state=record.state,
        updated=to_microseconds(record.updated),
        archived=record.archived is not None,
        titles=record.titles,
        context=context,
    )


def write_entries(town: Town, entries: Sequence[SearchEntry], *, replace: bool = True) -> None:
    """Write entries, in the transaction of their records. ``replace=False`` is for records that are new."""
    if replace:
        entries = [entry for entry in entries if not index.update(town.database, entry)]
    index.insert(town.database, entries)


def delete_entries(town: Town, identity: str, ids: Sequence[int]) -> None:
    """Take records out of the index."""
    index.delete(town.database, identity, ids)


def rebuild(town: Town, actor: Actor, identity: str) -> int:
    """Write the entries of all records of a type anew, after what is searched has changed; how many there were.

    ``actor`` is the town's own; it reads what is to be found.
    """
    plan = plan_of(town, identity)
    model = plan.model
    context = town.context(actor)
    last, written = 0, 0
    while ids := [
        row[0] for row in model.select(model.id).where(model.id > last).order_by(model.id).limit(500).tuples()
    ]:
        last = ids[-1]
        found = assembling.records(town, actor, plan, ids)
        delete_entries(town, identity, ids)
        write_entries(town, [entry_of(town, record, context) for record in found.values()], replace=False)
        written += len(found)
    return written
