"""Questions that clerks write on screen, as a versioned value of a record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.asking import CODE
from townhall_forms.fields.asking import QUESTION_TYPES
from townhall_forms.fields.asking import QuestionReader
from townhall_forms.fields.asking import question_to_json
from townhall_forms.fields.asking import trusted_questions
from townhall_forms.fields.base import OneColumn
from townhall_forms.fields.rows import Rows
from townhall_forms.reading import read_json
from townhall_forms.schema import Choice
from townhall_forms.values import Question
from townhall_forms.values import Questions

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

#: Lists of questions that are kept as they were read.
_MOST_READ = 200


class QuestionsField(OneColumn):
    """A versioned list of questions. Changing it makes a new version; earlier ones are kept for their answers."""

    type_name: ClassVar[str] = "questions"
    operators: ClassVar[frozenset[str]] = frozenset({"empty"})
    widget: ClassVar[str] = "questions"
    grouped: ClassVar[bool] = True
    sortable: ClassVar[bool] = False

    def is_empty(self, value: Any) -> bool:
        """No question is asked, or no line stands in the editor."""
        return not (value.questions if isinstance(value, Questions) else value)

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
                raw = read_json(raw) if raw.strip() else None
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
        asked = value.questions if value is not None else ()
        words = {each.code: {choice.value: choice.label for choice in each.choices} for each in asked}
        return [self._line(question, words) for question in asked]

    @staticmethod
    def _line(question: Question, words: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """A line of the editor; ``words`` are the choices of all questions, by code and value."""
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
            "choices": "\n".join(choice.label for choice in question.choices if not choice.retired),
            "choices_before": "" if plain else json.dumps(entry["choices"], ensure_ascii=False),
        }
        line |= {key: str(entry[key]) for key in ("min", "max", "weight") if key in entry}
        rule = question.show_if
        if rule is not None:
            path, answer = next(iter(rule.items()))
            if len(rule) == 1 and not isinstance(answer, Mapping) and path not in ("all", "any", "not"):
                answers = answer if isinstance(answer, list | tuple) else [answer]
                told = ["yes" if one is True else "no" if one is False else str(one) for one in answers]
                labels = [words.get(path, {}).get(one, one) for one in told]
                line["show_when"], line["show_is"] = path, "; ".join(told if ";" in "".join(labels) else labels)
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
        return Questions(*_read(stored))

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
                "code": {"type": "string", "pattern": f"^{CODE.pattern}$"},
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


@lru_cache(maxsize=_MOST_READ)
def _read(stored: str) -> tuple[int, tuple[Question, ...], Mapping[int, tuple[Question, ...]]]:
    """What a stored text says: many records are asked the same questions, and nobody changes any of it."""
    entry = json.loads(stored)
    earlier = {int(number): trusted_questions(lines) for number, lines in entry.get("earlier", {}).items()}
    return entry["version"], trusted_questions(entry["questions"]), MappingProxyType(earlier)
