"""The conformance check: what ``townhall plugins check`` asks of a plugin before a town should trust it.

Each check is a function that yields a sentence for each thing that is wrong; :func:`check_plugin` makes them in order,
in a town that is thrown away.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

from townhall.errors import PluginError
from townhall.extend.manifest import FILE_NAME
from townhall.extend.manifest import read_manifest
from townhall.testing.conformance import doors
from townhall.testing.conformance import package
from townhall.testing.conformance import pages
from townhall.testing.conformance import privacy
from townhall.testing.conformance import switching
from townhall.testing.conformance import working
from townhall.testing.conformance.earlier import make_town
from townhall.testing.conformance.report import Outcome
from townhall.testing.conformance.report import Report
from townhall.testing.conformance.trial import Trial
from townhall.testing.conformance.trial import enable
from townhall.testing.conformance.trial import trial_town
from townhall.testing.network import no_network

__all__ = ["CHECKS", "Outcome", "Report", "check_plugin"]

#: The checks that are made in a town, by name, each with what it makes sure of.
CHECKS: dict[str, tuple[str, Callable[[Trial], Iterator[str]]]] = {
    "samples": ("a record of every type can be made", doors.samples),
    "staff": ("the clerk's screens show, change, find, print and export them", doors.staff),
    "public": ("its public forms can be filled in and sent", doors.public),
    "import": ("an import takes back what an export holds", doors.back_again),
    "jobs": ("its jobs run, and run again", working.jobs),
    "privacy": ("nothing that is internal or confidential leaks", privacy.leaks),
    "accessibility": ("its pages can be used by everybody", pages.accessible),
    "network": ("it asks no other server for anything", pages.network),
    "off and on": ("switched off, its records can be read; on again, they are as they were", switching.off_and_on),
    "tables": ("it keeps nothing in tables outside its own name", working.tables),
    "pack": ("packed and unpacked in another town, its records are the same", switching.moved),
}


def check_plugin(path: Path, previous: Path | None = None) -> Report:
    """Check the plugin at ``path``, a plugin's folder or the project around one.

    ``previous`` is an earlier version of it, from which a town then upgrades. Raises
    :class:`~townhall.errors.PluginError` if there is no plugin there.
    """
    folder = package.find(path.resolve())
    report = Report(plugin=folder.name)
    if not report.run("manifest", "the manifest is complete and right", lambda: package.manifest_lint(folder)):
        return report
    manifest = read_manifest(folder / FILE_NAME)
    report.plugin, report.title, report.version = manifest.name, manifest.title, manifest.version
    report.run("names", "nothing in it lies outside its own name", lambda: package.names(folder, manifest))
    report.run("icons", "the icons that it names are there", lambda: package.symbols(folder))
    report.run("imports", "its code uses what Townhall promises", lambda: package.imports(folder))
    with tempfile.TemporaryDirectory(prefix="townhall-check-") as place:
        _in_a_town(report, Path(place) / "town", folder)
        if previous is None:
            report.skip("upgrade", "an upgrade keeps all records", "Name an earlier version with --previous.")
        else:
            earlier = package.find(previous.resolve())
            report.run("upgrade", "an upgrade keeps all records", lambda: _upgrade(Path(place), earlier, folder))
    return report


def _in_a_town(report: Report, place: Path, folder: Path) -> None:
    """Switch the plugin on in a fresh town, and make every check there; the first that fails to start ends it."""
    with trial_town(place, folder) as town:
        before, reached = frozenset(town.database.get_tables()), list[str]()

        def start() -> Iterator[str]:
            try:
                with no_network() as tried:
                    try:
                        enable(town, report.plugin)
                    finally:
                        reached.extend(tried)
            except PluginError as error:
                yield str(error).replace(str(place / "plugins" / report.plugin), str(folder))

        if not report.run("enable", "it can be switched on in a fresh town", start):
            return
        trial = Trial(town, report.plugin, folder, before, reached)
        for name, (label, check) in CHECKS.items():
            report.run(name, label, lambda check=check: check(trial))  # type: ignore[misc]


def _upgrade(place: Path, earlier: Path, folder: Path) -> Iterator[str]:
    """A town that works with the earlier version gets the present one, as by a restart."""
    before = make_town(place / "upgraded", earlier, folder)
    yield from switching.upgraded(place / "upgraded", read_manifest(earlier / FILE_NAME).name, folder, before)
