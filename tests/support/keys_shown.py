"""Which keys of the schema language are seen to do something, and where.

A test that switches a key on and sees a door change says so: ``@shows("fields.NAME.help", "form")`` above it, or a
:class:`Case` or :class:`Seen` in a table. ``tests/test_every_key_does_something.py`` reads these claims out of all
tests and fails for each key and door that nobody makes good.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import TypeVar

from townhall_forms.keys import KEYS

Test = TypeVar("Test", bound=Callable[..., Any])

#: The doors of each key, by the key's name with its table.
DOORS: dict[str, tuple[str, ...]] = {f"{key.table}.{key.name}": tuple(key.doors) for key in KEYS}


def shows(key: str, *doors: str) -> Callable[[Test], Test]:
    """Claims that a test switches ``key`` on and sees each of ``doors`` change."""
    check_claim(key, *doors)
    return lambda test: test


def check_claim(key: str, *doors: str) -> None:
    """Refuse a claim about a key or a door that does not exist."""
    assert key in DOORS, f"there is no key {key}"
    assert doors, f"say where {key} shows"
    for door in doors:
        assert door in DOORS[key], f"{key} does not say that it shows at {door}"


@dataclass(frozen=True)
class Case:
    """One key at one door, and what it takes to see it there: ``off`` and ``on`` differ by the key alone."""

    key: str
    door: str
    off: str
    on: str
    look: Callable[[Any], Any]

    def __post_init__(self) -> None:
        check_claim(self.key, self.door)

    def __str__(self) -> str:
        return f"{self.key} at {self.door}"


@dataclass(frozen=True)
class Seen:
    """One key at one door, and the words by which it is seen on a page of a type that has it."""

    key: str
    door: str
    page: str
    words: str

    def __post_init__(self) -> None:
        check_claim(self.key, self.door)

    def __str__(self) -> str:
        return f"{self.key} at {self.door}"


def claims(root: Path) -> Iterator[tuple[str, str]]:
    """Every ``(key, door)`` that a test under ``root`` claims to show."""
    for path in sorted(root.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if __name__ not in text:
            continue  # whoever claims something imports it from here
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("shows", "Case", "Seen")
            ):
                texts = [part.value for part in node.args if isinstance(part, ast.Constant)]
                key, doors = texts[0], texts[1:] if node.func.id == "shows" else texts[1:2]
                yield from ((str(key), str(door)) for door in doors)
