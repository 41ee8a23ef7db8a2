"""The pages that come from a plugin's schemas are for everybody, and ask no other server for anything."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask

from townhall.admin import urls
from townhall.testing.clients import Client
from townhall.testing.conformance.report import Skipped
from townhall.testing.conformance.trial import ADMINISTRATOR
from townhall.testing.conformance.trial import Trial
from townhall.testing.network import no_network
from townhall.testing.reading import PageReader


def accessible(trial: Trial) -> Iterator[str]:
    """Every page can be used with a keyboard and a screen reader, as far as that shows in its HTML."""
    if not trial.types:
        raise Skipped("It declares no types.")
    app = trial.app()
    for client, addresses in (
        (trial.staff(app, ADMINISTRATOR), (*_staff_pages(trial), *_own_views(trial, app))),
        (trial.visitor(app), _public_pages(trial)),
    ):
        for address in addresses:
            yield from _judge(client, address)


def network(trial: Trial) -> Iterator[str]:
    """Nothing that the plugin does while its records are made and shown reaches for another machine."""
    with no_network() as tried:
        client = trial.staff(trial.app(), ADMINISTRATOR)
        for record_type in trial.types:
            trial.sampler.record(record_type.identity)
        for address in (*_staff_pages(trial), *_public_pages(trial)):
            client.get(address, follow_redirects=True)
    for host in dict.fromkeys([*trial.reached, *tried]):
        yield f"It tried to reach {host}."


def _staff_pages(trial: Trial) -> Iterator[str]:
    for record_type in trial.types:
        base = urls.list_url(record_type.identity)
        yield f"{base}?view=all"
        if not record_type.append_only:
            yield f"{base}new"
        for record in trial.town.records.find(trial.actor, record_type.identity, sort="-created", limit=1).records:
            own = urls.record_url(record_type.identity, record.id)
            yield own
            yield f"{own}print"
            if not record_type.append_only:
                yield f"{own}edit"


def _own_views(trial: Trial, app: Flask) -> Iterator[str]:
    """The pages of the plugin's own views that open without more in their address."""
    for rule in app.url_map.iter_rules():
        view = rule.endpoint.partition(".")[0]
        own = view == trial.name or view.startswith(f"{trial.name}_")
        if own and rule.rule.startswith("/admin/") and not rule.arguments and "GET" in (rule.methods or ()):
            yield rule.rule


def _public_pages(trial: Trial) -> Iterator[str]:
    yield "/"
    for record_type in trial.types:
        if record_type.public is not None:
            yield f"/open/{record_type.plugin}/{record_type.name}/"
        for form in record_type.forms.values():
            yield f"/apply/{record_type.plugin}/{record_type.name}/{form.name}"


def _judge(client: Client, address: str) -> Iterator[str]:
    response = client.get(address, follow_redirects=True)
    if response.status_code != 200:
        yield f"{address}: the page answers {response.status_code}."
        return
    for problem in PageReader(response.text).problems:
        yield f"{address}: {problem}"
