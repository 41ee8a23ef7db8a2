"""Counting how often somebody does something."""

from __future__ import annotations

from datetime import timedelta

import pytest

from townhall import limiting
from townhall.clock import FixedClock
from townhall.town import Town

HOUR = timedelta(hours=1)


def test_tries_are_allowed_up_to_the_limit(town: Town) -> None:
    """The limit itself is allowed, one more is not; another subject and another bucket count apart."""
    assert [limiting.allow(town, "form", "a", limit=2, per=HOUR) for _ in range(3)] == [True, True, False]
    assert limiting.allow(town, "form", "b", limit=2, per=HOUR)
    assert limiting.allow(town, "other", "a", limit=2, per=HOUR)


def test_a_new_window_begins_anew_and_old_counts_go(town: Town, clock: FixedClock) -> None:
    """After the window everything is allowed again, and a job deletes the old count once its day is over."""
    for _ in range(3):
        limiting.count(town, "form", "a", per=HOUR)
    assert 1 <= limiting.minutes_left(town, HOUR) <= 60
    clock.move(HOUR)
    assert limiting.allow(town, "form", "a", limit=1, per=HOUR)
    clock.move(23 * HOUR)
    assert limiting.forget_old(town) == 1
    assert town.system.rate_limit.select().count() == 1


def test_forgetting_clears_the_subject(town: Town) -> None:
    """After a success earlier tries no longer count."""
    limiting.count(town, "form", "a", per=HOUR)
    limiting.forget(town, "form", "a")
    assert limiting.hits(town, "form", "a", per=HOUR) == 0


def test_subjects_are_kept_only_as_digests(town: Town) -> None:
    """Neither an address nor an e-mail stands in the table."""
    limiting.count(town, "form", "203.0.113.7", per=HOUR)
    row = town.system.rate_limit.get()
    assert "203.0.113.7" not in str(row.__data__)


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::"),
        (None, "unknown"),
        ("socket", "socket"),
    ],
)
def test_a_household_counts_as_one(address: str | None, subject: str) -> None:
    """All IPv6 addresses of one network of 64 bits are one visitor."""
    assert limiting.visitor(address) == subject
