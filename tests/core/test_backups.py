"""A town in one file: backed up while it is used, and brought back as a whole or not at all."""

from __future__ import annotations

import gc
import io
import json
import os
import re
import shutil
import signal
import threading
import zipfile
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result
from desk import CONTACT
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from processes import begin
from staff_client import staff_client

from townhall.access.actors import system
from townhall.cli import main
from townhall.clock import FixedClock
from townhall.db import dumps
from townhall.db.engines import open_database
from townhall.jobs.keeping import TownKeeper
from townhall.jobs.running import run_by_hand
from townhall.lifecycle import kept_backups
from townhall.messages import going_out
from townhall.messages import outbox
from townhall.records import sealing
from townhall.records import verifying
from townhall.town import Town

PDF = b"%PDF-1.7\n" + b"x" * 40
SECRET = "Diabetic zqencrypted"
SETTINGS = '[town]\nname = "Milbrook"\n[security]\nencrypt_confidential = true\n'
#: A process that runs a command and dies when it touches its town for the so-manieth time.
DIES = """\
import os, signal, sys
from townhall.cli import main
place, wanted, seen = sys.argv[1], int(sys.argv[2]), 0
TOUCHES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "sqlite3.connect"}
def watch(event, told):
    global seen
    touches = event in TOUCHES or (event == "open" and isinstance(told[1], str) and set(told[1]) & set("wxa+"))
    if (touches and place in str(told[0])) or event == "subprocess.Popen":
        seen += 1
        if seen == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
try:
    main(["--instance", place, *sys.argv[3:]])
finally:
    print("touches", seen, flush=True)
"""


class Sent(io.BytesIO):
    """An upload, as a browser sends it."""

    def __init__(self, filename: str, content: bytes) -> None:
        super().__init__(content)
        self.filename: str | None = filename


class Story:
    """A town with something of everything, and what it looks like from outside."""

    def __init__(self, town: Town) -> None:
        self.clock = town.clock
        self.instance = town.instance
        name = str(town.database.database)
        self.url = f"sqlite:///{Path(name).name}" if town.database.engine == "sqlite" else name
        self.engine = town.database.engine
        town.close()
        (self.instance / "townhall.toml").write_text(SETTINGS, encoding="utf-8")
        with self.open() as town:
            topic = make_topic(town)
            letter = town.files.stage(system(), Sent("a.pdf", PDF))
            self.ticket = make_ticket(town, system(), topic, secret=SECRET, letter=letter).id
            make_contact(town, "First")
            staff_client(town)
            outbox.add(town, "waiting", outgoing("moreau@post.example"))
            sealing.seal(town)

    @contextmanager
    def open(self) -> Iterator[Town]:
        """The town, opened like a command does."""
        town = Town.open(self.instance, clock=self.clock, database=self.url)
        try:
            yield town
        finally:
            town.close()

    def run(self, *arguments: str, input: str = "", instance: Path | None = None, **environ: str) -> Result:
        """Run a command on the town."""
        command = ["--instance", str(instance or self.instance), *arguments]
        given = {"TOWNHALL_DATABASE": self.url, **environ}
        return CliRunner().invoke(main, command, input=input, env=given, catch_exceptions=False)

    def change(self, name: str) -> None:
        """What happens after a backup: somebody new, other code of a plugin, another letter, another secret key."""
        with self.open() as town:
            make_contact(town, name)
            record = town.records.get(system(), TICKET, self.ticket)
            letter = town.files.stage(system(), Sent("b.pdf", PDF + name.encode()))
            town.records.update(system(), TICKET, record.id, {"letter": letter}, version=record.version)
        (self.instance / "plugins" / "desk" / "note.txt").write_text(name, encoding="utf-8")
        assert self.run("secrets", "rotate", "--yes").exit_code == 0

    def look(self) -> tuple[list[str], str, str, bytes]:
        """Who is known, what the plugin's folder says, which key it has, and the letter: all of one moment."""
        with self.open() as town:
            people = sorted(record["family_name"] for record in town.records.find(system(), CONTACT, limit=99).records)
            letter = town.records.get(system(), TICKET, self.ticket)["letter"]
            with town.files.open(letter) as stream:
                content = stream.read()
            assert town.records.get(system(), TICKET, self.ticket)["secret"] == SECRET
            assert verifying.verify(town).broken is None
        note = self.instance / "plugins" / "desk" / "note.txt"
        key = (self.instance / "secret_key").read_text(encoding="ascii")
        return people, note.read_text(encoding="utf-8") if note.exists() else "", key, content

    def asides(self) -> list[Path]:
        """What restores have put aside."""
        return sorted((self.instance / "backups").glob("before-restore-*"))

    def die(self, point: int, *arguments: str) -> tuple[bool, int]:
        """Run a command in a process that dies at its so-manieth touch; whether it did, or how many there were."""
        process = begin(DIES, str(self.instance), str(point), *arguments, environ={"TOWNHALL_DATABASE": self.url})
        said, errors = process.communicate()
        if process.returncode == -signal.SIGKILL:
            return True, point
        assert process.returncode == 0, errors
        return False, int(said.split("touches")[-1])

    def wait_until_alone(self) -> None:
        """Until PostgreSQL has noticed that somebody died."""
        if self.engine == "postgresql":
            database = open_database(self.url, self.instance)
            while dumps.others(database):
                pass
            database.close_all()

    def backup(self, name: str, *options: str) -> Path:
        """Make a backup under a name."""
        file = self.instance.parent / name
        made = self.run("backup", str(file), *options)
        assert made.exit_code == 0, made.output
        return file


def outgoing(address: str) -> dict[str, object]:
    """A mail that waits."""
    return {"identity": TICKET, "record_id": 1, "event": "note", "channel": "email", "recipient": address,
            "name": "M", "subject": "About it", "body": "Words", "status": "queued"}  # fmt: skip


@pytest.fixture
def story(town: Town, request: pytest.FixtureRequest) -> Story:
    """A town with something of everything, closed, to whose database nobody else has a connection."""
    if town.database.engine == "postgresql":
        request.getfixturevalue("postgresql_server").let_go()
    return Story(town)


def test_a_town_is_back_as_it_was(story: Story) -> None:
    """Records, encrypted values, letters, plugins and keys are those of the backup, history holds, nothing is lost."""
    file = story.backup("first.zip", "--with-keys")
    before = story.look()
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600
    story.change("Second")
    after = story.look()
    assert after[0] == ["First", "Second"]
    assert all(now != then for now, then in zip(after, before, strict=True))
    with story.open() as town:
        generation = town.generation()
    done = story.run("restore", str(file), "--yes")
    assert done.exit_code == 0, done.output
    assert story.look() == before
    with story.open() as town:
        assert town.generation() > generation
    (aside,) = story.asides()
    assert not (story.instance / ".restore").exists()
    again = story.run("restore", str(aside), "--yes")
    assert again.exit_code == 0, again.output
    assert story.look() == after
    assert json.loads(story.run("history", "verify", "--json").output)["ok"]


def test_nothing_of_then_that_may_be_over_is_taken_up(story: Story) -> None:
    """Sessions and links for passwords end, mails that waited wait for a person; code apps go on with their key."""
    with story.open() as town:
        link = {"token_hash": "x", "user_id": 1, "purpose": "reset", "created_at": 1, "expires_at": 9**15}
        town.system.account_link.insert(link).execute()
        town.system.second_factor.insert({"user_id": 1, "nonce": "n", "confirmed_at": 1}).execute()
        assert town.system.user_session.select().count() == 1
    file = story.backup("first.zip")
    done = story.run("restore", str(file), "--yes")
    assert done.exit_code == 0, done.output
    assert "code apps" not in done.output
    with story.open() as town:
        assert town.system.user_session.select().count() == 0
        assert town.system.account_link.select().count() == 0
        assert town.system.second_factor.select().count() == 1
        (message,) = outbox.find(town, statuses=("held",), limit=9)
        assert message.recipient == "moreau@post.example"
        assert "may have gone out since" in message.error
        assert going_out.retry(town, system(), (message.id,)).count == 1
    assert story.run("secrets", "rotate", "--yes").exit_code == 0
    done = story.run("restore", str(file), "--yes")
    assert "code apps are set up again" in done.output
    with story.open() as town:
        assert town.system.second_factor.select().count() == 0


def test_the_keys_are_in_it_only_when_somebody_says_so(story: Story, tmp_path: Path) -> None:
    """Without them the command says where they are; a new town says which it lacks and reads what it can."""
    apart, inside = tmp_path / "apart.zip", tmp_path / "inside.zip"
    told = story.run("backup", str(apart)).output
    secret, key = (story.instance / name for name in ("secret_key", "encryption_key"))
    assert "The keys are not in it" in told
    assert str(secret) in told
    assert f"Without {key}" in told
    assert "The keys are in it" in story.run("backup", str(inside), "--with-keys").output
    for file, there in ((apart, False), (inside, True)):
        with zipfile.ZipFile(file) as archive:
            content = b"".join(archive.read(name) for name in archive.namelist())
            assert ("keys/encryption_key" in archive.namelist()) is there
        for each in (secret, key):
            assert (each.read_bytes().strip() in content) is there
        assert SECRET.encode() not in content
    key.rename(tmp_path / "aside")
    done = story.run("restore", str(apart), "--yes")
    assert done.exit_code == 0, done.output
    assert "Encrypted values can't be read until the key" in done.output
    assert not key.exists()
    done = story.run("restore", str(inside), "--yes")
    assert done.exit_code == 0, done.output
    assert story.look()[0] == ["First"]
    assert key.read_bytes() == (tmp_path / "aside").read_bytes()
    told = story.run("encryption", "rotate").output
    assert "The new key" in told, told
    newer = key.read_text().split()
    assert story.run("restore", str(inside), "--yes").exit_code == 0
    assert key.read_text().split() == newer, "a key that is there is never taken away"
    assert story.look()[0] == ["First"]


def test_nobody_who_serves_the_town_is_hurt(story: Story) -> None:
    """While another process has the town open it is refused, and nothing is changed; a backup is not."""
    file = story.backup("first.zip")
    before = story.look()
    with story.open() as town:
        staff_client(town, "viewer")
        done = story.run("restore", str(file), "--yes")
        assert done.exit_code == 1
        assert "Stop townhall serve" in done.output
        assert town.system.user_session.select().count() == 2
        assert story.run("backup").exit_code == 0
    assert story.look() == before
    assert not story.asides()
    assert not (story.instance / ".restore").exists()
    assert story.run("restore", str(file), input="n\n").exit_code == 1
    assert story.run("restore", str(file)).exit_code == 1
    assert story.look() == before
    assert not story.asides()


def test_a_backup_is_of_one_moment_however_much_is_written(story: Story) -> None:
    """While others write records with letters, each backup has all letters that its records name."""
    over = threading.Event()
    with story.open() as town:
        topic = town.records.find(system(), "desk.topic", limit=1).records[0]

        def write() -> None:
            number = 0
            while not over.is_set():
                number += 1
                letter = town.files.stage(system(), Sent("c.pdf", PDF + str(number).encode()))
                make_ticket(town, system(), topic, letter=letter)
            town.database.close()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            files = [story.backup(f"{number}.zip") for number in range(3)]
        finally:
            over.set()
            writer.join()
    for file in files:
        with zipfile.ZipFile(file) as archive:
            told = json.loads(archive.read("backup.json"))
        assert told["lost"] == told["damaged"] == 0
        done = story.run("restore", str(file), "--yes")
        assert done.exit_code == 0, done.output
        with story.open() as town:
            letters = [record["letter"] for record in town.records.find(system(), TICKET, limit=9999).records]
            for letter in letters:
                with town.files.open(letter) as stream:
                    assert stream.read().startswith(PDF)
            assert len(letters) == told["tables"]["desk_ticket"]
            assert verifying.verify(town).broken is None


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="nothing kills like this elsewhere")
def test_whenever_it_is_killed_there_is_one_whole_town(story: Story) -> None:
    """After kill -9 at any touch of the disk it is the town of before or of the backup, and a new run ends it."""
    file = story.backup("first.zip", "--with-keys")
    first = story.look()
    story.change("Second")
    second = story.look()
    then = story.backup("second.zip", "--with-keys")
    died, touches = story.die(0, "restore", str(file), "--yes")
    assert not died
    assert story.look() == first
    seen = set()
    # The last touches are those around the moment at which the town becomes the other one.
    last = max(1, touches - 10)
    for point in (*range(1, last, max(1, last // 2)), *range(last, touches + 1, 2)):
        assert story.run("restore", str(then), "--yes").exit_code == 0
        for aside in story.asides():
            aside.unlink()
        story.die(point, "restore", str(file), "--yes")
        story.wait_until_alone()
        found = story.look()
        assert found in (first, second), point
        seen.add(found == first)
        done = story.run("restore", str(file), "--yes")
        assert done.exit_code == 0, done.output
        assert story.look() == first
        assert not (story.instance / ".restore").exists()
    assert seen == {True, False}


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="nothing kills like this elsewhere")
def test_a_backup_that_is_killed_leaves_no_file(story: Story) -> None:
    """What bears the name of a backup is whole."""
    died, touches = story.die(0, "backup")
    assert not died
    folder = story.instance / "backups"
    assert len(list(folder.glob("*.zip"))) == 1
    for point in range(2, touches + 1, max(1, touches // 3)):
        for file in folder.glob("*.zip"):
            file.unlink()
        story.die(point, "backup")
        assert all(story.run("restore", str(file), "--yes").exit_code == 0 for file in folder.glob("townhall-*.zip"))


def rewrite(source: Path, target: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The same backup, after somebody was at it."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def told(**values: object) -> Callable[[dict[str, bytes]], None]:
    """Have a backup say something else of itself."""

    def change(members: dict[str, bytes]) -> None:
        members["backup.json"] = json.dumps(json.loads(members["backup.json"]) | values).encode()

    return change


def other(name: str, content: bytes, *, honest: bool) -> Callable[[dict[str, bytes]], None]:
    """Put something else into a member; an ``honest`` tamperer changes the checksum with it."""

    def change(members: dict[str, bytes]) -> None:
        place = next(each for each in members if each.startswith(name)) if name.endswith(".") else name
        members[place] = content
        if honest:
            about = json.loads(members["backup.json"])
            about["members"][place] = {"sha256": sha256(content).hexdigest(), "size": len(content)}
            members["backup.json"] = json.dumps(about).encode()

    return change


TRICKS: list[tuple[Callable[[dict[str, bytes]], object], str]] = [
    (other("townhall.toml", b"[town]", honest=False), "is not what was packed"),
    (other("database.", b"nonsense", honest=False), "is not what was packed"),
    (other("database.", b"nonsense", honest=True), "damaged|can't be brought back"),
    (other("../evil.py", b"x", honest=True), "holds something that no backup holds"),
    (other("plugins/../../evil/x.py", b"x", honest=True), "holds something that no backup holds"),
    (other("plugins/desk/../../../evil.py", b"x", honest=True), "holds something that no backup holds"),
    (other("/etc/evil", b"x", honest=True), "holds something that no backup holds"),
    (other("plugins/desk/C:\\evil.py", b"x", honest=True), "holds something that no backup holds"),
    (lambda members: members.update({"files/" + "0" * 64: b"x"}), "was added to it or taken out"),
    (lambda members: members.pop("townhall.toml"), "was added to it or taken out"),
    (lambda members: members.pop("backup.json"), "this is no backup"),
    (told(format=2), "another version of Townhall"),
    (told(townhall="99.0"), "Install Townhall 99.0 or a newer one"),
    (told(engine="oracle"), "lacks something"),
    (told(made_at=10**30), "lacks something"),
    (told(tables=["x"]), "lacks something"),
    (told(encryption=["x\ny"]), "lacks something"),
]


def test_a_file_that_is_no_whole_backup_is_refused(story: Story, tmp_path: Path) -> None:
    """Tampered with, cut off, with tricks in its names, of newer software or no backup: a sentence, nothing changed."""
    file = story.backup("first.zip")
    before = story.look()
    odd = [(rewrite(file, tmp_path / f"odd{number}.zip", change), words)
           for number, (change, words) in enumerate(TRICKS)]  # fmt: skip
    whole = file.read_bytes()
    for name, content in (("cut", whole[: len(whole) // 2]), ("empty", b""), ("garbage", b"garbage" * 99)):
        (tmp_path / name).write_bytes(content)
        odd.append((tmp_path / name, "this is no backup"))
    spoilt = bytearray(whole)
    spoilt[len(whole) // 3] ^= 0xFF
    (tmp_path / "spoilt").write_bytes(bytes(spoilt))
    odd.append((tmp_path / "spoilt", "can't be read|not what was packed|no backup"))
    for bad, words in odd:
        done = story.run("restore", str(bad), "--yes")
        assert done.exit_code == 1, bad
        assert re.search(words, done.output), (words, done.output)
        assert "Traceback" not in done.output
        assert story.look() == before
    assert story.run("restore", str(tmp_path / "none.zip"), "--yes").exit_code == 1
    assert story.run("restore").exit_code == 2
    assert not list(tmp_path.rglob("evil*"))
    older = rewrite(file, tmp_path / "older.zip", told(townhall="0.0.1"))
    assert story.run("restore", str(older), "--yes").exit_code == 0
    assert story.look() == before


def test_a_bomb_is_refused_before_it_is_unpacked(story: Story, tmp_path: Path) -> None:
    """What would fill the disk is not written to it."""
    file = story.backup("first.zip")
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        about = json.loads(archive.read("backup.json"))
        for name in archive.namelist():
            if name != "backup.json":
                target.writestr(name, archive.read(name))
        large = "files/" + "a" * 64
        target.writestr(large, b"x")
        about["members"][large] = {"sha256": sha256(b"x").hexdigest(), "size": 1}
        target.writestr("backup.json", json.dumps(about))
        target.getinfo(large).file_size = 2**50
    done = story.run("restore", str(bomb), "--yes")
    assert done.exit_code == 1
    assert "MB are free" in done.output


def test_another_engine_or_another_town_s_database_is_not_touched(story: Story, tmp_path: Path) -> None:
    """A backup goes to its own kind of database; into a new folder never over a town that is elsewhere."""
    file = story.backup("first.zip")
    before = story.look()
    elsewhere = "postgresql://nobody@127.0.0.1:1/none" if story.engine == "sqlite" else "sqlite:///townhall.db"
    done = story.run("restore", str(file), "--yes", TOWNHALL_DATABASE=elsewhere)
    assert done.exit_code == 1
    assert "Write the address of a database" in done.output
    new = tmp_path / "new"
    there = story.url if story.engine == "postgresql" else f"sqlite:///{story.instance / 'townhall.db'}"
    done = story.run("restore", str(file), "--yes", instance=new, TOWNHALL_DATABASE=there)
    assert done.exit_code == 1
    assert "it holds a town already" in done.output
    assert not new.exists()
    assert story.look() == before


def test_a_new_folder_becomes_the_town(story: Story, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """On another computer the backup is all that is needed: settings, plugins, letters and, if they are in it, keys."""
    file = story.backup("first.zip", "--with-keys")
    before = story.look()
    url = "sqlite:///townhall.db"
    if story.engine == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        url = server.url(server.create())
    new = tmp_path / "new"
    done = story.run("restore", str(file), "--yes", instance=new, TOWNHALL_DATABASE=url)
    assert done.exit_code == 0, done.output
    assert "they are those of the backup" in done.output
    story.instance, story.url = new, url
    assert story.look() == before
    assert (new / "townhall.toml").read_text(encoding="utf-8") == SETTINGS
    assert not (new / "backups").exists()


@pytest.mark.parametrize("engine", ["sqlite"])  # PostgreSQL looks after its own files
def test_nothing_is_written_outside_of_the_folder(story: Story, tmp_path: Path) -> None:
    """The password and the certificate for mail come along; a key whose place is elsewhere waits to be moved."""
    names = '[mail]\npassword_file = "pass"\ncertificates = "mail/town.pem"\n'
    (story.instance / "townhall.toml").write_text(SETTINGS + names, encoding="utf-8")
    (story.instance / "pass").write_text("mellon", encoding="utf-8")
    (story.instance / "mail").mkdir()
    (story.instance / "mail" / "town.pem").write_text("pem", encoding="utf-8")
    apart, inside = story.backup("apart.zip"), story.backup("inside.zip", "--with-keys")
    for file, there in ((apart, False), (inside, True)):
        new, outside = tmp_path / file.stem, tmp_path / "outside" / "key"
        url = "sqlite:///townhall.db"
        given = {"TOWNHALL_DATABASE": url, "TOWNHALL_ENCRYPTION_KEY_FILE": str(outside)}
        done = story.run("restore", str(file), "--yes", instance=new, **given)
        assert done.exit_code == 0, done.output
        assert (new / "mail" / "town.pem").read_text(encoding="utf-8") == "pem"
        assert (new / "pass").exists() is (new / "encryption_key.from-backup").exists() is there
        assert ("Move it there" in done.output) is there
        assert "Encrypted values can't be read until" in done.output
        assert not outside.parent.exists()


@pytest.mark.parametrize("engine", ["sqlite"])  # PostgreSQL looks after its own files
def test_a_database_that_is_damaged_is_kept_and_replaced(story: Story) -> None:
    """The one time when a backup is needed most: what can't be read is kept as it is; no backup is made of it."""
    file = story.backup("first.zip")
    before = story.look()
    database = story.instance / "townhall.db"
    content = bytearray(database.read_bytes())
    content[8192:40960] = os.urandom(32768)
    for spoilt in (bytes(content), b"no database at all" * 999):
        database.write_bytes(spoilt)
        assert re.search("is damaged|is not a database", story.run("backup").output)
        gc.collect()  # what a command held ends with its process, and here with what it raised
        assert not list((story.instance / "backups").glob("townhall-*"))
        done = story.run("restore", str(file), "--yes")
        assert done.exit_code == 0, done.output
        assert story.look() == before
        (kept,) = story.asides()
        # All but the head, in which SQLite notes that somebody has looked.
        assert (kept / "townhall.db").read_bytes()[100:] == spoilt[100:]
        shutil.rmtree(kept)


def test_letters_that_are_gone_or_spoilt_are_said_and_made_good(story: Story, tmp_path: Path) -> None:
    """A backup is made of what is there, and says what isn't; one from before brings it back."""
    file = story.backup("first.zip")
    before = story.look()
    (letter,) = (each for each in (story.instance / "files").rglob("*") if each.is_file())
    letter.write_bytes(b"spoilt")
    assert "that are damaged" in story.run("backup").output
    letter.unlink()
    done = story.run("backup", "--json")
    assert "that were not there" in story.run("backup").output
    assert json.loads(done.output)["lost"] == 1
    letter.write_bytes(b"spoilt")
    assert story.run("restore", str(file), "--yes").exit_code == 0
    assert story.look() == before


def test_a_backup_that_can_t_be_written_says_why(story: Story, tmp_path: Path) -> None:
    """A disk that isn't connected, or a folder that isn't one: a sentence, and nothing is left behind."""
    missing = tmp_path / "nas" / "town.zip"
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for target in (missing, tmp_path / "file" / "town.zip"):
        done = story.run("backup", str(target))
        assert done.exit_code == 1
        assert "Is its disk connected?" in done.output
    assert not missing.parent.exists()
    done = story.run("backup", TOWNHALL_BACKUP_FOLDER=str(tmp_path / "nas"))
    assert done.exit_code == 1
    with story.open() as town:
        town.settings = replace(town.settings, backup_folder=str(tmp_path / "nas"))
        outcome = run_by_hand(lambda: town, system("cli"), "core.back_up")
        assert outcome is not None
        assert "Is its disk connected?" in outcome.problem
    assert "PROBLEM  job core.back_up" in story.run("doctor").output


def test_backups_have_names_are_listed_and_only_so_many_stay(story: Story, tmp_path: Path) -> None:
    """None is replaced; those with names of their own are pruned, and nobody else's, nor another town's."""
    file = story.backup("mine.zip")
    done = story.run("backup", str(file))
    assert done.exit_code == 1
    assert "never replaced" in done.output
    folder = tmp_path / "disk"
    folder.mkdir()
    shutil.copy(file, folder / "mine.zip")
    rewrite(file, folder / "townhall-20200101-000000.zip", told(town_mark="another"))
    for _ in range(4):
        assert story.run("backup", str(folder), "--keep", "2").exit_code == 0
    listed = json.loads(story.run("backup", str(folder), "--list", "--json").output)
    names = {Path(each["file"]).name for each in listed}
    assert len(names) == 4
    assert {"mine.zip", "townhall-20200101-000000.zip"} < names
    assert {each["town"] for each in listed} == {"Milbrook"}
    assert "mine.zip" in story.run("backup", str(folder), "--list").output
    assert "There are no backups" in story.run("backup", "--list").output
    assert story.run("backup", "--keep", "0").exit_code == 2
    assert story.run("backup", str(tmp_path / "x.zip"), "--keep", "2").exit_code == 2
    assert story.run("backup", instance=tmp_path / "nowhere").exit_code == 1


def test_the_night_makes_one_and_the_doctor_says_when_none_is_made(story: Story, clock: FixedClock) -> None:
    """A town that never typed a command has backups, a week of them; one that wants none says so."""
    folder = story.instance / "backups"
    for _ in range(9):
        with story.open() as town:
            outcome = run_by_hand(TownKeeper(town), system("cli"), "core.back_up")
            assert outcome is not None
            assert "was made" in outcome.result, outcome
            assert kept_backups.finding(town)[0]
        clock.move(timedelta(days=1))
    assert len(list(folder.glob("townhall-*.zip"))) == 7
    clock.move(timedelta(days=3))
    with story.open() as town:
        good, words = kept_backups.finding(town)
        assert not good
        assert "too old" in words
    newest = sorted(folder.iterdir())[-1]
    assert story.run("restore", str(newest), "--yes").exit_code == 0
    with story.open() as town:
        assert f"from {newest.name}" in kept_backups.finding(town)[1]
    toml = story.instance / "townhall.toml"
    toml.write_text(SETTINGS + "[backup]\nkeep = 0\n", encoding="utf-8")
    with story.open() as town:
        assert kept_backups.finding(town)[0]
        outcome = run_by_hand(TownKeeper(town), system("cli"), "core.back_up")
        assert outcome is not None
        assert "None was made" in outcome.result
    assert "backup" in story.run("doctor").output
    assert "core.back_up" in story.run("jobs", "list").output


def test_without_pg_dump_it_says_what_to_do(story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own programs write and read its dumps; a town on SQLite needs nobody."""
    file = story.backup("first.zip")
    monkeypatch.setenv("PATH", str(tmp_path))
    for command in (("backup",), ("restore", str(file), "--yes")):
        done = story.run(*command)
        assert done.exit_code == (0 if story.engine == "sqlite" else 1)
        assert ("Install the programs of PostgreSQL" in done.output) is (story.engine == "postgresql")
