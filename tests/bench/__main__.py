"""``make bench``: figures of one run, each as a ratio to a floor that is measured in the same run.

The floor is what the machine can do with the same rows and nothing else: a bare ``sqlite3`` query and a bare Jinja template.
CPU seconds are of this process; a machine's speed cancels out in the ratio, so quote the ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from jinja2 import Environment

from townhall.access.actors import system
from townhall.imports.csv_files import open_csv
from townhall.imports.mapping import load_mapping
from townhall.imports.running import run_import
from townhall.town import Town

FLOOR_TEMPLATE = """<!doctype html><title>{{ title }}</title><table><thead><tr><th>Name</th><th>Kind</th><th>Number</th>
</tr></thead><tbody>{% for row in rows %}<tr><td><a href="/admin/core/contact/{{ row[0] }}/">{{ row[1] }}</a></td>
<td>{{ row[2] }}</td><td>{{ row[3] }}</td></tr>{% endfor %}</tbody></table>"""


def cpu(action: Callable[[], object], *, runs: int = 15) -> float:
    """Median CPU seconds of ``action`` after one warm-up."""
    action()
    times = []
    for _ in range(runs):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return statistics.median(times)


def line(name: str, value: str, ratio: float | None = None, aim: str = "") -> None:
    """One line of the report."""
    shown = f"{ratio:8.1f} × floor" if ratio is not None else " " * 16
    print(f"{name:<44} {value:>18} {shown}   {aim}", flush=True)


def floor_seconds(town: Town) -> float:
    """CPU seconds of the bare query and template for fifty contacts in name order."""
    template = Environment(autoescape=True).from_string(FLOOR_TEMPLATE)
    with closing(sqlite3.connect(town.instance / "townhall.db")) as connection:

        def page() -> str:
            rows = connection.execute(
                "SELECT id, title, kind, number FROM core_contact WHERE archived IS NULL ORDER BY title_key, id LIMIT 50"
            ).fetchall()
            return template.render(title="Contacts", rows=rows)

        return cpu(page, runs=200)


def pages(town: Town, floor: float) -> None:
    """The clerk's pages against the floor."""
    clerk = SignedIn(town)
    line("bare sqlite3 + Jinja, 50 contacts", f"{floor * 1000:.2f} ms CPU", 1.0)
    some = town.records.find(system(), "core.contact", limit=1, sort="-created").records[0]
    base = "/admin/core/contact"
    for name, path, aim in (
        ("list, 50 contacts", f"{base}/", "aim: within 5"),
        ("list, sorted by name", f"{base}/?sort=title", "aim: within 5"),
        ("list, filtered", f"{base}/?kind=person", ""),
        ("details of one contact", f"{base}/{some.id}/", "aim: within 5"),
        ("search, two words", "/admin/search?q=halina+nowak", ""),
        ("search, a word that is everywhere", "/admin/search?q=millbrook", ""),
        ("search, end of a phone number", "/admin/search?q=5550142", ""),
        ("form of one contact", f"{base}/{some.id}/edit", ""),
        ("My work", "/admin/", ""),
        ("public home", "/", ""),
    ):
        seconds = cpu(lambda path=path: clerk.get(path))
        line(name, f"{seconds * 1000:.2f} ms CPU", seconds / floor, aim)
    saves = iter(range(10_000))

    def save() -> None:
        record = town.records.get(system(), "core.contact", some.id)
        town.records.update(
            system(), "core.contact", some.id, {"please_note": f"Call {next(saves)}"}, version=record.version
        )

    seconds = cpu(save)
    line("save through records", f"{seconds * 1000:.2f} ms CPU", seconds / floor)


def imports(town: Town, data: Path | None) -> None:
    """Import of real service requests, if the data is there."""
    if data is None:
        print("import of real requests: skipped, TOWNHALL_TEST_DATA is not set")
        return
    file = data / "complaints_311" / "311_NYC_requests_clean.csv"
    mapping = load_mapping(town.plugins.folders()["complaints"] / "mappings" / "nyc311.toml", town.schemas)
    source = open_csv(file)
    wall, started = time.perf_counter(), time.process_time()
    summary = run_import(town, system(door="import"), mapping, source)
    used, wall = time.process_time() - started, time.perf_counter() - wall
    line(
        f"import, {summary.created:,} service requests",
        f"{summary.created / used:,.0f} rows/s CPU",
        aim=f"aim: 10,000 rows/s; {summary.created / wall:,.0f} rows/s by the wall clock, {len(summary.refused)} refused",
    )


def start(instance: Path) -> None:
    """Wall seconds from ``townhall serve`` to its first page."""
    port = 8765
    environment = {**os.environ, "TOWNHALL_PORT": str(port)}
    command = [sys.executable, "-m", "townhall.cli", "--instance", str(instance), "serve"]
    started = time.perf_counter()
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - started < 30:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                break
            except OSError:
                time.sleep(0.01)
        line("start to first page", f"{time.perf_counter() - started:.2f} s wall", aim="aim: within 1.5 s")
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Run everything and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    options = parser.parse_args()
    data = os.environ.get("TOWNHALL_TEST_DATA")
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        town = new_town(Path(folder))
        used, count = fill_contacts(town, options.contacts)
        line(f"import, {count:,} contacts", f"{count / used:,.0f} rows/s CPU", aim="aim: 10,000 rows/s")
        imports(town, Path(data) if data else None)
        pages(town, floor_seconds(town))
        town.close()
        start(Path(folder))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
