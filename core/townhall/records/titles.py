"""How a record names itself, and keeping the names of others right when one they mention changes."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import system
from townhall.records import indexing
from townhall.records import reading
from townhall.records.parsing import rules_context
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

#: How many links a change of title follows at most.
_FARTHEST = 4
#: How many records are renamed in one go.
_BATCH = 500


def render(
    plan: WritePlan,
    values: Mapping[str, Any],
    standard: Mapping[str, Any],
    context: Context,
    named: Mapping[tuple[str, int], str] | None = None,
) -> str:
    """The record's title; its number, or what it is, when the template comes out empty.

    ``named`` has the titles of the records that links point at, if they were looked up for many records at once.
    """
    template = plan.record_type.title
    texts = [""] * len(template.paths)
    for part in plan.title_parts:
        field = part.first
        value = values[field.name] if part.declared else standard.get(field.name)
        if part.second is not None:
            value = None if value is None else context.value_of(field.target, value, part.second.name)
            field = part.second
        if value is None:
            continue
        if named is not None and part.second is None and type(value) is int and field.target:
            texts[part.place] = named.get((field.target, value), "")
        else:
            texts[part.place] = field.display(value, context)
    title = template.fill(texts)
    return title or str(standard.get("number") or "") or plan.record_type.label


def refresh_dependents(town: Town, plan: WritePlan, id: int, changed: Collection[str], depth: int = 0) -> None:
    """Render the titles anew of records that mention this one in theirs, and index those found by its title.

    ``changed`` names the record's fields that have new values, ``title`` among them if it reads differently now.
    """
    if depth == _FARTHEST:
        return
    for other, field in town.schemas.links_to(plan.record_type.identity):
        mentions = {path for path in other.title.paths if path.partition(".")[0] == field.name}
        named = any((path.partition(".")[2] or "title") in changed for path in mentions) and not field.many_targets
        found = field.search and "title" in changed
        if not named and not found:
            continue
        target = write_plan(town, other.identity)
        pointing = _pointing(town, target, field, id)
        renamed = retitle(town, target, pointing) if named else []
        _reindex(town, target, pointing if found else renamed)
        for dependent in renamed:
            refresh_dependents(town, target, dependent, {"title"}, depth + 1)


def _pointing(town: Town, plan: WritePlan, field: Field, id: int) -> list[int]:
    """Ids of the records whose ``field`` points at ``id``."""
    if field.many_targets:
        child = plan.tables.links[field.name]
        query = child.model.select(child.columns["parent_id"]).where(child.columns["target_id"] == id)
    else:
        (column,) = field.to_columns(id)
        query = plan.tables.model.select(plan.column("id")).where(plan.column(column) == id)
    return [row[0] for row in query.tuples()]


def _reindex(town: Town, plan: WritePlan, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _BATCH):
        indexing.refresh(town, plan, ids[start : start + _BATCH])


def retitle(town: Town, plan: WritePlan, ids: Sequence[int]) -> list[int]:
    """Render the titles of these records; the ids of those that read differently now."""
    actor = system()
    context = rules_context(town, actor)
    mentioned = {part.first.name for part in plan.title_parts}
    renamed: list[int] = []
    for start in range(0, len(ids), _BATCH):
        part = ids[start : start + _BATCH]
        for record in reading.many(town, actor, plan.record_type.identity, part, fields=mentioned):
            standard = {name: record[name] for name in plan.record_type.system_fields}
            title = render(plan, record.values, standard, context)
            if title != record.title:
                update = {plan.column("title"): title, plan.column("title_key"): normalise(title)}
                plan.tables.model.update(update).where(plan.column("id") == record.id).execute()
                renamed.append(record.id)
    return renamed
