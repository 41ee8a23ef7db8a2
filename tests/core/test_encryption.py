"""Confidential values are kept encrypted where a town or a schema asks for it, and only files show the difference."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from keys_shown import shows

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cli.encryption import findings
from townhall.clock import FixedClock
from townhall.encryption import MARK
from townhall.encryption import KeyProblem
from townhall.encryption import Vault
from townhall.lifecycle import packing
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.lifecycle import unpacking
from townhall.records import encrypting
from townhall.records.plans import plans
from townhall.testing import copy_of
from townhall.testing import make_template
from townhall.testing.towns import MOMENT
from townhall.town import Town

TICKET = "desk.ticket"
SECRET = "Diabetic zqencrypted"


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """A town that keeps all confidential fields encrypted."""
    town = make_town("desk")
    switch(town, True)
    return town


def switch(town: Town, on: bool) -> None:
    """What a changed setting and a restart do."""
    town.settings = replace(town.settings, encrypt_confidential=on)
    plans(town).kept.clear()


def ticket(town: Town, **values: Any) -> Any:
    """A ticket with a secret."""
    topics = town.records.find(system(), "desk.topic", limit=1).records
    topic = topics[0] if topics else town.records.create(system(), "desk.topic", {"name": "Streets"})
    return town.records.create(system(), TICKET, {"topic": topic.id, "summary": "Hole", "secret": SECRET, **values})


def whole_database(town: Town) -> str:
    """Everything that stands in any table."""
    names = [name for name in town.database.get_tables() if not name.startswith("search_words")]
    rows = (row for name in names for row in town.database.execute_sql(f'SELECT * FROM "{name}"').fetchall())
    return "\n".join(str(row) for row in rows)


@contextmanager
def without_key(town: Town) -> Iterator[None]:
    """The town as it is when its key file is lost."""
    vault = town.vault
    aside = vault.file.rename(vault.file.with_name("aside"))
    town.vault = Vault(vault.file, vault.known)
    yield
    town.vault = vault
    aside.rename(vault.file)


def test_nothing_that_is_encrypted_stands_in_the_database(town: Town, clerk: Actor) -> None:
    """Written, changed, and looked at: the value is in no table, not in history, and is read as before."""
    record = ticket(town)
    assert town.records.get(system(), TICKET, record.id)["secret"] == SECRET
    changed = town.records.update(clerk, TICKET, record.id, {"secret": "Asthma zqencrypted"}, version=record.version)
    assert "zqencrypted" not in whole_database(town)
    assert changed.masked == {"secret"}
    assert "secret" not in changed.values
    assert town.records.reveal(clerk, TICKET, record.id, "secret", "Caller asks") == "Asthma zqencrypted"
    entries = town.records.history(system(), TICKET, record.id)
    assert entries[-2].changes["secret"] == (SECRET, "Asthma zqencrypted")
    assert town.records.history(clerk, TICKET, record.id)[1].changes["secret"] == ("confidential", "confidential")
    emptied = town.records.update(clerk, TICKET, record.id, {"secret": None}, version=changed.version)
    assert emptied.masked == frozenset()
    assert town.system.sealed_value.select().count() == 0
    assert (town.vault.file.stat().st_mode & 0o777 == 0o600) or os.name != "posix"
    assert town.vault.file.parent == town.instance


@shows("fields.NAME.encrypt", "storage")
def test_a_schema_can_ask_for_it(tmp_path: Path) -> None:
    """``encrypt = true`` keeps that field encrypted in every town, whatever type it has; without it stands as it is."""
    folder = tmp_path / "dogs"
    (folder / "schemas").mkdir(parents=True)
    manifest = 'name = "dogs"\ntitle = "Dogs"\ndescription = "Dogs."\nversion = "1.0.0"\napi = ">=1,<2"\n'
    (folder / "plugin.toml").write_text(manifest)
    kinds = {"bite": "date", "fine": "money", "home": "address", "judge": "text", "tag": "integer", "kept": "boolean"}
    fields = "".join(
        f'[fields.{prefix}_{name}]\ntype = "{kind}"\nprivacy = "confidential"\n'
        f"encrypt = {str(prefix == 'yes').lower()}\n"
        for name, kind in kinds.items()
        for prefix in ("yes", "no")
    )
    head = '[type]\nname = "dog"\ntitle = "{name}"\n[fields.name]\ntype = "text"\n'
    (folder / "schemas" / "dog.toml").write_text(head + fields)
    clock = FixedClock(MOMENT)
    with copy_of(make_template(tmp_path / "template", [folder], clock), tmp_path / "town", clock) as town:
        told = {
            "bite": "2026-01-05",
            "fine": "12.50",
            "home": {"line1": "2 Bridge Street", "country": "US"},
            "judge": "Gray",
            "tag": 4711,
            "kept": True,
        }
        both = {f"{prefix}_{name}": value for name, value in told.items() for prefix in ("yes", "no")}
        record = town.records.create(system(), "dogs.dog", {"name": "Rex", **both})
        row = town.database.execute_sql("SELECT * FROM dogs_dog")
        stored = dict(zip([each[0] for each in row.description], row.fetchone(), strict=True))
        assert not any(value for name, value in stored.items() if name.startswith("yes_"))
        assert stored["no_tag"] == 4711
        kept = town.records.get(system(), "dogs.dog", record.id)
        assert all(kept[f"yes_{name}"] == kept[f"no_{name}"] != None for name in kinds)  # noqa: E711
        assert town.database.execute_sql("SELECT count(*) FROM sealed_value").fetchone()[0] == len(kinds)


def test_a_lost_key_is_one_sentence_and_loses_nothing(town: Town, clerk: Actor) -> None:
    """Without the key records stay readable and can be changed; the value itself is refused in a sentence, and kept."""
    record = ticket(town)
    with without_key(town):
        seen = town.records.get(clerk, TICKET, record.id)
        assert seen.masked == {"secret"}
        assert seen["summary"] == "Hole"
        with pytest.raises(KeyProblem, match=r"The key file .*encryption_key is missing, so .* can't be read"):
            town.records.reveal(clerk, TICKET, record.id, "secret", "Caller asks")
        seen = town.records.update(clerk, TICKET, record.id, {"summary": "Deep hole"}, version=seen.version)
        with pytest.raises(KeyProblem, match="missing"):
            town.records.update(clerk, TICKET, record.id, {"secret": "New"}, version=seen.version)
        assert not town.vault.file.exists(), "a new key in its place would read nothing"
        assert [good for good, _ in findings(town)] == [False]
        assert town.records.compare(clerk, TICKET, record.id, 1, 2)
    assert town.records.get(system(), TICKET, record.id)["secret"] == SECRET
    assert [good for good, _ in findings(town)] == [True]


def test_switching_on_and_off_takes_over_what_is_there(town: Town, clerk: Actor) -> None:
    """What was written before is readable at once, and ``apply`` moves it, both ways; no record gets a new version."""
    switch(town, False)
    before = ticket(town)
    other = ticket(town, secret=None)
    assert "zqencrypted" in whole_database(town)
    switch(town, True)
    assert town.records.get(system(), TICKET, before.id)["secret"] == SECRET
    assert [(each.field, each.count) for each in encrypting.waiting(town)] == [("secret", 1)]
    assert any("townhall encryption apply" in sentence for _, sentence in findings(town))
    assert encrypting.apply(town) == 1
    assert SECRET not in str(town.database.execute_sql("SELECT secret FROM desk_ticket").fetchall())
    after = town.records.get(system(), TICKET, before.id)
    assert (after["secret"], after.version) == (SECRET, before.version)
    assert town.records.get(system(), TICKET, other.id)["secret"] is None
    assert encrypting.apply(town) == 0
    switch(town, False)
    assert town.records.get(system(), TICKET, before.id)["secret"] == SECRET
    assert encrypting.apply(town) == 1
    assert town.system.sealed_value.select().count() == 0
    assert town.records.get(system(), TICKET, before.id)["secret"] == SECRET


def test_a_new_key_takes_over_and_old_ones_still_read(town: Town) -> None:
    """Rotation encrypts records with the new key; what history keeps is read with the old one."""
    record = ticket(town)
    old = town.vault.fingerprints()
    new = town.vault.rotate()
    assert encrypting.renew(town) == 1
    assert town.vault.fingerprints() == (new, *old)
    fresh = Vault(town.vault.file, town.vault.known)
    assert SECRET in fresh.open(town.system.sealed_value.get().value)
    assert town.records.history(system(), TICKET, record.id)[0].changes["secret"][1] == SECRET
    lines = town.vault.file.read_text().splitlines()
    town.vault.file.write_text(lines[0] + "\n")
    assert [good for good, _ in findings(replaced(town))] == [False]
    town.vault.file.write_text("\n".join(lines) + "\n")


def replaced(town: Town) -> Town:
    """The town with its key file read anew."""
    town.vault = Vault(town.vault.file, town.vault.known)
    return town


def test_a_pack_stays_encrypted(town: Town, administrator: Actor, tmp_path: Path) -> None:
    """A pack holds no encrypted value as it is; where the key is, it is read again."""
    record = ticket(town)
    pack = tmp_path / "desk.pack"
    packing.pack(town, administrator, "desk", pack)
    assert b"zqencrypted" not in pack.read_bytes()
    switching.disable(town, administrator, "desk")
    unpacking.unpack(town, administrator, purging.purge(town, administrator, "desk", "desk"))
    assert town.records.get(system(), TICKET, record.id)["secret"] == SECRET


def test_the_cipher_says_what_is_wrong(tmp_path: Path) -> None:
    """Another key, a broken file and an empty one are told in a sentence."""
    vault = Vault(tmp_path / "key")
    sealed = vault.seal("Diabetic")
    assert sealed.startswith(MARK)
    assert "Diabetic" not in sealed
    assert vault.open_all(sealed) == vault.open_all("Diabetic") == "Diabetic"
    other = Vault(tmp_path / "other")
    other.seal("something")
    for file, words in ((tmp_path / "other", "encrypted with another key"), (tmp_path / "broken", "is no key")):
        (tmp_path / "broken").write_text("no key\n")
        with pytest.raises(KeyProblem, match=words):
            Vault(file).open(sealed)
    (tmp_path / "broken").write_text("")
    with pytest.raises(KeyProblem, match="is empty"):
        Vault(tmp_path / "broken").open(sealed)
