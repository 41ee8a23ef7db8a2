"""Public forms that are sent with a word of its own in every control: what their sender is shown, and everybody else.

A form that is being filled in, its way back and its receipt stand under a name that says nothing to any browser but
its own. So the sender's pages may show what a citizen may see of what they sent, and in any other browser the same
addresses show none of it: neither a word, nor the number, nor the way to either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Flask
from werkzeug.test import TestResponse

from townhall.access.actors import ANONYMOUS
from townhall.access.actors import citizen
from townhall.records.types import Record
from townhall.testing import applying
from townhall.testing.applying import MOST_STEPS
from townhall.testing.applying import NOT_ASKED
from townhall.testing.applying import Applicant
from townhall.testing.applying import Stuck
from townhall.testing.clients import Client
from townhall.testing.clients import StaffClient
from townhall.testing.privacy.expected import Reader
from townhall.testing.privacy.markers import Marker
from townhall.testing.privacy.markers import found_in
from townhall.testing.privacy.planting import SECRECY
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.planting import Planter
from townhall.testing.privacy.surfaces import Surface
from townhall.testing.privacy.watching import Watch
from townhall.testing.reading import FormOnPage
from townhall.testing.reading import PageReader
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType

SENT = "sent"
_NAME = re.compile(r"/form/([^/\"?]+)/")
_WAY_BACK = re.compile(r"/continue/([\w.-]+)")
#: What a word looks like in a control of a kind.
_SHAPES = {"email": "{}@post.example", "url": "https://milbrook.example/{}", "tel": ""}
_TRIES = 3

Opened = tuple[Surface, TestResponse]


class Sender:
    """Sends each public form of a planted record's type. ``clerk`` may see all that the record holds."""

    def __init__(self, watch: Watch, planter: Planter, app: Flask, clerk: StaffClient) -> None:
        self._watch = watch
        self._town = watch.town
        self._planter = planter
        self._app = app
        self._clerk = clerk
        #: Browsers in which nobody sent the form: one without anything, and those that sent another one.
        self._others: list[tuple[str, Client]] = [("a visitor", Client(app))]

    def send(self, planted: Planted) -> None:
        """Send all forms of the planted record's type, with what the record holds where no word can stand."""
        record, sampler = planted.record, self._planter.sampler
        for form in record.type.forms.values():
            if form.by_owner:
                continue
            applying.prepare(self._town, sampler, record.type, form)
            known = applying.known_to(self._clerk, record)
            journey = _Journey(self._watch, self._planter, Applicant(Client(self._app), sampler, record, known, form))
            try:
                with applying.aside(self._town, sampler.actor, record):
                    journey.go(form, Client(self._app))
                    made = self._made(record)
                    if made is None:
                        continue
                    self._look(journey, made, form)
                    if not record.type.append_only:
                        applying.archive(self._town, sampler.actor, made.record)
            except Stuck as stuck:
                self._watch.report.missing.append(f"{stuck} So its receipt was not looked at.")

    def _made(self, like: Record) -> Planted | None:
        """The record that was sent."""
        records, actor = self._town.records, self._planter.sampler.actor
        newest = records.find(actor, like.identity, sort="-id", limit=1, fields=()).records
        made = [records.get(actor, each.identity, each.id) for each in newest if each.id > like.id]
        return Planted(SENT, made[0]) if made else None

    def _look(self, journey: _Journey, made: Planted, form: Form) -> None:
        """Read what came back, now that it is known what became of the words; then ask for the same elsewhere."""
        record = made.record
        made.markers = list(journey.markers(record.type, made.name, found_in(repr(record.values))))
        for marker in made.markers:
            self._watch.markers[marker.key] = (marker, made)
        grants = frozenset({(record.identity, record.id)})
        sender = Reader(f"the sender of {form.name}", citizen(grants), frozenset({made.name}), {made.name})
        for page, response in journey.opened:
            self._watch.look(sender, page, response)
        if record.number and record.number not in journey.receipt:
            self._watch.report.missing.append(f"receipt of {record.identity}: its sender doesn't find the number.")
        secrets = {record.number, *journey.words, *journey.secrets} - {""}
        for name, browser in self._others:
            reader = Reader(f"{name} who did not send it", ANONYMOUS)
            for page in journey.addresses():
                response = browser.get(page.url, follow_redirects=True)
                self._watch.look(reader, page, response)
                if any(each in response.text for each in secrets):
                    self._watch.report.problems.append(f"{page.name} tells {reader.name} of what was sent.")
        self._others[1:] = [(f"somebody who sent {form.name} of {record.identity}", journey.client)]


class _Journey:
    """One form on its way: where its pages stand, what came back, and which words were typed into which control."""

    def __init__(self, watch: Watch, planter: Planter, applicant: Applicant) -> None:
        self._watch = watch
        self._planter = planter
        self._applicant = applicant
        self.client = applicant.client
        self.opened: list[Opened] = []
        self.receipt = ""
        #: What only the sender may know besides what they typed: the key of the draft, the secret of the status page.
        self.secrets: list[str] = []
        #: The words that were taken, with the control of each.
        self.words: dict[str, str] = {}
        self._about = ""

    def go(self, form: Form, elsewhere: Client) -> None:
        """Fill in the form, save it on the way and go on with it ``elsewhere`` by its secret link, and send it."""
        applicant = self._applicant
        self._about = form.name
        saved = False
        for _ in range(MOST_STEPS):
            asked = applicant.open()
            if asked is None:
                break
            begun = _NAME.search(applicant.url)
            if begun is not None and not saved:
                saved = True
                self._save(asked, elsewhere)
            self._answer(asked)
        else:
            raise Stuck(f"{applicant.url}: the form never comes to an end.")
        for word in ("receipt", "receipt", "saved", "page/review"):
            page = Surface(f"{self._base()}/{word}", f"{word} of {form.name}", options=True)
            self.opened.append((page, self.client.get(page.url, follow_redirects=True)))
        self.receipt = self.opened[-1][1].text
        self.secrets += re.findall(r"/status/[^/\"]+/([\w.-]+)", self.receipt)

    def addresses(self) -> Iterator[Surface]:
        """Where anybody may try to see what was sent."""
        for word in ("receipt", "saved", "page/review"):
            yield Surface(f"{self._base()}/{word}", f"{word} of {self._about}", options=True)
        for key in self.secrets[:1]:
            yield Surface(f"/continue/{key[:-2]}", f"way back to {self._about}, mistyped", options=True)

    def markers(self, record_type: RecordType, name: str, kept: set[str]) -> Iterator[Marker]:
        """The words that the record has kept, each with whom it is for."""
        for word, control in self.words.items():
            path, level = _place(record_type, control)
            if word in kept and path:
                yield Marker(word, record_type.identity, name, path, level, sure=False)

    def _base(self) -> str:
        found = _NAME.search(self._applicant.url)
        return f"/form/{found[1]}" if found is not None else "/form/none"

    def _save(self, asked: FormOnPage, elsewhere: Client) -> None:
        """Keep what is there for later. Whoever has the link goes on with it: of others' words nothing stands there."""
        here, page = self._applicant.url, Surface(f"{self._base()}/saved", f"saved {self._about}", options=True)
        sent = self._applicant.post(asked, {**self._applicant.answers(asked), "_save": ["1"]})
        self._applicant.url = here
        told = self.client.get(sent.headers["Location"], follow_redirects=True) if sent.status_code == 303 else sent
        self.opened.append((page, told))
        reader = Reader("somebody with the way back", ANONYMOUS)
        for key in _WAY_BACK.findall(told.text)[:1]:
            self.secrets.append(key)
            self._watch.open(reader, elsewhere, Surface(f"/continue/{key}", f"way back to {self._about}", options=True))

    def _answer(self, asked: FormOnPage) -> None:
        """Send a page with a word in each control; what is refused is sent with something more usual."""
        usual = self._applicant.answers(asked)
        typed = {name: self._planter.mint.word() for name in asked.typed if name not in NOT_ASKED}
        for _ in range(_TRIES):
            shaped = {name: [_SHAPES.get(asked.typed[name], "{}").format(word)] for name, word in typed.items()}
            given = {name: value for name, value in shaped.items() if any(value)}
            response = self._applicant.post(asked, {**usual, **given})
            if response.status_code != 422:
                break
            refused = _refused(response)
            if not refused & typed.keys():
                break
            typed = {name: word for name, word in typed.items() if name not in refused}
        if response.status_code == 422:
            typed = {}
            self._applicant.send(asked, usual)
        self.words |= {word: name for name, word in typed.items()}


def _refused(response: TestResponse) -> set[str]:
    """Controls of which a page says that they are filled in wrongly."""
    return {name for form in PageReader(response.text).forms for name in form.wrong}


def _place(record_type: RecordType, control: str) -> tuple[str, str]:
    """The path of what is typed into a control, and how secret it is; empty if it belongs to no field."""
    first, *rest = re.split(r"[.-]", control)
    field = record_type.fields.get(first)
    if field is None:
        return "", ""
    column = field.row_fields.get(rest[-1]) if rest else None
    if column is None:
        return first, field.privacy
    return f"{first}.{column.name}", max(field.privacy, column.privacy, key=SECRECY.__getitem__)
