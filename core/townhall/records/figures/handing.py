"""Cases that were passed on: what their history says of who had them, and in which queue they stood."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from townhall.access.actors import Actor
from townhall.records.figures.moving import Moves
from townhall.records.figures.scenes import Scene
from townhall.records.figures.scenes import Sql
from townhall.records.figures.slices import Period

if TYPE_CHECKING:
    from townhall.town import Town


def entries(scene: Scene, field: str, begin: int, end: int) -> Sql:
    """Entries of history ``h``, from FROM on, in which a standard field went from one value to another.

    Entries whose values were erased don't say so any more, and aren't found.
    """
    mark = scene.mark
    mine, parameters = scene.town.old_names.test(mark, scene.identity)
    if scene.town.database.engine == "postgresql":
        document = "json_extract_path_text(CAST(v.changes AS JSON)"
        both = [f"{document}, '{field}', '{place}') IS NOT NULL" for place in (0, 1)]
    else:
        both = [f"json_extract(v.changes, '$.{field}[{place}]') IS NOT NULL" for place in (0, 1)]
    # Only few entries name the field, and only these are read as JSON.
    test = f"CASE WHEN v.changes LIKE {mark} THEN {' AND '.join(both)} ELSE 1 = 0 END"
    # By the days that are asked for: SQLite may well think that all entries of a type are fewer.
    by = " INDEXED BY history_at_action" if scene.town.database.engine == "sqlite" else ""
    text = (
        f"FROM history AS h{by} JOIN history_values v ON v.history_id = h.id WHERE h.at >= {mark} AND h.at < {mark}"
        f" AND h.action <> {mark} AND {mine} AND {test}"
    )
    # Nothing was passed on when it was made, and most entries are of that.
    return Sql(text, (begin, end, "create", *parameters, f'%"{field}":[%'))


def handed_on(
    town: Town, actor: Actor, identity: str, field: str, period: Period, moves: Moves | None = None
) -> Counter[int]:
    """How often each case was passed on in the period, of those that were; ``field`` is ``assignee`` or ``queue``."""
    scene = (moves or Moves.of_type(town, actor, identity)).scene
    if not scene.open:
        return Counter()
    passed, mine = entries(scene, field, *period.bounds(town.zone)), scene.unarchived("h.record_id")
    text = f"SELECT h.record_id, COUNT(*) {passed.text} AND {mine.text} GROUP BY h.record_id"
    often, seen = dict(scene.rows(Sql(text, (*passed.parameters, *mine.parameters)))), scene.seen()
    return Counter(often if seen is None else {case: times for case, times in often.items() if case in seen})
