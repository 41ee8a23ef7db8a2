"""Records are read and written through ``townhall.records`` only."""

from __future__ import annotations

import types

import pytest
from desk import TICKET
from desk import make_ticket
from desk import make_topic
from record_guard import SqlFromElsewhere
from record_guard import guarded

from townhall.access.actors import Actor
from townhall.town import Town


def asking(module: str, source: str) -> types.FunctionType:
    """A function ``ask(town)`` that looks as if it stood in another module."""
    space: dict[str, object] = {"__name__": module}
    exec(source, space)
    function = space["ask"]
    assert isinstance(function, types.FunctionType)
    return function


@pytest.mark.parametrize("module", ["townhall.admin.views", "townhall.cases.queries", "townhall_desk"])
def test_sql_from_elsewhere_is_refused(town: Town, clerk: Actor, module: str) -> None:
    """A screen, a domain or a plugin that asks a record's table itself is caught, however it does so."""
    make_ticket(town, clerk, make_topic(town))
    with guarded() as tables:
        tables.add("desk_ticket")
        raw = asking(module, "def ask(town): return town.database.execute_sql('SELECT * FROM desk_ticket')")
        with pytest.raises(SqlFromElsewhere):
            raw(town)
        model = asking(module, f"def ask(town): return list(town.tables.of('{TICKET}').model.select())")
        with pytest.raises(SqlFromElsewhere):
            model(town)
        proper = asking(module, f"def ask(town, actor): return town.records.count(actor, '{TICKET}').value")
        assert proper(town, clerk) == 1


def test_the_towns_own_tables_are_free(town: Town) -> None:
    """The town's own tables are no records."""
    with guarded() as tables:
        tables.add("desk_ticket")
        free = asking("townhall.accounts.people", "def ask(town): return town.system.user.select().count()")
        assert free(town) == 0
