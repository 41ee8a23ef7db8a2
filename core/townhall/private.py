"""Files and folders that only the account which runs the town may read. On Windows their folder's own rights count."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO
from typing import Any
from typing import TextIO

#: Bytes without which a database can't even be opened.
_LEAST = 256 * 1024


def make_folder(folder: Path) -> None:
    """Make a folder, and those around it that are missing, for the owner alone. One that is there stays as it is."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def make_file(file: Path) -> None:
    """Make an empty file for the owner alone, unless there is one."""
    if not file.exists():
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))


def write(file: Path, text: str) -> None:
    """Write a file that nobody else may read, at no moment."""
    with writing(file) as stream:
        stream.write(text)


def writing(file: Path, *, newline: str | None = None) -> TextIO:
    """A file to write text into that nobody else may read, also if one was there that others could."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if os.name == "posix":
        os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline=newline)


def write_new(file: Path, text: str) -> None:
    """Write a file that nobody else may read, to the disk itself. Raises ``FileExistsError`` if there is one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        to_disk(stream)


def remove(file: Path) -> bool:
    """Delete a file; whether it is gone. On Windows it stays while somebody reads it, for whoever tidies up next."""
    try:
        file.unlink(missing_ok=True)
    except PermissionError:
        if os.name == "posix":
            raise
        return False
    return True


def put(fresh: Path, place: Path) -> None:
    """Put a file in its place under the digest of its bytes, by which one that is there has the same.

    Windows refuses that while somebody reads what is there; then it counts as written just now.
    """
    try:
        fresh.replace(place)
    except PermissionError:
        if os.name == "posix" or not place.is_file():
            raise
        place.touch()


def to_disk(stream: IO[Any]) -> None:
    """Have what was written reach the disk itself, so that it is there after the power has failed."""
    stream.flush()
    os.fsync(stream.fileno())


def folder_to_disk(folder: Path) -> None:
    """Have the names of the files in a folder reach the disk itself. Windows does that when a file is closed."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_open_to_others(path: Path) -> bool:
    """Whether more accounts than the owner and its group may read it. Never on Windows, which says it otherwise."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o007)


def is_writable_by_others(folder: Path) -> bool:
    """Whether more accounts than the owner and its group may put files into it, or take some away."""
    return os.name == "posix" and bool(folder.stat().st_mode & 0o002)


def unreadable(folder: Path) -> str:
    """Why nothing in a folder that is there can be read, and as whom to try again; empty if it can."""
    if not folder.is_dir() or os.access(folder, os.R_OK | os.X_OK):
        return ""
    try:
        owner = folder.owner()
    except (KeyError, NotImplementedError):  # an account that is gone; Windows knows no such owners
        return f"{folder} can't be read by this account. Run this as the account that runs the town."
    return f"{folder} can't be read: it belongs to {owner}. Run this as that account, like: sudo -u {owner} townhall …"


def unwritable(folder: Path) -> str:
    """Why nothing can be written in a folder, to stand behind a colon; empty if something can."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if not os.access(folder, os.W_OK):
        return f"nothing can be written in {folder}, where its disk is read-only or belongs to another account"
    if shutil.disk_usage(folder).free < _LEAST:
        return f"the disk of {folder} is full; make room"
    return ""
