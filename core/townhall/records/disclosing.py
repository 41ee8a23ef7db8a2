"""Which values left the house, and which confidential ones were looked at: written down, and shown to auditors.

A look at a confidential value is an entry of its record. An export, a print of a list or a pack is one entry of its
type: who took how many records of it and how the list was narrowed, but none of what stands in them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.db.history_indexes import DISCLOSING
from townhall.db.history_indexes import DISCLOSURES
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.records import history
from townhall.records.instants import from_microseconds
from townhall.records.instants import to_microseconds
from townhall_forms.fields.base import LARGEST_INTEGER
from townhall_forms.fields.base import encode_json
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

#: Whoever holds this may see who exported what, and who looked at which confidential value and why. It doesn't end in
#: ``view``: roles that hold ``*.view`` may see all records, and this is no record.
PERMISSION = "history.audit"
#: What disclosures are called.
LABELS = {"reveal": "Looked at", "export": "Exported", "print": "Printed a list", "pack": "Packed"}
_LONGEST_FILTER = 200
#: Entries whose names are looked at in one go.
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One time that values were shown or taken along.

    ``record_id`` and ``fields`` are of a look at one record; ``rows`` and ``filters`` of what was taken from a list.
    """

    id: int
    at: datetime
    actor: str
    door: str
    action: str
    identity: str
    record_id: int
    fields: tuple[str, ...] = ()
    rows: int | None = None
    filters: tuple[str, ...] = ()
    reason: str = ""
    erased: bool = False


def write_down(
    town: Town, actor: Actor, identity: str, action: str, rows: int | None, filters: Sequence[str] = (), note: str = ""
) -> None:
    """Write into the history of a type that ``rows`` of its records are taken out of it, before they are.

    Without ``rows`` it is something about them that is taken, like figures, and ``filters`` say what.

    ``action`` is ``export``, ``print`` or ``pack``; ``filters`` say in words how the list was narrowed, without values
    that somebody typed.
    """
    policy.refuse_read_only(actor)
    changes = {"rows": (history.NOTHING, str(rows))} if rows is not None else {}
    if filters:
        changes["filters"] = (history.NOTHING, encode_json([each[:_LONGEST_FILTER] for each in filters]))
    with immediate(town.database):
        event = history.Event(0, 0, action, changes, note)
        history.write(town, actor, identity, to_microseconds(town.clock.now()), [event])


def listing(
    town: Town,
    actor: Actor,
    *,
    who: str = "",
    action: str = "",
    identity: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before: int = 0,
    limit: int = 50,
) -> list[Disclosure]:
    """The newest disclosures, below the id ``before`` if that is given.

    Raises :class:`~townhall.errors.Forbidden` for who may not see them.
    """
    if not actor.may(PERMISSION):
        raise Forbidden("You may not see who exported what. Ask an administrator if you need to.")
    mark = town.database.param
    tests: list[str] = [f"entry.{DISCLOSING}"]
    values: list[Any] = []
    for test, value in (
        ("entry.action = ", action if action in DISCLOSURES else None),
        ("entry.at >= ", None if since is None else to_microseconds(since)),
        ("entry.at < ", None if until is None else to_microseconds(until)),
    ):
        if value is not None:
            tests.append(f"{test}{mark}")
            values.append(value)
    if identity:
        eras = town.old_names.eras(identity)
        tests.append(f"entry.identity IN ({', '.join([mark] * len(eras))})")
        values += [era.identity for era in eras]
    if before:
        tests.append(f"entry.id < {mark}")
        values.append(before)
    if who:
        ids = _by(town, tests, values, who, limit)
        tests, values = [f"entry.id IN ({', '.join([mark] * len(ids)) or 'NULL'})"], ids
    return [_disclosure(town, row) for row in _rows(town, tests, values, limit)]


def _by(town: Town, tests: Sequence[str], values: Sequence[Any], who: str, limit: int) -> list[int]:
    """The ids of the newest entries by somebody whose name has ``who`` in it.

    Names are compared as people write them: without regard to accents and capitals, which SQL can't everywhere. So all
    may have to be looked at, if only at their names.
    """
    mark, wanted = town.database.param, normalise(who)
    fits: dict[str, bool] = {}
    found: list[int] = []
    last = LARGEST_INTEGER
    while len(found) < limit:
        sql = (
            f"SELECT entry.id, entry.actor_name FROM history AS entry WHERE {' AND '.join(tests)}"  # noqa: S608
            f" AND entry.id < {mark} ORDER BY entry.id DESC LIMIT {_AT_ONCE}"
        )
        rows = town.database.execute_sql(sql, (*values, last)).fetchall()
        for id, name in rows:
            if name not in fits:
                fits[name] = wanted in normalise(name)
            if fits[name]:
                found.append(id)
        if len(rows) < _AT_ONCE:
            break
        last = rows[-1][0]
    return found[:limit]


def _rows(town: Town, tests: Sequence[str], values: Sequence[Any], limit: int) -> list[Any]:
    sql = (
        "SELECT entry.id, entry.at, entry.actor_name, entry.door, entry.action, entry.identity, entry.record_id,"  # noqa: S608
        " told.changes, told.note FROM history AS entry"
        " LEFT JOIN history_values AS told ON told.history_id = entry.id"
        f" WHERE {' AND '.join(tests)} ORDER BY entry.id DESC LIMIT {town.database.param}"
    )
    return list(town.database.execute_sql(sql, (*values, limit)).fetchall())


def _disclosure(town: Town, row: Sequence[Any]) -> Disclosure:
    id, at, actor, door, action, identity, record_id, changes, note = row
    told = json.loads(changes or "{}")
    today = town.old_names.today(identity)
    if action == "reveal":
        fields, rows, filters = tuple(town.old_names.translate(today, id, told)), None, ()
    else:
        fields, rows = (), told.get("rows", (None, None))[1]
        filters = tuple(told.get("filters", (None, ()))[1] or ())
    return Disclosure(
        id, from_microseconds(at), actor, door, action, today, record_id, fields, rows, filters, note or "",
        erased=changes is None,
    )  # fmt: skip
