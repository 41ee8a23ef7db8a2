"""Who came back, for all periods of a page at once.

What :mod:`~townhall.records.figures.picking` asks of each case by a look at its row is told here by the index of a
contact's cases where they are many: it has them side by side, in the order in which they were made. It doesn't have the
category: the few that it can't tell are looked at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from itertools import count
from operator import eq
from operator import sub
from typing import Self

from townhall.records.figures import moving
from townhall.records.figures import picking
from townhall.records.figures.picking import Return
from townhall.records.figures.scenes import DAY
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.slices import Slice
from townhall.records.figures.spans import LAST
from townhall.records.figures.spans import Span
from townhall.records.figures.words import REPEAT_DAYS
from townhall_forms.tables import contact_index

#: From which part of all records on reading the index costs less than a look at each case.
_PART = 40
_SOON = REPEAT_DAYS * DAY
#: The measures, by the way that their cases moved, and what coming back means for these.
_WAYS: Mapping[str, tuple[tuple[str, ...], Return]] = {
    "came_in": (("with_contact", "repeats"), picking.BEFORE_IT),
    "closed": (("first_contact",), picking.AFTER_IT),
}
#: Stands for no contact and for no moment.
_NONE = 0


def counts(wanted: Sequence[Slice], moves: moving.Moves) -> dict[Slice, int]:
    """How many records those of these slices have, without groups, that ask who came back."""
    scene, found = moves.scene, dict[Slice, int]()
    if not picking.contact_of(scene):
        return found
    asked = {
        way: {each: picking.bounds(scene, each) for each in wanted if each.measure in measures and not each.by}
        for way, (measures, _) in _WAYS.items()
    }
    cases = {way: {span: set(moves.of(way, span)) for span in spans.values()} for way, spans in asked.items() if spans}
    lines, many = None, scene.last() / _PART
    if any(len(each) >= many for spans in cases.values() for each in spans.values()):
        lines = _Lines.of(scene, [span for spans in cases.values() for span in spans])
    for way, spans in cases.items():
        every = set[int]().union(*spans.values())
        nobodys, returned = _returned(scene, _WAYS[way][1], every, lines)
        if way == "closed":
            several = picking.talked_again(scene, every)
            returned |= {*moves.of("reopened", (0, LAST)), *(case for (case,) in scene.rows(several))}
        for each, span in asked[way].items():
            those = len(spans[span] & (nobodys if each.measure == "with_contact" else returned))
            found[each] = those if each.measure == "repeats" else len(spans[span]) - those
    return found


def _returned(scene: Scene, back: Return, cases: set[int], lines: _Lines | None) -> tuple[set[int], set[int]]:
    """Those of the cases that don't say whose they are, and those whose contact came back; others may be among them."""
    nobodys, unsure = set[int](), cases
    if lines is not None:
        told, perhaps = lines.before_it() if back is picking.BEFORE_IT else lines.after_it()
        nobodys = lines.nobodys()
        unsure = cases.difference(told, nobodys).union(cases.intersection(perhaps))
    if not unsure:
        return nobodys, set()
    sure = back.test(scene, scene.other("o") if scene.seen() is None else scene.among_seen("o.id"))
    those, nobody = scene.those("t1.id", unsure), f"{scene.column(picking.contact_of(scene))} IS NULL"
    found = Sql(f"{scene.plan.source} WHERE {those.text}", (*sure.parameters, *those.parameters))
    looked_at, returned = scene.lists((_of_those(nobody), _of_those(sure.text)), found)
    return nobodys.union(looked_at), set(returned)


@dataclass(frozen=True, slots=True)
class _Lines:
    """The cases that were made or closed in some days or soon before or after, by contact and then as they were made.

    Each stands at the same place of all lists. ``pairs`` are the places of those that are followed by another one of
    the same contact, with the time between them.
    """

    span: Span
    contacts: list[int]
    created: list[int]
    closed: list[int]
    ids: list[int]
    pairs: list[tuple[int, int]]

    @classmethod
    def of(cls, scene: Scene, spans: Sequence[Span]) -> Self:
        """Read them, archived ones and those that the actor may not know of among them."""
        name, table, mark = picking.contact_of(scene), scene.quoted(scene.plan.table), scene.mark
        by = scene.indexed(contact_index(scene.plan.table, name).name)
        begin, end = min(first for first, _ in spans), max(last for _, last in spans)
        contact, within = scene.quoted(name), (begin - _SOON, end + _SOON)
        text = (
            f"FROM (SELECT COALESCE({contact}, {_NONE}) AS contact, created, COALESCE(closed, {_NONE}) AS closed, id"  # noqa: S608  # names and marks
            f" FROM {table}{by} WHERE created >= {mark} AND created < {mark} OR closed >= {mark} AND closed < {mark}"
            f" ORDER BY {contact} NULLS FIRST, created) AS t1"
        )
        contacts, created, closed, ids = scene.lists(("contact", "created", "closed", "id"), Sql(text, within * 2))
        first = bisect_right(contacts, _NONE)
        same = map(eq, contacts[first:], contacts[first + 1 :])
        gaps = map(sub, created[first + 1 :], created[first:])
        pairs = [*compress(zip(count(first), gaps, strict=False), same)]
        return cls((begin, end), contacts, created, closed, ids, pairs)

    def nobodys(self) -> set[int]:
        """Those that don't say whose they are."""
        return set(self.ids[: bisect_right(self.contacts, _NONE)])

    def before_it(self) -> tuple[set[int], set[int]]:
        """The cases of which it is told whether the contact had another one in the days before, and those that may."""
        (begin, end), ids = self.span, self.ids
        told = {id for id, at in zip(ids, self.created, strict=True) if begin <= at < end}
        perhaps = {ids[place + 1] for place, gap in self.pairs if gap < _SOON}
        # Of those made at the same moment each is before the other.
        perhaps.update(ids[place] for place, gap in self.pairs if not gap)
        return told, perhaps

    def after_it(self) -> tuple[set[int], set[int]]:
        """The same of another one in the days after it was closed."""
        begin, end = self.span
        # What is said to be closed before it was made is looked at.
        rows = zip(self.ids, self.created, self.closed, strict=True)
        told = {id for id, made, at in rows if begin <= at < end and made <= at}
        perhaps = set[int]()
        contacts, created, closed = [*self.contacts, _NONE], self.created, self.closed
        for place, _ in self.pairs:
            at, following, contact = closed[place], place + 1, contacts[place]
            while contacts[following] == contact and created[following] <= at:
                following += 1
            if contacts[following] == contact and created[following] <= at + _SOON:
                perhaps.add(self.ids[place])
        return told, perhaps


def _of_those(test: str) -> str:
    """The ids of the records for which a test holds."""
    return f"CASE WHEN {test} THEN t1.id END"
