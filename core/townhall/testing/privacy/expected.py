"""Who may see which planted value: worked out from the schemas and the roles alone, and not by what is tested."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from fnmatch import fnmatchcase
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.access.permissions import VERBS
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.testing.privacy.markers import Marker
from townhall.testing.privacy.markers import found_in
from townhall.testing.privacy.planting import Planted
from townhall.town import Town
from townhall_forms.conditions import Condition
from townhall_forms.operands import Literal
from townhall_forms.schema import RecordType
from townhall_forms.validating import environment_of
from townhall_forms.validating import value_getter

#: Whom a value of a message is for: staff who may see what it is about, and the citizen whose request it is about.
MESSAGE = "message"


@dataclass(frozen=True)
class Reader:
    """Somebody who looks: one of the staff with a role, or a visitor who has the links to ``own`` records.

    ``sees`` are names of planted records that they may know of; ``near`` those that point at one of their own: what is
    public in these, a plugin may tell them. ``named`` are words in the titles of what they see.
    """

    name: str
    actor: Actor
    own: frozenset[str] = frozenset()
    sees: set[str] = dataclass_field(default_factory=set)
    near: set[str] = dataclass_field(default_factory=set)
    named: set[str] = dataclass_field(default_factory=set)

    @property
    def staff(self) -> bool:
        """Whether they work here."""
        return self.actor.kind == "staff"

    def holds(self, permission: str) -> bool:
        """Whether one of their permissions, or a pattern among them, is this one everywhere."""
        return any(fnmatchcase(permission, held) for held in self.actor.permissions)

    def limited(self, identity: str, verb: str) -> bool:
        """Whether they hold the permission for some records only, or in some other way than by its plain name."""
        wanted = f"{identity}.{verb}"
        heads = (held.partition("@") for held in self.actor.permissions)
        return any(where and fnmatchcase(wanted, held) for held, where, _ in heads)

    def reveals(self, identity: str) -> bool | None:
        """Whether they may look at confidential values of a type, for a reason; ``None`` if of some records only."""
        if self.staff and not self.holds(f"{identity}.see_confidential"):
            return None if self.limited(identity, "see_confidential") else False
        return self.staff

    def level(self, town: Town, planted: Planted) -> str:
        """The most secret level that they may read of a planted record without asking; empty if none at all."""
        if planted.name not in self.sees:
            return ""
        identity = planted.record.identity
        internal: Any = "see_internal"
        if self.staff and (internal not in VERBS or self.holds(f"{identity}.{internal}")):
            return "internal"
        return "public"


def find_out(town: Town, reader: Reader, everything: Iterable[Planted]) -> Iterable[str]:
    """Fill in what a reader may know of. Yields a sentence for each record that reading gives and should not.

    What plugins keep back and what a limited permission reaches can only be asked: then every surface has to agree
    with what reading says.
    """
    for planted in everything:
        identity, id = planted.record.identity, planted.record.id
        try:
            reader.named.update(found_in(town.records.get(reader.actor, identity, id, fields=()).title))
            given = True
        except (NotFound, Forbidden):
            given = False
        wanted = _may_see(town, reader, planted)
        if given and wanted is False:
            yield f"{reader.name}: reading gives {planted.name}, which is not for them."
        if given and wanted is not False:
            reader.sees.add(planted.name)
        if not planted.archived and _points_at(planted, reader.actor.grants):
            reader.near.add(planted.name)


def _points_at(planted: Planted, records: frozenset[tuple[str, int]]) -> bool:
    """Whether a record points at one of ``records``."""
    fields, values = planted.record.type.fields, planted.record.values
    pairs = ((field, values.get(name)) for name, field in fields.items())
    return any(not records.isdisjoint(field.references(value)) for field, value in pairs if value is not None)


def _may_see(town: Town, reader: Reader, planted: Planted) -> bool | None:
    identity = planted.record.identity
    if reader.staff:
        if reader.holds(f"{identity}.view"):
            return True
        return None if reader.limited(identity, "view") else False
    if planted.archived:
        return False
    return planted.name in reader.own or is_public(town, planted)


def is_public(town: Town, planted: Planted) -> bool:
    """Whether anybody may see a planted record, by the type's rule as it stands on this record."""
    record_type, record = planted.record.type, planted.record
    if record_type.public_if is None or planted.archived:
        return False
    flow = record_type.workflow
    if flow is not None and flow.states[record.state].incomplete:
        return False
    context = town.context(system("cli", "Trial"))
    get = value_getter(record_type, record.values, context, standard={"state": record.state, "id": record.id})
    return record_type.public_if.evaluate(get, environment_of(context))


def may_read(town: Town, reader: Reader, marker: Marker, planted: Planted) -> bool:
    """Whether a value may stand in something that a reader gets without asking for that very value."""
    if marker.level == "confidential":
        return False
    level = reader.level(town, planted)
    if not level and reader.staff and reader.limited(marker.identity, "view") and marker.key in reader.named:
        return True  # whoever sees some of a type is told by titles of the others
    if not level:
        return marker.level == "public" and planted.name in reader.near
    if marker.level == "public" or level == "internal":
        return True
    if planted.name not in reader.own:
        return False
    return marker.level == MESSAGE or _sent(planted, marker.field) or _themselves(planted, marker.path)


def _sent(planted: Planted, name: str) -> bool:
    """Whether the sender of a record may read a field back, because they may still change it."""
    return any(
        name in form.fields and planted.record.state in form.edit_in for form in planted.record.type.forms.values()
    )


def _themselves(planted: Planted, path: str) -> bool:
    """Whether somebody reads this of their own record of themselves: what they may change there, how they are called,
    and the addresses that each mailbox confirms.
    """
    record_type = planted.record.type
    own = set()
    for form in record_type.forms.values():
        for name in form.fields if form.by_owner else ():
            columns = form.columns.get(name, tuple(record_type.fields[name].row_fields))
            own |= {name, *(f"{name}.{column}" for column in columns)}
    return bool(own) and path in {*own, *record_type.title.paths, "emails.address"}


def open_values(record_type: RecordType) -> dict[str, Any]:
    """Values of a type's own fields, the state among them, with which the rule about what is public holds."""
    found: dict[str, Any] = {}
    for path, operator, operand in _rules(record_type.public_if):
        if "." in path:
            continue
        value = _fulfilling(record_type, path, operator, operand)
        if value is not None:
            found.setdefault(path, value)
    return found


def closed_values(record_type: RecordType) -> list[dict[str, Any]]:
    """Values with each of which the rule about what is public may not hold."""
    opposite = {"eq": "ne", "in": "not_in", "ne": "eq", "not_in": "in"}
    found: list[dict[str, Any]] = [{}]
    for path, operator, operand in _rules(record_type.public_if):
        value = _fulfilling(record_type, path, opposite[operator], operand) if "." not in path else None
        if value is not None:
            found.insert(0, {path: value})
    return [dict(pair for each in found for pair in each.items()), *found]


def _rules(condition: Condition | None) -> Iterable[tuple[str, str, Any]]:
    for leaf in condition.leaves() if condition is not None else ():
        operands = [operand.value for operand in leaf.operands if isinstance(operand, Literal)]
        if leaf.operator in ("eq", "in", "ne", "not_in") and operands:
            yield leaf.path, leaf.operator, operands


def _fulfilling(record_type: RecordType, name: str, operator: str, operands: list[Any]) -> Any:
    given = [value for each in operands for value in (each if isinstance(each, (list, tuple)) else [each])]
    if operator in ("eq", "in"):
        return given[0]
    if name == "state" and record_type.workflow is not None:
        states = record_type.workflow.states.items()
        return next((state for state, about in states if state not in given and not about.incomplete), None)
    field = record_type.fields.get(name)
    if field is None:
        return None
    if field.type_name == "boolean":
        return not given[0]
    return next((choice.value for choice in field.choices if choice.value not in given and not choice.retired), None)
