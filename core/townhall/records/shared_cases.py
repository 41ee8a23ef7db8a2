"""What stays with a case's own department while somebody works on it only because it is shared with their team.

Who would have it, move it into their queue or be named in it would reach it in their own right: with what is
confidential in it, and for good. So would who is named in a record about it. All of that its own department says.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records import colleagues
from townhall.records import predicate
from townhall.records import scope_links
from townhall.records.plans import plans
from townhall.records.types import Record
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition

if TYPE_CHECKING:
    from townhall.records.checking import Scene
    from townhall.town import Town

#: What somebody is told who would give a case to a person or a queue that they reach by a share only.
KEPT = (
    "This is only shared with your team, so its own department says who has it, in which queue it is and whom it names."
)


def in_own_right(town: Town, actor: Actor, record_type: RecordType, id: int, *, move: Transition | None = None) -> bool:
    """Whether the actor may change a record, or make a ``move`` with it, and not only because it was shared."""
    if move is not None and predicate.reaches(town, actor, "transition", record_type, id, move=move, shares=False):
        return True
    return policy.may(actor, "edit", record_type) and predicate.reaches(
        town, actor, "edit", record_type, id, shares=False
    )


def only_shared(town: Town, actor: Actor, records: Sequence[Record]) -> set[tuple[str, int]]:
    """Which of these cases the actor may change only because they are shared with a team of theirs: identity and id."""
    narrow = [each for each in records if each.type.is_case and policy.reach(actor, "edit", each.type) == "department"]
    if not narrow:
        return set()
    share = town.system.share
    open_ones = share.select(share.identity, share.record_id).where(
        share.identity.in_({each.identity for each in narrow}),
        share.record_id.in_([each.id for each in narrow]),
        share.ended_at.is_null(),
    )
    shared = set(open_ones.tuples())
    return {
        (each.identity, each.id)
        for each in narrow
        if (each.identity, each.id) in shared and not in_own_right(town, actor, each.type, each.id)
    }


def kept(town: Town, actor: Actor, record_type: RecordType, id: int, move: Transition | None = None) -> frozenset[str]:
    """Fields of a case, declared and standard, that the actor leaves as they are because they reach it by a share."""
    if actor.kind != "staff" or not record_type.is_case or in_own_right(town, actor, record_type, id, move=move):
        return frozenset()
    return write_plan(town, record_type.identity).naming | {"queue"}


def check_named(
    town: Town, plan: WritePlan, scene: Scene, values: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, str]:
    """What is wrong with people whom a record newly names who would see a case that it is about because of that.

    Whoever sees a case only as long as it is shared names nobody in it who doesn't see it anyhow, themselves included.
    Returns sentences by path.
    """
    actor, record_type = scene.actor, plan.record_type
    ways = _ways(town, record_type) if actor.kind == "staff" else ()
    errors: dict[str, str] = {}
    if not ways:
        return errors
    people = dict(_people(plan, values))
    known = {person for _, person in _people(plan, before)}
    for name in ways if people else ():
        field = record_type.fields[name]
        then = set(field.references(before[name])) if before.get(name) is not None else set()
        for identity, id in field.references(values[name]) if values.get(name) is not None else ():
            new = {path: person for path, person in people.items() if (identity, id) not in then or person not in known}
            case = town.schemas.get(identity)
            if new and case is not None and case.is_case and not _sees(town, actor, case, id):
                errors |= _refused(town, scene, case, id, new)
    return errors


def _refused(town: Town, scene: Scene, case: RecordType, id: int, people: Mapping[str, int]) -> dict[str, str]:
    errors = {}
    label, actor = case.label.lower(), scene.actor
    for path, person in people.items():
        if person == actor.id:
            errors[path] = (
                f"You see this {label} only while it is shared with your team, so you can't name yourself here. Choose"
                " somebody who sees it anyhow, or let its own department name you."
            )
        elif (colleague := scene.rules.colleagues().here.get(person)) and not _sees(town, colleague, case, id):
            errors[path] = (
                f"You see this {label} only while it is shared with your team, so you can name nobody here who doesn't"
                f" see it anyhow. Choose somebody else, or let its own department name {colleague.name}."
            )
    return errors


def _sees(town: Town, actor: Actor, case: RecordType, id: int) -> bool:
    """Whether somebody sees a case for another reason than a share."""
    return predicate.reaches(town, actor, "view", case, id, shares=False)


def _people(plan: WritePlan, values: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The people whom the declared fields name, each with the path to it."""
    fields = plan.record_type.fields
    for name in plan.naming & fields.keys():
        yield from colleagues.named(fields[name], values.get(name))


def _ways(town: Town, record_type: RecordType) -> tuple[str, ...]:
    """Fields of the type by which somebody whom its records name comes to see a case."""
    kept, key = plans(town).kept, ("names for cases", record_type.identity)
    if key not in kept:
        kept[key] = tuple(
            name
            for name, field in record_type.fields.items()
            if (field.target or field.type_name == "reference")
            and field.privacy != "confidential"
            and (not field.target or (field.target in town.schemas and town.schemas[field.target].is_case))
            and scope_links.names_for(town, record_type, field)
        )
    found: tuple[str, ...] = kept[key]
    return found
