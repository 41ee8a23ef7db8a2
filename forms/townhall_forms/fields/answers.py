"""Answers to the questions that clerks wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from townhall_forms.context import Context
from townhall_forms.errors import Invalid
from townhall_forms.fields.asking import question_fields
from townhall_forms.fields.base import Column
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import OneColumn
from townhall_forms.reading import read_json
from townhall_forms.values import Answers
from townhall_forms.values import Questions

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict


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
        found = question_fields(self.asked, version) if self.asked is not None else {}
        kept: Mapping[str, str] = self.extra.get("kept", {})
        if not kept:
            return found
        return {
            code: replace(field, required=False, require_if=None, help=f"{field.help} {kept[code]}".strip())
            if code in kept
            else field
            for code, field in found.items()
        }

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
                raw = read_json(raw) if raw.strip() else None
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
