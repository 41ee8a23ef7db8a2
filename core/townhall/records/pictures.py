"""Photos as the town keeps them: measured without being drawn, and without what a camera writes into them unseen.

A phone notes in a photo where it was taken, when and with what, and a small copy from before it was cropped. None of it
is for the town's website. The points themselves are kept as they are, bit by bit; only which way is up is kept besides.
Whatever stands behind the end of a picture, such as a film or another file, goes as well.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass

from townhall.records import heic

#: Most points of a picture, and of one side. A screen takes four bytes for each, however small the file is.
MOST_POINTS = 120_000_000
LONGEST_SIDE = 30_000

_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112
#: Chunks of a PNG that say how it looks.
_PNG_KEPT = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs hIST sPLT cICP mDCV cLLI acTL fcTL fdAT".split()
)
#: Segments of a JPEG that its points are drawn with: frames, tables, intervals. Scans are told apart by themselves.
_JPEG_KEPT = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDD} - {0xC8})
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


class NoPicture(Exception):
    """The bytes are not what their type says."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's size in points, and its bytes without what doesn't show."""

    width: int
    height: int
    content: bytes

    @property
    def is_too_large(self) -> bool:
        """Whether drawing it would take more memory than a browser should be asked for."""
        return self.width * self.height > MOST_POINTS or max(self.width, self.height) > LONGEST_SIDE


def read(media_type: str, data: bytes) -> Picture:
    """A picture of one of :data:`READERS`' types. Raises :class:`NoPicture`."""
    try:
        picture = READERS[media_type](data)
    except (IndexError, struct.error, ValueError, zlib.error) as error:
        raise NoPicture from error
    if picture.width < 1 or picture.height < 1:
        raise NoPicture
    return picture


# -- JPEG -----------------------------------------------------------------------------------------------------------


def _jpeg(data: bytes) -> Picture:
    kept: list[bytes] = []
    size, orientation, at = (0, 0), 1, 2
    while True:
        start = at
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # filling
            at += 1
        if data[at] != 0xFF:
            raise NoPicture
        marker = data[at + 1]
        if marker == 0xD9:
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        segment = data[at : at + 2 + length]
        if length < 2 or len(segment) < 2 + length:
            raise NoPicture
        at += 2 + length
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", segment, 5)
            size = (max(size[0], width), max(size[1], height))
        if marker == 0xE1 and segment[4:10] == _EXIF:
            orientation = _orientation(segment[10:])
        if marker == 0xDA:
            found = _NEXT_MARKER.search(data, at)
            end = found.start() if found else len(data)
            kept.append(data[start:end])
            at = end
            if found is None:  # it was cut off; what there is can be seen
                break
        else:
            kept.append(_shown(marker, segment))
    if not size[0]:
        raise NoPicture
    upright = _segment(0xE1, _EXIF + _tiff(orientation)) if orientation != 1 else b""
    return Picture(*size, b"\xff\xd8" + upright + b"".join(kept) + b"\xff\xd9")


def _shown(marker: int, segment: bytes) -> bytes:
    """What is kept of a segment: all that points and colours need, and none of a program's data or small copies."""
    content = segment[4:]
    if marker in _JPEG_KEPT or (marker == 0xE2 and content.startswith(b"ICC_PROFILE\0")):
        return segment
    if marker == 0xE0 and content.startswith(b"JFIF\0") and len(content) >= 14:
        return _segment(marker, content[:12] + b"\0\0")  # the size of its small copy, which would follow
    if marker == 0xEE and content.startswith(b"Adobe") and len(content) >= 12:
        return _segment(marker, content[:12])
    return b""


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def _orientation(tiff: bytes) -> int:
    """Which way is up, as Exif says it: 1 to 8."""
    try:
        order = {b"II": "<", b"MM": ">"}[tiff[:2]]
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for place in range(first + 2, first + 2 + 12 * min(count, 200), 12):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, place)
            if (tag, kind) == (_ORIENTATION, 3):
                (value,) = struct.unpack_from(f"{order}H", tiff, place + 8)
                return int(value) if 1 <= value <= 8 else 1
    except (KeyError, struct.error):
        pass
    return 1


def _tiff(orientation: int) -> bytes:
    """Exif that says which way is up, and nothing else."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)


# -- PNG ------------------------------------------------------------------------------------------------------------


def _png(data: bytes) -> Picture:
    kept, at, size = [data[:8]], 8, (0, 0)
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        chunk = data[at : at + 12 + length]
        at += 12 + length
        if not size[0]:
            if name != b"IHDR" or length != 13:
                raise NoPicture
            size = struct.unpack_from(">II", chunk, 8)
        if name in _PNG_KEPT:
            kept.append(chunk)
        if name == b"IEND":
            break
    return Picture(*size, b"".join(kept))


# -- GIF ------------------------------------------------------------------------------------------------------------


def _gif(data: bytes) -> Picture:
    width, height, packed = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colours(packed)
    kept = [data[:at]]
    while at < len(data) and data[at] != 0x3B:
        start = at
        if data[at] == 0x21:
            label, at = data[at + 1], _after_blocks(data, at + 2)
            shows = label in {0xF9, 0x01} or (label == 0xFF and data[start + 3 : start + 14] == b"NETSCAPE2.0")
        elif data[at] == 0x2C:
            across, along, flags = struct.unpack_from("<HHB", data, at + 5)
            width, height = max(width, across), max(height, along)
            at, shows = _after_blocks(data, at + 10 + _colours(flags) + 1), True
        else:
            raise NoPicture
        if shows:
            kept.append(data[start:at])
    return Picture(width, height, b"".join(kept) + b"\x3b")


def _colours(packed: int) -> int:
    """Bytes of a table of colours."""
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while size := data[at]:
        at += size + 1
    return at + 1


# -- WebP -----------------------------------------------------------------------------------------------------------


def _webp(data: bytes) -> Picture:
    kept: list[tuple[bytes, bytes]] = []
    width = height = 0
    orientation = 1
    for name, content in _riff(data):
        if name == b"VP8X":
            width, height = (1 + int.from_bytes(content[place : place + 3], "little") for place in (4, 7))
        elif name == b"VP8 " and content[3:6] == b"\x9d\x01\x2a":
            across, along = struct.unpack_from("<HH", content, 6)
            width, height = max(width, across & 0x3FFF), max(height, along & 0x3FFF)
        elif name == b"VP8L" and content[:1] == b"\x2f":
            (bits,) = struct.unpack_from("<I", content, 1)
            width, height = max(width, (bits & 0x3FFF) + 1), max(height, (bits >> 14 & 0x3FFF) + 1)
        elif name == b"EXIF":
            orientation = _orientation(content.removeprefix(_EXIF))
        if name in {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}:
            kept.append((name, content))
    if kept and kept[0][0] == b"VP8X":
        first = kept[0][1]
        kept[0] = (b"VP8X", bytes((first[0] & ~0x0C | (0x08 if orientation != 1 else 0),)) + first[1:])
        if orientation != 1:
            kept.append((b"EXIF", _tiff(orientation)))
    body = b"WEBP" + b"".join(_chunk(name, content) for name, content in kept)
    return Picture(width, height, b"RIFF" + struct.pack("<I", len(body)) + body)


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, end = 12, min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


#: How to read each type of picture.
READERS: dict[str, Callable[[bytes], Picture]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/heic": lambda data: Picture(*heic.read(data)),
}
