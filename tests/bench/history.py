"""What history costs: a save with and without it, and how fast it is verified."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from tests.bench.making import CONTACT
from tests.bench.measuring import heading
from tests.bench.measuring import rate

from townhall.access.actors import system
from townhall.db.transactions import immediate
from townhall.records import history
from townhall.records import sealing
from townhall.records import verifying
from townhall.town import Town

#: Saves with history and without, in turns.
_ROUNDS = 300
_BATCH = 1000


def history_costs(town: Town, entries: int) -> None:
    """The share of a save that writing history is, and entries per second of sealing and verifying."""
    heading("History: a save with it against one without, and entries per second of CPU")
    save = _saver(town)
    kept, left_out = [], []
    for _ in range(_ROUNDS):
        kept.append(_timed(save))
        with _no_history():
            left_out.append(_timed(save))
    more = median(kept) / median(left_out) - 1
    print(f"{more:9.1%}  more for a save of a contact with history than without   aim: under 30%")
    missing = entries - town.system.history.select().count()
    for start in range(0, max(missing, 0), _BATCH):
        events = [
            history.Event(start + place, 1, "update", {"please_note": ('"Call"', f'"Call {start + place}"')})
            for place in range(_BATCH)
        ]
        with immediate(town.database):
            history.write(town, system("cli"), CONTACT, start, events)
    for name, work in (("sealed", lambda: sealing.seal(town)), ("verified", lambda: _verified(town))):
        cpu, wall = time.process_time(), time.perf_counter()
        count = work()
        aim = "aim: 100,000" if name == "verified" else ""
        rate(f"{count:,} entries of history {name}", count, time.process_time() - cpu, time.perf_counter() - wall, aim)


def _saver(town: Town) -> Callable[[], None]:
    actor = system("cli")
    record = town.records.find(actor, CONTACT, limit=1, fields=()).records[0]
    versions = [town.records.get(actor, CONTACT, record.id, fields=()).version]

    def save() -> None:
        words = f"Call {versions[-1]}"
        saved = town.records.update(actor, CONTACT, record.id, {"please_note": words}, version=versions[-1])
        versions.append(saved.version)

    return save


def _timed(save: Callable[[], None]) -> float:
    start = time.process_time()
    save()
    return time.process_time() - start


@contextmanager
def _no_history() -> Iterator[None]:
    """Saves that leave nothing in history: only here, to know what it costs."""
    real: Any = history.write
    history.write = lambda *arguments: ()  # type: ignore[assignment]
    try:
        yield
    finally:
        history.write = real


def _verified(town: Town) -> int:
    verdict = verifying.verify(town)
    assert verdict.broken is None, verdict.broken
    return verdict.entries
