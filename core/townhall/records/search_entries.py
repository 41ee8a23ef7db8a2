"""What the search index keeps of each record, and keeping it: entries are written in their records' own transactions.

The words are made once per record, from what the schema says is searched. A confidential value is never among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING
from typing import Any

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
#: What tells people of one name apart best comes first.
_NOTES = {"address": 0, "phone": 2}


@dataclass(frozen=True, slots=True)
class SearchEntry:
    """What the index keeps of one record. Texts are words with one blank between them."""

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


_IN_ORDER = attrgetter(*(field.name for field in fields(SearchEntry)))


def words(text: str) -> list[str]:
    """The words of ``text`` as the index keeps them."""
    return [word[:LONGEST_WORD] for word in tokens(text.replace("_", " "))]


def number_words(number: str) -> list[str]:
    """Words by which a number is found: its parts, all of it in one, its digits, and its last part without zeros."""
    parts = words(number)
    digits = [part for part in parts if part.isdecimal()]
    glued = ["".join(parts), "".join(digits)]
    short = [digits[-1].lstrip("0")] if digits else []
    return [word for word in (*parts, *glued, *short) if word]


def phone_words(phone: str) -> list[str]:
    """Every end of a phone number of at least four digits, so that any piece of it finds it."""
    digits = "".join(mark for mark in phone.partition(";")[0] if mark.isdecimal())[:LONGEST_WORD]
    return [digits[start:] for start in range(len(digits) - SHORTEST_DIGITS + 1)] or ([digits] if digits else [])


@dataclass(frozen=True, slots=True)
class _Source:
    """One field whose value a record is found by. ``phones`` are kept apart: their digits are words of another sort."""

    field: Field
    public: bool
    phone: bool

    def texts(self, value: Any, titles: Titles, context: Context) -> Iterable[str]:
        """The texts of one value."""
        if self.phone:
            yield " ".join(phone_words(value))
        elif self.field.target and self.field.type_name != "answers":
            for point in self.field.references(value):
                yield titles.get(point, "")
        else:
            yield self.field.search_text(value, context)

    def bound(self, values: Mapping[str, Any], context: Context) -> _Source:
        """The source as it stands in a record with these values: answers need their questions."""
        if self.field.type_name != "answers":
            return self
        return replace(self, field=self.field.bind(values, context))


class SearchPlan:
    """How records of one type are put into the index; worked out once."""

    def __init__(self, town: Town, record_type: RecordType) -> None:
        self.record_type = record_type
        self._on_public_pages = record_type.public_if is not None
        self._sources: list[tuple[str, Field | None, _Source]] = [
            (name, None, _source(field))
            for name, field in record_type.fields.items()
            if field.search and field.privacy != "confidential" and not field.row_fields
        ]
        self._rows: list[tuple[str, Field, _Source]] = [
            (name, column, _source(column, inside=field))
            for name, field in record_type.fields.items()
            for column in _searched_columns(field)
            if "confidential" not in (field.privacy, column.privacy)
        ]
        by_use = sorted(self._rows, key=lambda each: _NOTES.get(each[1].type_name, 1))
        self._noted = [
            *by_use,
            *(each for each in self._sources if each[2].field.type_name not in ("longtext", "answers")),
        ]
        self._title_is_public = all(
            title_path_is_public(town.schemas, record_type, path) for path in record_type.title.paths
        )

    def texts(
        self, values: Mapping[str, Any], *, number: str, title: str, titles: Titles, context: Context
    ) -> tuple[str, str]:
        """Words that the public, and that staff, find a record by."""
        public: list[str] = []
        private: list[str] = []
        (public if self._title_is_public else private).append(title)
        for name, _, source in self._sources:
            value = values.get(name)
            if value is not None:
                found = source.bound(values, context).texts(value, titles, context)
                (public if source.public else private).extend(found)
        for name, column, source in self._rows:
            for row in values.get(name) or ():
                value = row.get(column.name)
                if value is not None:
                    (public if source.public else private).extend(source.texts(value, titles, context))
        numbered = number_words(number) if number else []
        open_words = dict.fromkeys([*numbered, *words(" ".join(public))])
        all_words = open_words | dict.fromkeys(words(" ".join(private))) if private else open_words
        return " ".join(open_words) if self._on_public_pages else "", " ".join(all_words)

    def note(self, values: Mapping[str, Any], *, title: str, titles: Titles, context: Context) -> str:
        """A quiet second line that tells records with like titles apart: the first two things they are found by."""
        parts: list[str] = []
        for text in self._shown(values, titles, context):
            if text and text not in title and text not in parts:
                parts.append(text)
            if len(parts) == 2:
                break
        note = " · ".join(parts)
        return note if len(note) <= _LONGEST_NOTE else note[: _LONGEST_NOTE - 1].rstrip() + "…"

    def _shown(self, values: Mapping[str, Any], titles: Titles, context: Context) -> Iterable[str]:
        for name, column, source in self._noted:
            value = values.get(name)
            if value and column is not None:
                value = value[0].get(column.name)
            if value is not None:
                yield _one_line(source, value, titles, context)


def _searched_columns(field: Field) -> list[Field]:
    """Columns of rows that are searched: those that say so, or all when only the rows themselves do."""
    named = [column for column in field.row_fields.values() if column.search]
    return named or (list(field.row_fields.values()) if field.search else [])


def _one_line(source: _Source, value: Any, titles: Titles, context: Context) -> str:
    if source.field.target:
        return ", ".join(titles.get(point, "") for point in source.field.references(value))
    return " ".join(source.field.display(value, context).split())


def _source(field: Field, inside: Field | None = None) -> _Source:
    levels = {field.privacy, inside.privacy if inside is not None else field.privacy}
    public = levels == {"public"} and not field.target and field.type_name not in _NEVER_PUBLIC
    return _Source(field, public, field.type_name == "phone")


def search_plan(town: Town, record_type: RecordType) -> SearchPlan:
    """The plan of a type."""
    kept = plans(town).kept
    key = ("search", record_type.identity)
    found: SearchPlan | None = kept.get(key)
    if found is None or found.record_type is not record_type:
        found = kept[key] = SearchPlan(town, record_type)
    return found


def entry(
    town: Town,
    record_type: RecordType,
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
    plan = search_plan(town, record_type)
    public, internal = plan.texts(values, number=number, title=title, titles=titles, context=context)
    note = plan.note(values, title=title, titles=titles, context=context)
    return SearchEntry(record_type.identity, id, number, title, note, state, public, internal, updated, int(archived))


def write_entries(town: Town, entries: Sequence[SearchEntry], *, replace: bool = True) -> None:
    """Write entries, in the transaction of their records. ``replace=False`` is for records that are new."""
    rows = [_row(each) for each in entries]
    if replace:
        rows = [row for row in rows if not index.update(town.database, row)]
    index.insert(town.database, rows)


def _row(each: SearchEntry) -> tuple[Any, ...]:
    return _IN_ORDER(each)


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
        write_entries(town, [_entry_of(town, record, context) for record in found.values()], replace=False)
        written += len(found)
    return written


def _entry_of(town: Town, record: Record, context: Context) -> SearchEntry:
    return entry(
        town,
        record.type,
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
