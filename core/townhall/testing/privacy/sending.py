"""Forms that are sent so that nobody accepts them: what was typed comes back, with the record's values beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from werkzeug.test import TestResponse

from townhall.admin import urls
from townhall.testing.clients import Client
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.surfaces import Surface
from townhall.testing.reading import PageReader

#: A version that no record has: whoever saves on top of it is shown what a colleague saved meanwhile.
_STALE = "0"
_DRAFT = re.compile(r"(/form/[^/\"]+)/page/")
_VIEW, _UNDO = re.compile(r"saved=(\d+)"), re.compile(r"/undo/(\d+)")


def refused(client: Client, planted: Planted) -> Iterator[tuple[Surface, TestResponse]]:
    """What comes back when a record's forms are sent empty, and when they are sent over what somebody else saved."""
    record = planted.record
    own = urls.record_url(record.identity, record.id)
    flow = record.type.workflow
    moves = [
        move.name
        for move in (flow.transitions if flow is not None else ())
        if record.state in move.sources and (move.require or move.asks)
    ]
    optional = {name for name, field in record.type.fields.items() if not field.required}
    for word in ("edit", *(f"move/{move}" for move in moves)):
        page = client.get(f"{own}{word}")
        form = PageReader(page.text).form_to("version") if page.status_code == 200 else None
        if form is None:
            continue
        kept = {"csrf_token", "form_id"}
        ways = [("empty", form.names - kept), ("stale", {name for name in form.names if _first(name) in optional})]
        for how, empty in ways if word == "edit" else ways[:1]:
            data = {name: [""] if name in empty else values for name, values in form.data().items()}
            sent = client.http.post(f"{own}{word}", data={**data, "version": _STALE}, follow_redirects=True)
            yield Surface(f"{own}{word}", f"{word} of {planted.name}, sent {how}", planted.name, options=True), sent


def at_once(client: Client, planted: Planted) -> Iterator[tuple[Surface, TestResponse]]:
    """What a list can be asked to keep and to do, and to take back: a view of it, and a case given to who asks."""
    record = planted.record
    base = urls.list_url(record.identity)
    deeds = [("save-view", {"label": "Mine", "query": "view=all"}, "delete-view", _VIEW)]
    if record.type.is_case:
        deeds.append(("bulk", {"do": "give:me", "pick": str(record.id), "back": base}, "undo", _UNDO))
    for word, data, then, mark in deeds:
        sent = client.post(f"{base}{word}", data, follow_redirects=True)
        yield Surface(f"{base}{word}", f"{word} of {record.identity}, sent", options=True), sent
        found = mark.search(f"{sent.request.full_path} {sent.text}")
        if found is not None:
            url = f"{base}{then}/{found[1]}"
            yield Surface(url, f"{then} of {record.identity}", options=True), client.get(url, follow_redirects=True)


def begun(client: Client, planted: Planted) -> Iterator[tuple[Surface, TestResponse]]:
    """The pages of each public form of a record's type, as somebody begins to fill it in."""
    record_type, values = planted.record.type, planted.record.values
    for form in record_type.forms.values():
        url = f"/apply/{record_type.plugin}/{record_type.name}/{form.name}"
        link = (form.per or form.per_group or "").partition(".")[0]
        if link and values.get(link) is not None:
            url += f"?{link}={values[link]}"
        client.get(url)
        sent = client.post(url, {}, follow_redirects=True)
        name = f"pages of {form.name} of {record_type.identity}"
        yield Surface(url, name, options=True), sent
        begun_at = _DRAFT.search(f"{sent.request.path} {sent.text}")
        for step in ("review",) if begun_at is not None else ():
            page = f"{begun_at[1]}/page/{step}" if begun_at is not None else ""
            yield Surface(page, name, options=True), client.get(page, follow_redirects=True)


def _first(name: str) -> str:
    """The field that an input belongs to."""
    return name.partition(".")[0].partition("-")[0]
