"""The walk: every field of every type, for everybody who may look, on every surface.

Each value is planted once, and looked for in each answer: what stands in a page, its headers, where it leads to, what
is logged meanwhile, and what the town keeps beside its records. Who may see what is worked out from the schemas and
the roles, by :mod:`~townhall.testing.privacy.expected`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import timedelta
from functools import partial
from typing import Any
from typing import cast

from flask import Flask
from flask import g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.access.permissions import VERBS
from townhall.accounts import people
from townhall.admin import calendar
from townhall.admin import urls
from townhall.admin.exporting import csv_lines
from townhall.app import create_app
from townhall.cases.rulebook import QUEUE
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.messages import templates
from townhall.records import secret_links
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.testing.privacy import census
from townhall.testing.privacy import expected
from townhall.testing.privacy import sending
from townhall.testing.privacy import surfaces
from townhall.testing.privacy.census import Census
from townhall.testing.privacy.expected import MESSAGE
from townhall.testing.privacy.expected import Reader
from townhall.testing.privacy.markers import Marker
from townhall.testing.privacy.markers import found_in
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.planting import Planter
from townhall.testing.privacy.surfaces import Surface
from townhall.testing.samples import REFUSALS
from townhall.testing.samples import demanded
from townhall.town import Town
from townhall_forms.schema import RecordType

OPEN, CLOSED, SOON, LATER = "open", "closed", "soon", "later"
#: What brings no page of its own.
_WITHOUT_PAGES = frozenset({"import", "transition"})
#: What differs between two showings of a page.
_NEW_EACH_TIME = re.compile(
    r"form_id\" value=\"[^\"]+|nonce-?=?\"?[^\"' ]+|value=\"[^\"]{30,}\"|/form/[^/\"]+|key=[^\"&]+"
)
_REASON = "The caller asks what we have written down."


@dataclass(frozen=True, slots=True)
class Leak:
    """A value on a surface on which it has no place: which field's, for whom, and where."""

    field: str
    reader: str
    surface: str

    def __str__(self) -> str:
        return f"{self.surface} shows “{self.field}” to {self.reader}, for whom it is not."


@dataclass
class Report:
    """What a walk found: leaks, sentences about other things that are wrong, and what nobody could find who may.

    ``unopened`` are pages of the application that it never came to; ``planted`` and ``requests`` say how far it went.
    """

    leaks: list[Leak] = dataclass_field(default_factory=list)
    problems: list[str] = dataclass_field(default_factory=list)
    missing: list[str] = dataclass_field(default_factory=list)
    unopened: list[str] = dataclass_field(default_factory=list)
    planted: int = 0
    requests: int = 0

    def sentences(self) -> list[str]:
        """Everything that is wrong, once."""
        return list(dict.fromkeys([*map(str, self.leaks), *self.problems]))


def walk(
    town: Town,
    types: Sequence[RecordType] | None = None,
    *,
    given: Mapping[str, Mapping[str, Any]] | None = None,
    kept_back: Mapping[str, Mapping[str, Any]] | None = None,
) -> Report:
    """Walk all types of a town, or only these.

    ``given`` are values, by type, that no sample can guess; ``kept_back`` those with which a plugin keeps a record from
    somebody.
    """
    chosen = list(town.schemas.values() if types is None else types)
    return _Walk(town, chosen, given or {}, kept_back or {}).run()


class _Walk:
    def __init__(
        self,
        town: Town,
        types: Sequence[RecordType],
        given: Mapping[str, Mapping[str, Any]],
        kept_back: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.town = town
        self.types = types
        self.given = given
        self.kept_back = kept_back
        self.report = Report()
        self.planter: Planter
        self.app: Flask
        self.census: Census
        self.planted: list[Planted] = []
        #: Who has walked a type with which rights.
        self.walked: dict[Any, str] = {}
        self.markers: dict[str, tuple[Marker, Planted]] = {}
        self.found: dict[str, set[str]] = {}
        self.logged: list[logging.LogRecord] = []

    def run(self) -> Report:
        """Plant, look everywhere, and say what was found."""
        keeper = _Keeper(self.logged)
        root = logging.getLogger()
        level = root.level
        root.addHandler(keeper)
        root.setLevel(logging.INFO)
        try:
            app = self.app = create_app(self.town)
            self.census = Census(app)
            staff = [self._colleague(app, role.name) for role in people.roles(self.town)]
            self.planter = Planter(self.town)
            self._plant(app)
            # Those who may least come first, so that whoever may the same on a type needs no second look at it.
            for reader, client in sorted(staff, key=lambda each: "*" in each[0].actor.permissions):
                self._hand(reader)
                self.report.problems += expected.find_out(self.town, reader, self.planted)
                self._walk_staff(reader, client)
            for visitor, browser in self._public(app):
                self._walk_public(visitor, browser)
            self._ask_for_words()
            self._look_beside()
            self._hide_more([each for each in staff if _is_limited(each[0])])
            self.report.unopened = self.census.unopened()
        finally:
            root.removeHandler(keeper)
            root.setLevel(level)
        return self.report

    # -- planting ---------------------------------------------------------------------------------------------

    def _plant(self, app: Flask) -> None:
        """Records that many may see; then, while nobody outside may notice anything, those that are hidden."""
        for record_type in self.types:
            self._one(record_type, OPEN, self._public_values(record_type))
            if record_type.event is not None:
                self._one(
                    record_type, SOON, [{**given, **self._soon(record_type)} for given in self._given(record_type)]
                )
        public = self._public_records()
        before = self._outside(app)
        for record_type in self.types:
            opened = next((each for each in self.planted if each.record.identity == record_type.identity), None)
            archived = None if record_type.append_only else self._closed(record_type, opened)
            if archived is not None:
                self.planter.archive(archived)
            if record_type.public_if is not None:
                self._closed(record_type, opened)
            if record_type.identity in self.kept_back:
                given = self.given.get(record_type.identity, {})
                self._one(record_type, "kept back", [{**given, **self.kept_back[record_type.identity]}])
        if self._public_records() == public:
            after = self._outside(app)
            for page, text in before.items():
                if after[page] != text:
                    self.report.problems.append(f"{page.name} looks otherwise since there are records that it hides.")
        self.report.planted = len(self.markers)
        self._read_log("making records")

    def _given(self, record_type: RecordType) -> list[dict[str, Any]]:
        return [dict(self.given.get(record_type.identity, {}))]

    def _soon(self, record_type: RecordType) -> dict[str, str]:
        """Values with which a record stands on the calendar of these days, where feeds look."""
        found: dict[str, str] = {}
        event, today = record_type.event, self.town.today()
        for days, name in enumerate((event.starts, event.ends) if event is not None else (), start=2):
            field = record_type.fields.get(name)
            if field is not None and not field.is_computed and not field.read_only:
                day = (today + timedelta(days=days)).isoformat()
                found[name] = f"{day} 10:00" if field.type_name == "datetime" else day
        return found

    def _public_records(self) -> dict[str, int]:
        """How many records of each type anybody may see."""
        return {
            record_type.identity: self.town.records.count(ANONYMOUS, record_type.identity).value
            for record_type in self.types
            if record_type.public_if is not None
        }

    def _outside(self, app: Flask) -> dict[Surface, str]:
        """The public's pages of types, without what is new each time."""
        visitor = Client(app)
        pages = [*surfaces.pages_by_themselves(app, staff=False)]
        pages += (page for record_type in self.types for page in surfaces.of_public_type(record_type))
        found = {}
        for page in pages:
            response = visitor.get(page.url, follow_redirects=True)
            self.report.requests += 1
            found[page] = _NEW_EACH_TIME.sub("", response.get_data().decode("utf-8", "replace"))
        return found

    def _public_values(self, record_type: RecordType) -> list[dict[str, Any]]:
        """What makes a record public, the records behind its links among it."""
        given = dict(self.given.get(record_type.identity, {}))
        values = {**given, **expected.open_values(record_type)}
        for path in record_type.public_if.paths() if record_type.public_if is not None else ():
            link = path.partition(".")[0]
            field = record_type.fields.get(link)
            answered = {
                each.source.partition(".")[0] for each in record_type.fields.values() if each.type_name == "answers"
            }
            if "." in path and field is not None and field.target and link not in answered:
                behind = demanded(record_type.public_if, link)
                values[link] = self.planter.sampler.linked(field.target, field.where, fresh=True, values=behind)
        return [values, given] if values != given else [given]

    def _closed(self, record_type: RecordType, opened: Planted | None) -> Planted | None:
        """A record like the one that is open, that nobody outside may know of."""
        like = dict(self.given.get(record_type.identity, {}))
        if opened is not None:
            for name, field in record_type.fields.items():
                value = opened.record.values.get(name)
                alone = field.unique or name in {part for names in record_type.unique for part in names.fields}
                if field.type_name == "link" and value is not None and field.privacy != "confidential" and not alone:
                    like[name] = value
        for values in expected.closed_values(record_type):
            made = self._one(record_type, CLOSED, [{**like, **values}], keep=False)
            if made is not None and not expected.is_public(self.town, made):
                return self._keep(made)
        return None

    def _one(
        self, record_type: RecordType, kind: str, choices: Sequence[Mapping[str, Any]], *, keep: bool = True
    ) -> Planted | None:
        refusal: Exception | None = None
        number = sum(each.record.identity == record_type.identity for each in self.planted)
        for values in choices:
            try:
                planted = self.planter.plant(record_type, f"{kind} {number}" if number else kind, values)
            except REFUSALS as error:
                refusal = error
                continue
            if kind == OPEN and not record_type.append_only:
                self.planter.change(planted)
            return self._keep(planted) if keep else planted
        if kind == OPEN and refusal is not None:
            self.report.problems.append(
                f"{record_type.identity}: no record with values of its own was accepted: {refusal}"
            )
        return None

    def _keep(self, planted: Planted) -> Planted:
        self.planted.append(planted)
        for marker in planted.markers:
            self.markers[marker.key] = (marker, planted)
        title = planted.record.title
        for key in found_in(title) & self.markers.keys():
            marker, owner = self.markers[key]
            if marker.level == "confidential":
                self._leak(marker, "everybody", f"title of {owner.name}")
        return planted

    # -- who looks --------------------------------------------------------------------------------------------

    def _colleague(self, app: Flask, role: str) -> tuple[Reader, StaffClient]:
        """Somebody with this role, who is signed in."""
        email = f"walk-{role}@milbrook.example"
        add_person(self.town, email, role)
        client = StaffClient(app, email)
        with cast(FlaskClient, client.http) as http:
            http.get("/admin/account")
            return Reader(role, g.actor), client

    def _public(self, app: Flask) -> Iterator[tuple[Reader, Client]]:
        asked = [each for each in self.planted if each.record.number and each.record.type.forms and not each.archived]
        own = next((each for each in asked if not expected.is_public(self.town, each)), None)
        everyone = [("a visitor", []), ("a citizen with a link to something else", [own] if own else [])]
        if asked:
            everyone.append(("the citizen whose requests they are", asked))
        for name, records in everyone:
            grants = frozenset((each.record.identity, each.record.id) for each in records)
            reader = Reader(name, citizen(grants) if grants else ANONYMOUS, frozenset(each.name for each in records))
            self.report.problems += expected.find_out(self.town, reader, self.planted)
            client = Client(app)
            for each in records:
                self._correspond(each)
                token = self.town.records.make_link(
                    self.planter.sampler.actor, each.record.identity, each.record.id, "status"
                )
                self._get(client.get(f"/status/{each.record.number}/{token}", follow_redirects=True))
            yield reader, client

    def _correspond(self, planted: Planted) -> None:
        """A message to the citizen, and a note between colleagues."""
        if any(marker.path.startswith("messages.") for marker, owner in self.markers.values() if owner is planted):
            return
        actor, record = self.planter.sampler.actor, planted.record
        for path, level, values in (
            ("messages.public", MESSAGE, None),
            ("messages.note", "internal", {"channel": "other", "direction": "internal"}),
        ):
            word = self.planter.mint.word()
            self.markers[word] = (Marker(word, record.identity, planted.name, path, level), planted)
            if values is None:
                self.town.records.message(actor, record.identity, record.id, word)
            else:
                about = f"{record.identity}:{record.id}"
                given = {**values, "about": about, "body": word, "at": self.town.clock.now()}
                self.town.records.create(actor, "core.interaction", given)

    # -- staff ------------------------------------------------------------------------------------------------

    def _walk_staff(self, reader: Reader, client: StaffClient) -> None:
        pages = [*surfaces.pages_by_themselves(self.app, staff=True)]
        pages += census.filled_in(self.app, self.town, self.planted, staff=True)
        pages += [*surfaces.of_calendar(self.planted), self._feed(reader)]
        forms = []
        for record_type in self.types:
            own = [each for each in self.planted if each.record.identity == record_type.identity]
            again = self._walked_alike(reader, record_type, own)
            view = census.view_of_type(self.app, record_type.identity)
            if not again:
                pages += surfaces.of_type(view, record_type, own)
                pages += surfaces.new_from(record_type, self.planted)
                forms += [each for each in own if each.kind == OPEN and each.name in reader.sees]
                if record_type.is_case:
                    secret = (name for name, field in record_type.fields.items() if field.privacy == "confidential")
                    pages += surfaces.of_figures(record_type, ("queue", *record_type.list.filters, *secret))
            for each in own:
                if each.name not in reader.sees:
                    pages.append(Surface(urls.record_url(each.record.identity, each.record.id), f"page of {each.name}"))
                elif each.kind == OPEN:
                    pages += list(surfaces.of_record(view, each))[: 1 if again else None]
            self._ask(reader, record_type)
        pages += surfaces.searches(self._one_of_each(lambda marker: marker.level == "confidential"), urls.SEARCH)
        for page in pages:
            self._open(reader, client, page)
        for each in forms:
            for page, response in sending.refused(client, each):
                self._look(reader, page, response)
            for page, response in sending.at_once(client, each):
                self._look(reader, page, response)
        self._search(reader)
        for each in self.planted:
            if each.kind == OPEN and each.name in reader.sees:
                self._reveal(reader, client, each)
        self._miss(reader)

    def _feed(self, reader: Reader) -> Surface:
        """The calendar that goes to their own telephone."""
        token = secret_links.make(self.town, secret_links.STAFF, reader.actor.id or 0, calendar.PURPOSE)
        return Surface(f"{calendar.FEED}{token}.ics", "calendar feed")

    def _hand(self, reader: Reader) -> None:
        """Give somebody with a limited permission something to see: a team, its queue, and every case in it."""
        if not _is_limited(reader):
            return
        opened = [each.record for each in self.planted if each.kind == OPEN]
        queue = next((record for record in opened if record.identity == QUEUE), None)
        if queue is not None and "department" in str(sorted(reader.actor.permissions)):
            self._change(queue, {"members": [{"person": reader.actor.id, "lead": False}]})
        for record in opened:
            if record.type.is_case:
                self._change(record, {"assignee": reader.actor.id, **({"queue": queue.id} if queue else {})})

    def _change(self, record: Record, values: Mapping[str, Any]) -> None:
        """Change a planted record; what refuses that leaves it as it is."""
        records, actor = self.town.records, self.planter.sampler.actor
        version = records.get(actor, record.identity, record.id, fields=()).version
        try:
            records.update(actor, record.identity, record.id, values, version=version)
        except (*REFUSALS, Forbidden, Conflict):
            return

    def _walked_alike(self, reader: Reader, record_type: RecordType, own: Sequence[Planted]) -> bool:
        """Whether somebody who has the same rights on a type, and sees the same of it, has walked it already.

        Code asks for permissions and never for a role, so that their pages of the type are the same.
        """
        name = f"{record_type.identity}."
        rights = frozenset(verb for verb in VERBS if verb not in _WITHOUT_PAGES and reader.holds(name + verb))
        other = frozenset(held for held in reader.actor.permissions if "@" in held or held.startswith(name))
        seen = frozenset(each.name for each in own if each.name in reader.sees)
        key = (record_type.identity, rights, other, seen)
        if key in self.walked:
            self.found.setdefault(reader.name, set()).update(self.found.get(self.walked[key], set()))
            return True
        self.walked[key] = reader.name
        return False

    def _one_of_each(self, wanted: Callable[[Marker], bool]) -> list[Marker]:
        """One word of each type, for pages that take long."""
        found: dict[str, Marker] = {}
        for marker, _ in self.markers.values():
            if ":" not in marker.key and wanted(marker):
                found.setdefault(marker.identity, marker)
        return list(found.values())

    def _search(self, reader: Reader) -> None:
        """Nothing is found by what this reader may not read."""
        records = self.town.records
        for marker, owner in self.markers.values():
            if expected.may_read(self.town, reader, marker, owner) or marker.level == MESSAGE:
                continue
            hits, _ = records.search(reader.actor, marker.key.rpartition(":")[2])
            if (owner.record.identity, owner.record.id) in {(hit.identity, hit.id) for hit in hits}:
                self._leak(marker, reader.name, "search")

    def _ask(self, reader: Reader, record_type: RecordType) -> None:
        """Nothing can be filtered, sorted or grouped by what this reader may not read."""
        records, identity = self.town.records, record_type.identity
        if not records.may(reader.actor, "view", identity):
            return
        for name, field in record_type.fields.items():
            if field.privacy == "public" or (field.privacy == "internal" and reader.staff):
                continue
            where = {name: {"empty": False}}
            for deed, ask in (
                ("filtered", partial(records.count, reader.actor, identity, where)),
                ("sorted", partial(records.find, reader.actor, identity, sort=name, limit=1)),
                ("grouped", partial(records.aggregate, reader.actor, identity, group_by=[name])),
                ("looked up", partial(records.lookup, reader.actor, identity, "", where=where)),
            ):
                try:
                    ask()
                except (Rejected, Forbidden):
                    continue
                self.report.problems.append(f"{identity} can be {deed} by “{name}”, which {reader.name} may not read.")

    def _reveal(self, reader: Reader, client: StaffClient, planted: Planted) -> None:
        """A confidential value is shown to who may see it, for a reason and no other way."""
        record = planted.record
        kept: dict[str, set[str]] = {}
        for marker in planted.markers:
            whole = record.type.fields[marker.field].privacy == "confidential"
            if marker.level == "confidential":
                path = f"{marker.field}.content" if marker.path.endswith(".content") else marker.field
                kept.setdefault(path if whole else marker.path, set()).add(marker.key)
        for path, keys in kept.items():
            files = surfaces.files_of(planted, urls.FILES, path.removesuffix(".content"))
            if path.endswith(".content"):
                address = next(files).url
            else:
                address = urls.record_url(record.identity, record.id, f"reveal/{path}")
            self._reveal_at(reader, client, planted, path, keys, address)

    def _reveal_at(
        self, reader: Reader, client: StaffClient, planted: Planted, path: str, keys: set[str], url: str
    ) -> None:
        may, what = reader.reveals(planted.record.identity), f"reveal page of {planted.name}"
        for reason in ("", _REASON):
            shown = keys & found_in(self._get(client.post(url, {"reason": reason})))
            if shown and not (may is not False and reason):
                self._leak(self.markers[min(shown)][0], reader.name, what)
            if may and reason and not shown:
                self.report.missing.append(f"{what} keeps “{path}” from {reader.name}, who may see it and said why.")
        self._read_log(what)

    def _miss(self, reader: Reader) -> None:
        """Whoever may see a value finds it somewhere: a walk that finds nothing would prove nothing."""
        found = self.found.get(reader.name, set())
        for key, (marker, owner) in self.markers.items():
            if (
                owner.kind == OPEN
                and marker.sure
                and key not in found
                and expected.may_read(self.town, reader, marker, owner)
            ):
                self.report.missing.append(
                    f"{marker.identity}.{marker.path}: {reader.name} may see it and finds it nowhere."
                )

    # -- the public -------------------------------------------------------------------------------------------

    def _walk_public(self, reader: Reader, client: Client) -> None:
        pages = [*surfaces.pages_by_themselves(self.app, staff=False)]
        if not reader.own or self._is_sender(reader):  # a link to something else changes nothing on pages of types
            pages += (page for record_type in self.types for page in surfaces.of_public_type(record_type))
        pages += (page for each in self.planted for page in surfaces.of_public_record(each))
        pages += census.filled_in(self.app, self.town, self.planted, staff=False)
        if not reader.own:
            pages += surfaces.searches(self._one_of_each(lambda marker: marker.level != "public"), "/search")
        for page in pages:
            self._open(reader, client, page)
        for each in self.planted if not reader.own else ():
            for page, response in sending.begun(client, each) if each.kind == OPEN else ():
                self._look(reader, page, response)
        self._search(reader)
        for record_type in self.types:
            self._ask(reader, record_type)

    @staticmethod
    def _is_sender(reader: Reader) -> bool:
        return len(reader.own) > 1

    # -- looking ----------------------------------------------------------------------------------------------

    def _open(self, reader: Reader, client: Client, page: Surface) -> None:
        self._look(reader, page, client.get(page.url, follow_redirects=True))

    def _look(self, reader: Reader, page: Surface, response: TestResponse) -> None:
        text = self._get(response)
        if response.status_code >= 500:
            self.report.problems.append(f"{page.name} answers {response.status_code} to {reader.name}.")
        keys = found_in(text) & self.markers.keys()
        for key in keys:
            marker, owner = self.markers[key]
            if not expected.may_read(self.town, reader, marker, owner):
                self._leak(marker, reader.name, page.name)
        self.found.setdefault(reader.name, set()).update(keys)
        self._apart(reader, page, keys)
        self._read_log(page.name)

    def _read_log(self, name: str) -> None:
        """No value stands in what was logged meanwhile."""
        for each in self.logged:
            for key in found_in(_line(each)) & self.markers.keys():
                self._leak(self.markers[key][0], "whoever reads the log", f"log of {name}")
        self.logged.clear()

    def _get(self, response: TestResponse) -> str:
        """Everything that came back: the page or the file, its headers, and the addresses it led over."""
        self.report.requests += 1 + len(response.history)
        said = [str(each.headers) for each in (*response.history, response)]
        for each in (*response.history, response):
            self.census.saw(each.request.path)
        body = response.get_data().decode("utf-8", "replace")
        response.close()
        return "\n".join([*said, response.request.path, body])

    def _apart(self, reader: Reader, page: Surface, keys: set[str]) -> None:
        """Of two records that a confidential link joins, neither page tells of the other."""
        if not page.about or page.options:
            return
        for planted in self.planted:
            for name, (_, _, key) in planted.apart.items():
                if key in keys and page.about in (planted.name, f"list {planted.record.identity}"):
                    self.report.leaks.append(Leak(f"{planted.record.identity}.{name}", reader.name, page.name))

    def _ask_for_words(self) -> None:
        """No message to citizens, and no subject, can be written with what is not for them."""
        for record_type in templates.types_with_messages(self.town.schemas):
            event = next(iter(templates.events(record_type)), "")
            if record_type not in self.types or not event:
                continue
            for name, field in record_type.fields.items():
                if field.privacy == "public":
                    continue
                words = {"type": record_type.identity, "event": event, "subject": "Yours", "body": f"It is {{{name}}}."}
                try:
                    self.town.records.create(self.planter.sampler.actor, templates.TEMPLATE, words)
                except (ValidationFailed, Rejected):
                    continue
                self.report.problems.append(f"A message about {record_type.identity} can be written with “{name}”.")

    def _hide_more(self, limited: Sequence[tuple[Reader, StaffClient]]) -> None:
        """Cases that are out of somebody's reach change nothing on any page of theirs."""
        cases = [each for each in self.types if each.is_case]
        pages = [*surfaces.pages_by_themselves(self.app, staff=True)]
        pages += (Surface(f"{urls.list_url(each.identity)}?view=all", f"list of {each.identity}") for each in cases)
        for reader, client in limited:
            self._hand(reader)
            reached, was = self._desk(reader, client, pages)
            for record_type in cases:
                self._one(record_type, LATER, self._given(record_type))
            reaches, now = self._desk(reader, client, pages)
            self.report.problems += [
                f"{page.name} looks otherwise to {reader.name} since there are records that it hides."
                for page in (pages if reached == reaches else ())
                if was[page] != now[page]
            ]

    def _desk(
        self, reader: Reader, client: StaffClient, pages: Sequence[Surface]
    ) -> tuple[dict[str, int], dict[Surface, str]]:
        """How many records somebody reaches, and what stands on their pages without what is new each time."""
        records = self.town.records
        mine = [each.identity for each in self.types if records.may(reader.actor, "view", each.identity)]
        opened = ((page, client.get(page.url, follow_redirects=True)) for page in pages)
        found = {
            page: _NEW_EACH_TIME.sub("", response.get_data().decode("utf-8", "replace")) for page, response in opened
        }
        return {identity: records.count(reader.actor, identity).value for identity in mine}, found

    def _look_beside(self) -> None:
        """What the town keeps beside its records: search entries, messages that wait, jobs, failures."""
        held = {name for record_type in self.town.schemas.values() for name in _tables_of(self.town, record_type)}
        held |= {"history_values", "attachment", "draft", "sealed_value"}
        database = self.town.database
        for table in sorted(set(database.get_tables()) - held):
            if table.startswith("search_words"):
                continue
            for row in database.execute_sql(f'SELECT * FROM "{table}"').fetchall():  # noqa: S608  # its own names
                for key in found_in(" ".join(map(str, row))) & self.markers.keys():
                    marker, _ = self.markers[key]
                    if marker.level == "confidential":
                        self._leak(marker, "whoever reads the database", f"table {table}")
        # Whom a message is for sees public fields only; what else its row says isn't sent.
        for subject, body in database.execute_sql("SELECT subject, body FROM outbox").fetchall():
            for key in found_in(f"{subject} {body}") & self.markers.keys():
                if self.markers[key][0].level != "public":
                    self._leak(self.markers[key][0], "whoever gets a message", "mail and letters")
        for record_type in self.types:
            for line in csv_lines(self.town, system("cli", "Trial"), record_type, None):
                for key in found_in(line) & self.markers.keys():
                    if self.markers[key][0].level == "confidential":
                        self._leak(
                            self.markers[key][0], "whoever runs commands", f"townhall export {record_type.identity}"
                        )

    def _leak(self, marker: Marker, reader: str, surface: str) -> None:
        self.report.leaks.append(Leak(f"{marker.identity}.{marker.path}", reader, surface))


def _is_limited(reader: Reader) -> bool:
    """Whether a permission of theirs holds for some records only."""
    return any("@" in held for held in reader.actor.permissions)


class _Keeper(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, into: list[logging.LogRecord]) -> None:
        super().__init__(logging.INFO)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self._into.append(record)


def _line(record: logging.LogRecord) -> str:
    shown = logging.Formatter().format(record)
    return shown if isinstance(record.args, tuple) else f"{shown} {record.args}"


def _tables_of(town: Town, record_type: RecordType) -> Iterable[str]:
    tables = town.tables.of(record_type.identity)
    yield tables.model._meta.table_name
    for each in (*tables.rows.values(), *tables.links.values()):
        yield each.model._meta.table_name
