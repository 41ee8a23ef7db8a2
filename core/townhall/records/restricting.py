"""What plugins keep from an actor: the conditions of their hook ``restrict``, as tests on rows.

What points at a record by a field ``about`` (an interaction, a task) tells of it, so it is kept back with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING
from typing import Any
from weakref import WeakKeyDictionary

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.extend.manager import PluginManager
from townhall.records.balancing import found_in
from townhall.records.operands import Operands
from townhall.records.plans import plan as plan_of
from townhall.records.plans import plans
from townhall_forms.conditions import Condition
from townhall_forms.conditions import parse_condition
from townhall_forms.kinds import Resolver
from townhall_forms.operands import Environment
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

_Answers = Mapping[str, Sequence[Condition] | None]
#: Answers by actor, for each set of plugins, with the state of the database for which they hold.
_HELD: WeakKeyDictionary[PluginManager, dict[Any, tuple[Any, _Answers]]] = WeakKeyDictionary()
_MOST_HELD = 500
_NOTHING = peewee.SQL("1 = 0")
#: The town itself, and plugins' own code, which knows what it does.
_FREE = frozenset({"system", "plugin"})


def restricts(town: Town, actor: Actor, record_type: RecordType) -> bool:
    """Whether any row of the type may be kept from the actor by a plugin."""
    named = town.plugins.restricted
    if not named or actor.kind in _FREE:
        return False
    if record_type.identity in named and _conditions(town, actor, record_type) != ():
        return True
    reached = _reached(town, record_type)
    return bool(reached) and any(_conditions(town, actor, each) != () for each in reached)


def allowed_rows(
    town: Town, actor: Actor, record_type: RecordType, environment: Environment, model: Any = None
) -> list[peewee.ColumnBase]:
    """Tests that a row of the type, in ``model``, must pass so that plugins let the actor know of it."""
    named = town.plugins.restricted
    if not named or actor.kind in _FREE:
        return []
    model = model or plan_of(town, record_type.identity).model
    found: list[peewee.ColumnBase] = []
    if record_type.identity in named:
        found += _own(town, actor, record_type, environment, model)
    for field in _pointers(town, record_type):
        at, id = getattr(model, f"{field}_type"), getattr(model, f"{field}_id")
        for each in _reached(town, record_type):
            there = plan_of(town, each.identity).model.alias()
            kept = _own(town, actor, each, environment, there)
            if kept:
                seen = there.select(there.id).where(reduce(and_, kept))
                found.append(at.is_null() | (at != each.identity) | found_in(id, seen))
    return found


def reason(town: Town, actor: Actor, record_type: RecordType) -> str:
    """Why the actor sees no record of the type at the moment, in a sentence; empty if that isn't so."""
    if record_type.identity not in town.plugins.restricted or actor.kind in _FREE:
        return ""
    if _conditions(town, actor, record_type) is not None:
        return ""
    title = town.plugins.title(record_type.plugin)
    return (
        f"{title} decides who may see {record_type.label_plural.lower()} and can't at the moment, so only whoever "
        "looks after plugins sees them. Ask them to look at the plugins page."
    )


def _own(
    town: Town, actor: Actor, record_type: RecordType, environment: Environment, model: Any
) -> list[peewee.ColumnBase]:
    conditions = _conditions(town, actor, record_type)
    if conditions is None:
        return [_NOTHING]
    return [condition.to_sql(Operands(town, record_type, model), environment) for condition in conditions]


def _conditions(town: Town, actor: Actor, record_type: RecordType) -> tuple[Condition, ...] | None:
    """What plugins answer for this actor; ``None`` if one that must be asked fails, and nobody but IT may look."""
    kept = actor.known.get("restrict")
    if kept is None or kept[0] != town.writes:
        kept = actor.known["restrict"] = (town.writes, _answers(town, actor))
    found = kept[1].get(record_type.identity, ())
    if found is None:
        return () if actor.may(policy.UNRESTRICTED) else None
    return tuple(found)


def _answers(town: Town, actor: Actor) -> _Answers:
    """What plugins answer for this actor, by type. It is kept over requests while the database stays as it is.

    What they answer inside of a transaction is not: that may be undone, and no figure of the state tells.
    """
    state = town.database.state()
    if state is None or town.database.transaction_depth():
        return _asked(town, actor)
    held = _HELD.setdefault(town.plugins, {})
    key = (state[0], actor.kind, actor.id, actor.permissions, actor.grants)
    if key not in held or held[key][0] != state:
        if len(held) >= _MOST_HELD:
            held.clear()
        answers = _asked(town, actor)
        # What was noted down meanwhile, of a failure for example, has changed the state.
        held[key] = (state, answers)
    return held[key][1]


def _asked(town: Town, actor: Actor) -> _Answers:
    def read(identity: str, condition: Any) -> Condition:
        return parse_condition(condition, resolve=Resolver(town.schemas, town.schemas[identity]))

    return town.plugins.restrict(actor, read)


def _pointers(town: Town, record_type: RecordType) -> Sequence[str]:
    """Fields that may point at a record of any type."""
    kept, key = plans(town).kept, ("pointers", record_type.identity)
    if key not in kept:
        kept[key] = [name for name, field in record_type.fields.items() if field.type_name == "reference"]
    names: Sequence[str] = kept[key]
    return names


def _reached(town: Town, record_type: RecordType) -> list[RecordType]:
    """Types of which records may be kept back and which the type may point at by such a field."""
    if not _pointers(town, record_type):
        return []
    return [town.schemas[identity] for identity in sorted(town.plugins.restricted) if identity in town.schemas]
