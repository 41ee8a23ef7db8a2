"""What is not for everybody is planted with a word of its own, and looked for everywhere it must not be."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask

from townhall.access.policy import editable_by_sender
from townhall.admin import urls
from townhall.records.types import Record
from townhall.testing.clients import Client
from townhall.testing.conformance.report import Skipped
from townhall.testing.conformance.trial import CLERK
from townhall.testing.conformance.trial import VIEWER
from townhall.testing.conformance.trial import Trial
from townhall.testing.samples import REFUSALS
from townhall.testing.samples import demanded
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType

#: Field types in which a word can be planted as it is.
_TEXTS = ("text", "longtext")
_LETTERS = "bcdfghjkmnpqrstvwxz"
_LENGTH = 10


@dataclass(frozen=True)
class Planted:
    """A record with a word in each of its fields: which word stands in which field."""

    record: Record
    words: Mapping[str, str]

    def of(self, *privacy: str) -> Iterator[tuple[str, str]]:
        """The names and words of the fields with one of these levels of privacy."""
        for name, word in self.words.items():
            if _field(self.record.type, name).privacy in privacy:
                yield name, word


def leaks(trial: Trial) -> Iterator[str]:
    """Look for every planted word on every surface that must not show it."""
    planted = []
    for record_type in trial.types:
        try:
            planted.append(_plant(trial, record_type))
        except REFUSALS as error:
            yield f"{record_type.identity}: no record with words of its own in every field was accepted: {error}"
    if planted and not any(True for each in planted for _ in each.of("internal", "confidential")):
        raise Skipped("None of its fields that hold words is internal or confidential.")
    app = trial.app()
    for each in planted:
        yield from _among_staff(trial, app, each)
        yield from _in_public(trial, app, each)


def _plant(trial: Trial, record_type: RecordType) -> Planted:
    """A record whose fields hold a word each, and which the public may see if it may see any of its type."""
    words: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, field in record_type.fields.items():
        if field.is_computed or field.read_only:
            continue
        if _takes_words(field):
            values[name] = words[name] = _word(len(words), record_type.identity)
        elif field.row_fields:
            columns = [column for column in field.row_fields.values() if _takes_words(column)]
            row = {column.name: _word(len(words) + place, record_type.identity) for place, column in enumerate(columns)}
            words.update({f"{name}.{column}": word for column, word in row.items()})
            others = trial.sampler.values(record_type.identity, full=True).get(name) or [{}]
            values[name] = [{**others[0], **row}]
    demand = demanded(record_type.public_if)
    try:
        record = trial.sampler.record(record_type.identity, {**values, **demand}, full=True)
    except REFUSALS:
        if not demand:
            raise
        record = trial.sampler.record(record_type.identity, values, full=True)
    kept = trial.town.records.get(trial.actor, record.identity, record.id)
    held = repr(kept.values)
    return Planted(kept, {name: word for name, word in words.items() if word in held})


def _among_staff(trial: Trial, app: Flask, planted: Planted) -> Iterator[str]:
    """Confidential words stand on no page of the staff's that didn't ask to reveal them."""
    secret = list(planted.of("confidential"))
    if not secret:
        return
    record = planted.record
    base = urls.list_url(record.identity)
    own = urls.record_url(record.identity, record.id)
    for email in (CLERK, VIEWER):
        client = trial.staff(app, email)
        pages = [f"{base}?view=all", f"{base}print", f"{base}export.csv?view=all", own, f"{own}print", f"{own}edit"]
        pages += [f"{own}history", f"{own}version/1", f"{own}compare?old=1", f"{own}bring-back/1"]
        pages += ["/admin/", "/admin/calendar/"]
        pages += [f"{urls.SEARCH}?q={word[:-1]}" for _, word in secret]
        yield from _look(client, pages, secret, f"{record.identity}, signed in as {email.partition('@')[0]}")


def _in_public(trial: Trial, app: Flask, planted: Planted) -> Iterator[str]:
    """Internal and confidential words stand on no public page, nor in what the sender's own link shows."""
    record = planted.record
    back = editable_by_sender(record.type, record.state)
    hidden = [
        (name, word) for name, word in planted.of("internal", "confidential") if name.partition(".")[0] not in back
    ]
    if not hidden:
        return
    plugin, _, name = record.identity.partition(".")
    visitor = trial.visitor(app)
    pages = ["/", f"/open/{plugin}/{name}/", f"/open/{plugin}/{name}/{record.id}"]
    pages += [f"/search?q={word[:-1]}" for _, word in hidden]
    if record.number:
        token = trial.town.records.make_link(trial.actor, record.identity, record.id, "status")
        visitor.get(f"/status/{record.number}/{token}")
        pages.append(f"/requests/{record.number}")
    yield from _look(visitor, pages, hidden, f"{record.identity}, on the public site")


def _look(client: Client, pages: list[str], words: list[tuple[str, str]], where: str) -> Iterator[str]:
    for page in pages:
        text = client.get(page, follow_redirects=True).text
        for name, word in words:
            if word in text:
                yield f"{where}: {page.partition('?q=')[0]} shows “{name}”, which is not for everybody."


def _takes_words(field: Field) -> bool:
    long_enough = field.max_length is None or field.max_length >= _LENGTH
    return field.type_name in _TEXTS and not field.pattern and not field.choices and long_enough


def _field(record_type: RecordType, path: str) -> Field:
    name, _, column = path.partition(".")
    field = record_type.fields[name]
    if not column:
        return field
    inner = field.row_fields[column]
    return inner if inner.privacy != "public" else field


def _word(number: int, identity: str) -> str:
    """A word that stands nowhere else, the same each time."""
    seed, letters = sum(identity.encode()) * 1009 + number * 7919, []
    for _ in range(_LENGTH):
        seed, place = divmod(seed * 31 + 17, len(_LETTERS)) if seed < 2**60 else divmod(seed, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(letters)
