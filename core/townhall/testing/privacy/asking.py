"""Asking records for what is not for somebody: by search, filter, sort and group, by revealing, and by messages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from townhall.access.actors import Actor
from townhall.admin import urls
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.messages import templates
from townhall.testing.clients import StaffClient
from townhall.testing.privacy import expected
from townhall.testing.privacy import surfaces
from townhall.testing.privacy.expected import MESSAGE
from townhall.testing.privacy.expected import Reader
from townhall.testing.privacy.markers import found_in
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.sowing import OPEN
from townhall.testing.privacy.watching import Watch
from townhall_forms.schema import RecordType

_REASON = "The caller asks what we have written down."


def search(watch: Watch, reader: Reader) -> None:
    """Nothing is found by what this reader may not read.

    Every word is looked for among the records of its own type, and one of each kind among all.
    """
    records = watch.town.records
    kinds: set[tuple[str, str, bool]] = set()
    for marker, owner in watch.markers.values():
        if expected.may_read(watch.town, reader, marker, owner) or marker.level == MESSAGE:
            continue
        kind = (marker.identity, marker.level, owner.name in reader.sees)
        types = [owner.record.identity] if kind in kinds else None
        kinds.add(kind)
        hits, _ = records.search(reader.actor, marker.key.rpartition(":")[2], identities=types)
        if (owner.record.identity, owner.record.id) in {(hit.identity, hit.id) for hit in hits}:
            watch.leak(marker, reader.name, "search")


def ask(watch: Watch, reader: Reader, record_type: RecordType) -> None:
    """Nothing can be filtered, sorted or grouped by what this reader may not read."""
    records, identity = watch.town.records, record_type.identity
    if not records.may(reader.actor, "view", identity):
        return
    for name, field in record_type.fields.items():
        if field.privacy == "public" or (field.privacy == "internal" and reader.staff):
            continue
        where = {name: {"empty": False}}
        for deed, question in (
            ("filtered", partial(records.count, reader.actor, identity, where)),
            ("sorted", partial(records.find, reader.actor, identity, sort=name, limit=1)),
            ("grouped", partial(records.aggregate, reader.actor, identity, group_by=[name])),
            ("looked up", partial(records.lookup, reader.actor, identity, "", where=where)),
        ):
            try:
                question()
            except (Rejected, Forbidden):
                continue
            watch.report.problems.append(f"{identity} can be {deed} by “{name}”, which {reader.name} may not read.")


def reveal(watch: Watch, reader: Reader, client: StaffClient, planted: Planted) -> None:
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
        _reveal_at(watch, reader, client, planted, path, keys, address)


def _reveal_at(
    watch: Watch, reader: Reader, client: StaffClient, planted: Planted, path: str, keys: set[str], url: str
) -> None:
    may, what = reader.reveals(planted.record.identity), f"reveal page of {planted.name}"
    for reason in ("", _REASON):
        shown = keys & found_in(watch.get(client.post(url, {"reason": reason})))
        if shown and not (may is not False and reason):
            watch.leak(watch.markers[min(shown)][0], reader.name, what)
        if may and reason and not shown:
            watch.report.missing.append(f"{what} keeps “{path}” from {reader.name}, who may see it and said why.")
    watch.read_log(what)


def miss(watch: Watch, reader: Reader) -> None:
    """Whoever may see a value finds it somewhere: a walk that finds nothing would prove nothing."""
    found = watch.found.get(reader.name, set())
    for key, (marker, owner) in watch.markers.items():
        if (
            owner.kind == OPEN
            and marker.sure
            and key not in found
            and expected.may_read(watch.town, reader, marker, owner)
        ):
            watch.report.missing.append(
                f"{marker.identity}.{marker.path}: {reader.name} may see it and finds it nowhere."
            )


def words(watch: Watch, types: Sequence[RecordType], writer: Actor) -> None:
    """No message to citizens, and no subject, can be written with what is not for them."""
    for record_type in templates.types_with_messages(watch.town.schemas):
        event = next(iter(templates.events(record_type)), "")
        if record_type not in types or not event:
            continue
        for name, field in record_type.fields.items():
            if field.privacy == "public":
                continue
            given = {"type": record_type.identity, "event": event, "subject": "Yours", "body": f"It is {{{name}}}."}
            try:
                watch.town.records.create(writer, templates.TEMPLATE, given)
            except (ValidationFailed, Rejected):
                continue
            watch.report.problems.append(f"A message about {record_type.identity} can be written with “{name}”.")
