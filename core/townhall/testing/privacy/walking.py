"""The walk: every field of every type, for everybody who may look, on every surface.

Each value is planted once, and looked for in each answer: what stands in a page, its headers, where it leads to, what
is logged meanwhile, and what the town keeps beside its records. Who may see what is worked out from the schemas and
the roles, by :mod:`~townhall.testing.privacy.expected`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import cast

from flask import g
from flask.testing import FlaskClient

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import citizen
from townhall.access.permissions import VERBS
from townhall.accounts import people
from townhall.accounts import roles
from townhall.admin import calendar
from townhall.admin import urls
from townhall.app import create_app
from townhall.cases.rulebook import QUEUE
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.records import secret_links
from townhall.records.people import CONTACT
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.clients import StaffClient
from townhall.testing.clients import add_person
from townhall.testing.privacy import asking
from townhall.testing.privacy import census
from townhall.testing.privacy import entering
from townhall.testing.privacy import expected
from townhall.testing.privacy import posting
from townhall.testing.privacy import sending
from townhall.testing.privacy import surfaces
from townhall.testing.privacy.expected import MESSAGE
from townhall.testing.privacy.expected import Reader
from townhall.testing.privacy.markers import Marker
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.planting import Planter
from townhall.testing.privacy.sowing import LATER
from townhall.testing.privacy.sowing import OPEN
from townhall.testing.privacy.sowing import Sower
from townhall.testing.privacy.sowing import Values
from townhall.testing.privacy.submitting import Sender
from townhall.testing.privacy.surfaces import Surface
from townhall.testing.privacy.watching import Report
from townhall.testing.privacy.watching import Watch
from townhall.testing.samples import REFUSALS
from townhall.town import Town
from townhall_forms.schema import RecordType

#: What brings no page of its own.
_WITHOUT_PAGES = frozenset({"transition"})


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
    def __init__(self, town: Town, types: Sequence[RecordType], given: Values, kept_back: Values) -> None:
        self.town = town
        self.types = types
        self.app = create_app(town)
        self.watch = Watch(town, types, self.app)
        self.planter = Planter(town)
        self.sower = Sower(self.watch, self.planter, self.app, given, kept_back)
        #: Who has walked a type with which rights.
        self.walked: dict[Any, str] = {}

    def run(self) -> Report:
        """Plant, look everywhere, and say what was found."""
        with self.watch.log():
            self._add_role()
            staff = [self._colleague(role.name) for role in people.roles(self.town)]
            self.sower.plant()
            self._write_letters()
            for planted in [*self.watch.planted]:
                posting.post(self.watch, self.planter, planted)
            # Those who may least come first, so that whoever may the same on a type needs no second look at it.
            staff.sort(key=lambda each: "*" in each[0].actor.permissions)
            for reader, client in staff:
                self._hand(reader)
                self.watch.report.problems += expected.find_out(self.town, reader, self.watch.planted)
                self._walk_staff(reader, client)
            for visitor, browser in self._public():
                self._walk_public(visitor, browser)
            self._open_by_secret(staff)
            self._send_forms(staff)
            asking.words(self.watch, self.types, self.planter.sampler.actor)
            self.watch.look_beside()
            self._hide_more([each for each in staff if _is_limited(each[0])])
            self.watch.report.unopened = self.watch.census.unopened()
        return self.watch.report

    # -- who looks --------------------------------------------------------------------------------------------

    def _add_role(self) -> None:
        """A role that no new town has: it sees every type but contacts, which most others name, and talks with them."""
        seen = [identity for identity in self.town.schemas if identity not in (CONTACT, "core.interaction")]
        held = [f"{identity}.{verb}" for identity in seen for verb in ("view", "see_internal", "export")]
        role = roles.create(self.town, self.planter.sampler.actor, "Sees no contacts")
        roles.set_permissions(self.town, self.planter.sampler.actor, role.name, held)

    def _colleague(self, role: str) -> tuple[Reader, StaffClient]:
        """Somebody with this role, who is signed in."""
        email = f"walk-{role}@milbrook.example"
        add_person(self.town, email, role)
        client = StaffClient(self.app, email)
        with cast(FlaskClient, client.http) as http:
            http.get("/admin/account")
            return Reader(role, g.actor), client

    def _public(self) -> Iterator[tuple[Reader, Client]]:
        asked = self._asked()
        own = next((each for each in asked if not expected.is_public(self.town, each)), None)
        everyone = [("a visitor", []), ("a citizen with a link to something else", [own] if own else [])]
        if asked:
            everyone.append(("the citizen whose requests they are", asked))
        for name, records in everyone:
            grants = frozenset((each.record.identity, each.record.id) for each in records)
            reader = Reader(name, citizen(grants) if grants else ANONYMOUS, frozenset(each.name for each in records))
            self.watch.report.problems += expected.find_out(self.town, reader, self.watch.planted)
            client = Client(self.app)
            for each in records:
                self._correspond(each)
                token = self.town.records.make_link(
                    self.planter.sampler.actor, each.record.identity, each.record.id, "status"
                )
                self.watch.get(client.get(f"/status/{each.record.number}/{token}", follow_redirects=True))
            yield reader, client
        client = Client(self.app)
        reader, pages = entering.signed_in(self.town, self.planter, self.watch.planted, client)
        self.watch.report.problems += expected.find_out(self.town, reader, self.watch.planted)
        for page in pages:
            self.watch.open(reader, client, page)
        yield reader, client

    def _asked(self) -> list[Planted]:
        """Planted requests of residents."""
        return [
            each for each in self.watch.planted if each.record.number and each.record.type.forms and not each.archived
        ]

    def _write_letters(self) -> None:
        """Let each request be of somebody whom only letters reach, and write to them about it."""
        address = {"line1": "4 Mill Lane", "city": "Milbrook", "postal_code": "45013", "country": "US"}
        reached = {"preferred_channel": "letter", "emails": [], "addresses": [{"address": address}]}
        contact = self.planter.sampler.record(CONTACT, reached)
        for each in self._asked():
            link = next(
                (name for name in each.record.type.contacts if not each.record.type.fields[name].row_fields), ""
            )
            entering.give(self.town, self.planter, each, link, contact.id)
            self._correspond(each)

    def _correspond(self, planted: Planted) -> None:
        """A message to the citizen, and a note between colleagues."""
        if any(
            marker.path.startswith("messages.") for marker, owner in self.watch.markers.values() if owner is planted
        ):
            return
        actor, record = self.planter.sampler.actor, planted.record
        for path, level, values in (
            ("messages.public", MESSAGE, None),
            ("messages.note", "internal", {"channel": "other", "direction": "internal"}),
        ):
            word = self.planter.mint.word()
            self.watch.markers[word] = (Marker(word, record.identity, planted.name, path, level, sure=False), planted)
            if values is None:
                self.town.records.message(actor, record.identity, record.id, word)
            else:
                about = f"{record.identity}:{record.id}"
                given = {**values, "about": about, "body": word, "at": self.town.clock.now()}
                self.town.records.create(actor, "core.interaction", given)

    # -- staff ------------------------------------------------------------------------------------------------

    def _walk_staff(self, reader: Reader, client: StaffClient) -> None:
        pages = [*surfaces.pages_by_themselves(self.app, staff=True)]
        pages += census.filled_in(self.app, self.town, self.watch.planted, staff=True)
        pages += [*surfaces.of_calendar(self.watch.planted), self._feed(reader)]
        pages += [*posting.tabs(), *posting.about(self.watch.planted)]
        forms = []
        for record_type in self.types:
            own = [each for each in self.watch.planted if each.record.identity == record_type.identity]
            again = self._walked_alike(reader, record_type, own)
            view = census.view_of_type(self.app, record_type.identity)
            if not again:
                pages += surfaces.of_type(view, record_type, own)
                pages += surfaces.new_from(record_type, self.watch.planted)
                forms += [each for each in own if each.kind == OPEN and each.name in reader.sees]
                if record_type.is_case:
                    secret = (name for name, field in record_type.fields.items() if field.privacy == "confidential")
                    pages += surfaces.of_figures(record_type, ("queue", *record_type.list.filters, *secret))
            for each in own:
                if each.name not in reader.sees:
                    pages.append(Surface(urls.record_url(each.record.identity, each.record.id), f"page of {each.name}"))
                elif each.kind == OPEN:
                    pages += list(surfaces.of_record(view, each))[: 1 if again else None]
                    pages += surfaces.of_merging(each, own)
            asking.ask(self.watch, reader, record_type)
        pages += surfaces.searches(self._one_of_each(lambda marker: marker.level == "confidential"), urls.SEARCH)
        for page in pages:
            self.watch.open(reader, client, page)
        for each in forms:
            for page, response in sending.refused(client, each):
                self.watch.look(reader, page, response)
            for page, response in sending.at_once(client, each):
                self.watch.look(reader, page, response)
        asking.search(self.watch, reader)
        for each in self.watch.planted:
            if each.kind == OPEN and each.name in reader.sees:
                asking.reveal(self.watch, reader, client, each)
        asking.miss(self.watch, reader)

    def _feed(self, reader: Reader) -> Surface:
        """The calendar that goes to their own telephone."""
        token = secret_links.make(self.town, secret_links.STAFF, reader.actor.id or 0, calendar.PURPOSE)
        return Surface(f"{calendar.FEED}{token}.ics", "calendar feed")

    def _hand(self, reader: Reader) -> None:
        """Give somebody with a limited permission something to see: a team, its queue, and every case in it."""
        if not _is_limited(reader):
            return
        opened = [each.record for each in self.watch.planted if each.kind == OPEN]
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
            self.watch.found.setdefault(reader.name, set()).update(self.watch.found.get(self.walked[key], set()))
            return True
        self.walked[key] = reader.name
        return False

    def _one_of_each(self, wanted: Callable[[Marker], bool]) -> list[Marker]:
        """One word of each type, for pages that take long."""
        found: dict[str, Marker] = {}
        for marker, _ in self.watch.markers.values():
            if ":" not in marker.key and wanted(marker):
                found.setdefault(marker.identity, marker)
        return list(found.values())

    # -- the public -------------------------------------------------------------------------------------------

    def _walk_public(self, reader: Reader, client: Client) -> None:
        pages = [*surfaces.pages_by_themselves(self.app, staff=False)]
        if not reader.own or self._is_sender(reader):  # a link to something else changes nothing on pages of types
            pages += (page for record_type in self.types for page in surfaces.of_public_type(record_type))
            for record_type in self.types:
                pages += surfaces.begun_from(record_type, self.watch.planted)
        pages += (page for each in self.watch.planted for page in surfaces.of_public_record(each))
        pages += census.filled_in(self.app, self.town, self.watch.planted, staff=False)
        if not reader.own:
            pages += surfaces.searches(self._one_of_each(lambda marker: marker.level != "public"), "/search")
        for page in pages:
            self.watch.open(reader, client, page)
        for each in self.watch.planted if not reader.own else ():
            for page, response in sending.begun(client, each) if each.kind == OPEN else ():
                self.watch.look(reader, page, response)
        asking.search(self.watch, reader)
        for record_type in self.types:
            asking.ask(self.watch, reader, record_type)

    def _open_by_secret(self, staff: Sequence[tuple[Reader, StaffClient]]) -> None:
        """Pages under a secret that one person gets, and a module that waits until somebody has looked at it."""
        visitor = Reader("somebody who is invited", ANONYMOUS)
        self.watch.open(visitor, Client(self.app), entering.invitation(self.town, self.planter))
        waiting = entering.upload(self.town, self.planter)
        for reader, client in staff:
            self.watch.open(reader, client, waiting)

    def _send_forms(self, staff: Sequence[tuple[Reader, StaffClient]]) -> None:
        """Each public form as somebody sends it, and what everybody else sees of it: nothing."""
        sender = Sender(self.watch, self.planter, self.app, staff[-1][1])
        for record_type in self.types:
            opened = (each for each in self.watch.planted if each.record.identity == record_type.identity)
            first = next((each for each in opened if each.kind == OPEN), None)
            if first is not None:
                sender.send(first)

    @staticmethod
    def _is_sender(reader: Reader) -> bool:
        return len(reader.own) > 1

    def _hide_more(self, limited: Sequence[tuple[Reader, StaffClient]]) -> None:
        """Cases that are out of somebody's reach change nothing on any page of theirs."""
        cases = [each for each in self.types if each.is_case]
        pages = [*surfaces.pages_by_themselves(self.app, staff=True), *posting.tabs()]
        pages += (Surface(f"{urls.list_url(each.identity)}?view=all", f"list of {each.identity}") for each in cases)
        for reader, client in limited:
            self._hand(reader)
            reached, was = self._desk(reader, client, pages)
            for record_type in cases:
                if later := self.sower.one(record_type, LATER, self.sower.given(record_type)):
                    posting.post(self.watch, self.planter, later)
            reaches, now = self._desk(reader, client, pages)
            self.watch.report.problems += [
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
        # Figures that took long are kept for a while, unless they are to be counted again.
        again = {page: "?count=again" if page.url.startswith(urls.FIGURES) else "" for page in pages}
        opened = ((page, client.get(page.url + again[page], follow_redirects=True)) for page in pages)
        found = {page: surfaces.settled(response) for page, response in opened}
        return {identity: records.count(reader.actor, identity).value for identity in mine}, found


def _is_limited(reader: Reader) -> bool:
    """Whether a permission of theirs holds for some records only."""
    return any("@" in held for held in reader.actor.permissions)
