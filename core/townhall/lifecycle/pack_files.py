"""The file that ``pack`` writes and ``unpack`` reads: an archive with everything of one plugin.

``pack.json`` names the plugin, and every other member (:mod:`townhall.lifecycle.archives`). Rows are lines of JSON
(the names of the columns first), schemas are the TOML that they were, files stand under their SHA-256. Nothing in it
depends on the engine that the town stands on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from townhall.errors import PluginError
from townhall.lifecycle.archives import ArchiveReader
from townhall.lifecycle.archives import ArchiveWriter
from townhall.lifecycle.archives import text

#: Version of the format, raised when an older Townhall could misread a newer file.
FORMAT = 1
#: The member that describes the others.
TABLE_OF_CONTENTS = "pack.json"
#: The member with what the town's own layer says about the types.
LAYER = "layer.toml"
#: What a member may be called; nothing else is ever opened.
_MEMBER = re.compile(r"schemas/[a-z0-9_]+\.toml|layer\.toml|rows/[a-z0-9_]+\.jsonl|files/[0-9a-f]{64}|[a-z_]+\.jsonl")
_LONGEST_LINE = 64 * 1024 * 1024
#: How much larger than the file its contents may be. Text compresses well, a bomb a thousand times better.
_LARGEST_RATIO = 200
_SMALL = 16 * 1024 * 1024


class PackWriter(ArchiveWriter):
    """Writes a pack, member by member. Use it as a context manager; it is whole only after :meth:`finish`."""

    table_of_contents = TABLE_OF_CONTENTS
    format = FORMAT

    def __enter__(self) -> PackWriter:
        return self

    def add_rows(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Write rows under the names of their columns; how many."""
        count = 0

        def lines() -> Iterator[bytes]:
            nonlocal count
            yield _line(columns)
            for row in rows:
                count += 1
                yield _line(row)

        self.add(name, lines())
        return count


@dataclass(frozen=True, slots=True)
class Contents:
    """What a pack says of itself."""

    plugin: str
    version: str
    town: str
    town_mark: str
    packed_at: int
    essentials: Mapping[str, Any]
    counts: Mapping[str, int]
    #: Version, name and checksum of each migration that its tables have been through.
    migrations: Sequence[tuple[str, str, str]] = ()


class PackReader(ArchiveReader):
    """Reads a pack that anybody may have made. Use it as a context manager.

    Raises :class:`~townhall.errors.PluginError` with a sentence for whatever is wrong, here and in its methods.
    """

    table_of_contents = TABLE_OF_CONTENTS
    format = FORMAT
    kind = "pack"
    error = PluginError
    contents: Contents

    def __enter__(self) -> PackReader:
        return self

    def keeps(self, name: str, told: Mapping[str, Any]) -> bool:
        """Whether a file stands under its own SHA-256."""
        return not name.startswith("files/") or name.removeprefix("files/") == told.get("sha256")

    def is_member(self, name: str) -> bool:
        """Whether a member may be called this."""
        return _MEMBER.fullmatch(name) is not None

    def refuse_size(self, packed: int, contents: int) -> None:
        """Refuse a bomb."""
        if contents > max(packed * _LARGEST_RATIO, _SMALL):
            raise self.wrong("it holds far more than its size allows.")

    def take(self, told: Mapping[str, Any]) -> None:
        """Take what the pack says of itself."""
        self.contents = Contents(
            plugin=text(told["plugin"]),
            version=text(told["version"]),
            town=text(told["town"]),
            town_mark=text(told["town_mark"]),
            packed_at=int(told["packed_at"]),
            essentials=dict(told["essentials"]),
            counts={text(name): int(count) for name, count in told["counts"].items()},
            migrations=[(text(version), text(name), text(mark)) for version, name, mark in told["migrations"]],
        )

    def rows(self, name: str) -> tuple[list[str], Iterator[list[Any]]]:
        """The names of the columns of a member, and its rows."""
        lines = self._lines(name)
        columns = next(lines, [])
        if not columns or not all(isinstance(column, str) for column in columns) or len(set(columns)) < len(columns):
            raise self.wrong(f"“{name}” in it doesn't name its columns.")

        def rows() -> Iterator[list[Any]]:
            for row in lines:
                if len(row) != len(columns):
                    raise self.wrong(f"a row of “{name}” in it has too many or too few values.")
                yield row

        return columns, rows()

    def _lines(self, name: str) -> Iterator[list[Any]]:
        rest = b""
        for block in self.blocks(name):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield self._parsed(name, line)
            if len(rest) > _LONGEST_LINE:
                raise self.wrong(f"“{name}” in it has a line that is too long.")
        if rest:
            yield self._parsed(name, rest)

    def _parsed(self, name: str, line: bytes) -> list[Any]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self.wrong(f"“{name}” in it can't be read.") from error
        if not isinstance(value, list):
            raise self.wrong(f"“{name}” in it can't be read.")
        return value


def _line(values: Sequence[Any]) -> bytes:
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
