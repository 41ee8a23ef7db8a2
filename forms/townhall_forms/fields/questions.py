"""Questions that clerks write on screen, and the answers to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from townhall_forms.context import Context
from townhall_forms.errors import FormsError
from townhall_forms.errors import Invalid
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import OneColumn
from townhall_forms.fields.rows import Rows
from townhall_forms.schema import Choice
from townhall_forms.text import normalise
from townhall_forms.values import Answers
from townhall_forms.values import Question
from townhall_forms.values import Questions

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

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
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ORDERED_TYPES = frozenset({"integer", "decimal", "money", "date", "datetime", "choices"})


def make_code(label: str, taken: set[str]) -> str:
    """A code for a question, from its label: ``"Is it lit?"`` is ``is_it_lit``; numbered if it is taken."""
    words = re.sub(r"[^a-z0-9]+", "_", normalise(label)).strip("_")[:36].rstrip("_")
    base = words if words[:1].isalpha() and words.isascii() else f"question_{words}".rstrip("_")
    code, number = base, 2
    while code in taken:
        code, number = f"{base}_{number}", number + 1
    return code


def question_fields(questions: Questions, version: int | None = None) -> Mapping[str, Field]:
    """A field for each question of a version (the present one by default), by code; built once."""
    from townhall_forms.conditions import parse_condition
    from townhall_forms.fields import build_field

    number = questions.version if version is None else version
    known: dict[str, Field] | None = questions.cache.get(number)
    if known is None:
        known = {
            question.code: build_field(
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
                show_if=None if question.show_if is None else parse_condition(question.show_if),
            )
            for question in questions.at(number)
        }
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

    keys = frozenset(Question.__dataclass_fields__) | {"show_when", "show_is"}

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
        codes = {question.code for question in questions}
        for index, question in enumerate(questions):
            self.condition(question, index, codes)
        if self.problems:
            first = next(iter(self.problems.values()))
            raise Invalid(first, self.problems)
        return tuple(questions)

    def question(self, line: Mapping[str, Any], index: int, given: set[str]) -> Question:
        """One question, as far as it can be read."""
        for key in sorted(set(line) - self.keys):
            self.problems[f"{index}.{key}"] = f"A question has no part called “{key}”."
        label = " ".join(str(line.get("label") or "").split())
        if not label:
            self.problems[f"{index}.label"] = "Enter the question."
        code = str(line.get("code") or "").strip() or make_code(label or "question", self.taken | given)
        if _CODE.fullmatch(code) is None:
            self.problems[f"{index}.code"] = "Use small letters, digits and _ only, a letter first."
        elif code in self.taken:
            self.problems[f"{index}.code"] = f"Two questions are called “{code}”."
        self.taken.add(code)
        kind = str(line.get("type") or "text")
        if kind not in QUESTION_TYPES:
            self.problems[f"{index}.type"] = f"Choose one of {', '.join(QUESTION_TYPES)}."
            kind = "text"
        choices = self.choices(line.get("choices"))
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

    def choices(self, given: Any) -> tuple[Choice, ...]:
        """Choices from text (one on each line), a list of texts, or a list of tables."""
        entries = given.splitlines() if isinstance(given, str) else given or ()
        found: dict[str, Choice] = {}
        for entry in entries:
            if isinstance(entry, Mapping):
                value = str(entry.get("value") or "")
                choice = Choice(
                    value, str(entry.get("label") or value), str(entry.get("help") or ""), _truth(entry.get("retired"))
                )
            else:
                value = " ".join(str(entry).split())
                choice = Choice(value, value)
            if value:
                found.setdefault(value, choice)
        return tuple(found.values())

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
        text = str(given).strip()
        if not text.isdigit() or int(text) > 1000:
            self.problems[path] = "Enter a whole number from 0 to 1,000."
            return None
        return int(text)

    def shown(self, line: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The condition: as data, or from the editor's two inputs (another question, and its answer)."""
        given = line.get("show_if")
        if isinstance(given, str) and given.strip():
            try:
                given = json.loads(given)
            except ValueError:
                given = {"": given}
        if line.get("show_when"):
            answer = [part.strip() for part in str(line.get("show_is") or "").split(";") if part.strip()]
            return {str(line["show_when"]).strip(): answer[0] if len(answer) == 1 else answer or {"empty": False}}
        return given or None

    def condition(self, question: Question, index: int, codes: set[str]) -> None:
        """A question may be shown because of another question of the same list, and of nothing else."""
        from townhall_forms.conditions import parse_condition

        if question.show_if is None:
            return
        try:
            paths = parse_condition(question.show_if).paths()
        except FormsError as error:
            self.problems[f"{index}.show_if"] = str(error)
            return
        for path in sorted(paths - (codes - {question.code})):
            self.problems[f"{index}.show_if"] = f"No other question is called “{path}”."


def _truth(given: Any) -> bool:
    return given is True or (isinstance(given, str) and given.strip().lower() in ("yes", "true", "1", "on", "y"))


class QuestionsField(OneColumn):
    """A versioned list of questions. Changing it makes a new version; earlier ones are kept for their answers."""

    type_name: ClassVar[str] = "questions"
    operators: ClassVar[frozenset[str]] = frozenset({"empty"})
    widget: ClassVar[str] = "questions"
    grouped: ClassVar[bool] = True
    sortable: ClassVar[bool] = False

    def is_empty(self, value: Any) -> bool:
        """No question is asked."""
        return value is None or not value.questions

    def revise(self, old: Any, new: Any) -> Any:
        """The next version, if something changed. Questions that are gone stay with the version that asked them."""
        if old is None:
            return new
        questions = new.questions if new is not None else ()
        if questions == old.questions:
            return old
        if new is not None and new.version > old.version and new.at(old.version) == old.questions:
            return new  # it was revised already, as in a file that another town exported
        return Questions(old.version + 1, questions, {**old.earlier, old.version: old.questions})

    def parse(self, raw: Any, context: Context) -> Questions | None:
        """Questions from themselves, a list of tables, the editor's lines, or JSON with version and earlier lists."""
        if isinstance(raw, Questions):
            return raw
        if isinstance(raw, str):
            try:
                raw = json.loads(raw) if raw.strip() else None
            except ValueError as error:
                raise Invalid("These questions can't be read. Write them as a JSON list.") from error
        if raw is None:
            return None
        version, earlier = 1, {}
        if isinstance(raw, Mapping):
            try:
                version = int(raw.get("version") or 1)
                earlier = {
                    int(number): QuestionReader(context).read(lines)
                    for number, lines in (raw.get("earlier") or {}).items()
                }
            except (TypeError, ValueError, AttributeError) as error:
                raise Invalid("The version of these questions can't be read.") from error
            raw = raw.get("questions") or ()
        if not isinstance(raw, list | tuple):
            raise Invalid("Enter a list of questions.")
        questions = QuestionReader(context).read(raw)
        return Questions(version, questions, earlier) if questions or earlier else None

    def extract(
        self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context
    ) -> list[dict[str, str]]:
        """The editor's lines."""
        keys = sorted(QuestionReader.keys)
        return [{key: data.get(f"{prefix}-{line}-{key}", "") for key in keys} for line in Rows.lines_of(data, prefix)]

    def raw(self, value: Any, context: Context) -> list[dict[str, str]]:
        """The editor's lines."""
        return [self._line(question) for question in (value.questions if value is not None else ())]

    @staticmethod
    def _line(question: Question) -> dict[str, str]:
        line = dict.fromkeys(sorted(QuestionReader.keys), "")
        plain = all(choice == Choice(choice.value, choice.value) for choice in question.choices)
        entry = question_to_json(question)
        line |= {
            "code": question.code,
            "label": question.label,
            "type": question.type,
            "help": question.help,
            "privacy": question.privacy,
            "unit": question.unit,
            "required": "yes" if question.required else "",
            "retired": "yes" if question.retired else "",
            "choices": "\n".join(choice.label if plain else choice.value for choice in question.choices),
        }
        line |= {key: str(entry[key]) for key in ("min", "max", "weight") if key in entry}
        rule = question.show_if
        if rule is not None:
            path, answer = next(iter(rule.items()))
            if len(rule) == 1 and isinstance(answer, str | list) and path not in ("all", "any", "not"):
                line["show_when"], line["show_is"] = path, answer if isinstance(answer, str) else "; ".join(answer)
            else:
                line["show_if"] = json.dumps(rule, ensure_ascii=False)
        return line

    def blank(self, context: Context) -> dict[str, str]:
        """A new line of the editor."""
        return {**dict.fromkeys(sorted(QuestionReader.keys), ""), "type": "text", "privacy": "internal"}

    def store(self, value: Any) -> str:
        """Canonical JSON."""
        return json.dumps(self.to_json(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def load(self, stored: Any) -> Questions:
        """The questions again, without checking them a second time."""
        entry = json.loads(stored)
        earlier = {int(number): _trusted(lines) for number, lines in entry.get("earlier", {}).items()}
        return Questions(entry["version"], _trusted(entry["questions"]), earlier)

    def display(self, value: Any, context: Context) -> str:
        """The questions' labels."""
        return "" if value is None else "; ".join(question.label for question in value.asked)

    def to_csv(self, value: Any, context: Context) -> str:
        """JSON text."""
        return "" if value is None else json.dumps(self.to_json(value), ensure_ascii=False)

    def to_json(self, value: Any) -> Any:
        """Version, questions, and earlier versions."""
        if value is None:
            return None
        entry: dict[str, Any] = {
            "version": value.version,
            "questions": [question_to_json(question) for question in value.questions],
        }
        if value.earlier:
            entry["earlier"] = {
                str(number): [question_to_json(question) for question in questions]
                for number, questions in sorted(value.earlier.items())
            }
        return entry

    def search_text(self, value: Any, context: Context) -> str:
        """Labels of the questions."""
        return self.display(value, context)

    def json_schema(self) -> dict[str, Any]:
        """Version, questions, and earlier versions."""
        question = {
            "type": "object",
            "properties": {
                "code": {"type": "string", "pattern": f"^{_CODE.pattern}$"},
                "label": {"type": "string"},
                "type": {"enum": list(QUESTION_TYPES)},
            },
            "required": ["code", "label", "type"],
        }
        lists = {"type": "array", "items": question}
        return {
            "type": "object",
            "properties": {
                "version": {"type": "integer", "minimum": 1},
                "questions": lists,
                "earlier": {"type": "object", "additionalProperties": lists},
            },
            "required": ["version", "questions"],
        }


def _trusted(lines: Sequence[Mapping[str, Any]]) -> tuple[Question, ...]:
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


class AnswersField(OneColumn):
    """Answers to questions: of this record (``from = "questions"``) or of a linked one (``"category.questions"``).

    ``to`` is the identity of the linked type. It is :meth:`bound <bind>` to a record before it can parse anything but
    answers that exist already.
    """

    type_name: ClassVar[str] = "answers"
    extra_keys: ClassVar[frozenset[str]] = frozenset({"from"})
    operators: ClassVar[frozenset[str]] = frozenset({"empty"})
    widget: ClassVar[str] = "answers"
    grouped: ClassVar[bool] = True
    sortable: ClassVar[bool] = False

    @property
    def link_name(self) -> str:
        """Name of the link field whose record has the questions; empty if this record has them."""
        return self.source.partition(".")[0] if "." in self.source else ""

    def questions(self, values: Mapping[str, Any], context: Context) -> Questions | None:
        """The questions that a record with these values is asked."""
        first, _, rest = self.source.partition(".")
        found: Any = values.get(first)
        if rest and found is not None:
            found = context.value_of(self.to, found, rest)
        return found if isinstance(found, Questions) else None

    def bind(self, values: Mapping[str, Any], context: Context) -> Field:
        """The field with the questions that a record with these values is asked."""
        questions = self.questions(values, context)
        if questions is None:
            return self if self.asked is None else replace(self, extra={**self.extra, "questions": None})
        bound: Field | None = questions.cache.get(self)
        if bound is None:
            bound = questions.cache[self] = replace(self, extra={**self.extra, "questions": questions})
        return bound

    @property
    def asked(self) -> Questions | None:
        """The questions it is bound to."""
        return self.extra.get("questions")

    def is_empty(self, value: Any) -> bool:
        """Nothing was answered."""
        return value is None or not value.values

    def fields(self, version: int | None = None) -> Mapping[str, Field]:
        """A field for each question of a version, by code; empty while it is not bound."""
        return question_fields(self.asked, version) if self.asked is not None else {}

    def entries(self, value: Any) -> Iterator[tuple[Field, Any]]:
        """The field and the value of each answer, in the order of the questions, for showing them."""
        if value is None:
            return
        fields = self.fields(value.version)
        for code, field in fields.items():
            if code in value.values:
                yield field, value.values[code]
        for code, answer in value.values.items():
            if code not in fields:
                yield _loose(code, value.types.get(code, "text")), answer

    # -- storage ----------------------------------------------------------------------------------------------

    def columns(self) -> Sequence[Column]:
        """One column of JSON."""
        return (Column(self.name, "text"),)

    def store(self, value: Any) -> str:
        """Canonical JSON in which each answer stands as a column of its type would hold it.

        ``values`` has the answer's own column, ``keys`` its normalised text, ``more`` any further columns, by code.
        """
        entry: dict[str, Any] = {"keys": {}, "more": {}, "types": {}, "values": {}, "version": value.version}
        fields = self.fields(value.version)
        for code, answer in value.values.items():
            field = fields.get(code) or _loose(code, value.types.get(code, "text"))
            entry["types"][code] = field.type_name
            held = dict(field.to_columns(answer))
            entry["values"][code] = held.pop(code)
            if field.key_column:
                entry["keys"][code] = held.pop(field.key_column)
            if held:
                entry["more"][code] = held
        entry = {key: part for key, part in entry.items() if part or key == "values"}
        return json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def load(self, stored: Any) -> Answers:
        """The answers again; their types stand with them, so that no questions are needed."""
        entry = json.loads(stored)
        types, more = entry.get("types", {}), entry.get("more", {})
        values = {
            code: _loose(code, types.get(code, "text")).from_columns({code: held, **more.get(code, {})})
            for code, held in entry["values"].items()
        }
        return Answers(entry["version"], values, types)

    # -- plain values -----------------------------------------------------------------------------------------

    def parse(self, raw: Any, context: Context) -> Answers | None:
        """Answers by question code, each parsed by its own type. Questions that are retired may stay answered."""
        if isinstance(raw, str):
            try:
                raw = json.loads(raw) if raw.strip() else None
            except ValueError as error:
                raise Invalid("These answers can't be read. Write them as JSON.") from error
        questions = self.asked
        if isinstance(raw, Answers) and (questions is None or not questions.at(raw.version)):
            return raw if raw.values else None
        version = raw.version if isinstance(raw, Answers) else None
        given: Any = raw.values if isinstance(raw, Answers) else raw
        if isinstance(given, Mapping) and isinstance(given.get("values"), Mapping) and "version" in given:
            version, given = given["version"], given["values"]
        if given is None or given == "" or given == {}:
            return None
        if not isinstance(given, Mapping):
            raise Invalid("Enter the answers by question.")
        if questions is None:
            if all(answer in (None, "", "no", [], ()) for answer in given.values()):
                return None
            raise Invalid("There is nothing to answer here.")
        if not isinstance(version, int) or not questions.at(version):
            version = questions.version
        return self._answers(given, question_fields(questions, version), version, context)

    def _answers(
        self, given: Mapping[str, Any], fields: Mapping[str, Field], version: int, context: Context
    ) -> Answers | None:
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for code in given:
            if code not in fields:
                problems[code] = f"There is no question called “{code}”."
        for code, field in fields.items():
            try:
                value = field.parse(given.get(code), context)
            except Invalid as error:
                problems[code] = error.message
                continue
            if not field.is_empty(value):
                values[code] = value
        hidden = self._hidden(fields, values, context)
        values = {code: value for code, value in values.items() if code not in hidden}
        problems = {code: message for code, message in problems.items() if code not in hidden}
        if problems:
            raise Invalid(next(iter(problems.values())), problems)
        return Answers(version, values, {code: fields[code].type_name for code in values}) if values else None

    @staticmethod
    def _hidden(fields: Mapping[str, Field], values: Mapping[str, Any], context: Context) -> set[str]:
        """Questions that are not asked, given the answers; a question behind a hidden one is hidden with it."""
        from townhall_forms.validating import environment_of

        left = dict(values)
        hidden: set[str] = set()
        rules = {code: field.show_if for code, field in fields.items() if field.show_if is not None}
        environment = environment_of(context) if rules else None
        again = environment is not None
        while again and environment is not None:
            found = {code for code, rule in rules.items() if not rule.evaluate(left.get, environment)} - hidden
            again = bool(found)
            hidden |= found
            for code in found:
                left.pop(code, None)
        return hidden

    # -- form -------------------------------------------------------------------------------------------------

    def extract(
        self, data: MultiDict[str, str], files: MultiDict[str, Any], prefix: str, context: Context
    ) -> dict[str, Any]:
        """Raw answers of the questions it is bound to; none that the form did not show."""
        asked = set(data.getlist(f"{prefix}-asked"))
        return {
            code: field.extract(data, files, f"{prefix}-{code}", context)
            for code, field in self.fields().items()
            if code in asked
        }

    def raw(self, value: Any, context: Context) -> dict[str, Any]:
        """Raw input by question code."""
        fields = self.fields()
        if value is None:
            return {}
        return {code: fields[code].raw(answer, context) for code, answer in value.values.items() if code in fields}

    # -- reading ----------------------------------------------------------------------------------------------

    def display(self, value: Any, context: Context) -> str:
        """``Question: answer`` with semicolons."""
        return "; ".join(f"{field.label}: {field.display(answer, context)}" for field, answer in self.entries(value))

    def to_csv(self, value: Any, context: Context) -> str:
        """JSON text."""
        return "" if value is None else json.dumps(self.to_json(value), ensure_ascii=False)

    def to_json(self, value: Any) -> Any:
        """Version, and JSON of each answer."""
        if value is None:
            return None
        answers = {field.name: field.to_json(answer) for field, answer in self.entries(value)}
        return {"version": value.version, "values": answers}

    def search_text(self, value: Any, context: Context) -> str:
        """Words of the answers whose questions are not confidential."""
        return " ".join(
            field.search_text(answer, context)
            for field, answer in self.entries(value)
            if field.privacy != "confidential"
        )

    def json_schema(self) -> dict[str, Any]:
        """Version, and an object of answers."""
        return {
            "type": "object",
            "properties": {"version": {"type": "integer", "minimum": 1}, "values": {"type": "object"}},
            "required": ["version", "values"],
        }


_LOOSE: dict[tuple[str, str], Field] = {}


def _loose(code: str, kind: str) -> Field:
    """A field for an answer whose question is not at hand; confidential, since nobody can say that it is not."""
    from townhall_forms.fields import build_field

    known = _LOOSE.get((code, kind))
    if known is None:
        if len(_LOOSE) > 10_000:
            _LOOSE.clear()
        label = code.replace("_", " ").capitalize()
        known = _LOOSE[code, kind] = build_field(kind, name=code, label=label, privacy="confidential")
    return known
