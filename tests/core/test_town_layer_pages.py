"""The pages of the town's layer: each form keeps what was said, or tells what is wrong with it."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from desk import TICKET
from layers import WARD
from layers import answers
from serving import Served
from staff_client import hidden
from staff_client import main_of

from townhall.access.actors import system
from townhall.lifecycle import layer_review
from townhall.lifecycle import town_layer
from townhall.town import Town
from townhall_forms.layer import read_layer

PAGE = f"/admin/types/{TICKET}/"


@pytest.fixture
def engine() -> str:
    """What pages do does not depend on the engine; what is published is tried on both elsewhere."""
    return "sqlite"


@pytest.fixture
def served(town: Town) -> Served:
    """A served town."""
    return Served(town)


def head(town: Town) -> int:
    return town_layer.standing(town.system).head


def publish(town: Town, text: str) -> None:
    layer_review.publish(town, system("cli", "Ivo"), read_layer(text), follows=head(town))


def test_forms_for_what_is_shipped(served: Served) -> None:
    """Each form keeps just what differs from what is shipped; what can't be is refused beside what was typed."""
    ada = served.staff("administrator", "Ada")

    def keep(page: str, **values: str) -> str:
        answer = ada.post(f"{PAGE}{page}", values)
        assert answer.status_code == 302, main_of(answer)
        return town_layer.standing(served.town.system).draft.text  # type: ignore[union-attr]

    assert keep("name", label="Request", label_plural="Tickets") == '[desk.ticket]\nlabel = "Request"\n'
    text = keep("state/new", label="Fresh", public_label="Received")
    assert '[desk.ticket.states.new]\nlabel = "Fresh"\n' in text
    kind = {"label": "Kind", "section": "details", "choice_0": "report", "choice_1": "Asking", "retired_1": "yes"}
    text = keep("field/kind", **kind | {"choice_0": "Report", "add_choices-0-label": "Praise"})
    assert '[desk.ticket.fields.kind.choices.question]\nlabel = "Asking"\nretired = true' in text
    assert '{ value = "praise", label = "Praise" }' in text
    assert "fields.kind]\nlabel" not in text
    text = keep("section/new", label="At once")
    assert '[desk.ticket.sections.town_at_once]\nlabel = "At once"\n' in text
    asked = ada.post(f"{PAGE}field/visit_on", {"label": "Visit", "section": "town_at_once", "required": "yes"})
    assert "“visit_on” is required, but this form doesn't ask for it" in main_of(asked)
    text = keep("field/visit_on", label="Visit", section="town_at_once")
    assert 'fields = ["visit_on"]' in text
    assert "required" in main_of(ada.get(f"{PAGE}field/summary"))
    assert 'name="hide_form"' not in ada.get(f"{PAGE}field/summary").text
    assert 'name="hide_form"' in ada.get(f"{PAGE}field/details").text
    refused = ada.post(f"{PAGE}field/summary", {"label": "", "section": "details"})
    assert refused.status_code == 422
    wrong = ada.post(f"{PAGE}field/kind", kind | {"choice_0": "Report", "retired_0": "yes"})
    assert wrong.status_code == 422
    assert "is what a new record starts with" in main_of(wrong)
    moved = ada.post(f"{PAGE}move", {"name": "summary", "down": "0"})
    assert "stands one place higher" in main_of(ada.follow(moved))
    for unknown in ("field/nothing", "state/nothing", "section/nothing", "remove/summary"):
        assert ada.get(f"{PAGE}{unknown}").status_code == 404
    assert ada.get("/admin/types/desk.nothing/").status_code == 404
    discarded = ada.post("/admin/types/discard", {"head": hidden(ada.get("/admin/types/discard"), "head")})
    assert "discarded" in main_of(ada.follow(discarded))
    assert town_layer.standing(served.town.system).draft is None


#: What is wrong with a new field, and words of the sentence that says so.
REFUSED = (
    ({"type": "link"}, "Records of which type"),
    ({"choices-0-label": "", "choices-1-label": "", "choices-1-value": ""}, "at least one choice"),
    ({"choices-1-label": "North", "choices-1-value": "north"}, "There is a choice “north” already"),
    ({"default": "east"}, "choices"),
    ({"type": "integer", "default": "many"}, "number"),
    ({"type": "file", "default": "", "forms": ""}, "means nothing"),
    ({"privacy": "confidential", "search": "", "filter": "", "forms": ""}, "confidential"),
    ({"required": "yes", "default": "", "forms": ""}, "required"),
)


def test_a_field_that_can_not_be_is_refused_with_what_was_typed(town: Town) -> None:
    """A mistake in the form for a new field is told there; what was typed stays, and the draft is as it was."""
    ada = Served(town).staff("administrator", "Ada")
    for more, words in REFUSED:
        answer = ada.post(f"{PAGE}new", answers(**more))
        assert answer.status_code == 422, f"{more} was accepted"
        assert words in main_of(answer)
        assert 'value="Ward"' in answer.text
    assert town_layer.standing(town.system).draft is None


def test_a_restore_waits_for_the_draft(served: Served, town: Town) -> None:
    """While a draft waits, no earlier version is restored over it; the page says so."""
    publish(town, WARD)
    ada = served.staff("administrator", "Ada")
    ada.post(f"{PAGE}name", {"label": "Request", "label_plural": "Requests"})
    assert "Publish or discard them first" in main_of(ada.get("/admin/types/history/0"))
    refused = ada.post("/admin/types/history/0", {"head": str(head(town))})
    assert "Publish or discard them first" in main_of(ada.follow(refused))
    assert town_layer.standing(town.system).version == 1
    ada.post("/admin/types/discard", {"head": str(head(town))})
    restored = ada.post("/admin/types/history/0", {"head": str(head(town))})
    assert "Everything is as shipped again, as version 2" in main_of(ada.follow(restored))


def test_the_file_goes_out_and_comes_in_on_screen(served: Served, town: Town) -> None:
    """What is downloaded is uploaded again as the same layer; mistakes are told with their places, all at once."""
    publish(town, WARD)
    ada = served.staff("administrator", "Ada")
    text = ada.get("/admin/types/layer.toml").text
    assert read_layer(text) == read_layer(WARD)

    def upload(content: str) -> Any:
        seen = hidden(ada.get("/admin/types/upload"), "head")
        data = {"csrf_token": ada.token, "head": seen, "file": (io.BytesIO(content.encode()), "ours.toml")}
        return ada.http.post("/admin/types/upload", data=data, content_type="multipart/form-data")

    assert "There is nothing to change" in main_of(upload(text))
    wrong = upload("[desk.ticket]\nlable = 'X'\n[desk.ticket.fields.town_a]\ntype = 'txt'")
    assert wrong.status_code == 422
    assert "did you mean “label”" in main_of(wrong)
    assert "did you mean “text”" in main_of(wrong)
    taken = upload(text + '\n[desk.ticket]\nlabel = "Request"\n')
    assert "“Ticket” is called “Request”" in main_of(ada.follow(taken))
    unfit = upload('[desk.ticket.fields.summary]\nhide = ["form"]\n')
    page = ada.follow(unfit)
    assert "can't be hidden here" in main_of(page)
    assert "Publish" not in re.findall(r"<button[^>]*>.*?</button>", page.text)[-1]
    refused = ada.post("/admin/types/changes", {"head": hidden(page, "head")})
    assert "can't be hidden here" in main_of(ada.follow(refused))
