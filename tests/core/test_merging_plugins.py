"""Merging records of a plugin's own type: files, encrypted values, unique links, hooks; and what waits to be sent."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from desk import CONTACT
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from plugging import add_plugin

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.lifecycle import switching
from townhall.messages import outbox
from townhall.records import sealing
from townhall.records import verifying
from townhall.records.types import Record
from townhall.testing import pictures
from townhall.town import Town

SHOP = "shops.thing"
SCHEMA = """
[type]
name = "thing"
label = "Shop"
title = "{name}"

[type.merge]
into = "merged_into"

[fields.name]
type = "text"
required = true

[fields.owner]
type = "link"
to = "core.contact"
unique = true

[fields.photos]
type = "files"
accept = ["image"]
max = 3

[fields.plan]
type = "file"
accept = ["image"]

[fields.code]
type = "text"
unique = true

[fields.secret]
type = "text"
privacy = "confidential"

[fields.part_of]
type = "link"
to = "thing"

[fields.merged_into]
type = "link"
to = "thing"
read_only = true
panel = ""
"""
CODE = """
from townhall import Rejected, for_types, hookimpl

TOLD = []

@hookimpl
@for_types("shops.thing")
def before_save(town, change):
    TOLD.append(("before", change.action, change.id))
    if change.values.get("name") == "Held":
        raise Rejected("This shop is held by the court.")

@hookimpl
@for_types("shops.thing")
def after_save(town, change):
    TOLD.append(("after", change.action, change.id))
"""


class Sent(BytesIO):
    """A file that somebody sends."""

    filename = "a.png"


@pytest.fixture
def shops(make_town: Callable[..., Town]) -> Town:
    """A town with shops, which can be merged."""
    town = make_town()
    add_plugin(town, "shops", schema=SCHEMA, code=CODE)
    switching.enable(town, system("cli"), "shops")
    town.reload()
    return town


def make_shop(town: Town, name: str = "Kettle", **values: Any) -> Record:
    """A shop."""
    return town.records.create(system(), SHOP, {"name": name, **values})


def photo(town: Town, actor: Actor, colour: int) -> str:
    """A picture that waits to be put on a record; its token."""
    return town.files.stage(actor, Sent(pictures.png(width=colour, height=1)), accept=["image"]).token


def now(town: Town, record: Record) -> Record:
    """A record as the town has it today."""
    return town.records.get(system(), record.identity, record.id)


def merge(town: Town, actor: Actor, kept: Record, other: Record, chosen: dict[str, str] | None = None) -> Record:
    """Merge two as they stand."""
    versions = (now(town, kept).version, now(town, other).version)
    return town.records.merge(actor, kept.identity, kept.id, other.id, chosen, versions=versions)


def test_files_of_both(shops: Town, clerk: Actor) -> None:
    """The kept one has the files of both; those of the other stay with it too, and all is as it was once apart."""
    records = shops.records
    kept = records.create(clerk, SHOP, {"name": "A", "photos": [photo(shops, clerk, 1)]})
    files_of_other = {"photos": [photo(shops, clerk, 2)], "plan": photo(shops, clerk, 3)}
    other = records.create(clerk, SHOP, {"name": "B", **files_of_other})
    before = [dict(now(shops, each).values) for each in (kept, other)]
    merge(shops, clerk, kept, other)
    now_kept, gone = now(shops, kept), now(shops, other)
    checksums = [file.checksum for file in (*now_kept["photos"], now_kept["plan"])]
    assert checksums == [each.checksum for each in (*before[0]["photos"], *before[1]["photos"], before[1]["plan"])]
    assert (gone["photos"], gone["plan"]) == (before[1]["photos"], before[1]["plan"])
    assert shops.files.remove_orphans() == 0
    done = records.take_apart(clerk, SHOP, other.id, version=gone.version)
    assert done.left == []
    assert [dict(now(shops, each).values) for each in (kept, other)] == before
    third = records.create(clerk, SHOP, {"name": "C", "photos": [photo(shops, clerk, n) for n in (4, 5, 6)]})
    with pytest.raises(ValidationFailed, match="At most 3 files"):
        merge(shops, clerk, kept, third)
    assert len(merge(shops, clerk, kept, third, {"photos": "other"})["photos"]) == 3


def test_encrypted_values_move_in(shops: Town, clerk: Actor) -> None:
    """A value that is encrypted is read, kept encrypted on the other, and given back."""
    shops.settings = replace(shops.settings, encrypt_confidential=True)
    kept, other = make_shop(shops), make_shop(shops, secret="zqheron")
    merge(shops, clerk, kept, other)
    assert now(shops, kept)["secret"] == "zqheron"
    assert shops.database.execute_sql("SELECT count(*) FROM shops_thing WHERE secret IS NOT NULL").fetchone()[0] == 0
    shops.records.take_apart(clerk, SHOP, other.id, version=now(shops, other).version)
    assert now(shops, kept)["secret"] is None
    assert now(shops, other)["secret"] == "zqheron"
    sealing.seal(shops)
    assert verifying.verify(shops).broken is None


def test_unique_values_go_over_and_come_back(shops: Town, clerk: Actor) -> None:
    """What must be unique is the kept one's while the other is gone, and the other's again after."""
    kept, other = make_shop(shops), make_shop(shops, code="K-7")
    merge(shops, clerk, kept, other)
    assert now(shops, kept)["code"] == "K-7"
    shops.records.take_apart(clerk, SHOP, other.id, version=now(shops, other).version)
    assert (now(shops, kept)["code"], now(shops, other)["code"]) == (None, "K-7")
    merge(shops, clerk, kept, other, {"code": "kept"})
    make_shop(shops, code="K-7")
    with pytest.raises(ValidationFailed, match="code"):
        shops.records.take_apart(clerk, SHOP, other.id, version=now(shops, other).version)
    assert now(shops, other).archived is not None


def test_what_can_not_name_the_kept_one_refuses_all_of_it(shops: Town, clerk: Actor) -> None:
    """Two shops can't have one owner, so the owners are not merged before the shops are; nothing is half done."""
    ada, twin = make_contact(shops, "Ada"), make_contact(shops, "Ada")
    first, second = make_shop(shops, "First", owner=ada.id), make_shop(shops, "Second", owner=twin.id)
    with pytest.raises(Rejected, match="Shop “Second” can't name the kept one: Another shop has this owner already"):
        merge(shops, clerk, ada, twin)
    hidden = replace(
        clerk, permissions=frozenset({f"{CONTACT}.{verb}" for verb in ("view", "edit", "merge")}), known={}
    )
    with pytest.raises(Rejected, match="A record that names the other") as refused:
        merge(shops, hidden, ada, twin)
    assert "Second" not in str(refused.value)
    assert [now(shops, each).version for each in (ada, twin, second)] == [1, 1, 1]
    assert now(shops, twin).archived is None
    merge(shops, clerk, first, second)
    merge(shops, clerk, ada, twin)
    assert now(shops, first)["owner"] == ada.id


def test_hooks_are_told_and_decide(shops: Town, clerk: Actor) -> None:
    """A plugin sees the one being archived and the others being updated, may refuse, and then nothing is changed."""
    kept, other = make_shop(shops, "Kept"), make_shop(shops, "Other")
    branch = make_shop(shops, "Branch", part_of=other.id)
    told = next(module.TOLD for name, module in sys.modules.items() if name.startswith("townhall_folder_shops"))
    told.clear()
    merge(shops, clerk, kept, other)
    changes = [("archive", other.id), ("update", kept.id), ("update", branch.id)]
    assert told == [("before", *each) for each in changes] + [("after", *each) for each in changes]
    told.clear()
    shops.records.take_apart(clerk, SHOP, other.id, version=now(shops, other).version)
    changes = [("update", kept.id), ("restore", other.id), ("update", branch.id)]
    assert told == [("before", *each) for each in changes] + [("after", *each) for each in changes]
    make_shop(shops, "Free", part_of=other.id)
    with shops.database.atomic():
        shops.database.execute_sql("UPDATE shops_thing SET name = 'Held' WHERE id = 3")
    before = [now(shops, each).version for each in (kept, other, branch)]
    with pytest.raises(Rejected, match="held by the court"):
        merge(shops, clerk, kept, other)
    assert [now(shops, each).version for each in (kept, other, branch)] == before


def test_frozen_records_are_not_merged(shops: Town, clerk: Actor) -> None:
    """While the plugin is off, its records are neither merged nor taken apart, with its sentence."""
    kept, other, third = (make_shop(shops, name) for name in "ABC")
    merge(shops, clerk, kept, other)
    switching.disable(shops, system("cli"), "shops")
    with pytest.raises(Forbidden, match="switched off"):
        merge(shops, clerk, kept, third)
    with pytest.raises(Forbidden, match="switched off"):
        shops.records.merging(clerk, SHOP, kept.id, third.id)
    with pytest.raises(Forbidden, match="switched off"):
        shops.records.take_apart(clerk, SHOP, other.id, version=now(shops, other).version)


def test_what_waits_to_be_sent_follows(town: Town, clerk: Actor) -> None:
    """A message about a case goes on to who is named now; none that is automatic to who asked not to be contacted."""
    words = {"type": TICKET, "event": "received", "subject": "We have it", "body": "Dear {name}, {link}"}
    town.records.create(system(), "core.message_template", words)
    topic = make_topic(town)
    emails = [{"address": "ada@example.org"}]
    ada, twin = make_contact(town, "Ada"), make_contact(town, "Ada", emails=emails)
    ticket = make_ticket(town, clerk, topic, reporter=twin.id)

    def waiting() -> list[tuple[int | None, str]]:
        return [(each.contact_id, each.status) for each in outbox.find(town, about=(TICKET, ticket.id))]

    assert waiting() == [(twin.id, "queued")]
    merge(town, clerk, ada, twin)
    assert waiting() == [(ada.id, "queued")]
    town.records.take_apart(clerk, CONTACT, twin.id, version=now(town, twin).version)
    assert waiting() == [(twin.id, "queued")]
    town.records.update(clerk, CONTACT, ada.id, {"do_not_contact": True}, version=now(town, ada).version)
    merge(town, clerk, ada, twin)
    assert waiting() == [(ada.id, "dropped")]
