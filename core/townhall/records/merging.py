"""Making one of two records that stand for the same: the kept one takes over what the other says, and what names it.

The other is put aside with a pointer to the kept one, and can't be changed any more. It is one transaction, and history
is its trail: each entry of a merge has the action :data:`MERGE`, that of the record which goes first and that of the
kept one after it, so that :mod:`townhall.records.unmerging` can take it apart again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import checking
from townhall.records import predicate
from townhall.records import preparing
from townhall.records import reading
from townhall.records import writing
from townhall.records.choosing import Choice
from townhall.records.choosing import choices
from townhall.records.domains import MERGED
from townhall.records.editing import Edit
from townhall.records.editing import standard_of
from townhall.records.merged import MERGE
from townhall.records.merged import went_into
from townhall.records.pointing import Pointing
from townhall.records.pointing import pointed_anew
from townhall.records.pointing import pointing
from townhall.records.transaction import refuse_frozen
from townhall.records.transaction import write_transaction
from townhall.records.types import Record
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: Most records that point at the one which goes.
MOST = 5000


@dataclass(frozen=True, slots=True)
class Merging:
    """What a merge would do: what there is to choose, and how many records of which types would point at the kept one,
    of those of which the actor knows. ``problem`` says why it can't be done, in a sentence.
    """

    kept: Record
    other: Record
    asked: Sequence[Choice]
    moves: Sequence[tuple[RecordType, int]]
    problem: str


def merging(town: Town, actor: Actor, identity: str, kept: int, other: int) -> Merging:
    """What a merge of ``other`` into ``kept`` would do. Raises what :func:`merge` raises about who may."""
    plan = write_plan(town, identity)
    refuse_frozen(plan)
    _require_two(actor, plan, kept, other)
    seen = (reading.get(town, actor, identity, kept), reading.get(town, actor, identity, other))
    whole = (reading.get(town, system(), identity, kept), reading.get(town, system(), identity, other))
    for each in whole:
        require_free(town, actor, plan, each)
    found = choices(actor, whole, seen)
    moves = _counted(town, actor, pointing(town, identity, other), whole)
    return Merging(*seen, found.asked, moves, found.problem)


def merge(
    town: Town,
    actor: Actor,
    identity: str,
    kept: int,
    other: int,
    chosen: Mapping[str, str],
    *,
    versions: tuple[int, int],
    note: str = "",
) -> Record:
    """Merge ``other`` into ``kept``, as the actor saw both at ``versions``; ``chosen`` says whose value stands.

    Raises :class:`~townhall.errors.Conflict` when somebody was faster, :class:`~townhall.errors.Rejected` with a
    sentence when the two can't be merged, and what any change raises; then nothing is written.
    """
    plan = write_plan(town, identity)
    _require_two(actor, plan, kept, other)
    with write_transaction(town, plan):
        whole = locked(town, actor, plan, (kept, other), versions)
        seen = (reading.get(town, actor, identity, kept), reading.get(town, actor, identity, other))
        for each in whole:
            require_free(town, actor, plan, each)
        values = choices(actor, whole, seen).values(town, chosen)
        found = [each for each in pointing(town, identity, other) if (each.identity, each.id) not in _both(whole)]
        if len(found) > MOST:
            raise Rejected(f"More than {MOST:,} records name the one that would go. Merge the two the other way round.")
        names = (name_of(whole[0]), name_of(whole[1]))
        memo = {MERGED: (identity, other, kept)}
        _put_aside(town, actor, plan, whole[1], kept, f"Merged into {names[0]}. {note}".strip(), memo)
        _take_over(town, actor, plan, whole[0], values, f"{names[1]} was merged into this. {note}".strip(), memo)
        for pointer in found:
            _move(town, actor, pointer, (identity, other), kept, f"{names[1]} was merged into {names[0]}.", memo)
    return writing.seen_by(town, actor, identity, kept)


def _require_two(actor: Actor, plan: WritePlan, kept: int, other: int) -> None:
    require_mergeable(actor, plan)
    if kept == other:
        raise Rejected("These are one and the same. Choose another one.")


def require_mergeable(actor: Actor, plan: WritePlan) -> None:
    """Raise :class:`~townhall.errors.TownhallError`, saying why, unless the actor may merge records of the type."""
    if plan.record_type.merge is None:
        raise Rejected(f"{plan.record_type.label_plural} can't be merged.")
    policy.require(actor, "merge", plan.record_type)
    policy.require(actor, "edit", plan.record_type)


def locked(
    town: Town, actor: Actor, plan: WritePlan, ids: tuple[int, int], versions: tuple[int | None, int | None]
) -> tuple[Record, Record]:
    """Both records as they stand, locked in one order for everybody, so that no two ever wait for each other."""
    found = {
        id: writing.lock(town, actor, plan, id, version) for id, version in sorted(zip(ids, versions, strict=True))
    }
    return found[ids[0]], found[ids[1]]


def require_free(town: Town, actor: Actor, plan: WritePlan, record: Record) -> None:
    """Raise :class:`~townhall.errors.TownhallError` unless the actor's permissions reach the record, and it stands."""
    require_reach(town, actor, plan, record)
    if went_into(record) is not None:
        raise Rejected(f"{name_of(record)} was merged into another one already.")
    if record.archived is not None:
        raise Rejected(f"{name_of(record)} is archived. Restore it first, then merge.")


def require_reach(town: Town, actor: Actor, plan: WritePlan, record: Record) -> None:
    """Raise :class:`~townhall.errors.Forbidden` unless the actor may merge, and change, this very record."""
    predicate.require_within(town, actor, "merge", plan.record_type, record.id)
    predicate.require_within(town, actor, "edit", plan.record_type, record.id)


def name_of(record: Record) -> str:
    """How notes name a record: by its number, which says nothing of it, where there is one."""
    return record.number or record.title or record.type.label


def _both(whole: Collection[Record]) -> frozenset[tuple[str, int]]:
    return frozenset((each.identity, each.id) for each in whole)


def _counted(
    town: Town, actor: Actor, found: Sequence[Pointing], whole: Collection[Record]
) -> list[tuple[RecordType, int]]:
    """How many records point here, by type, of those of which the actor may know that they do."""
    ids: dict[str, list[int]] = {}
    for each in found:
        allowed = policy.readable(actor, town.schemas[each.identity]).filterable
        if (each.identity, each.id) not in _both(whole) and not allowed.isdisjoint(each.fields):
            ids.setdefault(each.identity, []).append(each.id)
    counts = Counter(
        {
            identity: len(predicate.may_see(town, actor, town.schemas[identity], mine))
            for identity, mine in ids.items()
            if policy.may(actor, "view", town.schemas[identity])
        }
    )
    types = sorted((town.schemas[identity] for identity in counts), key=lambda each: (each.order, each.label))
    return [(each, counts[each.identity]) for each in types if counts[each.identity]]


# -- writing ------------------------------------------------------------------------------------------------------


def _put_aside(
    town: Town, actor: Actor, plan: WritePlan, record: Record, into: int, note: str, memo: Mapping[str, Any]
) -> None:
    """Archive the record that goes, with the pointer to where it went. Hooks are told of archiving."""
    edit = begun(town, actor, plan, record, memo)
    assert plan.record_type.merge is not None  # noqa: S101
    edit.values[plan.record_type.merge.into] = into
    edit.standard["archived"] = town.clock.now()
    edit.ask("archive")
    edit.save(MERGE, note, told="archive")


def _take_over(
    town: Town,
    actor: Actor,
    plan: WritePlan,
    record: Record,
    values: Mapping[str, Any],
    note: str,
    memo: Mapping[str, Any],
) -> None:
    """Give the kept record its values, with all the rules of a change."""
    edit = begun(town, actor, plan, record, memo)
    edit.values.update(values)
    edit.given = frozenset(name for name in values if plan.record_type.fields[name].lock_if is not None)
    checking.settle(town, plan, edit.values, edit.standard, edit.scene)
    edit.check()
    edit.ask("update")
    edit.save(MERGE, note, told="update")


def _move(
    town: Town, actor: Actor, found: Pointing, point: tuple[str, int], id: int, note: str, memo: Mapping[str, Any]
) -> None:
    """Point a record at the kept one."""
    plan = write_plan(town, found.identity)
    record = writing.lock(town, system(), plan, found.id, None)
    fields = plan.record_type.fields
    values = {name: pointed_anew(fields[name], record.values.get(name), point, id) for name in found.fields}
    point_anew(town, actor, plan, record, values, MERGE, note, memo)


def point_anew(
    town: Town,
    actor: Actor,
    plan: WritePlan,
    record: Record,
    values: Mapping[str, Any],
    action: str,
    note: str,
    memo: Mapping[str, Any],
) -> None:
    """Change where a record points, and nothing else of it: whether the rest fulfils today's rules is not looked at.

    Where its plugin is switched off it is written without any code of it. Raises
    :class:`~townhall.errors.Rejected` if that plugin's code should decide and can't, or refuses.
    """
    if reason := town.plugins.read_only(plan.record_type.identity):
        raise Rejected(reason)
    edit = begun(town, actor, plan, record, memo)
    edit.values.update(values)
    if record.archived is None:
        errors = checking.check_unique(town, plan, edit.values, record.id, set(values))
        if errors:
            raise Rejected(_beside(town, actor, record, next(iter(errors.values()))))
    if not plan.record_type.frozen:
        checking.settle(town, plan, edit.values, edit.standard, edit.scene)
        try:
            edit.ask("update")
        except ValidationFailed as failed:
            raise Rejected(_beside(town, actor, record, " ".join(failed.errors.values()))) from failed
    edit.save(action, note, told="update")


def begun(town: Town, actor: Actor, plan: WritePlan, record: Record, memo: Mapping[str, Any]) -> Edit:
    """An edit of a record that changes nothing yet."""
    scene = checking.Scene.of(town, actor)
    values = {**dict.fromkeys(plan.record_type.fields), **record.values}
    told = {preparing.RULES: scene.rules, **memo}
    return Edit(town, actor, plan, record, values, standard_of(record), frozenset(), scene, memo=told)


def _beside(town: Town, actor: Actor, record: Record, sentence: str) -> str:
    """A sentence about a record that would be pointed anew; it is named if the actor may know of it."""
    label = record.type.label
    if not policy.may(actor, "view", record.type) or not predicate.may_see(town, actor, record.type, [record.id]):
        return f"A record that names the other can't name the kept one: its rules refuse it. {sentence}"
    shown = reading.get(town, actor, record.identity, record.id, fields=())
    return f"{label} “{shown.title}” can't name the kept one: {sentence}"
