"""The plugin's jobs do what they are for: each runs, and runs again, without failing."""

from __future__ import annotations

from collections.abc import Iterator

from townhall.jobs.running import run_by_hand
from townhall.testing.conformance.report import Skipped
from townhall.testing.conformance.trial import Trial


def jobs(trial: Trial) -> Iterator[str]:
    """Each job can be run, and run a second time: a slot may come twice."""
    found = trial.town.plugins.running[trial.name].manifest
    if found is None or not found.jobs:
        raise Skipped("It declares no job.")
    for name in found.jobs:
        for again in ("", " again"):
            outcome = run_by_hand(lambda: trial.town, trial.actor, f"{trial.name}.{name}")
            if outcome is None or outcome.problem:
                yield f"[jobs.{name}] fails when it is run{again}: {outcome.problem if outcome else 'it runs already'}"
                break


def tables(trial: Trial) -> Iterator[str]:
    """Whatever it has done so far, it has made no table that isn't its own: nobody would pack or purge that."""
    for table in sorted({*trial.town.database.get_tables()} - trial.tables):
        if not table.startswith(f"{trial.name}_"):
            yield f"It has made the table {table}. Declare a type; it brings a table that is packed and purged."
