"""Taking a merge apart: the other record comes back, with what pointed at it, as far as nobody has changed it since.

What the merge did is read from history: from the entries with the action of a merge that follow upon that of the record
which went. A value is put back only where it still is what the merge made of it; the rest stays, and is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.errors import Rejected
from townhall.errors import TownhallError
from townhall.errors import ValidationFailed
from townhall.records import checking
from townhall.records import encrypting
from townhall.records import history
from townhall.records import merging
from townhall.records import predicate
from townhall.records import reading
from townhall.records import writing
from townhall.records.domains import MERGED
from townhall.records.merged import MERGE
from townhall.records.merged import UNMERGE
from townhall.records.merged import went_into
from townhall.records.plans import batches
from townhall.records.pointing import Pointing
from townhall.records.pointing import pointing
from townhall.records.reverting import CHANGED_SINCE
from townhall.records.reverting import FORGOTTEN
from townhall.records.reverting import value_before
from townhall.records.transaction import write_transaction
from townhall.records.types import Record
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field

if TYPE_CHECKING:
    from townhall.town import Town


@dataclass(slots=True)
class Apart:
    """What became of taking a merge apart: how many records point at the other again, and what was left as it is, each
    with the record and why; all as far as the actor may know.
    """

    kept: Record
    other: Record
    moved: int = 0
    left: list[tuple[Record, str]] = dataclass_field(default_factory=list)


@dataclass(slots=True)
class _Way:
    """One merge that is being taken apart. Of what follows ``since``, an entry of history, some is its doing."""

    town: Town
    actor: Actor
    plan: WritePlan
    kept: Record
    other: Record
    since: int
    note: str
    memo: Mapping[str, Any]
    moved: int = 0
    left: list[tuple[str, int, str]] = dataclass_field(default_factory=list)


def take_apart(town: Town, actor: Actor, identity: str, other: int, *, version: int, note: str = "") -> Apart:
    """Bring back the record that was merged into another, as the actor saw it at ``version``.

    Raises :class:`~townhall.errors.Rejected` if it was not merged, or the kept one has gone itself, and what any change
    raises; then nothing is written.
    """
    plan = write_plan(town, identity)
    merging.require_mergeable(actor, plan)
    with write_transaction(town, plan):
        into = went_into(reading.get(town, system(), identity, other))
        if into is None:
            reading.get(town, actor, identity, other, fields=())  # whoever may not know of it isn't told either
            raise Rejected("This was not merged into another one, or that was taken apart already.")
        kept, gone = merging.locked(town, actor, plan, (into, other), (None, version))
        for each in (kept, gone):
            merging.require_reach(town, actor, plan, each)
        if went_into(kept) is not None:
            raise Rejected(f"{merging.name_of(kept)} was merged itself since. Take that apart first.")
        if kept.archived is not None:
            raise Rejected(f"{merging.name_of(kept)} is archived. Restore it first.")
        names = merging.name_of(kept), merging.name_of(gone)
        way = _Way(
            town, actor, plan, kept, gone, _entry_of(town, gone), f"{names[1]} was taken out of {names[0]} again.",
            {MERGED: (identity, into, other)},
        )  # fmt: skip
        _give_back(way, f"{names[1]} was taken out of this again. {note}".strip())
        _bring_back(way, f"Taken out of {names[0]} again. {note}".strip())
        for named, id in _merged_since(way, pointing(town, identity, into)):
            if (named, id) not in {(identity, into), (identity, other)}:
                _move_back(way, named, id)
    back = writing.seen_by(town, actor, identity, other)
    left = [(record, why) for each, id, why in way.left if (record := _known(town, actor, each, id)) is not None]
    return Apart(writing.seen_by(town, actor, identity, into), back, way.moved, left)


def _known(town: Town, actor: Actor, identity: str, id: int) -> Record | None:
    try:
        return reading.get(town, actor, identity, id, fields=())
    except TownhallError:
        return None


def _entry_of(town: Town, gone: Record) -> int:
    """Id of the entry with which a record went."""
    return max((each.id for each in history.told(town, gone.type, gone.id) if each.action == MERGE), default=0)


def _bring_back(way: _Way, note: str) -> None:
    """Take the record that went out of the archive."""
    edit = merging.begun(way.town, way.actor, way.plan, way.other, way.memo)
    assert way.plan.record_type.merge is not None  # noqa: S101
    edit.values[way.plan.record_type.merge.into] = None
    edit.standard["archived"] = None
    if errors := checking.check_unique(way.town, way.plan, edit.values, way.other.id):
        raise ValidationFailed(errors)
    edit.ask("restore")
    edit.save(UNMERGE, note, told="restore")


def _give_back(way: _Way, note: str) -> None:
    """Take from the kept record what the merge gave it, where that is still what stands there."""
    town, plan, record = way.town, way.plan, way.kept
    told = history.told(town, plan.record_type, record.id)
    step = next((each for each in told if each.id > way.since and each.action == MERGE), None)
    edit = merging.begun(town, way.actor, plan, record, way.memo)
    taken = []
    if step is not None and step.changes is not None:
        taken = list(_since(way, record, told, step.id, step.changes))
    elif step is not None:
        way.left.append((record.identity, record.id, FORGOTTEN))
    edit.values.update({name: value for name, value, why in taken if not why})
    checking.settle(town, plan, edit.values, edit.standard, edit.scene)
    try:
        edit.check()
    except ValidationFailed as failed:
        way.left.append((record.identity, record.id, " ".join(dict.fromkeys(failed.errors.values()))))
        edit = merging.begun(town, way.actor, plan, record, way.memo)
    readable = policy.readable(way.actor, plan.record_type)
    for name, _, why in taken:
        if why and (name in readable.readable or name in readable.masked):
            way.left.append((record.identity, record.id, f"{plan.record_type.fields[name].label}: {why}"))
    edit.ask("update")
    edit.save(UNMERGE, note, told="update")


def _merged_since(way: _Way, found: Sequence[Pointing]) -> Iterator[tuple[str, int]]:
    """Those of the records that some merge has changed since: of all that points at somebody mostly a small part."""
    entry = way.town.system.history
    for identity in dict.fromkeys(each.identity for each in found):
        changed: set[int] = set()
        for part in batches([each.id for each in found if each.identity == identity]):
            asked = (entry.record_id.in_(part), entry.id > way.since, entry.action == MERGE)
            query = entry.select(entry.record_id).where(way.town.old_names.where(entry, identity), *asked)
            changed.update(id for (id,) in query.tuples())
        yield from ((identity, id) for id in sorted(changed))


def _move_back(way: _Way, identity: str, id: int) -> None:
    """Point a record at the other again, if the merge pointed it away."""
    town, plan = way.town, write_plan(way.town, identity)
    record = writing.lock(town, system(), plan, id, None)
    told = history.told(town, plan.record_type, id)
    steps = [step for step in told if step.action == MERGE and step.id > way.since]
    ours = [(step.id, step.changes) for step in steps if step.changes and _was_there(way, plan, step.changes)]
    if not ours:
        if any(step.changes is None for step in steps):
            way.left.append((identity, id, FORGOTTEN))
        return
    taken = list(_since(way, record, told, *ours[-1]))
    back = {name: value for name, value, why in taken if not why}
    problem = next((why for _, _, why in taken if why), "")
    if back:
        try:
            with immediate(town.database):
                merging.point_anew(town, way.actor, plan, record, back, UNMERGE, way.note, way.memo)
        except TownhallError as refused:
            problem = str(refused)
        else:
            way.moved += _sees(way, record)
    if problem:
        way.left.append((identity, id, problem))


def _sees(way: _Way, record: Record) -> bool:
    """Whether the actor may know of a record."""
    type_ = record.type
    return policy.may(way.actor, "view", type_) and bool(predicate.may_see(way.town, way.actor, type_, [record.id]))


def _was_there(way: _Way, plan: WritePlan, changes: Mapping[str, Any]) -> bool:
    """Whether an entry tells that a record pointed at the one that went, and then no more."""
    point = (way.plan.record_type.identity, way.other.id)
    for name, (old, new) in changes.items():
        field = plan.record_type.fields.get(name)
        if field is not None and point in _points(way, field, old) and point not in _points(way, field, new):
            return True
    return False


def _points(way: _Way, field: Field, told: Any) -> set[tuple[str, int]]:
    if told is None:
        return set()
    try:
        return set(field.references(field.parse(told, way.town.context(system()))))
    except (Invalid, ValueError, TypeError, KeyError):
        return set()


def _since(
    way: _Way, record: Record, told: Sequence[history.Told], entry: int, changes: Mapping[str, Any]
) -> Iterator[tuple[str, Any, str]]:
    """What each field that an entry changed held before; or why that can't be put back, in a sentence."""
    # A later merge that was taken apart again has left no trace in the values.
    people = [step for step in told if step.id > entry and step.action not in (MERGE, UNMERGE)]
    later = {name for step in people for name in step.changes or ()}
    for name, (old, new) in changes.items():
        field = record.type.fields.get(name)
        if field is None or field.is_computed:
            continue
        value = record.values.get(name)
        now = None if value is None else json.loads(encrypting.as_json(field, value))
        if name in later or now != new:
            yield name, None, CHANGED_SINCE
            continue
        try:
            yield name, value_before(way.town, record, record.values, field, old), ""
        except (Invalid, ValueError, TypeError, KeyError):
            yield name, None, FORGOTTEN
