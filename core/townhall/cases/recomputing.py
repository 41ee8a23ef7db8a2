"""Working out the clocks of all open cases anew after a calendar or a target changed.

What is to be done stands in the database, so that it survives a restart: the type and the case up to which it is done.
Cases are taken a thousand at a time, each lot in a transaction of its own, so that colleagues can go on working. A case
that can't be worked out keeps the clocks it has, and keeps no other case from being done.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import peewee

from townhall.cases import calendars
from townhall.cases import clock_keeping
from townhall.cases import rules
from townhall.cases import targets
from townhall.db import meta
from townhall.db.transactions import after_commit
from townhall.db.transactions import immediate
from townhall.records import dues
from townhall.records.domains import Domain
from townhall.records.outdating import require_current

if TYPE_CHECKING:
    from townhall.extend.values import Change
    from townhall.town import Town

log = logging.getLogger("townhall")

#: Its name changes with what due dates mean, so that each town has them worked out anew once by its new version.
_KEY = "running_dues_wanted"
_BEGINNING = ":0"
#: Cases in one transaction.
LOT = 1000
#: Up to so many open cases are done at once, before the person who changed something sees the next page.
AT_ONCE = 500


def _rules_written(town: Town, changes: Sequence[Change]) -> None:
    rules.touch(town)
    want(town)
    after_commit(town.database, partial(soon, town))


def soon(town: Town) -> None:
    """Don't let a small town wait for the next job."""
    if is_wanted(town) and left(town) <= AT_ONCE:
        run(town)


#: Core's part in writes of calendars and targets.
DOMAINS = (
    Domain(
        "calendars",
        lambda record_type: record_type.identity == calendars.IDENTITY,
        before_save=calendars.refuse_impossible,
        written=_rules_written,
    ),
    Domain(
        "targets",
        lambda record_type: record_type.identity == targets.IDENTITY,
        before_save=targets.refuse_mistakes,
        written=_rules_written,
    ),
)


def want(town: Town) -> None:
    """Have everything worked out anew: what was switched off meanwhile has missed changes of calendars and targets."""
    meta.put(town.system, _KEY, _BEGINNING)


def is_wanted(town: Town) -> bool:
    """Whether due dates are still to be worked out anew. A town from before there were clocks begins with that."""
    return bool(meta.get(town.system, _KEY, _BEGINNING))


def left(town: Town) -> int:
    """How many open cases are still to be worked out; 0 if nothing is to be done."""
    mark = meta.get(town.system, _KEY, _BEGINNING)
    if not mark:
        return 0
    return sum(dues.count_open(town, identity, after) for identity, after in _to_do(town, mark))


def run(town: Town) -> str:
    """Work out what is left. Returns a sentence about it; empty if there was nothing to do."""
    done = failed = 0
    while True:
        with immediate(town.database):
            require_current(town)
            mark = _locked(town)
            if not mark:
                break
            identity, ids = _lot(town, mark)
            without = _work_out(town, identity, ids)
            done += len(ids) - without
            failed += without
            meta.put(town.system, _KEY, f"{identity}:{ids[-1]}" if ids else "")
    said = f"The clocks of {done:,} open cases were worked out anew." if done or failed else ""
    return f"{said} Those of {failed:,} could not be and stay as they were: the log says why." if failed else said


def _lot(town: Town, mark: str) -> tuple[str, list[int]]:
    """The next open cases that are to be worked out, all of one type; none when the last are done."""
    for identity, after in _to_do(town, mark):
        ids = dues.open_ids(town, identity, after, LOT)
        if ids:
            return identity, ids
    return "", []


def _work_out(town: Town, identity: str, ids: Sequence[int]) -> int:
    """Work out these cases, one by one if not all can be; how many stay as they were."""
    if not ids:
        return 0
    try:
        with immediate(town.database):
            clock_keeping.refresh(town, identity, ids)
    except peewee.OperationalError:
        raise  # nothing is wrong with a case: the database is busy, full or gone
    except Exception:
        if len(ids) > 1:
            return sum(_work_out(town, identity, [id]) for id in ids)
        log.exception("The clocks of %s %s could not be worked out", identity, ids[0])
        return 1
    return 0


def _to_do(town: Town, mark: str) -> list[tuple[str, int]]:
    """The types that are left, in the order of their names, each with the case after which to go on."""
    name, _, after = mark.partition(":")
    kinds = sorted(type_.identity for type_ in town.schemas.values() if type_.is_case and not type_.frozen)
    return [(identity, int(after) if identity == name else 0) for identity in kinds if identity >= name]


def _locked(town: Town) -> str:
    """The mark, which nobody else changes until the transaction ends."""
    if not town.database.supports_row_locks:
        return meta.get(town.system, _KEY, _BEGINNING)
    row = town.database.execute_sql("SELECT value FROM meta WHERE key = %s FOR UPDATE", (_KEY,)).fetchone()
    return str(row[0]) if row else _BEGINNING
