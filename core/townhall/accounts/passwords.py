"""Passwords: what makes one good enough, and how it is kept."""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher

MIN_LENGTH = 10
MAX_LENGTH = 200

_HASHER = PasswordHasher()


def problem(password: str, email: str = "") -> str:
    """Why a new password is refused, in a sentence; empty if it is good enough."""
    if len(password) < MIN_LENGTH:
        return f"Choose a password of at least {MIN_LENGTH} characters. Three words in a row are easy to remember."
    if len(password) > MAX_LENGTH:
        return f"Choose a password of at most {MAX_LENGTH} characters."
    if len(set(password)) < 4:
        return "Choose a password with more different characters."
    name = email.partition("@")[0].casefold()
    if len(name) > 3 and password.casefold().replace(name, "").strip("0123456789!.-_") == "":
        return "Choose a password that is not the e-mail address."
    return ""


def normalise(password: str) -> str:
    """The same text however a keyboard composed its accents (as Flask-Security normalises)."""
    return unicodedata.normalize("NFKD", password)


def digest(password: str) -> str:
    """What is kept of a password (argon2id, in the form that Flask-Security checks)."""
    return _HASHER.hash(normalise(password))
