"""Secret links as something that a person can read out, write down and type in.

A link's token is 128 random bits in URL-safe base 64. On paper it stands as 26 letters and digits in groups of four,
in Crockford's base 32, which has no I, L, O or U and forgives those who write them.
"""

from __future__ import annotations

import base64
import binascii
import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_BYTES = 16
_LETTERS = 26
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


def readable(token: str) -> str:
    """The token in groups of four letters and digits: ``7QK2-M4XA-…``."""
    number = int.from_bytes(_decode(token), "big")
    letters = "".join(ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LETTERS - 1), -1, -5))
    return "-".join(letters[start : start + 4] for start in range(0, _LETTERS, 4))


def typed(text: str) -> str:
    """The token that somebody typed or pasted: a code, a token or a whole link. Empty if it is none of them."""
    text = text.strip()
    last = text.rstrip("/").rsplit("/", 1)[-1]
    if "/" in text and _TOKEN.fullmatch(last):
        return last
    letters = re.sub(r"[\s\-–—.]", "", text).upper()
    if len(letters) == _LETTERS and all(letter in _VALUES for letter in letters):
        number = 0
        for letter in letters:
            number = number << 5 | _VALUES[letter]
        if number < 1 << (8 * _BYTES):
            return base64.urlsafe_b64encode(number.to_bytes(_BYTES, "big")).rstrip(b"=").decode()
    return text if _TOKEN.fullmatch(text) else ""


def _decode(token: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(token + "==")
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != _BYTES:
        raise ValueError("This is not the token of a secret link.")
    return data
