"""Lists of questions: reading what clerks write, and a field for each question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from townhall_forms.context import Context
from townhall_forms.errors import FormsError
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Field
from townhall_forms.kinds import PathInfo
from townhall_forms.kinds import Resolver
from townhall_forms.kinds import info_of
from townhall_forms.reading import read_json
from townhall_forms.schema import Choice
from townhall_forms.text import normalise
from townhall_forms.text import whole_number
from townhall_forms.values import Question
from townhall_forms.values import Questions

#: Types a question may have, with the words for them in the editor.
QUESTION_TYPES: Mapping[str, str] = {
    "text": "One line",
    "longtext": "Several lines",
    "boolean": "Yes or no",
    "choice": "One of a list",
    "choices": "Several of a list",
    "integer": "Whole number",
    "decimal": "Number with decimals",
    "money": "Amount of money",
    "date": "Date",
    "datetime": "Date and time",
}
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ORDERED_TYPES = frozenset({"integer", "decimal", "money", "date", "datetime", "choices"})


def make_code(label: str, taken: set[str]) -> str:
    """A code for a question, from its label: ``"Is it lit?"`` is ``is_it_lit``; numbered if it is taken."""
    words = re.sub(r"[^a-z0-9]+", "_", normalise(label)).strip("_")[:36].rstrip("_")
    base = words if words[:1].isalpha() and words.isascii() else f"question_{words}".rstrip("_")
    code, number = base, 2
    while code in taken:
        code, number = f"{base}_{number}", number + 1
    return code


class AmongQuestions(Resolver):
    """Finds what a question's condition reads: the other questions of its list."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields

    def __call__(self, path: str) -> PathInfo | None:
        """What a code reaches."""
        field = self.fields.get(path)
        return info_of(field) if field is not None else None

    def missing(self, path: str) -> str:
        """A sentence about a code that is not there."""
        return f"No other question is called “{path}”."


def _build(question: Question) -> Field:
    """The field of one question, without its condition."""
    from townhall_forms.fields import build_field

    return build_field(
        question.type,
        name=question.code,
        label=question.label,
        help=question.help,
        required=question.required,
        choices=question.choices,
        min=question.min,
        max=question.max,
        privacy=question.privacy,
        unit=question.unit,
    )


def question_fields(questions: Questions, version: int | None = None) -> Mapping[str, Field]:
    """A field for each question of a version (the present one by default), by code; built once."""
    from townhall_forms.conditions import parse_condition

    number = questions.version if version is None else version
    known: dict[str, Field] | None = questions.cache.get(number)
    if known is None:
        known = {question.code: _build(question) for question in questions.at(number)}
        resolve = AmongQuestions(known.copy())
        for question in questions.at(number):
            if question.show_if is not None:
                rule = parse_condition(question.show_if, resolve=resolve)
                known[question.code] = replace(known[question.code], show_if=rule)
        questions.cache[number] = known
    return known


def question_to_json(question: Question) -> dict[str, Any]:
    """A question as JSON, without what it does not say."""
    entry: dict[str, Any] = {"code": question.code, "label": question.label, "type": question.type}
    if question.choices:
        entry["choices"] = [
            choice.value
            if choice == Choice(choice.value, choice.value)
            else {
                "value": choice.value,
                "label": choice.label,
                **({"help": choice.help} if choice.help else {}),
                **({"retired": True} if choice.retired else {}),
            }
            for choice in question.choices
        ]
    if question.privacy != "internal":
        entry["privacy"] = question.privacy
    for key in ("help", "required", "show_if", "unit", "retired"):
        if getattr(question, key):
            entry[key] = getattr(question, key)
    for key in ("min", "max", "weight"):
        if getattr(question, key) is not None:
            entry[key] = getattr(question, key)
    return entry


class QuestionReader:
    """Reads a list of questions from JSON or from the editor's lines, and gathers every problem by its path."""

    #: Parts of a question, and what the editor sends instead of some of them: a condition in two inputs, and the
    #: choices that the question had, since its lines hold only their labels.
    keys = frozenset(Question.__dataclass_fields__) | {"show_when", "show_is", "choices_before"}

    def __init__(self, context: Context) -> None:
        self.context = context
        self.problems: dict[str, str] = {}
        self.taken: set[str] = set()

    def read(self, lines: Sequence[Any]) -> tuple[Question, ...]:
        """The questions; raises :class:`Invalid` with the problem of each."""
        given = {str(line.get("code") or "") for line in lines if isinstance(line, Mapping)}
        questions = []
        for index, line in enumerate(lines):
            if not isinstance(line, Mapping):
                self.problems[str(index)] = "A question needs at least a label."
            elif any(line.get(key) for key in ("code", "label", "help", "choices")):
                questions.append(self.question(line, index, given))
        checked = self.conditions(questions)
        if self.problems:
            first = next(iter(self.problems.values()))
            raise Invalid(first, self.problems)
        return checked

    def question(self, line: Mapping[str, Any], index: int, given: set[str]) -> Question:
        """One question, as far as it can be read."""
        for key in sorted(set(line) - self.keys):
            self.problems[f"{index}.{key}"] = f"A question has no part called “{key}”."
        label = " ".join(str(line.get("label") or "").split())
        if not label:
            self.problems[f"{index}.label"] = "Enter the question."
        code = str(line.get("code") or "").strip() or make_code(label or "question", self.taken | given)
        if CODE.fullmatch(code) is None:
            self.problems[f"{index}.code"] = "Use small letters, digits and _ only, a letter first."
        elif code in self.taken:
            self.problems[f"{index}.code"] = f"Two questions are called “{code}”."
        self.taken.add(code)
        kind = str(line.get("type") or "text")
        if kind not in QUESTION_TYPES:
            self.problems[f"{index}.type"] = f"Choose one of {', '.join(QUESTION_TYPES)}."
            kind = "text"
        choices = self.choices(line.get("choices"), line.get("choices_before"))
        if kind in ("choice", "choices") and len(choices) < 2:
            self.problems[f"{index}.choices"] = "Enter at least two choices, one on each line."
        privacy: Any = line.get("privacy") or "internal"
        if privacy not in ("public", "internal", "confidential"):
            self.problems[f"{index}.privacy"] = "Choose public, internal or confidential."
            privacy = "internal"
        return Question(
            code=code,
            label=label,
            type=kind,
            help=" ".join(str(line.get("help") or "").split()),
            required=_truth(line.get("required")),
            choices=choices if kind in ("choice", "choices") else (),
            min=self.limit(line.get("min"), kind, f"{index}.min"),
            max=self.limit(line.get("max"), kind, f"{index}.max"),
            privacy=privacy,
            show_if=self.shown(line),
            weight=self.weight(line.get("weight"), f"{index}.weight"),
            unit=str(line.get("unit") or "").strip(),
            retired=_truth(line.get("retired")),
        )

    def choices(self, given: Any, before: Any = None) -> tuple[Choice, ...]:
        """Choices from text (one on each line), a list of texts, or a list of tables.

        A line of text that is the label of a choice that was there ``before`` stays that choice, and retired ones
        stay retired.
        """
        known = self._before(before) if isinstance(given, str) else ()
        by_label = {choice.label: replace(choice, retired=False) for choice in reversed(known)}
        entries = given.splitlines() if isinstance(given, str) else given or ()
        found: dict[str, Choice] = {}
        for entry in entries:
            if isinstance(entry, Mapping):
                value = str(entry.get("value") or "")
                choice = Choice(
                    value, str(entry.get("label") or value), str(entry.get("help") or ""), _truth(entry.get("retired"))
                )
            else:
                label = " ".join(str(entry).split())
                choice = by_label.get(label) or Choice(label, label)
            if choice.value:
                found.setdefault(choice.value, choice)
        return (*found.values(), *(choice for choice in known if choice.retired and choice.value not in found))

    def _before(self, before: Any) -> tuple[Choice, ...]:
        """The choices that the editor was opened with; none if that can't be read."""
        try:
            return self.choices(read_json(str(before))) if before else ()
        except (ValueError, TypeError):
            return ()

    def limit(self, given: Any, kind: str, path: str) -> int | str | None:
        """A smallest or largest answer, as JSON holds it; ``None`` for types without an order."""
        from townhall_forms.fields import build_field

        if given is None or given == "" or kind not in _ORDERED_TYPES:
            return None
        try:
            if kind == "datetime":
                kind = "date"
            field = build_field("integer" if kind == "choices" else kind, name="limit", label="Limit")
            value = field.parse(given, self.context)
        except Invalid as error:
            self.problems[path] = error.message
            return None
        if kind == "money":
            return str(value.amount)
        return value if isinstance(value, int) else str(value)

    def weight(self, given: Any, path: str) -> int | None:
        """A weight for scoring."""
        if given is None or given == "":
            return None
        weight = whole_number(str(given))
        if weight is None or weight > 1000:
            self.problems[path] = "Enter a whole number from 0 to 1,000."
            return None
        return weight

    def shown(self, line: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The condition: as data, or from the editor's two inputs (another question, and its answer)."""
        given = line.get("show_if")
        if isinstance(given, str) and given.strip():
            try:
                given = read_json(given)
            except ValueError:
                given = {"": given}
        if line.get("show_when"):
            answer = [part.strip() for part in str(line.get("show_is") or "").split(";") if part.strip()]
            return {str(line["show_when"]).strip(): answer[0] if len(answer) == 1 else answer or {"empty": False}}
        return given or None

    def conditions(self, questions: Sequence[Question]) -> tuple[Question, ...]:
        """The questions with conditions that can be read: of other questions of the list, and of nothing else."""
        from townhall_forms.conditions import parse_condition

        fields = {question.code: _build(question) for question in questions}
        checked = []
        for index, question in enumerate(questions):
            if question.show_if is not None:
                others = {code: field for code, field in fields.items() if code != question.code}
                try:
                    rule = {path: self.answer(others.get(path), given) for path, given in question.show_if.items()}
                    parse_condition(rule, resolve=AmongQuestions(others))
                    question = replace(question, show_if=rule)
                except Invalid as error:
                    self.problems[f"{index}.show_is"] = error.message
                except FormsError as error:
                    self.problems[f"{index}.show_if"] = _without_key(error)
            checked.append(question)
        return tuple(checked)

    def answer(self, field: Field | None, given: Any) -> Any:
        """The answer that a condition waits for, as data: what a clerk typed is read as an answer would be."""
        if field is None or isinstance(given, Mapping):
            return given
        if isinstance(given, list | tuple):
            return [self.answer(field, one) for one in given]
        value = field.parse(given, self.context)
        value = value[0] if isinstance(value, tuple) else value
        plain = field.to_json(value) if not isinstance(value, str) else value
        return plain["amount"] if isinstance(plain, Mapping) else plain


def _without_key(error: FormsError) -> str:
    """The first problem of a condition, without the path that the reader knows from where it stands."""
    problems = getattr(error, "problems", ())
    return str(problems[0][1]) if problems else str(error)


def _truth(given: Any) -> bool:
    return given is True or (isinstance(given, str) and given.strip().lower() in ("yes", "true", "1", "on", "y"))


def trusted_questions(lines: Sequence[Mapping[str, Any]]) -> tuple[Question, ...]:
    """Questions from stored JSON, which was checked before it was stored."""
    return tuple(
        Question(
            **{
                **line,
                "choices": tuple(
                    Choice(entry, entry) if isinstance(entry, str) else Choice(**entry)
                    for entry in line.get("choices", ())
                ),
            }
        )
        for line in lines
    )
