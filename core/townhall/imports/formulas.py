"""Cells that a spreadsheet would take for a formula: made harmless on the way out, and as they were on the way in."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*(?:[=@\t\r]|[+-](?![\d.,]+$))")


def harmless(text: str) -> str:
    """Text that a spreadsheet takes as text: what would start a formula gets an apostrophe before it."""
    return f"'{text}" if _FORMULA.match(text) else text


def as_written(text: str) -> str:
    """What :func:`harmless` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
