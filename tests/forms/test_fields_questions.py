"""Questions that clerks write on screen, and the answers to them."""

from __future__ import annotations

import json
from datetime import UTC
from datetime import date
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from plain_context import PlainContext

from townhall_forms.errors import Invalid
from townhall_forms.fields import build_field
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.asking import QUESTION_TYPES
from townhall_forms.fields.asking import make_code
from townhall_forms.fields.questions import QuestionsField
from townhall_forms.schema import Choice
from townhall_forms.values import Answers
from townhall_forms.values import Money
from townhall_forms.values import Question
from townhall_forms.values import Questions

FIELD = QuestionsField(name="questions", label="Questions")
LIST = [
    {"label": "Is it lit?", "type": "boolean", "required": True},
    {"label": "Which colour?", "type": "choice", "choices": ["Red", "Deep blue"]},
    {"code": "since", "label": "Since when?", "type": "date", "privacy": "confidential"},
    {"code": "fee", "label": "Fee", "type": "money", "max": "10"},
    {"code": "size", "label": "Size", "type": "decimal", "min": "0.5", "unit": "m", "weight": 3},
    {"code": "why", "label": "Why?", "type": "longtext", "show_if": {"is_it_lit": "no"}},
    {"code": "what", "label": "What?", "type": "choices", "choices": ["a", "b; c"]},
    {"code": "at", "label": "At", "type": "datetime"},
    {"code": "count", "label": "Count", "type": "integer"},
]
GIVEN = {
    "is_it_lit": "no",
    "which_colour": "deep blue",
    "since": "2026-01-02",
    "fee": "$9.50",
    "size": "1.5",
    "why": "The lamp\nis broken",
    "what": ["b; c"],
    "at": "2026-01-02 10:00",
    "count": "3",
}


def questions(lines: Any = None) -> Questions:
    """The sample questions, parsed."""
    parsed = FIELD.parse(LIST if lines is None else lines, PlainContext())
    assert parsed is not None
    return parsed


def bound(asked: Questions) -> AnswersField:
    """A field of answers to these questions."""
    field = AnswersField(name="answers", label="Answers", source="category.questions", to="complaints.category")
    context = PlainContext(records={"complaints.category": {4: {"title": "Lights", "questions": asked}}})
    found = field.bind({"category": 4}, context)
    assert isinstance(found, AnswersField)
    return found


class TestQuestions:
    """Writing questions."""

    def test_codes_come_from_labels(self) -> None:
        """A question without a code gets one from its words, once in a list."""
        assert [question.code for question in questions().questions][:2] == ["is_it_lit", "which_colour"]
        assert make_code("Größe?", set()) == "grosse"
        assert make_code("Is it?", {"is_it"}) == "is_it_2"
        assert make_code("中文", set()).startswith("question")
        assert make_code("3 doors", set()) == "question_3_doors"

    def test_faces(self) -> None:
        """Questions survive storage, JSON, CSV, and the editor on screen."""
        asked, context = questions(), PlainContext()
        assert FIELD.from_columns(FIELD.to_columns(asked)) == asked
        assert FIELD.parse(json.loads(json.dumps(FIELD.to_json(asked))), context) == asked
        assert FIELD.parse(FIELD.to_csv(asked, context), context) == asked
        assert FIELD.parse(FIELD.raw(asked, context), context) == asked

    def test_a_change_makes_a_version(self) -> None:
        """Changed questions count up and keep the list that was asked before; unchanged ones stay as they are."""
        first = questions()
        assert FIELD.revise(None, first) is first
        assert FIELD.revise(first, questions()) is first
        second = FIELD.revise(first, questions(LIST[:2]))
        assert (second.version, len(second.questions), second.earlier) == (2, 2, {1: first.questions})
        third = FIELD.revise(second, None)
        assert (third.version, third.questions, sorted(third.earlier)) == (3, (), [1, 2])
        assert FIELD.is_empty(third)
        assert third.at(1) == first.questions
        again = FIELD.from_columns(FIELD.to_columns(third))
        assert again == third
        assert FIELD.revise(first, second) is second

    @pytest.mark.parametrize(
        ("lines", "path", "message"),
        [
            ([{"help": "x"}], "0.label", "Enter the question."),
            ([{"label": "A", "code": "A b"}], "0.code", "Use small letters, digits and _ only, a letter first."),
            ([{"label": "A", "code": "a"}, {"label": "B", "code": "a"}], "1.code", "Two questions are called “a”."),
            ([{"label": "A", "type": "file"}], "0.type", f"Choose one of {', '.join(QUESTION_TYPES)}."),
            ([{"label": "A", "type": "choice"}], "0.choices", "Enter at least two choices, one on each line."),
            ([{"label": "A", "type": "integer", "min": "x"}], "0.min", "Enter a whole number, like 12."),
            ([{"label": "A", "weight": "x"}], "0.weight", "Enter a whole number from 0 to 1,000."),
            ([{"label": "A", "colour": "x"}], "0.colour", "A question has no part called “colour”."),
            ([{"label": "A", "show_if": {"b": 1}}], "0.show_if", "No other question is called “b”."),
            ([{"label": "A", "privacy": "secret"}], "0.privacy", "Choose public, internal or confidential."),
            (["A"], "0", "A question needs at least a label."),
        ],
    )
    def test_mistakes_are_told_where_they_are(self, lines: Any, path: str, message: str) -> None:
        """Each mistake in a list of questions is a sentence at its place."""
        with pytest.raises(Invalid) as refused:
            FIELD.parse(lines, PlainContext())
        assert refused.value.parts[path] == message

    def test_choices_one_on_each_line(self) -> None:
        """In the editor the choices of a question are lines of text."""
        asked = questions([{"label": "Which?", "type": "choice", "choices": "Red\n\n  Deep   blue\nRed\n"}])
        assert asked.questions[0].choices == (Choice("Red", "Red"), Choice("Deep blue", "Deep blue"))

    def test_choices_keep_what_stands_behind_their_labels(self) -> None:
        """The editor shows labels. Saving it changes nothing, and a new line is a new choice beside the old ones."""
        given = [
            {"value": "road", "label": "On the road", "help": "Cars too"},
            {"value": "path", "label": "On the path"},
            {"value": "sea", "label": "In the sea", "retired": True},
        ]
        where = {"code": "where", "label": "Where?", "type": "choice", "choices": given}
        asked = questions([where, {"code": "why", "label": "Why?", "show_if": {"where": "road"}}])
        lines = FIELD.raw(asked, PlainContext())
        assert lines[0]["choices"] == "On the road\nOn the path"
        assert lines[1]["show_is"] == "On the road"
        assert FIELD.revise(asked, FIELD.parse(lines, PlainContext())) is asked
        lines[0]["choices"] = "On the path\n On the roof\nOn the road\nIn the sea"
        changed = questions(lines)
        assert [choice.value for choice in changed.questions[0].choices] == ["path", "On the roof", "road", "sea"]
        assert not changed.questions[0].choices[3].retired
        for nonsense in ("{", "7", '[["a"]]', "null"):
            lines[0]["choices_before"] = nonsense
            lines[1] |= {"show_when": "", "show_is": ""}
            assert questions(lines).questions[0].choices[0] == Choice("On the path", "On the path")

    def test_conditions_from_the_editor(self) -> None:
        """“Only ask because of” and “when its answer is” become a condition, and show again as they were."""
        asked = questions([{"label": "A", "code": "a"}, {"label": "B", "show_when": "a", "show_is": "x; y"}])
        assert asked.questions[1].show_if == {"a": ["x", "y"]}
        line = FIELD.raw(asked, PlainContext())[1]
        assert (line["show_when"], line["show_is"]) == ("a", "x; y")
        filled = questions([{"label": "A", "code": "a"}, {"label": "B", "show_when": "a", "show_is": ""}])
        assert filled.questions[1].show_if == {"a": {"empty": False}}
        assert json.loads(FIELD.raw(filled, PlainContext())[1]["show_if"]) == {"a": {"empty": False}}


class TestAnswers:
    """Answering them."""

    def test_each_answer_is_parsed_by_its_type(self) -> None:
        """Answers become values of the questions' types, and pin the version of the questions."""
        value = bound(questions()).parse(GIVEN, PlainContext())
        assert value == Answers(
            1,
            {
                "is_it_lit": False,
                "which_colour": "Deep blue",
                "since": date(2026, 1, 2),
                "fee": Money(950, "USD"),
                "size": Decimal("1.50"),
                "why": "The lamp\nis broken",
                "what": ("b; c",),
                "at": datetime(2026, 1, 2, 15, tzinfo=UTC),
                "count": 3,
            },
        )

    def test_faces(self) -> None:
        """Answers survive storage without their questions, and JSON, CSV and a form with them."""
        field, context = bound(questions()), PlainContext()
        value = field.parse(GIVEN, context)
        stored = field.to_columns(value)
        assert AnswersField(name="answers", label="Answers").from_columns(stored) == value
        assert field.parse(json.loads(json.dumps(field.to_json(value))), context) == value
        assert field.parse(field.to_csv(value, context), context) == value
        assert field.parse(field.raw(value, context), context) == value
        assert field.parse(value, context) == value

    def test_stored_as_columns_would_be(self) -> None:
        """SQL reads an answer as it reads a column: days as ordinals, money in minor units, text with its key."""
        field = bound(questions())
        stored = json.loads(field.to_columns(field.parse(GIVEN, PlainContext()))["answers"])
        assert stored["version"] == 1
        assert stored["values"]["since"] == date(2026, 1, 2).toordinal()
        assert stored["values"]["fee"] == 950
        assert stored["more"]["fee"] == {"fee_currency": "USD"}
        assert stored["keys"]["why"] == "the lamp is broken"
        assert stored["types"]["size"] == "decimal"

    def test_answers_keep_their_version(self) -> None:
        """Answers that were given to earlier questions are shown and checked with those."""
        first = questions()
        value = bound(first).parse(GIVEN, PlainContext())
        changed = FIELD.revise(first, questions([{"label": "Other?", "code": "other"}]))
        field = bound(changed)
        assert field.parse(value, PlainContext()) == value
        labels = [found.label for found, _ in field.entries(value)]
        assert labels[:2] == ["Is it lit?", "Which colour?"]
        assert field.parse({"other": "x"}, PlainContext()) == Answers(2, {"other": "x"})

    def test_mistakes_by_code(self) -> None:
        """What is wrong is told by the question's code; unknown codes are refused."""
        with pytest.raises(Invalid) as refused:
            bound(questions()).parse({"fee": "11", "count": "x", "nothing": 1}, PlainContext())
        assert refused.value.parts == {
            "fee": "Enter $10.00 or less.",
            "count": "Enter a whole number, like 12.",
            "nothing": "There is no question called “nothing”.",
        }

    def test_what_is_not_asked_is_not_answered(self) -> None:
        """The answer to a question that is hidden is dropped, mistakes and all."""
        value = bound(questions()).parse({"is_it_lit": "yes", "why": "because"}, PlainContext())
        assert value is not None
        assert value.values == {"is_it_lit": True}

    def test_without_questions(self) -> None:
        """Where nothing is asked, nothing can be answered, and nothing is nothing."""
        field, context = AnswersField(name="answers", label="Answers", source="category.questions"), PlainContext()
        assert field.bind({}, context) is field
        assert field.parse({}, context) is None
        assert field.parse({"a": ""}, context) is None
        with pytest.raises(Invalid, match="There is nothing to answer here"):
            field.parse({"a": "x"}, context)

    def test_questions_of_the_record_itself(self) -> None:
        """``from = "questions"`` asks the questions that the same record has."""
        field = build_field("answers", name="answers", label="Answers", source="questions")
        found = field.bind({"questions": questions()}, PlainContext())
        assert isinstance(found, AnswersField)
        assert list(found.fields())[:2] == ["is_it_lit", "which_colour"]

    def test_confidential_answers_are_not_searched(self) -> None:
        """Search text has no answer to a confidential question, nor one whose question is not known."""
        field = bound(questions([{"label": "A", "code": "a"}, {"label": "B", "code": "b", "privacy": "confidential"}]))
        value = Answers(1, {"a": "open", "b": "secret", "c": "stray"}, {"c": "text"})
        assert field.search_text(value, PlainContext()) == "open"
        assert field.display(value, PlainContext()) == "A: open; B: secret; C: stray"

    def test_binding_is_cheap(self) -> None:
        """The field for a list of questions is made once, however many records are bound to it."""
        asked = questions()
        field = AnswersField(name="answers", label="Answers", source="questions")
        first = field.bind({"questions": asked}, PlainContext())
        assert all(field.bind({"questions": asked}, PlainContext()) is first for _ in range(10))


def test_question_is_plain() -> None:
    """A question says only what differs from the usual in JSON."""
    asked = Questions(1, (Question("a", "A"),))
    assert FIELD.to_json(asked) == {"version": 1, "questions": [{"code": "a", "label": "A", "type": "text"}]}
