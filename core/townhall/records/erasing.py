"""Erasing values in history when their time is over: the one way in which anything of history ever goes.

The entries stay, with who did what when, and so does the digest of what was erased: the chain is whole. The salt goes
with the values, so nobody can find out by trying whether they guess them.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.records import history
from townhall.records.instants import to_microseconds
from townhall_forms.fields.base import LARGEST_INTEGER

if TYPE_CHECKING:
    from townhall.town import Town

#: Most entries whose values are erased in one transaction.
_BATCH = 1000
#: The action of an entry that tells of erasing, and the type that it stands under.
ACTION, ABOUT = "erase", "core.history"
_COLUMNS = ("history_id", "entry_id")


def run(town: Town) -> str:
    """The job: erase what is older than the town keeps values. Returns what was done, in a sentence."""
    years = town.settings.keep_values_years
    if not years:
        return ""
    now = town.clock.now()
    try:
        until = now.replace(year=now.year - years)
    except ValueError:  # the 29th of February
        until = now.replace(year=now.year - years, day=28)
    count = erase_before(town, system("retention"), until, f"Values are kept for {years} years.")
    return f"Erased the values of {count:,} {'entry' if count == 1 else 'entries'} of history." if count else ""


def erase_before(town: Town, actor: Actor, until: datetime, note: str) -> int:
    """Erase the values of all entries that were written before ``until``; of how many."""
    mark = town.database.param
    # Entries that tell of erasing hold no value of anybody.
    sql = (
        "SELECT entry.at, entry.id FROM history AS entry"  # noqa: S608  # marks, no values
        " JOIN history_values AS told ON told.history_id = entry.id"
        f" WHERE entry.at < {mark} AND (entry.at, entry.id) > ({mark}, {mark}) AND entry.action <> {mark}"
        f" ORDER BY entry.at, entry.id LIMIT {_BATCH}"
    )
    count, reached = 0, (-LARGEST_INTEGER, 0)
    while rows := town.database.execute_sql(sql, (to_microseconds(until), *reached, ACTION)).fetchall():
        count += erase(town, actor, [row[1] for row in rows], note)
        reached = tuple(rows[-1])
    return count


def erase(town: Town, actor: Actor, entries: Sequence[int], note: str) -> int:
    """Erase the values of the entries with these ids, and write down that it was done; of how many.

    All of them, or none.
    """
    with immediate(town.database):
        mark = ", ".join([town.database.param] * len(entries))
        sql = (
            "SELECT entry.id FROM history AS entry JOIN history_values AS told ON told.history_id = entry.id"  # noqa: S608
            f" WHERE entry.id IN ({mark}) AND entry.action <> {town.database.param}"
        )
        rows = town.database.execute_sql(sql, (*entries, ACTION)).fetchall() if entries else []
        there = sorted(row[0] for row in rows)
        if not there:
            return 0
        tell(town, actor, there, note)
        marks = ", ".join([town.database.param] * len(there))
        town.database.execute_sql(f"DELETE FROM history_values WHERE history_id IN ({marks})", there)  # noqa: S608
    return len(there)


def tell(town: Town, actor: Actor, entries: Sequence[int], note: str) -> None:
    """Write down that the values of the entries with these ids were erased, and of how many. Nothing if there are none.

    For who erases them in the same transaction, or brings entries whose values were erased before.
    """
    if not entries:
        return
    changes: Mapping[str, tuple[str, str]] = {"entries": (str(len(entries)), history.NOTHING)}
    event = history.Event(0, 0, ACTION, changes, note)
    (told,) = history.write(town, actor, ABOUT, to_microseconds(town.clock.now()), [event])
    town.database.insert_rows("history_erased", _COLUMNS, [(id, told) for id in entries])
