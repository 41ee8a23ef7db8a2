"""The command line: towns made, looked after, and every mistake a sentence with the right exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result

from townhall.access.actors import system
from townhall.cli import main
from townhall.cli.serving import run
from townhall.db.transactions import unwritable
from townhall.errors import ConfigurationError
from townhall.town import Town

PASSWORD = "correct horse battery"

Run = Callable[..., Result]


@pytest.fixture
def run_it(tmp_path: Path) -> Run:
    """Run a command on the town in a temporary folder."""

    def run(*arguments: str, input: str = "", **environ: str) -> Result:
        command = ["--instance", str(tmp_path / "town"), *arguments]
        return CliRunner().invoke(main, command, input=input, env=environ, catch_exceptions=False)

    return run


@pytest.fixture
def made(run_it: Run) -> Run:
    """Run a command on a town that was made already, with no plugin on."""
    result = run_it("init", "--admin", "ada@town.example", "--plugins", "none", TOWNHALL_ADMIN_PASSWORD=PASSWORD)
    assert result.exit_code == 0, result.output
    return run_it


def test_init_makes_a_town_with_everything_on(run_it: Run, tmp_path: Path) -> None:
    """One command gives settings, database, administrator and the shipped plugins."""
    result = run_it(
        "init", "--admin", "ada@town.example", "--name", "Mill “New” brook", TOWNHALL_ADMIN_PASSWORD=PASSWORD
    )
    assert result.exit_code == 0, result.output
    assert "Mill “New” brook is ready" in result.output
    assert 'name = "Mill “New” brook"' in (tmp_path / "town" / "townhall.toml").read_text(encoding="utf-8")
    assert json.loads(run_it("users", "list", "--json").output)[0]["roles"] == ["administrator"]
    plugins = {plugin["name"]: plugin for plugin in json.loads(run_it("plugins", "list", "--json").output)}
    for name in ("complaints", "grants", "economic_development", "recruitment"):
        assert plugins[name]["running"], plugins[name]["reason"]
        assert plugins[name]["types"]


def test_init_never_overwrites(made: Run, tmp_path: Path) -> None:
    """A second init in the same folder is refused and changes nothing."""
    before = (tmp_path / "town" / "townhall.toml").read_bytes()
    result = made("init", "--admin", "eve@town.example", "--name", "Other", TOWNHALL_ADMIN_PASSWORD=PASSWORD)
    assert result.exit_code == 1
    assert "there is a town in this folder already" in result.output
    assert (tmp_path / "town" / "townhall.toml").read_bytes() == before
    assert len(json.loads(made("users", "list", "--json").output)) == 1


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "words"),
    [
        ((), {"TOWNHALL_ADMIN_PASSWORD": PASSWORD}, 2, "Missing option '--admin'"),
        (("--admin", "ada@town.example"), {"TOWNHALL_ADMIN_PASSWORD": "short"}, 1, "at least 10 characters"),
        (("--admin", "nonsense"), {"TOWNHALL_ADMIN_PASSWORD": PASSWORD}, 1, "is no e-mail address"),
        (
            ("--admin", "ada@town.example", "--plugins", "unicorns"),
            {"TOWNHALL_ADMIN_PASSWORD": PASSWORD},
            1,
            "unicorns",
        ),
        (("--admin", "ada@town.example", "--database", "x://y"), {"TOWNHALL_ADMIN_PASSWORD": PASSWORD}, 1, "database"),
        (("--admin", "ada@town.example"), {}, 2, "set TOWNHALL_ADMIN_PASSWORD"),
    ],
)
def test_init_that_fails_leaves_nothing_behind(
    run_it: Run, tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], code: int, words: str
) -> None:
    """A bad address, password, plugin or database is told, and the next try is not in the way of this one."""
    result = run_it("init", *arguments, **environ)
    assert result.exit_code == code
    assert words in result.output
    assert not (tmp_path / "town" / "townhall.toml").exists()
    again = run_it("init", "--admin", "ada@town.example", "--plugins", "none", TOWNHALL_ADMIN_PASSWORD=PASSWORD)
    assert again.exit_code == 0, again.output


def test_the_password_can_come_from_standard_input(run_it: Run) -> None:
    """Without a terminal one line is read."""
    result = run_it("init", "--admin", "ada@town.example", "--plugins", "none", input=PASSWORD + "\n")
    assert result.exit_code == 0, result.output


def test_a_command_without_a_town_says_so(run_it: Run) -> None:
    """Every command that needs a town names the folder and the way out."""
    for command in (("users", "list"), ("plugins", "list"), ("migrate",), ("export", "core.contact"), ("serve",)):
        result = run_it(*command)
        assert result.exit_code == 1, command
        assert "make one with townhall init" in result.output


@pytest.mark.parametrize("command", [["serve"], ["users", "list"], ["backup"], ["migrate", "--rehearse"], ["doctor"]])
def test_a_folder_without_a_town_gets_none_by_itself(run_it: Run, tmp_path: Path, command: list[str]) -> None:
    """A wrong folder is told, and nothing is written into it."""
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "letter.txt").write_text("Dear Sir", encoding="utf-8")
    result = run_it(*command)
    assert (result.exit_code, "there is no town in this folder" in result.output) == (1, True), result.output
    assert [file.name for file in (tmp_path / "town").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("command", [["serve"], ["users", "list"], ["backup"], ["migrate", "--rehearse"], ["doctor"]])
def test_a_town_is_not_begun_anew_where_its_database_is_not(made: Run, tmp_path: Path, command: list[str]) -> None:
    """A database that is somewhere else, lost or empty is told; an empty town would take in what people send."""
    file = tmp_path / "town" / "townhall.db"
    wrong = made(*command, TOWNHALL_DATABASE="sqlite:///data/town.db")
    assert (wrong.exit_code, "data/town.db is not there" in wrong.output) == (1, True), wrong.output
    assert not (tmp_path / "town" / "data").exists()
    file.rename(tmp_path / "kept.db")
    file.touch()
    empty = made(*command)
    assert (empty.exit_code, f"{file} is empty" in empty.output) == (1, True), empty.output
    assert "townhall restore" in empty.output
    assert file.stat().st_size == 0
    (tmp_path / "kept.db").replace(file)
    assert made("users", "list").exit_code == 0


@pytest.mark.parametrize(
    "command", [["serve"], ["users", "list"], ["backup"], ["doctor"], ["schema", "show", "core.task"]]
)
def test_another_accounts_town_is_told_with_whose_it_is(
    made: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """Whoever types a command as themselves, and not as the account of the service, learns that."""
    if os.name != "posix":
        pytest.skip("Windows knows no such owners")
    monkeypatch.setattr(os, "access", lambda path, mode, **more: mode == os.F_OK)
    owner = (tmp_path / "town").owner()
    result = made(*command)
    assert result.exit_code == 1
    assert f"it belongs to {owner}. Run this as that account, like: sudo -u {owner} townhall" in result.output


def test_people_are_looked_after(made: Run) -> None:
    """Adding, listing, roles, passwords and letting go."""
    added = made("users", "add", "erin@town.example", "--role", "clerk", input=PASSWORD + "\n")
    assert added.exit_code == 0, added.output
    assert "can sign in as Clerk" in added.output
    generated = made("users", "add", "vic@town.example", "--role", "viewer", "--generate")
    assert "Password: " in generated.output
    assert "Vic" in made("users", "list").output
    assert "is now Administrator" in made("users", "set-role", "erin@town.example", "administrator").output
    said = made("users", "set-password", "erin@town.example", "--generate").output
    assert "a new password. Sessions and calendar addresses from before work no more." in said
    assert made("users", "deactivate", "vic@town.example").exit_code == 0
    people = {person["email"]: person for person in json.loads(made("users", "list", "--json").output)}
    assert not people["vic@town.example"]["active"]
    assert made("users", "reactivate", "vic@town.example").exit_code == 0
    unknown = made("users", "set-role", "nobody@town.example", "clerk")
    assert (unknown.exit_code, "nobody@town.example" in unknown.output) == (1, True)


def test_plugins_are_switched(made: Run) -> None:
    """enable and disable say what happened, in the town that is opened next."""
    assert made("plugins", "enable", "grants", "--yes").exit_code == 0
    assert {p["name"]: p["running"] for p in json.loads(made("plugins", "list", "--json").output)}["grants"]
    assert "records are kept" in made("plugins", "disable", "grants", "--yes").output
    assert made("plugins", "disable", "grants", "--yes").exit_code == 1
    assert made("plugins", "enable", "grants", input="n\n").exit_code == 1
    asked = made("plugins", "enable", "grants", input="y\n")
    assert asked.exit_code == 0
    assert "Switching on Grants will add:" in asked.output
    assert "kinds of record: " in asked.output
    refused = made("plugins", "disable", "grants", input="n\n")
    assert refused.exit_code == 1
    assert {p["name"]: p["running"] for p in json.loads(made("plugins", "list", "--json").output)}["grants"]
    assert made("plugins", "enable", "unicorns").exit_code == 1
    assert "NAME" in made("plugins", "list").output


def test_the_doctor_finds_a_healthy_town_healthy(made: Run) -> None:
    """All findings are good, and the exit code says so."""
    result = made("doctor", "--json")
    findings = json.loads(result.output)
    assert result.exit_code == 0, findings
    assert {"settings", "database", "secret key", "disk", "people"} <= {finding["subject"] for finding in findings}


def test_the_doctor_tells_what_is_wrong(made: Run, tmp_path: Path) -> None:
    """A mistake in the settings and a plugin whose files are gone are found, with exit code 1."""
    folder = tmp_path / "town" / "plugins" / "park"
    folder.mkdir(parents=True)
    manifest = folder / "plugin.toml"
    manifest.write_text('name = "park"\ntitle = "Park"\nversion = "1"\napi = ">=1"\n', encoding="utf-8")
    assert made("plugins", "enable", "park", "--yes").exit_code == 0
    manifest.unlink()
    result = made("doctor")
    assert result.exit_code == 1
    assert "PROBLEM" in result.output
    assert "park" in result.output
    (tmp_path / "town" / "townhall.toml").write_text("[town]\nnaem = 1\n", encoding="utf-8")
    result = made("doctor")
    assert (result.exit_code, "naem" in result.output) == (1, True)


def test_migrate_says_what_it_does_and_a_rehearsal_does_nothing(made: Run, tmp_path: Path) -> None:
    """A rehearsal names the same additions as the real thing, and leaves the tables as they were."""
    assert "up to date" in made("migrate").output
    folder = tmp_path / "town" / "plugins" / "park" / "schemas"
    folder.mkdir(parents=True)
    (folder.parent / "plugin.toml").write_text(
        'name = "park"\ntitle = "Park"\nversion = "1"\napi = ">=1"\n', encoding="utf-8"
    )
    schema = '[type]\nname = "thing"\ntitle = "{label}"\n[fields.label]\ntype = "text"\n'
    (folder / "thing.toml").write_text(schema, encoding="utf-8")
    assert made("plugins", "enable", "park", "--yes").exit_code == 0
    (folder / "thing.toml").write_text(schema + '[fields.trees]\ntype = "integer"\n', encoding="utf-8")
    for _ in range(2):
        rehearsal = made("migrate", "--rehearse").output
        assert "trees" in rehearsal
        assert "nothing was changed" in rehearsal
    assert "trees" in made("migrate").output
    assert "up to date" in made("migrate").output


def test_export_writes_csv_to_standard_output(made: Run, tmp_path: Path) -> None:
    """All records come out as CSV that has one line each under a heading."""
    town = Town.open(tmp_path / "town")
    for name in ("Ada", "Zoë"):
        town.records.create(system(), "core.contact", {"kind": "person", "given_name": name})
    town.close()
    result = made("export", "core.contact")
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout.removeprefix("\ufeff"))))
    assert {row["given_name"] for row in rows} == {"Ada", "Zoë"}
    unknown = made("export", "core.contract")
    assert (unknown.exit_code, "Did you mean core.contact?" in unknown.output) == (1, True)


def test_wrong_usage_is_exit_code_two(run_it: Run) -> None:
    """Unknown commands and options are the caller's mistake."""
    assert run_it("dance").exit_code == 2
    assert run_it("users", "list", "--loud").exit_code == 2


def test_serving_on_a_port_that_is_taken_is_a_sentence(made: Run, tmp_path: Path) -> None:
    """A second server on the same port says so instead of showing a traceback."""
    import socket

    town = Town.open(tmp_path / "town")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match="can't listen on"):
            run(town, "127.0.0.1", taken.getsockname()[1])
    town.close()


def test_a_town_in_which_nothing_can_be_written_is_not_served(town: Town) -> None:
    """A read-only disk, another account's file: nobody could sign in, and nothing that they send would be kept."""
    reading, why = {
        "sqlite": ("PRAGMA query_only", "its file or disk is read-only, or belongs to another account."),
        "postgresql": ("SET default_transaction_read_only", "its server lets this account only read"),
    }[town.database.engine]
    town.database.execute_sql(f"{reading} = true")
    with pytest.raises(ConfigurationError, match=f"Nothing can be written into the database .*: {re.escape(why)}"):
        run(town, "127.0.0.1", 8149)
    town.database.execute_sql(f"{reading} = false")
    assert unwritable(town.database) == ""


def test_listening_where_this_computer_is_not_says_which_addresses_there_are(made: Run) -> None:
    """Another computer's address is no sign that the server runs already."""
    result = made("serve", "--host", "203.0.113.9", "--port", "8149")
    assert result.exit_code == 1
    assert "must be an address of this computer: 127.0.0.1" in result.output
    assert "running already" not in result.output


def test_settings_that_set_nothing_are_told(made: Run, tmp_path: Path) -> None:
    """The section of a plugin that is not there, and a role that is none, with what was probably meant."""
    with (tmp_path / "town" / "townhall.toml").open("a", encoding="utf-8") as file:
        file.write("[plugins.complaint]\nradius = 50\n")
    result = made("doctor", TOWNHALL_SECOND_FACTOR="clerks")
    assert result.exit_code == 1
    assert "plugins.complaint: there is no such plugin, so this sets nothing. Did you mean [plugins.complaints]?" in (
        result.output
    )
    assert "second_factor in [security] names clerks, which is no role" in result.output
    assert "did you mean clerk?" in result.output


def test_wards_come_from_a_file_and_a_desk_is_handed_over(made: Run, tmp_path: Path) -> None:
    """What the pages do about wards and open work, for scripts: the same sentences, and 1 when a file can't be used."""
    ring = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    feature = {
        "type": "Feature",
        "properties": {"W": "Old Town"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    file = tmp_path / "wards.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    unnamed = made("wards", "import", str(file))
    assert (unnamed.exit_code, "The file has W." in unnamed.output) == (1, True)
    done = made("wards", "import", str(file), "--name", "W")
    assert done.output == "1 new ward, no new outlines.\n"
    assert [line["name"] for line in json.loads(made("wards", "list", "--json").output)] == ["Old Town"]
    assert "Old Town" in made("wards", "list").output
    made("users", "add", "rae@town.example", input=PASSWORD)
    none = made("users", "hand-over", "rae@town.example", "ada@town.example")
    assert (none.exit_code, none.output) == (0, "There was no open work to hand over.\n")
    assert made("users", "hand-over", "nobody@town.example").exit_code == 1
    same = made("users", "hand-over", "ada@town.example", "ada@town.example")
    assert (same.exit_code, "the same person" in same.output) == (1, True)


def test_what_goes_to_a_file_is_utf_8_everywhere(made: Run, tmp_path: Path) -> None:
    """Where a computer would write another alphabet, as Windows does into a file, no letter stops a command."""
    folder = tmp_path / "town"
    made("users", "add", "zoe@town.example", "--name", "Zoë Łuczak → Δ", "--generate")
    strange = {"PYTHONIOENCODING": "cp1252"}
    command = [
        sys.executable,
        "-c",
        "from townhall.cli import main; main()",
        "--instance",
        str(folder),
        "users",
        "list",
    ]
    done = subprocess.run(command, capture_output=True, env=os.environ | strange, check=False)
    assert (done.returncode, "Zoë Łuczak → Δ" in done.stdout.decode("utf-8")) == (0, True), done.stderr
