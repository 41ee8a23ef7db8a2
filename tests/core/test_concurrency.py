"""Two processes that write at the same time."""

from __future__ import annotations

from desk import TICKET
from desk import make_ticket
from desk import make_topic
from processes import Process
from processes import begin

from townhall.access.actors import Actor
from townhall.access.actors import system
from townhall.town import Town

#: What each process does: open the same town and make tickets, counting the edits of one that went through.
SCRIPT = """
import sys
from pathlib import Path
from townhall.access.actors import system
from townhall.errors import Conflict, ValidationFailed
from townhall.town import Town

instance, database, name, topic, shared = sys.argv[1:]
town = Town.open(Path(instance), database=database or None)
print("ready", flush=True)
sys.stdin.readline()
edits = taken = 0
for n in range(15):
    values = {"topic": int(topic), "summary": f"{name} {n}", "answers": {"deep": n}, "code": f"code {n}"}
    try:
        town.records.create(system(), "desk.ticket", values)
        taken += 1
    except ValidationFailed as refused:
        assert set(refused.errors) == {"code"}, refused.errors
        town.records.create(system(), "desk.ticket", {**values, "code": None})
    while True:
        record = town.records.get(system(), "desk.ticket", int(shared))
        try:
            again = {"reopened": record["reopened"] + 1}
            town.records.update(system(), "desk.ticket", record.id, again, version=record.version)
            edits += 1
            break
        except Conflict:
            continue
town.close()
print(edits, taken, flush=True)
"""


def start(town: Town, *arguments: str) -> Process:
    """Start a process on the town."""
    url = str(town.database.database) if town.database.engine == "postgresql" else ""
    return begin(SCRIPT, str(town.instance), url, *arguments)


def test_two_processes_write_at_once(town: Town, clerk: Actor) -> None:
    """No write is lost, no number and no unique value is given twice, and a stale edit is a conflict and not a loss."""
    topic = make_topic(town)
    shared = make_ticket(town, clerk, topic, summary="Shared")
    processes = [start(town, name, str(topic.id), str(shared.id)) for name in ("one", "two")]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=600)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [int(edits) for edits, _ in told] == [15, 15]
    assert sum(int(taken) for _, taken in told) == 15
    tickets = town.records.find(system(), TICKET, limit=100).records
    assert len(tickets) == 31
    assert sorted(record.number[-4:] for record in tickets) == [f"{n:04}" for n in range(1, 32)]
    final = town.records.get(system(), TICKET, shared.id)
    assert (final.version, final["reopened"]) == (31, 30)
    assert [entry.version for entry in town.records.history(system(), TICKET, shared.id)] == list(range(1, 32))
    table = town.system.history
    assert table.select().count() == 1 + 31 + 30
