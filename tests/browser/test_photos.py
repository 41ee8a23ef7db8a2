"""Photos as the town keeps them, in a real browser: what was taken out of them is nothing that they are drawn with."""

from __future__ import annotations

import io
from base64 import b64decode
from base64 import b64encode

import pytest
from playwright.sync_api import Browser

from townhall.access.actors import ANONYMOUS
from townhall.testing import pictures
from townhall.town import Town

#: A red square of eight points, with its colours told apart as JFIF does and as Adobe does.
JFIF = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBk"
    "eFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAIAAgD"
    "ASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAABAb/xAAUEQEA"
    "AAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCOACqH/9k="
)
ADOBE = b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5NcXlwZHhc"
    "ZWdj/8AAEQgACAAIA1IRAEcRAEIRAP/EABQAAQAAAAAAAAAAAAAAAAAAAAb/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADANSAEcAQgAAPwBIHBz/"
    "2Q=="
)
COPY = b"a small copy"


class Sent(io.BytesIO):
    """An upload, as a browser sends it."""

    filename: str | None = "photo.jpg"


@pytest.mark.parametrize("own", [JFIF, ADOBE], ids=["jfif", "adobe"])
def test_a_photo_without_its_small_copies_is_drawn_as_before(town: Town, browser: Browser, own: bytes) -> None:
    """Small copies and what programs wrote are gone, and each point has its colour."""
    extra = b"JFXX\0\x10" + pictures.jpeg(segments=pictures.jpeg_segment(0xFE, COPY))
    first, rest = own[:2], own[2:]
    if own is JFIF:
        first, rest = own[:2] + pictures.jpeg_segment(0xE0, own[6:18] + b"\2\2" + COPY), own[20:]
    stored = town.files.stage(ANONYMOUS, Sent(first + pictures.jpeg_segment(0xE0, extra) + rest))
    kept = town.files.path(stored.checksum).read_bytes()
    assert COPY not in kept
    page = browser.new_page()
    colour = page.evaluate(
        """async (url) => {
            const image = new Image(); image.src = url; await image.decode();
            const canvas = new OffscreenCanvas(8, 8), drawing = canvas.getContext("2d");
            drawing.drawImage(image, 0, 0);
            return [...drawing.getImageData(4, 4, 1, 1).data];
        }""",
        f"data:image/jpeg;base64,{b64encode(kept).decode()}",
    )
    page.close()
    assert all(abs(is_now - was) < 12 for is_now, was in zip(colour, (200, 30, 30, 255), strict=True)), colour
