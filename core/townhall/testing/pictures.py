"""Small real pictures for tests: the town looks into what is uploaded, so eight bytes of a signature are not enough."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple


def png(width: int = 2, height: int = 2, *, chunks: bytes = b"") -> bytes:
    """A grey PNG of this size; ``chunks`` stand before its points."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    points = (b"\0" + b"\x80" * width) * height if width * height < 1_000_000 else b""
    body = png_chunk(b"IDAT", zlib.compress(points))
    return b"\x89PNG\r\n\x1a\n" + header + chunks + body + png_chunk(b"IEND", b"")


def png_chunk(name: bytes, content: bytes) -> bytes:
    """One part of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def jpeg(width: int = 2, height: int = 2, *, segments: bytes = b"") -> bytes:
    """The frame of a JPEG of this size around no real points; ``segments`` stand before it."""
    frame = jpeg_segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0))
    return b"\xff\xd8" + segments + frame + jpeg_segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"\x12\xff\0\x34\xff\xd9"


def jpeg_segment(marker: int, content: bytes) -> bytes:
    """One part of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def gif(width: int = 2, height: int = 2, *, extensions: bytes = b"") -> bytes:
    """A GIF of this size in one colour; ``extensions`` stand before its picture."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + extensions + frame + b";"


def webp(width: int = 2, height: int = 2, *, chunks: bytes = b"", flags: int = 0) -> bytes:
    """The frame of a WebP of this size; ``chunks`` stand behind its points."""
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    first = riff_chunk(b"VP8X", bytes((flags, 0, 0, 0)) + sizes)
    points = riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0")
    body = b"WEBP" + first + points + chunks
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(name: bytes, content: bytes) -> bytes:
    """One part of a WebP."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


class HeicItem(NamedTuple):
    """One of the things in a HEIC: its kind, its bytes, and whether these stand in the list of items itself."""

    kind: bytes
    content: bytes
    beside: bool = False


def heic(
    width: int = 2,
    height: int = 2,
    *,
    exif: bytes = b"Exif\0\0",
    items: Sequence[HeicItem] = (),
    references: Sequence[tuple[bytes, int, int]] = (),
    properties: bytes = b"",
) -> bytes:
    """The frame of a HEIC of this size: a main picture (1), what a camera wrote into it (2), and ``items`` from 3 on.

    ``references`` say of one item what it is of another, such as ``(b"thmb", 3, 1)``; ``properties`` stand beside the
    size.
    """
    things = (HeicItem(b"hvc1", b"points"), HeicItem(b"Exif", exif), *items)
    about = b"".join(
        heic_box(b"infe", b"\x02\0\0\0" + struct.pack(">HH", number, 0) + thing.kind + b"\0")
        for number, thing in enumerate(things, 1)
    )
    size = heic_box(b"ispe", b"\0\0\0\0" + struct.pack(">II", width, height))
    links = b"".join(heic_box(kind, struct.pack(">HHH", item, 1, other)) for kind, item, other in references)
    kind = heic_box(b"ftyp", b"heic\0\0\0\0heicmif1")
    inner = b"".join(thing.content for thing in things if thing.beside)
    outer = b"".join(thing.content for thing in things if not thing.beside)

    def listed(start: int) -> bytes:
        places, outside, inside = b"", start, 0
        for number, thing in enumerate(things, 1):
            place = inside if thing.beside else outside
            places += struct.pack(">HHHHII", number, int(thing.beside), 0, 1, place, len(thing.content))
            inside += len(thing.content) * thing.beside
            outside += len(thing.content) * (not thing.beside)
        return heic_box(
            b"meta",
            b"\0\0\0\0"
            + heic_box(b"pitm", b"\0\0\0\0\0\x01")
            + heic_box(b"iinf", b"\0\0\0\0" + struct.pack(">H", len(things)) + about)
            + heic_box(b"iprp", heic_box(b"ipco", size + properties))
            + heic_box(b"iref", b"\0\0\0\0" + links)
            + heic_box(b"iloc", b"\x01\0\0\0\x44\0" + struct.pack(">H", len(things)) + places)
            + heic_box(b"idat", inner),
        )

    return kind + listed(len(kind) + len(listed(0)) + 8) + heic_box(b"mdat", outer)


def heic_box(name: bytes, content: bytes) -> bytes:
    """One part of a HEIC."""
    return struct.pack(">I", len(content) + 8) + name + content
