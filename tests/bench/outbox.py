"""An outbox of ten thousand messages and a mail server that puts off, breaks off and takes: none lost, none doubled."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import timedelta

from tests.bench.measuring import rate
from tests.support.smtp import smtp_server

from townhall.clock import FixedClock
from townhall.mail import delivering
from townhall.messages import outbox
from townhall.records.instants import to_microseconds
from townhall.town import Town

MESSAGES = 10_000
#: Of a hundred messages that come to it, so many the server breaks off at, and so many it puts off.
BREAKS_OFF, PUTS_OFF = 0.1, 5


def deliver(town: Town) -> None:
    """Deliver them all, and fail if one is lost or arrives twice. The server's own work is in the figure too."""
    clock, settings = town.clock, town.settings
    town.clock = moved = FixedClock(clock.now())
    chance = random.Random(1)

    def answer(count: int) -> str | None:
        luck = chance.random() * 100
        return None if luck < BREAKS_OFF else "451 later" if luck < BREAKS_OFF + PUTS_OFF else "250 OK"

    with smtp_server() as (box, port):
        box.answer = answer
        mail = {"mail_host": "127.0.0.1", "mail_port": port, "mail_security": "none", "mail_from": "hall@town.example"}
        town.settings = replace(settings, **mail)
        _fill(town)
        wall, cpu = time.perf_counter(), time.process_time()
        while sum(outbox.counts(town)[status] for status in outbox.OPEN):
            delivering.run(town)
            moved.move(timedelta(minutes=5))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        taken = [recipient for _, recipient, _ in box.taken]
    town.clock, town.settings = clock, settings
    if (len(taken), len(set(taken))) != (MESSAGES, MESSAGES):
        raise SystemExit(f"{MESSAGES:,} messages, {len(taken):,} arrived, {len(set(taken)):,} of them different.")
    rate(f"{MESSAGES:,} messages to a server that fails at one in twenty", MESSAGES, cpu, wall, "none lost or doubled")


def _fill(town: Town) -> None:
    now = to_microseconds(town.clock.now())
    row = {
        "identity": "core.contact",
        "record_id": 1,
        "event": "received",
        "channel": "email",
        "subject": "We have your request",
        "body": "Dear Ada,\n\nwe have your request.\n",
        "status": "queued",
        "created_at": now,
        "next_at": now,
    }
    rows = [{**row, "key": f"bench {n}", "recipient": f"n{n}@example.org"} for n in range(MESSAGES)]
    for start in range(0, MESSAGES, 500):
        town.system.outbox.insert_many(rows[start : start + 500]).execute()
