"""Migrations and processes: one of several does the work, and one that dies in the middle has done nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from fees import FEE
from fees import FIRST
from fees import STAFF
from fees import again
from fees import lay
from fees import make
from fees import start
from processes import Process
from processes import begin

from townhall.cli import main
from townhall.db import ledger
from townhall.town import Town

STEP = '[[steps]]\nfill = { type = "fee", field = "cost", value = "1" }\n'
#: A process that opens the town and says what it did.
OPEN = """\
import json, sys
from pathlib import Path
from townhall.town import Town
town = Town.open(Path(sys.argv[1]), database=sys.argv[2])
print(json.dumps([done.file for done in town.upgrade.done if done.file]), flush=True)
town.close()
"""
#: A migration that tells that it is in the middle, and goes on when a file says so.
SLOW = """\
import sys
def migrate(step):
    step.update("fee", 1, {"payer": "Changed", "more": "x"})
    with open(%r, "a") as log:
        log.write("begun\\n")
    print("middle", flush=True)
    sys.stdin.readline()
    step.update("fee", 1, {"cost": "2"})
"""
MORE = FEE.replace("[fields.cost]", '[fields.more]\ntype = "text"\n[fields.cost]')


def url(town: Town) -> str:
    """Where the town's database is."""
    name = str(town.database.database)
    return f"sqlite:///{Path(name).name}" if town.database.engine == "sqlite" else name


@contextmanager
def opening(town: Town) -> Iterator[Process]:
    """Another process that opens the town."""
    process = begin(OPEN, str(town.instance), url(town))
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: Process) -> str:
    """The next line that a process says."""
    return process.stdout.readline().strip()


def go_on(process: Process) -> None:
    """Let a process leave the middle of its migration."""
    process.stdin.write("go\n")
    process.stdin.flush()


def test_one_process_migrates_and_the_others_wait(town: Town, tmp_path: Path) -> None:
    """Two processes open a town whose upgrade is slow: one runs it, the other waits and finds nothing to do."""
    start(town)
    make(town, payer="A")
    log = tmp_path / "log"
    lay(town, "2.0.0", {**FIRST, "fee.toml": MORE}, {"0002_slow.py": SLOW % str(log)})
    with opening(town) as first:
        assert line(first) == "middle"
        with opening(town) as second:
            go_on(second)
            go_on(first)
            assert json.loads(line(first)) == ["0002_slow.py"]
            assert json.loads(line(second)) == []
    assert log.read_text() == "begun\n"
    assert len(ledger.migrations(town.system)) == 1


def test_a_process_that_is_killed_in_the_middle_has_done_nothing(town: Town, tmp_path: Path) -> None:
    """After kill -9 in a migration the tables are as before; the next start runs it from the beginning."""
    start(town)
    fee = make(town, payer="A")
    lay(town, "2.0.0", {**FIRST, "fee.toml": MORE}, {"0002_slow.py": SLOW % str(tmp_path / "log")})
    with opening(town) as process:
        assert line(process) == "middle"
        process.kill()
        process.wait()
    assert ledger.migrations(town.system) == []
    assert "more" not in {column.name for column in town.database.get_columns("fees_fee")}
    assert town.database.execute_sql("SELECT payer FROM fees_fee").fetchone()[0] == "A"
    with opening(town) as process:
        assert line(process) == "middle"
        go_on(process)
        assert json.loads(line(process)) == ["0002_slow.py"]
    record = again(town).records.get(STAFF, "fees.fee", fee.id)
    assert (record["payer"], record["more"], record["cost"]) == ("Changed", "x", "2")


def test_the_command_runs_rehearses_and_tells(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """``townhall migrate`` says what was done, a rehearsal does it on a copy, and exit code 1 says what failed."""
    monkeypatch.setenv("TOWNHALL_DATABASE", url(town))

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["--instance", str(town.instance), *arguments])
        return result.exit_code, result.output

    start(town)
    make(town, payer="A")
    lay(town, "2.0.0", FIRST, {"0002_fill.toml": STEP})
    for _ in range(2):
        code, said = run("migrate", "--rehearse")
        assert (code, "fees: 0002_fill.toml: Empty fee.cost are filled. (1 rows" in said) == (0, True), said
        assert "nothing was changed" in said
    told = json.loads(run("migrate", "--rehearse", "--json")[1])
    assert (told["rehearsal"], told["done"][0]["rows"], told["failures"]) == (True, 1, {})
    code, said = run("migrate")
    assert (code, "is kept in" in said, "0002_fill.toml" in said) == (0, True, True), said
    assert "up to date" in run("migrate")[1]
    lay(town, "2.0.1", FIRST, {"0002_fill.toml": STEP + "# edited\n", "0003_bad.py": "def migrate(step):\n    1 / 0\n"})
    for command in (("migrate", "--rehearse"), ("migrate",)):
        code, said = run(*command)
        assert (code, "ZeroDivisionError" in said, "has been changed since" in said) == (1, True, True), said
    assert "PROBLEM  migrations" in run("doctor")[1]
    code, said = run("migrate", "--safe-mode")
    assert (code, "safe mode runs none" in said) == (1, True), said
