"""The append-only history: what it keeps, what it shows to whom, and its digests."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from desk import TICKET
from desk import make_ticket
from desk import make_topic

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.errors import NotFound
from townhall.records import erasing
from townhall.records import history
from townhall.town import Town


def test_every_write_is_an_entry(town: Town, clerk: Actor, clock: FixedClock) -> None:
    """Creating, changing, moving, archiving and restoring each leave who, when, through which door and what."""
    record = make_ticket(town, clerk, make_topic(town))
    clock.move(timedelta(minutes=1))
    town.records.update(clerk, TICKET, record.id, {"summary": "Wide", "score": "1.5"}, version=1, note="Phoned")
    town.records.transition(clerk, TICKET, record.id, "ask", version=2)
    town.records.archive(clerk, TICKET, record.id, version=3)
    town.records.restore(clerk, TICKET, record.id, version=4)
    entries = town.records.history(clerk, TICKET, record.id)
    assert [entry.action for entry in entries] == ["create", "update", "transition", "archive", "restore"]
    assert [entry.version for entry in entries] == [1, 2, 3, 4, 5]
    assert {(entry.actor, entry.door) for entry in entries} == {("Erin Clerk", "admin")}
    assert entries[1].at == clock.now()
    assert entries[1].note == "Phoned"
    assert set(entries[1].changes) == {"summary", "score"}
    assert entries[1].changes["summary"] == ("Deep hole", "Wide")
    assert entries[2].changes == {"state": ("new", "waiting")}


def test_confidential_values_stay_masked(town: Town, clerk: Actor, viewer: Actor) -> None:
    """History says that a confidential value changed, never what it was; who may not know of the field sees nothing."""
    record = make_ticket(town, clerk, make_topic(town), secret="42")
    town.records.update(clerk, TICKET, record.id, {"secret": "43"}, version=1)
    entry = town.records.history(clerk, TICKET, record.id)[1]
    assert entry.changes == {"secret": (history.MASK, history.MASK)}
    assert town.records.history(viewer, TICKET, record.id)[1].changes == {}


def test_public_learns_no_names(town: Town, clerk: Actor) -> None:
    """A citizen with the link sees public fields only and no colleague's name; the public sees nothing at all."""
    record = make_ticket(town, clerk, make_topic(town))
    town.records.update(clerk, TICKET, record.id, {"summary": "Wide", "details": "secret"}, version=1, note="Hm")
    entry = town.records.history(citizen(frozenset({(TICKET, record.id)})), TICKET, record.id)[1]
    assert (set(entry.changes), entry.actor, entry.note) == ({"summary"}, "", "")
    with pytest.raises(NotFound):
        town.records.history(ANONYMOUS, TICKET, record.id)


def test_digests_cover_entry_and_values(town: Town, clerk: Actor) -> None:
    """Each entry's digest can be worked out anew, and each value digest is salted: equal values look different."""
    topic = make_topic(town)
    make_ticket(town, clerk, topic)
    make_ticket(town, clerk, topic)
    entry, values = town.system.history, town.system.history_values
    kept = {row["history_id"]: row for row in values.select().dicts()}
    seen = set()
    for row in entry.select().dicts():
        mine = kept[row["id"]]
        digest = history.values_digest(mine["salt"], mine["note"], mine["changes"])
        assert row["values_digest"] == digest
        facts = [row[name] for name in history.FACTS]
        assert row["digest"] == history.entry_digest([*facts, digest])
        seen.add(digest)
    assert len(seen) == len(kept) == 3


def test_erased_values_leave_the_entry(town: Town, clerk: Actor) -> None:
    """When values are erased, the entry still says who did what when."""
    record = make_ticket(town, clerk, make_topic(town))
    (entry,) = town.records.history(clerk, TICKET, record.id)
    assert not entry.erased
    assert erasing.erase(town, system(), [entry.id], "Asked for") == 1
    assert erasing.erase(town, system(), [entry.id], "Again") == 0
    (entry,) = town.records.history(clerk, TICKET, record.id)
    assert (entry.action, entry.changes, entry.note, entry.erased) == ("create", {}, "", True)
    assert len(entry.digest) == 64


def test_values_are_canonical_json(town: Town, clerk: Actor) -> None:
    """Values are kept as JSON with sorted keys, so that the same values always have the same digest."""
    make_ticket(town, clerk, make_topic(town), lines=[{"what": "Ä", "amount": "1"}])
    for row in town.system.history_values.select().dicts():
        again = json.dumps(json.loads(row["changes"]), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert row["changes"] == again


def test_parts_that_are_not_for_everybody_stay_hidden(town: Town, clerk: Actor) -> None:
    """What was answered to a confidential question is in no history that a clerk or a citizen reads."""
    questions = [
        {"code": "deep", "label": "How deep?", "type": "integer"},
        {"code": "health", "label": "Health", "type": "text", "privacy": "confidential"},
    ]
    topic = make_topic(town, "Health", questions=questions)
    record = make_ticket(town, clerk, topic, answers={"deep": 4, "health": "secret"})
    new = town.records.history(clerk, TICKET, record.id)[0].changes["answers"][1]
    assert dict(new.values) == {"deep": 4}
    whole = town.records.history(system(), TICKET, record.id)[0].changes["answers"][1]
    assert dict(whole.values) == {"deep": 4, "health": "secret"}
