"""Text as people mean it: without case, accents and typographic variants.

``static/conditions.js`` has a twin of :func:`normalise`; one table of cases runs through both.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: Letters and marks that Unicode does not take apart, and what people type instead of them.
_LOOKALIKES = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ς": "σ",
        "‘": "'",
        "’": "'",
        "ʼ": "'",
        "“": '"',
        "”": '"',
        "‐": "-",
        "‑": "-",
        "–": "-",
        "—": "-",
    }
)
#: Words come again and again and are kept; what is longer isn't one.
_LONGEST_KEPT = 40
#: The largest number that a column holds, and its digits.
_LARGEST, _MOST_DIGITS = 2**63 - 1, 19
_WORD = re.compile(r"[^\W_]+")
#: The same for ASCII, which is nearly all text: small letters and digits stay, apostrophes go, all else is a blank.
_ASCII_WORDS = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)} | {ord("'"): None}


def normalise(text: str) -> str:
    """``text`` in the form by which it is compared, sorted and searched: ``"  ÉCOLE  Rue"`` is ``"ecole rue"``."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Nothing that is done to a word depends on those around it.
    bare = [part.lower() if part.isascii() else _bare(part) for part in text.split()]
    return " ".join([part for part in bare if part])


def ended(sentence: str) -> str:
    """A sentence with its full stop, unless it ends with a mark already."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def _bare(part: str) -> str:
    return _normalised(part) if len(part) <= _LONGEST_KEPT else _normalised.__wrapped__(part)


@lru_cache(maxsize=4096)
def _normalised(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join([mark for mark in apart if not unicodedata.combining(mark)])
    # Upper and then lower is what a browser can do too (it has no casefold), and makes "ß" equal "ss".
    return " ".join(bare.upper().lower().translate(_LOOKALIKES).split())


def whole_number(text: str) -> int | None:
    """The number that ``text`` writes in the digits 0 to 9; ``None`` for anything else, and for more digits than count.

    ``str.isdigit`` takes more for digits than ``int`` can read, and ``int`` refuses texts of thousands of them.
    """
    bare = text.strip()
    if not (bare.isascii() and bare.isdecimal() and len(bare) <= _MOST_DIGITS):
        return None
    number = int(bare)
    return number if number <= _LARGEST else None


def tokens(text: str) -> list[str]:
    """The words of ``text``, normalised, in order: ``"O'Brien, Zoë"`` has ``["obrien", "zoe"]``."""
    plain = text if text.isascii() else normalise(text)
    if plain.isascii():
        return plain.translate(_ASCII_WORDS).split()
    return _WORD.findall(plain.replace("'", ""))
