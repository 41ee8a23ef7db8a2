"""Passwords of towns that are tried: kept in the same form, without the effort that guessing them is to take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher

from townhall.accounts import passwords


@contextmanager
def quick_passwords() -> Iterator[PasswordHasher]:
    """Keep and check passwords with the least work while this lasts; what works outside of tests is given.

    A password is meant to cost a quarter of a second each time, and most tests of pages sign somebody in.
    """
    usual = passwords._HASHER
    passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords._decoy.cache_clear()
    try:
        yield usual
    finally:
        passwords._HASHER = usual
        passwords._decoy.cache_clear()
