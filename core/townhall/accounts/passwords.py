"""Passwords: what makes one good enough, and how it is kept."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from argon2.exceptions import InvalidHashError

from townhall.accounts.common_passwords import is_common

MIN_LENGTH = 10
MAX_LENGTH = 200

_HASHER = PasswordHasher()


def problem(password: str, email: str = "", *known: str) -> str:
    """Why a new password is refused, in a sentence; empty if it is good enough.

    ``known`` are more words that others would try, like the names of the person and the town.
    """
    if len(password) < MIN_LENGTH:
        return f"Choose a password of at least {MIN_LENGTH} characters. Three words in a row are easy to remember."
    if len(password) > MAX_LENGTH:
        return f"Choose a password of at most {MAX_LENGTH} characters."
    if len(set(password)) < 4:
        return "Choose a password with more different characters."
    name = email.partition("@")[0].casefold()
    if len(name) > 3 and password.casefold().replace(name, "").strip("0123456789!.-_") == "":
        return "Choose a password that is not the e-mail address."
    if is_common(password, *known):
        return "Choose a password that others would not try first. Three words in a row are easy to remember."
    return ""


def normalise(password: str) -> str:
    """The same text however a keyboard composed its accents (as Flask-Security normalises)."""
    return unicodedata.normalize("NFKD", password)


def digest(password: str) -> str:
    """What is kept of a password (argon2id, in the form that Flask-Security checks)."""
    return _HASHER.hash(normalise(password))


def matches(password: str, kept: str | None) -> bool:
    """Whether ``password`` is the one of which ``kept`` is the digest. Takes as long if nothing is kept."""
    try:
        right = _HASHER.verify(kept or _decoy(), normalise(password))
    except (Argon2Error, InvalidHashError):
        return False
    return right and bool(kept)


def is_outdated(kept: str) -> bool:
    """Whether a digest was made with less effort than is asked today, and should be made anew."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _decoy() -> str:
    """The digest of a password that nobody has, to check against where there is no account."""
    return _HASHER.hash(secrets.token_urlsafe(32))
