"""Who works here, and who of them can be named in a record: the same for forms, imports, hooks and rules.

Whoever is *newly* named must be able to sign in, and to whom an open case is given must be able to work on such cases.
What is over tells how it was: a case that is closed, and what an import brings, may name somebody who left. What a
record says already is left alone, so that it can be changed long after.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.permissions import Verb
from townhall_forms.context import Option
from townhall_forms.fields.base import Field
from townhall_forms.fields.links import Staff
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.context import TownContext
    from townhall.records.checking import Scene
    from townhall.records.write_plans import WritePlan
    from townhall.town import Town

#: The standard field of a case that says who has it.
ASSIGNEE = "assignee"
#: Where writing hands on, in a change's memo, why somebody whom a module named did not get the case.
PASSED_OVER = "passed_over"
_WORKING: tuple[Verb, ...] = ("edit", "transition")
_PEOPLE = """
SELECT u.id, u.name, u.email, u.active, r.permissions FROM "user" u LEFT JOIN user_role l ON l.user_id = u.id
LEFT JOIN role r ON r.id = l.role_id ORDER BY u.id, r.id
"""


@dataclass(frozen=True, slots=True)
class Colleagues:
    """Everybody with an account, as they are now: ``here`` who may sign in, with all that they may do, and ``left``."""

    here: Mapping[int, Actor]
    left: frozenset[int]

    def may_work(self, id: int, record_type: RecordType) -> bool:
        """Whether a case of the type can be given to them."""
        colleague = self.here.get(id)
        return colleague is not None and policy.could_work(colleague, record_type)


def read(town: Town) -> Colleagues:
    """Everybody, read anew. Within a write, ask :meth:`~townhall.context.TownContext.colleagues`."""
    names: dict[int, str] = {}
    held: dict[int, list[str]] = defaultdict(list)
    left: set[int] = set()
    for id, name, email, active, permissions in town.database.execute_sql(_PEOPLE).fetchall():
        if not active:
            left.add(id)
            continue
        names[id] = name or email
        held[id] += [permissions] if permissions is not None else []
    here = {id: Actor("staff", name, id, _held(tuple(held[id]))) for id, name in names.items()}
    return Colleagues(here, frozenset(left))


def takers(town: Town, record_type: RecordType) -> list[Option]:
    """To whom a case of the type can be given: those who may work on it then, by name."""
    able = [each for each in read(town).here.values() if policy.could_work(each, record_type)]
    return [Option(each.id or 0, each.name) for each in sorted(able, key=lambda each: (each.name.casefold(), each.id))]


def check(
    plan: WritePlan, scene: Scene, values: Mapping[str, Any], before: Mapping[str, Any], names: Iterable[str]
) -> dict[str, str]:
    """What is wrong with the people whom the fields ``names`` name newly, by path.

    ``values`` and ``before`` hold declared and standard fields alike. The town itself is trusted, but for what a file
    brings.
    """
    naming = plan.naming.intersection(names)
    if not naming or (scene.actor.kind == "system" and not scene.imported):
        return {}
    errors: dict[str, str] = {}
    for name in sorted(naming):
        for path, id in _new(plan, name, values, before):
            if scene.actor.kind == "staff" and id == scene.actor.id and _may_have(scene.actor, name, plan.record_type):
                continue
            if problem := _problem(plan, scene.rules.colleagues(), name, id, values, imported=scene.imported):
                errors[path] = f"{problem} Choose somebody else."
    return errors


def unfit(plan: WritePlan, context: TownContext, added: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """Why fields of ``added``, which a module or a rule sets, name somebody who can't be named in them, by field.

    ``values`` are those of the record so far.
    """
    found: dict[str, str] = {}
    for name in plan.naming.intersection(added):
        for _, id in _new(plan, name, added, values):
            if id == context.actor_id:  # who writes the record works here, and may change it
                continue
            if problem := _problem(plan, context.colleagues(), name, id, values):
                found[name] = problem
    return found


def in_vain(colleagues: Colleagues, id: int, record_type: RecordType) -> str:
    """Why a rule gives an open case of the type to somebody in vain, as it stands on the case; empty if it doesn't."""
    if id not in colleagues.here:
        return "The person whom it names doesn’t work here any more."
    if colleagues.may_work(id, record_type):
        return ""
    return f"{colleagues.here[id].name}, whom it names, may not work on {record_type.label_plural.lower()}."


def _problem(
    plan: WritePlan, colleagues: Colleagues, name: str, id: int, values: Mapping[str, Any], *, imported: bool = False
) -> str:
    """Why somebody can't be named in the field ``name``; empty if they can."""
    record_type = plan.record_type
    over = _is_over(record_type, values.get("state")) if name == ASSIGNEE else imported
    if id not in colleagues.here:
        if id not in colleagues.left:
            return f"Nobody here has the number {id}."
        return "" if over else "This person doesn’t work here any more."
    if over or name != ASSIGNEE or colleagues.may_work(id, record_type):
        return ""
    return f"{colleagues.here[id].name} may not work on {record_type.label_plural.lower()}."


def _new(plan: WritePlan, name: str, values: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The people whom a field names and didn't name before, each with the path to it."""
    value, old = values.get(name), before.get(name)
    if value == old:
        return
    field = plan.record_type.all_fields[name]
    known = {id for _, id in named(field, old)}
    yield from ((path, id) for path, id in named(field, value) if id not in known)


def named(field: Field, value: Any) -> Iterator[tuple[str, int]]:
    """The people whom a value of the field names, each with the path to it."""
    if value is None:
        return
    if isinstance(field, Staff):
        yield field.name, value
    elif columns := [column.name for column in field.row_fields.values() if isinstance(column, Staff)]:
        for index, row in enumerate(value):
            yield from ((f"{field.name}.{index}.{name}", row[name]) for name in columns if row.get(name) is not None)


def _is_over(record_type: RecordType, state: Any) -> bool:
    workflow = record_type.workflow
    return workflow is not None and state in workflow.states and workflow.states[state].final


def _may_have(actor: Actor, name: str, record_type: RecordType) -> bool:
    """Whether somebody who names themselves may: a case that they may change or move already is theirs to take."""
    return name != ASSIGNEE or any(policy.may(actor, verb, record_type) for verb in _WORKING)


@lru_cache(maxsize=500)
def _held(texts: tuple[str, ...]) -> frozenset[str]:
    """What these roles allow together: the same set for the same roles, by which so much is looked up."""
    return frozenset(permission for text in texts for permission in json.loads(text))
