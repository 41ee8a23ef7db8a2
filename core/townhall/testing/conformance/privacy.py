"""What is not for everybody is planted with a value of its own, and looked for everywhere it must not be."""

from __future__ import annotations

from collections.abc import Iterator

from townhall.testing.conformance.report import Remark
from townhall.testing.conformance.report import Skipped
from townhall.testing.conformance.trial import Trial
from townhall.testing.privacy import walk


def leaks(trial: Trial) -> Iterator[str]:
    """Walk every field of the plugin's types for every role on every surface, as the project's own tests do."""
    if not trial.types:
        raise Skipped("It declares no types.")
    report = walk(trial.town, trial.types)
    yield from report.sentences()
    if report.unopened:
        pages = ", ".join(report.unopened)
        yield Remark(f"Not opened, so a test of yours has to say what stands there: {pages}.")
