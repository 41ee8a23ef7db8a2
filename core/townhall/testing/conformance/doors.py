"""Records of every type go in and come out through every door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.datastructures import MultiDict

from townhall.access.policy import exportable_fields
from townhall.admin import urls
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.clients import StaffClient
from townhall.testing.clients import plain
from townhall.testing.conformance.report import Skipped
from townhall.testing.conformance.trial import ADMINISTRATOR
from townhall.testing.conformance.trial import Trial
from townhall.testing.reading import FormOnPage
from townhall.testing.reading import PageReader
from townhall.testing.samples import FOLDER
from townhall.testing.samples import REFUSALS
from townhall.testing.samples import demanded
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType

#: Pages of a public form, with its receipt, are never more.
_MOST_STEPS = 20
_SENDER = {"contact_name": "Halina Nowak", "contact_email": "halina@post.example"}


def samples(trial: Trial) -> Iterator[str]:
    """A record of every type can be made, with little and with everything in it."""
    if not trial.types:
        raise Skipped("It declares no types.")
    for record_type in trial.types:
        for full in (False, True):
            try:
                trial.sampler.record(record_type.identity, full=full)
            except REFUSALS as error:
                yield (
                    f"{record_type.identity}: no sample was accepted: {error} Write one into "
                    f"{FOLDER}/{record_type.name}.toml, in the way of seeds."
                )
                break


def staff(trial: Trial) -> Iterator[str]:
    """The clerk's screens show, change, find, print and export the records of every type."""
    client = trial.staff(trial.app(), ADMINISTRATOR)
    for record_type in trial.types:
        for record in _newest(trial, record_type):
            yield from _screens(trial, client, record)


def public(trial: Trial) -> Iterator[str]:
    """Every public form can be filled in and sent without JavaScript."""
    forms = [(record_type, form) for record_type in trial.types for form in record_type.forms.values()]
    if not forms:
        raise Skipped("It declares no public form.")
    app = trial.app()
    clerk = trial.staff(app, ADMINISTRATOR)
    for record_type, form in forms:
        _prepare(trial, record_type, form)
        for record in _newest(trial, record_type):
            known = _known(clerk, record)
            with _aside(trial, record):
                yield from _fill_in(trial, trial.visitor(app), record, known, form)
                for made in _newest(trial, record_type):
                    if made.id > record.id and not record_type.append_only:
                        _archive(trial, made)


def back_again(trial: Trial) -> Iterator[str]:
    """What an export holds, an import takes back."""
    context = trial.town.context(trial.actor)
    for record_type in trial.types:
        for record in _newest(trial, record_type):
            names = [name for name in exportable_fields(trial.actor, record_type) if _is_data(record_type, name)]
            fields = record_type.fields
            row = {name: fields[name].to_csv(record.values[name], context) for name in names if name in record.values}
            for path, sentence in _refused(trial, record, row).items():
                field = record_type.fields.get(path.partition(".")[0])
                if field is None or field.privacy != "confidential":  # those are in no export
                    yield f"{record.identity}: its own export is refused as an import: {path}: {sentence}"


def _refused(trial: Trial, record: Record, row: dict[str, str]) -> dict[str, str]:
    """What an import would say to this row."""
    with _aside(trial, record):
        (outcome,) = trial.town.records.import_rows(trial.actor, record.identity, [row], dry_run=True)
    return dict(outcome.errors)


@contextmanager
def _aside(trial: Trial, record: Record) -> Iterator[None]:
    """Put a record aside meanwhile, so that another one may have its unique values."""
    records = trial.town.records
    if record.type.append_only:
        yield
        return
    _archive(trial, record)
    try:
        yield
    finally:
        version = records.get(trial.actor, record.identity, record.id, fields=()).version
        records.restore(trial.actor, record.identity, record.id, version=version)


def _archive(trial: Trial, record: Record) -> None:
    version = trial.town.records.get(trial.actor, record.identity, record.id, fields=()).version
    trial.town.records.archive(trial.actor, record.identity, record.id, version=version)


def _is_data(record_type: RecordType, name: str) -> bool:
    field = record_type.fields[name]
    return not field.is_computed and not field.read_only and field.type_name not in ("file", "files")


def _newest(trial: Trial, record_type: RecordType) -> list[Record]:
    return list(trial.town.records.find(trial.actor, record_type.identity, sort="-created", limit=1).records)


def _screens(trial: Trial, client: StaffClient, record: Record) -> Iterator[str]:
    base = urls.list_url(record.identity)
    pages = ["", "new", f"{record.id}/", f"{record.id}/print", f"{record.id}/history", "print", "export.csv?view=all"]
    pages += [f"{record.id}/version/{record.version}", f"{record.id}/compare"]
    if record.type.append_only:
        pages.remove("new")
    for page in pages:
        response = client.get(base + page, follow_redirects=True)
        if response.status_code != 200:
            yield f"{base}{page}: the page answers {response.status_code}: {plain(response.text)[:200]}"
    if f'href="{base}{record.id}/"' not in client.get(f"{base}?view=all", follow_redirects=True).text:
        yield f"{base}?view=all: “{record.title}” is not in the list."
    hits, _ = trial.town.records.search(trial.actor, record.number or record.title, identities=[record.identity])
    if record.id not in {hit.id for hit in hits}:
        yield f"{record.identity}: the search doesn't find “{record.number or record.title}”."
    if not record.type.append_only:
        yield from _saved_again(client, f"{base}{record.id}/edit")


def _saved_again(client: StaffClient, url: str) -> Iterator[str]:
    """A form that is sent back as it came is saved, and changes nothing."""
    page = client.get(url)
    form = PageReader(page.text).form_to("version") if page.status_code == 200 else None
    if form is None:
        yield f"{url}: there is no form to change the record with (the page answers {page.status_code})."
        return
    saved = client.http.post(url, data=form.data())
    if saved.status_code != 302:
        yield f"{url}: the form, sent back as it came, is refused: {_complaint(saved.text)}"


def _prepare(trial: Trial, record_type: RecordType, form: Form) -> None:
    """See to it that the form is open, and that its links have something to offer that the public may know of."""
    for name in form.fields:
        field = record_type.fields[name]
        target = trial.town.schemas.get(field.target) if field.target else None
        if target is not None:
            wanted = {**demanded(target.public_if), **demanded(form.open_if, name)}
            trial.sampler.linked(target.identity, field.where, fresh=True, values=wanted)


def _known(clerk: StaffClient, record: Record) -> FormOnPage:
    """What a form would send that had the record's values in it."""
    edit = clerk.get(f"{urls.record_url(record.identity, record.id)}edit")
    return PageReader(edit.text).form_to("version") or FormOnPage("", "post")


def _fill_in(trial: Trial, visitor: Client, record: Record, known: FormOnPage, form: Form) -> Iterator[str]:
    """Fill in a public form with what stands in a record, page by page, up to the receipt."""
    identity = record.identity
    plugin, _, name = identity.partition(".")
    url = f"/apply/{plugin}/{name}/{form.name}"
    link = form.per or form.per_group
    if link and record.values.get(link.partition(".")[0]) is not None:
        url += f"?{link.partition('.')[0]}={record.values[link.partition('.')[0]]}"
    for _ in range(_MOST_STEPS):
        page = visitor.get(url)
        while page.status_code in (302, 303):
            url = page.headers["Location"]
            page = visitor.get(url)
        if page.status_code != 200:
            yield f"{identity}: public form “{form.label}”: {url} answers {page.status_code}: {plain(page.text)[:200]}"
            return
        if url.endswith("/receipt"):
            return
        asked = next((each for each in PageReader(page.text).forms if each.method == "post"), None)
        if asked is None:
            yield f"{identity}: public form “{form.label}”: {url} has nothing to send."
            return
        data = _answers(asked, known)
        sent = visitor.http.post(asked.action or url, data=data)
        if sent.status_code == 422:
            more = _more(trial, record.type, asked, data)
            sent = visitor.http.post(asked.action or url, data={**data, **more}) if more else sent
        if sent.status_code not in (302, 303):
            yield f"{identity}: public form “{form.label}” refuses at {url}: {_complaint(sent.text)}"
            return
        url = sent.headers["Location"]
    yield f"{identity}: public form “{form.label}” never comes to an end."


def _answers(asked: FormOnPage, known: FormOnPage) -> dict[str, Any]:
    """What to send: the form's own hidden values, the record's values where it has them, and who is writing."""
    filled = MultiDict(known.pairs)
    data: dict[str, Any] = {}
    for name, value in asked.pairs:
        data.setdefault(name, []).append(value)
    for name in asked.names - {"csrf_token", "website_address"}:
        if any(filled.getlist(name)):
            data[name] = filled.getlist(name)
        elif name in _SENDER and not any(data.get(name, [])):
            data[name] = [_SENDER[name]]
        offered = asked.options.get(name)
        if offered and not set(data.get(name, [])) <= set(offered):
            data[name] = offered[:1]
    return data


def _more(trial: Trial, record_type: RecordType, asked: FormOnPage, data: dict[str, Any]) -> dict[str, Any]:
    """Something for each question that is still open: what was asked depends on what was answered."""
    empty = [name for name in asked.names if name in record_type.fields and not any(data.get(name, []))]
    values = trial.sampler.values(record_type.identity, full=True) if empty else {}
    return {name: [str(values[name])] for name in empty if isinstance(values.get(name), str | int)}


def _complaint(html: str) -> str:
    """What a page says is wrong."""
    start = html.find('role="alert"')
    return plain(html[html.find(">", start) + 1 :])[:300] if start >= 0 else plain(html)[:300]
