"""Routing rules, targets and queues follow too: the type that they are for, and what their lines compare with what.

A line names a field by its path, ``place`` or ``category.code``, and a target may take a number from one. What a
line compares with may be a state or a choice, written as its value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from townhall.db import reshaping
from townhall.lifecycle.migrations.scene import Scene
from townhall_forms.text import normalise

#: Tables of what is for one type of case, each with the tables and columns in which its lines name fields.
_RULES = {
    "core_route": (("core_route__conditions", "field"),),
    "core_target": (("core_target__conditions", "field"), ("core_target__clocks", "within")),
}
#: What stands between several values of a line.
_BETWEEN = re.compile(r"(\s*;\s*)")
Change = Callable[[str], str]


def rename_type(scene: Scene, old: str, new: str) -> None:
    """Rules and targets for the type ``old`` are for ``new``, and queues wait for it."""
    database = scene.database
    for table in _RULES:
        if reshaping.table_exists(database, table):
            scene.rows += reshaping.replace(database, table, "case_type", old, new)
    if not reshaping.table_exists(database, "core_queue"):
        return
    mark = database.param
    rows = database.execute_sql("SELECT id, default_for FROM core_queue WHERE default_for IS NOT NULL").fetchall()
    for id, text in rows:
        held = json.loads(text)
        if old in held:
            told = json.dumps([new if each == old else each for each in held])
            database.execute_sql(f"UPDATE core_queue SET default_for = {mark} WHERE id = {mark}", (told, id))  # noqa: S608
            scene.rows += 1


def rename_paths(scene: Scene, identity: str, renamed: Change) -> None:
    """Lines about cases of a type name fields by the paths that they have now."""
    for table, lines in _RULES.items():
        for child, column in lines:
            for id, path in _lines(scene, table, child, identity, column):
                _write(scene, child, id, column, path, renamed(path))


def replace_value(scene: Scene, identity: str, path: str, old: str, new: str) -> None:
    """Lines that compare the field at ``path`` of cases of a type with ``old`` compare it with ``new``."""

    def swapped(text: str) -> str:
        return "".join(new if part == old else part for part in _BETWEEN.split(text))

    for table, lines in _RULES.items():
        child = lines[0][0]
        for id, field, text in _lines(scene, table, child, identity, "field", "value"):
            if field == path and text:
                _write(scene, child, id, "value", text, swapped(text))
    if path == "priority":
        for id, text in _rows(scene, "core_route", identity, "priority"):
            _write(scene, "core_route", id, "priority", text, swapped(text or ""))


def reword(scene: Scene, identity: str, words: Change) -> None:
    """What rules tell people names fields as they are called now."""
    for id, text in _rows(scene, "core_route", identity, "acknowledgement"):
        if text:
            _write(scene, "core_route", id, "acknowledgement", text, words(text))


# -- rows -------------------------------------------------------------------------------------------------------------


def _lines(scene: Scene, table: str, child: str, identity: str, *columns: str) -> list[tuple[Any, ...]]:
    """Id and columns of the lines of all rules about a type."""
    database = scene.database
    if not (reshaping.table_exists(database, table) and reshaping.table_exists(database, child)):
        return []
    names = ", ".join(f'c."{column}"' for column in columns)
    sql = (
        f"SELECT c.id, {names} FROM {child} AS c JOIN {table} AS t ON t.id = c.parent_id"  # noqa: S608  # our own names
        f" WHERE t.case_type = {database.param}"
    )
    return list(database.execute_sql(sql, (identity,)).fetchall())


def _rows(scene: Scene, table: str, identity: str, column: str) -> list[tuple[Any, ...]]:
    database = scene.database
    if not reshaping.table_exists(database, table):
        return []
    sql = f'SELECT id, "{column}" FROM {table} WHERE case_type = {database.param}'  # noqa: S608  # our own names
    return list(database.execute_sql(sql, (identity,)).fetchall())


def _write(scene: Scene, table: str, id: int, column: str, before: str, text: str) -> None:
    if text == before:
        return
    mark = scene.database.param
    sql = f'UPDATE {table} SET "{column}" = {mark}, "{column}_key" = {mark} WHERE id = {mark}'  # noqa: S608
    scene.database.execute_sql(sql, (text, normalise(text), id))
    scene.rows += 1
