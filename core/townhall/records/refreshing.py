"""What records keep of their own values, written anew after an upgrade has changed those from outside."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.records import indexing
from townhall.records import reading
from townhall.records import titles
from townhall.records.parsing import rules_context
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms import computing
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

_BATCH = 500


def computed_from_itself(record_type: RecordType) -> dict[str, frozenset[str]]:
    """Computed fields that depend on the record's own fields alone, with the names of those.

    What is copied over a link stays as it was copied, and what a hook works out waits for the next save.
    """
    own: dict[str, frozenset[str]] = {}
    for name, paths in computing.dependencies(record_type).items():
        heads = frozenset(path.partition(".")[0] for path in paths)
        fields = [record_type.field(head) for head in heads]
        if heads and all(field is not None and not field.target for field in fields):
            own[name] = heads
    return own


def refresh_type(town: Town, identity: str) -> int:
    """Compute, title and index all records of a type anew; how many there are."""
    plan = write_plan(town, identity)
    computed = computed_from_itself(plan.record_type)
    id = plan.column("id")
    last, count = 0, 0
    while ids := [row[0] for row in plan.tables.model.select(id).where(id > last).order_by(id).limit(_BATCH).tuples()]:
        last, count = ids[-1], count + len(ids)
        if computed:
            _compute(town, plan, ids, computed)
        for renamed in titles.retitle(town, plan, ids):
            titles.refresh_dependents(town, plan, renamed, {"title"})
        indexing.refresh(town, plan, ids)
    return count


def _compute(town: Town, plan: WritePlan, ids: Sequence[int], names: Collection[str]) -> None:
    context = rules_context(town, system())
    for record in reading.many(town, system(), plan.record_type.identity, ids):
        found = computing.compute(plan.record_type, dict(record.values), context, None)
        changed: dict[Any, Any] = {}
        for name in names:
            if found[name] != record.values.get(name):
                columns = plan.record_type.fields[name].to_columns(found[name])
                changed |= {plan.column(column): value for column, value in columns.items()}
        if changed:
            plan.tables.model.update(changed).where(plan.column("id") == record.id).execute()
