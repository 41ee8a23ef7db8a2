"""HEIC, as telephones write photos: how large it is, and its bytes without what doesn't show.

A HEIC is a list of items (pictures, tiles of a picture, Exif), of where their bytes stand, and of how they belong
together. Its parts point at each other's places, so what doesn't show is overwritten with nothing and not cut out.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from collections.abc import Iterator
from typing import NamedTuple

#: Boxes at the top that a picture needs; others are films, and what programs put beside it.
_KEPT = frozenset((b"ftyp", b"mdat", b"free", b"skip"))
#: Boxes about a picture that hold words of people and programs, or when it was made.
_UNSEEN = frozenset((b"udes", b"altt", b"crtt", b"mdft", b"uuid", b"udta", b"xml ", b"bxml"))
#: Items that hold what programs wrote: Exif, XMP and addresses.
_UNSEEN_ITEMS = frozenset((b"Exif", b"mime", b"uri "))
#: The kind that an item gets of which nothing is left. Readers pass over kinds that they don't know.
_NOTHING = b"free"


class _Item(NamedTuple):
    kind: bytes
    kind_at: int


class _Reference(NamedTuple):
    """That an item is a small copy of others (``thmb``), put together from them (``dimg``) or their mask (``auxl``)."""

    kind: bytes
    item: int
    others: tuple[int, ...]


class _Extent(NamedTuple):
    item: int
    method: int
    place: int
    length: int


def read(data: bytes) -> tuple[int, int, bytes]:
    """Width, height, and the bytes to keep. Raises ``ValueError``, ``IndexError`` or ``struct.error``."""
    content = bytearray(data)
    width = height = 0
    for name, start, end in _boxes(data, 0, len(data)):
        if name == b"meta":
            for box, begin, stop in _descend(data, start + 4, end):
                if box == b"ispe":
                    across, along = struct.unpack_from(">II", data, begin + 4)
                    width, height = max(width, across), max(height, along)
                elif box in _UNSEEN:
                    content[begin:stop] = bytes(stop - begin)
            _empty_items(content, data, {box: place for box, *place in _boxes(data, start + 4, end)})
        elif name not in _KEPT:
            content[start:end] = bytes(end - start)
    return width, height, bytes(content)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Names of boxes, and from where to where their contents stand."""
    while at + 8 <= end:
        length, name = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = end if length == 0 else at + length
        if stop < start or stop > end:
            raise ValueError
        yield name, start, stop
        at = stop


def _descend(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for name, start, stop in _boxes(data, at, end):
        if name in {b"iprp", b"ipco"}:
            yield from _descend(data, start, stop)
        else:
            yield name, start, stop


def _empty_items(content: bytearray, data: bytes, boxes: dict[bytes, list[int]]) -> None:
    """Overwrite what programs wrote, and the small copies of the picture."""
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    items = dict(_items(data, *boxes[b"iinf"]))
    references = list(_references(data, *boxes[b"iref"])) if b"iref" in boxes else []
    shown = _made_of(_main_item(data, boxes), references)
    copies = _small_copies(references, shown)
    unseen = copies | {number for number, item in items.items() if item.kind in _UNSEEN_ITEMS}
    extents = list(_extents(data, boxes[b"iloc"][0], boxes.get(b"idat", [0])[0]))
    for extent in extents:
        if extent.item in unseen:
            end = extent.place + extent.length
            if extent.method > 1 or end > len(data):
                raise ValueError
            content[extent.place : end] = bytes(extent.length)
    # A small picture may be its own small copy: what both stand on is needed.
    for extent in extents:
        if extent.item in shown and extent.method <= 1:
            place = slice(extent.place, extent.place + extent.length)
            content[place] = data[place]
    for number in copies & items.keys():
        content[items[number].kind_at : items[number].kind_at + 4] = _NOTHING


def _main_item(data: bytes, boxes: dict[bytes, list[int]]) -> set[int]:
    """The item that is the picture."""
    if b"pitm" not in boxes:
        return set()
    start, _ = boxes[b"pitm"]
    return {struct.unpack_from(">I" if data[start] else ">H", data, start + 4)[0]}


def _items(data: bytes, start: int, stop: int) -> Iterator[tuple[int, _Item]]:
    for name, begin, end in _boxes(data, start + (6 if data[start] == 0 else 8), stop):
        version = data[begin]
        if name == b"infe" and version >= 2:
            wide = version > 2
            (number,) = struct.unpack_from(">I" if wide else ">H", data, begin + 4)
            kind_at = begin + (10 if wide else 8)
            if kind_at + 4 > end:
                raise ValueError
            yield number, _Item(data[kind_at : kind_at + 4], kind_at)


def _references(data: bytes, start: int, stop: int) -> Iterator[_Reference]:
    number = "I" if data[start] else "H"
    for kind, begin, _ in _boxes(data, start + 4, stop):
        item, count = struct.unpack_from(f">{number}H", data, begin)
        others = struct.unpack_from(f">{count}{number}", data, begin + struct.calcsize(f">{number}H"))
        yield _Reference(kind, item, others)


def _made_of(items: Collection[int], references: list[_Reference]) -> set[int]:
    """Items, and all that they are put together from."""
    found: set[int] = set()
    parts = set(items)
    while parts:
        found |= parts
        used = [each.others for each in references if each.kind == b"dimg" and each.item in parts]
        parts = {other for others in used for other in others} - found
    return found


def _small_copies(references: list[_Reference], shown: set[int]) -> set[int]:
    """Items that are small copies, with what they are put together from and their masks; nothing of the picture."""
    named = {each.item for each in references if each.kind == b"thmb"}
    copies = _made_of(named, references) - shown
    masks = {each.item for each in references if each.kind == b"auxl" and copies.issuperset(each.others)}
    return copies | (masks - shown)


def _extents(data: bytes, at: int, beside: int) -> Iterator[_Extent]:
    """Where the bytes of items stand; ``beside`` is the place of those that stand in the list itself."""
    version, sizes, more = data[at], data[at + 4], data[at + 5]
    offset_size, length_size, base_size, index_size = sizes >> 4, sizes & 15, more >> 4, more & 15
    at += 6

    def number(size: int) -> int:
        nonlocal at
        if at + size > len(data):
            raise ValueError
        at += size
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(base_size)
        for _ in range(number(2)):
            number(index_size if version else 0)
            place = base + number(offset_size) + (beside if method == 1 else 0)
            yield _Extent(item, method, place, number(length_size))
