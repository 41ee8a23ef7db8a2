"""The file that ``pack`` writes and ``unpack`` reads: a zip archive whose every member is counted and checked.

``pack.json`` names the format, the plugin and every other member with its size and SHA-256. Rows are lines of JSON
(the names of the columns first), schemas are the TOML that they were, files stand under their SHA-256. Nothing in it
depends on the engine that the town stands on.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO
from typing import Any

from townhall.errors import PluginError

#: Version of the format, raised when an older Townhall could misread a newer file.
FORMAT = 1
#: The member that describes the others.
TABLE_OF_CONTENTS = "pack.json"
#: The member with what the town's own layer says about the types.
LAYER = "layer.toml"
#: What a member may be called; nothing else is ever opened.
_MEMBER = re.compile(r"schemas/[a-z0-9_]+\.toml|layer\.toml|rows/[a-z0-9_]+\.jsonl|files/[0-9a-f]{64}|[a-z_]+\.jsonl")
_BLOCK = 256 * 1024
_LONGEST_LINE = 64 * 1024 * 1024
#: How much larger than the file its contents may be. Text compresses well, a bomb a thousand times better.
_LARGEST_RATIO = 200
_SMALL = 16 * 1024 * 1024


class PackWriter:
    """Writes a pack, member by member. Use it as a context manager; it is whole only after :meth:`finish`."""

    def __init__(self, target: Path | IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
        self._members: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._archive.close()

    def add(self, name: str, blocks: Iterable[bytes]) -> int:
        """Write a member, block by block; its size."""
        whole, size = sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as stream:
            for block in blocks:
                whole.update(block)
                size += len(block)
                stream.write(block)
        self._members[name] = {"sha256": whole.hexdigest(), "size": size}
        return size

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

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write down what the pack is and what it holds."""
        told = {"format": FORMAT, **about, "members": self._members}
        self._archive.writestr(TABLE_OF_CONTENTS, json.dumps(told, ensure_ascii=False, indent=1))


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
    members: Mapping[str, Mapping[str, Any]]
    #: Version, name and checksum of each migration that its tables have been through.
    migrations: Sequence[tuple[str, str, str]] = ()


class PackReader:
    """Reads a pack that anybody may have made. Use it as a context manager.

    Raises :class:`~townhall.errors.PluginError` with a sentence for whatever is wrong, here and in its methods.
    """

    def __init__(self, source: Path) -> None:
        self._name = source.name
        try:
            self._file = source.open("rb")
        except OSError as error:
            raise PluginError(f"{source.name} can't be read: {error}.") from error
        try:
            self._archive = zipfile.ZipFile(self._file)
            self._check_members(source.stat().st_size)
            self.contents = self._read_contents()
        except zipfile.BadZipFile as error:
            self._file.close()
            raise self.wrong(f"this is no pack: {error}.") from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> PackReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def wrong(self, reason: str) -> PluginError:
        """The error for a pack that can't be used."""
        return PluginError(f"{self._name}: {reason} Nothing was changed.")

    def verify(self) -> None:
        """Read every member once, and compare it with what the pack says of it."""
        for name, told in self.contents.members.items():
            whole, size = sha256(), 0
            for block in self.blocks(name):
                whole.update(block)
                size += len(block)
            promised = name.removeprefix("files/") if name.startswith("files/") else told.get("sha256")
            if (whole.hexdigest(), whole.hexdigest(), size) != (promised, told.get("sha256"), told.get("size")):
                raise self.wrong(f"“{name}” in it is not what was packed.")

    def has(self, name: str) -> bool:
        """Whether there is a member of that name."""
        return name in self.contents.members

    def names(self, folder: str) -> list[str]:
        """Members of a folder."""
        return [name for name in self.contents.members if name.startswith(f"{folder}/")]

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member. No more come than the pack says that there are."""
        left = self._archive.getinfo(name).file_size
        try:
            with self._archive.open(name) as stream:
                while block := stream.read(_BLOCK):
                    left -= len(block)
                    if left < 0:
                        raise self.wrong(f"“{name}” in it is larger than it says.")
                    yield block
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise self.wrong(f"“{name}” in it can't be read: {error}.") from error

    def text(self, name: str) -> str:
        """A member as text."""
        try:
            return b"".join(self.blocks(name)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.wrong(f"“{name}” in it is no text.") from error

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

    def _check_members(self, packed: int) -> None:
        infos = self._archive.infolist()
        names = [info.filename for info in infos]
        odd = [name for name in names if name != TABLE_OF_CONTENTS and not _MEMBER.fullmatch(name)]
        if odd or len(set(names)) < len(names):
            raise self.wrong("it holds something that no pack holds.")
        if sum(info.file_size for info in infos) > max(packed * _LARGEST_RATIO, _SMALL):
            raise self.wrong("it holds far more than its size allows.")

    def _read_contents(self) -> Contents:
        if TABLE_OF_CONTENTS not in self._archive.namelist():
            raise self.wrong(f"this is no pack: it has no {TABLE_OF_CONTENTS}.")
        try:
            told = json.loads(self.text(TABLE_OF_CONTENTS))
        except (ValueError, RecursionError) as error:
            raise self.wrong(f"its {TABLE_OF_CONTENTS} can't be read.") from error
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise self.wrong("it was made by another version of Townhall, in a format that this one doesn't know.")
        try:
            contents = Contents(
                plugin=_text(told["plugin"]),
                version=_text(told["version"]),
                town=_text(told["town"]),
                town_mark=_text(told["town_mark"]),
                packed_at=int(told["packed_at"]),
                essentials=dict(told["essentials"]),
                counts={_text(name): int(count) for name, count in told["counts"].items()},
                members={_text(name): dict(member) for name, member in told["members"].items()},
                migrations=[(_text(version), _text(name), _text(mark)) for version, name, mark in told["migrations"]],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.wrong(f"its {TABLE_OF_CONTENTS} lacks something.") from error
        if set(contents.members) != set(self._archive.namelist()) - {TABLE_OF_CONTENTS}:
            raise self.wrong("something was added to it or taken out of it.")
        return contents


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _line(values: Sequence[Any]) -> bytes:
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
