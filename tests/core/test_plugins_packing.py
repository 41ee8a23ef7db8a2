"""Packing, unpacking and purging: all of it or nothing, into any town, and never without a copy."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from layers import WARD
from plugging import add_plugin
from plugging import remove
from rows import dump
from staff_client import hidden
from staff_client import plain
from staff_client import staff_client

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cli import main
from townhall.errors import PluginError
from townhall.lifecycle import layer_review
from townhall.lifecycle import packing
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.lifecycle import town_layer
from townhall.lifecycle import unpacking
from townhall.records import history as history_of
from townhall.testing import pictures
from townhall.town import Town
from townhall.wsgi import TownApplication
from townhall_forms.layer import read_layer
from townhall_forms.values import Reference

PNG = pictures.png()


class Sent(BytesIO):
    """A file that somebody sends."""

    filename = "a.png"


def fill(town: Town, clerk: Actor) -> int:
    """Somebody's ticket with everything that a record can have; its id."""
    make_contact(town, "Nobody")
    contact = make_contact(
        town,
        "Moreau",
        emails=[{"address": "jeanne@moreau.example"}],
        relationships=[{"contact": 1, "role": "Neighbour"}],
    )
    watcher = make_contact(town, "Okafor")
    topic = make_topic(town)
    photo = town.files.stage(clerk, Sent(PNG))
    ticket = make_ticket(
        town,
        clerk,
        topic,
        reporter=contact.id,
        watchers=[watcher.id],
        photos=[photo.token],
        secret="Confidential",
        about=Reference("core.contact", watcher.id),
        lines=[{"what": "Tar", "amount": "12.50"}],
        place={"latitude": 40.5, "longitude": -80.25},
        open_to_all=True,
    )
    letter = town.files.stage(system(), Sent(pictures.png(3)))
    town.records.message(clerk, TICKET, ticket.id, "We look into it.", files=[letter.token])
    ticket = town.records.transition(clerk, TICKET, ticket.id, "ask", version=ticket.version)
    town.records.update(clerk, TICKET, ticket.id, {"reporter": watcher.id}, version=ticket.version)
    return ticket.id


def check_history(town: Town, identity: str, id: int) -> list[str]:
    """The actions of a record's history, after proving every digest of it."""
    entry, values = town.system.history, town.system.history_values
    mine = (entry.identity == identity) & (entry.record_id == id)
    for facts in entry.select().where(mine).dicts():
        assert (
            history_of.entry_digest([facts[name] for name in (*history_of.FACTS, "values_digest")]) == facts["digest"]
        )
        told = values.select().where(values.history_id == facts["id"]).dicts().first()
        assert history_of.values_digest(told["salt"], told["note"], told["changes"]) == facts["values_digest"]
    return [each.action for each in town.records.history(system(), identity, id)]


def rewrite(source: Path, target: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """A pack with other members."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


@pytest.mark.parametrize("running", [True, False], ids=["on", "off and without files"])
def test_a_pack_brings_everything_into_another_town(
    make_town: Callable[..., Town], clerk: Actor, tmp_path: Path, running: bool
) -> None:
    """Records, numbers, files, history, moves, contacts and messages are there, under the contacts of the new town."""
    there = make_town("desk")
    id = fill(there, clerk)
    for _ in range(2):
        make_ticket(there, clerk, there.records.get(clerk, "desk.topic", 1))
    if not running:
        switching.disable(there, system(), "desk")
        remove(there.instance / "plugins" / "desk")
        there.reload()
    file = tmp_path / "desk.zip"
    packed = packing.pack(there, system(), "desk", file)
    assert packed.counts == {"desk.entry": 0, "desk.ticket": 3, "desk.topic": 1}
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(PluginError, match="is there already"):
        packing.pack(there, system(), "desk", file)

    here = make_town()
    known = make_contact(here, "Moreau", emails=[{"address": "Jeanne@Moreau.example"}])
    done = unpacking.unpack(here, system("cli", "Ada"), file)
    assert (done.running, done.counts, done.contacts, done.interactions) == (False, packed.counts, 2, 1)
    old, new = there.records.get(clerk, TICKET, id), here.records.get(clerk, TICKET, id)
    assert (new.title, new.number, new.state, new.version) == (old.title, old.number, old.state, old.version)
    same = ("topic", "summary", "answers", "lines", "total", "place", "score", "seen_at", "open_to_all", "kind")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert here.records.reveal(clerk, TICKET, id, "secret", "Look") == "Confidential"
    (watcher,) = new["watchers"]
    assert here.records.get(clerk, "core.contact", watcher).title == "Okafor"
    assert (new["reporter"], new["about"]) == (watcher, Reference("core.contact", watcher))
    assert here.records.open_file(clerk, new["photos"][0].id)[1].read_bytes() == PNG
    assert check_history(here, TICKET, id) == ["create", "transition", "update", "reveal"]
    change = here.records.history(clerk, TICKET, id)[2].changes["reporter"]
    assert change == (known.id, watcher)
    assert [state for state, _ in here.records.passed(clerk, TICKET, id)] == ["new", "waiting"]
    (talk,) = here.records.find(clerk, "core.interaction").records
    assert (talk["about"], talk["contact"], talk["body"]) == (Reference(TICKET, id), known.id, "We look into it.")
    assert here.records.open_file(clerk, talk["files"][0].id)[1].read_bytes() == pictures.png(3)
    assert [each.id for each in here.records.search(clerk, new.number)[0]] == [id]
    assert new.type.frozen
    assert here.system.secret_link.select().count() == 0

    copy = make_town("desk")
    (here.instance / "plugins").mkdir(exist_ok=True)
    (copy.instance / "plugins" / "desk").rename(here.instance / "plugins" / "desk")
    switching.enable(here, system(), "desk")
    following = make_ticket(here, clerk, here.records.get(clerk, "desk.topic", 1))
    assert (following.number, following.id) == ("T-2026-0004", old.id + 3)
    assert here.records.update(clerk, TICKET, id, {"summary": "Filled"}, version=new.version)["summary"] == "Filled"


def test_a_pack_is_the_same_whatever_engine_made_it(
    make_town: Callable[..., Town], clerk: Actor, tmp_path: Path
) -> None:
    """A pack comes from one engine to the other and back; packed again, it is the same."""
    there = make_town("desk")
    fill(there, clerk)
    packing.pack(there, system(), "desk", first := tmp_path / "first.zip")
    (folder := tmp_path / "small").mkdir()
    (folder / "townhall.toml").write_text('[town]\nname = "Small"\n', encoding="utf-8")
    small = Town.open(folder, clock=there.clock)  # on SQLite, wherever the others stand
    try:
        unpacking.unpack(small, system(), first)
        packing.pack(small, system(), "desk", again := tmp_path / "again.zip")
    finally:
        small.close()
    assert unpacking.unpack(back := make_town(), system(), again).counts[TICKET] == 1
    assert back.records.get(clerk, TICKET, 1).title == there.records.get(clerk, TICKET, 1).title
    kept = ("numbers.jsonl", "moves.jsonl", "clocks.jsonl", "routes.jsonl")
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(again) as two:
        for name in one.namelist():
            if name.startswith(("schemas/", "files/")) or name in kept:
                assert one.read(name) == two.read(name), name
        rows = [json.loads(line) for line in one.read("rows/desk_ticket.jsonl").splitlines()]
        assert rows[1][rows[0].index("open_to_all")] is True


def test_where_records_are_none_are_brought(
    town: Town, make_town: Callable[..., Town], clerk: Actor, tmp_path: Path
) -> None:
    """A town that has records of these types, or another version's tables, or lacks what is needed, refuses."""
    fill(town, clerk)
    packing.pack(town, system(), "desk", file := tmp_path / "desk.zip")
    before = dump(town, "desk")
    with pytest.raises(PluginError, match="there are records of Desk in this town already"):
        unpacking.unpack(town, system(), file)
    assert dump(town, "desk") == before
    with pytest.raises(PluginError, match="this town keeps no records of such a plugin"):
        packing.pack(town, system(), "unicorns", tmp_path / "none.zip")
    here = make_town("desk")
    assert unpacking.look(here, file).problem == ""
    done = unpacking.unpack(here, system(), file)
    assert done.running
    assert not here.schemas[TICKET].frozen
    assert here.records.count(clerk, TICKET).value == 1
    other = rewrite(file, tmp_path / "other.zip", need_lake)
    with pytest.raises(PluginError, match="Desk needs lake, which this town doesn't have"):
        unpacking.unpack(make_town(), system(), other)


def need_lake(members: dict[str, bytes]) -> None:
    """Say in a pack that its plugin requires another."""
    told = json.loads(members["pack.json"])
    told["essentials"]["requires"] = ["lake"]
    members["pack.json"] = json.dumps(told).encode()


def tampered(name: str, old: bytes, new: bytes, *, honest: bool = False) -> Callable[[dict[str, bytes]], None]:
    """Change a member; an ``honest`` tamperer changes the checksum with it."""

    def change(members: dict[str, bytes]) -> None:
        assert old in members[name]
        members[name] = members[name].replace(old, new)
        if honest:
            told = json.loads(members["pack.json"])
            told["members"][name] = {"sha256": sha256(members[name]).hexdigest(), "size": len(members[name])}
            members["pack.json"] = json.dumps(told).encode()

    return change


TRICKS: list[tuple[Callable[[dict[str, bytes]], object], str]] = [
    (tampered("rows/desk_ticket.jsonl", b"Deep hole", b"Other"), "is not what was packed"),
    (tampered("history.jsonl", b"Erin Clerk", b"Ed Clerk", honest=True), "history was changed"),
    (tampered("history_values.jsonl", b"Deep hole", b"Shallow", honest=True), "history was changed"),
    (tampered("rows/desk_ticket.jsonl", b'"id"', b'"idd"', honest=True), "has no column"),
    (tampered("rows/desk_ticket.jsonl", b'"Confidential"', b"7", honest=True), "value of another kind"),
    (tampered("rows/desk_topic.jsonl", b"\n[1,", b"\n[-1,", honest=True), "has no id"),
    (tampered("rows/desk_topic.jsonl", b"\n[1,", b"\n[", honest=True), "too many or too few values"),
    (tampered("rows/desk_topic.jsonl", b"\n[1,", b"\n[1,{", honest=True), "can't be read"),
    (tampered("attachments.jsonl", b"a.png", b"../a.png", honest=True), "that this town doesn't take"),
    (tampered("attachments.jsonl", b"image/png", b"text/html", honest=True), "that this town doesn't take"),
    (tampered("attachments.jsonl", b"desk.ticket", b"core.contact", honest=True), "not in it"),
    (tampered("moves.jsonl", b"desk.ticket", b"core.contact", honest=True), "not in it"),
    (tampered("numbers.jsonl", b"desk.ticket", b"core.event", honest=True), "can't be understood"),
    (tampered("schemas/topic.toml", b"[type]", b"[typo]", honest=True), "don't fit this town"),
    (tampered("pack.json", b'"format": 1', b'"format": 2'), "another version of Townhall"),
    (tampered("pack.json", b'"plugin": "desk"', b'"plugin": "../x"'), "names no plugin"),
    (tampered("pack.json", b'"counts"', b'"count"'), "lacks something"),
    (lambda members: members.update({"../../evil.py": b"import os"}), "holds something that no pack holds"),
    (lambda members: members.update({"files/" + "0" * 64: b"x"}), "was added to it or taken out"),
    (lambda members: members.pop("history.jsonl"), "was added to it or taken out"),
    (lambda members: members.pop("pack.json"), "no pack"),
    (lambda members: members.update({"history.jsonl": b" " * 30_000_000}), "holds far more than its size"),
]


def test_a_pack_that_is_not_as_it_was_is_refused(
    town: Town, make_town: Callable[..., Town], clerk: Actor, tmp_path: Path
) -> None:
    """Broken, tampered with, too large or with a trick in it: one sentence, and nothing is changed."""
    fill(town, clerk)
    packing.pack(town, system(), "desk", packed := tmp_path / "desk.zip")
    empty = make_town()
    tables = set(empty.database.get_tables())
    for change, words in TRICKS:
        odd = rewrite(packed, tmp_path / "odd.zip", change)
        with pytest.raises(PluginError, match=words) as refused:
            unpacking.unpack(empty, system(), odd)
        assert str(refused.value).endswith("Nothing was changed.")
        assert "\n" not in str(refused.value)
        assert set(empty.database.get_tables()) == tables, words
        assert "desk" not in {one.name for one in switching.statuses(empty)}
        assert not [file for file in (empty.instance / "files").rglob("*") if file.is_file()]
        assert empty.records.count(system(), "core.contact").value == 0
        assert "desk.ticket" not in empty.schemas
    assert not (tmp_path.parent / "evil.py").exists()
    (file := tmp_path / "garbage.zip").write_bytes(b"garbage")
    with pytest.raises(PluginError, match="this is no pack"):
        unpacking.look(empty, file)
    assert unpacking.unpack(empty, system(), packed).counts[TICKET] == 1


def test_purging_packs_first_and_insists_on_the_name(town: Town, clerk: Actor) -> None:
    """Only one that is off goes; it shows what goes and who will miss it, and history stays and says so."""
    id = fill(town, clerk)
    town.records.make_link(clerk, TICKET, id, "status")
    history = town.records.history(system(), TICKET, id)
    with pytest.raises(PluginError, match=r"Desk is on\. Switch it off first"):
        purging.purge(town, system(), "desk", "desk")
    switching.disable(town, system(), "desk")
    told = " ".join(purging.lines(purging.impact(town, "desk"), town.schemas))
    for words in ("1 ticket, 1 topic", "1 file", "1 secret link of the public", "refer to them: 1 interaction"):
        assert words in told, told
    before = dump(town, "desk")
    for typed in ("", "Desk", "desk2"):
        with pytest.raises(PluginError, match="type its name, desk, exactly"):
            purging.purge(town, system(), "desk", typed)
    assert dump(town, "desk") == before
    photo = town.records.get(clerk, TICKET, id)["photos"][0].checksum
    generation = town.generation()
    file = purging.purge(town, system("cli", "Ada"), "desk", "desk")
    assert file.parent == town.instance / "packs"
    assert town.generation() > generation
    assert not [name for name in town.database.get_tables() if name.startswith("desk_")]
    assert TICKET not in town.schemas
    assert not town.files.path(photo).exists()
    for table in (town.system.attachment, town.system.secret_link, town.system.case_transition):
        assert table.select().where(table.identity == TICKET).count() == 0
    assert town.records.search(clerk, "Deep hole")[0] == []
    entry = town.system.history
    kept = list(entry.select(entry.action).where(entry.identity == TICKET).order_by(entry.id).tuples())
    assert [action for (action,) in kept] == [*(each.action for each in history), "pack", "purge"]
    (talk,) = town.records.find(clerk, "core.interaction").records
    assert town.records.get(clerk, "core.interaction", talk.id).titles == {
        key: title for key, title in talk.titles.items() if key[0] != TICKET
    }
    assert unpacking.unpack(town, system(), file).counts[TICKET] == 1
    assert check_history(town, TICKET, id) == [each.action for each in history]
    (talk,) = town.records.find(clerk, "core.interaction").records
    assert talk.titles[(TICKET, id)] == town.records.get(clerk, TICKET, id).title
    assert town.records.count(clerk, "core.contact").value == 3


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_town_that_is_at_work_can_be_packed(town: Town, clerk: Actor, tmp_path: Path) -> None:
    """Somebody saves while the first pack of a town is written, which nothing has told from others before."""
    fill(town, clerk)
    town.system.meta.delete().where(town.system.meta.key == "town").execute()
    saved: list[str] = []

    def save(statement: str) -> None:
        if 'FROM "history"' in statement and not saved:
            saved.append(statement)
            with closing(sqlite3.connect(str(town.database.database), isolation_level=None)) as colleague:
                colleague.execute("INSERT INTO meta (key, value) VALUES ('colleague', 'was here')")

    town.database.connection().set_trace_callback(save)
    try:
        assert packing.pack(town, system(), "desk", tmp_path / "desk.zip").counts[TICKET] == 1
    finally:
        town.database.connection().set_trace_callback(None)
    assert saved


def with_layer(town: Town, text: str) -> Town:
    """The town with this layer published."""
    layer_review.publish(town, system("cli", "Ivo"), read_layer(text), follows=town_layer.standing(town.system).head)
    return town.renewed()


def test_fields_of_the_towns_own_are_packed_with_their_values(
    make_town: Callable[..., Town], clerk: Actor, tmp_path: Path
) -> None:
    """What the town added is there again after a purge, and in another town, whatever that says of its own."""
    more = '[desk.ticket.fields.town_streets]\ntype = "choices"\nlabel = "Streets"\nchoices = ["mill", "weir"]\n'
    town = with_layer(make_town("desk"), f'{WARD}{more}[desk.ticket]\nlabel = "Docket"\n')
    given = {"town_ward": "north", "town_streets": ("mill", "weir")}
    id = make_ticket(town, clerk, make_topic(town), **given).id
    switching.disable(town, system(), "desk")
    file = purging.purge(town, system(), "desk", "desk")
    assert [name for name in town.database.get_tables() if name.startswith("desk_")] == []
    assert unpacking.unpack(town.renewed(), system(), file).counts[TICKET] == 1
    new, other = make_town("desk"), with_layer(make_town("desk"), '[desk.ticket]\nlabel = "Errand"\n')
    other = with_layer(other, f'[desk.ticket]\nlabel = "Errand"\n{WARD.replace("Ward", "Quarter")}')
    for there, label in ((new, "Docket"), (other, "Errand")):
        assert unpacking.unpack(there, system(), file).counts[TICKET] == 1
        assert there.renewed().schemas[TICKET].label == label
    for there in (town, new, other):
        record = there.renewed().records.get(clerk, TICKET, id)
        assert {name: record[name] for name in given} == given
    assert other.renewed().schemas[TICKET].fields["town_ward"].label == "Quarter"


def test_a_look_into_a_pack_names_what_the_other_town_says_itself(
    make_town: Callable[..., Town], clerk: Actor, tmp_path: Path
) -> None:
    """Fields, labels and choices that would be published with the records stand in the look ahead, at both doors."""
    town = with_layer(make_town("desk"), f'{WARD}[desk.ticket]\nlabel = "Docket"\n')
    make_ticket(town, clerk, make_topic(town), town_ward="north")
    file = tmp_path / "desk.zip"
    packing.pack(town, system(), "desk", file)
    new, other = make_town("desk"), with_layer(make_town("desk"), '[desk.ticket]\nlabel = "Errand"\n')
    told = {
        name: " ".join(unpacking.look(there, file).layer[0].sentences) for name, there in (("n", new), ("o", other))
    }
    assert "“Ward” is added" in told["n"]
    assert "“Ward” is added" in told["o"]
    assert ("Docket" in told["n"], "Docket" in told["o"]) == (True, False)
    boss = staff_client(new, "administrator")
    looked = plain(boss.post("/admin/packs/unpack", {"pack": (BytesIO(file.read_bytes()), "desk.zip")}))
    assert "Of the other town’s own" in looked
    assert "“Ward” is added" in looked
    if new.database.engine == "sqlite":
        new.database.close()
        asked = CliRunner().invoke(main, ["--instance", str(new.instance), "plugins", "unpack", str(file)], input="n\n")
        assert "Of the other town's own" in asked.output
        assert "“Ward” is added" in asked.output


def test_a_layer_that_does_not_fit_keeps_a_pack_out(
    make_town: Callable[..., Town], clerk: Actor, tmp_path: Path
) -> None:
    """A field that holds something else here, and changes that wait to be published, are told; nothing is changed."""
    town = with_layer(make_town("desk"), WARD)
    make_ticket(town, clerk, make_topic(town), town_ward="north")
    file = tmp_path / "desk.zip"
    packing.pack(town, system(), "desk", file)
    text = '[desk.ticket.fields.town_ward]\ntype = "text"\nlabel = "Ward"\n'
    other = with_layer(make_town("desk"), text)
    with pytest.raises(PluginError, match=r"“town_ward” of desk\.ticket in it holds something else"):
        unpacking.unpack(other, system(), file)
    drafted = make_town("desk")
    head = town_layer.standing(drafted.system).head
    town_layer.save_draft(drafted, system("cli", "Ivo"), read_layer('[desk.ticket]\nlabel = "X"\n'), follows=head)
    assert "Publish or discard them first" in unpacking.look(drafted, file).problem
    with pytest.raises(PluginError, match="Publish or discard them first"):
        unpacking.unpack(drafted, system(), file)
    for untouched in (other, drafted):
        assert untouched.renewed().records.count(system(), TICKET).value == 0
    bad = rewrite(file, tmp_path / "bad.zip", lambda members: honest(members, b"[core.contact]\nlabel = 'X'\n"))
    with pytest.raises(PluginError, match="about records that are not in it"):
        unpacking.unpack(make_town("desk"), system(), bad)


def honest(members: dict[str, bytes], layer: bytes) -> None:
    """Put another layer into a pack, with its right checksum."""
    told = json.loads(members["pack.json"])
    told["members"]["layer.toml"] = {"sha256": sha256(layer).hexdigest(), "size": len(layer)}
    members |= {"layer.toml": layer, "pack.json": json.dumps(told).encode()}


def test_whoever_purges_too_late_leaves_the_pack_alone(town: Town, clerk: Actor) -> None:
    """Two who purge in the same second: one does it, the other is told so, and the pack is still there and whole."""
    fill(town, clerk)
    switching.disable(town, system(), "desk")
    late = town.renewed()
    file = purging.purge(town, system(), "desk", "desk")
    with pytest.raises(PluginError):
        purging.purge(late, system(), "desk", "desk")
    assert unpacking.unpack(town, system(), file).counts[TICKET] == 1
    again = purging.purge(town.renewed(), system(), "desk", "desk")
    assert (again != file, again.is_file(), file.is_file()) == (True, True, True)


def test_nothing_goes_before_its_pack_is_on_the_disk(town: Town, clerk: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pack and its name are on the disk itself while the records are still there, should the power fail."""
    fill(town, clerk)
    switching.disable(town, system(), "desk")
    real, synced = os.fsync, []

    def seen(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, "desk_ticket" in town.database.get_tables()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    file = purging.purge(town, system(), "desk", "desk")
    assert {(file.stat().st_ino, True), (file.parent.stat().st_ino, True)} <= set(synced)


def test_one_that_others_were_made_for_is_purged_after_them(town: Town) -> None:
    """Records that link to those of another plugin go first."""
    add_plugin(town, "lake")
    add_plugin(town, "pond", requires='requires = ["lake"]\n')
    switching.enable(town, system(), "pond")
    switching.disable(town, system(), "pond")
    switching.disable(town, system(), "lake")
    with pytest.raises(PluginError, match=r"Records of Pond belong to those of Lake\. Purge Pond first\."):
        purging.purge(town, system(), "lake", "lake")
    purging.purge(town, system(), "pond", "pond")
    purging.purge(town, system(), "lake", "lake")


def test_the_commands_pack_unpack_and_purge(tmp_path: Path, clerk: Actor) -> None:
    """Each says what it does; purge without a terminal wants the name; exit codes tell."""

    def run(folder: str, *words: str, **options: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["--instance", str(tmp_path / folder), "plugins", *words], **options)
        return result.exit_code, result.output

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "townhall.toml").write_text(f'[town]\nname = "{name.title()}"\n', encoding="utf-8")
    file = str(tmp_path / "recruitment.zip")
    assert run("one", "enable", "recruitment", "--yes")[0] == 0
    code, said = run("one", "pack", "recruitment", "--output", file)
    assert (code, "keep it safe" in said) == (0, True)
    assert run("one", "pack", "recruitment", "--output", file)[0] == 1
    code, said = run("two", "unpack", file, input="n\n")
    assert (code, "packed by One" in said) == (1, True)
    code, said = run("two", "unpack", file, "--yes")
    assert (code, "townhall plugins enable recruitment" in said) == (0, True)
    assert run("two", "unpack", file, "--yes")[0] in (0, 1)
    assert run("two", "enable", "recruitment", "--yes")[0] == 0
    assert run("two", "purge", "recruitment", "--confirm", "recruitment")[0] == 1
    assert run("two", "disable", "recruitment", "--yes")[0] == 0
    assert run("two", "purge", "recruitment")[0] == 2
    assert run("two", "purge", "recruitment", "--confirm", "x")[0] == 1
    code, said = run("two", "purge", "recruitment", "--confirm", "recruitment")
    assert (code, "Everything that it kept is in" in said) == (0, True)


def test_the_pages_pack_purge_and_unpack(make_town: Callable[..., Town], clerk: Actor) -> None:
    """Each asks first; a pack comes as a download, goes in after a look into it, and purging wants the name."""
    town = make_town("desk")
    fill(town, clerk)
    application = TownApplication(town)
    boss = staff_client(town, "administrator", application)
    assert staff_client(town, "clerk", application).get("/admin/packs/pack?name=desk").status_code == 403
    assert "Confidential values are in it too" in plain(boss.get("/admin/packs/pack?name=desk"))
    pack = boss.post("/admin/packs/pack", {"name": "desk"})
    assert (pack.status_code, pack.mimetype) == (200, "application/zip")
    assert "desk-2026" in pack.headers["Content-Disposition"]
    content = pack.data
    pack.close()
    assert not list((town.instance / "packs").iterdir())
    assert "keeps no records" in plain(boss.follow(boss.get("/admin/packs/pack?name=unicorns")))
    assert "Switch it off first" in plain(boss.get("/admin/packs/purge?name=desk"))
    boss.post("/admin/plugins/switch", {"name": "desk", "on": "0"})
    assert "1 ticket, 1 topic" in plain(boss.get("/admin/packs/purge?name=desk"))
    wrong = boss.post("/admin/packs/purge", {"name": "desk", "confirm": "dusk"})
    assert (wrong.status_code, "type its name, desk, exactly" in plain(wrong)) == (422, True)
    purged = boss.follow(boss.post("/admin/packs/purge", {"name": "desk", "confirm": "desk"}))
    assert "Desk is purged" in plain(purged)
    assert boss.get("/admin/desk/ticket/").status_code == 404
    assert [file.name[:5] for file in (town.instance / "packs").iterdir()] == ["desk-"]

    assert "Choose a pack first" in plain(boss.post("/admin/packs/unpack", {}))
    odd = boss.post("/admin/packs/unpack", {"pack": (BytesIO(b"garbage"), "odd.zip")})
    assert (odd.status_code, "odd.zip: this is no pack" in plain(odd)) == (422, True)
    assert "not here any more" in plain(boss.post("/admin/packs/unpack", {"token": "../../etc/passwd"}))
    looked = boss.post("/admin/packs/unpack", {"pack": (BytesIO(content), "desk.zip")})
    assert "Unpack Desk?" in plain(looked)
    assert "desk.ticket" not in application.town.schemas
    done = boss.follow(boss.post("/admin/packs/unpack", {"token": hidden(looked, "token")}))
    assert "Desk is here: 1 ticket, 1 topic" in plain(done)
    assert "Deep hole" in plain(boss.get("/admin/desk/ticket/?view=all"))
    assert [file.name[:5] for file in (town.instance / "packs").iterdir()] == ["desk-"]
