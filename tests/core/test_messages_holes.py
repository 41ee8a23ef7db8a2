"""Words with a placeholder whose field has gone, or is no longer public: somebody hears of it before people read it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from desk import TICKET
from layers import WARD
from staff_client import StaffClient
from staff_client import main_of
from staff_client import staff_client

from townhall.access.actors import system
from townhall.app import create_app
from townhall.cli import main
from townhall.errors import ValidationFailed
from townhall.lifecycle import layer_review
from townhall.lifecycle import town_layer
from townhall.messages import checkup
from townhall.records.types import Record
from townhall.town import Town
from townhall_forms.layer import read_layer

TEMPLATE, ROUTE = "core.message_template", "core.route"
OVERVIEW = "/admin/messages/"
WORDS = "Dear {name},\nthe crew of {town_ward} looks at it."


@pytest.fixture
def engine() -> str:
    """Which words are looked at doesn't depend on the engine."""
    return "sqlite"


def with_layer(town: Town, text: str) -> Town:
    """The town with this layer."""
    layer_review.publish(town, system("cli", "Ivo"), read_layer(text), follows=town_layer.standing(town.system).head)
    return town.renewed()


def template(town: Town, **values: object) -> Record:
    """A template for tickets that come in."""
    given = {"type": TICKET, "event": "received", "subject": "We have it", "body": WORDS, **values}
    return town.records.create(system(), TEMPLATE, given)


def overview(town: Town) -> tuple[StaffClient, str]:
    """An administrator, and what the overview of messages says."""
    chief = StaffClient(create_app(town), "administrator@milbrook.example")
    return chief, main_of(chief.get(OVERVIEW))


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (WARD.replace("public", "internal").replace('forms = ["internal"]', ""), "{town_ward} is not for the public"),
        ("", "A ticket has no {town_ward}"),
    ],
    ids=["not public any more", "gone"],
)
def test_a_field_that_goes_is_told_where_words_name_it(town: Town, after: str, why: str) -> None:
    """In the doctor, on the overview and in the preview, of templates and of rules; of what is off, nothing."""
    staff_client(town, "administrator")
    town = with_layer(town, WARD)
    words, _ = template(town), template(town, event="done", active=False)
    town.records.create(system(), ROUTE, {"name": "Lamps", "case_type": TICKET, "acknowledgement": WORDS})
    assert list(checkup.look(town)) == []
    chief, page = overview(town)
    assert "Leaves a hole" not in page
    town = with_layer(town, after)
    told = CliRunner().invoke(main, ["--instance", str(town.instance), "doctor"]).output
    assert f"message “We have it”: people read a hole there: {why}" in told
    assert f"rule “Lamps”: people read a hole there: {why}" in told
    assert told.count("people read a hole") == 2
    chief, page = overview(town)
    assert page.count("Leaves a hole") == 1
    assert why in main_of(chief.get(f"{OVERVIEW}preview/{words.id}"))


def test_an_unknown_placeholder_is_refused_with_how_many_there_are(town: Town) -> None:
    """Not all of them stand in the sentence, which says so."""
    town = with_layer(town, WARD)
    with pytest.raises(ValidationFailed, match=r"\{outcome\} and 1 more, which the preview of a message lists\."):
        template(town, body="{town_wrd}")
