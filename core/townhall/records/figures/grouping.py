"""By what the records of a type can be grouped, and what the groups are called."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.errors import Rejected
from townhall.records import predicate
from townhall.records.figures import wards
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.onward import onward
from townhall.records.plans import plan as plan_of
from townhall_forms.fields.base import Field
from townhall_forms.kinds import kind_of
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

CONTACT = "core.contact"
#: Standard fields by which a manager groups, in the order in which they are offered.
_STANDARD = ("assignee", "queue")
_KINDS = frozenset({"code", "link", "staff", "boolean"})


@dataclass(frozen=True, slots=True)
class Grouping:
    """A field by which a type's records can be grouped."""

    name: str
    label: str


def groupings(town: Town, actor: Actor, record_type: RecordType) -> list[Grouping]:
    """The fields by which the actor may group, the type's main ones first.

    They are those that people choose from a list: choices, links to what the town sets up, people, yes or no, and what
    is copied from these. A contact is nobody's group.
    """
    found = [name for name in record_type.list.filters if _groups(town, actor, record_type, name)]
    found += [name for name in record_type.fields if name not in found and _groups(town, actor, record_type, name)]
    found = [name for name in found if name not in (*_STANDARD, "state")]
    standard = [
        name
        for name in (*_STANDARD, *record_type.system_fields)
        if name in record_type.system_fields and name != "state" and _groups(town, actor, record_type, name)
    ]
    main = main_category(town, actor, record_type)
    ward = [wards.NAME] if wards.may_group(town, actor, record_type) else []
    order = dict.fromkeys([*([main] if main else []), *standard, *ward, *found])
    return [Grouping(name, label_of(record_type, name)) for name in order]


def label_of(record_type: RecordType, by: str) -> str:
    """What the records are grouped by."""
    return wards.LABEL if wards.is_meant(record_type, by) else record_type.all_fields[by].label


def _kind(record_type: RecordType, by: str) -> str:
    return "link" if wards.is_meant(record_type, by) else kind_of(record_type.all_fields[by])


def _target(record_type: RecordType, by: str) -> str:
    """The type that a link by which records are grouped points at."""
    return wards.TARGET if wards.is_meant(record_type, by) else record_type.all_fields[by].target


def main_category(town: Town, actor: Actor, record_type: RecordType) -> str:
    """The field that says what a case is about: its first link to something that the town sets up, else a choice.

    Empty if the type has none that the actor may ask by.
    """
    names = [*record_type.list.filters, *record_type.fields]
    fields = {name: record_type.fields[name] for name in names if name in record_type.fields}
    links = [name for name, each in fields.items() if kind_of(each) == "link" and _is_setup(town, each)]
    choices = [name for name, each in fields.items() if kind_of(each) == "code"]
    return next((name for name in (*links, *choices) if _groups(town, actor, record_type, name)), "")


def _is_setup(town: Town, field: Field) -> bool:
    target = town.schemas.get(field.target)
    return target is not None and target.navigation == "setup"


def _groups(town: Town, actor: Actor, record_type: RecordType, name: str) -> bool:
    field = record_type.all_fields.get(name)
    if field is None or name not in {column.name for column in field.columns()}:
        return False
    copied = field.is_computed and kind_of(field) == "text" and "copy" in (field.compute or {})
    if (kind_of(field) not in _KINDS and not copied) or name == "id":
        return False
    if field.target and (field.target == CONTACT or not _may_name(town, actor, field)):
        return False
    return predicate.may_ask(town, actor, record_type, name)


def _may_name(town: Town, actor: Actor, field: Field) -> bool:
    target = town.schemas.get(field.target)
    return target is not None and policy.may(actor, "view", target)


def test_of(scene: Scene, by: str, value: str) -> Sql:
    """The rows of one group. Raises :class:`~townhall.errors.Rejected` if the actor may not group so."""
    column = column_of(scene, by)
    if not value:
        return Sql(f"{column} IS NULL")
    kind = _kind(scene.type, by)
    stored: Any = value
    if kind in ("link", "staff"):
        stored = _id(value)
    if kind == "link":
        stored = onward(scene.town, _target(scene.type, by), [stored]).get(stored, stored)
    elif kind == "boolean":
        stored = value == "true"
    return Sql(f"{column} = {scene.mark}", (stored,))


def _id(value: str) -> int:
    """The id that a slice names; one that no record has for what is none."""
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else -1


def column_of(scene: Scene, by: str) -> str:
    """The column that holds a group. Raises :class:`~townhall.errors.Rejected` if the actor may not group by it."""
    if wards.is_meant(scene.type, by) and wards.may_group(scene.town, scene.actor, scene.type):
        return wards.column(scene)
    predicate.check_paths(scene.town, scene.actor, scene.type, [by], "group")
    if not _groups(scene.town, scene.actor, scene.type, by):
        field = scene.type.field(by)
        label = field.label if field is not None else by
        raise Rejected(f"{scene.type.label_plural} can't be grouped by “{label}”.", field=by)
    return scene.column(by)


def value_of(scene: Scene, by: str, stored: Any) -> str:
    """What a slice says of the group whose column holds ``stored``."""
    if stored is None:
        return ""
    return ("true" if stored else "false") if _kind(scene.type, by) == "boolean" else str(stored)


def labels(town: Town, actor: Actor, identity: str, by: str, values: Iterable[str]) -> Mapping[str, str]:
    """What groups are called, by the values of their slices; the same order as ``values``."""
    record_type = plan_of(town, identity).record_type
    wanted, kind = list(values), _kind(record_type, by)
    known: Mapping[str, str] = {}
    if kind == "staff":
        known = {str(option.id): option.title for option in town.context(actor).staff()}
    elif kind == "link":
        target, ids = _target(record_type, by), [_id(value) for value in wanted if value]
        ways = onward(town, target, ids)
        titles = town.context(actor).titles(target, [ways.get(id, id) for id in ids])
        known = {str(id): titles[ways.get(id, id)] for id in ids if ways.get(id, id) in titles}
    elif kind == "boolean":
        known = {"true": "Yes", "false": "No"}
    elif kind == "code":
        known = {choice.value: choice.label for choice in record_type.all_fields[by].choices}
    empty = "Nobody" if kind == "staff" else "None"
    gone = "Somebody who left" if kind == "staff" else "One that is gone" if kind == "link" else ""
    return {value: known.get(value, gone or value) if value else empty for value in wanted}
