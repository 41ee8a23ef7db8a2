"""TOML as text: what :mod:`tomllib` reads, written so that it reads back the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import date
from datetime import time
from decimal import Decimal
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dotted(path: Iterable[str]) -> str:
    """A path of keys as TOML writes it; parts that are no plain words are in quotes."""
    return ".".join(part if _BARE.fullmatch(part) else _text(part) for part in path)


def inline(value: Any) -> str:
    """A value on one line: texts, numbers, true and false, days and times, lists, and tables in braces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{dotted([key])} = {inline(entry)}" for key, entry in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(inline(entry) for entry in value)}]"
    raise TypeError(f"TOML has no way to write {value!r}")


def table(path: Iterable[str], pairs: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """The lines of one table, its heading first."""
    yield f"[{dotted(path)}]"
    for key, value in pairs:
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"{dotted([key])} = ["
            yield from (f"    {inline(entry)}," for entry in value)
            yield "]"
        else:
            yield f"{dotted([key])} = {inline(value)}"


def _text(value: str) -> str:
    # JSON's escapes are TOML's too, but for the one control character that JSON lets through.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
