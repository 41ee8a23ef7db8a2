"""The rules between fields are the same through every door: required, hidden, locked, and checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from plain_context import PlainContext

from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import RecordType
from townhall_forms.validating import check_record
from townhall_forms.validating import clear_hidden
from townhall_forms.validating import environment_of
from townhall_forms.validating import hidden_fields
from townhall_forms.validating import missing_message
from townhall_forms.validating import value_getter
from townhall_forms.values import Answers
from townhall_forms.values import Question
from townhall_forms.values import Questions

TEXT = """
[type]
name = "permit"
title = "{name}"

[fields.name]
type = "text"
label = "Name of the event"
required = true

[fields.kind]
type = "choice"
choices = ["party", "market"]
required = true

[fields.stalls]
type = "integer"
show_if = { kind = "market" }
required = true
when_hidden = "clear"

[fields.power]
type = "boolean"
show_if = { stalls = { gt = 0 } }
when_hidden = "clear"

[fields.reason]
type = "text"
require_if = { kind = "party" }

[fields.fee]
type = "integer"
lock_if = { state = "granted" }

[fields.starts]
type = "date"
[fields.ends]
type = "date"

[fields.approved_by]
type = "text"
read_only = true

[fields.helpers]
type = "rows"
[fields.helpers.fields.who]
type = "text"
required = true
[fields.helpers.fields.phone]
type = "text"
require_if = { who = "Chief", kind = "market" }

[fields.asked]
type = "questions"
[fields.answers]
type = "answers"
from = "asked"

[[checks]]
require = { ends = { gte = { field = "starts" } } }
message = "It can't end before it starts."
fields = ["ends"]

[[checks]]
when = { kind = "market" }
require = { reason = { ne = "fun" } }
message = "A market is not for fun."

[workflow]
initial = "draft"
[workflow.states]
draft = { incomplete = true }
asked = {}
granted = { final = true }
[[workflow.transitions]]
name = "ask"
from = "draft"
to = "asked"
by = ["citizen"]
[[workflow.transitions]]
name = "grant"
from = "asked"
to = "granted"
by = ["staff"]
"""

WHOLE: dict[str, Any] = {"name": "Fair", "kind": "market", "stalls": 3}
QUESTIONS = Questions(
    2,
    (
        Question("loud", "Is it loud?", "boolean", required=True),
        Question("until", "Until when?", "text", required=True, show_if={"loud": True}),
        Question("old", "Old", "text", required=True, retired=True),
    ),
    {1: (Question("size", "How big?", "text", required=True),)},
)


@pytest.fixture(scope="module")
def permit() -> RecordType:
    return load_schemas([Source("parks", Path("permit.toml"), TEXT)])["parks.permit"]


def check(permit: RecordType, values: Mapping[str, Any], state: str = "asked", **more: Any) -> dict[str, str]:
    """The errors of a record with these values."""
    context = PlainContext()
    before = more.pop("before", None)
    if before is not None:
        was = more.pop("was", state)
        more["previous"] = value_getter(permit, before, context, standard={"state": was})
    get = value_getter(permit, values, context, standard={"state": state})
    return check_record(permit, values, state=state, context=context, get=get, **more)


def test_what_is_whole_has_no_errors(permit: RecordType) -> None:
    """A record that follows all rules is accepted."""
    assert check(permit, WHOLE) == {}


def test_required_fields_must_be_filled_in(permit: RecordType) -> None:
    """Everything that is missing is told at once, in words for whoever typed."""
    assert check(permit, {}) == {"name": "Enter name of the event.", "kind": "Choose kind."}


def test_zero_and_no_are_answers(permit: RecordType) -> None:
    """A value that happens to be false is still a value."""
    assert check(permit, {**WHOLE, "stalls": 0}) == {}


def test_required_waits_in_an_incomplete_state(permit: RecordType) -> None:
    """A draft may have gaps, but not what is wrong in itself."""
    assert check(permit, {}, state="draft") == {}
    wrong = {"starts": date(2026, 5, 2), "ends": date(2026, 5, 1)}
    assert check(permit, wrong, state="draft") == {"ends": "It can't end before it starts."}


def test_a_transition_can_require_more(permit: RecordType) -> None:
    """What a transition asks for is needed whatever the state."""
    assert check(permit, {}, state="draft", require_extra=["reason", "assignee"]) == {
        "reason": "Enter reason.",
        "assignee": "Choose assigned to.",
    }


def test_a_hidden_field_is_not_required(permit: RecordType) -> None:
    """Nobody is asked for what they can't see."""
    assert "stalls" in check(permit, {**WHOLE, "stalls": None})
    assert "stalls" not in check(permit, {"name": "x", "kind": "party", "reason": "y"})


def test_require_if_asks_only_when_it_holds(permit: RecordType) -> None:
    """A field can be needed for some and not for others."""
    assert check(permit, {"name": "x", "kind": "party"}) == {"reason": "Enter reason."}
    assert "reason" not in check(permit, WHOLE)


def test_a_locked_field_can_not_change(permit: RecordType) -> None:
    """Locks are judged by what is stored, so that no save can open its own lock."""
    before, after = {**WHOLE, "fee": 5}, {**WHOLE, "fee": 6}
    locked = {"fee": "Fee can't be changed any more."}
    assert check(permit, after, "granted", before=before) == locked
    assert check(permit, after, "asked", before=before, was="granted") == locked
    assert check(permit, after, "granted", before=before, was="asked") == {}
    assert check(permit, before, "granted", before=before) == {}
    assert check(permit, after, "granted", before=before, changed=["name"]) == {}


def test_a_new_record_is_not_locked(permit: RecordType) -> None:
    """There is nothing yet that could have been changed."""
    assert check(permit, {**WHOLE, "fee": 5}, "granted") == {}


def test_nobody_types_a_read_only_field(permit: RecordType) -> None:
    """Only the system sets it; sending back what is there is no change."""
    values = {**WHOLE, "approved_by": "Erin"}
    assert check(permit, values, changed=["approved_by"]) == {
        "approved_by": "Approved by is filled in by itself and can't be typed."
    }
    assert check(permit, values, changed=["approved_by"], system=True) == {}
    assert check(permit, values, changed=["approved_by"], before=values) == {}
    assert check(permit, values, changed=["name"]) == {}


def test_columns_of_rows_have_rules_too(permit: RecordType) -> None:
    """Each row is judged by its own columns and by the record around it."""
    rows = ({"who": "Chief", "phone": None}, {"who": None, "phone": "1"}, {"who": "Ann", "phone": None})
    assert check(permit, {**WHOLE, "helpers": rows}) == {
        "helpers.0.phone": "Enter phone.",
        "helpers.1.who": "Enter who.",
    }
    party = {"name": "x", "kind": "party", "reason": "y", "helpers": rows[:1]}
    assert check(permit, party) == {}
    assert check(permit, {"helpers": rows}, "draft") == {}


def test_questions_have_rules_too(permit: RecordType) -> None:
    """A question that must be answered is, unless it is hidden or no longer asked."""
    values = {**WHOLE, "asked": QUESTIONS}
    assert check(permit, values) == {"answers.loud": "Please answer this question."}
    assert check(permit, {**values, "answers": Answers(2, {"loud": False})}) == {}
    assert check(permit, {**values, "answers": Answers(2, {"loud": True})}) == {
        "answers.until": "Please answer this question."
    }
    assert check(permit, values, "draft") == {}


def test_answers_are_judged_by_the_questions_that_were_asked(permit: RecordType) -> None:
    """New questions do not make old answers wrong."""
    values = {**WHOLE, "asked": QUESTIONS, "answers": Answers(1, {"size": "big"})}
    assert check(permit, values) == {}


def test_checks_speak_beside_their_fields(permit: RecordType) -> None:
    """A broken rule shows its message at its fields, or for the whole record."""
    wrong = {**WHOLE, "starts": date(2026, 5, 2), "ends": date(2026, 5, 1), "reason": "Fun"}
    assert check(permit, wrong) == {"ends": "It can't end before it starts.", "": "A market is not for fun."}


def test_a_check_counts_only_when_its_condition_holds(permit: RecordType) -> None:
    """``when`` limits a rule."""
    assert check(permit, {"name": "x", "kind": "party", "reason": "fun"}) == {}


def test_a_check_does_not_ask_for_what_is_missing(permit: RecordType) -> None:
    """A rule that puts two days in order waits until both are there."""
    assert check(permit, {**WHOLE, "ends": date(2026, 5, 1)}) == {}
    assert check(permit, {**WHOLE, "starts": date(2026, 5, 1)}) == {}


def test_one_page_of_a_form_is_judged_alone(permit: RecordType) -> None:
    """``only`` leaves everything else for later pages."""
    assert check(permit, {}, only=["kind"]) == {"kind": "Choose kind."}
    wrong = {"starts": date(2026, 5, 2), "ends": date(2026, 5, 1)}
    assert check(permit, wrong, only=["starts"]) == {}
    assert check(permit, wrong, only=["ends"]) == {"ends": "It can't end before it starts."}


def test_hidden_fields_are_cleared_where_that_is_said(permit: RecordType) -> None:
    """Clearing one field can hide, and clear, the next."""
    values = {**WHOLE, "kind": "party", "power": True}
    context = PlainContext()
    get = value_getter(permit, values, context)
    assert hidden_fields(permit, get, environment_of(context)) == {"stalls"}
    assert clear_hidden(permit, values, get, environment_of(context)) == {"stalls", "power"}
    assert values["stalls"] is None
    assert values["power"] is None
    assert values["name"] == "Fair"


def test_conditions_read_over_links() -> None:
    """What stands behind a link is asked of the context, which knows other records."""
    category = "[type]\nname = 'category'\ntitle = '{code}'\n[fields.code]\ntype = 'text'\n"
    report = """
    [type]
    name = "report"
    title = "Report"
    [fields.category]
    type = "link"
    to = "category"
    [fields.where]
    type = "text"
    require_if = { "category.code" = "pothole" }
    """
    sources = [Source("town", Path("category.toml"), category), Source("town", Path("report.toml"), report)]
    record_type = load_schemas(sources)["town.report"]
    context = PlainContext(records={"town.category": {3: {"code": "pothole"}}})

    def errors(values: dict[str, Any]) -> dict[str, str]:
        get = value_getter(record_type, values, context)
        return check_record(record_type, values, state="", context=context, get=get)

    assert errors({"category": 3}) == {"where": "Enter where."}
    assert errors({"category": 4}) == {}
    assert errors({}) == {}


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("type = 'text'\nlabel = 'ID number'", "Enter ID number."),
        ("type = 'text'\nlabel = 'E-mail'", "Enter e-mail."),
        ("type = 'text'\nlabel = 'What happened?'", "Please answer this question."),
        ("type = 'choice'\nlabel = 'Kind'\nchoices = ['a']", "Choose kind."),
        ("type = 'boolean'\nlabel = 'Danger'", "Answer yes or no: Danger."),
        ("type = 'files'\nlabel = 'Photos'", "Add photos."),
        ("type = 'rows'\nlabel = 'Budget lines'\nfields.a.type = 'text'", "Add at least one line to “Budget lines”."),
    ],
)
def test_what_is_missing_is_said_as_at_the_counter(field: str, words: str) -> None:
    """Verbs and the label's own words, no blame."""
    text = f"[type]\nname = 'x'\ntitle = 'x'\n[fields.a]\n{field}\n"
    record_type = load_schemas([Source("town", Path("x.toml"), text)])["town.x"]
    assert missing_message(record_type.fields["a"]) == words
