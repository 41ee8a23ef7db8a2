"""The vendor's kit: a new project works at once, and the check finds what a town must not get."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from careless_pages import SEEN
from careless_pages import page
from click.testing import CliRunner

from townhall.cli import main
from townhall.errors import PluginError
from townhall.testing import NetworkUsed
from townhall.testing import no_network
from townhall.testing.accessibility import obstacles
from townhall.testing.conformance import CHECKS
from townhall.testing.conformance import check_plugin
from townhall.testing.reading import PageReader
from townhall.testing.scaffolding import Project
from townhall.testing.scaffolding import make_project

ROOT = Path(__file__).parents[2]
POTHOLES = ROOT / "examples" / "townhall-potholes"

SCHEMA = """\
[type]
name = "dog"
label = "Dog"
title = "{name}"

[fields.name]
type = "text"
label = "Name"
required = true
privacy = "public"

[fields.owner]
type = "text"
label = "Owner"
privacy = "confidential"
"""
MANIFEST = """\
name = "dogs"
title = "Dogs"
description = "Dogs in town."
version = "1.0.0"
api = ">=1,<2"
"""


def dogs(folder: Path, code: str = "", schema: str = SCHEMA) -> Path:
    """A small plugin in a folder of its own."""
    (folder / "schemas").mkdir(parents=True)
    (folder / "plugin.toml").write_text(MANIFEST, encoding="utf-8")
    (folder / "schemas" / "dog.toml").write_text(schema, encoding="utf-8")
    if code:
        (folder / "__init__.py").write_text(code, encoding="utf-8")
    return folder


def failed(folder: Path, previous: Path | None = None) -> dict[str, str]:
    """The checks that failed, with what was said."""
    report = check_plugin(folder, previous)
    return {each.name: " ".join(each.sentences) for each in report.outcomes if each.verdict == "failed"}


def run_tests(project: Path, module: str, name: str) -> subprocess.CompletedProcess[str]:
    """A project's own tests, as if it were installed: its entry point stands beside it."""
    installed = project / f"{module}-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1.0\n", encoding="utf-8")
    (installed / "entry_points.txt").write_text(f"[townhall]\n{name} = {module}\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), *sys.path])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("hooks", [False, True], ids=["schema", "hooks"])
def test_a_new_project_passes_its_own_tests_and_the_check(tmp_path: Path, hooks: bool) -> None:
    """What ``plugins new`` writes is a module that works: its tests pass, and so does the conformance check."""
    folder = tmp_path / "townhall-pets"
    arguments = ["plugins", "new", "pets", "--title", "Pets", "--type", "licence", "--output", str(folder)]
    made = CliRunner().invoke(main, [*arguments, *(["--hooks"] if hooks else [])])
    assert made.exit_code == 0, made.output
    assert failed(folder) == {}
    tried = run_tests(folder, "townhall_pets", "pets")
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert f"{3 if hooks else 2} passed" in tried.stdout


def test_a_new_module_without_code_is_a_folder_for_a_town(tmp_path: Path) -> None:
    """With ``--no-code`` there are a manifest and a schema, and nothing else."""
    files = make_project(Project("pets"), tmp_path / "pets", code=False)
    assert {file.relative_to(tmp_path / "pets").as_posix() for file in files} == {"plugin.toml", "schemas/request.toml"}


def test_new_refuses_in_a_sentence(tmp_path: Path) -> None:
    """A name that can't be one, a taken name, and a folder that holds something are refused; no file is written."""
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    for name, folder, words in (
        ("Pets!", tmp_path / "new", "small letters"),
        ("core", tmp_path / "new", "taken by Townhall"),
        ("pets", tmp_path, "holds something already"),
    ):
        with pytest.raises(PluginError, match=words):
            make_project(Project(name), folder)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


def test_the_example_of_a_vendor_passes(tmp_path: Path) -> None:
    """The example's repository passes its own tests and every check, an upgrade from itself included."""
    report = check_plugin(POTHOLES, POTHOLES)
    assert [each for each in report.outcomes if each.verdict == "failed" or each.remarks] == []
    assert {each.name for each in report.outcomes} >= set(CHECKS)
    project = tmp_path / "potholes"
    shutil.copytree(POTHOLES, project, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    tried = run_tests(project, "townhall_potholes", "potholes")
    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_the_check_finds_a_leak(tmp_path: Path) -> None:
    """A panel that reads a confidential field as the town itself shows it to clerks: the check says where, and which
    page it could not open.
    """
    code = """\
from flask_admin import BaseView, expose
from townhall import Panel, hookimpl, system

PAGE = '<!doctype html><html lang="en"><head><title>Coats</title></head><body><main><h1>Coats</h1></main></body></html>'

@hookimpl
def admin_views(town):
    class Coats(BaseView):
        @expose("/")
        def index(self):
            return PAGE

        @expose("/of/<colour>")
        def of(self, colour):
            return "None."

    return [Coats(name="Coats", endpoint="dogs_coats", url="/admin/dogs_coats")]

@hookimpl
def record_panels(town, record):
    if record.identity != "dogs.dog":
        return []
    owner = town.records.get(system(), "dogs.dog", record.id)["owner"]
    return [Panel("Owner", facts=[("Owner", owner or "")])]
"""
    report = check_plugin(dogs(tmp_path / "dogs", code))
    found = {each.name: each for each in report.outcomes if each.verdict == "failed"}
    assert set(found) == {"privacy"}
    assert "“dogs.dog.owner”" in " ".join(found["privacy"].sentences)
    remark = "Not opened, so a test of yours has to say what stands there: /admin/dogs_coats/of/<colour>."
    assert found["privacy"].remarks == (remark,)
    assert f"          - {remark}" in list(report.lines())


def test_the_check_finds_calls_to_other_servers(tmp_path: Path) -> None:
    """A hook that asks another server, and swallows that it can't, is found."""
    code = """\
import socket

from townhall import hookimpl

@hookimpl
def after_save(change):
    try:
        socket.create_connection(("telemetry.vendor.example", 443), timeout=1)
    except Exception:
        pass
"""
    assert failed(dogs(tmp_path / "dogs", code)) == {"network": "It tried to reach telemetry.vendor.example."}


def test_the_check_finds_what_lies_outside_and_what_is_not_promised(tmp_path: Path) -> None:
    """A template that would replace another's, an unknown folder, and an import of Townhall's inside are found."""
    folder = dogs(tmp_path / "dogs", "from townhall.records import writing\n")
    (folder / "templates" / "admin").mkdir(parents=True)
    (folder / "templates" / "admin" / "list.html").write_text("", encoding="utf-8")
    (folder / "schema").mkdir()
    found = failed(folder)
    assert "templates/admin/list.html" in found["names"]
    assert "schema/: Townhall doesn't look into this folder" in found["names"]
    assert "__init__.py:1: townhall.records is Townhall's inside" in found["imports"]


def test_the_check_finds_what_an_upgrade_loses(tmp_path: Path) -> None:
    """A field that has another name in the new version is a value that is gone, unless a migration brings it over."""
    earlier = dogs(tmp_path / "one")
    later = dogs(tmp_path / "two", schema=SCHEMA.replace("fields.name", "fields.called").replace("{name}", "{called}"))
    found = failed(later, earlier)
    assert set(found) == {"upgrade"}
    assert "“name”" in found["upgrade"]


def test_an_upgrade_with_migrations_and_other_code_is_one_after_a_restart(tmp_path: Path) -> None:
    """New code runs on records of the old code; what a migration renames or changes is not lost."""
    earlier = dogs(tmp_path / "one", "VERSION = 1\n", SCHEMA)
    schema = SCHEMA.replace("fields.name", "fields.called").replace("{name}", "{called}")
    later = dogs(tmp_path / "two", "VERSION = 2\n", schema)
    (later / "plugin.toml").write_text(MANIFEST.replace("1.0", "1.1"), encoding="utf-8")
    (later / "migrations").mkdir()
    step = 'rename_field = { type = "dog", from = "name", to = "called" }'
    (later / "migrations" / "0002_called.toml").write_text(f"[[steps]]\n{step}\n", encoding="utf-8")
    assert failed(later, earlier) == {}


def test_an_installed_module_is_upgraded_from_its_earlier_version_too(tmp_path: Path) -> None:
    """Where the module is installed, as vendors have it, the earlier version runs first, and what is lost is found."""
    schema = SCHEMA.replace("fields.name", "fields.called").replace("{name}", "{called}")
    earlier = dogs(tmp_path / "one" / "townhall_dogs", "VERSION = 1\n")
    later = dogs(tmp_path / "two" / "townhall_dogs", "VERSION = 2\n", schema)
    installed = tmp_path / "two" / "townhall_dogs-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: townhall_dogs\nVersion: 1.0\n", encoding="utf-8")
    (installed / "entry_points.txt").write_text("[townhall]\ndogs = townhall_dogs\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(later.parent), *sys.path])}
    code = "from townhall.cli import main; main()"
    command = [sys.executable, "-c", code, "plugins", "check", str(later), "--previous", str(earlier), "--json"]
    tried = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    checks = {each["name"]: each for each in json.loads(tried.stdout)["checks"]}
    assert [name for name, each in checks.items() if each["verdict"] == "failed"] == ["upgrade"]
    assert "“name”" in checks["upgrade"]["sentences"][0]
    command[-4:] = [str(earlier)]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert f"Another dogs is installed here, and a town would use that one: {later}." in other.stderr


def test_the_check_finds_hooks_that_are_never_asked_and_icons_that_there_are_not(tmp_path: Path) -> None:
    """Both are silent in a town."""
    folder = dogs(
        tmp_path / "dogs",
        "def before_save(town, change):\n    return None\n",
        SCHEMA.replace("[type]", '[type]\nicon = "bark"'),
    )
    found = failed(folder)
    assert (
        "__init__.py:1: before_save is called like a hook and never asked; put @hookimpl above it." in found["imports"]
    )
    assert "schemas/dog.toml: type.icon: There is no icon “bark”" in found["icons"]


def test_the_check_finds_tables_and_calls_that_begin_with_the_module(tmp_path: Path) -> None:
    """A table beside those of its types, and a machine that is asked for while the code is imported, are found."""
    code = (
        "import socket\n"
        "from townhall import hookimpl\n"
        "try:\n    socket.getaddrinfo('updates.vendor.example', 443)\nexcept BaseException:\n    pass\n"
        "@hookimpl\n"
        "def after_save(town, change):\n"
        "    town.database.execute_sql('CREATE TABLE IF NOT EXISTS kennels (id INTEGER)')\n"
    )
    found = failed(dogs(tmp_path / "dogs", code))
    assert set(found) == {"network", "tables"}
    assert "updates.vendor.example" in found["network"]
    assert "the table kennels" in found["tables"]


def test_the_check_ends_where_nothing_more_can_be_asked(tmp_path: Path) -> None:
    """A plugin that can't be switched on is told so, with the reason, and no further check is made of it."""
    folder = dogs(tmp_path / "dogs", "raise SystemExit(3)\n")
    report = check_plugin(folder)
    assert [each.name for each in report.outcomes][-2:] == ["enable", "upgrade"]
    assert "SystemExit" in failed(folder)["enable"]


def test_the_command_tells_people_and_programs(tmp_path: Path) -> None:
    """``plugins check`` ends with 1 when something failed, and prints JSON when asked."""
    folder = dogs(tmp_path / "dogs", schema=SCHEMA.replace("required = true", "requird = true"))
    told = CliRunner().invoke(main, ["plugins", "check", str(folder)])
    assert told.exit_code == 1
    assert "requird" in told.output
    assert "1 of 6 checks failed." in told.output
    printed = CliRunner().invoke(main, ["plugins", "check", str(folder), "--json"])
    assert printed.exit_code == 1
    assert json.loads(printed.output)["passed"] is False
    nothing = CliRunner().invoke(main, ["plugins", "check", str(folder / "schemas")])
    assert nothing.exit_code == 1
    assert "there is no plugin.toml here" in nothing.output


def test_no_network_refuses_other_machines_only() -> None:
    """A test may talk to a server of its own on this machine, and to nothing beyond it."""
    with socket.create_server(("127.0.0.1", 0)) as server, no_network() as tried:
        socket.create_connection(server.getsockname()[:2]).close()
        with pytest.raises(NetworkUsed):
            socket.create_connection(("town.example", 80))
    assert tried == ["town.example"]


def test_a_page_is_read_as_a_browser_sends_it() -> None:
    """Ticked boxes, chosen options, text and hidden values are sent; buttons and unticked boxes are not."""
    page = PageReader(
        '<!doctype html><html lang="en"><title>T</title><main><h1>T</h1><form method="post" action="/go">'
        '<input type="hidden" name="version" value="3"><label>A <input name="a" value="x &amp; y"></label>'
        '<label>B <input type="checkbox" name="b" checked></label><label>C <input type="checkbox" name="c"></label>'
        '<label>D <select name="d"><option value="1">1<option value="2" selected>2</select></label>'
        '<label>E <textarea name="e">one\ntwo</textarea></label>'
        '<button name="f" value="1">Go</button></form></main></html>'
    )
    form = page.form_to("version")
    assert form is not None
    assert form.pairs == [("version", "3"), ("a", "x & y"), ("b", "on"), ("d", "2"), ("e", "one\ntwo")]
    assert page.problems == []


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<input name=a>", "has no label"),
        ("<img src=/a.png>", "has no text in its place"),
        ("<p onclick='x()'>", "onclick="),
        ("<img alt='' src='https://cdn.example/a.png'>", "asks another server"),
        ("<h3>Deep</h3>", "follows one of level 1"),
        ("<a href=/></a>", "has no words"),
        ("<p id=a></p><p id=a></p>", "Two elements"),
    ],
)
def test_a_page_that_keeps_people_out_is_found(html: str, words: str) -> None:
    """Each kind of mistake is a sentence."""
    page = PageReader(f'<!doctype html><html lang="en"><title>T</title><h1>T</h1>{html}</html>')
    assert re.search(words, " ".join(page.problems)), page.problems


@pytest.mark.parametrize("wrong", SEEN)
def test_what_keeps_people_out_is_seen_without_a_browser(wrong: str) -> None:
    """Each page with one thing wrong gets its sentence, and a page that is fine gets none."""
    html, sentence = SEEN[wrong]
    assert sentence in obstacles(html)
    assert obstacles(page('<form><label for="a">A</label><input id="a" name="a"></form>')) == []
