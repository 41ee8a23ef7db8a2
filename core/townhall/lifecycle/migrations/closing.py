"""A state may become final in an upgrade, or stop being so: then its cases are closed, or open again, as the state is.

Lists of work look only among cases that have no moment at which they were closed, so the two must say the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from townhall.db.engines import TownDatabase
from townhall_forms.schema import RecordType
from townhall_forms.tables import short_name


def settle(database: TownDatabase, record_types: Iterable[RecordType]) -> int:
    """Write when cases were closed as their states say it now; how many there were. Must run inside a transaction.

    One that is closed by that was closed when it came into its state.
    """
    return sum(_settle(database, each) for each in record_types if each.workflow is not None)


def _settle(database: TownDatabase, record_type: RecordType) -> int:
    workflow = record_type.workflow
    assert workflow is not None  # noqa: S101  # who calls asks for it
    table, mark = short_name(record_type.table), database.param
    final = [state.name for state in workflow.states.values() if state.final]
    changed = 0
    for states, test, value, given in (
        (workflow.open_states, "closed IS NOT NULL", "NULL", ()),
        (
            final,
            "closed IS NULL",
            f"COALESCE(({_MOVED.format(table=table, mark=mark)}), updated)",
            (record_type.identity,),
        ),
    ):
        if states:
            marks = ", ".join([mark] * len(states))
            sql = f'UPDATE "{table}" SET closed = {value} WHERE {test} AND state IN ({marks})'  # noqa: S608
            changed += int(database.execute_sql(sql, (*given, *states)).rowcount)
    return changed


_MOVED = (
    'SELECT MAX(m.at) FROM case_transition m WHERE m.identity = {mark} AND m.record_id = "{table}".id'
    ' AND m.target = "{table}".state'
)
