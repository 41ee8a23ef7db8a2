"""Real service requests that come in today: each open, with two clocks, and routed by the town's rules."""

from __future__ import annotations

import csv
from datetime import timedelta
from itertools import islice
from pathlib import Path

from tests.bench.making import Imported
from tests.bench.making import new_town
from tests.bench.making import timed_import

from townhall.access.actors import system
from townhall.imports.csv_files import open_csv
from townhall.town import Town

REQUEST = "complaints.service_request"
COUNT = 5_000
#: Minutes between one request and the next, backwards from now.
APART = 7
_CLOCKS = [
    {"clock": "first_response", "within": "8", "unit": "working_hours"},
    {"clock": "resolution", "within": "10", "unit": "working_days"},
]


def import_open(folder: Path, requests: Path) -> Imported:
    """Import the first requests of the file as if they were new, into a town of their own with targets and rules."""
    town = new_town(folder / "coming_in")
    _set_up(town)
    file = folder / "coming_in.csv"
    _as_new(town, requests, file)
    mapping = town.plugins.folders()["complaints"] / "mappings" / "nyc311.toml"
    done = timed_import(town, mapping, open_csv(file))
    (clocks,) = town.database.execute_sql("SELECT count(*) FROM case_clock").fetchone()
    (routed,) = town.database.execute_sql("SELECT count(*) FROM case_route WHERE route_id IS NOT NULL").fetchone()
    town.close()
    assert clocks == 2 * done.summary.created, f"{done.summary.created:,} cases have {clocks:,} clocks"
    assert routed, "no rule hit"
    return done


def _set_up(town: Town) -> None:
    """A target for every request, before all others, and two rules: one by words, one by the place."""
    actor = system("cli")
    week = [{"day": day, "begins": "08:00", "ends": "17:00"} for day in ("mon", "tue", "wed", "thu", "fri")]
    calendar = town.records.create(actor, "core.working_calendar", {"name": "Office", "frames": week})
    target = {"name": "All requests", "case_type": REQUEST, "order": 1, "calendar": calendar.id, "clocks": _CLOCKS}
    town.records.create(actor, "core.target", target)
    for number, words in enumerate(("sparks, gas, loose wire*, nail", "loud*, music, party"), 1):
        queue = town.records.create(actor, "core.queue", {"name": f"Team {number}"})
        rule = {"name": f"Rule {number}", "case_type": REQUEST, "order": number, "words": words, "to_queue": queue.id}
        town.records.create(actor, "core.route", rule)


def _as_new(town: Town, requests: Path, file: Path) -> None:
    with requests.open(encoding="utf-8", newline="") as source, file.open("w", encoding="utf-8", newline="") as made:
        reader = csv.DictReader(source)
        writer = csv.DictWriter(made, reader.fieldnames or ())
        writer.writeheader()
        for number, row in enumerate(islice(reader, COUNT), 1):
            created = town.clock.now() - timedelta(minutes=number * APART)
            moment = f"{created:%Y-%m-%d %H:%M:%S}"
            writer.writerow({**row, "Status": "Open", "Closed Date": "", "Created Date": moment})
