"""Titles: how records name themselves to whoever reads, fetched in one query per type and never per row.

Staff see the stored title of any type that they may see. To the public a stored title may say too much: theirs is
made of the public fields alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import predicate
from townhall.records.plans import batches
from townhall.records.plans import plan
from townhall.records.plans import title_path_is_public
from townhall_forms.context import Context
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

Titles = Mapping[tuple[str, int], str]


def titles(town: Town, actor: Actor, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Titles of the records named by ``(identity, id)`` that the actor may know of."""
    by_type: dict[str, set[int]] = defaultdict(set)
    for identity, id in wanted:
        by_type[identity].add(id)
    found: dict[tuple[str, int], str] = {}
    for identity, ids in by_type.items():
        record_type = town.schemas.get(identity)
        if record_type is not None and may_name(town, actor, record_type):
            found.update(_titles_of(town, actor, record_type, sorted(ids)))
    return found


def may_name(town: Town, actor: Actor, record_type: RecordType) -> bool:
    """Whether records of the type may be named to the actor where a link points at them.

    The public may read the names of things that have public names (a category, a department), even if the things
    themselves are on no public page; if some of them are, only those.
    """
    if policy.is_staff(actor) and not policy.may(actor, "view", record_type):
        return False
    if policy.sees_internal(actor, record_type):
        return True
    return plan(town, record_type.identity).public_title


def _titles_of(
    town: Town, actor: Actor, record_type: RecordType, ids: list[int]
) -> Iterable[tuple[tuple[str, int], str]]:
    type_plan, mark = plan(town, record_type.identity), town.database.param
    asked = policy.is_staff(actor) or record_type.public_if is not None
    visible = predicate.scope(town, actor, record_type) if asked else None
    for part in batches(ids):
        if visible is None:
            id, title = type_plan.sql_name("id"), type_plan.sql_name("title")
            sql = f"SELECT {id}, {title} {type_plan.source} WHERE {id} IN ({', '.join([mark] * len(part))})"
            rows = town.database.execute_sql(sql, part).fetchall()
        else:
            model = type_plan.model
            rows = model.select(model.id, model.title).where(model.id.in_(part), visible).tuples()
        for found, title in rows:
            yield (record_type.identity, found), title


def text(field: Field, value: Any, names: Titles, context: Context) -> str:
    """A value in plain words, with the titles that were fetched for it; links that can't be named are left out."""
    if value is None:
        return ""
    if field.target or field.type_name == "reference":
        return ", ".join(names[point] for point in field.references(value) if point in names)
    return field.display(value, context)


def public_title_fields(town: Town, record_type: RecordType) -> frozenset[str]:
    """Declared fields that the public's own title of a record of this type is made of."""
    return frozenset(
        path.partition(".")[0]
        for path in record_type.title.paths
        if path.partition(".")[0] in record_type.fields and title_path_is_public(town.schemas, record_type, path)
    )


def public_title(
    town: Town, record_type: RecordType, number: str, values: Mapping[str, Any], names: Titles, context: Context
) -> str:
    """The title as the public may read it; the type's label when nothing of it is public."""

    def get(path: str) -> str:
        if path == "number":
            return number
        first, _, rest = path.partition(".")
        field = record_type.fields.get(first)
        if field is None or not title_path_is_public(town.schemas, record_type, path):
            return ""
        value = values.get(first)
        if not rest:
            return text(field, value, names, context)
        return _behind(town, field, value, rest, context)

    return record_type.title.render(get) or record_type.label


def _behind(town: Town, field: Field, value: Any, name: str, context: Context) -> str:
    """The text of a field of the record that a link points at."""
    target = town.schemas.get(field.target)
    reached = target.field(name) if target is not None else None
    if value is None or reached is None:
        return ""
    return reached.display(context.value_of(field.target, value, name), context)
