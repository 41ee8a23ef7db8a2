"""Where records that were merged go on: what asks for one by its id, such as a saved view, finds what the kept one has.

Nothing points at a merged record any more, so a question about what does would find nothing. The way is followed each
time that it is asked, and not written anew: taking the merge apart then needs nothing here.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.records.plans import batches
from townhall.records.plans import plan
from townhall.records.plans import possible
from townhall_forms.conditions import Condition
from townhall_forms.conditions import Group
from townhall_forms.conditions import Leaf
from townhall_forms.operands import Literal
from townhall_forms.schema import RecordType
from townhall_forms.values import Reference

if TYPE_CHECKING:
    from townhall.town import Town

Point = tuple[str, int]


def onward(town: Town, identity: str, ids: Collection[int]) -> Mapping[int, int]:
    """Those of the ids that stand for merged records, each with that of the record as which it goes on."""
    record_type = town.schemas.get(identity)
    if record_type is None or record_type.merge is None:
        return {}
    made = plan(town, identity)
    (into,) = (made.column(each.name) for each in record_type.fields[record_type.merge.into].columns())
    way: dict[int, int] = {}
    asked = set(possible(ids))
    while asked:
        found: dict[int, int] = {}
        for part in batches(sorted(asked)):
            query = made.model.select(made.column("id"), into).where(made.column("id").in_(part), into.is_null(False))
            found.update(query.tuples())
        way |= found
        asked = set(found.values()) - way.keys()
    return {id: _end(way, id) for id in ids if id in way}


def _end(way: Mapping[int, int], id: int) -> int:
    seen: set[int] = set()
    while id in way and id not in seen:
        seen.add(id)
        id = way[id]
    return id


def asked_onward(town: Town, actor: Actor, record_type: RecordType, condition: Condition) -> Condition:
    """The same question about the records as which merged ones go on, where it names any of these."""
    wanted: dict[str, set[int]] = {}
    for leaf in condition.leaves():
        for identity, id in _points(town, record_type, leaf):
            wanted.setdefault(identity, set()).add(id)
    ways = {identity: found for identity, ids in wanted.items() if (found := _known(town, actor, identity, ids))}
    return Condition(_anew(town, record_type, condition.root, ways)) if ways else condition


def _known(town: Town, actor: Actor, identity: str, ids: set[int]) -> Mapping[int, int]:
    """The same as :func:`onward`; a page asks for many lists of what points at one and the same record."""
    if actor.kind != "staff":  # a colleague lives for a request, what the town does by itself may go on for days
        return onward(town, identity, ids)
    kept = actor.known.get("onward")
    if kept is None or kept[0] != town.writes:
        kept = actor.known["onward"] = (town.writes, {})
    found: dict[tuple[str, frozenset[int]], Mapping[int, int]] = kept[1]
    key = (identity, frozenset(ids))
    if key not in found:
        found[key] = onward(town, identity, ids)
    return found[key]


def _points(town: Town, record_type: RecordType, leaf: Leaf) -> Iterator[Point]:
    """The records of types that can be merged which a test names."""
    for operand in leaf.operands:
        point = _point(town, record_type, leaf, operand.value) if isinstance(operand, Literal) else None
        target = town.schemas.get(point[0]) if point is not None else None
        if point is not None and target is not None and target.merge is not None:
            yield point


def _point(town: Town, record_type: RecordType, leaf: Leaf, value: object) -> Point | None:
    if leaf.kind == "reference":
        identity, _, id = str(value).rpartition(":")
        return (identity, int(id)) if id.isascii() and id.isdecimal() else None
    if leaf.kind not in ("link", "links") or not isinstance(value, int):
        return None
    resolved = town.schemas.resolve(record_type, leaf.path)
    return (resolved.field.target, value) if resolved is not None and resolved.field.target else None


def _anew(
    town: Town, record_type: RecordType, node: Leaf | Group, ways: Mapping[str, Mapping[int, int]]
) -> Leaf | Group:
    if isinstance(node, Group):
        return replace(node, members=tuple(_anew(town, record_type, each, ways) for each in node.members))

    def operand(given: object) -> object:
        point = _point(town, record_type, node, given.value) if isinstance(given, Literal) else None
        if point is None or point[1] not in ways.get(point[0], {}):
            return given
        id = ways[point[0]][point[1]]
        return Literal(str(Reference(point[0], id)) if node.kind == "reference" else id)

    operands = tuple(operand(each) for each in node.operands)
    return replace(node, operands=operands)  # type: ignore[arg-type]  # operands stay operands
