"""Entries that tell of erasing, and whether they are to be believed: each must say of how many entries it tells.

Values are gone by right where a later entry says so and gives a number, and as many name it. What a pack brought was
once told by the entry that it came with, which gave no number: that is believed only for what can have come with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from townhall.records.erasing import ABOUT
from townhall.records.erasing import ACTION
from townhall.records.verdicts import Broken
from townhall.records.verdicts import Found
from townhall_forms.reading import read_json

if TYPE_CHECKING:
    from townhall.town import Town

#: The action of the entry with which packs came as long as it told by itself, without a number, what was erased before.
_UNCOUNTED = "unpack"


class _Teller(NamedTuple):
    """An entry that tells of erasing: when it was written, and whether it gives their number."""

    at: int
    counts: bool


class Tellers:
    """Those that were asked for so far."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._known: dict[Any, _Teller | None] = {}
        #: For how many entries one without a number was believed.
        self.uncounted = 0

    def told(self, id: int, at: int, by: Any) -> bool:
        """Whether it is told truly that the values of the entry ``id``, written ``at``, were erased.

        Raises :class:`~townhall.records.verdicts.Found` where more or fewer name the teller than it says.
        """
        if by not in self._known:
            self._known[by] = self._look(by)
        teller = self._known[by]
        if teller is None:
            return False
        if teller.counts:
            return bool(id < by)
        # What came with a pack was written down after the pack's entry, and had happened before it.
        came_along = bool(id > by and type(at) is int and at <= teller.at)
        self.uncounted += came_along
        return came_along

    def _look(self, id: Any) -> _Teller | None:
        if type(id) is not int:  # SQLite keeps whatever somebody writes into a column
            return None
        run, mark = self._town.database.execute_sql, self._town.database.param
        sql = (
            'SELECT identity, action, "at", changes FROM history AS entry'  # noqa: S608  # marks, no values
            f" LEFT JOIN history_values AS told ON told.history_id = entry.id WHERE entry.id = {mark}"
        )
        row = run(sql, (id,)).fetchone()
        if row is None:
            return None
        identity, action, at, changes = row
        if action == _UNCOUNTED and type(at) is int:
            return _Teller(at, counts=False)
        said = _number(changes) if (identity, action) == (ABOUT, ACTION) else None
        if said is None:
            return None
        count = run(f"SELECT count(*) FROM history_erased WHERE entry_id = {mark}", (id,)).fetchone()[0]  # noqa: S608
        if said != count:
            sentence = f"The entry {id:,} says that the values of {said:,} entries were erased; {count:,} name it."
            raise Found(Broken(sentence, 0, id))
        return _Teller(at, counts=True)


def _number(changes: Any) -> int | None:
    """Of how many entries an entry with these changes tells; ``None`` if they don't say it."""
    try:
        said = read_json(changes)["entries"][0]
    except (TypeError, ValueError, KeyError, IndexError):
        return None
    return said if type(said) is int else None
