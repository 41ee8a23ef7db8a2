"""Who sends a public form: found among the contacts, or made a new one. Existing contacts are never changed."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import ValidationFailed
from townhall.records import reading
from townhall.records.types import Record
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms.errors import Invalid
from townhall_forms.schema import Form
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town

#: Creates a contact from values on behalf of an actor, and says its id.
Make = Callable[[Actor, Mapping[str, Any]], int]

CONTACT = "core.contact"
#: Contacts with one address or number that are looked at.
_MOST = 50
#: What a public form may ask of a person, and the rows of a contact where it is kept.
_WAYS = {"email": ("emails", "address"), "phone": ("phones", "number")}


def add_contact(
    town: Town,
    actor: Actor,
    plan: WritePlan,
    form: Form,
    values: dict[str, Any],
    *,
    contact_id: int | None,
    contact: Mapping[str, str] | None,
    make: Make,
) -> None:
    """Put the sender into the field of ``values`` where the form keeps them, if it asks who is sending.

    ``make`` creates the contact when there is none.
    """
    if form.contact == "none":
        return
    field = form.contact_field or next(iter(plan.record_type.contacts), "")
    if not field:
        return
    given = {name: text.strip() for name, text in (contact or {}).items() if text and text.strip()}
    if contact_id is None and not given:
        if form.contact == "required":
            raise ValidationFailed({"contact.name": "Enter your name, so that we know who is writing."})
        return
    id = contact_id if contact_id is not None else find_or_make(town, actor, given, make)
    values[field] = (id,) if plan.record_type.fields[field].many_targets else id


def find_or_make(town: Town, actor: Actor, given: Mapping[str, str], make: Make) -> int:
    """The contact who is sending, or a new one where that can't be known: nobody is taken for somebody else.

    Whoever reads the mailbox of an e-mail address gets the answers anyway, so the one contact with exactly this address
    it is; of several who share it, the one with this name. A telephone number is a household's, so it counts only with
    the name, and not at all beside an address that is new: the answers go there, and not to who has the number.
    """
    found = _parsed(town, given)
    way = next((name for name in _WAYS if name in found), "")
    matches = _having(town, actor, way, found[way]) if way else []
    if way != "email" or len(matches) > 1:
        matches = [each for each in matches if normalise(each.title) == normalise(found["name"])]
    return matches[0].id if len(matches) == 1 else _make(actor, found, make)


def _having(town: Town, actor: Actor, way: str, value: Any) -> Sequence[Record]:
    """The contacts with this e-mail address or telephone number."""
    rows, column = _WAYS[way]
    where = {f"{rows}.{column}": value}
    return reading.find(town, system(actor.door), CONTACT, where, limit=_MOST, fields=()).records


def _parsed(town: Town, given: Mapping[str, str]) -> dict[str, Any]:
    """The parts of ``given`` as values. Raises :class:`~townhall.errors.ValidationFailed` for those that are none."""
    fields = write_plan(town, CONTACT).record_type.fields
    context = town.context(system())
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, (rows, column) in _WAYS.items():
        if given.get(name):
            try:
                found[name] = fields[rows].row_fields[column].parse(given[name], context)
            except Invalid as error:
                errors[f"contact.{name}"] = error.message
    name = " ".join(given.get("name", "").split())
    if not name:
        errors["contact.name"] = "Enter your name."
    if errors:
        raise ValidationFailed(errors)
    return {**found, "name": name}


def _make(actor: Actor, found: Mapping[str, Any], make: Make) -> int:
    given_name, _, family_name = found["name"].rpartition(" ")
    values: dict[str, Any] = {"kind": "person", "given_name": given_name or None, "family_name": family_name}
    for name, (rows, column) in _WAYS.items():
        if name in found:
            values[rows] = [{column: found[name], "primary": True}]
    try:
        return make(system(actor.door, actor.name), values)
    except ValidationFailed as failure:
        raise ValidationFailed({_own_path(path): message for path, message in failure.errors.items()}) from failure


def _own_path(path: str) -> str:
    """The question of the form that an error of the contact belongs to."""
    for name, (rows, _) in _WAYS.items():
        if path.startswith(rows):
            return f"contact.{name}"
    return "contact.name"
