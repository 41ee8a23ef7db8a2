"""The town: what opening, reloading and renewing do."""

from __future__ import annotations

import os
import stat
from datetime import date
from datetime import timedelta
from pathlib import Path

import pytest

from townhall.access.actors import system
from townhall.access.roles import ROLES
from townhall.clock import FixedClock
from townhall.db import meta
from townhall.errors import ConfigurationError
from townhall.lifecycle import switching
from townhall.town import Town


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Opening nothing says how to make a town, and makes no folder."""
    with pytest.raises(ConfigurationError, match="make one with townhall init"):
        Town.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_bad_setting_stops_the_start_in_words(tmp_path: Path) -> None:
    """A town with a mistake in its settings doesn't open, and says which."""
    (tmp_path / "townhall.toml").write_text("[town]\nnaem = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="naem"):
        Town.open(tmp_path)


def test_opening_twice_does_the_work_once(town: Town) -> None:
    """A second opening finds every table in place."""
    again = Town(town.instance, town.settings, town.database, town.clock)
    assert again.changes == []
    assert set(again.schemas) == set(town.schemas)


def test_the_secret_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    """The key survives restarts, and only the owner may read its file where the system knows owners."""
    (tmp_path / "townhall.toml").touch()
    first = Town.open(tmp_path)
    secret = first.secret
    first.close()
    second = Town.open(tmp_path)
    assert second.secret == secret
    assert len(secret) >= 32
    second.close()
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    """A key that somebody shortened is no key."""
    (tmp_path / "secret_key").write_text("short", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="too short"):
        Town.open(tmp_path)


def test_a_second_town_follows_when_something_is_switched(town: Town) -> None:
    """Whoever has the town open sees by the generation that it is outdated, and reloads."""
    other = Town(town.instance, town.settings, town.database, town.clock)
    assert other.is_current
    switching.disable(town, system(), "desk")
    assert not other.is_current
    renewed = other.renewed()
    assert renewed.schemas["desk.ticket"].frozen
    assert not other.schemas["desk.ticket"].frozen
    other.reload()
    assert other.is_current
    assert other.schemas["desk.ticket"].frozen


def test_seeded_roles_are_added_and_never_overwritten(town: Town) -> None:
    """The roles that come with Townhall are there; one that the town changed stays changed."""
    role = town.system.role
    role.update({role.permissions: '["core.contact.view"]'}).where(role.name == "viewer").execute()
    again = Town(town.instance, town.settings, town.database, town.clock)
    fresh = again.system.role
    rows = dict(fresh.select(fresh.name, fresh.permissions).tuples())
    assert set(rows) == set(ROLES)
    assert rows["viewer"] == '["core.contact.view"]'


def test_today_is_the_day_in_the_town(town: Town, clock: FixedClock) -> None:
    """Late in the evening in New York it is tomorrow in UTC, and still today in the town."""
    assert town.today() == date(2026, 3, 17)
    clock.move(timedelta(hours=10))
    assert clock.now().date() == date(2026, 3, 18)
    assert town.today() == date(2026, 3, 17)
    assert town.context(system()).today() == date(2026, 3, 17)


def test_the_generation_only_grows(town: Town) -> None:
    """Each bump is one more."""
    before = town.generation()
    assert meta.bump_generation(town.system) == before + 1
    assert town.generation() == before + 1
