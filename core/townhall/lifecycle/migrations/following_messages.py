"""Message templates follow too: the type and the event that they are for, and the fields that their words name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from townhall.db import reshaping
from townhall.lifecycle.migrations import following_rules
from townhall.lifecycle.migrations.scene import Scene
from townhall_forms.text import normalise

TABLE, IDENTITY = "core_message_template", "core.message_template"
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\}")


def rename_type(scene: Scene, old: str, new: str) -> None:
    """Templates for the type ``old`` are for ``new``."""
    _change(scene, old, lambda row: {"type": new})


def rename_state(scene: Scene, identity: str, old: str, new: str) -> None:
    """Templates for coming into the state ``old`` of a type are for ``new``; so are messages on their way."""
    _change(scene, identity, lambda row: {"event": new} if row["event"] == old else {})
    reshaping.replace(scene.database, "outbox", "event", old, new, identity=identity)


def rename_field(scene: Scene, identity: str, old: str, new: str) -> None:
    """Words about records of a type name its field ``old``, or one behind its link, as ``new``."""

    def renamed(path: str) -> str:
        first, dot, rest = path.partition(".")
        return f"{new}{dot}{rest}" if first == old else path

    _reword(scene, identity, renamed)


def rename_behind(scene: Scene, identity: str, link: str, old: str, new: str) -> None:
    """Words about records of a type name the field ``old`` of what its ``link`` leads to as ``new``."""
    _reword(scene, identity, lambda path: f"{link}.{new}" if path == f"{link}.{old}" else path)


def _reword(scene: Scene, identity: str, renamed: Callable[[str], str]) -> None:
    def told(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: f"{{{renamed(found[1])}}}", text)

    _change(scene, identity, lambda row: {name: told(row[name] or "") for name in _WORDS})
    following_rules.reword(scene, identity, told)


_WORDS = ("subject", "body")


def _change(scene: Scene, identity: str, change: Callable[[dict[str, Any]], dict[str, str]]) -> None:
    """Write the templates of a type anew where ``change`` says something else than they hold."""
    database = scene.database
    if not reshaping.table_exists(database, TABLE):
        return
    mark = database.param
    names = ("id", "type", "event", *_WORDS)
    sql = f'SELECT {", ".join(names)} FROM {TABLE} WHERE "type" = {mark}'  # noqa: S608  # our own names
    for values in database.execute_sql(sql, (identity,)).fetchall():
        row = dict(zip(names, values, strict=True))
        told = {name: text for name, text in change(row).items() if text != row[name]}
        if told:
            columns = {name: value for key, text in told.items() for name, value in _columns(key, text)}
            assigned = ", ".join(f'"{name}" = {mark}' for name in columns)
            update = f"UPDATE {TABLE} SET {assigned} WHERE id = {mark}"  # noqa: S608
            database.execute_sql(update, (*columns.values(), row["id"]))
            scene.rows += 1
            scene.stale.add(IDENTITY)


def _columns(name: str, text: str) -> tuple[tuple[str, str], ...]:
    return (name, text), (f"{name}_key", normalise(text))
