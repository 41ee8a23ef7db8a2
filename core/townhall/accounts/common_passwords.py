"""Passwords that everybody tries first. Only what is long enough to be allowed at all matters here.

People make a long password out of a short common one by adding digits, signs and capitals, or by writing it twice. So
these are taken off before it is looked up. Nothing is asked of any server.
"""

from __future__ import annotations

import re
from pathlib import Path

#: What stands at the root of the passwords that are used most, in any published list, and words of this trade.
_WORDS = frozenset(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split())
_ROWS = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz", "01234567890")
_LOOKALIKES = str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})


def is_common(password: str, *known: str) -> bool:
    """Whether somebody who guesses would try this soon; ``known`` are words about the town and the person."""
    plain = password.casefold()
    words = _WORDS | {word for text in known for word in re.findall(r"[^\W\d_]{3,}", text.casefold())}
    return _is_row(plain) or any(
        _is_made_of(core, words)
        for core in {_letters(plain), _letters(plain.translate(_LOOKALIKES)), _letters(_bare(plain))}
    )


def _bare(text: str) -> str:
    """Without digits and signs at both ends, and what looks like a letter in between read as one."""
    return text.strip("0123456789!?.,;:-_+*#@$%&/()= ").translate(_LOOKALIKES)


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]", "", text)


def _is_made_of(text: str, words: frozenset[str]) -> bool:
    """Whether ``text`` is nothing, one such word, or the same one again and again."""
    if not text:
        return True
    return any(text == word * (len(text) // len(word)) for word in words if len(text) % len(word) == 0)


def _is_row(text: str) -> bool:
    """Whether it is a run of keys or of the alphabet, either way, perhaps more than once."""
    plain = re.sub(r"[\W_]", "", text)
    for row in _ROWS:
        for run in (row, row[::-1]):
            endless = run * (len(plain) // len(run) + 2)
            if len(plain) >= 4 and plain in endless:
                return True
    return False
