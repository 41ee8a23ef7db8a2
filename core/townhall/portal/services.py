"""What the town offers on its public site: the forms and public lists that the enabled plugins declare."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from flask import url_for

from townhall.access.actors import ANONYMOUS
from townhall.errors import TownhallError
from townhall_forms.context import Context
from townhall_forms.schema import Form
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.text import normalise
from townhall_forms.validating import environment_of

if TYPE_CHECKING:
    from townhall.records.types import Record
    from townhall.town import Town

#: Services of one form with ``per`` that are offered at most; a town with more has a list to search.
PER_LIMIT = 200
#: Counting what a public list holds stops here on the home page.
MOST_COUNTED = 1000
_DEFAULT_ICON = "note"


@dataclass(frozen=True, slots=True)
class Service:
    """One thing that a resident can do: a form to fill in, or a list to read.

    ``words`` are the normalised words under which it is found.
    """

    heading: str
    label: str
    url: str
    icon: str
    words: str
    is_form: bool = True


@dataclass(frozen=True, slots=True)
class Heading:
    """A group of services under one heading."""

    label: str
    icon: str
    services: tuple[Service, ...]


def form_of(schemas: Schemas, plugin: str, name: str, form: str) -> tuple[RecordType, Form] | None:
    """The declared public form at an address, or ``None``."""
    record_type = schemas.get(f"{plugin}.{name}")
    found = record_type.sent_forms.get(form) if record_type is not None else None
    return (record_type, found) if record_type is not None and found is not None else None


def applied_to(record_type: RecordType) -> tuple[str, str, str] | None:
    """Identity, form and link field behind the apply button of a public list; ``None`` if it has none."""
    if record_type.public is None or not record_type.public.apply:
        return None
    target, _, link = record_type.public.apply.partition(":")
    return *record_type.form_named(target), link


def start_url(record_type: RecordType, form: Form, chosen: dict[str, int] | None = None) -> str:
    """Address of a form, opened with the ``chosen`` links."""
    values: dict[str, Any] = {"plugin": record_type.plugin, "name": record_type.name, "form": form.name}
    return url_for("portal.start", **values, **_arguments(chosen))


def print_url(record_type: RecordType, form: Form, chosen: dict[str, int]) -> str:
    """Address of a form to print and fill in by hand."""
    values: dict[str, Any] = {"plugin": record_type.plugin, "name": record_type.name, "form": form.name}
    return url_for("portal.paper", **values, **_arguments(chosen))


def services(town: Town) -> list[Service]:
    """Everything on offer: first what is asked for most (forms that stand for many services), then by type."""
    applied = {target[:2] for target in map(applied_to, town.schemas.values()) if target is not None}
    found: list[Service] = []
    for record_type in sorted(town.schemas.values(), key=_rank):
        forms = {} if town.plugins.read_only(record_type.identity) else record_type.sent_forms
        for form in forms.values():
            if form.after:
                continue
            if form.per:
                found.extend(_per_services(town, record_type, form))
            elif form.service or (record_type.identity, form.name) not in applied:
                found.append(_form_service(record_type, form))
        if record_type.public is not None and record_type.public_if is not None:
            found.append(_list_service(town, record_type))
    return found


def offered_after(town: Town, record_type: RecordType, form: Form, links: Mapping[str, int]) -> list[tuple[Form, str]]:
    """Forms that come after one that was sent, each with its address: the ``links`` that both ask for stand in it."""
    found = []
    for other in sorted(town.schemas.values(), key=_rank):
        for each in {} if town.plugins.read_only(other.identity) else other.sent_forms.values():
            if each.after and other.form_named(each.after) == (record_type.identity, form.name):
                shared = {
                    name: id
                    for name, id in links.items()
                    if name in each.fields and other.fields[name].target == record_type.fields[name].target
                }
                found.append((each, start_url(other, each, shared)))
    return found


def headings(offered: list[Service]) -> list[Heading]:
    """The services by heading, headings in the order in which they first appear."""
    groups: dict[str, list[Service]] = {}
    for service in offered:
        groups.setdefault(service.heading, []).append(service)
    return [
        Heading(label, next((one.icon for one in group if one.icon), _DEFAULT_ICON), tuple(group))
        for label, group in groups.items()
    ]


def search(offered: list[Service], text: str) -> list[Service]:
    """The services that have every word of ``text``, or a word that begins with it; those named so come first."""
    wanted = normalise(text).split()
    if not wanted:
        return []
    hits = [service for service in offered if _matches(service.words, wanted)]
    return sorted(hits, key=lambda one: not _matches(normalise(one.label), wanted))


def per_choices(town: Town, record_type: RecordType, form: Form) -> list[Record]:
    """The records for each of which a form with ``per`` is one service, as far as the public may see them.

    They stand in the order of their type's own list, if the public may see by what it is sorted.
    """
    link = record_type.fields[form.per]
    target = town.schemas[link.target]
    first = target.fields.get(target.list.sort.lstrip("-"))
    sort = target.list.sort if first is not None and first.privacy == "public" else "title"
    page = town.records.find(ANONYMOUS, link.target, link.where, limit=PER_LIMIT, sort=sort)
    return list(page.records)


def is_open(town: Town, form: Form, chosen: Mapping[str, Record]) -> bool:
    """Whether a form may be filled in at the moment for the ``chosen`` records, by its ``open_if``.

    A condition on what is not chosen yet can't hold the visitor back at the door; it is judged when the form is sent.
    """
    if form.open_if is None or any(path.partition(".")[0] not in chosen for path in form.open_if.paths()):
        return True

    return form.open_if.evaluate(_behind(chosen), environment_of(town.context(ANONYMOUS)))


def closes(town: Town, form: Form, chosen: Mapping[str, Record]) -> datetime | None:
    """The moment at which a form that is open for the ``chosen`` records closes by itself, if there is one."""
    if form.open_if is None or not form.open_if.uses_moment():
        return None
    if any(path.partition(".")[0] not in chosen for path in form.open_if.paths()):
        return None
    get, present = _behind(chosen), environment_of(town.context(ANONYMOUS))
    moments = {value for leaf in form.open_if.leaves() if isinstance(value := get(leaf.path), datetime)}
    for moment in sorted(moments):
        after = moment + timedelta(microseconds=1)
        then = replace(present, now=after, today=after.astimezone(present.zone).date())
        if moment > present.now and not form.open_if.evaluate(get, then):
            return moment
    return None


def _behind(chosen: Mapping[str, Record]) -> Callable[[str], Any]:
    """What a condition reads at a path, of the records that were chosen."""

    def get(path: str) -> Any:
        link, _, name = path.partition(".")
        return chosen[link].get(name) if name else chosen[link].id

    return get


def text_of(context: Context, record: Record, name: str) -> str:
    """One field of a record as plain text; empty if there is no such field or the visitor may not read it."""
    field = record.type.field(name) if name else None
    value = record.get(name) if field is not None else None
    return field.display(value, context) if field is not None and value is not None else ""


def _rank(record_type: RecordType) -> tuple[bool, int, str]:
    return not any(form.per for form in record_type.sent_forms.values()), record_type.order, record_type.label


def _arguments(chosen: Mapping[str, int] | None) -> dict[str, Any]:
    return dict(chosen or {})


def _matches(words: str, wanted: list[str]) -> bool:
    have = words.split()
    return all(any(word.startswith(one) for word in have) for one in wanted)


def _words(*texts: str) -> str:
    return normalise(" ".join(texts))


def _form_service(record_type: RecordType, form: Form) -> Service:
    heading = form.service or record_type.label_plural
    words = _words(form.label, heading, form.intro, *form.keywords)
    return Service(heading, form.label, start_url(record_type, form), form.icon or record_type.icon, words)


def _per_services(town: Town, record_type: RecordType, form: Form) -> Iterator[Service]:
    try:
        records = per_choices(town, record_type, form)
    except TownhallError:
        return
    context = town.context(ANONYMOUS)
    for record in records:
        if not is_open(town, form, {form.per: record}):
            continue
        heading = text_of(context, record, form.per_group) or form.service or record_type.label_plural
        yield Service(
            heading,
            record.title,
            start_url(record_type, form, {form.per: record.id}),
            str(record.get("icon") or "") or form.icon or record_type.icon,
            _words(
                record.title,
                heading,
                text_of(context, record, "keywords"),
                text_of(context, record, "description"),
                *form.keywords,
            ),
        )


def _list_service(town: Town, record_type: RecordType) -> Service:
    public = record_type.public
    assert public is not None  # noqa: S101 - the caller looked
    count = town.records.count(ANONYMOUS, record_type.identity, public.where, cap=MOST_COUNTED)
    heading = public.service or record_type.label_plural
    return Service(
        heading,
        f"{public.label} ({count})" if count.value else public.label,
        url_for("portal.listing", plugin=record_type.plugin, name=record_type.name),
        public.icon or record_type.icon,
        _words(public.label, heading, public.intro, record_type.description),
        is_form=False,
    )
