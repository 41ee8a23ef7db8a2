"""What is inside a file that somebody brings: a file may be what its name says and still be made to do harm.

Nothing is unpacked or drawn here. Pictures are read for their size and for what doesn't show in them; documents that
are zip files for what their list of contents says. That a document is harmless to whoever opens it, nobody can promise.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from pathlib import PurePosixPath

from townhall.records import pictures
from townhall.records.file_types import FileType

#: How much larger than the file its contents may be, unless they are small; and how many parts there may be.
LARGEST_RATIO = 150
SMALL = 50 * 1024 * 1024
MOST_PARTS = 10_000
#: How files begin that are something else, whatever stands behind it: web pages, programs, archives, scripts.
_DISGUISED = (b"<", b"MZ", b"PK", b"\x7fELF", b"#!", b"GIF8", b"\xca\xfe\xba\xbe")
_ZIPPED = ("application/vnd.openxmlformats", "application/vnd.oasis")


class Unfit(Exception):
    """A file can't be taken in; the message ends the sentence that its name begins."""


def settle(kind: FileType, file: Path) -> bool:
    """Check a file, and take out of a picture what doesn't show; whether it is another file now.

    Raises :class:`Unfit`.
    """
    if kind.group != "image":
        check(kind, file)
        return False
    data = file.read_bytes()
    content = picture(kind, data).content
    if content == data:
        return False
    file.write_bytes(content)
    return True


def check(kind: FileType, file: Path) -> None:
    """Check a file that stays as it is. Raises :class:`Unfit`."""
    if kind.group == "image":
        picture(kind, file.read_bytes())
    elif kind.media_type.startswith(_ZIPPED):
        _check_zipped(kind, file)
    elif kind.media_type == "application/pdf":
        with file.open("rb") as stream:
            if stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_DISGUISED):
                raise Unfit(_unreadable(kind))


def picture(kind: FileType, data: bytes) -> pictures.Picture:
    """A picture that can be shown. Raises :class:`Unfit`."""
    try:
        found = pictures.read(kind.media_type, data)
    except pictures.NoPicture:
        raise Unfit(_unreadable(kind)) from None
    if found.is_too_large:
        raise Unfit(
            f"is a picture of {found.width:,} by {found.height:,} points, more than browsers can show. Make it smaller."
        )
    return found


def _check_zipped(kind: FileType, file: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError):
        raise Unfit(_unreadable(kind)) from None
    packed = file.stat().st_size
    whole = sum(part.file_size for part in parts)
    overlapping = sum(part.compress_size for part in parts) > packed
    if overlapping or len(parts) > MOST_PARTS or whole > max(packed * LARGEST_RATIO, SMALL):
        raise Unfit("holds far more than its size allows. Save it again and retry.")
    for part in parts:
        name = part.filename
        if "\\" in name or name.startswith("/") or ":" in name or ".." in PurePosixPath(name).parts:
            raise Unfit("has parts that lead out of it. Save it again and retry.")
        if PurePosixPath(name.lower()).name == "vbaproject.bin" or name.startswith("Basic/"):
            raise Unfit("has macros in it. Save it without them and retry.")


def _unreadable(kind: FileType) -> str:
    return f"is no readable {kind.name} file. Save it again as {kind.name} and retry."
