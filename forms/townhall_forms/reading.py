"""Reading TOML and JSON that anybody may have written: what is nested without end is no more than a mistake in it."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from typing import Any

#: Levels of tables and lists in one another, and parts of one key. Nothing that people write has a tenth of them.
DEEPEST = 50
MOST_PARTS = 100


def read_toml(text: str, *, decimals: bool = False) -> dict[str, Any]:
    """The tables of a TOML text; with ``decimals`` fractions are exact.

    Raises :class:`tomllib.TOMLDecodeError`, also for what is nested deeper than :data:`DEEPEST`.
    """
    # The time that a dotted key takes grows with the square of its parts.
    if any(line.count(".") > MOST_PARTS and _dots_of_key(line) > MOST_PARTS for line in text.splitlines()):
        raise tomllib.TOMLDecodeError(f"a key has more than {MOST_PARTS} parts")
    try:
        data = tomllib.loads(text, parse_float=Decimal) if decimals else tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError(_TOO_DEEP) from None
    if is_deep(data):
        raise tomllib.TOMLDecodeError(_TOO_DEEP)
    return data


def read_json(text: str) -> Any:
    """What a JSON text holds. Raises ``ValueError``, also for what is nested deeper than :data:`DEEPEST`."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if is_deep(data):
        raise ValueError(_TOO_DEEP)
    return data


def is_deep(data: Any) -> bool:
    """Whether tables and lists stand in one another deeper than :data:`DEEPEST`."""
    level = [data]
    for _ in range(DEEPEST):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return False
    return True


_TOO_DEEP = f"tables and lists stand in one another more than {DEEPEST} deep"


def _dots_of_key(line: str) -> int:
    """Dots before the value of a line, or in the name of its table."""
    return line.count(".") if line.lstrip().startswith("[") else line.partition("=")[0].count(".") * ("=" in line)
