"""The records that each measure picks, as SQL over the type's table ``t1``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from townhall.access import policy
from townhall.errors import Rejected
from townhall.records import predicate
from townhall.records.figures import grouping
from townhall.records.figures import handing
from townhall.records.figures.scenes import DAY
from townhall.records.figures.scenes import MINUTE
from townhall.records.figures.scenes import NOTHING
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.slices import Slice
from townhall.records.figures.slices import exceeded
from townhall.records.figures.words import ABOUT_INDEX
from townhall.records.figures.words import AGES
from townhall.records.figures.words import CASE_MOVES
from townhall.records.figures.words import DORMANT_DAYS
from townhall.records.figures.words import INTERACTION
from townhall.records.figures.words import REPEAT_DAYS
from townhall.records.figures.words import TALKS
from townhall.records.figures.words import WAYS
from townhall.records.figures.words import WAYS_INDEX
from townhall_forms.tables import contact_index


def bounds(scene: Scene, wanted: Slice) -> tuple[int, int]:
    """Begin and end of the slice's period in microseconds."""
    if wanted.period is None:
        return 0, scene.now
    return wanted.period.bounds(scene.town.zone)


# -- moves ----------------------------------------------------------------------------------------------------------


def _moved(scene: Scene, wanted: Slice, moved: Sql) -> Sql:
    """Cases with such a move in the period."""
    begin, end = bounds(scene, wanted)
    mark = scene.mark
    text = (
        f"t1.id IN (SELECT m.record_id FROM {CASE_MOVES} m WHERE m.identity = {mark}"  # noqa: S608  # names and marks
        f" AND m.at >= {mark} AND m.at < {mark} AND {moved.text})"
    )
    return Sql(text, (scene.identity, begin, end, *moved.parameters))


def came_in(scene: Scene, wanted: Slice) -> Sql:
    """Cases that came in."""
    return _moved(scene, wanted, scene.moved("m", scene.fresh, scene.open))


def closed(scene: Scene, wanted: Slice) -> Sql:
    """Cases that were closed."""
    return _moved(scene, wanted, scene.moved("m", scene.open, scene.final))


def reopened(scene: Scene, wanted: Slice) -> Sql:
    """Cases that were opened again."""
    return _moved(scene, wanted, scene.moved("m", scene.final, scene.open))


def left(scene: Scene, wanted: Slice) -> Sql:
    """Cases that left the state that the slice names."""
    return _moved(scene, wanted, Sql(f"m.source = {scene.mark}", (wanted.of,)))


def stayed(scene: Scene, wanted: Slice) -> Sql:
    """Cases that left the state that the slice names after more than the minutes that it names."""
    state, minutes = exceeded(wanted.of)
    mark = scene.mark
    entered = (
        f"(SELECT n.at FROM {CASE_MOVES} n WHERE n.identity = {mark} AND n.record_id = m.record_id"  # noqa: S608  # names
        " AND n.id < m.id ORDER BY n.id DESC LIMIT 1)"
    )
    left = f"m.source = {mark} AND m.at - {entered} >= {mark}"
    return _moved(scene, wanted, Sql(left, (state, scene.identity, (minutes + 1) * MINUTE)))


def back_again(scene: Scene, wanted: Slice) -> Sql:
    """Closed in the period, and opened again after that."""
    begin, end = bounds(scene, wanted)
    closed, opened = scene.moved("m", scene.open, scene.final), scene.moved("n", scene.final, scene.open)
    mark = scene.mark
    # From the few that were opened again, not from the many that were closed.
    text = (
        f"t1.id IN (SELECT n.record_id {scene.log('n', WAYS_INDEX)}"  # noqa: S608  # names and marks
        f" WHERE n.identity = {mark} AND n.at >= {mark} AND {opened.text}"
        f" AND EXISTS (SELECT 1 FROM {CASE_MOVES} m WHERE m.identity = {mark} AND m.record_id = n.record_id"
        f" AND m.id < n.id AND m.at >= {mark} AND m.at < {mark} AND {closed.text}))"
    )
    return Sql(text, (scene.identity, begin, *opened.parameters, scene.identity, begin, end, *closed.parameters))


def handed_on(scene: Scene, wanted: Slice) -> Sql:
    """Cases that were passed on."""
    span = bounds(scene, wanted)
    entries = handing.entries(scene, wanted.of, span, handing.written(scene, span))
    return Sql(f"t1.id IN (SELECT h.record_id {entries.text})", entries.parameters)


# -- the backlog ----------------------------------------------------------------------------------------------------


def open_at(scene: Scene, moment: int) -> Sql:
    """Cases that were open at a moment: those that are now and didn't move since, and those that moved from there."""
    if moment >= scene.now:
        return scene.among("t1.state", scene.open)
    mark, before = scene.mark, scene.among("later.source", scene.open)
    moves = f"{CASE_MOVES} m WHERE m.identity = {mark} AND m.at >= {mark}"
    place = "ROW_NUMBER() OVER (PARTITION BY m.record_id ORDER BY m.id) AS place"
    later = f"SELECT m.record_id, m.source, {place} FROM {moves}"  # noqa: S608  # names and marks
    table = scene.quoted(scene.plan.table)
    still = scene.among("s.state", scene.open)
    text = (
        f"t1.id IN (SELECT s.id FROM {table} AS s WHERE {still.text}"  # noqa: S608  # names and marks
        f" AND s.id NOT IN (SELECT m.record_id FROM {moves})"
        f" UNION ALL SELECT later.record_id FROM ({later}) AS later WHERE later.place = 1 AND {before.text})"
    )
    since = (scene.identity, moment)
    return Sql(text, (*still.parameters, *since, *since, *before.parameters))


def _end(scene: Scene, wanted: Slice) -> int:
    return min(bounds(scene, wanted)[1], scene.now)


def open(scene: Scene, wanted: Slice) -> Sql:
    """Cases that were open at the end."""
    return open_at(scene, _end(scene, wanted))


def aged(scene: Scene, wanted: Slice) -> Sql:
    """Cases that were open at the end, of one age."""
    moment = _end(scene, wanted)
    low, high = next((low, high) for name, _, low, high in AGES if name == wanted.of)
    created, mark = scene.column("created"), scene.mark
    test = open_at(scene, moment) & Sql(f"{created} <= {mark}", (moment - low * DAY,))
    return test if high is None else test & Sql(f"{created} > {mark}", (moment - high * DAY,))


def overdue(scene: Scene, wanted: Slice) -> Sql:
    """Open cases that should be done."""
    return scene.standing(scene.open, f"o.due < {scene.mark}", scene.now)


def dormant(scene: Scene, wanted: Slice) -> Sql:
    """Open cases that nobody touched for long."""
    since = scene.now - DORMANT_DAYS * DAY
    return scene.standing(scene.open, f"o.updated < {scene.mark}", since)


# -- clocks ---------------------------------------------------------------------------------------------------------


def _clock(scene: Scene, wanted: Slice, test: str, *values: int | str) -> Sql:
    kind, _, rest = wanted.of.partition(".")
    way, mark = rest.partition(".")[0], scene.mark
    also = Sql(f" AND c.business = {mark}", (WAYS[way],)) if way else Sql("")
    text = (
        "t1.id IN (SELECT c.record_id FROM case_clock c"  # noqa: S608  # names and marks
        f" WHERE c.identity = {mark} AND c.kind = {mark}{also.text} AND {test})"
    )
    return Sql(text, (scene.identity, kind, *also.parameters, *values))


def met(scene: Scene, wanted: Slice) -> Sql:
    """Cases whose clock was met."""
    begin, end = bounds(scene, wanted)
    return _clock(
        scene,
        wanted,
        f"c.met_at >= {scene.mark} AND c.met_at < {scene.mark} AND c.actual_minutes IS NOT NULL",
        begin,
        end,
    )


def longer(scene: Scene, wanted: Slice) -> Sql:
    """Cases whose clock was met after more than the minutes that the slice names."""
    within = f"c.met_at >= {scene.mark} AND c.met_at < {scene.mark} AND c.actual_minutes > {scene.mark}"
    return _clock(scene, wanted, within, *bounds(scene, wanted), exceeded(wanted.of)[1])


def in_time(scene: Scene, wanted: Slice) -> Sql:
    """Cases whose clock was met in time."""
    begin, end = bounds(scene, wanted)
    return _clock(
        scene, wanted, f"c.met_at >= {scene.mark} AND c.met_at < {scene.mark} AND c.met_at <= c.due_at", begin, end
    )


def late(scene: Scene, wanted: Slice) -> Sql:
    """Cases whose clock was not met in time."""
    begin, end = bounds(scene, wanted)
    missed = missed_by(scene)
    within = f"c.due_at >= {scene.mark} AND c.due_at < {scene.mark} AND {missed.text}"
    return _clock(scene, wanted, within, begin, min(end, scene.now), *missed.parameters)


def missed_by(scene: Scene) -> Sql:
    """A clock ``c`` whose target went by was missed: met too late, or not met while it ran."""
    running = scene.among("s.state", scene.running)
    text = (
        "(c.met_at > c.due_at OR (c.met_at IS NULL AND (c.breached_at IS NOT NULL OR c.record_id IN"  # noqa: S608
        f" (SELECT s.id FROM {scene.quoted(scene.plan.table)} AS s WHERE {running.text}))))"
    )
    return Sql(text, running.parameters)


# -- coming back ----------------------------------------------------------------------------------------------------


def contact_of(scene: Scene) -> str:
    """The field that says whose case it is, if the actor may ask by it; else empty."""
    for path in scene.type.contacts:
        field = scene.type.fields.get(path)
        if field is not None and field.columns() and field.target:
            return path if predicate.may_ask(scene.town, scene.actor, scene.type, path) else ""
    return ""


def with_contact(scene: Scene, wanted: Slice) -> Sql:
    """Cases that came in and say whose they are."""
    contact = contact_of(scene)
    return came_in(scene, wanted) & Sql(f"{scene.column(contact)} IS NOT NULL") if contact else NOTHING


@dataclass(frozen=True, slots=True)
class Return:
    """Another case of the same contact and category: one that was made ``after`` a moment and ``until`` another one.

    The moments are SQL, and worked out of a ``column`` of the case.
    """

    column: str
    after: str
    until: str

    def of_contact(self, scene: Scene, alias: str) -> str:
        """That the row ``alias`` is another case of the contact's, of these days."""
        contact = scene.quoted(contact_of(scene))
        return (
            f"{alias}.{contact} = t1.{contact} AND {alias}.id <> t1.id"
            f" AND {alias}.created > {self.after} AND {alias}.created <= {self.until}"
        )

    def test(self, scene: Scene, others: Sql) -> Sql:
        """That there is such a case, ``o``, among those that the actor may know of."""
        category = grouping.main_category(scene.town, scene.actor, scene.type)
        # An empty category is no category: two cases without one have nothing in common.
        same = f" AND o.{scene.quoted(category)} = {scene.column(category)}" if category else ""
        # A contact has few cases. Left to itself, SQLite may begin with all that the actor sees, for each case anew.
        by = scene.indexed(contact_index(scene.plan.table, contact_of(scene)).name)
        text = (
            f"EXISTS (SELECT 1 FROM {scene.quoted(scene.plan.table)} AS o{by}"  # noqa: S608  # names and marks
            f" WHERE {self.of_contact(scene, 'o')}{same} AND {others.text})"
        )
        return Sql(text, others.parameters)


BEFORE_IT = Return("created", f"t1.created - {REPEAT_DAYS * DAY}", "t1.created")
AFTER_IT = Return("closed", "t1.closed", f"t1.closed + {REPEAT_DAYS * DAY}")


def repeats(scene: Scene, wanted: Slice) -> Sql:
    """Cases that came in from somebody who had been there about the same."""
    return came_in(scene, wanted) & BEFORE_IT.test(scene, scene.other("o")) if contact_of(scene) else NOTHING


def first_contact(scene: Scene, wanted: Slice) -> Sql:
    """Closed in the period and for good, after one contact at most, and nobody came back about it."""
    opened, talks = scene.moved("n", scene.final, scene.open), talked_again(scene)
    never = (
        f"t1.id NOT IN (SELECT n.record_id FROM {CASE_MOVES} n"  # noqa: S608  # names and marks
        f" WHERE n.identity = {scene.mark} AND {opened.text})"
    )
    test = closed(scene, wanted) & Sql(never, (scene.identity, *opened.parameters))
    test &= Sql(f"t1.id NOT IN ({talks.text})", talks.parameters)
    if not contact_of(scene):
        return test
    again = AFTER_IT.test(scene, scene.other("o"))
    return test & Sql(f"NOT {again.text}", again.parameters)


def talked_again(scene: Scene, cases: Collection[int] | None = None) -> Sql:
    """A statement of cases, of all or of at least these, about which the citizen contacted the town more than once."""
    mark = scene.mark
    if not policy.may(scene.actor, "view", scene.town.schemas[INTERACTION]):
        raise Rejected("Whether something was settled at the first contact is for those who may see interactions.")
    talks = Scene.of(scene.town, scene.actor, INTERACTION)
    about, seen = f"{talks.column('about_type')} = {mark}", talks.visible(of_seen_cases=True)
    test = Sql(f"{talks.column('direction')} = {mark} AND {about}", ("in", scene.identity)) & seen
    id = talks.column("about_id")
    if cases is not None:
        test &= talks.about(id, cases)
    text = f"SELECT {id} {talks.by_index(ABOUT_INDEX)} WHERE {test.text} GROUP BY {id} HAVING COUNT(*) > 1"
    return Sql(text, test.parameters)


# -- interactions ---------------------------------------------------------------------------------------------------


def talks(scene: Scene, wanted: Slice) -> Sql:
    """Contacts between citizens and the town in the period."""
    direction, outcome = TALKS[wanted.measure]
    column, mark, values = scene.column, scene.mark, (*bounds(scene, wanted), direction)
    test = Sql(f"{column('at')} >= {mark} AND {column('at')} < {mark} AND {column('direction')} = {mark}", values)
    return test & Sql(f"{column('outcome')} = {mark}", (outcome,)) if outcome else test
