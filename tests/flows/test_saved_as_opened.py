"""A form that is saved as it was opened changes nothing: what its inputs can't show is not lost."""

from __future__ import annotations

from collections.abc import Callable

from staff_client import main_of
from staff_client import staff_client

from townhall.access.actors import system
from townhall.testing.reading import PageReader
from townhall.town import Town


def test_a_form_saved_as_it_was_opened_changes_nothing(make_town: Callable[..., Town]) -> None:
    """Every record that the four modules bring with them: questions with labelled choices, templates, calendars."""
    town = make_town("complaints", "economic_development", "grants", "recruitment")
    ruth = staff_client(town, "administrator")
    tried = set()
    for identity in town.schemas:
        for record in town.records.find(system(), identity, limit=20).records:
            url = f"/admin/{identity.replace('.', '/')}/{record.id}/edit"
            form = PageReader(ruth.get(url).text).form_to("version")
            if form is None:
                continue  # nobody changes such records
            # A browser ends the lines of a text area with both signs.
            sent = {name: [each.replace("\n", "\r\n") for each in values] for name, values in form.data().items()}
            response = ruth.post(url, sent)
            assert response.status_code == 302, f"{url}: {main_of(response)[:500]}"
            after = town.records.get(system(), identity, record.id)
            assert after.version == record.version, f"{url}: {after.values} instead of {record.values}"
            tried.add(identity)
    assert {"complaints.category", "economic_development.survey", "core.message_template"} <= tried
