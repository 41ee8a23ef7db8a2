"""Messages between the town and a citizen about a record: public interactions, read on the status page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import parsing
from townhall.records import predicate
from townhall.records import preparing
from townhall.records import reading
from townhall.records import writing
from townhall.records.domains import Outgoing
from townhall.records.transaction import refuse_frozen
from townhall.records.types import Record
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms.values import Reference

if TYPE_CHECKING:
    from townhall.town import Town

INTERACTION = "core.interaction"
#: How staff may want a message sent: as this citizen is written to as a rule, by mail, on paper, or not at all but for
#: the status page.
WAYS = ("", "email", "letter", "web")


def message(town: Town, actor: Actor, identity: str, id: int, outgoing: Outgoing) -> Record:
    """Write a message about a record: from the citizen who has its link, or from staff to the citizen of a case.

    Raises :class:`~townhall.errors.Rejected`, saying why, if staff chose a way in which it doesn't reach the citizen;
    nothing is written then.
    """
    plan = write_plan(town, identity)
    refuse_frozen(plan)
    if policy.is_staff(actor):
        policy.require(actor, "create", write_plan(town, INTERACTION).record_type)
        reading.get(town, actor, identity, id, fields=())
        if policy.may(actor, "edit", plan.record_type):
            predicate.require_within(town, actor, "edit", plan.record_type, id)
    elif actor.kind != "citizen" or not policy.granted(actor, plan.record_type, id):
        raise Forbidden("A message needs the secret link of what it is about.")
    if not outgoing.body.strip():
        raise ValidationFailed({"body": "Write your message."})
    if outgoing.way not in WAYS:
        raise Rejected(
            f"There is no way “{outgoing.way}” to send a message. Choose one of {', '.join(WAYS[1:])}.", "way"
        )
    with immediate(town.database):
        about = _whole(town, plan, id)
        for domain in town.domains if policy.is_staff(actor) else ():
            if domain.deliver is not None and domain.concerns(plan.record_type):
                return domain.deliver(town, actor, about, outgoing)
        if outgoing.way in ("email", "letter"):
            raise Rejected(
                f"Only messages about cases are sent; {plan.record_type.label_plural.lower()} are none.", "way"
            )
        return write(town, actor, about, outgoing)


def write(town: Town, actor: Actor, about: Record, outgoing: Outgoing) -> Record:
    """Write the message itself, as an interaction; whether the actor may was decided before."""
    outbound = policy.is_staff(actor)
    # Files belong to whoever chose them until they are on a record; the message itself is written for them.
    kept = town.files.stored(actor, [file for file in outgoing.files if isinstance(file, str)])
    files = tuple(kept.get(file, file) if isinstance(file, str) else file for file in outgoing.files)
    values: Mapping[str, Any] = {
        "channel": outgoing.channel,
        "direction": "out" if outbound else "in",
        "at": town.clock.now(),
        "contact": preparing.contact_of(write_plan(town, about.identity), about.values),
        "about": Reference(about.identity, about.id),
        "subject": outgoing.subject,
        "body": outgoing.body,
        "public": True,
        "files": files,
        "handled_by": actor.id if outbound and actor.kind == "staff" else None,
    }
    fields = write_plan(town, INTERACTION).record_type.fields
    known = {name: value for name, value in values.items() if name in fields and value not in (None, "", ())}
    return writing.create(town, parsing.on_behalf_of(actor), INTERACTION, known)


def _whole(town: Town, plan: WritePlan, id: int) -> Record:
    try:
        return reading.get(town, system(), plan.record_type.identity, id)
    except NotFound:
        raise NotFound(f"There is no {plan.record_type.label.lower()} with the id {id}.") from None
