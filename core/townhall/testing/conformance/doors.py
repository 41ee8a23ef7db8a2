"""Records of every type go in and come out through every door."""

from __future__ import annotations

from collections.abc import Iterator

from townhall.access.actors import system
from townhall.access.policy import exportable_fields
from townhall.admin import urls
from townhall.records.types import Record
from townhall.testing import applying
from townhall.testing.applying import Applicant
from townhall.testing.applying import Stuck
from townhall.testing.applying import complaint
from townhall.testing.clients import StaffClient
from townhall.testing.clients import plain
from townhall.testing.conformance.report import Skipped
from townhall.testing.conformance.trial import ADMINISTRATOR
from townhall.testing.conformance.trial import Trial
from townhall.testing.reading import PageReader
from townhall.testing.samples import FOLDER
from townhall.testing.samples import REFUSALS
from townhall_forms.schema import RecordType


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
        applying.prepare(trial.town, trial.sampler, record_type, form)
        for record in _newest(trial, record_type):
            known = applying.known_to(clerk, record)
            with applying.aside(trial.town, trial.actor, record):
                try:
                    Applicant(trial.visitor(app), trial.sampler, record, known, form).go()
                except Stuck as stuck:
                    yield str(stuck)
                for made in _newest(trial, record_type):
                    if made.id > record.id and not record_type.append_only:
                        applying.archive(trial.town, trial.actor, made)


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
    with applying.aside(trial.town, trial.actor, record):
        (outcome,) = trial.town.records.import_rows(system("import"), record.identity, [row], dry_run=True)
    return dict(outcome.errors)


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
        yield f"{url}: the form, sent back as it came, is refused: {complaint(saved.text)}"
