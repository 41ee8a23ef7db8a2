"""The ids that a scope finds outside of the rows that it is asked about, kept as long as the database stays as it is.

Few are written out, so that each question of a page has them; more lie in a temporary table of the connection.
"""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING
from typing import Any
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
_HELD: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()
#: Tables with ids that are no few, of each connection of a database, the newest last; and their numbers. The oldest
#: goes when there are too many: that must be more than one statement asks, which names several.
_TABLES: WeakKeyDictionary[Any, dict[int, dict[Hashable, str]]] = WeakKeyDictionary()
_MOST_TABLES = 100
_NUMBERS = count()
#: Whose table it is that ids are gathered in before anybody knows how many they are. No statement names it.
_NOBODY = ""


class Found(peewee.SQL):
    """Ids that were found; ``many`` if there are more than a list gathers.

    ``lists`` is room for what lists read of them. It goes with them, as soon as anything in the database changes.
    """

    def __init__(self, sql: str, *, many: bool = False) -> None:
        super().__init__(sql)
        self.many = many
        self.lists: dict[Hashable, Any] = {}


def few(town: Town, actor: Actor, key: Hashable, ids: peewee.SQL | None) -> Found | None:
    """What a statement finds, written out if it is little: a page asks several questions of it. Without one, what was
    found before, if anything.

    It is kept while the database stays as it is, over requests where the engine can tell; there, much is kept too.
    Inside of a transaction nothing is: what was seen there may never have been, and no figure tells.
    """
    if town.database.transaction_depth():
        return None
    state = town.database.state()
    kept: dict[Any, Any] = actor.known if state is None else _HELD.setdefault(plans(town), {})
    now = town.writes if state is None else state
    place = ("few", key, actor.id, actor.permissions, state[0] if state is not None else None)
    if place not in kept or kept[place][0] != now:
        if ids is None:
            return None
        if len(kept) >= _MOST_HELD:
            kept.clear()
        kept[place] = (now, _asked(town, ids) if state is None else _gathered(town, place, state[0], ids))
    found: Found | None = kept[place][1]
    return found


def _asked(town: Town, ids: peewee.SQL) -> Found | None:
    """What a statement finds, written out; ``None`` if it is much, so that it has to be asked each time."""
    text = f"SELECT DISTINCT * FROM {ids.sql} AS few LIMIT {_FEW_UNKEPT + 1}"  # noqa: S608  # put together here
    rows = town.database.execute_sql(text, ids.params).fetchall()
    return _listed(rows) if len(rows) <= _FEW_UNKEPT else None


def _gathered(town: Town, place: Hashable, connection: int, ids: peewee.SQL) -> Found | None:
    """The same, found once and from a table that the connection keeps, as long as it is much.

    A table that was made is filled again and again: with each one that is made or dropped, SQLite forgets what it
    prepared of all statements.
    """
    tables = _TABLES.setdefault(town.database, {}).setdefault(connection, {})
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
