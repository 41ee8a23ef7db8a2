"""Zip archives in which every member is counted and checked: what packs and backups are.

A table of contents in JSON names the format, what the archive is, and every other member with its size and SHA-256. It
is written last, so an archive that somebody was stopped in the middle of has none.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO
from typing import Any
from typing import ClassVar

from townhall.errors import TownhallError

BLOCK = 256 * 1024
#: Bytes that a table of contents may have: a line for each of some million members.
_LARGEST_TABLE = 256 * 1024 * 1024


class ArchiveWriter:
    """Writes an archive, member by member. Use it as a context manager; it is whole only after :meth:`finish`."""

    #: The member that describes the others, and the version of the format.
    table_of_contents: ClassVar[str]
    format: ClassVar[int]

    def __init__(self, target: Path | IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
        self._members: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._archive.close()

    def add(self, name: str, blocks: Iterable[bytes], *, stored: bool = False) -> int:
        """Write a member, block by block; its size. What doesn't get any smaller is ``stored`` as it is."""
        whole, size = sha256(), 0
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._archive.open(info, "w", force_zip64=True) as stream:
            for block in blocks:
                whole.update(block)
                size += len(block)
                stream.write(block)
        self._members[name] = {"sha256": whole.hexdigest(), "size": size}
        return size

    def checksum(self, name: str) -> str:
        """The SHA-256 of a member that was written."""
        return str(self._members[name]["sha256"])

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write down what the archive is and what it holds."""
        told = {"format": self.format, **about, "members": self._members}
        self._archive.writestr(self.table_of_contents, json.dumps(told, ensure_ascii=False, indent=1))


class ArchiveReader:
    """Reads an archive that anybody may have made. Use it as a context manager.

    Raises :attr:`error` with a sentence for whatever is wrong, here and in its methods.
    """

    table_of_contents: ClassVar[str]
    format: ClassVar[int]
    #: What it is called in sentences, and what is raised.
    kind: ClassVar[str]
    error: ClassVar[type[TownhallError]]

    def __init__(self, source: Path) -> None:
        self._name = source.name
        try:
            self._file = source.open("rb")
        except OSError as error:
            raise self.error(f"{source.name} can't be read: {error}.") from error
        try:
            self._archive = zipfile.ZipFile(self._file)
            self._check_members(source.stat().st_size)
            told = self._read_told()
            self.members: Mapping[str, Mapping[str, Any]] = self._told_members(told)
            self._take(told)
        except zipfile.BadZipFile as error:
            self._file.close()
            raise self.wrong(f"this is no {self.kind}: {error}.") from error
        except OSError as error:
            self._file.close()
            raise self.wrong(f"it can't be read: {error}.") from error
        except BaseException:
            self._file.close()
            raise

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def wrong(self, reason: str) -> TownhallError:
        """The error for an archive that can't be used."""
        return self.error(f"{self._name}: {reason} Nothing was changed.")

    def verify(self, read: Callable[[int], None] | None = None) -> None:
        """Read every member once, and compare it with what the archive says of it.

        ``read`` is told how many bytes more were read, again and again.
        """
        for name, told in self.members.items():
            whole, size = sha256(), 0
            for block in self.blocks(name):
                whole.update(block)
                size += len(block)
                if read is not None:
                    read(len(block))
            if (whole.hexdigest(), size) != (told.get("sha256"), told.get("size")) or not self.keeps(name, told):
                raise self.wrong(f"“{name}” in it is not what was packed.")

    def keeps(self, name: str, told: Mapping[str, Any]) -> bool:
        """Whether a member with this checksum keeps what its name promises."""
        return True

    def has(self, name: str) -> bool:
        """Whether there is a member of that name."""
        return name in self.members

    def names(self, folder: str) -> list[str]:
        """Members of a folder."""
        return [name for name in self.members if name.startswith(f"{folder}/")]

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member. No more come than the archive says that there are."""
        left = self._archive.getinfo(name).file_size
        try:
            with self._archive.open(name) as stream:
                while block := stream.read(BLOCK):
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

    @abstractmethod
    def is_member(self, name: str) -> bool:
        """Whether a member may be called this; no other is ever opened."""

    @abstractmethod
    def refuse_size(self, packed: int, contents: int) -> None:
        """Raise :attr:`error` if a file of ``packed`` bytes shouldn't hold so many."""

    @abstractmethod
    def take(self, told: Mapping[str, Any]) -> None:
        """Take what the table of contents says. May raise what wrong or missing values raise."""

    def _check_members(self, packed: int) -> None:
        infos = self._archive.infolist()
        names = [info.filename for info in infos]
        odd = [name for name in names if name != self.table_of_contents and not self.is_member(name)]
        if self.table_of_contents not in names:
            raise self.wrong(f"this is no {self.kind}: it has no {self.table_of_contents}.")
        if odd or len(set(names)) < len(names):
            raise self.wrong(f"it holds something that no {self.kind} holds.")
        self.refuse_size(packed, sum(info.file_size for info in infos))
        if self._archive.getinfo(self.table_of_contents).file_size > _LARGEST_TABLE:
            raise self.wrong(f"its {self.table_of_contents} is far too large.")

    def _read_told(self) -> dict[str, Any]:
        try:
            told = json.loads(self.text(self.table_of_contents))
        except (ValueError, RecursionError) as error:
            raise self.wrong(f"its {self.table_of_contents} can't be read.") from error
        if not isinstance(told, dict) or told.get("format") != self.format:
            raise self.wrong("it was made by another version of Townhall, in a format that this one doesn't know.")
        return told

    def _told_members(self, told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        try:
            return {text(name): dict(member) for name, member in told["members"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._lacking() from error

    def _take(self, told: Mapping[str, Any]) -> None:
        try:
            self.take(told)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._lacking() from error
        if set(self.members) != set(self._archive.namelist()) - {self.table_of_contents}:
            raise self.wrong("something was added to it or taken out of it.")

    def _lacking(self) -> TownhallError:
        return self.wrong(f"its {self.table_of_contents} lacks something.")


def text(value: Any) -> str:
    """A value that must be a text. Raises :class:`TypeError`."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def texts(values: Any) -> Sequence[str]:
    """A list of texts. Raises :class:`TypeError`."""
    if not isinstance(values, list):
        raise TypeError(values)
    return [text(value) for value in values]
