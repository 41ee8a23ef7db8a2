"""What stands in the place of a value that the code of its field's type could not read, draw or take in.

The built-in types never need it. A type that somebody else wrote may fail; who guards it (Townhall does) lets these
stand in, and whatever holds one stays as it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: What people read in the place of a value that can't be shown. No value of a guarded type is ever read from it.
NOT_SHOWN = "(can’t be shown)"


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that is kept and could not be read: the columns that hold it.

    It equals whatever else could not be read of the same columns, so a record that is saved keeps it.
    """

    stored: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return NOT_SHOWN


class Undrawn(str):
    """Stands in a form for a value whose input can't be drawn. The field is locked there, and keeps its value."""

    __slots__ = ()

    def __new__(cls) -> Undrawn:
        """As a text that says so."""
        return super().__new__(cls, NOT_SHOWN)


class Untaken:
    """What was typed, as far as anybody can say: its type's code could not take it in, so nothing accepts it.

    It equals only itself, so that it never counts as untouched.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


class _Text(Untaken, str):
    __slots__ = ()


class _Parts(Untaken, dict[str, Any]):  # type: ignore[misc]  # hashed by what it is
    __slots__ = ()


class _Lines(Untaken, list[Any]):  # type: ignore[misc]  # hashed by what it is
    __slots__ = ()


def untaken(raw: Any) -> Any:
    """``raw`` marked as :class:`Untaken`, to be drawn as it was typed."""
    if isinstance(raw, Mapping):
        return _Parts(raw)
    if isinstance(raw, list | tuple):
        return _Lines(raw)
    return _Text(raw if isinstance(raw, str) else "")


def holds(kind: type, value: Any) -> bool:
    """Whether a value, or a raw one, or a part of it is of ``kind``, one of the classes above."""
    if isinstance(value, kind):
        return True
    if isinstance(value, list | tuple):
        return any(holds(kind, part) for part in value)
    return isinstance(value, Mapping) and any(holds(kind, part) for part in value.values())
