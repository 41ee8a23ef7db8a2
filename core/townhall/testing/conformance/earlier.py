"""A town that works with the earlier version of a plugin: made in a process of its own, as Python loads code once.

``python -m townhall.testing.conformance.earlier TOWN PLUGIN RECORDS`` makes the town in the folder TOWN, with the
plugin in the folder PLUGIN, and writes what its records hold into the file RECORDS.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from townhall.errors import PluginError
from townhall.extend.discovery import discover
from townhall.extend.manifest import FILE_NAME
from townhall.extend.manifest import read_manifest
from townhall.testing.conformance.kept import Kept
from townhall.testing.conformance.kept import records
from townhall.testing.conformance.trial import Trial
from townhall.testing.conformance.trial import enable
from townhall.testing.conformance.trial import trial_town


def make_town(place: Path, earlier: Path, folder: Path) -> Kept:
    """Make a town in ``place`` that works with the version in ``earlier``; what its records hold.

    Where the version in ``folder`` is an installed package, the earlier one takes its place on the path meanwhile.
    Raises :class:`~townhall.errors.PluginError` in a sentence.
    """
    told = place.with_suffix(".json")
    path = [str(root) for root in _roots(place, earlier, folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*path, *filter(None, sys.path)])}
    command = [sys.executable, "-m", __name__, str(place), str(earlier), str(told)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr.strip() or "it ended without a word").splitlines()[-1]
        raise PluginError(f"The earlier version can't be tried: {said}")
    kept: Kept = json.loads(told.read_text(encoding="utf-8"))
    return kept


def _roots(place: Path, earlier: Path, folder: Path) -> list[Path]:
    """The folder from which Python has to import the earlier version, if the later one is installed."""
    for found in discover(place).values():
        parts = tuple(found.module.split("."))
        if found.module and found.folder.resolve() == folder.resolve():
            if earlier.parts[-len(parts) :] != parts:
                raise PluginError(
                    f"The earlier version must lie in a folder {'/'.join(parts)}, like the installed one."
                )
            return [earlier.parents[len(parts) - 1]]
    return []


def main(place: Path, earlier: Path, told: Path) -> None:
    """Make the town, fill it, and write down what its records hold."""
    with trial_town(place, earlier) as town:
        name = read_manifest(earlier / FILE_NAME).name
        enable(town, name)
        trial = Trial(town, name, earlier)
        for record_type in trial.types:
            trial.sampler.record(record_type.identity, full=True)
        told.write_text(json.dumps(records(trial)), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
