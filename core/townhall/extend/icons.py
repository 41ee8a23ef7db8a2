"""The symbols of the sprite, which plugins name beside types, forms and public lists, and files that name others.

A symbol that isn't there is no error where a town runs: the place beside the words stays empty.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from townhall_forms.documents import Report
from townhall_forms.errors import Mistake
from townhall_forms.kinds import did_you_mean
from townhall_forms.reading import read_toml

_SPRITE = Path(__file__).parent.parent / "static" / "icons.svg"
#: Pictures of the town in the sprite, which stand in the pages' frame.
_PICTURES = frozenset({"crest", "skyline"})
_ID = re.compile(r'<symbol id="([a-z0-9-]+)"')


@cache
def names() -> tuple[str, ...]:
    """Every symbol that may be named, in the order of the alphabet."""
    return tuple(sorted({*_ID.findall(_SPRITE.read_text(encoding="utf-8"))} - _PICTURES))


def strange(file: Path) -> list[Mistake]:
    """The symbols that a manifest or a schema names and that there aren't. A file that can't be read has none."""
    try:
        data = read_toml(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return []
    report = Report(file.as_posix())
    for key, name in _named(data):
        if name not in names():
            near = did_you_mean(name, names()) or f"; there are {', '.join(names())}"
            report.add(key, f"there is no icon “{name}”{near}")
    return report.mistakes


def _named(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    forms = data.get("forms")
    places = {"": data, "type.": data.get("type"), "public.": data.get("public")}
    places |= {f"forms.{name}.": form for name, form in forms.items()} if isinstance(forms, dict) else {}
    for place, table in places.items():
        if isinstance(table, dict) and isinstance(name := table.get("icon"), str) and name:
            yield f"{place}icon", name
