"""Who came back, for all periods of a page at once.

What :mod:`~townhall.records.figures.picking` asks of each case by a look at its row is asked of the index of a
contact's cases where they are many. It doesn't have the category: the few that it can't tell are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from townhall.records.figures import moving
from townhall.records.figures import picking
from townhall.records.figures.picking import Return
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.scenes import joined
from townhall.records.figures.slices import Slice
from townhall_forms.tables import contact_index

#: From which part of all records on walking the index costs less than a look at each case.
_PART = 40
#: The measures, by the way that their cases moved, and what coming back means for these.
_WAYS: Mapping[str, tuple[tuple[str, ...], Return]] = {
    "came_in": (("with_contact", "repeats"), picking.BEFORE_IT),
    "closed": (("first_contact",), picking.AFTER_IT),
}


def counts(wanted: Sequence[Slice], moves: moving.Moves) -> dict[Slice, int]:
    """How many records those of these slices have, without groups, that ask who came back."""
    scene, found = moves.scene, dict[Slice, int]()
    if not picking.contact_of(scene):
        return found
    for way, (measures, back) in _WAYS.items():
        spans = {each: picking.bounds(scene, each) for each in wanted if each.measure in measures and not each.by}
        if not spans:
            continue
        cases = {span: set(moves.of(way, span)) for span in spans.values()}
        nobodys, returned = _returned(scene, back, set().union(*cases.values()), [*cases])
        if way == "closed":
            returned |= {*moves.of("reopened", (0, moving.LAST)), *_talked_again(scene)}
        for each, span in spans.items():
            many = len(cases[span] & (nobodys if each.measure == "with_contact" else returned))
            found[each] = many if each.measure == "repeats" else len(cases[span]) - many
    return found


def _returned(scene: Scene, back: Return, cases: set[int], spans: Sequence[moving.Span]) -> tuple[set[int], set[int]]:
    """Those of the cases that don't say whose they are, and those whose contact came back; others may be among them."""
    nobodys, unsure = set[int](), cases
    if cases and len(cases) * _PART >= scene.last():
        known, unnamed, perhaps = _told(scene, back, spans)
        nobodys, unsure = set(unnamed), cases.difference(known, unnamed).union(cases.intersection(perhaps))
    if not unsure:
        return nobodys, set()
    seen = scene.seen()
    sure = back.test(scene, scene.other("o") if seen is None else scene.those("o.id", seen))
    those, nobody = scene.those("t1.id", unsure), f"{scene.column(picking.contact_of(scene))} IS NULL"
    found = Sql(f"{scene.plan.source} WHERE {those.text}", (*sure.parameters, *those.parameters))
    looked_at, returned = scene.lists((_of_those(nobody), _of_those(sure.text)), found)
    return nobodys.union(looked_at), set(returned)


def _told(scene: Scene, back: Return, spans: Sequence[moving.Span]) -> list[list[int]]:
    """What the index says of the cases of some days: those of a contact, of nobody, and whose contact may be back."""
    name, table, mark = picking.contact_of(scene), scene.quoted(scene.plan.table), scene.mark
    index = contact_index(scene.plan.table, name).name
    by = f' INDEXED BY "{index}"' if scene.town.database.engine == "sqlite" else ""
    within = joined((Sql(f"t1.{back.column} >= {mark} AND t1.{back.column} < {mark}", span) for span in spans), " OR ")
    of_contact = f"{scene.column(name)} IS NOT NULL"
    other = f"EXISTS (SELECT 1 FROM {table} AS o WHERE {back.of_contact(scene, 'o')})"  # noqa: S608  # names and marks
    tests = (of_contact, f"NOT {of_contact}", f"{of_contact} AND {other}")
    return scene.lists(map(_of_those, tests), Sql(f"FROM {table} AS t1{by} WHERE {within.text}", within.parameters))


def _of_those(test: str) -> str:
    """The ids of the records for which a test holds."""
    return f"CASE WHEN {test} THEN t1.id END"


def _talked_again(scene: Scene) -> list[int]:
    talks = picking.talked_again(scene)
    (cases,) = scene.lists(["about_id"], Sql(f"FROM (SELECT i.about_id {talks.text}) AS talks", talks.parameters))
    return cases
