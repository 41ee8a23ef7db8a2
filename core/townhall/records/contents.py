"""What is inside a file that somebody brings: a file may be what its name says and still be made to do harm.

Nothing is whole or drawn here. Pictures are read for their size and for what doesn't show in them; documents that
are zip files for what their list of contents says. That a document is harmless to whoever opens it, nobody can promise.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from html import unescape
from pathlib import Path
from pathlib import PurePosixPath

from townhall.records import pictures
from townhall.records.file_types import FileType

#: How much larger than the file its contents may be, unless they are small; and how many parts there may be.
LARGEST_RATIO = 150
SMALL = 50 * 1024 * 1024
MOST_PARTS = 10_000
#: How the end of a zip file begins, and how long it is where nothing stands behind it.
_END_MARK, _END_LENGTH = b"PK\5\6", 22
_OFFICE, _OPENDOCUMENT = "application/vnd.openxmlformats", "application/vnd.oasis"
#: Where the main part of an Office document stands, by the end of its media type.
_FOLDERS = {"wordprocessingml.document": "word/", "spreadsheetml.sheet": "xl/", "presentationml.presentation": "ppt/"}
#: What the list of types in an Office document calls macros, and documents that have some.
_MACRO_TYPES = ("vbaproject", "macroenabled", "macrosheet")
_TYPES, _LONGEST_TYPES = "[content_types].xml", 4 * 1024 * 1024
_MACRO_NAMES = frozenset({"vbaproject.bin", "vbadata.xml", "macrosheets"})
#: Office documents with macros inside another one.
_MACRO_ENDINGS = (".docm", ".dotm", ".xlsm", ".xltm", ".xlsb", ".xlam", ".pptm", ".potm", ".ppsm", ".ppam")
#: Folders of an OpenDocument file with macros in Basic, and in Python, JavaScript or Java.
_MACRO_FOLDERS = frozenset({"basic", "scripts"})
#: Parts that some system runs when they are opened, and the list of a Java program. No document is made of them.
_PROGRAMS = (
    *(".exe", ".dll", ".com", ".scr", ".pif", ".cpl", ".msi", ".msp", ".bat", ".cmd", ".ps1", ".vbs", ".vbe", ".js"),
    *(".jse", ".wsf", ".wsh", ".hta", ".lnk", ".reg", ".sh", ".jar", ".class", ".mf"),
)
#: Controls that no text has; tabs, ends of lines, pages and old files, and switches between alphabets are left.
_NO_TEXT = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a\x1b"})
_BLOCK = 1024 * 1024


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
    elif kind.media_type.startswith((_OFFICE, _OPENDOCUMENT)):
        _check_zipped(kind, file)
    elif kind.media_type.startswith("text/"):
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                if len(block.translate(None, _NO_TEXT)) < len(block):
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
            types = b"".join(_start(archive, part) for part in parts if part.filename.lower() == _TYPES)
            if not _is_nothing_else(file, parts):
                raise zipfile.BadZipFile
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError):
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
    main = next((folder for end, folder in _FOLDERS.items() if kind.media_type.endswith(end)), "")
    if not any(part.filename.lower().startswith(main) for part in parts):
        raise Unfit(_unreadable(kind))
    if _names_macros(types) or any(_is_macro(kind, part.filename.lower()) for part in parts):
        raise Unfit("has macros in it. Save it without them and retry.")
    if any(part.filename.lower().endswith(_PROGRAMS) for part in parts):
        raise Unfit("has programs in it. Save it without them and retry.")


def _is_nothing_else(file: Path, parts: list[zipfile.ZipInfo]) -> bool:
    """Whether a zip file begins with its first part and ends with its list of contents."""
    with file.open("rb") as stream:
        stream.seek(-_END_LENGTH, os.SEEK_END)
        ends = stream.read().startswith(_END_MARK)
    return ends and min((part.header_offset for part in parts), default=0) == 0


def _start(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """The list of types, which is short; raises ``ValueError`` if it isn't."""
    with archive.open(part) as stream:
        data = stream.read(_LONGEST_TYPES + 1)
    if len(data) > _LONGEST_TYPES:
        raise ValueError
    return data


def _names_macros(types: bytes) -> bool:
    """Whether an Office document says of a part, whatever it is called, that it holds macros."""
    # It may be in UTF-16, and any letter may be written as its number.
    text = unescape(types.replace(b"\0", b"").decode("latin-1")).lower()
    return any(word in text for word in _MACRO_TYPES)


def _is_macro(kind: FileType, name: str) -> bool:
    """Whether a part by its name (in small letters) is a macro, or a document that has some."""
    *folders, own = PurePosixPath(name).parts or ("",)
    if kind.media_type.startswith(_OPENDOCUMENT):
        return not _MACRO_FOLDERS.isdisjoint(folders)
    return own.endswith(_MACRO_ENDINGS) or not _MACRO_NAMES.isdisjoint((*folders, own))


def _unreadable(kind: FileType) -> str:
    return f"is no readable {kind.name} file. Save it again as {kind.name} and retry."
