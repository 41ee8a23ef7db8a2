"""Keeping the search index in step with records, in the transaction that writes them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.records import reading
from townhall.records import search_entries
from townhall.records.parsing import rules_context
from townhall.records.write_plans import WritePlan
from townhall_forms.context import Context

if TYPE_CHECKING:
    from townhall.town import Town


def linked_titles(plan: WritePlan, many: Iterable[Mapping[str, Any]], context: Context) -> dict[tuple[str, int], str]:
    """Titles of all records that these values point at."""
    wanted: dict[str, set[int]] = {}
    for values in many:
        for name in plan.pointing:
            value = values.get(name)
            if value is not None:
                for identity, id in plan.record_type.fields[name].references(value):
                    wanted.setdefault(identity, set()).add(id)
    return {
        (identity, id): title for identity, ids in wanted.items() for id, title in context.titles(identity, ids).items()
    }


def write(
    town: Town,
    plan: WritePlan,
    id: int,
    values: Mapping[str, Any],
    *,
    number: str,
    title: str,
    state: str,
    updated: int,
    archived: bool,
    context: Context,
) -> None:
    """Write the index entry of one record anew, of values that are at hand."""
    entry = search_entries.search_plan(town, plan.record_type).entry(
        id,
        values,
        number=number,
        title=title,
        state=state,
        updated=updated,
        archived=archived,
        titles=linked_titles(plan, [values], context),
        context=context,
    )
    search_entries.write_entries(town, [entry])


def refresh(town: Town, plan: WritePlan, ids: Sequence[int]) -> None:
    """Write the index entries of records anew, from what the database holds."""
    actor = system()
    context = rules_context(town, actor)
    records = reading.many(town, actor, plan.record_type.identity, ids)
    search_entries.write_entries(town, [search_entries.entry_of(town, record, context) for record in records])
