"""The town's one colour: whether white text on it can be read (WCAG 2.1 relative luminance)."""

from __future__ import annotations

import re

#: White text on the town's colour must reach this contrast: AA's 4.5 with room for the shades mixed from it.
NEEDED_CONTRAST = 5.5

_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def is_colour(text: str) -> bool:
    """Whether ``text`` is a colour written like ``#0f5669``."""
    return _HEX.fullmatch(text) is not None


def contrast_with_white(colour: str) -> float:
    """Contrast of white on ``colour`` (``#rrggbb``), from 1 (white) to 21 (black)."""
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 1.05 / (luminance + 0.05)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
