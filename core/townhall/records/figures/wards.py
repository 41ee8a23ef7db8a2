"""The ward as a group: the one that a case's place lay in when it came in, as routing kept it.

A ward is no field of a case: it follows from a point and from outlines that the town brings in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import predicate
from townhall.records.figures.scenes import Scene
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: What it is called in addresses and on screen, and the type of its records.
NAME, LABEL, TARGET = "ward", "Ward", "core.ward"


def is_meant(record_type: RecordType, by: str) -> bool:
    """Whether ``by`` is the ward of the type's cases, and not a field of their own with that name."""
    return by == NAME and NAME not in record_type.all_fields and record_type.is_case and bool(_place(record_type))


def may_group(town: Town, actor: Actor, record_type: RecordType) -> bool:
    """Whether the actor may group the type's cases so: they may see wards, and ask where cases are."""
    return (
        is_meant(record_type, NAME)
        and policy.may(actor, "view", town.schemas[TARGET])
        and predicate.may_ask(town, actor, record_type, _place(record_type))
    )


def column(scene: Scene) -> str:
    """The ward of a case as SQL; one that was sent again has that of the last time."""
    return (
        f"(SELECT r.ward_id FROM case_route AS r WHERE r.identity = '{scene.identity}'"  # noqa: S608  # a type's name
        " AND r.record_id = t1.id ORDER BY r.id DESC LIMIT 1)"
    )


def _place(record_type: RecordType) -> str:
    return next((field.name for field in record_type.fields.values() if field.type_name == "place"), "")
