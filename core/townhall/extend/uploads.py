"""Modules that were uploaded: kept in the database, so that every host of a town has them, and laid out as folders.

An uploaded module has no code. What is in the database counts; the folder ``modules`` of the instance is a copy that is
made anew whenever it differs. Of several processes one does that and the others wait, so that none takes away what
another has just put there and reads.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from townhall.db.migration import alone
from townhall.db.system import SystemTables
from townhall.errors import ConfigurationError

#: The folder of an instance in which uploaded modules are laid out.
FOLDER = "modules"
#: The file in a laid-out module that says which upload it is of.
MARK = ".upload"


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded module. ``checksum`` is the SHA-256 of what was uploaded; while it ``waits`` it is not used."""

    checksum: str
    name: str
    version: str
    waits: bool
    at: int
    by: str


def all_of(system: SystemTables) -> list[Upload]:
    """Everything that was uploaded and is kept."""
    table: Any = system.uploaded_module
    columns = (table.checksum, table.name, table.version, table.waits, table.at, table.by)
    return [Upload(*row) for row in table.select(*columns).order_by(table.name, table.at).tuples()]


def content(system: SystemTables, checksum: str) -> bytes | None:
    """The zip file with this checksum, as it was checked and kept; ``None`` if there is none."""
    table: Any = system.uploaded_module
    row = table.select(table.content).where(table.checksum == checksum).tuples().first()
    return bytes(row[0]) if row is not None else None


def pack(files: Mapping[str, bytes]) -> bytes:
    """The files of a module as one zip file; the same files always give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack(packed: bytes) -> dict[str, bytes]:
    """The files in what :func:`pack` made. What strangers bring is read by :mod:`townhall.lifecycle.uploading`."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def lay_out(system: SystemTables, instance: Path) -> None:
    """Make the folder of uploaded modules as the database has them.

    Raises :class:`~townhall.errors.ConfigurationError` if it can't be written.
    """
    folder = instance / FOLDER
    used = {upload.name: upload.checksum for upload in all_of(system) if not upload.waits}
    if not used and not folder.is_dir():
        return
    try:
        if not _differs(folder, used):
            return
        with alone(system.database):
            folder.mkdir(exist_ok=True)
            for name in _left_over(folder, used):
                shutil.rmtree(folder / name)
            for name, checksum in used.items():
                if not _is_of(folder / name, checksum):
                    _write(folder, name, checksum, content(system, checksum) or b"")
    except OSError as error:
        raise ConfigurationError(f"{folder}: uploaded modules can't be laid out there: {error}.") from error


def _differs(folder: Path, used: Mapping[str, str]) -> bool:
    if not folder.is_dir() or _left_over(folder, used):
        return True
    return not all(_is_of(folder / name, checksum) for name, checksum in used.items())


def _left_over(folder: Path, used: Mapping[str, str]) -> list[str]:
    """Folders of modules that are not used any more, or that somebody was stopped in the middle of writing."""
    return [each.name for each in folder.iterdir() if each.is_dir() and each.name not in used]


def _is_of(folder: Path, checksum: str) -> bool:
    """Whether what is laid out in a folder is of this upload."""
    try:
        return (folder / MARK).read_text(encoding="ascii") == checksum
    except (FileNotFoundError, NotADirectoryError):
        return False


def _write(folder: Path, name: str, checksum: str, packed: bytes) -> None:
    """Write one module beside its place, then put it there: nobody ever reads half of it."""
    fresh = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    for place, data in unpack(packed).items():
        file = fresh / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (fresh / MARK).write_text(checksum, encoding="ascii")
    shutil.rmtree(folder / name, ignore_errors=True)
    fresh.rename(folder / name)
