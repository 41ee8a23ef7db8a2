"""A key that is parsed and ignored is a defect: each key is seen to do something at each door it names."""

from __future__ import annotations

from pathlib import Path

from keys_shown import DOORS
from keys_shown import claims


def test_each_key_is_seen_at_each_of_its_doors() -> None:
    """For every key and door there is a test that switches the key on and sees a change there."""
    wanted = {(key, door) for key, doors in DOORS.items() for door in doors}
    claimed = set(claims(Path(__file__).parent))
    missing = sorted(wanted - claimed)
    assert not missing, "no test shows " + ", ".join(f"{key} at {door}" for key, door in missing)


def test_nothing_is_claimed_that_does_not_exist() -> None:
    """A claim names a key and a door that the key says it has."""
    wanted = {(key, door) for key, doors in DOORS.items() for door in doors}
    assert set(claims(Path(__file__).parent)) <= wanted
