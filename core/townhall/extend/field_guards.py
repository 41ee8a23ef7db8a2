"""Guarding the field types that plugins bring: whatever one of them does concerns its own values and nobody else.

When a town is put together, each field of such a type is exchanged for one of a subclass whose faces are called under
the same guard as hooks (:mod:`townhall.extend.faces`). Core's own types are left as they are, so this costs them
nothing. What a type says of itself (columns, input, sorting) is looked at when its plugin starts: one that fails there
keeps its plugin off.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import townhall_forms
from townhall.errors import PluginError
from townhall.extend import face_answers as answers
from townhall.extend.discovery import Found
from townhall.extend.faces import STRUCTURE
from townhall.extend.faces import as_built
from townhall.extend.faces import built_in_of
from townhall.extend.faces import guarded_class
from townhall.extend.guarding import PASSED
from townhall.extend.guarding import Guard
from townhall.extend.importing import FOLDER_PREFIX
from townhall.extend.watching import Watch
from townhall_forms.fields import is_built_in
from townhall_forms.fields.base import Field
from townhall_forms.kinds import KINDS
from townhall_forms.kinds import kind_of
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

#: Inputs that are more than one text, and are drawn for the built-in types that have them only.
_OF_THEIR_OWN = frozenset(
    {"address", "answers", "checkbox", "checkboxes", "files", "link", "links", "place", "questions", "radios"}
    | {"reference", "rows", "select", "yes_no"}
)
#: Inputs that there are.
_INPUTS = frozenset(
    path.stem
    for path in (Path(townhall_forms.__file__).parent / "templates" / "townhall_forms" / "widgets").glob("[a-z]*.html")
) - {"locked"}


def guarded(schemas: Schemas, running: Mapping[str, Found], guard: Guard) -> Schemas:
    """The same types; each field whose type a plugin brought is guarded, as that plugin's."""
    guards = _Guards(running, guard)
    changed = {
        identity: replace(record_type, fields=fields)
        for identity, record_type in schemas.items()
        if (fields := guards.fields(record_type.fields, record_type.plugin)) is not record_type.fields
    }
    return Schemas({**schemas, **changed}) if changed else schemas


def check(schemas: Schemas, plugin: str) -> None:
    """Look at what the field types of a plugin's own say of themselves, so that pages can count on it.

    Raises :class:`~townhall.errors.PluginError`.
    """
    for record_type in schemas.values():
        if record_type.plugin != plugin:
            continue
        for field in _own(record_type):
            try:
                _check(field)
            except PASSED:
                raise
            except BaseException as error:
                said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                where = f"{record_type.identity}, {field.name}"
                raise PluginError(
                    f"{where}: the field type {field.type_name} can't be used: {said}", "schemas"
                ) from error


def _own(record_type: RecordType) -> Iterator[Field]:
    for field in record_type.fields.values():
        yield from (each for each in (field, *field.row_fields.values()) if not is_built_in(type(each)))


def _check(field: Field) -> None:
    names = {column.name for column in answers.columns(field.columns())}
    for name, accept in STRUCTURE.items():
        accept(getattr(field, name))
    for name in (field.key_column, field.sort_column):
        if name and name not in names:
            raise ValueError(f"it has no column {name}")
    built_in = built_in_of(type(field))
    if field.control not in _INPUTS:
        raise ValueError(f"there is no input called {field.control}")
    if field.control in _OF_THEIR_OWN and field.control not in (built_in.widget, as_built(built_in, "control", field)):
        raise ValueError(f"the input {field.control} is only for the built-in types that have it")
    if kind_of(field) not in KINDS or not all(isinstance(each, str) for each in field.operators):
        raise ValueError("it doesn't say how its values compare")
    guarded_class(type(field), Watch("", field.type_name, None))


class _Guards:
    """Exchanges fields; there is one guarded class for each type that a plugin brought."""

    def __init__(self, running: Mapping[str, Found], guard: Guard) -> None:
        self._modules = {found.module or FOLDER_PREFIX + name: name for name, found in running.items()}
        self._guard = guard
        self._classes: dict[type[Field], type[Field]] = {}

    def fields(self, fields: Mapping[str, Field], plugin: str) -> Mapping[str, Field]:
        """The fields of a type of ``plugin``; the very same mapping if none of them has to be guarded."""
        made = {name: self._field(field, plugin) for name, field in fields.items()}
        return made if any(made[name] is not field for name, field in fields.items()) else fields

    def _field(self, field: Field, plugin: str) -> Field:
        rows = self.fields(field.row_fields, plugin) if field.row_fields else field.row_fields
        if rows is not field.row_fields:
            field = replace(field, row_fields=rows)
        kind = type(field)
        if is_built_in(kind):
            return field
        if kind not in self._classes:
            watch = Watch(self._owner(kind, plugin), kind.type_name, self._guard)
            self._classes[kind] = guarded_class(kind, watch)
        made = object.__new__(self._classes[kind])
        made.__dict__.update(field.__dict__)  # not by its constructor, which may be the plugin's
        return made

    def _owner(self, kind: type, plugin: str) -> str:
        """The plugin in whose code a type stands, which need not be the one that uses it."""
        for module, name in self._modules.items():
            if kind.__module__ == module or kind.__module__.startswith(f"{module}."):
                return name
        return plugin
