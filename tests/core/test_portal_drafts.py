"""Drafts of public forms: secret, expiring, sent once."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from townhall.config import Settings
from townhall.db import migration
from townhall.db.engines import open_database
from townhall.db.system import SystemTables
from townhall.encryption import Vault
from townhall.portal import drafts
from townhall.portal.drafts import Draft

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class FakeTown:
    """As much of a town as drafts need: a database, a clock that the test moves, and settings."""

    def __init__(self, folder: Path) -> None:
        self.database = open_database("sqlite:///drafts.db", folder)
        self.system = SystemTables(self.database)
        migration.prepare_system(self.database, self.system)
        self.settings = Settings(draft_days=30)
        self.moment = NOW
        self.clock = self
        self.schemas: dict[str, Any] = {}
        self.vault = Vault(folder / "encryption_key")

    def now(self) -> datetime:
        """The moment that the test set."""
        return self.moment


@pytest.fixture
def town(tmp_path: Path) -> Any:
    """A town with system tables only."""
    made = FakeTown(tmp_path)
    yield made
    made.database.close_all()


def test_draft_comes_back_under_its_key_only(town: Any) -> None:
    """What was kept comes back as it was; another key finds nothing, and the key itself is not stored."""
    draft = Draft("park.wish", "wish", chosen={"spot": 3}, values={"subject": "More trees"}, done=["what"])
    draft.typed["costs"] = [("costs-0-item", "Spade"), ("costs-0-item", "Rake")]
    key = drafts.start(town, draft)
    found = drafts.load(town, key)
    assert found is not None
    assert (found.chosen, found.values, found.typed, found.done) == (
        draft.chosen,
        draft.values,
        draft.typed,
        draft.done,
    )
    assert drafts.load(town, key[:-1] + ("A" if key[-1] != "A" else "B")) is None
    assert drafts.load(town, "") is None
    row = town.system.draft.select().dicts().get()
    assert key not in repr(row)


def test_draft_expires_after_an_hour_unless_it_is_saved(town: Any) -> None:
    """An unsaved draft lives for an hour after its last change, a saved one for the town's days."""
    key = drafts.start(town, Draft("park.wish", "wish"))
    town.moment = NOW + timedelta(minutes=59)
    draft = drafts.load(town, key)
    assert draft is not None
    drafts.keep(town, key, draft)
    town.moment = NOW + timedelta(minutes=118)
    draft = drafts.load(town, key)
    assert draft is not None
    draft.saved = True
    drafts.keep(town, key, draft)
    town.moment += timedelta(days=29)
    assert drafts.load(town, key) is not None
    town.moment += timedelta(days=2)
    assert drafts.load(town, key) is None


def test_expired_drafts_are_deleted(town: Any) -> None:
    """A job clears away what has expired: nothing that was typed stays longer than promised."""
    drafts.start(town, Draft("park.wish", "wish", values={"subject": "Old"}))
    town.moment = NOW + timedelta(hours=2)
    drafts.start(town, Draft("park.wish", "wish"))
    assert drafts.remove_expired(town) == 1
    assert town.system.draft.select().count() == 1


def test_sent_draft_keeps_only_a_sealed_receipt(town: Any) -> None:
    """After sending, the answers are gone; the receipt opens with the key and stands in no readable form."""
    key = drafts.start(town, Draft("park.wish", "wish", values={"subject": "More trees"}))
    receipt = {"number": "W-2026-0001", "token": "s3cret-t0ken-of-the-link", "label": "Straße"}
    with drafts.sending(town, key) as draft:
        assert draft is not None
        assert not draft.sent
        drafts.mark_sent(town, key, 17, receipt)
    row = town.system.draft.select().dicts().get()
    assert "More trees" not in repr(row)
    assert "s3cret" not in repr(row)
    assert "s3cret" not in bytes.fromhex(row["sealed"]).decode("latin-1")
    found = drafts.load(town, key)
    assert found is not None
    assert (found.sent, found.receipt) == (17, receipt)


def test_sent_draft_can_not_be_changed_or_sent_again(town: Any) -> None:
    """Whoever comes second finds it sent; a late save of a page changes nothing."""
    key = drafts.start(town, Draft("park.wish", "wish"))
    late = drafts.load(town, key)
    with drafts.sending(town, key):
        drafts.mark_sent(town, key, 17, {"number": "W-2026-0001"})
    assert late is not None
    late.values["subject"] = "Too late"
    drafts.keep(town, key, late)
    with drafts.sending(town, key) as draft:
        assert draft is not None
        assert draft.sent == 17
        assert draft.receipt == {"number": "W-2026-0001"}


def test_failed_sending_leaves_the_draft_as_it_was(town: Any) -> None:
    """If the record can't be made, the draft is still there with everything in it."""
    key = drafts.start(town, Draft("park.wish", "wish", values={"subject": "More trees"}))

    def fail() -> None:
        with drafts.sending(town, key):
            drafts.mark_sent(town, key, 17, {})
            raise RuntimeError("the record is refused")

    with pytest.raises(RuntimeError):
        fail()
    draft = drafts.load(town, key)
    assert draft is not None
    assert (draft.sent, draft.values) == (0, {"subject": "More trees"})
