"""Every address at which a town answers, for staff and for the public, with the records that were planted in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask
from werkzeug.test import TestResponse

from townhall.admin import urls
from townhall.admin.pages import pages_of
from townhall.testing.privacy.markers import Marker
from townhall.testing.privacy.planting import Planted
from townhall_forms.schema import RecordType

#: What differs between two showings of a page.
_NEW_EACH_TIME = re.compile(
    r"form_id\" value=\"[^\"]+|nonce-?=?\"?[^\"' ]+|value=\"[^\"]{30,}\"|/form/[^/\"]+|key=[^\"&]+"
)
#: Pages that say nothing of any record, or that end what the walk needs.
_LEFT_OUT = ("/static", "/town.css", "/favicon.ico", "/robots.txt", "/admin/static", "/admin/sign", "/admin/forgotten")


@dataclass(frozen=True, slots=True)
class Surface:
    """An address, what it is called in findings, and the planted record that it is about, if it is about one.

    ``options`` says that it may offer records of other types to choose from, whatever this record points at.
    """

    url: str
    name: str
    about: str = ""
    options: bool = False


def pages_by_themselves(app: Flask, *, staff: bool) -> Iterator[Surface]:
    """Pages that stand alone: every rule without a variable, so that new ones are walked as they come."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        alone = not rule.arguments and "GET" in (rule.methods or ()) and not is_left_out(rule.rule)
        if alone and rule.rule.startswith("/admin") == staff and not _is_of_a_type(rule.endpoint):
            yield Surface(rule.rule, rule.rule)


def is_left_out(rule: str) -> bool:
    """Whether pages at a rule say nothing of any record."""
    return rule.startswith(_LEFT_OUT)


def of_type(view: type, record_type: RecordType, planted: Iterable[Planted]) -> Iterator[Surface]:
    """The staff's pages of a whole type, which ``view`` makes."""
    base, identity = urls.list_url(record_type.identity), record_type.identity
    yield Surface(f"{base}?view=all", f"list of {identity}", f"list {identity}")
    columns = "&".join(f"columns={name}" for name in record_type.fields)
    yield Surface(f"{base}?view=all&{columns}", f"list of {identity} with all columns", f"list {identity}")
    for name, field in record_type.fields.items():
        if field.privacy == "confidential":
            url = f"{base}?view=all&sort={name}&columns={name}&{name}=zq"
            yield Surface(url, f"list of {identity} asked for {name}", f"list {identity}")
            break
    for word in _words(view, "list") - {"bulk"}:
        query = "?view=all" if word in ("print", "export.csv") else ""
        yield Surface(f"{base}{word}{query}", f"{word} of {identity}", options=word in ("new", "save-view"))
    ids = "&".join(f"pick={each.record.id}" for each in planted)
    moves = record_type.workflow.transitions if record_type.workflow is not None else ()
    for do in ("archive", *(f"move:{move.name}" for move in moves if move.require or move.asks)):
        yield Surface(f"{base}bulk?do={do}&{ids}", f"bulk edit of {identity} ({do})", options=True)
    for name, field in record_type.fields.items():
        if field.target:
            yield Surface(f"{base}lookup/{name}.json?q=zq", f"lookup {identity}.{name}", options=True)
            yield Surface(f"{base}lookup/{name}.json", f"lookup {identity}.{name} of nothing", options=True)


def of_record(view: type, planted: Planted) -> Iterator[Surface]:
    """The staff's pages of one record, which ``view`` makes."""
    record = planted.record
    own = urls.record_url(record.identity, record.id)
    yield Surface(own, f"page of {planted.name}", planted.name)
    for word in sorted(_words(view, "record")):
        if record.type.append_only and word in ("edit", "archive", "restore"):
            continue
        query = "?old=1" if word == "compare" else ""
        options = word in ("edit", "task", "give")
        yield Surface(f"{own}{word}{query}", f"{word} of {planted.name}", planted.name, options)
    yield Surface(f"{own}version/1", f"version 1 of {planted.name}", planted.name)
    yield Surface(f"{own}bring-back/1", f"bring-back of {planted.name}", planted.name)
    if record.type.workflow is not None:
        for move in record.type.workflow.transitions:
            if record.state in move.sources:
                yield Surface(
                    f"{own}move/{move.name}", f"move {move.name} of {planted.name}", planted.name, options=True
                )
    for name, field in record.type.fields.items():
        if field.privacy == "confidential" and record.values.get(name) is not None:
            yield Surface(f"{own}reveal/{name}", f"reveal page of {planted.name}", planted.name)
    yield from files_of(planted, urls.FILES)


def of_merging(planted: Planted, others: Iterable[Planted]) -> Iterator[Surface]:
    """The page of a record and each other of its type that it may be merged with, either way round."""
    for other in others:
        if planted.record.type.merge is not None and other is not planted and not other.archived:
            for kept, gone in ((planted, other), (other, planted)):
                url = urls.record_url(kept.record.identity, kept.record.id, f"merge/{gone.record.id}")
                yield Surface(url, f"{kept.name} merged with {gone.name}")


def new_from(record_type: RecordType, planted: Iterable[Planted]) -> Iterator[Surface]:
    """The form for a new record, opened from a record of each type that it can be about."""
    targets = {field.target for field in record_type.fields.values() if field.target}
    anything = any(field.type_name == "reference" for field in record_type.fields.values())
    first = {each.record.identity: each for each in reversed(list(planted))}
    for identity, each in first.items():
        if identity in targets or (anything and each.record.type.is_case):
            url = urls.new_url(record_type.identity, **{"from": f"{identity}:{each.record.id}"})
            yield Surface(url, f"new {record_type.identity} from {each.name}", options=True)


def of_figures(record_type: RecordType, groupings: Iterable[str]) -> Iterator[Surface]:
    """The pages of figures about a type, by each of its groupings, on paper and as a file."""
    asked = f"type={record_type.identity}&period=this_year"
    for page in ("", "times", "states", "contact"):
        yield Surface(f"{urls.FIGURES}{page}?{asked}", f"figures {page} of {record_type.identity}", options=True)
    yield Surface(f"{urls.FIGURES}print?{asked}", f"figures of {record_type.identity} on paper", options=True)
    for by in groupings:
        name = f"figures of {record_type.identity} by {by}"
        yield Surface(f"{urls.FIGURES}?{asked}&by={by}", name, options=True)
        yield Surface(f"{urls.FIGURES}csv?{asked}&by={by}&page=&table=groups", f"file of {name}", options=True)


def of_calendar(planted: Iterable[Planted]) -> Iterator[Surface]:
    """The months of the calendar in which something planted begins."""
    months = set()
    for each in planted:
        event = each.record.type.event
        begins = each.record.values.get(event.starts) if event is not None else None
        if begins is not None:
            months.add(f"{begins:%Y-%m}")
    for month in sorted(months):
        yield Surface(f"{urls.CALENDAR}?month={month}", "calendar")


def files_of(planted: Planted, base: str, field: str = "") -> Iterator[Surface]:
    """The planted files of a record, or of one field of it."""
    for name in [field] if field else planted.files:
        value = planted.record.values.get(name)
        for file in value if isinstance(value, tuple) else (value,):
            if file is not None:
                yield Surface(f"{base}{file.id}", f"file in {planted.record.identity}.{name}", planted.name)


def searches(markers: Iterable[Marker], base: str) -> Iterator[Surface]:
    """A search for each of the words; its last letter is left out, since the page repeats what was asked."""
    for marker in markers:
        if ":" not in marker.key:
            yield Surface(f"{base}?q={marker.key[:-1]}", f"search for {marker.identity}.{marker.path}")


def of_public_type(record_type: RecordType) -> Iterator[Surface]:
    """The public's pages of a whole type."""
    plugin, name = record_type.plugin, record_type.name
    if record_type.public is not None:
        yield Surface(f"/open/{plugin}/{name}/", f"public list of {record_type.identity}")
        hidden = [each.name for each in record_type.fields.values() if each.privacy != "public"]
        query = "&".join(f"{each}=zq" for each in hidden)
        yield Surface(f"/open/{plugin}/{name}/?{query}", f"public list of {record_type.identity}, asked for more")
    for form in record_type.forms.values():
        yield Surface(f"/apply/{plugin}/{name}/{form.name}", f"form {form.name} of {record_type.identity}")
        yield Surface(f"/apply/{plugin}/{name}/{form.name}/print", f"paper form {form.name} of {record_type.identity}")


def begun_from(record_type: RecordType, planted: Iterable[Planted]) -> Iterator[Surface]:
    """The public forms of a type, opened with a planted record in each link that they ask for."""
    first = {each.record.identity: each for each in reversed(list(planted))}
    for form in record_type.forms.values():
        for name in form.fields:
            field = record_type.fields[name]
            chosen = first.get(field.target)
            if chosen is not None and not field.many_targets:
                url = f"/apply/{record_type.plugin}/{record_type.name}/{form.name}?{name}={chosen.record.id}"
                yield Surface(url, f"form {form.name} of {record_type.identity} from {chosen.name}", options=True)


def of_public_record(planted: Planted) -> Iterator[Surface]:
    """The public's pages of one record."""
    record = planted.record
    plugin, _, name = record.identity.partition(".")
    yield Surface(f"/open/{plugin}/{name}/{record.id}", f"public page of {planted.name}", planted.name)
    for form in record.type.forms.values():
        link = (form.per or form.per_group or "").partition(".")[0]
        if link and record.values.get(link) is not None:
            url = f"/apply/{plugin}/{name}/{form.name}?{link}={record.values[link]}"
            yield Surface(url, f"form {form.name} of {record.identity}")
    if record.number:
        for path in ("", "/messages.txt"):
            yield Surface(f"/requests/{record.number}{path}", f"status of {planted.name}{path}", planted.name)
    yield from files_of(planted, "/files/")


def _words(view: type, below: str) -> frozenset[str]:
    """Words of the pages of a type that can be opened with nothing behind them."""
    pages = pages_of(view)
    return frozenset(
        word
        for (place, word, has_more), (_, page) in pages.items()
        if place == below and not has_more and "GET" in page.methods
    )


def _is_of_a_type(endpoint: str) -> bool:
    return endpoint.startswith("records_")


def settled(response: TestResponse) -> str:
    """The text of a page without what differs between two showings of it."""
    return _NEW_EACH_TIME.sub("", response.get_data().decode("utf-8", "replace"))
