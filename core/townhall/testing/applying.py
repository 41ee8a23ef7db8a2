"""Filling in a public form as somebody does in a browser without scripts, page by page, up to the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from townhall.access.actors import Actor
from townhall.admin import urls
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.clients import StaffClient
from townhall.testing.clients import plain
from townhall.testing.reading import FormOnPage
from townhall.testing.reading import PageReader
from townhall.testing.samples import Sampler
from townhall.testing.samples import demanded
from townhall.town import Town
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType

#: Pages of a public form, with its receipt, are never more.
MOST_STEPS = 20
#: Controls that nobody fills in.
NOT_ASKED = frozenset({"csrf_token", "website_address"})
_SENDER = {"contact_name": "Halina Nowak", "contact_email": "halina@post.example"}


class Stuck(Exception):
    """A form can't be filled in further; the message says where, and what the page says."""


class Applicant:
    """Somebody who fills in a public form with what stands in ``record``; ``known`` is what a form with it would send.

    ``url`` is the page at which they are.
    """

    def __init__(self, client: Client, sampler: Sampler, record: Record, known: FormOnPage, form: Form) -> None:
        self.client = client
        self.url = start_of(record, form)
        self._sampler = sampler
        self._type = record.type
        self._known = known
        self._named = f"{record.identity}: public form “{form.label}”"

    def open(self) -> FormOnPage | None:
        """What the page asks; ``None`` if it is the receipt. Raises :class:`Stuck`."""
        page = self.client.get(self.url)
        while page.status_code in (302, 303):
            self.url = page.headers["Location"]
            page = self.client.get(self.url)
        if page.status_code != 200:
            raise Stuck(f"{self._named}: {self.url} answers {page.status_code}: {plain(page.text)[:200]}")
        if self.url.endswith("/receipt"):
            return None
        asked = next((each for each in PageReader(page.text).forms if each.method == "post"), None)
        if asked is None:
            raise Stuck(f"{self._named}: {self.url} has nothing to send.")
        return asked

    def answers(self, asked: FormOnPage) -> dict[str, Any]:
        """What to send: the form's own hidden values, the record's values where it has them, and who is writing."""
        filled = MultiDict(self._known.pairs)
        data: dict[str, Any] = asked.data()
        for name in asked.names - NOT_ASKED:
            if any(filled.getlist(name)):
                data[name] = filled.getlist(name)
            elif name in _SENDER and not any(data.get(name, [])):
                data[name] = [_SENDER[name]]
            offered = asked.options.get(name)
            if offered and not set(data.get(name, [])) <= set(offered):
                data[name] = offered[:1]
        return data

    def post(self, asked: FormOnPage, data: dict[str, Any]) -> TestResponse:
        """Send a page as it stands in ``data``; where that leads is the page at which they are then."""
        sent = self.client.http.post(asked.action or self.url, data=data)
        if sent.status_code in (302, 303):
            self.url = sent.headers["Location"]
        return sent

    def send(self, asked: FormOnPage, data: dict[str, Any]) -> None:
        """Send a page, and once more with something in what was still open. Raises :class:`Stuck` if it is refused."""
        sent = self.post(asked, data)
        if sent.status_code == 422 and (more := self._more(asked, data)):
            sent = self.post(asked, {**data, **more})
        if sent.status_code not in (302, 303):
            raise Stuck(f"{self._named} refuses at {self.url}: {complaint(sent.text)}")

    def go(self) -> None:
        """Fill in all of it. Raises :class:`Stuck`."""
        for _ in range(MOST_STEPS):
            asked = self.open()
            if asked is None:
                return
            self.send(asked, self.answers(asked))
        raise Stuck(f"{self._named} never comes to an end.")

    def _more(self, asked: FormOnPage, data: dict[str, Any]) -> dict[str, Any]:
        """Something for each question that is still open: what was asked depends on what was answered."""
        empty = [name for name in asked.names if name in self._type.fields and not any(data.get(name, []))]
        values = self._sampler.values(self._type.identity, full=True) if empty else {}
        return {name: [str(values[name])] for name in empty if isinstance(values.get(name), str | int)}


def start_of(record: Record, form: Form) -> str:
    """Where a form of the record's type begins; one that is sent per something else, for what the record has there."""
    url = f"/apply/{record.type.plugin}/{record.type.name}/{form.name}"
    link = (form.per or form.per_group or "").partition(".")[0]
    value = record.values.get(link) if link else None
    return url if value is None else f"{url}?{link}={value}"


def prepare(town: Town, sampler: Sampler, record_type: RecordType, form: Form) -> None:
    """See to it that a form is open, and that its links have something to offer that the public may know of."""
    for name in form.fields:
        field = record_type.fields[name]
        target = town.schemas.get(field.target) if field.target else None
        if target is not None:
            wanted = {**demanded(target.public_if), **demanded(form.open_if, name)}
            sampler.linked(target.identity, field.where, fresh=True, values=wanted)


def known_to(clerk: StaffClient, record: Record) -> FormOnPage:
    """What a form would send that had the record's values in it."""
    edit = clerk.get(f"{urls.record_url(record.identity, record.id)}edit")
    return PageReader(edit.text).form_to("version") or FormOnPage("", "post")


@contextmanager
def aside(town: Town, actor: Actor, record: Record) -> Iterator[None]:
    """Put a record aside meanwhile, so that another one may have its unique values."""
    if record.type.append_only:
        yield
        return
    archive(town, actor, record)
    try:
        yield
    finally:
        version = town.records.get(actor, record.identity, record.id, fields=()).version
        town.records.restore(actor, record.identity, record.id, version=version)


def archive(town: Town, actor: Actor, record: Record) -> None:
    """Put a record aside as it stands now."""
    version = town.records.get(actor, record.identity, record.id, fields=()).version
    town.records.archive(actor, record.identity, record.id, version=version)


def complaint(html: str) -> str:
    """What a page says is wrong."""
    start = html.find('role="alert"')
    return plain(html[html.find(">", start) + 1 :])[:300] if start >= 0 else plain(html)[:300]
