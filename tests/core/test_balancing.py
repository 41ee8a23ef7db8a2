"""Tests that are put together of others."""

from __future__ import annotations

from typing import Any

import peewee

from townhall.records.balancing import found_in


class _Counted(peewee.SQL):
    """A piece of a statement that counts how often it is put into one."""

    times = 0

    def __sql__(self, ctx: Any) -> Any:
        self.times += 1
        return super().__sql__(ctx)


def test_a_query_inside_of_queries_is_put_together_once() -> None:
    """However deep queries nest, each is written once into the statement around it, and means what it says."""
    database = peewee.SqliteDatabase(":memory:")
    database.execute_sql("CREATE TABLE link (parent INTEGER, child INTEGER)")
    database.execute_sql("INSERT INTO link VALUES (1, 2), (2, 3), (3, 4), (4, NULL), (9, 8)")
    table = peewee.Table("link", ("parent", "child")).bind(database)
    innermost = _Counted("(VALUES (4))")
    query: Any = innermost
    for number in range(3):
        there = table.alias(f"link_{number}")
        query = there.select(there.parent).where(found_in(there.child, query))
    assert [*query.tuples()] == [(1,)]
    assert innermost.times == 1
