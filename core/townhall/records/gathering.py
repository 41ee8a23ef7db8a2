"""The ids that a scope finds outside of the rows that it is asked about, kept as long as the database stays as it is.

Few are written out, so that each question of a page has them; more lie in a temporary table of the connection.

When something changed, those in a table are not all looked for again: the history tells what was written since, and
what that leads to comes into the table besides. It then holds all that are within the scope, and perhaps some that are
not any more, so whoever asks looks at each row as well (:attr:`Found.exact`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set
from itertools import count
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
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
#: After so many entries of history all are looked for again.
_MOST_WRITTEN = 500

#: From the records that were written, by type, to a statement of the ids that may be within a scope because of them;
#: ``None`` if it may have become another scope.
Further = Callable[[Mapping[str, Set[int]]], peewee.SQL | None]


class Found(peewee.SQL):
    """Ids that were found; ``many`` if there are more than a list gathers. If they are not ``exact``, some of them may
    not be within the scope any more.

    ``lists`` is room for what lists read of them. It goes with them, as soon as anything in the database changes.
    """

    def __init__(self, sql: str, *, many: bool = False, exact: bool = True) -> None:
        super().__init__(sql)
        self.many = many
        self.exact = exact
        self.lists: dict[Hashable, Any] = {}


class _Held(NamedTuple):
    """What was found, the state of the database for which it holds, the last entry of history that was there before,
    and how many were since all ids were looked for.
    """

    state: Any
    found: Found | None
    entry: int
    since: int = 0


def few(
    town: Town, actor: Actor, key: Hashable, ids: peewee.SQL | None, further: Further | None = None
) -> Found | None:
    """What a statement finds, written out if it is little: a page asks several questions of it. Without one, what was
    found before, if anything.

    It is kept while the database stays as it is, over requests where the engine can tell; there, much is kept too.
    Inside of a transaction nothing is: what was seen there may never have been, and no figure tells. Who gives
    ``further`` may get what isn't exact.
    """
    if town.database.transaction_depth():
        return None
    state = town.database.state()
    if state is None:
        return _of_request(town, actor, ("few", key, actor.id, actor.permissions), ids)
    held = _HELD.setdefault(plans(town), {})
    place = ("few", key, actor.id, actor.permissions, state[0])
    known = held.get(place)
    if known is not None and known.state == state and (known.found is None or known.found.exact or further is not None):
        return known.found
    if ids is None:
        return None
    if len(held) >= _MOST_HELD:
        held.clear()
    brought_on = _brought_on(town, known, place, state, further) if known is not None and further is not None else None
    if brought_on is None:
        # The last entry is asked for first: what is written meanwhile is looked at once more.
        entry = _last_entry(town)
        # What was little is likely to be so again, and then needs no table.
        was_few = known is not None and place not in _tables(town, state[0])
        found = _asked(town, ids, _FEW) if was_few else None
        brought_on = _Held(state, found or _gathered(town, place, state[0], ids), entry)
    held[place] = brought_on
    return held[place].found


def _of_request(town: Town, actor: Actor, place: Hashable, ids: peewee.SQL | None) -> Found | None:
    """The same where the engine doesn't tell what changed: within one request."""
    kept: dict[Any, Any] = actor.known
    if place not in kept or kept[place][0] != town.writes:
        if ids is None:
            return None
        kept[place] = (town.writes, _asked(town, ids, _FEW_UNKEPT))
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


def _brought_on(town: Town, known: _Held, place: Hashable, state: Any, further: Further) -> _Held | None:
    """Bring into a table what may be within its scope by what was written since; ``None`` if that can't be done."""
    name = _tables(town, state[0]).get(place)
    # What is no more than a list gathers is soon looked for again; and of records that are few, each may have so many
    # cases that to look at these would take longer.
    if name is None or known.found is None or not known.found.many:
        return None
    room = _MOST_WRITTEN - known.since
    sql = f"SELECT id, identity, record_id FROM history WHERE id > {town.database.param} LIMIT {room + 1}"  # noqa: S608
    written = town.database.execute_sql(sql, (known.entry,)).fetchall()
    if len(written) > room:
        return None
    changed: dict[str, set[int]] = {}
    for _, identity, id in written:
        # An entry without a record is about many.
        if not id:
            return None
        changed.setdefault(identity, set()).add(id)
    ids = further(changed)
    if ids is None or town.database.keep_ids(name, ids.sql, ids.params, more=True) is None:
        return None
    entry = max((id for id, *_ in written), default=known.entry)
    found = Found(known.found.sql, many=known.found.many, exact=False)
    return _Held(state, found, entry, known.since + len(written))
