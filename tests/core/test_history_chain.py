"""The chain over history: what the database refuses, what is sealed when, and what verifying finds."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import closing
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import peewee
import pytest
from click.testing import CliRunner
from click.testing import Result
from desk import TICKET
from desk import make_contact
from desk import make_ticket
from desk import make_topic
from processes import Process
from processes import begin

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.cli import main
from townhall.clock import FixedClock
from townhall.db import history_guards
from townhall.db import history_indexes
from townhall.errors import TownhallError
from townhall.lifecycle import packing
from townhall.lifecycle import purging
from townhall.lifecycle import switching
from townhall.lifecycle import unpacking
from townhall.records import erasing
from townhall.records import history
from townhall.records import sealing
from townhall.records import verifying
from townhall.records.types import Record
from townhall.records.verdicts import Verdict
from townhall.town import Town


@pytest.fixture
def ticket(town: Town, clerk: Actor, clock: FixedClock) -> Record:
    """A ticket with three versions."""
    record = make_ticket(town, clerk, make_topic(town), secret="Zanzibar")
    for version, words in ((1, "Wide"), (2, "Wider")):
        clock.move(timedelta(minutes=1))
        record = town.records.update(clerk, TICKET, record.id, {"summary": words}, version=version)
    return record


def run(town: Town, *arguments: str) -> Result:
    """Run ``townhall history ...`` on a town."""
    environ = {"TOWNHALL_DATABASE": str(town.database.database)} if town.database.engine == "postgresql" else {}
    command = ["--instance", str(town.instance), "history", *arguments]
    return CliRunner().invoke(main, command, env=environ, catch_exceptions=False)


@contextmanager
def unguarded(town: Town) -> Iterator[None]:
    """The database without its guards, as somebody has it who may change tables."""
    tables = ("history", "history_values", "history_erased", "history_seal")
    if town.database.engine == "postgresql":
        for table in tables:
            town.database.execute_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            town.database.execute_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    rows = town.database.execute_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in rows:
        town.database.execute_sql(f"DROP TRIGGER {name}")
    yield
    for _, statement in rows:
        town.database.execute_sql(statement)


def entry_of(town: Town, record: Record, version: int) -> int:
    """The id of the entry that made a version."""
    entries = town.records.history(system(), TICKET, record.id)
    return next(entry.id for entry in entries if entry.version == version)


def found(town: Town) -> Verdict:
    """What verifying finds."""
    return verifying.verify(town)


# -- the database -----------------------------------------------------------------------------------------------------

REFUSED = (
    "UPDATE history SET actor_name = 'Nobody' WHERE id = 1",
    "DELETE FROM history WHERE id = 1",
    "UPDATE history_values SET changes = '{}' WHERE history_id = 1",
    "DELETE FROM history_values WHERE history_id = 1",
    "UPDATE history_seal SET digest = 'x'",
    "DELETE FROM history_seal",
    "UPDATE history_erased SET entry_id = 1",
    "DELETE FROM history_erased",
)


def test_the_database_refuses_to_change_history(town: Town, ticket: Record, engine: str) -> None:
    """Updates and deletes of entries, values, seals and erasures fail with a sentence, whatever program sends them."""
    sealing.seal(town)
    erasing.erase(town, system(), [entry_of(town, ticket, 1)], "By rule")
    more = (
        ("TRUNCATE history, history_values", "TRUNCATE history_seal")
        if engine == "postgresql"
        else (
            "REPLACE INTO history SELECT * FROM history",
            "REPLACE INTO history_values SELECT * FROM history_values",
            "REPLACE INTO history_erased SELECT * FROM history_erased",
            "REPLACE INTO history_seal SELECT * FROM history_seal",
            # Another number, but the seal before it is the same: SQLite would take the old one away for it.
            'REPLACE INTO history_seal SELECT 99, previous, "at", entries, last_id, ranges, digest FROM history_seal',
            "UPDATE OR REPLACE history SET version = 7",
            "INSERT INTO history SELECT * FROM history WHERE true ON CONFLICT (id) DO UPDATE SET version = 7",
        )
    )
    for statement in (*REFUSED, *more):
        with pytest.raises(peewee.DatabaseError, match=r"History is only ever added to|Values in history"):
            town.database.execute_sql(statement)
    assert found(town).broken is None


def test_guards_come_back_by_themselves(town: Town, ticket: Record, engine: str) -> None:
    """A town that has none of them yet, or lost them, gets them at its next start, and the ledger says so."""
    drop = "DROP TRIGGER history_keeps_update" + (" ON history" if engine == "postgresql" else "")
    town.database.execute_sql(drop)
    assert history_guards.guard(town.database) == [
        'The database itself now guards "history" with "history_keeps_update".'
    ]
    assert history_guards.guard(town.database) == []
    with pytest.raises(peewee.DatabaseError):
        town.database.execute_sql(REFUSED[0])


def test_indexes_come_back_by_themselves(town: Town, ticket: Record) -> None:
    """A town that has none of them yet gets them at its next start, and the ledger says so."""
    town.database.execute_sql("DROP INDEX history_values_queue")
    assert history_indexes.prepare(town.database) == ['Added the index "history_values_queue" to "history_values".']
    assert history_indexes.prepare(town.database) == []


def test_guards_that_do_nothing_any_more_are_made_anew(town: Town, ticket: Record, engine: str) -> None:
    """A guard that bears the right name and lets everything through is found as well as one that is gone."""
    if engine == "postgresql":
        harmless = (
            "CREATE OR REPLACE FUNCTION townhall_refuse() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NEW; END $$",
        )
    else:
        harmless = (
            "DROP TRIGGER history_keeps_update",
            "CREATE TRIGGER history_keeps_update BEFORE UPDATE ON history WHEN false BEGIN SELECT 1; END",
        )
    for statement in harmless:
        town.database.execute_sql(statement)
    assert history_guards.guard(town.database)
    assert history_guards.guard(town.database) == []
    with pytest.raises(peewee.DatabaseError, match="History is only ever added to"):
        town.database.execute_sql(REFUSED[0])


def test_whoever_takes_a_guard_away_is_told_of(town: Town, ticket: Record, engine: str) -> None:
    """The next start makes it anew and says so for good: verifying always, the doctor for a month."""
    sealing.seal(town)
    assert "NOTE" not in run(town, "verify").output
    town.database.execute_sql("DROP TRIGGER history_keeps_update" + (" ON history" if engine == "postgresql" else ""))
    for _ in range(2):
        told = run(town, "verify")
        assert (told.exit_code, "Somebody took guards of the database away" in told.output) == (0, True)
        assert "(history_keeps_update)" in told.output
    assert [each["guard"] for each in json.loads(run(town, "verify", "--json").stdout)["guards_lost"]] == [
        "history_keeps_update"
    ]
    environ = {"TOWNHALL_DATABASE": str(town.database.database)} if engine == "postgresql" else {}
    doctor = CliRunner().invoke(main, ["--instance", str(town.instance), "doctor"], env=environ)
    assert "guard history_keeps_update was gone or altered" in doctor.output


@pytest.mark.parametrize("engine", ["sqlite"])
def test_what_another_program_can_do_to_a_file(town: Town, ticket: Record) -> None:
    """A setting of its own gets nobody past the guards; who writes the schema itself gets past them, and is found."""
    sealing.seal(town)
    file = str(town.database.database)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for setting in ("recursive_triggers", "ignore_check_constraints", "defer_foreign_keys", "writable_schema"):
            for value in ("on", "off"):
                other.execute(f"PRAGMA {setting} = {value}")
                for statement in (REFUSED[0], "REPLACE INTO history SELECT * FROM history"):
                    with pytest.raises(sqlite3.DatabaseError, match="History is only ever added to"):
                        other.execute(statement)
        assert "NOTE" not in run(town, "verify").output
        other.execute("PRAGMA writable_schema = on")
        never = "replace(sql, 'FOR EACH ROW', 'FOR EACH ROW WHEN 0')"
        other.execute(f"UPDATE sqlite_master SET sql = {never} WHERE name = 'history_keeps_update'")
        other.execute("PRAGMA writable_schema = reset")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("UPDATE history SET actor_name = 'Nobody' WHERE id = 3")
    told = run(town, "verify")
    assert (told.exit_code, "entry 3" in told.output) == (1, True), told.output
    assert "history_keeps_update" in told.output
    with closing(sqlite3.connect(file)) as other, pytest.raises(sqlite3.DatabaseError):
        other.execute(REFUSED[0])


# -- sealing ----------------------------------------------------------------------------------------------------------


def test_sealing_covers_what_is_new(town: Town, clerk: Actor, ticket: Record) -> None:
    """Each run seals the entries since the last one, once; a run with nothing to do says nothing."""
    assert sealing.run(town) == "Sealed 4 entries of history."
    assert sealing.run(town) == ""
    town.records.update(clerk, TICKET, ticket.id, {"summary": "Widest"}, version=3)
    assert found(town).unsealed == sealing.unsealed(town) == 1
    assert sealing.run(town) == "Sealed 1 entry of history."
    first, second = (sealing.numbered(town, number) for number in (1, 2))
    assert first is not None
    assert second is not None
    assert (second.previous, second.entries) == (first.digest, 1)
    verdict = found(town)
    assert (verdict.broken, verdict.entries, verdict.seals, verdict.unsealed) == (None, 5, 2, 0)


def test_many_entries_become_many_seals(town: Town, clerk: Actor) -> None:
    """A seal covers a limited number, so that a broken one says closely where."""
    count = 2 * sealing.MOST + 3
    history.write(town, clerk, "core.contact", 1, [history.Event(n, 1, "update", {}) for n in range(1, count + 1)])
    assert sealing.seal(town) == count
    assert (found(town).seals, found(town).entries) == (3, count)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_what_becomes_visible_late_is_sealed_later(town: Town, ticket: Record) -> None:
    """An entry whose id is below those sealed before it was committed is in a later seal: none is lost."""
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with town.database.connection_context(), town.database.atomic():
            history.write(town, system(), "core.contact", 5, [history.Event(9, 1, "update", {})])
            written.set()
            assert go_on.wait(60)

    def given_up() -> None:
        with town.database.connection_context(), town.database.atomic() as transaction:
            history.write(town, system(), "core.contact", 5, [history.Event(8, 1, "update", {})])
            transaction.rollback()

    other = threading.Thread(target=slow)
    other.start()
    assert written.wait(60)
    last = threading.Thread(target=given_up)
    last.start()
    last.join()
    history.write(town, system(), "core.contact", 6, [history.Event(10, 1, "update", {})])
    assert sealing.seal(town) == 5
    assert found(town).broken is None
    go_on.set()
    other.join()
    verdict = found(town)
    assert (verdict.broken, verdict.unsealed, sealing.unsealed(town)) == (None, 1, 1)
    assert sealing.seal(town) == 1
    assert sealing.seal(town) == 0
    verdict = found(town)
    assert (verdict.broken, verdict.seals, verdict.entries, verdict.unsealed) == (None, 2, 6, 0)
    late = sealing.newest(town)
    assert late is not None
    assert late.last_id > late.ranges[0][0]


SCRIPT = """
import os, signal, sys
from pathlib import Path
from townhall.records import sealing
from townhall.town import Town

instance, database, how = sys.argv[1:]
town = Town.open(Path(instance), database=database or None)
real = town.database.execute_sql
def execute(sql, *arguments, **options):
    told = real(sql, *arguments, **options)
    if how == "killed" and sql.startswith("INSERT INTO \\"history_seal\\""):
        os.kill(os.getpid(), signal.SIGKILL)
    return told
town.database.execute_sql = execute
print("ready", flush=True)
sys.stdin.readline()
print(sealing.seal(town), flush=True)
town.close()
"""


def start(town: Town, how: str) -> Process:
    """Start a process that seals once it is told to."""
    url = str(town.database.database) if town.database.engine == "postgresql" else ""
    process = begin(SCRIPT, str(town.instance), url, how)
    assert process.stdout.readline() == "ready\n"
    return process


def test_killed_in_the_middle_of_sealing(town: Town, ticket: Record) -> None:
    """A process that is killed before its seal is committed leaves nothing behind; the next one seals everything."""
    process = start(town, "killed")
    process.communicate("go\n", timeout=600)
    assert process.returncode == -9
    assert sealing.newest(town) is None
    assert sealing.seal(town) == 4
    assert found(town).broken is None


def test_two_processes_seal_at_once(town: Town, ticket: Record) -> None:
    """Whatever they do at the same time, every entry is in exactly one seal and the chain holds."""
    count = 3 * sealing.MOST
    history.write(town, system(), "core.contact", 1, [history.Event(n, 1, "update", {}) for n in range(1, count + 1)])
    processes = [start(town, "whole") for _ in range(2)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [int(process.communicate(timeout=600)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    left = sealing.seal(town)
    assert sum(told) + left == count + 4
    verdict = found(town)
    assert (verdict.broken, verdict.entries, verdict.unsealed) == (None, count + 4, 0)
    seals = town.system.history_seal
    assert sum(number for (number,) in seals.select(seals.entries).tuples()) == count + 4


# -- verifying --------------------------------------------------------------------------------------------------------


def test_a_changed_entry_is_named(town: Town, ticket: Record) -> None:
    """Somebody who takes the guards away and writes another name into an entry is found: which record, when, who."""
    sealing.seal(town)
    id = entry_of(town, ticket, 2)
    with unguarded(town):
        town.database.execute_sql(f"UPDATE history SET actor_name = 'Nobody' WHERE id = {id}")
    broken = found(town).broken
    assert broken is not None
    assert broken.sentence == (
        f"The entry {id} about desk.ticket {ticket.id}, 2026-03-17 16:01:00 UTC by Nobody "
        "was changed after it was written."
    )
    assert (broken.entry, broken.record, broken.who) == (id, f"desk.ticket {ticket.id}", "Nobody")
    told = run(town, "verify")
    assert told.exit_code == 1
    assert f"BROKEN   {broken.sentence}" in told.output
    told = run(town, "verify", "--json")
    assert told.exit_code == 1
    assert json.loads(told.output)["broken"]["entry"] == id


def rewrite(town: Town, id: int, **changes: object) -> None:
    """Change an entry and work out its digest anew, as somebody does who knows how."""
    row = town.system.history.select().where(town.system.history.id == id).dicts().get() | changes
    digest = history.entry_digest([row[name] for name in history.FACTS] + [row["values_digest"]])
    town.system.history.update({**changes, "digest": digest}).where(town.system.history.id == id).execute()


@pytest.mark.parametrize("alone", [True, False])
def test_an_entry_that_was_written_anew_breaks_its_seal(
    town: Town, clerk: Actor, ticket: Record, clock: FixedClock, alone: bool
) -> None:
    """Where the entry's own digest was worked out anew, the seal tells, of one entry or of a few."""
    sealing.seal(town)
    town.records.update(clerk, TICKET, ticket.id, {"summary": "Alone"}, version=3)
    sealing.seal(town)
    id = entry_of(town, ticket, 4 if alone else 2)
    with unguarded(town):
        rewrite(town, id, actor_name="Nobody")
    broken = found(town).broken
    assert broken is not None
    if alone:
        assert (broken.seal, broken.entry) == (2, id)
        assert broken.sentence.startswith(f"The entry {id} about desk.ticket {ticket.id}, ")
    else:
        assert broken.seal == 1
        assert broken.sentence.startswith("One of the 4 entries from 1 (about desk.topic 1, ")
    assert "written anew after" in broken.sentence


def test_changed_values_are_named(town: Town, ticket: Record) -> None:
    """Values that are not those of then are found by their salted digest, and so are values that are just gone."""
    id = entry_of(town, ticket, 1)
    with unguarded(town):
        town.database.execute_sql(f"UPDATE history_values SET changes = '{{}}' WHERE history_id = {id}")
    broken = found(town).broken
    assert broken is not None
    assert "has other values than when it was written" in broken.sentence
    with unguarded(town):
        town.database.execute_sql(f"DELETE FROM history_values WHERE history_id = {id}")
    broken = found(town).broken
    assert broken is not None
    assert "has lost its values, and no entry says that they were erased" in broken.sentence


def test_a_missing_entry_and_a_missing_seal_are_named(town: Town, clerk: Actor, ticket: Record) -> None:
    """What is gone is named by its id and by what stood beside it."""
    sealing.seal(town)
    town.records.update(clerk, TICKET, ticket.id, {"summary": "More"}, version=3)
    sealing.seal(town)
    town.records.update(clerk, TICKET, ticket.id, {"summary": "Even more"}, version=4)
    sealing.seal(town)
    seals = list(town.system.history_seal.select().where(town.system.history_seal.number == 2).dicts())
    with unguarded(town):
        town.database.execute_sql("DELETE FROM history_seal WHERE number = 2")
    broken = found(town).broken
    assert broken is not None
    assert broken.sentence.startswith("Seal 2 is missing, which came after ")
    with unguarded(town):
        town.system.history_seal.insert_many(seals).execute()
        id = entry_of(town, ticket, 2)
        town.database.execute_sql(f"DELETE FROM history_values WHERE history_id = {id}")
        town.database.execute_sql(f"DELETE FROM history WHERE id = {id}")
    broken = found(town).broken
    assert broken is not None
    assert broken.entry == id
    assert broken.sentence.startswith(
        f"Entry {id} is missing, which stood beside the one about desk.ticket {ticket.id}"
    )
    with unguarded(town):
        town.database.execute_sql("UPDATE history_seal SET ranges = 'x' WHERE number = 1")
    broken = found(town).broken
    assert broken is not None
    assert broken.sentence == "Seal 1 was changed: it can't be read any more."


ENTRIES = ", ".join(f'"{name}"' for name in history.ENTRY_COLUMNS)


def forge(town: Town, id: int, like: int) -> None:
    """Add an entry with this id that is right by itself; no guard keeps anybody from adding."""
    names = ENTRIES.partition(", ")[2]
    town.database.execute_sql(f"INSERT INTO history ({ENTRIES}) SELECT {id}, {names} FROM history WHERE id = {like}")
    town.database.execute_sql(
        "INSERT INTO history_values (history_id, salt, note, changes)"
        f" SELECT {id}, salt, note, changes FROM history_values WHERE history_id = {like}"
    )


def test_an_entry_that_was_slipped_in_is_named(town: Town, ticket: Record) -> None:
    """An entry that is right by itself, at a place that no seal will ever cover, doesn't pass for one that waits."""
    sealing.seal(town)
    forge(town, -5, entry_of(town, ticket, 2))
    sealing.seal(town)
    broken = found(town).broken
    assert broken is not None
    assert broken.entry == -5
    assert broken.sentence.endswith("was slipped in where nothing was when its neighbours were sealed.")


def claim_gaps(town: Town, gaps: str) -> None:
    """Write a list of gaps over that of the town, which no guard keeps anybody from."""
    town.database.execute_sql("DELETE FROM meta WHERE \"key\" = 'history_gaps'")
    town.database.execute_sql(f"INSERT INTO meta (\"key\", \"value\") VALUES ('history_gaps', '{gaps}')")


def test_a_gap_that_somebody_claims_lets_nothing_in(town: Town, ticket: Record, engine: str) -> None:
    """A place below the first entry is none, though the list of gaps says so: it is named, and never sealed."""
    sealing.seal(town)
    claim_gaps(town, "[[-5, -5]]")
    broken = found(town).broken
    assert (broken is None) == (engine == "sqlite")  # where nothing comes late, nobody goes by the list
    if broken is not None:
        assert "list of gaps in the chain" in broken.sentence
    forge(town, -5, entry_of(town, ticket, 2))
    if engine == "sqlite":
        assert sealing.seal(town) == 0
    else:
        with pytest.raises(TownhallError, match="list of gaps in the chain"):
            sealing.seal(town)
        assert "list of gaps in the chain" in run(town, "seal").output
        claim_gaps(town, "[]")
    broken = found(town).broken
    assert broken is not None
    assert broken.entry == -5
    assert broken.sentence.endswith("was slipped in where nothing was when its neighbours were sealed.")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # on SQLite nothing comes late
@pytest.mark.parametrize("claimed", ["[[5, 5]]", "[[5, 6], [8, 8]]", "[]", "[[5, 7], [2, 2]]", "[[5, 6], [6, 7]]"])
def test_the_list_of_gaps_is_what_the_seals_leave(town: Town, ticket: Record, claimed: str) -> None:
    """An entry of a gap that the list doesn't name would never be sealed, one that is sealed already be so again."""
    sealing.seal(town)
    town.database.execute_sql("SELECT nextval(pg_get_serial_sequence('history', 'id')) FROM generate_series(1, 3)")
    history.write(town, system(), "core.contact", 6, [history.Event(10, 1, "update", {})])
    sealing.seal(town)
    assert found(town).broken is None
    assert town.system.meta.get(town.system.meta.key == "history_gaps").value == "[[5,7]]"
    claim_gaps(town, claimed)
    broken = found(town).broken
    assert broken is not None
    assert "list of gaps in the chain" in broken.sentence


def add_seal(town: Town, ranges: list[tuple[int, int]], **other: object) -> None:
    """Add a seal that fits its entries and the seal before it, but for what ``other`` says of it."""
    last = sealing.newest(town)
    assert last is not None
    told = {"number": last.number + 1, "previous": last.digest, "at": last.at, "last_id": last.last_id} | other
    digests = dict(town.system.history.select(town.system.history.id, town.system.history.digest).tuples())
    ids = [id for first, final in ranges for id in range(first, final + 1)]
    digest = sealing.seal_digest(told["number"], told["previous"], told["at"], ranges, [digests[id] for id in ids])  # type: ignore[arg-type]
    text = json.dumps(ranges, separators=(",", ":"))
    town.system.history_seal.insert(**told, entries=len(ids), ranges=text, digest=digest).execute()


SEALS: tuple[tuple[list[tuple[int, int]], dict[str, object], str], ...] = (
    ([(5, 5)], {"last_id": 1005}, "Seal 2, of .*, was changed: it says that the chain reaches to entry 1,005"),
    ([(5, 5)], {"last_id": -100}, "Seal 2, of .*, was changed: it says that the chain reaches to entry -100"),
    ([(5, 5)], {"last_id": 5, "previous": "f" * 64}, "Seal 2, of .*, doesn't follow from the one before it"),
    ([(5, 5)], {"last_id": 5, "at": 1}, "Seal 2, of 1970-01-01 .*, is of an earlier time than the one before it"),
    ([(5, 5)], {"last_id": 5, "number": 3}, "Seal 2 is missing"),
    ([(-5, -5), (5, 5)], {"last_id": 5}, "The entry -5 about .* was slipped in"),
    ([(2, 2), (5, 5)], {"last_id": 5}, "Seal 2, of .*, covers the entry 2 about .*, which was sealed before"),
    ([(5, 5), (5, 5)], {"last_id": 5}, "Seal 2, of .*, was changed"),
    ([], {}, "Seal 2, of .*, was changed"),
)


@pytest.mark.parametrize(("ranges", "other", "sentence"), SEALS)
def test_a_seal_that_somebody_made_up_is_named(
    town: Town, ticket: Record, ranges: list[tuple[int, int]], other: dict[str, object], sentence: str
) -> None:
    """A seal whose digest is right, and which says of the chain what isn't so, is named by what it says."""
    sealing.seal(town)
    history.write(town, system(), "core.contact", 6, [history.Event(10, 1, "update", {})])
    forge(town, -5, entry_of(town, ticket, 2))
    add_seal(town, ranges, **other)
    broken = found(town).broken
    assert broken is not None
    assert re.search(sentence, broken.sentence), broken.sentence


@pytest.mark.parametrize("engine", ["sqlite"])  # on PostgreSQL it passes for an entry that came late
def test_nothing_comes_late_where_one_writes_at_a_time(town: Town, ticket: Record) -> None:
    """An entry with an id that was left out is named there, also where somebody makes the seal over it."""
    like = entry_of(town, ticket, 2)
    forge(town, 9, like)
    sealing.seal(town)
    assert found(town).broken is None
    forge(town, 6, like)
    assert sealing.seal(town) == 0
    for _ in range(2):
        broken = found(town).broken
        assert broken is not None
        assert broken.entry == 6
        assert broken.sentence.endswith("was slipped in where nothing was when its neighbours were sealed.")
        add_seal(town, [(6, 6)])


@pytest.mark.parametrize("last_id", [1004, -100])
def test_where_the_chain_ends_is_worked_out(town: Town, clerk: Actor, ticket: Record, last_id: int) -> None:
    """Somebody who changes where the newest seal ends neither keeps entries from being sealed nor lets any in."""
    sealing.seal(town)
    with unguarded(town):
        town.database.execute_sql(f"UPDATE history_seal SET last_id = {last_id}")
    town.records.update(clerk, TICKET, ticket.id, {"summary": "More"}, version=3)
    broken = found(town).broken
    assert broken is not None
    assert broken.seal == 1
    assert f"it says that the chain reaches to entry {last_id:,}, and it reaches to 4." in broken.sentence


def test_a_clock_that_was_set_back(town: Town, clerk: Actor, ticket: Record, clock: FixedClock) -> None:
    """A seal is never of an earlier time than the one before it, whatever the clock says."""
    sealing.seal(town)
    clock.move(timedelta(days=-3))
    town.records.update(clerk, TICKET, ticket.id, {"summary": "More"}, version=3)
    sealing.seal(town)
    first, second = (sealing.numbered(town, number) for number in (1, 2))
    assert first is not None
    assert second is not None
    assert first.at == second.at
    assert found(town).broken is None


DEEP = "[" * 100_000
NONSENSE = (
    (
        "UPDATE history_seal SET ranges = '[[1,999999999]]', entries = 999999999 WHERE number = 1",
        "Seal 1, of .*changed",
    ),
    (f"UPDATE history_seal SET ranges = '{DEEP}' WHERE number = 1", "Seal 1 was changed: it can't be read any more"),
    (
        "UPDATE history_seal SET ranges = '[[\"1\",4]]' WHERE number = 1",
        "Seal 1 was changed: it can't be read any more",
    ),
    ("UPDATE history_seal SET ranges = '7' WHERE number = 1", "Seal 1 was changed: it can't be read any more"),
    ("UPDATE history_seal SET at = 9223372036854775807 WHERE number = 1", "Seal 1 was changed: it can't be read"),
)
NONSENSE_ON_SQLITE = (
    ("UPDATE history SET actor_name = x'ff' WHERE id = 1", "entry 1 about .* was changed after it was written"),
    ("UPDATE history SET actor_name = CAST(x'ff' AS TEXT) WHERE id = 1", "history can't be read any further"),
    *(
        (f"UPDATE history_seal SET {column} = {value} WHERE number = 1", "Seal 1 was changed: it can't be read")
        for column, value in (
            ("entries", "'x'"),
            ("last_id", "'q'"),
            ("at", "'then'"),
            ("ranges", "x'ff'"),
            ("digest", "x'ff'"),
        )
    ),
)
GAPS = tuple(
    (f"INSERT INTO meta (key, value) VALUES ('history_gaps', '{text}')", "list of gaps in the chain.*can't be read")
    for text in ("x", DEEP, "7", '[["1", 1]]', "[[1]]", "[[3, 1]]", "[[1, 100000000]]")
)


def test_nonsense_is_named_and_stops_nothing(town: Town, ticket: Record, engine: str) -> None:
    """Whatever somebody writes over history, verifying says so in a sentence; it neither fails nor fills the memory."""
    sealing.seal(town)
    for statement, sentence in (*NONSENSE, *(NONSENSE_ON_SQLITE if engine == "sqlite" else GAPS)):
        with unguarded(town), town.database.atomic() as transaction:
            town.database.execute_sql(statement)
            broken = found(town).broken
            transaction.rollback()
        assert broken is not None, statement[:200]
        assert re.search(sentence, broken.sentence), broken.sentence
    assert found(town).broken is None


def test_commands_say_that_a_seal_is_none(town: Town, ticket: Record) -> None:
    """Sealing and anchors stop at a seal that can't be read with the same sentence."""
    sealing.seal(town)
    with unguarded(town):
        town.database.execute_sql("UPDATE history_seal SET ranges = 'x'")
    for command in ("seal", "anchor", "verify"):
        told = run(town, command)
        assert (told.exit_code, "Seal 1 was changed: it can't be read any more." in told.output) == (1, True), command


def test_entries_in_another_order_are_found(town: Town, ticket: Record) -> None:
    """Two entries that changed places hold by themselves, values and all; the seal over them doesn't."""
    sealing.seal(town)
    one, two = entry_of(town, ticket, 2), entry_of(town, ticket, 3)
    with unguarded(town):
        for table, key in (("history", "id"), ("history_values", "history_id")):
            for old, new in ((one, 999), (two, one), (999, two)):
                town.database.execute_sql(f"UPDATE {table} SET {key} = {new} WHERE {key} = {old}")
    broken = found(town).broken
    assert broken is not None
    assert broken.seal == 1
    assert "written anew after they were sealed" in broken.sentence


def test_erasing_leaves_the_chain_whole(town: Town, clerk: Actor, ticket: Record, clock: FixedClock) -> None:
    """After a town's years, values go and entries stay, the chain holds, and what was erased is told; 0 keeps all."""
    sealing.seal(town)
    clock.move(timedelta(days=4 * 366))
    town.records.update(clerk, TICKET, ticket.id, {"summary": "Young"}, version=3)
    assert erasing.run(town) == ""
    town.settings = replace(town.settings, keep_values_years=3)
    assert erasing.run(town) == "Erased the values of 4 entries of history."
    assert erasing.run(town) == ""
    assert sealing.seal(town) == 2
    verdict = found(town)
    assert (verdict.broken, verdict.erased, verdict.entries) == (None, 4, 6)
    assert "Zanzibar" not in str(list(town.system.history_values.select().tuples()))
    assert [entry.erased for entry in town.records.history(clerk, TICKET, ticket.id)] == [True, True, True, False]
    told = run(town, "verify")
    assert told.exit_code == 0
    assert "4 entries have no values any more: they were erased by rule." in told.output
    town.settings = replace(town.settings, keep_values_years=200)
    assert erasing.run(town) == ""
    with unguarded(town):
        id = entry_of(town, ticket, 4)
        teller = town.system.history_erased.select().limit(1).get().entry_id
        town.system.history_erased.insert(history_id=id, entry_id=teller).execute()
        town.database.execute_sql(f"DELETE FROM history_values WHERE history_id = {id}")
    broken = found(town).broken
    assert broken is not None
    assert "says that the values of 4 entries were erased; 5 name it" in broken.sentence


@pytest.fixture
def unpacked(town: Town, ticket: Record, make_town: Callable[..., Town], tmp_path: Path) -> Town:
    """Another town, with the ticket out of a pack; the values of its first entry were erased before."""
    erasing.erase(town, system(), [entry_of(town, ticket, 1)], "By rule")
    here = make_town()
    unpacking.unpack(here, system(), packing.pack(town, system(), "desk", tmp_path / "desk.zip").file)
    return here


def test_a_pack_brings_erased_entries_along(unpacked: Town) -> None:
    """Unpacked history verifies, also where values were erased before it was packed, and says of how many."""
    sealing.seal(unpacked)
    verdict = found(unpacked)
    assert (verdict.broken, verdict.erased, verdict.uncounted) == (None, 1, 0)
    (entry, *_) = history.told(unpacked, unpacked.schemas[TICKET], 1)
    assert entry.changes is None
    erasures = unpacked.system.history.select().where(unpacked.system.history.action == "erase").dicts()
    (told,) = erasures
    values = unpacked.system.history_values.get(unpacked.system.history_values.history_id == told["id"])
    assert (told["identity"], values.changes) == ("core.history", '{"entries":[1,null]}')
    assert values.note.startswith("They were erased before. From a pack of ")


def test_a_purged_plugin_comes_back_to_its_history(town: Town, ticket: Record, tmp_path: Path) -> None:
    """Where a pack comes back to the town that it is from, whose history is there still, all of it verifies."""
    erasing.erase(town, system(), [entry_of(town, ticket, 1)], "By rule")
    switching.disable(town, system(), "desk")
    packed = packing.pack(town, system(), "desk", tmp_path / "desk.zip").file
    purging.purge(town, system(), "desk", "desk")
    unpacking.unpack(town, system(), packed)
    sealing.seal(town)
    assert (found(town).broken, found(town).erased) == (None, 1)


def drop_values(town: Town, id: int, teller: object) -> None:
    """Erase the values of an entry past Townhall, with an entry that is said to tell so. No guard is in the way."""
    mark = town.database.param
    town.database.execute_sql(f"INSERT INTO history_erased VALUES ({mark}, {mark})", (id, teller))
    town.database.execute_sql(f"DELETE FROM history_values WHERE history_id = {mark}", (id,))


def test_no_entry_that_is_there_tells_of_more_erasing(unpacked: Town, ticket: Record, engine: str) -> None:
    """Whichever entry is named as the one that tells so: values that somebody deletes are missed."""
    town = unpacked
    make_contact(town)
    sealing.seal(town)
    entry = town.system.history
    ids = sorted(id for (id,) in entry.select(entry.id).tuples())
    brought = entry_of(town, ticket, 3)
    assert brought < ids[-1]
    for victim in (brought, ids[-1]):
        for teller in (*ids, 10**9, *(("then", b"x") if engine == "sqlite" else ())):
            with town.database.atomic() as transaction:
                drop_values(town, victim, teller)
                broken = found(town).broken
                transaction.rollback()
            assert broken is not None, (victim, teller)
            assert re.search("has lost its values|the values of 1 entries were erased; 2 name it", broken.sentence)


TELLERS = (
    ("core.history", "reveal", {"entries": ("1", "null")}),
    ("core.contact", "erase", {"entries": ("1", "null")}),
    ("core.history", "erase", {"entries": ("true", "null")}),
    ("core.history", "erase", {"entries": ("{}", "null")}),
    ("core.history", "erase", {}),
    ("core.contact", "bring", {"records": ("null", "1")}),
)


@pytest.mark.parametrize(("identity", "action", "changes"), TELLERS)
def test_only_what_erases_tells_of_it(
    town: Town, ticket: Record, identity: str, action: str, changes: dict[str, tuple[str, str]]
) -> None:
    """An entry of another kind, or one that gives no number, is no reason for values to be gone."""
    event = history.Event(0, 0, action, changes)
    (teller,) = history.write(town, system(), identity, 9, [event])
    drop_values(town, entry_of(town, ticket, 2), teller)
    broken = found(town).broken
    assert broken is not None
    assert "has lost its values, and no entry says that they were erased" in broken.sentence


def test_an_entry_tells_only_of_those_before_it(town: Town, ticket: Record) -> None:
    """What was written after the entry that is said to tell of its end was not erased then."""
    told = {"entries": ("1", "null")}
    (teller,) = history.write(town, system(), "core.history", 9, [history.Event(0, 0, "erase", told)])
    (later,) = history.write(town, system(), "core.contact", 9, [history.Event(1, 1, "update", {})])
    drop_values(town, later, teller)
    broken = found(town).broken
    assert broken is not None
    assert broken.entry == later


def test_values_that_are_back_are_named(town: Town, ticket: Record) -> None:
    """Values that were erased by rule and stand there again, be they those of then, are named."""
    values, id = town.system.history_values, entry_of(town, ticket, 1)
    row = values.select().where(values.history_id == id).dicts().get()
    erasing.erase(town, system(), [id], "By rule")
    values.insert(**row).execute()
    broken = found(town).broken
    assert broken is not None
    assert broken.entry == id
    assert broken.sentence.endswith("has values again, although they were erased.")


def test_packs_of_which_nobody_counted_what_was_erased(town: Town, ticket: Record, clock: FixedClock) -> None:
    """The entry of such a pack tells of what came with it and of nothing else, and verifying says that none counted."""
    native = entry_of(town, ticket, 3)
    before = town.system.history.get(town.system.history.id == native).at
    clock.move(timedelta(days=1))
    now = before + 86_400_000_000
    (pack,) = history.write(town, system(), TICKET, now, [history.Event(0, 0, "unpack", {"records": ("null", "1")})])
    (brought,) = history.write(town, system(), TICKET, before - 5, [history.Event(7, 1, "create", {})])
    (later,) = history.write(town, system(), TICKET, now + 5, [history.Event(7, 2, "update", {})])
    drop_values(town, brought, pack)
    told = run(town, "verify")
    assert told.exit_code == 0, told.output
    assert "NOTE     1 entry of these came with a pack" in told.output
    assert json.loads(run(town, "verify", "--json").stdout)["uncounted"] == 1
    for victim in (native, later):
        with town.database.atomic() as transaction:
            drop_values(town, victim, pack)
            broken = found(town).broken
            transaction.rollback()
        assert broken is not None
        assert broken.entry == victim


# -- anchors ----------------------------------------------------------------------------------------------------------


def test_an_anchor_finds_a_chain_that_was_written_anew(
    town: Town, clerk: Actor, ticket: Record, tmp_path: Path
) -> None:
    """Who works out the whole chain anew, or cuts off its end, is found by a file that was kept elsewhere."""
    anchor = tmp_path / "march.json"
    told = run(town, "anchor", "--output", str(anchor))
    assert told.exit_code == 0, told.output
    assert "is there already" in run(town, "anchor", "--output", str(anchor)).output
    held = json.loads(anchor.read_text(encoding="utf-8"))
    assert (held["seal"], held["entries"]) == (1, 4)
    town.records.update(clerk, TICKET, ticket.id, {"summary": "More"}, version=3)
    assert "Sealed 1; the newest seal is 2, " in run(town, "seal").output
    later = tmp_path / "april.json"
    later.write_text(run(town, "anchor").output, encoding="utf-8")
    assert json.loads(run(town, "anchor", "--seal", "1").output) == held
    told = run(town, "verify", "--anchors", str(anchor), str(later))
    assert (told.exit_code, "has 2 anchors in it" in told.output) == (0, True), told.output
    with unguarded(town):
        rewrite(town, entry_of(town, ticket, 2), actor_name="Nobody")
        town.database.execute_sql("DELETE FROM history_seal")
        town.system.meta.delete().where(town.system.meta.key == "history_gaps").execute()
    sealing.seal(town)
    assert found(town).broken is None
    told = run(town, "verify", "--anchors", str(anchor))
    assert told.exit_code == 1
    assert "Seal 1 is not the one in the anchor" in told.output
    told = run(town, "verify", "--anchors", str(later))
    assert told.exit_code == 1
    assert "Seal 2 of the anchor" in told.output
    # One that fits doesn't hide another of the same seal, and a town that lost its mark is compared all the same.
    town.system.meta.delete().where(town.system.meta.key == "town").execute()
    forged = tmp_path / "forged.json"
    forged.write_text(run(town, "anchor", "--seal", "1").output, encoding="utf-8")
    for files in ((anchor, forged), (forged, anchor)):
        told = run(town, "verify", "--anchors", *map(str, files))
        assert (told.exit_code, "Seal 1 is not the one in the anchor" in told.output) == (1, True), told.output


def test_a_file_that_is_no_anchor_is_refused(town: Town, ticket: Record, tmp_path: Path) -> None:
    """A file of another town, or of another kind, is refused in a sentence."""
    good = json.loads(run(town, "anchor").output)
    for text, words in (
        ("hello", "is no anchor"),
        ("[1]", "is no anchor"),
        (json.dumps({**good, "digest": "short"}), "is no anchor"),
        (json.dumps({**good, "town_mark": "x", "town": "Elsewhere"}), "is an anchor of another town, Elsewhere."),
    ):
        (file := tmp_path / "anchor.json").write_text(text, encoding="utf-8")
        told = run(town, "verify", "--anchors", str(file))
        assert (told.exit_code, words in told.output) == (1, True), told.output
    assert "can't be read" in run(town, "verify", "--anchors", str(tmp_path / "none.json")).output
    assert "There is no seal 9." in run(town, "anchor", "--seal", "9").output
