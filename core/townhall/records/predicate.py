"""Which records an actor may know of, and conditions as SQL: the one place that all reading asks.

A predicate is an SQL expression over a type's table: permission, ``public_if``, the actor's own grants, archived or
not, and whatever filter was asked for. A filter that would tell what the actor may not read is refused, in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from difflib import get_close_matches
from operator import and_
from operator import or_
from typing import TYPE_CHECKING
from typing import Any

import peewee

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.permissions import Scope
from townhall.access.permissions import Verb
from townhall.access.permissions import deed
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import Withheld
from townhall.records import answering
from townhall.records import naming
from townhall.records import restricting
from townhall.records import scoping
from townhall.records.balancing import balanced
from townhall.records.onward import asked_onward
from townhall.records.operands import Operands
from townhall.records.operands import Restrict
from townhall.records.plans import plan
from townhall.records.plans import plans
from townhall.records.plans import possible
from townhall.records.scope_reasons import SHARED
from townhall_forms.conditions import Condition
from townhall_forms.conditions import InvalidCondition
from townhall_forms.conditions import parse_condition
from townhall_forms.fields.base import Field
from townhall_forms.kinds import PathInfo
from townhall_forms.kinds import Resolver
from townhall_forms.kinds import info_of
from townhall_forms.operands import Environment
from townhall_forms.schema import RecordType
from townhall_forms.schema import Resolved
from townhall_forms.schema import Transition
from townhall_forms.text import ended

if TYPE_CHECKING:
    from townhall.town import Town

Where = Condition | Mapping[str, Any] | None

NOTHING = peewee.SQL("1 = 0")


def environment(town: Town, actor: Actor) -> Environment:
    """The present moment, the town's zone and who is asking, for conditions."""
    now = town.clock.now()
    return Environment(now=now, today=now.astimezone(town.zone).date(), actor_id=actor.id, zone=town.zone)


def scope(
    town: Town,
    actor: Actor,
    record_type: RecordType,
    model: Any = None,
    verb: Verb = "view",
    *,
    of_seen_cases: bool = False,
    often: bool = False,
    id: int | None = None,
) -> peewee.ColumnBase | None:
    """The rows of a type that the actor may know of, and may do ``verb`` to; ``None`` means all.

    ``model`` is the table or an alias of it. ``of_seen_cases`` says that only rows are asked for that are about a case
    of which the actor knows anyhow, so that this need not be found out again; ``often`` that several statements ask
    about many rows; ``id`` that only this row is asked for. Raises :class:`~townhall.errors.Forbidden` for staff
    without permission.
    """
    kept = restricting.allowed_rows(town, actor, record_type, environment(town, actor), model)
    if policy.is_staff(actor):
        policy.require(actor, "view", record_type)
        if not of_seen_cases:
            kept += scoping.kept_back(town, actor, record_type, model, often=often)
        for each in dict.fromkeys(("view", verb)):
            if (test := scoping.within(town, actor, each, record_type, model, id=id)) is not None:
                kept.append(test)
        return both(kept) if kept else None
    model = model or plan(town, record_type.identity).model
    parts = []
    if record_type.public_if is not None:
        parts.append(_public(town, actor, record_type, model))
    if granted := policy.granted_ids(actor, record_type):
        parts.append(model.id.in_(granted))
    if not parts:
        return NOTHING
    return both([either(parts), model.archived.is_null(), *kept])


def seen_cases(town: Town, actor: Actor, record_type: RecordType, *, often: bool = False) -> peewee.SQL | None:
    """A query of the ids of all rows of :func:`scope`, which finds many cases sooner than a test on each row does; or,
    for who asks ``often`` whether one is among them, what it found.

    ``None`` where there is none: for what is no case, and for who is not staff.
    """
    if not (record_type.is_case and policy.is_staff(actor)):
        return None
    if restricting.allowed_rows(town, actor, record_type, environment(town, actor), None):
        return None
    policy.require(actor, "view", record_type)
    return scoping.seen(town, actor, record_type, often=often)


def _public(town: Town, actor: Actor, record_type: RecordType, model: Any) -> peewee.ColumnBase:
    """Rows that anybody may see. One that is still incomplete is never among them."""
    condition = record_type.public_if
    if condition is None:
        return NOTHING
    expression = compiled(town, actor, record_type, condition, model=model)
    if record_type.workflow is not None:
        unfinished = [name for name, state in record_type.workflow.states.items() if state.incomplete]
        if unfinished:
            expression = expression & model.state.not_in(unfinished)
    return expression


def sees_all(town: Town, actor: Actor, record_type: RecordType) -> bool:
    """Whether every row of the type is open to the actor who may see the type at all, so that none has to be tested."""
    return (
        policy.is_staff(actor)
        and scoping.is_all(town, record_type, policy.reach(actor, "view", record_type))
        and not scoping.may_keep_back(town, actor, record_type)
        and not restricting.restricts(town, actor, record_type)
    )


def require_within(
    town: Town, actor: Actor, verb: Verb, record_type: RecordType, id: int, *, move: Transition | None = None
) -> None:
    """Raise :class:`~townhall.errors.Forbidden` if the actor's permission for ``verb`` doesn't reach this record.

    That the actor may do it to some record of the type, and may see this one, was asked before.
    """
    if policy.is_staff(actor) and not reaches(town, actor, verb, record_type, id, move=move):
        reach = policy.reach(actor, verb, record_type, move)
        raise Forbidden(too_far(actor, record_type, verb, reach, move))


def reaches(
    town: Town,
    actor: Actor,
    verb: Verb,
    record_type: RecordType,
    id: int,
    *,
    move: Transition | None = None,
    shares: bool = True,
) -> bool:
    """Whether the actor's permission for ``verb``, or for a ``move``, reaches a record that they may see.

    A page asks for every move of a case, and most are within one and the same scope: that is looked up once.
    """
    reach = policy.reach(actor, verb, record_type, move)
    if reach in (None, "all"):
        return reach == "all"
    kept = actor.known.get("reaches")
    if kept is None or kept[0] != town.writes:
        kept = actor.known["reaches"] = (town.writes, {})
    found: dict[object, bool] = kept[1]
    key = (record_type.identity, id, reach, SHARED.get(verb) if shares else None, verb in scoping.ABOUT)
    if key not in found:
        model = plan(town, record_type.identity).model
        test = scoping.within(town, actor, verb, record_type, move=move, shares=shares, id=id)
        found[key] = test is None or bool(model.select(model.id).where(model.id == id, test).exists())
    return found[key]


def too_far(
    actor: Actor, record_type: RecordType, verb: Verb, reach: Scope | None, move: Transition | None = None
) -> str:
    """That a permission doesn't reach a record, in a sentence."""
    plural = record_type.label_plural
    if reach is None and move is None:
        return policy.refusal(actor, verb, record_type)
    done = f"make this move with {plural.lower()}" if move is not None else deed(verb, plural)
    if reach is None:
        return f"You may not {done}. Ask an administrator if you need to."
    which = {
        "own": "that you added",
        "assigned": "that were given to you",
        "department": "of your department",
    }.get(reach, "")
    return f"You may {done} {which} only, and this is none of them."


def either(tests: Sequence[Any]) -> peewee.ColumnBase:
    """A test that holds when one of ``tests`` does."""
    return balanced(or_, tests)


def both(tests: Sequence[Any]) -> peewee.ColumnBase:
    """A test that holds when all of ``tests`` do."""
    return balanced(and_, tests)


def rows(
    town: Town,
    actor: Actor,
    record_type: RecordType,
    where: Where = None,
    *,
    archived: bool | None = False,
) -> list[peewee.ColumnBase]:
    """What decides which rows of the type an actor's question is about: expressions that must all hold."""
    model = plan(town, record_type.identity).model
    parts = []
    visible = scope(town, actor, record_type)
    if visible is not None:
        parts.append(visible)
    if archived is not None:
        parts.append(model.archived.is_null(not archived))
    if archived and record_type.merge is not None:
        # What was merged goes on as another record, so it is not among what was put aside either.
        parts.append(getattr(model, record_type.fields[record_type.merge.into].columns()[0].name).is_null())
    condition = asked(town, actor, record_type, where)
    if condition is not None:
        condition = asked_onward(town, actor, record_type, condition)
        parts.append(compiled(town, actor, record_type, condition, own=False))
    return parts


def compiled(
    town: Town, actor: Actor, record_type: RecordType, condition: Condition, *, model: Any = None, own: bool = True
) -> peewee.ColumnBase:
    """A condition as SQL over the type's table. Whether the actor may ask it is not looked at.

    ``own=False`` is for a question of the actor's: it doesn't look behind links at what they may not know of.
    """
    restrict = None if own else _behind_links(town, actor)
    return condition.to_sql(Operands(town, record_type, model, restrict), environment(town, actor))


def _behind_links(town: Town, actor: Actor) -> Restrict:
    def restrict(record_type: RecordType, model: Any) -> peewee.ColumnBase | None:
        if sees_all(town, actor, record_type) and policy.may(actor, "view", record_type):
            return None
        if policy.is_staff(actor) or record_type.public_if is not None:
            return scope(town, actor, record_type, model)
        return None

    return restrict


def asked(town: Town, actor: Actor, record_type: RecordType, where: Where) -> Condition | None:
    """Read a filter and make sure that the actor may ask it.

    Raises :class:`~townhall.errors.Rejected` with a sentence, and the field's path, if not.
    """
    if where is None or (not isinstance(where, Condition) and not where):
        return None
    if isinstance(where, Condition):
        check_paths(town, actor, record_type, where.paths())
        return where
    try:
        paths = parse_condition(where).paths()
    except InvalidCondition:
        paths = frozenset()
    check_paths(town, actor, record_type, paths)
    try:
        return parse_condition(where, resolve=_Asking(town, record_type))
    except InvalidCondition as error:
        key, message = error.problems[0]
        raise Rejected(f"This filter can't be used: {ended(message)}", field=key) from error


def check_paths(town: Town, actor: Actor, record_type: RecordType, paths: Iterable[str], deed: str = "filter") -> None:
    """Raise :class:`~townhall.errors.Rejected` unless the actor may filter, sort or group by all of ``paths``."""
    for path in sorted(paths):
        _check_path(town, actor, record_type, path, deed)


def _check_path(town: Town, actor: Actor, record_type: RecordType, path: str, deed: str) -> None:
    resolved = town.schemas.resolve(record_type, path)
    staff = policy.is_staff(actor)
    if resolved is None:
        raise Rejected(_unknown(actor, record_type, path, deed), field=path)
    if resolved.first.name not in policy.filterable(actor, record_type):
        if not staff:
            raise Rejected(_unknown(actor, record_type, path, deed), field=path)
        raise _closed(resolved.first, path, deed)
    if resolved.target is not None and resolved.second is not None:
        if staff and not policy.may(actor, "view", resolved.target):
            plural = resolved.target.label_plural.lower()
            raise Withheld(f"You may not see {plural}, so you can't {deed} by them.", field=path)
        if resolved.second.name not in policy.filterable(actor, resolved.target):
            if not staff:
                raise Rejected(_unknown(actor, record_type, path, deed), field=path)
            raise _closed(resolved.second, path, deed)
    elif resolved.second is not None:
        if resolved.second.name not in policy.row_columns(actor, record_type, resolved.first) or (
            resolved.second.privacy == "confidential"
        ):
            raise _closed(resolved.second, path, deed)
    elif resolved.answer:
        _check_answer(town, actor, record_type, resolved, path, deed)
    if _is_hidden_title(town, actor, record_type, resolved):
        # The title of the record that a link leads to is what people call the link.
        raise _closed(resolved.first, path, deed)


def _is_hidden_title(town: Town, actor: Actor, record_type: RecordType, resolved: Resolved) -> bool:
    """Whether a path ends at a stored title, which may say more than the title that the actor reads."""
    ends = resolved.target or record_type
    if resolved.field.name != "title" or resolved.field is not ends.system_fields.get("title"):
        return False
    return not naming.told(town, actor, ends).whole


def may_ask(town: Town, actor: Actor, record_type: RecordType, path: str) -> bool:
    """Whether the actor may filter, sort and group by ``path``.

    For who goes by permissions that is worked out once; what answers there are is data, and looked at each time.
    """
    kept = plans(town).kept
    key = ("ask", record_type.identity, path, actor.kind, actor.permissions)
    found: bool | None = kept.get(key)
    if found is None:
        try:
            _check_path(town, actor, record_type, path, "ask")
            found = True
        except Rejected:
            found = False
        resolved = town.schemas.resolve(record_type, path)
        if policy.is_staff(actor) and resolved is not None and not resolved.answer:
            kept[key] = found
    return found


def _check_answer(town: Town, actor: Actor, record_type: RecordType, resolved: Resolved, path: str, deed: str) -> None:
    """An answer may be filtered by if no list of questions that asks it keeps it from the actor."""
    found = list(answering.fields_called(town, record_type, resolved.first, resolved.answer))
    if not found:
        raise Rejected(_unknown(actor, record_type, path, deed), field=path)
    for field in found:
        if field.privacy == "confidential" or (
            field.privacy != "public" and not policy.sees_internal(actor, record_type)
        ):
            raise _closed(field, path, deed)


class _Asking(Resolver):
    """Looks paths up for a filter. What an answer is, the questions say that are asked today."""

    def __init__(self, town: Town, record_type: RecordType) -> None:
        super().__init__(town.schemas, record_type)
        self._town = town

    def __call__(self, path: str) -> PathInfo | None:
        """What ``path`` reaches."""
        resolved = self.schemas.resolve(self.record_type, path)
        if resolved is not None and resolved.answer:
            question = answering.field_called(self._town, self.record_type, resolved.first, resolved.answer)
            return info_of(question) if question is not None else None
        return super().__call__(path)


def _closed(field: Field, path: str, deed: str) -> Withheld:
    if field.privacy == "confidential":
        return Withheld(f"“{field.label}” is confidential, so nobody can {deed} by it.", field=path)
    return Withheld(f"You may not see “{field.label}”, so you can't {deed} by it.", field=path)


def _unknown(actor: Actor, record_type: RecordType, path: str, deed: str) -> str:
    close = get_close_matches(path, sorted(policy.filterable(actor, record_type)), n=1)
    hint = f" Did you mean “{close[0]}”?" if close else ""
    return f"There is no field “{path}” to {deed} {record_type.label_plural.lower()} by.{hint}"


def may_see(town: Town, actor: Actor, record_type: RecordType, ids: Iterable[int]) -> frozenset[int]:
    """Those of ``ids`` that the actor may know of and that exist."""
    wanted = sorted(set(possible(ids)))
    if not wanted:
        return frozenset()
    model = plan(town, record_type.identity).model
    try:
        visible = scope(town, actor, record_type, id=wanted[0] if len(wanted) == 1 else None)
    except Forbidden:
        return frozenset()
    query = model.select(model.id).where(model.id.in_(wanted))
    if visible is not None:
        query = query.where(visible)
    return frozenset(id for (id,) in query.tuples())
