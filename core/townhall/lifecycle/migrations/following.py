"""What else knows the name of a type, a field, a state or a choice, and has to follow when it changes.

Every system table with a column ``identity`` follows a type by itself, and a field where it has a column ``field``.
History is the exception: its entries are never changed, so reading them translates (:mod:`townhall.records.old_names`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl
from urllib.parse import urlencode

from townhall.access.permissions import field_permission
from townhall.db import reshaping
from townhall.db.migration import table_name
from townhall.db.tables.history import History
from townhall.encryption import is_sealed
from townhall.lifecycle.migrations import following_messages
from townhall.lifecycle.migrations import following_rules
from townhall.lifecycle.migrations.scene import Scene
from townhall.lifecycle.migrations.shapes import Shape
from townhall.records.old_names import pointing
from townhall_forms.fields.base import Field

#: Turns the path of a field into the one it has now.
Rename = Callable[[str], str]
#: What may follow a path in the parameters of a list: the two ends of a range.
_ENDS = (".from", ".to")


def rename_type(scene: Scene, old: str, new: str) -> None:
    """The identity ``old`` is ``new`` in everything that names records."""
    database = scene.database
    for table, columns in _tables(scene):
        if "identity" in columns:
            scene.rows += reshaping.replace(database, table, "identity", old, new)
    scene.rows += reshaping.replace(database, "search_entry", "identity", old, new)
    for table, column in set(_references(scene)):
        if column in reshaping.columns_of(database, table):
            scene.rows += reshaping.replace(database, table, column, old, new)
    for identity in _identities(scene):
        drafts(scene, identity, lambda data: data.update(pointing(data, old, new)))
    series = scene.system.number_sequence
    for name, value in list(series.select(series.name, series.value).tuples()):
        if name == old or name.startswith(f"{old}:"):
            _merge_series(scene, name, new + name[len(old) :], value)
    _permissions(scene, old, new)
    following_messages.rename_type(scene, old, new)
    following_rules.rename_type(scene, old, new)


def rename_field(scene: Scene, identity: str, old: str, new: str) -> None:
    """The field (or ``rows.column``) ``old`` of a type is ``new`` in attachments, saved views, rules and drafts."""
    for table, columns in _tables(scene):
        if {"identity", "field"} <= columns and "." not in old:
            scene.rows += reshaping.replace(scene.database, table, "field", old, new, identity=identity)
    views(scene, identity, lambda path: _moved(path, old, new), lambda path, value: value)
    _permissions(scene, field_permission(identity, old), field_permission(identity, new))
    following_messages.rename_field(scene, identity, old, new)
    following_rules.rename_paths(scene, identity, lambda path: _moved(path, old, new))
    for owner, link in _behind(scene, identity):
        following_messages.rename_behind(scene, owner, link, old, new)
        before, after = f"{link}.{old}", f"{link}.{new}"
        following_rules.rename_paths(scene, owner, lambda path, b=before, a=after: a if path == b else path)  # type: ignore[misc]

    def renamed(data: dict[str, Any]) -> None:
        first, _, column = old.partition(".")
        for part in ("chosen", "values"):
            held = data.get(part) or {}
            if not column and old in held:
                data[part] = {new if name == old else name: value for name, value in held.items()}
            elif column and isinstance(held.get(first), list):
                inner = new.partition(".")[2]
                held[first] = [{inner if k == column else k: v for k, v in row.items()} for row in held[first]]
        for step, pairs in (data.get("typed") or {}).items():
            data["typed"][step] = [[_typed(name, old, new), text] for name, text in pairs]

    drafts(scene, identity, renamed)


def replace_value(scene: Scene, identity: str, path: str, old: str, new: str) -> None:
    """The value ``old`` of a field is ``new`` in saved views, rules and drafts."""

    def valued(at: str, value: str) -> str:
        return new if at == path and value == old else value

    def changed(data: dict[str, Any]) -> None:
        first, _, column = path.partition(".")
        held = data.get("values") or {}
        if not column and first in held:
            held[first] = _swapped(held[first], old, new)
        elif column and isinstance(held.get(first), list):
            held[first] = [
                {k: _swapped(v, old, new) if k == column else v for k, v in row.items()} for row in held[first]
            ]
        for step, pairs in (data.get("typed") or {}).items():
            data["typed"][step] = [[k, new if _asks(k, first, column) and v == old else v] for k, v in pairs]

    views(scene, identity, lambda at: at, valued)
    following_rules.replace_value(scene, identity, path, old, new)
    for owner, link in _behind(scene, identity):
        following_rules.replace_value(scene, owner, f"{link}.{path}", old, new)
    if path != "state":
        drafts(scene, identity, changed)


def rename_transition(scene: Scene, identity: str, old: str, new: str) -> int:
    """The transition ``old`` is ``new`` in the moves that were made and in what roles allow; the number of moves."""
    changed = reshaping.replace(scene.database, "case_transition", "name", old, new, identity=identity)
    scene.rows += changed
    _permissions(scene, f"{identity}.transition.{old}", f"{identity}.transition.{new}")
    return changed


def views(scene: Scene, identity: str, rename: Rename, valued: Callable[[str, str], str]) -> None:
    """Write saved views anew: those of the type, and those of types that reach it over a link."""
    table = scene.system.saved_view
    for id, owner, query in list(table.select(table.id, table.identity, table.query).tuples()):
        links = [""] if owner == identity else []
        links += [f"{link}." for link in _links(scene, owner, identity)]
        if links:
            written = _view(query, links, rename, valued)
            if written != query:
                table.update(query=written).where(table.id == id).execute()
                scene.rows += 1


def drafts(scene: Scene, identity: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what the public is filling in for a type; what was sent already is empty."""
    table = scene.system.draft
    rows = table.select(table.id, table.data).where((table.identity == identity) & table.record_id.is_null()).tuples()
    for id, text in list(rows):
        if is_sealed(text):
            continue  # what is encrypted keeps its names; a form passes over those that it doesn't know
        data = json.loads(text)
        change(data)
        written = json.dumps(data, separators=(",", ":"), sort_keys=True)
        if written != text:
            table.update(data=written).where(table.id == id).execute()
            scene.rows += 1


def _view(query: str, links: list[str], rename: Rename, valued: Callable[[str, str], str]) -> str:
    def path(written: str) -> str:
        minus, bare = ("-", written[1:]) if written.startswith("-") else ("", written)
        for link in sorted(links, key=len, reverse=True):
            if bare.startswith(link):
                return minus + link + rename(bare[len(link) :])
        return written

    def value(key: str, text: str) -> str:
        for link in sorted(links, key=len, reverse=True):
            if key.startswith(link):
                return valued(key[len(link) :], text)
        return text

    pairs = []
    for key, text in parse_qsl(query):
        if key == "sort":
            pairs.append((key, path(text)))
        elif key == "columns":
            pairs.append((key, ",".join(path(part) for part in text.split(","))))
        else:
            end = next((end for end in _ENDS if key.endswith(end)), "")
            bare = key[: -len(end)] if end else key
            pairs.append((path(bare) + end, value(bare, text)))
    return urlencode(pairs)


def _identities(scene: Scene) -> list[str]:
    """Types that the public is filling in at the moment."""
    table = scene.system.draft
    return [row[0] for row in table.select(table.identity).where(table.record_id.is_null()).distinct().tuples()]


def _moved(path: str, old: str, new: str) -> str:
    if path == old:
        return new
    return new + path[len(old) :] if path.startswith(f"{old}.") else path


def _typed(name: str, old: str, new: str) -> str:
    """The name of an input: ``field``, ``field-part`` or, for a column of rows, ``rows-3-column``."""
    first, _, column = old.partition(".")
    if not column:
        return _with_start(name, old, new)
    parts = name.split("-", 2)
    if len(parts) == 3 and parts[0] == first:
        return "-".join((*parts[:2], _with_start(parts[2], column, new.partition(".")[2])))
    return name


def _with_start(name: str, old: str, new: str) -> str:
    return new + name[len(old) :] if name == old or name.startswith(f"{old}-") else name


def _asks(name: str, first: str, column: str) -> bool:
    parts = name.split("-", 2)
    return (len(parts) == 3 and parts[0] == first and parts[2] == column) if column else name == first


def _swapped(value: Any, old: str, new: str) -> Any:
    if isinstance(value, list):
        return list(dict.fromkeys(new if each == old else each for each in value))
    return new if value == old else value


def _tables(scene: Scene) -> Iterator[tuple[str, set[str]]]:
    """The system tables that may change, with their columns."""
    there = set(scene.database.get_tables())
    for model in scene.system.models:
        name = table_name(model)
        if not issubclass(model, History) and name in there:
            yield name, reshaping.columns_of(scene.database, name)


def _references(scene: Scene) -> Iterator[tuple[str, str]]:
    """Tables and columns that hold the identity of a record of any type."""
    there = set(scene.database.get_tables())
    # The new schemas have fields that the kept ones don't know: those that a town has added.
    for each in (*scene.shapes, *map(Shape.of, (*scene.known, *scene.shapes.target.values()))):
        yield from _in_fields(each, there)


def _in_fields(shape: Shape, there: set[str]) -> Iterator[tuple[str, str]]:
    for field in shape.fields.values():
        inside = [(shape.child(field.name), column) for column in field.row_fields.values()]
        for owner, each in ((shape.table, field), *inside):
            if each.type_name == "reference" and owner in there:
                yield owner, f"{each.name}_type"


def _links(scene: Scene, owner: str, target: str) -> list[str]:
    """Names of the links of the type ``owner`` that lead to ``target``."""
    fields: list[Field] = []
    for shape in scene.shapes:
        if shape.identity == owner:
            fields += shape.fields.values()
    for each in scene.known:
        if each.identity == owner:
            fields += each.fields.values()
    return [
        field.name
        for field in fields
        if field.target and scene.current(field.target) == target and not field.many_targets
    ]


def _behind(scene: Scene, target: str) -> list[tuple[str, str]]:
    """Types with a link that leads to ``target``, each with the name of the link."""
    owners = dict.fromkeys(scene.current(each.identity) for each in (*scene.shapes, *scene.known))
    return [(owner, link) for owner in owners for link in dict.fromkeys(_links(scene, owner, target))]


def _merge_series(scene: Scene, old: str, new: str, value: int) -> None:
    table = scene.system.number_sequence
    table.insert(name=new, value=value).on_conflict(
        conflict_target=[table.name], update={table.value: value}, where=table.value < value
    ).execute()
    table.delete().where(table.name == old).execute()
    scene.rows += 1


def _permissions(scene: Scene, old: str, new: str) -> None:
    """What roles allow, as far as it begins with ``old``."""
    table = scene.system.role
    for id, text in list(table.select(table.id, table.permissions).tuples()):
        held = json.loads(text)
        parts = [each.split("@") for each in held]  # what stands behind is a scope
        written = sorted("@".join((_moved(name, old, new), *scope)) for name, *scope in parts)
        if written != sorted(held):
            table.update(permissions=json.dumps(written)).where(table.id == id).execute()
            scene.rows += 1
