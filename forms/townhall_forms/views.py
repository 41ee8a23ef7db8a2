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
from typing import TYPE_CHECKING
from typing import Any

from townhall_forms.codes import currency_sign
from townhall_forms.context import Option
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.asking import QUESTION_TYPES
from townhall_forms.fields.base import Field
from townhall_forms.fields.choices import Chosen
from townhall_forms.fields.files import Attached
from townhall_forms.fields.files import FileInput
from townhall_forms.fields.links import Staff
from townhall_forms.fields.numbers import MoneyField
from townhall_forms.fields.places import ADDRESS_PARTS
from townhall_forms.fields.rows import Rows
from townhall_forms.fields.text import Coded
from townhall_forms.kinds import kind_of
from townhall_forms.wording import explain
from townhall_forms.wording import file_help
from townhall_forms.wording import file_size

if TYPE_CHECKING:
    from townhall_forms.forms import RecordForm

#: Links with more options than this are searched instead of listed.
LISTED_OPTIONS = 100
#: Rows with more columns than this are drawn as blocks, since a table would not fit.
TABLE_COLUMNS = 5
_INPUT_TYPES = {
    "text": "text",
    "email": "email",
    "phone": "tel",
    "url": "url",
    "number": "text",
    "money": "text",
    "date": "date",
    "datetime": "datetime-local",
    "time": "time",
    "place": "text",
}
#: What a browser's own input of a day or a time can hold. Anything else is shown as text, so that it isn't lost.
_HELD = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?"),
    "time": re.compile(r"\d\d:\d\d"),
}
#: Controls that are several inputs and so need a legend.
_GROUPED = frozenset({"radios", "yes_no", "checkboxes", "links", "address", "rows", "questions", "answers"})
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


class View:
    """One input as a template sees it.

    ``name`` is what the input is called in the form, ``path`` what its errors are called, ``caption`` its label when
    no visible label belongs to it alone (the cell of a row).
    """

    def __init__(self, form: RecordForm, typed: Field, name: str, path: str, raw: Any, caption: str = "") -> None:
        self.form = form
        self.typed = typed
        self.name = name
        self.path = path
        self.raw = raw
        self.caption = caption

    @property
    def view(self) -> View:
        """Itself: templates take a form's field or a view."""
        return self

    # -- words ------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The element's id."""
        return f"field-{self.name}"

    @property
    def label(self) -> str:
        """The visible label."""
        return self.typed.label

    @cached_property
    def help(self) -> str:
        """The help text; of files also what is accepted."""
        if isinstance(self.typed, Attached):
            return " ".join(part for part in (self.typed.help, file_help(self.typed)) if part)
        return self.typed.help

    @property
    def error(self) -> str:
        """What is wrong with it, if anything."""
        return self.form.errors.get(self.path, "")

    @property
    def optional(self) -> bool:
        """Whether to mark it as optional."""
        if self.typed.required or self.control == "checkbox" or self.caption:
            return False
        return self.typed.require_if is None or not self.form.holds(self.typed.require_if)

    @property
    def described_by(self) -> str:
        """Ids of the help and the error."""
        ids = [f"{self.id}-help"] if self.help else []
        return " ".join([*ids, f"{self.id}-error"] if self.error else ids)

    # -- behaviour --------------------------------------------------------------------------------------------

    @cached_property
    def control(self) -> str:
        """Name of the widget template."""
        return "locked" if self.locked else self.typed.control

    @property
    def grouped(self) -> bool:
        """Whether it needs a legend instead of a label."""
        return self.control in _GROUPED

    @property
    def locked(self) -> bool:
        """Whether it can be read here but not changed."""
        return self.path in self.form.locked

    @property
    def shown(self) -> str:
        """Its value as text, for a locked one."""
        return self.typed.display(self.form.initial.get(self.path), self.form.context)

    @property
    def conditional(self) -> bool:
        """Whether it is asked under some conditions only that may still change while the form is filled in."""
        condition = self.typed.show_if
        if condition is None:
            return False
        here = self.path != self.typed.name or any(path.partition(".")[0] in self.form for path in condition.paths())
        return here or not self.form.holds(condition)

    @property
    def explanation(self) -> str:
        """When it is asked, in words, for people without JavaScript."""
        condition = self.typed.show_if
        return explain(condition, self.sibling) if condition is not None else ""

    def sibling(self, path: str) -> Field | None:
        """The field that a condition of this one reads at ``path``."""
        return self.form.record_type.field(path)

    @property
    def show_if(self) -> str:
        """The condition under which it is asked, as JSON for the browser."""
        return self.form.condition_json(self.typed.show_if, self.scope)

    @property
    def require_if(self) -> str:
        """The condition under which it must be filled, as JSON for the browser."""
        return self.form.condition_json(self.typed.require_if, self.scope)

    @property
    def scope(self) -> str:
        """What stands before the names of the inputs that its conditions read."""
        return self.form.prefix

    @property
    def kind(self) -> str:
        """How the browser compares its value."""
        return kind_of(self.typed)

    @property
    def refreshes(self) -> bool:
        """Whether a change of it changes what else is asked, in a way that only the server knows."""
        return self.path in self.form.refreshing

    # -- single inputs ----------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The text in the input."""
        return self.raw if isinstance(self.raw, str) else "" if self.raw is None else str(self.raw)

    @property
    def input_type(self) -> str:
        """The ``type`` of the ``input`` element."""
        held = _HELD.get(self.control)
        if held is not None and self.text and not held.fullmatch(self.text):
            return "text"
        return _INPUT_TYPES.get(self.control, "text")

    @property
    def input_mode(self) -> str:
        """Which keyboard a phone shows."""
        if self.control == "money":
            return "decimal"
        if self.control == "number":
            return "numeric" if self.typed.type_name in ("integer", "year") else "decimal"
        return ""

    @property
    def width(self) -> str:
        """The class for the width that suits what is typed."""
        if self.caption:
            return ""
        if self.control in ("number", "money", "time"):
            return "w-s"
        if self.control in ("date", "datetime", "phone"):
            return "w-m"
        longest = self.typed.max_length
        if longest is not None and longest <= 30:
            return "w-s" if longest <= 12 else "w-m"
        return "w-l"

    @property
    def before(self) -> str:
        """What stands before the input: the currency's sign."""
        if not isinstance(self.typed, MoneyField):
            return ""
        return currency_sign(self.typed.currency or self.form.context.currency).strip()

    @property
    def after(self) -> str:
        """What stands behind the input: the unit."""
        return "%" if self.typed.type_name == "percent" else self.typed.unit

    @property
    def checked(self) -> bool:
        """Whether the box is ticked."""
        return bool(self.raw == "yes")

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
        """The records that are chosen already."""
        texts = self.raw if isinstance(self.raw, list) else [self.raw]
        ids = [int(text) for text in texts if str(text).isascii() and str(text).isdigit()]
        titles = self.form.context.titles(self.typed.target, ids) if ids else {}
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
        return self.typed.display(value, self.form.context) if value is not None else ""

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
