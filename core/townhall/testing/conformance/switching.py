"""Switching the plugin off, on and up, or moving it, changes nothing that the town has written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from townhall.access.actors import system
from townhall.clock import FixedClock
from townhall.db import ledger
from townhall.lifecycle import packing
from townhall.lifecycle import switching
from townhall.lifecycle import unpacking
from townhall.testing.conformance.kept import Kept
from townhall.testing.conformance.kept import lost
from townhall.testing.conformance.kept import records
from townhall.testing.conformance.trial import Trial
from townhall.testing.conformance.trial import enable
from townhall.testing.conformance.trial import installed
from townhall.testing.conformance.trial import put
from townhall.testing.conformance.trial import trial_town
from townhall.testing.towns import MOMENT
from townhall.town import Town


def off_and_on(trial: Trial) -> Iterator[str]:
    """Off, every record can be read; on again, it is there as it was."""
    before = records(trial)
    switching.disable(trial.town, system("cli", "Trial"), trial.name)
    if trial.name in trial.town.plugins.running:
        yield "It runs on although it was switched off."
    yield from (f"While it is off, {sentence}" for sentence in lost(before, records(trial)))
    enable(trial.town, trial.name)
    trial.renew()
    yield from lost(before, records(trial))


def moved(trial: Trial) -> Iterator[str]:
    """Packed, and unpacked in an empty town, all records are there, under the same numbers and titles."""
    before, place = _told(trial), trial.town.instance.parent / "other"
    pack = place.with_suffix(".zip")
    packing.pack(trial.town, trial.actor, trial.name, pack)
    with trial_town(place, trial.folder) as town:
        unpacking.unpack(town, trial.actor, pack)
        enable(town, trial.name)
        after = _told(Trial(town, trial.name, trial.folder))
    for identity, packed in before.items():
        gone = packed - after.get(identity, set())
        if gone:
            yield f"{identity}: {len(gone)} of {len(packed)} records are not the same in the other town: {min(gone)}."


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


def upgraded(place: Path, name: str, folder: Path, before: Kept) -> Iterator[str]:
    """With the version in ``folder`` in the town at ``place``, which an earlier one left, every record is there."""
    if not installed(folder, place):
        put(folder, place)
    with closing(Town.open(place, clock=FixedClock(MOMENT))) as town:
        if reason := town.plugins.problems.get(name, ""):
            yield f"The new version doesn't start on the records of the old one: {reason}"
            return
        trial = Trial(town, name, folder)
        yield from lost(before, records(trial), ledger.migrations(town.system, name))
        for record_type in trial.types:
            trial.sampler.record(record_type.identity)
