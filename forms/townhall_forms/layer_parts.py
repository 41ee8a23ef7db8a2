"""A town's layer taken apart into small parts, each of which can be left out without the others."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from townhall_forms import toml_writing
from townhall_forms.layer import Layer
from townhall_forms.layer import Table
from townhall_forms.layer import is_own

#: Keys of an own field that stand or fall with it.
_ESSENCE = ("type", "label", "help", "privacy", "default", "choices", "to", "search")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a layer says, and where: ``("fields", "summary", "label")`` of a type."""

    identity: str
    path: tuple[str, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class Conflict:
    """A part that can't be applied to what is shipped now, and why. ``path`` is what to remove to be rid of it."""

    identity: str
    path: tuple[str, ...]
    message: str

    @property
    def key(self) -> str:
        """How the part is written in a layer's file."""
        return toml_writing.dotted((*self.identity.split("."), *self.path))

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"


def parts_of(layer: Layer) -> Iterator[Part]:
    """Everything that a layer says, each part after those that it builds on."""
    for identity, told in layer.types.items():
        for key in ("label", "label_plural"):
            if key in told:
                yield Part(identity, (key,), told[key])
        fields = told.get("fields", {})
        own = {name: field for name, field in fields.items() if is_own(name)}
        for name, field in own.items():
            yield Part(identity, ("fields", name), {key: field[key] for key in _ESSENCE if key in field})
        for name, field in fields.items():
            yield from (_own_parts if name in own else _field_parts)(identity, name, field)
        for group in ("states", "sections"):
            for name, table in told.get(group, {}).items():
                yield from (Part(identity, (group, name, key), value) for key, value in table.items())
        for name, field in fields.items():
            for where in field.get("hide", ()):
                yield Part(identity, ("fields", name, "hide", where), True)


def _own_parts(identity: str, name: str, field: Table) -> Iterator[Part]:
    # A field whose condition can't be judged would be required of everybody: the two go together.
    rule = {key: field[key] for key in ("show_if", "required") if key in field}
    if rule:
        yield Part(identity, ("fields", name, next(iter(rule))), rule)
    yield from (Part(identity, ("fields", name, key), True) for key in ("filter", "column") if field.get(key))
    yield from (Part(identity, ("fields", name, "forms", form), True) for form in field.get("forms", ()))


def _field_parts(identity: str, name: str, field: Table) -> Iterator[Part]:
    yield from (
        Part(identity, ("fields", name, key), field[key]) for key in ("label", "help", "required") if key in field
    )
    for choice in field.get("add_choices", ()):
        told = choice if isinstance(choice, Mapping) else {"value": choice}
        yield Part(identity, ("fields", name, "add_choices", told["value"]), told)
    for value, told in field.get("choices", {}).items():
        yield from (Part(identity, ("fields", name, "choices", value, key), more) for key, more in told.items())
