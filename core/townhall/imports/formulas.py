"""Cells that a spreadsheet would take for a formula: made harmless on the way out, and as they were on the way in.

A spreadsheet may part cells where we don't: at semicolons in many countries, at tabs, and at line ends once it has lost
count of the quotation marks, and then at commas inside a text. So what could begin a cell there is looked at as well,
behind quotation marks too, which such a spreadsheet takes away.
"""

from __future__ import annotations

import re

#: What begins a formula. A signed number is none; the wide forms are read as the others in some countries.
_START = re.compile(r"'* *(?:[=@\t\r\n＝＠＋－]|[+-](?![\d.,]+$))")
_PARTS = r",;\t\r\n"
#: Inside a text a sign begins many a line of a list, so there it takes something in the same cell that does harm.
_FORMULA = r"(?=[ \"]*(?:[=@＝＠]|[+\-＋－](?:(?!\1)[^\r\n])*[|(!]))"
_INSIDE = re.compile(rf"([{_PARTS}])('*){_FORMULA}")
_MARKED = re.compile(rf"([{_PARTS}])'('*){_FORMULA}")


def harmless(text: str) -> str:
    """Text that a spreadsheet takes as text: what would start a formula gets an apostrophe before it."""
    inside = _INSIDE.sub(r"\1'\2", text)
    return f"'{inside}" if _START.match(inside) else inside


def as_written(text: str) -> str:
    """What :func:`harmless` was given."""
    whole = text[1:] if text.startswith("'") and _START.match(text) else text
    return _MARKED.sub(r"\1\2", whole)
