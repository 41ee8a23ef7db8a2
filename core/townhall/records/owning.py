"""Whose a record is: the contacts in the links that its type calls ``owners``, who find it on the public site.

What somebody is signed in for is worked out here and nowhere else: the records of types with a status page that one
of those links gives to their contact, as ``grants`` of a citizen. Everything that they then read or change goes the way
of a secret link.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.errors import NotFound
from townhall.errors import ValidationFailed
from townhall.records import predicate
from townhall.records import reading
from townhall.records.plans import plan as plan_of
from townhall.records.standing import tests_of
from townhall.records.types import Record
from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
#: Records of one type that somebody finds at most, the newest of them.
MOST = 200


def types(town: Town) -> list[RecordType]:
    """Types of which somebody may find their own records at present, in the order of the menu."""
    found = [
        each
        for each in town.schemas.values()
        if each.owners and each.has_status_page and not each.frozen and not each.restricted
    ]
    return sorted(found, key=lambda each: (each.order, each.label))


def contact(town: Town, id: int) -> Record | None:
    """The contact as the town sees it, if it stands for somebody who may sign in: not archived, merged or dead."""
    try:
        found = reading.get(town, system(), CONTACT, id)
    except NotFound:
        return None
    gone = found.archived is not None or found["merged_into"] is not None or bool(found["deceased"])
    return None if gone else found


def grants(town: Town, contact_id: int) -> frozenset[tuple[str, int]]:
    """The records that belong to the contact and that a public status page may show."""
    return frozenset((each.identity, id) for each in types(town) for id in _ids(town, each, contact_id))


def records(town: Town, actor: Actor) -> list[Record]:
    """The records that the citizen's grants open, as they may see them, the newest first."""
    found: list[Record] = []
    for each in types(town):
        found += reading.many(town, actor, each.identity, policy.granted_ids(actor, each))
    return sorted(found, key=lambda record: (record.created, record.id), reverse=True)


def by_number(town: Town, actor: Actor, number: str) -> tuple[str, int] | None:
    """The record among the citizen's grants that has this number."""
    for each in types(town):
        if not policy.granted_ids(actor, each):
            continue
        try:
            record = reading.by_number(town, actor, each.identity, number)
        except NotFound:
            continue
        if policy.granted(actor, each, record.id):
            return each.identity, record.id
    return None


def _ids(town: Town, record_type: RecordType, contact_id: int) -> list[int]:
    """Ids of the records of one type that belong to the contact and may be shown to them, the newest first."""
    plan = plan_of(town, record_type.identity)
    tests = [test for name in record_type.owners for test in tests_of(plan, name, contact_id)]
    if not tests:
        return []
    query = plan.model.select(plan.column("id")).where(plan.column("archived").is_null(), reduce(or_, tests))
    if record_type.owners_if is not None:
        query = query.where(predicate.compiled(town, system(), record_type, record_type.owners_if))
    found = [
        id for (id,) in query.order_by(plan.column("created").desc(), plan.column("id").desc()).limit(MOST).tuples()
    ]
    # What a plugin keeps from citizens, it keeps from the owner too.
    actor = citizen(frozenset((record_type.identity, id) for id in found))
    seen = predicate.may_see(town, actor, record_type, found)
    return [id for id in found if id in seen]


# -- what an owner reads and changes ----------------------------------------------------------------------------------


def as_asked(record_type: RecordType, form: Form) -> RecordType:
    """The type with only those columns of rows that the form names, to make a form of it."""
    if not form.columns:
        return record_type
    fields: dict[str, Field] = dict(record_type.fields)
    for name, columns in form.columns.items():
        field = fields[name]
        fields[name] = replace(field, row_fields={column: field.row_fields[column] for column in columns})
    return replace(record_type, fields=fields)


def with_hidden_columns(
    town: Town, record_type: RecordType, before: Record, given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What an owner gave, with the columns of rows that they were not shown as they stood.

    A line is the one that it was as long as what is required in it stays the same; a telephone number that was typed
    anew loses what a colleague noted about the old one. Raises :class:`~townhall.errors.ValidationFailed` for a column
    that is not theirs.
    """
    made = dict(given)
    context = town.context(system())
    for name in given:
        field = record_type.fields.get(name)
        if field is None or not field.row_fields:
            continue
        asked = policy.owner_columns(record_type, name)
        if not asked or asked == field.row_fields.keys():
            continue
        made[name] = _lines(field, asked, before.values.get(name) or (), given[name], context)
    return made


def _lines(field: Field, asked: frozenset[str], old: Sequence[Mapping[str, Any]], given: Any, context: Context) -> Any:
    if not isinstance(given, list | tuple):
        return given  # the field says itself what is wrong with it
    for line in given:
        if isinstance(line, Mapping) and not asked.issuperset(line):
            extra = sorted(set(line) - asked)
            raise ValidationFailed({field.name: f"“{extra[0]}” can't be filled in here."})
    try:
        lines = field.parse(given, context) or ()
    except Invalid:
        return given
    keys = [name for name, column in field.row_fields.items() if column.required]
    left = list(old)
    made = []
    for line in lines:
        same = next((each for each in left if keys and all(each.get(key) == line.get(key) for key in keys)), None)
        if same is not None:
            left.remove(same)
        kept = {name: value for name, value in (same or {}).items() if name not in asked}
        made.append({**line, **kept})
    return made
