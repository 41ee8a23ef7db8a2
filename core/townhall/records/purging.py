"""Taking away everything that belongs to some types: the one place where records are deleted.

History stays: it is append-only, and says in the end that its records were purged.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.db import search
from townhall.records import history
from townhall.records.instants import to_microseconds
from townhall.records.packing import count
from townhall.records.plans import BATCH
from townhall.records.plans import plan as plan_of
from townhall.records.plans import quote
from townhall_forms.tables import TableSpec
from townhall_forms.tables import child_name

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much there is of a plugin's types.

    ``pointing`` counts, by type, records of others that refer to one of these and will lose it.
    """

    records: Mapping[str, int]
    files: int
    bytes: int
    history: int
    links: int
    views: int
    pointing: Mapping[str, int]


def amounts(town: Town, tables: Mapping[str, str]) -> Amounts:
    """What purging the types of ``tables`` (main tables by identity) would take away, and what would miss it."""
    system, identities = town.system, list(tables)
    files = system.attachment
    mine = list(files.select(files.size).where(files.identity.in_(identities)).tuples())
    return Amounts(
        records={identity: count(town, table) for identity, table in tables.items()},
        files=len(mine),
        bytes=sum(size for (size,) in mine),
        history=system.history.select().where(system.history.identity.in_(identities)).count(),
        links=system.secret_link.select().where(system.secret_link.identity.in_(identities)).count(),
        views=system.saved_view.select().where(system.saved_view.identity.in_(identities)).count(),
        pointing=dict(_pointing(town, identities)),
    )


def _pointing(town: Town, identities: Collection[str]) -> list[tuple[str, int]]:
    """Types of others whose references lead to records of these types, with how many do."""
    found = []
    for identity, record_type in town.schemas.items():
        if identity in identities:
            continue
        plan, total = plan_of(town, identity), 0
        for field in record_type.fields.values():
            inner = [each for each in field.row_fields.values() if each.type_name == "reference"]
            if field.type_name == "reference":
                total += _count(town, plan.table, field.columns()[0].name, identities)
            for each in inner:
                total += _count(town, child_name(record_type, field), each.columns()[0].name, identities)
        if total:
            found.append((identity, total))
    return found


def _count(town: Town, table: str, column: str, identities: Collection[str]) -> int:
    marks = ", ".join([town.database.param] * len(identities))
    names = (quote(town.database, table), quote(town.database, column))
    sql = f"SELECT count(*) FROM {names[0]} WHERE {names[1]} IN ({marks})"  # noqa: S608  # a schema's names
    return int(town.database.execute_sql(sql, list(identities)).fetchone()[0])


def purge(
    town: Town, actor: Actor, specs: Collection[TableSpec], records: Mapping[str, int], note: str
) -> frozenset[str]:
    """Take away the tables and all that stands beside them, and write that down; checksums that nobody uses now.

    Must run inside a transaction; the bytes of files are the caller's to delete once it is committed.
    """
    system, identities = town.system, list(records)
    for identity in identities:
        _forget_words(town, identity)
    for spec in sorted(specs, key=lambda spec: not spec.parent):
        town.database.execute_sql(f"DROP TABLE IF EXISTS {quote(town.database, spec.name)}")
    files = system.attachment
    checksums = {row[0] for row in files.select(files.checksum).where(files.identity.in_(identities)).tuples()}
    beside = (system.case_transition, system.case_clock, system.notice)
    for table in (files, system.secret_link, system.saved_view, system.draft, *beside):
        table.delete().where(table.identity.in_(identities)).execute()
    numbers = system.number_sequence
    for identity in identities:
        numbers.delete().where((numbers.name == identity) | numbers.name.startswith(f"{identity}:")).execute()
    now = to_microseconds(town.clock.now())
    for identity, number in records.items():
        event = history.Event(0, 0, "purge", {"records": (str(number), history.NOTHING)}, note)
        history.write(town, actor, identity, now, [event])
    return frozenset(checksums - _used(files, checksums))


def _forget_words(town: Town, identity: str) -> None:
    """Take a type's records out of the search index, whether their rows are still there or not."""
    mark = town.database.param
    sql = f"SELECT record_id FROM search_entry WHERE identity = {mark} LIMIT {BATCH}"  # noqa: S608
    while rows := town.database.execute_sql(sql, (identity,)).fetchall():
        search.delete(town.database, identity, [row[0] for row in rows])


def _used(files: Any, checksums: Collection[str]) -> set[str]:
    used: set[str] = set()
    wanted = sorted(checksums)
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        used |= {row[0] for row in files.select(files.checksum).where(files.checksum.in_(part)).tuples()}
    return used
