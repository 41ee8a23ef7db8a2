"""Finding records by words, over all types: a name in any order, a number, a piece of a phone number, a street.

What is found is the same on both engines: words are made here, and a word in a question stands for every longer one.
Results come newest first and never by relevance, which would have to look at every match of a common word.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.db import search as index
from townhall.db.search import SHORTEST_DIGITS
from townhall.records import assembling
from townhall.records import naming
from townhall.records import predicate
from townhall.records.balancing import found_in
from townhall.records.paging import Cursor
from townhall.records.paging import decode
from townhall.records.plans import batches
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall.records.search_entries import LONGEST_WORD
from townhall.records.search_entries import entry_of
from townhall.records.search_entries import search_plan
from townhall.records.search_entries import words
from townhall.records.types import Hit
from townhall.records.types import Record
from townhall_forms.schema import RecordType
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

#: Words of a question beyond these are not looked at.
MOST_WORDS = 10
#: Questions of one actor of which it is held what was found.
_MOST_HELD = 20
#: As many of the newest records are read for whom the index of words says too much of a type.
_MOST_READ = 1000

_Group = list[list[str]]
_Found = TypeVar("_Found")
_NONE: Mapping[str, Sequence[int]] = {}


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


def among(town: Town, actor: Actor, record_type: RecordType, text: str) -> peewee.ColumnBase:
    """A condition on the type's rows: those that hold the words of ``text``, as far as the actor may search them."""
    asked = groups(text)
    if not asked:
        return predicate.NOTHING
    entries = _entries(town)
    identity = record_type.identity
    public = not policy.sees_internal(actor, record_type)
    model = plan_of(town, identity).model
    if _indexed_too_much(town, actor, record_type):
        read: peewee.ColumnBase = model.id.in_(_read(town, actor, record_type, asked))
        return read
    found: peewee.ColumnBase | None = _matches(town, actor, model, asked, identity, public=public)
    if found is not None:
        return found
    holding = index.holding(town.database, asked, public=public)
    mine = (entries.identity == identity) & (entries.record_id == model.id)
    return peewee.fn.EXISTS(entries.select(peewee.SQL("1")).where(mine & holding))


def _matches(town: Town, actor: Actor, model: Any, asked: list[_Group], identity: str, *, public: bool) -> Any:
    """That a row holds the words, found out apart from the rows; ``None`` if each is better looked at."""
    if town.database.engine == "postgresql":
        if index.is_common(town.database, asked, [identity], public=public):
            return None
        entries = _entries(town)
        matching = index.matching(town.database, asked, public=public) & index.typed(town.database, [identity])
        return found_in(model.id, entries.select(entries.record_id).where(matching))
    ids = _gathered(town, actor, asked, identity, public=public)
    return None if ids is None else found_in(model.id, peewee.SQL("(SELECT value FROM json_each(?))", (ids,)))


def _gathered(town: Town, actor: Actor, asked: list[_Group], identity: str, *, public: bool) -> str | None:
    """The ids that :func:`townhall.db.search.gathered` finds, as JSON. A page asks for its rows and for their number:
    they are held for one actor while the database stays as it is.
    """

    def gather() -> str | None:
        found = index.gathered(town.database, asked, identity, public=public)
        return None if found is None else json.dumps(found, separators=(",", ":"))

    return _held(town, actor, (identity, public, repr(asked)), gather)


def _held(town: Town, actor: Actor, key: Hashable, find: Callable[[], _Found]) -> _Found:
    """What was found for a question of one actor, while the database stays as it is."""
    state = None if town.database.transaction_depth() else town.database.state()
    held: dict[Hashable, tuple[Any, _Found]] = actor.known.setdefault("words", {})
    known = held.get(key)
    if known is not None and state is not None and known[0] == state:
        return known[1]
    found = find()
    # The public is one actor for all who visit, so others may do the same meanwhile.
    if len(held) >= _MOST_HELD:
        held.clear()
    held[key] = (state, found)
    return found


def _indexed_too_much(town: Town, actor: Actor, record_type: RecordType) -> bool:
    """Whether the words of all that staff read hold names of records of which the actor may not know. It goes by
    permissions alone, and is worked out once for them.
    """
    if not policy.sees_internal(actor, record_type):
        return False
    kept, key = plans(town).kept, ("indexed too much", record_type.identity, actor.kind, actor.permissions)
    found: bool | None = kept.get(key)
    if found is None:
        links = search_plan(town, record_type).links
        whole = naming.told(town, actor, record_type).whole
        found = kept[key] = not (whole and all(naming.points_openly(town, actor, field) for field in links))
    return found


def _read(town: Town, actor: Actor, record_type: RecordType, asked: list[_Group]) -> list[int]:
    """The ids of records that hold the words in what the actor reads of them: the index is asked first, and the newest
    that it finds are read. Few ask so: roles that see a type and nothing of another that it names.
    """

    def read() -> list[int]:
        entries, newest = _entries(town), index.newest(town.database, asked, public=False)
        query = entries.select(entries.record_id).where(_visible(town, actor, [record_type]))
        if newest is None:
            test = _matching(town, asked, [record_type], public=False)
            query = query.where(test).order_by(entries.id.desc())
        else:
            source, test, order = newest
            query = query.from_(source).where(test).order_by(order)
        ids = [id for (id,) in query.limit(_MOST_READ).tuples().execute(town.database)]
        records = assembling.records(town, actor, plan_of(town, record_type.identity), ids)
        context = town.context(actor)
        return [
            id for id, record in records.items() if index.holds(entry_of(town, record, context).internal_text, asked)
        ]

    return _held(town, actor, (record_type.identity, "read", repr(asked)), read)


def search(
    town: Town,
    actor: Actor,
    text: str,
    *,
    identities: Iterable[str] | None = None,
    limit: int = 20,
    after: str = "",
    without: Mapping[str, Sequence[int]] = _NONE,
) -> tuple[list[Hit], str]:
    """Records of all types that hold the words of ``text``, newest first, and the cursor of the next page.

    ``without`` leaves out a few records that are shown already: their ids by identity.
    """
    asked = groups(text)
    types = _types(town, actor, identities)
    if not asked or not types:
        return [], ""
    entries = _entries(town)
    internal = {each.identity for each in types if policy.sees_internal(actor, each)}
    read = [each for each in types if _indexed_too_much(town, actor, each)]
    # What the public may find, whoever may find all finds as well.
    newest = index.newest(town.database, asked, public=not internal)
    parts = [_visible(town, actor, [each]) & entries.record_id.in_(_read(town, actor, each, asked)) for each in read]
    for public in (False, True):
        if part := [each for each in types if each not in read and (each.identity not in internal) == public]:
            seen = _visible(town, actor, part)
            if newest is None:
                seen = _matching(town, asked, part, public=public) & seen
            elif public and internal:
                seen = index.holding(town.database, asked, public=public) & seen
            parts.append(seen)
    query = entries.select(
        entries.id, entries.identity, entries.record_id, entries.number, entries.title, entries.note, entries.state
    ).where((entries.archived == 0) & predicate.either(parts))
    if newest is None:
        query = query.order_by(entries.id.desc()).limit(limit + 1)
    else:
        source, test, order = newest
        query = query.from_(source).where(test).order_by(order).limit(limit + 1)
    if after:
        query = query.where(entries.id < decode(after, "search").id)
    for identity, ids in without.items():
        # It only leaves out, so no engine starts from it.
        query = query.where(~(entries.record_id.in_(ids) & (entries.identity == identity)))
    rows = list(query.tuples().execute(town.database))
    following = Cursor("search", None, rows[limit - 1][0]).encode() if len(rows) > limit else ""
    hits = [Hit(*row[1:]) for row in rows[:limit]]
    found = {hit.identity for hit in hits}
    silent = {each.identity for each in types if each.identity in found and notes_tell_too_much(town, actor, each)}
    if silent:
        hits = [replace(hit, note="") if hit.identity in silent else hit for hit in hits]
    whole = {each.identity for each in types if naming.told(town, actor, each).whole}
    if not found <= internal & whole:
        hits = _anew(town, actor, hits, internal & whole)
    return _exact_first(hits, text), following


def _matching(town: Town, asked: list[_Group], types: Sequence[RecordType], *, public: bool) -> peewee.SQL:
    """Entries that hold the words, found in the way that is quick for how common they are among these types."""
    common = index.is_common(town.database, asked, [each.identity for each in types], public=public)
    return (index.holding if common else index.matching)(town.database, asked, public=public)


def by_number(town: Town, actor: Actor, number: str) -> tuple[str, int] | None:
    """Identity and id of the record of any type that people know by ``number``, if the actor may know of it."""
    typed, mark = number.strip(), town.database.param
    # The index of numbers leaves out what has none, and is only asked by a question that says so in its words.
    asked = (
        f"SELECT identity, record_id FROM search_entry WHERE number <> '' AND number IN ({mark}, {mark}) ORDER BY id"  # noqa: S608
    )
    for identity, id in town.database.execute_sql(asked, (typed, typed.upper())).fetchall():
        record_type = town.schemas.get(identity)
        if record_type is None or not policy.may(actor, "view", record_type):
            continue
        if predicate.sees_all(town, actor, record_type) or predicate.may_see(town, actor, record_type, [id]):
            return identity, id
    return None


def _entries(town: Town) -> Any:
    return peewee.Table("search_entry", ("id", *index.COLUMNS), alias="search_entry").bind(town.database)


def _types(town: Town, actor: Actor, identities: Iterable[str] | None) -> list[RecordType]:
    """The types among ``identities`` (all, without) of which the actor may know some record."""
    wanted = set(town.schemas if identities is None else identities)
    types = [record_type for name, record_type in town.schemas.items() if name in wanted]
    return [record_type for record_type in types if policy.may(actor, "view", record_type)]


def _visible(town: Town, actor: Actor, types: Sequence[RecordType]) -> peewee.ColumnBase:
    """Entries of these types, and of rows of them, that the actor may know of."""
    entries = _entries(town)
    whole = [each for each in types if predicate.sees_all(town, actor, each)]
    parts = [index.typed(town.database, [each.identity for each in whole])] if whole else []
    for record_type in types:
        if record_type in whole:
            continue
        model = plan_of(town, record_type.identity).model
        rows = model.select(model.id).where(predicate.scope(town, actor, record_type))
        parts.append((entries.identity == record_type.identity) & found_in(entries.record_id, rows))
    return predicate.either(parts)


def _anew(town: Town, actor: Actor, hits: list[Hit], whole: Collection[str]) -> list[Hit]:
    """Hits of which those of types that are not told ``whole`` have the titles that the actor reads, and no notes."""
    by_type: dict[str, list[int]] = defaultdict(list)
    for hit in hits:
        if hit.identity not in whole:
            by_type[hit.identity].append(hit.id)
    records: dict[tuple[str, int], Record] = {}
    for identity, ids in by_type.items():
        found = assembling.records(town, actor, plan_of(town, identity), ids, ())
        records.update({(identity, id): record for id, record in found.items()})
    return [
        hit
        if hit.identity in whole
        else Hit(hit.identity, hit.id, hit.number, records[hit.identity, hit.id].title, "", hit.state)
        for hit in hits
        if hit.identity in whole or (hit.identity, hit.id) in records
    ]


def _exact_first(hits: list[Hit], text: str) -> list[Hit]:
    """A record whose whole number was typed stands first, then those whose title is just that."""
    typed = normalise(text)

    def distance(hit: Hit) -> int:
        return 0 if normalise(hit.number) == typed else 1 if normalise(hit.title) == typed else 2

    return sorted(hits, key=distance)


def notes_tell_too_much(town: Town, actor: Actor, record_type: RecordType) -> bool:
    """Whether the second line of records of the type may name others that the actor may not know of."""
    fields = (each for field in record_type.fields.values() for each in (field, *field.row_fields.values()))
    targets = {field.target for field in fields if field.search and field.target}
    return any(
        not policy.may(actor, "view", town.schemas[target]) or not predicate.sees_all(town, actor, town.schemas[target])
        for target in targets
        if target in town.schemas
    )


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
