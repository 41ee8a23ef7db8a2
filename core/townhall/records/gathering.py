"""The ids that a scope finds outside of the rows that it is asked about, kept as long as the database stays as it is.

Few are written out, so that each question of a page has them; more lie in a temporary table of the connection.

When something changed, they are not all looked for again: the history tells what was written since. What that leads to,
or led to before, is looked at, and joins the table or leaves it; mostly it is nothing. What somebody did to the
database by hand, of which history knows nothing, is seen within :data:`_HOLDS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Sequence
from collections.abc import Set
from datetime import datetime
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import Protocol
from weakref import WeakKeyDictionary

import peewee

from townhall.access.actors import Actor
from townhall.db.search import COMMON
from townhall.records.plans import plans

if TYPE_CHECKING:
    from townhall.town import Town

#: At most so many ids are written out: where they can be kept in a table, and where they would be looked for anew.
_FEW = 200
_FEW_UNKEPT = 5000
#: Answers for so many people are held.
_MOST_HELD = 500
#: Ids within scopes, for each set of types, with the state of the database for which they hold.
_HELD: WeakKeyDictionary[Any, dict[Any, _Held]] = WeakKeyDictionary()
#: Tables with ids that are no few, of each connection of a database, the newest last; and their numbers. The oldest
#: goes when there are too many: that must be more than one statement asks, which names several.
_TABLES: WeakKeyDictionary[Any, dict[int, dict[Hashable, str]]] = WeakKeyDictionary()
_MOST_TABLES = 100
_NUMBERS = count()
#: Whose table it is that ids are gathered in before anybody knows how many they are. No statement names it.
_NOBODY = ""
#: After so many entries of history, for so many ids that these lead to, and this long after they were looked for, all
#: are looked for again.
_MOST_WRITTEN = 500
_MOST_DOUBTED = 200
_HOLDS = timedelta(minutes=5)


class Written(NamedTuple):
    """What somebody did to a record: the old and the new value, as JSON, of each field that has another one."""

    identity: str
    id: int
    actor_id: int | None
    action: str
    changes: dict[str, tuple[Any, Any]]


class TypeScope(Protocol):
    """What is asked about a scope of a type's records, to bring on what it found."""

    @property
    def identity(self) -> str:
        """The type."""

    def doubted(self, written: Collection[Written]) -> set[int] | None:
        """The ids that may be within it only now, or no longer; ``None`` if it may have become another scope."""

    def among(self, ids: Set[int]) -> set[int]:
        """Those of the ids that are within it."""


class Found(peewee.SQL):
    """Ids that were found; ``many`` if there are more than a list gathers.

    ``lists`` is room for what lists read of them, with how often they had been brought on by then. Of records that were
    written since, or came or went, ``touched`` has when that was.
    """

    def __init__(self, sql: str, *, many: bool = False) -> None:
        super().__init__(sql)
        self.many = many
        self.lists: dict[Hashable, tuple[int, Any]] = {}
        self.times = 0
        self.touched: dict[int, int] = {}

    def touch(self, ids: Collection[int]) -> None:
        """Let what lists read hold no longer, as far as it depends on these records."""
        self.times += 1
        self.touched.update(dict.fromkeys(ids, self.times))


class _Held(NamedTuple):
    """What was found, the state of the database for which it holds, and the last entry of history that was there
    before; and when all ids were looked for, with the state then, and how many entries there are since.
    """

    state: Any
    found: Found | None
    entry: int
    looked: datetime
    began: Any
    since: int = 0

    def is_too_old(self, state: Any, now: datetime) -> bool:
        """Whether the database changed since all were looked for, so long ago that what history doesn't know of must be
        seen too.
        """
        return bool(state != self.began) and now - self.looked > _HOLDS


def few(
    town: Town, actor: Actor, key: Hashable, ids: Callable[[], peewee.SQL] | None, scope: TypeScope | None = None
) -> Found | None:
    """What the statement finds that ``ids`` gives, written out if it is little: a page asks several questions of it.
    Without that, what was found before, if anything.

    It is kept while the database stays as it is, over requests where the engine can tell; there, much is kept too,
    and brought on by what ``scope`` says. Inside of a transaction nothing is: what was seen there may never have been,
    and no figure tells.
    """
    if town.database.transaction_depth():
        return None
    state = town.database.state()
    if state is None:
        return _of_request(town, actor, ("few", key, actor.id, actor.permissions), ids)
    held = _HELD.setdefault(plans(town), {})
    place = ("few", key, actor.id, actor.permissions, state[0])
    known = held.get(place)
    if known is not None and known.state == state and not known.is_too_old(state, town.clock.now()):
        return known.found
    if ids is None:
        return None
    if len(held) >= _MOST_HELD:
        held.clear()
    brought_on = _brought_on(town, known, place, state, scope) if known is not None and scope is not None else None
    if brought_on is None:
        # The last entry is asked for first: what is written meanwhile is looked at once more.
        entry, looked = _last_entry(town), town.clock.now()
        # What was little is likely to be so again, and then needs no table.
        was_few = known is not None and place not in _tables(town, state[0])
        query = ids()
        found = _asked(town, query, _FEW) if was_few else None
        brought_on = _Held(state, found or _gathered(town, place, state[0], query), entry, looked, state)
    held[place] = brought_on
    return held[place].found


def _of_request(town: Town, actor: Actor, place: Hashable, ids: Callable[[], peewee.SQL] | None) -> Found | None:
    """The same where the engine doesn't tell what changed: within one request."""
    kept: dict[Any, Any] = actor.known
    if place not in kept or kept[place][0] != town.writes:
        if ids is None:
            return None
        kept[place] = (town.writes, _asked(town, ids(), _FEW_UNKEPT))
    found: Found | None = kept[place][1]
    return found


def _asked(town: Town, ids: peewee.SQL, most: int) -> Found | None:
    """What a statement finds, written out; ``None`` if that is more than ``most`` ids."""
    text = f"SELECT DISTINCT * FROM {ids.sql} AS few LIMIT {most + 1}"  # noqa: S608  # put together here
    rows = town.database.execute_sql(text, ids.params).fetchall()
    return _listed(rows) if len(rows) <= most else None


def _tables(town: Town, connection: int) -> dict[Hashable, str]:
    return _TABLES.setdefault(town.database, {}).setdefault(connection, {})


def _gathered(town: Town, place: Hashable, connection: int, ids: peewee.SQL) -> Found | None:
    """The same, found once and from a table that the connection keeps, as long as it is much.

    A table that was made is filled again and again: with each one that is made or dropped, SQLite forgets what it
    prepared of all statements.
    """
    tables = _tables(town, connection)
    name = tables.get(place) or tables.setdefault(_NOBODY, f"scope_{next(_NUMBERS)}")
    count = town.database.keep_ids(name, ids.sql, ids.params)
    if count is None:
        return None
    text = f'SELECT id FROM temp."{name}"'  # noqa: S608  # a name that was made here
    if count <= _FEW:
        rows = town.database.execute_sql(text).fetchall()
        if tables.pop(place, None):
            town.database.forget_ids(name)
        return _listed(rows)
    tables.pop(place if place in tables else _NOBODY)
    tables[place] = name
    if len(tables) > _MOST_TABLES:
        oldest = next(each for each in tables if each != _NOBODY)
        town.database.forget_ids(tables.pop(oldest))
        _HELD.setdefault(plans(town), {}).pop(oldest, None)
    return Found(f"({text})", many=count > COMMON)


def _listed(rows: Sequence[Sequence[Any]]) -> Found:
    return Found("({})".format(", ".join(str(int(id)) for (id,) in rows if id is not None) or "NULL"))


def _last_entry(town: Town) -> int:
    (last,) = town.database.execute_sql("SELECT MAX(id) FROM history").fetchone()
    return int(last or 0)


def _brought_on(town: Town, known: _Held, place: Hashable, state: Any, scope: TypeScope) -> _Held | None:
    """What was found, with what was written since taken into account; ``None`` if that can't be done."""
    found = known.found
    if found is None or known.is_too_old(state, town.clock.now()):
        return None
    written = _written(town, known)
    if written is None:
        return None
    if not written:
        return known._replace(state=state)
    doubted = scope.doubted(list(written.values()))
    if doubted is None:
        return None
    if doubted:
        # What is no more than a list gathers is soon looked for again; and of records that are few, each may have so
        # many cases that to look at these would take longer.
        if not found.many or len(doubted) > _MOST_DOUBTED:
            return None
        within = scope.among(doubted)
        town.database.change_ids(_tables(town, state[0])[place], within, doubted - within)
    found.touch({*doubted, *(each.id for each in written.values() if each.identity == scope.identity)})
    return known._replace(state=state, entry=max(written), since=known.since + len(written))


def _written(town: Town, known: _Held) -> dict[int, Written] | None:
    """What was written since, by the ids of its entries; ``None`` if that is too much, or doesn't tell enough."""
    mark, room = town.database.param, _MOST_WRITTEN - known.since
    sql = (
        "SELECT entry.id, identity, record_id, actor_id, action, changes FROM history AS entry"  # noqa: S608  # marks
        f" LEFT JOIN history_values AS told ON told.history_id = entry.id WHERE entry.id > {mark} LIMIT {mark}"
    )
    rows = town.database.execute_sql(sql, (known.entry, room + 1)).fetchall()
    # An entry without a record is about many; one without values had them erased.
    if len(rows) > room or any(not row[2] or row[5] is None for row in rows):
        return None
    return {
        id: Written(identity, record, by, action, json.loads(told)) for id, identity, record, by, action, told in rows
    }
