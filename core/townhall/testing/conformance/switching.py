"""Switching the plugin off, on and up, or moving it, changes nothing that the town has written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from townhall.access.actors import system
from townhall.lifecycle import packing
from townhall.lifecycle import switching
from townhall.lifecycle import unpacking
from townhall.testing.conformance.trial import Trial
from townhall.testing.conformance.trial import enable
from townhall.testing.conformance.trial import put
from townhall.testing.conformance.trial import trial_town

Kept = dict[str, dict[int, dict[str, Any]]]


def off_and_on(trial: Trial) -> Iterator[str]:
    """Off, every record can be read; on again, it is there as it was."""
    before = _records(trial)
    switching.disable(trial.town, system("cli", "Trial"), trial.name)
    if trial.name in trial.town.plugins.running:
        yield "It runs on although it was switched off."
    yield from (f"While it is off, {sentence}" for sentence in _lost(before, _records(trial)))
    enable(trial.town, trial.name)
    trial.renew()
    yield from _lost(before, _records(trial))


def moved(trial: Trial) -> Iterator[str]:
    """Packed, and unpacked in an empty town, all records are there, under the same numbers and titles."""
    before, place = _told(trial), trial.town.instance.parent / "other"
    pack = place.with_suffix(".zip")
    packing.pack(trial.town, trial.actor, trial.name, pack)
    with trial_town(place, trial.folder) as town:
        unpacking.unpack(town, trial.actor, pack)
        enable(town, trial.name)
        after = _told(Trial(town, trial.name, trial.folder))
    for identity, records in before.items():
        gone = records - after.get(identity, set())
        if gone:
            yield f"{identity}: {len(gone)} of {len(records)} records are not the same in the other town: {min(gone)}."


def _told(trial: Trial) -> dict[str, set[tuple[int, str, str]]]:
    """Id, number and title of every record of the plugin's types."""
    find = trial.town.records.find
    return {
        each.identity: {
            (record.id, record.number, record.title)
            for record in find(trial.actor, each.identity, sort="created", limit=1000, fields=(), archived=None).records
        }
        for each in trial.types
    }


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
