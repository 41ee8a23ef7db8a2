"""Which of an application's pages a walk has opened, and how addresses with something in them are filled in.

Pages are read from the application itself. One that nobody can fill in, or that was never opened, is told: a surface
that is not walked is one on which nobody knows what stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import product

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter
from werkzeug.routing import Rule

from townhall.admin.pages import pages_of
from townhall.admin.record_view import RecordView
from townhall.jobs import overview
from townhall.testing.privacy.planting import Planted
from townhall.testing.privacy.surfaces import Surface
from townhall.testing.privacy.surfaces import is_left_out
from townhall.town import Town
from townhall_forms.schema import RecordType

#: Addresses that are not opened, with why.
NOT_OPENED: Mapping[str, str] = {
    "/admin/modules/remove/<module>": "it is there once a module was uploaded and taken, which makes a new town of it; "
    "it asks whether its files may go and says nothing of records",
}
#: Most ways in which one address is filled in, and of how many types.
_MOST, _TYPES = 12, 1
#: What stands for all pages of a type's list, and of its records.
_WORDS = {"list_page": "list", "record_page": "record"}


class Census:
    """The pages of one application that are about ``types`` or about none, and those that were opened."""

    def __init__(self, app: Flask, types: Iterable[RecordType]) -> None:
        self._adapter = app.url_map.bind("localhost")
        self._pages = set(_places(app, list(types)))
        self._seen: set[str] = set()

    def saw(self, path: str) -> None:
        """Note that an address was opened."""
        try:
            rule, arguments = self._adapter.match(path, method="GET", return_rule=True)
        except HTTPException:
            return
        self._seen.add(_name(rule, arguments.get("word"), more="more" in arguments))

    def unopened(self) -> list[str]:
        """The pages that can be opened, nobody opened, and that have no reason for it."""
        return sorted(name for name in self._pages if name not in self._seen and name not in NOT_OPENED)


def filled_in(app: Flask, town: Town, planted: Sequence[Planted], *, staff: bool) -> Iterator[Surface]:
    """Addresses with something in them, filled in with what the town has: ids and numbers of planted records, types,
    fields, roles, jobs.
    """
    known: dict[str, Sequence[object]] = {
        "id": sorted({each.record.id for each in planted}),
        "number": [each.record.number for each in planted if each.record.number],
        "job": [line.job.name for line in overview.lines(town)],
    }
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        wanted = sorted(rule.arguments)
        if not wanted or rule.rule in NOT_OPENED or not _can_be_opened(rule):
            continue
        if rule.rule.startswith("/admin") != staff or rule.endpoint.rpartition(".")[2] in _WORDS:
            continue
        if rule.endpoint.startswith("records_") or "filename" in wanted:
            continue
        for values in _values(town, rule, wanted, known, planted):
            built = rule.build(values)
            if built is not None:
                yield Surface(built[1], rule.rule, options=True)


def _values(
    town: Town, rule: Rule, wanted: Sequence[str], known: Mapping[str, Sequence[object]], planted: Iterable[Planted]
) -> Iterator[Mapping[str, object]]:
    chosen: list[Sequence[object]] = []
    every = list({each.record.identity: each.record.type for each in planted}.values())
    if "identity" in wanted or {"plugin", "name"} <= set(wanted):
        for record_type in [each for each in every if each.forms][:_TYPES] if "form" in wanted else every[-_TYPES:]:
            own: dict[str, Sequence[object]] = {
                "identity": [record_type.identity],
                "key": list(record_type.fields)[:1],
                "plugin": [record_type.plugin],
                "name": _roles(town) if "identity" in wanted else [record_type.name],
                "form": list(record_type.forms),
            }
            yield from _products(wanted, {**known, **own}, 3)
        return
    for name in wanted:
        converter = rule._converters[name]
        items = getattr(converter, "items", None)
        if items is not None:
            chosen.append(sorted(items))
        elif isinstance(converter, IntegerConverter):
            chosen.append(known["id"])
        elif name == "plugin":
            chosen.append(sorted({each.record.type.plugin for each in planted} - {"core"}))
        elif name == "name":
            chosen.append(_roles(town))
        else:
            chosen.append(known.get(name, ()))
    yield from _products(wanted, dict(zip(wanted, chosen, strict=True)), _MOST)


def _products(
    wanted: Sequence[str], values: Mapping[str, Sequence[object]], most: int
) -> Iterator[Mapping[str, object]]:
    for count, given in enumerate(product(*(values.get(name, ()) for name in wanted))):
        if count >= most:
            return
        yield dict(zip(wanted, given, strict=True))


def _roles(town: Town) -> list[object]:
    return [name for (name,) in town.system.role.select(town.system.role.name).tuples()]


def _places(app: Flask, types: Sequence[RecordType]) -> Iterator[str]:
    endpoints = {f"records_{each.plugin}_{each.name}" for each in types}
    absent = _without(types)
    for rule in app.url_map.iter_rules():
        last = rule.endpoint.rpartition(".")[2]
        if not _can_be_opened(rule) or is_left_out(rule.rule) or rule.rule.startswith(absent):
            continue
        if rule.endpoint.startswith("records_") and last in _WORDS:
            pages = pages_of(view_of(app, rule)) if rule.endpoint.partition(".")[0] in endpoints else {}
            for (below, word, more), (_, page) in pages.items():
                if "GET" in page.methods and below == _WORDS[last] and not f"{below} {word}".startswith(absent):
                    yield f"{below} {word}{'/…' if more else ''}"
        else:
            yield _name(rule, None, more=False)


def _without(types: Sequence[RecordType]) -> tuple[str, ...]:
    """How pages begin that nobody comes to, since no type has what they are about."""
    found = []
    if not any(form for each in types for form in each.forms.values() if not form.by_owner):
        found += ["/form/", "/continue/", "/apply/"]
    if not any(each.number for each in types):
        found += ["/status/", "/requests/<number>"]
    if not any(field.privacy == "confidential" for each in types for field in each.fields.values()):
        found.append("record reveal")
    if not any(field.target for each in types for field in each.fields.values()):
        found.append("list lookup")
    if not any(each.is_case for each in types):
        found += ["list undo", "record move"]
    if all(each.merge is None for each in types):
        found += ["record merge", "record apart"]
    return tuple(found)


def view_of_type(app: Flask, identity: str) -> type:
    """The class of the pages of a type of record."""
    plugin, _, name = identity.partition(".")
    endpoint = f"records_{plugin}_{name}.list_page"
    return next((view_of(app, rule) for rule in app.url_map.iter_rules(endpoint)), RecordView)


def view_of(app: Flask, rule: Rule) -> type:
    """The class of the pages of a type of record to which a rule belongs."""
    view = getattr(app.view_functions[rule.endpoint], "__self__", None)
    return type(view) if isinstance(view, RecordView) else RecordView


def _name(rule: Rule, word: str | None, *, more: bool) -> str:
    last = rule.endpoint.rpartition(".")[2]
    if rule.endpoint.startswith("records_"):
        return f"{_WORDS[last]} {word}{'/…' if more else ''}" if last in _WORDS else f"records {last}"
    return rule.rule


def _can_be_opened(rule: Rule) -> bool:
    return "GET" in (rule.methods or ()) and rule.redirect_to is None
