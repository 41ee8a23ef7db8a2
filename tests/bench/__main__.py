"""``make bench``: what pages, writes and imports cost, as ratios to a floor that is measured in the same run.

The floor is what the machine can do with the same rows and nothing else: a bare ``sqlite3`` query and a bare Jinja
template. A machine's speed cancels out in the ratio, so quote the ratios. See ``docs/explanation/performance.md``.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.bench import jobs
from tests.bench import outbox
from tests.bench.cases import cases
from tests.bench.coming_in import import_open
from tests.bench.floor import postgresql_floor
from tests.bench.floor import sqlite_floor
from tests.bench.history import history_costs
from tests.bench.making import CONTACT
from tests.bench.making import NAMES
from tests.bench.making import Imported
from tests.bench.making import Visitor
from tests.bench.making import busy_contact
from tests.bench.making import fill_contacts
from tests.bench.making import new_town
from tests.bench.making import timed_import
from tests.bench.measuring import Cost
from tests.bench.measuring import cost
from tests.bench.measuring import heading
from tests.bench.measuring import rate
from tests.bench.measuring import ratio
from tests.bench.plugins import plugin_costs
from tests.bench.roles import role_costs

from townhall.access.actors import system
from townhall.imports.csv_files import open_csv
from townhall.town import Town

WITHIN = "aim: 5 x"
LIST = "/admin/core/contact/"
#: Entries on the timeline of the contact whose page is measured.
HAPPENINGS = 20


def pages(town: Town, floor: Cost) -> None:
    """The clerk's and the public's pages against the floor."""
    busy = busy_contact(town, HAPPENINGS)
    plain = town.records.find(system("cli"), CONTACT, limit=1, sort="created", fields=()).records[0].id
    clerk, resident = Visitor(town), Visitor(town, signed_in=False)
    measured = (
        (clerk, "list, 50 contacts", LIST, WITHIN),
        (clerk, "list, newest first", f"{LIST}?sort=-created", WITHIN),
        (clerk, "list, filtered", f"{LIST}?kind=person&preferred_channel=letter", ""),
        (clerk, "search, two words", "/admin/search/?q=halina+nowak", ""),
        (clerk, "search, a word that everybody has", "/admin/search/?q=millbrook", ""),
        (clerk, "search, end of a phone number", "/admin/search/?q=5550142", ""),
        (clerk, "details of a contact", f"{LIST}{plain}/", WITHIN),
        (clerk, f"details of a contact, {HAPPENINGS} on the timeline", f"{LIST}{busy}/", WITHIN),
        (clerk, "edit form of a contact", f"{LIST}{busy}/edit", ""),
        (clerk, "My work", "/admin/", ""),
        (resident, "public home", "/", ""),
    )
    for visitor, name, url, aim in measured:
        ratio(name, cost(lambda visitor=visitor, url=url: visitor.get(url)), floor, aim)  # type: ignore[misc]


def saving(town: Town, floor: Cost) -> None:
    """One change of one contact."""
    actor = system("cli")
    id = town.records.find(actor, CONTACT, limit=1, fields=()).records[0].id
    versions = [town.records.get(actor, CONTACT, id, fields=()).version]

    def save() -> None:
        words = f"Call {versions[-1]}"
        saved = town.records.update(actor, CONTACT, id, {"please_note": words}, version=versions[-1])
        versions.append(saved.version)

    ratio("save of a contact through records", cost(save), floor)


def real_requests(town: Town, folder: Path, data: Path | None) -> None:
    """Import of real service requests, if the data is there: as they are, most of them closed, and some as new ones."""
    if data is None:
        print("        -  service requests: left out, TOWNHALL_TEST_DATA is not set")
        return
    mapping = town.plugins.folders()["complaints"] / "mappings" / "nyc311.toml"
    file = data / "complaints_311" / REQUESTS
    _rate("real service requests", timed_import(town, mapping, open_csv(file)), 5_000)
    _rate("of them open, routed, with two clocks each", import_open(folder, file), 4_000)


def _names(folder: Path, contacts: int) -> None:
    """Import of contacts that are a name and a mail address, into a town of their own."""
    town = new_town(folder / "names")
    _rate("contacts with name and mail", fill_contacts(town, folder, contacts, NAMES), 10_000)
    town.close()


REQUESTS = "311_NYC_requests_clean.csv"


def _rate(name: str, done: Imported, aim: int | None = None) -> None:
    created = done.summary.created
    assert created, f"nothing was imported: {done.summary.refused[:3]}"
    rate(f"{created:,} {name}", created, done.cpu, done.wall, f"aim: {aim:,}" if aim else "")


def start(instance: Path) -> None:
    """Wall seconds from ``townhall serve`` to its first page, of modules that are compiled as in an installation.

    The first of them compiles what isn't, also where the environment says that Python should keep nothing.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "from townhall.cli import main; main()"
    command = [sys.executable, "-c", program, "--instance", str(instance), "serve", "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(instance / "compiled")
    times = []
    for _ in range(4):
        started = time.perf_counter()
        server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(f"http://127.0.0.1:{port}/", server)
            times.append(time.perf_counter() - started)
        finally:
            server.terminate()
            server.wait()
    print(f"{min(times):9.2f}  seconds from start to the first page, wall, fastest of 4   aim: 1.50")


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=10).read()  # our own server
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit("The server did not start.")


def on_postgresql(folder: Path, contacts: int) -> None:
    """List and search on PostgreSQL, if a server can be started."""
    from postgresql_server import start_server

    heading("PostgreSQL: CPU of the application, as ratios to a bare psycopg query and Jinja")
    with start_server() as server:
        if server.problem:
            print(f"        -  left out: {server.problem}")
            return
        url = server.url(server.create())
        town = new_town(folder, url)
        try:
            done = fill_contacts(town, folder, contacts)
            town.database.execute_sql("ANALYZE")
            floor = postgresql_floor(url)
            ratio("bare psycopg and Jinja, 50 contacts", floor, floor)
            clerk = Visitor(town)
            for name, address in (
                ("list, 50 contacts", LIST),
                ("search, two words", "/admin/search/?q=halina+nowak"),
                ("search, a word that everybody has", "/admin/search/?q=millbrook"),
            ):
                ratio(name, cost(lambda address=address: clerk.get(address)), floor)  # type: ignore[misc]
            _rate("made-up contacts", done)
        finally:
            town.close()


def main() -> None:
    """Run everything and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000, help="how many contacts the town has")
    parser.add_argument("--cases", type=int, default=100_000, help="how many cases it has besides; 0 leaves them out")
    parser.add_argument("--years", type=int, default=10, help="over how many years the cases came in")
    parser.add_argument("--entries", type=int, default=100_000, help="how many entries of history are verified")
    parser.add_argument("--no-postgresql", action="store_true", help="leave PostgreSQL out")
    options = parser.parse_args()
    data = os.environ.get("TOWNHALL_TEST_DATA")
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {options.contacts:,} contacts")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        town = new_town(folder / "sqlite")
        heading("Imports: rows per second of CPU, and by the clock")
        _names(folder, options.contacts)
        _rate("contacts with phone, mail, street", fill_contacts(town, folder, options.contacts), 7_000)
        real_requests(town, folder, Path(data) if data else None)
        floor = sqlite_floor(folder / "sqlite" / "townhall.db")
        heading("Pages and writes: CPU, as ratios to a bare sqlite3 query and Jinja of the same 50 rows")
        ratio("bare sqlite3 and Jinja, 50 contacts", floor, floor)
        pages(town, floor)
        saving(town, floor)
        plugin_costs(town, folder / "sqlite", folder)
        heading("Mail: messages per second of CPU, the server in it")
        outbox.deliver(town)
        jobs.two_processes(folder / "jobs")
        if options.cases:
            cases(town, options.cases, options.years)
            role_costs(town)
        history_costs(town, options.entries)
        town.close()
        heading("Start")
        start(folder / "sqlite")
        if not options.no_postgresql:
            on_postgresql(folder / "postgresql", options.contacts)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
    main()
