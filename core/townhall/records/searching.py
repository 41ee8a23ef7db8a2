"""Finding records by words, over all types: a name in any order, a number, a piece of a phone number, a street.

What is found is the same on both engines: words are made here, and a word in a question stands for every longer one.
Results come newest first and never by relevance, which would have to look at every match of a common word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import astuple
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.db import search as index
from townhall.db.search import SHORTEST_DIGITS
from townhall.records import assembling
from townhall.records import predicate
from townhall.records.instants import to_microseconds
from townhall.records.paging import Cursor
from townhall.records.paging import decode
from townhall.records.plans import batches
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall.records.plans import title_path_is_public
from townhall.records.types import Hit
from townhall.records.types import Record
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.text import normalise
from townhall_forms.text import tokens

if TYPE_CHECKING:
    from townhall.town import Town

#: Words of a question beyond these are not looked at.
MOST_WORDS = 10
#: A word is cut here; PostgreSQL refuses very long ones.
LONGEST_WORD = 60
_LONGEST_NOTE = 120
#: Found by staff only, whatever the field's privacy is: answers have a privacy each, phone numbers would be guessed.
_NEVER_PUBLIC = frozenset({"answers", "phone"})

Titles = Mapping[tuple[str, int], str]
_Group = list[list[str]]


# -- asking ---------------------------------------------------------------------------------------------------------


def groups(text: str) -> list[_Group]:
    """What a question asks for: groups that must all be met, each by one of its alternatives.

    Digits that stand together may be one number written in parts (``555 0142 117``), and zeros before a number may be
    missing in what is kept (``0161…`` for ``+44 161…``).
    """
    asked: list[_Group] = []
    digits: list[str] = []
    for word in [*words(text)[:MOST_WORDS], ""]:
        if word.isdecimal():
            digits.append(word)
            continue
        if digits:
            asked.append(_digit_group(digits))
            digits = []
        if word:
            asked.append([[word]])
    return asked


def _digit_group(digits: list[str]) -> _Group:
    joined = "".join(digits)[:LONGEST_WORD]
    alternatives = [list(digits)]
    for whole in (joined, joined.lstrip("0")):
        if len(whole) >= SHORTEST_DIGITS and [whole] not in alternatives:
            alternatives.append([whole])
    return alternatives


def among(town: Town, actor: Actor, record_type: RecordType, text: str) -> peewee.Expression:
    """A condition on the type's rows: those that hold the words of ``text``, as far as the actor may search them."""
    asked = groups(text)
    if not asked:
        return predicate.NOTHING
    entries = _entries(town)
    matching = index.matching(town.database, asked, public=not policy.is_staff(actor))
    found = entries.select(entries.record_id).where((entries.identity == record_type.identity) & matching)
    return plan_of(town, record_type.identity).model.id.in_(found)


def search(
    town: Town,
    actor: Actor,
    text: str,
    *,
    identities: Iterable[str] | None = None,
    limit: int = 20,
    after: str = "",
) -> tuple[list[Hit], str]:
    """Records of all types that hold the words of ``text``, newest first, and the cursor of the next page."""
    asked = groups(text)
    visible = _visible(town, actor, identities)
    if not asked or visible is None:
        return [], ""
    entries = _entries(town)
    matching = index.matching(town.database, asked, public=not policy.is_staff(actor))
    query = (
        entries.select(
            entries.id, entries.identity, entries.record_id, entries.number, entries.title,
            entries.note, entries.state,
        )
        .where(matching & (entries.archived == 0) & visible)
        .order_by(entries.id.desc())
        .limit(limit + 1)
    )  # fmt: skip
    if after:
        query = query.where(entries.id < decode(after, "search").id)
    rows = list(query.tuples().execute(town.database))
    following = Cursor("search", None, rows[limit - 1][0]).encode() if len(rows) > limit else ""
    hits = [Hit(*row[1:]) for row in rows[:limit]]
    if not policy.is_staff(actor):
        hits = _for_the_public(town, actor, hits)
    return _exact_first(hits, text), following


def by_number(town: Town, actor: Actor, number: str) -> tuple[str, int] | None:
    """Identity and id of the record of any type that people know by ``number``, if the actor may know of it."""
    typed = number.strip()
    visible = _visible(town, actor, None)
    if not typed or visible is None:
        return None
    entries = _entries(town)
    query = entries.select(entries.identity, entries.record_id).where(
        entries.number.in_([typed, typed.upper()]) & visible
    )
    found = list(query.limit(1).tuples().execute(town.database))
    return found[0] if found else None


def _entries(town: Town) -> Any:
    return peewee.Table("search_entry", ("id", *index.COLUMNS), alias="search_entry").bind(town.database)


def _visible(town: Town, actor: Actor, identities: Iterable[str] | None) -> peewee.Expression | None:
    """Entries of types, and of rows, that the actor may know of; ``None`` if there are none."""
    wanted = set(town.schemas if identities is None else identities)
    types = [record_type for name, record_type in town.schemas.items() if name in wanted]
    types = [record_type for record_type in types if policy.may(actor, "view", record_type)]
    if not types:
        return None
    entries = _entries(town)
    if policy.is_staff(actor):
        return entries.identity.in_([record_type.identity for record_type in types])
    parts = []
    for record_type in types:
        model = plan_of(town, record_type.identity).model
        rows = model.select(model.id).where(predicate.scope(town, actor, record_type))
        parts.append((entries.identity == record_type.identity) & entries.record_id.in_(rows))
    visible = parts[0]
    for part in parts[1:]:
        visible = visible | part
    return visible


def _for_the_public(town: Town, actor: Actor, hits: list[Hit]) -> list[Hit]:
    """Hits with the titles that the public may read, and without notes."""
    by_type: dict[str, list[int]] = defaultdict(list)
    for hit in hits:
        by_type[hit.identity].append(hit.id)
    records: dict[tuple[str, int], Record] = {}
    for identity, ids in by_type.items():
        found = assembling.records(town, actor, plan_of(town, identity), ids, ())
        records.update({(identity, id): record for id, record in found.items()})
    return [
        Hit(hit.identity, hit.id, hit.number, records[hit.identity, hit.id].title, "", hit.state)
        for hit in hits
        if (hit.identity, hit.id) in records
    ]


def _exact_first(hits: list[Hit], text: str) -> list[Hit]:
    """A record whose whole number was typed stands first, then those whose title is just that."""
    typed = normalise(text)

    def distance(hit: Hit) -> int:
        return 0 if normalise(hit.number) == typed else 1 if normalise(hit.title) == typed else 2

    return sorted(hits, key=distance)


def notes(town: Town, identity: str, ids: Sequence[int]) -> dict[int, str]:
    """The quiet second line of each record, for staff."""
    entries = _entries(town)
    found: dict[int, str] = {}
    for part in batches(ids):
        query = entries.select(entries.record_id, entries.note).where(
            (entries.identity == identity) & entries.record_id.in_(part)
        )
        found.update(query.tuples().execute(town.database))
    return found


# -- writing --------------------------------------------------------------------------------------------------------


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


_Texts = Callable[[Mapping[str, Any], Titles, Context], Iterable[str]]


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
        self._sources = [
            (name, None, _source(field))
            for name, field in record_type.fields.items()
            if field.search and field.privacy != "confidential" and not field.row_fields
        ]
        self._rows = [
            (name, column, _source(column, inside=field))
            for name, field in record_type.fields.items()
            for column in field.row_fields.values()
            if (column.search or field.search) and "confidential" not in (field.privacy, column.privacy)
        ]
        self._title_is_public = all(
            title_path_is_public(town.schemas, record_type, path) for path in record_type.title.paths
        )

    def texts(
        self, values: Mapping[str, Any], *, number: str, title: str, titles: Titles, context: Context
    ) -> tuple[str, str]:
        """Words that the public, and that staff, find a record by."""
        public = []
        private = []
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
        for name, column, source in self._rows:
            rows = values.get(name) or ()
            if rows and rows[0].get(column.name) is not None:
                yield _one_line(source, rows[0][column.name], titles, context)
        for name, _, source in self._sources:
            if values.get(name) is not None and source.field.type_name not in ("longtext", "answers"):
                yield _one_line(source, values[name], titles, context)


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


def _row(each: SearchEntry) -> tuple[object, ...]:
    return astuple(each)


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
