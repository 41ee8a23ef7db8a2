"""Cases that were passed on: what their history says of who had them, and in which queue they stood."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.db.history_indexes import passed_on_index
from townhall.db.history_indexes import passing_on
from townhall.records.figures.moving import Moves
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.slices import Period
from townhall.records.figures.spans import LAST
from townhall.records.figures.spans import Span

if TYPE_CHECKING:
    from townhall.town import Town


#: From how many entries on it costs less to look through all that was ever passed on.
MANY = 100_000


def entries(scene: Scene, field: str, span: Span, ids: Span) -> Sql:
    """Entries of history ``h``, from FROM on, in which a standard field went from one value to another; ``ids`` are
    those that :func:`written` tells of the span.

    Entries whose values were erased don't say so any more, and aren't found.
    """
    database, mark = scene.town.database, scene.mark
    mine, parameters = scene.town.old_names.test(mark, scene.identity)
    if database.engine == "postgresql":
        by, join, document = "", "JOIN", "json_extract_path_text(CAST(v.changes AS JSON)"
        both = [f"{document}, '{field}', '{place}') IS NOT NULL" for place in (0, 1)]
    else:
        # Few were ever passed on, so these are looked through for the days that are asked for, and not the other way.
        by, join = f" INDEXED BY {passed_on_index(field)}", "CROSS JOIN"
        both = [f"json_extract(v.changes, '$.{field}[{place}]') IS NOT NULL" for place in (0, 1)]
    text = (
        f"FROM history_values AS v{by} {join} history AS h ON h.id = v.history_id"
        f" WHERE {passing_on(database, field, 'v.changes')} AND v.history_id BETWEEN {mark} AND {mark}"
        # Only what is of these days is read as JSON.
        f" AND CASE WHEN h.at >= {mark} AND h.at < {mark} AND {mine} THEN {' AND '.join(both)} ELSE 1 = 0 END"
    )
    return Sql(text, (*ids, *span, *parameters))


def written(scene: Scene, span: Span) -> Span:
    """Between which ids the entries of some days stand, others among them: ids don't follow the clock.

    Where they are very many, they aren't looked through for that, and it is said of all.
    """
    mark = scene.mark
    found = f"SELECT h.id FROM history AS h WHERE h.at >= {mark} AND h.at < {mark} LIMIT {MANY}"  # noqa: S608
    bounds = f"SELECT COUNT(*), MIN(found.id), MAX(found.id) FROM ({found}) AS found"  # noqa: S608
    ((many, first, last),) = scene.rows(Sql(bounds, span))
    return (0, LAST) if many == MANY else (first or 0, last or 0)


def handed_on(
    town: Town, actor: Actor, identity: str, field: str, period: Period, moves: Moves | None = None
) -> Counter[int]:
    """How often each case was passed on in the period, of those that were; ``field`` is ``assignee`` or ``queue``."""
    moves = moves or Moves.of_type(town, actor, identity)
    scene, span = moves.scene, period.bounds(town.zone)
    if not scene.open:
        return Counter()
    if span not in moves.written:
        moves.written[span] = written(scene, span)
    passed, mine = entries(scene, field, span, moves.written[span]), scene.unarchived("h.record_id")
    text = f"SELECT h.record_id, COUNT(*) {passed.text} AND {mine.text} GROUP BY h.record_id"
    often, seen = dict(scene.rows(Sql(text, (*passed.parameters, *mine.parameters)))), scene.seen()
    return Counter(often if seen is None else {case: times for case, times in often.items() if case in seen})
