"""Records that were merged into others: which, and the way from one to the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.records import predicate
from townhall.records import reading
from townhall.records.plans import plan as plan_of
from townhall.records.types import Record
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: The actions in history of a merge, and of taking one apart.
MERGE, UNMERGE = "merge", "unmerge"


def went_into(record: Record) -> int | None:
    """Id of the record into which one was merged, or ``None``. The record must have been read with that field."""
    merge = record.type.merge
    return record.values.get(merge.into) if merge is not None else None


def came_to(town: Town, actor: Actor, record: Record) -> Record | None:
    """The record as which a merged one goes on, however often it was merged on; ``None`` if it was never merged, or the
    actor may not know of that one.
    """
    whole = reading.get(town, system(), record.identity, record.id)
    if went_into(whole) is None:
        return None
    seen = {whole.id}
    while (following := went_into(whole)) is not None and following not in seen:
        seen.add(following)
        whole = reading.get(town, system(), record.identity, following)
    if not predicate.may_see(town, actor, record.type, [whole.id]):
        return None
    return reading.get(town, actor, record.identity, whole.id)


def came_from(town: Town, actor: Actor, record: Record) -> list[Record]:
    """The records that were merged into one, and into those, of which the actor may know; as they were then."""
    if record.type.merge is None:
        return []
    # A page asks for its timeline and for itself.
    kept = actor.known.get("came_from")
    if kept is None or kept[0] != town.writes:
        kept = actor.known["came_from"] = (town.writes, {})
    found: dict[tuple[str, int], list[Record]] = kept[1]
    key = (record.identity, record.id)
    if key not in found:
        ids = sorted(_all_from(town, record.type, record.id))
        found[key] = reading.many(town, actor, record.identity, ids, fields=()) if ids else []
    return found[key]


def _all_from(town: Town, record_type: RecordType, id: int) -> Iterator[int]:
    merge = record_type.merge
    if merge is None:
        return
    plan = plan_of(town, record_type.identity)
    (column,) = (each.name for each in record_type.fields[merge.into].columns())
    # Each page of a contact asks, so it is text.
    select = f"SELECT {plan.sql_name('id')} {plan.source} WHERE {plan.sql_name(column)} IN"
    seen, asked = {id}, [id]
    while asked:
        sql = f"{select} ({', '.join([town.database.param] * len(asked))})"
        asked = [row[0] for row in town.database.execute_sql(sql, asked).fetchall() if row[0] not in seen]
        seen.update(asked)
        yield from asked
