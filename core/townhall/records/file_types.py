"""Which files the town takes in: a file must be what its name says it is.

A type is accepted by its extension and by the signature at the beginning of its content. The browser's word for the
type isn't asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

#: How many bytes a signature may need.
HEAD = 4096

#: Bytes of a byte order mark, and of blank lines.
_BEFORE_A_PDF = b"\xef\xbb\xbf \t\r\n"
_OPENDOCUMENT = b"mimetypeapplication/vnd.oasis.opendocument."
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}


@dataclass(frozen=True, slots=True)
class FileType:
    """A kind of file: its extensions, its media type, and how its content begins."""

    name: str
    extensions: tuple[str, ...]
    media_type: str
    group: str
    matches: Callable[[bytes], bool]


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


def _pdf(head: bytes) -> bool:
    # Readers look for its mark in the first kilobyte; words or bytes before it would make it another kind of file too.
    return head[:1024].lstrip(_BEFORE_A_PDF).startswith(b"%PDF-")


def _office(folder: bytes) -> Callable[[bytes], bool]:
    return lambda head: (
        head.startswith(b"PK\x03\x04")
        and (b"[Content_Types].xml" in head or folder in head or b"_rels/" in head or b"docProps/" in head)
    )


def _opendocument(kind: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(b"PK\x03\x04") and _OPENDOCUMENT + kind in head


def _text(head: bytes) -> bool:
    return b"\x00" not in head


_OFFICE = "application/vnd.openxmlformats-officedocument."
_OASIS = "application/vnd.oasis.opendocument."

FILE_TYPES = (
    FileType("PDF", ("pdf",), "application/pdf", "document", _pdf),
    FileType("JPEG", ("jpg", "jpeg"), "image/jpeg", "image", _starts(b"\xff\xd8\xff")),
    FileType("PNG", ("png",), "image/png", "image", _starts(b"\x89PNG\r\n\x1a\n")),
    FileType("GIF", ("gif",), "image/gif", "image", _starts(b"GIF87a", b"GIF89a")),
    FileType("WebP", ("webp",), "image/webp", "image", _webp),
    FileType("HEIC", ("heic", "heif"), "image/heic", "image", _heic),
    FileType("Word", ("docx",), _OFFICE + "wordprocessingml.document", "document", _office(b"word/")),
    FileType("Excel", ("xlsx",), _OFFICE + "spreadsheetml.sheet", "document", _office(b"xl/")),
    FileType("PowerPoint", ("pptx",), _OFFICE + "presentationml.presentation", "document", _office(b"ppt/")),
    FileType("OpenDocument text", ("odt",), _OASIS + "text", "document", _opendocument(b"text")),
    FileType("OpenDocument spreadsheet", ("ods",), _OASIS + "spreadsheet", "document", _opendocument(b"spreadsheet")),
    FileType(
        "OpenDocument presentation", ("odp",), _OASIS + "presentation", "document", _opendocument(b"presentation")
    ),
    FileType("RTF", ("rtf",), "application/rtf", "document", _starts(b"{\\rtf")),
    FileType("text", ("txt",), "text/plain", "document", _text),
    FileType("CSV", ("csv",), "text/csv", "document", _text),
)

_BY_EXTENSION = {extension: kind for kind in FILE_TYPES for extension in kind.extensions}


def known_type(filename: str) -> FileType | None:
    """The kind of file that the name's extension promises."""
    return _BY_EXTENSION.get(PurePath(filename).suffix.lower().lstrip("."))


def accepted(accept: Sequence[str]) -> tuple[FileType, ...]:
    """The kinds of file that ``accept`` (extensions and groups) lets in; all known ones if it is empty."""
    if not accept:
        return FILE_TYPES
    return tuple(
        kind for kind in FILE_TYPES if kind.group in accept or any(extension in accept for extension in kind.extensions)
    )


def in_words(kinds: Sequence[FileType]) -> str:
    """The kinds as a sentence names them: ``PDF, JPEG or PNG``."""
    names = [kind.name for kind in kinds]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
