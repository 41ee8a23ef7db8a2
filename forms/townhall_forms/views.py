"""What a template needs to draw one input: a :class:`View` for each field, cell of a row, and question.

A view only reads. It belongs to a form (:mod:`townhall_forms.forms`), which knows what was typed and what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from townhall_forms.context import Option
from townhall_forms.drawing import Drawn
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.asking import QUESTION_TYPES
from townhall_forms.fields.base import Field
from townhall_forms.fields.choices import Chosen
from townhall_forms.fields.files import FileInput
from townhall_forms.fields.links import Staff
from townhall_forms.fields.places import ADDRESS_PARTS
from townhall_forms.fields.rows import Rows
from townhall_forms.fields.text import Coded
from townhall_forms.text import whole_number
from townhall_forms.values import Answers
from townhall_forms.values import Money
from townhall_forms.wording import UNSEEN
from townhall_forms.wording import file_size

#: Links with more options than this are searched instead of listed.
LISTED_OPTIONS = 100
#: Rows with more columns than this are drawn as blocks, since a table would not fit.
TABLE_COLUMNS = 5
#: Widths that fit beside each other, and those of columns that are not as wide as a few words.
TABLE_WIDTH = 5.0
_WIDTHS = {"boolean": 0.5, "choice": 1.25, "staff": 1.25, "link": 1.25, "date": 1.5, "datetime": 2.0}
_WIDE_COLUMNS = frozenset({"longtext", "choices", "address", "links", "rows"})


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be chosen."""

    value: str
    label: str
    help: str = ""
    checked: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its position, its inputs, what is wrong with it as a whole, and the value of its remove button."""

    index: int
    cells: Sequence[View]
    error: str
    remove: str


class View(Drawn):
    """An input with everything that can be chosen, and all that it is made of."""

    # -- choosing ---------------------------------------------------------------------------------------------

    @cached_property
    def items(self) -> Sequence[Item]:
        """What can be chosen; retired choices only where they are chosen already."""
        chosen = set(self.raw) if isinstance(self.raw, list) else {self.text}
        return [
            Item(value, label, help, value in chosen, self.id if index == 0 else f"{self.id}-{index}")
            for index, (value, label, help) in enumerate(self._choices(chosen))
        ]

    def _choices(self, chosen: set[str]) -> Iterator[tuple[str, str, str]]:
        typed = self.typed
        if isinstance(typed, Chosen):
            kept = self.form.kept_choices(self.path) & chosen
            for choice in typed.choices:
                if not choice.retired or choice.value in kept:
                    yield choice.value, choice.label, choice.help
        elif isinstance(typed, Coded):
            for code, word in typed.names.items():
                yield code, word, ""
        elif isinstance(typed, Staff):
            people = self.form.context.staff()
            for person in people:
                yield str(person.id), person.title, person.note
            if self.text and all(str(person.id) != self.text for person in people):
                yield self.text, "Somebody who has left", ""
        elif typed.target:
            for option in self.options:
                yield str(option.id), option.title, option.note
        elif typed.type_name == "boolean":
            yield from (("yes", "Yes", ""), ("no", "No", ""))

    @property
    def segments(self) -> bool:
        """Whether few and short choices can stand in one line."""
        labels = [item.label for item in self.items]
        return len(labels) <= 4 and sum(map(len, labels)) <= 40 and not any(item.help for item in self.items)

    # -- links ------------------------------------------------------------------------------------------------

    @property
    def listed(self) -> bool:
        """Whether a link has few enough options to list them all."""
        return self.form.few_options(self.typed)

    @cached_property
    def options(self) -> Sequence[Option]:
        """All options of a link that is listed, what is chosen included; else what was found, if somebody searched."""
        found = list(self.form.options(self.typed, self.searched if not self.listed else ""))
        known = {option.id for option in found}
        return [*(option for option in self.picked if option.id not in known), *found] if self.listed else found

    @property
    def searched(self) -> str:
        """What was typed into the search of this link."""
        return self.form.searches.get(self.name, "")

    @cached_property
    def picked(self) -> Sequence[Option]:
        """The records that are chosen already; one that the reader may not see, if it stands in the record."""
        texts = self.raw if isinstance(self.raw, list) else [self.raw]
        ids = [id for text in texts if (id := whole_number(str(text))) is not None]
        titles = dict(self.form.context.titles(self.typed.target, ids)) if ids else {}
        if len(titles) < len(ids):
            standing = {id for identity, id in self.form.standing(self.path) if identity == self.typed.target}
            titles |= {id: UNSEEN for id in ids if id in standing and id not in titles}
        return [Option(id, titles[id]) for id in ids if id in titles]

    @property
    def picked_only(self) -> bool:
        """Whether it only shows what is chosen, with a button to change it: there is no input to label then."""
        if self.control == "link":
            return not self.listed and bool(self.picked)
        return bool(self.reference_title)

    @property
    def lookup_url(self) -> str:
        """Where the browser asks for matches."""
        path = re.sub(r"\.\d+\.", ".", self.path)
        return self.form.lookup_url(path) if self.form.lookup_url is not None else ""

    @property
    def reference_title(self) -> str:
        """Title of the record that a reference points at."""
        from townhall_forms.errors import Invalid

        try:
            value = self.typed.parse(self.text, self.form.context)
        except Invalid:
            return ""
        if value is None:
            return ""
        title = self.form.context.titles(value.identity, (value.id,)).get(value.id)
        return title if title is not None else UNSEEN

    # -- several inputs ---------------------------------------------------------------------------------------

    @property
    def parts(self) -> Iterator[tuple[str, str, str, str, str]]:
        """The parts of an address: name, label, autocomplete token, text, error."""
        group = self.typed.autocomplete
        for part, label, token in ADDRESS_PARTS:
            text = self.raw.get(part, "") if isinstance(self.raw, Mapping) else ""
            complete = "" if not group else group if group == "off" else token
            yield part, label, complete, text, self.form.errors.get(f"{self.path}.{part}", "")

    @property
    def countries(self) -> Sequence[tuple[str, str]]:
        """Codes and names of the countries, the town's own first."""
        from townhall_forms.codes import COUNTRIES

        own = self.form.context.country
        return sorted(COUNTRIES.items(), key=lambda entry: entry[0] != own)

    @property
    def columns(self) -> Sequence[Field]:
        """Columns of rows that are typed into."""
        assert isinstance(self.typed, Rows)  # noqa: S101 - only asked of rows
        return [field for field in self.typed.typed.values() if not field.read_only]

    @property
    def as_table(self) -> bool:
        """Whether rows fit into a table."""
        columns = self.columns
        if sum(_WIDTHS.get(column.type_name, 1.0) for column in columns) > TABLE_WIDTH:
            return False
        return len(columns) <= TABLE_COLUMNS and not any(
            column.type_name in _WIDE_COLUMNS or (column.target and not self.form.few_options(column))
            for column in columns
        )

    @cached_property
    def lines(self) -> Sequence[Line]:
        """The rows, with at least one to type into."""
        raw = list(self.raw or ())
        if not raw:
            raw = [self.typed.blank(self.form.context)]  # type: ignore[attr-defined]
        return [self._line(index, line) for index, line in enumerate(raw)]

    def _line(self, index: int, line: Mapping[str, Any]) -> Line:
        cells: list[View] = []
        if isinstance(self.typed, Rows):
            for column in self.columns:
                name, path = f"{self.name}-{index}-{column.name}", f"{self.path}.{index}.{column.name}"
                caption = f"{column.label}, line {index + 1}"
                cells.append(CellView(self.form, column, name, path, line.get(column.name), caption))
        return Line(index, cells, self.form.errors.get(f"{self.path}.{index}", ""), f"{self.name}-{index}")

    @cached_property
    def sums(self) -> Mapping[str, str]:
        """Sums of the columns that a computed field of the record adds up, by column, as text."""
        wanted = {
            str(field.compute.get("sum", "")).partition(".")[2]: field
            for field in self.form.record_type.fields.values()
            if field.compute is not None and str(field.compute.get("sum", "")).startswith(f"{self.typed.name}.")
        }
        rows = self.form[self.path].value or () if self.path in self.form else ()
        found = {}
        for name in [column.name for column in self.columns if column.name in wanted]:
            values = [row[name] for row in rows if row.get(name) is not None]
            if values and isinstance(values[0], Money):
                total: Any = Money(sum(value.minor for value in values), values[0].currency)
            else:
                total = sum(values) if values else None
            found[name] = wanted[name].display(total, self.form.context)
        return found

    @property
    def full(self) -> bool:
        """Whether no more lines may be added."""
        return self.typed.max is not None and len(self.raw or ()) >= int(self.typed.max)

    @property
    def questions(self) -> Sequence[QuestionLine]:
        """The lines of the questions' editor."""
        raw = list(self.raw or ()) or [self.typed.blank(self.form.context)]  # type: ignore[attr-defined]
        return [QuestionLine(self, index, line) for index, line in enumerate(raw)]

    @cached_property
    def answers(self) -> Sequence[View]:
        """The inputs of the questions that are asked."""
        typed = self.form.bound(self.typed.name)
        if not isinstance(typed, AnswersField) or typed.asked is None:
            return ()
        raw = self.raw if isinstance(self.raw, Mapping) else {}
        retired = {question.code for question in typed.asked.at() if question.retired}
        return [
            AnswerView(self, field, raw.get(code, field.raw(None, self.form.context)))
            for code, field in typed.fields().items()
            if code not in retired or raw.get(code)
        ]

    @property
    def waits_for(self) -> str:
        """Label of the link that must be chosen before there are questions."""
        name = self.typed.link_name if isinstance(self.typed, AnswersField) else ""
        field = self.form.record_type.field(name) if name else None
        return field.label if field is not None and name in self.form and not self.form.answered(name) else ""

    # -- files ------------------------------------------------------------------------------------------------

    @property
    def files(self) -> Sequence[tuple[str, str, str, str]]:
        """Kept files: token, name, size in words, address (empty if there is none)."""
        held = self.raw.files if isinstance(self.raw, FileInput) else []
        address = self.form.file_url
        return [
            (file.token, file.filename, file_size(file.size), address(file) if address is not None else "")
            for file in held
        ]

    @property
    def accepts(self) -> str:
        """The ``accept`` attribute."""
        return ",".join(f".{extension}" for extension in getattr(self.typed, "extensions", ()))

    @property
    def many(self) -> bool:
        """Whether several can be chosen."""
        return getattr(self.typed, "many", False) is True or self.typed.many_targets


class CellView(View):
    """A cell of a row; its conditions read the columns of the same row."""

    @property
    def scope(self) -> str:
        """The row's inputs."""
        return self.name.removesuffix(self.typed.name)

    @property
    def beside(self) -> Mapping[str, Any]:
        """The columns of the same row."""
        name, index, _ = self.path.split(".")
        rows, columns = self.form[name].value or (), self.form.record_type.fields[name].row_fields
        row = rows[int(index)] if int(index) < len(rows) else {}
        return {column: row.get(column) for column in columns}

    @property
    def help_id(self) -> str:
        """In a table the help text stands once, at the head of the column."""
        if not self.caption:
            return super().help_id
        line = self.name.removesuffix(f"-{self.typed.name}")
        return f"field-{line.rpartition('-')[0]}-{self.typed.name}-help"

    @property
    def uncaptioned(self) -> View:
        """The same input with a visible label."""
        return CellView(self.form, self.typed, self.name, self.path, self.raw)


class AnswerView(View):
    """The input of one question; its conditions read other answers."""

    def __init__(self, parent: View, typed: Field, raw: Any) -> None:
        super().__init__(parent.form, typed, f"{parent.name}-{typed.name}", f"{parent.path}.{typed.name}", raw)
        self.parent = parent

    @property
    def scope(self) -> str:
        """The inputs of the questions."""
        return f"{self.parent.name}-"

    @property
    def beside(self) -> Mapping[str, Any]:
        """The other answers."""
        typed, given = self.form.bound(self.parent.typed.name), self.form[self.parent.typed.name].value
        answered = given.values if isinstance(given, Answers) else {}
        return {code: answered.get(code) for code in typed.fields()} if isinstance(typed, AnswersField) else {}

    def sibling(self, path: str) -> Field | None:
        """Another question."""
        typed = self.form.bound(self.parent.typed.name)
        return typed.fields().get(path) if isinstance(typed, AnswersField) else None


class QuestionLine:
    """One line of the questions' editor."""

    def __init__(self, view: View, index: int, line: Mapping[str, str]) -> None:
        self.index = index
        self.view = view
        self.line = line
        self.name = f"{view.name}-{index}"
        self.id = f"{view.id}-{index}"
        self.remove = self.name

    def get(self, key: str) -> str:
        """The text of one input."""
        return self.line.get(key, "")

    def error(self, key: str = "") -> str:
        """What is wrong with one input, or with the line."""
        return self.view.form.errors.get(f"{self.view.path}.{self.index}{'.' if key else ''}{key}", "")

    @property
    def types(self) -> Mapping[str, str]:
        """Types a question may have."""
        return QUESTION_TYPES

    @property
    def others(self) -> Sequence[tuple[str, str]]:
        """Codes and labels of the other questions, for its condition."""
        return [
            (line.get("code", ""), line.get("label", ""))
            for index, line in enumerate(self.view.raw or ())
            if index != self.index and line.get("code")
        ]
