"""Switching the plugin off, on and up changes nothing that the town has written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from townhall.access.actors import system
from townhall.lifecycle import switching
from townhall.testing.conformance.trial import Trial
from townhall.testing.conformance.trial import enable
from townhall.testing.conformance.trial import put

Kept = dict[str, dict[int, dict[str, Any]]]


def off_and_on(trial: Trial) -> Iterator[str]:
    """Off and on again, every record is there as it was."""
    before = _records(trial)
    switching.disable(trial.town, system("cli", "Trial"), trial.name)
    if trial.name in trial.town.plugins.running:
        yield "It runs on although it was switched off."
    enable(trial.town, trial.name)
    trial.renew()
    yield from _lost(before, _records(trial))


def upgraded(trial: Trial, folder: Path) -> Iterator[str]:
    """With the version in ``folder`` in place of the one that runs, every record is still there."""
    before = _records(trial)
    put(folder, trial.town.instance)
    trial.town.reload()
    trial.renew()
    reason = trial.town.plugins.problems.get(trial.name, "")
    if reason:
        yield f"The new version doesn't start on the records of the old one: {reason}"
        return
    yield from _lost(before, _records(trial))
    for record_type in trial.types:
        trial.sampler.record(record_type.identity)


def _records(trial: Trial) -> Kept:
    """Every record of the plugin's types, by type and id."""
    kept: Kept = {}
    for record_type in trial.types:
        found: dict[int, dict[str, Any]] = {}
        after = ""
        while True:
            page = trial.town.records.find(
                trial.actor, record_type.identity, sort="created", limit=500, after=after, archived=None
            )
            found.update({record.id: dict(record.values) for record in page.records})
            after = page.after
            if not after:
                break
        kept[record_type.identity] = found
    return kept


def _lost(before: Kept, after: Kept) -> Iterator[str]:
    """What was there before and is not there, or not the same, afterwards; new fields are none of it."""
    for identity, records in before.items():
        there = after.get(identity)
        if there is None:
            yield f"{identity}: the type is gone, with {len(records)} records. Rename it with a migration."
            continue
        for id, values in records.items():
            now = there.get(id)
            if now is None:
                yield f"{identity}: record {id} is gone."
                continue
            for name, value in values.items():
                if value is not None and now.get(name) != value:
                    yield f"{identity}: the value of “{name}” is not what it was. Rename or change it with a migration."
