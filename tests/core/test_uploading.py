"""Uploaded modules: checked as a whole before anything of them is used, kept in the database, run like any other."""

from __future__ import annotations

import io
import shutil
import struct
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from staff_client import StaffClient
from staff_client import add_person
from staff_client import plain

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cli import main
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import PluginError
from townhall.extend import uploads
from townhall.lifecycle import switching
from townhall.lifecycle import uploading
from townhall.testing import pictures
from townhall.town import Town
from townhall.wsgi import TownApplication

MANIFEST = 'name = "wells"\ntitle = "Wells"\ndescription = "Wells in town."\nversion = "{}"\napi = ">=1,<2"\n'
SCHEMA = """\
[type]
name = "well"
label = "Well"
title = "{name}"

[fields.name]
type = "text"
label = "Name"
required = true
"""
PNG = pictures.png()
GOOD = {"plugin.toml": MANIFEST.format("1.0"), "schemas/well.toml": SCHEMA, "static/well.png": PNG}
OFFICE = system("cli", "Ruth")


def packed(files: dict[str, str | bytes], top: str = "") -> bytes:
    """A zip file with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{top}{name}", content)
    return buffer.getvalue()


def taken(town: Town, files: dict[str, str | bytes]) -> None:
    """Upload and use a module."""
    uploading.accept(town, OFFICE, uploading.upload(town, OFFICE, packed(files)))


def test_a_module_is_uploaded_seen_used_and_upgraded_on_screen(make_town: Callable[..., Town]) -> None:
    """The page shows what a file brings, uses it after a yes, and a later version takes over while the module is on."""
    town = make_town()
    add_person(town, "ada@town.example", "administrator")
    client = StaffClient(TownApplication(town), "ada@town.example")
    client.get("/admin/modules/")
    data = packed({**GOOD, "README.md": "Wells.", ".DS_Store": "x"}, top="wells-main/")
    sent = client.post("/admin/modules/", {"module": (io.BytesIO(data), "wells.zip")})
    seen = client.follow(sent)
    assert "Wells 1.0" in plain(seen)
    assert "1 kind of record" in plain(seen)
    assert not (town.instance / uploads.FOLDER).exists(), "nothing is used before somebody said yes"
    shown = client.follow(client.post(seen.request.path, {}))
    assert "Switching on Wells will add" in plain(shown)
    client.follow(client.post("/admin/plugins/switch", {"name": "wells", "on": "1"}))
    client.get("/admin/wells/well/new")
    assert client.post("/admin/wells/well/new", {"name": "Old well"}).status_code == 302
    assert client.get("/static/plugins/wells/well.png", buffered=True).status_code == 200

    later = SCHEMA + '\n[fields.depth]\ntype = "integer"\nlabel = "Depth"\n'
    data = packed({**GOOD, "plugin.toml": MANIFEST.format("1.1"), "schemas/well.toml": later})
    client.get("/admin/modules/")
    seen = client.follow(client.post("/admin/modules/", {"module": (io.BytesIO(data), "wells.zip")}))
    assert "version 1.0, which is here now" in plain(seen)
    client.follow(client.post(seen.request.path, {}))
    assert "Depth" in plain(client.get("/admin/wells/well/1/edit"))
    refused = client.get("/admin/modules/remove/wells")
    assert "Take the files of Wells away?" in plain(refused)
    assert "is on. Switch it off first." in plain(client.follow(client.post("/admin/modules/remove/wells", {})))


def test_every_host_lays_modules_out_by_itself(make_town: Callable[..., Town]) -> None:
    """What is in the database counts: a host without the folder, or with another's leftovers, has the module too."""
    town = make_town()
    taken(town, GOOD)
    switching.enable(town, OFFICE, "wells")
    shutil.rmtree(town.instance / uploads.FOLDER)
    (town.instance / uploads.FOLDER / "stranger").mkdir(parents=True)
    town.reload()
    assert "wells.well" in town.schemas
    assert sorted(each.name for each in (town.instance / uploads.FOLDER).iterdir()) == ["wells"]


def test_processes_of_one_host_do_not_take_each_others_files_away(make_town: Callable[..., Town]) -> None:
    """Several find at once that a module must be laid out: each goes on with all of its files, and nobody fails."""
    town = make_town()
    taken(town, {**GOOD, **{f"static/well{number}.png": PNG for number in range(20)}})
    folder = town.instance / uploads.FOLDER / "wells"
    failures: list[str] = []
    together = threading.Barrier(4)

    def follow() -> None:
        for number in range(20):
            if together.wait() == 0:
                (folder / uploads.MARK).write_text(f"an earlier one {number}", encoding="ascii")
            together.wait()
            try:
                uploads.lay_out(town.system, town.instance)
                found = len(list(folder.glob("static/*.png")))
            except Exception as error:
                failures.append(repr(error))
            else:
                failures.extend([f"{found} of 21 pictures"] * (found != 21))
        town.database.close()

    threads = [threading.Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [each.name for each in folder.parent.iterdir()] == ["wells"]


def test_taking_a_module_away_keeps_its_records(make_town: Callable[..., Town]) -> None:
    """Only one that is off, and was uploaded, can be taken away; its records are read on, and it can come back."""
    town = make_town()
    taken(town, GOOD)
    switching.enable(town, OFFICE, "wells")
    record = town.records.create(OFFICE, "wells.well", {"name": "Old well"})
    with pytest.raises(PluginError, match="Switch it off first"):
        uploading.remove(town, OFFICE, "wells")
    switching.disable(town, OFFICE, "wells")
    uploading.remove(town, OFFICE, "wells")
    assert not (town.instance / uploads.FOLDER / "wells").exists()
    assert town.records.get(OFFICE, "wells.well", record.id).title == "Old well"
    with pytest.raises(PluginError, match="was not uploaded here"):
        uploading.remove(town, OFFICE, "complaints")
    taken(town, GOOD)
    switching.enable(town, OFFICE, "wells")
    town.records.update(OFFICE, "wells.well", record.id, {"name": "New well"}, version=record.version)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"schemas/well.toml": SCHEMA}, "There is no plugin.toml in it"),
        ({**GOOD, "__init__.py": "import os"}, "code has to be installed as a package"),
        ({**GOOD, "templates/wells/x.html": "{{ x }}"}, "code has to be installed as a package"),
        ({**GOOD, "migrations/0002_x.py": "x"}, "code has to be installed as a package"),
        ({**GOOD, "static/x.svg": "<svg/>"}, "code has to be installed as a package"),
        ({**GOOD, "static/x.js": "x"}, "code has to be installed as a package"),
        ({**GOOD, "schemas/../../../x.toml": "x = 1"}, "this path leads elsewhere"),
        ({**GOOD, "/etc/x.toml": "x = 1"}, "this path leads elsewhere"),
        ({**GOOD, "schemas\\x.toml": "x = 1"}, "this path leads elsewhere"),
        ({**GOOD, "C:x.toml": "x = 1"}, "this path leads elsewhere"),
        ({**GOOD, "static/x.png": "<script>"}, "not the picture that its name says"),
        ({**GOOD, "schemas/x.toml": "x = ["}, "schemas/x.toml: the file is not valid TOML"),
        ({**GOOD, "schemas/x.toml": b"\xff\xfe\x00"}, "schemas/x.toml: the file is not valid TOML"),
        ({**GOOD, "plugin.toml": 'nam = "wells"'}, "Did you mean name"),
        ({**GOOD, "SCHEMAS/well.toml": "x = 1"}, "is in it twice"),
        ({**GOOD, "static/big.png": PNG + bytes(3 * 1024 * 1024)}, "larger than 2 MB"),
        ({**GOOD, **{f"static/{n}.png": PNG for n in range(501)}}, "500 are the most"),
    ],
)
def test_what_is_no_module_is_refused_in_sentences(files: dict[str, str | bytes], words: str) -> None:
    """Code, templates, scripts, paths that lead elsewhere, false pictures, bad TOML and too much are refused."""
    with pytest.raises(PluginError, match=words.replace(".", r"\.")):
        uploading.read(packed(files))


def test_tricks_of_the_format_are_refused() -> None:
    """No zip at all, a cut one, a link, an encrypted file, and headers that lie about the length."""
    for data in (b"", b"PK\x03\x04nothing", packed(GOOD)[:-60]):
        with pytest.raises(PluginError, match="no zip file"):
            uploading.read(data)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("schemas/x.toml")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PluginError, match="this is a link"):
        uploading.read(buffer.getvalue())
    secret = bytearray(packed(GOOD))
    for at in (secret.find(b"PK\x03\x04") + 6, secret.find(b"PK\x01\x02") + 8):
        secret[at] |= 1
    with pytest.raises(PluginError, match="encrypted"):
        uploading.read(bytes(secret))
    bomb = bytearray(packed({**GOOD, "static/x.png": PNG + bytes(30 * 1024 * 1024)}))
    lying = struct.pack("<I", 30 * 1024 * 1024 + len(PNG)), struct.pack("<I", 100)
    with pytest.raises(PluginError):
        uploading.read(bytes(bomb))
    with pytest.raises(PluginError):
        uploading.read(bytes(bomb).replace(*lying))


def test_what_does_not_fit_the_town_changes_nothing(make_town: Callable[..., Town]) -> None:
    """A taken name, an older version, a schema with mistakes, a foreign API: said in a sentence, nothing is used."""
    town = make_town("complaints")
    taken(town, GOOD)
    before = uploads.all_of(town.system)
    wrong = {
        "installed on the server": {**GOOD, "plugin.toml": MANIFEST.format("9").replace("wells", "complaints")},
        "newer than 0.9": {**GOOD, "plugin.toml": MANIFEST.format("0.9")},
        "requird": {**GOOD, "plugin.toml": MANIFEST.format("1.2"), "schemas/well.toml": SCHEMA.replace("ired", "ird")},
        "plugin API": {**GOOD, "plugin.toml": MANIFEST.format("1.3").replace(">=1,<2", ">=7")},
    }
    for words, files in wrong.items():
        checksum = uploading.upload(town, OFFICE, packed(files))
        assert words in uploading.waiting(town, checksum).problem
        with pytest.raises(PluginError, match=words):
            uploading.accept(town, OFFICE, checksum)
    assert [each for each in uploads.all_of(town.system) if not each.waits] == before


def test_only_administrators_upload(make_town: Callable[..., Town], clerk: Actor) -> None:
    """A clerk can neither upload, nor say yes, nor take away; an upload that isn't there is not found."""
    town = make_town()
    checksum = uploading.upload(town, OFFICE, packed(GOOD))
    for act in (
        lambda: uploading.upload(town, clerk, packed(GOOD)),
        lambda: uploading.accept(town, clerk, checksum),
        lambda: uploading.remove(town, clerk, "wells"),
    ):
        with pytest.raises(Forbidden):
            act()
    with pytest.raises(NotFound):
        uploading.waiting(town, "0" * 64)


def test_the_command_line_adds_and_removes(tmp_path: Path) -> None:
    """``plugins add`` says what a file brings and uses it, ``plugins remove`` takes it away, in sentences."""
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "townhall.toml").write_text('[town]\nname = "Milbrook"\n', encoding="utf-8")
    (tmp_path / "wells.zip").write_bytes(packed(GOOD))
    (tmp_path / "bad.zip").write_bytes(b"PK")

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["--instance", str(tmp_path / "town"), "plugins", *arguments])
        return result.exit_code, result.output

    assert run("add", str(tmp_path / "bad.zip"))[0] == 1
    code, output = run("add", str(tmp_path / "wells.zip"), "--yes")
    assert (code, "Wells 1.0: wells." in output) == (0, True)
    assert run("enable", "wells", "--yes")[0] == 0
    assert run("remove", "wells")[0] == 1
    assert run("disable", "wells", "--yes")[0] == 0
    assert run("remove", "wells") == (0, "The files of wells are gone. Its records are kept.\n")
