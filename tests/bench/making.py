"""The town that is measured: its staff, its contacts, and somebody who is signed in."""

from __future__ import annotations

import csv
import io
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

from townhall.access.actors import system
from townhall.accounts import people
from townhall.config import FILE_NAME
from townhall.config import example
from townhall.demo.names import FAMILY_NAMES
from townhall.demo.names import GIVEN_NAMES
from townhall.demo.names import STREETS
from townhall.imports.csv_files import SourceFile
from townhall.imports.csv_files import open_csv
from townhall.imports.mapping import load_mapping
from townhall.imports.running import ImportSummary
from townhall.imports.running import run_import
from townhall.lifecycle import switching
from townhall.town import Town
from townhall.wsgi import TownApplication

CONTACT = "core.contact"
EMAIL = "clerk@millbrook.example"
PASSWORD = "correct horse battery"  # of a town that is thrown away
COLUMNS = ("Key", "First name", "Last name", "Telephone", "E-mail", "Street", "City", "Postal code", "Way")
MAPPING = Path(__file__).parent / "contacts.toml"
#: Of the same file, the names and mail addresses only.
NAMES = MAPPING.with_name("names.toml")


@dataclass(frozen=True)
class Imported:
    """An import that was run, with the seconds that it took."""

    summary: ImportSummary
    cpu: float
    wall: float


def new_town(folder: Path, database: str | None = None) -> Town:
    """An empty town with every shipped plugin and one clerk, in ``folder`` or in ``database``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE_NAME).write_text(example({"name": "Millbrook"}), encoding="utf-8")
    town = Town.open(folder, database=database)
    switching.enable_all(town, system("cli"), [each.name for each in switching.statuses(town) if not each.reason])
    people.add(town, system("cli"), EMAIL, name="Erin Clerk", role="clerk", password=PASSWORD)
    return town


def fill_contacts(town: Town, folder: Path, count: int, mapping: Path = MAPPING) -> Imported:
    """Import made-up people, each with a phone number, a mail address and a street, as ``mapping`` takes them."""
    file = folder / "contacts.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(_people(count))
    return timed_import(town, mapping, open_csv(file))


def timed_import(town: Town, mapping: Path, source: SourceFile) -> Imported:
    """Import a file as ``mapping`` says."""
    rules = load_mapping(mapping, town.schemas)
    wall, cpu = time.perf_counter(), time.process_time()
    summary = run_import(town, system("import"), rules, source)
    return Imported(summary, time.process_time() - cpu, time.perf_counter() - wall)


def _people(count: int) -> Iterator[list[str]]:
    chance = random.Random(1887)  # always the same town
    for number in range(count):
        given, family = chance.choice(GIVEN_NAMES), chance.choice(FAMILY_NAMES)
        yield [
            f"B{number}",
            given,
            family,
            f"+1 513 {chance.randrange(200, 1000)} {chance.randrange(10_000):04}",
            f"person{number}@example.org",
            f"{chance.randrange(1, 400)} {chance.choice(STREETS)}",
            "Millbrook",
            f"{chance.randrange(45_000, 45_100)}",
            chance.choice(("phone", "mail", "letter")),
        ]


def busy_contact(town: Town, happenings: int) -> int:
    """A contact with this many entries on the timeline; its id."""
    actor = system("cli")
    record = town.records.create(
        actor,
        CONTACT,
        {
            "given_name": "Halina",
            "family_name": "Nowak",
            "phones": [{"number": "+1 513 555 0142", "label": "mobile"}],
            "emails": [{"address": "halina@example.org"}],
        },
    )
    for number in range(happenings):
        values = {"channel": "phone", "direction": "in", "contact": record.id, "subject": f"Call {number}"}
        town.records.create(actor, "core.interaction", {**values, "body": "Asked when the lamp will be mended."})
    return record.id


class Visitor:
    """Calls the application as a web server does, with nothing in between; signs in if asked to."""

    def __init__(self, town: Town, *, signed_in: bool = True, email: str = EMAIL) -> None:
        self._application = TownApplication(town)
        self._cookies: dict[str, str] = {}
        if signed_in:
            page = self.get("/admin/sign-in")
            found = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert found is not None, "the sign-in page has no token"
            sent = {"csrf_token": found.group(1), "email": email, "password": PASSWORD}
            status, _ = self._call("/admin/sign-in", urlencode(sent).encode())
            assert status.startswith("302"), f"signing in gave {status}"

    def get(self, url: str) -> str:
        """A page's text; fails unless it is there."""
        status, body = self._call(url)
        assert status.startswith("200"), f"{url} gave {status}"
        return body.decode()

    def _call(self, url: str, sent: bytes | None = None) -> tuple[str, bytes]:
        environ = self._environ(url, sent)
        answer: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            answer[:] = [status, headers]

        body = self._application(environ, start)
        try:
            text = b"".join(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        status, headers = answer
        for name, value in headers:
            if name == "Set-Cookie":
                key, _, rest = value.partition("=")
                self._cookies[key] = rest.partition(";")[0]
        return status, text

    def _environ(self, url: str, sent: bytes | None) -> dict[str, Any]:
        parts = urlsplit(url)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET" if sent is None else "POST",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
            "wsgi.input": io.BytesIO(sent or b""),
        }
        if sent is not None:
            environ |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(sent))}
        setup_testing_defaults(environ)
        return environ
